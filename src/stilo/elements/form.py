"""Form: which bars return, where sections begin, and which sections are the same."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from stilo.elements.layout import Bools, Floats, Layout
from stilo.elements.likeness import MOST_ROWS, row_likeness
from stilo.elements.sections import VARIED_MARK, section_labels, section_starts


@dataclass(frozen=True)
class Section:
    """A stretch of bars; `first_bar` counts from 0. Sections of one letter are alike, "A′" is "A" varied."""

    first_bar: int
    bars: int
    label: str

    @property
    def letter(self) -> str:
        """The label without the sign that it is varied."""
        return self.label.removesuffix(VARIED_MARK)


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
    likeness = row_likeness(layout, per_row)
    starts = section_starts(layout, likeness, per_row)
    labels = section_labels(likeness, starts)
    bounds = np.minimum(np.append(starts, rows) * per_row, bars)
    sections = tuple(Section(int(bounds[i]), int(bounds[i + 1] - bounds[i]), label) for i, label in enumerate(labels))
    return Form(likeness[0].astype(np.float64), sections, _returning(layout), per_row)


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
