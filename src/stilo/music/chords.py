"""Chords and their labels.

Conventions. A label follows Harte et al., "Symbolic representation of musical chords" (ISMIR 2005): "C", "A:min7",
"Bb:maj/3", "G:sus4(b7)", "C:(1,5)", "N" for no chord. What lead sheets write ("Dm7", "F#dim", "Gaug7/B") is read too.
A chord is a root, a quality (all of the label between ":" and "/") and a bass, roots and basses being pitch classes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from stilo.errors import InputError
from stilo.music.theory import line_name, line_place

NO_CHORD = "N"

_SHORTHANDS: dict[str, str] = {
    "maj": "1,3,5",
    "min": "1,b3,5",
    "dim": "1,b3,b5",
    "aug": "1,3,#5",
    "sus2": "1,2,5",
    "sus4": "1,4,5",
    "5": "1,5",
    "1": "1",
    "maj7": "1,3,5,7",
    "min7": "1,b3,5,b7",
    "7": "1,3,5,b7",
    "dim7": "1,b3,b5,bb7",
    "hdim7": "1,b3,b5,b7",
    "minmaj7": "1,b3,5,7",
    "maj6": "1,3,5,6",
    "min6": "1,b3,5,6",
    "9": "1,3,5,b7,9",
    "maj9": "1,3,5,7,9",
    "min9": "1,b3,5,b7,9",
    "11": "1,3,5,b7,9,11",
    "min11": "1,b3,5,b7,9,11",
    "maj11": "1,3,5,7,9,11",
    "13": "1,3,5,b7,9,11,13",
    "min13": "1,b3,5,b7,9,11,13",
    "maj13": "1,3,5,7,9,11,13",
}
_DEGREE_PLACES = {1: 0, 2: 2, 3: 4, 4: -1, 5: 1, 6: 3, 7: 5}  # on the line of fifths above the root

# What lead sheets write after the root → Harte. Longer spellings are tried as whole words, never as beginnings.
_LEAD_SHEET: dict[str, str] = {
    "": "maj", "M": "maj", "major": "maj", "m": "min", "-": "min", "mi": "min", "minor": "min", "o": "dim",
    "°": "dim", "+": "aug", "m7": "min7", "-7": "min7", "mi7": "min7", "M7": "maj7", "Δ": "maj7", "Δ7": "maj7",
    "ma7": "maj7", "j7": "maj7", "dom7": "7", "o7": "dim7", "°7": "dim7", "ø": "hdim7", "ø7": "hdim7",
    "m7b5": "hdim7", "min7b5": "hdim7", "-7b5": "hdim7", "m7(b5)": "hdim7", "mM7": "minmaj7", "mmaj7": "minmaj7",
    "m(maj7)": "minmaj7", "mMaj7": "minmaj7", "minMaj7": "minmaj7", "+7": "aug(b7)", "7+": "aug(b7)",
    "7#5": "aug(b7)", "7b5": "7(b5,*5)", "m6": "min6", "-6": "min6", "M6": "maj6", "6": "maj6", "69": "maj6(9)",
    "maj69": "maj6(9)", "6/9": "maj6(9)", "m69": "min6(9)", "m9": "min9", "-9": "min9", "M9": "maj9", "m11": "min11",
    "m13": "min13", "M13": "maj13", "sus": "sus4", "7sus4": "sus4(b7)", "7sus": "sus4(b7)", "9sus4": "sus4(b7,9)",
    "9sus": "sus4(b7,9)", "7b9": "7(b9)", "7#9": "7(#9)", "7#11": "7(#11)", "7b13": "7(b13)", "add9": "maj(9)",
    "add2": "maj(9)", "madd9": "min(9)", "(add9)": "maj(9)", "m(add9)": "min(9)", "add4": "maj(4)",
    "maj7#11": "maj7(#11)", "aug7": "aug(b7)", "aug9": "aug(b7,9)", "9#5": "aug(b7,9)",
    "augmented-ninth": "aug(b7,9)", "minor-major": "minmaj7", "minor-13th": "min13", "power": "5", "ped": "1",
}  # fmt: skip

# Harte → what chord symbols mostly write after the root, where that differs
_USUAL: dict[str, str] = {
    "maj": "", "min": "m", "min7": "m7", "hdim7": "m7b5", "minmaj7": "m(maj7)", "aug(b7)": "aug7", "maj6": "6",
    "min6": "m6", "maj6(9)": "6/9", "min6(9)": "m69", "min9": "m9", "min11": "m11", "min13": "m13", "aug(b7,9)": "aug9",
    "sus4(b7)": "7sus4", "sus4(b7,9)": "9sus4", "7(b5,*5)": "7b5", "7(b9)": "7b9", "7(#9)": "7#9", "7(#11)": "7#11",
    "7(b13)": "7b13", "maj7(#11)": "maj7#11", "maj(9)": "add9", "min(9)": "m(add9)", "maj(4)": "add4", "1": "ped",
}  # fmt: skip

_ROOT = r"([A-G](?:#+|b+)?)"
_HARTE = re.compile(_ROOT + r"(?::([a-z0-9]+)?(\([^()]*\))?)?(?:/((?:#+|b+)?\d{1,2}))?")
_SHEET = re.compile(_ROOT + r"([^/]*?(?:6/9)?)(?:/([A-G](?:#+|b+)?))?")
_DEGREE = re.compile(r"(\*?)((?:#+|b+)?)(\d{1,2})")


@dataclass(frozen=True, slots=True)
class Chord:
    """A chord: `root` and `bass` are pitch classes (the bass is the root unless said), `quality` as Harte writes it."""

    root: int
    quality: str = "maj"
    bass: int | None = None

    @property
    def pitch_classes(self) -> frozenset[int]:
        """All it sounds, the bass included."""
        tones = {(self.root + 7 * place) % 12 for place in quality_places(self.quality)}
        return frozenset(tones | ({self.bass} if self.bass is not None else set()))

    @property
    def label(self) -> str:
        """Its Harte label, the root with at most one accidental."""
        return format_chord(self)


@lru_cache(maxsize=1024)
def quality_places(quality: str) -> tuple[int, ...]:
    """The tones of a quality as places on the line of fifths above the root, in order of degree.

    Raises:
        InputError: the quality is not one of Harte's.
    """
    name, _, listed = quality.rstrip(")").partition("(")
    if name and name not in _SHORTHANDS:
        raise InputError(f'"{quality}" is no quality of a chord')
    places: list[int] = []
    for degree in ",".join(part for part in (_SHORTHANDS.get(name, ""), listed) if part).split(","):
        omitted, place = _degree(degree.strip())
        if omitted:
            places = [kept for kept in places if kept != place]
        elif place not in places:
            places.append(place)
    return tuple(places)


def _degree(text: str) -> tuple[bool, int]:
    match = _DEGREE.fullmatch(text)
    number = int(match[3]) if match else 0
    if match is None or not 1 <= number <= 13:
        raise InputError(f'"{text}" is no degree of a chord')
    place = _DEGREE_PLACES[(number - 1) % 7 + 1] + 7 * (match[2].count("#") - match[2].count("b"))
    return bool(match[1]), place


def parse_chord(label: str) -> Chord | None:
    """Read a Harte label or a lead-sheet symbol; None for "N" and what else means silence ("NC", "N.C.", "X").

    Raises:
        InputError: the label cannot be understood.
    """
    text = label.strip().replace("♯", "#").replace("♭", "b")
    if text.upper() in ("N", "NC", "N.C.", "X"):
        return None
    chord = _parse_harte(text) or _parse_sheet(text)
    if chord is None:
        raise InputError(f'"{label}" is no chord; write it like "C", "A:min7" or "Bb:maj/3"')
    return chord


def harte_label(label: str) -> str:
    """The same chord as a Harte label: unchanged where it is one already, so that its spelling is kept.

    Raises:
        InputError: the label cannot be understood.
    """
    chord = parse_chord(label)
    if chord is None:
        return NO_CHORD
    return label.strip() if _parse_harte(label.strip()) is not None else format_chord(chord, _root_name(label))


def chord_name(label: str) -> str:
    """The chord as people write it, "A:min/5" as "Am/E", "Eb:hdim7" as "E♭m7♭5"; what is no chord stays as it is."""
    try:
        chord = parse_chord(label)
    except InputError:
        return label
    if chord is None:
        return "N.C."
    listed = ""
    usual = _USUAL.get(chord.quality)
    if usual is None:
        name, bracket, rest = chord.quality.partition("(")
        usual, listed = _USUAL.get(name, name), (bracket + rest).replace("*", "no")
    root = _root_name(label)
    has_bass = chord.bass is not None and chord.bass != chord.root
    bass = f"/{line_name(line_place(root) + bass_place(chord))}" if has_bass else ""
    return f"{root}{usual}{listed}{bass}".replace("#", "♯").replace("b", "♭")


def chord_root_place(label: str) -> int:
    """Place of the root on the line of fifths, as the label spells it."""
    return line_place(_root_name(label))


def format_chord(chord: Chord, root_name: str | None = None) -> str:
    """The Harte label; the bass as a degree of the root's major scale. `root_name` chooses the root's spelling."""
    root = root_name or line_name((7 * chord.root + 5) % 12 - 5)
    text = root if chord.quality == "maj" else f"{root}:{chord.quality}"
    if chord.bass is None or chord.bass == chord.root:
        return text
    return f"{text}/{_bass_degree(chord)}"


def bass_place(chord: Chord) -> int:
    """Place of the bass on the line of fifths above the root, as the tones of the chord spell it."""
    above = ((chord.bass or 0) - chord.root) % 12
    places = [place for place in quality_places(chord.quality) if 7 * place % 12 == above]
    return places[0] if places else (7 * above + 5) % 12 - 5


def _bass_degree(chord: Chord) -> str:
    place = bass_place(chord)
    for number, natural in _DEGREE_PLACES.items():
        if (place - natural) % 7 == 0:
            accidentals = (place - natural) // 7
            return ("#" * accidentals if accidentals >= 0 else "b" * -accidentals) + str(number)
    raise AssertionError("every place is an altered degree")


def _root_name(label: str) -> str:
    match = re.match(_ROOT, label.strip().replace("♯", "#").replace("♭", "b"))
    if match is None:
        raise InputError(f'"{label}" has no root')
    return match[1]


def _parse_harte(text: str) -> Chord | None:
    match = _HARTE.fullmatch(text)
    if match is None or text.endswith(":"):
        return None
    root_name, name, listed, bass_degree = match.groups()
    quality = (name or ("" if listed else "maj")) + (listed or "")
    root = 7 * line_place(root_name) % 12
    try:
        quality_places(quality)
        bass = None if bass_degree is None else (root + 7 * _degree(bass_degree)[1]) % 12
    except InputError:
        return None
    return Chord(root, quality, bass)


def _parse_sheet(text: str) -> Chord | None:
    match = _SHEET.fullmatch(text)
    if match is None:
        return None
    root_name, written, bass_name = match.groups()
    written = written.strip()
    quality = _LEAD_SHEET.get(written, written if written in _SHORTHANDS else None)
    if quality is None:
        return None
    bass = None if bass_name is None else 7 * line_place(bass_name) % 12
    return Chord(7 * line_place(root_name) % 12, quality, bass)
