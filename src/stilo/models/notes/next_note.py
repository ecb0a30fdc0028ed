"""What is known before the next note of a piece that is being written, and once some of its fields are chosen.

The same numbers as `notes.candidates`, `notes.parts` and `notes.features` have for a whole piece, as plain lists.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from stilo.models.notes.candidates import CANDIDATES, CONTEXT, GIVEN, LEGATO, VOICE
from stilo.models.notes.contexts import CONTEXTS
from stilo.models.notes.features import NEAR_PITCH, NEAR_PITCHES
from stilo.models.notes.fields import DURATION, GAP, PART, PARTS, PITCH, Floats, Integers
from stilo.models.notes.known_part import KnownPart, Proposals, shift_class
from stilo.models.notes.pointers import BARS, NOTHING
from stilo.models.notes.recalled import FARTHEST_SHIFT
from stilo.models.tokens import DURATIONS, GAPS, PITCHES, PROGRAMS

if TYPE_CHECKING:
    from stilo.models.notes.written import Written

GivenNote = tuple[int, int, int, int, int]

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
        chord, bass: above `part_pitch`.
    """

    previous: int
    part_pitch: int
    is_drum: bool
    past: list[int]
    near: Floats
    chord: int
    bass: int


class NextNote:
    """Good until the next `Written.push`.

    Attributes:
        row: int64, `notes`, `memory` and `condition` one after another.
        notes, memory, condition: rows of `features.Features`.
        histogram: float32 [HISTOGRAM_SIZE].
        previous_pitch: 0…127.
        recalled: the memory, which may be silent.
        given_next: the next given note as (gap from the last onset, part, pitch, duration, velocity), if any.
        written: the piece.
        hits, levels: states of the candidates by bars and by context, before anything is chosen.
        context_pitches: what the contexts propose.
        records: how good the candidates are altogether, [CANDIDATES, 5].
        is_far: 2 if the next given note is out of reach, else 0.
        gap, onset: of the note, as soon as one is asked for.
        shifts, given_here: as `GrowingMemory.shifts_at` has them for that; the next given note if it is there.
    """

    def __init__(self, written: Written) -> None:
        w = self.written = written
        self.recalled = self._m = w.memory.silent() if w.is_silent else w.memory
        self._last_onset = w.memory.onset[-1] if len(w) else 0
        self.previous_pitch = w.previous_pitch
        self.given_next = w.given_next()
        self.hits = [2 * hits for hits in self._m.hits]
        self.levels = [2 * level for level in self._m.level]
        self.context_pitches = [self._moved(q) for q in self._m.source]
        self.records = self._read_records()
        self._gap_values, self._gap_states = [GAPS] * CANDIDATES, [0] * CANDIDATES
        self.gap = self.onset = NOTHING
        self._known: KnownPart | None = None
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
            return self._gap_values, self._gap_states, self.records
        self._begin(chosen[GAP])
        if stage == PART:
            return self._part_stage()
        return self._with_part(chosen[PART]).stage(stage, chosen)

    def place(self, gap: int, part: int) -> Place:
        """What the pitch is chosen by, besides."""
        self._begin(gap)
        known = self._with_part(part)
        chord, bass = self.written.chord_at(self.onset, known.pitch)
        return Place(self.previous_pitch, known.pitch, known.is_drum, known.past, known.near(), chord, bass)

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

    def _read_records(self) -> list[list[int]]:
        m, position = self._m, self.written.position
        meta = [[run, 0, 0, FARTHEST_SHIFT, 0] for run in m.bar_runs]
        for source, run, uses, chain in zip(m.source, m.context_runs, m.uses, m.chain, strict=True):
            if source == NOTHING:
                meta.append(_NO_META)
                continue
            shift = shift_class(self.previous_pitch - m.pitch[source - 1] % 128)
            meta.append([run, uses, chain, shift, int(position[-1] == position[source - 1])])
        return meta + [_NO_META] * (CANDIDATES - VOICE)

    def _propose(self) -> list[int]:
        """Fill in the gaps that are proposed; the row of the memory."""
        w, m = self.written, self._m
        values, states = self._gap_values, self._gap_states
        shown: list[int] = []
        following = m.bars_following()
        for i in range(BARS):
            p, near, duration = following[i], _NO_NEAR, DURATIONS
            states[i] = self.hits[i]
            if p != NOTHING and 0 <= (ahead := m.onset[p] - self._last_onset + m.shift[i]) < GAPS - 1:
                values[i], near, duration = ahead, self._near_pitch(m.pitch[p]), w.duration[p]
            shown += (values[i], near, duration, states[i])
        for i in range(CONTEXTS):
            q, duration = m.source[i], DURATIONS
            states[CONTEXT + i] = self.levels[i]
            if q != NOTHING:
                values[CONTEXT + i], duration = w.gap[q], w.duration[q]
            near = self._near_pitch(self.context_pitches[i])
            shown += (values[CONTEXT + i], near, duration, states[CONTEXT + i])
        values[LEGATO], states[LEGATO] = self._next_end()
        program, near, duration = PROGRAMS, _NO_NEAR, DURATIONS
        self.is_far = 0
        if (given := self.given_next) is not None:
            self.is_far = 2 * (given[GAP] >= GAPS - 1)
            states[GIVEN] = self.is_far or 1
            if not self.is_far:
                values[GIVEN], duration, program = given[GAP], given[DURATION], given[PART] % PROGRAMS
                near = self._near_pitch(given[PITCH])
        shown += (values[GIVEN], near, duration, states[GIVEN])
        for record in (*self.records[:VOICE], self.records[GIVEN]):
            shown += record
        shown += (values[LEGATO], states[LEGATO], program)
        return shown

    def _next_end(self) -> tuple[int, int]:
        """The gap to the next end of a note, and how many end there."""
        ends = [end for _, end, _, _ in self.written.sounding if end > self._last_onset]
        if not ends:
            return GAPS, 0
        first = min(ends)
        ahead = first - self._last_onset
        if ahead >= GAPS:
            return GAPS, 0
        return (ahead if ahead < GAPS - 1 else GAPS), min(ends.count(first), _MOST)

    def _begin(self, gap: int) -> None:
        """The gap is known."""
        if gap == self.gap:
            return
        self.gap, self.onset, self._known = gap, self._last_onset + gap, None
        self.shifts = self._m.shifts_at(self.onset)
        given = self.given_next
        self.given_here = given if given is not None and not self.is_far and given[GAP] == gap else None

    def _part_stage(self) -> Proposals:
        w, m, onset, gap = self.written, self._m, self.onset, self.gap
        values, states = [], []
        for p, shift, hits in zip(m.bars_here(onset, self.shifts), self.shifts, self.hits, strict=True):
            values.append(m.part[p] if p != NOTHING else PARTS)
            states.append(hits + (p != NOTHING and m.onset[p] == onset - shift))
        for q, level in zip(m.source, self.levels, strict=True):
            values.append(m.part[q] if q != NOTHING else PARTS)
            states.append(level + (q != NOTHING and w.gap[q] == gap))
        lowest = m.part[-1] if gap == 0 and len(w) else NOTHING
        ending = [part for _, end, part, _ in w.sounding if end == onset and part > lowest]
        given = self.given_here
        values += (PARTS, min(ending, default=PARTS), PARTS if given is None else given[PART])
        states += (0, 2 * min(len(ending), _MOST) + (gap == 0), self.is_far + (given is not None))
        return values, states, self.records

    def _with_part(self, part: int) -> KnownPart:
        if self._known is None or self._known.part != part:
            self._known = KnownPart(self, part)
        return self._known
