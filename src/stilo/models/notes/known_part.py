"""What is known of the next note of a piece that is being written once its part is.

The same numbers as `notes.candidates` and `notes.parts` have for a whole piece.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from stilo.models.notes.candidates import CONTEXT, GIVEN, LEGATO, VOICE
from stilo.models.notes.fields import DURATION, PART, PITCH, VELOCITY, Floats
from stilo.models.notes.parts import FARTHEST_MOVE, NEAR, NEARBY, REST_EDGES
from stilo.models.notes.pointers import NOTHING
from stilo.models.notes.recalled import FARTHEST_SHIFT
from stilo.models.notes.voice import Voice
from stilo.models.tokens import DRUMS, DURATION_SLOTS, DURATIONS, PITCHES, PROGRAMS, VELOCITIES

if TYPE_CHECKING:
    from stilo.models.notes.next_note import NextNote

Proposals = tuple[list[int], list[int], list[list[int]]]

_SLOTS: list[int] = DURATION_SLOTS.tolist()
_CLASS_OF_SLOTS = {slots: number for number, slots in enumerate(_SLOTS)}
_LAST_REST = int(REST_EDGES[-1])
_RESTS: list[int] = (np.searchsorted(REST_EDGES, np.arange(_LAST_REST + 1), side="right") + 1).tolist()
_STILL_SOUNDS = 1
_NO_MOVE = 2 * FARTHEST_MOVE + 1


def shift_class(semitones: int) -> int:
    """As `recalled.META_SIZES` has it."""
    return max(-FARTHEST_SHIFT, min(FARTHEST_SHIFT, semitones)) + FARTHEST_SHIFT


class KnownPart:
    """What follows from the gap and the part of the next note.

    Attributes:
        part: which.
        is_drum: whether it is the drums.
        past: as `features.Features.part`, [len(PART_TABLES)].
        pitch: as `features.Features.part_pitch`.
    """

    def __init__(self, note: NextNote, part: int) -> None:
        self._note, self._m, self._w = note, note.recalled, note.written
        self.part, self.is_drum = part, part % PROGRAMS == DRUMS
        voice = self._m.voices.get(part)
        self._find_past(voice)
        self._find_sources(voice)

    def stage(self, stage: int, chosen: Sequence[int]) -> Proposals:
        """Pitch, duration, velocity: as those who agree so far have it."""
        at_once, same_part = int(self._note.gap == 0), len(self._w) == 0 or self._m.part[-1] == self.part
        values, agreed = self._pitches, self._agreed
        legato = 2 * self.past[1] + at_once
        if stage > PITCH:
            agreed = [a and p == chosen[PITCH] for a, p in zip(agreed, values, strict=True)]
            values, together = self._durations(agreed[GIVEN])
            legato = 4 * together + 2 * at_once + same_part
        if stage > DURATION:
            agreed = [a and d == chosen[DURATION] for a, d in zip(agreed, values, strict=True)]
            values = self._velocities(agreed[GIVEN])
            legato = 2 * same_part + at_once
        states = [scale + agrees for scale, agrees in zip(self._scales, agreed, strict=True)]
        states[LEGATO] = legato
        return values, states, self._records

    def _durations(self, as_given: bool) -> tuple[list[int], bool]:
        """What is proposed, and whether the part can end together with the note before."""
        w, given = self._w, self._note.given_here
        durations = [w.duration[p] if p != NOTHING else DURATIONS for p in self._sources]
        if as_given and given is not None:
            durations[GIVEN] = given[DURATION]
        left = self._m.onset[-1] + _SLOTS[w.duration[-1]] - self._note.onset if len(w) else 0
        if (fitting := _CLASS_OF_SLOTS.get(left)) is not None:
            durations[LEGATO] = fitting
        return durations, fitting is not None

    def _velocities(self, as_given: bool) -> list[int]:
        w, given = self._w, self._note.given_here
        velocities = [w.velocity[p] if p != NOTHING else VELOCITIES for p in self._sources]
        velocities[LEGATO] = w.velocity[-1] if len(w) else VELOCITIES
        if as_given and given is not None:
            velocities[GIVEN] = given[VELOCITY]
        return velocities

    def near(self) -> Floats:
        """What sounds, and what is given, around the pitch that the part comes from."""
        near = np.zeros(2 * NEARBY, np.float32)
        if not self.is_drum:
            lowest = self.pitch - NEAR
            for _, end, _, pitch in self._w.sounding:
                if end > self._note.onset and pitch != NOTHING and 0 <= pitch - lowest < NEARBY:
                    near[pitch - lowest] = 1.0
            for pitch in self._w.given_pitches_at(self._note.onset):
                if 0 <= pitch - lowest < NEARBY:
                    near[NEARBY + pitch - lowest] = 1.0
        return near.reshape(2, NEARBY)

    def _find_past(self, voice: Voice | None) -> None:
        """As `parts.part_past`."""
        m, w = self._m, self._w
        source, at_once = (NOTHING, 0) if voice is None else voice.source(self._note.onset)
        self._origin, self.pitch = source, self._note.previous_pitch
        self.past = [DURATIONS, 0, at_once, _NO_MOVE]
        if source == NOTHING:
            return
        self.pitch = pitch = m.pitch[source] % 128
        since = self._note.onset - m.onset[source] - _SLOTS[w.duration[source]]
        rest = _STILL_SOUNDS if since < 0 else _RESTS[min(since, _LAST_REST)]
        move = _NO_MOVE
        if (origin := m.origin[source]) != NOTHING:
            semitones = pitch - m.pitch[origin] % 128
            move = max(-FARTHEST_MOVE, min(FARTHEST_MOVE, semitones)) + FARTHEST_MOVE
        self.past = [w.duration[source], rest, at_once, move]

    def _find_sources(self, voice: Voice | None) -> None:
        """The notes that are proposed, their pitches, and whether they agree with what is chosen."""
        note, m, part, gap = self._note, self._m, self.part, self._note.gap
        bars = m.bars_voice(note.onset, part, note.shifts)
        source, level, pitch, in_time = self._find_voice(voice)
        given = note.given_here if note.given_here is not None and note.given_here[PART] == part else None
        self._sources = [*bars, *m.source, source, self._origin, NOTHING]
        self._pitches = [m.pitch[p] if p != NOTHING else PITCHES for p in self._sources]
        self._pitches[CONTEXT:LEGATO] = [*note.context_pitches, pitch]
        self._agreed = [p != NOTHING and m.onset[p] == note.onset - s for p, s in zip(bars, note.shifts, strict=True)]
        self._agreed += [q != NOTHING and self._w.gap[q] == gap and m.part[q] == part for q in m.source]
        self._agreed += [in_time, False, given is not None]
        if given is not None:
            self._pitches[GIVEN] = given[PITCH]
        self._scales = [*note.hits, *note.levels, 2 * level, 0, note.is_far]

    def _find_voice(self, voice: Voice | None) -> tuple[int, int, int, bool]:
        """How the part's own context went on elsewhere: where, level, pitch, and whether in the same time."""
        m, position = self._m, self._w.position
        self._records = self._note.records
        source, level = (NOTHING, 0) if voice is None else m.voice_source(voice)
        if voice is None or source == NOTHING:
            return NOTHING, 0, PITCHES, False
        last, origin = voice.indices[-1], m.previous[source]
        pitch, shift = m.pitch[source], m.pitch[last] % 128 - m.pitch[origin] % 128
        record = [0, 0, 0, shift_class(shift), int(position[last] == position[origin])]
        self._records = [*self._note.records[:VOICE], record, *self._note.records[VOICE + 1 :]]
        in_time = self._note.onset - m.onset[last] == m.onset[source] - m.onset[origin]
        if pitch < 128:
            pitch = pitch + shift if 0 <= pitch + shift <= 127 else PITCHES
        return source, level, pitch, in_time
