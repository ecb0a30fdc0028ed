"""What files are made of, one after another, the unreadable ones included."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stilo.errors import InputError, ReadError
from stilo.workshop.outputs import PICTURE_ENDING, check_outputs
from stilo.workshop.progress import Progress, silent

if TYPE_CHECKING:
    from stilo.elements.profile import Profile


@dataclass(frozen=True)
class Analysed:
    """One file: the profiles of its pieces (a tune book has several), or the reason why there are none."""

    path: Path
    profiles: tuple[Profile, ...] = ()
    error: str = ""

    def to_json(self) -> dict[str, Any]:
        """One object of `analyse --json`: of several pieces the first, and `pieces` says how many there are."""
        if self.error:
            return {"file": str(self.path), "error": self.error}
        from stilo.elements.profile import analysis_json

        told = analysis_json(self.profiles[0], str(self.path))
        return told if len(self.profiles) == 1 else {**told, "pieces": len(self.profiles)}


def analyse_files(paths: Iterable[str | Path], progress: Progress = silent) -> Iterator[Analysed]:
    """Measure every music file in `paths`, in order; folders are walked, and no file is measured twice.

    A file that is missing or cannot be read comes with its `error` instead of a profile.
    """
    from stilo.elements.profile import analyse
    from stilo.music.files import read_scores

    found = list(_found_files(paths))
    for i, item in enumerate(found):
        progress(f"analysing {item.path.name}", i / len(found))
        if item.error:
            yield item
            continue
        try:
            scores = [score for score in read_scores(item.path) if len(score)]
            if not scores:
                raise ReadError(item.path, "holds no notes")
            yield Analysed(item.path, tuple(map(analyse, scores)))
        except InputError as error:
            yield Analysed(item.path, error=_reason(error))


def _found_files(paths: Iterable[str | Path]) -> Iterator[Analysed]:
    """Every file once; a path that leads nowhere comes with its error."""
    from stilo.music.files import music_files

    seen: set[Path] = set()
    for path in map(Path, paths):
        try:
            files = music_files([path])
        except InputError as error:
            yield Analysed(path, error=_reason(error))
            continue
        for file in files:
            if (real := file.resolve()) not in seen:
                seen.add(real)
                yield Analysed(file)


def _reason(error: InputError) -> str:
    """What went wrong, without the file, which stands beside it."""
    return error.reason if isinstance(error, ReadError) else str(error)


def pooled(analysed: Iterable[Analysed]) -> Profile | None:
    """The profile of all the pieces together; None when no file could be read."""
    from stilo.elements.pooling import pool_profiles

    profiles = [profile for item in analysed for profile in item.profiles]
    if len(profiles) < 2:
        return profiles[0] if profiles else None
    return pool_profiles(profiles)


def draw_profile(profile: Profile, path: str | Path, title: str) -> Path:
    """Draw a profile as a PNG picture.

    Raises:
        WriteError: the picture cannot be written.
    """
    from stilo.elements.plot import plot_profile

    [checked] = check_outputs([path], (PICTURE_ENDING,))
    plot_profile(profile, checked, title)
    return checked
