"""Bars that have come round often enough do not come round again."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from random_pieces import laid_out

from stilo.models.notes.engine import Engine
from stilo.models.notes.fields import FIELDS
from stilo.models.notes.loops import FRESH_BARS, LAGS, USUAL_REPEATS, Loops, are_alike, longest_repeats
from stilo.models.notes.pens import Pen
from stilo.models.notes.plan import Plan, Taste
from stilo.models.notes.sampler import Sampler
from stilo.models.notes.told import FormPlan, Telling
from stilo.models.tokens import Part

BAR = 48


def bar_of(kind, notes=8):
    return frozenset((6 * i, 0, 60 + 10 * kind + i) for i in range(notes))


def test_bars_are_alike_but_for_an_odd_note():
    bar = bar_of(0, 20)
    assert are_alike(bar, bar)
    for missing in range(12):
        assert are_alike(frozenset(sorted(bar)[missing:]), bar) == (missing <= 8)
    assert not are_alike(bar_of(0), bar_of(1))
    assert not are_alike(frozenset(), frozenset())


@pytest.mark.parametrize(
    ("kinds", "expected"),
    [
        ([0, 1, 2, 3], (0, 0, 0, 0)),
        ([0, 0, 0, 1], (2, 0.5, 0, 0)),
        ([0, 1, 0, 1, 0, 1, 2], (0, 2, 0.5, 0)),
        ([*range(4), *range(4), 9, 9], (1, 0, 1, 0)),
        ([*range(8), *range(8)], (0, 0, 0, 1)),
        ([], (0, 0, 0, 0)),
    ],
)
def test_repeats_are_counted_in_units_of_what_is_repeated(kinds, expected):
    assert longest_repeats([bar_of(kind) for kind in kinds]) == expected


def written(loops, kinds):
    """After which bars something new is asked for."""
    asked = []
    for number, kind in enumerate(kinds):
        asked.append([loops.push(BAR * number + place, part, pitch) for place, part, pitch in sorted(bar_of(kind))][-1])
    return asked


@pytest.mark.parametrize("lag", LAGS)
def test_what_was_repeated_often_enough_is_not_repeated_once_more(lag):
    most = USUAL_REPEATS[LAGS.index(lag)]
    bars = lag + math.ceil(most * lag)
    asked = written(Loops(BAR, USUAL_REPEATS), [k % lag for k in range(bars)] + [10 + k for k in range(12)])
    assert asked.index(True) == bars
    assert sum(asked) == max(FRESH_BARS, lag // 2)


def test_a_style_that_repeats_may():
    assert not any(written(Loops(BAR, (20, 20, 20, 20)), [0] * 16))
    assert any(written(Loops(BAR, USUAL_REPEATS), [0] * 16))


def test_what_the_form_asks_for_is_no_loop():
    kinds = [*range(8), *range(8), *range(8)]
    assert any(written(Loops(BAR, USUAL_REPEATS), kinds))
    assert not any(written(Loops(BAR, USUAL_REPEATS, [0] * 8 + [8] * 16), kinds))


FORMS = {  # kinds of the bars, and from how many bars ago each returns
    "AAAA": ([0, 1, 2, 3] * 4, [0] * 4 + [4] * 4 + [8] * 4 + [12] * 4),
    "AAABA": ([0, 1, 2, 3] * 3 + [4, 5, 6, 7] + [0, 1, 2, 3], [0] * 4 + [4] * 4 + [8] * 4 + [0] * 4 + [16] * 4),
    "abab abab abab": ([0, 1, 0, 1] * 3, [0] * 4 + [4] * 4 + [8] * 4),
    "one bar more": ([0] * 3, [0, 0, 1]),
    "later bars as the last": ([0] * 12, [0, 1]),
}


@pytest.mark.parametrize("form", FORMS)
def test_whatever_way_a_form_returns_it_is_no_loop(form, copying_engine):
    kinds, returns = FORMS[form]
    assert not any(written(Loops(BAR, USUAL_REPEATS, returns), kinds))
    assert any(written(Loops(BAR, (1, 1, 1, 1)), kinds))
    lag = np.array(returns)
    telling = Telling(form=FormPlan(0 * lag, 0 * lag, lag))
    pen = Pen(
        copying_engine, 0, Plan(len(kinds), (4, 4), {Part(0): (0, 127)}, telling=telling), np.random.default_rng(0)
    )
    last = 0
    for number, kind in enumerate(kinds):
        for place, part, pitch in sorted(bar_of(kind)):
            pen.push([BAR * number + place - last, part, pitch, 5, 8], [0.0] * 5)
            last = BAR * number + place
            assert not pen.written.is_silent


def test_what_is_new_in_a_form_may_not_go_round():
    returns = [0] * 4 + [4] * 4 + [0] * 12
    asked = written(Loops(BAR, USUAL_REPEATS, returns), [0, 1, 2, 3] * 2 + [9] * 12)
    assert not any(asked[:11])
    assert asked[11]


def test_empty_bars_are_no_loop():
    loops = Loops(BAR, USUAL_REPEATS)
    assert not loops.push(0, 0, 60)
    assert not loops.push(40 * BAR, 0, 60)
    assert not loops.push(41 * BAR, 0, 60)


def test_what_is_given_may_go_round(copying_engine):
    """Sixteen times the same bar, given: what is written beside it is still remembered."""
    rows = [(48 * bar + place, 0, 60, 11, 8) for bar in range(16) for place in (0, 12, 24, 36)]
    steps = laid_out(rows, (4, 4))
    plan = Plan(16, (4, 4), {Part(40): (60, 90)}, given=steps)
    pen = Pen(copying_engine, 0, plan, np.random.default_rng(0))
    for step in steps:
        pen.push([int(step[name]) for name in FIELDS], [0.0] * 5)
        assert not pen.written.is_silent
    beside = Pen(copying_engine, 0, plan, np.random.default_rng(0))
    for step in steps:  # and a free part that goes round beside it
        beside.push([int(step[name]) for name in FIELDS], [0.0] * 5)
        beside.push([0, Part(40).token, 70, 11, 8], [0.0] * 5)
    assert beside.written.is_silent
    free = Pen(copying_engine, 0, replace(plan, given=None), np.random.default_rng(0))
    for step in steps:
        free.push([int(step[name]) for name in FIELDS], [0.0] * 5)
    assert free.written.is_silent


def test_a_copy_goes_on_by_itself():
    loops = Loops(BAR, USUAL_REPEATS)
    written(loops, [0, 0])
    twin = loops.copy()
    for number in range(2, 5):
        caught = [loops.push(BAR * number + place, part, pitch) for place, part, pitch in sorted(bar_of(0))]
    assert caught[-1]
    assert not twin.push(2 * BAR, 0, 60)


def test_plans_say_how_often():
    for most in ((1.0, 1.0), (2.0, 1.0, 1.0, 0.5)):
        with pytest.raises(ValueError, match="repeated"):
            Plan(4, (4, 4), {Part(0): (50, 80)}, most_repeats=most)


def bars_of(steps, bar_slots):
    bars = [set() for _ in range(int(steps["onset"].max()) // bar_slots + 1)]
    for onset, part, pitch in zip(*(steps[name].tolist() for name in ("onset", "part", "pitch")), strict=True):
        bars[onset // bar_slots].add((onset % bar_slots, part, pitch))
    return [frozenset(bar) for bar in bars]


@pytest.fixture
def copying_engine(make_note_model):
    model = make_note_model(noise=0.1)
    with torch.no_grad():
        model.head.out[0].bias[:13] += 3.0
        model.head.gate_state[:, 0] = 30.0
    return Engine(model.config, {name: tensor.numpy() for name, tensor in model.state_dict().items()})


def test_a_model_that_copies_and_never_stops_is_stopped(copying_engine):
    """In every bar what stood one bar ago; unhindered it goes on for ever."""
    kept = {}
    for name, most in (("free", (500.0,) * 4), ("held", USUAL_REPEATS)):
        plan = Plan(24, (4, 4), {Part(0): (50, 80)}, most_repeats=most, grid=(12,), most_at_once=2)
        sampled = Sampler(copying_engine, [plan], Taste(), [np.random.default_rng(1)]).write()[0]
        kept[name] = longest_repeats(bars_of(sampled.steps, 48))
    assert kept["free"][0] > 10
    assert kept["held"][0] <= USUAL_REPEATS[0] + 1
