"""The pieces that a style is learned from: measured, and the person told what was left out or changed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from stilo.elements.embedding import embed_score
from stilo.elements.grid import GridEstimate, on_grid
from stilo.elements.profile import Profile
from stilo.errors import InputError, ReadError
from stilo.music.quantise import quantised
from stilo.music.score import Score
from stilo.styles.fields import printable
from stilo.styles.holding_out import note_content
from stilo.styles.measuring import analyse_piece
from stilo.styles.provenance import LONGEST_PATH, Source, source_names
from stilo.styles.twins import Twin, copies_among, twins_among

FEWEST_NOTES = 64  # a tune of 16 bars
MOST_TOLD = 5  # of one kind
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


def measure_pieces(
    pieces: Sequence[tuple[Score, Source]], tell: Progress, notice: Notice
) -> tuple[list[Measured], list[tuple[int, int]]]:
    """What can be learned from: pieces that are too long, or the same notes as one before, are told and left out.

    Args:
        pieces: scores and where they come from.
        tell: is told which is measured, and the share of all learning that is done by then.
        notice: is told of pieces that are left out or were played freely, and of played timing.

    Returns:
        The pieces, and pairs of them that hold much of each other's melody.

    Raises:
        InputError: what is left is too little to learn from.
        ReadError: nothing is left, since a piece is too long; it names the first.
    """
    measured: list[Measured] = []
    refused: list[ReadError] = []
    played: list[GridEstimate] = []
    pieces = without_copies(pieces, notice)
    for i, (score, source) in enumerate(pieces):
        tell(f"measuring {source_names([source])[0]}", 0.2 * i / len(pieces))
        try:
            grid = on_grid(score)
            measured.append(Measured(grid.score, source, analyse_piece(grid), embed_score(grid.score).values))
        except InputError as error:
            refused.append(ReadError(source.path, str(error)))
            continue
        played += [grid] * grid.is_played
    for unusable in refused if measured else refused[1:]:
        notice(f"left out {unusable}")
    kept, twins = without_near_copies([(one.score, one.source) for one in measured], notice)
    measured = [measured[number] for number in kept]
    notes = sum(len(one.score) for one in measured)
    if refused and not measured:
        raise refused[0]
    if notes < FEWEST_NOTES:
        raise InputError(f"{notes} notes are too few to learn a style from; give at least {FEWEST_NOTES}")
    _tell_twins([one.source for one in measured], twins, notice)
    _tell_playing(played, len(measured), notice)
    _tell_timing(measured, notice)
    return measured, [(twin.index, twin.of) for twin in twins]


def without_copies(pieces: Sequence[tuple[Score, Source]], notice: Notice) -> list[tuple[Score, Source]]:
    """The pieces with notes; of those of the same notes, whatever their key, the first."""
    seen: dict[str, tuple[Score, Source]] = {}
    copies: list[str] = []
    for score, source in pieces:
        if len(score) == 0:
            continue
        content = note_content(score)
        if content in seen:
            copies.append(f"left out {_name(source)}: the same notes as {_name(seen[content][1])}")
        else:
            seen[content] = score, source
    _tell_few(copies, "left out {} more of the same notes as others", notice)
    return list(seen.values())


def without_near_copies(pieces: Sequence[tuple[Score, Source]], notice: Notice) -> tuple[list[int], list[Twin]]:
    """Which of the pieces are left when of nearly the same notes the first stays, and which of these are twins."""
    scores = [score for score, _ in pieces]
    twins = twins_among(scores)
    copies = copies_among(scores, twins)
    lines = [
        f"left out {_name(pieces[index][1])}: nearly the same notes as {_name(pieces[of][1])}"
        for index, of in sorted(copies.items())
    ]
    _tell_few(lines, "left out {} more of nearly the same notes as others", notice)
    kept = [number for number in range(len(pieces)) if number not in copies]
    place = {number: i for i, number in enumerate(kept)}
    left = [
        replace(twin, index=place[twin.index], of=place[twin.of])
        for twin in twins
        if {twin.index, twin.of} <= place.keys()
    ]
    return kept, left


def _tell_twins(sources: Sequence[Source], twins: Sequence[Twin], notice: Notice) -> None:
    """Say which pieces have much of the melody of an earlier one, and of which most."""
    from stilo.models.duplicates import NEAR

    nearest = {twin.index: twin.of for twin in reversed(twins) if twin.share >= NEAR}
    lines = [
        f"{_name(sources[index])} has much of the melody of {_name(sources[of])}; both are learned from"
        for index, of in sorted(nearest.items())
    ]
    _tell_few(lines, "{} more have much of the melody of another; all are learned from", notice)


def _tell_few(lines: Sequence[str], more: str, notice: Notice) -> None:
    """The first lines, and how many more there would be."""
    for line in lines[:MOST_TOLD]:
        notice(line)
    if len(lines) > MOST_TOLD:
        notice(more.format(f"{len(lines) - MOST_TOLD:,}"))


def _name(source: Source) -> str:
    path = printable(source.path, LONGEST_PATH)
    return f"{path} ({source.title})" if source.title else path


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
    """Names of the pieces much further from the mean of the others than is usual among them."""
    if len(measured) < FEWEST_TO_DISAGREE:
        return []
    rows = np.stack([one.embedding for one in measured])
    others = (rows.sum(0) - rows) / (len(rows) - 1)
    distances = np.linalg.norm(rows - others, axis=1)
    limit = ODD_ONE_OUT * float(np.median(distances))
    names = source_names([one.source for one in measured])
    return [names[i] for i in np.flatnonzero(distances > limit).tolist()]
