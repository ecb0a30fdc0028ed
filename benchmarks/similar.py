"""Does `stilo similar` find the same composer, and what does a likeness of 0.5 mean?

    python benchmarks/similar.py PACKED DATA --split dev_composer       a minute

PACKED as `python -m stilo.models.corpus` makes it, DATA for the titles (works). The pieces of every composer who has
ten or more are parted into two styles of at most so many pieces, a work always on one side, 20 times by lot. Asked: is
the other style of the composer the likest of all second ones of the collection? Beside: the measured embedding (each
value over its spread in `train`), which the note model is told, and chance. Then the likenesses of two styles of
one composer and of different composers. What the help of `stilo similar` says of them was chosen on dev_composer;
test_composer is reported.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import defaultdict
from itertools import combinations
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from run import RESULTS, machine
from stilo.errors import StiloError
from stilo.models.bar_views import bar_views
from stilo.models.corpus import Piece, load_pieces
from stilo.models.encoder import MEASURED
from stilo.models.encoder_files import load_encoder, shipped_encoder
from stilo.models.encoder_sampling import collection_of, maker_of
from stilo.models.learned_embedding import FACET_ORDER
from stilo.models.works import works_of
from stilo.music.atomic import write_whole

FEWEST_PIECES = 10
FEWEST_MAKERS = 4
SIZES = (3, 10)
DRAWS = 20
Rows = NDArray[np.floating]
Indices = NDArray[np.int64]


def unit(rows: Rows) -> Rows:
    return rows / np.maximum(1e-9, np.linalg.norm(rows, axis=-1, keepdims=True))


def likenesses(first: Rows, second: Rows) -> Rows:
    """Mean cosine of the facets of every pair, [styles, facets, values] twice → [styles, styles]."""
    return np.einsum("afv,bfv->ab", unit(first), unit(second)) / first.shape[1]


def parted(index: Indices, works: list[str], size: int, rng: np.random.Generator) -> tuple[Indices, Indices]:
    """Two styles of at most `size` of the pieces: whole works by lot until the one has half, the rest to the other."""
    own = np.array([works[i] for i in index])
    *shuffled, _ = rng.permutation(np.unique(own))  # the last work stays, so that neither side is empty
    side = np.zeros(len(index), np.bool_)
    for work in shuffled:
        if 2 * side.sum() < len(index):
            side |= own == work
    first, second = rng.permutation(index[side])[:size], rng.permutation(index[~side])[:size]
    return first, second


def makers_of(pieces: list[Piece], works: list[str]) -> dict[str, dict[str, Indices]]:
    """Collection → composer → indices of the pieces, of those with pieces and works enough."""
    found: dict[str, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
    for i, piece in enumerate(pieces):
        if maker_of(piece) != piece.name:
            found[collection_of(piece.name)][maker_of(piece)].append(i)
    enough = {
        collection: {
            maker: np.array(index)
            for maker, index in makers.items()
            if len(index) >= FEWEST_PIECES and len({works[i] for i in index}) > 1
        }
        for collection, makers in found.items()
    }
    return {collection: makers for collection, makers in enough.items() if len(makers) >= FEWEST_MAKERS}


def halves(
    rows: dict[str, Rows], makers: dict[str, Indices], works: list[str], size: int
) -> tuple[dict[str, float], Rows, Rows]:
    """Share found by each embedding; then likenesses (of the first embedding) of own and of other halves."""
    rng = np.random.default_rng(0)
    found = dict.fromkeys(rows, 0.0)
    own, others = [], []
    for _ in range(DRAWS):
        pairs = [parted(index, works, size, rng) for index in makers.values()]
        for nth, (name, values) in enumerate(rows.items()):
            first, second = (np.stack([values[pair[half]].mean(0) for pair in pairs]) for half in (0, 1))
            table = likenesses(first, second)
            found[name] += float((table.argmax(1) == np.arange(len(table))).mean()) / DRAWS
            if nth == 0:
                own.append(table.diagonal())
                others.append(table[~np.eye(len(table), dtype=bool)])
    return found, np.concatenate(own), np.concatenate(others)


def between_collections(rows: Rows, chosen: dict[str, dict[str, Indices]], size: int) -> list[float]:
    """5th, 50th and 95th percentile of the likeness of composers of different collections."""
    rng = np.random.default_rng(0)
    styles = {
        collection: np.stack([rows[rng.permutation(index)[:size]].mean(0) for index in makers.values()])
        for collection, makers in chosen.items()
    }
    found = [likenesses(styles[a], styles[b]).ravel() for a, b in combinations(styles, 2)]
    return np.percentile(np.concatenate(found), (5, 50, 95)).round(3).tolist()


def embeddings(given: argparse.Namespace, pieces: list[Piece]) -> dict[str, Rows]:
    encoder = load_encoder(given.encoder) if given.encoder else shipped_encoder()
    learned = np.concatenate(
        [encoder.embed([bar_views(p.steps) for p in pieces[i : i + 64]]) for i in range(0, len(pieces), 64)]
    )
    known = np.stack([piece.embedding for piece in load_pieces(given.packed / "train.npz")])
    measured = (np.stack([piece.embedding for piece in pieces]) - known.mean(0)) / (known.std(0) + 0.01)
    untempered = sorted(value for values in MEASURED.values() for value in values)
    found = {"learned, all facets": learned}
    found |= {f"learned, {facet}": learned[:, i : i + 1] for i, facet in enumerate(FACET_ORDER)}
    found["measured"] = measured[:, None, untempered]
    found["measured, with tempo, loudness, instruments"] = measured[:, None]
    return found


def tell(title: str, shares: dict[str, float], spread: dict[str, list[float]]) -> None:
    print(f"{title}; the other style of the composer is the likest")
    for name, share in shares.items():
        print(f"  {name:<45}{share:>7.1%}")
    for name, (low, middle, high) in spread.items():
        print(f"  likeness to {name}: {middle:.2f} ({low:.2f} … {high:.2f})")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("packed", type=Path)
    parser.add_argument("data", type=Path)
    parser.add_argument("--encoder", type=Path, help="a folder; by default the shipped one")
    parser.add_argument("--split", default="test_composer")
    parser.add_argument("--json", type=Path, default=None, help="write the figures here; by default to the results")
    given = parser.parse_args()
    try:
        pieces = load_pieces(given.packed / f"{given.split}.npz")
        works = works_of([piece.name for piece in pieces], given.data)
        rows = embeddings(given, pieces)
    except StiloError as error:
        sys.exit(f"similar: {error}")
    figures: dict[str, object] = {}
    chosen = makers_of(pieces, works)
    for collection, makers in chosen.items():
        for size in SIZES:
            found, own, others = halves(rows, makers, works, size)
            spread = {
                name: np.percentile(values, (5, 50, 95)).round(3).tolist()
                for name, values in (("the same composer", own), ("another composer", others))
            }
            shares = {name: round(share, 3) for name, share in found.items()}
            figures[f"{collection}, {size} pieces"] = {"composers": len(makers), "found": shares, **spread}
            tell(f"{given.split}, {collection}: {len(makers)} composers, twice {size} pieces of each", shares, spread)
            print(f"  {'chance':<45}{1 / len(makers):>7.1%}")
    for size in SIZES:
        apart = between_collections(rows["learned, all facets"], chosen, size)
        figures[f"composers of different collections, {size} pieces"] = apart
        print(
            f"likeness to a composer of another collection, {size} pieces: "
            f"{apart[1]:.2f} ({apart[0]:.2f} … {apart[2]:.2f})"
        )
    RESULTS.mkdir(parents=True, exist_ok=True)
    path = given.json or RESULTS / f"similar-{given.split}.json"
    told = json.dumps({**machine(), "split": given.split, "figures": figures}, indent=1, ensure_ascii=False)
    write_whole(path, f"{told}\n".encode())


if __name__ == "__main__":
    main()
