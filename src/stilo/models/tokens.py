"""Notes as steps: what the note model reads and writes, one step for one note.

Conventions. Time is counted in slots, 12 to the quarter (`music.quantise`). A step holds five fields, predicted in
this order: `gap` (slots since the onset before), `part`, `pitch`, `duration`, `velocity`. A part is a General MIDI
program (128 = drums) and, among tracks of one program, a rank by height of register: 0 is the highest. Notes are in
order of onset, part, pitch. A rest longer than 96 slots is shortened by whole bars.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stilo.music.quantise import quarters_to_slots, slots_of, slots_to_24ths, slots_to_ticks
from stilo.music.score import Score, Tempo, TimeSignature, Track, notes_from_columns
from stilo.music.timeline import bar_grid, main_tempo

Integers = NDArray[np.int64]
StepArray = NDArray[np.void]

MAX_GAP = 96
END = MAX_GAP + 1
GAPS = MAX_GAP + 2
PROGRAMS = 129
DRUMS = 128
RANKS = 8
PARTS = PROGRAMS * RANKS
PITCHES = 256
DRUMS_FROM = 128  # pitches from here on are keys of a drum set
VELOCITIES = 16
POSITIONS = 97
DURATION_SLOTS: Integers = np.array(
    [*range(1, 25), 27, 30, 33, 36, 42, 48, 54, 60, 72, 84, 96, 108, 120, 144, 168, 192, 240, 288, 384], np.int64
)
DURATIONS = len(DURATION_SLOTS)
FIELDS = ("gap", "part", "pitch", "duration", "velocity")
GAP, PART, PITCH, DURATION, VELOCITY = range(5)
FIELD_SIZES = (GAPS, PARTS, PITCHES, DURATIONS, VELOCITIES)
METRES = (
    *((n, 4) for n in range(1, 9)),
    *((n, 8) for n in (3, 5, 6, 7, 9, 12)),
    *((n, 2) for n in (1, 2, 3, 4)),
    (6, 16),
    (12, 4),
)
OTHER_METRE = len(METRES)
METRE_CLASSES = len(METRES) + 1
TEMPO_CLASSES = 16
UNKNOWN_TEMPO = TEMPO_CLASSES

STEP_DTYPE = np.dtype(
    [
        ("gap", "u1"),
        ("part", "<u2"),
        ("pitch", "u1"),
        ("duration", "u1"),
        ("velocity", "u1"),
        ("position", "u1"),
        ("bar_slots", "u1"),
        ("metre", "u1"),
        ("bar", "<u2"),
        ("onset", "<i4"),
    ]
)
_METRE_INDEX = {metre: i for i, metre in enumerate(METRES)}


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a piece, as the net numbers them."""

    program: int
    rank: int = 0

    @property
    def token(self) -> int:
        return self.program + PROGRAMS * self.rank

    @property
    def is_drum(self) -> bool:
        return self.program == DRUMS


def parts_of(score: Score) -> list[Part]:
    """The part of every track, in the order of `score.tracks`; tracks without notes have rank 0."""
    heights = np.full(len(score.tracks), -1.0)
    counts = np.bincount(score.notes["track"], minlength=len(score.tracks))
    sums = np.bincount(score.notes["track"], score.notes["pitch"], minlength=len(score.tracks))
    heights[counts > 0] = sums[counts > 0] / counts[counts > 0]
    programs = [DRUMS if track.is_drum else track.program for track in score.tracks]
    ranks = [0] * len(programs)
    for program in set(programs):
        same = [i for i, p in enumerate(programs) if p == program and counts[i]]
        for rank, i in enumerate(sorted(same, key=lambda i: -heights[i])):
            ranks[i] = 0 if program == DRUMS else min(rank, RANKS - 1)
    return [Part(program, rank) for program, rank in zip(programs, ranks, strict=True)]


def metre_class(numerator: int, denominator: int) -> int:
    return _METRE_INDEX.get((numerator, denominator), OTHER_METRE)


