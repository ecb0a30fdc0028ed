"""How far two pieces of different kind lie apart in each figure, beside the `spread` that its declaration gives.

    python benchmarks/spreads.py DATA SPLITS

DATA holds a folder for each set, SPLITS is a table of `path<tab>split` with paths under DATA. Pieces: at most 60 of
each set, from `train` alone, drawn with seed 0, of at least 16 notes. Formula: the median, over all pairs of pieces of
different sets, of the absolute difference; where most pieces have the same value (constant loudness, no swing), the
mean instead. Pitch and harmony are taken from pieces that have pitched notes. A spread that is off
by more than a half is marked.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np

from music_at_large import drawn, measured
from stilo.elements.figures import Figure
from stilo.elements.profile import ELEMENTS, Profile

PIECES_OF_A_SET = 60
NEEDS_PITCH = ("pitch.", "harmony.")


def apart(values: list[float], kinds: list[str]) -> float:
    """Median difference of values of different kinds; their mean difference where the median is 0."""
    x, kind = np.array(values), np.array(kinds)
    different = kind[:, None] != kind
    differences = np.abs(x[:, None] - x)[different]
    return float(np.median(differences)) or float(differences.mean())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("splits", type=Path)
    told = parser.parse_args()
    pieces: list[tuple[str, Profile]] = []
    for paths in drawn(told.splits):
        kind = paths[0].split("/")[0]
        for i, profile in enumerate(measured(told.data, paths)):
            if i >= PIECES_OF_A_SET:
                break
            pieces.append((kind, profile))
    if not pieces:
        sys.exit(f"{told.data}: no pieces")
    print(f"{len(pieces)} pieces of {len({kind for kind, _ in pieces})} sets")
    for name, element in ELEMENTS.items():
        if isinstance(element, Figure):
            chosen = [(k, p) for k, p in pieces if not name.startswith(NEEDS_PITCH) or p.pitch.pitched_share > 0]
            found = apart([float(str(p.value(name))) for _, p in chosen], [k for k, _ in chosen])
            mark = "" if 1 / 1.5 <= element.spread / max(found, 1e-9) <= 1.5 else "  <"
            print(f"{name:<32} {element.unit:<14} spread {element.spread:<8g} measured {found:8.3g}{mark}")


if __name__ == "__main__":
    main()
