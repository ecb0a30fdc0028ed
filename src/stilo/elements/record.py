"""What a profile is: plain data, and its way to JSON and back.

`ELEMENTS` says of every number in it what it is, in which unit, after which source. JSON may come from a stranger's
file: whatever does not fit is told in one line that names the field.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from stilo.elements.checked import (
    checked_index,
    checked_list,
    checked_number,
    checked_table,
    checked_tables,
    checked_text,
)
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
NOT_STYLE = ("harmony.keys", "rhythm.bars", "rhythm.seconds", "rhythm.sections")
"""Elements that are no matter of style: which key, how long."""
PROFILE_VERSION = 2
LIKENESS_ROWS = 96
_MOST_LABELS = 256
_MOST_SPANS = 100_000
_MOST_TRACKS = 32_768
_METRE = re.compile(r"[1-9][0-9]{0,4}/[1-9][0-9]{0,4}")

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
        given = checked_table(data.get(group), group)
        names = declared_elements(type_)
        groups[group] = type_(**{name: _element(given.get(name), f"{group}.{name}") for name in names})
    spread = {
        name: checked_number(value, f"spread of {name}", 0, element.high - element.low)
        for name, value in checked_table(data.get("spread"), "spread").items()
        if isinstance(element := ELEMENTS.get(name), Figure)
    }
    pieces = int(checked_number(data.get("pieces"), "pieces", 1, 1e9))
    piece = data.get("piece")
    return Profile(**groups, pieces=pieces, spread=spread, piece=None if piece is None else _read_piece(piece))


def _element(value: Any, name: str) -> Value:
    element = ELEMENTS[name]
    if isinstance(element, Figure):
        return checked_number(value, name, element.low, element.high)
    if isinstance(element, Histogram):
        row = checked_list(value, name, len(element.labels))
        if len(row) != len(element.labels):
            raise InputError(f"profile: {name} must hold {len(element.labels)} shares")
        return tuple(checked_number(share, name, 0, 1) for share in row)
    table = checked_table(value, name)
    if len(table) > _MOST_LABELS:
        raise InputError(f"profile: {name} holds more than {_MOST_LABELS} names")
    if name == "rhythm.metres" and not all(_METRE.fullmatch(str(label)) for label in table):
        raise InputError(f"profile: {name} holds what is no time signature")
    read = {checked_text(label, name): checked_number(share, name, 0, 1) for label, share in table.items()}
    # the largest first, as `figures.shares` gives them: JSON may come back in any order
    return dict(sorted(read.items(), key=lambda item: (-item[1], item[0])))


def _read_piece(given: Any) -> PieceDetail:
    data = checked_table(given, "piece")
    sections = tuple(_read_section(one) for one in checked_tables(data.get("sections"), "sections", _MOST_SPANS))
    given_curve = checked_tables(data.get("emotion_curve"), "emotion_curve", _MOST_SPANS)
    curve = tuple(_read_point(point) for point in given_curve)
    if _bars_of(curve, "emotion_curve") not in (0, _bars_of(sections, "sections")):
        raise InputError("profile: emotion_curve and sections must cover the same bars")
    return PieceDetail(
        key=checked_text(data.get("key"), "key"),
        chords=tuple(_read_chord(one) for one in checked_tables(data.get("chords"), "chords", _MOST_SPANS)),
        sections=sections,
        likeness=_read_likeness(data.get("likeness")),
        bars_per_row=checked_number(data.get("bars_per_row"), "bars_per_row", 1, 1e9),
        grid=_read_grid(data.get("grid")),
        grid_error_seconds=checked_number(data.get("grid_error_seconds"), "grid_error_seconds", 0, 1e9),
        emotion_curve=curve,
        roles=tuple(_read_role(one) for one in checked_tables(data.get("roles"), "roles", _MOST_TRACKS)),
        motifs=tuple(_read_motif(one) for one in checked_tables(data.get("motifs"), "motifs", MOST_MOTIFS)),
        key_regions=tuple(_read_region(one) for one in checked_tables(data.get("key_regions"), "keys", _MOST_SPANS)),
    )


def _bars_of(stretches: Sequence[Section | EmotionPoint], name: str) -> int:
    """How many bars stretches cover, which must follow each other without gaps."""
    bars = 0
    for stretch in stretches:
        if stretch.first_bar != bars or stretch.bars < 1:
            raise InputError(f"profile: {name} must follow each other without gaps")
        bars += stretch.bars
    return bars


def _read_chord(data: dict[str, Any]) -> ChordSpan:
    return ChordSpan(
        checked_number(data.get("onset_quarters"), "onset_quarters", 0, 1e9),
        checked_number(data.get("duration_quarters"), "duration_quarters", 0, 1e9),
        checked_text(data.get("label"), "label"),
    )


def _read_section(data: dict[str, Any]) -> Section:
    return Section(
        checked_index(data.get("first_bar"), "first_bar"),
        checked_index(data.get("bars"), "bars"),
        checked_text(data.get("label"), "label"),
    )


def _read_point(data: dict[str, Any]) -> EmotionPoint:
    return EmotionPoint(
        checked_index(data.get("first_bar"), "first_bar"),
        checked_index(data.get("bars"), "bars"),
        checked_number(data.get("valence"), "valence", -1, 1),
        checked_number(data.get("arousal"), "arousal", -1, 1),
    )


def _read_likeness(given: Any) -> tuple[tuple[int, ...], ...]:
    rows = [checked_list(row, "likeness", LIKENESS_ROWS) for row in checked_list(given, "likeness", LIKENESS_ROWS)]
    if any(len(row) != len(rows) for row in rows):
        raise InputError("profile: likeness must have as many columns as rows")
    return tuple(tuple(int(checked_number(cell, "likeness", 0, 100)) for cell in row) for row in rows)


def _read_region(data: dict[str, Any]) -> KeyRegion:
    return KeyRegion(
        checked_number(data.get("onset_quarters"), "onset_quarters", 0, 1e9),
        checked_number(data.get("duration_quarters"), "duration_quarters", 0, 1e9),
        str(parse_key(checked_text(data.get("key"), "key of a region"))),
    )


def _read_role(data: dict[str, Any]) -> TrackRole:
    role = checked_text(data.get("role"), "role")
    if role not in ROLES:
        raise InputError(f"profile: {role!r} is no role of a track")
    return TrackRole(
        checked_index(data.get("track"), "track"),
        checked_text(data.get("name"), "name of a track"),
        role,
        checked_number(data.get("share"), "share", 0, 1),
        checked_number(data.get("confidence"), "confidence", 0, 1),
    )


def _read_motif(data: dict[str, Any]) -> Motif:
    found = checked_tables(data.get("occurrences"), "occurrences", MOST_OCCURRENCES)
    intervals = checked_list(data.get("intervals"), "intervals", MOST_NOTES - 1)
    lengths = checked_list(data.get("durations_quarters"), "durations_quarters", MOST_NOTES)
    motif = Motif(
        tuple(int(checked_number(interval, "intervals", -127, 127)) for interval in intervals),
        tuple(checked_number(length, "durations_quarters", 0, 1e9) for length in lengths),
        tuple(
            Occurrence(
                checked_index(one.get("bar"), "bar"),
                checked_number(one.get("onset_quarters"), "onset_quarters", 0, 1e9),
                int(checked_number(one.get("transposition"), "transposition", -127, 127)),
                checked_index(one.get("track"), "track"),
            )
            for one in found
        ),
    )
    if len(lengths) != len(intervals) + 1 or len(found) < 2:
        raise InputError("profile: motifs must have a duration for each note, and occur twice or more")
    return motif


def _read_grid(given: Any) -> str:
    grid = checked_text(given, "grid")
    if grid not in GRIDS:
        raise InputError(f"profile: {grid!r} is no grid a piece can be measured on")
    return grid
