"""How music is written down: values, voices, clefs, accidentals."""

from fractions import Fraction
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from written_measures import measures, one_part

from stilo.music.musicxml import parse_musicxml
from stilo.music.musicxml_write import musicxml_bytes
from stilo.music.score import (
    KeySignature,
    Score,
    Tempo,
    TimeSignature,
    Track,
    notes_from_columns,
)


def written_values(measure):
    """(type, dots, rest?, ties) of the notes of a measure, chord notes left out."""
    values = []
    for note in measure.findall("note"):
        if note.find("chord") is None:
            ties = "".join(sorted(tie.get("type")[2] for tie in note.findall("tie")))  # a(rt), o(p)
            values.append((note.findtext("type"), len(note.findall("dot")), note.find("rest") is not None, ties))
    return values


@pytest.mark.parametrize(
    ("signature", "onset", "length", "values"),
    [
        ((4, 4), 0, 4, ["whole"]),
        ((4, 4), "1/2", 1, ["quarter"]),
        ((4, 4), "3/2", 1, ["eighth", "eighth"]),  # the middle of the bar shows
        ((4, 4), 1, 2, ["half"]),
        ((4, 4), 0, "5/2", ["half", "eighth"]),
        ((3, 4), 1, 2, ["half"]),
        ((6, 8), 0, 3, ["half."]),
        ((6, 8), 1, "3/2", ["eighth", "quarter"]),  # the second beat shows
        ((7, 8), 0, "7/2", ["quarter", "quarter", "quarter."]),
        ((2, 4), 1, 3, ["quarter", "half"]),
    ],
)
def test_no_value_hides_the_beat(signature, onset, length, values):
    bars = measures(one_part([onset], [length], [60], signature))[0]
    written = [v for bar in bars for v in written_values(bar) if not v[2]]
    assert [name + "." * dots for name, dots, _, _ in written] == values
    assert [ties for *_, ties in written] == ([""] if len(values) == 1 else ["a"] + ["ao"] * (len(values) - 2) + ["o"])


def test_triplets_are_groups_of_three():
    third = Fraction(1, 3)
    bar = measures(one_part([0, third, 2 * third, 1], [third, third, third, 3], [60, 62, 64, 65]))[0][0]
    notes = bar.findall("note")
    assert [note.findtext("time-modification/actual-notes") for note in notes] == ["3", "3", "3", None]
    assert [note.findtext("beam") for note in notes] == ["begin", "continue", "end", None]
    assert notes[0].find("notations/tuplet").get("type") == "start"
    assert notes[2].find("notations/tuplet").get("type") == "stop"


def test_two_rhythms_at_once_are_two_voices_upper_first():
    bar = measures(one_part([0, 1, 2, 3, 0], [1, 1, 1, 1, 4], [72, 74, 76, 77, 60]))[0][0]
    voices = {n.findtext("voice"): [] for n in bar.findall("note")}
    for note in bar.findall("note"):
        voices[note.findtext("voice")].append(note.findtext("pitch/step"))
    assert voices == {"1": ["C", "D", "E", "F"], "2": ["C"]}


def test_a_held_bass_lies_below_what_enters_over_it():
    bar = measures(one_part([0, 1, 2, 3], [4, 1, 1, 1], [48, 60, 62, 64]))[0][0]
    lower = [note for note in bar.findall("note") if note.findtext("voice") == "2"]
    assert [note.findtext("type") for note in lower] == ["whole"]


def test_played_music_is_made_legible_and_written_music_left_alone():
    rng = np.random.default_rng(4)
    written = one_part(np.arange(64) / 2, [Fraction(1, 2)] * 64, rng.integers(60, 72, 64))
    notes = written.notes.copy()
    notes["onset_ticks"] = np.maximum(0, notes["onset_ticks"] + rng.integers(-30, 30, 64))
    notes["duration_ticks"] -= rng.integers(60, 140, 64)
    played = written.with_notes(notes)
    values = [value for bar in measures(played)[0] for value in written_values(bar)]
    assert values == [value for bar in measures(written)[0] for value in written_values(bar)]
    assert set(values) == {("eighth", 0, False, "")}


