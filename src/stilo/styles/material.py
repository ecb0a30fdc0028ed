"""The pieces that a style is learned from: measured, and the person told what was left out or changed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stilo.elements.embedding import embed_score
from stilo.elements.grid import GridEstimate, on_grid
from stilo.elements.profile import Profile
from stilo.errors import InputError, ReadError
from stilo.music.quantise import quantised
from stilo.music.score import Score
from stilo.styles.holding_out import note_content
from stilo.styles.measuring import analyse_piece
from stilo.styles.provenance import Source
from stilo.styles.twins import twins_among

FEWEST_NOTES = 200
NEAR = 0.5  # share of the melody that is that of another piece
ODD_ONE_OUT = 2.0
FEWEST_TO_DISAGREE = 5
LATE_SECONDS = 0.03  # what a listener begins to hear as another rhythm; told from there on
UNMOVED_SECONDS = 1e-6
Progress = Callable[[str, float], None]
Notice = Callable[[str], None]


@dataclass(frozen=True, eq=False)
class Measured:
    """A piece that is learned from.

    Attributes:
        score: on its grid.
        source: where it comes from.
        profile: its elements.
        embedding: its vector, float32 [EMBEDDING_SIZE].
    """

    score: Score
    source: Source
    profile: Profile
    embedding: NDArray[np.float32]

    @property
    def key(self) -> str:
        """As it is heard; "" without pitched notes."""
        return self.profile.piece.key if self.profile.piece else ""


def measure_pieces(pieces: Sequence[tuple[Score, Source]], tell: Progress, notice: Notice) -> list[Measured]:
    """What can be learned from: pieces that are too long, or the same notes as one before, are told and left out.

    Args:
        pieces: scores and where they come from.
        tell: is told which is measured, and the share of all learning that is done by then.
        notice: is told of pieces that are left out or were played freely, and of played timing.

    Raises:
        InputError: what is left is too little to learn from.
        ReadError: nothing is left, since a piece is too long; it names the first.
    """
    measured: list[Measured] = []
    seen: dict[str, Source] = {}
    refused: list[ReadError] = []
    played: list[GridEstimate] = []
    for i, (score, source) in enumerate(pieces):
        tell(f"measuring {source.title or source.path}", 0.2 * i / len(pieces))
        if len(score) == 0:
            continue
        try:
            grid = on_grid(score)
            one = Measured(grid.score, source, analyse_piece(grid), embed_score(grid.score).values)
        except InputError as error:
            refused.append(ReadError(source.path, str(error)))
            continue
        content = note_content(score)
        if content in seen:
            notice(f"left out {_name(source)}: the same notes as {_name(seen[content])}")
            continue
        seen[content] = source
        measured.append(one)
        played += [grid] * grid.is_played
    for unusable in refused if measured else refused[1:]:
        notice(f"left out {unusable}")
    measured = _without_twins(measured, notice)
    notes = sum(len(one.score) for one in measured)
    if refused and not measured:
        raise refused[0]
    if notes < FEWEST_NOTES:
        raise InputError(f"{notes} notes are too few to learn a style from; give at least {FEWEST_NOTES}")
    _tell_playing(played, len(measured), notice)
    _tell_timing(measured, notice)
    return measured


def _without_twins(measured: Sequence[Measured], notice: Notice) -> list[Measured]:
    """Nearly the same piece counts once; one tune set twice is told alone."""
    gone: set[int] = set()
    for twin in twins_among([one.score for one in measured], NEAR):
        if not {twin.index, twin.of} & gone:
            index, of = (_name(measured[number].source) for number in (twin.index, twin.of))
            notice(
                f"left out {index}: nearly the same notes as {of}"
                if twin.is_same
                else f"{index} has much of the melody of {of}; both are learned from"
            )
            gone |= {twin.index} if twin.is_same else set()
    return [one for number, one in enumerate(measured) if number not in gone]


def _name(source: Source) -> str:
    return f"{source.path} ({source.title})" if source.title else source.path


def _tell_playing(played: Sequence[GridEstimate], pieces: int, notice: Notice) -> None:
    """Say how many pieces stood on no grid, and how well one was found for them."""
    if played:
        error = float(np.mean([grid.mean_error_seconds for grid in played]))
        notice(
            f"{len(played)} of {pieces} pieces were played freely: beats and bars were found from the notes, "
            f"which lie {1000 * error:.0f} ms from them on average"
        )


def _tell_timing(measured: Sequence[Measured], notice: Notice) -> None:
    """Say what the grid does to the timing, when it can be heard."""
    errors = np.concatenate([quantised(one.score).errors_seconds for one in measured])
    late = float(np.percentile(errors, 95))
    if late > LATE_SECONDS:
        moved = 100 * float((errors > UNMOVED_SECONDS).mean())
        notice(
            f"played timing is learned on the grid of 32nds and triplets: {moved:.0f} % of the notes were moved, "
            f"95 % of all by at most {1000 * late:.0f} ms"
        )


def odd_ones(measured: Sequence[Measured]) -> list[str]:
    """Titles of the pieces much further from the mean of the others than is usual among them."""
    if len(measured) < FEWEST_TO_DISAGREE:
        return []
    rows = np.stack([one.embedding for one in measured])
    others = (rows.sum(0) - rows) / (len(rows) - 1)
    distances = np.linalg.norm(rows - others, axis=1)
    limit = ODD_ONE_OUT * float(np.median(distances))
    return [measured[i].source.title or measured[i].source.path for i in np.flatnonzero(distances > limit).tolist()]
