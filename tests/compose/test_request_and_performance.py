"""What may be asked for, and how a flat score is brought to life."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from stilo.compose.performance import RITARD, one_keyboard, performed
from stilo.compose.request import Request
from stilo.errors import RequestError
from stilo.music.score import Score, Tempo, TimeSignature, Track, notes_from_columns


@pytest.mark.parametrize(
    "given",
    [
        {"bars": 1},
        {"bars": 513},
        {"bars": -4},
        {"seed": -1},
        {"seed": 2**63},
        {"temperature": 0.0},
        {"temperature": 2.01},
        {"temperature": float("nan")},
        {"top_p": 0.0},
        {"top_p": 1.01},
        {"candidates": 0},
        {"candidates": 17},
        {"tempo_qpm": 19.9},
        {"tempo_qpm": 401.0},
        {"tempo_qpm": float("inf")},
        {"time_signature": (9, 4)},
        {"time_signature": (0, 4)},
        {"time_signature": (-3, 4)},
        {"time_signature": (4, 3)},
        {"time_signature": (4, 0)},
        {"time_signature": (1, 16)},
        {"key": "H major"},
        {"key": ""},
        {"key": "C" * 200},
    ],
    ids=str,
)
def test_what_cannot_be_composed_is_told_in_one_line(given):
    with pytest.raises(RequestError) as told:
        Request(**given)
    assert "\n" not in str(told.value)
    assert len(str(told.value)) < 300


@pytest.mark.parametrize(
    "given",
    [
        {"bars": 2},
        {"bars": 512},
        {"seed": 2**63 - 1},
        {"temperature": 0.1},
        {"top_p": 1.0},
        {"candidates": 16},
        {"tempo_qpm": 20.0},
        {"time_signature": (8, 4)},
        {"time_signature": (1, 8)},
        {"key": "f#"},
        {"key": "Bb major"},
    ],
    ids=str,
)
def test_the_edges_can_be_composed(given):
    request = Request(**given)
    assert all(getattr(request, name) == value for name, value in given.items())


def chords(bars: int, velocity: int | np.ndarray, metre=(4, 4)) -> Score:
    """Two notes on every quarter."""
    quarters = bars * metre[0] * 4 // metre[1]
    onsets = np.repeat(np.arange(quarters) * 480, 2)
    return Score(
        notes_from_columns(onsets, [480] * len(onsets), [48, 72] * quarters, velocity),
        (Track("Piano"),),
        tempos=(Tempo(0, 120.0),),
        time_signatures=(TimeSignature(0, *metre),),
    )


def test_a_flat_score_is_shaped():
    score = performed(chords(8, 80))
    velocity = score.notes["velocity"].astype(int)
    top, low = velocity[1::2], velocity[::2]
    assert np.isin(top - low, (7, 8)).all()  # the melody stands out
    beats = low.reshape(8, 4)
    assert (beats[:, 0] - beats[:, 1] > 0).any()
    assert beats[1:3].mean() > beats[[0, 3]].mean()  # the phrase swells and falls
    assert np.array_equal(beats[:4], beats[4:])
    assert velocity.min() >= 20
    assert velocity.max() <= 120
    for name in ("onset_ticks", "duration_ticks", "pitch", "track"):
        assert np.array_equal(score.notes[name], chords(8, 80).notes[name])


@pytest.mark.parametrize("beats", [3, 4, 5])
def test_the_bar_line_is_accented(beats):
    low = performed(chords(6, 80, (beats, 4))).notes["velocity"][::2].astype(int)
    bar_lines = np.arange(1, 6) * beats
    assert (low[bar_lines] - low[bar_lines - 1] >= 3).all()
    assert (low[bar_lines] - low[bar_lines + 1] >= 3).all()


def test_notes_between_the_beats_are_softer():
    score = chords(4, 80)
    notes = score.notes.copy()
    notes["onset_ticks"] = np.arange(len(notes)) * 240
    notes["pitch"] = 60
    played = performed(score.with_notes(notes)).notes["velocity"].astype(int)
    assert (played[1::2] < played[::2]).all()


@pytest.mark.parametrize("velocity", [1, 127])
def test_the_loudest_and_softest_stay_playable(velocity):
    shaped = performed(chords(4, velocity)).notes["velocity"]
    assert shaped.min() >= 20
    assert shaped.max() <= 120


def test_what_is_dynamic_already_stays():
    velocity = np.random.default_rng(0).integers(30, 110, 64)
    score = chords(8, velocity)
    assert np.array_equal(performed(score).notes, score.notes)


def test_the_last_bar_slows_down():
    score = performed(chords(8, 80))
    tempos = [(event.onset_ticks, event.quarters_per_minute) for event in score.tempos]
    last = 7 * 1920
    assert tempos[0] == (0, 120.0)
    assert [tempo / 120 for _, tempo in tempos[1:]] == pytest.approx(RITARD)
    assert tempos[1][0] == last
    assert all(last <= onset < last + 1920 for onset, _ in tempos[1:])
    assert all(a < b for (a, _), (b, _) in pairwise(tempos))


def test_drums_alone_keep_time_to_the_end():
    score = replace(chords(8, 80), tracks=(Track("Kit", 0, True),))
    assert performed(score).tempos == score.tempos


def test_short_pieces_and_those_with_tempos_of_their_own_do_not():
    short = chords(2, 80)
    assert performed(short).tempos == short.tempos
    turned = replace(chords(8, 80), tempos=(Tempo(0, 120.0), Tempo(1920, 90.0)))
    assert performed(turned).tempos == turned.tempos


@pytest.mark.parametrize("metre", [(1, 8), (2, 4), (7, 8), (6, 8)])
def test_every_metre_can_be_played(metre):
    score = performed(chords(8, 80, metre))
    assert len(score) > 0
    onsets = [event.onset_ticks for event in score.tempos]
    assert onsets == sorted(set(onsets))


def test_nothing_to_play():
    empty = Score(notes_from_columns([], [], []), (Track(),))
    assert performed(empty) == empty


def test_two_hands_play_one_keyboard():
    tracks = (Track("Flute", 73), Track("Piano", 0), Track("", 0), Track("Kit", 0, True))
    notes = notes_from_columns(
        [0, 0, 0, 480, 480], [480, 480, 960, 480, 480], [72, 60, 60, 48, 36], 80, [0, 1, 2, 2, 3]
    )
    score = one_keyboard(Score(notes, tracks))
    assert score.tracks == (tracks[0], tracks[1], tracks[3])
    kept = [(int(n["track"]), int(n["pitch"]), int(n["duration_ticks"])) for n in score.notes]
    assert kept == [(0, 72, 480), (1, 60, 960), (1, 48, 480), (2, 36, 480)]
    hands = (Track("Right Hand", 0), Track("Left Hand", 0))
    assert one_keyboard(Score(notes_from_columns([0, 0], 480, [60, 64], 80, [0, 1]), hands)).tracks == (Track("Piano"),)
    parts = (Track("MELODY", 0), Track("BRIDGE", 0), Track("PIANO", 0), Track("Left", 0))
    band = one_keyboard(Score(notes_from_columns([0] * 4, 480, [72, 64, 55, 40], 80, [0, 1, 2, 3]), parts))
    assert band.tracks == (parts[0], parts[1], Track("Piano", 0))
    assert band.notes["track"].tolist() == [0, 1, 2, 2]
    choir = Score(notes_from_columns([0, 0], [480, 480], [60, 64], 80, [0, 1]), (Track("", 52), Track("", 52)))
    assert one_keyboard(choir) == choir
