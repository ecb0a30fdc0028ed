"""Which values of each field are allowed next: order of the notes, ranges, grid, polyphony, given notes, the end."""

from __future__ import annotations

from collections.abc import Collection
from copy import copy

import numpy as np
from numpy.typing import NDArray

from stilo.models.notes.fields import DURATION, FIELD_SIZES, GAP, GAPS, PART, PARTS, PITCH, VELOCITY
from stilo.models.notes.next_note import GivenNote
from stilo.models.notes.plan import Plan
from stilo.models.tokens import DRUMS, DURATION_SLOTS, END, MAX_GAP, PROGRAMS

Allowed = NDArray[np.bool_]
KEYS = 128
NOBODY = (1, 0)  # a range without pitches
THIRD = 3  # semitones


class Constraints:
    """Of one piece that is being written.

    Attributes:
        tokens: of all parts that may occur, rising.
    """

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.bar, self.total = plan.bar_slots, plan.total_slots
        self._ranges = {part.token: limits for part, limits in sorted(plan.ranges.items(), key=lambda p: p[0].token)}
        self._single = {part.token for part in plan.single}
        self._limits = {part.token: most for part, most in plan.most_in_part.items()}
        given = set[int]() if plan.given is None else set(np.unique(plan.given["part"]).tolist())
        self.tokens = sorted(given | set(self._ranges))
        self._opens = _open_slots(plan)
        self._earliest = 0
        self._closing: dict[int, Allowed] = {}
        self._is_limited = bool(self._limits) or plan.most_at_once is not None
        # where notes may not sound at once at will, none sounds for so long that nothing can begin
        self._longest = min(plan.most_duration, MAX_GAP) if self._is_limited else plan.most_duration
        self._sounding: list[tuple[int, int]] = []  # end, part
        self._count, self._onset, self._part, self._pitch = 0, 0, -1, -1
        self._is_forced = False

    def copy(self) -> Constraints:
        """One that goes on by itself."""
        return copy(self)

    def begin_at(self, slot: int) -> None:
        """From here on nothing is added before that slot of the piece; a gap of at most `MAX_GAP` leads there."""
        self._earliest = slot
        self._opens = self._opens & (np.arange(self.total) >= slot)

    def close_on(self, classes: Collection[int]) -> None:
        """In the last bar pitches are of these classes, but for drums and parts whose range holds none."""
        fitting = np.isin(np.arange(KEYS) % 12, list(classes))
        pitched = {token: limits for token, limits in self._ranges.items() if token % PROGRAMS != DRUMS}
        self._closing = {token: fitting for token, (low, high) in pitched.items() if fitting[low : high + 1].any()}

    def push(self, gap: int, part: int, pitch: int, duration: int) -> None:
        """A note was written."""
        self._count += 1
        self._onset, self._part, self._pitch = self._onset + gap, part, pitch % KEYS
        if self._is_limited:
            ends = [*self._sounding, (self._onset + int(DURATION_SLOTS[duration]), part)]
            self._sounding = [note for note in ends if note[0] > self._onset]

    @property
    def bar_reached(self) -> int:
        return self._onset // self.bar

    @property
    def slots_left(self) -> int:
        """From the last onset to the end of the piece."""
        return self.total - self._onset

    def allowed(self, stage: int, chosen: list[int], given: GivenNote | None) -> Allowed:
        """[size of the field], pitches 0…127; at least one is True.

        Args:
            stage: which field.
            chosen: the fields before it.
            given: the next given note, its gap from the last onset, if there is any.
        """
        if stage == GAP:
            return self._gaps(given)
        here = given if given is not None and given[GAP] == chosen[GAP] else None
        if stage == PART:
            return self._parts(chosen[GAP], here)
        if stage == PITCH:
            return self._pitches(chosen[GAP], chosen[PART], here)
        if here is not None and (chosen[PART], chosen[PITCH]) == here[PART:DURATION]:
            return _only(here[stage], FIELD_SIZES[stage])
        if stage == VELOCITY:
            return np.ones(FIELD_SIZES[VELOCITY], bool)
        left = self.total - self._onset - chosen[GAP]
        return np.asarray(np.maximum(1, min(left, self._longest)) >= DURATION_SLOTS)

    def _gaps(self, given: GivenNote | None) -> Allowed:
        allowed = np.zeros(GAPS, bool)
        farthest = min(MAX_GAP, self.total - 1 - self._onset)
        if given is not None:
            farthest = min(farthest, given[GAP])
        free = self._free(farthest, given)
        in_time = self._in_time(free)
        allowed[: len(free)] = free
        allowed[in_time:] = False
        self._is_forced = False
        if given is not None:
            if given[GAP] <= MAX_GAP:
                allowed[given[GAP]] |= given[GAP] < in_time or not free.any()
            elif not free.any():  # something must be written on the way, wherever it is
                self._is_forced = True
                allowed[max(1, self._earliest - self._onset) : farthest + 1] = True
        elif self._count and self.bar_reached >= self.plan.bars - 1:
            allowed[END] = True
        elif not free.any():  # too much sounds for anything to begin; or nothing is open any more
            allowed[1 : farthest + 1] = self._opens[self._onset + 1 : self._onset + farthest + 1]
            self._is_forced = bool(allowed.any())
            allowed[END] = not self._is_forced
        return allowed

    def _free(self, farthest: int, given: GivenNote | None) -> Allowed:
        """Gaps after which a note may be added, [farthest + 1]."""
        free = self._opens[self._onset : self._onset + farthest + 1].copy()
        if self._is_limited:
            free &= self._uncrowded(self._onset + np.arange(len(free)))
        if self._count and len(free) and free[0]:
            here = given if given is not None and given[GAP] == 0 else None
            free[0] = any(self._has_room(token, 0, here) for token in self._ranges)
        return free

    def _in_time(self, free: Allowed) -> int:
        """The gap that would be too long a silence."""
        most = self.plan.most_silent_bars
        if most is None:
            return GAPS
        bars = self.bar_reached + 1 + most if self._count else most
        if free.any():  # when nothing can begin in time, then soon
            bars = max(bars, (self._onset + int(free.argmax())) // self.bar)
        return (bars + 1) * self.bar - self._onset

    def _uncrowded(self, onsets: NDArray[np.int64]) -> Allowed:
        """Where the notes that sound leave room for one more."""
        ends = np.array([end for end, _ in self._sounding], np.int64)
        parts = np.array([part for _, part in self._sounding], np.int64)
        sounds = ends[:, None] > onsets
        most = self.plan.most_at_once
        free = np.ones(len(onsets), bool) if most is None else sounds.sum(axis=0) < most
        if set(self._limits) >= set(self._ranges):
            free &= np.any([sounds[parts == p].sum(axis=0) < self._limits[p] for p in self._ranges], axis=0)
        return np.asarray(free)

    def _is_full(self, token: int, onset: int) -> bool:
        most = self._limits.get(token)
        return most is not None and sum(end > onset and part == token for end, part in self._sounding) >= most

    def _bounds(self, token: int, gap: int, here: GivenNote | None) -> tuple[int, int]:
        """Lowest and highest pitch that may be added to a part."""
        low, high = self._ranges[token]
        is_single = token in self._single
        if self._count and gap == 0:
            if token < self._part or (token == self._part and is_single):
                return NOBODY
            if token == self._part:
                low = max(low, self._pitch + 1)
        if here is not None:
            if token > here[PART] or (token == here[PART] and is_single):
                return NOBODY
            if token == here[PART]:
                high = min(high, here[PITCH] % KEYS - 1)
        return low, high

    def _has_room(self, token: int, gap: int, here: GivenNote | None) -> bool:
        low, high = self._bounds(token, gap, here)
        if self._count and gap == 0 and token == self._part and not self._is_third_left():
            return False
        if self._closes(token, gap) and not self._closing[token][low : high + 1].any():
            return False
        return low <= high and (self._is_forced or not self._is_full(token, self._onset + gap))

    def _closes(self, token: int, gap: int) -> bool:
        return token in self._closing and self._onset + gap >= self.total - self.bar

    def _is_third_left(self) -> bool:
        """To the top of the range above the last note; with less, the next of its chord is pressed against it."""
        return self._part % PROGRAMS == DRUMS or self._pitch + THIRD <= self._ranges[self._part][1]

    def _is_open(self, gap: int) -> bool:
        onset = self._onset + gap
        if self._is_forced:
            return True
        return bool(self._opens[onset]) and (not self._is_limited or bool(self._uncrowded(np.array([onset]))[0]))

    def _parts(self, gap: int, here: GivenNote | None) -> Allowed:
        allowed = np.zeros(PARTS, bool)
        if self._is_open(gap):
            allowed[[token for token in self._ranges if self._has_room(token, gap, here)]] = True
        if here is not None:
            allowed[here[PART]] = True
        return allowed

    def _pitches(self, gap: int, part: int, here: GivenNote | None) -> Allowed:
        allowed = np.zeros(KEYS, bool)
        if part in self._ranges and self._is_open(gap) and self._has_room(part, gap, here):
            low, high = self._bounds(part, gap, here)
            allowed[low : high + 1] = True
            if self._closes(part, gap):
                allowed &= self._closing[part]
        if here is not None and here[PART] == part:
            allowed[here[PITCH] % KEYS] = True
        return allowed


def _only(value: int, size: int) -> Allowed:
    allowed = np.zeros(size, bool)
    allowed[value] = True
    return allowed


def _open_slots(plan: Plan) -> Allowed:
    """Slots of the piece at which notes may be added."""
    slot = np.arange(plan.total_slots)
    opens = np.ones(plan.total_slots, bool) if plan.ranges else np.zeros(plan.total_slots, bool)
    if plan.open_slots is not None:
        opens &= (slot >= plan.open_slots[0]) & (slot < plan.open_slots[1])
    if plan.grid:
        opens &= np.any([slot % plan.bar_slots % step == 0 for step in plan.grid], axis=0)
    return np.asarray(opens)
