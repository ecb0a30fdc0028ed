"""Does the note model accompany a given melody as fully as composers do?

    python benchmarks/accompany.py PACKED [--model models/base] [--samples 20] [--pictures FOLDER]

Of pieces of `valid` and `dev_composer` (at most 16 bars) the highest part is given, and the others are written, told
style, key, tempo, metre, length and instruments. Then tunes of one part (folk_pd), which no composer accompanied, are
given a piano each, told the style of a song or of a pop song, and the chords that the chord net reads in the tune. Of
each: notes written to notes of the real other parts (for tunes: a bar), share of the bars in which nothing is written
(real: nothing stands), and share of the notes struck together that lie a minor second apart (`kinds.clashes`), beside
the real pieces.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kinds import clashes, draw, excerpts
from run import keep_figures
from self_repetition import plan_like
from stilo.errors import StiloError
from stilo.models.corpus import Piece, load_pieces
from stilo.models.notes.engine import load_engine
from stilo.models.notes.plan import Plan, Taste
from stilo.models.notes.sampler import Sampler
from stilo.models.notes.told import NO_MODE, NO_TONIC, ChordPlan, StyleTold, Telling, Told
from stilo.models.shipped import shipped_folder
from stilo.models.tokens import DRUMS, METRES, PROGRAMS, Part, StepArray

BARS, FEWEST_BARS, FEWEST_NOTES = 16, 8, 16
SETS = ("lieder", "quartets", "pop909", "openhymnal", "game_free", "orchestra_hauptstimme")
TUNES, STYLES_OF_TUNES = "folk_pd", ("lieder", "pop909")
SECOND_PIANO, PIANO_RANGE = Part(0, 1), (36, 72)  # second, lest the tune be on a piano, too


@dataclass(frozen=True, eq=False)
class Task:
    """A plan with a given melody, and the notes of the other parts as they were (none for a tune)."""

    plan: Plan
    others: StepArray


def melody_token(steps: StepArray) -> int | None:
    """The highest part that has enough notes; None where there is none, or nothing besides it."""
    parts = np.unique(steps["part"])
    heights = {
        int(part): float(steps["pitch"][steps["part"] == part].mean())
        for part in parts
        if part % PROGRAMS != DRUMS and (steps["part"] == part).sum() >= FEWEST_NOTES
    }
    return max(heights, key=heights.__getitem__) if heights and len(parts) > 1 else None


def of_piece(piece: Piece) -> Task | None:
    token = melody_token(piece.steps)
    if token is None:
        return None
    plan, given = plan_like(piece), piece.steps["part"] == token
    ranges = {part: limits for part, limits in plan.ranges.items() if part.token != token}
    plan = replace(plan, ranges=ranges, given=piece.steps[given], most_notes=4000)
    return Task(plan, piece.steps[~given])


def of_tune(tune: Piece, model: Piece) -> Task:
    """A piano to a tune, in the style of another piece."""
    steps, own = tune.steps, int(tune.steps["part"][0]) % PROGRAMS
    bars = int(steps["bar"][-1]) + 1
    tonic, mode = tune.key or (NO_TONIC, NO_MODE)
    about = Told(
        style=StyleTold(model.embedding, model.learned, np.ones(4, bool)),
        programs=frozenset({0, own}),
        parts=2,
        tempo=tune.tempo,
        bars=bars,
        tonic=tonic,
        mode=mode,
    )
    metre = METRES[int(steps["metre"][0])]
    telling = Telling(about, chords_of(tune))
    plan = Plan(bars, metre, {SECOND_PIANO: PIANO_RANGE}, given=steps, telling=telling, most_notes=4000)
    return Task(plan, steps[:0])


def chords_of(piece: Piece) -> ChordPlan:
    """Those of its labels, where each first has a note."""
    rows = np.stack([piece.labels[name].astype(np.int64) for name in ("chord_root", "chord_quality")], axis=1)
    begins = np.append(True, (np.diff(rows, axis=0) != 0).any(1))
    onset, first = np.unique(piece.steps["onset"][begins].astype(np.int64), return_index=True)
    return ChordPlan(onset, *rows[begins][first].T)


def shortened(pieces: Sequence[Piece]) -> list[Piece]:
    found = []
    for piece in excerpts(pieces):
        count = int(np.searchsorted(piece.steps["bar"], BARS))
        if int(piece.steps["bar"][count - 1]) + 1 >= FEWEST_BARS:
            found.append(replace(piece, steps=piece.steps[:count], labels=piece.labels[:count]))
    return found


def silent_bars(steps: StepArray, bars: int) -> float:
    return 1 - len(np.unique(steps["bar"])) / bars


def figures(tasks: Sequence[Task], written: Sequence[StepArray]) -> dict[str, float]:
    """Of several tasks and what was written to them, the given notes included."""
    added = [
        steps[~np.isin(steps["part"], task.plan.given["part"])] for task, steps in zip(tasks, written, strict=True)
    ]
    bars = [task.plan.bars for task in tasks]
    found = {
        "notes a bar": np.median([len(steps) / count for steps, count in zip(added, bars, strict=True)]),
        "silent bars": np.mean([silent_bars(steps, count) for steps, count in zip(added, bars, strict=True)]),
        "clashes": np.mean([clashes(steps) for steps in written]),
    }
    if len(tasks[0].others):
        ratios: NDArray[np.float64] = np.array(
            [len(steps) / len(task.others) for steps, task in zip(added, tasks, strict=True)]
        )
        real = [np.sort(np.concatenate([task.plan.given, task.others]), order="onset") for task in tasks]
        found |= {
            "notes to real": np.median(ratios),
            "within half and double": np.mean((ratios >= 0.5) & (ratios <= 2)),
            "nothing written": np.mean(ratios == 0),
            "silent bars, real": np.mean([silent_bars(t.others, count) for t, count in zip(tasks, bars, strict=True)]),
            "clashes, real": np.mean([clashes(steps) for steps in real]),
        }
    else:
        found["nothing written"] = np.mean([len(steps) == 0 for steps in added])
    return {name: round(float(value), 3) for name, value in found.items()}


def tasks_of(pieces: Sequence[Piece], samples: int, rng: np.random.Generator) -> dict[str, list[Task]]:
    by_set = {
        name: [piece for piece in pieces if piece.set_name == name] for name in sorted({p.set_name for p in pieces})
    }
    found: dict[str, list[Task]] = {}
    for name in SETS:
        some = by_set.get(name, [])
        tasks = [task for i in rng.permutation(len(some)) if (task := of_piece(some[i])) is not None]
        if tasks:
            found[name] = tasks[:samples]
    tunes = [tune for tune in by_set.get(TUNES, []) if len(np.unique(tune.steps["part"])) == 1]
    for name in STYLES_OF_TUNES:
        models = by_set.get(name, [])
        chosen = rng.permutation(len(tunes))[:samples] if models else []
        if len(chosen):
            found[f"tunes as {name}"] = [of_tune(tunes[i], models[int(rng.integers(len(models)))]) for i in chosen]
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("packed", type=Path)
    parser.add_argument("--model", type=Path, default=shipped_folder("base"))
    parser.add_argument("--samples", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--pictures", type=Path)
    arguments = parser.parse_args()
    try:
        rows = _rows(arguments)
    except StiloError as error:
        sys.exit(str(error))
    keep_figures("accompany", {"samples": arguments.samples, "rows": rows})


def _rows(arguments: argparse.Namespace) -> dict[str, Any]:
    splits = ("valid", "dev_composer")
    pieces = shortened([piece for split in splits for piece in load_pieces(arguments.packed / f"{split}.npz")])
    engine, rows = load_engine(arguments.model), {}
    for name, tasks in tasks_of(pieces, arguments.samples, np.random.default_rng(arguments.seed)).items():
        rngs = [np.random.default_rng([arguments.seed, i]) for i in range(len(tasks))]
        plans = [task.plan for task in tasks]
        written = [one.steps for one in Sampler(engine, plans, Taste.usual(), rngs).write()]
        rows[name] = {"pieces": len(tasks), **figures(tasks, written)}
        print(name, rows[name], flush=True)
        if arguments.pictures is not None:
            draw(arguments.pictures / f"{name.replace(' ', '_')}.png", [(name, steps) for steps in written])
    return rows


if __name__ == "__main__":
    main()
