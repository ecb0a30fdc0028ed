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
import csv
import json
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from run import RESULTS, ROOT, machine
from scipy.stats import spearmanr

from stilo.elements.emotion_cues import CUES, Hearing
from stilo.elements.emotion_probe import PROBE_FILE, Probe, learn_probe, shipped_probe
from stilo.elements.layout import lay_out
from stilo.elements.profile import analyse
from stilo.music.atomic import write_whole
from stilo.music.files import read_score

REACH = 0.65
FOLDS, CUTS, RESAMPLES = 5, 10, 2000
STRENGTHS, PULLS = (5.0, 10.0, 20.0, 50.0), (0.0, 0.1, 0.2, 0.3, 0.4)
STRETCH_SECONDS = 30
PROBE_PATH = ROOT / "src" / "stilo" / "elements" / PROBE_FILE
CARD_PATH = ROOT / "models" / "emotion" / "README.md"

# the sum of cues set by hand that this replaced: mean, deviation, weight in valence, weight in arousal
HAND_SET = {
    "majorness": (0.0, 0.20, 0.55, 0.05),
    "onsets": (1.4, 0.50, 0.30, 0.40),
    "notes": (1.9, 0.50, 0.0, 0.35),
    "tempo": (4.65, 0.30, 0.15, 0.30),
    "loudness": (78.0, 18.0, 0.05, 0.30),
    "staccato": (0.12, 0.12, 0.15, 0.15),
    "register": (68.0, 6.0, 0.10, 0.05),
    "consonance": (0.40, 0.20, 0.15, -0.10),
    "tension": (0.75, 0.15, -0.25, 0.0),
}


@dataclass(frozen=True)
class Corpus:
    """Judged pieces.

    Attributes:
        cues: [pieces, cues].
        stretches: cues of stretches of the pieces, [stretches, cues]; `stretch_piece` says of which, [stretches].
        judged: valence and arousal, [pieces, 2].
        series, game: of each piece, [pieces].
        by_hand: the sum of cues set by hand, [pieces, 2].
    """

    cues: np.ndarray
    stretches: np.ndarray
    stretch_piece: np.ndarray
    judged: np.ndarray
    series: np.ndarray
    game: np.ndarray
    by_hand: np.ndarray

    def learn(self, pieces: np.ndarray, strength: float, pull: float) -> Probe:
        """A probe from some pieces and their stretches."""
        chosen = np.isin(self.stretch_piece, pieces)
        of = self.stretch_piece[chosen]
        counts = np.bincount(of, minlength=len(self.cues))
        cues = np.concatenate([self.cues[pieces], self.stretches[chosen]])
        votes = np.sign(np.concatenate([self.judged[pieces], self.judged[of]]))
        weight = np.concatenate([np.full(len(pieces), 0.5), 0.5 / counts[of]])
        return learn_probe(cues, votes, weight, strength=strength, pull=pull)


def by_hand(profile) -> list[float]:
    harmony, rhythm, pitch = profile.harmony, profile.rhythm, profile.pitch
    cues = {
        "majorness": harmony.majorness,
        "onsets": np.log(max(rhythm.onsets_per_second, 0.05)),
        "notes": np.log(max(rhythm.notes_per_second, 0.05)),
        "tempo": np.log(np.clip(rhythm.tempo_qpm, 20, 400)),
        "loudness": profile.emotion.loudness,
        "staccato": 1 - rhythm.articulation,
        "register": pitch.melody_pitch,
        "consonance": harmony.consonance,
        "tension": harmony.tension,
    }
    total = np.zeros(2)
    for name, (mean, deviation, *weights) in HAND_SET.items():
        total += np.clip((cues[name] - mean) / deviation, -3, 3) * np.array(weights)
    return total.tolist()


def read_corpus(folder: Path) -> Corpus:
    with (folder / "manifest.tsv").open(encoding="utf-8", newline="") as lines:
        rows = [
            row for row in csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE) if "valence=" in row["emotion"]
        ]
    if not rows:
        sys.exit(f"{folder / 'manifest.tsv'}: no piece has a valence")
    whole, parts, of, judged, hand = [], [], [], [], []
    for i, row in enumerate(rows):
        score = read_score(folder.parent / row["path"])
        layout = lay_out(score)
        hearing = Hearing(layout)
        end = score.end_ticks + 1
        count = max(1, round(layout.seconds / STRETCH_SECONDS))
        whole.append(hearing.cues([0, end])[0])
        parts.append(hearing.cues(np.linspace(0, end, count + 1).astype(np.int64)))
        of += [i] * count
        judged.append([float(part.partition("=")[2]) for part in row["emotion"].split(";")])
        hand.append(by_hand(analyse(score)))
    series = np.array([row["composer_artist"] for row in rows])
    games = np.array([game_of(row) for row in rows])
    return Corpus(np.array(whole), np.concatenate(parts), np.array(of), np.array(judged), series, games, np.array(hand))


