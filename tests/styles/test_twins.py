"""Nearly the same piece counts once; one tune set twice is two pieces."""

from dataclasses import replace

import numpy as np
import pytest

from stilo.music.score import Track, notes_from_columns
from stilo.styles.twins import Twin, shared_notes, twins_among


def piece(tune, seed, bass_seed=None):
    """32 bars of a wandering melody over a bass of its own."""
    rng, low = np.random.default_rng(seed), np.random.default_rng(seed + 100 if bass_seed is None else bass_seed)
    melody = 72 + np.cumsum(rng.choice([-4, -2, -1, 1, 2, 3], 96)) % 15
    bass = 48 + low.integers(0, 12, 96)
    onsets = np.tile(np.arange(96) * 480, 2)
    notes = notes_from_columns(onsets, 480, np.append(melody, bass), 80, np.repeat([0, 1], 96))
    return replace(tune, notes=notes, tracks=(Track("Flute", 73), Track("Bass", 32)))


def test_a_copy_with_some_notes_changed_is_the_same(tune):
    first, other = piece(tune, 1), piece(tune, 2)
    notes = first.notes.copy()
    notes["pitch"][1::19] += 1
    changed = first.with_notes(notes).transposed(3)
    assert twins_among([first, other, changed], 0.25) == [Twin(2, 0, is_same=True)]
    assert shared_notes(first, changed) == pytest.approx(1 - len(notes[1::19]) / len(notes), abs=0.02)
    assert shared_notes(first, other) < 0.5


def test_one_tune_set_twice_is_not_the_same(tune):
    assert twins_among([piece(tune, 1), piece(tune, 1, bass_seed=7)], 0.5) == [Twin(1, 0, is_same=False)]


def test_nothing_is_a_twin_of_nothing(tune):
    empty = tune.with_notes(tune.notes[:0])
    assert twins_among([], 0.5) == []
    assert twins_among([empty, empty], 0.5) == []
    assert shared_notes(empty, tune) == 0
