"""Twins: a tune as MIDI, as MusicXML and as ABC is one tune, and not three that share everything."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from stilo.models.duplicates import first_linked
from stilo.originality.lines import Integers, begins
from stilo.originality.stock import Stock

# Of the different runs of the smaller piece, less the common stock, are in the other: an arrangement keeps the melody
# and its bars, about half of all; two tunes of one style share far less.
SAME_FROM = 0.5
FEWEST_RUNS = 8  # of a piece that can be told from others
AHEAD = 4  # pieces that have a run are held against so many of the next ones that have it


def first_twins(hashes: NDArray[np.uint32], piece: Integers, pieces: int, stock: Stock) -> Integers:
    """For each of so many pieces the first that has nearly the same runs, or itself, [pieces].

    `hashes` rise, and of one hash the pieces do; what is the same as the same is the same.
    """
    fresh = (begins(hashes) | begins(piece)) & ~stock.has(hashes)
    hashes, piece = hashes[fresh], piece[fresh]
    size = np.bincount(piece, minlength=pieces)
    pairs = [np.zeros(0, np.int64)]
    for ahead in range(1, AHEAD + 1):
        both = hashes[ahead:] == hashes[:-ahead]
        pairs.append(piece[:-ahead][both] * pieces + piece[ahead:][both])
    pair, shared = np.unique(np.concatenate(pairs), return_counts=True)
    first, second = pair // max(1, pieces), pair % max(1, pieces)
    smaller = np.minimum(size[first], size[second])
    near = (smaller >= FEWEST_RUNS) & (shared >= SAME_FROM * smaller)
    return first_linked(pieces, zip(first[near].tolist(), second[near].tolist(), strict=True))
