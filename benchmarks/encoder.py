"""Does the style encoder know composers it has never met, and is each facet deaf to what is not its own?

    python benchmarks/encoder.py PACKED DATA                                   some minutes
    python benchmarks/encoder.py PACKED DATA --net "CNN alone" RUN/encoder     other nets beside, any number of them

The JSON goes to benchmarks/results/, with commit, machine and versions; the card of the weights is made of it
(`python -m stilo.models.encoder_card`).

PACKED as `python -m stilo.models.corpus` makes it, DATA for the titles (works). Data: `test_composer`, composers that
are in no training set; nothing was chosen on them. Retrieval: mean average precision by cosine, 20 pieces of each
composer, 20 draws, pieces of the query's own work left out. Identification: nearest of the means of 3 example pieces
of each, pieces of the examples' works left out, 200 draws, ± standard error between composers. Both within one set.
Beside: plain note histograms (intervals, inter-onsets, durations, register), which reach .41 on 16 Polish composers
and .15 on 16 composers of lieder (random .08), and numbers drawn by lot.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from run import RESULTS, machine
from stilo.errors import StiloError
from stilo.models.bar_views import bar_views
from stilo.models.corpus import Piece, load_pieces
from stilo.models.disguises import BLIND, DISGUISES
from stilo.models.encoder import FACETS, MEASURED
from stilo.models.encoder_files import load_encoder, shipped_encoder
from stilo.models.encoder_fitting import REPORTED, composer_figures
from stilo.models.tokens import DURATION_SLOTS
from stilo.models.trained_encoder import TrainedEncoder, join_parts, measured_facets, net_facets
from stilo.models.view_statistics import view_statistics
from stilo.models.works import works_of
from stilo.music.atomic import write_whole

ASKED = {"lieder": (1.5, 0.50), "polish_scores": (1.3, 0.65)}  # times plain histograms, share identified
DISGUISED_PIECES = 100
STILL = 0.02  # values that hardly differ between these pieces (drums) cannot be read badly or well
_EDGES_SLOTS = np.array([1.5, 2.5, 3.5, 5, 7, 8.5, 10.5, 15, 21, 30, 42])

Rows = NDArray[np.floating]


def plain_histograms(piece: Piece) -> Rows:
    """Melodic intervals of the parts, gaps between onsets, durations, octaves: shares, [60]."""
    steps = piece.steps[piece.steps["pitch"] < 128]
    if len(steps) < 2:
        return np.zeros(60)
    pitch, part, onset = (steps[name].astype(np.int64) for name in ("pitch", "part", "onset"))
    order = np.lexsort((-pitch, onset, part))
    first = np.append(True, (np.diff(part[order]) != 0) | (np.diff(onset[order]) != 0))
    line, voice = pitch[order][first], part[order][first]
    parts = (
        (np.clip(np.diff(line)[np.diff(voice) == 0] + 12, 0, 24), 25),
        (np.digitize(np.diff(np.unique(onset)), _EDGES_SLOTS), 12),
        (np.digitize(DURATION_SLOTS[steps["duration"]], _EDGES_SLOTS), 12),
        (pitch // 12, 11),
    )
    return np.concatenate([np.bincount(c, minlength=n) / max(1, len(c)) for c, n in parts])


def rivals(
    encoder: TrainedEncoder, pieces: list[Piece], train: list[Piece], nets: list[tuple[str, Path]]
) -> dict[str, Rows]:
    """Embeddings of the pieces by name, each [pieces, facets, values]."""
    views = [bar_views(piece.steps) for piece in pieces]
    statistics = [view_statistics(view) for view in views]
    scaled = [
        (np.stack([s[facet] for s in statistics]) - encoder.discriminants[facet].mean)
        / encoder.discriminants[facet].scale
        for facet in FACETS
    ]
    measured = np.stack([piece.embedding for piece in pieces])
    known = np.stack([piece.embedding for piece in train])
    untempered = sorted(value for values in MEASURED.values() for value in values)
    net, discriminants = net_facets(encoder.model, views), measured_facets(encoder.discriminants, views)
    lot = np.random.default_rng(0).standard_normal((sum(rows.shape[1] for rows in scaled), 64))
    found = {
        "numbers drawn by lot": np.random.default_rng(1).standard_normal((len(pieces), 64)),
        "plain note histograms": np.stack([plain_histograms(piece) for piece in pieces]),
        "measured embedding": ((measured - known.mean(0)) / (known.std(0) + 0.01))[:, untempered],
        "statistics of the views": np.concatenate(scaled, 1),
        "random projection of them": np.concatenate(scaled, 1) @ lot,
        "discriminants of them alone": discriminants,
        "net alone": net,
        "encoder as shipped": join_parts(net, discriminants, encoder.net_share),
    }
    for name, folder in nets:
        found[name] = net_facets(load_encoder(folder).model, views)
    for i, facet in enumerate(FACETS):
        found[f"encoder, {facet} alone"] = found["encoder as shipped"][:, i : i + 1]
    return {name: np.asarray(rows).reshape(len(pieces), -1) for name, rows in found.items()}


def retrieval_table(
    rows: dict[str, Rows], pieces: list[Piece], works: list[str]
) -> dict[str, dict[str, dict[str, float]]]:
    figures = {name: composer_figures(values, pieces, works) for name, values in rows.items()}
    plain = figures["plain note histograms"]
    print(f"{'composers never seen':<30}" + "".join(f"{name:>42}" for name in REPORTED))
    print(f"{'':<30}" + f"{'MAP   × plain   identified of 3':>42}" * len(REPORTED))
    for name, sets in figures.items():
        cells = "".join(
            f"{row['map']:>18.3f}{row['map'] / plain[key]['map']:>8.2f}{row['identified']:>9.2f} ± {row['error']:.2f}"
            for key, row in sets.items()
        )
        print(f"{name:<30}{cells}")
    print(f"{'asked':<30}" + "".join(f"{'':>18}{ASKED[name][0]:>8.2f}{ASKED[name][1]:>9.2f}       " for name in plain))
    return figures


def blindness_table(encoder: TrainedEncoder, pieces: list[Piece]) -> dict[str, dict[str, float]]:
    """Mean cosine of each facet of a piece and of the piece disguised; last, of two different pieces."""
    rng = np.random.default_rng(0)
    chosen = [pieces[i] for i in rng.choice(len(pieces), min(DISGUISED_PIECES, len(pieces)), replace=False)]
    plain = _facets(encoder, [piece.steps for piece in chosen])
    table: dict[str, dict[str, float]] = {}
    for name, disguise in DISGUISES.items():
        other = _facets(encoder, [disguise(piece.steps, rng) for piece in chosen])
        table[name] = _mean_cosines(plain, other)
    table["(another piece)"] = _mean_cosines(plain, np.roll(plain, 1, axis=0))
    print(f"\n{'mean cosine of a piece with itself in':<40}" + "".join(f"{facet:>12}" for facet in FACETS))
    for name, row in table.items():
        cells = "".join(f"{row[facet]:>11.3f}{'*' if name in BLIND[facet] else ' '}" for facet in FACETS)
        print(f"{name:<40}{cells}")
    print("* must be 1. Tempo is no part of the steps: another tempo changes nothing at all.")
    return table


def _facets(encoder: TrainedEncoder, steps: list[NDArray[np.void]]) -> NDArray[np.float32]:
    return encoder.embed([bar_views(some) for some in steps])


def _mean_cosines(a: NDArray[np.float32], b: NDArray[np.float32]) -> dict[str, float]:
    return {facet: round(float((a[:, i] * b[:, i]).sum(1).mean()), 4) for i, facet in enumerate(FACETS)}


def reading_table(encoder: TrainedEncoder, pieces: list[Piece]) -> dict[str, float]:
    """How much of the measured embedding can be read from the facets of unseen pieces: 1 − error / variance."""
    real = np.stack([piece.embedding for piece in pieces])
    read = encoder.read(encoder.embed([bar_views(piece.steps) for piece in pieces]))
    told = {}
    for facet, values in MEASURED.items():
        own = real[:, list(values)]
        varies = own.std(0) > STILL
        error, variance = (rows[:, varies] / own.std(0)[varies] for rows in (read[facet] - own, own - own.mean(0)))
        told[facet] = round(1 - float((error**2).sum() / (variance**2).sum()), 3)
    shares = ", ".join(f"{facet} {share:.2f}" for facet, share in told.items())
    print(f"\nvariance of the measured embedding that is read from the facets: {shares}")
    return told


def speed(encoder: TrainedEncoder, pieces: list[Piece], data: Path) -> dict[str, float]:
    """Pieces a second, one process: reading, steps, views and net; and the net with views alone."""
    from stilo.models.recogniser import recognise_each
    from stilo.music.files import read_score

    def rate(work: Callable[[], object], count: int) -> float:
        start = time.perf_counter()
        work()
        return round(count / (time.perf_counter() - start), 1)

    some = pieces[:200]
    encoder.embed([bar_views(piece.steps) for piece in some[:8]])  # warm
    told = {
        "from files": rate(lambda: list(recognise_each((read_score(data / p.name) for p in some), encoder)), len(some)),
        "from steps": rate(lambda: encoder.embed([bar_views(piece.steps) for piece in some]), len(some)),
    }
    print(
        f"\npieces a second in this process: {told['from files']} from files, {told['from steps']} from steps; asked 40"
    )
    return told


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("packed", type=Path)
    parser.add_argument("data", type=Path)
    parser.add_argument("--encoder", type=Path, help="a folder; by default the shipped one")
    parser.add_argument("--net", nargs=2, action="append", default=[], metavar=("NAME", "FOLDER"))
    parser.add_argument("--split", default="test_composer")
    parser.add_argument("--json", type=Path, help="write the figures here; by default to the results")
    given = parser.parse_args()
    try:
        encoder = load_encoder(given.encoder) if given.encoder else shipped_encoder()
        pieces, train = (load_pieces(given.packed / f"{split}.npz") for split in (given.split, "train"))
        works = works_of([piece.name for piece in pieces], given.data)
        nets = [(name, Path(folder)) for name, folder in given.net]
        figures = {
            "retrieval": retrieval_table(rivals(encoder, pieces, train, nets), pieces, works),
            "blindness": blindness_table(encoder, pieces),
            "readings": reading_table(encoder, pieces),
            "speed": speed(encoder, pieces, given.data),
        }
    except StiloError as error:
        sys.exit(str(error))
    RESULTS.mkdir(parents=True, exist_ok=True)
    path = given.json or RESULTS / f"encoder-{time.strftime('%Y%m%d-%H%M%S')}.json"
    told = {**machine(), "split": given.split, **figures}
    write_whole(path, (json.dumps(told, indent=1, ensure_ascii=False) + "\n").encode())
    print(path)


if __name__ == "__main__":
    main()
