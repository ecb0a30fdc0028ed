"""Held-out nats per note of the note model: by set, beside a 5-gram; and what it gains by being told things.

    python benchmarks/note_model.py PACKED [MODEL …]        minutes; MODEL: folders of weights, by default models/base

PACKED as `python -m stilo.models.corpus` makes it. By set: `valid`, nothing told, the trunk begun anew every 512 notes,
the first 2,048 notes of each piece, the end counted to the last note. Told: the same pieces, with chords (those of the
file, or estimated from its notes), form, and the figures of each bar. Style: pieces of `test_composer`, whose composers
no model has met, told the mean embedding of the *other* pieces of their composer; and that of another composer's, which
ought to help less. Given: what pitch, duration and loudness of the notes to be written gain when what follows them, or
other parts, is given. The 5-gram (`benchmarks/ngram.py`) is counted on `train`. The first base model was measured when
it was replaced (docs/experiments.md); its figures are quoted.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ngram import NGram
from run import keep_figures
from stilo.errors import StiloError
from stilo.models.corpus import Piece, load_pieces
from stilo.models.notes import evaluate
from stilo.models.notes.checkpoint import load_model
from stilo.models.notes.evaluate import LONGEST, PieceScore, mean_nats_per_note, score_pieces
from stilo.models.notes.fields import PITCH
from stilo.models.notes.given import Given, all_but_bars
from stilo.models.notes.model import NoteModel
from stilo.models.notes.told import StyleTold, Told
from stilo.models.shipped import shipped_folder
from stilo.models.tokens import END, StepArray, with_end

FIRST = 256
PLACES = ((0, 256), (256, 1024), (1024, 2048))
FEWEST_PIECES = 10
FILLED_BARS = 4
REACH = {"all": 2.5, f"notes 0-{FIRST}": 2.7, "gain of style": 0.10, "gain of chords": 0.25}
FIRST_BASE = {
    "all": 2.743,
    f"notes 0-{FIRST}": 2.831,
    "chopin_first_ed": 1.643,
    "folk_pd": 1.381,
    "game_free": 2.152,
    "groove": 4.640,
    "lieder": 2.797,
    "openhymnal": 2.153,
    "orchestra_hauptstimme": 2.373,
    "polish_more": 2.598,
    "polish_scores": 2.512,
    "pop909": 3.913,
    "quartets": 1.847,
}


def by_set(pieces: Sequence[Piece], scores: Sequence[PieceScore]) -> dict[str, float]:
    """Nats per note of every set, of all, and of places in the piece."""
    sets: dict[str, list[PieceScore]] = defaultdict(list)
    for piece, score in zip(pieces, scores, strict=True):
        sets[piece.set_name].append(score)
    found = {name: mean_nats_per_note(some) for name, some in sorted(sets.items())}
    found["all"] = mean_nats_per_note(scores)
    found |= {f"notes {first}-{last}": mean_nats_per_note(scores, first, last) for first, last in PLACES}
    return {name: round(nats, 4) for name, nats in found.items()}


def of_ngram(train: Sequence[Piece], valid: Sequence[Piece]) -> list[PieceScore]:
    model = NGram(train)
    scores = []
    for piece in valid:
        nats = model.nats(piece)[:LONGEST].astype(np.float32)
        scores.append(PieceScore(min(len(nats), len(piece.steps)), nats))
    return scores


def told_gains(model: NoteModel, pieces: Sequence[Piece]) -> dict[str, float]:
    """Nats per note gained by telling one thing of each piece."""
    untold = mean_nats_per_note(score_pieces(model, pieces))
    tellings = {
        "tempo, length, instruments": evaluate.general,
        "chords": evaluate.chords,
        "chords without basses": evaluate.chords_alone,
        "form": evaluate.form,
        "controls": evaluate.controls,
    }
    return {
        what: round(untold - mean_nats_per_note(score_pieces(model, pieces, how)), 4) for what, how in tellings.items()
    }


def middle_bars(steps: StepArray) -> Given:
    """All but four bars, which are to be filled in."""
    first = (int(steps["bar"][0]) + int(steps["bar"][-1])) // 2 - FILLED_BARS // 2
    return all_but_bars(steps, first, first + FILLED_BARS - 1)


def highest_part(steps: StepArray) -> Given:
    """The part whose notes lie highest, which is to be accompanied."""
    pitch = (steps["pitch"] % 128).astype(np.float64)
    parts = np.unique(steps["part"])
    highest = max(parts.tolist(), key=lambda part: pitch[steps["part"] == part].mean())
    return Given((steps["part"] == highest) & (steps["gap"] != END))


def other_parts(steps: StepArray) -> Given:
    """All parts but the highest, which is to be written above them."""
    return Given(~highest_part(steps).notes & (steps["gap"] != END))


def given_gains(model: NoteModel, pieces: Sequence[Piece]) -> dict[str, dict[str, float]]:
    """Nats of pitch, duration and loudness of the notes to be written: with nothing given, and with other notes.

    Gap and part are left out: between given notes they also say where nothing is to be added.
    """
    several = [piece for piece in pieces if len(np.unique(piece.steps["part"])) > 1]
    found = {}
    for what, giving, some in (
        ("four bars filled in", middle_bars, pieces),
        ("highest part given", highest_part, several),
        ("all but the highest given", other_parts, several),
    ):
        without, with_them = (_open_nats(some, score_pieces(model, some, giving=how), giving) for how in (None, giving))
        found[what] = {"not given": without, "given": with_them, "gain": round(without - with_them, 4)}
    return found


def _open_nats(pieces: Sequence[Piece], scores: Sequence[PieceScore], giving: evaluate.Giving) -> float:
    nats, notes = 0.0, 0
    for piece, score in zip(pieces, scores, strict=True):
        given = giving(with_end(piece.steps)[:LONGEST])
        if given is not None:
            nats += float(score.nats[~given.notes, PITCH:].sum())
            notes += int((~given.notes).sum())
    return round(nats / max(1, notes), 4)


def style_gains(model: NoteModel, pieces: Sequence[Piece]) -> dict[str, Any]:
    """What the style of other pieces of the same composer is worth, and that of the next composer's."""
    groups: dict[str, list[Piece]] = defaultdict(list)
    for piece in pieces:
        groups[piece.group].append(piece)
    groups = {name: some for name, some in sorted(groups.items()) if len(some) >= FEWEST_PIECES}
    names = list(groups)
    kinds: dict[str, list[PieceScore]] = {"untold": [], "own": [], "foreign": []}
    each = {}
    for i, name in enumerate(names):
        some, others = groups[name], groups[names[(i + 1) % len(names)]]
        own = [Told(style=_mean([p for p in some if p is not piece])) for piece in some]
        foreign = [Told(style=_mean(others))] * len(some)
        scores = {
            "untold": score_pieces(model, some),
            "own": score_pieces(model, some, own),
            "foreign": score_pieces(model, some, foreign),
        }
        for kind, found in scores.items():
            kinds[kind] += found
        each[name] = round(mean_nats_per_note(scores["untold"]) - mean_nats_per_note(scores["own"]), 4)
    nats = {kind: mean_nats_per_note(found) for kind, found in kinds.items()}
    return {
        "composers": len(names),
        "pieces": len(kinds["own"]),
        "untold": round(nats["untold"], 4),
        "gain": round(nats["untold"] - nats["own"], 4),
        "gain_of_foreign": round(nats["untold"] - nats["foreign"], 4),
        "each": each,
    }


