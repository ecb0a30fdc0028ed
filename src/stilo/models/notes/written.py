"""The piece being written: what is there, what of it the next note needs, and which notes are given.

The same numbers as `notes.features` has for a whole piece at once, one note at a time (`next_note.NextNote`), in plain
Python, which is faster than NumPy for rows as short as these.
"""

from __future__ import annotations

from bisect import bisect_right
from copy import copy
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from stilo.models.notes.features import HISTOGRAM_DECAYS, HISTOGRAMS, HYPERMETRE
from stilo.models.notes.fields import FIELDS, FIRST_PITCH, Floats
from stilo.models.notes.growing_memory import GrowingMemory
from stilo.models.notes.next_note import GivenNote, NextNote
from stilo.models.notes.parts import GIVEN_AT_ONCE, REACH
from stilo.models.notes.pointers import NOTHING
from stilo.models.notes.telling import LAST_BAR, ToldRows
from stilo.models.notes.told import Telling
from stilo.models.tokens import (
    DRUMS,
    DURATION_SLOTS,
    MAX_GAP,
    POSITIONS,
    PROGRAMS,
    STEP_DTYPE,
    StepArray,
    bar_slots_of,
    metre_class,
)

_SLOTS: list[int] = DURATION_SLOTS.tolist()
_DECAYS = np.array([*HISTOGRAM_DECAYS, 1.0])[:, None]
_SHARES = 1.0 - _DECAYS[:, 0]
# [12, HISTOGRAM_SIZE]: where the bins of histograms are that begin at each pitch class
_BINS = (np.arange(12)[:, None, None] + np.arange(12)) % 12 + 12 * np.arange(HISTOGRAMS)[:, None]
_BINS = _BINS.reshape(12, -1)


class GivenNotes:
    """The notes that are known beforehand, in order; does not change.

    Raises:
        ValueError: they are not in order of onset, part and pitch.
    """

    def __init__(self, steps: StepArray) -> None:
        self.onset: list[int] = steps["onset"].tolist()
        self.rows: list[list[int]] = [list(row) for row in zip(*(steps[name].tolist() for name in FIELDS), strict=True)]
        keys = [(onset, *row[1:3]) for onset, row in zip(self.onset, self.rows, strict=True)]
        if any(one >= two for one, two in pairwise(keys)):
            raise ValueError("given notes stand in the order of onset, part and pitch")
        pitched = steps[steps["pitch"] < 128]
        classes = np.zeros((len(pitched) + 1, 12))
        classes[np.arange(1, len(pitched) + 1), pitched["pitch"] % 12] = 1.0
        self._total = np.cumsum(classes, axis=0)
        self._pitched_onset: list[int] = pitched["onset"].tolist()

    def __len__(self) -> int:
        return len(self.onset)

    def pitch_classes(self, after: int, until: int) -> NDArray[np.float64]:
        """Shares of the pitch classes after one slot and until another, [12]; zeros where there are none."""
        first, last = bisect_right(self._pitched_onset, after), bisect_right(self._pitched_onset, until)
        return np.asarray((self._total[last] - self._total[first]) / max(1, last - first))


