"""Where shipped weights lie and how their files are called; imports no ML framework."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path

from stilo.errors import SetupError

CONFIG_NAME, WEIGHTS_NAME, CARD_NAME = "config.json", "weights.safetensors", "README.md"


def shipped_folder(name: str) -> Path:
    """The folder of the weights `name`: inside the package, else in the project's `models`."""
    package = Path(__file__).resolve().parent
    inside = package / "weights" / name
    return inside if inside.exists() else package.parents[2] / "models" / name


def identity_of(folder: Path) -> str:
    """Sixteen hex digits that change with the weights of a folder; what was made with them names them so.

    Raises:
        SetupError: there are no weights.
    """
    path = folder / WEIGHTS_NAME
    try:
        stat = path.stat()
        return _identity(path, stat.st_mtime_ns, stat.st_size)
    except OSError as error:
        raise SetupError(f"{folder}: no weights here ({WEIGHTS_NAME}); install stilo anew") from error


@lru_cache(maxsize=8)
def _identity(path: Path, _modified_ns: int, _size: int) -> str:
    """Read once, as long as the file stays as it is."""
    with path.open("rb") as data:
        return hashlib.file_digest(data, "sha256").hexdigest()[:16]
