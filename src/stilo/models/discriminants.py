"""Linear discriminants of measured statistics: which directions tell makers apart, and not pieces of one maker.

Fisher's analysis for many classes (Rao 1948), with the covariance within shrunk towards a multiple of the identity
(Friedman 1989, "Regularized discriminant analysis"). Makers are compared within their collection alone, so that no
direction tells collections apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

FEWEST_PIECES = 3
MOST_COUNTED = 30
_SMALLEST_SCALE = 1e-3


@dataclass(frozen=True, eq=False)
class Discriminants:
    """`mean`, `scale`: [values]; `directions`: [values, size]."""

    mean: NDArray[np.float32]
    scale: NDArray[np.float32]
    directions: NDArray[np.float32]

    def project(self, rows: NDArray[np.floating]) -> NDArray[np.float32]:
        """[..., values] → [..., size], each of length 1."""
        found = ((rows - self.mean) / self.scale) @ self.directions
        return np.asarray(found / np.maximum(1e-9, np.linalg.norm(found, axis=-1, keepdims=True)), np.float32)


def learn_discriminants(
    rows: NDArray[np.floating], makers: Sequence[str], collections: Sequence[str], size: int, shrinkage: float
) -> Discriminants:
    """Discriminants of the pieces of all makers who have `FEWEST_PIECES`; of prolific ones `MOST_COUNTED` count.

    Raises:
        ValueError: no collection has two such makers, or `size` is more than there are directions.
    """
    mean, scale = rows.mean(0), rows.std(0) + _SMALLEST_SCALE
    standard = np.asarray((rows - mean) / scale, np.float64)
    labels = np.array([f"{collection}\t{maker}" for collection, maker in zip(collections, makers, strict=True)])
    within = np.zeros((rows.shape[1], rows.shape[1]))
    freedom = 0.0
    means: dict[str, list[Floats]] = {}
    for label in np.unique(labels):
        own = standard[labels == label]
        if len(own) < FEWEST_PIECES:
            continue
        weight = min(1.0, MOST_COUNTED / len(own))
        deviations = own - own.mean(0)
        within += weight * deviations.T @ deviations
        freedom += weight * (len(own) - 1)
        means.setdefault(str(label).split("\t", maxsplit=1)[0], []).append(own.mean(0))
    between = [np.stack(some) - np.mean(some, axis=0) for some in means.values() if len(some) > 1]
    if not between:
        raise ValueError(f"no collection with two makers of {FEWEST_PIECES} pieces")
    within /= freedom
    identity = np.trace(within) / len(within) * np.eye(len(within))
    whiten = np.linalg.inv(np.linalg.cholesky((1 - shrinkage) * within + shrinkage * identity)).T
    directions = np.linalg.svd(np.concatenate(between) @ whiten, full_matrices=False)[2]
    if size > len(directions):
        raise ValueError(f"{size} directions asked, {len(directions)} there are")
    return Discriminants(
        mean.astype(np.float32), scale.astype(np.float32), (whiten @ directions[:size].T).astype(np.float32)
    )
