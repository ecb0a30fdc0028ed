"""Of few pieces less is kept, and one adapter stands for the mean of several when it is weakened."""

import numpy as np
import pytest

from stilo.models.notes.strength import mean_of, share_of_one, strength_for, strength_of, weakened

LOW_RANK = {"a.up": np.ones((2, 1), np.float32), "a.down": np.full((1, 2), 2, np.float32)}


def whole(value):
    return {"a.added": np.full((2, 2), value, np.float32)}


@pytest.mark.parametrize(("pieces", "strength"), [(1, 0.5), (3, 0.5), (4, 4 / 6), (5, 5 / 6), (6, 1.0), (1000, 1.0)])
def test_less_is_kept_of_few_pieces(pieces, strength):
    assert strength_of(pieces) == pytest.approx(strength)


def test_one_stands_for_itself_each_of_three_for_its_share_in_the_mean():
    assert [share_of_one(folds, 1.0) for folds in (1, 2, 3)] == pytest.approx([1.0, 0.7, 0.6])
    assert share_of_one(3, 0.5) == pytest.approx(0.3)
    assert [strength_for(folds, share_of_one(folds, 0.5)) for folds in (1, 2, 3)] == pytest.approx([0.5] * 3)


def test_the_mean_is_of_what_they_add():
    assert np.allclose(mean_of([whole(1), LOW_RANK], 1.0)["a.added"], 1.5), "of the product, not of both"
    assert np.allclose(mean_of([whole(1), whole(2), whole(6)], 0.5)["a.added"], 1.5)


def test_one_at_full_strength_is_kept_as_it_is():
    assert mean_of([LOW_RANK], 1.0) is LOW_RANK
    assert weakened([LOW_RANK], 1.0) == [LOW_RANK]


def test_what_is_weakened_is_the_product():
    assert np.allclose(weakened([LOW_RANK], 0.7)[0]["a.added"], 1.4)
    assert [float(one["a.added"][0, 0]) for one in weakened([whole(1), whole(2)], 0.5)] == [0.5, 1.0]
