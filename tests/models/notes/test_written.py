"""What is seen of a piece while it is written is what is seen of it as a whole."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from random_pieces import ENSEMBLE, laid_out, random_given, random_music, random_telling, sound

from stilo.models.notes.candidates import CONTEXT, LEGATO
from stilo.models.notes.features import MEMORY_TABLES, features_of
from stilo.models.notes.fields import FIELD_SIZES, FIELDS, GAP, PART, STAGES
from stilo.models.notes.given import Given, all_but_bars
from stilo.models.notes.told import CONTROLS, FormPlan, Telling, Told
from stilo.models.notes.written import Written
from stilo.models.tokens import (
    DRUMS,
    END,
    MAX_GAP,
    METRES,
    PROGRAMS,
    Part,
    with_end,
)

SEEDS = st.integers(0, 2**32 - 1)


def fields_of(step):
    return [int(step[name]) for name in FIELDS]


def check(steps, telling, metre, given=None):
    """Every row of the features, its stages and its place; then the end.

    Where all is given, it does not matter what the memory proposes.
    """
    known = None if given is None else Given(np.append(given.notes, False), given.ahead)
    ended = with_end(steps)
    whole = features_of(ended, telling.for_steps(ended), known)
    heard = steps[known.ahead :] if known is not None and known.ahead is not None else None
    written = Written(telling, metre, None if given is None else steps[given.notes], heard)
    for t in range(len(ended) if heard is None or len(heard) == 0 else known.ahead):
        note = written.next_note()
        for name in ("notes", "memory", "condition"):
            assert getattr(note, name).tolist() == getattr(whole, name)[t].tolist(), (name, t)
        assert np.abs(note.histogram - whole.histogram[t]).max() < 1e-6, t
        chosen = fields_of(ended[t])
        stages = STAGES if t < len(steps) else 1
        for stage in range(stages):
            values, states, meta = note.stage(stage, chosen[:stage])
            assert values == whole.values[t, stage].tolist(), (t, stage)
            assert states == whole.states[t, stage].tolist(), (t, stage)
            known_meta = whole.meta[t].tolist()
            if stage <= PART:
                known_meta[7] = meta[7]  # that of the part's own context is known with the part
            assert meta == known_meta, (t, stage)
        if t == len(steps):
            break
        place = note.place(chosen[GAP], chosen[PART])
        assert place.previous == whole.previous_pitch[t]
        assert place.part_pitch == whole.part_pitch[t]
        assert place.is_drum == (chosen[PART] % PROGRAMS == DRUMS)
        assert place.past == whole.part[t].tolist()
        assert np.array_equal(place.near, whole.near[t])
        assert (place.chord, place.bass) == (whole.chord[t], whole.bass[t])
        if given is not None and given.notes[t:].any():
            coming = t + int(np.argmax(given.notes[t:]))
            ahead = int(steps["onset"][coming]) - written.last("onset")
            assert note.given_next == (ahead, *fields_of(steps[coming])[1:])
        else:
            assert note.given_next is None
        written.push(*chosen)
    assert np.array_equal(written.steps(), steps[: len(written)])
    return whole


@settings(deadline=None, max_examples=40)
@given(seed=SEEDS)
def test_the_same_is_seen_of_a_growing_piece_as_of_a_whole_one(seed):
    rng = np.random.default_rng(seed)
    metre = METRES[int(rng.integers(len(METRES)))]
    count = int(rng.integers(1, len(ENSEMBLE) + 1))
    parts = [ENSEMBLE[i] for i in sorted(rng.choice(len(ENSEMBLE), count, replace=False))]
    steps = random_music(rng, int(rng.integers(1, 16)), parts, metre)
    if len(steps):
        check(steps, random_telling(rng, 16, metre), metre, random_given(rng, steps))


NOTES = st.tuples(
    st.sampled_from([0, 0, 3, 6, 6, 12, 24, 96]),
    st.integers(0, len(ENSEMBLE) - 1),
    st.sampled_from([0, 40, 60, 62, 64, 67, 90, 127]),
    st.sampled_from([0, 5, 11, 23, 42]),
    st.integers(0, 2),
)


@settings(deadline=None, max_examples=60)
@given(notes=st.lists(NOTES, min_size=1, max_size=40), times=st.integers(1, 4), seed=SEEDS)
def test_whatever_the_music_is(notes, times, seed):
    """From one note on; said again and again it is full of contexts that recur."""
    rng, metre, rows, onset = np.random.default_rng(seed), (3, 4), [], 0
    for gap, part, pitch, duration, velocity in notes * times:
        onset += gap
        token = ENSEMBLE[part].token
        rows.append((onset, token, sound(token, pitch), duration, velocity))
    steps = laid_out(rows, metre)
    check(steps, random_telling(rng, 8, metre), metre, random_given(rng, steps))


def scale(parts, lines, bars, step, pitch=48):
    """In every bar a figure of three notes for each line, `step` higher from bar to bar."""
    return laid_out(
        [
            (48 * bar + 12 * i, parts[line], sound(parts[line], pitch + 7 * line + step * bar + tone), 11, 8)
            for bar in range(bars)
            for line in range(lines)
            for i, tone in enumerate((0, 4, 2))
        ],
        (4, 4),
    )


@pytest.mark.parametrize("given_parts", [(), (0,)])
@pytest.mark.parametrize(("lines", "bars", "step"), [(1, 20, 0), (1, 20, 2), (3, 12, 0), (3, 12, 1), (2, 1, 0)])
def test_loops_and_sequences(lines, bars, step, given_parts):
    parts = [Part(0, 0).token, Part(0, 1).token, Part(DRUMS).token]
    steps = scale(parts, lines, bars, step)
    mask = np.isin(steps["part"], [parts[i] for i in given_parts])
    form = FormPlan(np.arange(bars) % 4, 3 - np.arange(bars) % 4, np.where(np.arange(bars) >= 4, 4, 0))
    whole = check(steps, Telling(Told(bars=bars), None, form), (4, 4), Given(mask))
    if bars > 1:
        assert (whole.states[-2] > 0).any()
        assert whole.meta[-2, :, 0].max() > 0  # something has been followed for a while


def test_bars_known_ahead_that_are_the_same_or_begin_so():
    """No context reaches from them into the piece, nor over its beginning."""
    steps = scale([0, Part(DRUMS).token], 2, 12, 0)
    whole = check(steps, Telling(), (4, 4), all_but_bars(steps, 0, 5))
    assert (whole.states[3:12, GAP, CONTEXT] > 0).all()


def test_a_long_piece_with_runs_longer_than_any_class():
    steps = scale([0], 1, 80, 0)
    whole = check(steps, Telling(), (4, 4))
    assert whole.meta[-1, 0, 0] == 9


def test_one_note():
    steps = laid_out([(12, 0, 60, 11, 8)], (4, 4))
    for known in (None, Given(np.array([True])), Given(np.array([False]))):
        check(steps, random_telling(np.random.default_rng(1), 4, (4, 4)), (4, 4), known)


def test_a_piece_that_begins_late():
    """What is told of a bar is counted from that of the first note, as in training."""
    steps = random_music(np.random.default_rng(3), 6)
    steps["onset"] += 60 - int(steps["onset"][0])
    steps["gap"][0] = 60
    steps["bar"], steps["position"] = steps["onset"] // 48, steps["onset"] % 48
    controls = np.arange(6 * len(CONTROLS), dtype=np.uint8).reshape(6, -1) % 8
    telling = Telling(Told(bars=9, controls=controls))
    whole = features_of(steps, telling.for_steps(steps))
    written = Written(telling, (4, 4))
    for t, step in enumerate(steps):
        if t:
            assert written.next_note().condition.tolist() == whole.condition[t].tolist()
        written.push(*fields_of(step))


def rows_of(written, chosen):
    note = written.next_note()
    stages = [note.stage(stage, chosen[:stage]) for stage in range(STAGES)]
    place = note.place(chosen[GAP], chosen[PART])
    return note.row.tolist(), note.histogram.tolist(), stages, place.past, place.near.tolist(), place.chord


def test_a_silent_memory_proposes_nothing():
    written = Written(Telling(), (4, 4))
    for step in scale([0, Part(DRUMS).token], 2, 12, 0):
        written.push(*fields_of(step))
    chosen = [6, 0, 60, 5, 8]
    loud = rows_of(written, chosen)
    written.is_silent = True
    note = written.next_note()
    for stage in range(STAGES):
        values, states, meta = note.stage(stage, chosen[:stage])
        assert values[:LEGATO] == [FIELD_SIZES[stage]] * LEGATO
        assert not any(states[:LEGATO])
        assert not any(record[name] for record in meta for name in (0, 1, 2, 4))
    assert rows_of(written, chosen) != loud
    written.is_silent = False
    assert rows_of(written, chosen) == loud


def test_a_copy_goes_on_by_itself():
    rng = np.random.default_rng(8)
    steps, telling = random_music(rng, 12), random_telling(rng, 12, (4, 4))
    mask = steps["part"] == ENSEMBLE[0].token
    assert len(steps) > 40
    written = Written(telling, (4, 4), steps[mask])
    for step in steps[:30]:
        written.push(*fields_of(step))
    coming = fields_of(steps[30])
    seen = rows_of(written, coming)
    twin = written.copy()
    for step in steps[30:]:
        twin.push(*fields_of(step))
    assert rows_of(written, coming) == seen
    assert len(written) == 30
    assert len(twin) == len(steps)
    for step in steps[30:]:
        written.push(*fields_of(step))
    other = [5, ENSEMBLE[1].token, 60, 3, 3]
    assert rows_of(written, other) == rows_of(twin, other)
    assert np.array_equal(written.steps(), twin.steps())


def test_stages_may_be_asked_in_any_order():
    """A choice that is taken back leaves no trace."""
    steps = random_music(np.random.default_rng(9), 8)
    written = Written(Telling(), (4, 4))
    for step in steps[:-1]:
        written.push(*fields_of(step))
    note, chosen = written.next_note(), fields_of(steps[-1])
    straight = [note.stage(stage, chosen[:stage]) for stage in range(STAGES)]
    for gap, part in ((0, ENSEMBLE[-1].token), (7, ENSEMBLE[0].token), (7, 5)):
        note.place(gap, part)
        note.stage(4, [gap, part, 60, 3])
        assert [note.stage(stage, chosen[:stage]) for stage in range(STAGES)] == straight


def test_notes_out_of_order_are_refused():
    written = Written(Telling(), (4, 4))
    written.push(0, 5, 60, 3, 3)
    for part, pitch in ((5, 60), (5, 59), (4, 70)):
        with pytest.raises(ValueError, match="order of onset, part and pitch"):
            written.push(0, part, pitch, 3, 3)
    assert len(written) == 1
    written.push(0, 5, 61, 3, 3)


def test_a_given_note_cannot_be_left_out():
    steps = laid_out([(12, 0, 60, 5, 5), (24, 0, 62, 5, 5)], (4, 4))
    written = Written(Telling(), (4, 4), steps)
    written.push(0, 3, 50, 2, 2)
    with pytest.raises(ValueError, match="left out"):
        written.push(24, 0, 62, 5, 5)
    written.push(12, 0, 60, 5, 5)
    assert written.next_note().given_next == (12, 0, 62, 5, 5)
    with pytest.raises(ValueError, match="order"):
        Written(Telling(), (4, 4), steps[::-1])


@pytest.mark.parametrize("rest", [95, 96, 97, 130, 300])
def test_rests_in_what_is_heard_ahead_may_be_long(rest):
    """Music has none that long in training; what is given may."""
    rows = [(1000 + place, 0, pitch, 11, 8) for place, pitch in ((0, 60), (12, 62), (107, 64), (119, 65))]
    ahead = laid_out(rows, (4, 4))
    ahead["onset"][2:] += rest - 95
    written = Written(Telling(), (4, 4), heard=ahead)
    written.push(0, 0, 60, 11, 8)
    written.push(12, 0, 62, 11, 8)
    note = written.next_note()
    assert (note.memory < np.array(MEMORY_TABLES)).all()
    gaps = note.stage(GAP, [])[0]
    assert END not in gaps
    assert min(rest, MAX_GAP) in gaps
