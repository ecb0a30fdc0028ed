"""Where shipped weights lie and how their files are called; imports no ML framework."""

from __future__ import annotations

import hashlib
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
    try:
        with (folder / WEIGHTS_NAME).open("rb") as data:
            return hashlib.file_digest(data, "sha256").hexdigest()[:16]
    except OSError as error:
        raise SetupError(f"{folder}: no weights here ({WEIGHTS_NAME}); install stilo anew") from error
