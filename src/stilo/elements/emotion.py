"""Emotion: how pleasant (valence) and how excited (arousal) the music is likely to sound, and how loud it is.

Both are what listeners are expected to say, −1…1, judging from measured cues (`emotion_cues`) by coefficients learned
from judged pieces (`emotion_probe`, models/emotion/README.md). The curve says the same of each section of a piece.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import numpy as np

from stilo.elements.dynamics import Dynamics, measure_dynamics
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
class Emotion(Dynamics):
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


def measure_emotion(layout: Layout, sections: Sequence[Section]) -> tuple[Emotion, tuple[EmotionPoint, ...]]:
    """Measure the element emotion of a piece, and its course. Without notes: 0, neutral, and no course.

    Args:
        layout: the piece.
        sections: they cover its bars without gaps. One long section is cut into stretches of about eight bars.
    """
    velocity = layout.velocity.astype(np.float64)
    if len(velocity) == 0:
        return Emotion(0.0, 0.0, 0.0, histogram(np.zeros(8)), 0.0, 0.0, 0.0, 0.0, 0.0), ()
    firsts = _firsts(sections)
    whole, *parts = _valence_arousal(layout, firsts)
    emotion = Emotion(
        **vars(measure_dynamics(layout, sections)),
        loudness_levels=histogram(np.bincount(layout.velocity // 16, minlength=8)),
        valence=whole[0],
        arousal=whole[1],
        loudness=figure(velocity.mean()),
        loudness_range=figure(velocity.std()),
        accents=figure(_accents(layout)),
    )
    lengths = np.diff(np.append(firsts, len(layout.grid))).tolist()
    curve = (EmotionPoint(*point) for point in zip(firsts.tolist(), lengths, *zip(*parts, strict=True), strict=True))
    return emotion, tuple(curve)


def _valence_arousal(layout: Layout, firsts: Ints) -> list[tuple[float, float]]:
    """Of the whole piece, then of the stretches that begin at the bars `firsts`."""
    end = int(max(layout.score.end_ticks, layout.grid.starts_ticks[-1])) + 1
    starts = layout.grid.starts_ticks[firsts]
    ends = np.append(starts[1:], end)
    cues = Hearing(layout).cues(np.append(0, starts), np.append(end, ends))
    return [(figure(v), figure(a)) for v, a in shipped_probe().valence_arousal(cues).tolist()]


def _firsts(sections: Sequence[Section]) -> Ints:
    """Where the stretches of the curve begin, in bars."""
    if len(sections) == 1 and sections[0].bars > LONGEST_STRETCH_BARS:
        return _stretches(sections[0].bars)
    return np.array([section.first_bar for section in sections], np.int64)


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
