"""Train the base model.

    python -m stilo.models.corpus DATA SPLITS.tsv PACKED      once, minutes
    python -m stilo.models.train PACKED RUN --notes 60e6      resumable: the same command goes on where it stopped

RUN receives `log.tsv`, a checkpoint every few minutes and, at the end, `base/` (config.json, weights.safetensors) with
held-out nats per note for each set. The learning rate rises for 200 steps, holds, and falls to nothing over the last
fifth of `--notes`; a run may be continued with another `--notes` as long as it has not begun to fall.
"""

from __future__ import annotations

import argparse
import json
import queue
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file

from stilo.errors import InputError
from stilo.models.checkpoint import save_model
from stilo.models.corpus import Piece, load_pieces
from stilo.models.evaluate import autocast_pays, mean_nats_per_note, nats_by_field, score_pieces
from stilo.models.layers import State
from stilo.models.sequence import Batch, SequenceConfig, SequenceModel
from stilo.models.stream import PieceSource, Stream

WARMUP_STEPS = 200
FALLING_SHARE = 0.2
CHECKPOINT_SECONDS = 300.0
CLIP_NORM = 1.0
SETTINGS = ("rows", "length", "rate", "width", "layers", "hidden", "seed", "threads")


def learning_rate(step: int, steps: int, highest: float) -> float:
    """Trapezoid: up over `WARMUP_STEPS`, flat, down to 0 over the last `FALLING_SHARE`."""
    falling = max(1, round(steps * FALLING_SHARE))
    return highest * max(0.0, min(1.0, (step + 1) / WARMUP_STEPS, (steps - step) / falling))


def style_statistics(pieces: Sequence[Piece]) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean, and one over the standard deviation, of the embeddings."""
    rows = np.stack([piece.embedding for piece in pieces])
    return torch.from_numpy(rows.mean(0)), torch.from_numpy(1 / np.maximum(0.02, rows.std(0)))


class Training:
    """A model, its optimiser and how far they are; saved and resumed as safetensors."""

    def __init__(self, config: SequenceConfig, highest_rate: float, run: Path, seed: int) -> None:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.model = SequenceModel(config)
        self.run, self.seed, self.highest_rate = run, seed, highest_rate
        decayed = [p for p in self.model.parameters() if p.dim() > 1]
        others = [p for p in self.model.parameters() if p.dim() <= 1]
        groups = [{"params": decayed, "weight_decay": 0.01}, {"params": others, "weight_decay": 0.0}]
        self.optimiser = torch.optim.AdamW(groups, highest_rate, betas=(0.9, 0.98), fused=True)
        self.step, self.notes, self.cpu_seconds = 0, 0, 0.0
        self.runs: list[dict[str, Any]] = []

    @property
    def checkpoint(self) -> Path:
        return self.run / "checkpoint.safetensors"

    def save(self) -> None:
        tensors = {f"model.{k}": v for k, v in self.model.state_dict().items()}
        names = {id(p): name for name, p in self.model.named_parameters()}
        for p, state in self.optimiser.state.items():
            for key, value in state.items():
                tensors[f"optimiser.{key}.{names[id(p)]}"] = value
        progress = {"step": self.step, "notes": self.notes, "cpu_seconds": self.cpu_seconds, "runs": self.runs}
        temporary = self.checkpoint.with_suffix(".new")
        save_file({k: v.contiguous() for k, v in tensors.items()}, temporary, {"progress": json.dumps(progress)})
        temporary.replace(self.checkpoint)

    def resume(self) -> bool:
        """Go on from the checkpoint, if there is one.

        Raises:
            InputError: the checkpoint is damaged or that of a model of other sizes.
        """
        if not self.checkpoint.exists():
            return False
        try:
            self._restore()
        except (OSError, KeyError, ValueError, RuntimeError, SafetensorError) as error:
            reason = "damaged, or of a model of other sizes; give the sizes it began with, or another folder"
            raise InputError(f"{self.checkpoint}: {reason}") from error
        return True

    def _restore(self) -> None:
        tensors = load_file(self.checkpoint)
        prefix = "model."
        weights = {key.removeprefix(prefix): value for key, value in tensors.items() if key.startswith(prefix)}
        self.model.load_state_dict(weights)
        for name, p in self.model.named_parameters():
            keys = ("step", "exp_avg", "exp_avg_sq")
            self.optimiser.state[p] = {key: tensors[f"optimiser.{key}.{name}"] for key in keys}
        progress = _metadata(self.checkpoint)
        self.step, self.notes, self.cpu_seconds = progress["step"], progress["notes"], progress["cpu_seconds"]
        self.runs = progress.get("runs", [])  # checkpoints of the first days do not name them

    def begin_run(self, settings: dict[str, Any]) -> None:
        """Remember with what the steps from here on are made; the same settings going on are one run."""
        if not self.runs or self.runs[-1] != {"from_step": self.runs[-1]["from_step"], **settings}:
            self.runs.append({"from_step": self.step, **settings})

    def one_step(self, batch: Batch, state: State | None, steps: int) -> tuple[float, State]:
        """Returns nats per note of the batch, and the state to carry on."""
        for group in self.optimiser.param_groups:
            group["lr"] = learning_rate(self.step, steps, self.highest_rate)
        with torch.autocast("cpu", torch.bfloat16, enabled=autocast_pays()):
            nats, after = self.model(batch, state)
        loss = nats.sum(-1).mean()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), CLIP_NORM)
        self.optimiser.step()
        self.optimiser.zero_grad()
        self.step += 1
        self.notes += batch.fields.shape[0] * batch.fields.shape[1]
        return float(loss.detach()), (after[0].detach(), after[1].detach())


def _metadata(path: Path) -> dict[str, Any]:
    with safe_open(path, "pt") as opened:
        found: dict[str, Any] = json.loads(opened.metadata()["progress"])
    return found


def _prefetched(stream: Stream, ahead: int = 3) -> Iterator[Batch]:
    """Batches made in a thread of its own while the model works; what fails there is raised here."""
    ready: queue.Queue[Batch | Exception] = queue.Queue(ahead)

    def make() -> None:
        try:
            while True:
                ready.put(stream.batch())
        except Exception as error:
            ready.put(error)

    threading.Thread(target=make, daemon=True).start()
    while True:
        made = ready.get()
        if isinstance(made, Exception):
            raise made
        yield made


def held_out(model: SequenceModel, pieces: list[Piece], each: int, seed: int = 0) -> dict[str, Any]:
    """Nats per note for each set, with and without the piece's own style vector; at most `each` pieces of a set."""
    by_set: dict[str, list[Piece]] = defaultdict(list)
    for i in np.random.default_rng(seed).permutation(len(pieces)):
        if len(by_set[pieces[i].set_name]) < each:
            by_set[pieces[i].set_name].append(pieces[i])
    report: dict[str, Any] = {}
    all_told, all_untold = [], []
    for name, some in sorted(by_set.items()):
        told = score_pieces(model, some, [piece.embedding for piece in some])
        untold = score_pieces(model, some, [None] * len(some))
        all_told += told
        all_untold += untold
        report[name] = {
            "pieces": len(some),
            "nats_per_note": round(mean_nats_per_note(told), 4),
            "without_style": round(mean_nats_per_note(untold), 4),
        }
    report["all"] = {
        "pieces": len(all_told),
        "nats_per_note": round(mean_nats_per_note(all_told), 4),
        "without_style": round(mean_nats_per_note(all_untold), 4),
        "fields": nats_by_field(all_told),
    }
    return report


