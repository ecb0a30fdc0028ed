"""The interval of a gain holds the gain, and says how much more music would show it."""

import numpy as np
import pytest

from stilo.styles.gain import gain_interval, pieces_needed


def nats(rng, pieces, notes, gain, noise):
    before = [rng.normal(2.0, noise, notes) for _ in range(pieces)]
    return before, [one - gain - rng.normal(0, noise, notes) for one in before], [notes] * pieces


@pytest.mark.parametrize("pieces", [1, 3, 20])
def test_a_clear_gain_is_clear_and_noise_is_not(pieces):
    low, high = gain_interval(*nats(np.random.default_rng(0), pieces, 640, 0.2, 0.1))
    assert 0.15 < low < 0.2 < high < 0.25
    low, high = gain_interval(*nats(np.random.default_rng(3), pieces, 640, 0.0, 1.0))
    assert low < 0 < high


@pytest.mark.parametrize("pieces", [3, 5, 7, 12])
def test_nineteen_of_twenty_intervals_hold_the_truth(pieces):
    """Of pieces, some of which gain more than others."""
    rng = np.random.default_rng(1)
    held = 0
    for _ in range(400):
        notes = rng.integers(60, 140, pieces)
        before = [rng.normal(2.0, 1.0, n) for n in notes]
        after = [one - 0.1 - rng.normal(0, 0.2) - rng.normal(0, 0.3, len(one)) for one in before]
        low, high = gain_interval(before, after, notes)
        held += low <= 0.1 <= high
    assert 0.91 < held / 400 < 0.98


def test_one_block_tells_nothing():
    assert gain_interval([np.ones(12)], [np.zeros(12)], [12]) is None
    assert gain_interval([], [], []) is None


def test_four_times_the_pieces_halve_the_interval():
    assert pieces_needed(0.1, -0.1, 0.3, 10) == 30
    assert pieces_needed(0.1, 0.05, 0.15, 10) == 1


def test_an_odd_note_at_the_end_of_a_short_piece_is_no_block_of_its_own():
    before, after = np.full(129, 2.0), np.full(129, 1.9)
    after[-1] = 4.0  # its end comes as a surprise
    low, high = gain_interval([before], [after], [128])
    assert 0 < low < 0.084 < high < 0.13


@pytest.mark.parametrize("pieces", [1, 20])
def test_the_end_of_a_piece_counts_to_its_last_note(pieces):
    """A gain that is the same in every note, and another at the end, lies where it is told."""
    before, after = np.full(31, 2.0), np.full(31, 1.9)
    after[-1] = 1.4
    low, high = gain_interval([before] * pieces, [after] * pieces, [30] * pieces)
    assert low <= 0.12 + 1e-9
    assert high >= 0.12 - 1e-9
