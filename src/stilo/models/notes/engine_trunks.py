"""The trunks of the note model in NumPy, one step at a time: the numbers of `trunks`, without torch.

A state is a tuple of arrays with the streams on axis 0, so that streams can be left out, doubled and joined.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from stilo.models.notes.config import NoteModelConfig
from stilo.models.notes.engine_mixers import (
    AttentionSteps,
    LSTMLayer,
    LSTMMixerSteps,
    MemorySteps,
    MixerSteps,
    ScanSteps,
    State,
)
from stilo.models.notes.fields import Floats, Integers
from stilo.models.notes.matrices import Matrix, Weights, exact_gelu, normalised

__all__ = ["ENGINE_TRUNKS", "State", "TrunkSteps", "chosen_streams", "joined_streams", "trunk_steps"]


def chosen_streams(state: State, streams: Integers) -> State:
    """The state of some streams, in that order."""
    return tuple(part[streams] for part in state)


def joined_streams(states: Sequence[State]) -> State:
    """The streams of several states, one below the other."""
    return tuple(np.concatenate(parts) for parts in zip(*states, strict=True))


class TrunkSteps:
    """One step after another of S streams.

    Attributes:
        entrance: [inputs, width], by which all that enters is to be multiplied beforehand, once for all: what is read
            is a sum of rows of tables, so that the tables can be; None = nothing.
    """

    entrance: Floats | None = None

    def start(self, streams: int) -> State:
        """Streams that have read nothing."""
        raise NotImplementedError

    def __call__(self, x: Floats, state: State) -> tuple[Floats, State]:
        """[S, inputs] → [S, width], and the state after."""
        raise NotImplementedError


class LSTMSteps(TrunkSteps):
    """`trunk_lstm.LSTMTrunk`; its state is hidden and cell of every layer in turn."""

    def __init__(self, config: NoteModelConfig, weights: Weights) -> None:
        self.width = width = config.width
        shapes = {"input": (4 * width, width), "state": (4 * width, width), "bias": (4 * width,)}
        self._layers = []
        for layer in range(config.layers):
            into, of_state, bias = (weights(f"{name}_{layer}", *shape) for name, shape in shapes.items())
            if layer == 0:
                self.entrance = LSTMLayer.entrance(into)
            self._layers.append(LSTMLayer(into if layer else None, of_state, bias))

    def start(self, streams: int) -> State:
        return tuple(np.zeros((streams, self.width), np.float32) for _ in range(2 * len(self._layers)))

    def __call__(self, x: Floats, state: State) -> tuple[Floats, State]:
        after: list[Floats] = []
        for number, layer in enumerate(self._layers):
            x, cell = layer(x, state[2 * number], state[2 * number + 1])
            after += (x, cell)
        return x, tuple(after)


class FeedForwardSteps:
    """`trunk_parts.FeedForward`."""

    def __init__(self, weights: Weights, width: int) -> None:
        inner = weights.rows("into.weight")
        self._into = Matrix(weights("into.weight", inner, width))
        self._out = Matrix(weights("out.weight", width, inner))

    def __call__(self, x: Floats) -> Floats:
        return self._out(exact_gelu(self._into(x)))


class ResidualSteps(TrunkSteps):
    """`trunk_parts.ResidualTrunk`; its state is that of every mixer in turn."""

    def __init__(self, config: NoteModelConfig, weights: Weights, mixers: Sequence[type]) -> None:
        width = config.width
        self._mixers: list[MixerSteps] = []
        self._feeds: list[FeedForwardSteps | None] = []
        self._norms: list[tuple[Floats, Floats | None]] = []
        for number, mixer in enumerate(mixers):
            block = weights.under(f"blocks.{number}.")
            self._mixers.append(mixer(block.under("mixer."), width))
            feeds = block.has("feed.into.weight")
            self._feeds.append(FeedForwardSteps(block.under("feed."), width) if feeds else None)
            feed_norm = block("feed_norm.weight", width) if feeds else None
            self._norms.append((block("mixer_norm.weight", width), feed_norm))
        self._norm = weights("norm.weight", width)

    def start(self, streams: int) -> State:
        return tuple(array for mixer in self._mixers for array in mixer.start(streams))

    def __call__(self, x: Floats, state: State) -> tuple[Floats, State]:
        after: list[Floats] = []
        for mixer, feed, (mixer_norm, feed_norm) in zip(self._mixers, self._feeds, self._norms, strict=True):
            at = len(after)
            y, left = mixer(normalised(x) * mixer_norm, state[at : at + mixer.state_arrays])
            after += left
            x = x + y
            if feed is not None and feed_norm is not None:
                x = x + feed(normalised(x) * feed_norm)
        return normalised(x) * self._norm, tuple(after)


_MIXERS: dict[str, type] = {
    "lstm_residual": LSTMMixerSteps,
    "transformer": AttentionSteps,
    "gated": MemorySteps,
    "scan": ScanSteps,
    "hybrid": MemorySteps,  # but for its last layer
}
ENGINE_TRUNKS = ("lstm", *_MIXERS)


def trunk_steps(config: NoteModelConfig, weights: Weights) -> TrunkSteps:
    """The trunk of a model."""
    if config.trunk == "lstm":
        return LSTMSteps(config, weights)
    mixers = [_MIXERS[config.trunk]] * config.layers
    if config.trunk == "hybrid":
        mixers[-1] = AttentionSteps
    return ResidualSteps(config, weights, mixers)
