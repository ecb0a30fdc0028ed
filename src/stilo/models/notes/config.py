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

FORMAT = 2
LARGEST_WEIGHTS_BYTES = 64 * 2**20
LARGEST_CONFIG_BYTES = 2**20
WIDEST, MOST_LAYERS = 4096, 32
FEWEST_SQUARES = 4  # matrices of width × width that a layer of any trunk has, each number of at least a byte

STYLE_FACETS = len(FACETS)
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


def style_columns(told: Sequence[Told]) -> tuple[Floats, Floats, Floats, Floats]:
    """What holds for whole pieces, as `model.Conditioning` has it: measured, learned, facets, programs; [pieces, …]."""
    n = len(told)
    measured, learned = np.zeros((n, EMBEDDING_SIZE), np.float32), np.zeros((n, LEARNED_SIZE), np.float32)
    facets, programs = np.zeros((n, STYLE_FACETS), np.float32), np.zeros((n, PROGRAMS), np.float32)
    for i, one in enumerate(told):
        if one.style is not None:
            measured[i], learned[i], facets[i] = one.style.measured, one.style.learned, one.style.facets
        programs[i, list(one.programs)] = 1.0
    return measured, learned, facets, programs
