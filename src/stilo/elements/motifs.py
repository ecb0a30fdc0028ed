"""Motifs: short melodic and rhythmic patterns that return, with where they occur.

A *step* is the move from one note of a line to the next: the interval by its size on the staff (unison, second, third
…, so that a sequence within the key counts as a return) and the time between the onsets in quarters. A motif is a run
of steps that occurs more often than chance would have it. Candidates are weighed by the bits that saying them once
would save (Meredith 2013, "COSIATEC and SIATECCompress"), rare steps counting more (Conklin 2010, "Discovery of
distinctive patterns in music"), and chosen one after the other, each on the notes that the earlier left.
"""

from __future__ import annotations

import heapq
import math
from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np

from stilo.elements.figures import figure
from stilo.elements.layout import Bools, Floats, Ints, Layout, Line

MOST_MOTIFS = 8
FEWEST_NOTES, MOST_NOTES = 4, 10
MOST_OCCURRENCES = 256  # told of one motif
MOST_LINES = 12
_MOST_STEPS = 60_000
_CANDIDATES_TO_A_LENGTH = 16
_REST_QUARTERS = 2.0
_DISTINCT_BITS = 24.0  # what sets a motif apart: bits beyond count a quarter, so that short and frequent beats long
_GRID = 12  # to the quarter
_STAFF_STEPS = np.array([0, 1, 1, 2, 2, 3, 3, 4, 5, 5, 6, 6])


@dataclass(frozen=True)
class Occurrence:
    """Where a motif occurs.

    Attributes:
        bar: of its first note, counted from 0.
        onset_quarters: of its first note, from the beginning of the piece.
        transposition: semitones above the first occurrence.
        track: index in the score.
    """

    bar: int
    onset_quarters: float
    transposition: int
    track: int


@dataclass(frozen=True)
class Motif:
    """A pattern that returns.

    Attributes:
        intervals: semitones from note to note, as at the first occurrence.
        durations_quarters: from onset to onset, at last how long the last note sounds; one more than `intervals`.
        occurrences: at least two, in order of onset; none overlaps another on its track.
    """

    intervals: tuple[int, ...]
    durations_quarters: tuple[float, ...]
    occurrences: tuple[Occurrence, ...]


@dataclass(frozen=True, eq=False)
class Motifs:
    """The motifs of a piece, the weightiest first; `share`: melody notes inside one of them."""

    motifs: tuple[Motif, ...]
    share: float


@dataclass(frozen=True, eq=False)
class _Steps:
    """All lines one after the other, int64 [notes] or float.

    Attributes:
        step: id of the step to the next note; −1 where a line ends or rests.
        bits: information of the step.
        strength: how good a place to begin: 0 none … 1 after a rest or a long note and on a bar line.
    """

    onset_ticks: Ints
    end_ticks: Ints
    pitch: Ints
    track: Ints
    bar: Ints
    phase: Ints
    step: Ints
    bits: Floats
    strength: Floats
    is_melody: Bools


def find_motifs(layout: Layout) -> Motifs:
    """Find the motifs of a piece, at most `MOST_MOTIFS`."""
    steps = _steps(layout)
    if len(steps.step) < 2 * FEWEST_NOTES:
        return Motifs((), 0.0)
    chosen = _choose(steps, _candidates(steps))
    covered = np.zeros(len(steps.step), bool)
    for starts, length in chosen:
        covered[(starts[:, None] + np.arange(length)).ravel()] = True
    share = float(covered[steps.is_melody].mean())
    return Motifs(tuple(_motif(layout, steps, starts, length) for starts, length in chosen), share)


def _lines(layout: Layout) -> list[tuple[int, Line]]:
    """The melody, and the lines of other tracks that mostly play one note at a time, by track."""
    parts = layout.parts
    melody = parts.melody_track
    if melody is None:
        return []
    others = [track for track in parts.tracks[parts.are_single].tolist() if track != melody]
    return [(melody, layout.melody), *((track, layout.line_of(track)) for track in others[: MOST_LINES - 1])]


