"""The piece's own past as memory: where in it stands what may come next.

Pointers of three kinds. By bars: what stood 1, 2, 4, 8 bars ago, and at the same place of the section that returns
here, if the form is told. By context: how the longest recurring contexts of (interval, gap) went on. By voice: how
the longest recurring context within the part that was chosen went on, in whichever part it stood.

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
CONTEXT_LENGTHS = (16, 12, 8, 6, 4, 3, 2)
CONTEXTS = 2
HITS = 8
NOTHING = -1
MOST_USES = 7
MOST_CHAIN = 3
PITCH_BITS = 8
PART_BITS = 11
RUN_EDGES = np.array([1, 2, 3, 5, 9, 17, 33, 65, 129])
RUNS = len(RUN_EDGES) + 1
MASK = 2**64 - 1
MULTIPLIERS = {n: (0x9E3779B97F4A7C15 * (2 * n + 1) ^ 0xD1B54A32D192ED03) & MASK | 1 for n in (2, 3, 4, 6, 8, 12, 16)}
HALVES = {2: (1, 1), 3: (2, 1), 4: (2, 2), 6: (4, 2), 8: (4, 4), 12: (8, 4), 16: (8, 8)}


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


@dataclass(frozen=True, eq=False)
class ContextPointers:
    """By context; each [notes, CONTEXTS].

    Attributes:
        source: how the longest known contexts went on.
        level: index into `CONTEXT_LENGTHS` of what matched.
        run: for how many notes this pointer has moved along with the music.
        uses: how often that context had been heard before, at most `MOST_USES`.
        chain: how often in a row this context came from one just as far away and as much lower or higher; a
            sequence that climbs, or a loop; at most `MOST_CHAIN`.
    """

    source: Integers
    level: Integers
    run: Integers
    uses: Integers
    chain: Integers


@dataclass(frozen=True, eq=False)
class VoicePointers:
    """By context within the part; each [notes].

    Attributes:
        source: how the longest known context went on.
        last: the note of the part just before this one, `NOTHING` if there is none.
        level: index into `CONTEXT_LENGTHS`.
    """

    source: Integers
    last: Integers
    level: Integers


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


def context_pointers(steps: StepArray) -> ContextPointers:
    n = len(steps)
    shape = (n, CONTEXTS)
    source = np.full(shape, NOTHING, np.int64)
    level, uses = np.zeros(shape, np.int64), np.zeros(shape, np.int64)
    if n >= 2:
        hashes = _hashes(_tokens(steps["pitch"], steps["gap"].astype(np.int64)))
        for number, length in enumerate(CONTEXT_LENGTHS):
            _point(source, level, uses, number, _earlier_equal(hashes[length], length))
    moved = np.diff(source - np.arange(n)[:, None], axis=0, prepend=np.iinfo(np.int64).min // 2) != 0
    begun = np.maximum.accumulate(np.where(moved, np.arange(n)[:, None], 0), axis=0)
    run = np.where(source == NOTHING, 0, np.arange(n)[:, None] - begun + 1)
    return ContextPointers(source, level, run, uses, _chain(steps, source))


def _point(source: Integers, level: Integers, uses: Integers, number: int, found: tuple[Integers, Integers]) -> None:
    """Fill free places of `source` with how contexts of one length went on the last time, and the time before."""
    earlier, heard = found
    first = np.append(NOTHING, np.where(earlier >= 0, earlier + 1, NOTHING)[:-1])
    second = np.where(first > 0, first[np.maximum(first, 0)], NOTHING)
    heard_before = np.minimum(np.append(0, heard[:-1]), MOST_USES)
    for candidate in (first, second):
        free = source == NOTHING
        new = (candidate != NOTHING) & (candidate != source[:, 0])
        rows = np.flatnonzero(new & free[:, 1])
        slot = np.where(free[rows, 0], 0, 1)
        source[rows, slot] = candidate[rows]
        level[rows, slot] = number
        uses[rows, slot] = heard_before[rows]


def _chain(steps: StepArray, source: Integers) -> Integers:
    """How often in a row the source itself has a source at the same distance and interval."""
    pitch = (steps["pitch"] % 128).astype(np.int64)
    index = np.arange(len(steps))
    chain = np.zeros_like(source)
    for column in range(source.shape[1]):
        first = source[:, 0]  # what the source itself came from is told by the longest context
        here, at = source[:, column], index
        alive = here > 0
        distance = index - here
        shift = pitch[before(len(steps))] - pitch[np.maximum(here - 1, 0)]
        for _ in range(MOST_CHAIN):
            at, here = np.maximum(here, 0), first[np.maximum(here, 0)]
            alive = alive & (here > 0) & (at - here == distance)
            alive = alive & (pitch[np.maximum(at - 1, 0)] - pitch[np.maximum(here - 1, 0)] == shift)
            chain[:, column] += alive
    return chain


def voice_pointers(steps: StepArray) -> VoicePointers:
    n = len(steps)
    order = np.argsort(steps["part"], kind="stable")
    part, onset = steps["part"][order], steps["onset"][order].astype(np.int64)
    begins = np.append(True, part[1:] != part[:-1])
    within = np.arange(n) - np.maximum.accumulate(np.where(begins, np.arange(n), 0))
    gap = np.clip(np.diff(onset, prepend=onset[:1]), 0, 255)
    token = _tokens(steps["pitch"][order], np.where(begins, 0, gap))
    hashes = _hashes(token)
    last = np.full(n, NOTHING, np.int64)
    last[order[1:]] = np.where(begins[1:], NOTHING, order[:-1])
    following = np.full(n, NOTHING, np.int64)
    following[order[:-1]] = np.where(begins[1:], NOTHING, order[1:])
    source, level = np.full(n, NOTHING, np.int64), np.zeros(n, np.int64)
    for number, length in enumerate(CONTEXT_LENGTHS):
        if length > 8:
            continue
        full = order[within >= length]  # the token of a part's first note tells no interval
        hashed = np.empty(n, np.uint64)
        hashed[order] = hashes[length]
        earlier = _earlier_among(hashed, np.sort(full))
        found = np.where(last >= 0, earlier[np.maximum(last, 0)], NOTHING)
        went_on = np.where(found >= 0, following[np.maximum(found, 0)], NOTHING)
        use = (source == NOTHING) & (went_on >= 0) & (went_on < np.arange(n))
        source[use], level[use] = went_on[use], number
    return VoicePointers(source, last, level)


def _tokens(pitch: NDArray[np.uint8], gap: Integers) -> NDArray[np.uint64]:
    """(interval from the note before, gap) as one number."""
    pitch_now = (pitch % 128).astype(np.int64)
    interval = np.diff(pitch_now, prepend=pitch_now[:1]) + 128
    return np.asarray((interval << 8) | gap, np.uint64)


def _hashes(token: NDArray[np.uint64]) -> dict[int, NDArray[np.uint64]]:
    """Of the last n tokens, for each n."""
    hashes = {1: token}
    for length in sorted(HALVES):
        older, newer = HALVES[length]
        mixed = hashes[newer].copy()
        mixed[newer:] += hashes[older][:-newer] * np.uint64(MULTIPLIERS[length])
        hashes[length] = mixed
    return hashes


def _earlier_equal(hashes: NDArray[np.uint64], length: int) -> tuple[Integers, Integers]:
    """Per note: the last earlier note at which a context of the same hash ended, and how many there were."""
    n = len(hashes)
    earlier, heard = np.full(n, NOTHING, np.int64), np.zeros(n, np.int64)
    valid = np.arange(length - 1, n)
    if len(valid) < 2:
        return earlier, heard
    order = valid[np.argsort(hashes[valid], kind="stable")]
    same = hashes[order][1:] == hashes[order][:-1]
    earlier[order[1:][same]] = order[:-1][same]
    place = np.arange(len(order))
    heard[order] = place - np.maximum.accumulate(np.where(np.append(False, same), 0, place))
    return earlier, heard


def _earlier_among(hashes: NDArray[np.uint64], valid: Integers) -> Integers:
    """As `_earlier_equal`, among the notes `valid` alone."""
    earlier = np.full(len(hashes), NOTHING, np.int64)
    if len(valid) >= 2:
        order = valid[np.argsort(hashes[valid], kind="stable")]
        same = hashes[order][1:] == hashes[order][:-1]
        earlier[order[1:][same]] = order[:-1][same]
    return earlier
