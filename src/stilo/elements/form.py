"""Form: which bars return, and where sections begin.

Bars are compared by what sounds in them (chroma) and where notes begin; the matrix of likenesses of all bars is
searched for boundaries with a checkerboard kernel (Foote 2000, "Automatic audio segmentation using a measure of audio
novelty").
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from stilo.elements.layout import Bools, Floats, Ints, Layout

KERNEL_BARS = 8
SHORTEST_SECTION_BARS = 4
MOST_ROWS = 1024
_SAME_SECTION = 0.82
_PLACES = 24
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


@dataclass(frozen=True)
class Section:
    """A stretch of bars; sections of the same label are alike. `first_bar` counts from 0."""

    first_bar: int
    bars: int
    label: str


@dataclass(frozen=True, eq=False)
class Form:
    """The form of a piece.

    Attributes:
        likeness: float [rows, rows], 0…1; a row is `bars_per_row` bars.
        sections: they cover the piece without gaps.
        returning: share of the bars with notes that repeat an earlier bar exactly.
        bars_per_row: 1 up to `MOST_ROWS` bars.
    """

    likeness: Floats
    sections: tuple[Section, ...]
    returning: float
    bars_per_row: int


def measure_form(layout: Layout) -> Form:
    """Measure the form of a piece."""
    bars = len(layout.grid)
    per_row = -(-bars // MOST_ROWS)
    rows = -(-bars // per_row)
    likeness = _likeness(_row_chroma(layout, per_row, rows), _row_onsets(layout, per_row, rows))
    starts = _boundaries(likeness)
    labels = _labels(likeness, starts)
    bounds = np.minimum(np.append(starts, rows) * per_row, bars)
    sections = tuple(Section(int(bounds[i]), int(bounds[i + 1] - bounds[i]), label) for i, label in enumerate(labels))
    return Form(likeness, sections, _returning(layout), per_row)


def _row_chroma(layout: Layout, per_row: int, rows: int) -> Floats:
    """Square roots of the pitch class time in each row, [rows, 12]."""
    slices = layout.slices
    row = layout.beat_bar[layout.slice_beat] // per_row
    weighted = slices.chroma * slices.lengths_ticks[:, None]
    chroma = np.zeros((rows, 12))
    first = np.flatnonzero(np.concatenate([[True], np.diff(row) > 0]))
    chroma[row[first]] = np.add.reduceat(weighted, first, axis=0)
    return np.sqrt(chroma)


def _row_onsets(layout: Layout, per_row: int, rows: int) -> Floats:
    """How many notes begin at each of 24 places of the bars of a row, square roots, [rows, 24]."""
    start = layout.grid.starts_ticks[layout.bar]
    place = (layout.onset_ticks - start) * _PLACES // layout.grid.lengths_ticks[layout.bar]
    cell = layout.bar // per_row * _PLACES + np.clip(place, 0, _PLACES - 1)
    return np.sqrt(np.bincount(cell, minlength=rows * _PLACES).reshape(rows, _PLACES))


def _likeness(chroma: Floats, onsets: Floats) -> Floats:
    """Mean of the cosines of the two features; rows without sound are like each other and unlike all else."""
    total = np.zeros((len(chroma), len(chroma)))
    for rows in (chroma, onsets):
        norm = np.linalg.norm(rows, axis=1, keepdims=True)
        unit = rows / np.maximum(norm, 1e-12)
        silent = norm[:, 0] == 0
        total += 0.5 * (unit @ unit.T + np.outer(silent, silent))
    return np.clip(total, 0.0, 1.0)


def _boundaries(likeness: Floats) -> Ints:
    """First rows of the sections, 0 among them."""
    rows = len(likeness)
    half = KERNEL_BARS
    if rows < 2 * SHORTEST_SECTION_BARS:
        return np.zeros(1, np.int64)
    taper = np.exp(-0.5 * ((np.arange(2 * half) - half + 0.5) / (half / 2)) ** 2)
    sign = np.repeat([-1.0, 1.0], half)
    kernel = np.outer(sign * taper, sign * taper)
    padded = np.pad(likeness, half, mode="edge")
    windows = np.lib.stride_tricks.sliding_window_view(padded, (2 * half, 2 * half))
    diagonal = np.arange(rows)
    novelty = np.einsum("nij,ij->n", windows[diagonal, diagonal], kernel) / np.abs(kernel).sum()
    return np.concatenate([[0], _peaks(novelty)]).astype(np.int64)


def _peaks(novelty: Floats) -> Ints:
    """Rows of clear local maxima, at least a shortest section from each other and from both ends."""
    gap = SHORTEST_SECTION_BARS
    threshold = max(float(novelty[gap:-gap].mean() + 0.5 * novelty.std()), 0.01) if len(novelty) > 2 * gap else np.inf
    chosen: list[int] = []
    for row in np.argsort(-novelty, kind="stable").tolist():
        if novelty[row] < threshold:
            break
        if gap <= row <= len(novelty) - gap and all(abs(row - other) >= gap for other in chosen):
            chosen.append(row)
    return np.array(sorted(chosen), np.int64)


def _labels(likeness: Floats, starts: Ints) -> list[str]:
    """A letter for each section: that of the earlier section it is most like, bar by bar, if like enough."""
    bounds = np.append(starts, len(likeness))
    labels: list[str] = []
    fresh = 0
    for i, start in enumerate(starts.tolist()):
        best, label = _SAME_SECTION, ""
        for j in range(i):
            length = min(bounds[i + 1] - start, bounds[j + 1] - bounds[j])
            rows = np.arange(length)
            alike = float(likeness[start + rows, bounds[j] + rows].mean())
            if alike > best:
                best, label = alike, labels[j]
        if not label:
            turn, letter = divmod(fresh, len(_LETTERS))
            label = _LETTERS[letter] + (str(turn + 1) if turn else "")
            fresh += 1
        labels.append(label)
    return labels


def _returning(layout: Layout) -> float:
    """Share of bars with notes whose pitches and places are exactly those of an earlier bar; drums count too."""
    if len(layout.onset_ticks) == 0:
        return 0.0
    start = layout.grid.starts_ticks[layout.bar]
    length = layout.grid.lengths_ticks[layout.bar]
    place = np.rint((layout.onset_ticks - start) * 48 / length).astype(np.uint64)
    lowest = layout.pitch + 200 * layout.drum
    mixed = (place * np.uint64(512) + lowest.astype(np.uint64) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
    mixed ^= mixed >> np.uint64(29)
    mixed *= np.uint64(0xBF58476D1CE4E5B9)
    first: Bools = np.concatenate([[True], np.diff(layout.bar) > 0])
    sums = np.add.reduceat(mixed ^ (mixed >> np.uint64(32)), np.flatnonzero(first))
    return 1 - len(np.unique(sums)) / len(sums)