def bar_slots_of(numerator: int, denominator: int) -> int:
    """Slots of a bar, as `music.quantise` counts them, within 1…255."""
    return int(np.clip(quarters_to_slots(4 * numerator / denominator), 1, 255))


def has_whole_bars(numerator: int, denominator: int) -> bool:
    """Whether a bar of this metre is exactly its slots long; bars of 64ths and endless ones are not."""
    return int(slots_to_24ths(bar_slots_of(numerator, denominator))) * denominator == 24 * 4 * numerator


def tempo_class(quarters_per_minute: float) -> int:
    """Quarter-octave classes from 30 quarters per minute up."""
    return int(np.clip(round(4 * np.log2(max(1.0, quarters_per_minute) / 30)), 0, TEMPO_CLASSES - 1))


def piece_tempo_class(score: Score) -> int:
    """The class of the main tempo, or unknown when the score names none."""
    return tempo_class(main_tempo(score)) if score.tempos else UNKNOWN_TEMPO


def duration_class(slots: NDArray[np.int64]) -> Integers:
    """Nearest class of `DURATION_SLOTS`; ties go to the shorter."""
    upper = np.clip(np.searchsorted(DURATION_SLOTS, slots), 0, DURATIONS - 1)
    lower = np.clip(upper - 1, 0, None)
    nearer = np.abs(DURATION_SLOTS[lower] - slots) <= np.abs(DURATION_SLOTS[upper] - slots)
    return np.where(nearer, lower, upper)


def encode(score: Score, parts: Sequence[Part] | None = None) -> StepArray:
    """The steps of a score, shape [notes] of `STEP_DTYPE`: doubled notes are merged, leading empty bars left out.

    `parts` of the tracks are by default `parts_of(score)`; an excerpt keeps those of its whole.
    """
    if len(score) == 0:
        return np.zeros(0, STEP_DTYPE)
    slots = slots_of(score)
    grid = bar_grid(score)
    tokens = np.array([part.token for part in parts or parts_of(score)], np.int64)
    part = tokens[score.notes["track"]]
    pitch = score.notes["pitch"].astype(np.int64)
    order = np.lexsort((slots.onset - slots.end, pitch, part, slots.onset))
    key = np.stack([slots.onset[order], part[order], pitch[order]])
    order = order[np.append(True, (np.diff(key) != 0).any(0))]

    bar = np.minimum(slots.bar[order], len(grid) - 1)
    bar_slots = np.clip(slots.bar_lengths[slots.bar[order]], 1, 255)
    gap, onset, bar_index = _without_long_rests(
        slots.onset[order], slots.bar[order], slots.onset_in_bar[order], bar_slots
    )
    metres = {
        pair: metre_class(*pair) for pair in set(zip(grid.numerators.tolist(), grid.denominators.tolist(), strict=True))
    }
    metre = np.array([metres[pair] for pair in zip(grid.numerators.tolist(), grid.denominators.tolist(), strict=True)])
    steps = np.zeros(len(order), STEP_DTYPE)
    steps["gap"] = gap
    steps["part"] = part[order]
    steps["pitch"] = pitch[order] + DRUMS_FROM * (part[order] % PROGRAMS == DRUMS)
    steps["duration"] = duration_class((slots.end - slots.onset)[order])
    steps["velocity"] = score.notes["velocity"][order] // 8
    steps["position"] = np.minimum(slots.onset_in_bar[order], POSITIONS - 1)
    steps["bar_slots"] = bar_slots
    steps["metre"] = metre[bar]
    steps["bar"] = np.minimum(bar_index, 65535)
    steps["onset"] = onset
    return steps


