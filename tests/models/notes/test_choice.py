"""Values are drawn with the chances of the logits, but for what taste and masks leave out."""

import numpy as np
import pytest

from stilo.models.notes.choice import FEW_PROPOSED, draw, nats_of
from stilo.models.notes.fields import DURATION, GAP, PITCH
from stilo.models.notes.plan import MOST_CONVICTION, USUAL_CONVICTION, Taste

MANY = 40_000


def shares(logits, taste=(1.0, 1.0, 0.0, 1.0), allowed=None, proposed=None):
    """How often each value is drawn."""
    logits = np.asarray(logits, np.float64)
    rows = np.tile(logits, (MANY, 1))
    allowed = np.ones(len(logits), bool) if allowed is None else np.asarray(allowed, bool)
    proposed = None if proposed is None else np.tile(np.asarray(proposed, bool), (MANY, 1))
    random = np.random.default_rng(0).random((MANY, 2))
    drawn = draw(rows, np.tile(allowed, (MANY, 1)), proposed, taste, random)
    return np.bincount(drawn, minlength=len(logits)) / MANY


CHANCES = np.array([0.5, 0.25, 0.15, 0.07, 0.03])


def test_values_come_as_often_as_the_logits_say():
    assert np.allclose(shares(np.log(CHANCES) + 3), CHANCES, atol=0.01)
    allowed = [False, True, True, True, False]
    expected = CHANCES * allowed / (CHANCES * allowed).sum()
    assert np.allclose(shares(np.log(CHANCES), allowed=allowed), expected, atol=0.01)


def test_top_p_min_p_and_temperature_cut_as_they_say():
    cut = CHANCES * [1, 1, 1, 0, 0] / 0.9
    assert np.allclose(shares(np.log(CHANCES), (1.0, 0.8, 0.0, 1.0)), cut, atol=0.01)
    assert np.allclose(shares(np.log(CHANCES), (1.0, 1.0, 0.25, 1.0)), cut, atol=0.01)
    sharp = CHANCES**2 / (CHANCES**2).sum()
    assert np.allclose(shares(np.log(CHANCES), (0.5, 1.0, 0.0, 1.0)), sharp, atol=0.01)
    assert shares(np.log(CHANCES), (0.0, 1.0, 0.0, 1.0))[0] == 1
    assert shares(np.log(CHANCES), (1.0, 0.0, 0.0, 1.0))[0] == 1


@pytest.mark.parametrize(
    "taste", [(0.5, 0.5, 0.0, 1.0), (0.01, 1.0, 0.0, 1.0), (1.0, 0.9, 0.5, 1.0), (1.0, 1.0, 0.0, 1.0)]
)
def test_taste_leaves_how_often_the_memory_is_followed(taste):
    proposed = np.array([True, False, False, False, False])
    mixed = shares(np.log([0.93, 0.03, 0.02, 0.01, 0.01]), taste, proposed=proposed)
    assert mixed[0] == pytest.approx(0.93, abs=0.01)  # plain top-p 0.9 would never leave the copy
    assert mixed[1] > 0.02
    rare = shares(np.log([0.02, 0.5, 0.4, 0.05, 0.03]), taste, proposed=proposed)
    assert rare[0] == pytest.approx(0.02, abs=0.005)  # and would never take it up


@pytest.mark.parametrize(("conviction", "followed"), [(1.0, 0.8), (2.0, 16 / 17), (0.5, 2 / 3)])
def test_conviction_sharpens_whether_the_memory_is_followed_and_nothing_else(conviction, followed):
    chances, proposed = np.array([0.6, 0.2, 0.15, 0.05]), np.array([True, True, False, False])
    found = shares(np.log(chances), (1.0, 1.0, 0.0, conviction), proposed=proposed)
    assert found[:2].sum() == pytest.approx(followed, abs=0.01)
    assert found[0] == pytest.approx(0.75 * followed, abs=0.01)
    assert found[2] == pytest.approx(0.75 * (1 - followed), abs=0.01)
    assert shares(np.log(chances), (1.0, 1.0, 0.0, conviction)) == pytest.approx(chances, abs=0.01)


