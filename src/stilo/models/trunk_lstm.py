"""The LSTM (Hochreiter & Schmidhuber 1997; forget gate of Gers, Schmidhuber & Cummins 2000, open at first).

Its weights are plain parameters, so that an adapter may replace them from outside (`torch.func.functional_call`).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from stilo.models.trunk_parts import Mixer, State, Trunk, residual_gain, scaled_linear


class LSTMTrunk(Trunk):
    """LSTM layers one above the other; the state is hidden and cell [B, layers, width].

    Rows share one kernel call for the whole window, so `first` is not looked at: each cut of a window of 32 rows × 64
    notes made forward and backward 11 % slower.
    """

    exact = False

    def __init__(self, width: int, layers: int) -> None:
        super().__init__()
        self.width, self.layers = width, layers
        bound = 1 / math.sqrt(width)
        for layer in range(layers):
            for name, shape in (("input", (4 * width, width)), ("state", (4 * width, width)), ("bias", (4 * width,))):
                self.register_parameter(f"{name}_{layer}", nn.Parameter(torch.empty(shape).uniform_(-bound, bound)))
            with torch.no_grad():
                self._weights(layer)[2][width : 2 * width] = 1.0  # remember by default

    def _weights(self, layer: int) -> tuple[Tensor, Tensor, Tensor]:
        """Of the input, of the hidden state, and the bias."""
        return getattr(self, f"input_{layer}"), getattr(self, f"state_{layer}"), getattr(self, f"bias_{layer}")

    def _start(self, x: Tensor) -> tuple[Tensor, Tensor]:
        zeros = x.new_zeros(x.shape[0], self.layers, self.width)
        return zeros, zeros

    def forward(self, x: Tensor, first: Tensor, state: State | None) -> tuple[Tensor, State]:
        hidden, cell = self._start(x) if state is None else state
        weights: list[Tensor] = []
        for layer in range(self.layers):
            into, of_state, bias = self._weights(layer)
            weights += [into, of_state, bias, torch.zeros_like(bias)]
        before = (hidden.transpose(0, 1).contiguous(), cell.transpose(0, 1).contiguous())
        y, hidden, cell = torch.lstm(x, before, weights, True, self.layers, 0.0, self.training, False, True)
        return y, (hidden.transpose(0, 1), cell.transpose(0, 1))

    def step(self, x: Tensor, state: State | None) -> tuple[Tensor, State]:
        hidden, cell = self._start(x) if state is None else state
        hiddens, cells = [], []
        for layer in range(self.layers):
            x, c = lstm_step(x, hidden[:, layer], cell[:, layer], self._weights(layer))
            hiddens.append(x)
            cells.append(c)
        return x, (torch.stack(hiddens, 1), torch.stack(cells, 1))


def lstm_step(x: Tensor, hidden: Tensor, cell: Tensor, weights: tuple[Tensor, Tensor, Tensor]) -> tuple[Tensor, Tensor]:
    """Hidden state and cell after one step, all [B, width]; weights of the input and of the hidden state, and bias.

    Matrix times vector for a single row, which is several times faster than the general kernel.
    """
    into, of_state, bias = weights
    if len(x) == 1:
        gates = torch.addmv(torch.addmv(bias, into, x[0]), of_state, hidden[0]).unsqueeze(0)
    else:
        gates = torch.addmm(torch.addmm(bias, x, into.t()), hidden, of_state.t())
    enter, keep, new, show = gates.chunk(4, 1)
    cell = keep.sigmoid() * cell + enter.sigmoid() * new.tanh()
    return show.sigmoid() * cell.tanh(), cell


class LSTMMixer(Mixer):
    """One LSTM layer inside a residual block, with a matrix after it; the state is hidden and cell [B, inner]."""

    state_tensors = 2
    exact = False

    def __init__(self, width: int, inner: int, gain: float) -> None:
        super().__init__()
        self.inner = inner
        self.input = nn.Parameter(torch.randn(4 * inner, width) / math.sqrt(width))
        bound = 1 / math.sqrt(inner)
        self.state = nn.Parameter(torch.empty(4 * inner, inner).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.zeros(4 * inner))
        self.out = scaled_linear(inner, width, gain)
        with torch.no_grad():
            self.bias[inner : 2 * inner] = 1.0

    def start(self, like: Tensor) -> State:
        zeros = like.new_zeros(like.shape[-2], self.inner)
        return zeros, zeros

    def forward(self, x: Tensor, first: Tensor, state: State) -> tuple[Tensor, State]:
        hidden, cell = (part.to(x.dtype).unsqueeze(0) for part in state)
        weights = [self.input, self.state, self.bias, torch.zeros_like(self.bias)]
        y, hidden, cell = torch.lstm(x, (hidden, cell), weights, True, 1, 0.0, self.training, False, False)
        mixed: Tensor = self.out(y)
        return mixed, (hidden.squeeze(0), cell.squeeze(0))

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        before, cell_before = state
        hidden, cell = lstm_step(x, before, cell_before, (self.input, self.state, self.bias))
        mixed: Tensor = self.out(hidden)
        return mixed, (hidden, cell)


def lstm_mixer(width: int, layers: int) -> LSTMMixer:
    """One LSTM mixer of a trunk of `layers` blocks."""
    return LSTMMixer(width, width, residual_gain(layers))
