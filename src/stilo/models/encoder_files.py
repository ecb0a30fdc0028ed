"""The style encoder on disk: a folder of `config.json` and `weights.safetensors`, nothing ever unpickled."""

from __future__ import annotations

import json
from dataclasses import asdict
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save

from stilo.errors import SetupError
from stilo.models.discriminants import Discriminants
from stilo.models.encoder import FACETS, MEASURED, EncoderConfig, StyleEncoder
from stilo.models.learned_embedding import FACET_VALUES
from stilo.models.shipped import CONFIG_NAME, WEIGHTS_NAME, identity_of, shipped_folder
from stilo.models.trained_encoder import Reading, TrainedEncoder
from stilo.models.view_statistics import STATISTICS
from stilo.music.atomic import write_whole

FORMAT = 1
LARGEST_WEIGHTS_BYTES = 16 * 2**20
LARGEST_CONFIG_BYTES = 2**20
WIDEST = 1024
_PARTS = ("mean", "scale", "directions")


def save_encoder(encoder: TrainedEncoder, folder: Path, facts: dict[str, Any]) -> None:
    """Write config and weights, the net's in half precision; the config comes last.

    Raises:
        WriteError: the folder cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    tensors = {f"net.{name}": value.half().contiguous() for name, value in encoder.model.state_dict().items()}
    for facet, discriminants in encoder.discriminants.items():
        for part in _PARTS:
            tensors[f"{facet}.{part}"] = torch.from_numpy(getattr(discriminants, part)).contiguous()
    for facet, reading in encoder.readings.items():
        tensors[f"{facet}.reads"] = torch.from_numpy(reading.weights).half().contiguous()
        tensors[f"{facet}.reads_from"] = torch.from_numpy(reading.bias).contiguous()
    config = {
        "format": FORMAT,
        "model": asdict(encoder.model.config),
        "net_share": encoder.net_share,
        "facts": facts,
    }
    (folder / CONFIG_NAME).unlink(missing_ok=True)
    write_whole(folder / WEIGHTS_NAME, save(tensors))
    write_whole(folder / CONFIG_NAME, (json.dumps(config, indent=1, ensure_ascii=False) + "\n").encode())


def load_encoder(folder: Path) -> TrainedEncoder:
    """The encoder of a folder, ready to use.

    Raises:
        SetupError: config or weights are missing, damaged, or of another version of stilo.
    """
    config_path, weights_path = folder / CONFIG_NAME, folder / WEIGHTS_NAME
    try:
        if weights_path.stat().st_size > LARGEST_WEIGHTS_BYTES or config_path.stat().st_size > LARGEST_CONFIG_BYTES:
            raise SetupError(f"{folder}: larger than any encoder of stilo; install stilo anew")
        config = json.loads(config_path.read_text(encoding="utf-8"))
        if config["format"] != FORMAT:
            raise SetupError(f"{folder}: an encoder of another version of stilo; install stilo anew")
        tensors = load_file(weights_path)
        model = StyleEncoder(_checked(EncoderConfig(**config["model"])))
        model.load_state_dict({k[4:]: v.float() for k, v in tensors.items() if k.startswith("net.")})
        discriminants = {facet: _discriminants(tensors, facet, model.config.facet_size) for facet in FACETS}
        readings = {facet: _reading(tensors, facet) for facet in FACETS}
        return TrainedEncoder(model.eval(), discriminants, float(config["net_share"]), readings)
    except FileNotFoundError as error:
        raise SetupError(f"{folder}: no encoder here ({CONFIG_NAME}, {WEIGHTS_NAME}); install stilo anew") from error
    except (OSError, KeyError, TypeError, ValueError, RuntimeError, SafetensorError) as error:
        raise SetupError(f"{folder}: the encoder is damaged; install stilo anew ({type(error).__name__})") from error


def _checked(config: EncoderConfig) -> EncoderConfig:
    """Sizes are bounded before anything is allocated."""
    sizes = (config.bar_width, config.hidden, config.facet_size)
    if not all(type(size) is int and 1 <= size <= WIDEST for size in sizes) or config.facet_size >= FACET_VALUES:
        raise ValueError("sizes out of range")
    return config


def _discriminants(tensors: dict[str, torch.Tensor], facet: str, facet_size: int) -> Discriminants:
    mean, scale, directions = (tensors[f"{facet}.{part}"].float().numpy() for part in _PARTS)
    shape = (STATISTICS[facet], FACET_VALUES - facet_size)
    if mean.shape != shape[:1] or scale.shape != shape[:1] or directions.shape != shape or not (scale > 0).all():
        raise ValueError("discriminants of another shape")
    return Discriminants(mean, scale, directions)


def _reading(tensors: dict[str, torch.Tensor], facet: str) -> Reading:
    weights, bias = (tensors[f"{facet}.{part}"].float().numpy() for part in ("reads", "reads_from"))
    if weights.shape != (FACET_VALUES, len(MEASURED[facet])) or bias.shape != weights.shape[1:]:
        raise ValueError("readings of another shape")
    return Reading(weights, bias)


def encoder_folder() -> Path:
    """Where the shipped encoder lies: inside the package, else in the project's `models/encoder`."""
    return shipped_folder("encoder")


def has_encoder() -> bool:
    """Whether there are weights to recognise styles with."""
    return (encoder_folder() / WEIGHTS_NAME).is_file()


def encoder_identity() -> str:
    """Sixteen hex digits that change with the shipped weights; embeddings of two encoders cannot be compared.

    Raises:
        SetupError: there are no weights.
    """
    return identity_of(encoder_folder())


@lru_cache(maxsize=1)
def _loaded(folder: Path, identity: str) -> TrainedEncoder:
    return load_encoder(folder)


def shipped_encoder() -> TrainedEncoder:
    """The shipped encoder, shared and not to be changed.

    Raises:
        SetupError: it is missing or damaged.
    """
    return _loaded(encoder_folder(), encoder_identity())
