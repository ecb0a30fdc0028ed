"""What is written keeps to its plan, whatever the model would like; and its nats are those of the net."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from drawing import (
    BASS,
    FLUTE,
    KIT,
    LOW_PIANO,
    PIANO,
    RANGES,
    TASTE,
    check_form,
    ends_of,
    most_sounding,
    parallel_nats,
    write,
)

from stilo.models.notes.engine import Engine
from stilo.models.notes.fields import GAP, GAPS, STAGES
from stilo.models.notes.pens import Pen, PenBatch
from stilo.models.notes.plan import Plan, Taste
from stilo.models.notes.sampler import Sampler
from stilo.models.notes.told import ChordPlan, StyleTold, Telling, Told
from stilo.models.tokens import DURATION_SLOTS, END


@pytest.mark.parametrize("metre", [(4, 4), (3, 4), (7, 8)])
def test_every_piece_keeps_to_order_ranges_bars_and_the_end(engine, metre):
    plan = Plan(3, metre, RANGES, single=frozenset({FLUTE}), most_duration=36, most_notes=400)
    tokens = {part.token: limits for part, limits in RANGES.items()}
    for sampled in write(engine, plan, range(8)):
        steps = sampled.steps
        check_form(plan, steps)
        assert sampled.nats.shape == (len(steps), STAGES)
        for step in steps:
            low, high = tokens[int(step["part"])]
            assert low <= step["pitch"] % 128 <= high
        flute = steps["onset"][steps["part"] == FLUTE.token]
        assert len(np.unique(flute)) == len(flute)
        assert DURATION_SLOTS[steps["duration"]].max() <= 36
        assert (ends_of(steps) <= plan.total_slots).all()
        assert set(np.unique(steps["bar"])) == {0, 1, 2}  # no bar of silence, no end before the last


def test_the_grid_and_the_silence_that_is_asked_for_are_kept(engine):
    plan = Plan(6, (4, 4), {PIANO: (40, 90)}, grid=(3, 4), most_silent_bars=None, most_notes=300)
    for sampled in write(engine, plan, range(6)):
        position = sampled.steps["position"]
        assert ((position % 3 == 0) | (position % 4 == 0)).all()
    coarse = Plan(6, (4, 4), {PIANO: (60, 60)}, grid=(48,), most_silent_bars=1)
    for sampled in write(engine, coarse, range(6)):
        assert not sampled.steps["position"].any()
        bars = sampled.steps["bar"].astype(int)
        assert bars[0] <= 1 and np.diff(bars).max(initial=0) <= 2 and bars[-1] == 5


@pytest.mark.parametrize(
    ("at_once", "in_part"), [(1, {}), (3, {}), (None, {PIANO: 1, FLUTE: 2}), (4, {PIANO: 2, KIT: 1})]
)
def test_no_more_notes_sound_at_once_than_may(engine, at_once, in_part):
    ranges = {PIANO: (50, 90), FLUTE: (60, 95)} | ({KIT: (35, 50)} if KIT in in_part else {})
    plan = Plan(4, (4, 4), ranges, most_at_once=at_once, most_in_part=in_part, most_notes=300)
    for sampled in write(engine, plan, range(6)):
        check_form(plan, sampled.steps)
        if at_once is not None:
            assert most_sounding(sampled.steps) <= at_once
        for part, most in in_part.items():
            own = sampled.steps[sampled.steps["part"] == part.token]
            assert len(own) == 0 or most_sounding(own) <= most
        assert sampled.steps["bar"].max() == 3


def test_a_single_part_alone_begins_one_note_at_a_time(engine):
    plan = Plan(3, (4, 4), {FLUTE: (70, 72)}, single=frozenset({FLUTE}))
    for sampled in write(engine, plan, range(5)):
        assert (sampled.steps["gap"][1:] > 0).all()


def test_it_never_goes_on_for_ever(engine):
    plan = Plan(200, (4, 4), RANGES, most_notes=25)
    assert [len(sampled.steps) for sampled in write(engine, plan, range(3))] == [25] * 3


def test_the_same_seed_writes_the_same_whatever_is_written_beside_it(engine):
    told = Telling(Told(tempo=5, bars=3), ChordPlan(np.array([0, 48]), np.array([0, 7]), np.array([0, 0])))
    plans = [
        Plan(3, (4, 4), RANGES, most_notes=40),
        Plan(2, (3, 4), {PIANO: (40, 80)}, telling=told, guidance=1.7, most_notes=40),
        Plan(4, (6, 8), RANGES, grid=(3,), most_notes=40),
    ] * 2
    taste = Taste(0.9, 0.95, 0.01)
    rngs = [np.random.default_rng(seed) for seed in range(6)]
    together = Sampler(engine[0], plans, taste, rngs).write()
    by_twos = Sampler(engine[0], plans, taste, [np.random.default_rng(seed) for seed in range(6)], at_once=2).write()
    for number, plan in enumerate(plans):
        alone = write(engine, plan, [number], taste)[0]
        for other in (together[number], by_twos[number]):
            assert np.array_equal(alone.steps, other.steps)
            assert np.allclose(alone.nats, other.nats, atol=1e-4)
    assert not np.array_equal(together[0].steps, together[3].steps)


def test_pieces_that_were_begun_go_on_as_if_they_had_never_waited(engine):
    plans = [Plan(6, (4, 4), RANGES, most_notes=most, guidance=1.0 + most % 2) for most in (200, 201, 5)] * 2
    whole = Sampler(engine[0], plans, TASTE, [np.random.default_rng(seed) for seed in range(6)]).write()
    for at_once in (2, 8):
        sampler = Sampler(engine[0], plans, TASTE, [np.random.default_rng(seed) for seed in range(6)], at_once=at_once)
        begun = sampler.begin(96)
        some = sampler.write(numbers=[4, 1, 2])
        for one, all_of_it in zip(begun, whole, strict=True):
            assert np.array_equal(one.steps, all_of_it.steps[all_of_it.steps["onset"] < 96])
            assert len(one.nats) == len(one.steps)
        for one, number in zip(some, (4, 1, 2), strict=True):
            assert np.array_equal(one.steps, whole[number].steps)
            assert np.allclose(one.nats, whole[number].nats, atol=1e-4)


@pytest.mark.parametrize("guidance", [1.0, 2.5])
def test_the_nats_are_those_of_the_net_told_unmasked_unguided(engine, guidance):
    rng = np.random.default_rng(3)
    style = StyleTold(*(rng.normal(size=size).astype(np.float32) for size in (179, 320)), np.array([1, 1, 0, 1], bool))
    about = Told(style, frozenset({0, 73}), 6, bars=4, tonic=2, mode=1)
    chords = ChordPlan(np.arange(0, 190, 24), np.arange(8) % 12, np.arange(8) % 3)
    telling = Telling(about, chords)
    plan = Plan(4, (4, 4), RANGES, single=frozenset({FLUTE}), telling=telling, guidance=guidance, grid=(3,))
    for sampled in write(engine, plan, [1, 2], Taste(0.8, 0.9)):
        expected = parallel_nats(engine[1], sampled.steps, telling.for_steps(sampled.steps))
        assert np.abs(sampled.nats - expected).max() < 1e-4


def test_guidance_of_one_or_towards_what_is_told_anyway_changes_nothing(engine):
    telling = Telling(Told(tempo=4, programs=frozenset({0})), ChordPlan(np.array([0]), np.array([4]), np.array([1])))
    plain = Plan(2, (4, 4), RANGES, telling=telling)
    same = write(engine, replace(plain, guidance=1.0), [3])[0]
    towards_itself = write(engine, replace(plain, guidance=3.0, untold=telling), [3])[0]
    strong = write(engine, replace(plain, guidance=3.0), [3])[0]
    without = write(engine, replace(plain, guidance=0.0), [3])[0]
    untold = write(engine, replace(plain, telling=Telling()), [3])[0]
    assert np.array_equal(write(engine, plain, [3])[0].steps, same.steps)
    assert np.array_equal(same.steps, towards_itself.steps)
    assert not np.array_equal(same.steps, strong.steps)
    assert np.array_equal(without.steps, untold.steps)
    assert not np.allclose(without.nats, untold.nats)


def test_guidance_moves_on_from_the_untold_logits_through_the_told_ones(engine):
    rngs = [np.random.default_rng(0)] * 3
    plans = [Plan(1, (4, 4), RANGES, guidance=guidance) for guidance in (1.0, 2.0, 0.5)]
    batch = PenBatch([Pen(engine[0], i, plan, rng) for i, (plan, rng) in enumerate(zip(plans, rngs, strict=True))])
    logits = np.array([[1.0, 2.0], [3.0, 5.0], [2.0, 6.0], [1.0, 1.0], [3.0, -1.0]], np.float32)
    told, guided = batch.told_and_guided(logits)
    assert told.tolist() == [[1, 2], [3, 5], [1, 1]]
    assert guided.tolist() == [[1, 2], [4, 4], [2, 0]]


def test_endings_differ_after_the_place_where_they_begin_and_nowhere_before(engine):
    plan = Plan(4, (4, 4), {PIANO: (50, 80)}, ending_bars=2, most_notes=300)
    for at_once in (1, 3):
        sampler = Sampler(engine[0], [plan], TASTE, [np.random.default_rng(5)], at_once=at_once)
        whole = sampler.write()[0].steps
        endings = [ending.steps for ending in sampler.endings(0, 3)]
        assert len(endings) == 3
        for ending in endings:
            check_form(plan, ending)
            assert np.array_equal(ending[ending["bar"] < 2], whole[whole["bar"] < 2])
            assert ending["bar"][-1] == 3
        assert not np.array_equal(endings[0], endings[1])
    assert list(Sampler(engine[0], [plan], TASTE, [np.random.default_rng(5)]).endings(0, 3)) == []


def test_endings_may_be_kept_to_some_pitches_in_the_last_bar(engine):
    plan = Plan(4, (4, 4), {PIANO: (50, 80), LOW_PIANO: (38, 38), KIT: (35, 59)}, ending_bars=2, most_notes=300)
    sampler = Sampler(engine[0], [plan], TASTE, [np.random.default_rng(5)])
    sampler.write()
    seen = set()
    for ending in sampler.endings(0, 6, (0, 4, 7)):
        check_form(plan, ending.steps)
        last = ending.steps[ending.steps["bar"] == 3]
        assert set((last["pitch"][last["part"] == PIANO.token] % 12).tolist()) <= {0, 4, 7}
        assert set(last["pitch"][last["part"] == LOW_PIANO.token].tolist()) <= {38}, "a part that has none of them"
        drums, before = last[last["part"] == KIT.token], ending.steps[ending.steps["bar"] == 2]
        seen |= {("drums", int(pitch) % 12 not in {0, 4, 7}) for pitch in drums["pitch"] - 128}
        seen |= {("before", bool((~np.isin(before["pitch"][before["part"] == PIANO.token] % 12, (0, 4, 7))).any()))}
    assert {("drums", True), ("before", True)} <= seen


@pytest.mark.parametrize("rows", [None, [(0, BASS.token, 40, 42, 8), (48 * 3, BASS.token, 40, 5, 8)]])
def test_no_ending_adds_a_note_to_what_stays(engine, piece_of, rows):
    """The note after which a piece begins to end may lie bars ahead; what an ending puts in its place does, too."""
    given = None if rows is None else piece_of(rows)
    plan = Plan(4, (4, 4), {PIANO: (50, 80)}, given=given, ending_bars=2, grid=(6,), most_silent_bars=1)
    for seed in range(4):
        sampler = Sampler(engine[0], [plan], TASTE, [np.random.default_rng(seed)])
        whole = sampler.write()[0].steps
        for ending in sampler.endings(0, 16):
            assert np.array_equal(ending.steps[ending.steps["bar"] < 2], whole[whole["bar"] < 2])


def test_parts_are_brought_near_their_shares(engine):
    plan = Plan(60, (4, 4), {PIANO: (50, 90), FLUTE: (60, 95)}, most_notes=600)
    heard = {}
    for asked in (None, 0.2, 0.95):
        shares = {} if asked is None else {FLUTE: asked, PIANO: 1 - asked}
        parts = np.concatenate([one.steps["part"] for one in write(engine, replace(plan, shares=shares), range(4))])
        heard[asked] = float((parts == FLUTE.token).mean())
    assert heard[0.2] + 0.1 < heard[0.95]
    for asked in (0.2, 0.95):
        assert abs(heard[asked] - asked) < abs(heard[None] - asked)


def test_a_piece_is_held_to_its_pace(engine):
    notes = {}
    for asked in (None, 0.5, 6.0):
        plan = Plan(12, (4, 4), RANGES, notes_per_quarter=asked)
        notes[asked] = np.mean([len(one.steps) / 48 for one in write(engine, plan, range(4))])
    assert notes[0.5] < 0.9 * notes[None] < notes[None] < 0.9 * notes[6.0]
    for bad in (-1.0, 0.0, np.nan):
        with pytest.raises(ValueError, match="quarter"):
            Plan(2, (4, 4), RANGES, notes_per_quarter=bad)


def test_a_copied_pen_counts_the_shares_of_parts_and_the_pace_by_itself(engine):
    plan = Plan(4, (4, 4), RANGES, shares={PIANO: 1, FLUTE: 3}, notes_per_quarter=1.0)
    pen = Pen(engine[0], 0, plan, np.random.default_rng(5))
    twin = pen.copy(pen.state)
    for gap in (24, 0, 0):  # that the piece begins late is no gap
        twin.push([gap, PIANO.token, 60 + len(twin.written), 5, 8], [0.0] * STAGES)
    assert twin.balance.nats()[PIANO.token] < 0
    assert twin.pace.nats()[-1] > 0
    assert np.allclose(pen.balance.nats(), 0)
    assert np.allclose(pen.pace.nats(), 0)


@pytest.mark.parametrize(("gap", "end_moves"), [(48, True), (0, False)])
def test_where_more_notes_ought_to_come_the_end_is_as_much_less_likely_as_long_gaps(engine, gap, end_moves):
    pen = Pen(engine[0], 0, Plan(4, (4, 4), RANGES, notes_per_quarter=2.0), np.random.default_rng(5))
    for onset in range(4):
        pen.push([gap * (onset > 0), PIANO.token, 60 + onset, 5, 8], [0.0] * STAGES)
    logits = np.zeros(GAPS)
    pen.incline(GAP, logits, [], None)
    assert logits[END] == (logits[END - 1] if end_moves else 0)
    assert (logits[END - 1] < 0) == end_moves


@pytest.mark.parametrize("share", [0.0, -1.0, np.nan, np.inf])
def test_a_share_of_nothing_is_refused(share):
    with pytest.raises(ValueError, match="share"):
        Plan(2, (4, 4), {PIANO: (50, 80)}, shares={PIANO: share})


def test_what_would_begin_after_the_end_ends_the_piece(make_note_model):
    """A model that wants whole bars between its notes, and END never, does not crowd the last bar."""
    model = make_note_model(noise=0.1)
    with torch.no_grad():
        model.head.out[GAP].bias[48] += 30.0
        model.head.out[GAP].bias[END] -= 30.0
    bars = Engine(model.config, {name: tensor.numpy() for name, tensor in model.state_dict().items()})
    assert len(write((bars, model), Plan(1, (12, 4), {FLUTE: (60, 95)}), [0])[0].steps) <= 3  # longer than any gap
    for seed in range(5):
        steps = write((bars, model), Plan(3, (4, 4), {FLUTE: (60, 95)}), [seed])[0].steps
        assert steps["onset"][1:].tolist() == (steps["onset"][0] + 48 * np.arange(1, len(steps))).tolist()
        assert steps["onset"][-1] >= 2 * 48


def test_progress_is_told(engine):
    heard = []
    rngs = [np.random.default_rng(seed) for seed in range(3)]
    Sampler(engine[0], [Plan(12, (4, 4), RANGES)] * 3, TASTE, rngs, at_once=2).write(heard.append)
    assert heard == sorted(heard) and heard and heard[0] >= 0 and heard[-1] <= 1


def test_a_part_that_the_model_would_leave_out_enters_in_time(engine):
    torch_free, net = engine
    weights = {name: tensor.numpy().copy() for name, tensor in net.state_dict().items()}
    weights["head.out.1.bias"][FLUTE.token] -= 8.0
    shy = (Engine(torch_free.config, weights), net)
    ranges = {FLUTE: (60, 90), PIANO: (40, 80)}
    for most, longest in (({FLUTE: 2.0}, 8), ({}, 0)):
        plan = Plan(16, (4, 4), ranges, most_rests=most, most_duration=24, most_notes=2000)
        for sampled in write(shy, plan, range(3)):
            bars = sampled.steps["bar"][sampled.steps["part"] == FLUTE.token]
            if not most:
                assert len(bars) <= 2
            else:
                assert np.diff(bars, prepend=0, append=15).max() <= longest
