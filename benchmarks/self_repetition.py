"""Do samples of the note model repeat themselves as real music does?

    python benchmarks/self_repetition.py PACKED [--model models/base] [--pieces 100] [--top-p 0.95 …]

For each of so many pieces of `valid` (the first 400 notes): share of the notes inside a run of 8, pitch and gap, that
stood before in the same piece; and the same of a sample of 400 notes, told what is told of that piece (style, tempo,
metre, length, instruments and their shares, key). Mean, median and the share of pieces above .6 ought to be those of
the real ones.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from run import keep_figures
from stilo.errors import StiloError
from stilo.models.corpus import Piece, load_pieces
from stilo.models.notes.engine import Engine, load_engine
from stilo.models.notes.plan import Plan, Taste
from stilo.models.notes.sampler import Sampler
from stilo.models.notes.told import NO_MODE, NO_TONIC, StyleTold, Telling, Told
from stilo.models.shipped import shipped_folder
from stilo.models.tokens import METRES, PROGRAMS, Part, StepArray

NOTES, RUN = 400, 8
MUCH = 0.6
FEWEST_BARS = 4


def self_copy_share(steps: StepArray) -> float:
    """Share of the notes inside runs of `RUN` (gap, pitch) that stood before."""
    rows = np.stack([np.diff(steps["onset"], prepend=steps["onset"][:1]), steps["pitch"].astype(np.int64)], axis=1)
    known: dict[bytes, int] = {}
    copied = np.zeros(len(rows), bool)
    for i in range(len(rows) - RUN + 1):
        if known.setdefault(rows[i : i + RUN].tobytes(), i) + RUN <= i:
            copied[i : i + RUN] = True
    return float(copied.mean()) if len(rows) else 0.0


def summary(shares: NDArray[np.float64]) -> dict[str, float]:
    return {
        "mean": round(float(shares.mean()), 3),
        "median": round(float(np.median(shares)), 3),
        f"above {MUCH}": round(float((shares > MUCH).mean()), 3),
    }


def plan_like(piece: Piece, most_notes: int = NOTES) -> Plan:
    """To write something of the kind of a piece."""
    steps = piece.steps
    ranges, shares = {}, {}
    for token in np.unique(steps["part"]).tolist():
        pitch = steps["pitch"][steps["part"] == token] % 128
        part = Part(token % PROGRAMS, token // PROGRAMS)
        ranges[part], shares[part] = (int(pitch.min()), int(pitch.max())), len(pitch) / len(steps)
    bars = max(FEWEST_BARS, int(steps["bar"][-1]) + 1)
    tonic, mode = piece.key or (NO_TONIC, NO_MODE)
    about = Told(
        style=StyleTold(piece.embedding, piece.learned, np.ones(4, bool)),
        programs=frozenset(part.program for part in ranges),
        parts=len(ranges),
        tempo=piece.tempo,
        bars=bars,
        tonic=tonic,
        mode=mode,
    )
    metre = METRES[int(steps["metre"][0])]
    return Plan(bars, metre, ranges, shares=shares, telling=Telling(about), most_notes=most_notes)


def sampled(engine: Engine, pieces: Sequence[Piece], taste: Taste, seed: int) -> tuple[list[StepArray], float]:
    """A sample for each piece, and the mean nats per note that the model gives them."""
    rngs = [np.random.default_rng([seed, i]) for i in range(len(pieces))]
    found = Sampler(engine, [plan_like(piece) for piece in pieces], taste, rngs).write()
    return [one.steps for one in found], float(np.mean([one.nats.sum(1).mean() for one in found]))


def tastes(top_p: float) -> dict[str, Taste]:
    """That of composing, and what it is better than."""
    usual = Taste.usual(top_p=top_p)
    return {
        f"as composed, top_p {top_p:g}": usual,
        "the same, copies cut like the rest": replace(usual, copy_aware=False),
        "as it comes": Taste(),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("packed", type=Path)
    parser.add_argument("--model", type=Path, default=shipped_folder("base"))
    parser.add_argument("--pieces", type=int, default=100)
    parser.add_argument("--top-p", type=float, nargs="*", default=[0.95])
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    try:
        report = _report(arguments)
    except StiloError as error:
        sys.exit(str(error))
    keep_figures("self_repetition", report)


def _report(arguments: argparse.Namespace) -> dict[str, Any]:
    long = [p for p in load_pieces(arguments.packed / "valid.npz") if len(p.steps) >= NOTES and _has_metre(p)]
    chosen = np.random.default_rng(arguments.seed).permutation(len(long))[: arguments.pieces]
    pieces = [long[i] for i in chosen]
    engine = load_engine(arguments.model)
    rows: dict[str, Any] = {"real": summary(np.array([self_copy_share(p.steps[:NOTES]) for p in pieces]))}
    print(f"{len(pieces)} pieces of {NOTES} notes; real {rows['real']}", flush=True)
    for top_p in arguments.top_p:
        for name, taste in tastes(top_p).items():
            steps, nats = sampled(engine, pieces, taste, arguments.seed)
            rows[name] = summary(np.array([self_copy_share(s) for s in steps])) | {"nats_per_note": round(nats, 3)}
            print(f"{name}: {rows[name]}", flush=True)
    return {"pieces": len(pieces), "notes": NOTES, "rows": rows}


def _has_metre(piece: Piece) -> bool:
    return int(piece.steps["metre"][0]) < len(METRES)


if __name__ == "__main__":
    main()
