"""What music at large measures: the quantiles behind the words of the cards, printed as `elements/norms.py`.

    python benchmarks/music_at_large.py DATA SPLITS > src/stilo/elements/norms.py

DATA holds a folder for each set, SPLITS is a table of `path<tab>split` with paths under DATA. Only pieces of `train`
are read, at most 120 of each set, drawn with seed 0, so that no set outweighs the others. Pitch and harmony are taken
from the pieces that have pitched notes. A piece that cannot be read, or of fewer than 16 notes, is passed over.
The table is made again whenever an element is added or changes its values.
"""

from __future__ import annotations

import argparse
import csv
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from stilo.elements.figures import Figure, figure
from stilo.elements.pooling import element_distance
from stilo.elements.profile import ELEMENTS, Profile
from stilo.errors import InputError
from stilo.music.files import read_score
from stilo.styles.measuring import analyse_piece

PIECES_OF_A_SET = 120
FEWEST_NOTES = 16
SHARES = (0.02, 0.10, 0.33, 0.50, 0.67, 0.90, 0.98)
HEAD = '''"""What music at large measures, figure by figure: made by `benchmarks/music_at_large.py`, not by hand.

{pieces} pieces of {sets} kinds (songs, quartets, orchestras, piano, hymns, dances, lead sheets, pop, games, drums),
at most {most} of each.
"""

PIECES = {pieces}
SHARES = {shares}  # of the pieces that lie below the values of a row
NORMS: dict[str, tuple[float, ...]] = {{'''
DIVERGENCES = """# Jensen-Shannon divergence, bits, between two pieces of one kind: the median
DIVERGENCES: dict[str, float] = {"""


def drawn(splits: Path) -> Iterator[list[str]]:
    """The `train` paths of each set, shuffled."""
    sets: dict[str, list[str]] = defaultdict(list)
    with splits.open(encoding="utf-8", newline="") as table:
        for row in csv.DictReader(table, delimiter="\t"):
            if row["split"] == "train":
                sets[row["path"].split("/")[0]].append(row["path"])
    rng = np.random.default_rng(0)
    for name in sorted(sets):
        yield [str(path) for path in rng.permutation(sorted(sets[name]))]


def measured(data: Path, paths: list[str]) -> Iterator[Profile]:
    """Profiles of the first pieces that can be read."""
    found = 0
    for path in paths:
        try:
            score = read_score(data / path)
            if len(score) < FEWEST_NOTES:
                continue
            profile = analyse_piece(score)
        except InputError as error:
            print(error, file=sys.stderr)
            continue
        yield profile
        found += 1
        if found == PIECES_OF_A_SET:
            return


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("splits", type=Path)
    given = parser.parse_args()
    sets = [list(measured(given.data, paths)) for paths in drawn(given.splits)]
    profiles = [profile for some in sets for profile in some]
    pitched = [profile for profile in profiles if profile.pitch.pitched_share > 0]
    print(HEAD.format(pieces=len(profiles), sets=len(sets), most=PIECES_OF_A_SET, shares=SHARES))
    for name, element in ELEMENTS.items():
        if isinstance(element, Figure):
            chosen = pitched if name.startswith(("pitch.", "harmony.")) else profiles
            row = np.quantile([float(str(profile.value(name))) for profile in chosen], SHARES)
            print(f'    "{name}": {tuple(figure(f"{value:.4g}") for value in row)},')
    print("}")
    print(DIVERGENCES)
    for name, element in ELEMENTS.items():
        if not isinstance(element, Figure):
            print(f'    "{name}": {figure(f"{ordinary_divergence(sets, name):.3g}")},')
    print("}")


def ordinary_divergence(sets: list[list[Profile]], name: str) -> float:
    """Median divergence of two pieces of one set that both have the element; pairs are neighbours in the drawing."""
    found = []
    for profiles in sets:
        held = [profile for profile in profiles if _weight(profile, name)]
        found += [
            element_distance(first, second, name, ELEMENTS[name]) ** 2
            for first, second in zip(held[::2], held[1::2], strict=False)
        ]
    return float(np.median(found))


def _weight(profile: Profile, name: str) -> float:
    value = profile.value(name)
    return sum(value.values() if isinstance(value, dict) else value) if not isinstance(value, float) else 1.0


if __name__ == "__main__":
    main()
