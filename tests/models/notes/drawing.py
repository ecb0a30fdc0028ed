"""Pieces drawn from a random note model, and what holds of every one of them."""

import numpy as np
import torch

from stilo.models.notes.features import features_of
from stilo.models.notes.plan import Taste
from stilo.models.notes.sampler import Sampler
from stilo.models.notes.stream import batch_of
from stilo.models.tokens import DRUMS, DURATION_SLOTS, PROGRAMS, Part, bar_slots_of

FLUTE, PIANO, LOW_PIANO, BASS, KIT = Part(73), Part(0), Part(0, 1), Part(32), Part(DRUMS)
RANGES = {PIANO: (50, 90), LOW_PIANO: (30, 60), FLUTE: (60, 95), KIT: (35, 59)}
TASTE = Taste()
KEY = ("onset", "part", "pitch")


def write(engine, plan, seeds, taste=TASTE, **changes):
    rngs = [np.random.default_rng(seed) for seed in seeds]
    return Sampler(engine[0], [plan] * len(rngs), taste, rngs, **changes).write()


def ends_of(steps):
    return steps["onset"] + DURATION_SLOTS[steps["duration"]]


def keys_of(steps):
    return [tuple(int(step[name]) for name in KEY) for step in steps]


def check_form(plan, steps):
    """What holds of every piece."""
    bar = bar_slots_of(*plan.metre)
    keys = keys_of(steps)
    assert keys == sorted(set(keys))
    assert np.array_equal(steps["gap"], np.diff(steps["onset"], prepend=0))
    assert np.array_equal(steps["position"], steps["onset"] % bar)
    assert np.array_equal(steps["bar"], steps["onset"] // bar)
    assert steps["onset"].max() < plan.bars * bar
    assert (steps["pitch"] >= 128).tolist() == (steps["part"] % PROGRAMS == DRUMS).tolist()


def most_sounding(steps):
    """The largest number of notes that sound at the beginning of a note."""
    ends = ends_of(steps)
    return max(int(((steps["onset"] <= at) & (ends > at)).sum()) for at in steps["onset"])


def parallel_nats(model, steps, told, given=None):
    batch = batch_of([features_of(steps, told, given)], np.zeros((1, len(steps)), np.int64), [told])
    with torch.no_grad():
        return model(batch.to(torch.device("cpu")))[0][0].numpy()


def rows_of(steps):
    return [tuple(int(step[name]) for name in (*KEY, "duration", "velocity")) for step in steps]
