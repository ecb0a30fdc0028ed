"""How far real pieces lie from their own composer: the band in which a composed piece may lie from its style.

    python benchmarks/style_distance.py PACKED      seconds; PACKED as `python -m stilo.models.corpus` makes it

Data: the pieces of `dev_composer` whose composer has ten and more there; no model has seen them. Formula: for each
piece the root mean square, over the values of the embedding, of its difference from the mean of the *other* pieces of
its composer, in standard deviations over `train`, each clipped to ±5; as `stilo.compose.judge.style_distance`.
"""

from __future__ import annotations

import argparse
import sys
from collections import defaultdict
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from stilo.errors import InputError
from stilo.models.corpus import Piece, load_pieces
from stilo.models.notes.train import style_statistics

FEWEST_PIECES = 10


def distances(embeddings: NDArray[np.float32], scale: NDArray[np.float32]) -> NDArray[np.float64]:
    """For each row [pieces, values] how far it lies from the mean of the others."""
    rows = embeddings.astype(np.float64)
    others = (rows.sum(0) - rows) / (len(rows) - 1)
    return np.asarray(np.sqrt(np.mean(np.clip((rows - others) * scale, -5, 5) ** 2, axis=1)))


def by_composer(pieces: list[Piece]) -> dict[str, list[Piece]]:
    """Those who have enough pieces; a piece of nobody known is a group of its own."""
    found: dict[str, list[Piece]] = defaultdict(list)
    for piece in pieces:
        found[piece.group].append(piece)
    return {group: some for group, some in sorted(found.items()) if len(some) >= FEWEST_PIECES}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("packed", type=Path)
    packed: Path = parser.parse_args().packed
    try:
        scale = 1 / style_statistics(load_pieces(packed / "train.npz"))[1]
        groups = by_composer(load_pieces(packed / "dev_composer.npz"))
    except InputError as error:
        sys.exit(str(error))
    if not groups:
        sys.exit(f"{packed}: no composer of dev_composer has {FEWEST_PIECES} pieces")
    found = []
    for group, pieces in groups.items():
        found.append(distances(np.stack([piece.embedding for piece in pieces]), scale))
        print(f"{group:<50} {len(pieces):>5} pieces, mean {found[-1].mean():.2f}")
    every = np.concatenate(found)
    low, high = np.percentile(every, [5, 95])
    print(f"{len(groups)} composers, {len(every)} pieces: mean {every.mean():.2f}, 5 … 95 % {low:.2f} … {high:.2f}")


if __name__ == "__main__":
    main()
