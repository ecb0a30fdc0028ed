"""How well embeddings know composers apart: retrieval and identification, same work left out."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

PIECES_EACH = 20


@dataclass(frozen=True, eq=False)
class Labelled:
    """Embeddings of pieces with what is known of them.

    Attributes:
        rows: float [pieces, values].
        makers: who made each piece, a number for a composer; int64 [pieces].
        works: a number for a work; int64 [pieces].
    """

    rows: Floats
    makers: Integers
    works: Integers

    @classmethod
    def of(cls, rows: NDArray[np.floating], makers: Sequence[str], works: Sequence[str]) -> Labelled:
        return cls(
            np.asarray(rows, np.float64),
            np.unique(np.array(makers), return_inverse=True)[1].astype(np.int64),
            np.unique(np.array(works), return_inverse=True)[1].astype(np.int64),
        )

    def by_maker(self) -> dict[int, Integers]:
        """The pieces of everyone who has at least `PIECES_EACH`.

        Raises:
            ValueError: fewer than two makers have so many.
        """
        found: Mapping[int, list[int]] = defaultdict(list)
        for i, maker in enumerate(self.makers.tolist()):
            found[maker].append(i)
        groups = {maker: np.array(own) for maker, own in sorted(found.items()) if len(own) >= PIECES_EACH}
        if len(groups) < 2:
            raise ValueError(f"fewer than two makers with {PIECES_EACH} pieces")
        return groups


def mean_average_precision(labelled: Labelled, rng: np.random.Generator, draws: int = 20) -> float:
    """Mean average precision of finding the pieces of the same maker by cosine (Manning et al. 2008, ch. 8).

    `PIECES_EACH` pieces of everyone who has so many are drawn, `draws` times over; every one of them is a query, the
    others are ranked. Pieces of the query's work are left out of the ranking; queries that then have nothing to find
    are left out of the mean.

    Raises:
        ValueError: fewer than two makers have enough pieces.
    """
    unit = _unit(labelled.rows)
    groups = labelled.by_maker()
    means = []
    for _ in range(draws):
        chosen = np.concatenate([rng.choice(pieces, PIECES_EACH, replace=False) for pieces in groups.values()])
        likeness = unit[chosen] @ unit[chosen].T
        makers, works = labelled.makers[chosen], labelled.works[chosen]
        precisions = [
            _average_precision(likeness[i], makers == makers[i], works != works[i]) for i in range(len(chosen))
        ]
        means.append(np.mean([precision for precision in precisions if precision is not None]))
    return float(np.mean(means))


def _average_precision(likeness: Floats, same: NDArray[np.bool_], allowed: NDArray[np.bool_]) -> float | None:
    candidates = np.flatnonzero(allowed)
    found = same[candidates][np.argsort(-likeness[candidates], kind="stable")]
    if not found.any():
        return None
    precision = np.cumsum(found) / np.arange(1, len(found) + 1)
    return float(precision[found].mean())


def identification(
    labelled: Labelled, rng: np.random.Generator, examples: int = 3, draws: int = 200
) -> tuple[float, float]:
    """Share of pieces named rightly by the nearest mean of `examples` pieces of each maker, and its standard error.

    The mean over makers of the share among their pieces that are of no work of the examples; the error is that between
    makers, since pieces of one maker are not independent.

    Raises:
        ValueError: fewer than two makers have enough pieces.
    """
    unit = _unit(labelled.rows)
    groups = labelled.by_maker()
    shares: dict[int, list[float]] = {maker: [] for maker in groups}
    for _ in range(draws):
        shown = {maker: rng.choice(pieces, examples, replace=False) for maker, pieces in groups.items()}
        centres = _unit(np.stack([unit[pieces].mean(0) for pieces in shown.values()]))
        known = np.unique(labelled.works[np.concatenate(list(shown.values()))])
        for nth, (maker, pieces) in enumerate(groups.items()):
            asked = pieces[~np.isin(labelled.works[pieces], known)]
            if len(asked):
                shares[maker].append(float(((unit[asked] @ centres.T).argmax(1) == nth).mean()))
    means = np.array([np.mean(found) for found in shares.values() if found])
    return float(means.mean()), float(means.std(ddof=1) / len(means) ** 0.5)


def _unit(rows: Floats) -> Floats:
    return np.asarray(rows / np.maximum(1e-12, np.linalg.norm(rows, axis=1, keepdims=True)))
