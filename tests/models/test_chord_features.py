"""What the chord net sees of a score."""

import numpy as np
import pytest

from stilo.elements.layout import lay_out
from stilo.models.chord_features import BASS, FRAME_SIZE, GROUPS, HIGH_ONSETS, LOW_ONSETS, SOUNDING, TOP, frames_of
from stilo.music.score import Score, TimeSignature, Track, notes_from_columns


def score_of(rows, metre=(4, 4)):
    """Rows of (onset, duration, pitch) in ticks of 480."""
    onset, duration, pitch = np.array(rows).T
    return Score(
        notes_from_columns(onset, duration, pitch), (Track("Piano", 0),), time_signatures=(TimeSignature(0, *metre),)
    )


def blocks_of(score):
    frames = frames_of(lay_out(score))
    return frames.values[:, : GROUPS * 12].reshape(-1, GROUPS, 12)


@pytest.mark.parametrize(("metre", "frames", "beats"), [((4, 4), 8, 4), ((6, 8), 6, 2), ((3, 4), 6, 3), ((2, 2), 8, 4)])
def test_beats_are_halved_and_in_compound_metres_cut_into_three(metre, frames, beats):
    bar = 1920 * metre[0] // metre[1]
    found = frames_of(lay_out(score_of([(0, 2 * bar, 60)], metre)))
    assert len(found.values) == 2 * frames
    assert found.on_beat.sum() == 2 * beats
    assert found.on_bar.nonzero()[0].tolist() == [0, frames]
    assert np.diff(found.bounds_ticks).tolist() == [bar // frames] * (2 * frames)


def test_notes_fill_the_frames_they_sound_in():
    blocks = blocks_of(score_of([(0, 960, 40), (120, 240, 64), (480, 480, 76), (1919, 1, 0)]))
    assert blocks[:, SOUNDING, 4].tolist() == [1, 1, 1, 1, 0, 0, 0, 0]
    assert blocks[:2, SOUNDING + 2, 4].tolist() == [0.5, 0.5]  # of 240 ticks from the 120th to the 360th
    assert blocks[:, SOUNDING + 3, 4].tolist() == [0, 0, 1, 1, 0, 0, 0, 0]
    assert blocks[:, LOW_ONSETS].sum() == 2
    assert blocks[:, HIGH_ONSETS].nonzero()[0].tolist() == [0, 2]
    assert blocks[:4, BASS, 4].tolist() == [1, 1, 1, 1]


def test_lowest_and_highest_are_told_apart():
    blocks = blocks_of(score_of([(0, 480, 48), (0, 480, 55), (0, 480, 64)]))
    assert blocks[0, BASS].nonzero()[0].tolist() == [0]
    assert blocks[0, TOP].nonzero()[0].tolist() == [4]


def test_a_transposition_turns_every_block():
    here, there = (blocks_of(score_of([(i * 200, 300, 61 + up + i % 7) for i in range(20)])) for up in (0, 3))
    assert np.allclose(np.roll(here, 3, axis=2), there, atol=1e-6)


PIANO, KIT = (Track("Piano", 0),), (Track("Kit", 0, True),)
ODD = {
    "no notes": Score(notes_from_columns([], [], []), PIANO),
    "one tick": Score(notes_from_columns([0], [1], [0]), PIANO, 1),
    "late": Score(notes_from_columns([100_000], [480], [127]), PIANO),
    "drums": Score(notes_from_columns([0, 480], [60, 60], [36, 38]), KIT),
    "every pitch": Score(notes_from_columns([0] * 128, [480] * 128, list(range(128))), PIANO),
    "over itself": Score(notes_from_columns([0, 10, 20], [480, 480, 480], [60, 60, 60]), PIANO),
    "strange metres": Score(
        notes_from_columns(np.arange(40) * 177, np.full(40, 170), np.arange(40) + 40),
        PIANO,
        time_signatures=tuple(TimeSignature(t, n, d) for t, n, d in ((0, 1, 32), (15, 11, 32), (900, 5, 1))),
    ),
}


@pytest.mark.parametrize("name", list(ODD))
def test_odd_scores_fit(name):
    score = ODD[name]
    frames = frames_of(lay_out(score))
    assert frames.values.shape == (len(frames.bounds_ticks) - 1, FRAME_SIZE)
    assert np.isfinite(frames.values).all()
    assert frames.values[:, : GROUPS * 12].min() >= 0
    assert frames.values.max() <= 1
    assert (np.diff(frames.bounds_ticks) > 0).all()
    assert frames.heard == bool((~score.is_drum_note).any())
