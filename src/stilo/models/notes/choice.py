"""Drawing one value for each of several rows of logits."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from stilo.models.notes.fields import Integers

LEAST_TEMPERATURE = 1e-3
_BELOW_ONE = 1.0 - 1e-12
FEW_PROPOSED = 4  # so many values that the memory makes likelier are never truncated

Doubles = NDArray[np.float64]
Booleans = NDArray[np.bool_]


def nats_of(logits: Doubles, chosen: Integers) -> Doubles:
    """−ln of the chance of a value of each row, [S, size] and [S] → [S]."""
    top = logits.max(axis=1)
    log_sum = np.log(np.exp(logits - top[:, None]).sum(axis=1)) + top
    found: Doubles = log_sum - logits[np.arange(len(logits)), chosen]
    return found


def draw(
    logits: Doubles,
    allowed: Booleans,
    proposed: Booleans | None,
    taste: tuple[float, float, float, float],
    random: Doubles,
) -> Integers:
    """One value of each row.

    A row is drawn the same whatever rows stand beside it.

    Args:
        logits: [S, size].
        allowed: [S, size]; at least one of each row.
        proposed: [S, size], what the memory makes likelier. Whether the value is one of these is drawn with the
            chances that the logits give, their odds to the power of the conviction; the rest of taste acts only after
            that. None = taste acts on all at once.
        taste: temperature, top_p, min_p, conviction.
        random: [S, 2], in 0…1.

    Returns:
        [S].
    """
    temperature, top_p, min_p, conviction = taste
    masked = np.where(allowed, logits, -np.inf)
    weights = np.exp(masked - masked.max(axis=1, keepdims=True))
    spared = np.zeros(len(weights), bool)
    if proposed is not None:
        weights, spared = _one_side(weights, proposed, conviction, random[:, 0])
    if temperature != 1.0:
        weights = (weights / weights.max(axis=1, keepdims=True)) ** (1 / max(LEAST_TEMPERATURE, temperature))
    if (top_p < 1.0 or min_p > 0.0) and not spared.all():
        least = _least_weight(weights, top_p, min_p)
        least[spared] = 0.0
        weights = weights * (weights >= least[:, None])
    total = weights.cumsum(axis=1)
    drawn = random[:, 1] * (_BELOW_ONE * total[:, -1])
    chosen: Integers = (total <= drawn[:, None]).sum(axis=1)
    return chosen


def _one_side(weights: Doubles, proposed: Booleans, conviction: float, random: Doubles) -> tuple[Doubles, Booleans]:
    """The weights of what is proposed, or of the rest; and of which rows no value is left out later."""
    inside = weights * proposed
    rest = weights - inside
    share, others = inside.sum(axis=1), rest.sum(axis=1)
    largest = np.maximum(share, others)
    share, others = (share / largest) ** conviction, (others / largest) ** conviction
    follows = random * (_BELOW_ONE * (share + others)) < share
    spared = follows & ((inside > 0).sum(axis=1) <= FEW_PROPOSED)
    return np.where(follows[:, None], inside, rest), spared


def _least_weight(weights: Doubles, top_p: float, min_p: float) -> Doubles:
    """The smallest weight of each row that top_p and min_p leave in."""
    falling = -np.sort(-weights, axis=1)
    total = falling.cumsum(axis=1)
    last = np.minimum((total < top_p * total[:, -1:]).sum(axis=1), weights.shape[1] - 1)
    least: Doubles = np.maximum(falling[np.arange(len(falling)), last], min_p * falling[:, 0])
    return least
