"""What the note model sees of a note depends on nothing that comes later, is what it is said to be, fits its tables.

That every stage of every note is made of the past alone is also what `test_written` shows: there nothing else is there.
"""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stilo.models.notes.candidates import CANDIDATES, CONTEXT, FARTHEST_SHIFT, META_SIZES, STATES, VOICE
from stilo.models.notes.features import MEMORY_TABLES, NOTE_TABLES, Features, features_of
from stilo.models.notes.fields import FIELD_SIZES, GAP, PART, PITCH, STAGES
from stilo.models.notes.given import Given
from stilo.models.notes.parts import NEAR, PART_TABLES
from stilo.models.notes.pointers import run_class
from stilo.models.notes.told import CHORDS, CONDITION_TABLES, CONTROLS, ChordPlan, FormPlan, Telling, Told
from stilo.models.tokens import END, METRES, PROGRAMS, STEP_DTYPE, Part, with_end

SEEDS = st.integers(0, 2**32 - 1)
BEFORE = ("notes", "memory", "condition", "histogram", "previous_pitch")
AFTER_PART = ("part_pitch", "part", "near", "chord")


def two_ends(make_steps, seed, changing):
    """Two pieces equal up to note t, whose note t differs from field f on, and every note after it."""
    rng = np.random.default_rng(seed)
    one, other = make_steps(seed, notes=60, changing=changing), make_steps(seed + 1, notes=60, changing=changing)
    n = min(len(one), len(other))
    t, f = int(rng.integers(0, n - 2)), int(rng.integers(STAGES))
    one, two = one[:n].copy(), one[:n].copy()
    later = int(one["onset"][t]) + 48
    tail = other[t + 1 : n].copy()
    tail["onset"] += later - int(tail["onset"][0])
    two[t + 1 :] = tail
    if f == GAP:
        later = int(one["onset"][t + 1]) + int(rng.integers(3))
        two["onset"][t] = min(later, int(two["onset"][t + 1]))
    if f == PART:  # a later part at the same onset keeps the order
        two["part"][t] = one["part"][t] + PROGRAMS * 4
    if f <= PITCH:
        two["pitch"][t] = one["pitch"][t] + 1
    if f < STAGES - 1:
        two["duration"][t] = (one["duration"][t] + 7) % FIELD_SIZES[3]
    two["velocity"][t] = (one["velocity"][t] + 5) % 16
    two["gap"] = np.diff(two["onset"], prepend=0)
    two["bar_slots"][t + 1 :] = rng.choice([36, 48])
    two["metre"][t + (f > GAP) :] = 3
    return one, two, t, f


def by_place(steps, seed):
    """What is told of the steps, dependent on where they are alone."""
    rng = np.random.default_rng(seed)
    onset = np.arange(0, 3000, 30)
    plan = ChordPlan(onset, *(rng.integers(0, high, len(onset)) for high in (13, 8, 13)))
    form = FormPlan(*rng.integers(0, 9, (3, 60)))
    controls = rng.integers(0, 9, (60, len(CONTROLS))).astype(np.uint8)
    return Telling(Told(tonic=3, bars=40, controls=controls), plan, form).for_steps(steps)


@settings(deadline=None, max_examples=60)
@given(seed=SEEDS, changing=st.booleans(), told=st.booleans())
def test_nothing_is_known_of_what_comes_later(make_steps, seed, changing, told):
    one, two, t, f = two_ends(make_steps, seed, changing)
    a, b = (features_of(steps, by_place(steps, seed) if told else Told()) for steps in (one, two))
    for name in Features.__dataclass_fields__:
        assert np.array_equal(getattr(a, name)[:t], getattr(b, name)[:t]), name
    for name in (*BEFORE, *(AFTER_PART if f > PART else ())):
        assert np.array_equal(getattr(a, name)[t], getattr(b, name)[t]), name
    assert np.array_equal(a.fields[t, :f], b.fields[t, :f])
    assert np.array_equal(a.values[t, : f + 1], b.values[t, : f + 1])
    assert np.array_equal(a.states[t, : f + 1], b.states[t, : f + 1])
    known = [c for c in range(CANDIDATES) if c != VOICE or f > PART]  # VOICE proposes nothing before the part is known
    assert np.array_equal(a.meta[t, known], b.meta[t, known])
    assert not np.array_equal(a.fields[t, f:], b.fields[t, f:])


