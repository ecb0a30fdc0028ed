"""The music lines of an ABC tune: notes, bars and what stands between them."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction

from stilo.errors import InputError, ReadError
from stilo.music.abc_tokens import INNER_NOTE, LENGTH, TOKENS, note_length, token_kind
from stilo.music.chords import harte_label
from stilo.music.midi import MAX_BARS, MAX_NOTES
from stilo.music.sheet import SHEET_TICKS, SheetBar, SheetNote
from stilo.music.smf import clean_text
from stilo.music.theory import line_name

Metre = tuple[int, int] | None
FieldReader = Callable[[str, str], object]

_LETTERS = {"C": 60, "D": 62, "E": 64, "F": 65, "G": 67, "A": 69, "B": 71}
_TUPLET_TIMES = {2: 3, 3: 2, 4: 3, 6: 2, 8: 3}
_MAX_LENGTH = 64  # quarters in one note


@dataclass
class Voice:
    """One voice: its bars so far, and where it is."""

    name: str
    unit: Fraction
    metre: Metre
    signature: dict[str, int]
    bars: list[SheetBar] = field(default_factory=list)
    program: int | None = None
    bar: SheetBar = field(default_factory=lambda: SheetBar(metre=None))
    at: Fraction = Fraction(0)  # quarters from the bar line
    altered: dict[str, int] = field(default_factory=dict)
    tied: dict[int, SheetNote] = field(default_factory=dict)  # pitch → note that waits for its continuation
    last: list[SheetNote] = field(default_factory=list)
    last_onset: Fraction = Fraction(0)
    last_length: Fraction = Fraction(0)
    broken: Fraction = Fraction(1)  # factor for the next note
    tuplet: tuple[Fraction, int] = (Fraction(1), 0)  # factor, notes left
    endings: frozenset[int] = frozenset()
    furthest: Fraction = Fraction(0)
    furthest_before: Fraction = Fraction(0)  # what it was before the last note


def signature_of(fifths: int) -> dict[str, int]:
    """Letter → alteration in a key signature."""
    names = [line_name(place) for place in range(fifths - 1, fifths + 6)]
    return {name[0]: name.count("#") - name.count("b") for name in names}


class BodyReader:
    """Reads music lines into voices; the first voice is there from the beginning."""

    def __init__(self, metre: Metre, unit: Fraction | None, fifths: int, path: str) -> None:
        small = metre is not None and Fraction(*metre) < Fraction(3, 4)
        self.metre, self.path = metre, path
        self.unit = unit or (Fraction(1, 4) if small else Fraction(1, 2))
        self.fifths = fifths
        self.voices: dict[str, Voice] = {}
        self.voice = self._voice("")
        self.note_count = 0
        self.readers: dict[str, Callable[[str], None]] = {
            "bar": self._bar_line,
            "numbers": self._ending,
            "text": self._text,
            "note": self._note,
            "rest": self._rest,
            "broken": self._broken,
        }

    def _voice(self, name: str) -> Voice:
        if name not in self.voices:
            if len(self.voices) > 100:
                raise ReadError(self.path, "has a tune of more than 100 voices")
            first = self.voices.get("")
            if first is not None and not first.bars and not first.bar.notes:
                del self.voices[""]  # nothing stood before the first V: line
            self.voices[name] = Voice(name, self.unit, self.metre, signature_of(self.fifths))
        return self.voices[name]

    def finish(self) -> None:
        """Close the last bar of every voice."""
        for voice in self.voices.values():
            if voice.bar.notes or voice.furthest:
                self._close_bar(voice)

    def read_field(self, name: str, text: str, value_of: FieldReader) -> None:
        """A field inside the music: K, M, L, Q, V, P or T; others change nothing here."""
        voice = self.voice
        if name == "V":
            words = text.split()
            self.voice = self._voice(words[0] if words else "")
            return
        value = value_of(name, text)
        place = _ticks(voice.at)
        if name == "K" and isinstance(value, tuple):
            voice.signature = signature_of(value[0])
            voice.bar.keys.append((place, value))
        elif name == "M":
            voice.metre = value if isinstance(value, tuple) else (0, 0)
            voice.bar.metre = voice.metre
        elif name == "L" and isinstance(value, Fraction):
            voice.unit = value
        elif name == "Q" and isinstance(value, float):
            voice.bar.tempos.append((place, value))
        elif name in "PT" and clean_text(text):
            voice.bar.markers.append((place, clean_text(text)))

    def read_music(self, line: str, value_of: FieldReader) -> None:
        """One line of notes."""
        for token in TOKENS.finditer(line):
            kind = token_kind(token)
            match kind:
                case "inline":
                    self.read_field(token["field"], token["value"].strip(), value_of)
                case "tuplet":
                    self._tuplet(token)
                case "chord":
                    self._chord(token["inside"], token["chordlength"])
                case "tie":
                    self._tie()
                case "overlay":
                    self.voice.at = Fraction(0)
                    self.voice.altered.clear()
                case _ if kind in self.readers:
                    self.readers[kind](token[kind])

    def _tie(self) -> None:
        for note in self.voice.last:
            note.tied_on = True
            self.voice.tied[note.pitch] = note

    def _note(self, text: str) -> None:
        found = INNER_NOTE.fullmatch(text)
        if found is not None:
            length = self._next_length(note_length(found[4], found[5], found[6]))
            self._sound([self._pitch(found)], length)

    def _chord(self, inside: str, length_text: str) -> None:
        notes = list(INNER_NOTE.finditer(inside))
        if not notes:
            return
        found = re.fullmatch(LENGTH, length_text)
        own = note_length(notes[0][4], notes[0][5], notes[0][6])
        length = own * (note_length(found[1], found[2], found[3]) if found else 1)
        self._sound([self._pitch(note) for note in notes], self._next_length(length))
        for note, sounded in zip(notes, self.voice.last, strict=False):
            if note[7]:
                sounded.tied_on = True
                self.voice.tied[sounded.pitch] = sounded

    def _rest(self, text: str) -> None:
        found = re.fullmatch(rf"[zxZX]{LENGTH}", text)
        length = note_length(found[1], found[2], found[3]) if found else Fraction(1)
        if text[0] in "ZX":
            for _ in range(min(int(length), 1000) - 1):
                self.voice.at = self._bar_quarters()
                self._bar_line("|")
            self.voice.at = self._bar_quarters()
            self.voice.furthest = max(self.voice.furthest, self.voice.at)
        else:
            self._sound([], self._next_length(length))

    def _bar_quarters(self) -> Fraction:
        metre = self.voice.metre
        return Fraction(4 * metre[0], metre[1]) if metre and metre[1] else Fraction(4)

    def _next_length(self, units: Fraction) -> Fraction:
        """Quarters of the next note, after tuplet and broken rhythm."""
        voice = self.voice
        factor, left = voice.tuplet
        length = min(Fraction(_MAX_LENGTH), units * voice.unit * voice.broken * (factor if left else 1))
        voice.broken = Fraction(1)
        voice.tuplet = (factor, max(0, left - 1))
        return length

    def _sound(self, pitches: list[int], length: Fraction) -> None:
        voice = self.voice
        voice.last, voice.last_onset, voice.last_length = [], voice.at, length
        for pitch in pitches:
            if not 0 <= pitch <= 127:
                continue
            before = voice.tied.pop(pitch, None)
            start, end = _ticks(voice.at), _ticks(voice.at + length)
            note = SheetNote(0, start, max(1, end - start), pitch, tied_back=before is not None)
            voice.last.append(note)
            voice.bar.notes.append(note)
        self.note_count += len(pitches)
        if self.note_count > MAX_NOTES:
            raise ReadError(self.path, f"holds more than {MAX_NOTES:,} notes")
        voice.at += length
        voice.furthest_before = voice.furthest
        voice.furthest = max(voice.furthest, voice.at)

    def _pitch(self, found: re.Match[str]) -> int:
        accidental, letter, marks = found[1], found[2], found[3]
        octave = (1 if letter.islower() else 0) + marks.count("'") - marks.count(",")
        voice = self.voice
        if accidental:  # holds for the letter in every octave, as the standard has it by default
            voice.altered[letter.upper()] = accidental.count("^") - accidental.count("_")
        alteration = voice.altered.get(letter.upper(), voice.signature[letter.upper()])
        return _LETTERS[letter.upper()] + 12 * octave + alteration

    def _broken(self, signs: str) -> None:
        """`a>b`: the first note longer by what the second loses; `<` the other way."""
        voice = self.voice
        small = Fraction(1, 2 ** min(3, len(signs)))
        mine, other = (2 - small, small) if signs[0] == ">" else (small, 2 - small)
        voice.at = voice.last_onset + voice.last_length * mine
        for note in voice.last:
            note.duration = max(1, _ticks(voice.at) - note.onset)
        voice.furthest = max(voice.at, voice.furthest_before)
        voice.broken = other

    def _tuplet(self, token: re.Match[str]) -> None:
        p = int(token["p"])
        if p < 2:
            return
        in_threes = self.voice.metre is not None and self.voice.metre[0] % 3 == 0 and self.voice.metre[1] == 8
        q = int(token["q"] or 0) or _TUPLET_TIMES.get(p, 3 if in_threes else 2)
        self.voice.tuplet = (Fraction(q, p), int(token["r"] or 0) or p)

    def _text(self, quoted: str) -> None:
        text = quoted.strip('"')
        if not text or text[0] in "^_<>@":
            return
        try:
            label = harte_label(re.split(r"[;(]", text.strip())[0].strip())
        except InputError:
            return
        self.voice.bar.chords.append((_ticks(self.voice.at), label))

    def _bar_line(self, signs: str) -> None:
        voice = self.voice
        begins, ends = signs.endswith(":"), signs.startswith(":")
        if voice.bar.notes or voice.furthest:
            voice.bar.marks.ends_repeat = ends
            self._close_bar(voice)
        elif ends and voice.bars:
            voice.bars[-1].marks.ends_repeat = True
        is_double = "||" in signs or "]" in signs or begins or ends
        if voice.endings and is_double:
            voice.endings = frozenset()
        voice.bar.marks.begins_repeat |= begins
        voice.bar.marks.endings = voice.endings

    def _ending(self, numbers: str) -> None:
        chosen: set[int] = set()
        for part in numbers.split(","):
            first, _, last = part.partition("-")
            chosen |= set(range(int(first[:2]), min(16, int((last or first)[:2])) + 1))
        voice = self.voice
        if not voice.bar.notes and not voice.furthest:
            voice.endings = frozenset(chosen)
            voice.bar.marks.endings = voice.endings

    def _close_bar(self, voice: Voice) -> None:
        voice.bar.length = _ticks(voice.furthest)
        voice.bars.append(voice.bar)
        if len(voice.bars) > MAX_BARS:
            raise ReadError(self.path, f"has more than {MAX_BARS:,} bars")
        voice.bar = SheetBar(metre=None)
        voice.bar.marks.endings = voice.endings
        voice.at = voice.furthest = Fraction(0)
        voice.altered.clear()
        voice.last = []


def _ticks(quarters: Fraction) -> int:
    return round(quarters * SHEET_TICKS)
