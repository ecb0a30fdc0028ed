from fractions import Fraction
from itertools import pairwise
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stilo.music.chords import parse_chord
from stilo.music.musicxml import parse_musicxml
from stilo.music.musicxml_write import musicxml_bytes, packed_musicxml
from stilo.music.quantise import quantised
from stilo.music.score import (
    ChordSymbol,
    KeySignature,
    Marker,
    Score,
    Tempo,
    TimeSignature,
    Track,
    notes_from_columns,
)


def measures(score):
    """The measures of every part of the written file: [parts][measures]."""
    return [part.findall("measure") for part in ET.fromstring(musicxml_bytes(score)).findall("part")]


def one_part(onsets, durations, pitches, signature=(4, 4), program=40, **more):
    """A score of one part; times in quarters."""
    ticks = [round(480 * Fraction(value)) for value in onsets], [round(480 * Fraction(value)) for value in durations]
    notes = notes_from_columns(*ticks, pitches)
    return Score(notes, (Track("Part", program),), 480, time_signatures=(TimeSignature(0, *signature),), **more)


def written_values(measure):
    """(type, dots, rest?, ties) of the notes of a measure, chord notes left out."""
    values = []
    for note in measure.findall("note"):
        if note.find("chord") is None:
            ties = "".join(sorted(tie.get("type")[2] for tie in note.findall("tie")))  # a(rt), o(p)
            values.append((note.findtext("type"), len(note.findall("dot")), note.find("rest") is not None, ties))
    return values


