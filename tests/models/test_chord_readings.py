"""What may be said of a frame, and the best path."""

import itertools

import numpy as np
import pytest

from stilo.elements.chords import NO_CHORD_STATE, state_chord
from stilo.models.chord_readings import (
    NO_BASS,
    READING_BASS,
    READING_STATE,
    READINGS,
    UNKNOWN,
    best_path,
    readings_of,
    times_of,
)


def test_readings_are_the_chords_over_each_of_their_tones():
    expected = {(state, bass) for state in range(NO_CHORD_STATE) for bass in state_chord(state).pitch_classes} | {
        (NO_CHORD_STATE, NO_BASS)
    }
    assert {*zip(READING_STATE.tolist(), READING_BASS.tolist(), strict=True)} == expected
    assert len(expected) == READINGS
    assert readings_of(READING_STATE, READING_BASS).tolist() == list(range(READINGS))


def test_no_reading_of_what_is_unknown_or_no_tone():
    assert readings_of(np.array([[UNKNOWN, 0]]), np.array([[3, 1]])).tolist() == [[-1, -1]]


def scores_and_prices(seed, frames, few):
    rng = np.random.default_rng(seed)
    scores = np.full((frames, READINGS), -50.0, np.float32)
    scores[:, few] = rng.normal(scale=2, size=(frames, len(few)))
    return scores, rng.uniform(-1, 3, frames).astype(np.float32)


@pytest.mark.parametrize("seed", range(6))
def test_the_best_path_is_the_best_of_all(seed):
    few = [3, 200, READINGS - 1]
    scores, prices = scores_and_prices(seed, 6, few)
    prices = np.abs(prices)

    def worth(path):
        changes = sum(prices[t] for t in range(1, 6) if path[t] != path[t - 1])
        return sum(scores[t, reading] for t, reading in enumerate(path)) - changes

    assert tuple(best_path([scores], prices).tolist()) == max(itertools.product(few, repeat=6), key=worth)


def test_blocks_make_no_difference():
    scores, prices = scores_and_prices(9, 40, [1, 2, 3, 4, 5])
    whole = best_path([scores], prices)
    assert (best_path([scores[:7], scores[7:8], scores[8:]], prices) == whole).all()
    assert len(np.unique(whole)) > 1


def test_dear_changes_are_not_made():
    scores, prices = scores_and_prices(1, 40, [1, 2, 3])
    assert len(np.unique(best_path([scores], prices + 1000))) == 1


def test_a_path_as_chords():
    times = times_of(np.array([0, 0, 5, 5, READINGS - 1]), np.array([0, 10, 20, 30, 40, 50]))
    assert times.bounds_ticks.tolist() == [0, 20, 40, 50]
    assert times.states.tolist() == [*READING_STATE[[0, 5]], NO_CHORD_STATE]
    assert times.bass.tolist() == [*READING_BASS[[0, 5]], NO_BASS]