def _steps(layout: Layout) -> _Steps:
    lines = _lines(layout)
    sizes = [len(line) for _, line in lines]
    kept = np.searchsorted(np.cumsum(sizes), _MOST_STEPS, side="right") + 1
    lines = [(track, line) for track, line in lines[:kept] if len(line)]
    if not lines:
        none, nothing = np.zeros(0, np.int64), np.zeros(0)
        return _Steps(none, none, none, none, none, none, none, nothing, nothing, np.zeros(0, bool))
    onset = np.concatenate([line.onset_ticks[:_MOST_STEPS] for _, line in lines])
    end = np.concatenate([line.end_ticks[:_MOST_STEPS] for _, line in lines])
    pitch = np.concatenate([line.pitch[:_MOST_STEPS] for _, line in lines])
    which = np.repeat(np.arange(len(lines)), [min(len(line), _MOST_STEPS) for _, line in lines])
    track = np.array([track for track, _ in lines])[which]
    quarter = layout.score.ticks_per_quarter
    gap = np.append(np.diff(onset), 0)
    rest = np.append(onset[1:], 0) - end >= _REST_QUARTERS * quarter
    last = np.append(np.diff(which) != 0, True)
    semitones = np.append(np.diff(pitch), 0)
    size = np.abs(semitones)
    staff = np.sign(semitones) * (_STAFF_STEPS[size % 12] + 7 * (size // 12))
    length = np.rint(gap * _GRID / quarter).astype(np.int64)
    joined = ~(rest | last) & (length > 0)
    bits = np.zeros(len(onset))
    bits[joined] = _information(staff[joined]) + _information(length[joined])
    step = np.full(len(onset), -1, np.int64)
    step[joined] = np.unique(staff[joined] * 2**32 + length[joined], return_inverse=True)[1]
    bar = layout.grid.bar_of(onset)
    phase = onset - layout.grid.starts_ticks[bar]
    before = np.concatenate([[False], ~joined[:-1] | (gap[:-1] >= 1.5 * gap[1:])])
    before[0] = True
    return _Steps(onset, end, pitch, track, bar, phase, step, bits, 0.7 * before + 0.3 * (phase == 0), which == 0)


def _information(symbols: Ints) -> Floats:
    """Bits of each symbol, by how often it occurs among all."""
    if len(symbols) == 0:
        return np.zeros(0)
    _, which, counts = np.unique(symbols, return_inverse=True, return_counts=True)
    return np.asarray(np.log2((len(symbols) + len(counts)) / (counts + 1.0)))[which]


def _candidates(steps: _Steps) -> list[tuple[float, int, Ints]]:
    """Patterns that occur twice or more: most bits they can save, notes, and where they begin."""
    found: list[tuple[float, int, Ints]] = []
    total = np.concatenate([[0.0], np.cumsum(steps.bits)])
    at = np.flatnonzero(steps.step >= 0)
    pattern = steps.step[at]
    pointer = np.log2(len(steps.step))
    for notes in range(3, MOST_NOTES + 1):
        reach = at + notes - 2
        inside = reach < len(steps.step)
        at, pattern, reach = at[inside], pattern[inside], reach[inside]
        follow = steps.step[reach]
        at, pattern, follow = at[follow >= 0], pattern[follow >= 0], follow[follow >= 0]
        if len(at) == 0:
            break
        _, pattern, counts = np.unique(
            pattern * (steps.step.max() + 1) + follow, return_inverse=True, return_counts=True
        )
        again = counts[pattern] > 1
        at, pattern = at[again], pattern[again]
        if len(at) == 0:
            break
        if notes < FEWEST_NOTES:
            continue
        order = np.argsort(pattern, kind="stable")
        firsts = np.flatnonzero(np.concatenate([[True], np.diff(pattern[order]) > 0]))
        count = np.diff(np.append(firsts, len(order)))
        first = at[order[firsts]]
        saved = (count - 1) * _counted(total[first + notes - 1] - total[first]) - count * pointer
        for i in np.argsort(-saved, kind="stable")[:_CANDIDATES_TO_A_LENGTH].tolist():
            if saved[i] <= 0:
                break
            starts = at[order[firsts[i] : firsts[i] + count[i]]]
            found.append((float(saved[i]), notes, starts))
    return found


def _counted(bits: Any) -> Any:
    """Bits as they count for a motif, of a number or an array."""
    return 0.25 * bits + 0.75 * (bits + _DISTINCT_BITS - abs(bits - _DISTINCT_BITS)) / 2


def _choose(steps: _Steps, candidates: list[tuple[float, int, Ints]]) -> list[tuple[Ints, int]]:
    """Where the motifs begin and how many notes each has: always the one that saves most on the notes still free."""
    taken = bytearray(len(steps.step))
    ledger = _Ledger(steps, taken)
    heap = [(-saved, i) for i, (saved, _, _) in enumerate(candidates)]
    heapq.heapify(heap)
    chosen: list[tuple[Ints, int]] = []
    while heap and len(chosen) < MOST_MOTIFS:
        _, i = heapq.heappop(heap)
        _, notes, all_starts = candidates[i]
        weight, starts = ledger.weight(all_starts.tolist(), notes)
        if weight <= 0:
            continue
        if heap and weight < -heap[0][0]:
            heapq.heappush(heap, (-weight, i))
            continue
        chosen.append((np.array(starts, np.int64), notes))
        for start in starts:
            taken[start : start + notes] = b"\1" * notes
    return chosen


class _Ledger:
    """What patterns save, on the notes that are not `taken` yet; plain lists, since most patterns occur a few times."""

    def __init__(self, steps: _Steps, taken: bytearray) -> None:
        self._taken = taken
        self._step = steps.step.tolist()
        self._bits = np.concatenate([[0.0], np.cumsum(steps.bits)]).tolist()
        self._strength = steps.strength.tolist()
        self._phase = steps.phase.tolist()
        self._is_melody = steps.is_melody.tolist()
        self._pointer = math.log2(len(self._step))

    def weight(self, starts: list[int], notes: int) -> tuple[float, list[int]]:
        """Bits saved by a pattern, and its occurrences that do not overlap; 0 when it is none worth telling."""
        first = starts[0]
        if _is_periodic(self._step[first : first + notes - 1]):
            return 0.0, []
        kept: list[int] = []
        until = -1
        for start in starts:
            if start >= until and self._taken.find(1, start, start + notes) < 0:
                kept.append(start)
                until = start + notes
        count = len(kept)
        if count < 2:
            return 0.0, []
        bits = self._bits[first + notes - 1] - self._bits[first]
        saved = (count - 1) * float(_counted(bits)) - count * self._pointer
        strong = sum(self._strength[start] for start in kept) / count
        phases = [self._phase[start] for start in kept]
        same_place = max(Counter(phases).values()) / count
        in_melody = any(self._is_melody[start] for start in kept)
        return max(0.0, saved * (0.5 + 0.25 * strong + 0.25 * same_place) * (1.0 if in_melody else 0.5)), kept


def _is_periodic(run: list[int]) -> bool:
    """Is a run of steps a shorter one said at least twice, as in scales, trills and broken chords?"""
    return any(
        all(run[i] == run[i - period] for i in range(period, len(run))) for period in range(1, len(run) // 2 + 1)
    )


def _motif(layout: Layout, steps: _Steps, starts: Ints, notes: int) -> Motif:
    quarter = layout.score.ticks_per_quarter
    starts = starts[np.lexsort((steps.track[starts], steps.onset_ticks[starts]))]
    run = np.arange(starts[0], starts[0] + notes)
    lengths = np.append(np.diff(steps.onset_ticks[run]), steps.end_ticks[run[-1]] - steps.onset_ticks[run[-1]])
    occurrences = tuple(
        Occurrence(
            int(steps.bar[i]),
            figure(steps.onset_ticks[i] / quarter),
            int(steps.pitch[i] - steps.pitch[run[0]]),
            int(steps.track[i]),
        )
        for i in starts[:MOST_OCCURRENCES].tolist()
    )
    intervals = tuple(np.diff(steps.pitch[run]).tolist())
    return Motif(intervals, tuple(figure(length / quarter) for length in lengths), occurrences)
