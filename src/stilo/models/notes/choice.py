"""Drawing one value for each of several rows of logits."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from stilo.models.notes.fields import Integers

LEAST_TEMPERATURE = 1e-3
_LEAST = float(np.finfo(float).tiny)
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
    spared = None
    if proposed is not None:
        weights, spared = _one_side(weights, proposed, random[:, 0])
    if temperature != 1.0:
        weights = (weights / weights.max(axis=1, keepdims=True)) ** (1 / max(LEAST_TEMPERATURE, temperature))
    rows = np.arange(len(weights))
    order = np.argsort(-weights, axis=1, kind="stable")
    falling = weights.ravel().take(order + weights.shape[1] * rows[:, None])
    total = falling.cumsum(axis=1)
    largest, least = top_p * total[:, -1], np.maximum(_LEAST, min_p * falling[:, 0])
    if spared is not None and spared.any():
        largest[spared], least[spared] = np.inf, _LEAST
    kept = (total - falling < largest[:, None]) & (falling >= least[:, None])
    last = np.maximum(kept.sum(axis=1) - 1, 0)
    drawn = random[:, 1] * total[rows, last]
    place = np.minimum((total <= drawn[:, None]).sum(axis=1), last)
    chosen: Integers = order[rows, place]
    return chosen


def _one_side(weights: Doubles, proposed: Booleans, random: Doubles) -> tuple[Doubles, Booleans]:
    """The weights of what is proposed, or of the rest; and of which rows no value is left out later."""
    inside = weights * proposed
    rest = weights - inside
    share = inside.sum(axis=1)
    follows = random * (share + rest.sum(axis=1)) < share
    spared = follows & ((inside > 0).sum(axis=1) <= FEW_PROPOSED)
    return np.where(follows[:, None], inside, rest), spared
