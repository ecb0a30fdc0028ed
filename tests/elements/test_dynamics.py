"""Swells and contrasts, from velocities that are known."""

from itertools import pairwise

import numpy as np
import pytest

from stilo.elements.dynamics import measure_dynamics
from stilo.elements.form import Section
from stilo.elements.layout import lay_out
from stilo.elements.profile import analyse
from stilo.music.score import Score, TimeSignature, Track, notes_from_columns


def loud(bar_velocities: list[float], seed: int = 0) -> Score:
    """Four quarters to the bar, each about as loud as its bar."""
    velocity = np.repeat(bar_velocities, 4) + np.random.default_rng(seed).integers(-2, 3, 4 * len(bar_velocities))
    count = len(velocity)
    notes = notes_from_columns(
        np.arange(count) * 480, np.full(count, 480), 60 + np.arange(count) % 5, velocity.astype(int)
    )
    return Score(notes, (Track("Piano"),), time_signatures=(TimeSignature(0, 4, 4),))


def dynamics(bar_velocities: list[float], *firsts: int):
    bars = len(bar_velocities)
    bounds = [0, *firsts, bars]
    sections = [Section(a, b - a, "A") for a, b in pairwise(bounds)]
    return measure_dynamics(lay_out(loud(bar_velocities)), sections)


def test_a_swell_up_and_down():
    found = dynamics([50, 50, 58, 66, 74, 82, 90, 82, 74, 66, 58, 50])
    assert found.crescendo_share == pytest.approx(6 / 12, abs=1 / 12)
    assert found.diminuendo_share == pytest.approx(6 / 12, abs=1 / 12)


def test_terraces_are_no_swells_but_contrast():
    found = dynamics([50] * 8 + [90] * 8 + [50] * 8, 8, 16)
    assert found.section_contrast == pytest.approx(np.std([50, 90, 50]), abs=1)
    assert found.crescendo_share == found.diminuendo_share == 0
    assert dynamics([70] * 16, 8).section_contrast < 1


def test_two_bars_and_small_changes_are_no_swell():
    assert dynamics([60, 60, 61, 62, 63, 64, 64, 64]).crescendo_share == 0
    assert dynamics([50, 90, 50, 90, 50, 90]).crescendo_share == 0


def test_notes_all_alike_say_nothing():
    count = 64
    notes = notes_from_columns(np.arange(count) * 480, np.full(count, 480), 60 + np.arange(count) % 7, 80)
    emotion = analyse(Score(notes, (Track("Piano"),))).emotion
    assert (emotion.crescendo_share, emotion.diminuendo_share, emotion.section_contrast) == (0, 0, 0)


def test_silent_bars_and_sections_are_passed_over():
    score = loud([60] * 4 + [90] * 4)
    notes = score.notes.copy()
    notes["onset_ticks"][16:] += 8 * 1920
    found = measure_dynamics(
        lay_out(score.with_notes(notes)), [Section(0, 4, "A"), Section(4, 8, "B"), Section(12, 4, "C")]
    )
    assert found.section_contrast == pytest.approx(15, abs=1)


@pytest.mark.parametrize(("fallen_back", "share"), [(57, 1.0), (55, 4 / 6)])
def test_a_swell_may_waver_but_not_fall_back(fallen_back, share):
    velocity = np.repeat([50, 58, fallen_back, 66, 74, 82], 4)
    notes = notes_from_columns(np.arange(24) * 480, np.full(24, 480), 60 + np.arange(24) % 5, velocity)
    score = Score(notes, (Track("Piano"),), time_signatures=(TimeSignature(0, 4, 4),))
    assert measure_dynamics(lay_out(score), [Section(0, 6, "A")]).crescendo_share == pytest.approx(share, abs=1e-5)