def test_a_wide_piano_part_has_two_staves_and_a_flute_one():
    onsets, durations = [0] * 8, [4] * 8
    pitches = [36, 43, 48, 52, 64, 67, 72, 76]
    piano = measures(one_part(onsets, durations, pitches, program=0))[0][0]
    assert piano.findtext("attributes/staves") == "2"
    assert [c.findtext("sign") for c in piano.findall("attributes/clef")] == ["G", "F"]
    staves = {
        note.findtext("pitch/step") + note.findtext("pitch/octave"): note.findtext("staff")
        for note in piano.findall("note")
    }
    assert (staves["C2"], staves["E5"]) == ("2", "1")
    assert measures(one_part(onsets, durations, pitches, program=73))[0][0].find("attributes/staves") is None


@pytest.mark.parametrize(
    ("program", "pitches", "clef"),
    [
        (40, [67, 72], ("G", None)),
        (42, [40, 45], ("F", None)),
        (41, [55, 62], ("C", None)),
        (33, [30, 35], ("F", "-1")),
        (52, [52, 62], ("G", "-1")),
        (52, [62, 69], ("G", None)),
        (52, [45, 52], ("F", None)),
    ],
)
def test_clefs_need_few_ledger_lines(program, pitches, clef):
    element = measures(one_part([0, 1], [1, 1], pitches, program=program))[0][0].find("attributes/clef")
    assert (element.findtext("sign"), element.findtext("clef-octave-change")) == clef


def test_accidentals_hold_for_the_bar_and_are_taken_back():
    keys = (KeySignature(0, 1),)
    score = one_part(range(8), [1] * 8, [66, 65, 65, 66, 65, 66, 61, 61], key_signatures=keys)
    first, second = ([n.findtext("accidental") for n in m.findall("note")] for m in measures(score)[0])
    assert first == [None, "natural", None, "sharp"]
    assert second == ["natural", "sharp", "sharp", None]


def test_a_short_first_bar_is_a_pickup():
    notes = notes_from_columns([0, 480, 2400], [480, 1920, 480], [67, 72, 72])
    score = Score(notes, (Track("", 40),), 480, time_signatures=(TimeSignature(0, 1, 4), TimeSignature(480, 4, 4)))
    bars = measures(score)[0]
    assert (bars[0].get("number"), bars[0].get("implicit"), bars[1].get("number")) == ("0", "yes", "1")
    assert bars[0].findtext("attributes/time/beats") == "4"
    assert bars[1].find("attributes/time") is None
    assert parse_musicxml(musicxml_bytes(score)).time_signatures == score.time_signatures


def test_drums_stand_on_a_percussion_staff():
    notes = notes_from_columns([0, 0, 240, 480, 480, 720], [60] * 6, [36, 42, 42, 38, 42, 46], 90)
    score = Score(notes, (Track("Kit", 0, True),), 480)
    bar = measures(score)[0][0]
    assert bar.findtext("attributes/clef/sign") == "percussion"
    assert bar.findall("note/pitch") == []
    assert {n.findtext("notehead") for n in bar.findall("note") if n.find("unpitched") is not None} == {
        "x",
        "normal",
        "circle-x",
    }
    back = parse_musicxml(musicxml_bytes(score))
    assert back.tracks == score.tracks
    assert (
        back.notes[["onset_ticks", "pitch", "velocity"]].tolist()
        == score.notes[["onset_ticks", "pitch", "velocity"]].tolist()
    )


def test_the_whole_is_named_marked_and_closed(tune):
    root = ET.fromstring(musicxml_bytes(tune))
    assert root.findtext("part-list/score-part/part-name")
    assert root.find("part-list/score-part/midi-instrument/midi-program") is not None
    last = root.find("part").findall("measure")[-1]
    assert last.findtext("barline/bar-style") == "light-heavy"
    metronome = musicxml_bytes(one_part([0], [3], [60], (6, 8), tempos=(Tempo(0, 90.0),)))
    assert b"<beat-unit-dot" in metronome
    assert b"<per-minute>60<" in metronome
