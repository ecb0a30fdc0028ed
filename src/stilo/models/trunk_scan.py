"""A recurrence whose every value remembers for itself: h ← decay · h + added, both told by the input alone.

All matrix products are of whole windows; the loop over time is of two cheap products a step. After De et al. 2024
(Griffin's RG-LRU), Feng et al. 2024 (minLSTM).
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from stilo.models.trunk_parts import Mixer, State, residual_gain, scaled_linear, step_before

SHARPNESS = 8.0
SHORTEST, LONGEST = 0.75, 0.999  # what is left of a value after one note, at first, with the gate open


class LinearScan(torch.autograd.Function):
    """h[t] = decay[t] · h[t − 1] + added[t], for [T, B, width] and h[−1] of [B, width]; its adjoint runs backwards."""

    @staticmethod
    def forward(ctx: Any, decay: Tensor, added: Tensor, start: Tensor) -> Tensor:
        h = torch.empty_like(added)
        before = start
        for now, kept, new in zip(h.unbind(), decay.unbind(), added.unbind(), strict=True):
            before = torch.addcmul(new, kept, before, out=now)
        ctx.save_for_backward(decay, h, start)
        return h

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        decay, h, start = ctx.saved_tensors
        of_added = torch.empty_like(h)
        after = gradient.new_zeros(gradient.shape[1:])
        kept_after = after
        rows = zip(of_added.unbind(), gradient.unbind(), decay.unbind(), strict=True)
        for now, told, kept in reversed(list(rows)):
            after = torch.addcmul(told, kept_after, after, out=now)
            kept_after = kept
        of_decay = of_added * torch.cat([start.unsqueeze(0), h[:-1]])
        return of_decay, of_added, decay[0] * of_added[0]


class GatedScan(Mixer):
    """Its state: the step before [B, width], and the values [B, inner] in float32."""

    state_tensors = 2

    def __init__(self, width: int, inner: int, gain: float) -> None:
        super().__init__()
        self.width, self.inner = width, inner
        self.shift = nn.Parameter(torch.zeros(width))
        self.into = scaled_linear(width, 4 * inner)
        self.bias = nn.Parameter(torch.zeros(2 * inner))
        self.out = scaled_linear(inner, width, gain)
        left = torch.linspace(SHORTEST, LONGEST, inner)
        self.speed = nn.Parameter(torch.log(torch.expm1(-torch.log(left) / (SHARPNESS / 2))))

    def start(self, like: Tensor) -> State:
        rows = like.shape[-2]
        return like.new_zeros((rows, self.width)), torch.zeros((rows, self.inner), device=like.device)

    def _gates(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Decay and what is added, in float32, and what opens the way out; [..., inner] each."""
        value, forget, enter, show = self.into(x).chunk(4, -1)
        forget, enter = (
            (part.float() + bias).sigmoid() for part, bias in zip((forget, enter), self.bias.chunk(2), strict=True)
        )
        decay = (forget * (-SHARPNESS * F.softplus(self.speed))).exp()
        return decay, (1 - decay * decay + 1e-6).sqrt() * enter * value, show

    def forward(self, x: Tensor, first: Tensor, state: State) -> tuple[Tensor, State]:
        last, values = state
        x, last = torch.addcmul(x, step_before(x, first, last), self.shift.to(x.dtype)), x[-1]
        decay, added, show = self._gates(x)
        h: Tensor = LinearScan.apply(decay.masked_fill(first.unsqueeze(-1), 0.0), added, values)  # type: ignore[no-untyped-call]
        mixed: Tensor = self.out(h.to(show.dtype) * F.silu(show))
        return mixed, (last, h[-1])

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        last, values = state
        x, last = torch.addcmul(x, last, self.shift), x
        decay, added, show = self._gates(x)
        h = torch.addcmul(added, decay, values)
        mixed: Tensor = self.out(h * F.silu(show))
        return mixed, (last, h)


def gated_scan(width: int, layers: int) -> GatedScan:
    """One scanning mixer of a trunk of `layers` blocks."""
    return GatedScan(width, width, residual_gain(layers))
