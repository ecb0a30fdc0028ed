"""What looks along time in residual trunks, in NumPy: LSTM, attention, gated memory and scan, one step at a time."""

from __future__ import annotations

import numpy as np

from stilo.models.notes.fields import Floats
from stilo.models.notes.matrices import Matrix, Weights, normalised, softmax

State = tuple[Floats, ...]

HEAD_SIZE = 64
REACH = 128  # notes before itself that attention sees
PERIOD = 8192  # as `trunk_transformer` has it
GRAIN, LEAST_DECAY, LEAST_ENTER = 2.0**-14, -8.0, -16.0  # as `trunk_gated` has them
SHARPNESS, LEAST_SHARE = 8.0, 1e-6  # as `trunk_scan` has them
_HALF = np.float32(0.5)


def sigmoid(x: Floats) -> Floats:
    half: Floats = np.tanh(x * _HALF)
    half += 1
    half *= _HALF
    return half


def silu(x: Floats) -> Floats:
    return x * sigmoid(x)


class LSTMLayer:
    """One layer; the gates are enter, keep, new, show.

    Args:
        into: [4 × inner, inputs]; None = what enters has been multiplied by it, as `entrance` has it, beforehand.
        of_state: [4 × inner, inner].
        bias: [4 × inner].
    """

    def __init__(self, into: Floats | None, of_state: Floats, bias: Floats) -> None:
        self.inner = of_state.shape[1]
        self._is_multiplied = into is None
        weights = of_state if into is None else np.concatenate([into, of_state], axis=1)
        self._gates = Matrix(self.entrance(weights), self.entrance(bias[:, None])[:, 0])

    @staticmethod
    def entrance(weights: Floats) -> Floats:
        """[4 × inner, …] in the order enter, keep, show, new.

        The first three are halved, since sigmoid(x) = (tanh(x / 2) + 1) / 2.
        """
        enter, keep, new, show = np.split(weights, 4)
        return np.concatenate([_HALF * enter, _HALF * keep, _HALF * show, new])

    def __call__(self, x: Floats, hidden: Floats, cell: Floats) -> tuple[Floats, Floats]:
        """Hidden state and cell, [S, inner] each."""
        inner = self.inner
        if self._is_multiplied:
            gates = self._gates(hidden)
            gates += x
        else:
            gates = self._gates(np.concatenate([x, hidden], axis=1))
        np.tanh(gates, out=gates)
        doors = gates[:, : 3 * inner]
        doors += 1
        doors *= _HALF
        cell = cell * doors[:, inner : 2 * inner]
        cell += doors[:, :inner] * gates[:, 3 * inner :]
        shown = np.tanh(cell)
        shown *= doors[:, 2 * inner :]
        return shown, cell


class MixerSteps:
    """One step after another of S streams.

    Attributes:
        state_arrays: how many arrays its state has, the streams on axis 0.
    """

    state_arrays = 2

    def start(self, streams: int) -> State:
        """Streams that have read nothing."""
        raise NotImplementedError

    def __call__(self, x: Floats, state: State) -> tuple[Floats, State]:
        """[S, width] → [S, width], and the state after."""
        raise NotImplementedError


class LSTMMixerSteps(MixerSteps):
    """`trunk_lstm.LSTMMixer`."""

    def __init__(self, weights: Weights, width: int) -> None:
        shapes = {"input": (4 * width, width), "state": (4 * width, width), "bias": (4 * width,)}
        self.width = width
        self._layer = LSTMLayer(*(weights(name, *shape) for name, shape in shapes.items()))
        self._out = Matrix(weights("out.weight", width, width))

    def start(self, streams: int) -> State:
        zeros = np.zeros((streams, self.width), np.float32)
        return zeros, zeros

    def __call__(self, x: Floats, state: State) -> tuple[Floats, State]:
        hidden, cell = self._layer(x, *state)
        return self._out(hidden), (hidden, cell)


class ScanSteps(MixerSteps):
    """`trunk_scan.GatedScan`."""

    def __init__(self, weights: Weights, width: int) -> None:
        self.width = width
        self._shift = weights("shift", width)
        bias = np.zeros(4 * width, np.float32)
        bias[width : 3 * width] = weights("bias", 2 * width)
        self._into = Matrix(weights("into.weight", 4 * width, width), bias)
        self._slowness = (-SHARPNESS * np.logaddexp(0, weights("speed", width))).astype(np.float32)
        self._out = Matrix(weights("out.weight", width, width))

    def start(self, streams: int) -> State:
        zeros = np.zeros((streams, self.width), np.float32)
        return zeros, zeros

    def __call__(self, x: Floats, state: State) -> tuple[Floats, State]:
        last, values = state
        value, forget, enter, show = np.split(self._into(x + last * self._shift), 4, axis=1)
        decay = np.exp(sigmoid(forget) * self._slowness)
        added = np.sqrt(1 - decay * decay + np.float32(LEAST_SHARE)) * sigmoid(enter) * value
        after = decay * values + added
        return self._out(after * silu(show)), (x, after)


