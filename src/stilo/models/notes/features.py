"""What the note model sees at each step, as arrays of integers ready for its tables.

Row t holds what is known before note t (for the trunk), the candidates of the memory for every field (for the head),
and the note itself (the target). Key-free: pitches enter relative to the note before, besides as register.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stilo.models.notes.candidates import (
    CANDIDATES,
    GIVEN,
    LEGATO,
    STATES,
    VOICE,
    Candidates,
    candidates_of,
)
from stilo.models.notes.fields import (
    DURATION,
    FIELD_SIZES,
    FIRST_PITCH,
    GAP,
    RANKS,
    Floats,
    Integers,
    before,
    columns_of,
)
from stilo.models.notes.given import Given
from stilo.models.notes.parts import Sounding, part_past, sounding_of
from stilo.models.notes.pointers import NOTHING, bar_pointers
from stilo.models.notes.recalled import META_SIZES, recalled
from stilo.models.notes.told import NO_BASS, NO_CHORD, Told, bass_class, chord_class, condition_columns
from stilo.models.tokens import DURATIONS, GAPS, PITCHES, POSITIONS, PROGRAMS, VELOCITIES, StepArray

Shorts = NDArray[np.int16]

HISTOGRAM_DECAYS = (0.8, 0.97, 0.995)
HISTOGRAMS = len(HISTOGRAM_DECAYS) + 1  # the last: of the given notes of the next bar
HISTOGRAM_SIZE = 12 * HISTOGRAMS
NEAR_PITCH = 25
NEAR_PITCHES = 2 * NEAR_PITCH + 2  # clipped distances, and one for "none"
HYPERMETRE = 16

NOTE_TABLES = {
    "gap": GAPS,
    "program": PROGRAMS,
    "rank": RANKS,
    "pitch": PITCHES,
    "interval": 256,
    "duration": DURATIONS,
    "velocity": VELOCITIES,
    "position": POSITIONS,
    "is_first": 2,
    "bar_in_16": HYPERMETRE,
}
_SHOWN = [c for c in range(CANDIDATES) if c not in (VOICE, LEGATO)]
_NEXT = (FIELD_SIZES[GAP] + 1, NEAR_PITCHES, DURATIONS + 1, STATES)
MEMORY_TABLES = [*(_NEXT * len(_SHOWN)), *(META_SIZES * len(_SHOWN)), FIELD_SIZES[GAP] + 1, 8, PROGRAMS + 1]


@dataclass(frozen=True, eq=False)
class Features:
    """All int16 but `histogram`; the first axis is time.

    Attributes:
        fields: [T, 5], the note itself: the targets.
        notes: [T, len(NOTE_TABLES)], the note before.
        condition: [T, len(CONDITION_TABLES)], what is told of this place.
        memory: [T, len(MEMORY_TABLES)], what the candidates would play next, and how good they are.
        histogram: float32 [T, HISTOGRAM_SIZE], decayed pitch classes of the past, relative to the note before.
        position: [T], slot in the bar, known once the gap is.
        previous_pitch, part_pitch: [T], the last pitch of all, and where the part that was chosen comes from.
        part: [T, len(PART_TABLES)], the past of the part that was chosen.
        near: [T, 2, NEARBY], what sounds, and what is given, around `part_pitch`.
        chord, bass: [T], the chord told for the new onset, and its bass, above `part_pitch`.
        values, states, meta: of the candidates.
        counts: [T], 1 where the note is to be learned, 0 where it was put in as a mistake.
    """

    fields: Shorts
    notes: Shorts
    condition: Shorts
    memory: Shorts
    histogram: Floats
    position: Shorts
    previous_pitch: Shorts
    part_pitch: Shorts
    part: Shorts
    near: Shorts
    chord: Shorts
    bass: Shorts
    values: Shorts
    states: Shorts
    meta: Shorts
    counts: Shorts

    def window(self, start: int, stop: int) -> Features:
        return Features(*(getattr(self, name)[start:stop] for name in Features.__dataclass_fields__))


def features_of(steps: StepArray, told: Told, given: Given | None = None) -> Features:
    """The features of a whole piece.

    Args:
        steps: the notes, `END` included if the piece ends there.
        told: what the model is told.
        given: which notes are known beforehand; by default none.
    """
    pitch = (steps["pitch"] % 128).astype(np.int64)
    previous_pitch = pitch[before(len(steps))]
    previous_pitch[0] = FIRST_PITCH
    known = np.flatnonzero(given.notes) if given is not None else np.zeros(0, np.int64)
    past = part_past(steps, previous_pitch)
    sounding = sounding_of(steps, past.pitch, known)
    lag = told.form.lag if told.form is not None else np.zeros(len(steps), np.int64)
    by_bars, by_context = bar_pointers(steps, lag), recalled(steps, None if given is None else given.ahead)
    candidates = candidates_of(
        steps, by_bars, by_context, past=past, sounding=sounding, next_given=_next_given(len(steps), known)
    )
    chord, bass = np.full(len(steps), NO_CHORD, np.int64), np.full(len(steps), NO_BASS, np.int64)
    if told.chords is not None:
        chord = chord_class(told.chords.root, told.chords.quality, past.pitch)
        bass = bass_class(told.chords.bass, past.pitch)
    columns: dict[str, NDArray[Any]] = {
        "fields": columns_of(steps),
        "notes": _note_columns(steps),
        "condition": condition_columns(steps, told, previous_pitch),
        "memory": _memory_columns(steps, candidates, sounding, previous_pitch, known),
        "position": steps["position"],
        "previous_pitch": previous_pitch,
        "part_pitch": past.pitch,
        "part": past.table,
        "near": sounding.near,
        "chord": chord,
        "bass": bass,
        "values": candidates.values,
        "states": candidates.states,
        "meta": candidates.meta,
        "counts": np.ones(len(steps)),
    }
    shorts = {name: column.astype(np.int16) for name, column in columns.items()}
    return Features(**shorts, histogram=_histogram(steps, previous_pitch, known))


def near_pitch(pitch: Integers, reference: Integers) -> Integers:
    """Class of the distance to `reference`; pitches ≥ `PITCHES` mean none."""
    near = np.clip(pitch % 128 - reference, -NEAR_PITCH, NEAR_PITCH) + NEAR_PITCH
    return np.where(pitch >= PITCHES, NEAR_PITCHES - 1, near)


def _next_given(n: int, given: Integers) -> Integers:
    if len(given) == 0:
        return np.full(n, NOTHING, np.int64)
    at = np.searchsorted(given, np.arange(n))
    return np.where(at < len(given), given[np.minimum(at, len(given) - 1)], NOTHING)


def _note_columns(steps: StepArray) -> Integers:
    n = len(steps)
    back = before(n)
    pitch = (steps["pitch"] % 128).astype(np.int64)
    part = steps["part"].astype(np.int64)
    columns = {
        "gap": steps["gap"],
        "program": part % PROGRAMS,
        "rank": part // PROGRAMS,
        "pitch": steps["pitch"],
        "interval": np.clip(np.diff(pitch, prepend=pitch[:1]) + 128, 0, 255),
        "duration": steps["duration"],
        "velocity": steps["velocity"],
        "position": steps["position"],
    }
    rows = np.stack([column.astype(np.int64)[back] for column in columns.values()], axis=1)
    rows[0] = 0
    bar = steps["bar"].astype(np.int64)[back]
    bar[0] = 0
    now = np.stack([(np.arange(n) == 0).astype(np.int64), bar % HYPERMETRE], axis=1)
    return np.concatenate([rows, now], axis=1)


def _memory_columns(
    steps: StepArray, c: Candidates, sounding: Sounding, previous_pitch: Integers, given: Integers
) -> Integers:
    shown = c.values[:, GAP, _SHOWN], near_pitch(c.next_pitch[:, _SHOWN], previous_pitch[:, None])
    following = np.stack([*shown, c.next_duration[:, _SHOWN], c.states[:, GAP, _SHOWN]], axis=-1)
    meta = c.meta[:, _SHOWN]
    n = len(steps)
    program = np.full(n, PROGRAMS, np.int64)
    if len(given):
        at = _next_given(n, given)
        program = np.where(
            c.next_duration[:, GIVEN] < FIELD_SIZES[DURATION],
            steps["part"].astype(np.int64)[np.maximum(at, 0)] % PROGRAMS,
            PROGRAMS,
        )
    rest = np.stack([c.values[:, GAP, LEGATO], sounding.ending_count, program], axis=1)
    return np.concatenate([following.reshape(n, -1), meta.reshape(n, -1), rest], axis=1)


def _histogram(steps: StepArray, previous_pitch: Integers, given: Integers) -> Floats:
    """Pitch classes before each note, and of the given notes of the bar to come; bin 0 is the note before."""
    from scipy.signal import lfilter  # takes as long to import as all the rest of composing

    n = len(steps)
    heard = np.zeros((n, 12), np.float32)
    pitched = np.flatnonzero(steps["pitch"] < 128)
    pitched = pitched[pitched < n - 1]
    heard[pitched + 1, steps["pitch"][pitched] % 12] = 1.0
    bins = (np.arange(12) + previous_pitch[:, None]) % 12
    parts = [lfilter([1 - d], [1, -d], heard, axis=0) for d in HISTOGRAM_DECAYS]
    parts.append(_given_ahead(steps, given))
    return np.concatenate([np.take_along_axis(d, bins, 1) for d in parts], axis=1).astype(np.float32)


def _given_ahead(steps: StepArray, given: Integers) -> NDArray[np.float64]:
    """Shares of the pitch classes of the given notes after the onset before, within a bar, [n, 12]."""
    n = len(steps)
    given = given[steps["pitch"][given] < 128] if len(given) else given
    if len(given) == 0:
        return np.zeros((n, 12))
    classes = np.zeros((len(given) + 1, 12))
    classes[np.arange(1, len(given) + 1), steps["pitch"][given] % 12] = 1.0
    total = np.cumsum(classes, axis=0)
    onset = steps["onset"].astype(np.int64)
    place = onset[before(n)]
    place[0] = -1
    first = np.searchsorted(onset[given], place, side="right")
    last = np.searchsorted(onset[given], place + steps["bar_slots"][before(n)], side="right")
    found = total[last] - total[first]
    return np.asarray(found / np.maximum(1.0, found.sum(axis=1, keepdims=True)))
