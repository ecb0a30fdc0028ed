"""What is told of a piece at the places that its writing comes to, as rows of plain numbers."""

from __future__ import annotations

from bisect import bisect_right

import numpy as np

from stilo.models.labels import CHORD_QUALITIES, NO_ROOT, OTHER_QUALITY
from stilo.models.notes.told import (
    AHEAD_EDGES,
    CONDITION_TABLES,
    NO_BASS,
    NO_CHORD,
    NO_TONIC,
    ChordPlan,
    Telling,
    ahead_class,
    condition_columns,
)
from stilo.models.tokens import STEP_DTYPE

LAST_BAR = 65535  # of steps
_FARTHEST_AHEAD = int(AHEAD_EDGES[-1])
_AHEAD: list[int] = ahead_class(np.arange(_FARTHEST_AHEAD + 1)).tolist()
_TONIC, _CHORD, _CHANGE, _NEXT_CHORD, _BASS, _NEXT_BASS = (
    list(CONDITION_TABLES).index(name) for name in ("tonic", "chord", "change_ahead", "next_chord", "bass", "next_bass")
)


class ToldRows:
    """Rows of `told.condition_columns`, one after another, for a piece in one metre.

    Args:
        telling: what is told.
        metre: its class.
        first_bar: that of the first note.
    """

    def __init__(self, telling: Telling, metre: int, first_bar: int = 0) -> None:
        self.telling, self.metre, self.first_bar = telling, metre, first_bar
        self._tonic = telling.about.tonic
        self._bars = _bar_rows(telling, metre, first_bar)
        self._has_chords = telling.chords is not None
        plan = telling.chords or ChordPlan(*(np.zeros(0, np.int64) for _ in range(3)))
        self._changes: list[int] = plan.onset.tolist()
        self._roots = [NO_ROOT, *plan.root.tolist(), NO_ROOT]
        self._qualities = [OTHER_QUALITY, *plan.quality.tolist(), OTHER_QUALITY]
        self._basses = [NO_ROOT, *plan.basses.tolist(), NO_ROOT]

    def beginning_in(self, bar: int) -> ToldRows:
        """The same if the first note is in that bar."""
        return self if bar == self.first_bar else ToldRows(self.telling, self.metre, bar)

    def row(self, onset: int | None, bar: int, previous_pitch: int) -> list[int]:
        """[len(CONDITION_TABLES)] after a note at `onset`; None before the first."""
        row = self._bars[min(max(0, bar - self.first_bar), len(self._bars) - 1)].copy()
        if self._tonic < NO_TONIC:
            row[_TONIC] = (self._tonic - previous_pitch) % 12
        if self._has_chords and onset is not None:
            begun = bisect_right(self._changes, onset)
            row[_CHORD], row[_BASS] = self._seen(begun, previous_pitch)
            row[_NEXT_CHORD], row[_NEXT_BASS] = self._seen(begun + 1, previous_pitch)
            if begun < len(self._changes):
                row[_CHANGE] = _AHEAD[min(self._changes[begun] - onset, _FARTHEST_AHEAD)]
        return row

    def chord_at(self, onset: int, reference: int) -> tuple[int, int]:
        """Classes of the chord at a slot and of its bass, above a pitch."""
        return self._seen(bisect_right(self._changes, onset), reference) if self._has_chords else (NO_CHORD, NO_BASS)

    def _seen(self, chord: int, reference: int) -> tuple[int, int]:
        root, bass = self._roots[chord], self._basses[chord]
        above = (root - reference) % 12 * CHORD_QUALITIES + self._qualities[chord] if root < NO_ROOT else NO_CHORD
        return above, (bass - reference) % 12 if bass < NO_ROOT else NO_BASS


def _bar_rows(telling: Telling, metre: int, first_bar: int) -> list[list[int]]:
    """The rows after a note in each bar from the first on, without chords; later bars are as the last."""
    about, form = telling.about, telling.form
    bars = max(
        about.bars or 0,
        0 if form is None else len(form.lag),
        0 if about.controls is None else first_bar + len(about.controls),
    )
    steps = np.zeros(min(max(1, bars - first_bar), LAST_BAR - first_bar) + 1, STEP_DTYPE)  # one note to a bar
    steps["bar"] = first_bar + np.arange(len(steps))
    steps["metre"] = metre
    told = Telling(about, None, form).for_steps(steps)
    rows: list[list[int]] = condition_columns(steps, told, np.zeros(len(steps), np.int64))[1:].tolist()
    return rows
