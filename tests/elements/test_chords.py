"""Chords by name, by tones, by beat; and given from outside."""

import numpy as np
import pytest

from stilo.elements.chords import (
    NO_CHORD_STATE,
    QUALITIES,
    STATES,
    ChordSpan,
    block_chord,
    chord_label,
    chord_path,
    chord_state,
    quality_tones,
    state_chord,
)
from stilo.elements.layout import lay_out
from stilo.elements.profile import analyse
from stilo.errors import InputError
from stilo.music.chords import parse_chord, quality_places
from stilo.music.theory import Key


def test_the_tones_of_every_quality_are_those_of_its_harte_name():
    for name in QUALITIES:
        assert {7 * place % 12 for place in quality_places(name)} == set(quality_tones(name))


def test_every_state_is_the_state_of_its_chord():
    assert [chord_state(state_chord(state)) for state in range(STATES)] == list(range(STATES))
    assert chord_state(None) == NO_CHORD_STATE


@pytest.mark.parametrize(
    ("label", "nearest"),
    [
        ("C:9", "C:7"),
        ("D:maj9", "D:maj7"),
        ("E:sus4(b7)", "E:sus4"),
        ("G:min/b3", "G:min"),
        ("A:5", "N"),
        ("F#:1", "N"),
    ],
)
def test_a_quality_that_is_none_of_ours_is_the_richest_in_it(label, nearest):
    assert chord_state(parse_chord(label)) == chord_state(parse_chord(nearest))


@pytest.mark.parametrize(
    ("tones", "bass", "label"),
    [
        ({0, 4, 7}, 0, "C"),
        ({0, 4, 7}, 4, "C/3"),
        ({0, 4, 7, 9}, 0, "C:maj6"),
        ({0, 4, 7, 9}, 9, "A:min7"),
        ({0, 4, 7, 9}, 4, "A:min7/5"),
        ({0, 2, 7}, 0, "C:sus2"),
        ({0, 2, 7}, 7, "G:sus4"),
        ({0, 2, 7}, 2, "G:sus4/5"),
        ({2, 5, 8, 11}, 5, "F:dim7"),
        ({2, 6, 10}, 6, "F#:aug"),
    ],
)
def test_a_block_of_notes_is_read_on_its_bass_where_it_can_be(tones, bass, label):
    assert block_chord(tones, bass).label == label


@pytest.mark.parametrize("tones", [{0}, {0, 7}, {0, 1, 2}, {0, 2, 4, 7}, set(range(12))])
def test_what_is_no_chord_is_none(tones):
    assert block_chord(tones, 0) is None


def test_every_chord_over_each_of_its_tones_is_read_as_the_same_tones():
    for state in range(NO_CHORD_STATE):
        tones = state_chord(state).pitch_classes
        for bass in tones:
            read = block_chord(tones, bass)
            assert read.pitch_classes == tones
            assert read.bass == bass


def test_spans_hold_in_the_beat_of_which_they_fill_most(make_line):
    layout = lay_out(make_line([60] * 8, [1] * 8))
    spans = [ChordSpan(0.6, 1.5, "A:min/b3"), ChordSpan(2.1, 1.9, "G:7"), ChordSpan(5, 2, "N")]
    path = chord_path(layout, spans)
    a_minor, g = chord_state(parse_chord("A:min")), chord_state(parse_chord("G:7"))
    assert path.states.tolist() == [NO_CHORD_STATE, a_minor, g, g] + [NO_CHORD_STATE] * 4
    assert path.bass.tolist() == [-1, 0, 7, 7, -1, -1, -1, -1]
    assert (chord_path(layout, []).states == NO_CHORD_STATE).all()


def test_spans_of_odd_scores_give_every_beat_a_state(odd_score):
    layout = lay_out(odd_score)
    path = chord_path(layout, [ChordSpan(0.0, 1e6, "D:maj")])
    assert len(path.states) == len(path.bass) == len(layout.beat_bar)
    assert set(np.unique(path.states)) == {chord_state(parse_chord("D:maj"))}


def test_chords_that_are_given_are_those_of_the_profile(make_piece):
    piece = make_piece(1)
    given = (ChordSpan(0, 16, "C:maj6"), ChordSpan(16, 32, "F:min6/b3"))
    profile = analyse(piece, given)
    assert profile.piece.chords == given
    assert profile.harmony.inversion_share == pytest.approx(2 / 3)
    assert len(profile.harmony.transitions) == 1
    assert analyse(piece).piece.chords != given


def test_a_label_that_says_nothing_is_told(make_piece):
    with pytest.raises(InputError, match="H:foo"):
        analyse(make_piece(1), [ChordSpan(0, 4, "H:foo")])


@pytest.mark.parametrize(
    ("key", "roots"),
    [
        (Key(0, "major"), "C Db D Eb E F F# G Ab A Bb B"),
        (Key(7, "major"), "C C# D Eb E F F# G Ab A Bb B"),
        (Key(9, "major"), "C C# D D# E F F# G G# A Bb B"),
        (Key(9, "minor"), "C C# D D# E F F# G G# A Bb B"),
        (Key(0, "minor"), "C Db D Eb E F F# G Ab A Bb B"),
        (Key(6, "major"), "C C# D D# E E# F# G G# A A# B"),
        (Key(1, "major"), "C Db D Eb E F Gb G Ab A Bb Cb"),
    ],
)
def test_chords_foreign_to_the_key_are_borrowed_ones(key, roots):
    labels = [chord_label(state, -1, key) for state in range(12)]
    assert [label.partition(":")[0] for label in labels] == roots.split()


def test_diminished_chords_stand_on_leading_notes():
    state = chord_state(parse_chord("Db:dim7"))
    assert chord_label(state, -1, Key(0, "major")) == "C#:dim7"
