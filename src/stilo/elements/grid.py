"""The grid a piece is measured on: the one that is written, or one that is found.

A file that gives no time signature gets one from its notes; a file that was played freely, its onsets without relation
to the written quarters, gets beats, bars and a tempo map besides. What is found changes where the ticks lie, never when
a note sounds (but for a constant shift of less than a beat).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from stilo.elements.beats import FASTEST_SECONDS, MOST_ONSETS, Beats, track_beats
from stilo.elements.layout import MAX_BEATS
from stilo.elements.metre_estimate import (
    METRES,
    MetreEstimate,
    estimate_metre,
    metre_log_probability,
    metre_scores,
    metre_weights,
)
from stilo.elements.metre_features import STEPS_PER_QUARTER, Events, events_of, fold
from stilo.elements.onsets import Onsets, onsets_of
from stilo.music.score import ChordSymbol, KeySignature, Marker, Score, Tempo, TimeSignature
from stilo.music.timeline import seconds_to_ticks, ticks_to_seconds

Floats = NDArray[np.float64]
_Event = TypeVar("_Event", KeySignature, ChordSymbol, Marker)

WRITTEN, METRE_ESTIMATED, BEATS_TRACKED = "written", "metre estimated", "played: beats tracked"
GRIDS = (WRITTEN, METRE_ESTIMATED, BEATS_TRACKED)
FEWEST_NOTES = 8
FEWEST_ONSETS = 24  # fewer cannot show that there is no grid
LONGEST_SECONDS = MAX_BEATS * FASTEST_SECONDS  # longer, and there might be more beats than can be measured
TICKS_PER_QUARTER = 480
_SAMPLE = 1024
# Mean resultant length (Mardia & Jupp 2000): written music has 1, drums played to a click ≥ 0.28, free playing ≤ 0.15;
# of few onsets it comes out higher by chance, about 2 / √onsets.
_NO_GRID, _NO_GRID_OF_FEW = 0.22, 0.25
_IN_TWO, _IN_THREE = ((2, 4), (3, 4), (4, 4)), ((6, 8), (9, 8), (12, 8))
_TWO_BEFORE_THREE = 0.2  # log likelihood of each onset: music in three is the simpler grammar and wins too often


@dataclass(frozen=True, eq=False)
class GridEstimate:
    """A score on a grid it can be measured on.

    Attributes:
        score: the same music; its ticks and time signatures are those of the grid.
        kind: one of `GRIDS`.
        mean_error_seconds: mean distance of the onsets from the twelfths of the beats found; 0 unless played freely.
        beats_seconds: float [beats], the beats found, in seconds of `score`; empty unless played freely.
        metre: what was estimated; None where the file says it.
        shift_seconds: how much later everything sounds than before; less than a beat either way.
        played: the score as the file has it; None unless played freely.
    """

    score: Score
    kind: str = WRITTEN
    mean_error_seconds: float = 0.0
    beats_seconds: Floats = field(default_factory=lambda: np.zeros(0))
    metre: MetreEstimate | None = None
    shift_seconds: float = 0.0
    played: Score | None = None

    @property
    def is_played(self) -> bool:
        return self.kind == BEATS_TRACKED

    def file_quarters(self, quarters: Floats) -> Floats:
        """Where quarters of `score` lie in the quarters of the file, float [n]; not before its beginning."""
        if self.played is None:
            return quarters
        seconds = ticks_to_seconds(self.score, quarters * self.score.ticks_per_quarter) - self.shift_seconds
        ticks = seconds_to_ticks(self.played, np.maximum(seconds, 0.0))
        return np.asarray(ticks / self.played.ticks_per_quarter)


def on_grid(score: Score) -> GridEstimate:
    """The score as it is when its grid can be believed; else with the metre, or beats and metre, that were found.

    No beats are looked for in more than `MOST_ONSETS` onsets, nor in more than `LONGEST_SECONDS`.
    """
    if len(score) < FEWEST_NOTES:
        return GridEstimate(score, WRITTEN)
    if has_no_grid(score):
        onsets = onsets_of(score)
        if FEWEST_ONSETS <= len(onsets) <= MOST_ONSETS and onsets.seconds[-1] <= LONGEST_SECONDS:
            return _tracked(score, onsets)
    if not score.time_signatures:
        return _with_metre(score)
    return GridEstimate(score, WRITTEN)


def has_no_grid(score: Score) -> bool:
    """Do the onsets stand in no relation to the written quarters, their halves and thirds, down to 24ths?"""
    ticks = score.notes["onset_ticks"]
    ticks = ticks[np.concatenate([[True], np.diff(ticks) > 0])] if len(ticks) else ticks
    if len(ticks) < FEWEST_ONSETS:
        return False
    ticks = ticks[:: len(ticks) // _SAMPLE + 1].astype(np.int64)
    if (ticks * 24 % score.ticks_per_quarter == 0).mean() > 0.5:
        return False
    turn = np.exp(2j * np.pi / score.ticks_per_quarter * ticks)
    two, three = turn**2, turn**3
    four, six, eight = two**2, three**2, two**4
    found = (turn, two, three, four, six, eight, six**2, eight**2, eight**3)
    limit = np.clip(2 / np.sqrt(len(ticks)), _NO_GRID, _NO_GRID_OF_FEW)
    return bool(max(abs(complex(each.mean())) for each in found) < limit)


def _with_metre(score: Score) -> GridEstimate:
    metre = estimate_metre(events_of(score))
    return GridEstimate(
        replace(score, time_signatures=_signatures(metre, score.ticks_per_quarter)), METRE_ESTIMATED, metre=metre
    )


def _signatures(metre: MetreEstimate, ticks_per_quarter: int) -> tuple[TimeSignature, ...]:
    """The time signature, behind a shorter one for the pickup."""
    steps = metre.first_bar_steps
    if steps == 0:
        return (TimeSignature(0, metre.numerator, metre.denominator),)
    pickup = TimeSignature(0, steps // 4, 4) if steps % 4 == 0 else TimeSignature(0, steps // 2, 8)
    first_bar = round(steps * ticks_per_quarter / STEPS_PER_QUARTER)
    return pickup, TimeSignature(first_bar, metre.numerator, metre.denominator)


def _tracked(score: Score, onsets: Onsets) -> GridEstimate:
    """The likelier of the beats in two and in three, and the metre on them."""
    readings = [_Reading(score, onsets, in_three) for in_three in (False, True)]
    two, three = readings
    by_onsets = np.sqrt(len(onsets)) * (two.beats.log_likelihood - three.beats.log_likelihood + _TWO_BEFORE_THREE)
    by_metre = two.metre_log_probability() - three.metre_log_probability()
    return (two if by_onsets + by_metre > 0 else three).grid()


class _Reading:
    """A score with beats that were found for it."""

    def __init__(self, score: Score, onsets: Onsets, in_three: bool) -> None:
        self.score = score
        self.beats: Beats = track_beats(onsets, in_three)
        self.metres = _IN_THREE if in_three else _IN_TWO
        self.steps_per_beat = 6 if in_three else 4
        seconds = self.beats.seconds
        period = float(seconds[1] - seconds[0])
        lead = max(0, round(float(seconds[0]) / period))  # whole beats before the first one found
        self.shift_seconds = lead * period - float(seconds[0])
        self.at_seconds = np.concatenate([np.arange(lead) * period, seconds + self.shift_seconds])
        self.lead = lead
        onset = (self.beats.places + lead)[onsets.of_note]
        begins = ticks_to_seconds(score, score.notes["onset_ticks"])
        ends = ticks_to_seconds(score, score.notes["onset_ticks"].astype(np.int64) + score.notes["duration_ticks"])
        self.events = Events(
            onset * self.steps_per_beat,
            (self.beats_at(ends) - self.beats_at(begins)) * self.steps_per_beat,
            score.notes["pitch"].astype(np.int64),
            score.notes["velocity"].astype(np.float64),
            score.is_drum_note,
        )

    def beats_at(self, seconds: Floats) -> Floats:
        """Beats from the beginning to moments of the score as it was; beyond the last beat in its tempo."""
        grid, moments = self.at_seconds, np.asarray(seconds) + self.shift_seconds
        found = np.interp(moments, grid, np.arange(len(grid)))
        beyond = np.maximum(0.0, moments - grid[-1]) / (grid[-1] - grid[-2])
        return np.asarray(found + beyond)

    def metre_log_probability(self) -> float:
        """How well the metres whose beats divide so fit these beats, among all metres."""
        scores = metre_scores(fold(self.events), metre_weights())
        own = [metre for metre in METRES if ((metre[1] == 8) == (self.steps_per_beat == 6)) and metre != (6, 4)]
        return float(np.logaddexp.reduce([metre_log_probability(scores, metre) for metre in own]))

    def grid(self) -> GridEstimate:
        metre = estimate_metre(self.events, self.metres, self.steps_per_beat)
        beat_ticks = TICKS_PER_QUARTER * self.steps_per_beat // STEPS_PER_QUARTER
        notes = self.score.notes.copy()
        onset = self._ticks(notes["onset_ticks"].astype(np.int64), beat_ticks)
        end = self._ticks(notes["onset_ticks"].astype(np.int64) + notes["duration_ticks"], beat_ticks)
        notes["onset_ticks"], notes["duration_ticks"] = onset, np.maximum(1, end - onset)
        quarters = np.diff(self.at_seconds) * STEPS_PER_QUARTER / self.steps_per_beat  # seconds of each quarter
        score = Score(
            notes,
            self.score.tracks,
            TICKS_PER_QUARTER,
            tuple(Tempo(i * beat_ticks, 60 / seconds) for i, seconds in enumerate(quarters.tolist())),
            _signatures(metre, TICKS_PER_QUARTER),
            self._moved(self.score.key_signatures, beat_ticks),
            self._moved(self.score.chord_symbols, beat_ticks),
            self._moved(self.score.markers, beat_ticks),
            self.score.title,
        )
        return GridEstimate(
            score=score,
            kind=BEATS_TRACKED,
            mean_error_seconds=self.beats.error_seconds,
            beats_seconds=self.at_seconds[self.lead :],
            metre=metre,
            shift_seconds=self.shift_seconds,
            played=self.score,
        )

    def _ticks(self, ticks: NDArray[np.int64], beat_ticks: int) -> NDArray[np.int64]:
        return np.rint(self.beats_at(ticks_to_seconds(self.score, ticks)) * beat_ticks).astype(np.int64)

    def _moved(self, events: tuple[_Event, ...], beat_ticks: int) -> tuple[_Event, ...]:
        ticks = self._ticks(np.array([event.onset_ticks for event in events], np.int64), beat_ticks).tolist()
        return tuple(replace(event, onset_ticks=tick) for event, tick in zip(events, ticks, strict=True))