@st.composite
def quantised_scores(draw):
    """Several parts; in each up to two voices without overlaps, on 32nds or on triplets."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    signature = draw(
        st.sampled_from([(4, 4), (3, 4), (6, 8), (7, 8), (2, 2), (5, 4), (12, 8), (3, 8), (1, 4), (5, 16)])
    )
    parts = draw(st.integers(1, 3))
    rows = []
    for part in range(parts):
        # A bar of 5/16 ends inside an eighth, which is then no place for triplets.
        step = draw(st.sampled_from([3, 6] if signature[1] == 16 else [3, 4, 6, 8, 12, 24]))
        for voice in range(draw(st.integers(1, 2))):
            lengths = step * rng.integers(1, 12, 30)
            edges = np.cumsum(lengths)
            for start, end in pairwise(edges):
                # Ends off the sixteenths with nothing following would look played, and be made legible.
                if step in (6, 12, 24) and rng.random() < 0.2:
                    continue
                low = 36 + 24 * (1 - voice) + int(rng.integers(0, 12))
                rows += [(start, end - start, low + 3 * k, part) for k in range(rng.integers(1, 3))]
    rows = rows or [(0, 24, 61, 0)]
    starts, lengths, pitches, tracks = (np.array(column) for column in zip(*rows, strict=True))
    notes = notes_from_columns(20 * starts, 20 * lengths, pitches, rng.integers(1, 128, len(rows)), tracks)
    notes = notes[np.unique(notes[["track", "onset_ticks", "pitch"]], return_index=True)[1]]
    used = sorted(set(notes["track"].tolist()))
    notes["track"] = np.searchsorted(used, notes["track"])
    return quantised(
        Score(
            notes,
            tuple(Track(f"Part {index}", int(rng.integers(0, 128))) for index in used),
            480,
            tempos=(Tempo(0, 92.5), Tempo(960, 60.0)),
            time_signatures=(TimeSignature(0, *signature),),
            key_signatures=(KeySignature(0, int(rng.integers(-6, 7)), bool(rng.integers(0, 2))),),
            chord_symbols=(ChordSymbol(0, "C"), ChordSymbol(240, "A:min7/b3"), ChordSymbol(480, "N")),
            markers=(Marker(0, "Verse & refrain"),),
            title="Tune <1>",
        )
    ).score


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(quantised_scores())
def test_what_is_written_is_read_back(score):
    back = parse_musicxml(packed_musicxml(musicxml_bytes(score)))
    end = score.end_ticks
    columns = ["onset_ticks", "duration_ticks", "pitch", "velocity", "track"]
    assert back.notes[columns].tolist() == score.notes[columns].tolist()
    assert back.tracks == score.tracks
    assert back.time_signatures == score.time_signatures
    assert back.key_signatures == score.key_signatures
    assert (back.title, back.markers) == (score.title, score.markers)
    assert [c.onset_ticks for c in back.chord_symbols] == [
        c.onset_ticks for c in score.chord_symbols if c.onset_ticks < end
    ]
    for got, wanted in zip(back.chord_symbols, score.chord_symbols, strict=False):
        assert parse_chord(got.label) == parse_chord(wanted.label)
    assert back.tempos[0] == score.tempos[0]


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(quantised_scores())
def test_every_voice_fills_every_bar_and_tuplets_and_beams_close(score):
    for part in measures(score):
        for measure in part:
            filled, beams, open_tuplets = {}, {}, {}
            for note in measure.findall("note"):
                voice = note.findtext("voice")
                if note.find("chord") is None:
                    filled[voice] = filled.get(voice, 0) + int(note.findtext("duration"))
                for beam in note.findall("beam"):
                    key, state = (voice, beam.get("number")), beam.text
                    assert (state in ("continue", "end")) == beams.get(key, False), "a beam goes on that was not begun"
                    beams[key] = state in ("begin", "continue")
                for tuplet in note.findall("notations/tuplet"):
                    open_tuplets[voice] = open_tuplets.get(voice, 0) + (1 if tuplet.get("type") == "start" else -1)
                    assert open_tuplets[voice] in (0, 1)
            assert len(set(filled.values())) == 1
            assert not any(beams.values())
            assert not any(open_tuplets.values())


def test_written_values_last_as_long_as_they_say():
    rng = np.random.default_rng(11)
    edges = np.cumsum(rng.choice([3, 4, 6, 8, 12, 18, 36, 40], 200))
    score = one_part(edges[:-1] / 24, np.diff(edges) / 24, 60 + rng.integers(0, 12, 199), (3, 4))
    names = {"breve": 192, "whole": 96, "half": 48, "quarter": 24, "eighth": 12, "16th": 6, "32nd": 3}
    for measure in measures(score)[0]:
        for note in measure.findall("note"):
            if note.find("type") is None:
                continue  # a rest of the whole bar
            length = Fraction(names[note.findtext("type")]) * (2 - Fraction(1, 2 ** len(note.findall("dot"))))
            if note.find("time-modification") is not None:
                length = length * 2 / 3
            assert length == int(note.findtext("duration"))


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


def test_ids_that_xml_cannot_hold_are_left_out():
    score = one_part([0], [1], [60], title="a\x00b\x07 <&>", markers=(Marker(0, "x\x1by"),))
    back = parse_musicxml(musicxml_bytes(score))
    assert (back.title, back.markers[0].text) == ("ab <&>", "xy")


NOTE = "<note>{head}<pitch><step>{step}</step><octave>4</octave></pitch><duration>{duration}</duration>{tail}</note>"


def note(step="C", duration=4, head="", tail=""):
    return NOTE.format(step=step, duration=duration, head=head, tail=tail)


def document(*bars, entry="<part-name>Horn</part-name>", opening="<attributes><divisions>4</divisions></attributes>"):
    body = "".join(f"<measure number='{k}'>{opening if k == 0 else ''}{bar}</measure>" for k, bar in enumerate(bars))
    return (
        f"<score-partwise><part-list><score-part id='P'>{entry}</score-part></part-list>"
        f"<part id='P'>{body}</part></score-partwise>"
    ).encode()


def sounding(score):
    return [
        (row[0] / score.ticks_per_quarter, row[1] / score.ticks_per_quarter, row[2]) for row in score.notes.tolist()
    ]


def test_transposing_instruments_sound_where_they_sound():
    opening = (
        "<attributes><divisions>4</divisions><key><fifths>1</fifths></key>"
        "<transpose><diatonic>-4</diatonic><chromatic>-7</chromatic></transpose></attributes>"
    )
    score = parse_musicxml(document(note("C", 16), opening=opening))
    assert sounding(score) == [(0, 4, 53)]
    assert score.key_signatures == (KeySignature(0, 0),)
    assert score.tracks == (Track("Horn", 60),)


def test_ties_chords_graces_cues_and_two_voices():
    start, stop = "<tie type='start'/>", "<tie type='stop'/>"
    first = note("C", 12) + note("G", 4, tail=start) + "<backup><duration>16</duration></backup>" + note("E", 16)
    second = note("G", 8, tail=stop) + note("A", 8, head="<grace/>") + note("B", 4, head="<cue/>") + note("D", 4)
    second += note("F", 4, head="<chord/>")
    score = parse_musicxml(document(first, second))
    assert sounding(score) == [(0, 3, 60), (0, 4, 64), (3, 3, 67), (7, 1, 62), (7, 1, 65)]


def repeat(direction, times=""):
    return f"<barline><repeat direction='{direction}'{times}/></barline>"


def ending(kind, number):
    return f"<barline><ending type='{kind}' number='{number}'/></barline>"


def heard(*bars):
    """The steps in the order in which bars of one note each are heard."""
    names = {60: "C", 62: "D", 64: "E", 65: "F", 67: "G"}
    return "".join(names[pitch] for *_, pitch in sounding(parse_musicxml(document(*bars))))


def test_repeats_endings_and_jumps_are_played_out():
    c, d, e, f, g = (note(step, 16) for step in "CDEFG")
    assert heard(c, d + repeat("backward"), e) == "CDCDE"
    assert heard(c, repeat("forward") + d, e + repeat("backward", " times='3'"), f) == "CDEDEDEF"
    first = (
        ending("start", "1") + d + "<barline><ending type='stop' number='1'/><repeat direction='backward'/></barline>"
    )
    second = ending("start", "2") + e + ending("stop", "2")
    assert heard(c, first, second, f) == "CDCEF"
    sound = "<direction><direction-type><words>x</words></direction-type><sound {}/></direction>"
    assert heard(c, d + sound.format("fine='yes'"), e + sound.format("dacapo='yes'"), f) == "CDECD"
    coda = heard(
        c, sound.format("segno='s'") + d + sound.format("tocoda='c'"), e + sound.format("dalsegno='s'"), f,
        sound.format("coda='c'") + g,
    )  # fmt: skip
    assert coda == "CDEDG"


def test_bars_that_complete_each_other_at_a_repeat_are_one_bar():
    pickup, whole = note("G", 4), note("C", 16)
    time = "<attributes><time><beats>4</beats><beat-type>4</beat-type></time></attributes>"
    bars = [time + pickup, whole, note("D", 12) + repeat("backward")]
    signatures = parse_musicxml(document(*bars)).time_signatures
    assert signatures == (TimeSignature(0, 1, 4), TimeSignature(480, 4, 4))


def test_rests_in_other_parts_do_not_fill_a_pickup():
    rest = "<note><rest/><duration>16</duration></note>"
    opening = "<attributes><divisions>4</divisions></attributes>"
    parts = "".join(
        f"<part id='{name}'><measure>{opening}{first}</measure><measure>{note('C', 16)}</measure></part>"
        for name, first in (("A", note("G", 4)), ("B", rest))
    )
    score = parse_musicxml(f"<score-partwise><part-list/>{parts}</score-partwise>".encode())
    assert sounding(score)[:2] == [(0, 1, 67), (1, 4, 60)]


def test_timewise_scores_are_turned_round():
    timewise = f"<score-timewise><part-list/><measure><part id='A'>{note()}</part></measure></score-timewise>"
    assert sounding(parse_musicxml(timewise.encode())) == [(0, 4, 60)]


def test_tempo_dynamics_and_additive_metre():
    metre = "<attributes><divisions>4</divisions><time><beats>3+2</beats><beat-type>8</beat-type></time></attributes>"
    tempo = (
        "<direction><direction-type><metronome><beat-unit>quarter</beat-unit><beat-unit-dot/>"
        "<per-minute>c. 60</per-minute>"
        "</metronome></direction-type></direction><direction><direction-type><dynamics><ff/></dynamics></direction-type>"
        "</direction>"
    )
    score = parse_musicxml(document(tempo + note("C", 10), opening=metre))
    assert score.time_signatures == (TimeSignature(0, 5, 8),)
    assert score.tempos == (Tempo(0, 90.0),)
    assert score.notes["velocity"].tolist() == [106]


def test_music21_reads_the_same_notes(tune):
    from music21 import converter

    parsed = converter.parseData(musicxml_bytes(tune).decode(), format="musicxml")
    theirs = sorted(
        (round(float(element.getOffsetInHierarchy(parsed)) * 480), pitch.midi)
        for element in parsed.stripTies().recurse().notes
        for pitch in element.pitches
    )
    assert theirs == sorted(zip(tune.notes["onset_ticks"].tolist(), tune.notes["pitch"].tolist(), strict=True))


def test_verovio_engraves_every_note(tune):
    verovio = pytest.importorskip("verovio")
    toolkit = verovio.toolkit()
    data = musicxml_bytes(tune)
    assert toolkit.loadData(data.decode())
    pages = [toolkit.renderToSVG(page) for page in range(1, toolkit.getPageCount() + 1)]
    drawn = sum(page.count('class="note"') for page in pages)
    assert drawn == len([note for note in ET.fromstring(data).iter("note") if note.find("pitch") is not None])
