"""How dense, how full, how high and how loud each bar is, in classes: what the note model is told of bars.

Conventions. A bar has four controls in the order of `CONTROLS`, each a class 0…7 that grows with what it measures, or
`UNKNOWN_CONTROL` where there is nothing to measure: no note begins in the bar, or (polyphony, register) none that has a
pitch. Nothing is stored; it is counted from the steps at hand, so that what began before them is not heard.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from stilo.models.tokens import DRUMS_FROM, DURATION_SLOTS, StepArray
from stilo.music.quantise import SLOTS_PER_QUARTER

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

CONTROLS = ("density", "polyphony", "register", "loudness")
CONTROL_CLASSES = UNKNOWN_CONTROL = 8
# octiles over the bars of the training music (benchmarks/condition_bounds.py), moved off values that bars often have;
# of loudness spread wider, since most of that music is equally loud throughout
DENSITY_BOUNDS = np.array([1.7, 2.3, 3.2, 4.1, 5.3, 6.7, 9.1])  # notes that begin, to the quarter
POLYPHONY_BOUNDS = np.array([1.05, 2.1, 2.9, 3.5, 4.1, 4.6, 5.8])  # notes that sound, while any does; without drums
REGISTER_BOUNDS = np.array([57.5, 60.5, 62.6, 64.6, 66.6, 69.2, 72.6])  # mean pitch, without drums
LOUDNESS_BOUNDS = np.array([6.0, 8.0, 9.5, 10.3, 10.65, 11.3, 12.5])  # mean velocity class (eighths of the velocity)
_BOUNDS = (DENSITY_BOUNDS, POLYPHONY_BOUNDS, REGISTER_BOUNDS, LOUDNESS_BOUNDS)


def bar_controls(steps: StepArray) -> NDArray[np.uint8]:
    """Classes of every bar from that of the first note to that of the last, uint8 [bars, 4]; no bars without notes."""
    values = bar_values(steps)
    classes = np.empty(values.shape, np.uint8)
    for column, bounds in enumerate(_BOUNDS):
        classes[:, column] = bounds.searchsorted(values[:, column], side="right")
    classes[np.isnan(values)] = UNKNOWN_CONTROL
    return classes


def bar_values(steps: StepArray) -> Floats:
    """What the classes are made of, float64 [bars, 4]; NaN where there is nothing to measure."""
    if len(steps) == 0:
        return np.zeros((0, len(CONTROLS)))
    number = steps["bar"].astype(np.int64)
    first = np.append(0, np.flatnonzero(number[1:] != number[:-1]) + 1)
    onset, pitch = steps["onset"].astype(np.int64), steps["pitch"]
    bar_slots, begin = steps["bar_slots"][first].astype(np.int64), onset[first] - steps["position"][first]
    notes = np.append(first[1:], len(steps)) - first
    pitched = pitch < DRUMS_FROM
    sung = np.add.reduceat(pitched, first, dtype=np.int64)
    heights = np.add.reduceat(np.where(pitched, pitch, 0), first, dtype=np.int64)
    end = onset + DURATION_SLOTS[steps["duration"]]
    if not pitched.all():
        onset, end = onset[pitched], end[pitched]
    values = np.full((int(number[-1] - number[0]) + 1, len(CONTROLS)), np.nan)
    with np.errstate(invalid="ignore", divide="ignore"):
        values[number[first] - number[0]] = np.stack(
            [
                notes * (SLOTS_PER_QUARTER / bar_slots),
                _polyphony(onset, end, begin, begin + bar_slots),
                heights / sung,
                np.add.reduceat(steps["velocity"], first, dtype=np.int64) / notes,
            ],
            axis=1,
        )
    return values


def _polyphony(onset: Integers, end: Integers, begin: Integers, until: Integers) -> Floats:
    """Mean number of notes that sound in each bar while any does, [bars]; NaN where none does."""
    origin = int(begin[0])
    slots = int(until[-1]) - origin
    change = np.bincount(onset - origin, minlength=slots + 1)[: slots + 1]
    change -= np.bincount(np.minimum(end - origin, slots), minlength=slots + 1)
    sounding = change.cumsum()
    total = np.zeros(slots + 2, np.int64)
    sounding.cumsum(out=total[1:])
    filled = np.zeros(slots + 2, np.int64)
    (sounding > 0).cumsum(out=filled[1:])
    at, to = begin - origin, np.minimum(until - origin, slots)
    return np.asarray((total[to] - total[at]) / (filled[to] - filled[at]))