class Written:
    """A piece being written in one metre.

    Args:
        telling: what is told of it.
        metre: (numerator, denominator).
        given: notes that stand from the beginning (onsets in slots from that of bar 0); each is to be pushed when its
            turn comes.
        heard: notes in order that the memory knows besides, as if they had been heard before.

    Attributes:
        gap, duration, velocity, position: of the notes that were heard and of those so far; onset, part, pitch are
            those of `memory`.
        is_silent: whether the memory is to propose nothing.
        sounding: (index, slot of the end, part, pitch or `NOTHING` of drums) of those of the last notes that sounded
            until the last onset or longer.
    """

    def __init__(
        self,
        telling: Telling,
        metre: tuple[int, int],
        given: StepArray | None = None,
        heard: StepArray | None = None,
    ) -> None:
        self.bar_slots, self.metre = bar_slots_of(*metre), metre_class(*metre)
        self._told = ToldRows(telling, self.metre)
        self._heard = 0
        self._given = GivenNotes(given) if given is not None and len(given) else None
        self._given_at = 0
        self.memory = GrowingMemory(self.bar_slots, (0,) if telling.form is None else telling.form.lag.tolist())
        self.gap: list[int] = []
        self.duration: list[int] = []
        self.velocity: list[int] = []
        self.position: list[int] = []
        self.sounding: list[tuple[int, int, int, int]] = []
        self.is_silent = False
        self._histograms = np.zeros((HISTOGRAMS, 12))
        if heard is not None and len(heard):
            self._hear(heard)

    def __len__(self) -> int:
        return len(self.gap) - self._heard

    def _hear(self, steps: StepArray) -> None:
        onset = steps["onset"].astype(np.int64)
        self.gap = np.clip(np.diff(onset, prepend=onset[0]), 0, MAX_GAP).tolist()
        self.position = np.minimum(onset % self.bar_slots, POSITIONS - 1).tolist()
        self.duration, self.velocity = steps["duration"].tolist(), steps["velocity"].tolist()
        self._heard = len(steps)
        places = (onset - onset[-1] - 1).tolist()
        rows = zip(places, self.gap, steps["part"].tolist(), steps["pitch"].tolist(), strict=True)
        for number, (place, gap, part, pitch) in enumerate(rows, 1):
            self.memory.push(place, gap, part, pitch, goes_on=number < self._heard)
        self.memory.begin()

    def copy(self) -> Written:
        """One that goes on by itself."""
        twin = copy(self)
        twin.memory, twin._histograms = self.memory.copy(), self._histograms.copy()
        for name in ("gap", "duration", "velocity", "position"):
            setattr(twin, name, getattr(self, name).copy())
        return twin

    @property
    def previous_pitch(self) -> int:
        return self.memory.pitch[-1] % 128 if len(self) else FIRST_PITCH

    def last(self, name: str, default: int = 0) -> int:
        """A field of the last note, as in steps; `default` if there is none."""
        if len(self) == 0:
            return default
        if name in ("bar_slots", "metre"):
            return self.bar_slots if name == "bar_slots" else self.metre
        if name == "bar":
            return min(self.memory.onset[-1] // self.bar_slots, LAST_BAR)
        return int(getattr(self.memory if name in ("onset", "part", "pitch") else self, name)[-1])

    def steps(self) -> StepArray:
        steps = np.zeros(len(self), STEP_DTYPE)
        for name in ("gap", "duration", "velocity", "position"):
            steps[name] = getattr(self, name)[self._heard :]
        for name in ("onset", "part", "pitch"):
            steps[name] = getattr(self.memory, name)[self._heard :]
        steps["bar_slots"], steps["metre"] = self.bar_slots, self.metre
        steps["bar"] = np.minimum(steps["onset"] // self.bar_slots, LAST_BAR)
        return steps

    def next_note(self) -> NextNote:
        """What is known before the next note."""
        return NextNote(self)

    def push(self, gap: int, part: int, pitch: int, duration: int, velocity: int) -> None:
        """Write a note; pitch as in steps (drums + 128).

        Raises:
            ValueError: it does not come after the last one in the order of onset, part and pitch, or leaves out a
                given one.
        """
        onset = gap + (self.memory.onset[-1] if len(self) else 0)
        if self._given is not None and self._given_at < len(self._given):
            self._pass_given(self._given, (onset, part, pitch))
        self.memory.push(onset, gap, part, pitch)
        if len(self) == 0:
            self._told = self._told.beginning_in(min(onset // self.bar_slots, LAST_BAR))
        self.gap.append(gap)
        self.duration.append(duration)
        self.velocity.append(velocity)
        self.position.append(min(onset % self.bar_slots, POSITIONS - 1))
        oldest = len(self.gap) - REACH
        self.sounding = [note for note in self.sounding if note[1] >= onset and note[0] >= oldest]
        heard = NOTHING if part % PROGRAMS == DRUMS else pitch
        self.sounding.append((len(self.gap) - 1, onset + _SLOTS[duration], part, heard))
        self._histograms *= _DECAYS
        if pitch < 128:
            self._histograms[:, pitch % 12] += _SHARES

    def _pass_given(self, given: GivenNotes, key: tuple[int, int, int]) -> None:
        _, part, pitch, _, _ = given.rows[self._given_at]
        awaited = (given.onset[self._given_at], part, pitch)
        if key > awaited:
            raise ValueError("a given note was left out")
        self._given_at += key == awaited

    def given_next(self) -> GivenNote | None:
        """The next given note, its gap that from the last onset."""
        if self._given is None or self._given_at >= len(self._given):
            return None
        _, part, pitch, duration, velocity = self._given.rows[self._given_at]
        ahead = self._given.onset[self._given_at] - (self.memory.onset[-1] if len(self) else 0)
        return ahead, part, pitch, duration, velocity

    def given_pitches_at(self, onset: int) -> list[int]:
        """Pitches 0…127 of the given notes that are still to come at the onset that comes next."""
        if self._given is None:
            return []
        at, onsets = self._given_at, self._given.onset[self._given_at : self._given_at + GIVEN_AT_ONCE]
        pitches = [self._given.rows[at + i][2] for i, other in enumerate(onsets) if other == onset]
        return [pitch for pitch in pitches if pitch < 128]

    def note_row(self) -> list[int]:
        """As `features.NOTE_TABLES`: the last note."""
        m = self.memory
        if len(self) == 0:
            return [0, 0, 0, 0, 0, 0, 0, 0, 1, 0]
        part, pitch = m.part[-1], m.pitch[-1]
        interval = pitch % 128 - m.pitch[max(len(self.gap) - 2, self._heard)] % 128 + 128
        program, rank = part % PROGRAMS, part // PROGRAMS
        sound = (self.gap[-1], program, rank, pitch, interval, self.duration[-1], self.velocity[-1], self.position[-1])
        return [*sound, 0, min(m.onset[-1] // self.bar_slots, LAST_BAR) % HYPERMETRE]

    def condition_row(self) -> list[int]:
        """As `told.condition_columns`."""
        onset = self.memory.onset[-1] if len(self) else None
        bar = min(onset // self.bar_slots, LAST_BAR) if onset is not None else 0
        return self._told.row(onset, bar, self.previous_pitch)

    def chord_at(self, onset: int, reference: int) -> tuple[int, int]:
        return self._told.chord_at(onset, reference)

    def histogram_row(self) -> Floats:
        """As `features.Features.histogram`."""
        if self._given is not None:
            place = self.memory.onset[-1] if len(self) else -1
            self._histograms[-1] = self._given.pitch_classes(place, place + self.bar_slots)
        turned: Floats = self._histograms.take(_BINS[self.previous_pitch % 12]).astype(np.float32)
        return turned
