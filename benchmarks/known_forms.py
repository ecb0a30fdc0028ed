"""Pieces whose form is known: tunes with written repeats, and forms put together from sections of real pieces."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from stilo.elements.layout import lay_out
from stilo.errors import InputError
from stilo.music import abc
from stilo.music.files import read_score, read_scores
from stilo.music.repeats import BarMarks, playing_order
from stilo.music.score import NoteArray, Score, TimeSignature
from stilo.music.sheet import SHEET_TICKS, Sheet, sheet_score
from stilo.music.timeline import BarGrid, bar_grid

FORMS = ("AABA", "ABACA", "ABAB", "AABB", "ABA", "ABCA", "AABBA", "ABCB", "ABCABC", "AABAB", "ABBA", "ABC", "AABC")
SIZES = (4, 6, 8, 8, 8, 8, 12, 16)
VARIED = 0.6  # of the returns
WITH_INTRODUCTION = 0.4
FEWEST_BARS, MOST_BARS = 16, 300
_SHORTEST = 4


@dataclass(frozen=True)
class KnownForm:
    """A piece, the first bars of its sections and a name for each."""

    score: Score
    starts: list[int]
    labels: list[str]


def written_repeats(files: list[Path]) -> list[KnownForm]:
    """Tunes of ABC files with at least two sections of four bars and more; a section is what a repeat encloses."""
    seen: list[tuple[Score, list[float], list[int]]] = []

    def heard(sheet: Sheet, path: str) -> Score:
        score = sheet_score(sheet, path)
        seen.append((score, *_played_sections(sheet)))
        return score

    plain, abc.sheet_score = abc.sheet_score, heard  # the score itself no longer knows its repeats
    try:
        for path in files:
            try:
                read_scores(path)
            except InputError:
                continue
    finally:
        abc.sheet_score = plain
    known = (_in_whole_bars(*one) for one in seen)
    return [one for one in known if one is not None]


def _begins_section(bars: list[BarMarks], at: int) -> bool:
    before, bar = bars[at - 1], bars[at]
    if bar.begins_repeat:
        return True
    if before.endings:
        return not bar.endings or (1 in bar.endings and 1 not in before.endings)
    return before.ends_repeat and not bar.endings


def _played_sections(sheet: Sheet) -> tuple[list[float], list[int]]:
    """Where in quarters sections begin as played, and which as written."""
    bars = [bar.marks for bar in sheet.bars]
    section = np.cumsum([0] + [_begins_section(bars, at) for at in range(1, len(bars))]).tolist()
    starts, which, now, last = [], [], 0, -1
    for at in playing_order(bars, 100_000):
        if last < 0 or section[at] != section[last] or at <= last:
            starts.append(now / SHEET_TICKS)
            which.append(section[at])
        now += sheet.bars[at].length
        last = at
    return starts, which


def _in_whole_bars(score: Score, starts: list[float], which: list[int]) -> KnownForm | None:
    """Sections at the nearest bar lines; a section of one bar, a pickup, goes to the next."""
    grid = bar_grid(score)
    lines = grid.starts_ticks / score.ticks_per_quarter
    first: list[int] = []
    labels: list[str] = []
    for start, section in zip(starts, which, strict=True):
        bar = int(np.abs(lines - start).argmin())
        if first and bar - first[-1] < 2:
            labels[-1] = str(section)
            continue
        first.append(bar)
        labels.append(str(section))
    first[0] = 0
    lengths = np.diff([*first, len(grid)])
    if not FEWEST_BARS <= len(grid) <= MOST_BARS or len(first) < 2 or lengths.min() < _SHORTEST:
        return None
    return KnownForm(score, first, labels)


def planted_forms(
    data: Path, splits: Path, kinds: tuple[str, ...], wanted: tuple[str, ...], *, count: int, seed: int
) -> list[KnownForm]:
    """Up to `count` forms of each kind of music, each from sections of one piece of the splits wanted."""
    rng = np.random.default_rng(seed)
    with splits.open(encoding="utf-8", newline="") as table:
        rows = [row for row in csv.DictReader(table, delimiter="\t") if row["split"] in wanted]
    found = []
    for kind in kinds:
        paths = sorted(row["path"] for row in rows if row["path"].startswith(f"{kind}/"))
        planted = 0
        for path in rng.permutation(paths):
            if planted >= count:
                break
            try:
                form = planted_form(read_score(data / str(path)), rng)
            except InputError:
                continue
            if form is not None:
                found.append(form)
                planted += 1
    return found


def planted_form(score: Score, rng: np.random.Generator) -> KnownForm | None:
    """One of `FORMS` from sections of a piece, some returns varied; None when the piece does not lend itself to it."""
    grid = bar_grid(score)
    bars = len(grid)
    if bars < 32 or len(np.unique(grid.lengths_ticks[1:-1])) > 1:
        return None
    form = str(rng.choice(FORMS))
    names = sorted(set(form))
    sizes = {name: int(rng.choice(SIZES)) for name in names}
    if sum(sizes.values()) > bars - 2:
        sizes = dict.fromkeys(names, 8)
    free = bars - 1 - sum(sizes.values())
    if free < 1:
        return None
    gaps = np.sort(rng.integers(0, free // 4 + 1, len(names))) * 4
    places, used = {}, 1
    for name, gap in zip(rng.permutation(names).tolist(), gaps.tolist(), strict=True):
        places[name] = used + gap
        used += sizes[name]
    return _put_together(score, grid, [(name, places[name], sizes[name]) for name in form], rng)


def _put_together(
    score: Score, grid: BarGrid, sections: list[tuple[str, int, int]], rng: np.random.Generator
) -> KnownForm | None:
    melody = lay_out(score).parts.melody_track
    length = int(grid.lengths_ticks[1])
    notes, starts, labels, bar = [], [], [], 0
    if rng.random() < WITH_INTRODUCTION:
        bar = int(rng.integers(1, 5))
        notes.append(_cut(score, grid, 0, bar))
        starts, labels = [0], ["introduction"]
    for name, first, bars in sections:
        part = _cut(score, grid, first, first + bars)
        if len(part) < 4:
            return None
        if name in labels and rng.random() < VARIED:
            part = varied(score, part, melody, rng)
        part["onset_ticks"] += bar * length
        notes.append(part)
        starts.append(bar)
        labels.append(name)
        bar += bars
    metre = TimeSignature(0, int(grid.numerators[1]), int(grid.denominators[1]))
    joined = Score(np.concatenate(notes), score.tracks, score.ticks_per_quarter, score.tempos[:1], (metre,))
    return KnownForm(joined, starts, labels)


def _cut(score: Score, grid: BarGrid, first: int, end: int) -> NoteArray:
    """Notes that begin in some bars, cut at their end, counted from their beginning."""
    start = int(grid.starts_ticks[first])
    stop = int(grid.starts_ticks[end]) if end < len(grid) else score.end_ticks
    onset = score.notes["onset_ticks"]
    part: NoteArray = score.notes[(onset >= start) & (onset < stop)].copy()
    part["onset_ticks"] -= start
    part["duration_ticks"] = np.minimum(part["duration_ticks"], stop - start - part["onset_ticks"])
    return part


def varied(score: Score, part: NoteArray, melody: int | None, rng: np.random.Generator) -> NoteArray:
    """Transposed, ornamented (long notes split, some left out) or with other chords under the melody."""
    part = part.copy()
    pitched = ~np.array([track.is_drum for track in score.tracks])[part["track"]]
    quarter = score.ticks_per_quarter
    kind = rng.integers(3)
    if kind == 0:
        part["pitch"][pitched] = np.clip(part["pitch"][pitched] + rng.choice([-5, -3, -2, 2, 3, 5]), 0, 127)
    elif kind == 1:
        split = np.flatnonzero(pitched & (part["duration_ticks"] >= quarter // 2) & (rng.random(len(part)) < 0.3))
        half = part["duration_ticks"][split] // 2
        added = part[split].copy()
        added["onset_ticks"] += half
        added["duration_ticks"] -= half
        added["pitch"] = np.clip(added["pitch"] + rng.choice([-2, -1, 1, 2], len(split)), 0, 127)
        part["duration_ticks"][split] = half
        part = np.concatenate([part[rng.random(len(part)) >= 0.05], added])
    else:
        span = part["onset_ticks"] // (2 * quarter)
        move = rng.choice([-4, -3, 0, 0, 3, 4, 5], int(span.max(initial=0)) + 1)
        under = pitched & (part["track"] != melody)
        part["pitch"][under] = np.clip(part["pitch"][under] + move[span[under]], 0, 127)
    return part


def boundary_scores(reference: list[int], estimated: list[int], tolerance: int = 1) -> tuple[float, float, float]:
    """Precision, recall and F of boundaries within `tolerance` bars; the beginning of the piece is none."""
    real, told = [b for b in reference if b > 0], [b for b in estimated if b > 0]
    if not real or not told:
        return (1.0, 1.0, 1.0) if not real and not told else (0.0, 0.0, 0.0)
    left = list(real)
    hits = 0
    for boundary in told:
        near = [b for b in left if abs(b - boundary) <= tolerance]
        if near:
            left.remove(min(near, key=lambda b: abs(b - boundary)))
            hits += 1
    return _with_f(hits / len(told), hits / len(real))


def pairwise_scores(reference: NDArray[np.int64], estimated: NDArray[np.int64]) -> tuple[float, float, float]:
    """Precision, recall and F of pairs of bars that have the same label (Levy & Sandler 2008)."""
    upper = np.triu_indices(len(reference), 1)
    real = (reference[:, None] == reference)[upper]
    told = (estimated[:, None] == estimated)[upper]
    both = int((real & told).sum())
    return _with_f(both / max(1, int(told.sum())), both / max(1, int(real.sum())))


def _with_f(precision: float, recall: float) -> tuple[float, float, float]:
    return precision, recall, 2 * precision * recall / max(1e-12, precision + recall)


def bar_labels(starts: list[int], labels: list[str], bars: int) -> NDArray[np.int64]:
    """A number for the label of each bar."""
    numbers = {label: number for number, label in enumerate(dict.fromkeys(labels))}
    lengths = np.diff([*starts, bars])
    return np.repeat([numbers[label] for label in labels], lengths).astype(np.int64)
