"""Whatever is written is whole, and read back by stilo and by other programs."""

from fractions import Fraction
from itertools import pairwise
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from written_measures import measures, one_part

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


def test_ids_that_xml_cannot_hold_are_left_out():
    score = one_part([0], [1], [60], title="a\x00b\x07 <&>", markers=(Marker(0, "x\x1by"),))
    back = parse_musicxml(musicxml_bytes(score))
    assert (back.title, back.markers[0].text) == ("ab <&>", "xy")


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