@settings(deadline=None, max_examples=30)
@given(seed=SEEDS)
def test_nothing_is_known_of_how_other_parts_go_on(seed):
    """Parts that play the same few contexts over and over, each in its own time."""
    rng = np.random.default_rng(seed)
    parts = []
    for part in range(4):
        steps = np.zeros(40, STEP_DTYPE)
        steps["part"], steps["onset"] = part, np.cumsum(rng.choice([6, 12], 40, p=[0.9, 0.1])) + int(rng.integers(90))
        steps["pitch"] = 60 + np.cumsum(rng.choice([0, 1], 40))
        parts.append(steps)
    steps = placed(np.concatenate(parts))
    t = int(rng.integers(1, len(steps)))
    other = steps.copy()
    other["part"][t:] += 4
    other["pitch"][t:] = rng.integers(20, 100, len(steps) - t)
    other["onset"][t:] += 48 + np.arange(len(steps) - t)
    other = placed(other)
    a, b = (features_of(piece, by_place(piece, seed)) for piece in (steps, other))
    for name in Features.__dataclass_fields__:
        assert np.array_equal(getattr(a, name)[:t], getattr(b, name)[:t]), name
    for name in BEFORE:
        assert np.array_equal(getattr(a, name)[t], getattr(b, name)[t]), name


@settings(deadline=None, max_examples=30)
@given(seed=SEEDS)
def test_of_what_is_given_the_next_note_alone_is_known(make_steps, seed):
    """Given notes and all others after the next given one may be whatever they are, but for the bar ahead."""
    rng = np.random.default_rng(seed)
    steps = make_steps(seed, notes=60)
    mask = rng.random(len(steps)) < 0.4
    known = np.flatnonzero(mask)
    t = int(rng.integers(1, len(steps) - 2))
    coming = known[known >= t]
    far = coming[1] if len(coming) > 1 else len(steps)
    other = steps.copy()
    other["duration"][t + 1 :][~mask[t + 1 :]] = 0
    other["duration"][far:] = 1
    a, b = (features_of(piece, Told(), Given(mask)) for piece in (steps, other))
    for name in (*BEFORE, *AFTER_PART, "values", "states", "meta"):
        assert np.array_equal(getattr(a, name)[: t + 1], getattr(b, name)[: t + 1]), name


def fits(rows, sizes):
    return (rows >= 0).all() and (rows < np.array(sizes)).all()


@pytest.mark.parametrize("count", [1, 2, 3, 60])
@pytest.mark.parametrize("share", [None, 0.0, 0.5, 1.0])
def test_every_index_fits_its_table(make_steps, count, share):
    rng = np.random.default_rng(count)
    for seed in range(6):
        steps = with_end(make_steps(seed, changing=True)[:count])
        mask = None if share is None else Given((rng.random(len(steps)) < share) & (steps["gap"] != END))
        f = features_of(steps, by_place(steps, seed), mask)
        assert fits(f.notes, list(NOTE_TABLES.values()))
        assert fits(f.memory, MEMORY_TABLES)
        assert fits(f.condition, list(CONDITION_TABLES.values()))
        assert fits(f.part, list(PART_TABLES.values()))
        assert fits(f.meta, META_SIZES)
        assert fits(f.states, STATES)
        assert fits(f.chord, CHORDS)
        assert fits(f.values, np.array(FIELD_SIZES)[:, None] + 1)
        assert np.isfinite(f.histogram).all()
        assert f.fields[-1, GAP] == END


