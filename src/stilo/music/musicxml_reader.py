"""One part of a MusicXML file into the bars of a sheet: notes, attributes, directions, repeats."""

from __future__ import annotations

import math
import re
from xml.etree import ElementTree as ET

from stilo.music.instruments import program_of_name
from stilo.music.musicxml_marks import harmony_label
from stilo.music.score import Track
from stilo.music.sheet import MAX_MARKS, SHEET_TICKS, Sheet, SheetBar, SheetNote
from stilo.music.smf import clean_text

_STEPS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
_DYNAMICS = {"pppp": 18, "ppp": 28, "pp": 40, "p": 52, "mp": 64, "mf": 78, "f": 92, "ff": 106, "fff": 118, "ffff": 124}
_BEAT_UNITS = {"breve": 8.0, "whole": 4.0, "half": 2.0, "quarter": 1.0, "eighth": 0.5, "16th": 0.25, "32nd": 0.125}
_DEFAULT_VELOCITY, _FULL_VELOCITY = 80, 90
_UNKNOWN_DRUM = 38


def _number(text: str | None, default: float = 0.0) -> float:
    if text is None or not text.strip():
        return default
    value = float(text)
    if not math.isfinite(value) or abs(value) > 2**31:
        raise ValueError(f"number {text[:20]}")
    return value


