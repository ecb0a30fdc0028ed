"""Mistakes in what the model reads: still music in order, never learned, and sometimes none at all."""

import numpy as np
import pytest

from stilo.models.notes.corruption import CHANGED, Window, corrupted, looped, with_mistakes
from stilo.models.notes.features import features_of
from stilo.models.notes.told import Told
from stilo.models.tokens import DURATIONS, END, VELOCITIES, with_end


def window_of(steps):
    return Window(steps, np.minimum(np.arange(len(steps)), len(steps) - 2), np.ones(len(steps), bool))


def is_music(window):
    """In order, with gaps that lead from onset to onset, and fields that the model has."""
    body = window.steps[:-1] if window.has_end else window.steps
    key = np.lexsort((body["pitch"], body["part"], body["onset"]))
    assert np.array_equal(key, np.arange(len(body)))
    same = np.all([np.diff(body[name].astype(int)) == 0 for name in ("onset", "part", "pitch")], axis=0)
    assert not same.any()
    onset = np.cumsum(body["gap"].astype(int))
    assert np.array_equal(onset - onset[0], (body["onset"] - body["onset"][0]).astype(int))
    assert (body["duration"] < DURATIONS).all()
    assert (body["velocity"] < VELOCITIES).all()
    assert (body["gap"] != END).all()
    assert np.isfinite(features_of(window.steps, Told()).histogram).all()


@pytest.mark.parametrize("seed", range(12))
def test_mistakes_leave_music_in_order_and_are_not_learned(make_steps, seed):
    rng = np.random.default_rng(seed)
    window = window_of(with_end(make_steps(seed, notes=200)))
    wrong = with_mistakes(window, 0.3, rng)
    is_music(wrong)
    assert len(wrong.steps) == len(window.steps)
    changed = np.any([wrong.steps[name] != window.steps[name] for name in CHANGED], axis=0)[:-1]
    assert changed.sum() > 10
    assert np.array_equal(wrong.counts[:-1], ~changed)
    assert wrong.counts[-1]
    assert wrong.has_end
    drums = window.steps["pitch"] >= 128
    assert np.array_equal(wrong.steps["pitch"] >= 128, drums)


def test_after_a_note_out_of_place_the_way_back_is_learned(make_steps):
    window = window_of(make_steps(1, notes=300))
    wrong = with_mistakes(window, 0.5, np.random.default_rng(0))
    moved = np.flatnonzero(wrong.steps["onset"] != window.steps["onset"])
    assert len(moved)
    back = moved[~np.isin(moved + 1, moved)] + 1
    back = back[wrong.counts[back]]
    assert len(back)
    assert (wrong.steps["gap"][back] != window.steps["gap"][back]).all()


def test_no_share_no_mistakes(make_steps):
    window = window_of(with_end(make_steps(1)))
    same = with_mistakes(window, 0.0, np.random.default_rng(0))
    assert np.array_equal(same.steps, window.steps)
    assert same.counts.all()


@pytest.mark.parametrize("seed", range(8))
def test_rounds_of_a_loop_are_read_and_the_way_out_is_learned(make_steps, seed):
    steps = with_end(make_steps(seed, notes=200))
    window = window_of(steps)
    rng = np.random.default_rng(seed)
    loop = next(found for found in (looped(window, rng) for _ in range(50)) if len(found.steps) > len(steps))
    is_music(loop)
    put_in = ~loop.counts
    assert np.array_equal(loop.steps["pitch"][loop.counts], steps["pitch"])
    assert np.array_equal(loop.index[loop.counts], window.index)
    begin = int(np.flatnonzero(put_in)[0])
    length, size = int(put_in.sum()), len(np.unique(loop.index[put_in]))
    original = loop.steps[begin - size : begin]
    for number in range(1, length // size + 1):
        again = loop.steps[begin + (number - 1) * size :][:size]
        for name in ("part", "pitch", "duration", "velocity", "position"):
            assert np.array_equal(again[name], original[name])
        later, bars_later = (np.unique(again[name].astype(int) - original[name]) for name in ("onset", "bar"))
        assert later.tolist() == (48 * bars_later).tolist() == [later[0]]
        assert later[0] % number == 0 and later[0] > 0
    assert length % size == 0
    assert np.isin(loop.index[put_in], loop.index[:begin]).all()
    assert loop.counts[begin + length]  # what follows the last round
    assert loop.steps["bar"][-1] > steps["bar"][-1]


def test_short_pieces_are_not_looped(make_steps):
    steps = make_steps(0)[:5]
    window = Window(steps, np.arange(5), np.ones(5, bool))
    assert looped(window, np.random.default_rng(0)) is window


def test_most_windows_have_no_loop_and_half_no_mistakes(make_steps):
    rng = np.random.default_rng(0)
    window = window_of(with_end(make_steps(2, notes=120)))
    drawn = [corrupted(window, rng) for _ in range(300)]
    loops = sum(len(one.steps) > len(window.steps) for one in drawn)
    whole = sum(bool(one.counts.all()) for one in drawn)
    assert 5 < loops < 40
    assert 120 < whole < 210
    for one in drawn[:40]:
        is_music(one)
