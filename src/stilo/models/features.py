"""What the sequence model sees at each step, as arrays of integers ready for its tables.

Row t holds what is known before note t (for the trunk), the candidates of the memory for every field (for the head),
and the note itself (the target). Key-free: pitches enter relative to the note before, besides as register.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter

from stilo.models.memory import BAR_LAGS, NOTHING, STATES, Pointers, point
from stilo.models.tokens import (
    DURATIONS,
    FIELD_SIZES,
    GAPS,
    METRE_CLASSES,
    PITCHES,
    POSITIONS,
    PROGRAMS,
    RANKS,
    TEMPO_CLASSES,
    VELOCITIES,
    StepArray,
)

Integers = NDArray[np.int64]
Floats = NDArray[np.float32]

BARS_EDGES = np.array([1, 2, 3, 4, 5, 6, 8, 10, 12, 16, 20, 24, 32, 48, 64])
BARS_CLASSES = len(BARS_EDGES) + 1
BARS_UNKNOWN = BARS_CLASSES
HISTOGRAM_DECAYS = (0.8, 0.97)
HISTOGRAM_SIZE = 12 * len(HISTOGRAM_DECAYS)
NEAR_PITCH = 25
NEAR_PITCHES = 2 * NEAR_PITCH + 2  # clipped distances, and one for "none"
FIRST_PITCH = 60
LAST_STATE = STATES - 1

TRUNK_TABLES = {
    "gap": GAPS,
    "program": PROGRAMS,
    "rank": RANKS,
    "pitch": PITCHES,
    "interval": 256,
    "duration": DURATIONS,
    "velocity": VELOCITIES,
    "position": POSITIONS,
    "is_first": 2,
    "metre": METRE_CLASSES,
    "bars_elapsed": BARS_CLASSES,
    "bars_left": BARS_CLASSES + 1,
    "tempo": TEMPO_CLASSES + 1,
}
MEMORY_TABLES = {"gap": GAPS + 1, "near_pitch": NEAR_PITCHES, "duration": DURATIONS + 1, "state": STATES}


@dataclass(frozen=True, eq=False)
class Features:
    """All int64 but `histogram`; the first axis is time.

    Attributes:
        fields: [T, 5], the note itself: the targets.
        trunk: [T, len(TRUNK_TABLES)], one index into each table.
        memory: [T, 6, 4], what each candidate would play next, known before the gap.
        histogram: float32 [T, 24], decayed pitch classes of the past, relative to the note before.
        position: [T], slot in the bar, known once the gap is.
        previous_pitch, part_pitch: [T], the last pitch of all, and where the part that was chosen comes from.
        values, states: [T, 5, 6], what each candidate proposes for each field (the field's size = nothing), how good
            it was.
    """

    fields: Integers
    trunk: Integers
    memory: Integers
    histogram: Floats
    position: Integers
    previous_pitch: Integers
    part_pitch: Integers
    values: Integers
    states: Integers

    def window(self, start: int, stop: int) -> Features:
        return Features(*(getattr(self, name)[start:stop] for name in Features.__dataclass_fields__))


def bars_class(bars: NDArray[np.int64]) -> Integers:
    return np.searchsorted(BARS_EDGES, bars, side="right").astype(np.int64)


def near_pitch(pitch: Integers, reference: Integers) -> Integers:
    """Class of the distance to `reference`; pitches ≥ `PITCHES` mean none."""
    near = np.clip(pitch % 128 - reference, -NEAR_PITCH, NEAR_PITCH) + NEAR_PITCH
    return np.where(pitch >= PITCHES, NEAR_PITCHES - 1, near)


def features_of(steps: StepArray, tempo: int, bars_left_known: bool = True, total_bars: int | None = None) -> Features:
    """The features of a whole piece.

    Args:
        steps: the notes, `END` included if the piece ends there.
        tempo: class of `tokens.tempo_class`.
        bars_left_known: whether the model is told how much of the piece is still to come.
        total_bars: length of the piece, by default up to the last step.
    """
    n = len(steps)
    pitch = (steps["pitch"] % 128).astype(np.int64)
    before = np.concatenate([np.zeros(1, np.int64), np.arange(n - 1)])
    previous_pitch = pitch[before]
    previous_pitch[0] = FIRST_PITCH
    trunk = _trunk(steps, before, tempo, bars_left_known, total_bars)
    values, states, memory_pitch, memory_duration = _candidates(steps, point(steps), previous_pitch)
    memory = np.stack(
        [values[:, 0], near_pitch(memory_pitch, previous_pitch[:, None]), memory_duration, states[:, 0]], axis=-1
    )
    fields = np.stack([steps[name].astype(np.int64) for name in ("gap", "part", "pitch", "duration", "velocity")], 1)
    return Features(
        fields=fields,
        trunk=trunk,
        memory=memory,
        histogram=_histogram(steps, previous_pitch),
        position=steps["position"].astype(np.int64),
        previous_pitch=previous_pitch,
        part_pitch=_part_pitch(steps, previous_pitch),
        values=values,
        states=states,
    )


def _trunk(steps: StepArray, before: Integers, tempo: int, bars_left_known: bool, total_bars: int | None) -> Integers:
    n = len(steps)
    pitch = (steps["pitch"] % 128).astype(np.int64)
    interval = np.clip(np.diff(pitch, prepend=pitch[:1]) + 128, 0, 255)
    bar = steps["bar"].astype(np.int64)
    elapsed = bar[before]
    elapsed[0] = 0
    left = np.maximum(0, (int(bar[-1]) + 1 if total_bars is None else total_bars) - 1 - elapsed)
    part = steps["part"].astype(np.int64)
    columns = {
        "gap": steps["gap"],
        "program": part % PROGRAMS,
        "rank": part // PROGRAMS,
        "pitch": steps["pitch"],
        "interval": interval,
        "duration": steps["duration"],
        "velocity": steps["velocity"],
        "position": steps["position"],
    }
    rows = np.stack([column.astype(np.int64)[before] for column in columns.values()], axis=1)
    rows[0] = 0
    now = np.stack(
        [
            (np.arange(n) == 0).astype(np.int64),
            steps["metre"].astype(np.int64),
            bars_class(elapsed),
            bars_class(left) if bars_left_known else np.full(n, BARS_UNKNOWN),
            np.full(n, tempo, np.int64),
        ],
        axis=1,
    )
    return np.concatenate([rows, now], axis=1)


def _histogram(steps: StepArray, previous_pitch: Integers) -> Floats:
    """Decayed counts of the pitch classes before each note, rolled so that bin 0 is the note before."""
    n = len(steps)
    heard = np.zeros((n, 12), np.float32)
    pitched = np.flatnonzero(steps["pitch"] < 128)
    pitched = pitched[pitched < n - 1]
    heard[pitched + 1, steps["pitch"][pitched] % 12] = 1.0
    bins = (np.arange(12) + previous_pitch[:, None]) % 12
    decayed = [lfilter([1 - d], [1, -d], heard, axis=0) for d in HISTOGRAM_DECAYS]
    return np.concatenate([np.take_along_axis(d, bins, 1) for d in decayed], axis=1).astype(np.float32)


def _part_pitch(steps: StepArray, previous_pitch: Integers) -> Integers:
    """Where the part comes from: the j-th note of a chord from the j-th of the part's last chord, or its highest.

    A part that has not played yet comes from the last pitch of all.
    """
    n = len(steps)
    pitch = (steps["pitch"] % 128).astype(np.int64)
    order = np.argsort(steps["part"], kind="stable")
    part, onset = steps["part"][order], steps["onset"][order]
    begins = np.append(True, (part[1:] != part[:-1]) | (onset[1:] != onset[:-1]))
    starts = np.flatnonzero(begins)
    chord = np.cumsum(begins) - 1
    sizes = np.diff(np.append(starts, n))
    within = np.arange(n) - starts[chord]
    before = np.maximum(chord - 1, 0)
    has_before = (chord > 0) & (part[starts[before]] == part)
    source = starts[before] + np.minimum(within, sizes[before] - 1)
    last = previous_pitch.copy()
    last[order[has_before]] = pitch[order[source[has_before]]]
    return last


def _candidates(
    steps: StepArray, pointers: Pointers, previous_pitch: Integers
) -> tuple[Integers, Integers, Integers, Integers]:
    """Values and states [T, 5, 6], and pitch and duration [T, 6] of what each candidate would play next."""
    bar_values, bar_states, bar_pitch, bar_duration = _bar_candidates(steps, pointers)
    context_values, context_states = _context_candidates(steps, pointers, previous_pitch)
    return (
        np.concatenate([bar_values, context_values], axis=2),
        np.concatenate([bar_states, context_states], axis=2),
        np.concatenate([bar_pitch, context_values[:, 2]], axis=1),
        np.concatenate([bar_duration, context_values[:, 3]], axis=1),
    )


def _looked_up(column: Integers, pointer: Integers, nothing: int) -> Integers:
    return np.where(pointer == NOTHING, nothing, column[np.maximum(pointer, 0)])


def _bar_candidates(steps: StepArray, p: Pointers) -> tuple[Integers, Integers, Integers, Integers]:
    part, pitch, duration, velocity = (
        steps[f].astype(np.int64)[:, None] for f in ("part", "pitch", "duration", "velocity")
    )
    onset = steps["onset"].astype(np.int64)
    before = np.concatenate([np.zeros(1, np.int64), np.arange(len(steps) - 1)])
    shift = np.array(BAR_LAGS) * steps["bar_slots"].astype(np.int64)[before][:, None]
    ahead = onset[np.maximum(p.bar_next, 0)] - (onset[before][:, None] - shift)
    reachable = (p.bar_next != NOTHING) & (ahead >= 0) & (ahead < GAPS - 1)
    reference = onset[:, None] - shift
    here = (p.bar_here != NOTHING) & (onset[np.maximum(p.bar_here, 0)] == reference)
    there = (p.bar_voice != NOTHING) & (onset[np.maximum(p.bar_voice, 0)] == reference)
    same_pitch = there & (pitch[np.maximum(p.bar_voice, 0), 0] == pitch)
    same_duration = same_pitch & (duration[np.maximum(p.bar_voice, 0), 0] == duration)
    next_pointer = np.where(reachable, p.bar_next, NOTHING)
    values = np.stack(
        [
            np.where(reachable, ahead, FIELD_SIZES[0]),
            _looked_up(part[:, 0], p.bar_here, FIELD_SIZES[1]),
            _looked_up(pitch[:, 0], p.bar_voice, FIELD_SIZES[2]),
            _looked_up(duration[:, 0], p.bar_voice, FIELD_SIZES[3]),
            _looked_up(velocity[:, 0], p.bar_voice, FIELD_SIZES[4]),
        ],
        axis=1,
    )
    agreed = np.stack([np.zeros_like(here), here, there, same_pitch, same_duration], axis=1)
    states = np.minimum(p.bar_hits[:, None, :] * 2 + agreed, LAST_STATE)
    return (
        values,
        states,
        _looked_up(pitch[:, 0], next_pointer, PITCHES),
        _looked_up(duration[:, 0], next_pointer, DURATIONS),
    )


def _context_candidates(steps: StepArray, p: Pointers, previous_pitch: Integers) -> tuple[Integers, Integers]:
    """The contexts match whatever the transposition, so the pitch they propose moves along."""
    gap, part, pitch, duration, velocity = (
        steps[f].astype(np.int64) for f in ("gap", "part", "pitch", "duration", "velocity")
    )
    q = np.maximum(p.context, 1)
    moved = previous_pitch[:, None] + pitch[q] % 128 - pitch[q - 1] % 128
    proposed = np.where(pitch[q] >= 128, pitch[q], np.where((moved < 0) | (moved > 127), PITCHES, moved))
    proposed = np.where(p.context == NOTHING, PITCHES, proposed)
    same_gap = (p.context != NOTHING) & (gap[q] == gap[:, None])
    same_part = same_gap & (part[q] == part[:, None])
    same_pitch = same_part & (proposed == pitch[:, None])
    same_duration = same_pitch & (duration[q] == duration[:, None])
    values = np.stack(
        [
            _looked_up(gap, p.context, FIELD_SIZES[0]),
            _looked_up(part, p.context, FIELD_SIZES[1]),
            proposed,
            _looked_up(duration, p.context, FIELD_SIZES[3]),
            _looked_up(velocity, p.context, FIELD_SIZES[4]),
        ],
        axis=1,
    )
    agreed = np.stack([np.zeros_like(same_gap), same_gap, same_part, same_pitch, same_duration], axis=1)
    return values, p.context_level[:, None, :] * 2 + agreed