def _mean(pieces: Sequence[Piece]) -> StyleTold:
    measured = np.mean([piece.embedding for piece in pieces], axis=0).astype(np.float32)
    learned = np.mean([piece.learned for piece in pieces], axis=0).astype(np.float32)
    return StyleTold(measured, learned, np.ones(4, bool))


def _print_table(columns: dict[str, dict[str, float]]) -> None:
    rows = list(dict.fromkeys(name for column in columns.values() for name in column))
    print("nats/note".ljust(24) + "".join(name[:18].rjust(20) for name in columns))
    for row in rows:
        cells = "".join(f"{column[row]:20.3f}" if row in column else " " * 20 for column in columns.values())
        print(row.ljust(24) + cells)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("packed", type=Path)
    parser.add_argument("models", type=Path, nargs="*", default=[shipped_folder("base")])
    parser.add_argument("--no-ngram", action="store_true", help="leave out the 5-gram (two minutes)")
    parser.add_argument("--only-valid", action="store_true", help="leave out what being told gains")
    arguments = parser.parse_args()
    try:
        report = _report(arguments)
    except StiloError as error:
        sys.exit(str(error))
    keep_figures("note_model", report)


def _report(arguments: argparse.Namespace) -> dict[str, Any]:
    valid = load_pieces(arguments.packed / "valid.npz")
    columns: dict[str, dict[str, float]] = {"first base": FIRST_BASE}
    if not arguments.no_ngram:
        columns["5-gram"] = by_set(valid, of_ngram(load_pieces(arguments.packed / "train.npz"), valid))
    gains: dict[str, Any] = {}
    for folder in arguments.models:
        model = load_model(folder)
        name = f"{model.config.trunk} ({folder.parent.name if folder.name == 'base' else folder.name})"
        columns[name] = by_set(valid, score_pieces(model, valid))
        if not arguments.only_valid:
            style = style_gains(model, load_pieces(arguments.packed / "test_composer.npz"))
            gains[name] = {"told": told_gains(model, valid), "given": given_gains(model, valid), "style": style}
            print(f"{name}: {json.dumps(gains[name], indent=1)}", flush=True)
    _print_table(columns)
    print(f"reach: {REACH}")
    return {"nats_per_note": columns, "gains": gains, "reach": REACH}


if __name__ == "__main__":
    main()
