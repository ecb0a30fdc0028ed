"""Valence and arousal beside listeners: VGMIDI by game, MemoMusic as another corpus; and the fit of what is shipped.

    python benchmarks/emotion.py MUSIC              the tables
    python benchmarks/emotion.py MUSIC --fit        the same, then fit on all of VGMIDI and write coefficients and card

MUSIC holds `vgmidi` and `memomusic`, each with a `manifest.tsv` (columns path, title, composer_artist, emotion:
"valence=1;arousal=-1"). VGMIDI is cut into five folds so that all pieces of a series of games lie in one; how strongly
the coefficients are pulled, and how far, is chosen by five more folds inside the others. Ten such cuts are averaged. Of
each training piece, stretches of about half a minute count as much as the whole. The interval is that of the mean over
pieces when the series, or the games, are drawn again (bootstrap, 95 %). MemoMusic is never learned from.

Beside it: accuracies published for VGMIDI's four quadrants, MIDI features .59–.62, CLaMP 3 .707 (Wu et al. 2025).
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from scipy.stats import spearmanr

from emotion_card import card
from emotion_corpus import Corpus, read_corpus
from run import RESULTS, ROOT, machine
from stilo.elements.emotion_cues import CUES
from stilo.elements.emotion_probe import KNOWN_DIRECTIONS, PROBE_FILE, Probe, shipped_probe
from stilo.music.atomic import write_whole

REACH = 0.65
FOLDS, CUTS, RESAMPLES = 5, 10, 2000
STRENGTHS, PULLS = (10.0, 20.0, 50.0), (0.0, 0.2, 0.4)
PROBE_PATH = ROOT / "src" / "stilo" / "elements" / PROBE_FILE
CARD_PATH = ROOT / "models" / "emotion" / "README.md"


def grouped_folds(groups: np.ndarray, folds: int, rng: np.random.Generator) -> np.ndarray:
    """A fold for each piece: groups in random order, large ones first, each into the fold with the fewest pieces."""
    names, counts = np.unique(groups, return_counts=True)
    order = rng.permutation(len(names))
    order = order[np.argsort(-counts[order], kind="stable")]
    fold_of, sizes = {}, np.zeros(folds)
    for i in order.tolist():
        fold = int((sizes + 1e-3 * rng.random(folds)).argmin())
        fold_of[names[i]] = fold
        sizes[fold] += counts[i]
    return np.array([fold_of[group] for group in groups])


def chosen_strength(corpus: Corpus, pieces: np.ndarray, groups: np.ndarray, rng) -> tuple[float, float]:
    """Strength and pull of the least loss in grouped folds of `pieces`; the stronger of equals."""
    folds = grouped_folds(groups[pieces], FOLDS, rng)
    votes = np.sign(corpus.judged)
    best, choice = np.inf, (STRENGTHS[-1], PULLS[-1])
    for strength in STRENGTHS[::-1]:
        for pull in PULLS[::-1]:
            loss = 0.0
            for fold in np.unique(folds):
                probe = corpus.learn(pieces[folds != fold], strength, pull)
                held = pieces[folds == fold]
                loss += np.logaddexp(0, -votes[held] * probe.scores(corpus.cues[held])).sum()
            if loss < best - 1e-9:
                best, choice = loss, (strength, pull)
    return choice


def held_out_scores(corpus: Corpus, groups: np.ndarray, folds: np.ndarray, rng) -> tuple[np.ndarray, list]:
    """Scores of every piece by a probe that saw nothing of its group, [pieces, 2], and the choices made."""
    scores, choices = np.zeros((len(groups), 2)), []
    for fold in np.unique(folds):
        pieces = np.flatnonzero(folds != fold)
        choices.append(chosen_strength(corpus, pieces, groups, rng))
        scores[folds == fold] = corpus.learn(pieces, *choices[-1]).scores(corpus.cues[folds == fold])
    return scores, choices


def right(scores: np.ndarray, judged: np.ndarray) -> np.ndarray:
    """Whether valence, arousal and both are judged rightly, [pieces, 3]."""
    hits = np.where(scores > 0, 1, -1) == judged
    return np.column_stack([hits, hits.all(axis=1)]).astype(np.float64)


def interval(hits: np.ndarray, groups: np.ndarray) -> tuple[float, float]:
    """95 % of the mean of `hits` [pieces] when the groups are drawn again."""
    names, which = np.unique(groups, return_inverse=True)
    sums, counts = np.bincount(which, weights=hits), np.bincount(which)
    drawn = np.random.default_rng(0).integers(0, len(names), (RESAMPLES, len(names)))
    low, high = np.quantile(sums[drawn].sum(axis=1) / counts[drawn].sum(axis=1), (0.025, 0.975))
    return float(low), float(high)


def row_of(name: str, runs: list[np.ndarray], corpus: Corpus, groups: np.ndarray) -> dict[str, object]:
    """The figures of one way to judge, from the scores of each cut."""
    hits = np.mean([right(scores, corpus.judged) for scores in runs], axis=0)
    rho = np.mean([[spearman(scores[:, i], corpus.judged[:, i]) for i in range(2)] for scores in runs], axis=0)
    low, high = interval(hits[:, 2], groups)
    return {
        "name": name,
        "quadrants": float(hits[:, 2].mean()),
        "interval": [low, high],
        "spread_over_cuts": float(np.std([right(scores, corpus.judged)[:, 2].mean() for scores in runs])),
        "valence": float(hits[:, 0].mean()),
        "arousal": float(hits[:, 1].mean()),
        "rho_valence": float(rho[0]),
        "rho_arousal": float(rho[1]),
    }


def spearman(a: np.ndarray, b: np.ndarray) -> float:
    return float(spearmanr(a, b).statistic) if np.ptp(a) > 0 else 0.0


def told(row: dict[str, object]) -> str:
    low, high = row["interval"]
    return (
        f"{row['name']:<46} {row['quadrants']:.3f} [{low:.3f}, {high:.3f}]  V {row['valence']:.3f}  "
        f"A {row['arousal']:.3f}  ρ V {row['rho_valence']:+.2f}  ρ A {row['rho_arousal']:+.2f}"
    )


def baselines(corpus: Corpus) -> Iterator[dict[str, object]]:
    most = np.tile(np.where(corpus.judged.mean(axis=0) > 0, 1.0, -1.0), (len(corpus.cues), 1))
    yield row_of("most frequent quadrant", [most], corpus, corpus.series)
    yield row_of("cues set by hand (as before; seen once)", [corpus.by_hand], corpus, corpus.series)
    centred = corpus.by_hand - np.median(corpus.by_hand, axis=0)
    yield row_of("cues set by hand, cut at their medians", [centred], corpus, corpus.series)
    alike = Probe(np.nanmean(corpus.cues, 0), np.nanstd(corpus.cues, 0) + 1e-6, KNOWN_DIRECTIONS, np.zeros(2))
    yield row_of("all known cues alike, nothing learned", [alike.scores(corpus.cues)], corpus, corpus.series)


def grouped_rows(corpus: Corpus, say: Callable[[dict], None]) -> None:
    """Five folds by series and by game, ten cuts each; then each series and each game left out."""
    for kind, groups in (("series", corpus.series), ("game", corpus.game)):
        runs, choices = [], []
        for cut in range(CUTS):
            rng = np.random.default_rng(cut)
            scores, chosen = held_out_scores(corpus, groups, grouped_folds(groups, FOLDS, rng), rng)
            runs.append(scores)
            choices += chosen
        row = row_of(f"learned, five folds by {kind}, {CUTS} cuts", runs, corpus, groups)
        say(row | {"choices": sorted({str(choice): choices.count(choice) for choice in choices}.items())})
    for kind, groups in (("series", corpus.series), ("game", corpus.game)):
        _, each = np.unique(groups, return_inverse=True)
        scores, _ = held_out_scores(corpus, groups, each, np.random.default_rng(0))
        say(row_of(f"learned, each {kind} left out", [scores], corpus, groups))


def cross_corpus(name: str, scores: np.ndarray, other: Corpus) -> dict[str, object]:
    return {"name": name, **{f"rho_{what}": spearman(scores[:, i], other.judged[:, i]) for i, what in enumerate(
        ("valence", "arousal"))}}  # fmt: skip


def fit(corpus: Corpus) -> Probe:
    """The probe to ship: strength and pull chosen in grouped folds of all pieces."""
    strength, pull = chosen_strength(corpus, np.arange(len(corpus.cues)), corpus.series, np.random.default_rng(0))
    print(f"fit on all pieces: strength {strength:g}, pull {pull:g}")
    return Probe.from_json(corpus.learn(np.arange(len(corpus.cues)), strength, pull).to_json())


def say_change(before: Probe | None, after: Probe, corpus: Corpus) -> None:
    """What a new fit changes."""
    if before is None:
        print("no coefficients were there before")
        return
    moved = np.abs(before.valence_arousal(corpus.cues) - after.valence_arousal(corpus.cues)).mean(axis=0)
    print(f"against the coefficients before, VGMIDI moves by {moved[0]:.3f} in valence, {moved[1]:.3f} in arousal")
    change = after.weights - before.weights
    for cue, (valence, arousal) in sorted(zip(CUES, change.T, strict=True), key=lambda c: -np.abs(c[1]).max())[:8]:
        print(f"  {cue.name:<18} valence {valence:+.3f}, arousal {arousal:+.3f}")


def present_probe() -> Probe | None:
    try:
        return shipped_probe()
    except (OSError, KeyError, ValueError):
        return None


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("music", type=Path)
    parser.add_argument("--fit", action="store_true", help="write the shipped coefficients and their card")
    arguments = parser.parse_args()
    corpus, other = read_corpus(arguments.music / "vgmidi"), read_corpus(arguments.music / "memomusic")
    told_machine = machine()
    rows: list[dict] = []

    def say(row: dict) -> None:
        rows.append(row)
        print(told(row), *(row.get("choices") or ()), flush=True)

    print(f"VGMIDI, {len(corpus.cues)} pieces, quadrants (reach {REACH}; MIDI features .59–.62, CLaMP 3 .707)")
    for row in baselines(corpus):
        say(row)
    grouped_rows(corpus, say)
    probe = fit(corpus)
    crossed = [
        cross_corpus("cues set by hand (seen once)", other.by_hand, other),
        cross_corpus("learned on VGMIDI", probe.scores(other.cues), other),
    ]
    for row in crossed:
        print(f"MemoMusic, {row['name']}: ρ V {row['rho_valence']:+.3f}  ρ A {row['rho_arousal']:+.3f}")
    say_change(present_probe(), probe, corpus)
    if arguments.fit:
        write_whole(PROBE_PATH, (json.dumps(probe.to_json(), indent=1) + "\n").encode())
        CARD_PATH.parent.mkdir(parents=True, exist_ok=True)
        write_whole(CARD_PATH, card(probe, rows, crossed, CUTS).encode())
        print(f"written: {PROBE_PATH.relative_to(ROOT)}, {CARD_PATH.relative_to(ROOT)}")
    RESULTS.mkdir(parents=True, exist_ok=True)
    path = RESULTS / f"emotion-{time.strftime('%Y%m%d-%H%M%S')}.json"
    figures = {"setting": told_machine, "reach": REACH, "vgmidi": rows, "memomusic": crossed}
    write_whole(path, json.dumps(figures, ensure_ascii=False, indent=1).encode())
    print(f"written: {path.relative_to(ROOT)}")
    judged = next(row for row in rows if row["name"].startswith("learned, five folds by series"))
    return 0 if judged["quadrants"] >= REACH else 1


if __name__ == "__main__":
    sys.exit(main())
