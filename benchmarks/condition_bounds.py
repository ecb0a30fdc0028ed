"""Octiles of what bars of the training music are like: the bounds in `models.controls` and `models.labels`.

    python benchmarks/condition_bounds.py DATA SPLITS.tsv --without openewld

Each bar counts alike. Loudness is taken of pieces that have more than one, valence and arousal of the bars around
(`labels.bar_moods`). Printed beside the bounds that are in use, and written to benchmarks/results/.
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from run import RESULTS, machine
from stilo.elements.grid import on_grid
from stilo.elements.layout import lay_out
from stilo.elements.onsets import gathered
from stilo.errors import InputError
from stilo.models import controls, labels
from stilo.models.corpus import SHORTEST_PIECE_NOTES
from stilo.models.tokens import encode
from stilo.music.atomic import write_whole
from stilo.music.files import read_score

OCTILES = np.arange(1, 8) / 8
IN_USE = {
    "density": controls.DENSITY_BOUNDS,
    "polyphony": controls.POLYPHONY_BOUNDS,
    "register": controls.REGISTER_BOUNDS,
    "loudness": controls.LOUDNESS_BOUNDS,
    "valence": labels.VALENCE_BOUNDS,
    "arousal": labels.AROUSAL_BOUNDS,
}


def octiles(pieces: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
    """Of the bars of all pieces; NaN is not counted."""
    return np.asarray(np.nanquantile(np.concatenate(pieces), OCTILES))


def bars_of(path: Path) -> dict[str, NDArray[np.float64]] | None:
    """What each bar of a file is like; None for one that is not trained on."""
    try:
        score = on_grid(read_score(path)).score
        layout = lay_out(gathered(score))
    except InputError:
        return None
    steps = encode(score)
    if len(steps) < SHORTEST_PIECE_NOTES:
        return None
    values = dict(zip(controls.CONTROLS, controls.bar_values(steps).T, strict=True))
    if np.ptp(steps["velocity"]) == 0:
        values["loudness"] = np.zeros(0)
    moods = labels.bar_moods(layout)[np.unique(layout.bar)]
    return values | {"valence": moods[:, 0], "arousal": moods[:, 1]}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("splits", type=Path)
    parser.add_argument("--without", nargs="*", default=[], help="sets to leave out")
    parser.add_argument("--every", type=int, default=4, help="take every n-th piece of train")
    arguments = parser.parse_args()
    with arguments.splits.open(encoding="utf-8", newline="") as lines:
        rows = csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)
        names = [row["path"] for row in rows if row["split"] == "train"]
    names = [name for name in names if name.split("/")[0] not in arguments.without][:: arguments.every]
    bars = [found for name in names if (found := bars_of(arguments.data / name)) is not None]
    figures = {}
    for name, used in IN_USE.items():
        found = octiles([one[name] for one in bars])
        figures[name] = {"octiles": np.round(found, 3).tolist(), "in_use": used.tolist()}
        print(f"{name:<10} {np.round(found, 3).tolist()}  in use {used.tolist()}", flush=True)
    told = machine() | {"data": f"{len(bars)} pieces of train"}
    path = RESULTS / f"{time.strftime('%Y%m%d-%H%M%S')}-condition-bounds.json"
    write_whole(path, json.dumps({"setting": told, "figures": figures}, ensure_ascii=False, indent=1).encode())
    return 0


if __name__ == "__main__":
    sys.exit(main())
