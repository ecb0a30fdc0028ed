"""From a person's files to a style in their library."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace as changed
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stilo.errors import InputError, NameTakenError, ReadError, StiloError
from stilo.workshop.progress import Notice, Progress, part_of, silent, unheard
from stilo.workshop.proving import tried

if TYPE_CHECKING:
    from stilo.music.score import Score
    from stilo.styles.provenance import Proof, Source
    from stilo.styles.style import Style

READING_SHARE = 0.1
MUCH_LESS_NATS = 0.02
TRIED_FROM = 0.95
MOST_NAMED = 3


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


def _read_pieces(path: Path, licence: str, sha256: str | None = None) -> list[tuple[Score, Source]]:
    """The pieces of a file with notes; a file of another hash than `sha256` is hashed and not read as music."""
    from stilo.music.files import parse_scores, read_music
    from stilo.styles.provenance import Source

    content = read_music(path)
    found = hashlib.sha256(content).hexdigest()
    if sha256 not in (None, found):
        raise ReadError(path, "has changed since")
    scores = [score for score in parse_scores(content, str(path)) if len(score)]
    if not scores:
        raise ReadError(path, "holds no notes")
    place = str(path.resolve())
    return [(score, Source(place, found, score.title, licence, notes=len(score))) for score in scores]


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
    without_missing: bool = False,
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
        add: go on with a style of this name: from the files that it was learned from, which must be where they were and
            as they were, and these. If all of these are among them, `notice` is told and the style stays as it is.
        without_missing: with `add`, leave out old files that are gone or have changed.
        progress: is told what is being done and the share done.
        notice: is told of what was left out, and of played timing.

    Raises:
        InputError: the name cannot be used or is taken, no file can be read, or an old file is missing.
        UnknownStyleError: files are to be added to a style that the library does not hold.
        SetupError: the weights of the base model are missing.
    """
    from stilo.workshop.keeping import load_style

    old = load_style(name) if add else None
    if old is None:
        _check_free(name, replace)
    pieces = gather_pieces(paths, licence, part_of(progress, 0.0, READING_SHARE), notice)
    if old is not None:
        if not _has_new(old.sources, pieces):
            notice(
                f"nothing new: '{old.name}' was learned from all of these already, and stays as it is; "
                "--replace instead of --add learns anew, from these alone"
            )
            return old
        pieces = _added(old.sources, pieces, without_missing, notice)
    budget = {"tune": tune, "seconds": seconds, "steps": steps, "seed": seed}
    name = name if old is None else old.name
    progress = part_of(progress, READING_SHARE, 1.0)
    style = _kept(name, pieces, budget, replace or add, progress=progress, notice=notice)
    if old is not None and old.proof is not None and style.proof is not None and tune:
        _tell_of_less(old.proof, style.proof, notice)
    return style


