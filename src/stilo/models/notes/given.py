"""Which notes the model is given beforehand: bars before and after, or whole parts.

One mechanism for continuing, filling and accompanying: the notes of the piece stand in one order; of those that are
given the next is always known (`candidates.GIVEN`), so that the model learns to write what belongs between them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stilo.models.tokens import END, PROGRAMS, StepArray

P_FILL, P_ACCOMPANY, P_WRITTEN = 0.14, 0.2, 0.8
LONGEST_FILL_SHARE = 0.5


@dataclass(frozen=True, eq=False)
class Given:
    """Of the notes of a piece.

    Attributes:
        notes: [notes], which are known beforehand; an END is not.
        ahead: from which note on there is nothing else, as is known when the notes before are written; the memory
            knows these from the beginning. None = not known of any.
    """

    notes: NDArray[np.bool_]
    ahead: int | None = None


def draw_given(steps: StepArray, rng: np.random.Generator) -> Given | None:
    """None in most cases; else the notes outside some bars, or those of some parts."""
    chance = rng.random()
    if chance < P_FILL:
        return all_but_bars(steps, *_bars_to_fill(steps, rng))
    if chance < P_FILL + P_ACCOMPANY:
        return _some_parts(steps, rng)
    return None


def programs_written(steps: StepArray, given: Given) -> frozenset[int]:
    """Those of the notes that are not given."""
    return frozenset((np.unique(steps["part"][~given.notes & (steps["gap"] != END)]) % PROGRAMS).tolist())


def _some_parts(steps: StepArray, rng: np.random.Generator) -> Given | None:
    """Some parts of several are given, never all: what is asked for is always to be written."""
    parts = rng.permutation(np.unique(steps["part"]))
    if len(parts) < 2:
        return None
    kept = np.clip(rng.binomial(len(parts), rng.uniform(0.25, 0.75)), 1, len(parts) - 1)
    return Given(np.isin(steps["part"], parts[:kept]) & (steps["gap"] != END))


def all_but_bars(steps: StepArray, first: int, last: int) -> Given:
    """The notes that begin outside the bars `first` … `last`."""
    outside = (steps["bar"] < first) | (steps["bar"] > last)
    return Given(outside & (steps["gap"] != END), int(np.searchsorted(steps["bar"], last, side="right")))


def _bars_to_fill(steps: StepArray, rng: np.random.Generator) -> tuple[int, int]:
    first, last = int(steps["bar"][0]), int(steps["bar"][-1])
    bars = last - first + 1
    length = 1 + int(rng.integers(max(1, int(bars * LONGEST_FILL_SHARE))))
    begin = first + int(rng.integers(bars - length + 1))
    return begin, begin + length - 1
