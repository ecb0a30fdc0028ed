"""A score laid out for measuring: its notes in bars and beats, and the slices between one change and the next.

A *slice* is a stretch in which the same notes sound; beats cut slices too, so that each lies in one beat and one bar.
A *beat* is a denominator unit of the metre, three of them in compound metres (6/8, 9/8, 12/8, 3/8), a quarter in x/2.
Drums have places in time but no pitch: slices hold the other tracks alone.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from stilo.errors import InputError
from stilo.music.score import Score
from stilo.music.timeline import BarGrid, bar_grid, bar_ticks, effective_time_signatures, ticks_to_seconds

MAX_BARS = 20_000
MAX_BEATS = 40_000
MAX_NOTES = 1_000_000
MAX_SLICES = 60_000
PITCHES = 128
_MELODY_NAME = re.compile(
    r"\b(melody|melodie|vocals?|voice|lead|singstimme|gesang|chant|canto|tune|soprano|sopran)\b", re.IGNORECASE
)

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Line:
    """One note at a time: onsets, ends and pitches, int64 [notes]."""

    onset_ticks: Ints
    end_ticks: Ints
    pitch: Ints

    def __len__(self) -> int:
        return len(self.onset_ticks)


@dataclass(frozen=True, eq=False)
class Slices:
    """Stretches of unchanging sound.

    Attributes:
        starts_ticks, lengths_ticks: int64 [slices].
        sounding: bool [slices, 128].
    """

    starts_ticks: Ints
    lengths_ticks: Ints
    sounding: NDArray[np.bool_]

    @cached_property
    def count(self) -> Ints:
        """Number of different pitches that sound, [slices]."""
        return np.asarray(self.sounding.sum(axis=1), np.int64)

    @cached_property
    def top(self) -> Ints:
        """Highest pitch, −1 in silence, [slices]."""
        highest = PITCHES - 1 - self.sounding[:, ::-1].argmax(axis=1)
        return np.where(self.count > 0, highest, -1).astype(np.int64)

    @cached_property
    def bass(self) -> Ints:
        """Lowest pitch, −1 in silence, [slices]."""
        return np.where(self.count > 0, self.sounding.argmax(axis=1), -1).astype(np.int64)

    @cached_property
    def chroma(self) -> Floats:
        """How many octaves of each pitch class sound, float [slices, 12]."""
        padded = np.zeros((len(self.sounding), 132), np.uint8)
        padded[:, :PITCHES] = self.sounding
        return np.asarray(padded.reshape(-1, 11, 12).sum(axis=1), np.float64)


@dataclass(frozen=True, eq=False)
class Layout:
    """A score with what every element needs of it.

    Attributes:
        onset_ticks, end_ticks, pitch, velocity, track, bar: int64 [notes], in the order of the score.
        drum: bool [notes].
        slices: what sounds between two changes, without drums.
        beats_ticks: int64 [beats + 1], where the beats begin, and the end of the last.
        slice_beat: int64 [slices], the beat each slice lies in.
        beat_bar: int64 [beats], the bar each beat lies in.
        melody: the top line, or that of the track which calls itself the melody.
    """

    score: Score
    grid: BarGrid
    onset_ticks: Ints
    end_ticks: Ints
    pitch: Ints
    velocity: Ints
    track: Ints
    bar: Ints
    drum: NDArray[np.bool_]
    slices: Slices
    beats_ticks: Ints
    slice_beat: Ints
    beat_bar: Ints
    melody: Line

    @cached_property
    def pitched(self) -> NDArray[np.bool_]:
        return ~self.drum

    @cached_property
    def bar_quarters(self) -> Floats:
        """Length of each bar, [bars]."""
        return np.asarray(self.grid.lengths_ticks / self.score.ticks_per_quarter)

    @cached_property
    def seconds(self) -> float:
        """From the first onset to the last end."""
        if len(self.onset_ticks) == 0:
            return 0.0
        ends = ticks_to_seconds(self.score, [self.onset_ticks.min(), self.end_ticks.max()])
        return float(ends[1] - ends[0])


def _check_size(score: Score) -> None:
    """Raise InputError before anything as long as the score is allocated."""
    bars = beats = 0.0
    signatures = effective_time_signatures(score)
    for i, signature in enumerate(signatures):
        until = signatures[i + 1].onset_ticks if i + 1 < len(signatures) else score.end_ticks
        length = bar_ticks(signature, score.ticks_per_quarter)
        count = max(0, min(until, score.end_ticks) - signature.onset_ticks) / length
        bars += count
        beats += count * signature.numerator
    if bars > MAX_BARS or beats > MAX_BEATS or len(score) > MAX_NOTES:
        raise InputError(
            f"too long to measure ({bars:.0f} bars, {len(score)} notes; at most {MAX_BARS} bars, {MAX_NOTES} notes): "
            "cut the piece into parts"
        )


def _beat_divisions(numerators: Ints, denominators: Ints) -> Ints:
    """Beats to the bar, for each bar."""
    compound = (numerators % 3 == 0) & (denominators >= 8)
    halves = denominators <= 2
    beats = np.where(compound, numerators // 3, np.where(halves, numerators * 4 // denominators, numerators))
    return np.maximum(1, beats)


def _beats(grid: BarGrid, end: int) -> tuple[Ints, Ints]:
    """Beat starts with the end of the last, and the bar of each beat."""
    divisions = _beat_divisions(grid.numerators, grid.denominators)
    nexts = np.append(grid.starts_ticks[1:], max(end, int(grid.starts_ticks[-1]) + 1))
    bar = np.repeat(np.arange(len(grid)), divisions)
    nth = np.arange(len(bar)) - np.repeat(np.cumsum(divisions) - divisions, divisions)
    starts = grid.starts_ticks[bar] + nth * grid.lengths_ticks[bar] // divisions[bar]
    inside = starts < nexts[bar]
    starts, bar = starts[inside], bar[inside]
    first = np.concatenate([[True], np.diff(starts) > 0])
    return np.append(starts[first], nexts[-1]), bar[first]


def _slices(onset: Ints, end: Ints, pitch: Ints, cuts: Ints) -> Slices:
    """Slices between all onsets, ends and `cuts`; the first begins at the first cut."""
    bounds = np.unique(np.concatenate([onset, end, cuts]))
    if len(bounds) > MAX_SLICES:
        grid = cuts if len(cuts) > 1 else bounds[[0, -1]]
        bounds = np.unique(np.concatenate([grid, bounds[:: len(bounds) // MAX_SLICES + 1]]))
    rows = len(bounds) - 1
    first = np.minimum(np.searchsorted(bounds, onset, side="right") - 1, rows - 1)
    last = np.maximum(np.searchsorted(bounds, end), first + 1)
    changes = np.bincount(first * PITCHES + pitch, minlength=(rows + 1) * PITCHES)
    changes -= np.bincount(last * PITCHES + pitch, minlength=(rows + 1) * PITCHES)
    sounding = changes.reshape(-1, PITCHES)[:rows].cumsum(axis=0) > 0
    return Slices(bounds[:-1], np.diff(bounds), sounding)


def _skyline(onset: Ints, end: Ints, pitch: Ints, slices: Slices) -> Line:
    """The notes that are highest when they begin (Uitdenbogerd & Zobel 1998), each cut where the next begins."""
    if len(onset) == 0:
        empty = np.zeros(0, np.int64)
        return Line(empty, empty, empty)
    at = np.searchsorted(slices.starts_ticks, onset, side="right") - 1
    highest = np.flatnonzero(pitch == slices.top[at])
    order = highest[np.lexsort((end[highest], onset[highest]))]
    first = np.concatenate([[True], np.diff(onset[order]) > 0])
    order = order[first]
    starts = onset[order]
    nexts = np.append(starts[1:], end[order[-1]])
    return Line(starts, np.minimum(end[order], np.maximum(nexts, starts + 1)), pitch[order])


def _melody_track(score: Score, track: Ints, pitched: NDArray[np.bool_]) -> int | None:
    """The track that is called melody or voice, if it holds at least a twentieth of the notes."""
    counts = np.bincount(track[pitched], minlength=len(score.tracks))
    for i, part in enumerate(score.tracks):
        if not part.is_drum and _MELODY_NAME.search(part.name) and counts[i] * 20 >= counts.sum() > 0:
            return i
    return None


def lay_out(score: Score) -> Layout:
    """Prepare a score for measuring.

    Raises:
        InputError: more than `MAX_NOTES` notes, `MAX_BARS` bars or `MAX_BEATS` beats.
    """
    _check_size(score)
    onset = score.notes["onset_ticks"].astype(np.int64)
    end = onset + score.notes["duration_ticks"]
    pitch = score.notes["pitch"].astype(np.int64)
    track = score.notes["track"].astype(np.int64)
    drum = np.asarray(score.is_drum_note, bool)
    grid = bar_grid(score)
    beats, beat_bar = _beats(grid, score.end_ticks)
    chosen = ~drum
    slices = _slices(onset[chosen], end[chosen], pitch[chosen], beats)
    part = _melody_track(score, track, chosen)
    sung = chosen if part is None else track == part
    over = slices if part is None else _slices(onset[sung], end[sung], pitch[sung], beats[[0, -1]])
    return Layout(
        score=score,
        grid=grid,
        onset_ticks=onset,
        end_ticks=end,
        pitch=pitch,
        velocity=score.notes["velocity"].astype(np.int64),
        track=track,
        bar=grid.bar_of(onset),
        drum=drum,
        slices=slices,
        beats_ticks=beats,
        slice_beat=np.searchsorted(beats, slices.starts_ticks, side="right") - 1,
        beat_bar=beat_bar,
        melody=_skyline(onset[sung], end[sung], pitch[sung], over),
    )
