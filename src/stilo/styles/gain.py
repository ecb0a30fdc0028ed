"""How many nats a note were gained, between which bounds, and how much more music would show it."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

FEWEST_PIECES = 3  # of fewer, blocks of their notes are compared: that tells of these pieces, not of others like them
BLOCK_NOTES, FEWEST_BLOCK_NOTES, FEWEST_BLOCKS = 64, 8, 12
Nats = NDArray[np.floating]


def gain_interval(before: Sequence[Nats], after: Sequence[Nats], notes: Sequence[int]) -> tuple[float, float] | None:
    """95 % of the gain a note, as a ratio over pieces (Cochran 1977, 6.4) by Student's t; of one or two pieces over
    blocks of at most 64 notes, a dozen or more.

    Args:
        before: nats of every step of each piece, [steps]; the last may be its end.
        after: the same, with what was learned.
        notes: how many notes each piece has; its end counts to the last of them.

    Returns:
        None where there is but one piece of one block.
    """
    from scipy.stats import t

    gains = [_of_notes(np.asarray(a, np.float64) - b, n) for a, b, n in zip(before, after, notes, strict=True) if n > 0]
    if len(gains) < FEWEST_PIECES:
        gains = [block for gain in gains for block in _blocks(gain, sum(map(len, gains)))]
    if len(gains) < 2:
        return None
    sums, sizes = np.array([gain.sum() for gain in gains]), np.array([len(gain) for gain in gains])
    mean = sums.sum() / sizes.sum()
    count = len(gains)
    error = math.sqrt(count / (count - 1) * float(((sums - mean * sizes) ** 2).sum())) / sizes.sum()
    half = float(t.ppf(0.975, count - 1)) * error
    return float(mean - half), float(mean + half)


def _of_notes(gain: NDArray[np.float64], notes: int) -> NDArray[np.float64]:
    """That of the end is counted to the last note."""
    return np.append(gain[: notes - 1], gain[notes - 1 :].sum())


def _blocks(gain: NDArray[np.float64], all_notes: int) -> list[NDArray[np.float64]]:
    length = max(FEWEST_BLOCK_NOTES, min(BLOCK_NOTES, all_notes // FEWEST_BLOCKS))
    return np.array_split(gain, max(1, len(gain) // length))


def pieces_needed(gain: float, low: float, high: float, pieces: int) -> int:
    """About how many more pieces would show the gain, more than nothing, if it is as large: its interval shrinks with
    their square root.
    """
    factor = ((high - low) / 2 / gain) ** 2
    return max(1, math.ceil(pieces * (factor - 1)))
