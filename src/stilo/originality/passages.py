"""The passages that a piece shares with others: how many bits within ten bars, and which bars are which.

All runs that two pieces share within `WINDOW_BARS` bars of the one count, in whatever order they stand in the other:
bars that were put in another order are found too. Where the other piece's bars are known, those runs are laid on top of
each other (one tempo, one distance in time, one transposition, as in the search for translated sets of points of
Meredith, Lemström & Wiggins 2002); what lies so in a row is the passage. A note that was added breaks some runs, but
moves nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from stilo.originality.index import Index, Known, RowArray, Shared, has_pitches, places_in
from stilo.originality.lines import Integers, begins
from stilo.originality.runs import TEXTURE, RunArray, Trace
from stilo.originality.stock import WINDOW_BARS, Floats

LONGEST_HOLE_BARS = 2  # inside a passage in which nothing is shared
IN_ORDER_FROM = 0.5  # of the bits in one line: what lies beside it is less, and does not say which bars are which
TEXTURE_FROM = 0.1  # of the bits in runs of chords: a cadence below a tune is less
MOST_PASSAGES = 20
_FAR = 2**20


@dataclass(frozen=True, slots=True)
class Passage:
    """Bars of a piece that come from another, or might.

    Attributes:
        bars: first and last, counted from 1.
        source: name of the other piece.
        source_bars: first and last in that; None when they are not known.
        bits: what is shared within `WINDOW_BARS` of them, weighed by rarity.
        notes: of the melody, within the shared runs.
        transposition: semitones from the source up to here; None = not known, or not one.
        tempo_ratio: note values of the source over those here (2 = twice as fast here); None = not known, or not one.
        is_in_order: whether the bars stand here as they stand there; None = not known.
        is_texture: whether whole chords are shared, and not the melody alone.
    """

    bars: tuple[int, int]
    source: str
    source_bars: tuple[int, int] | None
    bits: float
    notes: int
    transposition: int | None = None
    tempo_ratio: float | None = None
    is_in_order: bool | None = None
    is_texture: bool = False


@dataclass(frozen=True, slots=True)
class Window:
    """The bars of a piece, from 0, in which it shares the most with one other."""

    piece: int
    bits: float
    first_bar: int
    last_bar: int


def passages(trace: Trace, known: Known, shared: Shared, least_bits: float) -> list[Passage]:
    """The passages of at least so many bits, the best first; or else the best one alone.

    What stands in the bars of one is not counted again.
    """
    runs, found = trace.runs, list[Passage]()
    while len(found) < MOST_PASSAGES and (window := best_window(runs, shared)) is not None:
        if found and window.bits < least_bits:
            break
        passage = _passage(trace, known, shared, window)
        found.append(passage)
        bar = runs["bar"][shared.run].astype(np.int64)
        in_window = (bar >= window.first_bar) & (bar <= window.last_bar)
        in_passage = (bar >= passage.bars[0] - 1) & (bar <= passage.bars[1] - 1)
        shared = shared.some(~(in_window | in_passage))
    return found


def best_window(runs: RunArray, shared: Shared) -> Window | None:
    """The most that is shared with one piece within `WINDOW_BARS` bars; None when nothing is."""
    if len(shared) == 0:
        return None
    key, first, bits = _windows(runs, shared)
    best = int(bits.argmax())
    piece, first_bar = divmod(int(first[best]), _FAR)
    return Window(piece, float(bits[best]), first_bar, int(key[best]) % _FAR)


def most_bits(runs: RunArray, shared: Shared) -> float:
    """The bits of the best passage of all, 0 when nothing is shared."""
    return float(most_bits_with_each(runs, shared).max(initial=0.0))


def most_bits_with_each(runs: RunArray, shared: Shared) -> Floats:
    """The bits of the best passage with each piece that anything is shared with, [pieces]."""
    if len(shared) == 0:
        return np.zeros(0)
    key, _, bits = _windows(runs, shared)
    piece = key // _FAR
    return np.asarray(np.maximum.reduceat(bits, np.flatnonzero(begins(piece))))


def _windows(runs: RunArray, shared: Shared) -> tuple[Integers, Integers, Floats]:
    """Windows that end with each that is shared, in order: piece and last bar, piece and first bar, bits."""
    key = shared.piece * _FAR + runs["bar"][shared.run].astype(np.int64)
    order = np.argsort(key, kind="stable")
    key, sums = key[order], np.append(0.0, np.cumsum(shared.bits[order]))
    begin = np.searchsorted(key, np.maximum(key - WINDOW_BARS + 1, key // _FAR * _FAR))
    return key, key[begin], sums[1:] - sums[begin]


def _passage(trace: Trace, known: Known, shared: Shared, window: Window) -> Passage:
    runs = trace.runs
    bar = runs["bar"][shared.run]
    inside = (shared.piece == window.piece) & (bar >= window.first_bar) & (bar <= window.last_bar)
    there = shared.some(inside)
    rows = known.rows_of(window.piece) if isinstance(known, Index) else None
    name = known.names[window.piece]
    if rows is not None and (laid := _laid_on_top(trace, rows, name, there, window)) is not None:
        return laid
    last_bar = int(runs["last_bar"][there.run].max())
    return Passage(
        bars=(window.first_bar + 1, last_bar + 1),
        source=name,
        source_bars=None if rows is None else _bars_in_source(rows, runs, there),
        bits=window.bits,
        notes=_notes_within(trace, runs[there.run]),
        is_in_order=None if rows is None else False,
        is_texture=_is_texture(runs, there),
    )


def _laid_on_top(trace: Trace, rows: RowArray, name: str, there: Shared, window: Window) -> Passage | None:
    """The passage in which most of the window's bits lie in one row; None when less than half of them do."""
    runs = trace.runs
    own, row = places_in(rows["hash"], runs["hash"])
    segment = _segments(runs, rows, own, row)
    bits = np.zeros(len(runs))
    bits[there.run] = there.bits
    pair = np.unique(segment * len(runs) + _as_first(runs, own))  # a run that comes twice in a segment counts once
    sums = np.bincount(pair // len(runs), bits[pair % len(runs)])
    bar = runs["bar"][own]
    here = np.unique(segment[(bar >= window.first_bar) & (bar <= window.last_bar)])  # it may come again elsewhere
    best = int(here[sums[here].argmax()])
    if sums[best] < IN_ORDER_FROM * window.bits:
        return None
    chosen = segment == best
    mine, theirs = runs[own[chosen]], rows[row[chosen]]
    steps = np.unique(mine["pitch"].astype(int) - theirs["pitch"]) if has_pitches(rows) else np.zeros(0, int)
    ratio = float(theirs["unit"][0] / mine["unit"][0])
    return Passage(
        bars=(int(mine["bar"].min()) + 1, int(mine["last_bar"].max()) + 1),
        source=name,
        source_bars=(int(theirs["bar"].min()) + 1, int(theirs["last_bar"].max()) + 1),
        bits=window.bits,
        notes=_notes_within(trace, mine),
        transposition=int(steps[0]) if len(steps) == 1 else None,
        tempo_ratio=ratio,
        is_in_order=True,
        is_texture=_is_texture(runs, there),
    )


def _segments(runs: RunArray, rows: RowArray, own: Integers, row: Integers) -> Integers:
    """Which runs lie in one row: in one tempo, distance in time and transposition, without a hole of many bars."""
    unit, other = runs["unit"][own].astype(np.int64), rows["unit"][row].astype(np.int64)
    common = np.gcd(unit, other)
    unit, other = unit // common, other // common
    distance = unit * rows["onset"][row] - other * runs["onset"][own]
    step = runs["pitch"][own].astype(np.int64) - rows["pitch"][row]
    if not has_pitches(rows):
        step[:] = 0
    bar = runs["bar"][own].astype(np.int64)
    order = np.lexsort((bar, step, distance, other, unit))
    begins = np.diff(bar[order]) > LONGEST_HOLE_BARS
    for key in (step, distance, other, unit):
        begins |= np.diff(key[order]) != 0
    segment = np.zeros(len(own), np.int64)
    segment[order] = np.append(0, np.cumsum(begins))[: len(own)]
    return segment


def _as_first(runs: RunArray, own: Integers) -> Integers:
    """For each run the first of the piece that is the same, which carries the bits."""
    _, first, same = np.unique(runs["hash"], return_index=True, return_inverse=True)
    return np.asarray(first[same[own]])


def _bars_in_source(rows: RowArray, runs: RunArray, there: Shared) -> tuple[int, int]:
    _, row = places_in(rows["hash"], runs["hash"][there.run])
    return int(rows["bar"][row].min()) + 1, int(rows["last_bar"][row].max()) + 1


def _is_texture(runs: RunArray, there: Shared) -> bool:
    texture: Floats = there.bits[runs["kind"][there.run] == TEXTURE]
    return bool(texture.sum() > TEXTURE_FROM * there.bits.sum())


def _notes_within(trace: Trace, runs: RunArray) -> int:
    """How many notes of the melody stand inside runs."""
    onset = trace.melody_onset
    begin, end = np.searchsorted(onset, runs["onset"]), np.searchsorted(onset, runs["end"], side="right")
    depth = np.zeros(len(onset) + 1, np.int64)
    np.add.at(depth, begin, 1)
    np.add.at(depth, end, -1)
    return int((np.cumsum(depth)[:-1] > 0).sum())
