"""The styles a person keeps: look at them, give them away, take them in."""

from __future__ import annotations

from dataclasses import replace as changed
from pathlib import Path
from typing import TYPE_CHECKING

from stilo.errors import InputError, SetupError, WriteError
from stilo.workshop.analysing import draw_profile
from stilo.workshop.outputs import PICTURE_ENDING, check_outputs

if TYPE_CHECKING:
    from stilo.library.store import StyleSummary
    from stilo.styles.style import Style

BUNDLE_ENDING = ".stilo"
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


def export_style(name: str, path: str | Path, replace: bool = False) -> Path:
    """Write a style as a `.stilo` bundle; a file that is there already is written over only with `replace`.

    Raises:
        UnknownStyleError: the library does not hold it.
        WriteError: the bundle cannot be written, or there is a file of this name.
    """
    from stilo.styles.bundle import write_bundle

    [checked] = check_outputs([path], (BUNDLE_ENDING,))
    if checked.exists() and not replace:
        raise WriteError(checked, "is there already; name another file or say --replace")
    write_bundle(load_style(name), checked)
    return checked


def import_style(path: str | Path, name: str | None = None, replace: bool = False) -> Style:
    """Take the style of a `.stilo` bundle into the library, under another name if one is given.

    Raises:
        BundleError: the file is not a bundle that can be trusted.
        InputError: the name is taken or cannot be used.
    """
    from stilo.library.store import Library
    from stilo.styles.bundle import read_bundle

    style = read_bundle(Path(path))
    if name is not None:
        style = changed(style, name=name)
    with Library() as library:
        if not replace and style.name.casefold() in {known.casefold() for known in library.names()}:
            raise InputError(
                f"the library already holds a style '{style.name}'; take this one in --as another name, "
                "or say --replace to give yours up for it"
            )
        library.save(style, replace=replace)
    return style
