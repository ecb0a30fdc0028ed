"""The memory of a piece that is being written: the same pointers as `notes.pointers` and `notes.contexts` find.

A note costs the same whatever the length of the piece, but for searches by halves. Contexts are kept as they are, not
as hashes: about 1 MB for a thousand notes.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from copy import copy

import numpy as np

from stilo.models.notes.contexts import CONTEXT_LENGTHS, CONTEXTS, LONGEST_IN_VOICE, MOST_CHAIN, MOST_USES
from stilo.models.notes.pointers import (
    BAR_LAGS,
    BARS,
    HITS,
    NOTHING,
    PART_BITS,
    PITCH_BITS,
    RUN_EDGES,
    run_class,
)
from stilo.models.notes.voice import NEVER, Voice

TOKEN_BITS = 16
_KEY_BITS = PART_BITS + PITCH_BITS
# shorter contexts first: a piece soon has notes enough for them
_RISING = [(n, level, (1 << TOKEN_BITS * n) - 1) for level, n in reversed(list(enumerate(CONTEXT_LENGTHS)))]
_IN_VOICE = [row for row in _RISING if row[0] <= LONGEST_IN_VOICE]
_LONGEST = _RISING[-1][2]
_LONGEST_IN_VOICE = _IN_VOICE[-1][2]
_USE_BITS = MOST_USES.bit_length()
_LONGEST_RUN = int(RUN_EDGES[-1])
_RUN_CLASSES: list[int] = run_class(np.arange(_LONGEST_RUN + 1)).tolist()
_RECENT = (1 << HITS) - 1
_HIT_CLASSES = [2 * bits.bit_count() + (bits & 1) for bits in range(_RECENT + 1)]


class GrowingMemory:
    """Pointers into the notes pushed so far; of one bar length.

    Other music may be pushed first, at onsets below 0, and `begin` called after its last note: contexts are looked for
    in it too. The piece itself begins after it, at note `first`.

    Attributes:
        onset, part, pitch: of every note, pitches as in steps (drums + 128).
        previous, following: of every note the one before and the next of its part, `NOTHING` as long as there is none.
        origin: of every note the one that it came from, as `parts.PartPast.source`.
        voices: by part.
        source, level, run, uses, chain: as `contexts.ContextPointers` has them for the note to come; the run within
            what `pointers.run_class` tells apart.
        hits, bar_runs: as `pointers.BarPointers` has them for the note to come; runs as `pointers.run_class`.
    """

    def __init__(self, bar_slots: int, form_lags: Sequence[int] = (0,)) -> None:
        self.bar_slots = bar_slots
        self.form_shifts = [lag * bar_slots for lag in form_lags]
        self.fixed = [lag * bar_slots for lag in BAR_LAGS]
        self.onset: list[int] = []
        self.part: list[int] = []
        self.pitch: list[int] = []
        self.previous: list[int] = []
        self.following: list[int] = []
        self.origin: list[int] = []
        self.first = 0
        self.is_silent = False
        self._keys: list[int] = []
        self._ended: list[dict[int, int]] = [{} for _ in CONTEXT_LENGTHS]
        self._ended_in_voice: list[dict[int, int]] = [{} for _ in CONTEXT_LENGTHS]
        self._earlier: list[list[int]] = []  # of every note, by level
        self._heard = [0] * len(CONTEXT_LENGTHS)  # how often the contexts of the last note were heard before
        self._first = [NOTHING]  # the first context pointer, of every note and of the one to come
        self.begin()

    def begin(self) -> None:
        """What was pushed so far was other music, heard before."""
        self.first = len(self._keys)
        self.shift = [*self.fixed, 0]  # of the last note
        self.voices: dict[int, Voice] = {}
        self._recent = [0] * BARS
        self._in_a_row = [0] * BARS
        self._context = 0
        self.source = [NOTHING] * CONTEXTS
        self.level = [0] * CONTEXTS
        self.run = [0] * CONTEXTS
        self.uses = [0] * CONTEXTS
        self.chain = [0] * CONTEXTS

    def __len__(self) -> int:
        """How many notes of the piece itself."""
        return len(self._keys) - self.first

    def copy(self) -> GrowingMemory:
        """One that grows on by itself."""
        twin = copy(self)
        for name, value in vars(self).items():
            if isinstance(value, list):
                setattr(twin, name, value.copy())
        twin.voices = {part: voice.copy() for part, voice in self.voices.items()}
        twin._ended = [table.copy() for table in self._ended]
        twin._ended_in_voice = [table.copy() for table in self._ended_in_voice]
        return twin

    def silent(self) -> GrowingMemory:
        """The same notes, of which nothing is proposed; not to be pushed to."""
        twin = copy(self)
        twin.fixed, twin.form_shifts, twin.shift = [0] * len(BAR_LAGS), [0], [0] * BARS
        twin._recent, twin._in_a_row = [0] * BARS, [0] * BARS
        twin.source = [NOTHING] * CONTEXTS
        twin.level = twin.run = twin.uses = twin.chain = [0] * CONTEXTS
        twin.is_silent = True
        return twin

    @property
    def hits(self) -> list[int]:
        return [_HIT_CLASSES[bits] for bits in self._recent]

    @property
    def bar_runs(self) -> list[int]:
        return [_RUN_CLASSES[run] for run in self._in_a_row]

    @property
    def context_runs(self) -> list[int]:
        return [_RUN_CLASSES[run] for run in self.run]

    def shifts_at(self, onset: int) -> list[int]:
        """Slots from each place of reference to `onset`, [BARS]; 0 = no such lag."""
        form = self.form_shifts
        return [*self.fixed, form[min(max(onset, 0) // self.bar_slots, len(form) - 1)]]

    def bars_following(self) -> list[int]:
        """Before the gap is known, [BARS]."""
        return self._after(self.shift, self.onset[-1]) if len(self) else [NOTHING] * BARS

    def bars_here(self, onset: int, shifts: list[int]) -> list[int]:
        """Once the onset is known."""
        if len(self) == 0:
            return [NOTHING] * BARS
        if onset == self.onset[-1]:
            return self._after(shifts, onset)
        keys, n = self._keys, len(self._keys)
        found = []
        for shift in shifts:
            place = onset - shift
            at = bisect_left(keys, place << _KEY_BITS) if shift and place >= 0 else n
            found.append(at if at < n else NOTHING)
        return found

    def _after(self, shifts: list[int], onset: int) -> list[int]:
        """What follows the sound of the last note, so many slots before `onset`."""
        keys, n = self._keys, len(self._keys)
        sound = self.part[-1] << PITCH_BITS | self.pitch[-1]
        found = []
        for shift in shifts:
            place = onset - shift
            at = bisect_right(keys, place << _KEY_BITS | sound) if shift and place >= 0 else n
            found.append(at if at < n else NOTHING)
        return found

    def bars_voice(self, onset: int, part: int, shifts: list[int]) -> list[int]:
        """Once onset and part are known."""
        voice = self.voices.get(part)
        if voice is None:
            return [NOTHING] * BARS
        keys, indices, n = voice.keys, voice.indices, len(voice.keys)
        heard = self.pitch[-1] if onset == self.onset[-1] and part == self.part[-1] else -1
        found = []
        for shift in shifts:
            place = onset - shift
            at = bisect_right(keys, (place << PITCH_BITS) + heard) if shift and place >= 0 else n
            found.append(indices[at] if at < n else NOTHING)
        return found

    def voice_source(self, voice: Voice) -> tuple[int, int]:
        """How the longest known context of a part went on, and its level."""
        if self.is_silent:
            return NOTHING, 0
        for level, earlier in enumerate(voice.earlier):
            if earlier != NOTHING and (went_on := self.following[earlier]) != NOTHING:
                return went_on, level
        return NOTHING, 0

    def push(self, onset: int, gap: int, part: int, pitch: int, *, goes_on: bool = True) -> None:
        """Remember a note; unless the music `goes_on`, that nothing follows it.

        Raises:
            ValueError: it does not come after the last one in the order of onset, part, pitch.
        """
        key = onset << _KEY_BITS | part << PITCH_BITS | pitch
        if self._keys and key <= self._keys[-1]:
            raise ValueError("notes are written in the order of onset, part and pitch")
        self.shift = self.shifts_at(onset)
        self._count_hits(key, onset)
        before = self.pitch[-1] if len(self) else pitch
        index = len(self._keys)
        self._keys.append(key)
        self.onset.append(onset)
        self.part.append(part)
        self.pitch.append(pitch)
        self._push_voice(index, onset, part, pitch)
        self._push_context((pitch % 128 - before % 128 + 128) << 8 | gap, goes_on)
        self._point(index + 1)

    def _count_hits(self, key: int, onset: int) -> None:
        keys, n = self._keys, len(self._keys)
        for i, shift in enumerate(self.shift):
            hit = 0
            if shift and onset >= shift:
                twin = key - (shift << _KEY_BITS)
                at = bisect_left(keys, twin)
                hit = int(at < n and keys[at] == twin)
            self._recent[i] = (self._recent[i] << 1 | hit) & _RECENT
            self._in_a_row[i] = min(self._in_a_row[i] + 1, _LONGEST_RUN) if hit else 0

    def _push_voice(self, index: int, onset: int, part: int, pitch: int) -> None:
        voice = self.voices.get(part)
        self.following.append(NOTHING)
        if voice is None:
            voice = self.voices[part] = Voice()
            self.previous.append(NOTHING)
        else:
            last = voice.indices[-1]
            self.previous.append(last)
            self.following[last] = index
            token = (pitch % 128 - self.pitch[last] % 128 + 128) << 8 | min(onset - voice.onset, 255)
            context = voice.context = (voice.context << TOKEN_BITS | token) & _LONGEST_IN_VOICE
            intervals = len(voice.indices)
            earlier = voice.earlier = list(NEVER)
            for length, level, mask in _IN_VOICE:
                if length > intervals:
                    break
                table, ending = self._ended_in_voice[level], context & mask
                earlier[level] = table.get(ending, NOTHING)
                table[ending] = index
        self.origin.append(voice.source(onset)[0])
        voice.push(index, onset, pitch)

    def _push_context(self, token: int, goes_on: bool) -> None:
        context = self._context = (self._context << TOKEN_BITS | token) & _LONGEST
        index = len(self._earlier)
        earlier, heard = list(NEVER), [0] * len(NEVER)
        for length, level, mask in _RISING:
            if length > index - self.first + 1 or not goes_on:
                break
            table, ending = self._ended[level], context & mask
            found = table.get(ending)
            uses = 0
            if found is not None:
                earlier[level] = found >> _USE_BITS
                uses = heard[level] = min((found & MOST_USES) + 1, MOST_USES)
            table[ending] = index << _USE_BITS | uses
        self._earlier.append(earlier)
        self._heard = heard

    def _point(self, n: int) -> None:
        """Find the context pointers of note `n`, the one to come."""
        source, level, uses = [NOTHING] * CONTEXTS, [0] * CONTEXTS, [0] * CONTEXTS
        filled = 0
        for number, ended in enumerate(self._earlier[-1]):
            if ended == NOTHING:
                continue
            before = self._earlier[ended][number]
            for candidate in (ended + 1, before + 1 if before != NOTHING else NOTHING):
                if candidate not in (NOTHING, source[0]) and filled < CONTEXTS:
                    source[filled], level[filled], uses[filled] = candidate, number, self._heard[number]
                    filled += 1
            if filled == CONTEXTS:
                break
        self.run = [
            0 if now == NOTHING else min(run, _LONGEST_RUN - 1) + 1 if now == old + 1 and old != NOTHING else 1
            for now, old, run in zip(source, self.source, self.run, strict=True)
        ]
        self.source, self.level, self.uses = source, level, uses
        self._first.append(source[0])
        self.chain = [self._chained(n, one) for one in source]

    def _chained(self, n: int, source: int) -> int:
        """As `contexts._chain`."""
        pitch, first = self.pitch, self._first
        chain, at, here = 0, n, source
        distance = n - source
        if here <= 0:
            return 0
        shift = pitch[n - 1] % 128 - pitch[here - 1] % 128
        while chain < MOST_CHAIN:
            at, here = here, first[here]
            if here <= 0 or at - here != distance or pitch[at - 1] % 128 - pitch[here - 1] % 128 != shift:
                break
            chain += 1
        return chain
