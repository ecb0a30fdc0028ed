"""An adapter in few values: what was added to matrices as products of low rank, as much of it as there is room for.

What ten pieces of one composer add to a matrix of 512 × 2048 is, but for a hundredth of its worth, of a rank below 32
(docs/learning.md). So of all singular values of all matrices those are kept that are worth most for the room that they
take (truncated singular value decomposition, Eckart & Young 1936).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from stilo.models.notes.merging import ADDED, DOWN, UP, AdapterWeights

ADAPTER_VALUES = 960_000  # in half precision 1.9 MB


def compressed(weights: AdapterWeights, most_values: int) -> dict[str, NDArray[np.float32]]:
    """An adapter of at most so many values, but for its vectors and pairs of low rank, which stay as they are."""
    matrices = {key: array for key, array in weights.items() if key.endswith(ADDED) and array.ndim == 2}
    found = {key: array for key, array in weights.items() if key not in matrices}
    parts = {key: _decomposed(array) for key, array in matrices.items()}
    worths = [sizes**2 / (up.shape[0] + down.shape[1]) for up, sizes, down in parts.values()]
    costs = [np.full(len(sizes), up.shape[0] + down.shape[1]) for up, sizes, down in parts.values()]
    order = np.argsort(-np.concatenate([*worths, np.zeros(0)]), kind="stable")
    room = most_values - sum(array.size for array in found.values())
    spent = np.cumsum(np.concatenate([*costs, np.zeros(0, np.int64)])[order])
    kept = np.zeros(len(order), bool)
    kept[order[spent <= room]] = True
    ranks = [int(some.sum()) for some in np.split(kept, np.cumsum([len(worth) for worth in worths])[:-1])]
    for (key, (up, sizes, down)), rank in zip(parts.items(), ranks, strict=False):
        name = key.removesuffix(ADDED)
        if rank * sum(matrices[key].shape) >= matrices[key].size:
            found[key] = matrices[key]
        elif rank:
            shared = np.sqrt(sizes[:rank])
            found[name + UP] = (up[:, :rank] * shared).astype(np.float32)
            found[name + DOWN] = (shared[:, None] * down[:rank]).astype(np.float32)
    return found


def _decomposed(
    matrix: NDArray[np.float32],
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    """Left vectors [rows, n], singular values [n], largest first, and right vectors [n, columns], n the shorter side.

    By the eigenvectors of the smaller Gram matrix, which is many times quicker than a full decomposition.
    """
    if matrix.shape[0] < matrix.shape[1]:
        right, sizes, left = _decomposed(np.ascontiguousarray(matrix.T))
        return np.ascontiguousarray(left.T), sizes, np.ascontiguousarray(right.T)
    wide = matrix.astype(np.float64)
    squares, vectors = np.linalg.eigh(wide.T @ wide)
    order = np.argsort(-squares, kind="stable")
    sizes = np.sqrt(np.maximum(squares[order], 0.0)).astype(np.float32)
    down = np.ascontiguousarray(vectors[:, order].T.astype(np.float32))
    up = matrix @ down.T / np.maximum(sizes, 1e-12)
    return up, sizes, down
