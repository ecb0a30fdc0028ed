import numpy as np
import pytest

from stilo.music.score import NOTE_DTYPE, Score, Tempo, TimeSignature, Track, notes_from_columns
from stilo.music.timeline import (
    bar_grid,
    duration_seconds,
    effective_time_signatures,
    main_tempo,
    main_time_signature,
    ticks_to_seconds,
)


def score(onsets, durations=None, **more):
    notes = notes_from_columns(onsets, durations or [480] * len(onsets), [60] * len(onsets))
    return Score(notes, (Track(),), 480, **more)


@pytest.mark.parametrize(
    ("column", "value", "said"),
    [
        ("onset_ticks", -1, "onsets"),
        ("duration_ticks", 0, "durations"),
        ("pitch", 128, "pitches"),
        ("pitch", -1, "pitches"),
        ("velocity", 0, "velocities"),
        ("velocity", 128, "velocities"),
        ("track", 1, "track"),
    ],
)
def test_impossible_notes_are_refused(column, value, said):
    notes = notes_from_columns([0], [1], [60])
    notes[column] = value
    with pytest.raises(ValueError, match=said):
        Score(notes, (Track(),))


def test_other_arrays_and_resolutions_are_refused():
    with pytest.raises(ValueError, match="NOTE_DTYPE"):
        Score(np.zeros(1), (Track(),))
    with pytest.raises(ValueError, match="32767"):
        Score(np.zeros(0, NOTE_DTYPE), (), ticks_per_quarter=40_000)


def test_notes_are_in_order_and_cannot_be_changed():
    piece = score([480, 0, 240])
    assert piece.notes["onset_ticks"].tolist() == [0, 240, 480]
    with pytest.raises(ValueError, match="read-only"):
        piece.notes["pitch"] = 3
    assert piece == score([0, 240, 480])
    assert piece != score([0, 240, 481])
    assert piece != "a score"


def test_another_resolution_is_the_same_music():
    piece = score([0, 240], tempos=(Tempo(480, 90.0),), time_signatures=(TimeSignature(960, 3, 4),))
    fine = piece.with_resolution(960)
    assert fine.notes["onset_ticks"].tolist() == [0, 480]
    assert (fine.tempos[0].onset_ticks, fine.time_signatures[0].onset_ticks) == (960, 1920)
    assert duration_seconds(fine) == duration_seconds(piece)
    assert fine.with_resolution(480) == piece
    assert piece.with_resolution(1).notes["duration_ticks"].min() == 1


def test_bars_follow_the_metre():
    piece = score([0, 5000], time_signatures=(TimeSignature(1920, 3, 4), TimeSignature(3360, 3, 4)))
    assert [(s.onset_ticks, s.numerator) for s in effective_time_signatures(piece)] == [(0, 4), (1920, 3)]
    grid = bar_grid(piece)
    assert grid.starts_ticks.tolist() == [0, 1920, 3360, 4800]
    assert grid.numerators.tolist() == [4, 3, 3, 3]
    assert grid.bar_of([0, 1919, 1920, 99_999]).tolist() == [0, 0, 1, 3]
    assert len(bar_grid(score([]))) == 1
    assert main_time_signature(piece) == TimeSignature(0, 3, 4)


def test_seconds_follow_the_tempo_map():
    piece = score([0, 3000], tempos=(Tempo(480, 60.0), Tempo(960, 240.0)))
    assert ticks_to_seconds(piece, [0, 480, 960, 1440]).tolist() == [0, 0.5, 1.5, 1.75]
    assert main_tempo(piece) == 240.0
    assert main_tempo(score([0])) == 120.0
