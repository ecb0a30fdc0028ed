"""How many nats a note were gained, between which bounds, and how much more music would show it."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

DRAWS = 2000
MANY_PIECES = 8
BLOCK_NOTES, FEWEST_BLOCK_NOTES, FEWEST_BLOCKS = 64, 8, 12
Nats = NDArray[np.floating]


def gain_interval(
    before: Sequence[Nats], after: Sequence[Nats], rng: np.random.Generator
) -> tuple[float, float] | None:
    """95 % of the gain a note, by bootstrap over pieces (Efron & Tibshirani 1993), of fewer than eight over blocks of
    at most 64 notes, a dozen or more.

    Args:
        before: nats of every note of each piece, [notes].
        after: the same, with what was learned.
        rng: what is drawn with.

    Returns:
        None where there is but one block.
    """
    gains, sizes = [], []
    notes = sum(map(len, before))
    length = max(FEWEST_BLOCK_NOTES, min(BLOCK_NOTES, notes // FEWEST_BLOCKS))
    for first, last in zip(before, after, strict=True):
        gain = np.asarray(first, np.float64) - last
        starts = np.linspace(
            0, len(gain), 1 if len(before) >= MANY_PIECES else max(1, len(gain) // length), endpoint=False
        )
        if len(gain):
            gains.append(np.add.reduceat(gain, starts.astype(np.int64)))
            sizes.append(np.diff(np.append(starts.astype(np.int64), len(gain))))
    blocks = sum(map(len, gains))
    if blocks < 2:
        return None
    drawn = rng.integers(blocks, size=(DRAWS, blocks))
    means = np.concatenate(gains)[drawn].sum(1) / np.concatenate(sizes)[drawn].sum(1)
    low, high = np.percentile(means, [2.5, 97.5])
    return float(low), float(high)


def pieces_needed(gain: float, low: float, high: float, pieces: int) -> int:
    """About how many more pieces would show the gain, if it is as large: its interval shrinks with their square root.

    As many again where nothing was gained yet.
    """
    if gain <= 0:
        return pieces
    factor = ((high - low) / 2 / gain) ** 2
    return max(1, math.ceil(pieces * (factor - 1)))
