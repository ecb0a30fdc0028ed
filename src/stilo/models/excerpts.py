"""Bar views of pieces, cut into excerpts and stacked for the encoder."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from stilo.models.bar_views import BarViews
from stilo.models.encoder import Bars


def stack_excerpts(views: Sequence[BarViews], starts: Sequence[int], most_bars: int) -> Bars:
    """From each piece the bars from its start on, at most `most_bars`; shorter ones are filled with nothing.

    Raises:
        ValueError: an excerpt without bars.
    """
    cuts = [slice(start, min(start + most_bars, len(view))) for view, start in zip(views, starts, strict=True)]
    lengths = [cut.stop - cut.start for cut in cuts]
    if min(lengths, default=0) < 1:
        raise ValueError("an excerpt has no bars")

    def stacked(arrays: Sequence[NDArray[np.generic]]) -> torch.Tensor:
        filled = np.zeros((len(arrays), max(lengths), *arrays[0].shape[1:]), np.float32)
        for row, array in zip(filled, arrays, strict=True):
            row[: len(array)] = array
        return torch.from_numpy(filled)

    harmony = [view.harmony[cut] for view, cut in zip(views, cuts, strict=True)]
    return Bars(
        rhythm=stacked([view.rhythm[cut] for view, cut in zip(views, cuts, strict=True)]),
        pitch=stacked([view.pitch[cut] for view, cut in zip(views, cuts, strict=True)]),
        harmony=stacked(harmony),
        texture=stacked([view.texture[cut] for view, cut in zip(views, cuts, strict=True)]),
        bar_quarters=stacked([view.bar_quarters[cut] for view, cut in zip(views, cuts, strict=True)]),
        excerpt_harmony=torch.from_numpy(np.stack([_shares(rows) for rows in harmony])),
        mask=torch.arange(max(lengths))[None] < torch.tensor(lengths)[:, None],
    )


def _shares(harmony: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Shares of the pitch classes of all notes and of the lowest, [2, 12], from [bars, 6, 12]."""
    halves = harmony.reshape(len(harmony), 2, 3, 12).sum((0, 1)).astype(np.float32)[:2]
    return np.asarray(halves / np.maximum(1, halves.sum(1, keepdims=True)), np.float32)
