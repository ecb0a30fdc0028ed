"""What is written keeps to its plan, whatever the model would like; and its nats are those of the net."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from stilo.models.notes.balance import CLASH_NATS
from stilo.models.notes.engine import Engine
from stilo.models.notes.features import features_of
from stilo.models.notes.fields import GAP, GAPS, PART, PARTS, PITCH, STAGES
from stilo.models.notes.given import Given, all_but_bars
from stilo.models.notes.pens import Pen, PenBatch
from stilo.models.notes.plan import Plan, Taste
from stilo.models.notes.sampler import Sampler
from stilo.models.notes.stream import batch_of
from stilo.models.notes.told import ChordPlan, StyleTold, Telling, Told
from stilo.models.tokens import DRUMS, DURATION_SLOTS, END, MAX_GAP, PROGRAMS, Part, bar_slots_of

FLUTE, PIANO, LOW_PIANO, BASS, KIT = Part(73), Part(0), Part(0, 1), Part(32), Part(DRUMS)
RANGES = {PIANO: (50, 90), LOW_PIANO: (30, 60), FLUTE: (60, 95), KIT: (35, 59)}
TASTE = Taste()
KEY = ("onset", "part", "pitch")


@pytest.fixture(scope="module")
def engine(make_note_model):
    model = make_note_model(noise=0.1)
    with torch.no_grad():  # short gaps, so that pieces are full; and drums must not be asked for alone
        model.head.out[0].bias[:8] += 3.0
    return Engine(model.config, {name: tensor.numpy() for name, tensor in model.state_dict().items()}), model


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


def parallel_nats(model, steps, told, given=None):
    batch = batch_of([features_of(steps, told, given)], np.zeros((1, len(steps)), np.int64), [told])
    with torch.no_grad():
        return model(batch.to(torch.device("cpu")))[0][0].numpy()


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


@pytest.fixture
def kept(piece_of):
    """Four bars of bass and chords, two notes of different parts at some onsets."""
    rows = [(at, BASS.token, 36 + at % 5, 11, 9) for at in range(0, 192, 24)]
    rows += [(at, PIANO.token, pitch, 20, 7) for at in range(0, 192, 48) for pitch in (60, 64, 67)]
    return piece_of(sorted(rows))


def rows_of(steps):
    return [tuple(int(step[name]) for name in (*KEY, "duration", "velocity")) for step in steps]


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


def test_a_copied_pen_counts_what_is_added_and_what_goes_round_by_itself(engine, kept):
    pen = Pen(engine[0], 0, Plan(12, (4, 4), {FLUTE: (60, 90)}, given=kept), np.random.default_rng(0))
    twin = pen.copy(pen.state)
    twin.push([0, PIANO.token, 60, 20, 7], [0.0] * STAGES)
    assert (pen.adding.nats, twin.adding.nats) == (0.0, 1.0)
    pen = Pen(engine[0], 0, Plan(12, (4, 4), {FLUTE: (60, 90)}), np.random.default_rng(0))
    for bar in range(2):
        pen.push([48 * bar, FLUTE.token, 70, 5, 8], [0.0] * STAGES)
    twin = pen.copy(pen.state)
    twin.push([48, FLUTE.token, 70, 5, 8], [0.0] * STAGES)
    pen.push([48, FLUTE.token, 71, 5, 8], [0.0] * STAGES)
    for one in (pen, twin):
        one.push([48, FLUTE.token, 70, 5, 8], [0.0] * STAGES)
    assert (pen.written.is_silent, twin.written.is_silent) == (False, True)


def test_a_copied_pen_counts_the_shares_of_parts_by_itself(engine):
    pen = Pen(engine[0], 0, Plan(4, (4, 4), RANGES, shares={PIANO: 1, FLUTE: 3}), np.random.default_rng(5))
    twin = pen.copy(pen.state)
    twin.push([0, PIANO.token, 60, 5, 8], [0.0] * STAGES)
    assert twin.balance.nats()[PIANO.token] < 0
    assert np.allclose(pen.balance.nats(), 0)


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
