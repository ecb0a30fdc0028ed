"""Build the index of the base model's training pieces from packed music, with its card.

    python -m stilo.originality.build PACKED models/originality

PACKED holds `train.npz`, and `valid.npz` and `dev_composer.npz` on which the level is measured: what human pieces that
the base model was not trained on share with those that it was. Pieces for drums alone are left out.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from stilo.errors import InputError
from stilo.models.pieces import Piece, load_pieces
from stilo.models.shipped import CARD_NAME
from stilo.models.sources import SOURCES
from stilo.models.tokens import DRUMS_FROM
from stilo.music.atomic import write_whole
from stilo.originality.base import INDEX_NAME, BaseIndex, base_index_of, write_base_index
from stilo.originality.level import Level
from stilo.originality.lines import FEWEST_PITCHED, notes_of_steps
from stilo.originality.passages import most_bits
from stilo.originality.runs import runs_of, trace_of

BASE_COPY_BITS = 55.0  # among ten thousand pieces more is shared by chance than among ten
LEVEL_SPLITS = ("valid", "dev_composer")


def pitched(pieces: Sequence[Piece]) -> Iterator[Piece]:
    """Those that are not for drums alone."""
    return (piece for piece in pieces if (piece.steps["pitch"] < DRUMS_FROM).sum() > FEWEST_PITCHED)


def build(packed: Path) -> tuple[BaseIndex, list[str]]:
    """The index with its level, and the names of the pieces in it.

    Raises:
        InputError: the packed music is missing or damaged.
    """
    train = list(pitched(load_pieces(packed / "train.npz")))
    unmeasured = Level(0.0, 0.0, BASE_COPY_BITS)
    index = base_index_of(((piece.group, runs_of(notes_of_steps(piece.steps))) for piece in train), unmeasured)
    others = [piece for split in LEVEL_SPLITS for piece in pitched(load_pieces(packed / f"{split}.npz"))]
    return _with_level(index, others), [piece.name for piece in train]


def _with_level(index: BaseIndex, others: Sequence[Piece]) -> BaseIndex:
    runs = [trace_of(notes_of_steps(piece.steps)).runs for piece in others]
    bits = np.array([most_bits(one, index.shared(one)) for one in runs])
    p50, p95 = np.percentile(bits[bits < BASE_COPY_BITS], [50, 95]).tolist()
    level = Level(p50, p95, BASE_COPY_BITS, len(bits), int((bits >= BASE_COPY_BITS).sum()))
    return BaseIndex(index.names, index.hashes, index.piece, index.kept, index.stock, level)


def card(index: BaseIndex, names: Sequence[str], size_bytes: int) -> str:
    """The card of an index, as Markdown."""
    level, counts = index.level, Counter(name.split("/")[0] for name in names)
    rows = [
        f"| {name} | {counts[name]:,} | {what} | {licence} |"
        for name, (what, licence, _) in SOURCES.items()
        if counts[name]
    ]
    kept = ", ".join(
        f"{share:.0%} of those of {kind}"
        for kind, share in zip(("the melody", "the texture", "bars", "the bass"), index.kept, strict=True)
    )
    lines = [
        "# stilo index of the base model's training pieces",
        "",
        f"{len(index.hashes):,} hashes of short runs of {len(names):,} pieces, {size_bytes / 2**20:.2f} MiB: what the "
        "base model was trained on,",
        "so that `stilo check` and the report of each composition can tell what comes too near to it. It holds no",
        "music: a hash is 26 bits of five moves of the melody or of the bass, of three chords, or of a bar, no key",
        "and tempo; of its piece no more is kept than the set and the composer. How it is used, and how well it finds",
        "copies: [docs/originality.md](../../docs/originality.md).",
        "",
        "## How it was built",
        "",
        "```",
        "python -m stilo.models.corpus DATA SPLITS.tsv PACKED --without openewld",
        "python -m stilo.originality.build PACKED models/originality",
        "```",
        "",
        f"Kept are {kept} (winnowing, Schleimer et al. 2003), less what belongs to the common stock:",
        f"{len(index.stock.hashes):,} runs that twelve pieces or more have are counted alone.",
        "",
        f"Level, on {level.pieces:,} unseen human pieces of {' and '.join(LEVEL_SPLITS)}: half of them share up to "
        f"{level.p50:.0f} bits with one of these",
        f"pieces, 95 of 100 up to {level.p95:.0f}. From {level.copy:.0f} bits on stilo speaks of a copy: "
        f"{level.quoting} of them, other editions and tunes that go round.",
        "",
        "## Sources",
        "",
        "| collection | pieces | what | licence |",
        "|---|---|---|---|",
        *rows,
        "",
        "## Limits",
        "",
        "Drums alone are not in it: a beat belongs to nobody, and those of one session are all alike. A passage of",
        "fewer than about four bars, a middle part alone, and what was changed in every bar are not found. The bars",
        "of the piece are told, not those of the training piece.",
        "",
        "Index: Apache-2.0, as the project.",
        "",
    ]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("packed", type=Path)
    parser.add_argument("folder", type=Path)
    arguments = parser.parse_args()
    try:
        index, names = build(arguments.packed)
    except InputError as error:
        sys.exit(str(error))
    arguments.folder.mkdir(parents=True, exist_ok=True)
    path = arguments.folder / INDEX_NAME
    write_base_index(index, path)
    write_whole(arguments.folder / CARD_NAME, card(index, names, path.stat().st_size).encode())
    print(f"{path}: {len(names):,} pieces, {len(index.hashes):,} hashes, level {index.level}")


if __name__ == "__main__":
    main()
