"""The note model sees nothing that is still to come, and everything that it is told."""

import numpy as np
import pytest
import torch

from stilo.models.notes.features import features_of
from stilo.models.notes.fields import FIELDS, PITCH
from stilo.models.notes.given import Given, all_but_bars
from stilo.models.notes.stream import batch_of
from stilo.models.notes.told import ChordPlan, FormPlan, StyleTold, Telling, Told
from stilo.models.tokens import DRUMS, END, PROGRAMS, Part, with_end
from stilo.models.trunks import TRUNKS

CPU = torch.device("cpu")
PIANO = Part(0).token


def losses(model, steps, told=None, given=None):
    told = told or Told()
    batch = batch_of([features_of(steps, told, given)], np.zeros((1, len(steps)), np.int64), [told])
    with torch.no_grad():
        return model(batch.to(CPU))[0][0].numpy()


def index_of(steps):
    return np.arange(len(steps))


@pytest.mark.parametrize("trunk", TRUNKS)
def test_no_later_note_changes_an_earlier_loss(make_note_model, make_labelled, all_told, trunk):
    model, piece = make_note_model(trunk), make_labelled(3, notes=120)
    steps = piece.steps
    told = all_told(piece, steps, index_of(steps))
    before = losses(model, steps, told)
    for at in (1, 40, 77, len(steps) - 1):
        for name, value in (("velocity", 3), ("duration", 20), ("pitch", None)):
            changed = steps.copy()
            changed[name][at:] = steps["pitch"][at:] ^ 1 if value is None else value
            after = losses(model, changed, told)
            assert np.array_equal(before[:at], after[:at]), (trunk, at, name)
            assert not np.array_equal(before[at:], after[at:])


@pytest.mark.parametrize("trunk", TRUNKS)
def test_no_later_field_of_a_note_changes_an_earlier_one(make_note_model, make_steps, trunk):
    model, steps = make_note_model(trunk), make_steps(5, notes=100)
    before = losses(model, steps)
    for at in (0, 33, 70):
        for stage, name in enumerate(FIELDS[2:], start=2):
            changed = steps.copy()
            changed[name][at] = steps[name][at] ^ 1
            after = losses(model, changed)
            assert np.array_equal(before[at, :stage], after[at, :stage]), (trunk, at, name)
            assert before[at, stage] != after[at, stage]


def joined(steps, other, kept, at, silent=0):
    """The notes `kept` of a piece and others: its own before slot `at`, those of another a few slots later."""
    rest = other[(other["onset"] >= at + silent) & ~np.isin(other["part"], steps["part"][kept])]
    whole = np.concatenate([steps[kept | (steps["onset"] < at)], rest])
    whole = whole[np.lexsort((whole["pitch"], whole["part"], whole["onset"]))]
    whole["gap"] = np.diff(whole["onset"], prepend=0)
    return whole


