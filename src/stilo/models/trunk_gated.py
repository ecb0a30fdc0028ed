"""A recurrence of matrices that needs no loop over time: gated linear attention, computed in chunks.

Each head keeps a matrix S ← decay · S + enter · key ⊗ value and answers query · S; decay and enter are told by the
input alone, so that a chunk of steps is a few matrix products. After Yang et al. 2024 (gated linear attention), Dao &
Gu 2024 (Mamba-2: a decay for each head), Beck et al. 2024 (mLSTM), Sun et al. 2023 (RetNet: norm of each head).
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from stilo.models.trunk_parts import Mixer, State, residual_gain, scaled_linear

CHUNK = 64
CUT = -128.0  # log of the decay where a piece begins: e^-128 is exactly 0 in float32


class GatedMemory(Mixer):
    """Its state: the step before [B, width], and the matrices [B, heads, size, size] in float32."""

    state_tensors = 2

    def __init__(self, width: int, heads: int, gain: float) -> None:
        super().__init__()
        self.width, self.heads, self.size = width, heads, width // heads
        self.shift = nn.Parameter(torch.zeros(width))
        self.into = scaled_linear(width, 4 * width)
        self.gates = nn.Linear(width, 2 * heads)
        self.norm = nn.Parameter(torch.ones(width))
        self.out = scaled_linear(width, width, gain)
        with torch.no_grad():
            self.gates.weight.mul_(0.1)
            self.gates.bias[:heads] = torch.linspace(math.log(3.0), math.log(255.0), heads)  # lasts 4 … 256 notes
            self.gates.bias[heads:] = 0.0

    def start(self, like: Tensor) -> State:
        rows = like.shape[-2]
        matrices = torch.zeros((rows, self.heads, self.size, self.size), device=like.device)
        return like.new_zeros((rows, self.width)), matrices

    def _gates(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Logs of decay and enter, [..., heads] each, in float32."""
        decay, enter = F.logsigmoid(self.gates(x).float()).chunk(2, -1)
        return decay, enter

    def forward(self, x: Tensor, first: Tensor, state: State) -> tuple[Tensor, State]:
        length, rows = first.shape
        last, matrices = state
        before = torch.cat([last.to(x.dtype).unsqueeze(0), x[:-1]]).masked_fill(first.unsqueeze(-1), 0)
        x, last = torch.addcmul(x, before, self.shift.to(x.dtype)), x[-1]
        decay, enter = self._gates(x)
        decay = decay.masked_fill(first.unsqueeze(-1), CUT)
        inner = self.into(x)
        surplus = -length % min(CHUNK, length)
        if surplus:  # keys of nothing, and no decay: the state stays as it is
            inner, decay, enter = (F.pad(part, (0, 0, 0, 0, 0, surplus)) for part in (inner, decay, enter))
        q, k, v, gate = inner.chunk(4, -1)
        y, matrices = self._chunks(q, k, v, decay, enter, matrices)
        return self._out(y, gate)[:length], (last, matrices)

    def _chunks(
        self, q: Tensor, k: Tensor, v: Tensor, decay: Tensor, enter: Tensor, matrices: Tensor
    ) -> tuple[Tensor, Tensor]:
        """[T, B, width] each, [T, B, heads] for the gates, T in whole chunks → [T, B, width], and the matrices after."""
        length, rows, width = q.shape
        size, heads = min(CHUNK, length), self.heads
        count = length // size

        def by_chunk(part: Tensor) -> Tensor:  # [B · heads, chunks, chunk, …]
            shaped = part.reshape(count, size, rows * heads, -1)
            return shaped.permute(2, 0, 1, 3).reshape(rows * heads * count, size, -1)

        q, k, v = by_chunk(q), by_chunk(k), by_chunk(v)
        decay, enter = by_chunk(decay).squeeze(-1), by_chunk(enter).squeeze(-1)
        total = decay.cumsum(-1)  # log of what is left, at each step, of the state at the beginning of the chunk
        weight = total.unsqueeze(-1) - (total - enter).unsqueeze(-2)
        causal = torch.ones((size, size), dtype=torch.bool, device=q.device).tril()
        weight = weight.masked_fill(~causal, -math.inf).exp().to(q.dtype)
        inside = torch.bmm(torch.bmm(q, k.transpose(1, 2)) * weight, v)
        kept = (total[:, -1:] - total + enter).exp().to(k.dtype)
        added = torch.bmm((k * kept.unsqueeze(-1)).transpose(1, 2), v)
        before, matrices = self._across(added, total[:, -1], matrices, count)
        outside = torch.bmm(q * total.exp().to(q.dtype).unsqueeze(-1), before.to(q.dtype))
        y = (inside + outside).view(rows * heads, count, size, -1).permute(1, 2, 0, 3).reshape(length, rows, width)
        return y, matrices

    def _across(self, added: Tensor, decay: Tensor, matrices: Tensor, count: int) -> tuple[Tensor, Tensor]:
        """What the matrices are before each chunk, and after the last: a small triangular product over chunks.

        Args:
            added: [B · heads · chunks, size, size], what each chunk puts in.
            decay: [B · heads · chunks], log of what each leaves of the state before it.
        """
        rows = matrices.shape[0] * self.heads
        with torch.autocast(added.device.type, enabled=False):
            all_put = torch.cat([matrices.reshape(rows, 1, -1), added.float().view(rows, count, -1)], 1)
            total = F.pad(decay.view(rows, count).cumsum(-1), (1, 0))
            weight = total.unsqueeze(-1) - total.unsqueeze(-2)  # after chunk i, of what came in with chunk j
            causal = torch.ones(weight.shape[1:], dtype=torch.bool, device=added.device).tril()
            weight = weight.masked_fill(~causal, -math.inf).exp()
            states = torch.bmm(weight, all_put).view(rows, count + 1, self.size, self.size)
        return states[:, :-1].flatten(0, 1), states[:, -1].view(matrices.shape)

    def _out(self, y: Tensor, gate: Tensor) -> Tensor:
        y = y / math.sqrt(self.size)
        normal = F.layer_norm(y.unflatten(-1, (self.heads, self.size)), (self.size,)).flatten(-2)
        mixed: Tensor = self.out(normal * self.norm.to(y.dtype) * F.silu(gate))
        return mixed

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        last, matrices = state
        x, last = torch.addcmul(x, last, self.shift), x
        decay, enter = self._gates(x)
        q, k, v, gate = self.into(x).chunk(4, -1)
        q, k, v = (part.unflatten(-1, (self.heads, self.size)) for part in (q, k, v))
        added = (k * enter.exp().unsqueeze(-1)).unsqueeze(-1) * v.unsqueeze(-2)
        matrices = torch.addcmul(added, matrices, decay.exp()[..., None, None])
        y = torch.matmul(q.unsqueeze(-2), matrices).flatten(-3)
        return self._out(y, gate), (last, matrices)


def gated_memory(width: int, layers: int, heads: int) -> GatedMemory:
    """One gated mixer of a trunk of `layers` blocks."""
    return GatedMemory(width, heads, residual_gain(layers))
