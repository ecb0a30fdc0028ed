"""Emotion: how pleasant (valence) and how excited (arousal) the music is likely to sound, and how loud it is.

Both are weighted sums of measured cues, squeezed into −1…1. Which cues count, in which direction, and that mode leads
valence and tempo and density lead arousal, follows the reviews and experiments of Gabrielsson & Lindström (2010, table
14.2), Livingstone et al. (2010) and Eerola, Friberg & Bresin (2013): mode, tempo, register, loudness, articulation,
density, dissonance. The numbers themselves stand in none of these. Cue set, means and weights were set by hand and
adjusted once after looking at VGMIDI and MemoMusic (Spearman's ρ there: valence .37 and .42, arousal .64 and .44), so
that those figures are not held out. They say what listeners on the whole would say: no more than that.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import numpy as np

from stilo.elements.figures import PITCH_SHUFFLE, TRANSPOSITION, Figure, Histogram, figure, histogram
from stilo.elements.harmony import Harmony
from stilo.elements.layout import Layout
from stilo.elements.pitch import Pitch
from stilo.elements.rhythm import Rhythm

_BOTH = frozenset({TRANSPOSITION, PITCH_SHUFFLE})
_FREE: frozenset[str] = frozenset()
LOUDNESS_LABELS = ("ppp", "pp", "p", "mp", "mf", "f", "ff", "fff")

# cue → (mean, standard deviation) over pieces of many kinds, weight in valence, weight in arousal
_CUES: dict[str, tuple[float, float, float, float]] = {
    "majorness": (0.0, 0.20, 0.55, 0.05),
    "onsets": (1.4, 0.50, 0.30, 0.40),  # natural logarithm of onsets per second
    "notes": (1.9, 0.50, 0.0, 0.35),  # natural logarithm of notes per second
    "tempo": (4.65, 0.30, 0.15, 0.30),  # natural logarithm of quarters per minute
    "loudness": (78.0, 18.0, 0.05, 0.30),
    "staccato": (0.12, 0.12, 0.15, 0.15),
    "register": (68.0, 6.0, 0.10, 0.05),
    "consonance": (0.40, 0.20, 0.15, -0.10),
    "tension": (0.75, 0.15, -0.25, 0.0),
}
_OF_PITCH = ("majorness", "staccato", "register", "consonance", "tension")


@dataclass(frozen=True)
class Emotion:
    """The element emotion, with the dynamics."""

    loudness_levels: Annotated[
        tuple[float, ...],
        Histogram(LOUDNESS_LABELS, "notes by loudness, sixteen velocities to a mark", "counted", _BOTH),
    ]
    valence: Annotated[
        float,
        Figure("−1…1", "unpleasant to pleasant", "cues after Eerola, Friberg & Bresin 2013", -1, 1, 0.35, _FREE),
    ]
    arousal: Annotated[
        float, Figure("−1…1", "calm to excited", "cues after Eerola, Friberg & Bresin 2013", -1, 1, 0.35, _FREE)
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


def measure_emotion(layout: Layout, pitch: Pitch, rhythm: Rhythm, harmony: Harmony) -> Emotion:
    """Measure the element emotion from the three others and the velocities. Without notes: 0, calm and neutral."""
    velocity = layout.velocity.astype(np.float64)
    if len(velocity) == 0:
        return Emotion(histogram(np.zeros(8)), 0.0, 0.0, 0.0, 0.0, 0.0)
    cues = {
        "majorness": harmony.majorness,
        "onsets": np.log(max(rhythm.onsets_per_second, 0.05)),
        "notes": np.log(max(rhythm.notes_per_second, 0.05)),
        "tempo": np.log(np.clip(rhythm.tempo_qpm, 20, 400)),
        "loudness": velocity.mean(),
        "staccato": 1 - rhythm.articulation,
        "register": pitch.melody_pitch,
        "consonance": harmony.consonance,
        "tension": harmony.tension,
    }
    if not layout.pitched.any():
        cues = {name: cue for name, cue in cues.items() if name not in _OF_PITCH}
    valence = arousal = 0.0
    for name, cue in cues.items():
        mean, deviation, to_valence, to_arousal = _CUES[name]
        standard = float(np.clip((cue - mean) / deviation, -3, 3))
        valence += to_valence * standard
        arousal += to_arousal * standard
    return Emotion(
        loudness_levels=histogram(np.bincount(layout.velocity // 16, minlength=8)),
        valence=figure(np.tanh(0.7 * valence)),
        arousal=figure(np.tanh(0.7 * arousal)),
        loudness=figure(velocity.mean()),
        loudness_range=figure(velocity.std()),
        accents=figure(_accents(layout)),
    )


def _accents(layout: Layout) -> float:
    """Mean velocity on the quarters of the bar less that between them; 0 when there is nothing to compare."""
    since_bar = layout.onset_ticks - layout.grid.starts_ticks[layout.bar]
    on_quarter = np.rint(since_bar * 12 / layout.score.ticks_per_quarter).astype(np.int64) % 12 == 0
    if on_quarter.all() or not on_quarter.any():
        return 0.0
    return float(layout.velocity[on_quarter].mean() - layout.velocity[~on_quarter].mean())
