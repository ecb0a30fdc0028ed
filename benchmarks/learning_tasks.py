"""Composers never trained on, and what of each is learned from and what judged.

Two beds: distant (the Polish ones, 1570 to 1900, masses to piano pieces) and close (lieder). Of each composer eight
pieces are kept for judging, by lot and the same for all; of the others, without those that are nearly the same, some
are drawn by seed and learned from as `stilo learn` does it: each in its turn is held out, and chooses with the others
what is told, when to stop, and how much of an n-gram is mixed in.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from stilo.models.corpus import Piece
from stilo.models.duplicates import NEAR_HELD_OUT, line_runs, near_pairs
from stilo.models.encoder_sampling import maker_of
from stilo.models.notes.judging import Fold
from stilo.styles.holding_out import TRAIN_SHARE, whole_pieces
from stilo.styles.lesson import style_told

BEDS = {"distant": "polish", "close": "lieder"}
JUDGED, JUDGED_NOTES = 8, 768
FEWEST_NOTES = 64  # of a piece


@dataclass(frozen=True, eq=False)
class Task:
    """What is learned from, which of it each tuning holds out, and what is judged."""

    pieces: list[Piece]
    held: list[set[int]]
    judged: list[Piece]

    @property
    def folds(self) -> list[Fold]:
        """Each told the style of what it learns from; the last quarters where none can be held out whole."""
        if not self.held:
            cuts = [_cut(piece) for piece in self.pieces]
            first = [one for one, _ in cuts]
            return [Fold(first, [last for _, last in cuts], style_told(first), is_cut=True)]
        folds = []
        for held in self.held:
            train = [piece for i, piece in enumerate(self.pieces) if i not in held]
            folds.append(Fold(train, [self.pieces[i] for i in sorted(held)], style_told(train)))
        return folds

    @property
    def train(self) -> list[Piece]:
        """All that any tuning learns from."""
        return self.pieces if len(self.held) > 1 else list(self.folds[0].train)


def _cut(piece: Piece) -> tuple[Piece, Piece]:
    at = int(TRAIN_SHARE * len(piece.steps))
    first, last = (
        replace(piece, steps=piece.steps[some], labels=piece.labels[some]) for some in (slice(at), slice(at, None))
    )
    return first, last


def beds_of(pieces: Sequence[Piece], most: int | None) -> dict[str, dict[str, list[Piece]]]:
    """The pieces of each composer of each bed, in order of their names."""
    found: dict[str, dict[str, list[Piece]]] = {bed: defaultdict(list) for bed in BEDS}
    for piece in sorted(pieces, key=lambda piece: piece.name):
        for bed, beginning in BEDS.items():
            if piece.set_name.startswith(beginning) and len(piece.steps) >= FEWEST_NOTES:
                found[bed][maker_of(piece)].append(piece)
    return {bed: dict(list(makers.items())[:most]) for bed, makers in found.items()}


def task_of(pieces: Sequence[Piece], count: int, seed: int) -> Task:
    """What is learned from `count` of a composer's pieces, or from as many as there are."""
    order = [pieces[i] for i in np.random.default_rng(0).permutation(len(pieces))]
    judged, rest = order[:JUDGED], order[JUDGED:]
    known = set().union(*map(_runs, judged))
    pool = [piece for piece in rest if not _repeats(_runs(piece), known)]
    rng = np.random.default_rng([1, seed])
    drawn = [pool[i] for i in rng.permutation(len(pool))[:count]]
    twins = near_pairs([line_runs(piece.steps) for piece in drawn], NEAR_HELD_OUT, most_holders=None)
    held = whole_pieces([len(piece.steps) for piece in drawn], rng, ((twin.index, twin.of) for twin in twins))
    return Task(drawn, held, judged)


def _runs(piece: Piece) -> set[int]:
    return set(line_runs(piece.steps).tolist())


def _repeats(runs: set[int], known: set[int]) -> bool:
    return bool(runs) and len(runs & known) >= NEAR_HELD_OUT * min(len(runs), len(known))
