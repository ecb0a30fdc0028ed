"""What sounds between one change and the next, and the line that is heard on top."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

PITCHES = 128
MOST_SLICES = 60_000

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Line:
    """One note at a time.

    Attributes:
        onset_ticks, end_ticks, pitch: int64 [notes]; a note ends where the next begins, if not before.
        note: int64 [notes], which notes of the score they are.
    """

    onset_ticks: Ints
    end_ticks: Ints
    pitch: Ints
    note: Ints

    def __len__(self) -> int:
        return len(self.onset_ticks)


@dataclass(frozen=True, eq=False)
class Slices:
    """Stretches of unchanging sound.

    Attributes:
        starts_ticks, lengths_ticks: int64 [slices].
        sounding: bool [slices, 128].
    """

    starts_ticks: Ints
    lengths_ticks: Ints
    sounding: NDArray[np.bool_]

    @cached_property
    def count(self) -> Ints:
        """Number of different pitches that sound, [slices]."""
        return np.asarray(self.sounding.sum(axis=1), np.int64)

    @cached_property
    def top(self) -> Ints:
        """Highest pitch, −1 in silence, [slices]."""
        highest = PITCHES - 1 - self.sounding[:, ::-1].argmax(axis=1)
        return np.where(self.count > 0, highest, -1).astype(np.int64)

    @cached_property
    def bass(self) -> Ints:
        """Lowest pitch, −1 in silence, [slices]."""
        return np.where(self.count > 0, self.sounding.argmax(axis=1), -1).astype(np.int64)

    @cached_property
    def chroma(self) -> Floats:
        """How many octaves of each pitch class sound, float [slices, 12]."""
        padded = np.zeros((len(self.sounding), 132), np.uint8)
        padded[:, :PITCHES] = self.sounding
        return np.asarray(padded.reshape(-1, 11, 12).sum(axis=1), np.float64)


def slices_between(onset: Ints, end: Ints, pitch: Ints, cuts: Ints) -> Slices:
    """Slices between all onsets, ends and `cuts`, about `MOST_SLICES` at most; the first begins at the first cut."""
    bounds = np.unique(np.concatenate([onset, end, cuts]))
    if len(bounds) > MOST_SLICES:
        grid = cuts if len(cuts) > 1 else bounds[[0, -1]]
        bounds = np.unique(np.concatenate([grid, bounds[:: len(bounds) // MOST_SLICES + 1]]))
    rows = len(bounds) - 1
    first = np.minimum(np.searchsorted(bounds, onset, side="right") - 1, rows - 1)
    last = np.maximum(np.searchsorted(bounds, end), first + 1)
    changes = np.bincount(first * PITCHES + pitch, minlength=(rows + 1) * PITCHES)
    changes -= np.bincount(last * PITCHES + pitch, minlength=(rows + 1) * PITCHES)
    sounding = changes.reshape(-1, PITCHES)[:rows].cumsum(axis=0) > 0
    return Slices(bounds[:-1], np.diff(bounds), sounding)


def skyline(onset: Ints, end: Ints, pitch: Ints, note: Ints, top: Ints) -> Line:
    """The notes that are highest when they begin (Uitdenbogerd & Zobel 1998), each cut where the next begins.

    All arguments are int64 [notes]: `note` says which notes of the score these are, `top` is the highest pitch that
    sounds when each begins.
    """
    highest = np.flatnonzero(pitch == top)
    if len(highest) == 0:
        empty = np.zeros(0, np.int64)
        return Line(empty, empty, empty, empty)
    order = highest[np.lexsort((end[highest], onset[highest]))]
    order = order[np.concatenate([[True], np.diff(onset[order]) > 0])]
    starts = onset[order]
    nexts = np.append(starts[1:], end[order[-1]])
    return Line(starts, np.minimum(end[order], np.maximum(nexts, starts + 1)), pitch[order], note[order])


def highest_sounding(onset: Ints, end: Ints, pitch: Ints) -> Ints:
    """The highest pitch that sounds when each note begins, among these notes, sorted by onset; int64 [notes]."""
    if (end[:-1] <= onset[1:]).all():
        return pitch
    slices = slices_between(onset, end, pitch, onset[:1])
    return slices.top[np.searchsorted(slices.starts_ticks, onset, side="right") - 1]
