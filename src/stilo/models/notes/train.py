"""Train the note model.

    python -m stilo.models.corpus DATA SPLITS.tsv PACKED          once, minutes
    python -m stilo.models.notes.train PACKED RUN --notes 60e6    resumable: the same command goes on where it stopped

The same on a GPU: `--device cuda --compile --workers 8 --rows 256`. RUN receives `log.tsv`, a checkpoint every few
minutes and, at the end, `base/` (config.json, weights.safetensors) with held-out nats per note. The learning rate rises
for 200 steps, holds, and falls to nothing over the last part (`--falling`) of `--notes`; `plateau.safetensors` is the
state from before it fell: put in the place of `checkpoint.safetensors` it can be taken further with more `--notes`.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from stilo.errors import InputError
from stilo.models.corpus import Piece, load_pieces
from stilo.models.notes import evaluate
from stilo.models.notes.checkpoint import save_model
from stilo.models.notes.conditions import ConditionDraw
from stilo.models.notes.config import NoteModelConfig
from stilo.models.notes.fields import Floats
from stilo.models.notes.loader import batches
from stilo.models.notes.model import Batch, NoteModel
from stilo.models.notes.optimiser import FALLING_SHARE, falling_steps
from stilo.models.notes.settings import SETTINGS
from stilo.models.notes.stream import PieceSource
from stilo.models.notes.training import PLATEAU_NAME, Training
from stilo.models.trunks import TRUNKS

CHECKPOINT_SECONDS = 240.0
LOG_EVERY = 50
FIRST_NOTES = 256


def style_statistics(pieces: Sequence[Piece]) -> tuple[Floats, Floats]:
    """Mean and standard deviation of the measured embeddings."""
    rows = np.stack([piece.embedding for piece in pieces])
    return rows.mean(0), np.maximum(0.02, rows.std(0)).astype(np.float32)


def held_out(model: NoteModel, pieces: list[Piece], each: int, seed: int = 0) -> dict[str, Any]:
    """Nats per note for each set, told nothing but the metre; at most `each` pieces of a set."""
    by_set: dict[str, list[Piece]] = defaultdict(list)
    for i in np.random.default_rng(seed).permutation(len(pieces)):
        if len(by_set[pieces[i].set_name]) < each:
            by_set[pieces[i].set_name].append(pieces[i])
    report: dict[str, Any] = {}
    scored = {name: evaluate.score_pieces(model, some) for name, some in sorted(by_set.items())}
    for name, scores in scored.items():
        report[name] = _figures(scores)
    all_scores = [score for scores in scored.values() for score in scores]
    report["all"] = _figures(all_scores) | {"fields": evaluate.nats_by_field(all_scores)}
    return report


def _figures(scores: list[evaluate.PieceScore]) -> dict[str, Any]:
    return {
        "pieces": len(scores),
        "nats_per_note": round(evaluate.mean_nats_per_note(scores), 4),
        "first_notes": round(evaluate.mean_nats_per_note(scores, 0, FIRST_NOTES), 4),
    }


def told_figures(model: NoteModel, pieces: list[Piece]) -> dict[str, float]:
    """Nats per note when the model is told one thing and another of each piece."""
    tellings = {
        "tempo, length, instruments": evaluate.general,
        "chords": evaluate.chords,
        "form": evaluate.form,
        "controls of bars": evaluate.controls,
    }
    return {
        what: round(evaluate.mean_nats_per_note(evaluate.score_pieces(model, pieces, telling)), 4)
        for what, telling in tellings.items()
    }


def train(packed: Path, run: Path, notes: int, arguments: argparse.Namespace) -> None:
    run.mkdir(parents=True, exist_ok=True)
    sizes = {name: getattr(arguments, name) for name in ("trunk", "width", "layers", "hidden", "dropout")}
    rates = (arguments.rate, arguments.muon)
    try:
        training = Training(NoteModelConfig(**sizes), run, arguments.seed, rates, arguments.device)
    except ValueError as error:
        raise InputError(f"no model of these sizes: {error}") from error
    pieces, valid = load_pieces(packed / "train.npz"), load_pieces(packed / "valid.npz")
    style = style_statistics(pieces)
    training.model.set_style_statistics(*style)
    training.resume()
    training.falling = arguments.falling
    if arguments.compile:
        training.compile()
    sets = _counts(pieces)
    training.begin_run({"notes": notes, **{name: getattr(arguments, name) for name in SETTINGS}, "sets": sorted(sets)})
    begun_at = training.progress.step

    def source(worker: int) -> PieceSource:
        rng = np.random.default_rng([arguments.seed, begun_at, worker])
        return PieceSource(pieces, rng, ConditionDraw(pieces, style, rng))

    ready = batches(source, arguments.rows, arguments.length, arguments.workers)
    steps = notes // (arguments.rows * arguments.length)
    parameters = sum(p.numel() for p in training.model.parameters())
    print(f"{parameters / 1e6:.2f} M parameters, {len(pieces)} pieces, step {begun_at} of {steps}", flush=True)
    _run_to(training, steps, ready, valid, arguments)
    facts = {
        "parameters": parameters,
        "notes_trained": training.progress.notes,
        "hours": round(training.progress.seconds / 3600, 2),
        "seed": arguments.seed,
        "runs": training.progress.runs,
        "torch": torch.__version__.split("+")[0],
        "sets": sets,
        "valid": held_out(training.model, valid, 10**6),
        "told": told_figures(training.model, valid),
        "dev_composer": held_out(training.model, load_pieces(packed / "dev_composer.npz"), 100),
    }
    save_model(training.model, run / "base", facts)
    print(json.dumps(facts, indent=1), flush=True)


def _counts(pieces: Sequence[Piece]) -> dict[str, dict[str, int]]:
    counts: dict[str, dict[str, int]] = defaultdict(lambda: {"pieces": 0, "notes": 0})
    for piece in pieces:
        counts[piece.set_name]["pieces"] += 1
        counts[piece.set_name]["notes"] += len(piece.steps)
    return dict(counts)


def _run_to(
    training: Training, steps: int, ready: Iterator[Batch], valid: list[Piece], arguments: argparse.Namespace
) -> None:
    progress = training.progress
    recent: list[Tensor] = []
    saved = begun = time.monotonic()
    first = progress.notes
    training.model.train()
    while progress.step < steps:
        recent.append(training.one_step(next(ready), steps))
        if progress.step % LOG_EVERY == 0 or progress.step == steps:
            speed = (progress.notes - first) / (time.monotonic() - begun)
            nats = torch.stack(recent).mean(0).tolist()
            fields = "\t".join(f"{value:.3f}" for value in nats)
            line = f"{progress.step}\t{progress.notes}\t{training.count_time():.0f}\t{sum(nats):.4f}\t{fields}"
            line += f"\t{speed:.0f}"
            print(line, flush=True)
            with (training.run / "log.tsv").open("a", encoding="utf-8") as log:
                log.write(line + "\n")
            recent.clear()
        if progress.step == steps - falling_steps(steps, training.falling):
            training.save(PLATEAU_NAME)
        if time.monotonic() - saved > CHECKPOINT_SECONDS or progress.step == steps:
            training.save()
            saved = time.monotonic()
        if progress.step % arguments.evaluate_every == 0:
            print(json.dumps(held_out(training.model, valid, 8)["all"]), flush=True)


def main(argv: Sequence[str] | None = None) -> None:
    usual = NoteModelConfig()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("packed", type=Path)
    parser.add_argument("run", type=Path)
    parser.add_argument("--notes", type=float, default=60e6, help="how many notes to train on, repeats counted")
    parser.add_argument("--rows", type=int, default=32)
    parser.add_argument("--length", type=int, default=256, help="notes of a row before the gradient stops")
    parser.add_argument("--rate", type=float, default=3e-3, help="highest learning rate of AdamW")
    parser.add_argument(
        "--falling", type=float, default=FALLING_SHARE, help="share of the run, its end, in which it falls"
    )
    parser.add_argument("--muon", type=float, default=0.0, help="highest learning rate of Muon; 0 = AdamW for all")
    parser.add_argument("--trunk", default=usual.trunk, choices=TRUNKS)
    parser.add_argument("--width", type=int, default=usual.width)
    parser.add_argument("--layers", type=int, default=usual.layers)
    parser.add_argument("--hidden", type=int, default=usual.hidden)
    parser.add_argument("--dropout", type=float, default=usual.dropout)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    parser.add_argument("--compile", action="store_true", help="fuse the net's operations; for a GPU")
    parser.add_argument("--workers", type=int, default=0, help="processes that make batches; 0 = a thread")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--evaluate-every", type=int, default=1000, help="steps between held-out figures")
    arguments = parser.parse_args(argv)
    torch.set_num_threads(arguments.threads)
    try:
        train(arguments.packed, arguments.run, int(arguments.notes), arguments)
    except KeyboardInterrupt:
        sys.exit("stopped; the same command goes on from the last checkpoint")
    except InputError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
