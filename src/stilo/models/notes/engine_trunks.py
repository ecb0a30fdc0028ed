"""The trunks of the note model in NumPy, one step at a time: the numbers of `trunks`, without torch.

A state is a tuple of arrays with the streams on axis 0, so that streams can be left out, doubled and joined.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from stilo.models.notes.config import NoteModelConfig
from stilo.models.notes.fields import Floats, Integers
from stilo.models.notes.matrices import Matrix, Weights

State = tuple[Floats, ...]
_HALF = np.float32(0.5)


def chosen_streams(state: State, streams: Integers) -> State:
    """The state of some streams, in that order."""
    return tuple(part[streams] for part in state)


def joined_streams(states: Sequence[State]) -> State:
    """The streams of several states, one below the other."""
    return tuple(np.concatenate(parts) for parts in zip(*states, strict=True))


class TrunkSteps:
    """One step after another of S streams."""

    def start(self, streams: int) -> State:
        """Streams that have read nothing."""
        raise NotImplementedError

    def __call__(self, x: Floats, state: State) -> tuple[Floats, State]:
        """[S, width] → [S, width], and the state after."""
        raise NotImplementedError


class LSTMLayer:
    """One layer; the gates are enter, keep, new, show.

    Args:
        into, of_state, bias: [4 × inner, inputs], [4 × inner, inner], [4 × inner].
    """

    def __init__(self, into: Floats, of_state: Floats, bias: Floats) -> None:
        self.inner = inner = of_state.shape[1]
        # in the order enter, keep, show, new; the first three halved: sigmoid(x) = (tanh(x / 2) + 1) / 2
        order = np.r_[0 : 2 * inner, 3 * inner : 4 * inner, 2 * inner : 3 * inner]
        scale = np.where(np.arange(4 * inner) < 3 * inner, _HALF, np.float32(1))[:, None]
        self._gates = Matrix(np.concatenate([into, of_state], 1)[order] * scale, bias[order] * scale[:, 0])

    def __call__(self, x: Floats, hidden: Floats, cell: Floats) -> tuple[Floats, Floats]:
        """Hidden state and cell, [S, inner] each."""
        inner = self.inner
        gates = self._gates(np.concatenate([x, hidden], 1))
        np.tanh(gates, out=gates)
        doors = gates[:, : 3 * inner]
        doors += 1
        doors *= _HALF
        cell = cell * doors[:, inner : 2 * inner]
        cell += doors[:, :inner] * gates[:, 3 * inner :]
        shown = np.tanh(cell)
        shown *= doors[:, 2 * inner :]
        return shown, cell


class LSTMSteps(TrunkSteps):
    """`trunk_lstm.LSTMTrunk`; its state is hidden and cell of every layer in turn."""

    def __init__(self, config: NoteModelConfig, weights: Weights) -> None:
        self.width = width = config.width
        shapes = {"input": (4 * width, width), "state": (4 * width, width), "bias": (4 * width,)}
        self._layers = [
            LSTMLayer(*(weights(f"{name}_{layer}", *shape) for name, shape in shapes.items()))
            for layer in range(config.layers)
        ]

    def start(self, streams: int) -> State:
        return tuple(np.zeros((streams, self.width), np.float32) for _ in range(2 * len(self._layers)))

    def __call__(self, x: Floats, state: State) -> tuple[Floats, State]:
        after: list[Floats] = []
        for number, layer in enumerate(self._layers):
            x, cell = layer(x, state[2 * number], state[2 * number + 1])
            after += (x, cell)
        return x, tuple(after)


def trunk_steps(config: NoteModelConfig, weights: Weights) -> TrunkSteps:
    """The trunk of a model."""
    return ENGINE_TRUNKS[config.trunk](config, weights)


ENGINE_TRUNKS = {"lstm": LSTMSteps}
