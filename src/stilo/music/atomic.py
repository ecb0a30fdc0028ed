"""Files that are written whole or not at all."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from stilo.errors import WriteError


@contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """Give a fresh, empty file beside `path` to write to; it takes the place of `path` when the block ends well.

    When the block fails or is interrupted, the fresh file goes and whatever stood at `path` is untouched. A link at
    `path` keeps pointing where it pointed.

    Raises:
        WriteError: the folder is missing or cannot be written, the disk is full, or `path` is a folder.
    """
    target = Path(os.path.realpath(path))
    if target.is_dir():
        raise WriteError(path, "this is a folder; give the name of a file")
    if not target.parent.is_dir():
        raise WriteError(path, f"the folder {target.parent} does not exist; create it first")
    fresh = target.parent / f".stilo-{uuid.uuid4().hex}.part"
    try:
        fresh.open("xb").close()
        yield fresh
        _flush_to_disk(fresh)
        fresh.replace(target)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise WriteError(path, f"cannot be written ({reason}); choose another place") from error
    finally:
        fresh.unlink(missing_ok=True)


def write_whole(path: str | Path, data: bytes) -> None:
    """Write `data` to `path`, whole or not at all.

    Raises:
        WriteError: see `replacing`.
    """
    with replacing(path) as fresh:
        fresh.write_bytes(data)


def _flush_to_disk(path: Path) -> None:
    with path.open("rb+") as file:
        os.fsync(file.fileno())
