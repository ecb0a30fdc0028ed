"""How a bar is written: which note values stand where, where tuplets are needed, what a beam joins.

Conventions. Places and lengths are twenty-fourths of a quarter ("units"), places counted from the bar line (in a
pickup from where its bar line would be). Rules after E. Gould, Behind Bars (2011), chapters "Ground rules", "Metre".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

UNITS_PER_QUARTER = 24
VALUE_NAMES = {192: "breve", 96: "whole", 48: "half", 24: "quarter", 12: "eighth", 6: "16th", 3: "32nd"}
_WRITABLE = sorted(
    [(value, value, 0) for value in VALUE_NAMES]
    + [(value * 3 // 2, value, 1) for value in VALUE_NAMES if value > 3 and value < 192],
    reverse=True,
)
_TUPLET_SIZES = (96, 48, 24, 12)
_TUPLET_SIXTHS = {1, 2, 3, 4}  # what one note head in a tuplet can last


@dataclass(frozen=True, slots=True)
class Piece:
    """One note head or rest: where it stands, how long it sounds, the value it is written with.

    `tuplet` is the (place, length) of the triplet group it is part of, else None.
    """

    start: int
    length: int
    value: int
    dots: int
    tuplet: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Metre:
    """A bar as it is felt: `groups` are the (place, length) spans whose notes a beam may join.

    `cap` is the longest span counted in two and two; `is_compound` that beats divide in three.
    """

    length: int
    unit: int
    cap: int
    is_compound: bool
    groups: tuple[tuple[int, int], ...]


@lru_cache(maxsize=256)
def metre_of(numerator: int, denominator: int) -> Metre:
    """The metre of a time signature."""
    unit = max(1, 96 // denominator)
    length = max(1, 96 * numerator // denominator)
    if denominator >= 8 and numerator % 3 == 0:
        return Metre(length, unit, unit, True, _spans([3 * unit] * (numerator // 3)))
    if denominator >= 8 and numerator % 2:
        threes = [2 * unit] * ((numerator - 3) // 2)
        lengths = [3 * unit, 2 * unit] if numerator == 5 else [*threes, 3 * unit] if numerator > 3 else [unit]
        return Metre(length, unit, 2 * unit, False, _spans(lengths))
    if denominator >= 8:
        return Metre(length, unit, min(length, 4 * unit), False, _spans([2 * unit] * (numerator // 2)))
    is_binary = numerator & (numerator - 1) == 0
    return Metre(length, unit, length if is_binary else unit, False, _spans([24] * max(1, length // 24)))


def _spans(lengths: Iterable[int]) -> tuple[tuple[int, int], ...]:
    spans, at = [], 0
    for length in lengths:
        spans.append((at, length))
        at += length
    return tuple(spans)


def pieces_of(metre: Metre, start: int, end: int, is_rest: bool) -> Iterator[Piece]:
    """The values that together fill `start` to `end`, none of them hiding the beat. Binary places only."""
    at = start
    while at < end:
        for length, value, dots in _WRITABLE:
            if at + length <= end and _may_stand(metre, at, length, dots, is_rest):
                yield Piece(at, length, value, dots)
                at += length
                break
        else:
            yield Piece(at, end - at, 3, 0)  # only where a bar is cut off inside a triplet
            return


def _may_stand(metre: Metre, at: int, length: int, dots: int, is_rest: bool) -> bool:
    if metre.is_compound:
        beat = 3 * metre.unit
        if length >= beat:
            return at % beat == 0 and length % beat == 0
        if at % beat + length > beat:
            return False
        if length >= metre.unit and length % metre.unit == 0:
            return at % metre.unit == 0 and not (is_rest and length > metre.unit and at % beat)
        return _may_stand_in_two(metre.unit, at, length, dots, is_rest)
    if len(metre.groups) > 1 and metre.cap == 2 * metre.unit and metre.unit < 24:
        return _may_stand_in_groups(metre, at, length, dots, is_rest)
    return _may_stand_in_two(metre.cap, at, length, dots, is_rest)


def _may_stand_in_groups(metre: Metre, at: int, length: int, dots: int, is_rest: bool) -> bool:
    """Bars such as 5/8 and 7/8: inside a group as in two or three, across groups only whole ones."""
    for place, group in metre.groups:
        if place <= at < place + group:
            inside = at - place
            if inside + length <= group:
                cap = group if group == 2 * metre.unit else metre.unit
                return (inside == 0 and length == group) or _may_stand_in_two(cap, inside, length, dots, is_rest)
    return False


def _may_stand_in_two(cap: int, at: int, length: int, dots: int, is_rest: bool) -> bool:
    if dots:
        third = length // 3
        if length % 3 or (is_rest and length != 3 * cap):
            return False
        if 4 * third > cap:
            return at % cap in (0, cap // 2) if third < cap else at % cap == 0
        return at % (4 * third) in (0, third)
    if at % min(length, cap) == 0:
        return not (is_rest and length > cap)
    half = length // 2
    if is_rest or length % 2 or at % length != half:
        return False
    return 2 * length > cap or (at + half) % (2 * length) != 0


def tuplet_regions(metre: Metre, places: set[int]) -> list[tuple[int, int]]:
    """The (place, length) spans to be written as triplets, so that notes can begin and end at `places`."""
    found: list[tuple[int, int]] = []
    top = metre.cap if not metre.is_compound and metre.cap in _TUPLET_SIZES and metre.length % metre.cap == 0 else 12
    last = max(places, default=0)
    for place in range(0, last, top):
        _collect_tuplets(place, top, places, found)
    return found


def _collect_tuplets(start: int, size: int, places: set[int], found: list[tuple[int, int]]) -> None:
    inside = sorted(place for place in places if start < place < start + size)
    if all((place - start) % 3 == 0 for place in inside):
        return
    edges = [start, *inside, start + size]
    sixth = size // 6
    fits = all(place % max(1, sixth) == start % max(1, sixth) for place in inside)
    lengths = {(b - a) // sixth for a, b in pairwise(edges)}
    if size <= 12 or (start + size // 2 not in places and fits and lengths <= _TUPLET_SIXTHS):
        found.append((start, size))
        return
    _collect_tuplets(start, size // 2, places, found)
    _collect_tuplets(start + size // 2, size // 2, places, found)


def written_pieces(
    metre: Metre, start: int, end: int, tuplets: list[tuple[int, int]], is_rest: bool
) -> Iterator[Piece]:
    """All the pieces of one note or rest, cut at the edges of triplets."""
    at = start
    for place, size in tuplets:
        if place >= end or place + size <= at:
            continue
        yield from pieces_of(metre, at, max(at, place), is_rest)
        at = max(at, place)
        until = min(end, place + size)
        if at == place and until == place + size:
            yield from pieces_of(metre, at, until, is_rest)
        elif at < until:
            yield _tuplet_piece(at, until - at, (place, size))
        at = until
    yield from pieces_of(metre, at, end, is_rest)


def _tuplet_piece(start: int, length: int, tuplet: tuple[int, int]) -> Piece:
    written = length * 3 // 2
    for total, value, dots in _WRITABLE:
        if total == written:
            return Piece(start, length, value, dots, tuplet)
    return Piece(start, length, 3, 0, tuplet)  # only where a bar is cut off inside a triplet


def beam_group(metre: Metre, place: int, only_eighths: bool) -> int:
    """A number equal for places that one beam may join; in 4/4 and 2/2 eighths are joined by half bars."""
    if only_eighths and metre.length == 96 and metre.cap == 96:
        return place // 48
    for number, (start, length) in enumerate(metre.groups):
        if start <= place < start + length:
            return number
    return len(metre.groups)
