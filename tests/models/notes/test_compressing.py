"""What is added to matrices is kept in few values: what is worth most for its room."""

import numpy as np
import pytest

from stilo.models.notes.compressing import compressed


def matrix(rows, columns, rank, size, seed=0):
    rng = np.random.default_rng(seed)
    product = rng.normal(size=(rows, rank)) @ rng.normal(size=(rank, columns))
    return (size * product / np.linalg.norm(product)).astype(np.float32)


def product(weights, name):
    return weights[name + ".up"] @ weights[name + ".down"]


def values(weights):
    return sum(array.size for array in weights.values())


@pytest.mark.parametrize("shape", [(60, 20), (20, 60), (30, 30)])
def test_a_matrix_of_low_rank_is_kept_as_it_is(shape):
    found = compressed({"a.added": matrix(*shape, 3, 1.0)}, 3 * sum(shape))
    assert {key: array.shape for key, array in found.items()} == {"a.up": (shape[0], 3), "a.down": (3, shape[1])}
    assert np.allclose(product(found, "a"), matrix(*shape, 3, 1.0), atol=1e-6)
    assert all(array.dtype == np.float32 for array in found.values())


def test_the_best_of_that_rank_is_kept():
    whole = np.random.default_rng(1).normal(size=(40, 30)).astype(np.float32)
    found = product(compressed({"a.added": whole}, 5 * 70), "a")
    left, sizes, right = np.linalg.svd(whole)
    assert np.allclose(found, left[:, :5] * sizes[:5] @ right[:5], atol=1e-4)


def test_there_is_more_room_for_what_is_larger():
    weights = {"large.added": matrix(40, 40, 20, 10.0, 1), "small.added": matrix(40, 40, 20, 0.1, 2)}
    found = compressed(weights, 12 * 80)
    assert found["large.up"].shape[1] > 8
    assert "small.up" not in found or found["small.up"].shape[1] < 3
    assert values(found) <= 12 * 80


def test_what_needs_as_much_room_as_the_whole_is_kept_whole():
    whole = np.random.default_rng(1).normal(size=(8, 8)).astype(np.float32)
    assert np.array_equal(compressed({"a.added": whole}, 1000)["a.added"], whole)


def test_vectors_and_pairs_stay_and_come_first():
    kept = {
        "v.added": np.ones(50, np.float32),
        "b.up": np.ones((9, 2), np.float32),
        "b.down": np.ones((2, 9), np.float32),
    }
    found = compressed({**kept, "a.added": matrix(40, 40, 5, 1.0)}, 86)
    assert found.keys() == kept.keys()
    assert compressed({}, 10) == {}
