"""Chords read by the shipped net, without torch: the same sums in NumPy, to be ready in a tenth of a second.

The net is that of `models.chord_net` (convolution over three frames, bidirectional LSTM after Hochreiter & Schmidhuber
1997, heads), trained there and read here from its file. torch takes seconds and some hundred megabytes before it says
its first word, in every process; for a piece at a time NumPy is nearly as fast.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file

from stilo.elements.chords import STATES, ChordSpan, chord_label
from stilo.elements.key import estimate_key
from stilo.elements.layout import lay_out
from stilo.errors import SetupError
from stilo.models.chord_features import FRAME_SIZE, Frames, frames_of
from stilo.models.chord_readings import (
    BASSES,
    KINDS,
    NO_BASS,
    READING_BASS,
    READING_KIND,
    READING_STATE,
    ChordTimes,
    Prices,
    best_path,
    times_of,
)
from stilo.models.shipped import CONFIG_NAME, WEIGHTS_NAME, shipped_folder
from stilo.music.chords import NO_CHORD
from stilo.music.score import Score

FORMAT = 1
LARGEST_WEIGHTS_BYTES, LARGEST_CONFIG_BYTES = 8 * 2**20, 2**20
WIDEST, MOST_LAYERS = 1024, 8
_BLOCK_FRAMES = 2048

Array = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class _Layer:
    """Both directions of an LSTM layer; gates in the order in, forget, out, candidate, the first three halved.

    Attributes:
        into: float32 [2, inputs, 4 width], bias float32 [2, 4 width], back: float32 [2, width, 4 width].
    """

    into: Array
    bias: Array
    back: Array

    def run(self, values: Array) -> Array:
        """Float32 [T, inputs] → [T, 2 width], forward and backward beside each other."""
        frames, width = len(values), self.back.shape[1]
        out = np.empty((2, frames, width), np.float32)
        both = values, values[::-1]
        hidden = np.zeros((2, 1, width), np.float32)
        cell = np.zeros((2, width), np.float32)
        gates = np.empty((2, 1, 4 * width), np.float32)
        flat = gates[:, 0]
        opening = flat[:, : 3 * width]
        enter, keep, leave = (flat[:, i * width : (i + 1) * width] for i in range(3))
        candidate = flat[:, 3 * width :]
        for start in range(0, frames, _BLOCK_FRAMES):
            block = np.stack([one[start : start + _BLOCK_FRAMES] for one in both])
            given = np.matmul(block, self.into) + self.bias[:, None]
            for t in range(given.shape[1]):
                np.matmul(hidden, self.back, out=gates)
                np.add(flat, given[:, t], out=flat)
                np.tanh(flat, out=flat)
                # σ(x) = (1 + tanh(x / 2)) / 2
                opening *= 0.5
                opening += 0.5
                cell *= keep
                cell += enter * candidate
                np.multiply(np.tanh(cell), leave, out=hidden[:, 0])
                out[:, start + t] = hidden[:, 0]
        return np.concatenate([out[0], out[1, ::-1]], axis=1)


@dataclass(frozen=True, eq=False)
class ChordReader:
    """The net as arrays.

    Attributes:
        near: float32 [3 · FRAME_SIZE, width], with near_bias [width], of a frame between its neighbours.
        layers: the LSTM.
        readings: float32 [2 width, READINGS] with readings_bias; change: float32 [2 width] with change_bias.
        prices: what a change of chord costs.
    """

    near: Array
    near_bias: Array
    layers: tuple[_Layer, ...]
    readings: Array
    readings_bias: Array
    change: Array
    change_bias: float
    prices: Prices

    def heard(self, frames: Array) -> Array:
        """Each frame in its place, [T, FRAME_SIZE] → [T, 2 width]."""
        silence = np.zeros((1, frames.shape[1]), np.float32)
        padded = np.concatenate([silence, frames, silence])
        values = np.empty((len(frames), len(self.near_bias)), np.float32)
        for start in range(0, len(frames), _BLOCK_FRAMES):
            some = padded[start : start + _BLOCK_FRAMES + 2]
            beside = np.concatenate([some[:-2], some[1:-1], some[2:]], axis=1)
            values[start : start + _BLOCK_FRAMES] = _gelu(beside @ self.near + self.near_bias)
        for layer in self.layers:
            values = layer.run(values)
        return values

    def estimate(self, frames: Frames) -> ChordTimes:
        """The chords of a piece; no chord where nothing pitched sounds in all of it."""
        bounds = frames.bounds_ticks
        if not frames.heard:
            return ChordTimes(bounds[[0, -1]], READING_STATE[-1:], READING_BASS[-1:])
        heard = self.heard(frames.values)
        changes = heard @ self.change + np.float32(self.change_bias)

        def blocks() -> Iterator[Array]:
            for start in range(0, len(heard), _BLOCK_FRAMES):
                yield _log_softmax(heard[start : start + _BLOCK_FRAMES] @ self.readings + self.readings_bias)

        return times_of(best_path(blocks(), self.prices.change - self.prices.trust * changes), bounds)


def _gelu(x: Array) -> Array:
    """X Φ(x), the error function after Abramowitz & Stegun 1964, 7.1.26 (to 1.5e-7)."""
    z = np.abs(x) * np.float32(0.5**0.5)
    t = 1 / (1 + np.float32(0.3275911) * z)
    series = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))))
    upper = 1 - 0.5 * series * np.exp(-z * z)  # Φ(|x|)
    return np.asarray(x * np.where(x >= 0, upper, 1 - upper), np.float32)


def _log_softmax(scores: Array) -> Array:
    scores = scores - scores.max(axis=1, keepdims=True)
    return np.asarray(scores - np.log(np.exp(scores).sum(axis=1, keepdims=True)), np.float32)


def read_chords(score: Score) -> tuple[ChordSpan, ...]:
    """The chords of a piece by the shipped net, from the beginning to the end without gaps, labels in Harte syntax.

    Raises:
        InputError: the piece is too long to measure.
        SetupError: the weights are missing or damaged.
    """
    reader = _shipped(chords_folder())
    if len(score) == 0:
        return ()
    layout = lay_out(score)
    times = reader.estimate(frames_of(layout))
    key = estimate_key(layout).key
    bounds = pairwise((times.bounds_ticks / score.ticks_per_quarter).tolist())
    chords = zip(times.states.tolist(), times.bass.tolist(), strict=True)
    labels = [NO_CHORD if bass == NO_BASS else chord_label(state, bass, key) for state, bass in chords]
    return tuple(
        ChordSpan(round(start, 6), round(end - start, 6), label)
        for (start, end), label in zip(bounds, labels, strict=True)
    )


def chords_folder() -> Path:
    """Where the shipped weights lie: inside the package, else in the project's `models/chords`."""
    return shipped_folder("chords")


