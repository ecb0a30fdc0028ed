"""Agreement of chords by hand."""

import numpy as np
import pytest

from stilo.elements.chords import chord_state
from stilo.models.chord_accuracy import MEASURES, agreement, summary
from stilo.models.chord_readings import NO_BASS, UNKNOWN, ChordTimes
from stilo.music.chords import parse_chord

TICKS = 480


def times(*given):
    """From (label, quarters); "?" is no chord of the vocabulary, over C."""
    bounds = np.cumsum([0, *(quarters for _, quarters in given)]) * TICKS
    chords = [None if label == "?" else parse_chord(label) for label, _ in given]
    states = [UNKNOWN if label == "?" else chord_state(chord) for (label, _), chord in zip(given, chords, strict=True)]
    lows = [NO_BASS if chord is None else chord.root if chord.bass is None else chord.bass for chord in chords]
    bass = [0 if state == UNKNOWN else low for state, low in zip(states, lows, strict=True)]
    return ChordTimes(bounds.astype(np.int64), np.array(states), np.array(bass))


def percent(reference, estimated):
    return summary([agreement(reference, estimated, TICKS)])


def test_the_same_agrees_in_all():
    song = times(("N", 1), ("C", 2), ("D:min7/b3", 2.5), ("G:sus4", 0.5))
    assert percent(song, song) == {name + suffix: 100.0 for name in MEASURES for suffix in ("", " by song")}


def test_each_measure_asks_for_its_own():
    reference = times(("C", 4), ("A:min", 4), ("G:7", 2))
    found = percent(reference, times(("C/3", 4), ("A:min7", 4), ("G:dim", 2)))
    assert found["root"] == 100
    assert found["quality"] == 40
    assert found["bass"] == 60
    assert found["majmin"] == 80
    assert found["chord"] == 40
    assert found["full"] == 0
    assert found["boundary"] == 100


def test_the_same_tones_over_the_same_bass_are_the_same_chord():
    assert percent(times(("C:maj6", 4)), times(("A:min7/b3", 4)))["full"] == 100
    assert percent(times(("C:maj6", 4)), times(("A:min7", 4)))["full"] == 0


def test_what_is_no_chord_of_ours_is_an_error_of_everyone():
    found = percent(times(("C", 3), ("?", 1)), times(("C", 4)))
    assert found["full"] == found["root"] == found["quality"] == 75
    assert found["bass"] == 100
    assert percent(times(("?", 1)), times(("N", 1)))["root"] == 0


def test_only_major_minor_and_none_count_for_majmin():
    assert percent(times(("C:dim", 4), ("C", 4)), times(("N", 4), ("C", 4)))["majmin"] == 100


def test_time_weighs_and_songs_count_alike_by_song():
    long, short = times(("C", 30)), times(("C", 10))
    rows = [agreement(long, times(("C", 30)), TICKS), agreement(short, times(("D", 10)), TICKS)]
    assert summary(rows)["full"] == 75
    assert summary(rows)["full by song"] == 50


def test_changes_are_found_within_a_sixteenth_and_only_once():
    reference = times(("C", 4), ("D", 4), ("E", 4))
    assert percent(reference, times(("C", 4.25), ("D", 4), ("E", 3.75)))["boundary"] == 100
    assert percent(reference, times(("C", 4.5), ("D", 3.5), ("E", 4)))["boundary"] == 50
    twice = percent(reference, times(("C", 3.9), ("G", 0.2), ("D", 3.9), ("E", 4)))
    assert twice["boundary"] == pytest.approx(100 * 4 / 5)


def test_where_nothing_is_estimated_there_is_no_chord():
    assert percent(times(("C", 4)), times(("C", 2)))["full"] == 50
