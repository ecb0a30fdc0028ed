"""Adapters from strangers: what they make of the weights stays what composing can reckon with."""

import numpy as np
import pytest

from stilo.errors import InputError
from stilo.models.notes.base import LARGEST_WEIGHT, base_engine
from stilo.models.notes.merging import merged

BASE = {"w": np.ones((2, 3), np.float16)}


def test_what_is_added():
    low_rank = {"w.up": np.full((2, 1), 2, np.float16), "w.down": np.full((1, 3), 3, np.float16)}
    assert np.array_equal(merged(BASE, low_rank)["w"], np.full((2, 3), 7))
    assert np.array_equal(merged(BASE, {"w.added": np.full((2, 3), -1.0)})["w"], np.zeros((2, 3)))


@pytest.mark.parametrize("value", [2 * LARGEST_WEIGHT, -1e38, np.inf, np.nan])
def test_what_would_overflow_in_the_net_is_told(with_tiny_weights, tiny_weights, value):
    from safetensors.numpy import load_file

    [file] = tiny_weights.glob("*.safetensors")
    name, weights = next(iter(sorted(load_file(file).items())))
    base_engine({f"{name}.added": np.full(weights.shape, 1.0, np.float32)})
    with pytest.raises(InputError, match="does not fit the base model"):
        base_engine({f"{name}.added": np.full(weights.shape, value, np.float32)})
