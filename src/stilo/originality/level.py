"""How much human pieces share with each other: what a passage is held against."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from stilo.originality.index import Index, Shared
from stilo.originality.passages import most_bits_with_each
from stilo.originality.runs import RunArray

MOST_MEASURED = 200  # pieces of a collection
COPY_BITS = 50.0  # what shares a passage of so many bits is copied, or quoted
GENERAL_COUNTS_AS = 10  # pieces
LEAST_P95 = 1.0  # what counts as ten pieces of music at large beside `MOST_MEASURED` that share nothing leaves more


@dataclass(frozen=True, slots=True)
class Level:
    """Bits of the best passage that a human piece shares with the others; quotations are left out of it.

    Attributes:
        p50, p95: what half and 95 of 100 of them do not pass.
        copy: from here on stilo speaks of a copy.
        pieces: on how many that was measured; 0 = none, these are those of music at large.
        quoting: how many of them share a passage of `copy` bits or more with another one: the same music in another
            form, or a quotation.
    """

    p50: float
    p95: float
    copy: float = COPY_BITS
    pieces: int = 0
    quoting: int = 0

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


# Of collections of 16 pieces of one composer or one book, 82 of them (those of benchmarks/originality.py), as `check`
# reads them.
GENERAL = Level(9.2, 30.0)


def level_of(pieces: Sequence[RunArray], index: Index) -> Level:
    """What each piece of an index shares with the others, at most `MOST_MEASURED` of them.

    The fewer pieces, the more the level of music at large counts.
    """
    measured = np.unique(np.linspace(0, len(pieces) - 1, min(len(pieces), MOST_MEASURED)).astype(int))
    if len(measured) < 2:
        return GENERAL
    found = [_without_quotations(pieces[number], index.shared(pieces[number], (number,))) for number in measured]
    percentiles = np.percentile([bits for bits, _ in found], [50, 95])
    weight = len(found) / (len(found) + GENERAL_COUNTS_AS)
    p50, p95 = (weight * percentiles + (1 - weight) * np.array([GENERAL.p50, GENERAL.p95])).tolist()
    return Level(p50, p95, COPY_BITS, len(found), sum(quotes for _, quotes in found))


def _without_quotations(runs: RunArray, shared: Shared) -> tuple[float, bool]:
    """The bits of the best passage that is no quotation, and whether there is one that is."""
    bits = most_bits_with_each(runs, shared)
    return float(bits[bits < COPY_BITS].max(initial=0.0)), bool((bits >= COPY_BITS).any())
