"""Pieces whose key is known, for `key.py` and `learn_key.py`; MUSIC holds the sets by name.

What is known differs. keys126 has a file `.key` beside each piece (upper case major, lower case minor). The songs of
pop909_cl have key signatures with a mode; their first track is the song, the second, with the chords, is never heard.
A written signature says how many accidentals, not which of two keys. Titles ("String Quartet in A major", "Mazur
C-dur") name the key of a piece or, of a work in movements, that of its outer ones; quartets that lie in several files,
movement by movement, are left out.

Keys are numbered as in `stilo.elements.key`: C major … B major, C minor … B minor.
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from stilo.elements.key import index_of
from stilo.elements.layout import Layout, lay_out
from stilo.errors import StiloError
from stilo.music.files import read_score
from stilo.music.score import KeySignature, Score
from stilo.music.theory import Key, parse_key

TITLED_SETS = ("quartets", "polish_scores", "polish_more", "chopin_first_ed")
_ENGLISH = re.compile(r"\b([A-G])[ -]?(flat|sharp|♭|♯)?[ -]?(major|minor)\b", re.IGNORECASE)
_GERMAN = re.compile(r"\b([A-H](?:is|es|s)?)-(dur|moll)\b", re.IGNORECASE)
_LETTERS = {"c": 0, "d": 2, "e": 4, "f": 5, "g": 7, "a": 9, "b": 11}
_GERMAN_TONICS = {
    "c": 0, "cis": 1, "des": 1, "d": 2, "dis": 3, "es": 3, "e": 4, "f": 5, "fis": 6, "ges": 6, "g": 7, "gis": 8,
    "as": 8, "a": 9, "b": 10, "h": 11,
}  # fmt: skip


@dataclass(frozen=True, eq=False)
class KnownPiece:
    """A piece and what is known of its key.

    Attributes:
        path: where it lies.
        layout: its notes, ready to be measured.
        exact: the key, None where only the number of accidentals is known.
        fifths: accidentals at the beginning, sharps positive.
        signatures: those that are written, in order; empty where none is.
    """

    path: Path
    layout: Layout
    exact: int | None
    fifths: int
    signatures: tuple[KeySignature, ...] = ()

    @property
    def accepted(self) -> tuple[int, ...]:
        """The key, else the major and the minor key of its accidentals."""
        if self.exact is not None:
            return (self.exact,)
        tonic = 7 * self.fifths % 12
        return tonic, (tonic + 9) % 12 + 12

    @property
    def one_signature(self) -> bool:
        return len({signature.fifths for signature in self.signatures}) <= 1

    @property
    def is_odd(self) -> bool:
        """Whether a song of pop909_cl has an odd number: that half is learned from, the even one held out."""
        return int(self.path.stem) % 2 == 1


def fifths_of(key: int) -> int:
    """Accidentals of a key, 0…11 fifths upwards from C major, so that F sharp and G flat are one."""
    return 7 * (key if key < 12 else key + 3) % 12


def same_accidentals(key: int, fifths: int) -> bool:
    """Whether a key is written with so many accidentals; relative keys and enharmonic ones are alike."""
    return fifths_of(key) == fifths % 12


def keys126(music: Path) -> Iterator[KnownPiece]:
    for path in sorted((music / "keys126").glob("*.mid")):
        key = parse_key(path.with_suffix(".key").read_text(encoding="utf-8").strip())
        yield KnownPiece(path, lay_out(read_score(path)), index_of(key), key.fifths)


def pop909_cl(music: Path) -> Iterator[KnownPiece]:
    """Songs with a key signature, without their chords."""
    for path in sorted((music / "pop909_cl").glob("*.mid")):
        score = read_score(path)
        if not score.key_signatures or score.tracks[0].name == "chords":
            continue
        song = score.with_notes(score.notes[score.notes["track"] == 0])
        first = score.key_signatures[0]
        tonic = 7 * first.fifths % 12
        exact = (tonic + 9) % 12 + 12 if first.is_minor else tonic
        yield KnownPiece(path, lay_out(song), exact, first.fifths, score.key_signatures)


def signed(music: Path, name: str) -> Iterator[KnownPiece]:
    """Pieces of a set that have a key signature; what cannot be read or holds no pitches is passed over."""
    for path in sorted((music / name).glob("*.mid")):
        layout = _laid_out(path)
        if layout is not None and layout.score.key_signatures:
            signatures = layout.score.key_signatures
            yield KnownPiece(path, layout, None, signatures[0].fifths, signatures)


def titled(music: Path) -> Iterator[KnownPiece]:
    """Pieces whose title names a key."""
    for name in TITLED_SETS:
        with (music / name / "manifest.tsv").open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file, delimiter="\t"))
        files = Counter((row["composer_artist"], row["title"]) for row in rows)
        for row in rows:
            if name == "quartets" and files[row["composer_artist"], row["title"]] > 1:
                continue
            path, key = row["path"], key_in_title(row["title"])
            layout = None if key is None else _laid_out(music / path)
            if key is not None and layout is not None:
                yield KnownPiece(music / path, layout, index_of(key), key.fifths, layout.score.key_signatures)


def key_in_title(title: str) -> Key | None:
    """The key that a title names in English or German."""
    if english := _ENGLISH.search(title):
        letter, accidental, mode = english.groups()
        shift = {"flat": -1, "♭": -1, "sharp": 1, "♯": 1}.get((accidental or "").lower(), 0)
        return Key((_LETTERS[letter.lower()] + shift) % 12, "minor" if mode.lower() == "minor" else "major")
    if german := _GERMAN.search(title):
        tonic = _GERMAN_TONICS.get(german[1].lower())
        return None if tonic is None else Key(tonic, "minor" if german[2].lower() == "moll" else "major")
    return None


def _laid_out(path: Path) -> Layout | None:
    try:
        score: Score = read_score(path)
        layout = lay_out(score)
    except StiloError:
        return None
    return layout if (layout.slices.count > 0).any() else None
