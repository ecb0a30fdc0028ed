"""The vector by which stilo recognises a style: what the encoder makes of bars. No net is needed to compare two."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FACET_ORDER = ("pitch", "rhythm", "harmony", "emotion")
FACET_VALUES = 80
LEARNED_SIZE = len(FACET_ORDER) * FACET_VALUES


@dataclass(frozen=True, eq=False)
class LearnedEmbedding:
    """`values`: float32 [4, FACET_VALUES], not writable; each row of length 1, or all 0 when nothing was heard."""

    values: NDArray[np.float32]

    def __post_init__(self) -> None:
        values = np.array(self.values, np.float32)
        if values.shape != (len(FACET_ORDER), FACET_VALUES) or not np.isfinite(values).all():
            raise ValueError(f"a learned embedding holds {len(FACET_ORDER)} × {FACET_VALUES} finite numbers")
        norms = np.linalg.norm(values.astype(np.float64), axis=1, keepdims=True)
        units = np.where(norms > 1e-6, values / np.maximum(norms, 1e-6), 0).astype(np.float32)
        # a row that is of length 1 stays as it is, so that what was kept is read again to the bit
        values = np.where(np.abs(norms - 1) < 1e-6, values, units)
        values.setflags(write=False)
        object.__setattr__(self, "values", values)

    def facet(self, name: str) -> NDArray[np.float32]:
        """One row.

        Raises:
            ValueError: no facet is called so.
        """
        if name not in FACET_ORDER:
            raise ValueError(f"no facet is called {name!r}; there are {', '.join(FACET_ORDER)}")
        return np.asarray(self.values[FACET_ORDER.index(name)])

    def likeness(self, other: LearnedEmbedding, facets: Iterable[str] = FACET_ORDER) -> float:
        """Mean cosine of the facets, −1…1; 1 for the same. Facets that neither hears do not count; 0 if none does."""
        rows = [FACET_ORDER.index(name) for name in facets]
        mine, theirs = self.values[rows], other.values[rows]
        heard = mine.any(1) | theirs.any(1)
        return float((mine * theirs).sum(1)[heard].mean()) if heard.any() else 0.0


def mean_embedding(embeddings: Iterable[LearnedEmbedding]) -> LearnedEmbedding:
    """The embedding of a style: the mean over its pieces, each counting once.

    Raises:
        ValueError: none was given.
    """
    rows = [embedding.values for embedding in embeddings]
    if not rows:
        raise ValueError("no embeddings to join")
    return LearnedEmbedding(np.mean(rows, axis=0))
