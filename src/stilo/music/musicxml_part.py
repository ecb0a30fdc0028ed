"""One part of a MusicXML file: measures, staves, voices, notes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from xml.etree import ElementTree as ET

import numpy as np

from stilo.music.instruments import DRUM_PLACES, OTHER_DRUM_PLACE
from stilo.music.layout import Symbol, Voice, WrittenBar, bar_voices, clef_of, drum_voices, part_page
from stilo.music.metre import UNITS_PER_QUARTER, VALUE_NAMES
from stilo.music.musicxml_marks import Marks
from stilo.music.score import KeySignature, Score
from stilo.music.theory import line_name, line_places, spelling
from stilo.music.voices import MAX_VOICES, Head

_ACCIDENTALS = {-2: "flat-flat", -1: "flat", 0: "natural", 1: "sharp", 2: "double-sharp"}
_FULL_VELOCITY = 90  # what MusicXML calls dynamics 100


def text_element(parent: ET.Element, tag: str, text: object = None, **attributes: str) -> ET.Element:
    """A child element with text."""
    element = ET.SubElement(parent, tag, attributes)
    if text is not None:
        element.text = str(text)
    return element


@dataclass(frozen=True)
class _Where:
    """Where a symbol stands: indices of bar and staff, voice number, and the accidentals printed in this bar."""

    bar: int
    staff: int
    voice: int
    accidentals: dict[tuple[int, int], str]


@dataclass(frozen=True)
class Page:
    """What all parts have in common: their bars, the key signature of each bar, the marks above the part."""

    bars: list[WrittenBar]
    keys: list[KeySignature]
    marks: Marks


class PartWriter:
    """One part, bar after bar."""

    def __init__(self, part_id: str, score: Score, track: int, page: Page) -> None:
        self.part_id, self.bars, self.keys, self.marks = part_id, page.bars, page.keys, page.marks
        self.track = score.tracks[track]
        own_page = part_page(score, track, page.bars)
        self.staves, self.most_voices = own_page.staves, 2 if own_page.is_played else MAX_VOICES
        self.places = self._spelled()
        self.before: list[list[float]] = [[] for _ in self.staves]

    def _spelled(self) -> list[dict[int, int]]:
        """For every bar, the place on the line of fifths of every pitch in it."""
        spelled = []
        for index, key in enumerate(self.keys):
            pitches = sorted({head.pitch for staff in self.staves for head in staff[index]})
            places = line_places(np.array(pitches, np.int64), key.fifths, key.is_minor).tolist()
            spelled.append(dict(zip(pitches, places, strict=True)))
        return spelled

    def element(self) -> ET.Element:
        part = ET.Element("part", id=self.part_id)
        first = 0 if self.bars[0].is_pickup else 1
        for index, bar in enumerate(self.bars):
            measure = ET.SubElement(part, "measure", number=str(index + first))
            if bar.is_pickup:
                measure.set("implicit", "yes")
            self._add_attributes(measure, index)
            for staff in range(len(self.staves)):
                if staff:
                    _add_move(measure, "backup", bar.length)
                self._add_staff(measure, index, staff)
            if index == len(self.bars) - 1:
                barline = ET.SubElement(measure, "barline", location="right")
                text_element(barline, "bar-style", "light-heavy")
        return part

    def _add_attributes(self, measure: ET.Element, index: int) -> None:
        bar, key = self.bars[index], self.keys[index]
        before = self.bars[index - 1] if index else None
        key_before = self.keys[index - 1] if index else None
        new_key = key_before is None or replace(key_before, onset_ticks=key.onset_ticks) != key
        shown, shown_before = bar.signature, before.signature if before else None
        new_time = shown_before is None or (shown.numerator, shown.denominator) != (
            shown_before.numerator,
            shown_before.denominator,
        )
        if not new_key and not new_time:
            return
        attributes = ET.SubElement(measure, "attributes")
        if index == 0:
            text_element(attributes, "divisions", UNITS_PER_QUARTER)
        if new_key:
            element = ET.SubElement(attributes, "key")
            text_element(element, "fifths", 0 if self.track.is_drum else key.fifths)
            text_element(element, "mode", "minor" if key.is_minor else "major")
        if new_time:
            time = ET.SubElement(attributes, "time")
            text_element(time, "beats", shown.numerator)
            text_element(time, "beat-type", shown.denominator)
        if index == 0:
            self._add_clefs(attributes)

    def _add_clefs(self, attributes: ET.Element) -> None:
        if len(self.staves) > 1:
            text_element(attributes, "staves", len(self.staves))
        for number, staff in enumerate(self.staves, 1):
            clef = ("G", 2, 0) if number == 1 else ("F", 4, 0)
            if len(self.staves) == 1:
                clef = clef_of(self.track, [head.pitch for heads in staff for head in heads])
            element = ET.SubElement(attributes, "clef", {"number": str(number)} if len(self.staves) > 1 else {})
            text_element(element, "sign", clef[0])
            text_element(element, "line", clef[1])
            if clef[2]:
                text_element(element, "clef-octave-change", clef[2])

    def _add_staff(self, measure: ET.Element, index: int, staff: int) -> None:
        bar, heads = self.bars[index], self.staves[staff][index]
        if self.track.is_drum:
            voices = drum_voices(heads, bar)
        else:
            voices = bar_voices(heads, bar, self.before[staff], self.most_voices)
        self.before[staff] = [_mean_pitch(voice) for voice in voices]
        accidentals = self._accidentals(voices, index)
        first_voice = staff * MAX_VOICES + 1
        marks = self.marks.of_bar(index) if staff == 0 else []
        if not voices:
            for mark in marks:
                _append_mark(measure, mark, 0)
            self._add_bar_rest(measure, bar, first_voice, staff)
        for number, voice in enumerate(voices):
            if number:
                _add_move(measure, "backup", bar.length)
            where = _Where(index, staff, first_voice + number, accidentals)
            for symbol in voice:
                at = symbol.piece.start - bar.shift
                while number == 0 and marks and (marks[0][0] < at + symbol.piece.length or symbol is voice[-1]):
                    _append_mark(measure, marks.pop(0), at)
                self._add_symbol(measure, symbol, where)

    def _add_bar_rest(self, measure: ET.Element, bar: WrittenBar, voice: int, staff: int) -> None:
        note = ET.SubElement(measure, "note")
        ET.SubElement(note, "rest", {} if bar.is_pickup else {"measure": "yes"})
        text_element(note, "duration", bar.length)
        text_element(note, "voice", voice)
        if len(self.staves) > 1:
            text_element(note, "staff", staff + 1)

    def _accidentals(self, voices: Iterable[Voice], index: int) -> dict[tuple[int, int], str]:
        """The accidentals to print in one staff of one bar, by (identity of the symbol, pitch)."""
        if self.track.is_drum:
            return {}
        signature = {line_name(place)[0]: line_name(place).count("#") - line_name(place).count("b")
                     for place in range(self.keys[index].fifths - 1, self.keys[index].fifths + 6)}  # fmt: skip
        heard: dict[tuple[str, int], int] = {}
        printed: dict[tuple[int, int], str] = {}
        for symbol in sorted((s for voice in voices for s in voice if s.heads), key=lambda s: s.piece.start):
            for head in symbol.heads:
                if head.pitch in symbol.tied_back:
                    continue
                name = spelling(head.pitch, self.places[index][head.pitch])
                line = (name.letter, name.octave)
                if heard.get(line, signature[name.letter]) != name.alteration:
                    printed[id(symbol), head.pitch] = _ACCIDENTALS[name.alteration]
                heard[line] = name.alteration
        return printed

    def _add_symbol(self, measure: ET.Element, symbol: Symbol, where: _Where) -> None:
        if not symbol.heads:
            note = ET.SubElement(measure, "note")
            ET.SubElement(note, "rest")
            text_element(note, "duration", symbol.piece.length)
            self._add_value(note, symbol, where)
            _add_notations(note, symbol, None, True)
        for order, head in enumerate(symbol.heads):
            note = ET.SubElement(measure, "note", dynamics=f"{100 * head.velocity / _FULL_VELOCITY:.2f}")
            if order:
                ET.SubElement(note, "chord")
            self._add_pitch(note, head, where.bar)
            text_element(note, "duration", symbol.piece.length)
            for kind, tied in (("stop", symbol.tied_back), ("start", symbol.tied_on)):
                if head.pitch in tied:
                    ET.SubElement(note, "tie", type=kind)
            if self.track.is_drum:
                ET.SubElement(note, "instrument", id=f"{self.part_id}-I{head.pitch}")
            self._add_value(note, symbol, where, head, order == 0)
            _add_notations(note, symbol, head, order == 0)

    def _add_value(
        self, note: ET.Element, symbol: Symbol, where: _Where, head: Head | None = None, is_first: bool = False
    ) -> None:
        """Voice, written value, accidental, staff and beams, in the order of the schema."""
        text_element(note, "voice", where.voice)
        text_element(note, "type", VALUE_NAMES[symbol.piece.value])
        for _ in range(symbol.piece.dots):
            ET.SubElement(note, "dot")
        if head is not None and (id(symbol), head.pitch) in where.accidentals:
            text_element(note, "accidental", where.accidentals[id(symbol), head.pitch])
        if symbol.piece.tuplet is not None:
            modification = ET.SubElement(note, "time-modification")
            text_element(modification, "actual-notes", 3)
            text_element(modification, "normal-notes", 2)
        if head is not None and self.track.is_drum:
            text_element(note, "stem", "down" if where.voice > 1 else "up")
            text_element(note, "notehead", DRUM_PLACES.get(head.pitch, OTHER_DRUM_PLACE)[2])
        if len(self.staves) > 1:
            text_element(note, "staff", where.staff + 1)
        for level, state in enumerate(symbol.beams if is_first else (), 1):
            text_element(note, "beam", state, number=str(level))

    def _add_pitch(self, note: ET.Element, head: Head, index: int) -> None:
        if self.track.is_drum:
            step, octave, _, _ = DRUM_PLACES.get(head.pitch, OTHER_DRUM_PLACE)
            unpitched = ET.SubElement(note, "unpitched")
            text_element(unpitched, "display-step", step)
            text_element(unpitched, "display-octave", octave)
            return
        name = spelling(head.pitch, self.places[index][head.pitch])
        pitch = ET.SubElement(note, "pitch")
        text_element(pitch, "step", name.letter)
        if name.alteration:
            text_element(pitch, "alter", name.alteration)
        text_element(pitch, "octave", name.octave)


def _mean_pitch(voice: Voice) -> float:
    pitches = Counter(head.pitch for symbol in voice for head in symbol.heads)
    return sum(pitch * count for pitch, count in pitches.items()) / max(1, pitches.total())


def _add_notations(note: ET.Element, symbol: Symbol, head: Head | None, is_first: bool) -> None:
    tied = [] if head is None else [
        kind for kind, pitches in (("stop", symbol.tied_back), ("start", symbol.tied_on)) if head.pitch in pitches
    ]  # fmt: skip
    tuplet = [kind for kind, is_here in (("start", symbol.begins_tuplet), ("stop", symbol.ends_tuplet)) if is_here]
    if not tied and not (tuplet and is_first):
        return
    notations = ET.SubElement(note, "notations")
    for kind in tied:
        ET.SubElement(notations, "tied", type=kind)
    for kind in tuplet if is_first else []:
        attributes = {"bracket": "no" if symbol.beams else "yes"} if kind == "start" else {}
        ET.SubElement(notations, "tuplet", {"type": kind, **attributes})


def _add_move(measure: ET.Element, tag: str, length: int) -> None:
    text_element(ET.SubElement(measure, tag), "duration", length)


def _append_mark(measure: ET.Element, mark: tuple[int, ET.Element], at: int) -> None:
    """Put a mark before the symbol at `at`, saying how much later it stands."""
    place, element = mark
    if place != at:
        offset = ET.Element("offset")
        offset.text = str(place - at)
        # The schema wants the offset before staff and sound.
        later = [child for child in element if child.tag in ("staff", "sound")]
        element.insert(list(element).index(later[0]) if later else len(element), offset)
    measure.append(element)