def test_the_first_note_is_not_told_where_it_begins():
    """Chords are told by place; the same chords in two pieces that begin sooner and later look the same at first."""
    plan = ChordPlan(np.array([0, 48]), np.array([0, 7]), np.array([0, 0]))
    first = []
    for onset in (0, 30):
        steps = np.zeros(2, STEP_DTYPE)
        steps["onset"], steps["gap"], steps["pitch"] = [onset, onset + 6], [onset, 6], [60, 64]
        steps["bar_slots"], steps["position"] = 48, steps["onset"]
        told = Telling(chords=plan).for_steps(steps)
        first.append(features_of(steps, told).condition)
    assert np.array_equal(first[0][0], first[1][0])
    assert not np.array_equal(first[0][1], first[1][1])


def test_a_change_of_metre_is_told_after_the_first_note_in_it(make_steps):
    steps = make_steps(2)
    steps["metre"][20:] = METRES.index((3, 4))
    metre = features_of(steps, Told()).condition[:, list(CONDITION_TABLES).index("metre")]
    assert (metre[:21] == METRES.index((4, 4))).all()
    assert (metre[21:] == METRES.index((3, 4))).all()


def test_a_voice_that_plays_on_is_proposed():
    """Two lines: when the lower one's note ends, that its part goes on at once is proposed."""
    upper, lower = Part(73).token, Part(0).token
    steps = np.zeros(3, STEP_DTYPE)
    steps["part"], steps["onset"] = [lower, upper, lower], [0, 0, 12]
    steps["pitch"], steps["duration"], steps["gap"] = [50, 70, 52], [11, 47 - 1 - 17, 11], [0, 0, 12]
    steps["bar_slots"] = 48
    f = features_of(steps, Told())
    legato = VOICE + 1
    assert f.values[2, GAP, legato] == 12
    assert f.values[2, PART, legato] == lower
    assert f.values[2, PITCH, legato] == 50


def figures(bars, step=0, part=0, tones=(0, 4, 2)):
    """In every 4/4 bar a quarter on each of the first beats, all of it `step` semitones higher from bar to bar."""
    steps = np.zeros(bars * len(tones), STEP_DTYPE)
    bar, tone = np.divmod(np.arange(len(steps)), len(tones))
    steps["onset"], steps["part"], steps["velocity"] = 48 * bar + 12 * tone, part, 5 + tone
    steps["pitch"], steps["duration"] = 48 + np.array(tones)[tone] + step * bar, 11 - tone
    return placed(steps)


def placed(steps):
    """In order, with gaps and bars; 4/4."""
    steps = steps[np.lexsort((steps["pitch"], steps["part"], steps["onset"]))]
    steps["gap"] = np.diff(steps["onset"], prepend=0)
    steps["bar"], steps["position"], steps["bar_slots"] = steps["onset"] // 48, steps["onset"] % 48, 48
    steps["metre"] = METRES.index((4, 4))
    return steps


def test_what_stood_so_many_bars_ago_is_proposed():
    steps = figures(20)
    form = FormPlan(np.arange(20), np.arange(20), np.where(np.arange(20) >= 5, 5, 0))
    f = features_of(steps, Telling(form=form).for_steps(steps))
    for candidate, lag in enumerate((1, 2, 4, 8, 5)):
        known = 3 * lag + 1  # the gap over the bar line is known once a note stands that far back
        assert np.array_equal(f.values[known:, :, candidate], f.fields[known:])
        assert (f.values[: 3 * lag, PART:, candidate] == np.array(FIELD_SIZES[PART:])).all()
    hits = 2 * (2 * 8 + 1)
    assert f.states[-1, :, 0].tolist() == [hits, *[hits + 1] * 4]
    assert f.meta[-1, :5, 0].tolist() == run_class(59 - 3 * np.array([1, 2, 4, 8, 5])).tolist()


def test_another_note_than_so_many_bars_ago_is_told():
    steps = figures(12)
    steps["pitch"][30] += 1
    f = features_of(steps, Told())
    assert f.fields[30, PITCH] == f.values[30, PITCH, 0] + 1
    assert (f.states[30, :, 0] % 2).tolist() == [0, 1, 1, 0, 0]
    assert f.states[31, GAP, 0] == 2 * (2 * 7)  # of the last eight the last one missed
    assert f.meta[31, 0, 0] == 0


