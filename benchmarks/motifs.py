"""Motifs planted in real melodies, and motifs in melodies whose notes were shuffled.

    python benchmarks/motifs.py DATA SPLITS

DATA holds the folders lieder and folk_pd, SPLITS is a table of `path<tab>split` with paths under DATA. Pieces: every
third song of test and test_composer, every tune of test, of at least 60 melody notes and 24 bars; nothing was chosen on
them. In each, a run of six notes drawn by chance replaces the melody at five bars, each time transposed by −4 … 4
semitones. Formulas: of the motifs of the piece the one that hits most of the five places; recall is the share of the
five that it hits, precision the share of its occurrences that lie in one of them. Beside: the share of melody notes
inside motifs, of the pieces as they are and of the same pitches and lengths in an order drawn by chance, which should
hold none. No figure has been published on these (those of JKU-PDD are of other pieces and another question).
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from run import RESULTS, machine
from stilo.elements.layout import Layout, lay_out
from stilo.elements.motifs import find_motifs
from stilo.errors import InputError
from stilo.music.atomic import write_whole
from stilo.music.files import read_score
from stilo.music.score import Score, Track, notes_from_columns

PLACES, NOTES = 5, 6
FEWEST_NOTES, FEWEST_BARS = 60, 24
INTERVALS = (-7, -5, -4, -3, -2, -1, 0, 1, 2, 3, 4, 5, 7)
LENGTHS_QUARTERS = (0.25, 0.5, 0.5, 1, 1, 1.5)


def chosen(splits: Path) -> list[str]:
    with splits.open(encoding="utf-8", newline="") as table:
        rows = list(csv.DictReader(table, delimiter="\t"))
    songs = [r["path"] for r in rows if r["path"].startswith("lieder/") and r["split"] in ("test", "test_composer")]
    tunes = [r["path"] for r in rows if r["path"].startswith("folk_pd/") and r["split"] == "test"]
    return sorted(songs)[::3] + sorted(tunes)


def shuffled(layout: Layout, rng: np.random.Generator) -> Score:
    """The melody alone, its pitches and its times from note to note each in another order."""
    melody, quarter = layout.melody, layout.score.ticks_per_quarter
    gaps = rng.permutation(np.diff(melody.onset_ticks))
    onsets = np.concatenate([[0], np.cumsum(gaps)])
    notes = notes_from_columns(onsets, np.append(gaps, quarter), rng.permutation(melody.pitch))
    return Score(notes, (Track(),), quarter, (), layout.score.time_signatures[:1])


def planted(layout: Layout, rng: np.random.Generator) -> tuple[Score, NDArray[np.int64], int]:
    """The piece with a motif at five places, where in ticks these are, and how long it is."""
    score, melody = layout.score, layout.melody
    track = int(score.notes["track"][melody.note[0]])
    lengths = np.rint(rng.choice(LENGTHS_QUARTERS, NOTES) * score.ticks_per_quarter).astype(np.int64)
    span = int(lengths.sum())
    bars = np.sort(rng.choice(np.arange(1, len(layout.grid) - 2, 4), PLACES, replace=False))
    starts = layout.grid.starts_ticks[bars]
    onset = score.notes["onset_ticks"]
    under = ((onset[:, None] >= starts) & (onset[:, None] < starts + span)).any(axis=1)
    kept = score.notes[~(under & (score.notes["track"] == track))]
    inside = np.concatenate([[0], np.cumsum(lengths)[:-1]])
    pitch = int(np.median(melody.pitch)) + np.concatenate([[0], np.cumsum(rng.choice(INTERVALS, NOTES - 1))])
    added = [
        notes_from_columns(start + inside, lengths, np.clip(pitch + shift, 0, 127), 80, track)
        for start, shift in zip(starts.tolist(), rng.integers(-4, 5, PLACES).tolist(), strict=True)
    ]
    return score.with_notes(np.concatenate([kept, *added])), starts, span


def hits(layout: Layout, starts: NDArray[np.int64], span: int) -> tuple[float, float]:
    """Recall and precision of the motif that hits most places."""
    best = (0.0, 0.0)
    for motif in find_motifs(layout).motifs:
        quarters = np.array([o.onset_quarters for o in motif.occurrences if o.track == layout.parts.melody_track])
        onsets = quarters * layout.score.ticks_per_quarter
        within = (onsets[:, None] >= starts - 1) & (onsets[:, None] < starts + span)
        if len(onsets):
            best = max(best, (float(within.any(axis=0).mean()), float(within.any(axis=1).mean())))
    return best


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("splits", type=Path)
    told = parser.parse_args()
    rng = np.random.default_rng(0)
    found: list[tuple[float, float]] = []
    real: list[float] = []
    chance: list[float] = []
    for path in chosen(told.splits):
        try:
            layout = lay_out(read_score(told.data / path))
        except InputError:
            continue
        if len(layout.melody) < FEWEST_NOTES or len(layout.grid) < FEWEST_BARS:
            continue
        real.append(find_motifs(layout).share)
        chance.append(find_motifs(lay_out(shuffled(layout, rng))).share)
        found.append(hits(lay_out((changed := planted(layout, rng))[0]), *changed[1:]))
    if not found:
        sys.exit(f"{told.data}: no pieces")
    recall, precision = np.mean(found, axis=0).tolist()
    figures = {"pieces": len(found), "planted: recall": recall, "planted: precision": precision,
               "share of the melody, as it is": float(np.mean(real)),
               "share of the melody, shuffled": float(np.mean(chance))}  # fmt: skip
    for name, value in figures.items():
        print(f"{name:<32} {value:.3f}" if isinstance(value, float) else f"{name:<32} {value}")
    RESULTS.mkdir(parents=True, exist_ok=True)
    text = json.dumps({"setting": machine(), "figures": figures}, ensure_ascii=False, indent=1)
    write_whole(RESULTS / f"motifs-{time.strftime('%Y%m%d-%H%M%S')}.json", text.encode())


if __name__ == "__main__":
    main()
