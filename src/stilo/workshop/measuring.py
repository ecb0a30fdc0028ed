"""One file measured: read, and each of its pieces analysed."""

from __future__ import annotations

import os
import traceback
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stilo.errors import InputError, ReadError

if TYPE_CHECKING:
    from stilo.elements.profile import Profile


def at_ease() -> None:
    """Nobody watches how long a piece takes."""


@dataclass(frozen=True)
class MeasuredPiece:
    """One piece of a file.

    Attributes:
        title: as the piece calls itself, "" when it does not.
        told: what `analyse --json` prints of it: key, chords, tempo, metre, mood, all elements.
        profile: the elements; its `piece` (sections, likeness) is None where it was measured in another process.
    """

    title: str
    told: dict[str, Any]
    profile: Profile

    @classmethod
    def from_told(cls, title: str, told: dict[str, Any]) -> MeasuredPiece:
        """The piece as another process told of it.

        Raises:
            InputError: an element is out of its range.
        """
        from stilo.elements.record import PROFILE_VERSION, Profile

        elements = {"version": PROFILE_VERSION, "pieces": 1, "spread": {}, **told["elements"]}
        return cls(title, told, Profile.from_json(elements))


@dataclass(frozen=True)
class Analysed:
    """One file: its pieces (a tune book has several), or the reason why there are none."""

    path: Path
    pieces: tuple[MeasuredPiece, ...] = ()
    error: str = ""

    @property
    def profiles(self) -> tuple[Profile, ...]:
        return tuple(piece.profile for piece in self.pieces)

    def without_details(self) -> Analysed:
        """The same with nothing in the profiles but the elements, as another process tells them."""
        return replace(
            self, pieces=tuple(replace(piece, profile=replace(piece.profile, piece=None)) for piece in self.pieces)
        )

    def to_json(self) -> dict[str, Any]:
        """One object of `analyse --json`: of several pieces the first, and all of them under `pieces`."""
        if self.error:
            return {"file": str(self.path), "error": self.error}
        first = {"file": str(self.path), **self.pieces[0].told}
        if len(self.pieces) == 1:
            return first
        each = [{"number": i, "title": piece.title, **piece.told} for i, piece in enumerate(self.pieces, start=1)]
        return {**first, "pieces": each}


def measure_file(path: Path, fast: bool = False, before_each: Callable[[], None] = at_ease) -> Analysed:
    """Read a file and measure its pieces as `styles.measuring` does; those without notes are passed over.

    `before_each` is called before the file is read and before each piece is measured.
    A file that cannot be read or measured comes with its `error`.
    """
    from stilo.elements.profile import analysis_json
    from stilo.music.files import read_scores
    from stilo.styles.measuring import analyse_piece

    try:
        before_each()
        scores = [score for score in read_scores(path) if len(score)]
        if not scores:
            raise ReadError(path, "holds no notes")
        pieces = []
        for score in scores:
            before_each()
            profile = analyse_piece(score, fast)
            told = analysis_json(profile, str(path))
            del told["file"]
            pieces.append(MeasuredPiece(score.title, told, profile))
    except InputError as error:
        return Analysed(path, error=reason_of(error))
    except MemoryError:
        return Analysed(path, error="needs more memory than there is")
    return Analysed(path, tuple(pieces))


def measure_one_of_many(path: Path, fast: bool = False, before_each: Callable[[], None] = at_ease) -> Analysed:
    """As `measure_file`; a bug that one file brings out becomes its `error`, so that the others are measured."""
    try:
        return measure_file(path, fast, before_each)
    except Exception as error:
        if os.environ.get("STILO_TRACEBACK"):
            traceback.print_exc()
        return Analysed(path, error=f"brings out a bug of stilo: {type(error).__name__}: {error}")


def reason_of(error: InputError) -> str:
    """What went wrong, without the file, which stands beside it."""
    return error.reason if isinstance(error, ReadError) else str(error)