def train(packed: Path, run: Path, notes: int, arguments: argparse.Namespace) -> None:
    run.mkdir(parents=True, exist_ok=True)
    config = SequenceConfig(width=arguments.width, layers=arguments.layers, hidden=arguments.hidden)
    training = Training(config, arguments.rate, run, arguments.seed)
    pieces = load_pieces(packed / "train.npz")
    valid = load_pieces(packed / "valid.npz")
    mean, scale = style_statistics(pieces)
    training.model.style_mean.copy_(mean)
    training.model.style_scale.copy_(scale)
    training.resume()
    sets = _counts(pieces)
    training.begin_run({"notes": notes, **{name: getattr(arguments, name) for name in SETTINGS}, "sets": sorted(sets)})
    rng = np.random.default_rng([arguments.seed, training.step])
    ready = _prefetched(Stream(PieceSource(pieces, (1 / scale).numpy(), rng), arguments.rows, arguments.length))
    steps = notes // (arguments.rows * arguments.length)
    parameters = sum(p.numel() for p in training.model.parameters())
    print(f"{parameters / 1e6:.2f} M parameters, {len(pieces)} pieces, step {training.step} of {steps}", flush=True)
    _run_to(training, steps, ready, valid, arguments)
    facts = {
        "parameters": parameters,
        "notes_trained": training.notes,
        "cpu_hours": round(training.cpu_seconds / 3600, 2),
        "seed": arguments.seed,
        "runs": training.runs,
        "torch": torch.__version__.split("+")[0],
        "sets": sets,
        "valid": held_out(training.model, valid, 10**6),
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
    state: State | None = None
    recent: list[float] = []
    saved = begun = time.monotonic()
    cpu, first = time.process_time(), training.notes
    training.model.train()
    while training.step < steps:
        nats, state = training.one_step(next(ready), state, steps)
        recent.append(nats)
        if training.step % 50 == 0 or training.step == steps:
            now = time.process_time()
            training.cpu_seconds += now - cpu
            cpu = now
            speed = (training.notes - first) / (time.monotonic() - begun)
            line = f"{training.step}\t{training.notes}\t{training.cpu_seconds:.0f}\t{np.mean(recent):.4f}\t{speed:.0f}"
            print(line, flush=True)
            with (arguments.run / "log.tsv").open("a", encoding="utf-8") as log:
                log.write(line + "\n")
            recent.clear()
        if time.monotonic() - saved > CHECKPOINT_SECONDS or training.step == steps:
            training.save()
            saved = time.monotonic()
        if training.step % arguments.evaluate_every == 0:
            print(json.dumps(held_out(training.model, valid, 8)["all"]), flush=True)


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("packed", type=Path)
    parser.add_argument("run", type=Path)
    parser.add_argument("--notes", type=float, default=60e6, help="how many notes to train on, repeats counted")
    parser.add_argument("--rows", type=int, default=32)
    parser.add_argument("--length", type=int, default=256, help="notes of a row before the gradient stops")
    parser.add_argument("--rate", type=float, default=2e-3, help="highest learning rate")
    parser.add_argument("--width", type=int, default=512)
    parser.add_argument("--layers", type=int, default=2)
    parser.add_argument("--hidden", type=int, default=256)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--evaluate-every", type=int, default=500)
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
