"""The net for frames: a trunk over time, and one small net shared by all keys, which makes it blind to transposition.

Each key sees, relative to itself, the last frames, the same places some time ago, what the piece's past proposes
(`frames.recall`) and the pitch classes of late; of the trunk it sees the state. With the joint head it also sees the
keys below it in the same frame, so that a frame's probability is a product of conditionals from the lowest key up
(NADE, Larochelle & Murray 2011; tied over the keys as in Johnson 2017). The independent head sees no key of its frame.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from frames.batches import CLOCK, LAGS, REACH, Batch
from frames.data import KEYS
from frames.recall import FADES, FIGURES, PLANES, VOTE_PLANES
from stilo.models.trunks import State, build_trunk

SHOWN = len(LAGS) + PLANES  # planes a key sees near itself
WIDE = (*range(4), *range(len(LAGS), len(LAGS) + VOTE_PLANES))  # those it sees an octave around: last frames and votes
NEAR, FAR, BELOW = 2, 12, 48  # semitones


@dataclass(frozen=True)
class Shape:
    """What a net looks like.

    Attributes:
        joint: keys of a frame know those below them.
        trunk: width of the trunk.
        layers: of the trunk.
        key: width of the net of each key.
        depth: its residual layers.
        dropout: of the trunk's input and output; of the key net a third of it.
        mixing: width at which the keys of a frame exchange what they know of the past; 0 = not at all.
    """

    joint: bool
    trunk: int = 256
    layers: int = 1
    key: int = 128
    depth: int = 2
    dropout: float = 0.3
    mixing: int = 0
    kind: str = "lstm"

    def to_json(self) -> dict[str, object]:
        return asdict(self)


def around(planes: Tensor, below: int, above: int) -> Tensor:
    """[N, C, 88] → [N, 88, C · (below + 1 + above)]: what lies around each key."""
    n, _, keys = planes.shape
    windows = F.pad(planes, (below, above)).unfold(2, below + 1 + above, 1)
    return windows.permute(0, 2, 1, 3).reshape(n, keys, -1)


def turned(classes: Tensor) -> Tensor:
    """[N, D, 12] of pitch classes (key 0 is class 0) → [N, 88, D · 12], seen from each key."""
    n, depth, _ = classes.shape
    seen = torch.cat([classes, classes[..., :11]], -1).unfold(2, 12, 1)  # [N, D, 12 keys, 12]
    by_class = seen.permute(0, 2, 1, 3).reshape(n, 12, depth * 12)
    return by_class[:, torch.arange(KEYS, device=classes.device) % 12]


class FrameNet(nn.Module):
    """Log-odds of every key of every frame."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        hidden = shape.key
        self.enter = nn.Linear(KEYS * (2 + VOTE_PLANES) + FIGURES + CLOCK, shape.trunk)
        self.trunk = build_trunk(shape.kind, shape.trunk, shape.layers, inner=2 * shape.trunk)
        seen = len(WIDE) * (2 * FAR + 1) + SHOWN * (2 * NEAR + 1) + 12 * len(FADES) + 3
        self.see = nn.Linear(seen, hidden)
        self.own = nn.Parameter(torch.randn(KEYS, hidden) * 0.05)
        self.from_trunk = nn.Linear(shape.trunk + FIGURES + CLOCK, hidden)
        self.bias_from_trunk = nn.Linear(shape.trunk, KEYS)
        if shape.mixing:
            self.mix_in = nn.Linear(hidden, shape.mixing)
            self.mix_out = nn.Conv2d(shape.mixing, hidden, (1, 2 * FAR + 1), padding=(0, FAR))
        if shape.joint:
            self.below = nn.Linear(BELOW + 2, hidden, bias=False)
        self.inner = nn.ModuleList([nn.Linear(hidden, hidden) for _ in range(2 * shape.depth)])
        self.out = nn.Linear(hidden, 1)
        with torch.no_grad():
            self.out.bias.fill_(-4.0)
            self.bias_from_trunk.weight.mul_(0.1)

    def _dropped(self, x: Tensor, share: float) -> Tensor:
        """Dropout with one mask for all keys of a frame ([N, keys, width]), which is also cheap."""
        if not self.training or not share:
            return x
        mask = torch.rand(x.shape[0], 1, x.shape[2], device=x.device) >= share
        return x * (mask / (1 - share)).to(x.dtype)

    def follow(self, batch: Batch, state: State | None) -> tuple[Tensor, State]:
        """The trunk over what came before each frame: [B, T, trunk], and its state behind the last."""
        steps = batch.there.shape[1]
        last = [batch.frames[:, REACH - lag : REACH - lag + steps].float() for lag in (1, 2)]
        votes = batch.planes[:, :, :VOTE_PLANES].flatten(2).float() / 255
        x = F.relu(self.enter(torch.cat([*last, votes, batch.figures, batch.clock], -1)))
        x = F.dropout(x, self.shape.dropout, self.training)
        first = torch.zeros_like(batch.there)
        first[:, 0] = batch.begins
        if state is not None and not self.trunk.exact:
            state = tuple(part * (~batch.begins).view(-1, *[1] * (part.dim() - 1)) for part in state)
        h, state = self.trunk(x.float(), first, state)
        return F.dropout(h.float(), self.shape.dropout, self.training), tuple(part.detach() for part in state)

    def forward(self, batch: Batch, state: State | None = None) -> tuple[Tensor, Tensor, State]:
        """Log-odds [N, 88] of the N frames that are there, what they hold [N, 88], and the trunk's state."""
        h, state = self.follow(batch, state)
        there = batch.there
        steps = there.shape[1]
        n_h = h[there]
        lagged = torch.stack([batch.frames[:, REACH - lag : REACH - lag + steps][there] for lag in LAGS], 1)
        planes = torch.cat([lagged.to(n_h.dtype), batch.planes[there].to(n_h.dtype) / 255], 1)  # [N, SHOWN, 88]
        target = batch.frames[:, REACH:][there].to(n_h.dtype)
        low = torch.get_autocast_dtype("cpu") if torch.is_autocast_enabled("cpu") else planes.dtype
        planes = planes.to(low)
        x = self._context(planes, n_h, torch.cat([batch.figures, batch.clock], -1)[there])
        if self.shape.joint:
            x = x + self.below(self._decided(planes[:, 0], target.to(low)))
        share = self.shape.dropout / 3
        for i in range(self.shape.depth):
            y = F.relu(self.inner[2 * i](F.relu(x)))
            x = x + self._dropped(self.inner[2 * i + 1](y), share)
        logits = self.out(F.relu(x)).squeeze(-1).float() + self.bias_from_trunk(n_h).float()
        return logits, target, state

    def _context(self, planes: Tensor, h: Tensor, beside: Tensor) -> Tensor:
        """What each key knows of the past, [N, 88, key]."""
        classes = F.pad(planes[:, -1 - len(FADES) : -1], (0, -KEYS % 12)).unflatten(2, (-1, 12)).sum(2)
        last = planes[:, 0]
        counts = torch.stack([last.cumsum(-1), last.sum(-1, keepdim=True).expand_as(last), planes[:, 1].cumsum(-1)], -1)
        seen = torch.cat(
            [around(planes[:, WIDE], FAR, FAR), around(planes, NEAR, NEAR), turned(classes), counts / 4], -1
        )
        x = self.see(seen) + self.own.to(seen.dtype) + self.from_trunk(torch.cat([h, beside], -1)).unsqueeze(1)
        x = self._dropped(x, self.shape.dropout / 3)
        if self.shape.mixing:
            z = F.relu(self.mix_in(F.relu(x))).unsqueeze(1).permute(0, 3, 1, 2)  # [N, mixing, 1, 88], channels last
            x = x + self.mix_out(z).permute(0, 2, 3, 1).squeeze(1)
        return x

    def _decided(self, last: Tensor, target: Tensor) -> Tensor:
        """What lies below each key in its own frame, [N, 88, BELOW + 2]: the keys, their number, and how many fewer
        than in the frame before."""
        below = F.pad(target, (1, 0))[:, :-1]
        count = below.cumsum(-1)
        less = F.pad(last, (1, 0))[:, :-1].cumsum(-1) - count
        windows = around(below.unsqueeze(1), BELOW - 1, 0)
        return torch.cat([windows, torch.stack([count, less], -1) / 4], -1)


def nats(logits: Tensor, target: Tensor) -> Tensor:
    """Nats of each frame, [N]."""
    return F.binary_cross_entropy_with_logits(logits, target, reduction="none").sum(-1)
