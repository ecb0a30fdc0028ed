"""Which track sings and which carries the bass: right answers on tracks whose part is known, beside simpler rules.

    python benchmarks/roles.py DATA SPLITS [--fit]

DATA holds the folders pop909, lieder, openhymnal and quartets, SPLITS is a table of `path<tab>split` with paths under
DATA. What is known: in pop909 the track MELODY sings and no track is a bass; in a lied the one voice sings over a
piano; in a four-part hymn the first track and the last are melody and bass; in a quartet first violin and cello. Names
of tracks are taken away before measuring. pop909 and quartets have few pieces outside `train`, so that they are told
in five folds as well, with weights fitted on the other four. Formula: share of the pieces with the right track; for
the bass, that there is none counts as right where there is none. Beside it: the skyline (highest mean pitch; lowest).
No figure
has been published on these sets. `--fit` prints the weights of `stilo.elements.roles`, from `train` alone.
"""

from __future__ import annotations

import argparse
import csv
import json
import re
import sys
import time
from collections import defaultdict
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from run import RESULTS, machine
from stilo.elements import roles
from stilo.elements.layout import lay_out
from stilo.errors import InputError
from stilo.music.atomic import write_whole
from stilo.music.files import read_score
from stilo.music.score import Score, Track

SETS = ("pop909", "lieder", "openhymnal", "quartets")
HELD_OUT = ("valid", "test", "dev_composer", "test_composer")
MOST_TRAINING_PIECES = 260
FOLDS = 5
PENALTY = 0.005
_VOICE = re.compile(r"voice|singstimme|gesang|vocal|canto|chant|sopran|tenor|barit|mezzo|alto?\b", re.IGNORECASE)
_PIANO = re.compile(r"piano|pianoforte|klavier", re.IGNORECASE)
MELODY_CUES = ("top", "single", "repeats", "steps", "leaps", "presence", "onsets", "width")
BASS_CUES = ("low", "height")

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Piece:
    """Cues of its tracks [tracks, 10], and which of them are melody and bass; `bass` is −1 where none is."""

    kind: str
    split: str
    cues: Floats
    height: Floats
    melody: int
    bass: int


def known_parts(kind: str, score: Score) -> tuple[int, int] | None:
    """Tracks of melody and bass (−1: none); None where they are not known."""
    names = [track.name for track in score.tracks]
    live = sorted(set(score.notes["track"].tolist()))
    if kind == "pop909":
        return (0, -1) if names[:3] == ["MELODY", "BRIDGE", "PIANO"] and 0 in live else None
    if kind == "lieder":
        pianos = [i for i in live if _PIANO.search(names[i])]
        voices = [i for i in live if i not in pianos and _VOICE.search(names[i])]
        return (voices[0], -1) if len(voices) == 1 and pianos and len(live) == 1 + len(pianos) else None
    if len(live) != 4 or (kind == "quartets" and "iolin" not in names[live[0]]):
        return None
    return live[0], live[3]


def described(kind: str, split: str, score: Score) -> Piece | None:
    known = known_parts(kind, score)
    if known is None:
        return None
    layout = lay_out(replace(score, tracks=tuple(Track("", t.program, t.is_drum) for t in score.tracks)))
    tracks, cues = layout.parts.tracks.tolist(), layout.parts.cues
    melody, bass = known
    return Piece(kind, split, cues, cues[:, roles.CUES.index("height")], tracks.index(melody),
                 tracks.index(bass) if bass >= 0 else -1)  # fmt: skip


def gathered(data: Path, splits: Path) -> list[Piece]:
    rng = np.random.default_rng(0)
    paths: dict[tuple[str, str], list[str]] = defaultdict(list)
    with splits.open(encoding="utf-8", newline="") as table:
        for row in csv.DictReader(table, delimiter="\t"):
            paths[row["path"].split("/")[0], row["split"]].append(row["path"])
    found = []
    for (kind, split), some in sorted(paths.items()):
        if kind not in SETS or split not in ("train", *HELD_OUT):
            continue
        for path in rng.permutation(sorted(some))[:MOST_TRAINING_PIECES]:
            try:
                piece = described(kind, split, read_score(data / str(path)))
            except InputError:
                continue
            if piece is not None:
                found.append(piece)
    return found


