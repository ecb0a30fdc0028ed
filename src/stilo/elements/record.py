"""What a profile is: plain data, and its way to JSON and back.

`ELEMENTS` says of every number in it what it is, in which unit, after which source. JSON may come from a stranger's
file: whatever does not fit is told in one line that names the field.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from stilo.elements.chords import ChordSpan
from stilo.elements.emotion import Emotion, EmotionPoint
from stilo.elements.figures import Element, Figure, Histogram, declared_elements, plain
from stilo.elements.form import Section
from stilo.elements.grid import GRIDS, WRITTEN
from stilo.elements.harmony import Harmony
from stilo.elements.local_key import KeyRegion
from stilo.elements.motifs import MOST_MOTIFS, MOST_NOTES, MOST_OCCURRENCES, Motif, Occurrence
from stilo.elements.pitch import Pitch
from stilo.elements.rhythm import Rhythm
from stilo.elements.roles import ROLES, TrackRole
from stilo.errors import InputError
from stilo.music.theory import parse_key

GROUPS: dict[str, type] = {"pitch": Pitch, "rhythm": Rhythm, "harmony": Harmony, "emotion": Emotion}
ELEMENTS: dict[str, Element] = {
    f"{group}.{name}": element for group, type_ in GROUPS.items() for name, element in declared_elements(type_).items()
}
PROFILE_VERSION = 2
LIKENESS_ROWS = 96
_MOST_LABELS = 256
_LONGEST_LABEL = 60
_MOST_SPANS = 100_000
_MOST_TRACKS = 32_768

Value = float | tuple[float, ...] | dict[str, float]


@dataclass(frozen=True)
class PieceDetail:
    """What only a single piece has.

    Attributes:
        key: "A minor", "" when nothing pitched sounds.
        chords: from the beginning to the end, without gaps.
        sections: from the first bar to the last, without gaps.
        likeness: rows of percentages: how like stretches of `bars_per_row` bars are; at most 96 rows.
        bars_per_row: bars to a row of `likeness`.
        grid: where bars and beats come from, one of `grid.GRIDS`.
        grid_error_seconds: mean distance of the onsets from the beats found; 0 unless played freely.
        emotion_curve: valence and arousal of each section, or of stretches of a piece that has only one.
        roles: what each track does that has notes, in the order of the score.
        motifs: patterns that return, the weightiest first.
        key_regions: the keys from the beginning to the end, without gaps; none when nothing pitched sounds.
    """

    key: str
    chords: tuple[ChordSpan, ...]
    sections: tuple[Section, ...]
    likeness: tuple[tuple[int, ...], ...]
    bars_per_row: float
    grid: str = WRITTEN
    grid_error_seconds: float = 0.0
    roles: tuple[TrackRole, ...] = ()
    motifs: tuple[Motif, ...] = ()
    emotion_curve: tuple[EmotionPoint, ...] = ()
    key_regions: tuple[KeyRegion, ...] = ()


@dataclass(frozen=True)
class Profile:
    """The four elements of a piece, or their means over a folder.

    Attributes:
        pieces: how many pieces were measured.
        spread: standard deviation of each figure between the pieces, by dotted name; empty for one piece.
        piece: chords, sections and the like; None for a folder.
    """

    pitch: Pitch
    rhythm: Rhythm
    harmony: Harmony
    emotion: Emotion
    pieces: int = 1
    spread: Mapping[str, float] = field(default_factory=dict)
    piece: PieceDetail | None = None

    def value(self, name: str) -> Value:
        """The element of a dotted name.

        Raises:
            KeyError: no element is called so.
        """
        if name not in ELEMENTS:
            raise KeyError(name)
        group, attribute = name.split(".")
        found: Value = getattr(getattr(self, group), attribute)
        return found

    def to_json(self) -> dict[str, Any]:
        """Plain JSON, from which `from_json` makes an equal profile."""
        return {"version": PROFILE_VERSION, **plain(self)}

    @classmethod
    def from_json(cls, data: Any) -> Profile:
        """Read what `to_json` gave.

        Raises:
            InputError: a field is missing, of the wrong kind or out of range; the message names it.
        """
        return _read_profile(data)


def _read_profile(data: Any) -> Profile:
    if not isinstance(data, dict) or data.get("version") != PROFILE_VERSION:
        raise InputError(f"this is no profile of version {PROFILE_VERSION}: measure the files again")
    groups: dict[str, Any] = {}
    for group, type_ in GROUPS.items():
        given = _mapping(data.get(group), group)
        names = declared_elements(type_)
        groups[group] = type_(**{name: _element(given.get(name), f"{group}.{name}") for name in names})
    spread = {
        name: _number(value, f"spread of {name}", 0, math.inf)
        for name, value in _mapping(data.get("spread"), "spread").items()
        if isinstance(ELEMENTS.get(name), Figure)
    }
    pieces = int(_number(data.get("pieces"), "pieces", 1, 1e9))
    piece = data.get("piece")
    return Profile(**groups, pieces=pieces, spread=spread, piece=None if piece is None else _read_piece(piece))


def _element(value: Any, name: str) -> Value:
    element = ELEMENTS[name]
    if isinstance(element, Figure):
        return _number(value, name, element.low, element.high)
    if isinstance(element, Histogram):
        row = _list(value, name, len(element.labels))
        if len(row) != len(element.labels):
            raise InputError(f"profile: {name} must hold {len(element.labels)} shares")
        return tuple(_number(share, name, 0, 1) for share in row)
    table = _mapping(value, name)
    if len(table) > _MOST_LABELS:
        raise InputError(f"profile: {name} holds more than {_MOST_LABELS} names")
    read = {_text(label, name): _number(share, name, 0, 1) for label, share in table.items()}
    # the largest first, as `figures.shares` gives them: JSON may come back in any order
    return dict(sorted(read.items(), key=lambda item: (-item[1], item[0])))


def _read_piece(given: Any) -> PieceDetail:
    data = _mapping(given, "piece")
    chords = [_mapping(chord, "chords") for chord in _list(data.get("chords"), "chords", _MOST_SPANS)]
    sections = [_mapping(section, "sections") for section in _list(data.get("sections"), "sections", _MOST_SPANS)]
    rows = _list(data.get("likeness"), "likeness", LIKENESS_ROWS)
    given_curve = _list(data.get("emotion_curve"), "emotion_curve", _MOST_SPANS)
    curve = [_mapping(point, "emotion_curve") for point in given_curve]
    return PieceDetail(
        key=_text(data.get("key"), "key"),
        chords=tuple(
            ChordSpan(
                _number(chord.get("onset_quarters"), "onset_quarters", 0, 1e9),
                _number(chord.get("duration_quarters"), "duration_quarters", 0, 1e9),
                _text(chord.get("label"), "label"),
            )
            for chord in chords
        ),
        sections=tuple(
            Section(
                int(_number(section.get("first_bar"), "first_bar", 0, 1e9)),
                int(_number(section.get("bars"), "bars", 0, 1e9)),
                _text(section.get("label"), "label"),
            )
            for section in sections
        ),
        likeness=tuple(
            tuple(int(_number(cell, "likeness", 0, 100)) for cell in _list(row, "likeness", LIKENESS_ROWS))
            for row in rows
        ),
        bars_per_row=_number(data.get("bars_per_row"), "bars_per_row", 1, 1e9),
        grid=_read_grid(data.get("grid")),
        grid_error_seconds=_number(data.get("grid_error_seconds"), "grid_error_seconds", 0, 1e9),
        emotion_curve=tuple(
            EmotionPoint(
                _index(point.get("first_bar"), "first_bar"),
                _index(point.get("bars"), "bars"),
                _number(point.get("valence"), "valence", -1, 1),
                _number(point.get("arousal"), "arousal", -1, 1),
            )
            for point in curve
        ),
        roles=tuple(_read_role(role) for role in _list(data.get("roles"), "roles", _MOST_TRACKS)),
        motifs=tuple(_read_motif(motif) for motif in _list(data.get("motifs"), "motifs", MOST_MOTIFS)),
        key_regions=tuple(_read_region(one) for one in _list(data.get("key_regions"), "key_regions", _MOST_SPANS)),
    )


def _read_region(given: Any) -> KeyRegion:
    data = _mapping(given, "key_regions")
    return KeyRegion(
        _number(data.get("onset_quarters"), "onset_quarters", 0, 1e9),
        _number(data.get("duration_quarters"), "duration_quarters", 0, 1e9),
        str(parse_key(_text(data.get("key"), "key of a region"))),
    )


def _read_role(given: Any) -> TrackRole:
    data = _mapping(given, "roles")
    role = _text(data.get("role"), "role")
    if role not in ROLES:
        raise InputError(f"profile: {role!r} is no role of a track")
    return TrackRole(
        _index(data.get("track"), "track"),
        _text(data.get("name"), "name of a track"),
        role,
        _number(data.get("share"), "share", 0, 1),
        _number(data.get("confidence"), "confidence", 0, 1),
    )


def _read_motif(given: Any) -> Motif:
    data = _mapping(given, "motifs")
    found = [_mapping(one, "occurrences") for one in _list(data.get("occurrences"), "occurrences", MOST_OCCURRENCES)]
    return Motif(
        tuple(int(_number(n, "intervals", -127, 127)) for n in _list(data.get("intervals"), "intervals", MOST_NOTES)),
        tuple(
            _number(length, "durations_quarters", 0, 1e9)
            for length in _list(data.get("durations_quarters"), "durations_quarters", MOST_NOTES)
        ),
        tuple(
            Occurrence(
                _index(one.get("bar"), "bar"),
                _number(one.get("onset_quarters"), "onset_quarters", 0, 1e9),
                int(_number(one.get("transposition"), "transposition", -127, 127)),
                _index(one.get("track"), "track"),
            )
            for one in found
        ),
    )


def _read_grid(given: Any) -> str:
    grid = _text(given, "grid")
    if grid not in GRIDS:
        raise InputError(f"profile: {grid!r} is no grid a piece can be measured on")
    return grid


def _mapping(value: Any, name: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise InputError(f"profile: {name} is missing or no table")
    return value


def _list(value: Any, name: str, most: int) -> list[Any]:
    if not isinstance(value, (list, tuple)) or len(value) > most:
        raise InputError(f"profile: {name} is missing, no list, or longer than {most}")
    return list(value)


def _number(value: Any, name: str, low: float, high: float) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not low <= value <= high:
        raise InputError(f"profile: {name} must be a number from {low:g} to {high:g}")
    return float(value)


def _index(value: Any, name: str) -> int:
    return int(_number(value, name, 0, 1e9))


def _text(value: Any, name: str) -> str:
    if not isinstance(value, str) or len(value) > _LONGEST_LABEL or not value.isprintable():
        raise InputError(f"profile: a name in {name} is missing, too long or not printable")
    return value
