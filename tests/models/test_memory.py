"""The memory of a piece being written points at the same notes as that of the whole piece."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stilo.models.memory import (
    _PART_BITS,
    BAR_LAGS,
    CANDIDATES,
    CONTEXT_CANDIDATES,
    HITS,
    NOTHING,
    STATES,
    GrowingMemory,
    point,
)
from stilo.models.tokens import PARTS, Part


def push(memory, step):
    memory.push(*(int(step[name]) for name in ("onset", "gap", "part", "pitch", "bar_slots")))


@settings(deadline=None, max_examples=40)
@given(seed=st.integers(0, 2**32 - 1), changing=st.booleans(), alone=st.booleans())
def test_growing_memory_points_where_the_whole_piece_points(make_steps, seed, changing, alone):
    parts = (Part(0),) if alone else (Part(73), Part(0), Part(0, 1), Part(128))
    steps = make_steps(seed, notes=90, changing=changing, parts=parts)
    whole, memory = point(steps), GrowingMemory()
    for t, step in enumerate(steps):
        onset, part = int(step["onset"]), int(step["part"])
        assert len(memory) == t
        assert memory.context() == (whole.context[t].tolist(), whole.context_level[t].tolist())
        assert memory.bars_hits() == whole.bar_hits[t].tolist()
        if t > 0:
            assert memory.bars_next() == whole.bar_next[t].tolist()
            assert memory.bars_here(onset) == whole.bar_here[t].tolist()
            assert memory.bars_voice(onset, part) == whole.bar_voice[t].tolist()
        push(memory, step)


@settings(deadline=None, max_examples=20)
@given(seed=st.integers(0, 2**32 - 1))
def test_pointers_look_back(make_steps, seed):
    pointers = point(make_steps(seed))
    index = np.arange(len(pointers.context))[:, None]
    for name in ("bar_next", "bar_here", "bar_voice", "context"):
        assert (getattr(pointers, name) < index).all(), name
    assert (pointers.bar_hits <= 2 * HITS + 1).all()
    assert 2 * pointers.bar_hits.max() + 1 < STATES


def test_a_repeated_bar_is_found(make_steps):
    """Four equal bars: everything after the first points one bar back and is hit."""
    bar = make_steps(3, notes=12)[:6]
    bar = bar[bar["onset"] < 48]
    steps = np.concatenate([bar] * 4)
    for i in range(4):
        steps["onset"][i * len(bar) : (i + 1) * len(bar)] += 48 * i
    steps["gap"] = np.diff(steps["onset"], prepend=0)
    pointers = point(steps)
    after = np.arange(len(bar) + 1, len(steps))
    assert np.array_equal(pointers.bar_voice[after, 0], after - len(bar))
    assert np.array_equal(pointers.bar_here[after, 0], after - len(bar))
    assert pointers.bar_hits[-1, 0] == 2 * min(HITS, len(steps) - 1 - len(bar)) + 1
    assert np.array_equal(pointers.context[-1] % len(bar), [len(bar) - 1] * CONTEXT_CANDIDATES)


def test_contexts_recur_in_any_key(make_steps):
    steps = make_steps(4, parts=(Part(0),))
    moved = steps.copy()
    moved["pitch"] += 5
    assert np.array_equal(point(steps).context, point(moved).context)
    assert (point(steps).context != NOTHING).any()


@pytest.mark.parametrize("count", [1, 2])
def test_the_shortest_pieces_have_an_empty_memory(make_steps, count):
    pointers = point(make_steps(5)[:count])
    assert (pointers.context == NOTHING).all()
    assert (pointers.bar_voice == NOTHING).all()


def test_constants_fit_each_other():
    """What the packed keys and the tables rely on."""
    assert PARTS < 1 << _PART_BITS
    assert len(BAR_LAGS) + CONTEXT_CANDIDATES == CANDIDATES


def test_a_copy_grows_on_by_itself(make_steps):
    steps = make_steps(3, notes=80)
    grown = GrowingMemory()
    rows = [tuple(int(row[name]) for name in ("onset", "gap", "part", "pitch", "bar_slots")) for row in steps]
    for row in rows[:40]:
        grown.push(*row)
    before = (grown.context(), grown.bars_next(), grown.bars_hits(), len(grown))
    copied = grown.copy()
    for row in rows[40:]:
        copied.push(*row)
    assert (grown.context(), grown.bars_next(), grown.bars_hits(), len(grown)) == before
    for row in rows[40:]:
        grown.push(*row)
    assert grown == copied