@pytest.mark.parametrize("step", [0, 2, -3])
def test_what_comes_back_higher_is_proposed_higher(step):
    f = features_of(figures(12, step), Told())
    assert np.array_equal(f.values[8:, :, CONTEXT], f.fields[8:])
    run, uses, chain, shift, same_place = f.meta[-1, CONTEXT]
    assert run == run_class(np.array(36 - 6))
    assert (uses, chain, shift, same_place) == (6, 3, FARTHEST_SHIFT + step, 1)
    first_again = f.meta[8, CONTEXT]
    assert first_again[2] == 0  # no sequence yet
    assert f.states[-1, GAP, CONTEXT] == 0  # of the longest contexts
    assert (f.states[-1, :, CONTEXT] % 2).tolist() == [0, 1, 1, 1, 1]


def test_how_a_part_went_on_is_proposed_to_another_part():
    """A tune, then the same a fifth higher in another part, while the first holds long notes."""
    tones = np.array([0, 2, 5, 3, 7, 4, 9, 1, 6, 8])
    tune, answer, held = (np.zeros(n, STEP_DTYPE) for n in (10, 10, 4))
    for steps, start in ((tune, 0), (answer, 192)):
        steps["onset"], steps["duration"] = start + 12 * np.arange(10), 3 + np.arange(10)
    tune["pitch"], answer["pitch"], answer["part"] = 60 + tones, 67 + tones, 40
    held["onset"], held["pitch"], held["duration"] = 198 + 30 * np.arange(4), [50, 45, 47, 41], 23
    steps = placed(np.concatenate([tune, answer, held]))
    f = features_of(steps, Told())
    own = np.flatnonzero(steps["part"] == 40)[3:]  # two intervals are known
    assert np.array_equal(f.values[own, PITCH:4, VOICE], f.fields[own, PITCH:4])
    assert (f.meta[own, VOICE, 3] == FARTHEST_SHIFT + 7).all()
    assert (f.states[own, 3, VOICE] % 2 == 1).all()


def test_what_sounds_and_what_is_given_is_near():
    steps = np.zeros(4, STEP_DTYPE)
    steps["onset"], steps["pitch"], steps["part"] = [0, 0, 24, 24], [60, 64, 62, 67], [0, 0, 0, 40]
    steps["duration"] = [33, 11, 11, 11]  # seven quarters, and one
    f = features_of(placed(steps), Told(), Given(np.array([False, False, False, True])))
    reference = int(f.part_pitch[2])
    assert reference == 60
    sounding, given = (np.flatnonzero(row) - NEAR + reference for row in f.near[2])
    assert sounding.tolist() == [60]
    assert given.tolist() == [67]


def test_what_is_told_of_bars_is_told_where_they_are():
    steps = figures(4)
    controls = np.arange(4 * len(CONTROLS), dtype=np.uint8).reshape(4, -1) % 8
    form = FormPlan(np.array([0, 1, 0, 1]), np.array([1, 0, 1, 0]), np.array([0, 0, 2, 2]))
    told = Telling(Told(bars=4, controls=controls), form=form).for_steps(steps)
    rows = {name: features_of(steps, told).condition[:, i].tolist() for i, name in enumerate(CONDITION_TABLES)}
    bar = [0, *steps["bar"][:-1].tolist()]  # that of the note before
    for i, name in enumerate(CONTROLS):
        assert rows[f"{name}_now"] == [controls[b, i] for b in bar]
        assert rows[f"{name}_next"] == [controls[b + 1, i] if b < 3 else 8 for b in bar]
    assert rows["bars_left"] == [3 - b for b in bar]
    assert rows["section_elapsed"] == [b % 2 for b in bar]
    assert rows["section_left"] == [1 - b % 2 for b in bar]
    assert rows["returns"] == [b // 2 for b in bar]
