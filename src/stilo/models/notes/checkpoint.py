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
from stilo.models.notes.config import FORMAT, read_config
from stilo.models.notes.model import NoteModel
from stilo.models.shipped import CONFIG_NAME, WEIGHTS_NAME
from stilo.models.trunks import TRUNKS
from stilo.music.atomic import write_whole


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
        model = NoteModel(read_config(folder, TRUNKS))
        tensors = {name: tensor.float() for name, tensor in load_file(folder / WEIGHTS_NAME).items()}
        if not all(bool(tensor.isfinite().all()) for tensor in tensors.values()):
            raise ValueError("weights that are not finite")
        model.load_state_dict(tensors)
    except FileNotFoundError as error:
        raise SetupError(f"{folder}: no weights here ({CONFIG_NAME}, {WEIGHTS_NAME}); install stilo anew") from error
    except (OSError, KeyError, TypeError, ValueError, RuntimeError, SafetensorError) as error:
        raise SetupError(f"{folder}: the weights are damaged; install stilo anew ({type(error).__name__})") from error
    return model.eval()
