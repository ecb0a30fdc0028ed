"""Held-out nats per note, by field and by place in the piece."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from stilo.models.corpus import Piece
from stilo.models.notes.conditions import chords_told, controls_told, form_told
from stilo.models.notes.features import Features, features_of
from stilo.models.notes.fields import FIELDS
from stilo.models.notes.given import Given
from stilo.models.notes.model import Batch, NoteModel
from stilo.models.notes.stream import batch_of
from stilo.models.notes.told import Told
from stilo.models.processor import autocast_pays
from stilo.models.tokens import PROGRAMS, StepArray, with_end

LONGEST = 2048
WINDOW = 512

Teller = Callable[[Piece, StepArray, NDArray[np.int64]], Told]
Giving = Callable[[StepArray], Given | None]


@dataclass(frozen=True, eq=False)
class PieceScore:
    """Nats of one piece, float32 [steps, 5]; the last step may be the end, which counts to the last note."""

    notes: int
    nats: NDArray[np.float32]

    @property
    def nats_per_note(self) -> float:
        return float(self.nats.sum() / max(1, self.notes))


def nothing(piece: Piece, steps: StepArray, index: NDArray[np.int64]) -> Told:
    """Nothing is told but the metre."""
    return Told()


def general(piece: Piece, steps: StepArray, index: NDArray[np.int64]) -> Told:
    """What a person would say of any piece: tempo, length, instruments, how many parts."""
    tokens = np.unique(piece.steps["part"])
    programs = frozenset((tokens % PROGRAMS).tolist())
    return Told(programs=programs, parts=len(tokens), tempo=piece.tempo, bars=int(piece.steps["bar"][-1]) + 1)


def chords(piece: Piece, steps: StepArray, index: NDArray[np.int64]) -> Told:
    """The chord of every note and the next, as the labels have them, and their basses."""
    return Told(chords=chords_told(piece.labels, piece.steps).at(index))


def chords_alone(piece: Piece, steps: StepArray, index: NDArray[np.int64]) -> Told:
    """The same without the basses."""
    return Told(chords=chords_told(piece.labels, piece.steps).at(index).without_basses())


def form(piece: Piece, steps: StepArray, index: NDArray[np.int64]) -> Told:
    """Sections and what returns in them, as the labels have them."""
    return Told(form=form_told(piece.labels, piece.steps).at(index))


def controls(piece: Piece, steps: StepArray, index: NDArray[np.int64]) -> Told:
    """How dense, full, high, loud, pleasant and excited every bar is."""
    return Told(controls=controls_told(steps, piece.labels[index]))


@torch.no_grad()
def score_pieces(
    model: NoteModel,
    pieces: Sequence[Piece],
    telling: Teller | Sequence[Told] = nothing,
    *,
    giving: Giving | None = None,
    longest: int = LONGEST,
    window: int | None = WINDOW,
    rows: int = 16,
) -> list[PieceScore]:
    """Nats of the first `longest` steps of every piece, its end included.

    The trunk begins anew every `window` steps (None = never); the memory sees all of the piece that came before.
    `giving` says which notes are known beforehand; what these cost is of no interest.
    """
    prepared = [
        _prepared(piece, telling if callable(telling) else telling[i], giving, longest)
        for i, piece in enumerate(pieces)
    ]
    order = sorted(range(len(pieces)), key=lambda i: len(prepared[i][0].fields))
    scores: list[PieceScore | None] = [None] * len(pieces)
    was_training = model.training
    model.eval()
    for start in range(0, len(order), rows):
        some = order[start : start + rows]
        nats = _nats(model, [prepared[i] for i in some], window)
        for row, i in zip(nats, some, strict=True):
            steps = len(prepared[i][0].fields)
            scores[i] = PieceScore(min(steps, len(pieces[i].steps)), row[:steps])
    model.train(was_training)
    return [score for score in scores if score is not None]


def _prepared(piece: Piece, telling: Teller | Told, giving: Giving | None, longest: int) -> tuple[Features, Told]:
    steps = with_end(piece.steps)[:longest]
    index = np.minimum(np.arange(len(steps)), len(piece.steps) - 1)
    told = telling if isinstance(telling, Told) else telling(piece, steps, index)
    return features_of(steps, told, None if giving is None else giving(steps)), told


def _nats(model: NoteModel, rows: Sequence[tuple[Features, Told]], window: int | None) -> NDArray[np.float32]:
    length = max(len(features.fields) for features, _ in rows)
    batch = batch_of(
        [_padded(features, length) for features, _ in rows],
        np.repeat(np.arange(len(rows))[:, None], length, axis=1),
        [told for _, told in rows],
    )
    device = next(model.parameters()).device
    window = window or length
    found = []
    for start in range(0, length, window):
        part: Batch = batch.steps(start, min(length, start + window)).to(device)
        with torch.autocast(device.type, torch.bfloat16, enabled=autocast_pays(device)):
            found.append(model(part)[0].float().cpu())
    return torch.cat(found, 1).numpy()


def mean_nats_per_note(scores: Sequence[PieceScore], first: int = 0, last: int | None = None) -> float:
    """Over all notes of all pieces, or over the notes `first` … `last` of each."""
    nats = sum(float(score.nats[first:last].sum()) for score in scores)
    notes = sum(max(0, min(score.notes, score.notes if last is None else last) - first) for score in scores)
    return nats / max(1, notes)


def nats_by_field(scores: Sequence[PieceScore]) -> dict[str, float]:
    total = np.sum([score.nats.sum(0, dtype=np.float64) for score in scores], axis=0)
    total = total / max(1, sum(score.notes for score in scores))
    return dict(zip(FIELDS, total.round(4).tolist(), strict=True))


def _padded(features: Features, length: int) -> Features:
    missing = length - len(features.fields)
    if missing == 0:
        return features
    names = Features.__dataclass_fields__
    return Features(
        *(np.concatenate([v, np.repeat(v[-1:], missing, axis=0)]) for v in (getattr(features, n) for n in names))
    )
