"""What is known before the next note of a piece that is being written, and once some of its fields are chosen.

The same numbers as `notes.candidates`, `notes.parts` and `notes.features` have for a whole piece, as plain lists.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from stilo.models.notes.candidates import CANDIDATES, CONTEXT, FARTHEST_SHIFT, GIVEN, LEGATO, VOICE
from stilo.models.notes.features import NEAR_PITCH, NEAR_PITCHES
from stilo.models.notes.fields import (
    DURATION,
    GAP,
    GAPS,
    PART,
    PARTS,
    PITCH,
    PITCHES,
    PROGRAMS,
    VELOCITY,
    Floats,
    Integers,
)
from stilo.models.notes.growing_memory import Voice
from stilo.models.notes.parts import FARTHEST_MOVE, NEAR, NEARBY, REST_EDGES
from stilo.models.notes.pointers import BARS, CONTEXTS, NOTHING
from stilo.models.tokens import DRUMS, DURATION_SLOTS, DURATIONS, VELOCITIES

if TYPE_CHECKING:
    from stilo.models.notes.written import Written

Proposals = tuple[list[int], list[int], list[list[int]]]
GivenNote = tuple[int, int, int, int, int]

_SLOTS: list[int] = DURATION_SLOTS.tolist()
_CLASS_OF_SLOTS = {slots: number for number, slots in enumerate(_SLOTS)}
_LAST_REST = int(REST_EDGES[-1])
_RESTS: list[int] = (np.searchsorted(REST_EDGES, np.arange(_LAST_REST + 1), side="right") + 1).tolist()
_STILL_SOUNDS = 1
_NO_MOVE = 2 * FARTHEST_MOVE + 1
_NO_NEAR = NEAR_PITCHES - 1
_NO_META = [0, 0, 0, FARTHEST_SHIFT, 0]
_MOST = 7


@dataclass(frozen=True, slots=True)
class Place:
    """What is known of the next note once gap and part are; as in `features.Features`.

    Attributes:
        previous, part_pitch: 0…127.
        is_drum: of the part.
        past: [len(PART_TABLES)].
        near: float32 [2, NEARBY].
        chord: above `part_pitch`.
    """

    previous: int
    part_pitch: int
    is_drum: bool
    past: list[int]
    near: Floats
    chord: int


class NextNote:
    """Good until the next `Written.push`.

    Attributes:
        row: int64, `notes`, `memory` and `condition` one after another.
        notes, memory, condition: rows of `features.Features`.
        histogram: float32 [HISTOGRAM_SIZE].
        previous_pitch: 0…127.
        given_next: the next given note as (gap from the last onset, part, pitch, duration, velocity), if any.
    """

    def __init__(self, written: Written) -> None:
        w = self._w = written
        self._m = w.memory
        self._last_onset = w.memory.onset[-1] if len(w) else 0
        self.previous_pitch = w.previous_pitch
        self.given_next = w.given_next()
        self._hits = [2 * hits for hits in w.memory.hits]
        self._levels = [2 * level for level in w.memory.level]
        self._context_pitches = [self._moved(q) for q in w.memory.source]
        self._meta = self._records()
        self._gap_values, self._gap_states = [GAPS] * CANDIDATES, [0] * CANDIDATES
        self._gap = self._part = NOTHING
        shown = self._propose()
        notes, condition = w.note_row(), w.condition_row()
        self.row: Integers = np.array(notes + shown + condition)
        self._after_notes, self._after_memory = len(notes), len(notes) + len(shown)
        self.histogram: Floats = w.histogram_row()

    @property
    def notes(self) -> Integers:
        return self.row[: self._after_notes]

    @property
    def memory(self) -> Integers:
        return self.row[self._after_notes : self._after_memory]

    @property
    def condition(self) -> Integers:
        return self.row[self._after_memory :]

    def stage(self, stage: int, chosen: Sequence[int]) -> Proposals:
        """Values and states [CANDIDATES] of the candidates for a field, and their meta [CANDIDATES, 5].

        `chosen` are the fields before it; pitches as in steps (drums + 128). The lists must not be changed.
        """
        if stage == GAP:
            return self._gap_values, self._gap_states, self._meta
        self._begin(chosen[GAP])
        if stage == PART:
            return self._part_stage()
        self._play(chosen[PART])
        return self._sound_stage(stage, chosen)

    def place(self, gap: int, part: int) -> Place:
        self._begin(gap)
        self._play(part)
        chord = self._w.chord_at(self._onset, self._part_pitch)
        return Place(self.previous_pitch, self._part_pitch, self._is_drum, self._past, self._near(), chord)

    def _moved(self, source: int) -> int:
        """The pitch that a context proposes, moved to where it recurs."""
        if source == NOTHING:
            return PITCHES
        pitch = self._m.pitch
        if pitch[source] >= 128:
            return pitch[source]
        moved = self.previous_pitch + pitch[source] - pitch[source - 1] % 128
        return moved if 0 <= moved <= 127 else PITCHES

    def _near_pitch(self, pitch: int) -> int:
        if pitch >= PITCHES:
            return _NO_NEAR
        return max(-NEAR_PITCH, min(NEAR_PITCH, pitch % 128 - self.previous_pitch)) + NEAR_PITCH

    def _records(self) -> list[list[int]]:
        m, position = self._m, self._w.position
        meta = [[run, 0, 0, FARTHEST_SHIFT, 0] for run in m.bar_runs]
        for source, run, uses, chain in zip(m.source, m.context_runs, m.uses, m.chain, strict=True):
            if source == NOTHING:
                meta.append(_NO_META)
                continue
            shift = _shift_class(self.previous_pitch - m.pitch[source - 1] % 128)
            meta.append([run, uses, chain, shift, int(position[-1] == position[source - 1])])
        return meta + [_NO_META] * (CANDIDATES - VOICE)

    def _propose(self) -> list[int]:
        """Fill in the gaps that are proposed; the row of the memory."""
        w, m = self._w, self._m
        values, states, shown = self._gap_values, self._gap_states, []
        following = m.bars_following()
        for i in range(BARS):
            p, near, duration = following[i], _NO_NEAR, DURATIONS
            states[i] = self._hits[i]
            if p != NOTHING and 0 <= (ahead := m.onset[p] - self._last_onset + m.shift[i]) < GAPS - 1:
                values[i], near, duration = ahead, self._near_pitch(m.pitch[p]), w.duration[p]
            shown += (values[i], near, duration, states[i])
        for i in range(CONTEXTS):
            q, duration = m.source[i], DURATIONS
            states[CONTEXT + i] = self._levels[i]
            if q != NOTHING:
                values[CONTEXT + i], duration = w.gap[q], w.duration[q]
            near = self._near_pitch(self._context_pitches[i])
            shown += (values[CONTEXT + i], near, duration, states[CONTEXT + i])
        values[LEGATO], states[LEGATO] = self._next_end()
        program, near, duration = PROGRAMS, _NO_NEAR, DURATIONS
        self._is_far = 0
        if (given := self.given_next) is not None:
            self._is_far = 2 * (given[GAP] >= GAPS - 1)
            states[GIVEN] = self._is_far or 1
            if not self._is_far:
                values[GIVEN], duration, program = given[GAP], given[DURATION], given[PART] % PROGRAMS
                near = self._near_pitch(given[PITCH])
        shown += (values[GIVEN], near, duration, states[GIVEN])
        for record in (*self._meta[:VOICE], self._meta[GIVEN]):
            shown += record
        shown += (values[LEGATO], states[LEGATO], program)
        return shown

    def _next_end(self) -> tuple[int, int]:
        """The gap to the next end of a note, and how many end there."""
        ends = [end for _, end, _, _ in self._w.sounding if end > self._last_onset]
        if not ends:
            return GAPS, 0
        first = min(ends)
        ahead = first - self._last_onset
        if ahead >= GAPS:
            return GAPS, 0
        return (ahead if ahead < GAPS - 1 else GAPS), min(ends.count(first), _MOST)

    def _begin(self, gap: int) -> None:
        """The gap is known."""
        if gap == self._gap:
            return
        self._gap, self._onset, self._part = gap, self._last_onset + gap, NOTHING
        self._shifts = self._m.shifts_at(self._onset)
        given = self.given_next
        self._given_here = given if given is not None and not self._is_far and given[GAP] == gap else None

    def _part_stage(self) -> Proposals:
        w, m, onset, gap = self._w, self._m, self._onset, self._gap
        values, states = [], []
        for p, shift, hits in zip(m.bars_here(onset, self._shifts), self._shifts, self._hits, strict=True):
            values.append(m.part[p] if p != NOTHING else PARTS)
            states.append(hits + (p != NOTHING and m.onset[p] == onset - shift))
        for q, level in zip(m.source, self._levels, strict=True):
            values.append(m.part[q] if q != NOTHING else PARTS)
            states.append(level + (q != NOTHING and w.gap[q] == gap))
        lowest = m.part[-1] if gap == 0 and len(w) else NOTHING
        ending = [part for _, end, part, _ in w.sounding if end == onset and part > lowest]
        given = self._given_here
        values += (PARTS, min(ending, default=PARTS), PARTS if given is None else given[PART])
        states += (0, 2 * min(len(ending), _MOST) + (gap == 0), self._is_far + (given is not None))
        return values, states, self._meta

    def _play(self, part: int) -> None:
        """The part is known."""
        if part == self._part:
            return
        m, gap = self._m, self._gap
        self._part, self._is_drum = part, part % PROGRAMS == DRUMS
        voice = m.voices.get(part)
        self._find_past(voice)
        bars = m.bars_voice(self._onset, part, self._shifts)
        source, level, pitch, in_time = self._find_voice(voice)
        given = self._given_here if self._given_here is not None and self._given_here[PART] == part else None
        self._sources = [*bars, *m.source, source, self._past_source, NOTHING]
        self._pitches = [m.pitch[p] if p != NOTHING else PITCHES for p in self._sources]
        self._pitches[CONTEXT:LEGATO] = [*self._context_pitches, pitch]
        self._agreed = [p != NOTHING and m.onset[p] == self._onset - s for p, s in zip(bars, self._shifts, strict=True)]
        self._agreed += [q != NOTHING and self._w.gap[q] == gap and m.part[q] == part for q in m.source]
        self._agreed += [in_time, False, given is not None]
        if given is not None:
            self._pitches[GIVEN] = given[PITCH]
        self._scales = [*self._hits, *self._levels, 2 * level, 0, self._is_far]

    def _find_past(self, voice: Voice | None) -> None:
        """As `parts.part_past`."""
        m, w = self._m, self._w
        source, at_once = (NOTHING, 0) if voice is None else voice.source(self._onset)
        self._past_source, self._part_pitch = source, self.previous_pitch
        self._past = [DURATIONS, 0, at_once, _NO_MOVE]
        if source == NOTHING:
            return
        self._part_pitch = pitch = m.pitch[source] % 128
        since = self._onset - m.onset[source] - _SLOTS[w.duration[source]]
        rest = _STILL_SOUNDS if since < 0 else _RESTS[min(since, _LAST_REST)]
        move = _NO_MOVE
        if (origin := m.origin[source]) != NOTHING:
            semitones = pitch - m.pitch[origin] % 128
            move = max(-FARTHEST_MOVE, min(FARTHEST_MOVE, semitones)) + FARTHEST_MOVE
        self._past = [w.duration[source], rest, at_once, move]

    def _find_voice(self, voice: Voice | None) -> tuple[int, int, int, bool]:
        """How the part's own context went on elsewhere: where, level, pitch, and whether in the same time."""
        m, position = self._m, self._w.position
        self._part_meta = self._meta
        source, level = (NOTHING, 0) if voice is None else m.voice_source(voice)
        if voice is None or source == NOTHING:
            return NOTHING, 0, PITCHES, False
        last, origin = voice.indices[-1], m.previous[source]
        pitch, shift = m.pitch[source], m.pitch[last] % 128 - m.pitch[origin] % 128
        record = [0, 0, 0, _shift_class(shift), int(position[last] == position[origin])]
        self._part_meta = [*self._meta[:VOICE], record, *self._meta[VOICE + 1 :]]
        in_time = self._onset - m.onset[last] == m.onset[source] - m.onset[origin]
        if pitch < 128:
            pitch = pitch + shift if 0 <= pitch + shift <= 127 else PITCHES
        return source, level, pitch, in_time

    def _sound_stage(self, stage: int, chosen: Sequence[int]) -> Proposals:
        """Pitch, duration, velocity: as those who agree so far have it."""
        w, at_once = self._w, int(self._gap == 0)
        agreed = self._agreed
        if stage == PITCH:
            states = [scale + agrees for scale, agrees in zip(self._scales, agreed, strict=True)]
            states[LEGATO] = 2 * self._past[1] + at_once
            return self._pitches, states, self._part_meta
        agreed = [a and p == chosen[PITCH] for a, p in zip(agreed, self._pitches, strict=True)]
        durations = [w.duration[p] if p != NOTHING else DURATIONS for p in self._sources]
        given = self.given_next
        durations[GIVEN] = given[DURATION] if given is not None and agreed[GIVEN] else DURATIONS
        same_part = len(w) == 0 or self._m.part[-1] == self._part
        if stage == DURATION:
            states = [scale + agrees for scale, agrees in zip(self._scales, agreed, strict=True)]
            together = _CLASS_OF_SLOTS.get(self._m.onset[-1] + _SLOTS[w.duration[-1]] - self._onset) if len(w) else None
            if together is not None:
                durations[LEGATO] = together
            states[LEGATO] = 4 * (together is not None) + 2 * at_once + same_part
            return durations, states, self._part_meta
        agreed = [a and d == chosen[DURATION] for a, d in zip(agreed, durations, strict=True)]
        states = [scale + agrees for scale, agrees in zip(self._scales, agreed, strict=True)]
        states[LEGATO] = 2 * same_part + at_once
        values = [w.velocity[p] if p != NOTHING else VELOCITIES for p in self._sources]
        values[LEGATO] = w.velocity[-1] if len(w) else VELOCITIES
        values[GIVEN] = given[VELOCITY] if given is not None and agreed[GIVEN] else VELOCITIES
        return values, states, self._part_meta

    def _near(self) -> Floats:
        """What sounds, and what is given, around the pitch that the part comes from."""
        near = np.zeros(2 * NEARBY, np.float32)
        if not self._is_drum:
            lowest = self._part_pitch - NEAR
            for _, end, _, pitch in self._w.sounding:
                if end > self._onset and pitch != NOTHING and 0 <= pitch - lowest < NEARBY:
                    near[pitch - lowest] = 1.0
            for pitch in self._w.given_pitches_at(self._onset):
                if 0 <= pitch - lowest < NEARBY:
                    near[NEARBY + pitch - lowest] = 1.0
        return near.reshape(2, NEARBY)


def _shift_class(semitones: int) -> int:
    return max(-FARTHEST_SHIFT, min(FARTHEST_SHIFT, semitones)) + FARTHEST_SHIFT
