"""From a person's files to a style in their library."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from stilo.errors import InputError, ReadError
from stilo.workshop.progress import Notice, Progress, part_of, silent, unheard

if TYPE_CHECKING:
    from stilo.music.score import Score
    from stilo.styles.provenance import Source
    from stilo.styles.style import Style

READING_SHARE = 0.1


def gather_pieces(
    paths: Iterable[str | Path], licence: str = "", progress: Progress = silent, notice: Notice = unheard
) -> list[tuple[Score, Source]]:
    """Read every music file in `paths`, folders walked, and say of each piece where it comes from.

    A tune book gives several pieces. A file that cannot be read is left out and `notice` is told.

    Raises:
        InputError: there is no music file, or none can be read.
    """
    from stilo.music.files import music_files

    files = music_files([Path(path) for path in paths])
    pieces: list[tuple[Score, Source]] = []
    unread: list[ReadError] = []
    for i, path in enumerate(files):
        progress(f"reading {path.name}", i / len(files))
        try:
            pieces += _read_pieces(path, licence)
        except ReadError as error:
            unread.append(error)
    if not pieces:
        raise unread[0] if len(unread) == 1 else InputError(_nothing_read(unread))
    for unreadable in unread:
        notice(f"left out {unreadable}")
    return pieces


def _nothing_read(unread: Sequence[ReadError]) -> str:
    if not unread:
        return "no music found; give MIDI, MusicXML or ABC files, or folders that hold some"
    return f"none of the {len(unread)} files can be read; the first: {unread[0]}"


def _read_pieces(path: Path, licence: str) -> list[tuple[Score, Source]]:
    from stilo.music.files import read_scores
    from stilo.styles.provenance import Source

    scores = [score for score in read_scores(path) if len(score)]
    if not scores:
        raise ReadError(path, "holds no notes")
    sha256 = sha256_of(path)
    return [(score, Source(str(path), sha256, score.title, licence, notes=len(score))) for score in scores]


def sha256_of(path: Path) -> str:
    """Of the bytes of a file; a source is known by it.

    Raises:
        ReadError: it cannot be opened.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise ReadError(path, f"cannot be opened ({error.strerror})") from error


def learn_style(
    name: str,
    paths: Iterable[str | Path],
    *,
    licence: str = "",
    tune: bool = True,
    seconds: float | None = None,
    steps: int | None = None,
    seed: int = 0,
    replace: bool = False,
    progress: Progress = silent,
    notice: Notice = unheard,
) -> Style:
    """Learn a style from files and keep it in the library.

    Args:
        name: what the style shall be called.
        paths: music files and folders.
        licence: under what terms the files may be used, kept with every source.
        tune: fit an adapter to the files; without, the style is only measured, which takes about a second a piece.
        seconds: at most this long for the tuning; by default two minutes, or no limit when `steps` says enough.
        steps: at most this many steps of tuning; with it and without `seconds` learning is the same on every run.
        seed: of everything random in the tuning.
        replace: take the place of a style of the same name.
        progress: is told what is being done and the share done.
        notice: is told of what was left out, and of played timing.

    Raises:
        InputError: the name cannot be used or is taken, or no file can be read.
        SetupError: the weights of the base model are missing.
    """
    from stilo.library.store import Library
    from stilo.styles.style import check_style_name

    name = check_style_name(name)
    with Library() as library:
        if not replace and name.casefold() in {known.casefold() for known in library.names()}:
            raise InputError(f"the library already holds a style '{name}'; choose another name or say --replace")
    pieces = gather_pieces(paths, licence, part_of(progress, 0.0, READING_SHARE), notice)

    from stilo.styles.learn import learn

    style = learn(
        name,
        pieces,
        tune=tune,
        seconds=seconds,
        steps=steps,
        seed=seed,
        progress=part_of(progress, READING_SHARE, 1.0),
        notice=notice,
    )
    with Library() as library:
        library.save(style, replace=replace)
    return style
