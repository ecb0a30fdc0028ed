"""The piece's own past as memory: where in it stands what may come next.

Six candidates point at notes already heard. Four are aligned by bars: what stood 1, 2, 4, 8 bars ago. Two are matched
by context: how the longest recurring context of (interval, gap) went on. While a note's fields are chosen one after
another the pointers of the bars are looked up anew, so that they follow what was chosen already.

Nothing here looks ahead: row t, stage f depends on the notes before t and on the fields before f of note t.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from stilo.models.tokens import StepArray

Integers = NDArray[np.int64]
Place = TypeVar("Place", int, Integers)

BAR_LAGS = (1, 2, 4, 8)
CONTEXT_LENGTHS = (16, 12, 8, 6, 4, 3, 2)
CONTEXT_CANDIDATES = 2
CANDIDATES = len(BAR_LAGS) + CONTEXT_CANDIDATES
HITS = 8
STATES = 40
NOTHING = -1
_PITCH_BITS = 8
_PART_BITS = 10
_MASK = 2**64 - 1
_MULTIPLIERS = {n: (0x9E3779B97F4A7C15 * (2 * n + 1) ^ 0xD1B54A32D192ED03) & _MASK | 1 for n in (2, 3, 4, 6, 8, 12, 16)}
_HALVES = {2: (1, 1), 3: (2, 1), 4: (2, 2), 6: (4, 2), 8: (4, 4), 12: (8, 4), 16: (8, 8)}


@dataclass(frozen=True, eq=False)
class Pointers:
    """Indices of notes, `NOTHING` where there is none; shapes [notes, 4] for bars and [notes, 2] for contexts.

    Attributes:
        bar_next: what followed, `lag` bars ago, the place just reached (before the gap is known).
        bar_here: what stands `lag` bars before the new onset, after what was already heard of it.
        bar_voice: the same within the part that was chosen.
        bar_hits: of the last 8 notes, how many had an exact counterpart `lag` bars ago; ×2, + the last one had.
        context: how the longest known contexts went on.
        context_level: index into `CONTEXT_LENGTHS` of the context that matched.
    """

    bar_next: Integers
    bar_here: Integers
    bar_voice: Integers
    bar_hits: Integers
    context: Integers
    context_level: Integers


def point(steps: StepArray) -> Pointers:
    """The pointers of a whole piece at once."""
    context, level = _context_pointers(steps)
    columns = [_bar_pointers(steps, lag) for lag in BAR_LAGS]
    following, here, voice, hits = (np.stack(column, axis=1) for column in zip(*columns, strict=True))
    return Pointers(following, here, voice, hits, context, level)


def _key(onset: Place, part: Place, pitch: Place) -> Place:
    return (onset << (_PART_BITS + _PITCH_BITS)) | (part << _PITCH_BITS) | pitch


def _bar_pointers(steps: StepArray, lag: int) -> tuple[Integers, Integers, Integers, Integers]:
    n = len(steps)
    index = np.arange(n)
    onset, part, pitch = (steps[name].astype(np.int64) for name in ("onset", "part", "pitch"))
    bar = steps["bar_slots"].astype(np.int64)
    key = _key(onset, part, pitch)
    before = np.maximum(index - 1, 0)
    shift = lag * bar[before]

    def checked(found: Integers, reference: Integers) -> Integers:
        return np.where((index > 0) & (reference >= 0) & (found < index), found, NOTHING)

    place = onset[before] - shift
    following = np.searchsorted(key, _key(np.maximum(place, 0), part[before], pitch[before]), side="right")
    bar_next = checked(following, place)

    reference = onset - shift
    safe = np.maximum(reference, 0)
    same_onset = onset == onset[before]
    after_heard = np.searchsorted(key, _key(safe, part[before], pitch[before]), side="right")
    bar_here = checked(
        np.where(same_onset, after_heard, np.searchsorted(key, _key(safe, part * 0, part * 0))), reference
    )

    voice_key = (part << 40) | (onset << _PITCH_BITS) | pitch
    by_voice = np.argsort(voice_key, kind="stable")
    voice_sorted = voice_key[by_voice]
    same_voice = same_onset & (part == part[before])
    wanted = (part << 40) | (safe << _PITCH_BITS)
    at = np.searchsorted(voice_sorted, np.where(same_voice, wanted | pitch[before], wanted - 1), side="right")
    found = by_voice[np.minimum(at, n - 1)]
    in_voice = (at < n) & (part[found] == part)
    bar_voice = np.where(in_voice, checked(found, reference), NOTHING)

    twin = onset - lag * bar
    exact = np.searchsorted(key, _key(np.maximum(twin, 0), part, pitch))
    exact = np.minimum(exact, n - 1)
    hit = ((twin >= 0) & (key[exact] == _key(np.maximum(twin, 0), part, pitch)) & (exact < index)).astype(np.int64)
    total = np.concatenate([np.zeros(1, np.int64), np.cumsum(hit)])
    recent = total[index] - total[np.maximum(0, index - HITS)]
    last = np.where(index > 0, hit[before], 0)
    return bar_next, bar_here, bar_voice, recent * 2 + last


def _context_tokens(steps: StepArray) -> NDArray[np.uint64]:
    pitch = (steps["pitch"] % 128).astype(np.int64)
    interval = np.diff(pitch, prepend=pitch[:1]) + 128
    return np.asarray((interval << 8) | steps["gap"], np.uint64)


def _context_pointers(steps: StepArray) -> tuple[Integers, Integers]:
    n = len(steps)
    pointers = np.full((n, CONTEXT_CANDIDATES), NOTHING, np.int64)
    levels = np.zeros((n, CONTEXT_CANDIDATES), np.int64)
    if n < 2:
        return pointers, levels
    hashes = {1: _context_tokens(steps)}
    for length in sorted(_HALVES):
        older, newer = _HALVES[length]
        mixed = hashes[newer].copy()
        mixed[newer:] += hashes[older][:-newer] * np.uint64(_MULTIPLIERS[length])
        hashes[length] = mixed
    for level, length in enumerate(CONTEXT_LENGTHS):
        earlier = _earlier_equal(hashes[length], length)
        first = np.append(NOTHING, np.where(earlier >= 0, earlier + 1, NOTHING)[:-1])
        # `earlier[q - 1] + 1`: how the same context went on the time before
        second = np.where(first > 0, first[np.maximum(first, 0)], NOTHING)
        for candidate in (first, second):
            free = pointers == NOTHING
            new = (candidate != NOTHING) & (candidate != pointers[:, 0])
            slot = np.where(free[:, 0], 0, 1)
            rows = np.flatnonzero(new & free[:, 1])
            pointers[rows, slot[rows]] = candidate[rows]
            levels[rows, slot[rows]] = level
    return pointers, levels


def _earlier_equal(hashes: NDArray[np.uint64], length: int) -> Integers:
    """Per note: the last earlier note at which a context of the same hash ended."""
    n = len(hashes)
    earlier = np.full(n, NOTHING, np.int64)
    valid = np.arange(length - 1, n)
    if len(valid) < 2:
        return earlier
    order = valid[np.argsort(hashes[valid], kind="stable")]
    same = hashes[order][1:] == hashes[order][:-1]
    earlier[order[1:][same]] = order[:-1][same]
    return earlier


@dataclass
class GrowingMemory:
    """The same pointers while a piece is being written: `context()`, `bars_…()` before each note, `push()` after."""

    keys: list[int] = field(default_factory=list)
    voices: dict[int, tuple[list[int], list[int]]] = field(default_factory=dict)
    known: set[int] = field(default_factory=set)
    hits: list[list[int]] = field(default_factory=list)
    hashes: dict[int, list[int]] = field(default_factory=lambda: {n: [] for n in (1, *_HALVES)})
    ended: dict[int, dict[int, int]] = field(default_factory=lambda: {n: {} for n in _HALVES})
    earlier: dict[int, list[int]] = field(default_factory=lambda: {n: [] for n in _HALVES})
    last: tuple[int, int, int, int] = (0, 0, 0, 0)  # onset, part, pitch, bar_slots

    def __len__(self) -> int:
        return len(self.keys)

    def copy(self) -> GrowingMemory:
        """One that grows on by itself; many times faster than `copy.deepcopy`."""
        return GrowingMemory(
            list(self.keys),
            {part: (list(keys), list(indices)) for part, (keys, indices) in self.voices.items()},
            set(self.known),
            list(self.hits),
            {length: list(column) for length, column in self.hashes.items()},
            {length: dict(table) for length, table in self.ended.items()},
            {length: list(column) for length, column in self.earlier.items()},
            self.last,
        )

    def context(self) -> tuple[list[int], list[int]]:
        """Pointers and levels of the context candidates for the note to come."""
        n = len(self)
        found: list[int] = []
        levels: list[int] = []
        for level, length in enumerate(CONTEXT_LENGTHS):
            if n == 0:
                break
            first = self.earlier[length][n - 1] + 1 or NOTHING
            second = (self.earlier[length][first - 1] + 1 or NOTHING) if first > 0 else NOTHING
            for candidate in (first, second):
                if candidate != NOTHING and candidate not in found and len(found) < CONTEXT_CANDIDATES:
                    found.append(candidate)
                    levels.append(level)
        missing = CONTEXT_CANDIDATES - len(found)
        return found + [NOTHING] * missing, levels + [0] * missing

    def bars_next(self) -> list[int]:
        """Pointers before the gap is known."""
        onset, part, pitch, bar = self.last
        return [self._after(onset - lag * bar, part, pitch) for lag in BAR_LAGS]

    def bars_here(self, new_onset: int) -> list[int]:
        """Pointers once the onset is known."""
        onset, part, pitch, bar = self.last
        if new_onset == onset and len(self):
            return [self._after(new_onset - lag * bar, part, pitch) for lag in BAR_LAGS]
        return [self._at_or_after(new_onset - lag * bar) for lag in BAR_LAGS]

    def bars_voice(self, new_onset: int, new_part: int) -> list[int]:
        """Pointers once onset and part are known."""
        onset, part, pitch, bar = self.last
        keys, indices = self.voices.get(new_part, ([], []))
        heard = pitch if new_onset == onset and new_part == part and len(self) else -1
        pointers = []
        for lag in BAR_LAGS:
            place = new_onset - lag * bar
            at = bisect_right(keys, (place << _PITCH_BITS) + heard)
            pointers.append(indices[at] if len(self) and place >= 0 and at < len(indices) else NOTHING)
        return pointers

    def bars_hits(self) -> list[int]:
        recent = self.hits[-HITS:]
        if not recent:
            return [0] * len(BAR_LAGS)
        return [2 * sum(row[i] for row in recent) + recent[-1][i] for i in range(len(BAR_LAGS))]

    def push(self, onset: int, gap: int, part: int, pitch: int, bar_slots: int) -> None:
        """Remember the note that was chosen."""
        index = len(self)
        key = _key(onset, part, pitch)
        self.hits.append([int(_key(onset - lag * bar_slots, part, pitch) in self.known) for lag in BAR_LAGS])
        self.keys.append(key)
        self.known.add(key)
        keys, indices = self.voices.setdefault(part, ([], []))
        keys.append((onset << _PITCH_BITS) | pitch)
        indices.append(index)
        interval = pitch % 128 - self.last[2] % 128 + 128 if index else 128
        self._push_context((interval << 8) | gap)
        self.last = (onset, part, pitch, bar_slots)

    def _push_context(self, token: int) -> None:
        index = len(self.hashes[1])
        self.hashes[1].append(token)
        for length, (older, newer) in _HALVES.items():
            value = self.hashes[newer][index]
            if index >= newer:
                value = (value + self.hashes[older][index - newer] * _MULTIPLIERS[length]) & _MASK
            self.hashes[length].append(value)
            earlier = NOTHING
            if index >= length - 1:
                earlier = self.ended[length].get(value, NOTHING)
                self.ended[length][value] = index
            self.earlier[length].append(earlier)

    def _after(self, onset: int, part: int, pitch: int) -> int:
        at = bisect_right(self.keys, _key(onset, part, pitch))
        return at if onset >= 0 and at < len(self.keys) else NOTHING

    def _at_or_after(self, onset: int) -> int:
        at = bisect_left(self.keys, _key(onset, 0, 0))
        return at if onset >= 0 and at < len(self.keys) else NOTHING
