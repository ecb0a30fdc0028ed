"""One style stays whole; two that sound apart are told apart."""

import numpy as np
import pytest

from stilo.styles import groups
from stilo.styles.groups import FEWEST_IN_GROUP


def groups_of(rows):
    """Of pieces that are all long enough."""
    return groups.groups_of(rows, [groups.FEWEST_NOTES_OF_A_KIND] * len(rows))


def around(rng, centre, count, spread):
    return centre + spread * rng.normal(size=(count, len(centre)))


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def test_pieces_that_sound_alike_are_one_group(rng):
    rows = around(rng, rng.normal(size=32), 20, 0.5)
    assert groups_of(rows) == [list(range(20))]
    assert groups_of(rng.normal(size=(20, 32))) == [list(range(20))], "nor are pieces that are all different parted"


@pytest.mark.parametrize("sizes", [(10, 6), (5, 12), (7, 7, 6)])
def test_kinds_are_parted_whatever_their_order_and_their_loudness(rng, sizes):
    kinds = np.repeat(np.arange(len(sizes)), sizes)
    centres = rng.normal(size=(len(sizes), 32))
    rows = (centres[kinds] + 0.3 * rng.normal(size=(len(kinds), 32))) * rng.uniform(0.5, 2, (len(kinds), 1))
    order = rng.permutation(len(kinds))
    found = groups_of(rows[order])
    assert sorted(map(len, found)) == sorted(sizes)
    assert all(len(set(kinds[order][group])) == 1 for group in found)
    assert [len(group) for group in found] == sorted(map(len, found), reverse=True)


def test_a_piece_or_two_are_no_kind(rng):
    rows = np.concatenate([around(rng, rng.normal(size=32), 12, 0.3), around(rng, rng.normal(size=32), 2, 0.3)])
    assert groups_of(rows) == [list(range(14))]
    few = around(rng, np.zeros(32), 2 * FEWEST_IN_GROUP - 1, 1.0)
    assert groups_of(few) == [list(range(len(few)))]
    assert groups_of(np.zeros((10, 8))) == [list(range(10))], "nothing was heard in them"
    assert groups_of(np.zeros((0, 8))) == [[]]


def test_what_is_too_little_to_learn_from_goes_with_the_nearest_kind(rng):
    one, other = rng.normal(size=(2, 32))
    near = one + 0.3 * (other - one)
    rows = np.concatenate([around(rng, centre, 6, 0.05) for centre in (one, other, near)])
    notes = np.array([80] * 12 + [30] * 6)
    assert groups.groups_of(rows, np.full(18, 80)) == [list(range(6)), list(range(6, 12)), list(range(12, 18))]
    assert groups.groups_of(rows, notes) == [[*range(6), *range(12, 18)], list(range(6, 12))]
    assert groups.groups_of(rows, np.full(18, 10)) == [list(range(18))]
