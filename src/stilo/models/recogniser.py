"""Scores to learned embeddings: what styles are recognised by."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice

from stilo.models.bar_views import bar_views
from stilo.models.encoder_files import shipped_encoder
from stilo.models.learned_embedding import LearnedEmbedding, mean_embedding
from stilo.models.tokens import encode as steps_of
from stilo.models.trained_encoder import TrainedEncoder
from stilo.music.score import Score

_AT_ONCE = 16


def recognise_each(scores: Iterable[Score], encoder: TrainedEncoder | None = None) -> Iterator[LearnedEmbedding]:
    """The learned embedding of each score, in order; zeros for one without notes.

    Raises:
        SetupError: no encoder is given and the shipped one is missing or damaged.
    """
    encoder = encoder or shipped_encoder()
    left = iter(scores)
    while some := list(islice(left, _AT_ONCE)):
        yield from map(LearnedEmbedding, encoder.embed([bar_views(steps_of(score)) for score in some]))


def recognise(scores: Iterable[Score], encoder: TrainedEncoder | None = None) -> LearnedEmbedding:
    """The learned embedding of a style: the mean over its pieces.

    Raises:
        SetupError: as `recognise_each`.
        ValueError: no score was given.
    """
    return mean_embedding(recognise_each(scores, encoder))
