"""Texture: how the parts go together.

Three measures decide, bar by bar. *Together*: of the notes that sound when one begins, how many begin with it (onset
synchronisation). *By step*: how many notes under the melody are reached by step from one that just ended, as in
voices that are led, and not in broken or repeated chords. And whether more than one pitch sounds at all. The first two
follow Huron 1989, "Characterizing musical textures", and 2001, "Tone and voice"; their bounds were chosen on pieces of
known kind (tunes, hymns, songs, Palestrina) in `train`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import numpy as np

from stilo.elements.figures import TRANSPOSITION, Figure, Histogram, figure, histogram
from stilo.elements.layout import Bools, Floats, Ints, Layout

TEXTURES = ("one line", "chords", "melody and accompaniment", "several lines")
_KEPT = frozenset({TRANSPOSITION})
_ALONE, _TOGETHER, _BY_STEP = 0.2, 0.7, 0.5
_GRAIN = 4  # to the quarter: how near a note must end before another to lead to it


@dataclass(frozen=True)
class Texture:
    """How the parts go together. Without pitched notes all is 0."""

    texture: Annotated[
        tuple[float, ...], Histogram(TEXTURES, "how the parts go together, as shares of the bars", "Huron 1989", _KEPT)
    ]
    together: Annotated[
        float, Figure("share", "of the other sounding notes, those that begin together", "Huron 1989", 0, 1, 0.3, _KEPT)
    ]
    by_step: Annotated[
        float, Figure("share", "notes under the melody that are reached by step", "Huron 2001", 0, 1, 0.2, _KEPT)
    ]
    spacing: Annotated[
        float, Figure("semitones", "between neighbouring pitches of a sound", "counted", 0, 127, 3.5, _KEPT)
    ]
    melody_share: Annotated[float, Figure("share", "pitched notes in the melody", "counted", 0, 1, 0.2, _KEPT)]
    bass_share: Annotated[
        float,
        Figure("share", "pitched notes of the bass, or lowest when they begin where none is", "counted", 0, 1, 0.1,
               _KEPT),
    ]  # fmt: skip
    accompaniment_share: Annotated[
        float, Figure("share", "pitched notes of neither melody nor bass", "counted", 0, 1, 0.3, _KEPT)
    ]


@dataclass(frozen=True, eq=False)
class _Moments:
    """Where pitched notes begin: bar, pitches that sound and pitches that begin, int64 [moments]."""

    bar: Ints
    sounding: Ints
    beginning: Ints


def measure_texture(layout: Layout) -> Texture:
    """Measure the texture of a piece."""
    own = np.flatnonzero(layout.pitched)
    if len(own) == 0:
        return Texture(histogram(np.zeros(len(TEXTURES))), 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
    melody = np.zeros(len(layout.pitch), bool)
    melody[layout.melody.note] = True
    melody = melody[own]
    bar, bars = layout.bar[own], len(layout.grid)
    moments = _moments(layout, own)
    others = np.maximum(0, moments.sounding - 1)
    joining = np.minimum(others, moments.beginning - 1)
    led = _reached_by_step(layout, own) & ~melody
    several = _time_of_several(layout)
    together = _ratio(np.bincount(moments.bar, joining, bars), np.bincount(moments.bar, others, bars))
    by_step = _ratio(np.bincount(bar, led, bars), np.bincount(bar, ~melody, bars))
    kind = np.where(several < _ALONE, 0, np.where(together >= _TOGETHER, 1, np.where(by_step >= _BY_STEP, 3, 2)))
    heard = np.bincount(bar, minlength=bars) > 0
    sung, low = float(melody.mean()), float(_is_bass(layout, own, melody).mean())
    return Texture(
        texture=histogram(np.bincount(kind[heard], minlength=len(TEXTURES))),
        together=figure(joining.sum() / max(1, others.sum())),
        by_step=figure(led.sum() / max(1, int((~melody).sum()))),
        spacing=figure(_spacing(layout)),
        melody_share=figure(sung),
        bass_share=figure(low),
        accompaniment_share=figure(max(0.0, 1 - sung - low)),
    )


def _ratio(part: Floats | Ints, whole: Floats | Ints) -> Floats:
    return np.asarray(part / np.where(whole > 0, whole, 1), np.float64)


def _moments(layout: Layout, own: Ints) -> _Moments:
    onset = layout.onset_ticks[own]
    first = np.flatnonzero(np.concatenate([[True], np.diff(onset) > 0]))
    nth = np.repeat(np.arange(len(first)), np.diff(np.append(first, len(onset))))
    beginning = np.bincount(np.unique(nth * 128 + layout.pitch[own]) // 128, minlength=len(first))
    at = np.searchsorted(layout.slices.starts_ticks, onset[first], side="right") - 1
    return _Moments(layout.bar[own][first], layout.slices.count[at], beginning)


def _reached_by_step(layout: Layout, own: Ints) -> Bools:
    """Does a note one or two semitones away end where this one begins?"""
    grain = layout.score.ticks_per_quarter / _GRAIN
    pitch = layout.pitch[own]
    # place and pitch in one number; 256 to a place, so that a step beyond the pitches meets none of another place
    ended = np.sort(np.rint(layout.end_ticks[own] / grain).astype(np.int64) * 256 + pitch)
    begun = np.rint(layout.onset_ticks[own] / grain).astype(np.int64) * 256 + pitch
    sought = begun + np.array([[-2], [-1], [1], [2]])
    nearest = np.minimum(np.searchsorted(ended, sought), len(ended) - 1)
    return np.asarray((ended[nearest] == sought).any(axis=0))


def _time_of_several(layout: Layout) -> Floats:
    """Share of the sounding time of each bar in which more than one pitch sounds, [bars]."""
    slices, bars = layout.slices, len(layout.grid)
    bar = layout.beat_bar[layout.slice_beat]
    several = np.bincount(bar, slices.lengths_ticks * (slices.count > 1), bars)
    return _ratio(several, np.bincount(bar, slices.lengths_ticks * (slices.count > 0), bars))


def _is_bass(layout: Layout, own: Ints, melody: Bools) -> Bools:
    """The notes of the track that is the bass; where none is, those that are lowest, and not highest, as they begin."""
    track = layout.parts.bass_track
    if track is not None:
        return np.asarray(layout.track[own] == track)
    at = np.searchsorted(layout.slices.starts_ticks, layout.onset_ticks[own], side="right") - 1
    pitch = layout.pitch[own]
    return np.asarray((pitch == layout.slices.bass[at]) & (pitch != layout.slices.top[at]) & ~melody)


def _spacing(layout: Layout) -> float:
    """Mean interval between neighbours, over the time in which several pitches sound."""
    slices = layout.slices
    several = slices.count > 1
    if not several.any():
        return 0.0
    width = (slices.top - slices.bass)[several] / (slices.count[several] - 1)
    return float(np.average(width, weights=slices.lengths_ticks[several]))
