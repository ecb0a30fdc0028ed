"""Every exception stilo raises on purpose. This module imports nothing of stilo.

StiloError                what went wrong is known and said in one line
├── InputError            something the person gave: a file, a name, an option; exit status 1
│   ├── ReadError         a file that cannot be read as music
│   ├── WriteError        a place or a kind of file that cannot be written
│   ├── RequestError      a request that contradicts itself or is out of range
│   ├── UnknownStyleError a style that is not in the library
│   ├── NameTakenError    a name that another style of the library has
│   └── BundleError       a .stilo file that is broken, too large or hostile
└── SetupError            something of this installation is missing: weights, a renderer, a database

Anything else that reaches the person is a bug.
"""

from __future__ import annotations

from pathlib import Path


class StiloError(Exception):
    """Base of all errors that are told in one line and without a traceback."""


class InputError(StiloError):
    """What the person gave cannot be used; the message says what, where, and what to do."""


class _FileError(InputError):
    """An error about one file: `path` names it, `reason` says what is wrong and what to do.

    A reason may quote the file, and whoever made it may have written anything there: the message stays one line.
    """

    def __init__(self, path: str | Path, reason: str) -> None:
        self.path = Path(path)
        self.reason = _one_line(reason)
        super().__init__(_one_line(f"{path}: {reason}"))


class ReadError(_FileError):
    """A file that cannot be read as music."""


class WriteError(_FileError):
    """A place or a kind of file that cannot be written."""


class BundleError(_FileError):
    """A `.stilo` bundle that is broken, too large or hostile."""


class RequestError(InputError):
    """A request that contradicts itself or is out of range."""


class UnknownStyleError(InputError):
    """A style that the library does not hold; the message names the nearest ones."""


class NameTakenError(InputError):
    """A name that another style of the library has; whoever asked for it knows the `remedy`."""

    def __init__(self, name: str, remedy: str = "replace it on purpose or choose another name") -> None:
        super().__init__(f"the library already holds a style '{name}'; {remedy}")


class SetupError(StiloError):
    """A part of this installation is missing; the message says how to get it."""


def _one_line(text: str) -> str:
    return text if text.isprintable() else "".join(sign if sign.isprintable() else " " for sign in text)
