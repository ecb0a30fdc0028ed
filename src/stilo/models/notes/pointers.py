"""The piece's own past as memory, by bars: what stood 1, 2, 4, 8 bars ago, and in the section that returns here.

The latter if the form is told. What contexts bring back stands in `notes.contexts`.

Nothing here looks ahead: row t, stage f depends on the notes before t and on the fields before f of note t. Together
with every pointer goes how good it has been of late, so that copying can be told from being caught in a loop.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stilo.models.notes.fields import Integers, before
from stilo.models.tokens import StepArray

BAR_LAGS = (1, 2, 4, 8)
BARS = len(BAR_LAGS) + 1  # the last is that of the form
HITS = 8
NOTHING = -1
PITCH_BITS = 8
PART_BITS = 11
RUN_EDGES = np.array([1, 2, 3, 5, 9, 17, 33, 65, 129])
RUNS = len(RUN_EDGES) + 1


@dataclass(frozen=True, eq=False)
class BarPointers:
    """By bars; each [notes, BARS], indices of notes or `NOTHING`.

    Attributes:
        following: what followed, so many bars ago, the place just reached (before the gap is known).
        here: what stands so many bars before the new onset, after what was already heard of it.
        voice: the same within the part that was chosen.
        shift: slots from there to here, once the onset is known; 0 = no such lag.
        shift_before: the same as of the note before.
        hits: of the last 8 notes, how many had an exact counterpart there; × 2, + the last one had.
        run: how many notes in a row have had one.
    """

    following: Integers
    here: Integers
    voice: Integers
    shift: Integers
    shift_before: Integers
    hits: Integers
    run: Integers


def looked_up(column: Integers, pointer: Integers, nothing: int) -> Integers:
    """What stands where `pointer` points; `nothing` where it points nowhere."""
    return np.where(pointer == NOTHING, nothing, column[np.maximum(pointer, 0)])


def run_class(run: Integers) -> Integers:
    return np.searchsorted(RUN_EDGES, run, side="right").astype(np.int64)


def bar_pointers(steps: StepArray, form_lag: Integers) -> BarPointers:
    """`form_lag`, [notes]: how many bars ago the section that returns here stood at the same place, 0 = none."""
    back = before(len(steps))
    bar = steps["bar_slots"].astype(np.int64)
    lags = [np.full(len(steps), lag, np.int64) for lag in BAR_LAGS]
    shifts = [lag * bar for lag in (*lags, form_lag)]
    found = [_lagged(steps, shift[back], shift) for shift in shifts]
    following, here, voice, hits, run = (np.stack(column, axis=1) for column in zip(*found, strict=True))
    shift = np.stack(shifts, axis=1)
    return BarPointers(following, here, voice, shift, shift[back], hits, run)


def _key(onset: Integers, part: Integers, pitch: Integers) -> Integers:
    return (onset << (PART_BITS + PITCH_BITS)) | (part << PITCH_BITS) | pitch


def _lagged(
    steps: StepArray, shift_before: Integers, shift: Integers
) -> tuple[Integers, Integers, Integers, Integers, Integers]:
    n = len(steps)
    index, back = np.arange(n), before(n)
    onset, part, pitch = (steps[name].astype(np.int64) for name in ("onset", "part", "pitch"))
    key = _key(onset, part, pitch)

    def checked(found: Integers, reference: Integers, by: Integers) -> Integers:
        return np.where((index > 0) & (by > 0) & (reference >= 0) & (found < index), found, NOTHING)

    place = onset[back] - shift_before
    following = np.searchsorted(key, _key(np.maximum(place, 0), part[back], pitch[back]), side="right")

    reference = onset - shift
    safe = np.maximum(reference, 0)
    same_onset = onset == onset[back]
    after_heard = np.searchsorted(key, _key(safe, part[back], pitch[back]), side="right")
    here = np.where(same_onset, after_heard, np.searchsorted(key, _key(safe, part * 0, part * 0)))

    voice_key = (part << 40) | (onset << PITCH_BITS) | pitch
    by_voice = np.argsort(voice_key, kind="stable")
    same_voice = same_onset & (part == part[back])
    wanted = (part << 40) | (safe << PITCH_BITS)
    at = np.searchsorted(voice_key[by_voice], np.where(same_voice, wanted | pitch[back], wanted - 1), side="right")
    found = by_voice[np.minimum(at, n - 1)]
    in_voice = (at < n) & (part[found] == part)

    exact = np.minimum(np.searchsorted(key, _key(safe, part, pitch)), n - 1)
    hit = (shift > 0) & (reference >= 0) & (key[exact] == _key(safe, part, pitch)) & (exact < index)
    hits, run = _recent(hit)
    return (
        checked(following, place, shift_before),
        checked(here, reference, shift),
        np.where(in_voice, checked(found, reference, shift), NOTHING),
        hits,
        run,
    )


def _recent(hit: NDArray[np.bool_]) -> tuple[Integers, Integers]:
    """Hits among the last notes (× 2, + the last one), and how many in a row; before each note."""
    n = len(hit)
    index = np.arange(n)
    total = np.concatenate([np.zeros(1, np.int64), np.cumsum(hit)])
    recent = total[index] - total[np.maximum(0, index - HITS)]
    missed = np.maximum.accumulate(np.where(hit, -1, index))
    run_after = index - missed
    back = before(n)
    last = np.where(index > 0, hit[back], False)
    return recent * 2 + last, np.where(index > 0, run_after[back], 0)
