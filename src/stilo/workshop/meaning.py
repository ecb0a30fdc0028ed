"""What a person means by a word: a style of their library, or the file or folder of that name.

Where either can be meant, the style is: the file or folder can always be called "./waltzes". Where only files can be
meant, they are. Either way it is told that there are both. What names a place ("./waltzes", "music/waltzes", every
`Path`), and what ends as music files do ("waltz.mid"), is a path.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from stilo.errors import InputError, StiloError
from stilo.music.files import MUSIC_ENDINGS
from stilo.workshop.progress import Notice

if TYPE_CHECKING:
    from stilo.styles.style import Style


def style_meant(given: str | Path, notice: Notice) -> Style | None:
    """The style that a word means, where styles and paths can be given; None where it means a path, or nothing."""
    style = known_style(str(given)) if _is_word(given) else None
    if style is not None and is_path(given):
        notice(f"{given}: took the style, not the {_kind(given)} of this name (./{given})")
    return style


def tell_of_styles(paths: Iterable[str | Path], notice: Notice) -> None:
    """Tell which of the paths are called as a style is, where only paths can be given."""
    for given in dict.fromkeys(paths):
        if _is_word(given) and is_path(given) and (style := known_style(str(given))) is not None:
            notice(f'{given}: took the {_kind(given)}, not the style of this name (stilo show "{style.name}")')


def known_style(name: str) -> Style | None:
    """The style of the library of that name; None when there is none, or no library that can be read."""
    from stilo.library.database import FILE_NAME, home_folder
    from stilo.library.store import Library

    try:
        if not (home_folder() / FILE_NAME).is_file():
            return None
        with Library() as library:
            return library.load(name)
    except StiloError:
        return None


def path_meant(given: str | Path) -> Path:
    """The path that a person names; "~" is their home, but "~draft.mid" may just be called so.

    Raises:
        InputError: nothing is named. As a path that would be the whole folder that one is in.
    """
    if str(given) == "":
        raise InputError('"" names no file and no folder; give its name, or . for the folder that you are in')
    try:
        return Path(given).expanduser()
    except RuntimeError:  # nobody of that name has a home
        return Path(given)


def is_path(given: str | Path) -> bool:
    """Whether there is a file or folder of that name."""
    try:
        return given != "" and Path(given).exists()
    except OSError:  # too long for a path
        return False


def _is_word(given: str | Path) -> bool:
    return isinstance(given, str) and Path(given).name == given and Path(given).suffix.lower() not in MUSIC_ENDINGS


def _kind(path: str | Path) -> str:
    return "folder" if Path(path).is_dir() else "file"
