"""Metre and bar lines from the notes alone, beats of music played freely, groove and swing: each beside what is known.

    python benchmarks/rhythm.py MUSIC SPLITS            some minutes; --only metre|beats|figures, --most N pieces a set

Metre: pieces of `test` and `test_composer`, and corpora that nothing was fitted on, without their time signatures and
cut at a random beat of the first bar. "bar" is right when the bar has as many quarters, "kind" when it is in two, in
three or compound as written, "place" when the first bar line is where it is written, the time signature given. Bar
lines of the MIDI sets are off wherever the file leaves out its pickup; the corpora of music21 have them right.
Beats: held-out scores played with a wandering tempo, uneven and rolled (`rhythm_data.play`), drums and pop as recorded
with the tempo hidden. F: ± 70 ms (McKinney et al. 2007); CMLt, AMLt: ± 17.5 % (Hainsworth 2004).
"""

from __future__ import annotations

import argparse
import json
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from rhythm_data import (
    Known,
    Played,
    continuity,
    continuity_at_any_level,
    corpus_scores,
    f_measure,
    known_metre,
    play,
    read_splits,
    recorded_at_120,
)
from run import RESULTS, machine
from stilo.elements.grid import on_grid
from stilo.elements.layout import lay_out
from stilo.elements.metre_estimate import METRES, PLACE_STEPS, STARTS, metre_scores, metre_weights
from stilo.elements.metre_features import events_of, fold
from stilo.elements.profile import analyse
from stilo.errors import InputError
from stilo.music.files import read_score
from stilo.music.score import Score
from stilo.music.timeline import bar_grid, ticks_to_seconds

HELD_OUT = ("test", "test_composer")
BESIDE = (
    "Beside: no figure was found for the same task and data. De Haas & Volk (ISMIR 2016), inner metric analysis, judge "
    "ragtime and pop MIDI; Liu et al. (ISMIR 2022, PM2S) and Murgul & Heizmann (2025) judge beats of real piano "
    "performances (A-MAPS, ASAP), which are not here."
)
PUBLISHED_GROOVE = "0.78 ± 0.08"
Row = dict[str, float | str]


def kind(metre: tuple[int, int]) -> str:
    if metre[0] % 3 == 0 and metre[0] > 3:
        return "compound"
    return "three" if metre[0] == 3 else "two"


def judge_metre(known: Known) -> dict[str, float]:
    scores = metre_scores(fold(events_of(known.score)), metre_weights())
    by_metre = [np.logaddexp.reduce(scores[STARTS[m] : STARTS[m + 1]]) for m in range(len(METRES))]
    found, truth = METRES[int(np.argmax(by_metre))], METRES.index(known.metre)
    places = scores[STARTS[truth] : STARTS[truth + 1]]
    place_is_right = int(places.argmax()) * PLACE_STEPS == known.place_steps
    return {
        "signature": found == known.metre,
        "bar": found[0] / found[1] == known.metre[0] / known.metre[1],
        "kind": kind(found) == kind(known.metre),
        "place": place_is_right,
        "all 4/4": known.metre == (4, 4),
        "place by chance": 1 / len(places),
    }


def judge_beats(played: Played) -> dict[str, float] | None:
    """None when the piece is so short or so even that it passes for written."""
    begun = time.perf_counter()
    grid = on_grid(played.score)
    seconds = time.perf_counter() - begun
    if not grid.is_played:
        return None
    onsets = played.score.notes["onset_ticks"] / 960
    low, high = onsets.min() - 0.1, onsets.max() + 0.1

    def heard(moments: np.ndarray) -> np.ndarray:
        return moments[(moments >= low) & (moments <= high)]

    reference, estimated = heard(played.beats_seconds), heard(grid.beats_seconds - grid.shift_seconds)
    bars = ticks_to_seconds(grid.score, bar_grid(grid.score).starts_ticks) - grid.shift_seconds
    off = np.abs(estimated[:, None] - reference[None]).min(axis=1)
    fixed = np.arange(max(low, 0.0), high, 0.5)
    return {
        "F": f_measure(reference, estimated),
        "CMLt": continuity(reference, estimated),
        "AMLt": continuity_at_any_level(reference, estimated),
        "F bars": f_measure(heard(played.bars_seconds), heard(bars)),
        "median error ms": 1000 * float(np.median(off)),
        "told error ms": 1000 * grid.mean_error_seconds,
        "F grid of the file": f_measure(reference, fixed),
        "s": seconds,
    }


