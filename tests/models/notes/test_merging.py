"""Adapters from strangers: what is added to the weights stays what composing can reckon with."""

import numpy as np
import pytest

from stilo.errors import InputError
from stilo.models.notes.merging import LARGEST_ADDITION, merged

BASE = {"w": np.ones((2, 3), np.float16)}


def test_what_is_added():
    low_rank = {"w.up": np.full((2, 1), 2, np.float16), "w.down": np.full((1, 3), 3, np.float16)}
    assert np.array_equal(merged(BASE, low_rank)["w"], np.full((2, 3), 7))
    assert np.array_equal(merged(BASE, {"w.added": np.full((2, 3), -1.0)})["w"], np.zeros((2, 3)))


@pytest.mark.parametrize("value", [2 * LARGEST_ADDITION, -1e38, np.inf, np.nan])
def test_what_would_overflow_in_the_net_is_told(value):
    with pytest.raises(InputError, match=r"does not fit the base model \(w\)"):
        merged(BASE, {"w.added": np.full((2, 3), value, np.float32)})
    with np.errstate(over="ignore"), pytest.raises(InputError, match="does not fit"):
        merged(BASE, {"w.up": np.full((2, 1), value, np.float32), "w.down": np.full((1, 3), value, np.float32)})
