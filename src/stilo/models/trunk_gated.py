"""A recurrence of matrices that needs no loop over time: gated linear attention, computed in chunks.

Each head keeps a matrix S ← decay · S + enter · key ⊗ value and answers query · S; decay and enter are told by the
input alone, so that a chunk of steps is a few matrix products. After Yang et al. 2024 (gated linear attention), Dao &
Gu 2024 (Mamba-2: a decay for each head), Beck et al. 2024 (mLSTM), Sun et al. 2023 (RetNet: norm of each head), Peng
et al. 2023 (RWKV: the step before mixed in).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from stilo.models.trunk_parts import Mixer, Norm, State, residual_gain, scaled_linear, step_before

CHUNK = 64
SHORTEST, LONGEST = 4.0, 256.0  # how many notes the heads remember at first
LEAST_DECAY, LEAST_ENTER = -8.0, -16.0  # logs
GRAIN = 2.0**-14  # of the logs: sums over a chunk stay below 2^10, hence are exact, whatever was played before


@dataclass(frozen=True, eq=False)
class _Gates:
    """Of n chunks of C steps: logs in float32, each [B, heads, n, C], and `piece` [B, 1, n, C], counted from 0.

    Attributes:
        total: what is left at each step of what was there when its chunk began.
        enter: what is let in at each step.
        piece: the state carried into the window belongs to piece 0.
    """

    total: Tensor
    enter: Tensor
    piece: Tensor

    def inside(self) -> Tensor:
        """[B, heads, n, C, C]: how much of each step is there at each later step of its chunk."""
        same = (self.piece.unsqueeze(-1) == self.piece.unsqueeze(-2)).tril()
        weight = self.total.unsqueeze(-1) - (self.total - self.enter).unsqueeze(-2)
        return weight.masked_fill(~same, -math.inf).exp()

    def at_end(self) -> Tensor:
        """[B, heads, n, C]: how much of each step is there when its chunk ends."""
        weight = self.total[..., -1:] - self.total + self.enter
        return weight.masked_fill(self.piece != self.piece[..., -1:], -math.inf).exp()

    def ends(self) -> Tensor:
        """[B, 1, n + 1], the piece at the beginning of all and at the end of each chunk."""
        return F.pad(self.piece[..., -1], (1, 0))

    def of_before(self) -> Tensor:
        """[B, heads, n, C]: how much of the state before its chunk is there at each step."""
        return self.total.masked_fill(self.piece != self.ends()[..., :-1].unsqueeze(-1), -math.inf).exp()

    def across(self) -> Tensor:
        """[B, heads, n + 1, n + 1]: how much of the state before all, and of what chunks put in, each leaves."""
        total = F.pad(self.total[..., -1].double().cumsum(-1), (1, 0))
        ends = self.ends()
        same = (ends.unsqueeze(-1) == ends.unsqueeze(-2)).tril()
        return (total.unsqueeze(-1) - total.unsqueeze(-2)).masked_fill(~same, -math.inf).exp().float()


def _in_grains(logs: Tensor) -> Tensor:
    """Rounded to multiples of GRAIN, in float32; the gradient passes as if it were not."""
    logs = logs.float()
    return logs + ((logs / GRAIN).round() * GRAIN - logs).detach()


class GatedMemory(Mixer):
    """Its state: the step before [B, width], and the matrices [B, heads, size, size] in float32."""

    state_tensors = 2

    def __init__(self, width: int, heads: int, gain: float) -> None:
        super().__init__()
        self.width, self.heads, self.size = width, heads, width // heads
        self.shift = nn.Parameter(torch.zeros(width))
        self.into = scaled_linear(width, 4 * width)
        self.gates = nn.Linear(width, 2 * heads)
        self.norm = Norm(self.size)
        self.out = scaled_linear(width, width, gain)
        with torch.no_grad():
            self.gates.weight.mul_(0.1)
            self.gates.bias[:heads] = torch.linspace(math.log(SHORTEST - 1), math.log(LONGEST - 1), heads)
            self.gates.bias[heads:] = 0.0

    def start(self, like: Tensor) -> State:
        rows = like.shape[-2]
        matrices = torch.zeros((rows, self.heads, self.size, self.size), device=like.device)
        return like.new_zeros((rows, self.width)), matrices

    def _gates(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Logs of decay and enter, [..., heads] each, in float32."""
        decay, enter = F.logsigmoid(self.gates(x).float()).chunk(2, -1)
        return _in_grains(decay.clamp(min=LEAST_DECAY)), _in_grains(enter.clamp(min=LEAST_ENTER))

    def forward(self, x: Tensor, first: Tensor, state: State) -> tuple[Tensor, State]:
        length = len(x)
        last, matrices = state
        x, last = torch.addcmul(x, step_before(x, first, last), self.shift.to(x.dtype)), x[-1]
        decay, enter = self._gates(x)
        inner = self.into(x)
        chunk = min(CHUNK, length)
        surplus = -length % chunk
        if surplus:  # keys of nothing, and no decay: the state stays as it is
            inner, decay, enter = (F.pad(part, (0, 0, 0, 0, 0, surplus)) for part in (inner, decay, enter))
            first = F.pad(first, (0, 0, 0, surplus))
        q, k, v, gate = (self._chunked(part, self.heads, chunk) for part in inner.chunk(4, -1))
        decay, enter = (self._chunked(part, self.heads, chunk).squeeze(-1) for part in (decay, enter))
        piece = self._chunked(first.cumsum(0).unsqueeze(-1), 1, chunk).squeeze(-1)
        y, matrices = self._read(q, k, v, _Gates(decay.cumsum(-1), enter, piece), matrices)
        y = (self.norm(y) * F.silu(gate)).permute(2, 3, 0, 1, 4).reshape(length + surplus, -1, self.width)
        mixed: Tensor = self.out(y[:length])
        return mixed, (last, matrices)

    @staticmethod
    def _chunked(part: Tensor, heads: int, chunk: int) -> Tensor:
        """[T, B, heads · size] → [B, heads, chunks, chunk, size]."""
        length, rows, width = part.shape
        return part.reshape(length // chunk, chunk, rows, heads, width // heads).permute(2, 3, 0, 1, 4)

    def _read(self, q: Tensor, k: Tensor, v: Tensor, gates: _Gates, matrices: Tensor) -> tuple[Tensor, Tensor]:
        """What the memory answers, of the shape of q, k and v; and the matrices after."""
        kind = v.dtype
        inside = torch.matmul(torch.matmul(q, k.transpose(-1, -2)) * gates.inside().to(kind), v)
        kept = k * gates.at_end().to(kind).unsqueeze(-1)
        added = torch.matmul(kept.transpose(-1, -2), v)
        put = torch.cat([matrices.to(added.dtype).unsqueeze(2), added], 2).flatten(-2)
        left = torch.matmul(gates.across().to(put.dtype), put)
        left = left.view(*left.shape[:-1], self.size, self.size)
        outside = torch.matmul(q * gates.of_before().to(kind).unsqueeze(-1), left[:, :, :-1])
        return (inside + outside) / math.sqrt(self.size), left[:, :, -1].float()

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        last, matrices = state
        x, last = torch.addcmul(x, last, self.shift), x
        decay, enter = self._gates(x)
        q, k, v, gate = (part.unflatten(-1, (self.heads, self.size)) for part in self.into(x).chunk(4, -1))
        added = (k * enter.exp().unsqueeze(-1)).unsqueeze(-1) * v.unsqueeze(-2)
        matrices = torch.addcmul(added, matrices, decay.exp()[..., None, None])
        y = torch.matmul(q.unsqueeze(-2), matrices).squeeze(-2) / math.sqrt(self.size)
        mixed: Tensor = self.out((self.norm(y) * F.silu(gate)).flatten(-2))
        return mixed, (last, matrices)


def gated_memory(width: int, layers: int, heads: int) -> GatedMemory:
    """One gated mixer of a trunk of `layers` blocks."""
    return GatedMemory(width, heads, residual_gain(layers))
