"""Whether a folder holds one style or several: groups of pieces that sound alike and unlike the rest.

Hierarchical clustering of the learned embeddings by average linkage (Sokal & Michener 1958), parted where the
silhouette (Rousseeuw 1987) is largest. Bounds by sets of 20 pieces of composers never trained on: pieces of one
composer are parted in 2 of 100 sets, those of two composers, of whom many sound much alike, in 51, and then 98 of 100
pieces come to the right side (docs/learning.md).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

LEAST_SILHOUETTE = 0.3
FEWEST_IN_GROUP = 3
FEWEST_NOTES_OF_A_KIND = 200  # with less a person would rather have them with the rest
MOST_GROUPS = 4
MOST_PIECES = 1000  # more are not parted: their distances would fill the memory

Rows = NDArray[np.floating]


def groups_of(rows: Rows, notes: Sequence[int]) -> list[list[int]]:
    """Indices of the pieces of each group, the largest first; one group where nothing parts them.

    What has too few notes for a style of its own is left to the group that is nearest to it.

    Args:
        rows: one row a piece, their directions compared, [pieces, values].
        notes: of each piece.
    """
    from scipy.cluster.hierarchy import fcluster, linkage
    from scipy.spatial.distance import squareform

    whole = [list(range(len(rows)))]
    if not 2 * FEWEST_IN_GROUP <= len(rows) <= MOST_PIECES:
        return whole
    distance = _distances(rows)
    tree = linkage(squareform(distance, checks=False), "average")
    best, least = whole, LEAST_SILHOUETTE
    for count in range(2, MOST_GROUPS + 1):
        labels = fcluster(tree, count, "maxclust") - 1
        sizes = np.bincount(labels)
        if len(sizes) < count or sizes.min() < FEWEST_IN_GROUP:
            continue
        found = _silhouette(distance, labels)
        if found >= least:
            best, least = [np.flatnonzero(labels == group).tolist() for group in range(count)], found
    return _with_enough_notes(best, distance, np.asarray(notes))


def _with_enough_notes(groups: list[list[int]], distance: Rows, notes: NDArray[np.integer]) -> list[list[int]]:
    groups = sorted(groups, key=lambda group: int(notes[group].sum()))
    while len(groups) > 1 and notes[groups[0]].sum() < FEWEST_NOTES_OF_A_KIND:
        small = groups.pop(0)
        nearest = min(groups, key=lambda group: distance[np.ix_(small, group)].mean())
        nearest[:] = sorted(nearest + small)
        groups.sort(key=lambda group: int(notes[group].sum()))
    return sorted(groups, key=lambda group: (-len(group), group))


def _distances(rows: Rows) -> Rows:
    unit = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9)
    distance = np.clip(1 - unit @ unit.T, 0.0, 2.0)
    np.fill_diagonal(distance, 0.0)
    return np.asarray((distance + distance.T) / 2)


def _silhouette(distance: Rows, labels: NDArray[np.integer]) -> float:
    """Mean over the pieces of how much nearer they are to their own group than to the next one, −1…1."""
    of_group = np.stack([distance[:, labels == group].sum(1) for group in range(labels.max() + 1)], axis=1)
    sizes = np.bincount(labels)
    pieces = np.arange(len(labels))
    own = of_group[pieces, labels] / np.maximum(1, sizes[labels] - 1)
    others = of_group / sizes
    others[pieces, labels] = np.inf
    nearest = others.min(1)
    return float(np.mean((nearest - own) / np.maximum(np.maximum(own, nearest), 1e-12)))
