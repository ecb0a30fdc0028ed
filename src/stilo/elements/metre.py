"""The weights of the places in a bar, and syncopation measured by them.

Weights follow Longuet-Higgins & Lee (1984), "The rhythmic interpretation of monophonic music": the bar line weighs 0,
each level below it one less. A note syncopates when a place heavier than its own passes before the next note begins;
its strength is the difference of the weights. Places are `SLOTS` to the quarter, which holds sixteenths and triplets
alike; a third of a quarter weighs as much as its half, so that plain triplets do not syncopate.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from stilo.elements.layout import Floats, Ints, Layout

SLOTS = 12
_MOST_BEATS = 16
_LONGEST_BAR_SLOTS = 192  # sixteen quarters; longer bars are not felt as one


def felt_beats(numerator: int, denominator: int) -> int:
    """Beats in a bar as they are felt: a third of the units in compound metres (3/8, 6/8, 9/8, 12/8), else all."""
    return numerator // 3 if numerator % 3 == 0 and denominator >= 8 else numerator


def beats_of(metre: str) -> int:
    """Felt beats of a metre as a profile names it, "6/8"; 0 where they are too many to be told apart."""
    numerator, denominator = (int(part) for part in metre.split("/"))
    beats = felt_beats(numerator, denominator)
    return beats if beats <= _MOST_BEATS else 0


@lru_cache(maxsize=64)
def metrical_weights(numerator: int, denominator: int) -> Ints:
    """Weights ≤ 0 of the slots of a bar, int64 [slots]."""
    slots = max(1, round(SLOTS * 4 * numerator / denominator))
    beats = felt_beats(numerator, denominator)
    compound = beats != numerator
    periods = [slots]
    if beats % 4 == 0 and beats:
        periods.append(slots // 2)
    beat = max(1, slots // max(1, beats))
    if periods[-1] != beat:
        periods.append(beat)
    periods += [beat // 3, beat // 6, beat // 12] if compound else [beat // 2, beat // 4]
    place = np.arange(slots)
    weights = np.full(slots, -len(periods), np.int64)
    for level in range(len(periods) - 1, -1, -1):
        if periods[level] > 0:
            weights[place % periods[level] == 0] = -level
    if not compound and beat % 3 == 0:
        third = (place % (beat // 3) == 0) & (place % beat != 0)
        weights[third] = np.maximum(weights[third], -(periods.index(beat) + 1))
    weights.setflags(write=False)
    return weights


@lru_cache(maxsize=64)
def _strengths(numerator: int, denominator: int) -> Ints:
    """Syncopation of a note at slot s whose successor comes g slots later, int64 [s, g], g from 0 to a bar."""
    weights = metrical_weights(numerator, denominator)
    slots = len(weights)
    after = np.stack([np.concatenate([weights[s + 1 :], weights[: s + 1]]) for s in range(slots)])
    heaviest = np.maximum.accumulate(after, axis=1)  # [s, k]: over the k + 1 slots after s
    none_between = np.full((slots, 2), -(10**6))
    return np.maximum(0, np.concatenate([none_between, heaviest[:, :-1]], axis=1) - weights[:, None])


def syncopation_strengths(layout: Layout) -> Floats:
    """Strength of every onset of every track (chords count once), float [onsets]; 0 where nothing syncopates."""
    if len(layout.onset_ticks) == 0:
        return np.zeros(0)
    order = np.lexsort((layout.onset_ticks, layout.track))
    track, onset = layout.track[order], layout.onset_ticks[order]
    first = np.concatenate([[True], (np.diff(track) != 0) | (np.diff(onset) > 0)])
    track, onset, end, bar = track[first], onset[first], layout.end_ticks[order][first], layout.bar[order][first]
    last = np.append(track[1:] != track[:-1], True)
    following = np.where(last, end, np.append(onset[1:], 0))
    per_quarter = layout.score.ticks_per_quarter
    slot = np.rint((onset - layout.grid.starts_ticks[bar]) * SLOTS / per_quarter).astype(np.int64)
    gap = np.rint((following - onset) * SLOTS / per_quarter).astype(np.int64)
    strengths = np.zeros(len(onset))
    metres = np.stack([layout.grid.numerators[bar], layout.grid.denominators[bar]], axis=1)
    for numerator, denominator in np.unique(metres, axis=0).tolist():
        if SLOTS * 4 * numerator > _LONGEST_BAR_SLOTS * denominator:
            continue
        table = _strengths(numerator, denominator)
        here = (metres[:, 0] == numerator) & (metres[:, 1] == denominator)
        slots = len(table)
        strengths[here] = table[slot[here] % slots, np.clip(gap[here], 0, slots)]
    return strengths
