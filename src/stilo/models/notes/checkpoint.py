"""Weights of the note model on disk: a folder of `config.json` and `weights.safetensors`. Nothing is ever unpickled."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save

from stilo.errors import SetupError
from stilo.models.notes.model import NoteModel, NoteModelConfig
from stilo.models.shipped import CONFIG_NAME, WEIGHTS_NAME
from stilo.models.trunks import TRUNKS
from stilo.music.atomic import write_whole

FORMAT = 2
LARGEST_WEIGHTS_BYTES = 64 * 2**20
LARGEST_CONFIG_BYTES = 2**20
WIDEST, MOST_LAYERS = 4096, 32


def save_model(model: NoteModel, folder: Path, facts: dict[str, Any], dtype: torch.dtype = torch.float16) -> None:
    """Write config and weights; `facts` (training, figures) go into the config.

    The old config goes first and the new one comes last, so that a config never stands beside weights of another run.

    Raises:
        WriteError: the folder cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    weights = {name: tensor.detach().cpu().to(dtype).contiguous() for name, tensor in model.state_dict().items()}
    config = {"format": FORMAT, "model": asdict(model.config), "facts": facts}
    (folder / CONFIG_NAME).unlink(missing_ok=True)
    write_whole(folder / WEIGHTS_NAME, save(weights))
    write_whole(folder / CONFIG_NAME, (json.dumps(config, indent=1, ensure_ascii=False) + "\n").encode())


def load_model(folder: Path) -> NoteModel:
    """The model of a folder, in float32, ready to use.

    Raises:
        SetupError: config or weights are missing, damaged, or of another version of stilo.
    """
    try:
        weights_path = folder / WEIGHTS_NAME
        if weights_path.stat().st_size > LARGEST_WEIGHTS_BYTES:
            raise SetupError(f"{weights_path}: larger than any weights of stilo; install stilo anew")
        config = _read_config(folder)
        if config["format"] != FORMAT:
            raise SetupError(
                f"{folder}: weights of another version of stilo (format {config['format']}, here {FORMAT})"
            )
        model = NoteModel(_checked(NoteModelConfig(**config["model"])))
        model.load_state_dict({name: tensor.float() for name, tensor in load_file(weights_path).items()})
    except FileNotFoundError as error:
        raise SetupError(f"{folder}: no weights here ({CONFIG_NAME}, {WEIGHTS_NAME}); install stilo anew") from error
    except (OSError, KeyError, TypeError, ValueError, RuntimeError, SafetensorError) as error:
        raise SetupError(f"{folder}: the weights are damaged; install stilo anew ({type(error).__name__})") from error
    return model.eval()


def _read_config(folder: Path) -> dict[str, Any]:
    path = folder / CONFIG_NAME
    if path.stat().st_size > LARGEST_CONFIG_BYTES:
        raise ValueError("larger than any config of stilo")
    config: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return config


def _checked(config: NoteModelConfig) -> NoteModelConfig:
    """Sizes are bounded before anything is allocated."""
    widths = (config.width, config.hidden, config.memory_width, config.condition_width)
    sizes = [*((width, WIDEST) for width in widths), (config.layers, MOST_LAYERS)]
    if config.trunk not in TRUNKS or not all(type(size) is int and 1 <= size <= most for size, most in sizes):
        raise ValueError("sizes out of range")
    return config
