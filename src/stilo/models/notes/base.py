"""The base model that is installed: where its weights lie, what they are called, and the model itself.

It lies in the folder `models/base` of the project (in a wheel: inside the package); the environment variable
STILO_MODEL names another folder. Composing takes the engine (NumPy), tuning and judging take the model (torch).
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from safetensors import safe_open

from stilo.errors import InputError
from stilo.models.notes.engine import Engine, load_engine
from stilo.models.notes.merging import AdapterWeights, merged
from stilo.models.shipped import WEIGHTS_NAME, identity_of, shipped_folder

if TYPE_CHECKING:
    from stilo.models.notes.model import NoteModel

LARGEST_WEIGHT = 1000.0  # far beyond what training and tuning find
_BUFFERS = ("style_mean", "style_scale")


@dataclass(frozen=True, slots=True)
class BaseModelInfo:
    """What `stilo doctor` says of the weights."""

    folder: Path
    identity: str
    parameters: int


def base_folder() -> Path:
    """Where the base model lies: STILO_MODEL, else inside the package, else in the project's `models/base`."""
    if named := os.environ.get("STILO_MODEL"):
        return Path(named)
    return shipped_folder("base")


def base_identity() -> str:
    """That of the installed base model."""
    return identity_of(base_folder())


def base_engine(adapter: AdapterWeights | None = None) -> Engine:
    """The base model for composing, with the adapter of a style merged in.

    Raises:
        SetupError: the weights are missing or damaged.
        InputError: the adapter does not fit them.
    """
    if adapter is None:
        return _engine(base_folder(), base_identity())
    touched = {key.rpartition(".")[0] for key in adapter}
    return load_engine(base_folder(), lambda tensors: _moderate(merged(tensors, adapter), touched))


def _moderate(tensors: dict[str, NDArray[np.float32]], touched: set[str]) -> dict[str, NDArray[np.float32]]:
    """The same; a stranger's adapter may not make weights over which the sums of the net overflow."""
    for name in touched & tensors.keys():
        if np.abs(tensors[name]).max(initial=0.0) > LARGEST_WEIGHT:
            raise InputError(f"this style's adapter does not fit the base model ({name}); learn the style anew")
    return tensors


@lru_cache(maxsize=1)
def _engine(folder: Path, identity: str) -> Engine:
    return load_engine(folder)


def base_model() -> NoteModel:
    """The base model for tuning and judging, shared and not to be changed.

    Raises:
        SetupError: the weights are missing or damaged.
    """
    return _model(base_folder(), base_identity())


@lru_cache(maxsize=1)
def _model(folder: Path, identity: str) -> NoteModel:
    from stilo.models.notes.checkpoint import load_model

    return load_model(folder)


def base_model_info() -> BaseModelInfo:
    """Load the base model and say what it is.

    Raises:
        SetupError: it cannot be loaded.
    """
    folder = base_folder()
    base_engine()
    with safe_open(folder / WEIGHTS_NAME, "np") as opened:
        shapes = {name: opened.get_slice(name).get_shape() for name in opened.keys()}  # noqa: SIM118
    parameters = sum(int(np.prod(shape)) for name, shape in shapes.items() if name not in _BUFFERS)
    return BaseModelInfo(folder, identity_of(folder), parameters)
