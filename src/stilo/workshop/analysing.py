"""What files are made of: one after another, many at once, and all together."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterable, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from stilo.errors import InputError, RequestError
from stilo.workshop.meaning import known_style, tell_of_styles
from stilo.workshop.measuring import Analysed, measure_file, measure_one_of_many, reason_of
from stilo.workshop.outputs import PICTURE_ENDING, check_outputs
from stilo.workshop.progress import Notice, Progress, silent, unheard
from stilo.workshop.workers import can_start_workers, cores, measure_by_workers

if TYPE_CHECKING:
    from stilo.elements.profile import Profile

MOST_JOBS = 256
MOST_FAILURES_KEPT = 1000
# To start workers takes as long as to measure some dozens of MIDI files or a megabyte of MusicXML.
_FEW_FILES = 48
_FEW_BYTES = 1_000_000


def analyse_files(
    paths: Iterable[str | Path],
    progress: Progress = silent,
    jobs: int | None = None,
    fast: bool = False,
    notice: Notice = unheard,
) -> Iterator[Analysed]:
    """Measure every music file in `paths`, in order; folders are walked, and no file is measured twice.

    A file that is missing or cannot be read comes with its `error` instead of pieces. Many files are measured by
    `jobs` processes (0: by this one; None: as many as there are cores), so that one that a process dies of costs no
    other. Only a single file's profile has its `piece` details; nothing that was yielded is kept. `fast` leaves the
    net out that reads chords. `notice` is told of a path that is called as a style is.

    Raises:
        RequestError: `jobs` is out of range.
        SetupError: no process can be started, or the net is damaged.
    """
    if jobs is not None and not 0 <= jobs <= MOST_JOBS:
        raise RequestError(f"jobs {jobs}: 0 to {MOST_JOBS}")
    if not fast:
        from stilo.styles.measuring import check_chord_net

        check_chord_net()
    paths = list(paths)
    tell_of_styles(paths, notice)
    return _analysed(list(_found_files(paths)), progress, cores() if jobs is None else jobs, fast)


def _analysed(found: list[Analysed], progress: Progress, jobs: int, fast: bool) -> Iterator[Analysed]:
    if len(found) == 1:
        progress(f"analysing {found[0].path.name}", 0.0)
        yield found[0] if found[0].error else measure_file(found[0].path, fast)
        return
    measured: Generator[Analysed]
    readable = [item.path for item in found if not item.error]
    if jobs and can_start_workers() and _are_many(readable):
        measured = measure_by_workers(readable, min(jobs, len(readable)), fast)
    else:
        measured = (measure_one_of_many(path, fast) for path in readable)
    with closing(measured):
        for i, item in enumerate(found):
            progress(f"analysing {item.path.name}", i / len(found))
            yield item if item.error else next(measured).without_details()


def _are_many(files: list[Path]) -> bool:
    """Whether measuring them takes long enough to start processes for it."""
    if len(files) > _FEW_FILES:
        return True
    return len(files) > 1 and sum(file.stat().st_size for file in files if file.is_file()) > _FEW_BYTES


def _found_files(paths: Iterable[str | Path]) -> Iterator[Analysed]:
    """Every file once; a path that leads nowhere comes with its error."""
    from stilo.music.files import music_files

    seen: set[str] = set()
    for path in map(Path, paths):
        try:
            files = music_files([path])
        except InputError as error:
            style = None if os.path.lexists(path) else known_style(str(path))
            yield Analysed(path, error=f'is a style: stilo show "{style.name}"' if style else reason_of(error))
            continue
        for file in files:
            # of a link that leads to itself `Path.resolve` makes an error
            if (real := os.path.realpath(file)) not in seen:
                seen.add(real)
                yield Analysed(file)


class Collection:
    """Files taken together as they come: counted and pooled, none kept.

    Attributes:
        files: how many there were.
        unread: how many of them could not be read.
        failures: the files that could not be read, with the reason; the first thousand.
    """

    def __init__(self) -> None:
        from stilo.elements.pooling import ProfilePool

        self.files = 0
        self.unread = 0
        self.failures: list[Analysed] = []
        self._pool = ProfilePool()
        self._first_name = ""
        self._first_profile: Profile | None = None

    def add(self, item: Analysed) -> None:
        """Take in one more file."""
        self.files += 1
        self._first_name = self._first_name or item.path.name
        if item.error:
            self.unread += 1
            if len(self.failures) < MOST_FAILURES_KEPT:
                self.failures.append(item)
        for profile in item.profiles:
            self._first_profile = self._first_profile or profile
            self._pool.add(profile)

    @property
    def pieces(self) -> int:
        return self._pool.pieces

    @property
    def profile(self) -> Profile | None:
        """The profile of all pieces together, of a lone piece its own; None when no file could be read."""
        return self._pool.profile() if self.pieces > 1 else self._first_profile

    @property
    def title(self) -> str:
        """What the profile is of: the name of the file, or how many pieces and files."""
        if self.files == 1:
            return self._first_name + (f", {self.pieces:,} pieces" if self.pieces > 1 else "")
        told = f"{self.pieces:,} piece{'s' * (self.pieces != 1)} from {self.files:,} files"
        return told + (f", {self.unread:,} could not be read" if self.unread else "")


def pooled(analysed: Iterable[Analysed]) -> Profile | None:
    """The profile of all the pieces together; None when no file could be read."""
    together = Collection()
    for item in analysed:
        together.add(item)
    return together.profile


def draw_profile(
    profile: Profile,
    path: str | Path,
    title: str,
    *,
    others: Mapping[str, tuple[float, float]] | None = None,
    dark: bool = False,
) -> Path:
    """Draw a profile as a PNG picture; `others` are the (valence, arousal) of other music by name.

    Raises:
        WriteError: the picture cannot be written.
    """
    from stilo.elements.plot import plot_profile

    [checked] = check_outputs([path], (PICTURE_ENDING,))
    plot_profile(profile, checked, title, others=others, dark=dark)
    return checked
