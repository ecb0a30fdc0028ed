"""Drawing one value for each of several rows of logits."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from stilo.models.notes.fields import Integers

LEAST_TEMPERATURE = 1e-3
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
    logits: Doubles, allowed: Booleans, proposed: Booleans | None, taste: tuple[float, float, float], random: Doubles
) -> Integers:
    """One value of each row.

    A row is drawn the same whatever rows stand beside it.

    Args:
        logits: [S, size].
        allowed: [S, size]; at least one of each row.
        proposed: [S, size], what the memory makes likelier. Whether the value is one of these is drawn with the
            chances that the logits give; taste acts only after that. None = taste acts on all at once.
        taste: temperature, top_p, min_p.
        random: [S, 2], in 0…1.

    Returns:
        [S].
    """
    temperature, top_p, min_p = taste
    masked = np.where(allowed, logits, -np.inf)
    weights = np.exp(masked - masked.max(axis=1, keepdims=True))
    spared = np.zeros(len(weights), bool)
    if proposed is not None:
        weights, spared = _one_side(weights, proposed, random[:, 0])
    if temperature != 1.0:
        with np.errstate(under="ignore"):
            weights = weights ** (1 / max(LEAST_TEMPERATURE, temperature))
    order = np.argsort(-weights, axis=1, kind="stable")
    falling = np.take_along_axis(weights, order, axis=1)
    total = falling.cumsum(axis=1)
    kept = (falling > 0) & (
        spared[:, None] | ((total - falling < top_p * total[:, -1:]) & (falling >= min_p * falling[:, :1]))
    )
    kept[:, 0] = True
    last = kept.sum(axis=1) - 1
    drawn = random[:, 1] * total[np.arange(len(total)), last]
    place = np.minimum((total <= drawn[:, None]).sum(axis=1), last)
    chosen: Integers = order[np.arange(len(order)), place]
    return chosen


def _one_side(weights: Doubles, proposed: Booleans, random: Doubles) -> tuple[Doubles, Booleans]:
    """The weights of what is proposed, or of the rest, the likeliest 1; and whether none of them is left out later."""
    inside = np.where(proposed, weights, 0.0)
    mass, share = weights.sum(axis=1), inside.sum(axis=1)
    follows = random * mass < share
    side = np.where(follows[:, None], inside, weights - inside)
    side /= side.max(axis=1, keepdims=True)
    return side, follows & ((inside > 0).sum(axis=1) <= FEW_PROPOSED)