def _tell_of_less(before: Proof, now: Proof, notice: Notice) -> None:
    """Say that less was learned with more music: mostly that the tuning had too little time."""
    gained = [proof.base_nats_per_note - proof.nats_per_note for proof in (before, now)]
    if gained[0] - gained[1] > MUCH_LESS_NATS and gained[1] < gained[0] / 2:
        notice(
            f"with these files it learned less than before ({gained[1]:.3f} nats a note; {gained[0]:.3f} before): give "
            "it more time (--minutes), with --replace and all its files"
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

    Copies are left out first; what would be too little to learn from goes with the kind that is nearest. `notice` is
    told which files go into which style; and which is next, where `KeyboardInterrupt` ends the tuning or the trial of
    one.

    The arguments are those of `learn_style`; `seconds` and `steps` are for each.

    Raises:
        InputError: a name cannot be used or is taken, or no file can be read.
        SetupError: the weights of the base model, or those of the encoder, are missing.
    """
    from stilo.models.encoder_files import shipped_encoder
    from stilo.styles.groups import MOST_PIECES, groups_of
    from stilo.styles.lesson import heard_each
    from stilo.styles.provenance import few_of, source_names

    _check_free(name, replace)
    shipped_encoder()  # without one nothing is told apart
    gathered = gather_pieces(paths, licence, part_of(progress, 0.0, READING_SHARE), notice)
    progress("listening", READING_SHARE)
    pieces, scores = _different(gathered, notice)
    if len(pieces) > MOST_PIECES:
        notice(f"{len(pieces):,} pieces are more than are told apart ({MOST_PIECES:,}): one style is learned from all")
    groups = groups_of(heard_each(scores), [len(score) for score in scores])
    names = [name] if len(groups) == 1 else [f"{name} {number}" for number in range(1, len(groups) + 1)]
    if len(groups) == 1 and len(pieces) <= MOST_PIECES:
        notice(f"all {len(pieces)} pieces are of one kind: '{name}' is learned from all of them")
    for one in names:
        _check_free(one, replace)
    for one, group in zip(names, groups, strict=True):
        if len(groups) > 1:
            files = source_names([pieces[i][1] for i in sorted(group)])
            notice(f"'{one}' is learned from {_pieces(len(group))}: {few_of(files, MOST_NAMED)}")
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
            following=names[number + 1] if number + 1 < len(names) else "",
        )
        for number, (one, group) in enumerate(zip(names, groups, strict=True))
    ]


def _pieces(count: int) -> str:
    return f"{count:,} piece{'' if count == 1 else 's'}"


def _different(
    pieces: Sequence[tuple[Score, Source]], notice: Notice
) -> tuple[list[tuple[Score, Source]], list[Score]]:
    """The pieces that are not the same as another, as they are and on their grids."""
    from stilo.elements.grid import on_grid
    from stilo.styles.material import without_copies, without_near_copies

    pieces = without_copies(pieces, notice)
    laid = [(on_grid(score).score, source) for score, source in pieces]
    kept, _ = without_near_copies(laid, notice)
    return [pieces[number] for number in kept], [laid[number][0] for number in kept]


def _share(progress: Progress, number: int, count: int) -> Progress:
    return part_of(progress, number / count, (number + 1) / count)


def _check_free(name: str, replace: bool) -> None:
    from stilo.library.store import Library
    from stilo.styles.style import check_style_name

    name = check_style_name(name)
    with Library() as library:
        if not replace and name.casefold() in {known.casefold() for known in library.names()}:
            raise NameTakenError(name, "choose another name, or say --replace, or --add to go on with it")


def _has_new(sources: Sequence[Source], pieces: Sequence[tuple[Score, Source]]) -> bool:
    """Whether any piece is of another file than the sources, or under a licence that was not told of it."""
    known = {(source.sha256, licence) for source in sources for licence in ("", source.licence)}
    return any((source.sha256, source.licence) not in known for _, source in pieces)


def _added(
    sources: Sequence[Source], pieces: Sequence[tuple[Score, Source]], without_missing: bool, notice: Notice
) -> list[tuple[Score, Source]]:
    """What was learned from, read again, and then what is given.

    A file is known by its hash: what a stranger's style names is not read as music unless it is that very file. One
    that is given again, changed or not, is learned from as it is given.

    Raises:
        InputError: files are gone or have changed, and it was not said to go on without them.
    """
    given = {known for _, source in pieces for known in (source.path, source.sha256)}
    licences = {(source.path, source.sha256): source.licence for source in sources}
    old: list[tuple[Score, Source]] = []
    missing: list[ReadError] = []
    for (path, sha256), licence in licences.items():
        if not {path, sha256} & given:
            try:
                old += _read_pieces(Path(path), licence, sha256)
            except ReadError as error:
                missing.append(error)
    if missing and not without_missing:
        raise InputError(_missing(missing, len(licences)))
    for unread in missing:
        notice(f"left out {unread}")
    known = {source.sha256: source.licence for source in sources}
    new = [(score, changed(source, licence=source.licence or known.get(source.sha256, ""))) for score, source in pieces]
    return [*old, *new]


def _missing(missing: Sequence[ReadError], files: int) -> str:
    if all(len(error.path.parts) == 1 for error in missing):  # a bundle names its sources without their folders
        from stilo.styles.fields import printable
        from stilo.styles.provenance import LONGEST_PATH, few_of

        named = few_of([printable(str(error.path), LONGEST_PATH) for error in missing], MOST_NAMED)
        return (
            f"the style was taken in from elsewhere, and {len(missing)} of the {files} files that it was learned from "
            f"are not here: {named}. Give them, too, if you have them, or say --without-missing to learn without them"
        )
    more = f"; and {len(missing) - MOST_NAMED} more" if len(missing) > MOST_NAMED else ""
    named = f"{'; '.join(map(str, missing[:MOST_NAMED]))}{more}"
    return (
        f"{len(missing)} of the {files} files that it was learned from cannot be read as they were: {named}. Put them "
        "back, give them anew where they are now, or say --without-missing to learn from the others"
    )


def _kept(
    name: str,
    pieces: Sequence[tuple[Score, Source]],
    budget: Mapping[str, Any],
    replace: bool,
    *,
    progress: Progress,
    notice: Notice,
    following: str = "",
) -> Style:
    """Learned and saved, then tried out and saved with what that showed; the style is not lost to the trying.

    What someone else does to the library meanwhile is not undone: a name that is taken by now stays theirs, and a
    style that was removed, renamed or replaced while it was tried stays so. `following` is the style that is learned
    after this one, even if this one is stopped.
    """
    from stilo.styles.learn import learn
    from stilo.styles.style import check_style_name

    goes_on = f"that was '{name}'; going on with '{following}' (Ctrl-C again stops that, too)" if following else ""
    learning = part_of(progress, 0.0, TRIED_FROM)
    style = learn(check_style_name(name), pieces, **budget, progress=learning, notice=notice)
    style = _saved(style, replace, notice)
    if style.proof is not None and style.proof.is_interrupted:
        notice(goes_on or "the style is kept; it is tried in short pieces now (Ctrl-C again leaves them out)")
    try:
        shown = tried(style, part_of(progress, TRIED_FROM, 1.0))
        if not _updated(style, shown):
            notice(f"'{style.name}' was removed, renamed or replaced while it was tried, and that stays so")
    except KeyboardInterrupt:
        notice("stopped: the style is kept, not tried")
        if goes_on:
            notice(goes_on)
    except (StiloError, MemoryError) as error:
        notice(f"no short pieces to show what was learned: {str(error) or 'not enough memory'}")
    else:
        return shown
    return style


def _saved(style: Style, replace: bool, notice: Notice) -> Style:
    """The style as it is kept: under the next free name where its own was taken while it was learned."""
    from stilo.library.store import Library

    with Library() as library:
        try:
            library.save(style, replace=replace)
        except NameTakenError:
            for number in itertools.count(2):
                renamed = changed(style, name=_numbered(style.name, number))
                try:
                    library.save(renamed)
                except NameTakenError:
                    continue
                notice(f"the library holds another style '{style.name}' by now: this one is kept as '{renamed.name}'")
                return renamed
    return style


def _numbered(name: str, number: int) -> str:
    from stilo.styles.style import LONGEST_NAME

    return f"{name[: LONGEST_NAME - len(f' {number}')].rstrip()} {number}"


def _updated(style: Style, shown: Style) -> bool:
    from stilo.library.store import Library

    with Library() as library:
        return library.update(style, shown)
