"""What is written before, between and to given notes."""

from dataclasses import replace

import numpy as np
import pytest
from drawing import (
    BASS,
    FLUTE,
    KIT,
    PIANO,
    check_form,
    parallel_nats,
    rows_of,
    write,
)

from stilo.models.notes.balance import CLASH_NATS, FIRST_ADDING_NATS
from stilo.models.notes.engine import Engine
from stilo.models.notes.fields import GAP, GAPS, PART, PARTS, PITCH, STAGES
from stilo.models.notes.given import Given, all_but_bars
from stilo.models.notes.pens import Pen
from stilo.models.notes.plan import Plan
from stilo.models.notes.told import Telling, Told
from stilo.models.tokens import DRUMS, END, MAX_GAP


@pytest.fixture
def kept(piece_of):
    """Four bars of bass and chords, two notes of different parts at some onsets."""
    rows = [(at, BASS.token, 36 + at % 5, 11, 9) for at in range(0, 192, 24)]
    rows += [(at, PIANO.token, pitch, 20, 7) for at in range(0, 192, 48) for pitch in (60, 64, 67)]
    return piece_of(sorted(rows))


def test_parts_that_are_kept_are_accompanied(engine, kept):
    plan = Plan(4, (4, 4), {FLUTE: (60, 90), KIT: (36, 50)}, given=kept, most_notes=400)
    for sampled in write(engine, plan, range(6)):
        check_form(plan, sampled.steps)
        old = np.isin(sampled.steps["part"], (BASS.token, PIANO.token))
        assert rows_of(sampled.steps[old]) == rows_of(kept)
        assert not old.all()
        expected = parallel_nats(engine[1], sampled.steps, plan.all_told.about, Given(old))
        assert np.abs(sampled.nats - expected).max() < 1e-4


def test_what_is_written_to_given_parts_is_told(kept):
    plan = Plan(4, (4, 4), {FLUTE: (60, 90), KIT: (36, 50)}, telling=Telling(Told(tempo=4)), given=kept)
    assert (plan.all_told.about.tempo, plan.all_told.about.written) == (4, {73, DRUMS})
    for other in (
        replace(plan, given=None),
        replace(plan, open_slots=(0, 48)),
        replace(plan, ranges={PIANO: (50, 80)}),
    ):
        assert not other.all_told.about.written
    said = replace(plan, telling=Telling(Told(written=frozenset({73}))))
    assert said.all_told.about.written == {73}


