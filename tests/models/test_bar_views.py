"""What each facet may see of a bar, and that it sees nothing else."""

import numpy as np
import pytest

from stilo.models.bar_views import (
    HARMONY_CHANNELS,
    MOST_BARS,
    PITCH_LINES,
    PITCH_ORDER,
    PITCH_STEPS,
    RHYTHM_CHANNELS,
    RHYTHM_PLACES,
    TEXTURE_SIZE,
    bar_views,
)
from stilo.models.disguises import BLIND, DISGUISES, in_another_key
from stilo.models.tokens import DRUMS, STEP_DTYPE, Part, encode
from stilo.models.view_statistics import STATISTICS, view_statistics
from stilo.music.score import Score, Track, notes_from_columns

VIEW_OF = {"pitch": "pitch", "rhythm": "rhythm", "harmony": "harmony", "emotion": "texture"}


def two_bars():
    """Flute over bass: quarters C5 D5 E5 C5, then a half G5; whole notes C3, G2."""
    tracks = (Track(program=73), Track(program=32))
    onset = np.array([0, 1, 2, 3, 4, 0, 4]) * 480
    length = np.array([1, 1, 1, 1, 2, 4, 4]) * 480
    pitch = np.array([72, 74, 76, 72, 79, 48, 43])
    track = np.array([0, 0, 0, 0, 0, 1, 1])
    return encode(Score(notes_from_columns(onset, length, pitch, np.full(7, 80), track), tracks))


def test_views_of_two_bars():
    views = bar_views(two_bars())
    assert len(views) == 2
    assert np.flatnonzero(views.rhythm[0, 0]).tolist() == [0, 12, 24, 36]
    assert views.rhythm[0, 0, 0] == 2
    assert np.flatnonzero(views.rhythm[0, 1]).tolist() == [0]  # the part of fewest notes
    assert np.flatnonzero(views.rhythm[0, 2]).tolist() == [0, 12, 24, 36]
    assert not views.rhythm[0, 9].any()  # no silence: the bass lasts
    moves = [(order, line, move - 12) for _, order, line, move in np.argwhere(views.pitch[:1]).tolist()]
    assert moves == [(1, 0, 2), (2, 0, 2), (3, 0, -4)]
    assert [(line, move - 12) for _, _, line, move in np.argwhere(views.pitch[1:]).tolist()] == [(0, 7), (1, -5)]
    first_half, lowest = views.harmony[0, 0], views.harmony[0, 1]
    assert first_half.tolist() == [2, 0, 1, *[0] * 9]
    assert lowest.tolist() == [1, *[0] * 11]
    assert views.bar_quarters.tolist() == [4, 4]


@pytest.mark.parametrize("disguise", list(DISGUISES))
@pytest.mark.parametrize("seed", range(4))
def test_no_view_shows_what_its_facet_must_not_hear(make_steps, disguise, seed):
    steps = make_steps(seed, notes=80, changing=seed % 2 == 1)
    changed = DISGUISES[disguise](steps, np.random.default_rng(seed))
    assert (changed != steps).any()
    before, after = bar_views(steps), bar_views(changed)
    told, told_after = view_statistics(before), view_statistics(after)
    for facet, view in VIEW_OF.items():
        a, b = getattr(before, view), getattr(after, view)
        if disguise in BLIND[facet]:
            if (facet, disguise) == ("harmony", "another key"):
                assert np.array_equal(np.sort(a, axis=2), np.sort(b, axis=2))
            else:
                assert np.array_equal(a, b), facet
            np.testing.assert_allclose(told[facet], told_after[facet], atol=2e-5)


def test_each_view_notices_what_is_its_own(make_steps):
    steps = make_steps(3, notes=120)
    rng = np.random.default_rng(0)
    before = bar_views(steps)
    assert (bar_views(DISGUISES["another rhythm"](steps, rng)).rhythm != before.rhythm).any()
    shuffled = bar_views(DISGUISES["pitches shuffled"](steps, rng))
    assert (shuffled.pitch != before.pitch).any()
    assert (shuffled.harmony != before.harmony).any()
    assert (bar_views(in_another_key(steps, rng)).harmony != before.harmony).any()


def test_drums_have_a_rhythm_and_no_pitch(make_steps):
    views = bar_views(make_steps(1, parts=(Part(DRUMS),)))
    assert views.rhythm[:, 10:13].any()
    assert not views.rhythm[:, :9].any()
    assert not views.pitch.any()
    assert not views.harmony.any()
    assert np.isfinite(views.texture).all()


@pytest.mark.parametrize("count", [0, 1, 2])
def test_hardly_any_notes(make_steps, count):
    views = bar_views(make_steps(0)[:count])
    assert len(views) == (1 if count else 0)
    assert views.rhythm.shape[1:] == (RHYTHM_CHANNELS, RHYTHM_PLACES)
    assert views.pitch.shape[1:] == (PITCH_ORDER, PITCH_LINES, PITCH_STEPS)
    assert views.harmony.shape[1:] == (HARMONY_CHANNELS, 12)
    assert views.texture.shape[1:] == (TEXTURE_SIZE,)
    statistics = view_statistics(views)
    assert {facet: len(values) for facet, values in statistics.items()} == STATISTICS
    assert all(np.isfinite(values).all() for values in statistics.values())


def test_bars_without_end_are_cut():
    steps = np.zeros(2, STEP_DTYPE)
    steps["bar"], steps["onset"], steps["bar_slots"], steps["pitch"] = [0, 65535], [0, 65535 * 48], 48, 60
    assert len(bar_views(steps)) <= MOST_BARS
