"""One test of each kind, over every element that is registered."""

import json
import math

import numpy as np
import pytest

from stilo.elements.figures import PITCH_SHUFFLE, TRANSPOSITION, Figure, Histogram
from stilo.elements.profile import ELEMENTS, Profile, analyse
from stilo.music.score import Score


def check_value(name: str, value: object) -> None:
    element = ELEMENTS[name]
    if isinstance(element, Figure):
        assert isinstance(value, float)
        assert math.isfinite(value)
        assert element.low <= value <= element.high, (name, value)
    elif isinstance(element, Histogram):
        assert isinstance(value, tuple)
        assert len(value) == len(element.labels)
        assert all(0 <= share <= 1 for share in value)
        assert sum(value) == pytest.approx(1, abs=1e-4) or sum(value) == 0
    else:
        assert isinstance(value, dict)
        assert all(0 < share <= 1 for share in value.values())
        assert sum(value.values()) == pytest.approx(1, abs=1e-4) or not value


def same(name: str, first: Profile, second: Profile) -> bool:
    a, b = first.value(name), second.value(name)
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(a[key] == pytest.approx(b[key], abs=1e-5) for key in a)
    return a == pytest.approx(b, rel=1e-4, abs=1e-5)


@pytest.mark.parametrize("name", list(ELEMENTS))
def test_is_described(name):
    element = ELEMENTS[name]
    assert element.meaning
    assert element.source
    assert "\n" not in element.meaning
    if isinstance(element, Figure):
        assert element.low < element.high
        assert element.spread > 0
    if isinstance(element, Histogram):
        assert len(set(element.labels)) == len(element.labels)


def test_is_in_range_for_a_piece(piece):
    profile = analyse(piece)
    for name in ELEMENTS:
        check_value(name, profile.value(name))


def test_is_defined_for_odd_scores(odd_score):
    profile = analyse(odd_score)
    for name in ELEMENTS:
        check_value(name, profile.value(name))
    assert Profile.from_json(json.loads(json.dumps(profile.to_json(), allow_nan=False))) == profile


@pytest.mark.parametrize("semitones", [-5, 1, 7])
def test_does_not_change_under_transposition_where_it_says_so(piece, semitones):
    profile, moved = analyse(piece), analyse(piece.transposed(semitones))
    kept = [name for name, element in ELEMENTS.items() if TRANSPOSITION in element.keeps]
    assert len(kept) > 30
    assert [name for name in kept if not same(name, profile, moved)] == []


def test_what_does_not_keep_under_transposition_moves(piece):
    profile, moved = analyse(piece), analyse(piece.transposed(5))
    assert moved.pitch.mean_pitch == pytest.approx(profile.pitch.mean_pitch + 5, abs=1e-3)
    assert moved.pitch.lowest == profile.pitch.lowest + 5
    assert moved.pitch.melody_pitch == pytest.approx(profile.pitch.melody_pitch + 5, abs=1e-3)
    assert moved.harmony.keys.keys() != profile.harmony.keys.keys()


def shuffled(score: Score, seed: int) -> Score:
    """Pitches dealt out anew among the notes that are not drums."""
    notes = score.notes.copy()
    pitched = ~score.is_drum_note
    notes["pitch"][pitched] = np.random.default_rng(seed).permutation(notes["pitch"][pitched])
    return score.with_notes(notes)


@pytest.mark.parametrize("seed", [0, 1])
def test_does_not_change_when_pitches_are_shuffled_where_it_says_so(piece, seed):
    profile, moved = analyse(piece), analyse(shuffled(piece, seed))
    kept = [name for name, element in ELEMENTS.items() if PITCH_SHUFFLE in element.keeps]
    assert len(kept) > 15
    assert [name for name in kept if not same(name, profile, moved)] == []
    assert profile.pitch.intervals != moved.pitch.intervals


@pytest.mark.parametrize("ticks_per_quarter", [96, 960])
def test_does_not_depend_on_the_resolution(piece, ticks_per_quarter):
    profile, other = analyse(piece), analyse(piece.with_resolution(ticks_per_quarter))
    assert [name for name in ELEMENTS if not same(name, profile, other)] == []
