"""The learned weights of metre and beats, as they come with stilo: safetensors, read without torch.

`benchmarks/fit_rhythm.py` fits and writes them; models/rhythm/README.md says from what.
"""

from __future__ import annotations

from importlib import resources

import numpy as np
from numpy.typing import NDArray

METRE_WEIGHTS, BEAT_WEIGHTS = "metre_weights.safetensors", "beat_weights.safetensors"


def shipped_weights(name: str) -> dict[str, NDArray[np.float64]]:
    """The arrays of `METRE_WEIGHTS` or `BEAT_WEIGHTS`."""
    from safetensors.numpy import load

    held = load(resources.files("stilo.elements").joinpath(name).read_bytes())
    return {key: values.astype(np.float64) for key, values in held.items()}
