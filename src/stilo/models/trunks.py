"""The trunks of the note model, by name."""

from __future__ import annotations

from stilo.models.trunk_gated import gated_memory
from stilo.models.trunk_lstm import LSTMTrunk, lstm_mixer
from stilo.models.trunk_parts import Mixer, ResidualTrunk, State, Trunk
from stilo.models.trunk_scan import gated_scan
from stilo.models.trunk_transformer import attention

__all__ = ["TRUNKS", "State", "Trunk", "build_trunk"]

TRUNKS = ("lstm", "lstm_residual", "transformer", "gated", "scan", "hybrid")


def build_trunk(
    name: str, width: int, layers: int, *, inner: int | None = None, head_size: int = 64, reach: int = 128
) -> Trunk:
    """A fresh trunk of `layers` layers; its weights come from torch's global generator.

    Args:
        name: one of TRUNKS.
        width: size of a step, going in and coming out; for heads, a multiple of `head_size`.
        layers: how many blocks.
        inner: inner size of the feed-forward net of each block, 0 for none; by default 2 · `width`, but none for
            LSTM layers, which have gates enough.
        head_size: size of a head of attention and of gated memory.
        reach: how many notes before itself a note sees by attention.

    Raises:
        ValueError: there is no such trunk, or the width cannot be shared by its heads.
    """
    if name == "lstm":
        return LSTMTrunk(width, layers)
    if inner is None:
        inner = 0 if name == "lstm_residual" else 2 * width
    heads = max(1, width // head_size)
    if name in ("transformer", "gated", "hybrid") and width % (2 * heads):
        raise ValueError(f"a width of {width} cannot be shared by {heads} heads of even size")
    mixers: list[Mixer]
    if name == "lstm_residual":
        mixers = [lstm_mixer(width, layers) for _ in range(layers)]
    elif name == "transformer":
        mixers = [attention(width, layers, heads, reach) for _ in range(layers)]
    elif name == "gated":
        mixers = [gated_memory(width, layers, heads) for _ in range(layers)]
    elif name == "scan":
        mixers = [gated_scan(width, layers) for _ in range(layers)]
    elif name == "hybrid":
        mixers = [gated_memory(width, layers, heads) for _ in range(layers - 1)]
        mixers.append(attention(width, layers, heads, reach))
    else:
        raise ValueError(f"{name}: no such trunk; there are {', '.join(TRUNKS)}")
    return ResidualTrunk(width, mixers, inner)
