"""What of a folder is learned from, what it is judged by, and what of the learning is kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from stilo.elements.embedding import embed_score
from stilo.errors import InputError
from stilo.music.score import Score
from stilo.styles.holding_out import last_quarters
from stilo.styles.material import Measured
from stilo.styles.style import Adapter

if TYPE_CHECKING:
    from stilo.models.notes.evaluate import PieceScore
    from stilo.models.notes.told import StyleTold
    from stilo.models.pieces import Piece
    from stilo.models.tokens import Part as Voice

PROOF_NOTES = 1024  # of each piece


@dataclass(frozen=True, eq=False)
class Lesson:
    """What is learned from, what it is proved on, and the style's vector: the mean of what is learned from.

    `of_each` says that the last quarter of each piece is held out, `is_repeating` that it holds little that is new.
    """

    train: list[Piece]
    held_out: list[Piece]
    of_each: bool = False
    is_repeating: bool = False

    @property
    def vector(self) -> NDArray[np.float32]:
        return np.asarray(np.mean([piece.embedding for piece in self.train], axis=0), np.float32)

    @property
    def style(self) -> StyleTold:
        """As the model is told it, of what is learned from alone; the facets of length 1, as composing tells them."""
        from stilo.models.learned_embedding import FACET_ORDER, LearnedEmbedding
        from stilo.models.notes.told import StyleTold

        rows = [piece.learned.reshape(len(FACET_ORDER), -1) for piece in self.train]
        return StyleTold(self.vector, LearnedEmbedding(np.mean(rows, axis=0)).values.reshape(-1))

    def scores(self, style: StyleTold | None, adapter: Adapter | None = None) -> list[PieceScore]:
        """Held-out nats of the base model, told a style or not, with an adapter or not; always of the same notes."""
        from stilo.models.notes.adapter import apply_adapter
        from stilo.models.notes.base import base_model
        from stilo.models.notes.evaluate import score_pieces
        from stilo.models.notes.told import Told

        model = base_model()
        if adapter is not None:
            model = apply_adapter(model, {key: array.astype(np.float32) for key, array in adapter.items()})
        told = [Told(style=style)] * len(self.held_out)
        return score_pieces(model, self.held_out, told, longest=PROOF_NOTES, window=None)


@dataclass(frozen=True, eq=False)
class Kept:
    """What of the learning is kept, and what it makes of the held-out music.

    Attributes:
        told: what the model is told of the style; None = nothing.
        scores: of the held-out music.
        adapter: as it will be kept, in half precision; None when none made it better.
        steps: that the adapter took.
        took_all_time: whether the tuning lasted as long as it might.
        is_interrupted: whether a person stopped it.
    """

    told: StyleTold | None
    scores: list[PieceScore]
    adapter: Adapter | None = None
    steps: int = 0
    took_all_time: bool = False
    is_interrupted: bool = False

    @property
    def nats_per_note(self) -> float:
        from stilo.models.notes.evaluate import mean_nats_per_note

        return mean_nats_per_note(self.scores)


def heard_each(scores: Sequence[Score]) -> NDArray[np.float32]:
    """The learned embedding of each piece, [pieces, LEARNED_SIZE]; 0 where no encoder is installed."""
    from stilo.models.encoder_files import has_encoder
    from stilo.models.learned_embedding import LEARNED_SIZE
    from stilo.models.recogniser import recognise

    if not has_encoder():
        return np.zeros((len(scores), LEARNED_SIZE), np.float32)
    return np.stack([recognise([score]).values.reshape(-1) for score in scores])


def lesson_of(measured: Sequence[Measured], held: set[int], heard: NDArray[np.float32]) -> Lesson:
    """`heard` are the learned embeddings of the whole pieces; cut ones are listened to anew."""
    from stilo.models.tokens import parts_of

    train: list[Piece] = []
    judged: list[Piece] = []
    if held:
        for i, one in enumerate(measured):
            piece = _piece(one.source.path, one.score, parts_of(one.score), one.embedding, heard[i])
            (judged if i in held else train).append(piece)
        return Lesson(train, judged)
    cuts, is_repeating = last_quarters([one.score for one in measured])
    for one, cut in zip(measured, cuts, strict=True):
        voices = parts_of(one.score)
        for part, goal in zip(cut, (train, judged), strict=True):
            if len(part):
                goal.append(_piece(one.source.path, part, voices, embed_score(part).values, heard_each([part])[0]))
    if not judged:
        raise InputError("all these notes begin at once: too few to hold any out; give music of several bars")
    return Lesson(train, judged, of_each=True, is_repeating=is_repeating)


def _piece(
    path: str, score: Score, voices: Sequence[Voice], embedding: NDArray[np.float32], learned: NDArray[np.float32]
) -> Piece:
    """As the model learns from it; `voices` are the parts of the tracks."""
    from stilo.models.pieces import Piece
    from stilo.models.tokens import encode, piece_tempo_class

    steps, tempo = encode(score, voices), piece_tempo_class(score)
    return Piece(path, steps, embedding, tempo, path, learned=learned)
