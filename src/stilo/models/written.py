"""The piece being written, and what its memory proposes for the next note.

The same numbers as `models.features` has for a whole piece at once, one note at a time.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from stilo.models.features import FIRST_PITCH, HISTOGRAM_DECAYS, LAST_STATE, NEAR_PITCH, NEAR_PITCHES
from stilo.models.memory import BAR_LAGS, NOTHING, GrowingMemory
from stilo.models.tokens import (
    DURATION,
    DURATIONS,
    FIELD_SIZES,
    FIELDS,
    GAP,
    GAPS,
    PART,
    PITCH,
    PITCHES,
    STEP_DTYPE,
    VELOCITY,
    StepArray,
)

_DECAYS = np.array(HISTOGRAM_DECAYS, np.float32)[:, None]
_SHARES = (1 - np.array(HISTOGRAM_DECAYS)).astype(np.float32)


@dataclass
class Chords:
    """The last two chords of a part."""

    onset: int = -1
    before: list[int] = field(default_factory=list)
    now: list[int] = field(default_factory=list)

    def copy(self) -> Chords:
        return Chords(self.onset, list(self.before), list(self.now))

    def push(self, onset: int, pitch: int) -> None:
        if onset != self.onset:
            self.before, self.now, self.onset = self.now, [], onset
        self.now.append(pitch)

    def reference(self, onset: int) -> int | None:
        """Where the next note of the part, at `onset`, comes from; None when it has no chord before."""
        chord, place = (self.before, len(self.now)) if onset == self.onset else (self.now, 0)
        return chord[min(place, len(chord) - 1)] if chord else None


@dataclass
class Written:
    """The piece so far, as columns, and what of it the next step needs."""

    columns: dict[str, list[int]] = field(default_factory=lambda: {name: [] for name in STEP_DTYPE.names or ()})
    memory: GrowingMemory = field(default_factory=GrowingMemory)
    histogram: NDArray[np.float32] = field(default_factory=lambda: np.zeros((len(HISTOGRAM_DECAYS), 12), np.float32))
    chords: dict[int, Chords] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.memory)

    def copy(self) -> Written:
        """One that goes on by itself."""
        return Written(
            {name: list(column) for name, column in self.columns.items()},
            self.memory.copy(),
            self.histogram.copy(),
            {part: chords.copy() for part, chords in self.chords.items()},
        )

    def last(self, name: str, default: int = 0) -> int:
        column = self.columns[name]
        return column[-1] if column else default

    @property
    def previous_pitch(self) -> int:
        return self.last("pitch", FIRST_PITCH) % 128

    def push(self, **values: int) -> None:
        for name, value in values.items():
            self.columns[name].append(value)
        self.memory.push(values["onset"], values["gap"], values["part"], values["pitch"], values["bar_slots"])
        self.chords.setdefault(values["part"], Chords()).push(values["onset"], values["pitch"] % 128)
        self.histogram *= _DECAYS
        if values["pitch"] < 128:
            self.histogram[:, values["pitch"] % 12] += _SHARES

    def part_pitch(self, part: int, onset: int) -> int:
        """As `features._part_pitch`."""
        found = self.chords[part].reference(onset) if part in self.chords else None
        return self.previous_pitch if found is None else found

    def steps(self) -> StepArray:
        steps = np.zeros(len(self), STEP_DTYPE)
        for name, column in self.columns.items():
            steps[name] = column
        return steps


class Candidates:
    """What the memory proposes for the note to come; the same numbers as `features._candidates`."""

    def __init__(self, w: Written) -> None:
        self.w, self.memory, self.columns = w, w.memory, w.columns
        self.hits = w.memory.bars_hits()
        self.context, self.levels = w.memory.context()
        self.next_bars = w.memory.bars_next() if len(w) else [NOTHING] * len(BAR_LAGS)
        self.previous_pitch = w.previous_pitch
        self.gap_values, self.gap_states = self._gaps()

    def _gaps(self) -> tuple[list[int], list[int]]:
        onset, bar = self.w.last("onset"), self.w.last("bar_slots")
        values: list[int] = []
        for i, lag in enumerate(BAR_LAGS):
            pointer = self.next_bars[i]
            ahead = self.columns["onset"][pointer] - (onset - lag * bar) if pointer != NOTHING else -1
            if not 0 <= ahead < GAPS - 1:
                self.next_bars[i], ahead = NOTHING, FIELD_SIZES[GAP]
            values.append(ahead)
        values += [self.columns["gap"][q] if q != NOTHING else FIELD_SIZES[GAP] for q in self.context]
        states = [min(2 * hits, LAST_STATE) for hits in self.hits] + [2 * level for level in self.levels]
        return values, states

    def _moved_pitch(self, q: int) -> int:
        """The pitch that a context proposes, moved to where it recurs."""
        if q == NOTHING:
            return PITCHES
        pitch = self.columns["pitch"][q]
        if pitch >= 128:
            return pitch
        moved = self.previous_pitch + pitch - self.columns["pitch"][max(q, 1) - 1] % 128
        return moved if 0 <= moved <= 127 else PITCHES

    def next_notes(self, previous_pitch: int) -> list[list[int]]:
        """[6, 4]: gap, near pitch, duration, state of each candidate before anything is chosen."""
        pitches = [self.columns["pitch"][p] if p != NOTHING else PITCHES for p in self.next_bars]
        pitches += [self._moved_pitch(q) for q in self.context]
        durations = [
            self.columns["duration"][p] if p != NOTHING else DURATIONS for p in [*self.next_bars, *self.context]
        ]
        near = [
            NEAR_PITCHES - 1
            if pitch >= PITCHES
            else max(-NEAR_PITCH, min(NEAR_PITCH, pitch % 128 - previous_pitch)) + NEAR_PITCH
            for pitch in pitches
        ]
        return [list(row) for row in zip(self.gap_values, near, durations, self.gap_states, strict=True)]

    def stage(self, stage: int, chosen: list[int], onset: int) -> tuple[list[int], list[int]]:
        """Values and states [6] of the candidates for a field, given the fields chosen before it."""
        if stage == GAP:
            return self.gap_values, self.gap_states
        if stage == PART:
            self.bars = self.memory.bars_here(onset) if len(self.w) else [NOTHING] * len(BAR_LAGS)
        elif stage == PITCH:
            self.bars = self.memory.bars_voice(onset, chosen[PART])
        name = FIELDS[stage]
        column, nothing = self.columns[name], FIELD_SIZES[stage]
        values = [column[p] if p != NOTHING else nothing for p in self.bars]
        agreed = [self._bar_agrees(i, p, stage, chosen, onset) for i, p in enumerate(self.bars)]
        for q in self.context:
            if stage == PITCH:
                values.append(self._moved_pitch(q))
            else:
                values.append(column[q] if q != NOTHING else nothing)
            agreed.append(self._context_agrees(q, stage, chosen))
        scale = self.hits + [2 * level for level in self.levels]
        states = [min(2 * s, LAST_STATE) if i < len(BAR_LAGS) else s for i, s in enumerate(scale)]
        return values, [min(s + a, LAST_STATE) for s, a in zip(states, agreed, strict=True)]

    def _bar_agrees(self, i: int, pointer: int, stage: int, chosen: list[int], onset: int) -> int:
        if pointer == NOTHING:
            return 0
        reference = onset - BAR_LAGS[i] * self.w.last("bar_slots")
        agrees = self.columns["onset"][pointer] == reference
        if stage >= DURATION:
            agrees = agrees and self.columns["pitch"][pointer] == chosen[PITCH]
        if stage >= VELOCITY:
            agrees = agrees and self.columns["duration"][pointer] == chosen[DURATION]
        return int(agrees)

    def _context_agrees(self, q: int, stage: int, chosen: list[int]) -> int:
        if q == NOTHING:
            return 0
        agrees = self.columns["gap"][q] == chosen[GAP]
        if stage >= PITCH:
            agrees = agrees and self.columns["part"][q] == chosen[PART]
        if stage >= DURATION:
            agrees = agrees and self._moved_pitch(q) == chosen[PITCH]
        if stage >= VELOCITY:
            agrees = agrees and self.columns["duration"][q] == chosen[DURATION]
        return int(agrees)
