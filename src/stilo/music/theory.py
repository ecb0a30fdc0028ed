"""Keys and spelling: which letters the pitches of a key are written with.

Conventions. Pitch classes count semitones from C = 0. Places on the line of fifths count fifths from C = 0
(… −2 B flat, −1 F, 0 C, 1 G, 2 D … 6 F sharp …); each place is one spelled note name. A key is written
"A minor", "Bb major"; sharps are "#", flats "b". `fifths` of a key signature: sharps positive, flats negative.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from stilo.errors import InputError
from stilo.music.score import KeySignature

Mode = Literal["major", "minor"]
Integers = NDArray[np.int64]

# Semitones above the tonic. Minor holds the natural seventh and the raised one of the harmonic form; the melodic form
# raises the sixth, too.
SCALES: dict[Mode, tuple[int, ...]] = {"major": (0, 2, 4, 5, 7, 9, 11), "minor": (0, 2, 3, 5, 7, 8, 10, 11)}
MELODIC_RAISED_SIXTH = 9

_LINE_LETTERS = "FCGDAEB"
_LETTER_PITCH_CLASSES = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
_MAJOR_NAMES = ("C", "Db", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")
_MINOR_NAMES = ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "G#", "A", "Bb", "B")
_KEY_PATTERN = re.compile(r"([A-Ga-g])([#b♯♭]?)[ :-]*(major|minor|maj|min|m|M|dur|moll)?")


@dataclass(frozen=True, slots=True)
class Key:
    """A key as it is heard: `tonic` is a pitch class, `mode` major or minor."""

    tonic: int
    mode: Mode

    def __str__(self) -> str:
        names = _MAJOR_NAMES if self.mode == "major" else _MINOR_NAMES
        return f"{names[self.tonic]} {self.mode}"

    @property
    def fifths(self) -> int:
        """Sharps (positive) or flats (negative) of its key signature, −6…6."""
        return line_place(str(self).split(" ", maxsplit=1)[0]) - (0 if self.mode == "major" else 3)

    @property
    def signature(self) -> KeySignature:
        """The key signature it is written with, at tick 0."""
        return KeySignature(0, self.fifths, self.mode == "minor")


def parse_key(text: str) -> Key:
    """Read "A minor", "Bb major", "f#", "Gm", "E:min"; a lower-case letter alone is minor.

    Raises:
        InputError: the text names no key.
    """
    match = _KEY_PATTERN.fullmatch(text.strip())
    if match is None:
        raise InputError(f'"{text}" is no key; write it like "A minor" or "Bb major"')
    letter, accidental, mode = match.groups()
    tonic = (_LETTER_PITCH_CLASSES[letter.upper()] + {"#": 1, "♯": 1, "b": -1, "♭": -1}.get(accidental, 0)) % 12
    is_minor = letter.islower() if mode is None else mode in ("minor", "min", "m", "moll")
    return Key(tonic, "minor" if is_minor else "major")


def line_place(name: str) -> int:
    """Place of a note name such as "Bb" or "F##" on the line of fifths."""
    return _LINE_LETTERS.index(name[0]) - 1 + 7 * (name.count("#") - name.count("b"))


def line_name(place: int) -> str:
    """The note name at a place on the line of fifths."""
    accidentals, letter = divmod(place + 1, 7)
    return _LINE_LETTERS[letter] + ("#" * accidentals if accidentals >= 0 else "b" * -accidentals)


def line_places(pitches: ArrayLike, fifths: ArrayLike, is_minor: ArrayLike = False) -> Integers:
    """Spell pitches in a key: for each, its place on the line of fifths.

    Of the places that sound alike the one nearest to the key is taken: from the minor third to the augmented fifth
    above a major tonic, from the flat second to the augmented fourth above a minor one, which writes the chromatic
    notes the way most music does (Temperley, The Cognition of Basic Musical Structures, 2001, chapter 5).

    Args:
        pitches: MIDI numbers, any shape.
        fifths: of the key signature, for each pitch or one for all.
        is_minor: whether that signature is meant as minor.
    """
    lowest = np.asarray(fifths, np.int64) - np.where(np.asarray(is_minor), 2, 3)
    return np.asarray(lowest + (7 * np.asarray(pitches, np.int64) - lowest) % 12)


def fitting_fifths(pitches: ArrayLike, weights: ArrayLike | None = None) -> int:
    """The key signature, −5…6, whose scale holds most of the pitches; fewer accidentals win a tie."""
    classes = np.asarray(pitches, np.int64).ravel() % 12
    if len(classes) == 0:
        return 0
    weight = None if weights is None else np.asarray(weights, np.float64).ravel()
    histogram = np.bincount(classes, weights=weight, minlength=12)
    in_scale = {f: float(histogram[[(step + 7 * f) % 12 for step in SCALES["major"]]].sum()) for f in range(-5, 7)}
    return max(in_scale, key=lambda f: (round(in_scale[f], 6), -abs(f), f))


@dataclass(frozen=True, slots=True)
class Spelling:
    """A written pitch: letter A…G, alteration in semitones, octave (middle C begins octave 4)."""

    letter: str
    alteration: int
    octave: int


def spelling(pitch: int, place: int) -> Spelling:
    """The written pitch for a MIDI number spelled at a place on the line of fifths."""
    name = line_name(place)
    alteration = name.count("#") - name.count("b")
    return Spelling(name[0], alteration, (pitch - alteration) // 12 - 1)
