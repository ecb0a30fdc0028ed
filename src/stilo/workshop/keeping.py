"""The styles a person keeps: look at them, give them away, take them in."""

from __future__ import annotations

from dataclasses import replace as changed
from pathlib import Path
from typing import TYPE_CHECKING

from stilo.errors import BundleError, InputError, NameTakenError, SetupError, UnknownStyleError, WriteError
from stilo.music.files import WRITTEN_ENDINGS, write_score
from stilo.workshop.analysing import draw_profile
from stilo.workshop.outputs import PICTURE_ENDING, check_outputs, whole_files
from stilo.workshop.progress import Notice, Progress, silent, unheard

if TYPE_CHECKING:
    from stilo.library.store import StyleSummary
    from stilo.music.score import Score
    from stilo.styles.bundle import Bundle
    from stilo.styles.style import Style

BUNDLE_ENDING = ".stilo"
DEMO_BARS = 8
_MOST_MOODS = 200


def load_style(name: str) -> Style:
    """The style of that name.

    Raises:
        UnknownStyleError: the library does not hold it.
    """
    from stilo.library.store import Library

    with Library() as library:
        return library.load(name)


def show_style(name: str, plot: str | Path | None = None, dark: bool = False) -> Style:
    """The style of that name; `plot` draws its profile, with the moods of the other styles around it.

    Raises:
        UnknownStyleError: the library does not hold it.
        WriteError: the picture cannot be written.
    """
    if plot is None:
        return load_style(name)
    check_outputs([plot], (PICTURE_ENDING,))
    style = load_style(name)
    others = {other: mood for other, mood in library_moods().items() if other != style.name}
    draw_profile(style.profile, plot, style.name, others=others, dark=dark)
    return style


def library_moods() -> dict[str, tuple[float, float]]:
    """(valence, arousal) of the newest styles by name; none without a library that can be read, and none is made."""
    from stilo.library.database import FILE_NAME, home_folder
    from stilo.library.store import Library

    if not (home_folder() / FILE_NAME).is_file():
        return {}
    try:
        with Library() as library:
            return library.moods(_MOST_MOODS)
    except SetupError:
        return {}


def list_styles() -> list[StyleSummary]:
    """What the library holds, in order of name."""
    from stilo.library.store import Library

    with Library() as library:
        return list(library.summaries())


def remove_style(name: str) -> None:
    """Take a style out of the library; the files it learned from stay where they are.

    Raises:
        UnknownStyleError: the library does not hold it.
    """
    from stilo.library.store import Library

    with Library() as library:
        library.remove(name)


def export_style(
    name: str,
    path: str | Path,
    replace: bool = False,
    progress: Progress = silent,
    notice: Notice = unheard,
    *,
    fingerprints: bool = False,
) -> Path:
    """Write a style as a `.stilo` bundle; a file that is there already is written over only with `replace`.

    A short piece is composed in the style and goes with it; `notice` is told where none can be composed here, or what
    comes out has bars of a known piece. Fingerprints of the pieces, to tell copies by, go with it only when they are
    asked for, and `notice` is told that melodies can be worked out from them.

    Raises:
        UnknownStyleError: the library does not hold it.
        WriteError: the bundle cannot be written, or there is a file of this name.
    """
    from stilo.compose.originality import no_runs
    from stilo.styles.bundle import write_bundle

    checked = _new_file(path, (BUNDLE_ENDING,), replace, "name another file or say --replace")
    style = load_style(name)
    if fingerprints and style.runs is None:
        notice(f"no fingerprints go with it: {no_runs(style)}")
    elif fingerprints:
        notice("fingerprints of its pieces go with it: whoever has this file can work out their melodies")
    demo = _demo_of(style, progress, notice)
    write_bundle(style, checked, demo, fingerprints=fingerprints, replace=replace)
    return checked


def _new_file(path: str | Path, endings: tuple[str, ...], replace: bool, remedy: str) -> Path:
    """Where a file can be written; looked at before long work, and again by what writes it."""
    [checked] = check_outputs([path], endings)
    if checked.exists() and not replace:
        raise WriteError(checked, f"is there already; {remedy}")
    return checked


def _demo_of(style: Style, progress: Progress, notice: Notice) -> Score | None:
    """The same piece whenever the same style is given away; None where it cannot be, or would be a copy."""
    from stilo.compose.composer import compose
    from stilo.compose.request import Request

    try:
        composition = compose(style, Request(bars=DEMO_BARS), progress)
    except (InputError, SetupError) as error:
        notice(f"no piece goes with it: {error}")
        return None
    found = composition.report.originality
    if found is not None and found.verdict == "copied":
        notice("no piece goes with it: what was composed has bars of a known piece")
        return None
    return composition.score


def import_style(
    path: str | Path, name: str | None = None, replace: bool = False, demo: str | Path | None = None
) -> Bundle:
    """Take the style of a `.stilo` bundle into the library, under another name if one is given.

    `demo` names a file for the piece that the bundle brings; unasked, nothing of a bundle becomes a file, and no file
    that is there is written over: `replace` is for the style alone. A style that was taken in before can be given again
    for its `demo`. What is given back is what the bundle holds, its style as it is called in the library.

    Raises:
        BundleError: the file is not a bundle that can be trusted, or `demo` is given and it brings no piece.
        NameTakenError: another style has the name.
        InputError: the name cannot be used.
        WriteError: `demo` cannot be written, or there is a file of this name; then the style is not taken in.
    """
    from stilo.styles.bundle import open_bundle

    bundle = open_bundle(Path(path))
    if name is not None:
        bundle = changed(bundle, style=changed(bundle.style, name=name))
    if demo is None:
        _take_in(bundle.style, replace)
        return bundle
    if bundle.demo is None:
        raise BundleError(path, "brings no piece; leave out --demo")
    place = _new_file(demo, WRITTEN_ENDINGS, replace=False, remedy="name another file")
    with whole_files([place], replace=False) as lent:
        write_score(bundle.demo, lent[place])
    try:
        if not _is_kept(bundle.style):
            _take_in(bundle.style, replace)
    except BaseException:
        place.unlink(missing_ok=True)  # it was made a moment ago, here
        raise
    return bundle


def _take_in(style: Style, replace: bool) -> None:
    from stilo.library.store import Library

    with Library() as library:
        try:
            library.save(style, replace=replace)
        except NameTakenError as error:
            remedy = "take this one in --as another name, or say --replace to give yours up for it"
            raise NameTakenError(style.name, remedy) from error


def _is_kept(style: Style) -> bool:
    """Whether the library holds just this style under its name."""
    from stilo.library.store import read_again

    try:
        return load_style(style.name) == read_again(style)
    except (UnknownStyleError, SetupError):  # none, or a damaged one: whoever keeps this one will tell
        return False
