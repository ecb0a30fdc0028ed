"""Learning from ten pieces of composers that the base model never saw: held-out nats per note before and after.

    python benchmarks/few_pieces.py MUSIC SPLITS.tsv [--composers 4] [--pieces 10] [--steps 100]

MUSIC holds folders with a `manifest.tsv` (columns path, composer_artist); SPLITS.tsv (columns path, split) says which
pieces are of `dev_composer`: composers absent from training. Limited by steps, so that it gives the same figures
anywhere.
"""

from __future__ import annotations

import argparse
import csv
from collections import defaultdict
from pathlib import Path

import numpy as np

from stilo.styles.learn import learn
from stilo.workshop import gather_pieces


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))


def unseen_composers(music: Path, splits: Path) -> dict[str, list[str]]:
    """Per set and composer: the paths of their pieces."""
    unseen = {row["path"] for row in rows_of(splits) if row["split"] == "dev_composer"}
    found: dict[str, list[str]] = defaultdict(list)
    for manifest in sorted(music.glob("*/manifest.tsv")):
        for row in rows_of(manifest):
            if row["path"] in unseen and row["composer_artist"]:
                found[f"{manifest.parent.name}/{row['composer_artist']}"].append(row["path"])
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("music", type=Path)
    parser.add_argument("splits", type=Path)
    parser.add_argument("--composers", type=int, default=4)
    parser.add_argument("--pieces", type=int, default=10)
    parser.add_argument("--steps", type=int, default=100)
    arguments = parser.parse_args()
    found = unseen_composers(arguments.music, arguments.splits)
    able = sorted(name for name, paths in found.items() if len(paths) >= 2 * arguments.pieces)
    chosen = [able[i] for i in np.linspace(0, len(able) - 1, arguments.composers).round().astype(int)]
    for name in chosen:
        paths = [arguments.music / path for path in sorted(found[name])[: arguments.pieces]]
        proof = learn("unseen", gather_pieces(paths), steps=arguments.steps).proof
        assert proof is not None
        assert proof.tuned_nats_per_note is not None
        print(
            f"{name:<40} {proof.base_nats_per_note:.3f} before → {proof.vector_nats_per_note:.3f} style told → "
            f"{proof.tuned_nats_per_note:.3f} tuned ({proof.held_out_notes} notes, {proof.seconds:.0f} s)",
            flush=True,
        )


if __name__ == "__main__":
    main()
