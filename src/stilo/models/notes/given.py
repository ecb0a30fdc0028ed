"""Which notes the model is given beforehand: bars before and after, or whole parts.

One mechanism for continuing, filling and accompanying: the notes of the piece stand in one order; of those that are
given the next is always known (`candidates.GIVEN`), so that the model learns to write what belongs between them.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from stilo.models.tokens import END, StepArray

P_FILL, P_ACCOMPANY = 0.14, 0.18
LONGEST_FILL_SHARE = 0.5


def draw_given(steps: StepArray, rng: np.random.Generator) -> NDArray[np.bool_] | None:
    """None in most cases; else the notes outside some bars, or those of some parts. An END is not given."""
    chance = rng.random()
    if chance < P_FILL:
        given = all_but_bars(steps, *_bars_to_fill(steps, rng))
    elif chance < P_FILL + P_ACCOMPANY:
        parts = np.unique(steps["part"])
        kept = parts[rng.random(len(parts)) < rng.uniform(0.25, 0.75)]
        given = np.isin(steps["part"], kept)
    else:
        return None
    return np.asarray(given & (steps["gap"] != END))


def all_but_bars(steps: StepArray, first: int, last: int) -> NDArray[np.bool_]:
    """Of each note whether it begins outside the bars `first` … `last`."""
    return np.asarray((steps["bar"] < first) | (steps["bar"] > last))


def _bars_to_fill(steps: StepArray, rng: np.random.Generator) -> tuple[int, int]:
    first, last = int(steps["bar"][0]), int(steps["bar"][-1])
    bars = last - first + 1
    length = 1 + int(rng.integers(max(1, int(bars * LONGEST_FILL_SHARE))))
    begin = first + int(rng.integers(bars - length + 1))
    return begin, begin + length - 1
