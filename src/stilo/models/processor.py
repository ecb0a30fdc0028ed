"""What torch may use of the processor: threads, and narrow numbers where they pay."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

CPU = torch.device("cpu")


@contextmanager
def one_thread() -> Iterator[None]:
    """One thread inside: for steps so small that handing them round costs more than it saves."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def autocast_pays(device: torch.device = CPU) -> bool:
    """Whether it multiplies bfloat16 matrices in hardware."""
    return device.type == "cuda" or bool(torch.cpu._is_amx_tile_supported() or torch.cpu._is_avx512_bf16_supported())