def test_a_tune_is_not_left_alone(engine, piece_of):
    """Not even by a model that would never add to one."""
    torch_free, net = engine
    tune = piece_of([(at, FLUTE.token, 60 + at // 6 % 12, 5, 8) for at in range(0, 48 * 12, 6)])
    plan = Plan(12, (4, 4), {PIANO: (40, 59)}, given=tune, most_silent_bars=None, most_notes=600)
    weights = {name: tensor.numpy().copy() for name, tensor in net.state_dict().items()}
    weights["head.out.0.bias"][:6] -= 12.0  # of gaps before the next given note
    weights["head.out.1.bias"][PIANO.token] -= 12.0
    shy = Engine(torch_free.config, weights)
    for sampled in write((shy, net), plan, range(3)):
        added = sampled.steps[sampled.steps["part"] == PIANO.token]
        assert len(np.unique(added["bar"])) >= 6


def test_where_too_little_was_added_gaps_before_the_given_note_are_likelier_and_parts_beside_it(engine, kept):
    pen = Pen(engine[0], 0, Plan(4, (4, 4), {FLUTE: (60, 90), KIT: (36, 50)}, given=kept), np.random.default_rng(0))
    given = (7, BASS.token, 40, 5, 8)
    for nats in (5.0, 0.0):
        pen.adding.nats = nats
        for awaited, chosen in ((given, 7), (given, 3), (None, 7)):
            gaps, parts = np.zeros(GAPS), np.zeros(PARTS)
            pen.incline(GAP, gaps, [], awaited)
            pen.incline(PART, parts, [chosen], awaited)
            pen.incline(GAP, far := np.zeros(GAPS), [], (MAX_GAP + 9, *given[1:]))
            assert far[: MAX_GAP + 1].tolist() == [nats] * (MAX_GAP + 1)
            assert far[END] == 0
            is_here = awaited is not None and chosen == 7
            assert np.flatnonzero(gaps).tolist() == ([] if awaited is None or not nats else list(range(7)))
            assert np.flatnonzero(parts).tolist() == (sorted([FLUTE.token, KIT.token]) if is_here and nats else [])
            assert {*gaps.tolist(), *parts.tolist()} <= {0.0, nats}


def test_what_clashes_with_given_notes_is_less_likely(engine, piece_of):
    given = piece_of([(0, BASS.token, 40, 20, 8), (12, BASS.token, 43, 5, 8), (13, BASS.token, 50, 5, 8)])
    pen = Pen(engine[0], 0, Plan(4, (4, 4), {FLUTE: (60, 90), KIT: (36, 50)}, given=given), np.random.default_rng(0))
    pen.push([0, BASS.token, 40, 20, 8], [0.0] * STAGES)
    pen.push([6, FLUTE.token, 61, 20, 8], [0.0] * STAGES)
    for gap, classes in ((0, {3, 5}), (6, {3, 5, 6, 8}), (15, set())):  # beside E; E and G; where E has ended
        pitches = np.zeros(128)
        pen.incline(PITCH, pitches, [gap, FLUTE.token], pen.written.given_next())
        assert set((np.flatnonzero(pitches) % 12).tolist()) == classes
        assert set(pitches.tolist()) <= {0.0, -CLASH_NATS}
    for part in (KIT, BASS):
        pen.incline(PITCH, untouched := np.zeros(128), [6, part.token], pen.written.given_next())
        assert not untouched.any()


def test_that_something_is_to_be_written_is_heard(engine, kept):
    plan = Plan(4, (4, 4), {FLUTE: (60, 90)}, given=kept, most_notes=400)
    other = replace(plan, telling=Telling(Told(written=frozenset({40}))))
    one, two = (write(engine, some, [3])[0] for some in (plan, other))
    assert not np.array_equal(one.nats[0], two.nats[0])


@pytest.mark.parametrize(("first", "last"), [(1, 2), (0, 1), (2, 3)])
def test_bars_are_filled_continued_and_begun(engine, kept, first, last):
    kept["bar"] = kept["onset"] // 48
    given = kept[all_but_bars(kept, first, last).notes]
    given["gap"] = np.diff(given["onset"], prepend=0)
    window = (first * 48, (last + 1) * 48)
    plan = Plan(4, (4, 4), {BASS: (30, 50), PIANO: (50, 80)}, given=given, open_slots=window)
    for sampled in write(engine, plan, range(6)):
        check_form(plan, sampled.steps)
        outside = all_but_bars(sampled.steps, first, last)
        assert rows_of(sampled.steps[outside.notes]) == rows_of(given)
        assert set(sampled.steps["bar"][~outside.notes]) == {first, last}
        expected = parallel_nats(engine[1], sampled.steps, Told(), outside)
        assert np.abs(sampled.nats - expected)[: outside.ahead].max() < 1e-4


def test_a_single_part_adds_nothing_where_it_is_given(engine, piece_of):
    given = piece_of([(0, FLUTE.token, 70, 5, 8), (24, FLUTE.token, 65, 5, 8)])
    plan = Plan(1, (4, 4), {FLUTE: (60, 80)}, single=frozenset({FLUTE}), given=given)
    for sampled in write(engine, plan, range(10)):
        assert len(np.unique(sampled.steps["onset"])) == len(sampled.steps)
        assert set(rows_of(given)) <= set(rows_of(sampled.steps))


def test_given_notes_far_apart_are_reached(engine, piece_of):
    given = piece_of([(0, PIANO.token, 60, 42, 8), (400, PIANO.token, 60, 5, 8)])
    for changes in ({}, {"most_at_once": 1}, {"open_slots": (0, 10)}, {"grid": (48,), "most_silent_bars": 3}):
        plan = Plan(10, (4, 4), {FLUTE: (60, 80)}, given=given, **changes)
        for sampled in write(engine, plan, range(4)):
            check_form(plan, sampled.steps)
            assert set(rows_of(given)) <= set(rows_of(sampled.steps))
            assert sampled.steps["gap"].max() <= 96


def test_given_notes_alone_come_out_alone(engine, kept):
    plan = Plan(4, (4, 4), {}, given=kept)
    assert rows_of(write(engine, plan, [0])[0].steps) == rows_of(kept)


def test_a_copied_pen_counts_what_is_added_and_what_goes_round_by_itself(engine, kept):
    pen = Pen(engine[0], 0, Plan(12, (4, 4), {FLUTE: (60, 90)}, given=kept), np.random.default_rng(0))
    twin = pen.copy(pen.state)
    twin.push([0, PIANO.token, 60, 20, 7], [0.0] * STAGES)
    assert (pen.adding.nats, twin.adding.nats) == (FIRST_ADDING_NATS, FIRST_ADDING_NATS + 1.0)
    pen = Pen(engine[0], 0, Plan(12, (4, 4), {FLUTE: (60, 90)}), np.random.default_rng(0))
    for bar in range(2):
        pen.push([48 * bar, FLUTE.token, 70, 5, 8], [0.0] * STAGES)
    twin = pen.copy(pen.state)
    twin.push([48, FLUTE.token, 70, 5, 8], [0.0] * STAGES)
    pen.push([48, FLUTE.token, 71, 5, 8], [0.0] * STAGES)
    for one in (pen, twin):
        one.push([48, FLUTE.token, 70, 5, 8], [0.0] * STAGES)
    assert (pen.written.is_silent, twin.written.is_silent) == (False, True)
