"""Where a score's ticks lie in bars and in seconds.

A bar lasts numerator × 4 / denominator quarters. A change of time signature begins a new bar at once, as in the
Standard MIDI File. Before the first time signature 4/4 holds, before the first tempo 120 quarters per minute.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from stilo.music.score import NoteArray, Score, Tempo, TimeSignature

DEFAULT_QUARTERS_PER_MINUTE = 120.0
_Value = TypeVar("_Value")


def effective_time_signatures(score: Score) -> tuple[TimeSignature, ...]:
    """The time signatures with 4/4 in front when nothing stands at the beginning; repeats of the same are kept out."""
    kept: list[TimeSignature] = []
    given = score.time_signatures
    if not given or given[0].onset_ticks > 0:
        kept.append(TimeSignature(0, 4, 4))
    for signature in given:
        if kept and kept[-1].onset_ticks == signature.onset_ticks:
            kept.pop()
        same = kept and (kept[-1].numerator, kept[-1].denominator) == (signature.numerator, signature.denominator)
        if not same:
            kept.append(signature)
    return tuple(kept)


def bar_ticks(signature: TimeSignature, ticks_per_quarter: int) -> int:
    """Length of a bar in ticks, at least 1."""
    return max(1, round(ticks_per_quarter * 4 * signature.numerator / signature.denominator))


@dataclass(frozen=True, eq=False)
class BarGrid:
    """Every bar of a score that holds, or lies before, a note.

    Attributes:
        starts_ticks: int64 [bars], where each bar begins.
        lengths_ticks: int64 [bars], its nominal length.
        numerators, denominators: int64 [bars].
    """

    starts_ticks: NDArray[np.int64]
    lengths_ticks: NDArray[np.int64]
    numerators: NDArray[np.int64]
    denominators: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.starts_ticks)

    def bar_of(self, ticks: ArrayLike) -> NDArray[np.int64]:
        """Index of the bar in which each tick lies; ticks after the last bar count to the last bar."""
        index = np.searchsorted(self.starts_ticks, np.asarray(ticks), side="right") - 1
        return np.clip(index, 0, max(0, len(self) - 1)).astype(np.int64)


def bar_grid(score: Score, end_ticks: int | None = None) -> BarGrid:
    """The bars from tick 0 to `end_ticks` (else to the end of the last note); at least one."""
    starts: list[NDArray[np.int64]] = []
    lengths: list[int] = []
    numerators: list[int] = []
    denominators: list[int] = []
    signatures = effective_time_signatures(score)
    end = max(score.end_ticks if end_ticks is None else end_ticks, 1)
    for i, signature in enumerate(signatures):
        if signature.onset_ticks >= end:
            break
        until = min(end, signatures[i + 1].onset_ticks) if i + 1 < len(signatures) else end
        length = bar_ticks(signature, score.ticks_per_quarter)
        here = np.arange(signature.onset_ticks, until, length, dtype=np.int64)
        starts.append(here)
        lengths += [length] * len(here)
        numerators += [signature.numerator] * len(here)
        denominators += [signature.denominator] * len(here)
    return BarGrid(
        np.concatenate(starts),
        np.array(lengths, np.int64),
        np.array(numerators, np.int64),
        np.array(denominators, np.int64),
    )


def silent_bars(score: Score, notes: NoteArray) -> NDArray[np.bool_]:
    """Bars of a score in which none of `notes` sounds, [bars]."""
    grid = bar_grid(score)
    begin = grid.bar_of(notes["onset_ticks"])
    end = grid.bar_of(notes["onset_ticks"].astype(np.int64) + notes["duration_ticks"] - 1)
    sounding = np.zeros(len(grid) + 1, np.int64)
    np.add.at(sounding, begin, 1)
    np.add.at(sounding, end + 1, -1)
    return np.asarray(np.cumsum(sounding)[:-1] == 0)


def longest_rest(score: Score, notes: NoteArray) -> int:
    """The longest run of `silent_bars`."""
    sounding = np.flatnonzero(~silent_bars(score, notes))
    return int(np.diff(sounding, prepend=-1, append=len(bar_grid(score))).max()) - 1


def ticks_to_seconds(score: Score, ticks: ArrayLike) -> NDArray[np.float64]:
    """Seconds from tick 0 to each of `ticks`, along the tempo map."""
    onsets, elapsed, seconds_per_tick = _tempo_segments(score)
    at = np.asarray(ticks, np.float64)
    segment = np.clip(np.searchsorted(onsets, at, side="right") - 1, 0, None)
    return np.asarray(elapsed[segment] + (at - onsets[segment]) * seconds_per_tick[segment])


def seconds_to_ticks(score: Score, seconds: ArrayLike) -> NDArray[np.float64]:
    """Ticks, with their fractions, at each of `seconds` from tick 0, along the tempo map."""
    onsets, elapsed, seconds_per_tick = _tempo_segments(score)
    at = np.asarray(seconds, np.float64)
    segment = np.clip(np.searchsorted(elapsed, at, side="right") - 1, 0, None)
    return np.asarray(onsets[segment] + (at - elapsed[segment]) / seconds_per_tick[segment])


def _tempo_segments(score: Score) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Ticks and seconds at which each tempo begins, and how long a tick is from there on."""
    tempos = score.tempos
    if not tempos or tempos[0].onset_ticks > 0:
        tempos = (Tempo(0, DEFAULT_QUARTERS_PER_MINUTE), *tempos)
    onsets = np.array([tempo.onset_ticks for tempo in tempos], np.float64)
    seconds_per_tick = np.array([60.0 / t.quarters_per_minute / score.ticks_per_quarter for t in tempos])
    return onsets, np.concatenate([[0.0], np.cumsum(np.diff(onsets) * seconds_per_tick[:-1])]), seconds_per_tick


def duration_seconds(score: Score) -> float:
    """Length of the score from tick 0 to the end of its last note."""
    return float(ticks_to_seconds(score, [score.end_ticks])[0])


def main_tempo(score: Score) -> float:
    """The tempo, in quarters per minute, that holds for the most ticks."""
    return _longest(score, [(t.onset_ticks, t.quarters_per_minute) for t in score.tempos], DEFAULT_QUARTERS_PER_MINUTE)


def main_time_signature(score: Score) -> TimeSignature:
    """The time signature that holds for the most ticks, as if from the beginning."""
    signatures = effective_time_signatures(score)
    pair = _longest(score, [(s.onset_ticks, (s.numerator, s.denominator)) for s in signatures], (4, 4))
    return TimeSignature(0, *pair)


def _longest(score: Score, changes: list[tuple[int, _Value]], default: _Value) -> _Value:
    """The value that holds longest; `changes` are (onset_ticks, value) in order."""
    if not changes or changes[0][0] > 0:
        changes = [(0, default), *changes]
    end = max(score.end_ticks, changes[-1][0] + 1)
    spans: dict[_Value, int] = {}
    for i, (onset, value) in enumerate(changes):
        until = changes[i + 1][0] if i + 1 < len(changes) else end
        spans[value] = spans.get(value, 0) + max(0, min(until, end) - onset)
    return max(spans, key=lambda value: spans[value])
