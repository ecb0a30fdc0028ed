"""Where shipped weights lie and how their files are called; imports no ML framework."""

from __future__ import annotations

from pathlib import Path

CONFIG_NAME, WEIGHTS_NAME, CARD_NAME = "config.json", "weights.safetensors", "README.md"


def shipped_folder(name: str) -> Path:
    """The folder of the weights `name`: inside the package, else in the project's `models`."""
    package = Path(__file__).resolve().parent
    inside = package / "weights" / name
    return inside if inside.exists() else package.parents[2] / "models" / name
