"""Common stock: which runs so many pieces have that sharing them says little."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stilo.originality.runs import RunArray

Floats = NDArray[np.float64]

COMMON_FROM = 12  # pieces that have a run
RAREST_HOLDERS = 1.5  # as how many pieces a run counts that is not of the stock
MOST_REPEATS = 2  # of a run in a passage that do not make it count for less: a figure is no tune
WINDOW_BARS = 10  # of a passage: eight bars, a pickup, and one that was put in
_FAR = 2**20  # bars, more than a piece has


@dataclass(frozen=True, eq=False)
class Stock:
    """The runs that at least `COMMON_FROM` of many pieces have.

    Attributes:
        hashes: uint32 [runs], rising.
        holders: [runs], how many pieces have each.
        pieces: how many there are.
    """

    hashes: NDArray[np.uint32]
    holders: NDArray[np.uint16]
    pieces: int

    def rarity(self, hashes: NDArray[np.uint32]) -> Floats:
        """−log2 of the share of the pieces that have each run, in bits."""
        holders = np.full(len(hashes), RAREST_HOLDERS)
        place, known = self._places(hashes)
        holders[known] = self.holders[place[known]]
        return np.asarray(np.log2(self.pieces / holders))

    def has(self, hashes: NDArray[np.uint32]) -> NDArray[np.bool_]:
        """Which of these runs are common."""
        return self._places(hashes)[1]

    def _places(self, hashes: NDArray[np.uint32]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """Where each run may stand, and whether it does."""
        if len(self.hashes) == 0:
            return np.zeros(len(hashes), np.int64), np.zeros(len(hashes), bool)
        place = np.minimum(np.searchsorted(self.hashes, hashes), len(self.hashes) - 1)
        return place, self.hashes[place] == hashes


def stock_of(hashes: NDArray[np.uint32], pieces: int) -> Stock:
    """Counted on the runs of so many pieces, of each piece every run once, in any order."""
    found, holders = np.unique(hashes, return_counts=True)
    common = holders >= COMMON_FROM
    return Stock(found[common], np.minimum(holders[common], 65535).astype(np.uint16), pieces)


def first_runs(runs: RunArray) -> tuple[NDArray[np.int64], Floats]:
    """The first of each different run of a piece, and what part of its rarity it counts with.

    A run of the melody shares its notes with the next ones: each counts a fifth of its rarity. What comes again and
    again within `WINDOW_BARS` bars is a figure, and counts less the more often it comes. But a tune that is played
    three times is the tune, and counts as much as once.
    """
    _, first, index = np.unique(runs["hash"], return_index=True, return_inverse=True)
    place = np.sort(index * _FAR + runs["bar"])
    ahead = np.searchsorted(place, place + WINDOW_BARS) - np.arange(len(place))
    repeats = np.ones(len(first))
    np.maximum.at(repeats, place // _FAR, ahead)
    return first, runs["share"][first].astype(np.float64) * np.minimum(1.0, MOST_REPEATS / repeats)
