"""How strong what was learned is kept, and how strong the adapter of one fold stands for the mean of all.

What adapters of the same style have in common is whole in their mean, and what each learned by heart is there in part
(Wortsman et al. 2022): hence one alone at full strength foresees music that it did not hear less well than the mean
does, weakened about as well. And of few pieces, what they have in common is that of these few: less of it is kept, as
an estimate from few is shrunk (James & Stein 1961).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from stilo.models.notes.merging import AdapterWeights, multiplied

IN_COMMON = 0.4  # of what adapters of the same style add, about
ENOUGH_PIECES = 6  # to keep all of what was learned from them
LEAST_STRENGTH = 0.5
SHARE_OF_FEW = 0.2  # at which an adapter is judged by too few pieces: whether its direction helps, not how far
FAR_NATS = 0.15  # gained by that share: the base model hardly knows such music, and few pieces count like many


def strength_of(pieces: int) -> float:
    """At which what was learned from so many pieces is kept, LEAST_STRENGTH…1."""
    return min(1.0, max(LEAST_STRENGTH, pieces / ENOUGH_PIECES))


def mean_of(of_folds: Sequence[AdapterWeights], strength: float) -> AdapterWeights:
    """Of what they add: of pairs of low rank that is the mean of their products, not of their halves."""
    if len(of_folds) == 1 and strength == 1:
        return of_folds[0]
    whole = [multiplied(weights) for weights in of_folds]
    share = np.float32(strength)
    return {
        name: share * np.asarray(np.mean([weights[name] for weights in whole], axis=0, dtype=np.float32))
        for name in whole[0]
    }


def share_of_one(folds: int, strength: float) -> float:
    """How strong the adapter of one fold foresees about as the mean of all does at this strength."""
    return strength * _share_in_mean(folds)


def strength_for(folds: int, share: float) -> float:
    """At which the mean foresees about as the adapter of one fold does at this share."""
    return share / _share_in_mean(folds)


def _share_in_mean(folds: int) -> float:
    return IN_COMMON + (1 - IN_COMMON) / folds


def weakened(of_folds: Sequence[AdapterWeights], share: float) -> list[AdapterWeights]:
    """Each multiplied by this share."""
    if share == 1:
        return list(of_folds)
    factor = np.float32(share)
    return [{name: factor * array for name, array in multiplied(weights).items()} for weights in of_folds]
