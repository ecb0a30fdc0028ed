"""Held-out nats per note."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from stilo.models.corpus import Piece
from stilo.models.features import Features, features_of
from stilo.models.sequence import SequenceModel
from stilo.models.stream import Told, batch_of
from stilo.models.tokens import FIELDS, with_end


@dataclass(frozen=True, eq=False)
class PieceScore:
    """Nats of one piece, summed over its `notes` notes (the end counts to the last), for each field."""

    notes: int
    nats: NDArray[np.float64]

    @property
    def nats_per_note(self) -> float:
        return float(self.nats.sum() / max(1, self.notes))


def prepared(piece: Piece, longest: int) -> Features:
    """The features of the first `longest` steps of a piece, its end included, with everything told but the style."""
    steps = with_end(piece.steps)
    return features_of(steps[:longest], piece.tempo, True, int(piece.steps["bar"][-1]) + 1)


@torch.no_grad()
def score_pieces(
    model: SequenceModel,
    pieces: Sequence[Piece],
    styles: Sequence[NDArray[np.float32] | None],
    longest: int = 1024,
    rows: int = 16,
) -> list[PieceScore]:
    """Nats of every piece under the model, each told its tempo, metre, length and the style given for it."""
    features = [prepared(piece, longest) for piece in pieces]
    order = sorted(range(len(pieces)), key=lambda i: len(features[i].fields))
    scores: list[PieceScore | None] = [None] * len(pieces)
    was_training = model.training
    model.eval()
    for start in range(0, len(order), rows):
        some = order[start : start + rows]
        length = max(len(features[i].fields) for i in some)
        padded = [_padded(features[i], length) for i in some]
        piece = np.repeat(np.arange(len(some))[:, None], length, axis=1)
        with torch.autocast("cpu", torch.bfloat16, enabled=autocast_pays()):
            nats, _ = model(batch_of(padded, piece, [Told(styles[i]) for i in some]))
        for row, i in enumerate(some):
            steps = len(features[i].fields)
            scores[i] = PieceScore(min(steps, len(pieces[i].steps)), nats[row, :steps].double().sum(0).numpy())
    model.train(was_training)
    return [score for score in scores if score is not None]


def autocast_pays() -> bool:
    """Whether this processor multiplies bfloat16 matrices in hardware."""
    return bool(torch.cpu._is_amx_tile_supported())


def mean_nats_per_note(scores: Sequence[PieceScore]) -> float:
    """Over all notes of all pieces."""
    return float(sum(score.nats.sum() for score in scores) / max(1, sum(score.notes for score in scores)))


def nats_by_field(scores: Sequence[PieceScore]) -> dict[str, float]:
    total = np.sum([score.nats for score in scores], axis=0) / max(1, sum(score.notes for score in scores))
    return dict(zip(FIELDS, total.round(4).tolist(), strict=True))


def _padded(features: Features, length: int) -> Features:
    missing = length - len(features.fields)
    if missing == 0:
        return features
    names = Features.__dataclass_fields__
    return Features(
        *(np.concatenate([v, np.repeat(v[-1:], missing, axis=0)]) for v in (getattr(features, n) for n in names))
    )
