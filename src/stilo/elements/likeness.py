"""How like the bars of a piece are, each to each, as they stand and transposed.

A bar is described by the pitch classes that sound in each eighth of it, by those of its melody there, and by where its
notes begin; likeness is the weighted mean of the three cosines. Transposed by k semitones, a bar is one whose pitch
classes are rolled by k places (Müller & Clausen 2007, "Transposition-invariant self-similarity matrices").
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from stilo.elements.layout import Floats, Ints, Layout

MOST_ROWS = 1024
PLACES = 8  # of a bar, for what sounds
_ONSET_PLACES = 24
CHROMA, MELODY, ONSETS = 0.5, 0.3, 0.2  # weights

Matrices = NDArray[np.float32]


def row_likeness(layout: Layout, per_row: int) -> Matrices:
    """Likeness of row i, k semitones higher, and row j, 0…1, float32 [12: k, rows: i, rows: j].

    A row is `per_row` bars. Rows without sound are like each other and unlike all else.
    """
    rows = -(-len(layout.grid) // per_row)
    chroma, no_chroma = _unit(_row_chroma(layout, per_row, rows) * 1.0)
    melody, no_melody = _unit(_row_melody(layout, per_row, rows))
    onsets, no_onsets = _unit(_row_onsets(layout, per_row, rows))
    joined = np.concatenate([chroma * CHROMA**0.5, melody * MELODY**0.5], axis=1).astype(np.float32)
    same = ONSETS * (onsets @ onsets.T + np.outer(no_onsets, no_onsets))
    same += CHROMA * np.outer(no_chroma, no_chroma) + MELODY * np.outer(no_melody, no_melody)
    likeness = np.empty((12, rows, rows), np.float32)
    flat = joined.reshape(rows, -1)
    for shift in range(7):
        likeness[shift] = flat @ np.roll(joined, -shift, axis=2).reshape(rows, -1).T + same
        if shift:
            likeness[12 - shift] = likeness[shift].T
    return np.clip(likeness, 0.0, 1.0, out=likeness)


def _unit(rows: Floats) -> tuple[Floats, Floats]:
    """Rows of length 1, and 1.0 for those that were 0."""
    norm = np.linalg.norm(rows.reshape(len(rows), -1), axis=1)
    scale = 1 / np.where(norm > 0, norm, 1.0)
    return rows * scale.reshape((-1,) + (1,) * (rows.ndim - 1)), (norm == 0).astype(np.float64)


def _row_chroma(layout: Layout, per_row: int, rows: int) -> Floats:
    """Square roots of the pitch class time in each eighth of a bar, [rows, 8, 12]; a slice counts where it begins."""
    slices, grid = layout.slices, layout.grid
    bar = layout.beat_bar[layout.slice_beat]
    place = (slices.starts_ticks - grid.starts_ticks[bar]) * PLACES // grid.lengths_ticks[bar]
    cell = bar // per_row * PLACES + np.clip(place, 0, PLACES - 1)
    weighted = slices.chroma * slices.lengths_ticks[:, None]
    if per_row > 1:
        order = np.argsort(cell, kind="stable")
        cell, weighted = cell[order], weighted[order]
    first = np.flatnonzero(np.concatenate([[True], np.diff(cell) > 0]))
    chroma = np.zeros((rows * PLACES, 12))
    chroma[cell[first]] = np.add.reduceat(weighted, first, axis=0)
    return np.sqrt(chroma).reshape(rows, PLACES, 12)


def _row_melody(layout: Layout, per_row: int, rows: int) -> Floats:
    """Pitch class of the melody that sounds at each eighth of a bar, counts [rows, 8, 12]."""
    grid, melody = layout.grid, layout.melody
    counts = np.zeros(rows * PLACES * 12)
    if len(melody):
        ticks = grid.starts_ticks[:, None] + np.arange(PLACES) * grid.lengths_ticks[:, None] // PLACES
        note = np.searchsorted(melody.onset_ticks, ticks, side="right") - 1
        sounds = (note >= 0) & (melody.end_ticks[note] > ticks)
        row = (np.arange(len(grid)) // per_row)[:, None] * PLACES + np.arange(PLACES)
        cell = (row * 12 + melody.pitch[note] % 12)[sounds]
        counts += np.bincount(cell, minlength=len(counts))
    return counts.reshape(rows, PLACES, 12)


def _row_onsets(layout: Layout, per_row: int, rows: int) -> Floats:
    """How many notes begin at each of 24 places of the bars of a row, square roots, [rows, 24]."""
    start = layout.grid.starts_ticks[layout.bar]
    place: Ints = (layout.onset_ticks - start) * _ONSET_PLACES // layout.grid.lengths_ticks[layout.bar]
    cell = layout.bar // per_row * _ONSET_PLACES + np.clip(place, 0, _ONSET_PLACES - 1)
    return np.sqrt(np.bincount(cell, minlength=rows * _ONSET_PLACES).reshape(rows, _ONSET_PLACES))
