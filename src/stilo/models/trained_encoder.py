"""Net and discriminants together: bar views in, learned embedding out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from stilo.models.bar_views import BarViews
from stilo.models.discriminants import Discriminants
from stilo.models.encoder import FACETS, StyleEncoder
from stilo.models.excerpts import stack_excerpts
from stilo.models.view_statistics import view_statistics

WINDOW_BARS = 48
MOST_WINDOWS = 3
_WINDOWS_AT_ONCE = 32


@dataclass(frozen=True, eq=False)
class Reading:
    """What a facet says of the measured embedding: `weights` [FACET_VALUES, values], `bias` [values]."""

    weights: NDArray[np.float32]
    bias: NDArray[np.float32]

    def read(self, facet: NDArray[np.float32]) -> NDArray[np.float32]:
        """[..., FACET_VALUES], of length 1 → [..., values], as `elements.embedding` measures them."""
        return np.asarray(facet @ self.weights + self.bias, np.float32)


@dataclass(frozen=True, eq=False)
class TrainedEncoder:
    """What is shipped.

    Attributes:
        model: the net.
        discriminants: of the statistics of each facet.
        net_share: length of the net's part of a facet beside that of the discriminants, which is 1.
        readings: by facet, of the values that `encoder.MEASURED` names.
    """

    model: StyleEncoder
    discriminants: Mapping[str, Discriminants]
    net_share: float
    readings: Mapping[str, Reading]

    def embed(self, views: Sequence[BarViews]) -> NDArray[np.float32]:
        """[pieces, 4, FACET_VALUES], each facet of length 1; zeros where it hears nothing (drums have no pitch)."""
        rows = join_parts(net_facets(self.model, views), measured_facets(self.discriminants, views), self.net_share)
        heard = np.array([[_is_heard(view, facet) for facet in FACETS] for view in views])
        return np.asarray(rows * heard[..., None], np.float32)

    def read(self, facets: NDArray[np.float32]) -> dict[str, NDArray[np.float32]]:
        """[pieces, 4, FACET_VALUES] → the measured embedding as far as each facet knows it."""
        return {facet: self.readings[facet].read(facets[:, i]) for i, facet in enumerate(FACETS)}


def _is_heard(view: BarViews, facet: str) -> bool:
    """Whether there is anything in a view: one pitched note has no move, drums have neither moves nor pitch classes."""
    if facet == "pitch":
        return bool(view.pitch.any())
    return bool(view.harmony.any()) if facet == "harmony" else len(view) > 0


def measured_facets(discriminants: Mapping[str, Discriminants], views: Sequence[BarViews]) -> NDArray[np.float32]:
    """What the discriminants say, [pieces, 4, size]."""
    statistics = [view_statistics(view) for view in views]
    rows = [discriminants[facet].project(np.stack([s[facet] for s in statistics])) for facet in FACETS]
    heard = np.array([len(view) > 0 for view in views])
    return np.asarray(np.stack(rows, 1) * heard[:, None, None], np.float32)


def join_parts(net: NDArray[np.float32], measured: NDArray[np.float32], net_share: float) -> NDArray[np.float32]:
    """Both parts of every facet side by side, each facet of length 1."""
    rows = np.concatenate([net_share * net, measured], 2)
    return np.asarray(rows / np.maximum(1e-9, np.linalg.norm(rows, axis=2, keepdims=True)), np.float32)


def net_facets(model: StyleEncoder, views: Iterable[BarViews]) -> NDArray[np.float32]:
    """What the net says, [pieces, 4, facet_size]: the mean over up to three windows spread over the piece.

    Windows of like length are computed together; what a piece gets does not depend on its company.
    """
    pieces = list(views)
    windows = [(i, start) for i, view in enumerate(pieces) for start in _starts(len(view))]
    windows.sort(key=lambda window: min(WINDOW_BARS, len(pieces[window[0]])))
    found = np.zeros((len(pieces), len(FACETS), model.config.facet_size), np.float32)
    with torch.inference_mode():
        for at in range(0, len(windows), _WINDOWS_AT_ONCE):
            some = windows[at : at + _WINDOWS_AT_ONCE]
            index = [i for i, _ in some]
            bars = stack_excerpts([pieces[i] for i in index], [start for _, start in some], WINDOW_BARS)
            np.add.at(found, index, model(bars).float().numpy())
    return np.asarray(found / np.maximum(1e-9, np.linalg.norm(found, axis=2, keepdims=True)), np.float32)


def _starts(bars: int) -> list[int]:
    if bars == 0:
        return []
    count = min(MOST_WINDOWS, -(-bars // WINDOW_BARS))
    return [int(start) for start in np.linspace(0, max(0, bars - WINDOW_BARS), count)]
