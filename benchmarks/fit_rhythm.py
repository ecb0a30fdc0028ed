"""Fit the weights of `stilo.elements.metre_estimate` and `stilo.elements.beats`, and write them where they are read.

    python benchmarks/fit_rhythm.py MUSIC SPLITS      some minutes

Only `train` is looked at: lieder, Polish scores, quartets and hymns as MIDI, whose bar lines are believed only so far
(many lack their pickups), and the folk tunes as the ABC of music21's corpus, which has them, less the tunes of `valid`
and `test` by title. Steps and accents of beats are counted in pieces played by `rhythm_data.play`.
"""

from __future__ import annotations

import argparse
import re
from pathlib import Path

import numpy as np
from safetensors.numpy import save

from rhythm_data import SCORES, Known, corpus_scores, known_metre, play, read_splits
from stilo.elements import rhythm_weights
from stilo.elements.metre_estimate import METRES, PLACE_STEPS
from stilo.elements.metre_features import events_of, fold
from stilo.elements.onsets import onsets_of
from stilo.elements.rhythm_fit import MetreExample, count_steps, fit_accents, fit_metre, steps_table
from stilo.elements.rhythm_weights import BEAT_WEIGHTS, METRE_WEIGHTS
from stilo.errors import InputError
from stilo.music.atomic import write_whole
from stilo.music.files import read_score
from stilo.music.score import Score

FOLDER = Path(rhythm_weights.__file__).parent
BEAT_PIECES = {
    "lieder": 400,
    "polish_scores": 400,
    "quartets": 60,
    "openhymnal": 80,
    "pop909": 60,
    "groove": 150,
    "openewld": 80,
    "folk_pd": 250,
    "game_free": 60,
}
MOST_NOTES = 6000


def example(known: Known, source: str, trust: float) -> MetreExample:
    place = known.place_steps // PLACE_STEPS
    return MetreExample(fold(events_of(known.score)), METRES.index(known.metre), place, trust, 1.0, source)


def metre_examples(music: Path, splits: dict[str, str], rng: np.random.Generator) -> list[MetreExample]:
    found: list[MetreExample] = []
    held_out = {plain(path.split("_", 2)[-1]) for path, split in splits.items() if split != "train" and "folk" in path}
    for path, split in splits.items():
        if split == "train" and path.startswith(SCORES):
            known = known_metre(read_score(music / path), rng)
            if known is not None:
                found.append(example(known, path.split("/", maxsplit=1)[0], 0.6))
    for _, score in corpus_scores("folk"):
        known = known_metre(score, rng)
        if known is not None and not any(plain(score.title) in title for title in held_out):
            found.append(example(known, "folk", 0.98))
    sizes = {source: sum(each.source == source for each in found) for source in {each.source for each in found}}
    return [MetreExample(e.folded, e.metre, e.place, e.trust, sizes[e.source] ** -0.5, e.source) for e in found]


def plain(title: str) -> str:
    return re.sub("[^a-z0-9]", "", title.lower())


def shortened(score: Score) -> Score:
    return score.with_notes(score.notes[:MOST_NOTES])


def beat_weights(music: Path, splits: dict[str, str], rng: np.random.Generator) -> dict[str, np.ndarray]:
    counts = {False: 0.0, True: 0.0}
    seen: dict[bool, list[tuple[np.ndarray, np.ndarray, np.ndarray]]] = {False: [], True: []}
    for source, most in BEAT_PIECES.items():
        paths = [path for path, split in splits.items() if split == "train" and path.startswith(source + "/")]
        for i in rng.permutation(len(paths))[:most].tolist():
            try:
                played = play(shortened(read_score(music / paths[i])), rng)
            except InputError:
                continue
            counted = count_steps(played.layout)
            if counted is None:
                continue
            steps, in_three = counted
            counts[in_three] = counts[in_three] + steps
            onsets = onsets_of(played.score)
            beat = np.interp(onsets.seconds, played.beats_seconds, np.arange(len(played.beats_seconds)))
            on_beat = np.rint(12 * beat) % 12 == 0
            seen[in_three].append((onsets.accents, on_beat, np.full(len(onsets), len(onsets) ** -0.5)))
    found: dict[str, np.ndarray] = {}
    for in_three, kind in ((False, "two"), (True, "three")):
        accents, on_beat, weights = (np.concatenate(column) for column in zip(*seen[in_three], strict=True))
        values, share = fit_accents(accents, on_beat, weights)
        found |= {f"steps_{kind}": steps_table(np.asarray(counts[in_three])).astype(np.float32)}
        found |= {f"accents_{kind}": values, f"share_{kind}": np.array(share)}
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("music", type=Path)
    parser.add_argument("splits", type=Path)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    rng = np.random.default_rng(given.seed)
    splits = read_splits(given.splits)
    weights = fit_metre(metre_examples(given.music, splits, rng))
    templates = {f"template_{n}_{d}": each for (n, d), each in zip(METRES, weights.templates, strict=True)}
    rest = {"summary": weights.summary, "bias": weights.bias, "mean": weights.mean, "scale": weights.scale}
    small = {name: values.astype(np.float32) for name, values in (templates | rest).items()}
    write_whole(FOLDER / METRE_WEIGHTS, save({name: np.ascontiguousarray(values) for name, values in small.items()}))
    write_whole(FOLDER / BEAT_WEIGHTS, save(beat_weights(given.music, splits, rng)))


if __name__ == "__main__":
    main()
