"""What each part has played, what is sounding, and when it ends: seen from each note once its onset and part are known.

Only the last `REACH` notes are looked at; what has been held for longer is forgotten.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stilo.models.notes.fields import FIELD_SIZES, PART, Integers, before, is_drum
from stilo.models.notes.pointers import NOTHING
from stilo.models.tokens import DURATION_SLOTS, DURATIONS, GAPS, StepArray

REACH = 32
NEAR = 24
NEARBY = 2 * NEAR + 1
MOST_AT_ONCE = 7
FARTHEST_MOVE = 12
GIVEN_AT_ONCE = 8
REST_EDGES = np.array([0, 1, 3, 6, 12, 24, 48])
RESTS = len(REST_EDGES) + 2
PART_TABLES = {"duration": DURATIONS + 1, "rest": RESTS, "at_once": MOST_AT_ONCE + 1, "move": 2 * FARTHEST_MOVE + 2}


@dataclass(frozen=True, eq=False)
class PartPast:
    """n notes; known once onset and part are.

    Attributes:
        source: the note that this one comes from: the j-th of a chord from the j-th of the part's last chord, or its
            highest; `NOTHING` if the part has not played yet.
        pitch: its pitch 0…127; of the note before where there is none.
        rest: class of the slots since it ended; 0 = no source, 1 = it still sounds.
        table: [n, len(PART_TABLES)].
    """

    source: Integers
    pitch: Integers
    rest: Integers
    table: Integers


@dataclass(frozen=True, eq=False)
class Sounding:
    """n notes.

    Attributes:
        next_end: slots from the onset before to the next end of a note, `GAPS` if nothing sounds; before the gap.
        ending_count: how many notes end there, at most 7; before the gap.
        ending_part: of the parts that have a note ending at the new onset the lowest that may still play, the
            number of parts if there is none; before the part.
        endings_here: how many such notes, at most 7.
        near: [n, 2, NEARBY], which pitches around `PartPast.pitch` sound at the new onset, and which of the given
            notes are still to come there.
    """

    next_end: Integers
    ending_count: Integers
    ending_part: Integers
    endings_here: Integers
    near: NDArray[np.uint8]


def part_past(steps: StepArray, previous_pitch: Integers) -> PartPast:
    n = len(steps)
    pitch = (steps["pitch"] % 128).astype(np.int64)
    order = np.argsort(steps["part"], kind="stable")
    part, onset = steps["part"][order], steps["onset"][order].astype(np.int64)
    begins = np.append(True, (part[1:] != part[:-1]) | (onset[1:] != onset[:-1]))
    starts = np.flatnonzero(begins)
    chord = np.cumsum(begins) - 1
    sizes = np.diff(np.append(starts, n))
    within = np.arange(n) - starts[chord]
    earlier = np.maximum(chord - 1, 0)
    has_earlier = (chord > 0) & (part[starts[earlier]] == part)
    found = order[starts[earlier] + np.minimum(within, sizes[earlier] - 1)]
    source, at_once = np.full(n, NOTHING, np.int64), np.zeros(n, np.int64)
    source[order] = np.where(has_earlier, found, NOTHING)
    at_once[order] = np.minimum(within, MOST_AT_ONCE)

    safe, some = np.maximum(source, 0), source != NOTHING
    end = steps["onset"].astype(np.int64) + DURATION_SLOTS[steps["duration"]]
    since = steps["onset"].astype(np.int64) - end[safe]
    rest = np.where(some, np.searchsorted(REST_EDGES, since, side="right") + 1, 0)
    before_that = source[safe]
    move = np.clip(pitch[safe] - pitch[np.maximum(before_that, 0)], -FARTHEST_MOVE, FARTHEST_MOVE) + FARTHEST_MOVE
    move = np.where(some & (before_that != NOTHING), move, 2 * FARTHEST_MOVE + 1)
    duration = np.where(some, steps["duration"][safe], DURATIONS)
    table = np.stack([duration, rest, at_once, move], axis=1)
    return PartPast(source, np.where(some, pitch[safe], previous_pitch), rest, table)


def sounding_of(steps: StepArray, part_pitch: Integers, given: Integers) -> Sounding:
    """`given`, [number given]: indices of the given notes, rising."""
    n = len(steps)
    back = before(n)
    onset, part = steps["onset"].astype(np.int64), steps["part"].astype(np.int64)
    end = onset + DURATION_SLOTS[steps["duration"]]
    # [n, REACH]: the notes before each, the last one first
    index = np.arange(n)[:, None] - 1 - np.arange(REACH)
    known, index = index >= 0, np.maximum(index, 0)
    ends, parts = np.where(known, end[index], -1), part[index]

    ahead = ends - onset[back][:, None]
    ahead = np.where(ahead > 0, ahead, GAPS)
    next_end = ahead.min(axis=1, initial=GAPS)
    ending_count = np.minimum((ahead == next_end[:, None]).sum(axis=1), 7) * (next_end < GAPS)

    may_play = (steps["gap"] > 0)[:, None] | (parts > part[back][:, None])
    ending = (ends == onset[:, None]) & may_play
    ending_part = np.where(ending, parts, FIELD_SIZES[PART]).min(axis=1, initial=FIELD_SIZES[PART])
    endings_here = np.minimum(ending.sum(axis=1), 7)

    near = np.zeros((n, 2, NEARBY), np.uint8)
    pitched = ~is_drum(part)
    relative = (steps["pitch"] % 128)[index].astype(np.int64) - part_pitch[:, None] + NEAR
    heard = (ends > onset[:, None]) & pitched[index] & pitched[:, None] & (relative >= 0) & (relative < NEARBY)
    rows, columns = np.nonzero(heard)
    near[rows, 0, relative[rows, columns]] = 1
    if len(given):
        _mark_given(near, steps, part_pitch, given, pitched)
    return Sounding(next_end, ending_count, ending_part, endings_here, near)


def _mark_given(
    near: NDArray[np.uint8], steps: StepArray, part_pitch: Integers, given: Integers, pitched: NDArray[np.bool_]
) -> None:
    at = np.searchsorted(given, np.arange(len(steps)))[:, None] + np.arange(GIVEN_AT_ONCE)
    found = given[np.minimum(at, len(given) - 1)]
    relative = (steps["pitch"] % 128)[found].astype(np.int64) - part_pitch[:, None] + NEAR
    now = (at < len(given)) & (steps["onset"][found] == steps["onset"][:, None]) & pitched[found] & pitched[:, None]
    rows, columns = np.nonzero(now & (relative >= 0) & (relative < NEARBY))
    near[rows, 1, relative[rows, columns]] = 1
