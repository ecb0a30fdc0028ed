"""Causal attention over the last notes: sliding window, keys and values carried from window to window.

After Vaswani et al. 2017, Dai et al. 2019 (Transformer-XL: the state), Su et al. 2021 (rotary positions), Henry et al.
2020 (norms on queries and keys).
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from stilo.models.trunk_parts import Mixer, State, residual_gain, scaled_linear

PERIOD = 8192  # positions turn full circle: angles stay exact however long the piece, and windows are far shorter


def rotations(size: int) -> Tensor:
    """Turns per step, in units of 1/PERIOD, of size / 2 pairs: from about one radian down to a few of the units."""
    fastest = PERIOD / (2 * math.pi)
    return torch.round(fastest * (4 / fastest) ** torch.linspace(0, 1, size // 2))


def turned(x: Tensor, cosine: Tensor, sine: Tensor) -> Tensor:
    """Pairs (i, i + half) of the last axis rotated."""
    one, other = x.chunk(2, -1)
    return torch.cat([one * cosine - other * sine, one * sine + other * cosine], -1)


class WindowAttention(Mixer):
    """Each note sees itself and the `reach` notes before it, as far as they are of the same piece.

    Its state: keys and values [B, reach, heads, size] of the last notes, how many of them are of the present piece
    (int64 [B]), and the position of the next note (int64 [B], modulo PERIOD).
    """

    state_tensors = 4
    speeds: Tensor

    def __init__(self, width: int, heads: int, reach: int, gain: float) -> None:
        super().__init__()
        self.width, self.heads, self.reach, self.size = width, heads, reach, width // heads
        self.into = scaled_linear(width, 3 * width)
        self.out = scaled_linear(width, width, gain)
        self.sharpness = nn.Parameter(torch.full((heads, 1), math.sqrt(math.sqrt(self.size))))
        self.register_buffer("speeds", rotations(self.size), persistent=False)

    def start(self, like: Tensor) -> State:
        rows = like.shape[-2]
        empty = like.new_zeros((rows, self.reach, self.heads, self.size))
        nothing = like.new_zeros(rows, dtype=torch.long)
        return empty, empty, nothing, nothing

    def _projected(self, x: Tensor, position: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """[..., width] at positions [...] → queries, keys and values [..., heads, size]."""
        q, k, v = self.into(x).unflatten(-1, (3 * self.heads, self.size)).chunk(3, -2)
        angle = (position.unsqueeze(-1) * self.speeds % PERIOD * (2 * math.pi / PERIOD)).unsqueeze(-2)
        cosine, sine = angle.cos().to(x.dtype), angle.sin().to(x.dtype)
        sharpness = self.sharpness.to(q.dtype)
        q = turned(F.layer_norm(q, (self.size,)) * sharpness, cosine, sine)
        k = turned(F.layer_norm(k, (self.size,)), cosine, sine)
        return q.to(v.dtype), k.to(v.dtype), v

    def forward(self, x: Tensor, first: Tensor, state: State) -> tuple[Tensor, State]:
        length = len(x)
        keys, values, known, position = state
        ahead = torch.arange(length, device=x.device)
        q, k, v = self._projected(x, (position + ahead.unsqueeze(-1)) % PERIOD)
        keys = torch.cat([keys.to(k.dtype), k.transpose(0, 1)], 1)
        values = torch.cat([values.to(v.dtype), v.transpose(0, 1)], 1)
        piece = first.t().cumsum(1)
        old = torch.arange(self.reach, device=x.device) >= self.reach - known.unsqueeze(-1)
        piece = torch.cat([torch.where(old, 0, -1), piece], 1)  # -1: nothing was played there
        parts = [
            self._attend(q[at : at + self.reach].transpose(0, 1), keys, values, piece, at)
            for at in range(0, length, self.reach)
        ]
        y = parts[0] if len(parts) == 1 else torch.cat(parts, 1)
        begun = torch.where(first, ahead.unsqueeze(-1), -1).amax(0)
        known = torch.where(begun < 0, known + length, length - begun).clamp(max=self.reach)
        after = (keys[:, length:], values[:, length:], known, (position + length) % PERIOD)
        mixed: Tensor = self.out(y.flatten(-2).transpose(0, 1))
        return mixed, after

    def _attend(self, q: Tensor, keys: Tensor, values: Tensor, piece: Tensor, at: int) -> Tensor:
        """The queries [B, at most reach, heads, size] of the notes from `at` on; [B, reach + T] says of which piece."""
        count, seen = q.shape[1], slice(at, at + q.shape[1] + self.reach)
        distance = torch.arange(count, device=q.device).unsqueeze(-1) + self.reach
        distance = distance - torch.arange(count + self.reach, device=q.device)
        near = (distance >= 0) & (distance <= self.reach)
        here = piece[:, seen]
        allowed = near & (here[:, self.reach :].unsqueeze(-1) == here.unsqueeze(1))
        mask = torch.zeros_like(allowed, dtype=q.dtype).masked_fill_(~allowed, -math.inf)
        q, k, v = (part.transpose(1, 2) for part in (q, keys[:, seen], values[:, seen]))
        return F.scaled_dot_product_attention(q, k, v, mask.unsqueeze(1), scale=1 / math.sqrt(self.size)).transpose(
            1, 2
        )

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        keys, values, known, position = state
        q, k, v = self._projected(x, position)
        keys = torch.cat([keys, k.unsqueeze(1)], 1)
        values = torch.cat([values, v.unsqueeze(1)], 1)
        age = torch.arange(self.reach, -1, -1, device=x.device)
        logits = torch.einsum("bhd,bkhd->bhk", q, keys) / math.sqrt(self.size)
        logits = logits.masked_fill((age > known.unsqueeze(-1)).unsqueeze(1), -math.inf)
        y = torch.einsum("bhk,bkhd->bhd", logits.softmax(-1), values).flatten(-2)
        mixed: Tensor = self.out(y)
        return mixed, (keys[:, 1:], values[:, 1:], (known + 1).clamp(max=self.reach), (position + 1) % PERIOD)


def attention(width: int, layers: int, heads: int, reach: int) -> WindowAttention:
    """One attention mixer of a trunk of `layers` blocks."""
    return WindowAttention(width, heads, reach, residual_gain(layers))
