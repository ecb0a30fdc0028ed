"""Contexts as memory: how what was heard last went on where it stood before.

Pointers of two kinds. By context: how the longest recurring contexts of (interval, gap) went on. By voice: how the
longest recurring context within the part that was chosen went on, in whichever part it stood.

What is searched may be several pieces one after another, those heard before and the one at hand; no context reaches
from one into the next. Row t depends on the notes before t, by voice on the part of note t besides.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stilo.models.notes.fields import Integers, before
from stilo.models.notes.pointers import NOTHING
from stilo.models.tokens import StepArray

CONTEXT_LENGTHS = (16, 12, 8, 6, 4, 3, 2)
LONGEST_IN_VOICE = 8
CONTEXTS = 2
MOST_USES = 7
MOST_CHAIN = 3
MASK = 2**64 - 1
MULTIPLIERS = {n: (0x9E3779B97F4A7C15 * (2 * n + 1) ^ 0xD1B54A32D192ED03) & MASK | 1 for n in (2, 3, 4, 6, 8, 12, 16)}
HALVES = {2: (1, 1), 3: (2, 1), 4: (2, 2), 6: (4, 2), 8: (4, 4), 12: (8, 4), 16: (8, 8)}


@dataclass(frozen=True, eq=False)
class ContextPointers:
    """By context; each [notes, CONTEXTS].

    Attributes:
        source: how the longest known contexts went on.
        level: index into `CONTEXT_LENGTHS` of what matched.
        run: for how many notes this pointer has moved along with the music.
        uses: how often that context had been heard before, at most `MOST_USES`.
        chain: how often in a row this context came from one just as far away and as much lower or higher; a
            sequence that climbs, or a loop; at most `MOST_CHAIN`.
    """

    source: Integers
    level: Integers
    run: Integers
    uses: Integers
    chain: Integers


@dataclass(frozen=True, eq=False)
class VoicePointers:
    """By context within the part; each [notes].

    Attributes:
        source: how the longest known context went on.
        last: the note of the part just before this one, `NOTHING` if there is none.
        level: index into `CONTEXT_LENGTHS`.
    """

    source: Integers
    last: Integers
    level: Integers


def context_pointers(steps: StepArray, begin: Integers) -> ContextPointers:
    """`begin`, [notes]: at which note the piece of each begins."""
    n = len(steps)
    shape = (n, CONTEXTS)
    source = np.full(shape, NOTHING, np.int64)
    level, uses = np.zeros(shape, np.int64), np.zeros(shape, np.int64)
    if n >= 2:
        within = np.arange(n) - begin
        goes_on = np.append(within[1:] > 0, True)
        hashes = _hashes(_tokens(steps["pitch"], steps["gap"].astype(np.int64), within == 0))
        for number, length in enumerate(CONTEXT_LENGTHS):
            known = np.flatnonzero((within >= length - 1) & goes_on)
            _point(source, level, uses, number, _earlier_equal(hashes[length], known))
    moved = np.diff(source - np.arange(n)[:, None], axis=0, prepend=np.iinfo(np.int64).min // 2) != 0
    begun = np.maximum.accumulate(np.where(moved, np.arange(n)[:, None], 0), axis=0)
    run = np.where(source == NOTHING, 0, np.arange(n)[:, None] - begun + 1)
    return ContextPointers(source, level, run, uses, _chain(steps, source))


def _point(source: Integers, level: Integers, uses: Integers, number: int, found: tuple[Integers, Integers]) -> None:
    """Fill free places of `source` with how contexts of one length went on the last time, and the time before."""
    earlier, heard = found
    first = np.append(NOTHING, np.where(earlier >= 0, earlier + 1, NOTHING)[:-1])
    second = np.where(first > 0, first[np.maximum(first, 0)], NOTHING)
    heard_before = np.minimum(np.append(0, heard[:-1]), MOST_USES)
    for candidate in (first, second):
        free = source == NOTHING
        new = (candidate != NOTHING) & (candidate != source[:, 0])
        rows = np.flatnonzero(new & free[:, 1])
        slot = np.where(free[rows, 0], 0, 1)
        source[rows, slot] = candidate[rows]
        level[rows, slot] = number
        uses[rows, slot] = heard_before[rows]


def _chain(steps: StepArray, source: Integers) -> Integers:
    """How often in a row the source itself has a source at the same distance and interval."""
    pitch = (steps["pitch"] % 128).astype(np.int64)
    index = np.arange(len(steps))
    chain = np.zeros_like(source)
    for column in range(source.shape[1]):
        first = source[:, 0]  # what the source itself came from is told by the longest context
        here, at = source[:, column], index
        alive = here > 0
        distance = index - here
        shift = pitch[before(len(steps))] - pitch[np.maximum(here - 1, 0)]
        for _ in range(MOST_CHAIN):
            at, here = np.maximum(here, 0), first[np.maximum(here, 0)]
            alive = alive & (here > 0) & (at - here == distance)
            alive = alive & (pitch[np.maximum(at - 1, 0)] - pitch[np.maximum(here - 1, 0)] == shift)
            chain[:, column] += alive
    return chain


def voice_pointers(steps: StepArray, begin: Integers) -> VoicePointers:
    """`begin` as for `context_pointers`."""
    n = len(steps)
    order = np.argsort(steps["part"], kind="stable")
    part, piece, onset = steps["part"][order], begin[order], steps["onset"][order].astype(np.int64)
    begins = np.append(True, (part[1:] != part[:-1]) | (piece[1:] != piece[:-1]))
    within = np.arange(n) - np.maximum.accumulate(np.where(begins, np.arange(n), 0))
    gap = np.clip(np.diff(onset, prepend=onset[:1]), 0, 255)
    hashes = _hashes(_tokens(steps["pitch"][order], np.where(begins, 0, gap), begins))
    last = np.full(n, NOTHING, np.int64)
    last[order[1:]] = np.where(begins[1:], NOTHING, order[:-1])
    following = np.full(n, NOTHING, np.int64)
    following[order[:-1]] = np.where(begins[1:], NOTHING, order[1:])
    source, level = np.full(n, NOTHING, np.int64), np.zeros(n, np.int64)
    for number, length in enumerate(CONTEXT_LENGTHS):
        if length > LONGEST_IN_VOICE:
            continue
        full = order[within >= length]  # the token of a part's first note tells no interval
        hashed = np.empty(n, np.uint64)
        hashed[order] = hashes[length]
        earlier, _ = _earlier_equal(hashed, np.sort(full))
        found = np.where(last >= 0, earlier[np.maximum(last, 0)], NOTHING)
        went_on = np.where(found >= 0, following[np.maximum(found, 0)], NOTHING)
        use = (source == NOTHING) & (went_on >= 0) & (went_on < np.arange(n))
        source[use], level[use] = went_on[use], number
    return VoicePointers(source, last, level)


def _tokens(pitch: NDArray[np.uint8], gap: Integers, begins: NDArray[np.bool_]) -> NDArray[np.uint64]:
    """(interval from the note before, gap) as one number."""
    interval = np.diff((pitch % 128).astype(np.int64), prepend=0)
    return np.asarray((np.where(begins, 0, interval) + 128 << 8) | gap, np.uint64)


def _hashes(token: NDArray[np.uint64]) -> dict[int, NDArray[np.uint64]]:
    """Of the last n tokens, for each n."""
    hashes = {1: token}
    for length in sorted(HALVES):
        older, newer = HALVES[length]
        mixed = hashes[newer].copy()
        mixed[newer:] += hashes[older][:-newer] * np.uint64(MULTIPLIERS[length])
        hashes[length] = mixed
    return hashes


def _earlier_equal(hashes: NDArray[np.uint64], known: Integers) -> tuple[Integers, Integers]:
    """Per note: the last earlier of the notes `known` with a context of the same hash; how many there were."""
    n = len(hashes)
    earlier, heard = np.full(n, NOTHING, np.int64), np.zeros(n, np.int64)
    if len(known) < 2:
        return earlier, heard
    order = known[np.argsort(hashes[known], kind="stable")]
    same = hashes[order][1:] == hashes[order][:-1]
    earlier[order[1:][same]] = order[:-1][same]
    place = np.arange(len(order))
    heard[order] = place - np.maximum.accumulate(np.where(np.append(False, same), 0, place))
    return earlier, heard
