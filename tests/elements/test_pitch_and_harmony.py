"""Pitches, keys and chords that are known."""

import numpy as np
import pytest

from stilo.elements.chords import NO_CHORD_STATE
from stilo.elements.harmony import degree_name
from stilo.elements.profile import analyse
from stilo.elements.tension import measure_tension
from stilo.music.chords import parse_chord
from stilo.music.score import Score, Track, notes_from_columns
from stilo.music.theory import Key, parse_key

MAJOR_CADENCE = ["C", "F", "G:7", "C", "A:min", "D:min", "G:7", "C"]
MINOR_CADENCE = ["A:min", "D:min", "E:7", "A:min", "F", "B:dim", "E:7", "A:min"]


def chord_score(labels: list[str], quarters: int = 4, above: int = 0) -> Score:
    """Each chord held for `quarters`, its root in the bass."""
    rows = []
    for i, label in enumerate(labels):
        chord = parse_chord(label)
        tones = sorted(chord.pitch_classes, key=lambda tone: (tone - chord.root) % 12)
        rows.append((i * quarters * 480, 36 + chord.root + above))
        rows += [(i * quarters * 480, 60 + tone + above) for tone in tones]
    onset, pitch = np.array(rows).T
    return Score(notes_from_columns(onset, np.full(len(onset), quarters * 480), pitch), (Track(),))


@pytest.mark.parametrize("above", range(12))
@pytest.mark.parametrize(("labels", "key"), [(MAJOR_CADENCE, "C major"), (MINOR_CADENCE, "A minor")])
def test_key_of_a_cadence_in_all_transpositions(labels, key, above):
    home = parse_key(key)
    assert analyse(chord_score(labels, above=above)).piece.key == str(Key((home.tonic + above) % 12, home.mode))


@pytest.mark.parametrize("labels", [MAJOR_CADENCE, MINOR_CADENCE])
@pytest.mark.parametrize("quarters", [2, 4, 8])
def test_chords_are_found_where_they_are(labels, quarters):
    chords = analyse(chord_score(labels, quarters)).piece.chords
    assert [chord.label for chord in chords] == labels
    assert [chord.onset_quarters for chord in chords] == [i * quarters for i in range(len(labels))]
    assert {chord.duration_quarters for chord in chords} == {quarters}


@pytest.mark.parametrize("label", ["C:maj7", "D:min7", "G:7", "B:hdim7", "B:dim7", "F:aug", "G:sus4"])
def test_qualities_are_told_apart(label):
    chords = analyse(chord_score(["C", "C", label, label, "C", "C"])).piece.chords
    assert chords[1].label == label


def test_inversions_and_silence():
    notes = notes_from_columns([0, 0, 0, 3840, 3840, 3840], [1920] * 6, [52, 60, 67, 48, 60, 64])
    chords = analyse(Score(notes, (Track(),))).piece.chords
    assert [chord.label for chord in chords] == ["C/3", "N", "C"]
    assert [chord.onset_quarters for chord in chords] == [0, 4, 8]


def test_harmony_figures_of_a_cadence():
    harmony = analyse(chord_score(MAJOR_CADENCE)).harmony
    assert list(harmony.chords)[:2] == ["I", "V7"]
    assert harmony.chords["I"] == pytest.approx(3 / 8)
    assert harmony.transitions["V7→I"] == pytest.approx(2 / 7, abs=1e-5)
    assert harmony.chord_changes_per_bar == 1
    assert harmony.seventh_share == pytest.approx(2 / 8)
    assert harmony.major == 1
    assert harmony.diatonic_share == 1
    assert harmony.authentic_share == pytest.approx(5 / 7, abs=1e-5)  # I-IV, V-I, vi-ii, ii-V, V-I
    assert harmony.inversion_share == 0


def test_degrees_are_named_from_the_tonic():
    assert degree_name(9 + 12, 0) == "vi"
    assert degree_name(7 + 24, 0) == "V7"
    assert degree_name(10, 0) == "♭VII"
    assert degree_name(NO_CHORD_STATE, 5) == "N"


def test_consonance_orders_fifths_thirds_and_seconds():
    def dyads(interval: int) -> float:
        notes = notes_from_columns([0, 0], [1920, 1920], [60, 60 + interval])
        return analyse(Score(notes, (Track(),))).harmony.consonance

    assert dyads(7) == pytest.approx(1.24)
    assert dyads(4) == pytest.approx(0.386)
    assert dyads(1) == pytest.approx(-1.428)
    assert dyads(6) == pytest.approx(-0.453)


