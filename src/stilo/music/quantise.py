"""Quantising: from played times to the grid of slots that the nets and the printed page share.

Conventions. A quarter holds 12 slots, at 0 3 4 6 8 9 12 15 16 18 20 21 twenty-fourths of it: every 32nd note and
every triplet of sixteenths. Slots are counted from the beginning of each bar, so a bar of 7/8 holds 42 of them, and
absolute slots are counted through the whole piece. A bar that a change of metre cuts short is as long as it sounds.
Bars of 64ths are rounded to whole 32nds.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from stilo.music.score import (
    DEFAULT_TICKS_PER_QUARTER,
    ChordSymbol,
    KeySignature,
    Marker,
    Score,
    Tempo,
    TimeSignature,
)
from stilo.music.timeline import BarGrid, bar_grid, effective_time_signatures, ticks_to_seconds

SLOTS_PER_QUARTER = 12
SLOT_OFFSETS_24THS: NDArray[np.int64] = np.array([0, 3, 4, 6, 8, 9, 12, 15, 16, 18, 20, 21], np.int64)
_MIDPOINTS_24THS = np.array([1.5, 3.5, 5, 7, 8.5, 10.5, 13.5, 15.5, 17, 19, 20.5, 22.5])
_SMALLEST_BAR_24THS = 3

Integers = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Slots:
    """Where the notes of a score lie in slots; all arrays int64, those of notes in the order of `score.notes`.

    Attributes:
        bar: [notes], index of the bar in which the note begins.
        onset_in_bar: [notes], slot of the onset, counted from its bar line.
        onset: [notes], absolute slot of the onset.
        end: [notes], absolute slot of the end, at least `onset + 1`.
        bar_lengths: [bars], slots of every bar from the first to the last that holds a note; at least one bar.
    """

    bar: Integers
    onset_in_bar: Integers
    onset: Integers
    end: Integers
    bar_lengths: Integers


@dataclass(frozen=True, eq=False)
class Quantisation:
    """A score on the grid, and how far its onsets had to move to get there.

    Attributes:
        score: the quantised score, 480 ticks to the quarter, its notes as many as before.
        slots: the same notes in slots, in the order of the *quantised* score's notes.
        mean_error_quarters, p95_error_quarters: of the absolute onset error; 0 without notes.
        mean_error_seconds, p95_error_seconds: the same in seconds of the piece's own tempo.
        mean_duration_error_quarters: mean absolute change of duration.
        errors_seconds: float64 [notes], of each note of the score as it was, in seconds.
        share_moved: share of the notes whose onset was not on the grid already, 0…1.
    """

    score: Score
    slots: Slots
    mean_error_quarters: float
    p95_error_quarters: float
    mean_error_seconds: float
    p95_error_seconds: float
    mean_duration_error_quarters: float
    errors_seconds: NDArray[np.float64]
    share_moved: float


def slots_to_24ths(slots: ArrayLike) -> Integers:
    """Twenty-fourths of a quarter from the bar line to each slot of the bar."""
    counted = np.asarray(slots, np.int64)
    return np.asarray(24 * (counted // SLOTS_PER_QUARTER) + SLOT_OFFSETS_24THS[counted % SLOTS_PER_QUARTER])


def quarters_to_slots(quarters: ArrayLike) -> Integers:
    """The slot nearest to each distance from the bar line; halfway goes to the later slot."""
    in_24ths = np.asarray(quarters, np.float64) * 24
    # A millionth of a tick of slack: exact midpoints must not depend on how the division rounded.
    whole = np.floor(in_24ths / 24)
    part = np.searchsorted(_MIDPOINTS_24THS, in_24ths - 24 * whole + 1e-6, side="right")
    return np.asarray(whole.astype(np.int64) * SLOTS_PER_QUARTER + part)


def slots_to_ticks(
    slots: ArrayLike, bar_lengths: ArrayLike, ticks_per_quarter: int = DEFAULT_TICKS_PER_QUARTER
) -> Integers:
    """Ticks of absolute slots, in a piece whose bars hold `bar_lengths` slots; `ticks_per_quarter` divides by 24.

    Slots after the last bar are counted on as if that bar went on.
    """
    if ticks_per_quarter % 24:
        raise ValueError(f"ticks_per_quarter {ticks_per_quarter} is not a multiple of 24")
    lengths = np.asarray(bar_lengths, np.int64)
    starts_slots, starts_24ths = _starts(lengths), _starts(slots_to_24ths(lengths))
    absolute = np.asarray(slots, np.int64)
    bar = np.clip(np.searchsorted(starts_slots, absolute, side="right") - 1, 0, len(lengths) - 1)
    in_24ths = starts_24ths[bar] + slots_to_24ths(absolute - starts_slots[bar])
    return in_24ths * (ticks_per_quarter // 24)


def slots_of(score: Score) -> Slots:
    """Put every onset and every end on its nearest slot.

    An onset closer to the next bar line than to the last slot of its bar begins that bar. No note is shorter than
    one slot.
    """
    bars = _Bars(score)
    onsets = score.notes["onset_ticks"].astype(np.int64)
    onset = bars.absolute_slots(onsets)
    end = np.maximum(onset + 1, bars.absolute_slots(onsets + score.notes["duration_ticks"]))
    last = max(int(onset.max(initial=0)) + 1, int(end.max(initial=1)))
    bar_count = int(np.searchsorted(bars.starts_slots, last - 1, side="right"))
    bar = np.searchsorted(bars.starts_slots, onset, side="right").astype(np.int64) - 1
    return Slots(bar, onset - bars.starts_slots[bar], onset, end, bars.lengths_slots[:bar_count])


def quantised(score: Score) -> Quantisation:
    """Move all onsets and ends to the grid, and say by how much.

    Metre, key, chords and markers move with their bars; tempo changes keep their place inside the bar. What stands
    after the last bar is left out.
    """
    bars = _Bars(score)
    slots = slots_of(score)
    notes = score.notes.copy()
    onset_ticks = slots_to_ticks(slots.onset, bars.lengths_slots)
    notes["onset_ticks"] = onset_ticks
    notes["duration_ticks"] = slots_to_ticks(slots.end, bars.lengths_slots) - onset_ticks
    moved = replace(
        score,
        notes=notes,
        ticks_per_quarter=DEFAULT_TICKS_PER_QUARTER,
        tempos=_moved(score.tempos, bars.fine_ticks),
        time_signatures=_moved(bars.signatures(score), bars.grid_ticks),
        key_signatures=_moved(score.key_signatures, bars.grid_ticks),
        chord_symbols=_moved(score.chord_symbols, bars.grid_ticks),
        markers=_moved(score.markers, bars.grid_ticks, one_at_a_time=False),
    )
    return _report(score, moved, slots, bars)


class _Bars:
    """The bars of a score in ticks and in slots, with one bar more than the notes need."""

    def __init__(self, score: Score) -> None:
        grid = bar_grid(score)
        grid = bar_grid(score, int(grid.starts_ticks[-1] + grid.lengths_ticks[-1]) + 1)
        self.grid: BarGrid = grid
        self.ticks_per_quarter = score.ticks_per_quarter
        sounding_ticks = np.append(np.diff(grid.starts_ticks), grid.lengths_ticks[-1])
        nominal_24ths = np.rint(96 * grid.numerators / grid.denominators / _SMALLEST_BAR_24THS) * _SMALLEST_BAR_24THS
        whole = sounding_ticks == grid.lengths_ticks
        quarters = np.where(whole, nominal_24ths / 24, sounding_ticks / score.ticks_per_quarter)
        self.lengths_slots = np.maximum(1, quarters_to_slots(quarters))
        self.starts_slots = _starts(self.lengths_slots)
        self.starts_24ths = _starts(slots_to_24ths(self.lengths_slots))

    def absolute_slots(self, ticks: ArrayLike) -> Integers:
        """The nearest absolute slot of each tick."""
        at = np.asarray(ticks, np.int64)
        bar = self.grid.bar_of(at)
        in_bar = quarters_to_slots((at - self.grid.starts_ticks[bar]) / self.ticks_per_quarter)
        return self.starts_slots[bar] + np.minimum(in_bar, self.lengths_slots[bar])

    def original_ticks(self, slots: Integers) -> NDArray[np.float64]:
        """Where absolute slots lie in the score before it is moved, in fractional ticks."""
        bar = np.searchsorted(self.starts_slots, slots, side="right") - 1
        in_24ths = slots_to_24ths(slots - self.starts_slots[bar])
        return np.asarray(self.grid.starts_ticks[bar] + in_24ths * self.ticks_per_quarter / 24)

    def grid_ticks(self, ticks: Integers) -> Integers:
        """Where ticks go when they are moved to their slots, in the quantised score."""
        return slots_to_ticks(self.absolute_slots(ticks), self.lengths_slots)

    def fine_ticks(self, ticks: Integers) -> Integers:
        """Where ticks go when their bars move and they keep their place inside the bar."""
        bar = self.grid.bar_of(ticks)
        scale = DEFAULT_TICKS_PER_QUARTER // 24
        inside = (ticks - self.grid.starts_ticks[bar]) * (DEFAULT_TICKS_PER_QUARTER / self.ticks_per_quarter)
        inside = np.minimum(inside, scale * slots_to_24ths(self.lengths_slots[bar]))
        return np.asarray(scale * self.starts_24ths[bar] + np.rint(inside).astype(np.int64))

    def signatures(self, score: Score) -> tuple[TimeSignature, ...]:
        """The time signatures that begin a bar here, bars of 64ths rounded to 32nds."""
        rounded = []
        for signature in effective_time_signatures(score) if score.time_signatures else ():
            if 96 * signature.numerator % (signature.denominator * _SMALLEST_BAR_24THS) == 0:
                rounded.append(signature)
                continue
            numerator = max(1, round(32 * signature.numerator / signature.denominator))
            rounded.append(TimeSignature(signature.onset_ticks, numerator, 32))
        return tuple(e for e in rounded if e.onset_ticks <= int(self.grid.starts_ticks[-1]))


_Event = TypeVar("_Event", Tempo, TimeSignature, KeySignature, ChordSymbol, Marker)


class _Mapping(Protocol):
    def __call__(self, ticks: Integers) -> Integers: ...


def _moved(events: tuple[_Event, ...], to_ticks: _Mapping, one_at_a_time: bool = True) -> tuple[_Event, ...]:
    """The events at their new places; where two fall together the later one holds."""
    if not events:
        return ()
    ticks = to_ticks(np.array([event.onset_ticks for event in events], np.int64)).tolist()
    moved = [replace(event, onset_ticks=tick) for event, tick in zip(events, ticks, strict=True)]
    return tuple({event.onset_ticks: event for event in moved}.values()) if one_at_a_time else tuple(moved)


def _starts(lengths: Integers) -> Integers:
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths)[:-1]])


def _report(score: Score, moved: Score, slots: Slots, bars: _Bars) -> Quantisation:
    if len(score) == 0:
        return Quantisation(moved, slots, 0.0, 0.0, 0.0, 0.0, 0.0, np.zeros(0), 0.0)
    played = score.notes["onset_ticks"].astype(np.float64)
    written = bars.original_ticks(slots.onset)
    quarters = np.abs(played - written) / score.ticks_per_quarter
    seconds = np.abs(ticks_to_seconds(score, played) - ticks_to_seconds(score, written))
    lengths = bars.original_ticks(slots.end) - written
    lengthened = np.abs(lengths - score.notes["duration_ticks"]) / score.ticks_per_quarter
    return Quantisation(
        score=moved,
        slots=slots_of(moved),
        mean_error_quarters=float(quarters.mean()),
        p95_error_quarters=float(np.percentile(quarters, 95)),
        mean_error_seconds=float(seconds.mean()),
        p95_error_seconds=float(np.percentile(seconds, 95)),
        mean_duration_error_quarters=float(lengthened.mean()),
        errors_seconds=seconds,
        share_moved=float((quarters > 1e-6).mean()),
    )
