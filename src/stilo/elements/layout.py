"""A score laid out for measuring: its notes in bars and beats, and the slices between one change and the next.

A *slice* is a stretch in which the same notes sound; beats cut slices too, so that each lies in one beat and one bar.
A *beat* is a denominator unit of the metre, three of them in compound metres (6/8, 9/8, 12/8, 3/8), a quarter in x/2.
Drums have places in time but no pitch: slices hold the other tracks alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from stilo.elements.lines import Bools, Floats, Ints, Line, Slices, highest_sounding, skyline, slices_between
from stilo.elements.roles import Parts, PitchedNotes, TrackRole, called_melody, estimate_parts, track_roles
from stilo.errors import InputError
from stilo.music.score import Score
from stilo.music.timeline import BarGrid, bar_grid, bar_ticks, effective_time_signatures, ticks_to_seconds

__all__ = ["MAX_BARS", "MAX_BEATS", "MAX_NOTES", "Bools", "Floats", "Ints", "Layout", "Line", "Slices", "lay_out"]

MAX_BARS = 20_000
MAX_BEATS = 40_000
MAX_NOTES = 1_000_000


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

    @cached_property
    def pitched(self) -> NDArray[np.bool_]:
        return ~self.drum

    @cached_property
    def parts(self) -> Parts:
        """How likely each pitched track is the melody, and the bass."""
        own = self.pitched
        columns = (self.onset_ticks[own], self.pitch[own], self.track[own], self.bar[own], *self._outer_pitches)
        return estimate_parts(PitchedNotes(*columns), called_melody(tuple(track.name for track in self.score.tracks)))

    @cached_property
    def _outer_pitches(self) -> tuple[Ints, Ints]:
        """Highest and lowest pitch that sound when each pitched note begins."""
        at = np.searchsorted(self.slices.starts_ticks, self.onset_ticks[self.pitched], side="right") - 1
        return self.slices.top[at], self.slices.bass[at]

    @cached_property
    def roles(self) -> tuple[TrackRole, ...]:
        """What each track does."""
        tracks = self.score.tracks
        notes = np.bincount(self.track, minlength=len(tracks))
        return track_roles(self.parts, tuple(t.name for t in tracks), notes, tuple(t.is_drum for t in tracks))

    @cached_property
    def melody(self) -> Line:
        """The top line of the track that is the melody."""
        sung = np.flatnonzero(self.pitched)
        if len(self.parts.tracks) < 2:
            return self._line(sung, self._outer_pitches[0])
        return self.line_of(int(self.parts.tracks[self.parts.melody.argmax()]))

    def line_of(self, track: int) -> Line:
        """The top line of one track."""
        own = np.flatnonzero(self.track == track)
        if len(own) == 0:
            return self._line(own, own)
        onset, end, pitch = self.onset_ticks[own], self.end_ticks[own], self.pitch[own]
        return self._line(own, highest_sounding(onset, end, pitch))

    def _line(self, notes: Ints, top: Ints) -> Line:
        return skyline(self.onset_ticks[notes], self.end_ticks[notes], self.pitch[notes], notes, top)

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
    slices = slices_between(onset[chosen], end[chosen], pitch[chosen], beats)
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
    )
