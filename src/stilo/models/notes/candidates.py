"""What the memory, the voices that end, and the given notes propose for every field of the note to come.

Ten candidates: five by bars, two by context, one by context within the part, one for the part that plays on ("legato":
somebody's note ends, the same part goes on), and the next note that is given, if any are.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from stilo.models.notes.fields import (
    DURATION,
    FIELD_SIZES,
    GAP,
    PART,
    PITCH,
    STAGES,
    VELOCITY,
    Integers,
    before,
    columns_of,
)
from stilo.models.notes.parts import PartPast, Sounding
from stilo.models.notes.pointers import BARS, NOTHING, BarPointers, looked_up, run_class
from stilo.models.notes.recalled import FARTHEST_SHIFT, META_SIZES, RECALLED, Recalled
from stilo.models.tokens import DURATION_SLOTS, GAPS, PITCHES, StepArray, duration_class

CONTEXT, VOICE = BARS, BARS + RECALLED - 1
LEGATO, GIVEN = VOICE + 1, VOICE + 2
CANDIDATES = GIVEN + 1
STATES = 40
LAST_STATE = STATES - 1
_NOTHINGS = np.array(FIELD_SIZES)


@dataclass(frozen=True, eq=False)
class Candidates:
    """n notes.

    Attributes:
        values, states: [n, 5, CANDIDATES], what each proposes for each field (the field's size = nothing), and how
            good it is there.
        meta: [n, CANDIDATES, len(META_SIZES)], how good and how worn it is altogether.
        next_pitch, next_duration: [n, CANDIDATES], of the note that each proposes before anything is chosen.
    """

    values: Integers
    states: Integers
    meta: Integers
    next_pitch: Integers
    next_duration: Integers


def candidates_of(
    steps: StepArray,
    by_bars: BarPointers,
    by_context: Recalled,
    *,
    past: PartPast,
    sounding: Sounding,
    next_given: Integers,
) -> Candidates:
    """`next_given`, [n]: the first given note at or after each place, `NOTHING` if there is none."""
    n = len(steps)
    values = np.repeat(np.repeat(_NOTHINGS[None, :, None], n, axis=0), CANDIDATES, axis=2)
    states = np.zeros((n, STAGES, CANDIDATES), np.int64)
    fields = columns_of(steps)
    next_pitch = np.full((n, CANDIDATES), PITCHES, np.int64)
    next_duration = np.full((n, CANDIDATES), FIELD_SIZES[DURATION], np.int64)
    writers = (
        _bars(steps, fields, by_bars),
        (by_context.values, by_context.states, by_context.next_pitch, by_context.next_duration),
        _legato(steps, fields, past, sounding),
        _given(steps, fields, next_given),
    )
    places: tuple[Any, ...] = (slice(0, BARS), slice(CONTEXT, LEGATO), LEGATO, GIVEN)
    for place, (value, state, pitch, duration) in zip(places, writers, strict=True):
        values[:, :, place], states[:, :, place] = value, np.minimum(state, LAST_STATE)
        next_pitch[:, place], next_duration[:, place] = pitch, duration
    meta = np.zeros((n, CANDIDATES, len(META_SIZES)), np.int64)
    meta[:, :, 3] = FARTHEST_SHIFT
    meta[:, :BARS, 0] = run_class(by_bars.run)
    meta[:, CONTEXT:LEGATO] = by_context.meta
    return Candidates(values, states, meta, next_pitch, next_duration)


Proposal = tuple[Integers, Integers, Integers, Integers]  # values, states [n, 5(, k)]; pitch, duration [n(, k)]


def _bars(steps: StepArray, fields: Integers, p: BarPointers) -> Proposal:
    onset = steps["onset"].astype(np.int64)
    own = fields[:, :, None]
    ahead = onset[np.maximum(p.following, 0)] - (onset[before(len(steps))][:, None] - p.shift_before)
    reachable = (p.following != NOTHING) & (ahead >= 0) & (ahead < GAPS - 1)
    reference = onset[:, None] - p.shift
    here = (p.here != NOTHING) & (onset[np.maximum(p.here, 0)] == reference)
    there = (p.voice != NOTHING) & (onset[np.maximum(p.voice, 0)] == reference)
    same_pitch = there & (fields[:, PITCH][np.maximum(p.voice, 0)] == own[:, PITCH])
    same_duration = same_pitch & (fields[:, DURATION][np.maximum(p.voice, 0)] == own[:, DURATION])
    following = np.where(reachable, p.following, NOTHING)
    values = np.stack(
        [
            np.where(reachable, ahead, FIELD_SIZES[GAP]),
            looked_up(fields[:, PART], p.here, FIELD_SIZES[PART]),
            *(looked_up(fields[:, f], p.voice, FIELD_SIZES[f]) for f in (PITCH, DURATION, VELOCITY)),
        ],
        axis=1,
    )
    agreed = np.stack([np.zeros_like(here), here, there, same_pitch, same_duration], axis=1)
    return (
        values,
        p.hits[:, None, :] * 2 + agreed,
        looked_up(fields[:, PITCH], following, PITCHES),
        looked_up(fields[:, DURATION], following, FIELD_SIZES[DURATION]),
    )


def _legato(steps: StepArray, fields: Integers, past: PartPast, sounding: Sounding) -> Proposal:
    """Gap to the next end of a note, the part that ends there; then as that part, and the note before, did."""
    n = len(steps)
    back = before(n)
    onset = steps["onset"].astype(np.int64)
    values = np.repeat(_NOTHINGS[None], n, axis=0)
    values[:, GAP] = np.where(sounding.next_end < GAPS - 1, sounding.next_end, FIELD_SIZES[GAP])
    values[:, PART] = sounding.ending_part
    values[:, PITCH] = looked_up(fields[:, PITCH], past.source, FIELD_SIZES[PITCH])
    left = onset[back] + DURATION_SLOTS[fields[:, DURATION][back]] - onset
    fits = duration_class(np.maximum(left, 1))
    together = (left > 0) & (DURATION_SLOTS[fits] == left) & (np.arange(n) > 0)
    values[:, DURATION] = np.where(together, fits, looked_up(fields[:, DURATION], past.source, FIELD_SIZES[DURATION]))
    values[:, VELOCITY] = np.where(np.arange(n) > 0, fields[:, VELOCITY][back], FIELD_SIZES[VELOCITY])
    at_once = steps["gap"] == 0
    same_part = fields[:, PART][back] == fields[:, PART]
    states = np.stack(
        [
            sounding.ending_count,
            sounding.endings_here * 2 + at_once,
            past.rest * 2 + at_once,
            together * 4 + at_once * 2 + same_part,
            same_part * 2 + at_once,
        ],
        axis=1,
    )
    return values, states, np.full(n, PITCHES), np.full(n, FIELD_SIZES[DURATION])


def _given(steps: StepArray, fields: Integers, next_given: Integers) -> Proposal:
    """The next given note, offered for as long as all that was chosen is as it has it."""
    onset = steps["onset"].astype(np.int64)
    g = np.maximum(next_given, 0)
    some = next_given != NOTHING
    ahead = onset[g] - onset[before(len(steps))]
    ahead[0] = fields[0, GAP] + onset[g[0]] - onset[0]
    same = [some & (ahead < GAPS - 1)]
    same.append(same[0] & (onset[g] == onset))
    for f in (PART, PITCH, DURATION):
        same.append(same[-1] & (fields[:, f][g] == fields[:, f]))
    own = [ahead, *(fields[:, f][g] for f in (PART, PITCH, DURATION, VELOCITY))]
    values = np.stack([np.where(s, o, size) for s, o, size in zip(same, own, FIELD_SIZES, strict=True)], axis=1)
    far = some & (ahead >= GAPS - 1)
    states = np.stack([s + 0 for s in same], axis=1) + 2 * far[:, None]
    near = same[0]
    return (
        values,
        states,
        np.where(near, fields[:, PITCH][g], PITCHES),
        np.where(near, fields[:, DURATION][g], FIELD_SIZES[DURATION]),
    )
