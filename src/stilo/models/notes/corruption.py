"""Mistakes put into the music that the model reads in training, so that it learns to go on after its own.

A model that has only read perfect pieces loses its way after the first slip of its own, and one that copies is caught
in what it once copied too often. So some notes are changed, and some bars are played over and over; what was put in is
read but never learned (its loss does not count), and what follows is the piece as it was. After the idea of scheduled
sampling (Bengio et al. 2015), with made mistakes in place of drawn ones.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from stilo.models.tokens import DURATIONS, END, MAX_GAP, POSITIONS, VELOCITIES, StepArray

P_MISTAKES, P_LOOP = 0.5, 0.06
MOST_MISTAKES = 0.08  # share of the notes
FARTHEST_PITCH, FARTHEST_DURATION, FARTHEST_VELOCITY = 7, 6, 3
LONGEST_LOOP_BARS, MOST_ROUNDS = 4, 8
CHANGED = ("pitch", "duration", "velocity", "onset")


@dataclass(frozen=True, eq=False)
class Window:
    """Part of a piece: its notes, of each which note of the piece it was, and whether it is to be learned."""

    steps: StepArray
    index: NDArray[np.int64]
    counts: NDArray[np.bool_]

    @property
    def has_end(self) -> bool:
        return bool(self.steps["gap"][-1] == END)


def corrupted(window: Window, rng: np.random.Generator) -> Window:
    """The window with or without mistakes and loops."""
    if rng.random() < P_LOOP:
        window = looped(window, rng)
    if rng.random() < P_MISTAKES:
        window = with_mistakes(window, float(rng.uniform(0, MOST_MISTAKES)), rng)
    return window


def with_mistakes(window: Window, share: float, rng: np.random.Generator) -> Window:
    """Some notes have another pitch, duration, loudness or place; their order stays."""
    steps, counts = window.steps.copy(), window.counts.copy()
    n = len(steps) - window.has_end
    wrong = np.flatnonzero(rng.random(n) < share)
    kinds = rng.integers(4, size=len(wrong))
    _shift(steps, "pitch", wrong[kinds == 0], FARTHEST_PITCH, rng)
    _shift(steps, "duration", wrong[kinds <= 1], FARTHEST_DURATION, rng)
    _shift(steps, "velocity", wrong[kinds == 2], FARTHEST_VELOCITY, rng)
    _move(steps, wrong[kinds == 3], n, rng)
    # where a note was moved the gap of the next leads back to where that belongs: to be learned
    counts[:n] &= np.all([steps[name][:n] == window.steps[name][:n] for name in CHANGED], axis=0)
    if window.has_end:
        _end_like_last(steps)
    return replace(window, steps=steps, counts=counts)


def _shift(steps: StepArray, name: str, at: NDArray[np.int64], farthest: int, rng: np.random.Generator) -> None:
    """Add −farthest … farthest, as far as the field, and the order of pitches in a chord, allow."""
    if len(at) == 0:
        return
    moved = steps[name][at].astype(np.int64) + rng.integers(-farthest, farthest + 1, len(at))
    if name == "pitch":
        same = [steps[other] for other in ("onset", "part")]
        below, above = np.maximum(at - 1, 0), np.minimum(at + 1, len(steps) - 1)
        drums = steps["pitch"][at] >= 128
        low, high = np.where(drums, 128, 0), np.where(drums, 255, 127)
        under = (at > 0) & np.all([column[below] == column[at] for column in same], axis=0)
        over = (above > at) & np.all([column[above] == column[at] for column in same], axis=0)
        low = np.where(under, steps["pitch"][below].astype(np.int64) + 1, low)
        high = np.where(over, steps["pitch"][above].astype(np.int64) - 1, high)
        moved = np.where((moved >= low) & (moved <= high), moved, steps["pitch"][at])
        neighbour = np.isin(at - 1, at) & under  # both may have moved: one of them stays
        moved = np.where(neighbour, steps["pitch"][at], moved)
    else:
        moved = np.clip(moved, 0, (DURATIONS if name == "duration" else VELOCITIES) - 1)
    steps[name][at] = moved


def _move(steps: StepArray, at: NDArray[np.int64], n: int, rng: np.random.Generator) -> None:
    """Notes that stand alone begin elsewhere between their neighbours, in their own bar."""
    for i in at.tolist():
        if not 0 < i < n - 1:
            continue
        low, high = int(steps["onset"][i - 1]) + 1, int(steps["onset"][i + 1]) - 1
        onset, position = int(steps["onset"][i]), int(steps["position"][i])
        low = max(low, onset - position)
        high = min(high, onset - position + int(steps["bar_slots"][i]) - 1, low + MAX_GAP - 1)
        if low > onset or high < onset or low >= high:
            continue
        new = int(rng.integers(low, high + 1))
        steps["onset"][i] = new
        steps["position"][i] = min(max(0, position + new - onset), POSITIONS - 1)
        for j in (i, i + 1):
            gap = int(steps["onset"][j]) - int(steps["onset"][j - 1])
            steps["gap"][j] = min(gap, MAX_GAP)


def looped(window: Window, rng: np.random.Generator) -> Window:
    """Some bars are played again and again before the music goes on; the rounds do not count."""
    steps = window.steps
    n = len(steps) - window.has_end
    bars = np.unique(steps["bar"][:n])
    length = 1 + int(rng.integers(LONGEST_LOOP_BARS))
    if len(bars) < 2 * length + 2:
        return window
    first = int(bars[int(rng.integers(1, len(bars) - length))])
    begin, end = np.searchsorted(steps["bar"][:n], [first, first + length])
    if end <= begin or end >= n or not np.all(steps["metre"][begin : end + 1] == steps["metre"][begin]):
        return window
    rounds = 1 + int(rng.integers(MOST_ROUNDS))
    slots = length * int(steps["bar_slots"][begin])
    start = int(steps["onset"][begin]) - int(steps["position"][begin])
    if int(steps["onset"][end]) - int(steps["position"][end]) != start + slots:
        return window  # an empty bar follows, or a long rest was cut
    again = [_later(steps[begin:end], k * slots, k * length) for k in range(1, rounds + 1)]
    rest = _later(steps[end:], rounds * slots, rounds * length)
    joined = np.concatenate([steps[:end], *again, rest])
    onset = joined["onset"].astype(np.int64)
    gap = np.diff(onset, prepend=onset[0] - int(steps["gap"][0]))
    if gap[:-1].max(initial=0) > MAX_GAP:
        return window
    is_end = joined["gap"] == END
    joined["gap"] = np.where(is_end, END, gap)
    index = np.concatenate([window.index[:end], np.tile(window.index[begin:end], rounds), window.index[end:]])
    counts = np.concatenate([window.counts[:end], np.zeros(rounds * int(end - begin), bool), window.counts[end:]])
    return Window(joined, index, counts)


def _later(steps: StepArray, slots: int, bars: int) -> StepArray:
    later = steps.copy()
    later["onset"] += slots
    later["bar"] = np.minimum(later["bar"].astype(np.int64) + bars, 65535)
    return later


def _end_like_last(steps: StepArray) -> None:
    """The END is a copy of the last note but for its gap."""
    steps[-1] = steps[-2]
    steps["gap"][-1] = END
