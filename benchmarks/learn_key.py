"""Learn what `stilo.elements.key` knows: what each degree tells for a key, and how the kinds of evidence are weighed.

    python benchmarks/learn_key.py MUSIC SPLITS.tsv

From keys126 (exact keys; weights only), the songs of odd number of pop909_cl (keys of their first signature; for the
profile those with one signature), openhymnal and the lieder that SPLITS.tsv marks `train` and that have one signature
(of either of its two keys). Each set counts as much as another. Both are multinomial logit models that know keys only
by distance from the tonic: one set of numbers serves all twelve. A key known by its accidentals alone is the sum of
two. The profiles, 25 numbers each, are learned on windows of four bars (for the key of the piece) and on single bars
(for its regions), at most `MOST_WINDOWS` of a piece; the weights, six, on pieces. Prints them, and how often the
weights find the key in ten-fold cross-validation.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.optimize import minimize

from key_music import KnownPiece, keys126, pop909_cl, signed
from stilo.elements.key import EVIDENCE, KEYS, WINDOW_BARS, KeyProfile, bar_sound, key_evidence, window_sums

MOST_WINDOWS = 30
FOLDS = 10
PROFILE_PENALTY, WEIGHT_PENALTY = 1e-4, 1e-2
TRANSPOSED = (np.arange(12)[:, None] + np.arange(12)) % 12  # [tonic, degree] → pitch class


@dataclass(frozen=True)
class Known:
    """Features of items under each key, [items, 24, features], and which keys are right, bool [items, 24]."""

    features: np.ndarray
    right: np.ndarray

    def chosen(self, items: np.ndarray) -> Known:
        return Known(self.features[items], self.right[items])


def corpora(music: Path, splits: Path) -> Iterator[tuple[str, Iterator[KnownPiece]]]:
    with splits.open(encoding="utf-8", newline="") as file:
        train = {row["path"] for row in csv.DictReader(file, delimiter="\t") if row["split"] == "train"}
    yield "keys126", keys126(music)
    yield "pop909_cl, odd", (piece for piece in pop909_cl(music) if piece.is_odd)
    yield "openhymnal", (piece for piece in signed(music, "openhymnal") if piece.one_signature)
    lieder = (piece for piece in signed(music, "lieder") if f"lieder/{piece.path.name}" in train)
    yield "lieder, train", (piece for piece in lieder if piece.one_signature)


def right_keys(piece: KnownPiece) -> np.ndarray:
    return np.isin(np.arange(KEYS), piece.accepted)


def windows_of(pieces: Iterator[KnownPiece], bars: int, rng: np.random.Generator) -> Known:
    """Shares of the degrees in windows: under each key its own twelve, and whether it is minor, [windows, 24, 25]."""
    features, right = [], []
    for piece in pieces:
        if not piece.one_signature:
            continue
        windows = window_sums(bar_sound(piece.layout).chroma, bars)
        windows = windows[windows.sum(axis=1) > 0]
        windows = windows[np.sort(rng.permutation(len(windows))[:MOST_WINDOWS])]
        degrees = (windows / windows.sum(axis=1, keepdims=True))[:, TRANSPOSED]
        rows = np.zeros((len(windows), KEYS, 25))
        rows[:, :12, :12] = rows[:, 12:, 12:24] = degrees
        rows[:, 12:, 24] = 1.0
        features.append(rows.astype(np.float32))
        right.append(np.repeat(right_keys(piece)[None], len(windows), axis=0))
    return Known(np.concatenate(features), np.concatenate(right))


def evidence_of(pieces: Iterator[KnownPiece], profile: KeyProfile) -> Known:
    rows = [(key_evidence(piece.layout, profile), right_keys(piece)) for piece in pieces]
    return Known(np.array([row[0] for row in rows]), np.array([row[1] for row in rows]))


def fitted(sets: list[Known], penalty: float, scale: np.ndarray) -> np.ndarray:
    """Weights that make the right keys likeliest, each set counting 1; `scale` is what a weight is penalised by."""

    def cost(weights: np.ndarray) -> tuple[float, np.ndarray]:
        total, slope = penalty * float(weights @ weights), 2 * penalty * weights
        for known in sets:
            scores = known.features @ (weights / scale)
            likely = np.exp(scores - scores.max(axis=1, keepdims=True))
            likely /= likely.sum(axis=1, keepdims=True)
            rightly = likely * known.right
            found = np.maximum(rightly.sum(axis=1, keepdims=True), 1e-300)
            total -= float(np.log(found).mean())
            error = (likely - rightly / found) / len(scores)
            slope = slope + np.einsum("nk,nkf->f", error, known.features) / scale
        return total, slope

    start = np.zeros(len(scale))
    return np.asarray(minimize(cost, start, jac=True, method="L-BFGS-B", options={"maxiter": 500}).x / scale)


def cross_validated(sets: dict[str, Known], scale: np.ndarray, rng: np.random.Generator) -> dict[str, float]:
    """How often the key is right, by set, when it is found with weights learned on the other folds."""
    folds = {name: rng.permutation(len(known.right)) % FOLDS for name, known in sets.items()}
    hits: dict[str, list[np.ndarray]] = {name: [] for name in sets}
    for fold in range(FOLDS):
        weights = fitted([known.chosen(folds[name] != fold) for name, known in sets.items()], WEIGHT_PENALTY, scale)
        for name, known in sets.items():
            held = known.chosen(folds[name] == fold)
            best = (held.features @ weights).argmax(axis=1)
            hits[name].append(held.right[np.arange(len(best)), best])
    return {name: float(np.concatenate(found).mean()) for name, found in hits.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("music", type=Path, help="folder with the sets by name")
    parser.add_argument("splits", type=Path, help="table of path and split")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    rng = np.random.default_rng(arguments.seed)
    learned: dict[str, KeyProfile] = {}
    for name, bars in (("phrase", WINDOW_BARS), ("bar", 1)):
        sets = {of: pieces for of, pieces in corpora(arguments.music, arguments.splits) if of != "keys126"}
        windows = [windows_of(pieces, bars, rng) for pieces in sets.values()]
        told = np.round(fitted(windows, PROFILE_PENALTY, np.ones(25)), 1)
        learned[name] = KeyProfile(told[:12], told[12:24], float(told[24]))
        print(f"{name} profile: major {told[:12].tolist()}, minor {told[12:24].tolist()}, leaning {told[24]:g}")
    known = {
        name: evidence_of(pieces, learned["phrase"]) for name, pieces in corpora(arguments.music, arguments.splits)
    }
    variance = np.mean([one.features.reshape(-1, len(EVIDENCE)).var(axis=0) for one in known.values()], axis=0)
    weights = fitted(list(known.values()), WEIGHT_PENALTY, np.sqrt(variance))
    print("weights", {name: float(f"{weight:.2g}") for name, weight in zip(EVIDENCE, weights, strict=True)})
    for name, share in cross_validated(known, np.sqrt(variance), rng).items():
        print(f"{name:<16} {len(known[name].right):>5} pieces  {share:.3f} right in cross-validation")


if __name__ == "__main__":
    main()
