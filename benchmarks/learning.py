"""What is learned of a composer never trained on, from 3, 10, 30 pieces: ways of learning beside each other.

    python benchmarks/learning.py PACKED WORK [--split dev_composer] [--pieces 3 10 30] [--seeds 0 1 2]
                                  [--ways all low-rank-8 …] [--makers 12] [--seconds 180] [--identify]

The composers, and what of each is learned from, stand in learning_tasks.py. Judged are the first 768 notes of eight
pieces of each. Then the pieces of every bed are given to whoever of its composers finds them likeliest.

Every run is kept in WORK and not done again, so that the table can be made in several sittings; one that came to its
own end stands for all that are given more time. Choose on dev_composer; test_composer is reported.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from learning_runs import WAYS, Floats, Learned, kept, name_of
from learning_tasks import JUDGED_NOTES, Task, beds_of, task_of
from ngram import NGram
from run import keep_figures
from stilo.errors import StiloError
from stilo.models.corpus import Piece, load_pieces
from stilo.models.notes.adapter import apply_adapter
from stilo.models.notes.base import base_identity, base_model
from stilo.models.notes.evaluate import mean_nats_per_note, score_pieces
from stilo.models.notes.judging import Fold
from stilo.models.notes.told import StyleTold, Told
from stilo.models.notes.tuning import tune_adapter
from stilo.styles.lesson import style_told
from stilo.styles.provenance import may_be_told

EARLY = 256
MIXTURES = (0.0, 0.02, 0.05, 0.1, 0.2)


def scores_of(pieces: Sequence[Piece], style: StyleTold | None, weights: dict[str, Any] | None = None) -> list[Any]:
    model = apply_adapter(base_model(), weights) if weights else base_model()
    return score_pieces(model, pieces, [Told(style=style)] * len(pieces), longest=JUDGED_NOTES, window=None)


def held_out_nats(folds: Sequence[Fold]) -> float:
    return mean_nats_per_note([score for fold in folds for score in scores_of(fold.held_out, fold.style)])


def nats(scores: Sequence[Any], last: int | None = None) -> Floats:
    return np.array([float(score.nats[:last].sum()) for score in scores])


def learned(task: Task, way: str, seed: int, seconds: float) -> Learned:
    began = time.process_time()
    style: StyleTold | None = style_told(task.train)
    told = task.folds
    folds = [replace(fold, style=None) for fold in told]
    if may_be_told(held_out_nats(folds), held_out_nats(told)):
        folds = told
    else:
        style = None
    config, weights, steps, is_late = WAYS[way], dict[str, Any](), 0, False
    if config is not None and config.most_steps:
        config = replace(config, goes_on=not folds[0].is_cut)
        tuning = tune_adapter(base_model(), folds, np.random.default_rng(seed), config=config, seconds=seconds)
        if tuning.is_interrupted:
            raise KeyboardInterrupt
        weights = {key: array.astype(np.float16).astype(np.float32) for key, array in tuning.weights.items()}
        steps, is_late = tuning.steps, tuning.is_late
    before, after = scores_of(task.judged, None), scores_of(task.judged, style, weights)
    if config is None:
        after = _mixed(task, folds, after)
    return Learned(
        style,
        weights,
        nats(before),
        nats(after),
        nats(before, EARLY),
        nats(after, EARLY),
        np.array([float(score.notes) for score in before]),
        steps,
        time.process_time() - began,
        is_late,
    )


def _mixed(task: Task, folds: Sequence[Fold], scores: list[Any]) -> list[Any]:
    """With as much of the n-gram of what is learned from, for each field, as the pieces held out like best."""

    def both(grams: NGram, pieces: Sequence[Piece], found: Sequence[Any]) -> list[tuple[NDArray[Any], Floats]]:
        return [(one.nats, grams.nats(piece)[: len(one.nats)]) for one, piece in zip(found, pieces, strict=True)]

    chooses = [
        pair for fold in folds for pair in both(NGram(fold.train), fold.held_out, scores_of(fold.held_out, fold.style))
    ]
    best = [
        min(MIXTURES, key=lambda share, field=field: sum(_mix(a, b, share)[:, field].sum() for a, b in chooses))
        for field in range(5)
    ]
    mixed = [_mix(a, b, np.array(best)) for a, b in both(NGram(task.train), task.judged, scores)]
    return [replace(score, nats=found) for score, found in zip(scores, mixed, strict=True)]


def _mix(model: NDArray[Any], gram: Floats, share: Any) -> Floats:
    return -np.log((1 - share) * np.exp(-np.asarray(model, np.float64)) + share * np.exp(-gram))


def identified(tasks: dict[str, Task], found: dict[str, Learned]) -> tuple[float, float]:
    """Share of the judged pieces that the adapter of their own composer finds likeliest; chance."""
    makers = list(tasks)
    judged = [piece for maker in makers for piece in tasks[maker].judged]
    own = np.repeat(np.arange(len(makers)), [len(tasks[maker].judged) for maker in makers])
    gains = np.stack([_gains(judged, found[maker]) for maker in makers])
    return float((gains.argmax(0) == own).mean()), 1 / len(makers)


def _gains(pieces: Sequence[Piece], by: Learned) -> Floats:
    """Nats a note gained on each piece."""
    before, after = _untold(tuple(pieces)), scores_of(pieces, by.style, by.weights)
    return (nats(before) - nats(after)) / np.array([score.notes for score in before])


@lru_cache(maxsize=2)
def _untold(pieces: tuple[Piece, ...]) -> list[Any]:
    return scores_of(pieces, None)


def interval(gains: Floats) -> tuple[float, float]:
    """95 % of the mean over composers, by their t distribution."""
    from scipy.stats import t

    if len(gains) < 2:
        return float("nan"), float("nan")
    half = t.ppf(0.975, len(gains) - 1) * gains.std(ddof=1) / np.sqrt(len(gains))
    return float(gains.mean() - half), float(gains.mean() + half)


def row_of(makers: dict[str, list[Learned]]) -> dict[str, Any]:
    """Of composers, each with its seeds: nats a note gained, of all and of the first notes, and what it took."""
    gains = np.array([np.mean([(r.before - r.after).sum() / r.notes.sum() for r in runs]) for runs in makers.values()])
    early = [
        np.mean([(r.before_early - r.after_early).sum() / np.minimum(r.notes, EARLY).sum() for r in runs])
        for runs in makers.values()
    ]
    low, high = interval(gains)
    every = [run for runs in makers.values() for run in runs]
    base = [runs[0].before.sum() / runs[0].notes.sum() for runs in makers.values()]
    return {
        "composers": {
            maker: {"base": round(float(untold), 3), "gained": round(float(gain), 4)}
            for maker, untold, gain in zip(makers, base, gains, strict=True)
        },
        "gained": round(float(gains.mean()), 4),
        "interval": [round(low, 4), round(high, 4)],
        "gained in the first notes": round(float(np.mean(early)), 4),
        "composers that gain": int((gains > 0).sum()),
        "steps": round(float(np.mean([run.steps for run in every])), 1),
        "out of time": sum(bool(run.is_late) for run in every),
        "processor seconds": round(float(np.mean([run.seconds for run in every])), 1),
    }


def _rows(arguments: argparse.Namespace) -> dict[str, Any]:
    torch.set_num_threads(1)
    beds = beds_of(load_pieces(arguments.packed / f"{arguments.split}.npz"), arguments.makers)
    rows: dict[str, Any] = {}
    for count in arguments.pieces:
        for way in arguments.ways:
            for bed, makers in beds.items():
                runs: dict[str, list[Learned]] = defaultdict(list)
                named = []
                for seed in arguments.seeds:
                    tasks = {maker: task_of(pieces, count, seed) for maker, pieces in makers.items()}
                    for maker, task in tasks.items():
                        run = kept(
                            arguments.work / base_identity(),
                            name_of(arguments.split, way, count, seed, maker),
                            arguments.seconds,
                            lambda task=task, seed=seed, way=way: learned(task, way, seed, arguments.seconds),
                        )
                        runs[maker].append(run)
                    if arguments.identify and way != "n-gram":
                        named.append(identified(tasks, {maker: runs[maker][-1] for maker in tasks}))
                row = row_of(runs)
                if named:
                    row |= dict(zip(("identified", "chance"), np.mean(named, axis=0).round(3).tolist(), strict=True))
                rows[f"{bed}, {count} pieces, {way}"] = row
                print(f"{bed}, {count} pieces, {way}: {row | {'composers': len(makers)}}", flush=True)
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("packed", type=Path)
    parser.add_argument("work", type=Path)
    parser.add_argument("--split", default="dev_composer")
    parser.add_argument("--pieces", type=int, nargs="+", default=[3, 10, 30])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--ways", nargs="+", choices=list(WAYS), default=list(WAYS))
    parser.add_argument("--makers", type=int)
    parser.add_argument("--seconds", type=float, default=180.0)
    parser.add_argument("--identify", action="store_true")
    arguments = parser.parse_args()
    try:
        rows = _rows(arguments)
    except StiloError as error:
        sys.exit(str(error))
    keep_figures(f"learning_{arguments.split}", {"seeds": arguments.seeds, "rows": rows})


if __name__ == "__main__":
    main()