class MemorySteps(MixerSteps):
    """`trunk_gated.GatedMemory`."""

    def __init__(self, weights: Weights, width: int) -> None:
        self.width, self.heads = width, max(1, width // HEAD_SIZE)
        self.size = width // self.heads
        self._shift, self._scale = weights("shift", width), np.float32(self.size**-0.5)
        self._least = np.repeat(np.array([LEAST_DECAY, LEAST_ENTER], np.float32), self.heads)
        rows = [weights("into.weight", 4 * width, width), weights("gates.weight", 2 * self.heads, width)]
        bias = [np.zeros(4 * width, np.float32), weights("gates.bias", 2 * self.heads)]
        self._into = Matrix(np.concatenate(rows), np.concatenate(bias))
        self._norm = weights("norm.weight", self.size)
        self._out = Matrix(weights("out.weight", width, width))

    def start(self, streams: int) -> State:
        matrices = np.zeros((streams, self.heads, self.size, self.size), np.float32)
        return np.zeros((streams, self.width), np.float32), matrices

    def __call__(self, x: Floats, state: State) -> tuple[Floats, State]:
        last, matrices = state
        inner = self._into(x + last * self._shift)
        logs = np.maximum(-np.logaddexp(0, -inner[:, 4 * self.width :]), self._least)
        left = np.exp(_in_grains(logs))
        parts = inner[:, : 4 * self.width].reshape(len(x), 4, self.heads, self.size)
        q, k, v, gate = parts[:, 0], parts[:, 1], parts[:, 2], parts[:, 3]
        matrices = matrices * left[:, : self.heads, None, None]
        matrices += (k * left[:, self.heads :, None])[..., None] * v[:, :, None]
        y = (q[:, :, None] @ matrices)[:, :, 0]
        y *= self._scale
        y = normalised(y) * self._norm * silu(gate)
        return self._out(y.reshape(len(x), -1)), (x, matrices)


class AttentionSteps(MixerSteps):
    """`trunk_transformer.WindowAttention`."""

    state_arrays = 4

    def __init__(self, weights: Weights, width: int) -> None:
        self.width, self.heads = width, max(1, width // HEAD_SIZE)
        self.size = width // self.heads
        self._into = Matrix(weights("into.weight", 3 * width, width))
        self._out = Matrix(weights("out.weight", width, width))
        self._sharpness = weights("sharpness", self.heads, 1)
        fastest = PERIOD / (2 * np.pi)
        half = self.size // 2
        # as `trunk_transformer.rotations` has them
        self._speeds = np.round(fastest * (4 / fastest) ** np.linspace(0, 1, half)).astype(np.int64)

    def start(self, streams: int) -> State:
        empty = np.zeros((streams, REACH, self.heads, self.size), np.float32)
        nothing = np.zeros(streams, np.float32)
        return empty, empty, nothing, nothing

    def __call__(self, x: Floats, state: State) -> tuple[Floats, State]:
        keys, values, known, position = state
        q, k, v = np.moveaxis(self._into(x).reshape(len(x), 3, self.heads, self.size), 1, 0)
        angle = position.astype(np.int64)[:, None] * self._speeds % PERIOD * (2 * np.pi / PERIOD)
        turns = np.cos(angle).astype(np.float32)[:, None], np.sin(angle).astype(np.float32)[:, None]
        q = _turned(normalised(q) * self._sharpness, *turns)
        keys = np.concatenate([keys, _turned(normalised(k), *turns)[:, None]], axis=1)
        values = np.concatenate([values, v[:, None]], axis=1)
        logits = np.einsum("bhd,bkhd->bhk", q, keys) / np.float32(np.sqrt(self.size))
        unseen = np.arange(REACH, -1, -1) > known[:, None]
        logits[np.broadcast_to(unseen[:, None], logits.shape)] = -np.inf
        y = np.einsum("bhk,bkhd->bhd", softmax(logits), values).reshape(len(x), -1)
        after = (keys[:, 1:], values[:, 1:], np.minimum(known + 1, REACH), (position + 1) % PERIOD)
        return self._out(y), after


def _in_grains(logs: Floats) -> Floats:
    grains: Floats = np.round(logs * np.float32(1 / GRAIN)) * np.float32(GRAIN)
    return grains


def _turned(x: Floats, cosine: Floats, sine: Floats) -> Floats:
    """Pairs (i, i + half) of the last axis rotated."""
    one, other = np.split(x, 2, axis=-1)
    return np.concatenate([one * cosine - other * sine, one * sine + other * cosine], axis=-1)
