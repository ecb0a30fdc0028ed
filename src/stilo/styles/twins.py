"""Pieces of a folder that are nearly the same: two editions, a copy with some notes changed, one tune set twice."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stilo.music.quantise import slots_of
from stilo.music.score import Score

SAME = 0.8  # of the notes: one of the two is left out
_KEYS = 128


@dataclass(frozen=True, slots=True)
class Twin:
    """Piece `index` has a share of the melody of the earlier piece `of`."""

    index: int
    of: int
    share: float


def twins_among(scores: Sequence[Score]) -> list[Twin]:
    """The pieces whose melody runs (`models.duplicates`) are those of an earlier one, so much that what is learned from
    one gives the other away; the nearest first.
    """
    from stilo.models.duplicates import NEAR_HELD_OUT, line_runs, near_pairs
    from stilo.models.tokens import encode

    pairs = near_pairs([line_runs(encode(score)) for score in scores], NEAR_HELD_OUT, most_holders=None)
    return [Twin(pair.index, pair.of, pair.share) for pair in pairs]


def copies_among(scores: Sequence[Score], twins: Iterable[Twin]) -> dict[int, int]:
    """Which pieces have nearly all the notes of another, and of which; the other is none of them."""
    from stilo.models.duplicates import NEAR

    places: dict[int, Places] = {}
    copies: dict[int, int] = {}
    for twin in twins:
        if twin.share >= NEAR and not {twin.index, twin.of} & copies.keys():
            for number in (twin.of, twin.index):
                places[number] = places.get(number) or Places.of(scores[number])
            if shared_notes(places[twin.of], places[twin.index]) >= SAME:
                copies[twin.index] = twin.of
    return copies


@dataclass(frozen=True, eq=False)
class Places:
    """Where the notes of a piece stand, each once, in order of onset.

    Attributes:
        onset: slots after the first note of the piece, int64 [notes].
        pitch: int64 [notes].
        is_drum: of notes that are the same in every key, bool [notes].
    """

    onset: NDArray[np.int64]
    pitch: NDArray[np.int64]
    is_drum: NDArray[np.bool_]

    @classmethod
    def of(cls, score: Score) -> Places:
        rows = np.stack([slots_of(score).onset, score.is_drum_note, score.notes["pitch"]], axis=1).astype(np.int64)
        rows = np.unique(rows, axis=0)
        return cls(rows[:, 0] - rows[:1, 0], rows[:, 2], rows[:, 1] > 0)

    def __len__(self) -> int:
        return len(self.onset)


def shared_notes(first: Places, second: Places) -> float:
    """Share of the notes of the smaller of two pieces that stand in the other at the same time after its beginning, the
    pitched ones transposed as fits best, 0…1.
    """
    if len(first) == 0 or len(second) == 0:
        return 0.0
    begin, end = (np.searchsorted(second.onset, first.onset, side) for side in ("left", "right"))
    mine = np.repeat(np.arange(len(first)), end - begin)
    theirs = np.arange(len(mine)) - np.repeat(np.cumsum(end - begin) - end, end - begin)
    shift = second.pitch[theirs] - first.pitch[mine]
    drums, their_drums = first.is_drum[mine], second.is_drum[theirs]
    pitched = np.bincount(shift[~drums & ~their_drums] + _KEYS, minlength=1).max()
    return int(pitched + (drums & their_drums & (shift == 0)).sum()) / min(len(first), len(second))