class PartReader:
    """Reads one part into the bars of the sheet. `at` is the place in the bar, in sheet ticks."""

    def __init__(self, sheet: Sheet, part: int, entry: ET.Element | None) -> None:
        self.sheet, self.part, self.entry = sheet, part, entry
        self.ticks_per_division = float(SHEET_TICKS)
        self.transposition = 0
        self.velocity = _DEFAULT_VELOCITY
        self.at = self.previous_onset = 0
        self.unpitched = self.pitched = 0
        self.endings: frozenset[int] = frozenset()
        self.drum_keys = self._drum_keys()

    @property
    def note_count(self) -> int:
        return self.unpitched + self.pitched

    def _drum_keys(self) -> dict[str, int]:
        """Instrument id → percussion key."""
        keys = {}
        for instrument in self.entry.findall("midi-instrument") if self.entry is not None else ():
            key = _number(instrument.findtext("midi-unpitched"), 0)
            if 1 <= key <= 128:
                keys[instrument.get("id", "")] = int(key) - 1
        return keys

    def track(self) -> Track:
        """Name and program, the program by its number or else by the names of part and instrument."""
        if self.entry is None:
            return Track(is_drum=self.unpitched > self.pitched)
        name = clean_text(self.entry.findtext("part-name") or "")
        channel = self.entry.findtext("midi-instrument/midi-channel") or ""
        program = _number(self.entry.findtext("midi-instrument/midi-program"), 0)
        if not 1 <= program <= 128:
            names = (self.entry.findtext("score-instrument/instrument-name") or "", name)
            found = (program_of_name(candidate) for candidate in names)
            program = 1 + next((number for number in found if number is not None), 0)
        is_drum = self.unpitched > self.pitched or (channel.strip() == "10" and self.pitched == 0)
        return Track(name, int(program) - 1, is_drum)

    def read(self, part: ET.Element) -> None:
        """Put everything of a `part` element into the bars.

        Raises:
            ValueError, OverflowError, ZeroDivisionError: a value in it is damaged.
        """
        for bar, measure in zip(self.sheet.bars, part.findall("measure"), strict=False):
            self.at = self.previous_onset = 0
            furthest, notes_before = 0, len(bar.notes)
            for element in measure:
                self._read_element(element, bar)
                furthest = max(furthest, self.at)
            if len(bar.notes) > notes_before:
                bar.length = max(bar.length, furthest)
            else:
                bar.rest_length = max(bar.rest_length, furthest)
            if self.part == 0:
                bar.marks.endings = bar.marks.endings or self.endings

    def _read_element(self, element: ET.Element, bar: SheetBar) -> None:
        match element.tag:
            case "note":
                self._read_note(element, bar)
            case "backup":
                self.at = max(0, self.at - self._duration(element))
            case "forward":
                self.at += self._duration(element)
            case "attributes":
                self._read_attributes(element, bar)
            case "direction":
                self._read_direction(element, bar)
            case "sound":
                self._read_sound(element, bar, self.at)
            case "harmony":
                self._read_harmony(element, bar)
            case "barline" if self.part == 0:
                self._read_barline(element, bar)

    def _duration(self, element: ET.Element) -> int:
        return max(0, round(_number(element.findtext("duration")) * self.ticks_per_division))

    def _read_note(self, note: ET.Element, bar: SheetBar) -> None:
        if note.find("grace") is not None:
            return
        duration = self._duration(note)
        if note.find("chord") is None:
            self.previous_onset = self.at
            self.at += duration
        if note.find("rest") is not None or note.find("cue") is not None or duration == 0:
            return
        pitch = self._pitch(note)
        if pitch is None:
            return
        ties = {tie.get("type") for tie in (*note.findall("tie"), *note.findall("notations/tied"))}
        dynamics = note.get("dynamics")
        velocity = self.velocity if dynamics is None else round(_number(dynamics) * _FULL_VELOCITY / 100)
        bar.notes.append(
            SheetNote(
                self.part,
                self.previous_onset,
                duration,
                pitch,
                min(127, max(1, velocity)),
                "stop" in ties,
                "start" in ties,
            )
        )

    def _pitch(self, note: ET.Element) -> int | None:
        """The sounding MIDI number, None when there is none in range."""
        pitch = note.find("pitch")
        if pitch is None:
            if note.find("unpitched") is None:
                return None
            self.unpitched += 1
            instrument = note.find("instrument")
            return self.drum_keys.get(instrument.get("id", "") if instrument is not None else "", _UNKNOWN_DRUM)
        self.pitched += 1
        step = _STEPS.get((pitch.findtext("step") or "").strip())
        if step is None:
            raise ValueError("a pitch without a step")
        alteration = math.floor(_number(pitch.findtext("alter")) + 0.5)
        sounding = 12 * (int(_number(pitch.findtext("octave"), 4)) + 1) + step + alteration + self.transposition
        return sounding if 0 <= sounding <= 127 else None

    def _read_attributes(self, attributes: ET.Element, bar: SheetBar) -> None:
        divisions = _number(attributes.findtext("divisions"), 0)
        if divisions > 0:
            self.ticks_per_division = SHEET_TICKS / divisions
        transpose = attributes.find("transpose")
        if transpose is not None:
            chromatic = _number(transpose.findtext("chromatic"))
            self.transposition = int(chromatic + 12 * _number(transpose.findtext("octave-change")))
        time = attributes.find("time")
        if time is not None and bar.metre is None:
            bar.metre = _metre(time)
        key = attributes.find("key")
        if key is not None and key.find("fifths") is not None and self.part == 0:
            fifths = int(_number(key.findtext("fifths")))
            if self.transposition % 12:
                fifths = (fifths + 7 * self.transposition + 5) % 12 - 5
            if -7 <= fifths <= 7:
                bar.keys.append((self.at, (fifths, (key.findtext("mode") or "").strip() in ("minor", "aeolian"))))

    def _read_direction(self, direction: ET.Element, bar: SheetBar) -> None:
        at = self._offset_place(direction)
        for kind in direction.findall("direction-type"):
            for mark in kind.findall("rehearsal"):
                text = clean_text(mark.text or "")
                if text and len(bar.markers) < MAX_MARKS and (at, text) not in bar.markers:
                    bar.markers.append((at, text))
            for mark in kind.findall("dynamics"):
                self.velocity = next((_DYNAMICS[child.tag] for child in mark if child.tag in _DYNAMICS), self.velocity)
            bar.marks.is_segno |= kind.find("segno") is not None
            bar.marks.is_coda |= kind.find("coda") is not None
        sound = direction.find("sound")
        if sound is not None:
            self._read_sound(sound, bar, at)
        if sound is None or sound.get("tempo") is None:
            metronome = direction.find("direction-type/metronome")
            tempo = None if metronome is None else _metronome_tempo(metronome)
            _add_tempo(bar, at, tempo)

    def _offset_place(self, element: ET.Element) -> int:
        return max(0, self.at + round(_number(element.findtext("offset")) * self.ticks_per_division))

    def _read_sound(self, sound: ET.Element, bar: SheetBar, at: int) -> None:
        if sound.get("tempo"):
            _add_tempo(bar, at, _number(sound.get("tempo")))
        if sound.get("dynamics"):
            self.velocity = min(127, max(1, round(_number(sound.get("dynamics")) * _FULL_VELOCITY / 100)))
        if self.part:
            return
        marks = bar.marks
        if sound.get("dacapo") == "yes":
            marks.jump = "capo"
        if sound.get("dalsegno"):
            marks.jump = "segno"
        marks.is_segno |= sound.get("segno") is not None
        marks.is_coda |= sound.get("coda") is not None
        marks.is_fine |= sound.get("fine") is not None
        marks.goes_to_coda |= sound.get("tocoda") is not None

    def _read_harmony(self, element: ET.Element, bar: SheetBar) -> None:
        at = self._offset_place(element)
        label = harmony_label(element, self.transposition)
        if label is not None and len(bar.chords) < MAX_MARKS and all(place != at for place, _ in bar.chords):
            bar.chords.append((at, label))

    def _read_barline(self, barline: ET.Element, bar: SheetBar) -> None:
        repeat = barline.find("repeat")
        if repeat is not None and repeat.get("direction") == "forward":
            bar.marks.begins_repeat = True
        elif repeat is not None:
            bar.marks.ends_repeat = True
            bar.marks.passes = max(2, int(_number(repeat.get("times"), 2)))
        ending = barline.find("ending")
        if ending is not None and ending.get("type") == "start":
            numbers = (ending.get("number") or "1").replace(",", " ").split()
            self.endings = frozenset(int(number) for number in numbers if number.isdigit() and 1 <= int(number) <= 16)
        elif ending is not None:
            # A first ending whose beginning is missing is this bar alone.
            bar.marks.endings = self.endings or (frozenset({1}) if bar.marks.ends_repeat else frozenset())
            self.endings = frozenset()


