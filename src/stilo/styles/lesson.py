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
    from stilo.models.notes.judging import Fold
    from stilo.models.notes.told import StyleTold
    from stilo.models.pieces import Piece
    from stilo.models.tokens import Part as Voice

PROOF_NOTES, MOST_PROOF_NOTES = 1024, 24_000  # of each piece, of all
FEWEST_PROOF_NOTES = 128


@dataclass(frozen=True, eq=False)
class Lesson:
    """What is learned from and what it is proved on, fold by fold, and the style's vector.

    Attributes:
        folds: for each tuning what it learns from and what it is judged by.
        of_each: the last quarter of each piece is held out.
        is_repeating: it holds little that is new.
    """

    folds: list[tuple[list[Piece], list[Piece]]]
    of_each: bool = False
    is_repeating: bool = False

    @property
    def train(self) -> list[Piece]:
        """All that any tuning learns from."""
        return list({id(piece): piece for train, _ in self.folds for piece in train}.values())

    @property
    def held_out(self) -> list[Piece]:
        """What the tunings are judged by, fold after fold."""
        return [piece for _, held_out in self.folds for piece in held_out]

    @property
    def vector(self) -> NDArray[np.float32]:
        return _vector(self.train)

    def tuned_folds(self, is_style_told: bool) -> list[Fold]:
        """As they are tuned; each is told the style of what it learns from alone, or nothing."""
        from stilo.models.notes.judging import Fold

        return [
            Fold(train, held, style_told(train) if is_style_told else None, self.of_each) for train, held in self.folds
        ]

    def scores(self, is_style_told: bool, of_folds: Sequence[Adapter] = ()) -> list[PieceScore]:
        """Held-out nats of the base model, told the style or not, with the folds' adapters or none; of the same notes
        always.
        """
        from stilo.models.notes.adapter import apply_adapter
        from stilo.models.notes.base import base_model
        from stilo.models.notes.evaluate import score_pieces
        from stilo.models.notes.told import Told

        found: list[PieceScore] = []
        longest = max(FEWEST_PROOF_NOTES, min(PROOF_NOTES, MOST_PROOF_NOTES // max(1, len(self.held_out))))
        for number, fold in enumerate(self.tuned_folds(is_style_told)):
            model = base_model()
            if of_folds:
                model = apply_adapter(model, {key: array.astype(np.float32) for key, array in of_folds[number].items()})
            told = [Told(style=fold.style)] * len(fold.held_out)
            found += score_pieces(model, fold.held_out, told, longest=longest, window=None)
        return found


def style_told(pieces: Sequence[Piece]) -> StyleTold:
    """The style of pieces as the model is told it; the facets of length 1, as composing tells them."""
    from stilo.models.learned_embedding import FACET_ORDER, LearnedEmbedding
    from stilo.models.notes.told import StyleTold

    rows = [piece.learned.reshape(len(FACET_ORDER), -1) for piece in pieces]
    return StyleTold(_vector(pieces), LearnedEmbedding(np.mean(rows, axis=0)).values.reshape(-1))


def _vector(pieces: Sequence[Piece]) -> NDArray[np.float32]:
    return np.asarray(np.mean([piece.embedding for piece in pieces], axis=0), np.float32)


@dataclass(frozen=True, eq=False)
class Kept:
    """What of the learning is kept, and what it makes of the held-out music.

    Attributes:
        is_style_told: whether the model is told the style.
        scores: of the held-out music.
        adapter: as it will be kept, in half precision; None when none made it better.
        steps: that the adapter took.
        took_all_time: whether the tuning lasted as long as it might.
        is_interrupted: whether a person stopped it.
    """

    is_style_told: bool
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
    from stilo.models.recogniser import recognise_each

    if not has_encoder():
        return np.zeros((len(scores), LEARNED_SIZE), np.float32)
    return np.stack([heard.values.reshape(-1) for heard in recognise_each(scores)])


def lesson_of(measured: Sequence[Measured], held: Sequence[set[int]], heard: NDArray[np.float32]) -> Lesson:
    """`held` are the pieces that each tuning holds out, nothing = the last quarter of each; `heard` are the learned
    embeddings of the whole pieces; cut ones are listened to anew.
    """
    from stilo.models.tokens import parts_of

    if held:
        whole = [
            _piece(one.source.path, one.score, parts_of(one.score), one.embedding, heard[i])
            for i, one in enumerate(measured)
        ]
        return Lesson([_parted(whole, some) for some in held])
    train: list[Piece] = []
    judged: list[Piece] = []
    cuts, is_repeating = last_quarters([one.score for one in measured])
    for one, cut in zip(measured, cuts, strict=True):
        voices = parts_of(one.score)
        for part, goal in zip(cut, (train, judged), strict=True):
            if len(part):
                goal.append(_piece(one.source.path, part, voices, embed_score(part).values, heard_each([part])[0]))
    if not judged:
        raise InputError("all these notes begin at once: too few to hold any out; give music of several bars")
    return Lesson([(train, judged)], of_each=True, is_repeating=is_repeating)


def _parted(pieces: Sequence[Piece], held: set[int]) -> tuple[list[Piece], list[Piece]]:
    train = [piece for i, piece in enumerate(pieces) if i not in held]
    return train, [pieces[i] for i in sorted(held)]


def _piece(
    path: str, score: Score, voices: Sequence[Voice], embedding: NDArray[np.float32], learned: NDArray[np.float32]
) -> Piece:
    """As the model learns from it; `voices` are the parts of the tracks."""
    from stilo.models.pieces import Piece
    from stilo.models.tokens import encode, piece_tempo_class

    steps, tempo = encode(score, voices), piece_tempo_class(score)
    return Piece(path, steps, embedding, tempo, path, learned=learned)
