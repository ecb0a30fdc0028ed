"""Are planted copies found, and are human pieces left in peace?

    python benchmarks/originality.py PACKED [--trials 400] [--seed 0] [--only base|collections|large|speed]

Against the base model's index, and against collections of 16 pieces of one composer or book: eight bars of a known
piece (24 notes of melody or more) are planted into an unseen one, verbatim, a fourth up, three times in a row,
twice as fast (two bars in one) and half as fast (one bar in two), with a tenth of notes added, and with their bars in
another order. And against large styles: hundreds of pieces of one set, of which
a share of the runs is kept as `learn` does, beside all their runs. False alarms: of unseen human pieces, over the level
of human pieces, and called copies; every copy is listed, since many are quotations or other editions. Pieces for drums
alone are left out. Speed: processor seconds of building, and of checking one piece against ten thousand, those of the
base index and the same with all their runs.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from run import keep_figures
from stilo.errors import StiloError
from stilo.models.corpus import Piece, load_pieces
from stilo.originality.base import base_index, base_index_path
from stilo.originality.build import pitched
from stilo.originality.check import Originality, check_trace
from stilo.originality.index import index_of
from stilo.originality.kept import MOST_ROWS
from stilo.originality.level import GENERAL, Level, level_of
from stilo.originality.lines import Notes, melody_of, notes_of_steps
from stilo.originality.runs import runs_of, trace_of
from stilo.originality.thinning import ALL, thinned

PLANTED_BARS, FEWEST_MELODY_NOTES = 8, 24
COLLECTION, FEWEST_OF_COLLECTION = 16, 24
LARGE, LARGE_UNSEEN = (300, 1000), 80
PARTS = ("base", "collections", "large", "speed")
ADDED = 0.1
BY_BOOK = {"folk_pd"}
WHOLE_SETS = {"pop909", "openhymnal", "game_free"}
UNSEEN = ("valid", "test", "dev_composer", "test_composer")


def passage(notes: Notes, rng: np.random.Generator) -> tuple[Notes, int] | None:
    """Eight bars of a piece from onset 0 on, and how long a bar is; None when there are none with notes enough."""
    if len(notes) == 0 or notes.bar[-1] < PLANTED_BARS:
        return None
    for _ in range(5):
        first = int(rng.integers(0, notes.bar[-1] - PLANTED_BARS + 2))
        some = notes.some((notes.bar >= first) & (notes.bar < first + PLANTED_BARS))
        if len(some) >= FEWEST_MELODY_NOTES and len(melody_of(some)) >= FEWEST_MELODY_NOTES:
            start = some.onset.min()
            begins = [some.onset[some.bar == bar].min() for bar in np.unique(some.bar)]
            length = int(np.median(np.diff(begins))) if len(begins) > 1 else 96
            moved = replace(some, onset=some.onset - start, end=some.end - start, bar=some.bar - first)
            return moved, max(1, length)
    return None


def ornamented(notes: Notes, rng: np.random.Generator) -> Notes:
    """Neighbours halfway to the next onset, after a tenth of the notes."""
    chosen = rng.choice(len(notes), max(1, round(ADDED * len(notes))), replace=False)
    onsets = np.append(np.unique(notes.onset), notes.onset.max() + 12)
    following = onsets[np.searchsorted(onsets, notes.onset[chosen], side="right")]
    halfway = (notes.onset[chosen] + following) // 2
    pitch = notes.pitch[chosen] + rng.choice([-2, -1, 1, 2], len(chosen))
    return Notes(
        np.append(notes.onset, halfway),
        np.append(notes.end, np.maximum(following, halfway + 1)),
        np.append(notes.pitch, pitch),
        np.append(notes.bar, notes.bar[chosen]),
        np.append(notes.half, notes.half[chosen]),
    )


def reordered(notes: Notes, bar_length: int, rng: np.random.Generator) -> Notes:
    place = rng.permutation(PLANTED_BARS)
    moved = (place[notes.bar] - notes.bar) * bar_length
    return replace(notes, onset=notes.onset + moved, end=notes.end + moved, bar=place[notes.bar])


def twice_as_fast(notes: Notes, first_half: int) -> Notes:
    """Two bars in one, as a file in halved note values has them; the passage begins in either half of a bar."""
    onset, bar = notes.onset // 2, notes.bar + first_half
    return Notes(onset, np.maximum(notes.end // 2, onset + 1), notes.pitch, bar // 2, bar % 2)


def half_as_fast(notes: Notes, bar_length: int) -> Notes:
    """One bar in two."""
    half = (4 * notes.onset % (2 * bar_length) >= bar_length).astype(np.int64)
    return Notes(2 * notes.onset, 2 * notes.end, notes.pitch, 2 * notes.bar + notes.half, half)


def three_times(notes: Notes, bar_length: int) -> Notes:
    again = np.repeat(np.arange(3), len(notes))
    thrice = notes.some(np.tile(np.arange(len(notes)), 3))
    later = again * PLANTED_BARS * bar_length
    bar = thrice.bar + again * PLANTED_BARS
    return replace(thrice, onset=thrice.onset + later, end=thrice.end + later, bar=bar)


def disguised(notes: Notes, bar_length: int, rng: np.random.Generator) -> dict[str, Notes]:
    return {
        "verbatim": notes,
        "transposed": replace(notes, pitch=notes.pitch + 5),
        "three times": three_times(notes, bar_length),
        "twice as fast": twice_as_fast(notes, int(rng.integers(2))),
        "half as fast": half_as_fast(notes, bar_length),
        "ornamented": ornamented(notes, rng),
        "reordered": reordered(notes, bar_length, rng),
    }


def planted(host: Notes, copy: Notes, rng: np.random.Generator) -> Notes:
    """The host with a copy before one of its bars."""
    at = int(rng.integers(0, host.bar.max() + 1))
    before = host.bar < at
    begin = (int(host.onset[before].max(initial=0)) // 12 + 2) * 12
    copy_onset = copy.onset - copy.onset.min() + begin
    span = int(copy_onset.max()) + 24
    later = ~before
    onset = np.concatenate([host.onset[before], copy_onset, host.onset[later] + span])
    end = np.concatenate([host.end[before], copy.end - copy.onset.min() + begin, host.end[later] + span])
    pitch = np.concatenate([host.pitch[before], copy.pitch, host.pitch[later]])
    bar = np.concatenate([host.bar[before], copy.bar + at, host.bar[later] + copy.bar.max() + 1])
    half = np.concatenate([host.half[before], copy.half, host.half[later]])
    return Notes(onset, end, pitch, bar, half).some(np.lexsort((pitch, onset)))


class Tally:
    """How often a disguise was found."""

    def __init__(self) -> None:
        self.bits: dict[str, list[float]] = defaultdict(list)
        self.over: dict[str, list[bool]] = defaultdict(list)
        self.copied: dict[str, list[bool]] = defaultdict(list)
        self.right: dict[str, list[bool]] = defaultdict(list)

    def add(self, name: str, found: Originality, source: str) -> None:
        self.bits[name].append(found.bits)
        self.over[name].append(found.bits > found.level.p95)
        self.copied[name].append(found.verdict == "copied")
        self.right[name].append(bool(found.passages) and found.passages[0].source == source)

    def rows(self) -> dict[str, dict[str, float]]:
        return {
            name: {
                "trials": len(bits),
                "found": round(float(np.mean(self.over[name])), 4),
                "called a copy": round(float(np.mean(self.copied[name])), 4),
                "right piece": round(float(np.mean(self.right[name])), 4),
                "bits p1": round(float(np.percentile(bits, 1)), 1),
                "bits p50": round(float(np.median(bits)), 1),
            }
            for name, bits in self.bits.items()
        }


def draw_passage(pieces: Sequence[Piece], rng: np.random.Generator) -> tuple[Piece, Notes, int] | None:
    for _ in range(100):
        piece = pieces[int(rng.integers(len(pieces)))]
        if (found := passage(notes_of_steps(piece.steps), rng)) is not None:
            return piece, *found
    return None


def against_base(train: Sequence[Piece], unseen: dict[str, list[Piece]], trials: int, seed: int) -> dict[str, Any]:
    base, rng, tally = base_index(), np.random.default_rng([seed, 1]), Tally()
    alarms = {}
    for split, pieces in unseen.items():
        found = [check_trace(trace_of(notes_of_steps(piece.steps)), base, base.level) for piece in pieces]
        alarms[split] = false_alarms([(piece.name, one) for piece, one in zip(pieces, found, strict=True)])
        print(split, {name: value for name, value in alarms[split].items() if name != "copies"}, flush=True)
    hosts = unseen["test"] + unseen["valid"]
    for _ in range(trials):
        drawn = draw_passage(train, rng)
        if drawn is None:
            break
        piece, notes, length = drawn
        host = notes_of_steps(hosts[int(rng.integers(len(hosts)))].steps)
        for name, copy in disguised(notes, length, rng).items():
            tally.add(name, check_trace(trace_of(planted(host, copy, rng)), base, base.level), piece.group)
    return {"alarms": alarms, "planted": tally.rows()}


def false_alarms(found: Iterable[tuple[str, Originality]]) -> dict[str, Any]:
    rows = list(found)
    copies = sorted((round(one.bits), name, one.passages[0].source) for name, one in rows if one.verdict == "copied")
    return {
        "pieces": len(rows),
        "over p95": round(float(np.mean([one.bits > one.level.p95 for _, one in rows])), 4),
        "called copies": round(len(copies) / len(rows), 4),
        "bits": [round(float(bits), 1) for bits in np.percentile([one.bits for _, one in rows], [50, 95, 99])],
        "copies": copies[::-1],
    }


def collections(pieces: Iterable[Piece]) -> dict[str, list[Piece]]:
    groups: dict[str, list[Piece]] = defaultdict(list)
    for piece in pieces:
        name = piece.group
        if piece.set_name in BY_BOOK:
            name = f"{piece.set_name}/{piece.name.split('/')[1].split('_')[0]}"
        groups[piece.set_name if piece.set_name in WHOLE_SETS else name].append(piece)
    return {name: some for name, some in groups.items() if len(some) >= FEWEST_OF_COLLECTION}


def against_collections(groups: dict[str, list[Piece]], trials: int, seed: int) -> dict[str, Any]:
    rng, tally = np.random.default_rng([seed, 2]), Tally()
    alarms: list[tuple[str, Originality]] = []
    levels: list[Level] = []
    stock = base_index().stock
    names = sorted(groups)
    for trial in range(trials):
        chosen = [groups[names[trial % len(names)]][i] for i in rng.permutation(len(groups[names[trial % len(names)]]))]
        known, host = chosen[:COLLECTION], chosen[COLLECTION]
        runs = [runs_of(notes_of_steps(piece.steps)) for piece in known]
        index = index_of([(piece.name, one) for piece, one in zip(known, runs, strict=True)], stock)
        level = level_of(runs, index)
        levels.append(level)
        notes = notes_of_steps(host.steps)
        alarms.append((host.name, check_trace(trace_of(notes), index, level)))
        if (drawn := draw_passage(known, rng)) is None:
            continue
        piece, copied, length = drawn
        for name, copy in disguised(copied, length, rng).items():
            tally.add(name, check_trace(trace_of(planted(notes, copy, rng)), index, level), piece.name)
    own = np.mean([[level.p50, level.p95] for level in levels], axis=0)
    return {
        "collections": len(groups),
        "mean level": [round(float(bits), 1) for bits in own],
        "level of music at large": [GENERAL.p50, GENERAL.p95],
        "alarms": false_alarms(alarms),
        "planted": tally.rows(),
    }


def against_large_styles(train: Sequence[Piece], trials: int, seed: int) -> dict[str, Any]:
    """Sets of hundreds of pieces: what is kept of them, and what is found by that of unseen pieces of the set."""
    rng = np.random.default_rng([seed, 3])
    sets: dict[str, list[Piece]] = defaultdict(list)
    for piece in train:
        sets[piece.set_name].append(piece)
    report: dict[str, Any] = {}
    for name, pieces in sorted(sets.items()):
        order = rng.permutation(len(pieces))
        for size in LARGE:
            if len(pieces) >= size + LARGE_UNSEEN:
                known, unseen = ([pieces[i] for i in some] for some in (order[:size], order[-LARGE_UNSEEN:]))
                report[f"{name}, {size}"] = against_one_large(known, unseen, trials, rng)
                print(name, size, {key: row for key, row in report[f"{name}, {size}"].items() if key != "planted"})
                show(f"planted, against {size} pieces of {name}, thinned", report[f"{name}, {size}"]["planted"])
    return report


def against_one_large(
    known: Sequence[Piece], unseen: Sequence[Piece], trials: int, rng: np.random.Generator
) -> dict[str, Any]:
    whole = [runs_of(notes_of_steps(piece.steps)) for piece in known]
    some, kept = thinned(whole, MOST_ROWS)
    told: dict[str, Any] = {"kept": [round(share, 3) for share in kept]}
    for what, runs, shares in (("all runs", whole, ALL), ("thinned", some, kept)):
        named = [(piece.name, one) for piece, one in zip(known, runs, strict=True)]
        index = index_of(named, base_index().stock, shares).without_pitches()
        level = level_of(whole, index)
        found = [(piece.name, check_trace(trace_of(notes_of_steps(piece.steps)), index, level)) for piece in unseen]
        told[what] = {"rows": len(index.rows), "level": [round(level.p50, 1), round(level.p95, 1)]} | false_alarms(
            found
        )
    tally = Tally()
    for trial in range(trials):
        if (drawn := draw_passage(known, rng)) is None:
            break
        piece, notes, length = drawn
        host = notes_of_steps(unseen[trial % len(unseen)].steps)
        for name, copy in disguised(notes, length, rng).items():
            tally.add(name, check_trace(trace_of(planted(host, copy, rng)), index, level), piece.name)
    return told | {"planted": tally.rows()}


def seconds(work: Callable[[], object], times: int = 1) -> float:
    begin = time.process_time()
    for _ in range(times):
        work()
    return (time.process_time() - begin) / times


def speed(train: Sequence[Piece], queries: Sequence[Piece]) -> dict[str, Any]:
    base = base_index()
    some = train[:: max(1, len(train) // 1000)]
    building = seconds(lambda: [runs_of(notes_of_steps(piece.steps)) for piece in some]) / len(some)
    named = [(piece.name, runs_of(notes_of_steps(piece.steps))) for piece in train[:10_000]]
    indexing = seconds(lambda: index_of(named, base.stock)) / len(named)
    whole = index_of(named, base.stock)
    traces = [trace_of(notes_of_steps(piece.steps)) for piece in queries]
    in_base = [seconds(lambda one=one: check_trace(one, base, base.level)) for one in traces]
    in_whole = [seconds(lambda one=one: check_trace(one, whole, base.level)) for one in traces[:100]]
    return {
        "runs of a piece, pieces/s": round(1 / building),
        "with indexing, pieces/s": round(1 / (building + indexing)),
        "pieces": [len(base.names), len(whole.names)],
        "base index, s a piece (mean, largest)": [round(float(np.mean(in_base)), 4), round(max(in_base), 3)],
        "all runs, s a piece (mean, largest)": [round(float(np.mean(in_whole)), 4), round(max(in_whole), 3)],
        "base index, MiB": round(base_index_path().stat().st_size / 2**20, 2),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("packed", type=Path)
    parser.add_argument("--trials", type=int, default=400)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", choices=PARTS)
    arguments = parser.parse_args()
    parts = [arguments.only] if arguments.only else PARTS
    try:
        train = list(pitched(load_pieces(arguments.packed / "train.npz")))
        unseen = {split: list(pitched(load_pieces(arguments.packed / f"{split}.npz"))) for split in UNSEEN}
    except StiloError as error:
        sys.exit(str(error))
    report: dict[str, Any] = {}
    if "base" in parts:
        report["base"] = against_base(train, unseen, arguments.trials, arguments.seed)
        show("planted, against the base model's pieces", report["base"]["planted"])
    if "collections" in parts:
        groups = collections(train + unseen["dev_composer"])
        report["collections"] = against_collections(groups, arguments.trials, arguments.seed)
        show("planted, against collections", report["collections"]["planted"])
        print({name: value for name, value in report["collections"].items() if name != "planted"}, flush=True)
    if "large" in parts:
        report["large"] = against_large_styles(train, arguments.trials // 4, arguments.seed)
    if "speed" in parts:
        report["speed"] = speed(train, unseen["test"])
        print(report["speed"], flush=True)
    keep_figures("originality" if arguments.only is None else f"originality-{arguments.only}", report)


def show(title: str, rows: dict[str, dict[str, float]]) -> None:
    print(title)
    for name, row in rows.items():
        print(f"  {name:<14}", *(f"{what} {value}" for what, value in row.items()), flush=True)


if __name__ == "__main__":
    main()
