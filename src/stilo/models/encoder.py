"""The style encoder: a CNN over each bar, an LSTM across the bars, one tower for each facet.

Every facet looks at its own view of the bars (`models.bar_views`), so that it is blind to the rest by construction:
nothing learned could make the rhythm facet hear a pitch. The harmony tower convolves round the circle of the twelve
pitch classes and forgets where it began, so that all keys are one (group convolution; Cohen & Welling 2016).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from stilo.elements.embedding import EMBEDDING_SIZE
from stilo.elements.embedding import FACETS as FACET_SLICES
from stilo.models.bar_views import (
    HARMONY_CHANNELS,
    PITCH_LINES,
    PITCH_ORDER,
    PITCH_STEPS,
    RHYTHM_CHANNELS,
    RHYTHM_PLACES,
    TEXTURE_SIZE,
)

# Which values of the measured embedding each facet must be able to tell: all but instruments, loudness and tempo.
_FIRST_OF_EMOTION = FACET_SLICES["emotion"].start
MEASURED: dict[str, tuple[int, ...]] = {
    **{facet: tuple(range(*FACET_SLICES[facet].indices(EMBEDDING_SIZE))) for facet in ("pitch", "rhythm", "harmony")},
    "emotion": (*range(_FIRST_OF_EMOTION, _FIRST_OF_EMOTION + 8), _FIRST_OF_EMOTION + 27),
}
FACETS = tuple(MEASURED)


@dataclass(frozen=True, slots=True)
class EncoderConfig:
    """Sizes; `convolution` and `recurrence` can be left out, to see what each is worth."""

    bar_width: int = 96
    hidden: int = 64
    facet_size: int = 48
    dropout: float = 0.2
    convolution: bool = True
    recurrence: bool = True


@dataclass(frozen=True, eq=False)
class Bars:
    """A batch of excerpts.

    Attributes:
        rhythm [B, T, 13, 48], pitch [B, T, 16, 3, 25], harmony [B, T, 6, 12], texture [B, T, 37], bar_quarters [B, T]:
            float, as in `BarViews`.
        excerpt_harmony: [B, 2, 12], all and lowest pitch classes of the whole excerpt, shares.
        mask: bool [B, T], False where the excerpt has ended.
    """

    rhythm: Tensor
    pitch: Tensor
    harmony: Tensor
    texture: Tensor
    bar_quarters: Tensor
    excerpt_harmony: Tensor
    mask: Tensor


class _Convolution(nn.Module):
    """One-dimensional convolution as a matrix product, which processors do faster: [N, L, C] → [N, L, out]."""

    def __init__(self, channels: int, out: int, kernel: int, *, circular: bool = False) -> None:
        super().__init__()
        self.kernel, self.circular = kernel, circular
        self.linear = nn.Linear(kernel * channels, out)

    def forward(self, x: Tensor) -> Tensor:
        length = x.shape[1]
        if self.circular:
            wide = torch.cat([x, x[:, : self.kernel - 1]], 1)
        else:
            wide = F.pad(x, (0, 0, self.kernel // 2, self.kernel // 2))
        out: Tensor = self.linear(torch.cat([wide[:, i : i + length] for i in range(self.kernel)], 2))
        return F.relu(out)


def _halved(x: Tensor) -> Tensor:
    """[N, L, C] → [N, L / 2, C], the larger of each two."""
    return torch.maximum(x[:, ::2], x[:, 1::2])


class _RhythmTower(nn.Module):
    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        self.convolution = config.convolution
        size = RHYTHM_CHANNELS * RHYTHM_PLACES
        if config.convolution:
            self.near = _Convolution(RHYTHM_CHANNELS, 48, 5)
            self.far = _Convolution(48, 64, 5)
            size = 64 * RHYTHM_PLACES // 4
        self.out = nn.Linear(size + 1, config.bar_width)

    def forward(self, bars: Bars) -> Tensor:
        cells = torch.log1p(bars.rhythm).flatten(0, 1).transpose(1, 2)  # [N, 48, 13]
        if self.convolution:
            cells = _halved(self.far(_halved(self.near(cells))))  # [N, 12, 64]
        length = torch.log2(bars.bar_quarters.flatten().clamp(min=0.1) / 4)[:, None]
        out: Tensor = self.out(torch.cat([cells.flatten(1), length], 1))
        return out


class _PitchTower(nn.Module):
    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        self.convolution = config.convolution
        channels = PITCH_LINES * PITCH_STEPS
        size = PITCH_ORDER * channels
        if config.convolution:
            self.near = _Convolution(channels, 64, 3)
            self.far = _Convolution(64, 64, 3)
            size = 2 * 64
        self.out = nn.Linear(size, config.bar_width)

    def forward(self, bars: Bars) -> Tensor:
        cells = bars.pitch.flatten(0, 1).flatten(2)  # [N, 16, 75]
        if self.convolution:
            cells = self.far(self.near(cells))
            cells = torch.cat([cells.mean(1), cells.amax(1)], 1)
        out: Tensor = self.out(cells.flatten(1))
        return out


class _HarmonyTower(nn.Module):
    """Sees the bar before and the bar after too, so that it hears progressions."""

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        kernel = 12 if config.convolution else 1
        self.near = _Convolution(3 * HARMONY_CHANNELS + 2, 64, kernel, circular=True)
        self.far = _Convolution(64, 64, kernel, circular=True)
        self.out = nn.Linear(2 * 64, config.bar_width)

    def forward(self, bars: Bars) -> Tensor:
        here = torch.log1p(bars.harmony) * bars.mask[..., None, None]
        before = F.pad(here, (0, 0, 0, 0, 1, 0))[:, :-1]
        after = F.pad(here, (0, 0, 0, 0, 0, 1))[:, 1:]
        whole = bars.excerpt_harmony[:, None].expand(-1, here.shape[1], -1, -1) * 4
        cells = torch.cat([before, here, after, whole], 2).flatten(0, 1).transpose(1, 2)  # [N, 12, 20]
        cells = self.far(self.near(cells))
        out: Tensor = self.out(torch.cat([cells.mean(1), cells.amax(1)], 1))
        return out


class _TextureTower(nn.Module):
    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        width = config.bar_width
        self.out = nn.Sequential(nn.Linear(TEXTURE_SIZE, width), nn.GELU(), nn.Linear(width, width))

    def forward(self, bars: Bars) -> Tensor:
        out: Tensor = self.out(bars.texture.flatten(0, 1))
        return out


_TOWERS: dict[str, type[nn.Module]] = {
    "pitch": _PitchTower,
    "rhythm": _RhythmTower,
    "harmony": _HarmonyTower,
    "emotion": _TextureTower,
}


class FacetEncoder(nn.Module):
    """One facet: tower, LSTM across the bars, pooled over them to a unit vector."""

    def __init__(self, facet: str, config: EncoderConfig) -> None:
        super().__init__()
        self.tower = _TOWERS[facet](config)
        self.norm = nn.LayerNorm(config.bar_width)
        self.drop = nn.Dropout(config.dropout)
        self.across: nn.LSTM | None = None
        size = config.bar_width
        if config.recurrence:
            self.across = nn.LSTM(config.bar_width, config.hidden, batch_first=True, bidirectional=True)
            size += 2 * config.hidden
        self.out = nn.Linear(2 * size, config.facet_size)

    def forward(self, bars: Bars) -> Tensor:
        """[B, facet_size], of length 1."""
        batch, length = bars.mask.shape
        rows = self.drop(F.gelu(self.norm(self.tower(bars)))).view(batch, length, -1)
        rows = rows * bars.mask[..., None]
        if self.across is not None:
            rows = torch.cat([rows, self._across(rows, bars.mask)], 2)
        weight = bars.mask[..., None] / bars.mask.sum(1).clamp(min=1)[:, None, None]
        mean = (rows * weight).sum(1)
        deviation = (((rows - mean[:, None]) ** 2 * weight).sum(1) + 1e-5).sqrt()
        pooled = self.drop(torch.cat([mean, deviation], 1))
        return F.normalize(self.out(pooled).float(), dim=1)

    def _across(self, rows: Tensor, mask: Tensor) -> Tensor:
        """Packed, so that the backward direction begins at the last bar of each excerpt and not in the padding."""
        assert self.across is not None
        lengths = mask.sum(1).clamp(min=1).cpu()
        packed = nn.utils.rnn.pack_padded_sequence(rows, lengths, batch_first=True, enforce_sorted=False)
        found: Tensor = nn.utils.rnn.pad_packed_sequence(
            self.across(packed)[0], batch_first=True, total_length=mask.shape[1]
        )[0]
        return found


class StyleEncoder(nn.Module):
    """Excerpts of bars to four facets."""

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        self.config = config
        self.facets = nn.ModuleDict({facet: FacetEncoder(facet, config) for facet in FACETS})

    def forward(self, bars: Bars) -> Tensor:
        """[B, 4, facet_size]; each facet of length 1."""
        return torch.stack([self.facets[facet](bars) for facet in FACETS], 1)
