"""Short runs of a piece as hashes: what two pieces are compared by.

A run says nothing of key and tempo: pitches count from its first note, and gaps are divided by their greatest common
divisor, its unit. There are four kinds: five moves of the melody, or of the bass; three chords of the texture; the
melody of one bar, which is found wherever the bar stands. A hash is 32 bits of the moves and the gaps. It is no secret:
of runs in a row that say where they begin, the moves can be worked out by trial, and so the tune.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stilo.originality.lines import Chords, Integers, Notes, bass_of, begins, chords_of, melody_of

RUNS_VERSION = 2  # another number wherever the same music gives other hashes, or of them others are kept
KINDS = 4
MELODY, TEXTURE, BAR, BASS = range(KINDS)
MELODY_MOVES = 5
TEXTURE_CHORDS = 3
FEWEST_CHORD_NOTES = 6  # of the chords of a run of texture together, at least two of which have two notes
FEWEST_BAR_NOTES = 4
READ_ANEW_SHARE = 2 / 3  # of a bar in other note values: with all of it unseen pieces share more by chance
LONGEST_REST = 16  # times the shortest gap of a run: what is further apart is not one run

RUN_DTYPE = np.dtype(
    [
        ("hash", "<u4"),
        ("kind", "u1"),
        ("bar", "<u2"),
        ("last_bar", "<u2"),
        ("onset", "<i4"),
        ("end", "<i4"),
        ("unit", "<u4"),
        ("pitch", "<i2"),
        ("share", "<f4"),
    ]
)
RunArray = NDArray[np.void]
_LAST_BAR = 65535
_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)
_POWER = 0xD1342543DE82EF95


@dataclass(frozen=True, eq=False)
class Trace:
    """A piece as it is compared with others.

    Attributes:
        runs: of `RUN_DTYPE`, those of the piece as it stands first.
        own: how many are of the piece as it stands; the others are of its bars in other note values.
        melody_onset, melody_bar: int64 [notes of the melody], onsets in twenty-fourths, and their bars.
    """

    runs: RunArray
    own: int
    melody_onset: Integers
    melody_bar: Integers

    @property
    def as_it_stands(self) -> RunArray:
        return self.runs[: self.own]


def trace_of(notes: Notes) -> Trace:
    """A piece as it is held against others: its runs, and those of its bars read in other note values."""
    melody = melody_of(notes)
    own = _runs_of(notes, melody)
    return Trace(np.concatenate([own, _bars_read_anew(melody)]), len(own), melody.onset, melody.bar)


def runs_of(notes: Notes) -> RunArray:
    """All runs of a piece, [runs] of `RUN_DTYPE`, kind after kind, each in order.

    `bar` and `last_bar` are those of the first and the last note, `onset` and `end` their onsets, `unit` the greatest
    common divisor of the gaps, all in twenty-fourths, `pitch` is that of the first note (the lowest of a chord), and
    `share` the part of its rarity that a run counts with, since its notes stand in the next runs as well.
    """
    return _runs_of(notes, melody_of(notes))


def _runs_of(notes: Notes, melody: Notes) -> RunArray:
    first, count = _spans(melody.bar)
    bars = _bar_runs(melody, first, count)
    return np.concatenate([_melody_runs(melody), _texture_runs(chords_of(notes)), bars, _bass_runs(notes)])


def _melody_runs(melody: Notes) -> RunArray:
    if len(melody) <= MELODY_MOVES:
        return np.zeros(0, RUN_DTYPE)
    gaps, unit, whole = _gaps(melody.onset, MELODY_MOVES)
    moves = _windows(np.diff(melody.pitch), MELODY_MOVES)
    runs = _runs(melody.onset, melody.bar, melody.pitch, unit)
    runs["kind"], runs["share"] = MELODY, 1 / MELODY_MOVES
    runs["hash"] = _hashed(MELODY, [*gaps.T, *(moves.T + 256)])
    return runs[whole]


def _bass_runs(notes: Notes) -> RunArray:
    """As those of the melody, of the lowest line, and with the same hashes: a theme is found above and below."""
    bass = bass_of(notes)
    runs = _melody_runs(bass)
    runs["kind"] = BASS
    return runs


def _texture_runs(chords: Chords) -> RunArray:
    if len(chords) < TEXTURE_CHORDS:
        return np.zeros(0, RUN_DTYPE)
    gaps, unit, whole = _gaps(chords.onset, TEXTURE_CHORDS - 1)
    moves = _windows(np.diff(chords.lowest), TEXTURE_CHORDS - 1)
    shapes, sizes = _windows(chords.shape, TEXTURE_CHORDS), _windows(chords.size, TEXTURE_CHORDS)
    runs = _runs(chords.onset, chords.bar, chords.lowest, unit)
    runs["kind"], runs["share"] = TEXTURE, 1 / TEXTURE_CHORDS
    runs["hash"] = _hashed(TEXTURE, [*gaps.T, *(moves.T + 256), *shapes.T])
    is_thick = ((sizes >= 2).sum(axis=1) >= 2) & (sizes.sum(axis=1) >= FEWEST_CHORD_NOTES)
    return np.asarray(runs[whole & is_thick])


def _spans(bar: Integers) -> tuple[Integers, Integers]:
    """First note and number of notes of each bar that has enough of them."""
    first = np.flatnonzero(begins(bar))
    count = np.diff(first, append=len(bar))
    return first[count >= FEWEST_BAR_NOTES], count[count >= FEWEST_BAR_NOTES]


def _bars_read_anew(melody: Notes) -> RunArray:
    """Runs of half bars, and of bars joined by twos from the first or the second on.

    In halved note values two bars of a piece stand in one, and in doubled ones one bar stands in two.
    """
    spans = [_spans(bar) for bar in (2 * melody.bar + melody.half, melody.bar // 2, (melody.bar + 1) // 2)]
    first, count = np.concatenate(spans, axis=1)
    wide, (own_first, own_count) = len(melody) + 1, _spans(melody.bar)
    fresh = np.setdiff1d(first * wide + count, own_first * wide + own_count)
    runs = _bar_runs(melody, fresh // wide, fresh % wide)
    runs["share"] = READ_ANEW_SHARE
    return runs


def _bar_runs(melody: Notes, first: Integers, count: Integers) -> RunArray:
    """A run for each bar, given by its first note and its number of notes; the place in the bar does not count."""
    if len(first) == 0:
        return np.zeros(0, RUN_DTYPE)
    moves = count - 1
    starts = np.append(0, np.cumsum(moves)[:-1])
    inside = np.repeat(first - starts, moves) + np.arange(moves.sum())
    gap = np.diff(melody.onset)[inside]
    unit = np.gcd.reduceat(gap, starts)
    token = _mixed(0, [gap // np.repeat(unit, moves), np.diff(melody.pitch)[inside] + 256])
    place = np.arange(len(inside)) - np.repeat(starts, moves)
    sums = np.add.reduceat(token * _powers(int(moves.max()))[place], starts)
    runs = np.zeros(len(first), RUN_DTYPE)
    last = first + count - 1
    runs["kind"], runs["unit"], runs["pitch"] = BAR, unit, melody.pitch[first]
    runs["bar"], runs["last_bar"] = (np.minimum(melody.bar[place], _LAST_BAR) for place in (first, last))
    runs["onset"], runs["end"] = melody.onset[first], melody.onset[last]
    runs["hash"] = _hashed(BAR, [sums, moves])
    runs["share"] = 1.0
    return runs


def _powers(count: int) -> NDArray[np.uint64]:
    return np.cumprod(np.append(np.uint64(1), np.full(count, _POWER, np.uint64)), dtype=np.uint64)


def _windows(values: NDArray[Any], length: int) -> NDArray[Any]:
    return np.lib.stride_tricks.sliding_window_view(values, length)


def _gaps(onset: Integers, length: int) -> tuple[Integers, Integers, NDArray[np.bool_]]:
    """Gaps of every run in its unit, the units, and which runs hold no rest."""
    gaps = _windows(np.diff(onset), length)
    unit = np.gcd.reduce(gaps, axis=1)
    return gaps // unit[:, None], unit, gaps.max(axis=1) <= LONGEST_REST * gaps.min(axis=1)


def _runs(onset: Integers, bar: Integers, pitch: Integers, unit: Integers) -> RunArray:
    """The runs of which `unit` is that of each, still without kind and hash."""
    runs = np.zeros(len(unit), RUN_DTYPE)
    moves = len(onset) - len(unit)
    runs["unit"], runs["pitch"] = unit, pitch[: len(unit)]
    runs["bar"], runs["last_bar"] = np.minimum(bar[: len(unit)], _LAST_BAR), np.minimum(bar[moves:], _LAST_BAR)
    runs["onset"], runs["end"] = onset[: len(unit)], onset[moves:]
    return runs


def _mixed(salt: int, columns: list[NDArray[Any]]) -> NDArray[np.uint64]:
    mixed = np.full(len(columns[0]), salt + 1, np.uint64)
    for column in columns:
        mixed = (mixed ^ column.astype(np.uint64)) * _MULTIPLIER
        mixed ^= mixed >> np.uint64(29)
    return mixed


def _hashed(kind: int, columns: list[NDArray[Any]]) -> NDArray[np.uint32]:
    return (_mixed(kind, columns) >> np.uint64(16)).astype(np.uint32)
