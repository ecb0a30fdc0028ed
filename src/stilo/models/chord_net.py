"""The chord net: a convolution over neighbouring frames and a bidirectional LSTM over the piece (Hochreiter &
Schmidhuber 1997; for chords e.g. Wu & Li 2018). It says of each half beat how likely every reading is, as the sum of
what it says of root with quality, of the bass and of the inversion, and how likely a chord begins there.

Trained by `models.chord_train`; what reads a person's pieces is `models.chord_reader`, the same net without torch.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor, nn

from stilo.elements.chords import STATES
from stilo.errors import SetupError
from stilo.models.chord_features import FRAME_SIZE, Frames
from stilo.models.chord_reader import FORMAT, MOST_LAYERS, WIDEST, read_config
from stilo.models.chord_readings import (
    BASSES,
    KINDS,
    READING_BASS,
    READING_KIND,
    READING_STATE,
    ChordTimes,
    Prices,
    best_path,
    times_of,
)
from stilo.models.shipped import CONFIG_NAME, WEIGHTS_NAME
from stilo.music.atomic import write_whole

_BLOCK_FRAMES = 2048


@dataclass(frozen=True, slots=True)
class ChordNetConfig:
    """Sizes: `width` of each direction of the LSTM, and how many layers of it."""

    width: int = 112
    layers: int = 2
    dropout: float = 0.3


class ChordNet(nn.Module):
    """Frames [B, T, FRAME_SIZE] → scores of readings [B, T, READINGS] and log-odds of a change [B, T]."""

    reading_state: Tensor
    reading_bass: Tensor
    reading_kind: Tensor

    def __init__(self, config: ChordNetConfig) -> None:
        super().__init__()
        self.config = config
        width = config.width
        self.near = nn.Conv1d(FRAME_SIZE, width, 3, padding=1)
        self.lstm = nn.LSTM(width, width, config.layers, batch_first=True, bidirectional=True, dropout=config.dropout)
        self.dropout = nn.Dropout(config.dropout)
        self.state = nn.Linear(2 * width, STATES)
        self.bass = nn.Linear(2 * width, BASSES)
        self.change = nn.Linear(2 * width, 1)
        self.kind = nn.Parameter(torch.zeros(KINDS))
        for name, table in (("state", READING_STATE), ("bass", READING_BASS), ("kind", READING_KIND)):
            self.register_buffer(f"reading_{name}", torch.from_numpy(table), persistent=False)

    def heard(self, frames: Tensor) -> Tensor:
        """Each frame in its place, [B, T, 2 width]."""
        near = nn.functional.gelu(self.near(frames.transpose(1, 2))).transpose(1, 2)
        heard: Tensor = self.dropout(self.lstm(self.dropout(near))[0])
        return heard

    def scores(self, heard: Tensor) -> Tensor:
        """Of the readings, [..., READINGS]: the sum of the heads, taken of their weights, so that it is one product."""
        weight = self.state.weight[self.reading_state] + self.bass.weight[self.reading_bass]
        bias = self.state.bias[self.reading_state] + self.bass.bias[self.reading_bass] + self.kind[self.reading_kind]
        return nn.functional.linear(heard, weight, bias)

    def forward(self, frames: Tensor) -> tuple[Tensor, Tensor]:
        heard = self.heard(frames)
        return self.scores(heard), self.change(heard).squeeze(-1)


@torch.inference_mode()
def estimate(net: ChordNet, frames: Frames, prices: Prices) -> ChordTimes:
    """The chords of a piece; no chord where nothing pitched sounds in all of it."""
    bounds = frames.bounds_ticks
    if not frames.heard:
        return ChordTimes(bounds[[0, -1]], READING_STATE[-1:], READING_BASS[-1:])
    heard = net.heard(torch.from_numpy(frames.values)[None])[0]
    changes: NDArray[np.float32] = net.change(heard).squeeze(-1).numpy()

    def blocks() -> Iterator[NDArray[np.float32]]:
        for block in torch.split(heard, _BLOCK_FRAMES):
            yield net.scores(block).log_softmax(-1).numpy()

    return times_of(best_path(blocks(), prices.change - prices.trust * changes), bounds)


def save_chord_net(net: ChordNet, prices: Prices, folder: Path, facts: dict[str, Any]) -> None:
    """Write config and weights, these in half precision; `facts` (training, figures) go into the config.

    Raises:
        WriteError: the folder cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    weights = {name: tensor.detach().half().contiguous() for name, tensor in net.state_dict().items()}
    config = {"format": FORMAT, "model": asdict(net.config), "prices": asdict(prices), "facts": facts}
    (folder / CONFIG_NAME).unlink(missing_ok=True)
    write_whole(folder / WEIGHTS_NAME, save(weights))
    write_whole(folder / CONFIG_NAME, (json.dumps(config, indent=1, ensure_ascii=False) + "\n").encode())


def load_chord_net(folder: Path) -> tuple[ChordNet, Prices]:
    """The net of a folder, in float32, ready to use, and its prices.

    Raises:
        SetupError: config or weights are missing, damaged, or of another version of stilo.
    """
    try:
        config = read_config(folder)
        net = ChordNet(_checked(ChordNetConfig(**config["model"])))
        net.load_state_dict({name: tensor.float() for name, tensor in load_file(folder / WEIGHTS_NAME).items()})
        prices = Prices(**{name: float(value) for name, value in config["prices"].items()})
    except FileNotFoundError as error:
        raise SetupError(f"{folder}: no chord net here ({CONFIG_NAME}, {WEIGHTS_NAME}); install stilo anew") from error
    except (OSError, KeyError, TypeError, ValueError, AttributeError, RuntimeError, SafetensorError) as error:
        raise SetupError(f"{folder}: the chord net is damaged; install stilo anew ({type(error).__name__})") from error
    return net.eval(), prices


def _checked(config: ChordNetConfig) -> ChordNetConfig:
    """Sizes are bounded before anything is allocated."""
    sizes = ((config.width, WIDEST), (config.layers, MOST_LAYERS))
    if not all(type(size) is int and 1 <= size <= most for size, most in sizes):
        raise ValueError("sizes out of range")
    return config
