"""Dynamics: where the music grows louder and softer, and how far its sections differ.

Only velocities that vary tell anything: many files write every note alike, and all is 0 then.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import numpy as np

from stilo.elements.figures import PITCH_SHUFFLE, TRANSPOSITION, Figure, figure
from stilo.elements.form import Section
from stilo.elements.layout import Bools, Floats, Layout

_BOTH = frozenset({TRANSPOSITION, PITCH_SHUFFLE})
_KEPT = frozenset({TRANSPOSITION})
_LEAST_CHANGE = 10.0  # velocities from the first bar of a swell to its last
_LARGEST_STEP = 0.7  # of the change, from one bar to the next: more is a terrace, and so two bars make no swell
_WAVER = 1.5  # by so much a bar may fall back without ending a swell


@dataclass(frozen=True)
class Dynamics:
    """How the loudness moves."""

    crescendo_share: Annotated[
        float, Figure("share", "bars inside a crescendo of three bars and more", "counted", 0, 1, 0.1, _BOTH)
    ]
    diminuendo_share: Annotated[
        float, Figure("share", "bars inside a diminuendo of three bars and more", "counted", 0, 1, 0.1, _BOTH)
    ]
    section_contrast: Annotated[
        float, Figure("velocity", "spread of the loudness between the sections", "counted", 0, 127, 3, _KEPT)
    ]


def measure_dynamics(layout: Layout, sections: Sequence[Section]) -> Dynamics:
    """Measure how the loudness moves; sections cover the bars without gaps."""
    velocity = layout.velocity
    if len(velocity) == 0 or velocity.min() == velocity.max():
        return Dynamics(0.0, 0.0, 0.0)
    bars = len(layout.grid)
    count = np.bincount(layout.bar, minlength=bars)
    summed = np.bincount(layout.bar, velocity, minlength=bars)
    heard = count > 0
    loudness = summed[heard] / count[heard]
    firsts = [section.first_bar for section in sections]
    of_section, notes = np.add.reduceat(summed, firsts), np.add.reduceat(count, firsts)
    means = of_section[notes > 0] / notes[notes > 0]
    spread = np.sqrt(np.average((means - np.average(means, weights=notes[notes > 0])) ** 2, weights=notes[notes > 0]))
    return Dynamics(
        crescendo_share=figure(_swells(loudness).mean()),
        diminuendo_share=figure(_swells(-loudness).mean()),
        section_contrast=figure(spread),
    )


def _swells(loudness: Floats) -> Bools:
    """Which bars lie in a stretch of three or more that rises by enough, wavering a little at most."""
    inside = np.zeros(len(loudness), bool)
    rising = np.concatenate([[False], np.diff(loudness) >= -_WAVER])
    starts = np.flatnonzero(~rising)
    for start, end in zip(starts.tolist(), np.append(starts[1:], len(loudness)).tolist(), strict=True):
        low = start + int(loudness[start:end].argmin())
        high = low + int(loudness[low:end].argmax()) + 1
        change = loudness[high - 1] - loudness[low]
        if change < _LEAST_CHANGE:
            continue
        if np.diff(loudness[low:high]).max() <= _LARGEST_STEP * change:
            inside[low:high] = True
    return inside
