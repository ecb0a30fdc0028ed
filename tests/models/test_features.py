"""What the model sees of a note depends on nothing that comes later, and on the key only where it says so."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from stilo.models.features import BARS_UNKNOWN, TRUNK_TABLES, Features, bars_class, features_of, near_pitch
from stilo.models.memory import STATES
from stilo.models.stream import Told, batch_of
from stilo.models.tokens import END, FIELD_SIZES, FIELDS, PROGRAMS, STEP_DTYPE, Part, transposed, with_end

TEMPO, BARS = 7, 99
SEEDS = st.integers(0, 2**32 - 1)


def two_ends(make_steps, seed):
    """Two pieces equal up to note t, whose note t differs from field f on, and every note after it."""
    rng = np.random.default_rng(seed)
    one, other = make_steps(seed, notes=60), make_steps(seed + 1, notes=60)
    n = min(len(one), len(other))
    t = int(rng.integers(1, n - 2))
    f = int(rng.integers(1, 5))
    one, two = one[:n].copy(), one[:n].copy()
    tail = other[t:n].copy()
    tail["onset"] += int(one["onset"][t]) + 48 - int(tail["onset"][0])
    two[t + 1 :] = tail[1:]
    if f == 1:  # a later part at the same onset keeps the order
        two["part"][t] = one["part"][t] + PROGRAMS * 2
        two["pitch"][t] = one["pitch"][t]
    if f == 2:
        two["pitch"][t] = one["pitch"][t] + 1
    if f <= 3:
        two["duration"][t] = (one["duration"][t] + 7) % FIELD_SIZES[3]
    two["velocity"][t] = (one["velocity"][t] + 5) % 16
    two["gap"] = np.diff(two["onset"], prepend=0)
    for piece in (one, two):
        piece["bar"], piece["position"] = piece["onset"] // 48, piece["onset"] % 48
    return one, two, t, f


@settings(deadline=None, max_examples=60)
@given(seed=SEEDS)
def test_nothing_is_known_of_what_comes_later(make_steps, seed):
    one, two, t, f = two_ends(make_steps, seed)
    a, b = features_of(one, TEMPO, True, BARS), features_of(two, TEMPO, True, BARS)
    for name in Features.__dataclass_fields__:
        assert np.array_equal(getattr(a, name)[:t], getattr(b, name)[:t]), name
    for name in ("trunk", "memory", "histogram", "position", "previous_pitch"):
        assert np.array_equal(getattr(a, name)[t], getattr(b, name)[t]), name
    assert np.array_equal(a.fields[t, :f], b.fields[t, :f])
    assert np.array_equal(a.values[t, : f + 1], b.values[t, : f + 1])
    assert np.array_equal(a.states[t, : f + 1], b.states[t, : f + 1])


@pytest.mark.parametrize("seed", range(12))
def test_the_nats_of_a_note_depend_on_nothing_later(make_steps, make_model, seed):
    """Worst earlier change == 0, and something later does change: the test can see."""
    one, two, t, f = two_ends(make_steps, seed)
    model = make_model(seed)
    piece = np.zeros((1, len(one)), np.int64)
    told = [Told(None, frozenset({0, 73}))]
    with torch.no_grad():
        a, b = (
            model(batch_of([features_of(steps, TEMPO, True, BARS)], piece, told))[0][0].numpy() for steps in (one, two)
        )
    assert np.abs(a[:t] - b[:t]).max() == 0
    assert np.abs(a[t, :f] - b[t, :f]).max() == 0
    assert a[t, f] != b[t, f]
    assert np.abs(a[t + 1 :] - b[t + 1 :]).max() > 0.01


@settings(deadline=None, max_examples=30)
@given(seed=SEEDS, semitones=st.integers(-6, 6))
def test_only_the_register_knows_the_key(make_steps, seed, semitones):
    """Transposed music: absolute pitches move along, all else is the same (after the first note).

    Intervals between a drum and a pitched note are left out: they do know the key.
    """
    steps = make_steps(seed, parts=(Part(73), Part(0)))
    a, b = features_of(steps, TEMPO), features_of(transposed(steps, semitones), TEMPO)
    register = list(TRUNK_TABLES).index("pitch")
    rest = [i for i in range(len(TRUNK_TABLES)) if i != register]
    assert np.array_equal(a.trunk[:, rest], b.trunk[:, rest])
    assert (b.trunk[1:, register] - a.trunk[1:, register] == semitones).all()
    assert np.array_equal(a.memory[1:], b.memory[1:])
    assert np.allclose(a.histogram[1:], b.histogram[1:], atol=1e-6)
    stays = [0, 1, 3, 4]
    assert np.array_equal(a.values[:, stays], b.values[:, stays])
    assert np.array_equal(a.states, b.states)
    known = a.values[:, 2] < FIELD_SIZES[2]
    assert np.array_equal(b.values[:, 2] - a.values[:, 2], semitones * known)


@settings(deadline=None, max_examples=30)
@given(seed=SEEDS, changing=st.booleans(), told=st.booleans())
def test_every_index_fits_its_table(make_steps, seed, changing, told):
    steps = with_end(make_steps(seed, changing=changing))
    f = features_of(steps, TEMPO, told)
    assert (f.trunk >= 0).all()
    assert (f.trunk < list(TRUNK_TABLES.values())).all()
    assert (f.values >= 0).all()
    assert (f.values <= np.array(FIELD_SIZES)[:, None]).all()
    assert ((f.states >= 0) & (f.states < STATES)).all()
    assert f.fields[-1, 0] == END
    assert np.array_equal(f.fields[:-1], np.stack([steps[name][:-1] for name in FIELDS], 1))
    assert (f.trunk[:, list(TRUNK_TABLES).index("bars_left")] == BARS_UNKNOWN).all() == (not told)


def test_the_histogram_counts_what_was_heard_from_the_last_note_up():
    steps = np.zeros(3, STEP_DTYPE)
    steps["pitch"], steps["onset"], steps["bar_slots"] = [60, 67, 67], [0, 12, 24], 48
    steps["gap"] = [0, 12, 12]
    fast = features_of(steps, TEMPO).histogram[:, :12]
    assert fast[0].sum() == 0
    assert fast[1, 0] == pytest.approx(0.2)
    assert fast[2, 0] == pytest.approx(0.2)  # the G itself
    assert fast[2, 5] == pytest.approx(0.16)  # the C, a fourth above it


def test_classes_of_bars_and_distances():
    assert bars_class(np.array([0, 1, 2, 6, 7, 63, 64, 10**6])).tolist() == [0, 1, 2, 6, 6, 14, 15, 15]
    near = near_pitch(np.array([60, 61, 0, 127, 255, 256]), np.array([60] * 6))
    assert near.tolist() == [25, 26, 0, 50, 50, 51]
