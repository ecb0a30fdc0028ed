"""A bundle taken apart, pieces to learn from, and a tuning that only tells what it was given."""

import sys
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from stilo.music.score import Score, Track, notes_from_columns
from stilo.styles.bundle import write_bundle
from stilo.styles.provenance import Source

# The builders of test files stand beside the tests and belong to no package; those of MIDI stand with music.
sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parent.parent / "music")]


@pytest.fixture
def written(make_style, make_recognition, tmp_path):
    """(style, path of its bundle, the members by name)"""
    style = make_style(recognition=make_recognition(0), encoder="0123456789abcdef")
    path = tmp_path / "waltz.stilo"
    write_bundle(style, path)
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    return style, path, members


@pytest.fixture
def pieces(tune):
    """Ten variations of one tune."""
    rng = np.random.default_rng(0)
    made = []
    for i in range(10):
        notes = tune.notes.copy()
        notes["pitch"][notes["track"] == 0] += rng.choice([-2, 0, 2], 48).astype(np.int16)
        made.append((replace(tune, notes=notes), Source(f"/music/{i}.mid", f"{i:064x}", f"No. {i}", "CC0", 80)))
    return made


@pytest.fixture
def sonata():
    """One piece of 80 bars in two parts, none like another."""
    rng = np.random.default_rng(3)
    pitch = np.concatenate([rng.integers(60, 84, 320), rng.integers(40, 60, 320)])
    notes = notes_from_columns(np.tile(np.arange(320) * 480, 2), [480] * 640, pitch, 80, np.repeat([0, 1], 320))
    return Score(notes, (Track("R"), Track("L"))), Source("/sonata.mid", "b" * 64)


@pytest.fixture
def tuned_with(monkeypatch):
    """What the tuning was given: {"folds", "seconds", …}, of the first fold "train", "held_out", "style"; it learns
    nothing.
    """
    from stilo.models.notes import tuning
    from stilo.models.notes.evaluate import score_pieces
    from stilo.models.notes.told import Told

    seen = {}

    def spy(model, folds, rng, **options):
        seen.update(folds=folds, train=folds[0].train, held_out=folds[0].held_out, style=folds[0].style, **options)
        told = [Told(style=fold.style) for fold in folds for _ in fold.held_out]
        scores = score_pieces(model, [piece for fold in folds for piece in fold.held_out], told)
        return tuning.Tuning({}, scores, 0, is_late=options["seconds"] == 0)

    monkeypatch.setattr(tuning, "tune_adapter", spy)
    return seen
