"""Emotion: how pleasant (valence) and how excited (arousal) the music is likely to sound, and how loud it is.

Both are what listeners are expected to say, −1…1, judging from measured cues (`emotion_cues`) by coefficients learned
from judged pieces (`emotion_probe`, models/emotion/README.md). The curve says the same of each section of a piece.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import numpy as np

from stilo.elements.emotion_cues import Hearing
from stilo.elements.emotion_probe import shipped_probe
from stilo.elements.figures import PITCH_SHUFFLE, TRANSPOSITION, Figure, Histogram, figure, histogram
from stilo.elements.form import Section
from stilo.elements.layout import Ints, Layout

_BOTH = frozenset({TRANSPOSITION, PITCH_SHUFFLE})
_FREE: frozenset[str] = frozenset()
LOUDNESS_LABELS = ("ppp", "pp", "p", "mp", "mf", "f", "ff", "fff")
LONGEST_STRETCH_BARS = 16  # a piece of one longer section is cut
_STRETCH_BARS = 8
_MOST_STRETCHES = 64


@dataclass(frozen=True)
class Emotion:
    """The element emotion, with the dynamics."""

    loudness_levels: Annotated[
        tuple[float, ...],
        Histogram(LOUDNESS_LABELS, "notes by loudness, sixteen velocities to a mark", "counted", _BOTH),
    ]
    valence: Annotated[
        float,
        Figure("−1…1", "unpleasant to pleasant", "learned; models/emotion/README.md", -1, 1, 0.35, _FREE),
    ]
    arousal: Annotated[
        float, Figure("−1…1", "calm to excited", "learned; models/emotion/README.md", -1, 1, 0.35, _FREE)
    ]
    loudness: Annotated[float, Figure("velocity", "mean loudness of the notes", "counted", 0, 127, 15, _BOTH)]
    loudness_range: Annotated[
        float, Figure("velocity", "standard deviation of the loudness", "counted", 0, 127, 8, _BOTH)
    ]
    accents: Annotated[
        float,
        Figure(
            "velocity", "loudness on the quarters above that between them", "Drake & Palmer 1993", -127, 127, 6, _BOTH
        ),
    ]


@dataclass(frozen=True)
class EmotionPoint:
    """Valence and arousal, −1…1, of a stretch of bars; `first_bar` counts from 0."""

    first_bar: int
    bars: int
    valence: float
    arousal: float


def measure_emotion(layout: Layout, hearing: Hearing) -> Emotion:
    """Measure the element emotion from the cues and the velocities of a piece. Without notes: 0, neutral."""
    velocity = layout.velocity.astype(np.float64)
    if len(velocity) == 0:
        return Emotion(histogram(np.zeros(8)), 0.0, 0.0, 0.0, 0.0, 0.0)
    valence, arousal = shipped_probe().valence_arousal(hearing.cues([0, _end(layout)]))[0]
    return Emotion(
        loudness_levels=histogram(np.bincount(layout.velocity // 16, minlength=8)),
        valence=figure(valence),
        arousal=figure(arousal),
        loudness=figure(velocity.mean()),
        loudness_range=figure(velocity.std()),
        accents=figure(_accents(layout)),
    )


def _end(layout: Layout) -> int:
    """A tick after every note and bar line."""
    return int(max(layout.score.end_ticks, layout.grid.starts_ticks[-1])) + 1


def emotion_curve(layout: Layout, hearing: Hearing, sections: Sequence[Section]) -> tuple[EmotionPoint, ...]:
    """Valence and arousal of each section; of stretches of eight bars or more when there is one long section.

    Args:
        layout: the piece.
        hearing: of the same piece.
        sections: they cover its bars without gaps.
    """
    if len(layout.onset_ticks) == 0 or not sections:
        return ()
    firsts = np.array([section.first_bar for section in sections], np.int64)
    bars = sections[-1].first_bar + sections[-1].bars
    if len(sections) == 1 and bars > LONGEST_STRETCH_BARS:
        firsts = _stretches(bars)
    bounds = np.append(layout.grid.starts_ticks[firsts], _end(layout))
    points = shipped_probe().valence_arousal(hearing.cues(bounds)).tolist()
    lengths = np.diff(np.append(firsts, bars)).tolist()
    return tuple(
        EmotionPoint(first, length, figure(valence), figure(arousal))
        for first, length, (valence, arousal) in zip(firsts.tolist(), lengths, points, strict=True)
    )


def _stretches(bars: int) -> Ints:
    """First bars of stretches as equal as whole bars allow, of eight bars or so, fewer and longer in long pieces."""
    count = min(_MOST_STRETCHES, bars // _STRETCH_BARS)
    return np.arange(count, dtype=np.int64) * bars // count


def _accents(layout: Layout) -> float:
    """Mean velocity on the quarters of the bar less that between them; 0 when there is nothing to compare."""
    since_bar = layout.onset_ticks - layout.grid.starts_ticks[layout.bar]
    on_quarter = np.rint(since_bar * 12 / layout.score.ticks_per_quarter).astype(np.int64) % 12 == 0
    if on_quarter.all() or not on_quarter.any():
        return 0.0
    return float(layout.velocity[on_quarter].mean() - layout.velocity[~on_quarter].mean())
