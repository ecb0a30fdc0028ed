"""What the trunks of the note model share: their interface, and residual blocks of a mixer and a feed-forward net.

Inside a trunk time comes first, [T, B, width], since recurrences walk along it; the trunk's own face is [B, T, width].
Pre-norm residual blocks after Xiong et al. 2020.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

State = tuple[Tensor, ...]


class Trunk(nn.Module):
    """Reads steps and says what it makes of them, seeing nothing later and nothing before the piece it is in.

    Attributes:
        width: size of a step, going in and coming out.
        exact: whether `first` cuts exactly. If not, a row that goes on to the next piece still carries the state of the
            piece before, and has to learn from its input that a new one began.
    """

    width: int
    exact: bool = True

    def forward(self, x: Tensor, first: Tensor, state: State | None) -> tuple[Tensor, State]:
        """A window of B rows.

        Args:
            x: [B, T, width], float32 (inside autocast if wanted) with T ≥ 1.
            first: bool [B, T], where a piece begins: nothing before it is seen from there on.
            state: what the window before left behind; None at the very beginning.

        Returns:
            [B, T, width], and the state to carry on (not detached), each tensor with the B rows on axis 0.
        """
        raise NotImplementedError

    def step(self, x: Tensor, state: State | None) -> tuple[Tensor, State]:
        """One step of B sequences, [B, width] → [B, width]: the numbers of `forward`, one at a time."""
        raise NotImplementedError


class Mixer(nn.Module):
    """The part of a block that looks along time.

    Attributes:
        state_tensors: how many tensors its state has.
        exact: whether it heeds `first`, as in Trunk.
    """

    state_tensors: int
    exact: bool = True

    def start(self, like: Tensor) -> State:
        """The state of `like.shape[-2]` rows that have seen nothing, on the device of `like` [..., B, width]."""
        raise NotImplementedError

    def forward(self, x: Tensor, first: Tensor, state: State) -> tuple[Tensor, State]:
        """[T, B, width] and bool [T, B] → [T, B, width] and the state after."""
        raise NotImplementedError

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """[B, width] → [B, width]."""
        y, state = self(x.unsqueeze(0), x.new_zeros((1, x.shape[0]), dtype=torch.bool), state)
        return y.squeeze(0), state


def scaled_linear(inputs: int, outputs: int, gain: float = 1.0) -> nn.Linear:
    """A matrix that keeps the variance, times `gain`²; no bias."""
    linear = nn.Linear(inputs, outputs, bias=False)
    nn.init.normal_(linear.weight, std=gain / math.sqrt(inputs))
    return linear


class Norm(nn.Module):
    """Mean 0 and variance 1 along the last axis, times a learned weight; statistics in float32."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))

    def forward(self, x: Tensor) -> Tensor:
        return F.layer_norm(x, self.weight.shape, self.weight.to(x.dtype))


class FeedForward(nn.Module):
    """Two matrices with GELU between: on a CPU three times cheaper, beside its matrices, than a gated unit."""

    def __init__(self, width: int, inner: int, gain: float) -> None:
        super().__init__()
        self.into = scaled_linear(width, inner, math.sqrt(2.0))
        self.out = scaled_linear(inner, width, gain)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.out(F.gelu(self.into(x)))
        return y


class Block(nn.Module):
    """x + mixer(norm(x)), then the same with a feed-forward net, if it has one."""

    def __init__(self, width: int, mixer: Mixer, inner: int, gain: float) -> None:
        super().__init__()
        self.mixer, self.mixer_norm = mixer, Norm(width)
        self.feed = FeedForward(width, inner, gain) if inner else None
        self.feed_norm = Norm(width) if inner else None

    def _fed(self, x: Tensor) -> Tensor:
        return x if self.feed is None or self.feed_norm is None else x + self.feed(self.feed_norm(x))

    def forward(self, x: Tensor, first: Tensor, state: State) -> tuple[Tensor, State]:
        y, state = self.mixer(self.mixer_norm(x), first, state)
        return self._fed(x + y), state

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        y, state = self.mixer.step(self.mixer_norm(x), state)
        return self._fed(x + y), state


class ResidualTrunk(Trunk):
    """Blocks one above the other and a norm at the end."""

    def __init__(self, width: int, mixers: Sequence[Mixer], inner: int) -> None:
        super().__init__()
        self.width = width
        self.blocks = nn.ModuleList(Block(width, mixer, inner, residual_gain(len(mixers))) for mixer in mixers)
        self.norm = Norm(width)
        self.exact = all(mixer.exact for mixer in mixers)

    def _with_states(self, x: Tensor, state: State | None) -> list[tuple[Block, State]]:
        """Each block, and what of the whole state belongs to it."""
        found: list[tuple[Block, State]] = []
        at = 0
        for block in cast("Iterable[Block]", self.blocks):
            mixer = block.mixer
            found.append((block, mixer.start(x) if state is None else state[at : at + mixer.state_tensors]))
            at += mixer.state_tensors
        return found

    def forward(self, x: Tensor, first: Tensor, state: State | None) -> tuple[Tensor, State]:
        x, first = in_autocast(x).transpose(0, 1).contiguous(), first.t().contiguous()
        after: list[Tensor] = []
        for block, before in self._with_states(x, state):
            x, left = block(x, first, before)
            after += left
        return self.norm(x).transpose(0, 1), tuple(after)

    def step(self, x: Tensor, state: State | None) -> tuple[Tensor, State]:
        after: list[Tensor] = []
        for block, before in self._with_states(x, state):
            x, left = block.step(x, before)
            after += left
        return self.norm(x), tuple(after)


def step_before(x: Tensor, first: Tensor, last: Tensor) -> Tensor:
    """[T, B, width] one step later, `last` [B, width] at the front, and nothing where a piece begins."""
    return torch.cat([last.to(x.dtype).unsqueeze(0), x[:-1]]).masked_fill_(first.unsqueeze(-1), 0)


def in_autocast(x: Tensor) -> Tensor:
    """In the type that autocast multiplies in, if it is on: what goes from block to block is half as heavy."""
    kind = x.device.type
    return x.to(torch.get_autocast_dtype(kind)) if torch.is_autocast_enabled(kind) else x


def residual_gain(layers: int) -> float:
    """Scale of what each of the two branches of `layers` blocks adds, so that their sum keeps its size at first."""
    return 1 / math.sqrt(2 * layers)
