"""What the chord net sees: a piece in frames of half a beat (in compound metres a third), notes counted by pitch class.

A frame is a row of `GROUPS` blocks of twelve pitch classes, so that a transposition is a rotation of each block, and
of `PLACES` figures about its place in the bar. Sounding notes are weighed by the share of the frame they fill.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stilo.elements.layout import Bools, Floats, Ints, Layout

REGISTERS = (48, 60, 72)  # where one ends and the next begins, as MIDI pitches
SOUNDING, LOW_ONSETS, HIGH_ONSETS, BASS, TOP = 0, 4, 5, 6, 7  # blocks; sounding has one for each register
GROUPS = 8
PLACES = 8
FRAME_SIZE = GROUPS * 12 + PLACES
_LOW_ONSETS_BELOW = 55


@dataclass(frozen=True, eq=False)
class Frames:
    """A piece in frames.

    Attributes:
        bounds_ticks: int64 [frames + 1], where they begin, and the end of the last.
        values: float32 [frames, FRAME_SIZE], 0…1.
        on_beat, on_bar: bool [frames], which begin there.
        heard: whether any pitched note sounds in the piece.
    """

    bounds_ticks: Ints
    values: NDArray[np.float32]
    on_beat: Bools
    on_bar: Bools
    heard: bool


def frames_of(layout: Layout) -> Frames:
    """A piece as the chord net sees it."""
    bounds, beat, part = _frame_grid(layout)
    pitched = layout.pitched
    onset, end, pitch = layout.onset_ticks[pitched], layout.end_ticks[pitched], layout.pitch[pitched]
    register = np.searchsorted(REGISTERS, pitch, side="right")
    high = (pitch >= _LOW_ONSETS_BELOW).astype(np.int64)
    values = np.zeros((len(beat), FRAME_SIZE), np.float32)

    def fill(block: int, filled: Floats) -> None:
        values[:, block * 12 : block * 12 + filled.shape[1]] = np.minimum(filled, 1.0)

    fill(SOUNDING, _filled(bounds, onset, end, register * 12 + pitch % 12, 48))
    fill(LOW_ONSETS, _begun(bounds, onset, high * 12 + pitch % 12, 24))
    slices = layout.slices
    sounds = slices.count > 0
    starts = slices.starts_ticks[sounds]
    ends = starts + slices.lengths_ticks[sounds]
    fill(BASS, _filled(bounds, starts, ends, slices.bass[sounds] % 12, 12))
    fill(TOP, _filled(bounds, starts, ends, slices.top[sounds] % 12, 12))
    on_beat = part == 0
    on_bar = on_beat & np.append(True, np.diff(layout.beat_bar) > 0)[beat]
    values[:, GROUPS * 12 :] = _places(layout, bounds, beat, on_beat, on_bar)
    return Frames(bounds, values, on_beat, on_bar, bool(sounds.any()))


def _frame_grid(layout: Layout) -> tuple[Ints, Ints, Ints]:
    """Where frames begin, with the end of the last; the beat of each, and which of its parts it is."""
    numerators, denominators = layout.grid.numerators, layout.grid.denominators
    compound = (numerators % 3 == 0) & (denominators >= 8)
    lengths = np.diff(layout.beats_ticks)
    parts = np.minimum(np.where(compound, 3, 2)[layout.beat_bar], lengths)
    beat = np.repeat(np.arange(len(parts)), parts)
    part = np.arange(len(beat)) - np.repeat(np.cumsum(parts) - parts, parts)
    starts = layout.beats_ticks[beat] + part * lengths[beat] // parts[beat]
    return np.append(starts, layout.beats_ticks[-1]), beat, part


def _filled(bounds: Ints, onset: Ints, end: Ints, column: Ints, columns: int) -> Floats:
    """How much of each frame is filled by the spans of each column, float [frames, columns]; spans add up."""
    frames = len(bounds) - 1
    onset, end = np.clip(onset, bounds[0], bounds[-1]), np.clip(end, bounds[0], bounds[-1])
    lengths = np.diff(bounds).astype(np.float64)
    size = (frames + 1) * columns
    total = np.zeros(size)
    # a span is the difference of two ramps that begin at its ends: the rest of one frame, and all frames after it
    for places, sign in ((onset, 1.0), (end, -1.0)):
        frame = np.clip(np.searchsorted(bounds, places, side="right") - 1, 0, frames - 1)
        rest = (bounds[frame + 1] - places) / lengths[frame]
        total += sign * np.bincount(frame * columns + column, weights=rest, minlength=size)
        total += sign * np.bincount((frame + 1) * columns + column, weights=1 - rest, minlength=size)
    return np.asarray(total.reshape(-1, columns)[:frames].cumsum(axis=0)).clip(0.0)


def _begun(bounds: Ints, onset: Ints, column: Ints, columns: int) -> Floats:
    """Which columns begin in each frame, 0 or 1, float [frames, columns]."""
    frames = len(bounds) - 1
    frame = np.clip(np.searchsorted(bounds, onset, side="right") - 1, 0, frames - 1)
    return (np.bincount(frame * columns + column, minlength=frames * columns) > 0).reshape(-1, columns).astype(float)


def _places(layout: Layout, bounds: Ints, beat: Ints, on_beat: Bools, on_bar: Bools) -> Floats:
    """Place in the bar, and kind of bar, of each frame, [frames, PLACES]."""
    bar = layout.beat_bar[beat]
    into = (bounds[:-1] - layout.grid.starts_ticks[bar]) / layout.grid.lengths_ticks[bar]
    beats = np.bincount(layout.beat_bar, minlength=len(layout.grid))[bar]
    angle = 2 * np.pi * into
    columns = [on_beat, on_bar, np.sin(angle), np.cos(angle), np.sin(2 * angle), np.cos(2 * angle)]
    return np.stack([*columns, beats % 2 == 0, beats % 3 == 0], axis=1).astype(np.float64)