def held_out(
    music: Path, splits: dict[str, str], name: str, most: int, rng: np.random.Generator
) -> Iterator[tuple[str, Score]]:
    paths = [path for path, split in splits.items() if split in HELD_OUT and path.startswith(name + "/")]
    for i in rng.permutation(len(paths))[:most].tolist():
        try:
            yield splits[paths[i]], read_score(music / paths[i])
        except InputError:
            continue


def table(what: str, rows: dict[str, list[dict[str, float]]]) -> list[Row]:
    print(f"\n{what}")
    told: list[Row] = []
    for name, found in rows.items():
        means = {key: round(float(np.mean([row[key] for row in found])), 3) for key in found[0]}
        print(f"{name:<26} {len(found):>5}  " + "  ".join(f"{key} {value:g}" for key, value in means.items()))
        told.append({"what": what, "set": name, "pieces": len(found), **means})
    return told


def metre_rows(music: Path, splits: dict[str, str], most: int, rng: np.random.Generator) -> list[Row]:
    rows: dict[str, list[dict[str, float]]] = defaultdict(list)
    for name in ("lieder", "polish_scores", "quartets", "openhymnal"):
        for _, score in held_out(music, splits, name, most, rng):
            known = known_metre(score, rng)
            if known is not None:
                rows[name].append(judge_metre(known))
    for name in ("Essen", "Bach chorales", "classics"):
        for _, score in corpus_scores(name, most_per_file=max(1, most // 12)):
            known = known_metre(score, rng) if len(rows[name]) < most else None
            if known is not None:
                rows[name].append(judge_metre(known))
    return table("metre", rows)


def beat_rows(music: Path, splits: dict[str, str], most: int, rng: np.random.Generator) -> list[Row]:
    rows: dict[str, list[dict[str, float]]] = defaultdict(list)
    ways: dict[str, Callable[[Score], Played]] = dict.fromkeys(
        ("lieder", "polish_scores", "openhymnal", "folk_pd"), lambda score: play(score, rng)
    )
    missed = 0
    for name, way in (ways | {"pop909": recorded_at_120, "groove": recorded_at_120}).items():
        for _, score in held_out(music, splits, name, most, rng):
            found = judge_beats(way(score)) if len(score) > 60 else None
            missed += found is None
            if found is not None:
                rows[name].append(found)
    print(f"\n{missed} pieces are short, or passed for written")
    return table("beats", rows)


def groove_row(music: Path, splits: dict[str, str], most: int, rng: np.random.Generator) -> list[Row]:
    paths = [path for path in splits if path.startswith("pop909/")]
    found = [analyse(read_score(music / paths[i])).rhythm.groove for i in rng.permutation(len(paths))[:most].tolist()]
    print(f"\ngroove of {len(found)} of POP909: {np.mean(found):.2f} ± {np.std(found):.2f}, beside {PUBLISHED_GROOVE}")
    return [{"what": "groove", "pieces": len(found), "mean": float(np.mean(found)), "spread": float(np.std(found))}]


def swing_rows(music: Path) -> list[Row]:
    from stilo.elements.rhythm import swing_of

    lines = (music / "groove" / "manifest.tsv").read_text(encoding="utf-8").splitlines()[1:]
    rows: dict[str, list[dict[str, float]]] = defaultdict(list)
    for line in lines:
        path, _, _, genre = line.split("\t")[:4]
        layout = lay_out(read_score(music / path))
        ratio, share = swing_of(np.unique(layout.onset_ticks) / layout.score.ticks_per_quarter)
        rows[genre.removeprefix("drums:")].append({"swing": ratio, "swung share": share})
    return table("swing of drums, by style", {name: found for name, found in rows.items() if len(found) >= 20})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("music", type=Path)
    parser.add_argument("splits", type=Path)
    parser.add_argument("--only", choices=("metre", "beats", "figures"))
    parser.add_argument("--most", type=int, default=300)
    parser.add_argument("--seed", type=int, default=7)
    given = parser.parse_args()
    rng = np.random.default_rng(given.seed)
    splits = read_splits(given.splits)
    rows: list[Row] = []
    if given.only in (None, "metre"):
        rows += metre_rows(given.music, splits, given.most, rng)
    if given.only in (None, "beats"):
        rows += beat_rows(given.music, splits, min(given.most, 40), rng)
    if given.only in (None, "figures"):
        rows += groove_row(given.music, splits, min(given.most, 100), rng) + swing_rows(given.music)
    print(f"\n{BESIDE}")
    RESULTS.mkdir(exist_ok=True)
    name = f"rhythm-{given.only}.json" if given.only else "rhythm.json"
    told = {
        "setting": machine() | {"data": f"{given.most} pieces a set, seed {given.seed}"},
        "rows": rows,
        "beside": BESIDE,
    }
    (RESULTS / name).write_text(json.dumps(told, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
