"""Played music made fit to read: what a copyist does with the ragged ends and spread chords of a performance.

Only parts that look played are touched (`looks_played`); what was written comes out as it went in. Times are
twenty-fourths of a quarter, counted from the beginning of the piece.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

_SIMPLE_PLACES = frozenset({0, 6, 12, 18})  # of a quarter: sixteenths
_FEW_NOTES = 16
_PLAYED_SHARE = 1 / 3
# Grids of a quarter with what it costs a reader to meet them, in the same unit as moving a note by a 24th.
_GRIDS: tuple[tuple[float, tuple[int, ...]], ...] = (
    (0.0, (0, 12, 24)),
    (1.0, (0, 6, 12, 18, 24)),
    (4.0, (0, 8, 16, 24)),
    (14.0, (0, 3, 6, 9, 12, 15, 18, 21, 24)),
    (14.0, (0, 4, 8, 12, 16, 20, 24)),
)
_EIGHTH, _SIXTEENTH = 12, 6


@dataclass(slots=True)
class Played:
    """A note on its way to the page."""

    start: int
    end: int
    pitch: int
    velocity: int


def looks_played(notes: Sequence[Played]) -> bool:
    """Do many notes end where no score would end them: off the sixteenths, and where nothing else begins?"""
    if len(notes) < _FEW_NOTES:
        return False
    starts = {note.start for note in notes}
    ragged = sum(note.end % 24 not in _SIMPLE_PLACES and note.end not in starts for note in notes)
    return ragged > _PLAYED_SHARE * len(notes)


def legible(notes: Sequence[Played], bar_starts: Sequence[int]) -> list[Played]:
    """The notes of one staff on simple places, ended where the next ones begin or on a simple value.

    Notes that a chord spreads out are struck together; of one pitch struck twice at once the longer stays.

    Args:
        notes: of one staff, in order of start.
        bar_starts: from 0, ascending; quarters are counted from them.
    """
    moved = _on_simple_grids(notes, bar_starts)
    together: dict[tuple[int, int], Played] = {}
    for note in moved:
        other = together.setdefault((note.start, note.pitch), note)
        other.end = max(other.end, note.end)
    kept = sorted(together.values(), key=lambda note: (note.start, note.pitch))
    starts = sorted({note.start for note in kept})
    for note in kept:
        note.end = _end(note, starts, bar_starts)
    return kept


def _on_simple_grids(notes: Sequence[Played], bar_starts: Sequence[int]) -> list[Played]:
    """For every quarter the grid that costs the reader and the ear the least together."""
    quarters: dict[int, list[Played]] = {}
    for note in notes:
        bar = bar_starts[bisect_right(bar_starts, note.start) - 1]
        quarters.setdefault(bar + (note.start - bar) // 24 * 24, []).append(note)
    moved: list[Played] = []
    for place, inside in quarters.items():
        offsets = [note.start - place for note in inside]
        _, grid = min(
            (cost + sum(min(abs(offset - to) for to in grid) for offset in set(offsets)), grid) for cost, grid in _GRIDS
        )
        for note, offset in zip(inside, offsets, strict=True):
            start = place + min(grid, key=lambda to: (abs(to - offset), to))
            moved.append(Played(start, max(start + 3, note.end), note.pitch, note.velocity))
    return moved


def _end(note: Played, starts: Sequence[int], bar_starts: Sequence[int]) -> int:
    """Where a reader would have the note end."""
    index = bisect_right(starts, note.start)
    following = starts[index] if index < len(starts) else None
    if following is not None and note.end < following + _EIGHTH:
        gap, length = following - note.end, note.end - note.start
        if gap <= max(_SIXTEENTH, length):
            return following
    if following is not None and note.end >= following + _EIGHTH:
        nearest = bisect_left(starts, note.end)
        around = [start for start in starts[max(index, nearest - 1) : nearest + 1] if abs(start - note.end) <= _EIGHTH]
        if around:
            return min(around, key=lambda start: abs(start - note.end))
    bar = bar_starts[bisect_right(bar_starts, max(note.start, note.end - 1)) - 1]
    step = 24 if note.end - note.start > 24 else _EIGHTH
    rounded = bar + max(1, round((note.end - bar) / step)) * step
    while rounded <= note.start:
        rounded += _EIGHTH
    return rounded if following is None or note.end >= following else min(rounded, following)
