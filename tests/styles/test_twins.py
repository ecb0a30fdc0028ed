"""Nearly the same piece counts once; one tune set twice is two pieces."""

from dataclasses import replace

import numpy as np
import pytest

from stilo.models.duplicates import NEAR_HELD_OUT
from stilo.music.score import Track, notes_from_columns
from stilo.styles.twins import Places, copies_among, shared_notes, twins_among


def piece(tune, seed, bass_seed=None, drums=0, length=96):
    """Quarters of a wandering melody over a bass of its own, and as many strokes of drums in eighths."""
    rng, low = np.random.default_rng(seed), np.random.default_rng(seed + 100 if bass_seed is None else bass_seed)
    melody = 72 + np.cumsum(rng.choice([-4, -2, -1, 1, 2, 3], length)) % 15
    bass = 48 + low.integers(0, 12, length)
    onsets = np.concatenate([np.tile(np.arange(length) * 480, 2), np.arange(drums) * 240])
    pitches = np.concatenate([melody, bass, rng.choice([36, 38, 42], drums)])
    notes = notes_from_columns(onsets, 480, pitches, 80, np.repeat([0, 1, 2], [length, length, drums]))
    return replace(tune, notes=notes, tracks=(Track("Flute", 73), Track("Bass", 32), Track("Kit", 0, True)))


def changed(score, every=19):
    """A note in so many of the bass is another one."""
    notes = score.notes.copy()
    bass = np.flatnonzero(notes["track"] == 1)[::every]
    notes["pitch"][bass] += 1
    return score.with_notes(notes)


def later(score, ticks):
    notes = score.notes.copy()
    notes["onset_ticks"] += ticks
    return score.with_notes(notes)


def copies(*scores):
    return copies_among(scores, twins_among(scores))


def shared(first, second):
    assert shared_notes(Places.of(first), Places.of(second)) == shared_notes(Places.of(second), Places.of(first))
    return shared_notes(Places.of(first), Places.of(second))


def test_a_copy_with_some_notes_changed_is_the_same(tune):
    first, other = piece(tune, 1), piece(tune, 2)
    near = changed(first).transposed(3)
    [twin] = twins_among([first, other, near])
    assert (twin.index, twin.of) == (2, 0)
    assert twin.share == 1, "of its melody"
    assert copies(first, other, near) == {2: 0}
    assert shared(first, near) == 1 - 6 / 192
    assert shared(first, other) < 0.5


@pytest.mark.parametrize("ticks", [480, 1920, 5 * 1440])
def test_a_copy_after_empty_bars_is_the_same(tune, ticks):
    first = piece(tune, 1)
    near = changed(later(first, ticks))
    assert shared(first, near) == 1 - 6 / 192
    assert copies(first, near) == {1: 0}


@pytest.mark.parametrize("drums", [60, 190, 400])
def test_drums_stay_where_they_are_when_a_copy_is_transposed(tune, drums):
    first = piece(tune, 1, drums=drums)
    near = changed(first).transposed(3)
    assert shared(first, near) == 1 - 6 / (192 + drums)
    assert copies(first, near) == {1: 0}


def test_one_tune_set_twice_is_not_the_same(tune):
    first, second = piece(tune, 1), piece(tune, 1, bass_seed=7)
    assert [(twin.index, twin.of) for twin in twins_among([first, second])] == [(1, 0)]
    assert copies(first, second) == {}


def test_twenty_five_settings_of_one_tune_are_all_twins(tune):
    """More pieces than may hold a run of a collection that counts."""
    settings = [piece(tune, 1, bass_seed=number) for number in range(25)]
    twins = twins_among(settings)
    assert {(twin.of, twin.index) for twin in twins} == {(a, b) for b in range(25) for a in range(b)}
    assert copies_among(settings, twins) == {}
    near = [changed(settings[0], every) for every in range(19, 44)]
    assert copies(*near) == dict.fromkeys(range(1, 25), 0)


def test_of_many_settings_of_many_tunes_all_pairs_are_found(tune):
    pieces = [piece(tune, family, bass_seed=number, length=60) for family in range(10) for number in range(20)]
    twins = twins_among(pieces)
    assert len(twins) == 10 * 190
    assert copies_among(pieces, twins) == {}


def test_nothing_is_a_twin_of_nothing(tune):
    empty = tune.with_notes(tune.notes[:0])
    assert twins_among([]) == []
    assert twins_among([empty, empty]) == []
    assert shared(empty, tune) == 0


def test_less_than_half_of_a_melody_gives_it_away_but_makes_no_copy(tune):
    first, second = piece(tune, 1), piece(tune, 2)
    notes = np.concatenate([first.notes[first.notes["onset_ticks"] < 40 * 480], second.notes])
    notes["onset_ticks"][-len(second) :] += 40 * 480
    [twin] = twins_among([first, first.with_notes(notes)])
    assert NEAR_HELD_OUT <= twin.share < 0.5
    assert copies(first, first.with_notes(notes)) == {}
