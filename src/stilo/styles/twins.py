"""Pieces of a folder that are nearly the same: two editions, a copy with some notes changed, one tune set twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stilo.music.quantise import slots_of
from stilo.music.score import Score

SAME = 0.8  # of the notes: one of the two is left out
MOST_SHIFT = 12
MOST_COMPARED = 1000


@dataclass(frozen=True, slots=True)
class Twin:
    """Piece `index` has the melody of the earlier piece `of`; `is_same`: nearly all its notes, too."""

    index: int
    of: int
    is_same: bool


def twins_among(scores: Sequence[Score], least: float) -> list[Twin]:
    """The pieces whose melody runs (`models.duplicates`) are those of an earlier one to at least this share."""
    from stilo.models.duplicates import line_runs, near_pairs
    from stilo.models.tokens import encode

    if len(scores) > MOST_COMPARED:
        scores = scores[:MOST_COMPARED]
    pairs = near_pairs([line_runs(encode(score)) for score in scores], least)
    return [Twin(pair.index, pair.of, shared_notes(scores[pair.index], scores[pair.of]) >= SAME) for pair in pairs]


def shared_notes(first: Score, second: Score) -> float:
    """Share of the notes of the smaller of two pieces that stand in the other at the same time after a beginning,
    transposed as fits best, 0…1.
    """
    a, b = _places(first), _places(second)
    if len(a) == 0 or len(b) == 0:
        return 0.0
    smaller, larger = sorted((a, b), key=len)
    known = {(int(onset), int(pitch)) for onset, pitch in larger}
    counts = Counter[int]()
    middle = int(np.median(larger[:, 1]) - np.median(smaller[:, 1]))
    for shift in range(middle - MOST_SHIFT, middle + MOST_SHIFT + 1):
        counts[shift] = sum((int(onset), int(pitch) + shift) in known for onset, pitch in smaller)
    return max(counts.values()) / len(smaller)


def _places(score: Score) -> NDArray[np.int64]:
    """Slot after the first note and pitch of every note, [notes, 2]; drums apart from pitches."""
    onset = slots_of(score).onset
    pitch = score.notes["pitch"].astype(np.int64) + 1000 * score.is_drum_note
    return np.unique(np.stack([onset - onset.min(initial=0), pitch], axis=1), axis=0)