def _metre(time: ET.Element) -> tuple[int, int]:
    """Numerator and denominator, sums such as 3+2 added up; (0, 0) for free time."""
    if time.find("senza-misura") is not None:
        return 0, 0
    beats = [beat.text or "" for beat in time.findall("beats")]
    units = [int(_number(unit.text, 4)) for unit in time.findall("beat-type")]
    if not beats or len(beats) != len(units) or any(unit < 1 or unit > 128 for unit in units):
        raise ValueError("a time signature")
    finest = max(units)
    total = 0
    for beat, unit in zip(beats, units, strict=True):
        total += sum(int(_number(part)) for part in beat.split("+")) * finest // unit
    if not 1 <= total <= 255:
        raise ValueError(f"a time signature of {total} beats")
    return total, finest


def _metronome_tempo(metronome: ET.Element) -> float | None:
    unit = _BEAT_UNITS.get((metronome.findtext("beat-unit") or "").strip())
    number = re.search(r"\d{1,5}(?:\.\d{1,5})?", metronome.findtext("per-minute") or "")
    if unit is None or number is None:
        return None
    return float(number[0]) * unit * (2 - 0.5 ** len(metronome.findall("beat-unit-dot")[:4]))


def _add_tempo(bar: SheetBar, at: int, quarters_per_minute: float | None) -> None:
    if quarters_per_minute is not None and 1 <= quarters_per_minute <= 10_000 and len(bar.tempos) < MAX_MARKS:
        bar.tempos[:] = [tempo for tempo in bar.tempos if tempo[0] != at]
        bar.tempos.append((at, quarters_per_minute))
