"""The same tune is known again in another key, in other note values and in company; what all tunes share is not."""

import numpy as np
import pytest

from stilo.models.duplicates import NEAR, NEAR_HELD_OUT, first_linked, line_runs, near_pairs, repeated
from stilo.models.tokens import DRUMS, STEP_DTYPE, transposed


def steps_of(onset, pitch, part=0):
    order = np.lexsort((pitch, onset))
    steps = np.zeros(len(order), STEP_DTYPE)
    steps["onset"], steps["pitch"], steps["part"] = np.asarray(onset)[order], np.asarray(pitch)[order], part
    return steps


def tune(seed, notes=80):
    rng = np.random.default_rng(seed)
    return np.cumsum(rng.choice([6, 6, 12, 18], notes)), rng.integers(60, 80, notes)


def test_the_same_tune_is_known_again():
    onset, pitch = tune(1)
    accompanied = steps_of(np.append(onset, onset), np.append(pitch, pitch - 20))
    slower = steps_of(2 * onset, pitch)
    in_another_key = transposed(steps_of(onset, pitch), -5)
    beginning = steps_of(onset[:40], pitch[:40])
    runs = [line_runs(one) for one in (steps_of(onset, pitch), accompanied, slower, in_another_key, beginning)]
    pairs = near_pairs(runs, 0.99)
    assert {(pair.of, pair.index) for pair in pairs} == {(a, b) for b in range(5) for a in range(b)}
    assert all(pair.share == 1 for pair in pairs)


def test_other_tunes_are_others():
    assert near_pairs([line_runs(steps_of(*tune(seed))) for seed in range(30)], 0.01) == []


def test_a_few_changes_do_not_hide_a_tune():
    onset, pitch = tune(2)
    changed = pitch.copy()
    changed[[20, 60]] += 1
    (pair,) = near_pairs([line_runs(steps_of(onset, pitch)), line_runs(steps_of(onset, changed))], 0.25)
    assert 0.5 < pair.share < 1


@pytest.mark.parametrize(
    "pitch", [np.full(60, 60), np.arange(40, 100), np.repeat([60, 62, 64, 62], 15), np.abs(np.arange(60) - 30) + 50]
)
def test_scales_and_repeated_notes_are_no_tune(pitch):
    onset = 6 * np.arange(60)
    assert near_pairs([line_runs(steps_of(onset, pitch)), line_runs(steps_of(onset, pitch))], 0.01) == []


def test_what_many_pieces_hold_is_no_tune():
    one = line_runs(steps_of(*tune(3)))
    assert len(near_pairs([one] * 3, 0.9)) == 3
    assert near_pairs([one] * 40, 0.01) == []


def test_drums_are_compared_among_themselves():
    rng = np.random.default_rng(0)
    onset, sound = 6 * np.arange(90), 128 + rng.choice([36, 38, 42, 46], 90)
    beat = steps_of(onset, sound, DRUMS)
    assert [pair.share for pair in near_pairs([line_runs(beat), line_runs(beat)], 0.9)] == [1.0]
    over_a_tune = np.concatenate([steps_of(*tune(4)), beat])
    assert np.array_equal(line_runs(over_a_tune), line_runs(steps_of(*tune(4))))


def test_held_out_music_and_what_is_there_already_are_left_out_of_train():
    a, b, c, d = (steps_of(*tune(seed)) for seed in range(4))
    train = [transposed(b, 2), c, transposed(a, 1), c, d, transposed(c, 3)]
    gone = repeated([a, b, a], train)
    assert [(one.index, one.of) for one in gone] == [(0, 1), (2, 0), (3, 4), (5, 4)]
    assert repeated([a, transposed(a, 1)], []) == []


def test_a_piece_stays_when_what_it_repeats_is_gone():
    """c repeats b in its second half, b repeats the held-out a in its first: without b, c is the only one."""
    (on_a, pitch_a), joined, other = half_alike(shared=100)
    assert [one.index for one in repeated([steps_of(on_a, pitch_a)], [joined, other])] == [0]
    assert [one.index for one in repeated([], [joined, other])] == [1]


def half_alike(shared):
    """A tune; that and a longer one after it; and the longer one and another after it."""
    (on_a, pitch_a), (on_b, pitch_b), (on_c, pitch_c) = tune(5, 60), tune(6, shared), tune(7, 60)
    joined = steps_of(np.append(on_a, on_b + on_a[-1] + 6), np.append(pitch_a, pitch_b))
    other = steps_of(np.append(on_b, on_c + on_b[-1] + 6), np.append(pitch_b, pitch_c))
    return (on_a, pitch_a), joined, other


def test_less_than_half_is_enough_only_where_it_is_held_out():
    _, joined, other = half_alike(shared=50)
    (pair,) = near_pairs([line_runs(joined), line_runs(other)], NEAR_HELD_OUT)
    assert NEAR_HELD_OUT < pair.share < NEAR
    assert [one.index for one in repeated([joined], [other])] == [0]
    assert repeated([], [joined, other]) == []


@pytest.mark.parametrize("notes", [0, 1, 12, 13])
def test_too_little_music_is_like_nothing(notes):
    onset, pitch = tune(8, notes)
    runs = line_runs(steps_of(onset, pitch))
    assert len(runs) <= 1
    assert near_pairs([runs, runs], 0.0) == []
    assert near_pairs([], 0.5) == []


def test_what_hangs_together_by_pairs_is_named_by_its_first():
    assert first_linked(8, [(4, 1), (6, 4), (6, 1), (3, 2)]).tolist() == [0, 1, 2, 2, 1, 5, 1, 7]
    assert first_linked(3, []).tolist() == [0, 1, 2]
    assert first_linked(0, []).tolist() == []