def fitted(pieces: list[Piece], cues: tuple[str, ...], bass: bool) -> tuple[Floats, float]:
    """Weights of a conditional logit by maximum likelihood, every set weighing the same, and that of "none"."""
    columns = [roles.CUES.index(cue) for cue in cues]
    sizes = {kind: sum(piece.kind == kind for piece in pieces) for kind in SETS}
    rows = [np.pad(piece.cues[:, columns], ((0, int(bass)), (0, int(bass)))) for piece in pieces]
    scale = np.concatenate([row[:, : len(columns)] for row in rows]).std(0)
    for row in rows:
        row[:, : len(columns)] /= scale
        if bass:
            row[-1, -1] = 1.0
    right = [piece.bass if bass else piece.melody for piece in pieces]

    def loss(weights: Floats) -> tuple[float, Floats]:
        total, slope = PENALTY * weights @ weights, 2 * PENALTY * weights
        for piece, row, answer in zip(pieces, rows, right, strict=True):
            z = row @ weights
            shares = np.exp(z - z.max())
            shares /= shares.sum()
            total -= np.log(shares[answer] + 1e-300) / sizes[piece.kind]
            slope -= (row[answer] - shares @ row) / sizes[piece.kind]
        return total, slope

    weights = minimize(loss, np.zeros(rows[0].shape[1]), jac=True, method="L-BFGS-B").x
    return weights[: len(columns)] / scale, float(weights[-1]) if bass else 0.0


def right_melody(pieces: list[Piece], cues: tuple[str, ...], weights: Floats) -> dict[str, list[bool]]:
    columns = [roles.CUES.index(cue) for cue in cues]
    answers: dict[str, list[bool]] = defaultdict(list)
    for piece in pieces:
        answers[piece.kind].append(int((piece.cues[:, columns] @ weights).argmax()) == piece.melody)
    return answers


def right_bass(pieces: list[Piece], cues: tuple[str, ...], weights: Floats, none: float) -> dict[str, list[bool]]:
    columns = [roles.CUES.index(cue) for cue in cues]
    answers: dict[str, list[bool]] = defaultdict(list)
    for piece in pieces:
        z = piece.cues[:, columns] @ weights
        answers[piece.kind].append((int(z.argmax()) if z.max() > none else -1) == piece.bass)
    return answers


def in_folds(pieces: list[Piece]) -> tuple[dict[str, list[bool]], dict[str, list[bool]]]:
    """Right answers on each fold of all pieces, with weights of the others."""
    fold = np.random.default_rng(1).permutation(len(pieces)) % FOLDS
    melody: dict[str, list[bool]] = defaultdict(list)
    bass: dict[str, list[bool]] = defaultdict(list)
    for i in range(FOLDS):
        rest = [piece for piece, n in zip(pieces, fold, strict=True) if n != i]
        told = [piece for piece, n in zip(pieces, fold, strict=True) if n == i]
        for kind, answers in right_melody(told, MELODY_CUES, fitted(rest, MELODY_CUES, False)[0]).items():
            melody[kind] += answers
        for kind, answers in right_bass(told, BASS_CUES, *fitted(rest, BASS_CUES, True)).items():
            bass[kind] += answers
    return melody, bass


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("splits", type=Path)
    parser.add_argument("--fit", action="store_true")
    arguments = parser.parse_args()
    pieces = gathered(arguments.data, arguments.splits)
    train = [piece for piece in pieces if piece.split == "train"]
    held_out = [piece for piece in pieces if piece.split != "train"]
    if not train or not held_out:
        sys.exit(f"{arguments.data}: no pieces of {', '.join(SETS)}")
    if arguments.fit:
        for cues, bass in ((MELODY_CUES, False), (BASS_CUES, True)):
            weights, none = fitted(train, cues, bass)
            print(dict(zip(cues, weights.round(2).tolist(), strict=True)), "none", round(none, 2))
    every_cue = roles.CUES
    highest = {kind: [p.height.argmax() == p.melody for p in held_out if p.kind == kind] for kind in SETS}
    lowest = {kind: [p.height.argmin() == p.bass for p in held_out if p.kind == kind] for kind in SETS}
    folds = in_folds(pieces)
    sky_all = {kind: [p.height.argmax() == p.melody for p in pieces if p.kind == kind] for kind in SETS}
    low_all = {kind: [p.height.argmin() == p.bass for p in pieces if p.kind == kind] for kind in SETS}
    tables = {
        "melody, held out": right_melody(held_out, every_cue, roles.MELODY_WEIGHTS),
        "  skyline": highest,
        "melody, five folds": folds[0],
        "  skyline, all": sky_all,
        "bass, held out": right_bass(held_out, every_cue, roles.BASS_WEIGHTS, roles.NO_BASS),
        "  lowest": lowest,
        "bass, five folds": folds[1],
        "  lowest, all": low_all,
    }
    figures: dict[str, object] = {}
    for name, table in tables.items():
        row = {kind: (float(np.mean(table[kind])), len(table[kind])) for kind in SETS if table[kind]}
        print(f"{name:<22}" + "".join(f"{kind} {100 * share:5.1f} % of {n:<5}" for kind, (share, n) in row.items()))
        figures[name.strip()] = row
    RESULTS.mkdir(parents=True, exist_ok=True)
    text = json.dumps({"setting": machine(), "figures": figures}, ensure_ascii=False, indent=1)
    write_whole(RESULTS / f"roles-{time.strftime('%Y%m%d-%H%M%S')}.json", text.encode())


if __name__ == "__main__":
    main()
