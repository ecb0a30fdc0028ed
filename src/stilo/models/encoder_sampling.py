"""Which pieces the encoder is trained on, and in which company."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stilo.models.bar_views import BarViews, bar_views
from stilo.models.corpus import Piece

Integers = NDArray[np.int64]

# How often each collection is drawn; those not named here share what is left over.
COLLECTION_SHARES = {"lieder": 0.36, "polish_scores": 0.40, "quartets": 0.05, "orchestra_hauptstimme": 0.02}
# Collections that are parts of one
_SAME_COLLECTION = {"polish_more": "polish_scores"}
_NOBODY = frozenset({"", "Anonim"})
SHORTEST_PIECE_BARS = 8
MAKERS_IN_BATCH = 24
EXCERPTS_OF_MAKER = 4
_PROLIFIC = 40
_ONE_PIECE_CHANCE = 0.35


@dataclass(frozen=True, eq=False)
class Example:
    """A piece to train on: `maker` is whose it is, or the piece itself when nobody is named."""

    views: BarViews
    measured: NDArray[np.float32]
    collection: str
    maker: str
    work: str


@dataclass(frozen=True, eq=False)
class Excerpts:
    """A batch: pieces of one collection with the bar each excerpt begins at; `makers` numbers them within the batch."""

    examples: list[Example]
    starts: list[int]
    makers: Integers

    @property
    def works(self) -> Integers:
        return np.unique([example.work for example in self.examples], return_inverse=True)[1].astype(np.int64)


def collection_of(name: str) -> str:
    set_name = name.split("/", maxsplit=1)[0]
    return _SAME_COLLECTION.get(set_name, set_name)


def maker_of(piece: Piece) -> str:
    """The composer, without the collection; the piece's own name when nobody is named."""
    named = piece.group.partition("/")[2]
    return piece.name if piece.group == piece.name or named in _NOBODY else named


def examples_of(pieces: Sequence[Piece], works: Sequence[str]) -> list[Example]:
    """All pieces of `SHORTEST_PIECE_BARS` and more, with their views."""
    found = []
    for piece, work in zip(pieces, works, strict=True):
        views = bar_views(piece.steps)
        if len(views) >= SHORTEST_PIECE_BARS:
            found.append(Example(views, piece.embedding, collection_of(piece.name), maker_of(piece), work))
    return found


class ExcerptSource:
    """Draws batches: one collection each, makers in it, pieces of theirs, a place in each."""

    def __init__(self, examples: Sequence[Example], most_bars: int) -> None:
        self.most_bars = most_bars
        self.makers: dict[str, list[list[Example]]] = {}
        by_maker: dict[tuple[str, str], list[Example]] = defaultdict(list)
        for example in examples:
            by_maker[example.collection, example.maker].append(example)
        for (collection, _), own in by_maker.items():
            self.makers.setdefault(collection, []).append(own)
        self.makers = {name: makers for name, makers in self.makers.items() if len(makers) > 1}
        others = {name: sum(map(len, makers)) for name, makers in self.makers.items() if name not in COLLECTION_SHARES}
        left = max(0.0, 1 - sum(COLLECTION_SHARES.values()))
        shares = {
            name: COLLECTION_SHARES.get(name, left * others.get(name, 0) ** 0.5 / sum(n**0.5 for n in others.values()))
            if others
            else COLLECTION_SHARES[name]
            for name in self.makers
        }
        self.collections = list(shares)
        self.chances = np.array(list(shares.values())) / sum(shares.values())

    def draw(self, rng: np.random.Generator) -> Excerpts:
        collection = self.collections[rng.choice(len(self.collections), p=self.chances)]
        makers = self.makers[collection]
        weights = np.array([min(len(own), _PROLIFIC) ** 0.6 if len(own) > 1 else _ONE_PIECE_CHANCE for own in makers])
        count = min(MAKERS_IN_BATCH, max(2, len(makers) // 2))
        chosen = rng.choice(len(makers), count, replace=False, p=weights / weights.sum())
        examples, starts = [], []
        for maker in chosen.tolist():
            own = makers[maker]
            for i in rng.choice(len(own), EXCERPTS_OF_MAKER, replace=len(own) < EXCERPTS_OF_MAKER).tolist():
                examples.append(own[i])
                starts.append(self._start(len(own[i].views), rng))
        return Excerpts(examples, starts, np.repeat(np.arange(count), EXCERPTS_OF_MAKER))

    def _start(self, bars: int, rng: np.random.Generator) -> int:
        """Long pieces may be cut anywhere; of short ones at most the first third is left out."""
        return int(rng.integers(0, bars - self.most_bars + 1 if bars > self.most_bars else max(1, bars // 3)))
