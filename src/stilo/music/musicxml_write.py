"""Scores to MusicXML 4.0 (W3C Community Group, 2021), as MuseScore and its like open it.

The quantised score is written. Losses: what quantising moves; ends and spread chords of parts that look played (see
`legible`); heads of a 32nd and of a triplet inside one eighth of one staff, of which one kind moves to the other; of
one pitch struck twice at once in a part, equal lengths, one note; a note struck again while it sounds ends there; more
than four voices to a staff; lengths of drum strokes; a key change inside a bar moves to the bar line. Without key
signatures the one is written whose scale holds most of the notes.
"""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from io import BytesIO
from xml.etree import ElementTree as ET

from stilo.music.instruments import PROGRAM_NAMES, drum_name
from stilo.music.layout import WrittenBar, written_bars
from stilo.music.metre import UNITS_PER_QUARTER
from stilo.music.midi_write import midi_channels
from stilo.music.musicxml_marks import Marks, direction_marks
from stilo.music.musicxml_part import Page, PartWriter, text_element
from stilo.music.quantise import quantised
from stilo.music.score import KeySignature, Score, Track
from stilo.music.smf import clean_text
from stilo.music.theory import fitting_fifths

_HEADER = (
    b'<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE score-partwise PUBLIC "-//Recordare//DTD MusicXML 4.0 Partwise'
    b'//EN" "http://www.musicxml.org/dtds/partwise.dtd">\n'
)


def musicxml_bytes(score: Score) -> bytes:
    """The quantised score as an uncompressed MusicXML file."""
    score = quantised(score).score
    bars = written_bars(score)
    keys = _bar_keys(score, bars)
    parts = [index for index in range(len(score.tracks)) if (score.notes["track"] == index).any()]
    root = ET.Element("score-partwise", version="4.0")
    _add_header(root, score)
    part_list = ET.SubElement(root, "part-list")
    channels = midi_channels(score.tracks)
    marks = direction_marks(score, bars)
    for number, index in enumerate(parts, 1):
        used = sorted(set(score.notes["pitch"][score.notes["track"] == index].tolist()))
        _add_part_entry(part_list, f"P{number}", score.tracks[index], channels[index], used)
        mine = marks if number == 1 else Marks.none(len(bars))
        root.append(PartWriter(f"P{number}", score, index, Page(bars, keys, mine)).element())
    ET.indent(root, " ")
    text: bytes = ET.tostring(root, "utf-8", xml_declaration=False)
    return _HEADER + text + b"\n"


def packed_musicxml(data: bytes) -> bytes:
    """An `.mxl` container around a MusicXML file; the same bytes for the same music."""
    container = (
        '<?xml version="1.0" encoding="UTF-8"?>\n<container><rootfiles><rootfile full-path="score.musicxml"'
        ' media-type="application/vnd.recordare.musicxml+xml"/></rootfiles></container>\n'
    )
    packed = BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in (("META-INF/container.xml", container.encode()), ("score.musicxml", data)):
            archive.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), content, zipfile.ZIP_DEFLATED)
    return packed.getvalue()


def _bar_keys(score: Score, bars: Sequence[WrittenBar]) -> list[KeySignature]:
    """The key signature in force in every bar."""
    units = score.ticks_per_quarter // UNITS_PER_QUARTER
    changes = list(score.key_signatures)
    if not changes:
        pitched = score.notes[~score.is_drum_note]
        changes = [KeySignature(0, fitting_fifths(pitched["pitch"], pitched["duration_ticks"]))]
    keys, current = [], KeySignature(0, 0)
    for bar in bars:
        while changes and changes[0].onset_ticks < (bar.start + bar.length) * units:
            current = changes.pop(0)
        keys.append(current)
    return keys


def _add_header(root: ET.Element, score: Score) -> None:
    title = clean_text(score.title)
    if title:
        text_element(ET.SubElement(root, "work"), "work-title", title)
        text_element(root, "movement-title", title)
    encoding = ET.SubElement(ET.SubElement(root, "identification"), "encoding")
    text_element(encoding, "software", "stilo")
    for element in ("accidental", "beam"):
        ET.SubElement(encoding, "supports", element=element, type="yes")


def _add_part_entry(part_list: ET.Element, part_id: str, track: Track, place: tuple[int, int], used: list[int]) -> None:
    entry = ET.SubElement(part_list, "score-part", id=part_id)
    name = clean_text(track.name) or ("Drums" if track.is_drum else PROGRAM_NAMES[track.program])
    text_element(entry, "part-name", name)
    sounds = [(f"{part_id}-I{key}", drum_name(key), key) for key in used] if track.is_drum else []
    for instrument_id, drum, _ in sounds:
        text_element(ET.SubElement(entry, "score-instrument", id=instrument_id), "instrument-name", drum)
    if not sounds:
        text_element(ET.SubElement(entry, "score-instrument", id=f"{part_id}-I1"), "instrument-name", name)
    for instrument_id, _, key in sounds or [(f"{part_id}-I1", "", -1)]:
        instrument = ET.SubElement(entry, "midi-instrument", id=instrument_id)
        text_element(instrument, "midi-channel", place[1] + 1)
        text_element(instrument, "midi-program", track.program + 1)
        if key >= 0:
            text_element(instrument, "midi-unpitched", key + 1)
