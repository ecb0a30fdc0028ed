"""From a person's files to a style in their library."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stilo.errors import InputError, ReadError, StiloError
from stilo.workshop.progress import Notice, Progress, part_of, silent, unheard
from stilo.workshop.proving import tried

if TYPE_CHECKING:
    from stilo.music.score import Score
    from stilo.styles.provenance import Source
    from stilo.styles.style import Style

READING_SHARE = 0.1
TRIED_FROM = 0.95


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
    add: bool = False,
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
        add: go on with a style of this name: from the files that it was learned from, where they still are, and these.
        progress: is told what is being done and the share done.
        notice: is told of what was left out, and of played timing.

    Raises:
        InputError: the name cannot be used or is taken, or no file can be read.
        UnknownStyleError: files are to be added to a style that the library does not hold.
        SetupError: the weights of the base model are missing.
    """
    old = _pieces_of(name, notice) if add else []
    if not add:
        _check_free(name, replace)
    pieces = gather_pieces(paths, licence, part_of(progress, 0.0, READING_SHARE), notice)
    budget = {"tune": tune, "seconds": seconds, "steps": steps, "seed": seed}
    return _kept(
        name, [*old, *pieces], budget, replace or add, progress=part_of(progress, READING_SHARE, 1.0), notice=notice
    )


def learn_split(
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
) -> list[Style]:
    """Learn a style of each kind of pieces among files (`styles.groups`): "NAME 1", "NAME 2"; of one kind, NAME alone.

    The arguments are those of `learn_style`; `seconds` and `steps` are for each.

    Raises:
        InputError: a name cannot be used or is taken, or no file can be read.
        SetupError: the weights of the base model, or those of the encoder, are missing.
    """
    from stilo.elements.grid import on_grid
    from stilo.styles.groups import groups_of
    from stilo.styles.lesson import heard_each

    _check_free(name, replace)
    pieces = gather_pieces(paths, licence, part_of(progress, 0.0, READING_SHARE), notice)
    progress("listening", READING_SHARE)
    groups = groups_of(heard_each([on_grid(score).score for score, _ in pieces]))
    names = [name] if len(groups) == 1 else [f"{name} {number}" for number in range(1, len(groups) + 1)]
    for one in names:
        _check_free(one, replace)
    budget = {"tune": tune, "seconds": seconds, "steps": steps, "seed": seed}
    whole = part_of(progress, 2 * READING_SHARE, 1.0)
    return [
        _kept(
            one,
            [pieces[i] for i in sorted(group)],
            budget,
            replace,
            progress=_share(whole, number, len(groups)),
            notice=notice,
        )
        for number, (one, group) in enumerate(zip(names, groups, strict=True))
    ]


def _share(progress: Progress, number: int, count: int) -> Progress:
    return part_of(progress, number / count, (number + 1) / count)


def _check_free(name: str, replace: bool) -> None:
    from stilo.library.store import Library
    from stilo.styles.style import check_style_name

    name = check_style_name(name)
    with Library() as library:
        if not replace and name.casefold() in {known.casefold() for known in library.names()}:
            raise InputError(
                f"the library already holds a style '{name}'; choose another name, or say --replace, or --add to go on "
                "with it"
            )


def _pieces_of(name: str, notice: Notice) -> list[tuple[Score, Source]]:
    """What a style was learned from, read again; files that are gone are told."""
    from stilo.workshop.keeping import load_style

    licences = {source.path: source.licence for source in load_style(name).sources}
    found: list[tuple[Score, Source]] = []
    for path, licence in licences.items():
        try:
            found += _read_pieces(Path(path), licence)
        except ReadError as error:
            notice(f"left out {error}")
    return found


def _kept(
    name: str,
    pieces: Sequence[tuple[Score, Source]],
    budget: Mapping[str, Any],
    replace: bool,
    *,
    progress: Progress,
    notice: Notice,
) -> Style:
    """Learned and saved, then tried out and saved with what that showed; the style is not lost to the trying."""
    from stilo.styles.learn import learn
    from stilo.styles.style import check_style_name

    learning = part_of(progress, 0.0, TRIED_FROM)
    style = learn(check_style_name(name), pieces, **budget, progress=learning, notice=notice)
    _save(style, replace)
    try:
        shown = tried(style, part_of(progress, TRIED_FROM, 1.0))
        _save(shown, replace=True)
    except KeyboardInterrupt:
        notice("stopped: the style is kept, not tried")
    except (StiloError, MemoryError) as error:
        notice(f"no short pieces to show what was learned: {str(error) or 'not enough memory'}")
    else:
        return shown
    return style


def _save(style: Style, replace: bool) -> None:
    from stilo.library.store import Library

    with Library() as library:
        library.save(style, replace=replace)