def game_of(row: dict[str, str]) -> str:
    """The game of a VGMIDI file: what its name holds before the title of the piece."""
    stem = Path(row["path"]).stem.removeprefix("phrase_")
    start = stem.rfind(row["title"].replace(" ", "_")[:12])
    return stem[:start].strip("_") if start > 0 else stem


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
    alike = Probe(np.nanmean(corpus.cues, 0), np.nanstd(corpus.cues, 0) + 1e-6, directions(), np.zeros(2))
    yield row_of("all known cues alike, nothing learned", [alike.scores(corpus.cues)], corpus, corpus.series)


def directions() -> np.ndarray:
    return np.array([[cue.valence for cue in CUES], [cue.arousal for cue in CUES]], np.float64)


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


def card(probe: Probe, rows: list[dict], crossed: list[dict]) -> str:
    """The model card, from this run's figures."""
    order = np.argsort(-np.abs(probe.weights).max(axis=0), kind="stable")
    coefficients = "\n".join(
        f"| {CUES[i].name} | {CUES[i].meaning} | {probe.weights[0, i]:+.3f} | {probe.weights[1, i]:+.3f} |"
        for i in order
    )
    table = "\n".join(
        f"| {row['name']} | {row['quadrants']:.3f} | {row['interval'][0]:.3f} … {row['interval'][1]:.3f} "
        f"| {row['valence']:.3f} | {row['arousal']:.3f} | {row['rho_valence']:+.2f} | {row['rho_arousal']:+.2f} |"
        for row in rows
    )
    across = "\n".join(f"| {row['name']} | {row['rho_valence']:+.2f} | {row['rho_arousal']:+.2f} |" for row in crossed)
    return CARD.format(
        cues=len(CUES), coefficients=coefficients, table=table, across=across, cuts=CUTS, file=PROBE_FILE
    )


CARD = """# stilo emotion probe

Two logistic regressions on {cues} measured cues: how pleasant (valence) and how excited (arousal) listeners are likely
to find the music, −1…1. The coefficients are `src/stilo/elements/{file}`; the cues are measured by
`stilo.elements.emotion_cues`. Written by `python benchmarks/emotion.py MUSIC --fit`.

## Learned from

VGMIDI (Ferreira & Whitehead 2019, github.com/lucasnfe/vgmidi): 204 piano arrangements of game music, each with a valence
and an arousal of ±1 by listeners. Its repository states no licence, and the music belongs to its owners: no note and no
label of it is part of stilo, only the coefficients below. All its files say 120 quarters a minute, and their loudness is
the arranger's: neither tempo as written nor loudness could be learned from it. The cues are therefore measured in
seconds, and loudness weighs what the literature's pull gives it.

No coefficient may point against what reviews and experiments agree on (Gabrielsson & Lindström 2010; Livingstone et al.
2010; Eerola, Friberg & Bresin 2013), and all are pulled towards it. MemoMusic (github.com/MZhexin/MemoMusic-Dataset, no
licence stated) is a check only and was never learned from.

## Figures

Four quadrants of VGMIDI: accuracy, with 95 % interval when the series or games are drawn again; accuracy of valence and
of arousal; Spearman's ρ. All pieces of a group lie in one fold; strength and pull are chosen inside the folds; {cuts} cuts
are averaged. Which cues there are was decided while looking at VGMIDI: the coefficients have not seen the games that
judge them, the design has.

| | quadrants | 95 % | valence | arousal | ρ valence | ρ arousal |
|---|---|---|---|---|---|---|
{table}

Published: MIDI features .59–.62, CLaMP 3 .707.

Another corpus (MemoMusic, 173 piano pieces, classical, pop and Yanni), Spearman's ρ with its listeners:

| | ρ valence | ρ arousal |
|---|---|---|
{across}

## Coefficients

Log-odds for a standard deviation of the cue over VGMIDI; a cue that is more than 2.5 of them away counts as 2.5. Odds of
nine to one come out as ±.5.

| cue | what | valence | arousal |
|---|---|---|---|
{coefficients}

## Limits

Piano versions of games, heard by one group of listeners. What such listeners would say, on the whole: no more than that.
Drums count for pace and loudness alone; the timbre of instruments, words and performance count for nothing.
"""


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
        write_whole(CARD_PATH, card(probe, rows, crossed).encode())
        print(f"written: {PROBE_PATH.relative_to(ROOT)}, {CARD_PATH.relative_to(ROOT)}")
    RESULTS.mkdir(parents=True, exist_ok=True)
    path = RESULTS / f"emotion-{time.strftime('%Y%m%d-%H%M%S')}.json"
    figures = {"setting": told_machine, "reach": REACH, "vgmidi": rows, "memomusic": crossed}
    write_whole(path, json.dumps(figures, ensure_ascii=False, indent=1).encode())
    print(f"written: {path.relative_to(ROOT)}")
    return 0 if rows[4]["quadrants"] >= REACH else 1


if __name__ == "__main__":
    sys.exit(main())
