"""Tables of embeddings that are summed."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


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
