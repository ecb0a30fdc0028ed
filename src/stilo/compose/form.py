"""A form for a piece to be written: sections as long as those of the style, returning as often."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from stilo.elements.rhythm import Rhythm

if TYPE_CHECKING:
    from stilo.models.notes.told import FormPlan

SHORTEST, LONGEST = 4, 16
PHRASE_BARS = 4


def draw_form(rhythm: Rhythm, bars: int, rng: np.random.Generator) -> FormPlan | None:
    """The place of every bar in its section, and how far back the same place stood if the section returns.

    Args:
        rhythm: of the style, for the length of its sections and the share of them that are new.
        bars: of the piece.
        rng: what is drawn with.

    Returns:
        None where nothing is known of the sections, or the piece is too short for two.
    """
    from stilo.models.notes.told import FormPlan

    length = int(np.clip(PHRASE_BARS * round(rhythm.section_bars / PHRASE_BARS), SHORTEST, LONGEST))
    count = bars // length
    if rhythm.sections <= 0 or count < 2:
        return None
    new = (rhythm.distinct_sections * count - 1) / (count - 1)
    elapsed, lag = np.arange(bars) % length, np.zeros(bars, np.int64)
    firsts = [0]  # of the sections that are new
    for number in range(1, count):
        begin = number * length
        if rng.random() < new:
            firsts.append(begin)
        else:
            lag[begin : begin + length] = begin - firsts[int(rng.integers(len(firsts)))]
    left = np.minimum(length, bars - np.arange(bars) + elapsed) - 1 - elapsed
    return FormPlan(elapsed.astype(np.int64), left.astype(np.int64), lag)
