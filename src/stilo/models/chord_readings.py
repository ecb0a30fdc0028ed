"""What the chord net may say of a frame, and the best path through what it says.

A *reading* is a chord state (`elements.chords`) with one of its tones as bass; the last reading is no chord. A path of
readings pays a price wherever it leaves one, each frame its own; the best is found by dynamic programming (Viterbi).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stilo.elements.chords import NO_CHORD_STATE, QUALITIES, STATES, quality_tones
from stilo.elements.layout import Ints

UNKNOWN = -1  # a state: some chord, but none of the vocabulary
NO_BASS = 12
BASSES = NO_BASS + 1


@dataclass(frozen=True, eq=False)
class ChordTimes:
    """Chords one after another without gaps: int64 [chords + 1] bounds, and of each chord its state and bass.

    `states` may be `UNKNOWN` in a reference; `bass` is a pitch class, `NO_BASS` where there is no chord.
    """

    bounds_ticks: Ints
    states: Ints
    bass: Ints


def _readings() -> tuple[Ints, Ints, Ints]:
    """State, bass, and kind (quality with inversion) of every reading."""
    rows = []
    kind = 0
    for quality, name in enumerate(QUALITIES):
        for tone in quality_tones(name):
            rows += [(quality * 12 + root, (root + tone) % 12, kind) for root in range(12)]
            kind += 1
    table = np.array([*rows, (NO_CHORD_STATE, NO_BASS, kind)], np.int64)
    return table[:, 0], table[:, 1], table[:, 2]


READING_STATE, READING_BASS, READING_KIND = _readings()
READINGS = len(READING_STATE)
KINDS = int(READING_KIND[-1]) + 1


def _reading_table() -> Ints:
    table = np.full((STATES, BASSES), -1, np.int64)
    table[READING_STATE, READING_BASS] = np.arange(READINGS)
    return table


_READING = _reading_table()


def readings_of(states: Ints, bass: Ints) -> Ints:
    """The reading of each state and bass, of any shape; −1 for `UNKNOWN` and a bass that is no tone of its chord."""
    return np.where(states == UNKNOWN, -1, _READING[states, bass])


@dataclass(frozen=True, slots=True)
class Prices:
    """What a change of reading costs: `change`, less `trust` times the net's log-odds of a change at that frame."""

    change: float = 0.5
    trust: float = 1.0


def best_path(blocks: Iterable[NDArray[np.float32]], change_prices: NDArray[np.float32]) -> Ints:
    """The readings of the frames, [frames].

    Args:
        blocks: log-probabilities of the readings, [some frames, READINGS] each, one block after another, so that a
            long piece is never held whole.
        change_prices: price of another reading than that of the frame before, [frames]; the first is not used.
    """
    frames = len(change_prices)
    came_from = np.zeros(frames, np.int64)
    stayed = np.zeros((frames, READINGS), bool)
    best: NDArray[np.float32] | None = None
    t = 0
    for block in blocks:
        for scores in block:
            if best is None:
                best = scores.copy()
            else:
                source = int(best.argmax())
                entered = best[source] - change_prices[t]
                np.greater_equal(best, entered, out=stayed[t])
                came_from[t] = source
                np.maximum(best, entered, out=best)
                best += scores
                best -= best[source]  # small numbers stay exact
            t += 1
    path = np.zeros(frames, np.int64)
    if best is None:
        return path
    path[-1] = int(best.argmax())
    for t in range(frames - 1, 0, -1):
        path[t - 1] = path[t] if stayed[t, path[t]] else came_from[t]
    return path


def times_of(path: Ints, bounds_ticks: Ints) -> ChordTimes:
    """A path of readings, [frames], as chords; `bounds_ticks` [frames + 1]."""
    starts = np.flatnonzero(np.append(True, np.diff(path) != 0))
    bounds = np.append(bounds_ticks[starts], bounds_ticks[-1])
    return ChordTimes(bounds, READING_STATE[path[starts]], READING_BASS[path[starts]])
