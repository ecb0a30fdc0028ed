"""What a tuning hears: windows of a few pieces, transposed at random."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from stilo.errors import InputError
from stilo.models.corpus import Piece
from stilo.models.notes.conditions import P_BARS, P_PROGRAMS, P_TEMPO
from stilo.models.notes.features import Features, features_of
from stilo.models.notes.model import Batch
from stilo.models.notes.stream import batch_of, transposition
from stilo.models.notes.told import StyleTold, Told
from stilo.models.processor import CPU
from stilo.models.tokens import PROGRAMS, UNKNOWN_TEMPO, transposed, with_end

FARTHEST_NOTES = 8192  # of them and more costs 60 ms and more a window


class Windows:
    """Batches of windows of a few pieces, transposed at random, the memory of each reaching back to its beginning, in
    long pieces to as many notes as `FARTHEST_NOTES`.

    `ends` says whether the pieces end where their notes do.
    """

    def __init__(
        self,
        pieces: Sequence[Piece],
        style: StyleTold | None,
        length: int,
        rng: np.random.Generator,
        *,
        ends: bool = True,
    ) -> None:
        if not pieces:
            raise InputError("no pieces to learn from")
        self.pieces, self.style, self.length, self.rng, self.ends = list(pieces), style, length, rng, ends
        lengths = np.sqrt([len(piece.steps) for piece in pieces])
        self.chances = lengths / lengths.sum()

    def batch(self, rows: int) -> Batch:
        drawn = [self._window() for _ in range(rows)]
        piece = np.repeat(np.arange(rows)[:, None], self.length, axis=1)
        return batch_of([features for features, _ in drawn], piece, [told for _, told in drawn]).to(CPU)

    def _window(self) -> tuple[Features, Told]:
        rng = self.rng
        piece = self.pieces[int(rng.choice(len(self.pieces), p=self.chances))]
        steps = with_end(piece.steps) if self.ends else piece.steps
        steps = transposed(steps, transposition(steps, rng))
        tokens = np.unique(steps["part"]) if rng.random() < P_PROGRAMS else np.zeros(0, np.int64)
        told = Told(
            style=self.style,
            programs=frozenset((tokens % PROGRAMS).tolist()),
            parts=len(tokens) or None,
            tempo=piece.tempo if rng.random() < P_TEMPO else UNKNOWN_TEMPO,
            bars=int(piece.steps["bar"][-1]) + 1 if rng.random() < P_BARS else None,
        )
        start = int(rng.integers(-self.length // 2, max(1, len(steps) - self.length // 2)))
        start = max(0, min(start, len(steps) - self.length))
        begin = max(0, start + self.length - FARTHEST_NOTES)
        heard = steps[begin : start + self.length]  # what comes later changes nothing
        return _filled(features_of(heard, told), start - begin, self.length), told


def _filled(features: Features, start: int, length: int) -> Features:
    """A window of `length`; short pieces are begun again to fill it."""
    window = features.window(start, start + length)
    index = np.arange(length) % len(window.fields)
    names = Features.__dataclass_fields__
    return Features(*(getattr(window, name)[index] for name in names))
