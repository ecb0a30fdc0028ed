"""What is compared of a piece: its notes on one time axis, the melody line, and the chords that are struck.

Conventions. Time is counted in twenty-fourths of a quarter, which unlike slots are all equally long. The melody is the
line of notes that are highest when they begin (Uitdenbogerd & Zobel 1998). Drums are left out wherever more than
`FEWEST_PITCHED` other notes are there.
"""

from __future__ import annotations

from dataclasses import dataclass
from heapq import heappop, heappush
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stilo.models.tokens import DRUMS_FROM, DURATION_SLOTS, StepArray
from stilo.music.quantise import slots_of, slots_to_24ths, slots_to_ticks
from stilo.music.score import Score

Integers = NDArray[np.int64]

FEWEST_PITCHED = 8


@dataclass(frozen=True, eq=False)
class Notes:
    """Notes in order of onset and pitch, doubled ones once; all arrays int64 [notes].

    Attributes:
        onset, end: in twenty-fourths of a quarter.
        pitch: 0…127.
        bar: in which it begins, from 0.
        half: of the bar in which it begins, 0 or 1.
    """

    onset: Integers
    end: Integers
    pitch: Integers
    bar: Integers
    half: Integers

    def __len__(self) -> int:
        return len(self.onset)

    def some(self, which: NDArray[np.bool_] | Integers) -> Notes:
        """Those of a mask or of indices in order."""
        return Notes(self.onset[which], self.end[which], self.pitch[which], self.bar[which], self.half[which])


def begins(values: NDArray[Any]) -> NDArray[np.bool_]:
    """Where another value begins in a row of them, [values]."""
    return np.append(True, values[1:] != values[:-1])[: len(values)]


def are_drums_compared(score: Score) -> bool:
    """Whether so little else sounds that the drums of a score are what is compared."""
    drums = int(np.count_nonzero(score.is_drum_note))
    return drums > 0 and len(score) - drums <= FEWEST_PITCHED


def notes_of_score(score: Score) -> Notes:
    """The notes of a score that stands on its grid (`elements.grid.on_grid`), with the bars that it has."""
    slots = slots_of(score)
    onset, end = (slots_to_ticks(places, slots.bar_lengths, 24) for places in (slots.onset, slots.end))
    half = _halves(slots.onset_in_bar, slots.bar_lengths[slots.bar])
    return _ordered(Notes(onset, end, score.notes["pitch"].astype(np.int64), slots.bar, half), score.is_drum_note)


def notes_of_steps(steps: StepArray) -> Notes:
    """The notes of a packed piece; its bars are counted without the long rests that packing leaves out."""
    position = steps["position"].astype(np.int64)
    bar_line = _bar_lines(steps["onset"].astype(np.int64) - position, steps)
    onset = bar_line + slots_to_24ths(position)
    end = bar_line + slots_to_24ths(position + DURATION_SLOTS[steps["duration"]])
    pitch = steps["pitch"].astype(np.int64)
    half = _halves(position, steps["bar_slots"].astype(np.int64))
    return _ordered(Notes(onset, end, pitch % DRUMS_FROM, steps["bar"].astype(np.int64), half), pitch >= DRUMS_FROM)


def _halves(position: Integers, bar_slots: Integers) -> Integers:
    """In which half of its bar each slot lies, 0 or 1."""
    return np.asarray((2 * slots_to_24ths(position) >= slots_to_24ths(bar_slots)).astype(np.int64))


def _bar_lines(slot: Integers, steps: StepArray) -> Integers:
    """Where the bars of notes begin, in twenty-fourths; bars without notes are as long as the one before."""
    lines, first, index = np.unique(slot, return_index=True, return_inverse=True)
    length, ahead = steps["bar_slots"][first].astype(np.int64)[:-1], np.diff(lines)
    far = ahead // length * slots_to_24ths(length) + slots_to_24ths(ahead % length)
    return np.asarray(np.append(np.zeros(min(1, len(lines)), np.int64), np.cumsum(far))[index])


def _ordered(notes: Notes, is_drum: NDArray[np.bool_]) -> Notes:
    if np.count_nonzero(~is_drum) > FEWEST_PITCHED:
        notes = notes.some(~is_drum)
    order = np.lexsort((-notes.end, notes.pitch, notes.onset))
    notes = notes.some(order)
    return notes.some(begins(notes.onset) | begins(notes.pitch))


def melody_of(notes: Notes) -> Notes:
    """The notes that are highest among all that sound when they begin."""
    last_of_onset = np.append(np.diff(notes.onset) > 0, True)[: len(notes)]
    return notes.some(_uncovered(notes, np.flatnonzero(last_of_onset), notes.pitch))


def bass_of(notes: Notes) -> Notes:
    """The notes that are lowest among all that sound when they begin; none of a piece without two notes at once."""
    if (notes.end[:-1] <= notes.onset[1:]).all():
        return notes.some(np.zeros(0, np.int64))
    return notes.some(_uncovered(notes, np.flatnonzero(begins(notes.onset)), -notes.pitch))


def _uncovered(notes: Notes, candidates: Integers, height: Integers) -> Integers:
    """Those of the candidates, in order of onset, above which none of them sounds."""
    sounding: list[tuple[int, int]] = []  # (−height, end), the highest first
    kept = []
    rows = (values[candidates].tolist() for values in (notes.onset, notes.end, height))
    for i, onset, end, high in zip(candidates.tolist(), *rows, strict=True):
        while sounding and sounding[0][1] <= onset:
            heappop(sounding)
        if not sounding or -sounding[0][0] <= high:
            kept.append(i)
        heappush(sounding, (-high, end))
    return np.array(kept, np.int64)


@dataclass(frozen=True, eq=False)
class Chords:
    """What begins at one time, in order.

    Attributes:
        onset, bar: int64 [chords].
        lowest: int64 [chords], its lowest pitch.
        shape: uint64 [chords], a hash of the semitones of its notes above the lowest.
        size: int64 [chords], how many notes it has.
    """

    onset: Integers
    bar: Integers
    lowest: Integers
    shape: NDArray[np.uint64]
    size: Integers

    def __len__(self) -> int:
        return len(self.onset)


def chords_of(notes: Notes) -> Chords:
    """The chords of a piece; single notes are chords of one note."""
    first = np.flatnonzero(begins(notes.onset))
    size = np.diff(first, append=len(notes))
    lowest = notes.pitch[first]
    above = (notes.pitch - np.repeat(lowest, size) + 1).astype(np.uint64)
    mixed = above * np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(31))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed ^= mixed >> np.uint64(29)
    shape = np.add.reduceat(mixed, first) if len(first) else np.zeros(0, np.uint64)
    return Chords(notes.onset[first], notes.bar[first], lowest, shape, size)
