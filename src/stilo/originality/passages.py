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

from stilo.originality.index import Index, Integers, Known, Shared
from stilo.originality.runs import TEXTURE, RunArray, Trace
from stilo.originality.stock import Floats

WINDOW_BARS = 10
LONGEST_HOLE_BARS = 2  # inside a passage in which nothing is shared
IN_ORDER_FROM = 0.5  # of the bits in one passage
TEXTURE_FROM = 0.1  # of the bits in runs of chords
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


def most_bits(runs: RunArray, shared: Shared) -> float:
    """The bits of the best passage of all, 0 when nothing is shared."""
    best = best_window(runs, shared)
    return 0.0 if best is None else best.bits


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
        first, last = min(window.first_bar, passage.bars[0] - 1), max(window.last_bar, passage.bars[1] - 1)
        bar = runs["bar"][shared.run].astype(np.int64)
        shared = shared.some((bar < first) | (bar > last))
    return found


def best_window(runs: RunArray, shared: Shared) -> Window | None:
    """The most that is shared with one piece within `WINDOW_BARS` bars; None when nothing is."""
    if len(shared) == 0:
        return None
    bar = runs["bar"][shared.run].astype(np.int64)
    key = shared.piece * _FAR + bar
    order = np.argsort(key, kind="stable")
    key, bits = key[order], np.append(0.0, np.cumsum(shared.bits[order]))
    begin = np.searchsorted(key, np.maximum(key - WINDOW_BARS + 1, key // _FAR * _FAR))
    within = bits[1:] - bits[begin]
    best = int(within.argmax())
    piece, first_bar = divmod(int(key[begin[best]]), _FAR)
    return Window(piece, float(within[best]), first_bar, int(key[best]) % _FAR)


def _passage(trace: Trace, known: Known, shared: Shared, window: Window) -> Passage:
    runs = trace.runs
    bar = runs["bar"][shared.run]
    inside = (shared.piece == window.piece) & (bar >= window.first_bar) & (bar <= window.last_bar)
    there = shared.some(inside)
    if isinstance(known, Index) and (laid := _laid_on_top(trace, known, there, window)) is not None:
        return laid
    last_bar = int(runs["last_bar"][there.run].max())
    return Passage(
        bars=(window.first_bar + 1, last_bar + 1),
        source=known.names[window.piece],
        source_bars=_bars_in_source(known, runs, there, window.piece) if isinstance(known, Index) else None,
        bits=window.bits,
        notes=_notes_within(trace, runs[there.run]),
        is_in_order=False if isinstance(known, Index) else None,
        is_texture=_is_texture(runs, there),
    )


def _laid_on_top(trace: Trace, index: Index, there: Shared, window: Window) -> Passage | None:
    """The passage in which most of the window's bits lie in one row; None when less than half of them do."""
    runs = trace.runs
    own, row = _all_places(runs, index, window.piece)
    segment = _segments(runs, index, own, row)
    bits = np.zeros(len(runs))
    bits[there.run] = there.bits
    pair = np.unique(segment * len(runs) + _as_first(runs, own))  # a run that comes twice in a segment counts once
    sums = np.bincount(pair // len(runs), bits[pair % len(runs)])
    best = int(sums.argmax())
    if sums[best] < IN_ORDER_FROM * window.bits:
        return None
    chosen = segment == best
    mine, theirs = runs[own[chosen]], index.rows[row[chosen]]
    steps = np.unique(mine["pitch"].astype(int) - theirs["pitch"]) if index.has_pitches else np.zeros(0, int)
    ratio = float(theirs["unit"][0] / mine["unit"][0])
    return Passage(
        bars=(int(mine["bar"].min()) + 1, int(mine["last_bar"].max()) + 1),
        source=index.names[window.piece],
        source_bars=(int(theirs["bar"].min()) + 1, int(theirs["last_bar"].max()) + 1),
        bits=window.bits,
        notes=_notes_within(trace, mine),
        transposition=int(steps[0]) if len(steps) == 1 else None,
        tempo_ratio=ratio,
        is_in_order=True,
        is_texture=_is_texture(runs, there),
    )


def _all_places(runs: RunArray, index: Index, piece: int) -> tuple[Integers, Integers]:
    """(run, row) of all that is shared with the piece, every time that it comes."""
    run, row = index.places(runs["hash"])
    mine = index.rows["piece"][row] == piece
    return run[mine], row[mine]


def _segments(runs: RunArray, index: Index, own: Integers, row: Integers) -> Integers:
    """Which runs lie in one row: in one tempo, distance in time and transposition, without a hole of many bars."""
    unit, other = runs["unit"][own].astype(np.int64), index.rows["unit"][row].astype(np.int64)
    common = np.gcd(unit, other)
    unit, other = unit // common, other // common
    distance = unit * index.rows["onset"][row] - other * runs["onset"][own]
    step = runs["pitch"][own].astype(np.int64) - index.rows["pitch"][row]
    if not index.has_pitches:
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


def _bars_in_source(index: Index, runs: RunArray, there: Shared, piece: int) -> tuple[int, int]:
    _, row = index.places(runs["hash"][there.run])
    rows = index.rows[row][index.rows["piece"][row] == piece]
    return int(rows["bar"].min()) + 1, int(rows["last_bar"].max()) + 1


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