def test_tension_is_least_at_home_and_the_same_in_every_key():
    home = np.zeros((1, 12))
    home[0, [0, 4, 7]] = 1
    strains = [measure_tension(np.roll(home, step, axis=1), Key(0, "major")).strain[0] for step in range(12)]
    assert min(range(12), key=lambda step: strains[step]) == 0
    assert strains[6] > strains[7]  # the tritone's chord is further than the dominant
    moved = measure_tension(np.roll(home, 3, axis=1), Key(3, "major"))
    assert moved.strain[0] == pytest.approx(strains[0])


def test_spiral_array_distances():
    """Of two pitches a fifth apart: √(2 + 2/15), Chew's choice of the rise makes a major third √(32/15)."""
    third, fifth = np.zeros((1, 12)), np.zeros((1, 12))
    third[0, [0, 4]] = 1
    fifth[0, [0, 7]] = 1
    assert measure_tension(fifth, Key(0, "major")).diameter[0] == pytest.approx(np.sqrt(32 / 15))
    assert measure_tension(third, Key(0, "major")).diameter[0] == pytest.approx(np.sqrt(32 / 15))


def test_pitch_figures_of_a_scale(make_line):
    scale = [60, 62, 64, 65, 67, 69, 71, 72]
    pitch = analyse(make_line(scale, [1] * 8)).pitch
    assert pitch.range == 12
    assert pitch.step_share == 1
    assert pitch.leap_share == 0
    assert pitch.chromaticism == 0
    assert pitch.contour[8] == 1
    assert pitch.intervals[12 + 2] == pytest.approx(5 / 7, abs=1e-5)
    assert pitch.classes[0] == 0.25
    assert pitch.instruments == {next(iter(pitch.instruments)): 1.0}


def test_the_compass_of_a_melody_is_lowest_to_highest(make_line):
    """An eleventh of which the top is touched once; and a long line with a stray note at either end."""
    tune = [60, 62, 64, 62] * 10 + [77] + [64, 62, 60] * 10
    assert analyse(make_line(tune, [1] * len(tune))).pitch.melody_range == 17
    long = [60, 62, 64, 67] * 60 + [20, 60, 110]
    pitch = analyse(make_line(long, [1] * len(long))).pitch
    assert (pitch.melody_range, pitch.range) == (7, 90)
    assert analyse(make_line([60], [1])).pitch.melody_range == 0


def test_where_the_top_of_chords_rests_the_bass_is_no_melody():
    tune = np.array([72, 74, 76, 79] * 15)
    tune[[20, 40]] = 0  # rests, in which the chord alone begins
    heard = tune > 0
    onset = np.concatenate([np.flatnonzero(heard), np.arange(60).repeat(2)]) * 480
    pitch = np.concatenate([tune[heard], np.tile([36, 43], 60)])
    score = Score(notes_from_columns(onset, np.full(len(onset), 480), pitch), (Track("Piano"),))
    assert analyse(score).pitch.melody_range == 7


def test_leaps_that_turn_back(make_line):
    assert analyse(make_line([60, 67, 65, 72, 71, 64, 65], [1] * 7)).pitch.gap_fill == 1
    assert analyse(make_line([60, 67, 69, 60, 58], [1] * 5)).pitch.gap_fill == 0


def test_arch_of_rising_and_falling_lines(make_line):
    arch = [60, 62, 64, 65, 67, 69, 71, 72, 72, 71, 69, 67, 65, 64, 62, 60]
    assert analyse(make_line(arch * 2, [1] * 32)).pitch.arch > 4
    assert analyse(make_line([132 - pitch for pitch in arch * 2], [1] * 32)).pitch.arch < -4


def test_melody_is_the_top_line():
    onsets = np.tile(np.arange(8) * 480, 2)
    pitches = np.concatenate([np.full(8, 60), 72 + np.arange(8)])
    notes = notes_from_columns(onsets, np.full(16, 480), pitches, 80, np.repeat([0, 1], 8))
    assert analyse(Score(notes, (Track("Left"), Track("Right")))).pitch.melody_pitch == pytest.approx(75.5)
