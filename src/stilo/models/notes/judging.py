"""What a tuning holds out, and which of the adapters that it comes by are kept: those that foresee it best."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from stilo.models.corpus import Piece
from stilo.models.notes.adapter import apply_adapter
from stilo.models.notes.evaluate import PieceScore, mean_nats_per_note, score_pieces
from stilo.models.notes.merging import AdapterWeights
from stilo.models.notes.model import NoteModel
from stilo.models.notes.strength import (
    FAR_NATS,
    SHARE_OF_FEW,
    mean_of,
    share_of_one,
    strength_for,
    strength_of,
    weakened,
)
from stilo.models.notes.told import StyleTold, Told

LEAST_GAIN_NATS = 1e-3  # a smaller gain on the held-out notes is none; of checks that differ by less the later is kept
FEWEST_JUDGED_NOTES, MOST_JUDGED_NOTES = 64, 1024  # of each piece


@dataclass(frozen=True, eq=False)
class Fold:
    """What one adapter learns from, what it is judged by, and what the model is told of the style (None = nothing).

    `is_cut` where what it learns from goes on in what it is judged by: then no endings are learned.
    """

    train: Sequence[Piece]
    held_out: Sequence[Piece]
    style: StyleTold | None = None
    is_cut: bool = False

    @property
    def notes(self) -> int:
        """That it learns from."""
        return sum(len(piece.steps) for piece in self.train)

    @property
    def pieces(self) -> int:
        """How many tell of others like them: where it is judged by what goes on in them, they tell as little as one."""
        return 1 if self.is_cut else len(self.train) + len(self.held_out)


@dataclass(frozen=True, eq=False)
class Tuning:
    """What was tuned, and how it was judged.

    Attributes:
        weights: what is kept, the mean over the folds, of few pieces weakened; nothing where nothing was gained.
        of_folds: the adapter of each fold, to judge what it held out, weakened to foresee as what is kept does, or at
            full strength where all is kept and that is better; none where nothing was gained.
        scores: of the pieces held out, fold after fold, each by its own adapter before this was cut to few values.
        steps: how many it took to get there.
        is_late: whether its time was over before its end.
        is_interrupted: whether a person stopped it before its end; it is the best until then.
    """

    weights: AdapterWeights
    scores: list[PieceScore]
    steps: int
    of_folds: Sequence[AdapterWeights] = ()
    is_late: bool = False
    is_interrupted: bool = False


class Judge:
    """Keeps the latest adapters of those with the best held-out figures; at first that is none at all.

    The figures are of adapters that are as strong as their share in what is kept. Few pieces choose by a small share,
    and what is kept is as weak, unless more proves better in the end, or that share already gains so much that the base
    model hardly knows such music: then few count like many. Not so what goes on in the pieces that are learned from.
    """

    def __init__(self, model: NoteModel, folds: Sequence[Fold], most_notes: int) -> None:
        self.model = model
        self.folds = folds
        self.strength = strength_of(folds[0].pieces)
        pieces = max(1, sum(len(fold.held_out) for fold in folds))
        self.longest = min(MOST_JUDGED_NOTES, max(FEWEST_JUDGED_NOTES, most_notes // pieces))
        self.best = Tuning({}, self._scores([{}] * len(folds)), 0)
        self.whole: Sequence[AdapterWeights] = ()  # of the best, before they were weakened
        self.base = self.least = mean_nats_per_note(self.best.scores)
        self.waited = 0  # checks since the least
        self.fell = 0.0  # by how much the last check was better than all before

    @property
    def is_weakened(self) -> bool:
        """Whether the pieces are too few to keep all of what was learned."""
        return self.strength < 1

    @property
    def is_of_few(self) -> bool:
        """Whether few whole pieces choose, by a small share of what they teach."""
        return self.is_weakened and not self.folds[0].is_cut

    @property
    def share(self) -> float:
        """At which the adapters of the folds are judged."""
        return SHARE_OF_FEW if self.is_of_few else share_of_one(len(self.folds), self.strength)

    def hear(self, whole: Sequence[AdapterWeights], step: int) -> None:
        found = self._weakened(whole, self.share, step)
        nats = mean_nats_per_note(found.scores)
        if self.is_of_few and self.base - nats > FAR_NATS:
            self.strength, self.least = 1.0, self.base
            found = self._weakened(whole, self.share, step)
            nats = mean_nats_per_note(found.scores)
        self.waited += 1
        if nats < min(self.base, self.least + LEAST_GAIN_NATS):
            self.best, self.whole = found, whole
        self.fell = self.least - nats
        if self.fell > LEAST_GAIN_NATS:
            self.waited = 0
        self.least = min(self.least, nats)

    def strengthen(self) -> None:
        """The best as strong as so many pieces allow; of many pieces the folds alone at full strength; if better."""
        share = share_of_one(len(self.folds), self.strength) if self.is_weakened else 1.0
        if self.whole and share > self.share:
            found = self._weakened(self.whole, share, self.best.steps)
            if mean_nats_per_note(found.scores) < mean_nats_per_note(self.best.scores):
                self.best = replace(found, is_late=self.best.is_late)

    def _weakened(self, whole: Sequence[AdapterWeights], share: float, step: int) -> Tuning:
        """The folds' adapters at this share, and their mean as strong as that foresees; at most as it is."""
        of_folds = weakened(whole, share)
        mean = mean_of(whole, min(1.0, strength_for(len(whole), share)))
        return Tuning(mean, self._scores(of_folds), step, of_folds)

    def _scores(self, of_folds: Sequence[AdapterWeights]) -> list[PieceScore]:
        found = []
        for fold, weights in zip(self.folds, of_folds, strict=True):
            adapted = apply_adapter(self.model, weights) if weights else self.model
            told = [Told(style=fold.style)] * len(fold.held_out)
            found += score_pieces(adapted, fold.held_out, told, longest=self.longest, window=None)
        return found