def _without_long_rests(
    onset: Integers, bar: Integers, in_bar: Integers, bar_slots: Integers
) -> tuple[Integers, Integers, Integers]:
    """Gaps, onsets and bars once whole bars of silence are cut until every gap is at most `MAX_GAP`."""
    gap = np.diff(onset, prepend=onset[0] - in_bar[0])
    surplus_bars = np.where(gap > MAX_GAP, -(-(gap - MAX_GAP) // bar_slots), 0)
    # Bars are cut in the length of the bar after the rest, and where lengths differ more would fit than there are.
    surplus_bars = np.minimum(surplus_bars, np.minimum(gap // bar_slots, np.diff(bar, prepend=bar[0])))
    gap = np.clip(gap - surplus_bars * bar_slots, 0, MAX_GAP)
    return gap, np.cumsum(gap), bar - bar[0] - np.cumsum(surplus_bars)


def decode(
    steps: StepArray,
    metre: tuple[int, int],
    quarters_per_minute: float,
    tracks: dict[int, Track],
    *,
    bars: int | None = None,
    single: Collection[int] = (),
) -> Score:
    """A score in one metre from steps; `tracks` gives the track of every part token, in score order.

    Notes of one track and pitch that would overlap are cut where the next begins, those of the parts `single` at
    any next note of the part, and all at the end of `bars`.

    Raises:
        KeyError: a step of a part that `tracks` does not name.
    """
    numerator, denominator = metre
    index = {token: i for i, token in enumerate(tracks)}
    onset = steps["onset"].astype(np.int64)
    end = onset + DURATION_SLOTS[steps["duration"]]
    bar_slots = bar_slots_of(numerator, denominator)
    if bars is not None:
        end = np.minimum(end, bars * bar_slots)
    lengths = np.full(int(end.max(initial=0)) // bar_slots + 1, bar_slots, np.int64)
    track = np.array([index[token] for token in steps["part"].tolist()], np.int64)
    alone = np.isin(steps["part"], list(single))
    end = np.minimum(end, _next_of_same(onset, track * 256 + np.where(alone, 0, steps["pitch"])))
    onset_ticks = slots_to_ticks(onset, lengths)
    notes = notes_from_columns(
        onset_ticks,
        slots_to_ticks(end, lengths) - onset_ticks,
        steps["pitch"] % 128,
        np.maximum(1, steps["velocity"].astype(np.int64) * 8 + 4),
        track,
    )
    return Score(
        notes,
        tuple(tracks.values()),
        tempos=(Tempo(0, quarters_per_minute),),
        time_signatures=(TimeSignature(0, numerator, denominator),),
    )


def _next_of_same(onset: Integers, sounding: Integers) -> Integers:
    """Per note: where the next note of the same sound begins, or far away."""
    following = np.full(len(onset), 2**40, np.int64)
    order = np.lexsort((onset, sounding))
    same = sounding[order][1:] == sounding[order][:-1]
    following[order[:-1][same]] = onset[order[1:][same]]
    return following


def with_end(steps: StepArray) -> StepArray:
    """The steps and one more that says the piece ends here."""
    if len(steps) == 0:
        raise ValueError("a piece without notes has no end to mark")
    end = steps[-1:].copy()
    end["gap"] = END
    return np.concatenate([steps, end])


def transposed(steps: StepArray, semitones: int) -> StepArray:
    """All but the drums moved; the caller sees to it that they stay in 0…127."""
    moved = steps.copy()
    pitched = moved["pitch"] < DRUMS_FROM
    moved["pitch"][pitched] = moved["pitch"][pitched].astype(np.int64) + semitones
    return moved


def with_parts(steps: StepArray, token_of: dict[int, int]) -> StepArray:
    """The same notes on other parts, in the order that those ask for; doubled notes are merged."""
    tokens = np.arange(PARTS)
    tokens[list(token_of)] = list(token_of.values())
    changed = steps.copy()
    changed["part"] = tokens[steps["part"]]
    changed = changed[np.lexsort((changed["pitch"], changed["part"], changed["onset"]))]
    key = np.stack([changed[name].astype(np.int64) for name in ("onset", "part", "pitch")])
    changed = np.asarray(changed[np.append(True, (np.diff(key) != 0).any(0))])
    changed["gap"] = np.diff(changed["onset"], prepend=changed["onset"][0] - int(steps["gap"][0]))
    return changed
