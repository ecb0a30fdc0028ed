"""The sampler sees what the model saw in training, and keeps to its plan."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from stilo.models.features import features_of
from stilo.models.sample import Plan, Sampler, Taste
from stilo.models.stream import Told, batch_of
from stilo.models.tokens import DRUMS, Part, bar_slots_of, tempo_class

USUAL = Taste(1.0, 0.97)
STYLE = np.random.default_rng(0).normal(size=179).astype(np.float32)
EVERYTHING = (0, 127)
ENSEMBLES = {
    "one part": (Part(40),),
    "drums alone": (Part(DRUMS),),
    "four parts": (Part(73), Part(0), Part(0, 1), Part(DRUMS)),
}


def plan_of(parts, metre=(4, 4), bars=4, **more):
    return Plan(bars=bars, metre=metre, ranges=dict.fromkeys(parts, EVERYTHING), **more)


@pytest.mark.parametrize("metre", [(4, 4), (3, 4), (6, 8), (7, 8), (2, 2)])
@pytest.mark.parametrize("ensemble", list(ENSEMBLES))
def test_writing_a_given_piece_costs_what_the_model_says(make_steps, make_model, ensemble, metre):
    parts = ENSEMBLES[ensemble]
    steps = make_steps(11, notes=90, parts=parts, metre=metre)
    model, bars = make_model(3), int(steps["bar"][-1]) + 1
    plan = plan_of(parts, metre, bars, quarters_per_minute=96.0, style=STYLE, most_notes=len(steps))
    written, nats = Sampler(model, plan, USUAL, np.random.default_rng(0)).write(given=steps)
    assert np.array_equal(written, steps)

    told = [Told(STYLE, frozenset(part.program for part in parts))]
    features = features_of(steps, tempo_class(96.0), True, bars)
    with torch.no_grad():
        taught = model(batch_of([features], np.zeros((1, len(steps)), np.int64), told))[0][0].numpy()
    assert bars > 8
    assert np.abs(nats - taught).max() < 1e-4


@pytest.mark.parametrize("told", [True, False])
def test_what_is_not_told_is_not_told_in_either(make_steps, make_model, told):
    steps = make_steps(5, notes=40)
    model, bars = make_model(4), int(steps["bar"][-1]) + 1
    plan = plan_of(ENSEMBLES["four parts"], bars=bars, bars_left_known=told, most_notes=len(steps))
    _, nats = Sampler(model, plan, USUAL, np.random.default_rng(0)).write(given=steps)
    programs = frozenset(part.program for part in ENSEMBLES["four parts"])
    from stilo.models.tokens import UNKNOWN_TEMPO

    features = features_of(steps, UNKNOWN_TEMPO, told, bars)
    with torch.no_grad():
        batch = batch_of([features], np.zeros((1, len(steps)), np.int64), [Told(None, programs)])
        taught = model(batch)[0][0].numpy()
    assert np.abs(nats - taught).max() < 1e-4


@settings(deadline=None, max_examples=12)
@given(
    seed=st.integers(0, 2**31),
    metre=st.sampled_from([(4, 4), (3, 4), (6, 8), (5, 8), (8, 4), (1, 4)]),
    ensemble=st.sampled_from(list(ENSEMBLES)),
    bars=st.integers(2, 6),
)
def test_the_plan_is_kept(make_model, seed, metre, ensemble, bars):
    rng = np.random.default_rng(seed)
    lows = {part: int(rng.integers(0, 100)) for part in ENSEMBLES[ensemble]}
    ranges = {part: (low, low + int(rng.integers(0, 28))) for part, low in lows.items()}
    part_of = {part.token: part for part in ranges}
    plan = Plan(bars=bars, metre=metre, ranges=ranges, most_notes=400)
    steps, nats = Sampler(make_model(seed % 5), plan, USUAL, rng).write()
    assert nats.shape == (len(steps), 5)
    assert (nats >= -1e-6).all()
    for step in steps:
        low, high = ranges[part_of[int(step["part"])]]
        assert low <= step["pitch"] % 128 <= high
        assert (step["pitch"] >= 128) == (step["part"] % 129 == DRUMS)
    key = [tuple(row) for row in steps[["onset", "part", "pitch"]].tolist()]
    assert key == sorted(set(key))
    length = bar_slots_of(*metre)
    assert np.array_equal(np.cumsum(steps["gap"].astype(int)), steps["onset"])
    assert np.array_equal(steps["onset"] // length, steps["bar"])
    assert np.array_equal(steps["onset"] % length, steps["position"])
    assert steps["bar"][0] == 0
    assert np.diff(steps["bar"].astype(int)).max(initial=0) <= 1
    assert steps["bar"][-1] < bars
    assert len(steps) == 400 or steps["bar"][-1] == bars - 1


def test_the_same_seed_writes_the_same_notes(make_model):
    model, plan = make_model(1), plan_of(ENSEMBLES["four parts"], most_notes=60)
    first, again, other = (Sampler(model, plan, USUAL, np.random.default_rng(seed)).write()[0] for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first[: len(other)], other[: len(first)])


def test_torch_is_left_as_it_was(make_model):
    before, threads = torch.random.get_rng_state(), torch.get_num_threads()
    Sampler(make_model(1), plan_of(ENSEMBLES["one part"], most_notes=5), USUAL, np.random.default_rng(0)).write()
    assert torch.equal(before, torch.random.get_rng_state())
    assert torch.get_num_threads() == threads


def test_a_given_beginning_is_gone_on_from(make_steps, make_model):
    parts = ENSEMBLES["four parts"]
    given_steps = make_steps(8, notes=24, parts=parts)
    bars = int(given_steps["bar"][-1]) + 3
    steps, nats = Sampler(make_model(2), plan_of(parts, bars=bars), USUAL, np.random.default_rng(3)).write(given_steps)
    assert np.array_equal(steps[: len(given_steps)], given_steps)
    assert len(nats) == len(steps) > len(given_steps)
    assert steps["bar"][-1] == bars - 1


def test_the_coldest_taste_takes_the_likeliest(make_model):
    model, plan = make_model(1), plan_of(ENSEMBLES["one part"], most_notes=30)
    cold, colder = (Sampler(model, plan, Taste(1e-3, 1.0), np.random.default_rng(seed)).write()[0] for seed in (1, 2))
    assert np.array_equal(cold, colder)
    _, dull = Sampler(model, plan, Taste(1e-3, 1.0), np.random.default_rng(1)).write()
    _, wild = Sampler(model, plan, Taste(2.0, 1.0), np.random.default_rng(1)).write()
    assert dull.sum(1).mean() < wild.sum(1).mean()


def test_progress_rises(make_model):
    told = []
    plan = plan_of(ENSEMBLES["one part"], bars=6, most_notes=200)
    Sampler(make_model(1), plan, USUAL, np.random.default_rng(0)).write(progress=told.append)
    assert told == sorted(told)
    assert all(0 <= share <= 1 for share in told)


def test_a_single_part_plays_one_note_at_a_time(make_model):
    parts = (Part(40), Part(0))
    plan = plan_of(parts, bars=6, single=frozenset({Part(40)}))
    steps, _ = Sampler(make_model(2), plan, USUAL, np.random.default_rng(1)).write()
    onsets = steps["onset"][steps["part"] == Part(40).token]
    assert len(onsets) > 3
    assert len(np.unique(onsets)) == len(onsets)


def test_endings_differ_in_the_last_bars_alone(make_model):
    plan = plan_of((Part(0),), bars=8, ending_bars=2)
    sampler = Sampler(make_model(2), plan, USUAL, np.random.default_rng(4))
    steps, nats = sampler.write()
    kept = steps["bar"] < 6
    endings = list(sampler.endings(3))
    assert len(endings) == 3
    for other, other_nats in endings:
        assert np.array_equal(other[other["bar"] < 6], steps[kept])
        assert np.allclose(other_nats[: kept.sum()], nats[: kept.sum()], atol=1e-6)
        assert len(other) == len(other_nats)
    assert len({other[other["bar"] >= 6].tobytes() for other, _ in endings}) == 3