def has_chord_net() -> bool:
    """Whether there are weights to read chords with."""
    return (chords_folder() / WEIGHTS_NAME).is_file()


@lru_cache(maxsize=2)
def _shipped(folder: Path) -> ChordReader:
    return load_chord_reader(folder)


def load_chord_reader(folder: Path) -> ChordReader:
    """The net of a folder and its prices.

    Raises:
        SetupError: config or weights are missing, damaged, or of another version of stilo.
    """
    try:
        config = read_config(folder)
        width, layers = config["model"]["width"], config["model"]["layers"]
        if not all(type(n) is int and 1 <= n <= most for n, most in ((width, WIDEST), (layers, MOST_LAYERS))):
            raise ValueError("sizes out of range")
        prices = Prices(**{name: float(value) for name, value in config["prices"].items()})
        return _reader(load_file(folder / WEIGHTS_NAME), width, layers, prices)
    except FileNotFoundError as error:
        raise SetupError(f"{folder}: no chord net here ({CONFIG_NAME}, {WEIGHTS_NAME}); install stilo anew") from error
    except (OSError, KeyError, TypeError, ValueError, AttributeError, SafetensorError) as error:
        raise SetupError(f"{folder}: the chord net is damaged; install stilo anew ({type(error).__name__})") from error


def read_config(folder: Path) -> dict[str, Any]:
    """The config of the weights in a folder, after a look at the size of both files.

    Raises:
        SetupError: they are too large, or of another version of stilo.
        OSError, ValueError, KeyError: they are missing or damaged.
    """
    for name, most in ((WEIGHTS_NAME, LARGEST_WEIGHTS_BYTES), (CONFIG_NAME, LARGEST_CONFIG_BYTES)):
        if (folder / name).stat().st_size > most:
            raise SetupError(f"{folder / name}: larger than any of stilo's; install stilo anew")
    config: dict[str, Any] = json.loads((folder / CONFIG_NAME).read_text(encoding="utf-8"))
    if config["format"] != FORMAT:
        raise SetupError(f"{folder}: chord net of another version of stilo (format {config['format']})")
    return config


def _reader(weights: dict[str, NDArray[Any]], width: int, layers: int, prices: Prices) -> ChordReader:
    def taken(name: str, *shape: int) -> Array:
        tensor = weights[name].astype(np.float32)
        if tensor.shape != shape:
            raise ValueError(f"{name} is of another shape")
        return tensor

    def layer(index: int) -> _Layer:
        inputs = width if index == 0 else 2 * width
        # in, forget, candidate, out → in, forget, out, candidate; see `_Layer`
        order = np.arange(4 * width).reshape(4, width)[[0, 1, 3, 2]].ravel()
        half = np.repeat(np.array([0.5, 0.5, 0.5, 1.0], np.float32), width)
        ends = (f"l{index}", f"l{index}_reverse")
        into = np.stack([taken(f"lstm.weight_ih_{end}", 4 * width, inputs)[order].T * half for end in ends])
        back = np.stack([taken(f"lstm.weight_hh_{end}", 4 * width, width)[order].T * half for end in ends])
        bias = [taken(f"lstm.bias_ih_{end}", 4 * width) + taken(f"lstm.bias_hh_{end}", 4 * width) for end in ends]
        return _Layer(np.ascontiguousarray(into), np.stack(bias)[:, order] * half, np.ascontiguousarray(back))

    near = taken("near.weight", width, FRAME_SIZE, 3).transpose(2, 1, 0).reshape(3 * FRAME_SIZE, width)
    state, bass = taken("state.weight", STATES, 2 * width), taken("bass.weight", BASSES, 2 * width)
    return ChordReader(
        near=np.ascontiguousarray(near),
        near_bias=taken("near.bias", width),
        layers=tuple(layer(index) for index in range(layers)),
        readings=np.ascontiguousarray((state[READING_STATE] + bass[READING_BASS]).T),
        readings_bias=taken("state.bias", STATES)[READING_STATE]
        + taken("bass.bias", BASSES)[READING_BASS]
        + taken("kind", KINDS)[READING_KIND],
        change=taken("change.weight", 1, 2 * width)[0],
        change_bias=float(taken("change.bias", 1)[0]),
        prices=prices,
    )
