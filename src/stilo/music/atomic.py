"""Files that are written whole or not at all.

What is not whole yet lies beside its place under a name of `fresh_neighbour`. A process that is killed leaves it there;
the next writing into that folder takes away what nobody has touched for a day.
"""

from __future__ import annotations

import os
import re
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from stilo.errors import WriteError

_FRESH = re.compile(r"\.stilo-[0-9a-f]{32}\.\w+")
_SECONDS_UNTIL_LEFT_BEHIND = 86_400.0


def fresh_neighbour(target: Path, ending: str) -> Path:
    """A name beside `target` that nothing has."""
    return target.with_name(f".stilo-{uuid.uuid4().hex}{ending}")


def sweep(folder: Path) -> None:
    """Take away what writing that was killed has left in `folder`, if that was a day ago."""
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if not _FRESH.fullmatch(entry.name) or not entry.is_file(follow_symlinks=False):
                continue
            if time.time() - entry.stat(follow_symlinks=False).st_mtime > _SECONDS_UNTIL_LEFT_BEHIND:
                with suppress(OSError):
                    Path(entry.path).unlink()


def take_name(fresh: Path, target: Path, *, replace: bool = True) -> None:
    """Let a whole file be called `target`; without `replace` only where nothing is, whoever comes meanwhile.

    Raises:
        FileExistsError: something is there and may not be replaced.
        OSError: the system refuses it.
    """
    if replace:
        fresh.replace(target)
        return
    try:
        os.link(fresh, target)
    except FileExistsError:
        raise
    except OSError:  # a file system without links
        target.open("xb").close()
        fresh.replace(target)
    else:
        fresh.unlink()


@contextmanager
def replacing(path: str | Path, *, replace: bool = True) -> Iterator[Path]:
    """Give a fresh, empty file beside `path` to write to; it takes the place of `path` when the block ends well.

    When the block fails or is interrupted, the fresh file goes and whatever stood at `path` is untouched. A link at
    `path` keeps pointing where it pointed. Without `replace` nothing may be there, then either.

    Raises:
        WriteError: the folder is missing or cannot be written, the disk is full, `path` is a folder, or there without
            `replace`.
    """
    target = Path(os.path.realpath(path))
    if target.is_dir():
        raise WriteError(path, "this is a folder; give the name of a file")
    if not target.parent.is_dir():
        raise WriteError(path, f"the folder {target.parent} does not exist; create it first")
    sweep(target.parent)
    fresh = fresh_neighbour(target, ".part")
    try:
        fresh.open("xb").close()
        yield fresh
        _flush_to_disk(fresh)
        take_name(fresh, target, replace=replace)
    except FileExistsError as error:
        raise already_there(path) from error
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise WriteError(path, f"cannot be written ({reason}); choose another place") from error
    finally:
        fresh.unlink(missing_ok=True)


def already_there(path: str | Path) -> WriteError:
    return WriteError(path, "is there already; name another file")


def write_whole(path: str | Path, data: bytes, *, replace: bool = True) -> None:
    """Write `data` to `path`, whole or not at all; without `replace` only where nothing is.

    Raises:
        WriteError: see `replacing`.
    """
    with replacing(path, replace=replace) as fresh:
        fresh.write_bytes(data)


def _flush_to_disk(path: Path) -> None:
    with path.open("rb+") as file:
        os.fsync(file.fileno())
