"""What tells the metre of a piece: accents by place, folded at every length a bar may have.

Conventions. Time is in *steps*, four to the quarter (or to what is taken for it). An accent is one of `ACCENTS`,
measured at every step; *folded* at a length of n steps it is its mean over all stretches of n steps, place by place.
The accents are those of Lerdahl & Jackendoff (1983), "A Generative Theory of Tonal Music", metrical preference rules
3 (event), 5 (length), 6 (bass), 5f (harmony) and 4 (stress).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stilo.music.score import Score

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

STEPS_PER_QUARTER = 4
ACCENTS = ("onset", "onsets", "length", "wait", "bass", "harmony", "stress", "drum")
PERIODS = (6, 8, 12, 16, 18, 24, 32)
MOST_STEPS = 4096
_ALL_PERIODS = 288  # steps: the least that all periods divide
_CHROMA_STEPS = 4
_LONGEST_STEPS = 16.0


@dataclass(frozen=True, eq=False)
class Folded:
    """The accents of a piece, folded.

    Attributes:
        by_period: for each of `PERIODS` float [accents, period], their mean over the places taken off.
        summary: float [values]: how like the piece is to itself a period later, for each of `PERIODS` by onsets and by
            chroma, and the mean of each accent.
    """

    by_period: dict[int, Floats]
    summary: Floats


@dataclass(frozen=True, eq=False)
class Events:
    """Notes as the metre sees them: onset and duration in steps, pitch, velocity, and whether it is a drum."""

    onset: Floats
    duration: Floats
    pitch: Ints
    velocity: Floats
    drum: NDArray[np.bool_]


def events_of(score: Score) -> Events:
    """The notes of a score, its quarters believed."""
    scale = STEPS_PER_QUARTER / score.ticks_per_quarter
    return Events(
        score.notes["onset_ticks"] * scale,
        score.notes["duration_ticks"] * scale,
        score.notes["pitch"].astype(np.int64),
        score.notes["velocity"].astype(np.float64),
        score.is_drum_note,
    )


def fold(events: Events) -> Folded:
    """Fold the accents, at most of `MOST_STEPS` steps from the first note on; at least one note is needed.

    Places are counted from step 0.
    """
    accents, chroma = _accents(events)
    summary = [accents.mean(axis=1)]
    for rows in (accents[1:2], chroma):
        summary.append(_likeness_to_itself(rows))
    return Folded({period: _folded(accents, period) for period in PERIODS}, np.concatenate(summary))


def _folded(accents: Floats, period: int) -> Floats:
    """Mean by place, [accents, period], less the mean over the places."""
    steps = accents.shape[1]
    whole = steps // period * period
    total = accents[:, :whole].reshape(len(accents), -1, period).sum(axis=1)
    total[:, : steps - whole] += accents[:, whole:]
    count = np.full(period, whole // period)
    count[: steps - whole] += 1
    mean = total / np.maximum(count, 1)
    return np.asarray(mean - mean.mean(axis=1, keepdims=True))


def _likeness_to_itself(rows: Floats) -> Floats:
    """Normalised autocorrelation of [rows, steps] at each of `PERIODS`; 0 where the piece is too short."""
    centred = rows - rows.mean(axis=1, keepdims=True)
    energy = float((centred**2).sum())
    found = np.zeros(len(PERIODS))
    for i, period in enumerate(PERIODS):
        if energy > 0 and rows.shape[1] > 2 * period:
            shared = float((centred[:, period:] * centred[:, :-period]).sum())
            found[i] = shared / energy * rows.shape[1] / (rows.shape[1] - period)
    return found


def _accents(events: Events) -> tuple[Floats, Floats]:
    """The accents at every step, float [accents, steps], and the chroma, float [12, steps]."""
    step = np.rint(events.onset).astype(np.int64)
    step -= step.min() // _ALL_PERIODS * _ALL_PERIODS  # a long silence before the music folds to nothing
    inside = step < MOST_STEPS
    step, duration, pitch = step[inside], np.clip(events.duration[inside], 0.25, _LONGEST_STEPS), events.pitch[inside]
    drum, velocity = events.drum[inside], events.velocity[inside]
    steps = int(step.max()) + 1
    found = np.zeros((len(ACCENTS), steps))
    count = np.bincount(step, minlength=steps)
    begun = np.flatnonzero(count)
    found[0, begun] = 1
    found[1] = np.log1p(count)
    np.maximum.at(found[2], step[~drum], np.log1p(duration[~drum]))
    wait = np.minimum(np.diff(np.append(begun, steps)), _LONGEST_STEPS)
    found[3, begun] = np.log1p(wait)
    chroma = np.zeros((12, steps))
    if not drum.all():
        found[4] = _bass(step[~drum], pitch[~drum], steps)
        chroma = _chroma(step[~drum], duration[~drum], pitch[~drum], steps)
        found[5] = _harmony(chroma)
    loudest = np.zeros(steps)
    np.maximum.at(loudest, step, velocity)
    found[6, begun] = (loudest[begun] - loudest[begun].mean()) / 20
    low_drum = drum & np.isin(pitch, (35, 36))
    np.maximum.at(found[7], step[low_drum], 1.0)
    np.minimum.at(found[7], step[drum & np.isin(pitch, (38, 40))], -1.0)
    return found, chroma


def _bass(step: Ints, pitch: Ints, steps: int) -> Floats:
    """How far the lowest note that begins lies below the mean pitch, in octaves, not below 0."""
    lowest = np.full(steps, 200)
    np.minimum.at(lowest, step, pitch)
    return np.asarray(np.where(lowest < 200, np.clip((pitch.mean() - lowest) / 12, 0, 3), 0.0))


def _chroma(step: Ints, duration: Floats, pitch: Ints, steps: int) -> Floats:
    """How many notes of each pitch class sound in each step, [12, steps]."""
    changes = np.zeros((12, steps + 1))
    end = np.minimum(step + np.maximum(1, np.rint(duration).astype(np.int64)), steps)
    np.add.at(changes, (pitch % 12, step), 1)
    np.add.at(changes, (pitch % 12, end), -1)
    return np.asarray(changes[:, :steps].cumsum(axis=1))


def _harmony(chroma: Floats) -> Floats:
    """1 − cosine of what sounds in the quarter before and in the quarter from each step on."""
    sums = np.concatenate([np.zeros((12, 1)), chroma.cumsum(axis=1)], axis=1)
    at = np.arange(chroma.shape[1])
    before = sums[:, at] - sums[:, np.maximum(at - _CHROMA_STEPS, 0)]
    after = sums[:, np.minimum(at + _CHROMA_STEPS, chroma.shape[1])] - sums[:, at]
    size = np.linalg.norm(before, axis=0) * np.linalg.norm(after, axis=0)
    cosine = (before * after).sum(axis=0) / np.maximum(size, 1e-9)
    return np.asarray(np.where(size > 0, 1 - cosine, 0.0))
