"""Building blocks of the sequence model: tables of embeddings that are summed, and the LSTM.

After Hochreiter & Schmidhuber 1997, with the forget gate of Gers, Schmidhuber & Cummins 2000 open at first.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

State = tuple[Tensor, Tensor]


class Tables(nn.Module):
    """The sum of one embedding from each of several tables, looked up in one go."""

    offsets: Tensor

    def __init__(self, sizes: list[int], width: int, scale: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(sum(sizes), width) * scale)
        starts = [sum(sizes[:i]) for i in range(len(sizes))]
        self.register_buffer("offsets", torch.tensor(starts), persistent=False)

    def forward(self, indices: Tensor) -> Tensor:
        """[..., tables] → [..., width]."""
        flat = (indices + self.offsets).flatten(0, -2)
        return F.embedding_bag(flat, self.weight, mode="sum").view(*indices.shape[:-1], -1)


class Recurrence(nn.Module):
    """Stacked LSTM layers whose weights can be replaced from outside (`torch.func.functional_call`)."""

    def __init__(self, width: int, layers: int) -> None:
        super().__init__()
        self.layers, self.width = layers, width
        bound = 1 / math.sqrt(width)
        self.names: list[str] = []
        for layer in range(layers):
            for name, shape in (("input", (4 * width, width)), ("state", (4 * width, width)), ("bias", (4 * width,))):
                self.names.append(f"{name}_{layer}")
                self.register_parameter(self.names[-1], nn.Parameter(torch.empty(shape).uniform_(-bound, bound)))
            with torch.no_grad():
                getattr(self, f"bias_{layer}")[width : 2 * width] = 1.0  # remember by default

    def forward(self, x: Tensor, state: State | None) -> tuple[Tensor, State]:
        """[B, T, width] → the same shape, and the state after it (two of [layers, B, width])."""
        if state is None:
            zeros = x.new_zeros(self.layers, x.shape[0], self.width)
            state = (zeros, zeros)
        weights: list[Tensor] = []
        for layer in range(self.layers):
            bias = getattr(self, f"bias_{layer}")
            weights += [getattr(self, f"input_{layer}"), getattr(self, f"state_{layer}"), bias, torch.zeros_like(bias)]
        y, hidden, cell = torch.lstm(x, state, weights, True, self.layers, 0.0, self.training, False, True)
        return y, (hidden, cell)

    def step(self, x: Tensor, state: State | None) -> tuple[Tensor, State]:
        """One step of one sequence, [width] → [width]; two of [layers, width] as state.

        Matrix times vector, which for a single row is several times faster than the general kernel.
        """
        if state is None:
            zeros = x.new_zeros(self.layers, self.width)
            state = (zeros, zeros)
        hidden, cell = [], []
        for layer in range(self.layers):
            gates = torch.addmv(getattr(self, f"bias_{layer}"), getattr(self, f"input_{layer}"), x)
            gates = torch.addmv(gates, getattr(self, f"state_{layer}"), state[0][layer])
            enter, keep, new, show = gates.chunk(4)
            c = keep.sigmoid() * state[1][layer] + enter.sigmoid() * new.tanh()
            x = show.sigmoid() * c.tanh()
            hidden.append(x)
            cell.append(c)
        return x, (torch.stack(hidden), torch.stack(cell))