@pytest.mark.parametrize("is_given", [False, True])
@pytest.mark.parametrize("trunk", TRUNKS)
def test_no_other_way_to_go_on_changes_what_was_lost_before(make_note_model, make_steps, trunk, is_given):
    """Pieces that part ways somewhere: other gaps, parts, pitches; what is told by place, and given, is the same."""
    model, plan = make_note_model(trunk), np.arange(0, 3000, 30)
    about = Told(tempo=4, bars=30, controls=np.arange(120, dtype=np.uint8).reshape(20, 6) % 8)
    form = FormPlan(*(np.arange(20) % 4, 3 - np.arange(20) % 4, np.where(np.arange(20) >= 4, 4, 0)))
    telling = Telling(about, ChordPlan(plan, plan // 30 % 12, plan // 30 % 3), form)
    for seed in range(4):
        steps, other = make_steps(seed, notes=120), make_steps(seed + 10, notes=120)
        kept = (steps["part"] == PIANO) & is_given
        at = 48 * (seed + 3) + 9
        one, two = joined(steps, steps, kept, at), joined(steps, other, kept, at, silent=48 * (seed % 2))
        n = min(len(one), len(two))
        one, two = one[:n], two[:n]
        before, after = (
            losses(model, s, telling.for_steps(s), Given((s["part"] == PIANO) & is_given)) for s in (one, two)
        )
        differs = np.any([one[name] != two[name] for name in FIELDS], axis=0)
        at = int(differs.argmax())
        stage = int(np.argmax([one[name][at] != two[name][at] for name in FIELDS]))
        assert at > 10 and differs[at:].mean() > 0.9
        assert np.array_equal(before[:at], after[:at])
        assert np.array_equal(before[at, :stage], after[at, :stage])
        assert not np.array_equal(before[at], after[at])


def test_what_is_given_is_known_beforehand_and_nothing_else(make_note_model, make_steps):
    model, steps = make_note_model(), make_steps(5, notes=100)
    part = steps["part"][0]
    given = steps["part"] == part
    before = losses(model, steps, given=Given(given))
    free = np.flatnonzero(~given)
    at = int(free[len(free) // 2])
    changed = steps.copy()
    changed["pitch"][at] ^= 1
    after = losses(model, changed, given=Given(given))
    assert np.array_equal(before[:at], after[:at])
    assert np.array_equal(before[at, :PITCH], after[at, :PITCH])
    earlier = losses(model, steps)
    assert not np.array_equal(earlier, before)


@pytest.mark.parametrize("trunk", ["lstm", "gated"])
def test_bars_known_ahead_are_remembered_and_those_to_be_filled_are_not(make_note_model, make_steps, trunk):
    """Whatever is written into the bars between, and wherever it ends, what stood before it costs the same."""
    model, steps = make_note_model(trunk=trunk), make_steps(5, notes=160)
    first, last = (int(steps["bar"][place]) for place in (40, 110))
    given = all_but_bars(steps, first, last)
    before = losses(model, steps, given=given)
    at = 70
    for changed in (steps.copy(), np.delete(steps, np.s_[at + 1 : given.ahead])):
        changed["pitch"][at] ^= 1
        after = losses(model, changed, given=all_but_bars(changed, first, last))
        assert np.array_equal(before[:at], after[:at])
        assert np.array_equal(before[at, :PITCH], after[at, :PITCH])
    changed = steps.copy()
    changed["duration"][given.ahead + 20 :] = (
        0  # beyond the next given note, and the bar of which the pitches are known
    )
    after = losses(model, changed, given=given)
    assert not np.array_equal(before[: given.ahead], after[: given.ahead])


def test_nothing_is_lost_after_the_end(make_note_model, make_steps):
    ended = losses(make_note_model(), with_end(make_steps(1)))
    assert ended[-1, 0] > 0
    assert not ended[-1, 1:].any()


def test_everything_told_is_heard(make_note_model, make_labelled, all_told):
    from dataclasses import fields, replace

    model, piece = make_note_model(), make_labelled(4, notes=120)
    steps = piece.steps
    told = all_told(piece, steps, index_of(steps))
    whole = losses(model, steps, told)
    unknown = Told()
    for field in fields(Told):
        if field.name == "metre":
            less = replace(told, metre=False)
        else:
            less = replace(told, **{field.name: getattr(unknown, field.name)})
        assert not np.allclose(whole, losses(model, steps, less)), field.name


def test_a_style_is_told_by_facet(make_note_model, make_labelled):
    model, piece = make_note_model(), make_labelled(4)
    seen = []
    for facet in range(4):
        style = StyleTold(piece.embedding, piece.learned, np.arange(4) == facet)
        seen.append(losses(model, piece.steps, Told(style=style)).sum())
    none = losses(model, piece.steps, Told(style=StyleTold(piece.embedding, piece.learned, np.zeros(4, bool)))).sum()
    assert len({*seen, none}) == 5
    assert none == losses(model, piece.steps).sum()


def test_the_model_hears_no_key(make_note_model, make_steps):
    """But for the register tables, a piece sounds the same a semitone higher; with those silenced it is exactly so."""
    from stilo.models.notes.features import NOTE_TABLES
    from stilo.models.tokens import transposed

    model, steps = make_note_model(), make_steps(2, parts=tuple(make_parts()))
    names, sizes = list(NOTE_TABLES), list(NOTE_TABLES.values())
    start = sum(sizes[: names.index("pitch")])
    with torch.no_grad():
        model.notes.weight[start : start + NOTE_TABLES["pitch"]] = 0
        model.head.from_pitch.weight[:] = 0
        model.head.out[PITCH].weight[:] = 0
        model.head.out[PITCH].bias[:] = 0
    here, there = losses(model, steps)[1:], losses(model, transposed(steps, 1))[1:]
    near_the_first = 30  # what comes from the first pitch of all, which is absolute, fades
    assert np.allclose(here[near_the_first:, :PITCH], there[near_the_first:, :PITCH], atol=0.05)


def make_parts():
    from stilo.models.tokens import Part

    return (Part(73), Part(0), Part(0, 1))


def test_all_is_finite_for_odd_pieces(make_note_model, make_steps):
    model = make_note_model()
    one = make_steps(0)[:1].copy()
    one["gap"] = one["position"] = one["onset"] = one["bar"] = 0
    drums = make_steps(1)
    drums = drums[drums["part"] % PROGRAMS == DRUMS]
    drums["gap"] = np.diff(drums["onset"], prepend=0)
    for steps in (one, drums, with_end(one), make_steps(9, metre=(3, 4)), make_steps(8, changing=True)):
        found = losses(model, steps)
        assert np.isfinite(found).all()
        assert (found >= 0).all()
    assert with_end(one)["gap"][-1] == END
