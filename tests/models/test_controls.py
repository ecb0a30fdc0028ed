"""Controls of bars: more is more, and what is not there is unknown."""

import numpy as np
import pytest

from stilo.models.controls import CONTROL_CLASSES, CONTROLS, UNKNOWN_CONTROL, bar_controls, bar_values
from stilo.models.tokens import STEP_DTYPE, encode
from stilo.music.score import Score, TimeSignature, Track, notes_from_columns

DENSITY, POLYPHONY, REGISTER, LOUDNESS = range(len(CONTROLS))


def steps_of(rows, is_drum=False):
    """Steps of rows (onset in quarters, length in quarters, pitch, velocity), in 4/4."""
    onset, length, pitch, velocity = np.array(rows, float).T
    notes = notes_from_columns(
        (onset * 480).astype(int), (length * 480).astype(int), pitch.astype(int), velocity.astype(int)
    )
    return encode(Score(notes, (Track("", 0, is_drum),), time_signatures=(TimeSignature(0, 4, 4),)))


def test_a_bar_is_measured():
    steps = steps_of([(0, 4, 48, 80), (0, 1, 60, 80), (1, 1, 64, 96), (3, 0.5, 67, 64)])
    values = bar_values(steps)
    assert values.shape == (1, 4)
    assert values[0] == pytest.approx([1.0, (2 + 2 + 1 + 1.5) / 4, 59.75, (10 + 10 + 12 + 8) / 4])


def test_only_the_time_in_which_something_sounds_counts():
    values = bar_values(steps_of([(0, 1, 60, 80), (0, 1, 64, 80), (2, 1, 67, 80)]))
    assert values[0, POLYPHONY] == pytest.approx(1.5)


def test_notes_sound_on_into_the_next_bar():
    values = bar_values(steps_of([(2, 4, 48, 80), (4, 2, 60, 80), (6, 2, 62, 80), (8, 1, 62, 80)]))
    assert values[:, POLYPHONY] == pytest.approx([1, 1.5, 1])


def test_more_is_more(make_steps):
    for seed in range(4):
        steps = make_steps(seed, notes=90)
        base = bar_controls(steps).astype(int)
        pitched = steps["pitch"] < 128
        louder, higher, doubled = steps.copy(), steps.copy(), steps.repeat(2)
        louder["velocity"] = np.minimum(steps["velocity"] + 3, 15)
        higher["pitch"][pitched] += 12
        for changed, controls in ((louder, [LOUDNESS]), (higher, [REGISTER]), (doubled, [DENSITY, POLYPHONY])):
            after = bar_controls(changed).astype(int)
            for control in controls:
                known = base[:, control] < UNKNOWN_CONTROL
                assert (after[known, control] >= base[known, control]).all()
                assert after[known, control].sum() > base[known, control].sum()
            others = [control for control in range(len(CONTROLS)) if control not in controls]
            assert np.array_equal(after[:, others], base[:, others])


def test_what_is_not_there_is_unknown():
    classes = bar_controls(steps_of([(0, 1, 60, 80), (8, 1, 60, 80)]))
    assert classes.shape == (3, 4)
    assert (classes[1] == UNKNOWN_CONTROL).all()
    assert (classes[[0, 2]] < CONTROL_CLASSES).all()
    drums = bar_controls(steps_of([(i / 2, 0.5, 36, 100) for i in range(8)], is_drum=True))
    assert drums[0, [POLYPHONY, REGISTER]].tolist() == [UNKNOWN_CONTROL] * 2
    assert (drums[0, [DENSITY, LOUDNESS]] < CONTROL_CLASSES).all()
    assert bar_controls(np.zeros(0, STEP_DTYPE)).shape == (0, 4)


def test_a_part_of_a_piece_is_measured_as_the_whole(make_steps):
    steps = make_steps(5, notes=120, changing=True)
    whole = bar_controls(steps)
    first = int(np.searchsorted(steps["bar"], steps["bar"][len(steps) // 2]))
    part = bar_controls(steps[first:])
    begins = int(steps["bar"][first] - steps["bar"][0])
    assert len(part) == len(whole) - begins
    heard_alike = [DENSITY, REGISTER, LOUDNESS]
    assert np.array_equal(part[:, heard_alike], whole[begins:, heard_alike])


def test_one_note_and_many():
    assert bar_controls(steps_of([(2, 1, 60, 80)])).shape == (1, 4)
    many = steps_of([(i / 4, 0.25, 40 + i % 40, 1 + i % 127) for i in range(100_000)])
    assert (bar_controls(many) < UNKNOWN_CONTROL).all()
