"""Sizes of the note model, its config on disk, and what reading it needs of constants; imports no ML framework."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from stilo.elements.embedding import EMBEDDING_SIZE, FACETS
from stilo.errors import SetupError
from stilo.models.learned_embedding import LEARNED_SIZE
from stilo.models.notes.fields import PROGRAMS, Floats
from stilo.models.notes.told import Told
from stilo.models.shipped import CONFIG_NAME, WEIGHTS_NAME

FORMAT = 3
LARGEST_WEIGHTS_BYTES = 64 * 2**20
LARGEST_CONFIG_BYTES = 2**20
WIDEST, MOST_LAYERS = 4096, 32
FEWEST_SQUARES = 4  # matrices of width × width that a layer of any trunk has, each number of at least a byte

STYLE_FACETS = len(FACETS)
TOLD_AS_FLAGS = {"facets": STYLE_FACETS, "programs": PROGRAMS, "written": PROGRAMS}
FARTHEST_STYLE = 2.5  # standard deviations that measured embeddings are cut to
RELATIVE = 255  # distances −127…127
GATE_SCALE = 10.0  # what the records of candidates teach is learned ten times as fast


@dataclass(frozen=True, slots=True)
class NoteModelConfig:
    """Sizes: the trunk's kind, width and number of layers, each stage of the head, memory and conditions."""

    trunk: str = "gated"
    width: int = 512
    layers: int = 2
    hidden: int = 256
    memory_width: int = 128
    condition_width: int = 128
    dropout: float = 0.0

    def __post_init__(self) -> None:
        widths = (self.width, self.hidden, self.memory_width, self.condition_width)
        sizes = [*((width, WIDEST) for width in widths), (self.layers, MOST_LAYERS)]
        if not all(type(size) is int and 1 <= size <= most for size, most in sizes):
            raise ValueError("sizes out of range")


def read_config(folder: Path, trunks: Collection[str]) -> NoteModelConfig:
    """The sizes of the model in a folder, checked before anything of their size is allocated.

    Raises:
        FileNotFoundError: config or weights are missing.
        SetupError: it is of another version of stilo.
        ValueError, KeyError, TypeError, OSError: it is damaged.
    """
    for name, largest in ((WEIGHTS_NAME, LARGEST_WEIGHTS_BYTES), (CONFIG_NAME, LARGEST_CONFIG_BYTES)):
        if (folder / name).stat().st_size > largest:
            raise SetupError(f"{folder / name}: larger than any of stilo; install stilo anew")
    found: dict[str, Any] = json.loads((folder / CONFIG_NAME).read_text(encoding="utf-8"))
    if found["format"] != FORMAT:
        raise SetupError(
            f"{folder}: weights of another version of stilo (format {found['format']}, here {FORMAT}); install it anew"
        )
    config = NoteModelConfig(**found["model"])
    if config.trunk not in trunks:
        raise ValueError("no such trunk")
    if FEWEST_SQUARES * config.layers * config.width**2 > (folder / WEIGHTS_NAME).stat().st_size:
        raise ValueError("sizes that the weights do not have")
    return config


def style_columns(told: Sequence[Told]) -> dict[str, Floats]:
    """What holds for whole pieces, by the names that `model.Conditioning` has for it; [pieces, …] each."""
    sizes = {"measured": EMBEDDING_SIZE, "learned": LEARNED_SIZE, **TOLD_AS_FLAGS}
    columns = {name: np.zeros((len(told), size), np.float32) for name, size in sizes.items()}
    for i, one in enumerate(told):
        if one.style is not None:
            for name in ("measured", "learned", "facets"):
                columns[name][i] = getattr(one.style, name)
        for name in ("programs", "written"):
            columns[name][i, list(getattr(one, name))] = 1.0
    return columns