def test_a_few_proposed_values_are_never_cut_and_many_are():
    chances = np.array([0.6, 0.1, 0.05, 0.02, 0.01, 0.22])
    few, many = np.arange(6) < FEW_PROPOSED, np.arange(6) < 5
    assert shares(np.log(chances), (1.0, 0.5, 0.0, 1.0), proposed=few)[1:4] == pytest.approx(chances[1:4], abs=0.01)
    assert not shares(np.log(chances), (1.0, 0.5, 0.0, 1.0), proposed=many)[1:5].any()
    assert shares(np.log(chances), proposed=few) == pytest.approx(chances, abs=0.01)


def test_nothing_proposed_and_everything_proposed_are_the_model_alone():
    for proposed in (np.zeros(5, bool), np.ones(5, bool)):
        assert np.allclose(shares(np.log(CHANCES), proposed=proposed), CHANCES, atol=0.01)
        allowed = [False, True, True, False, False]
        found = shares(np.log(CHANCES), allowed=allowed, proposed=proposed)
        assert np.allclose(found, [0, 0.625, 0.375, 0, 0], atol=0.01)


def test_a_row_is_drawn_the_same_whatever_stands_beside_it():
    rng = np.random.default_rng(1)
    logits, random = rng.normal(size=(9, 98)) * 4, rng.random((9, 2))
    allowed, proposed = rng.random((9, 98)) < 0.8, rng.random((9, 98)) < 0.1
    together = draw(logits, allowed, proposed, (0.9, 0.95, 0.02, 1.0), random)
    alone = [
        draw(*(a[i : i + 1] for a in (logits, allowed, proposed)), (0.9, 0.95, 0.02, 1.0), random[i : i + 1])[0]
        for i in range(9)
    ]
    assert together.tolist() == alone
    assert allowed[np.arange(9), together].all()


def test_improbable_as_the_only_allowed_value_may_be_it_is_drawn():
    allowed = [False, False, False, True]
    assert shares([0.0, 1.0, 2.0, -500.0], allowed=allowed)[3] == 1
    assert (
        shares([0.0, 1.0, 2.0, -500.0], (0.1, 0.5, 0.5, 1.0), allowed=allowed, proposed=[True, False, False, False])[3]
        == 1
    )


def test_nats_are_those_of_the_softmax():
    logits = np.array([[1.0, 2.0, 3.0], [800.0, 0.0, -800.0]])
    expected = -np.log(np.exp(2.0) / np.exp([1.0, 2.0, 3.0]).sum())
    assert nats_of(logits, np.array([1, 2])) == pytest.approx([expected, 1600.0])


def test_a_taste_that_means_nothing_is_refused():
    for bad in (
        {"top_p": 1.5},
        {"temperature": -1.0},
        {"min_p": (0.1, 0.2)},
        {"temperature": float("nan")},
        {"conviction": 0.0},
        {"conviction": (1.0, 1.0, 1.0, 1.0, 101.0)},
    ):
        with pytest.raises(ValueError, match=next(iter(bad))):
            Taste(**bad)
    assert Taste(top_p=(0.9, 1.0, 0.8, 1.0, 1.0)).of(2) == (1.0, 0.8, 0.0, 1.0)


def test_the_usual_taste_follows_what_is_asked():
    usual, plain, wild = Taste.usual(), Taste.usual(0.5, 0.8), Taste.usual(1.8, 1.0)
    for stage in range(5):
        (temperature, top_p, _, conviction), (cooler, narrower, _, surer), (hotter, wider, _, freer) = (
            t.of(stage) for t in (usual, plain, wild)
        )
        assert cooler < temperature <= 1 < hotter
        assert narrower < top_p < wider == 1
        assert freer < conviction < surer
    assert usual.of(PITCH) == (0.9, 0.95, 0.0, USUAL_CONVICTION[PITCH])
    conviction = [usual.of(stage)[3] for stage in range(5)]
    assert conviction[DURATION] < conviction[GAP] < conviction[PITCH], "or all comes in block chords"
    assert usual.of(GAP)[0] == usual.of(DURATION)[0] == 1.0
    assert Taste.usual(0.0).of(DURATION)[3] == MOST_CONVICTION
    assert usual.of(1)[1] > 0.95 > usual.of(4)[1], "parts are drawn from more, loudness from fewer"
