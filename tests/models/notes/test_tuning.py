"""Tuning learns from some pieces, is judged by the others, and keeps what foresees them best."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from stilo.models.corpus import Piece
from stilo.models.learned_embedding import LEARNED_SIZE
from stilo.models.notes import judging as judging_module
from stilo.models.notes import tuning as tuning_module
from stilo.models.notes.adapter import Adapter, apply_adapter
from stilo.models.notes.evaluate import mean_nats_per_note, score_pieces
from stilo.models.notes.judging import Fold
from stilo.models.notes.merging import multiplied
from stilo.models.notes.told import StyleTold, Told
from stilo.models.notes.tuning import TuningConfig, tune_adapter

VECTOR = np.zeros(179, np.float32)
STYLE = StyleTold(VECTOR, np.zeros(LEARNED_SIZE, np.float32), np.ones(4, bool))
BRIEF = TuningConfig(passes=1000.0, rate=1e-2, averaging=0.5, rows=4, length=48, most_steps=60, check_every=20)


@pytest.fixture
def adapter(make_note_model):
    return Adapter(make_note_model(), torch.Generator().manual_seed(0), tuned=("trunk.*", "head.*"), rank=4)


def folded(pieces, at):
    """One fold: the pieces before `at` are learned from."""
    return [Fold(pieces[:at], pieces[at:], STYLE)]


def in_turn(pieces):
    """Three folds."""
    return [Fold([p for j, p in enumerate(pieces) if j % 3 != i], pieces[i::3], STYLE) for i in range(3)]


@pytest.fixture
def drilled(make_piece):
    """Eight pieces of one repeated bar each: easily learned."""
    bar = make_piece(0).steps
    bar = bar[bar["onset"] < 48]
    pieces = []
    for i in range(8):
        steps = np.concatenate([bar] * 6)
        steps["onset"] += np.repeat(np.arange(6) * 48, len(bar)).astype(np.int32)
        steps["bar"] = steps["onset"] // 48
        steps["gap"] = np.diff(steps["onset"], prepend=0)
        pieces.append(Piece(f"drill/{i}.mid", steps, VECTOR, 7, "drill"))
    return pieces


def test_tuning_predicts_what_was_held_out_better(make_note_model, drilled):
    model = make_note_model(noise=0.05)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    held_out = drilled[6:]
    shares = []
    tuning = tune_adapter(model, folded(drilled, 6), np.random.default_rng(0), config=BRIEF, progress=shares.append)
    base = mean_nats_per_note(score_pieces(model, held_out, [Told(style=STYLE)] * 2))
    assert mean_nats_per_note(tuning.scores) < base - 2
    assert 0 < tuning.steps <= BRIEF.most_steps
    again = score_pieces(apply_adapter(model, tuning.weights), held_out, [Told(style=STYLE)] * 2)
    assert mean_nats_per_note(again) == pytest.approx(mean_nats_per_note(tuning.scores))
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())
    assert not model.training
    assert shares == sorted(shares)
    assert shares[-1] == 1.0


def test_the_same_seed_tunes_the_same(make_note_model, drilled):
    brief = TuningConfig(rows=2, length=32, most_steps=4, check_every=2)
    first, again, other = (
        tune_adapter(make_note_model(), folded(drilled, 4), np.random.default_rng(seed), config=brief)
        for seed in (1, 1, 2)
    )
    assert first.weights.keys() == again.weights.keys()
    assert all(np.array_equal(array, again.weights[name]) for name, array in first.weights.items())
    name = "trunk.bias_0.added"
    assert not np.array_equal(first.weights[name], other.weights[name])


def test_what_makes_it_worse_is_not_kept(make_note_model, drilled):
    wild = TuningConfig(rate=50.0, rows=2, length=32, most_steps=4, check_every=2)
    tuning = tune_adapter(make_note_model(), folded(drilled, 4), np.random.default_rng(0), config=wild)
    assert tuning.weights == {}
    assert tuning.steps == 0
    base = score_pieces(make_note_model(), drilled[4:], [Told(style=STYLE)] * 4)
    assert mean_nats_per_note(tuning.scores) == pytest.approx(mean_nats_per_note(base))


def test_patience_is_how_often_nothing_better_is_heard(make_note_model, drilled, monkeypatch):
    """At a rate of nothing no check is better than the beginning."""
    heard = []
    hear = judging_module.Judge.hear
    monkeypatch.setattr(judging_module.Judge, "hear", lambda judge, *given: (heard.append(given), hear(judge, *given)))
    still = TuningConfig(passes=1000.0, rate=0.0, rows=2, length=32, most_steps=20, check_every=1, patience=3)
    tune_adapter(make_note_model(), folded(drilled, 4), np.random.default_rng(0), config=still)
    assert len(heard) == 3


def test_the_average_soon_forgets_its_first_steps_and_is_then_of_the_last_ones(adapter):
    average = tuning_module._Average(adapter, 0.9)
    for step in range(1, 201):
        with torch.no_grad():
            for values in adapter.parameters():
                values.fill_(float(step))
        average.hear(adapter, step)
        found = [float(array.mean()) for array in average.weights().values()]
        if step == 3:
            assert 2 < min(found) <= max(found) < 3
    assert np.allclose(found, 191, rtol=0.005), "as many steps behind as make nine tenths"


def test_an_adapter_is_kept_in_few_values(make_note_model, drilled):
    brief = replace(BRIEF, values=9000)
    tuning = tune_adapter(make_note_model(), folded(drilled, 6), np.random.default_rng(0), config=brief)
    assert 7000 < sum(array.size for array in tuning.weights.values()) <= 9000
    assert tuning.of_folds == [tuning.weights]
    in_turns = tune_adapter(make_note_model(), in_turn(drilled), np.random.default_rng(0), config=brief)
    for weights in (in_turns.weights, *in_turns.of_folds):
        assert 7000 < sum(array.size for array in weights.values()) <= 9000


def strength_proved(tuning):
    """At which the folds were judged: their mean is so much of what is kept."""
    added = [multiplied(weights) for weights in tuning.of_folds]
    mean = {name: np.mean([weights[name] for weights in added], axis=0) for name in tuning.weights}
    fits = (
        strength
        for strength in (0.6, 1.0)
        if all(np.allclose(strength * array, mean[name], atol=1e-6) for name, array in tuning.weights.items())
    )
    return next(fits, None)


@pytest.mark.parametrize(("full", "strength"), [(1.7, 1.0), (1.85, 0.6)])
def test_the_folds_prove_at_the_strength_that_foresees_better(make_note_model, drilled, monkeypatch, full, strength):
    figures = iter([2.0, 1.8, full, 1.8])
    monkeypatch.setattr(judging_module, "mean_nats_per_note", lambda _: next(figures))
    judge = judging_module.Judge(make_note_model(), in_turn(drilled), 1000)
    judge.hear([{"trunk.bias_0.added": np.full_like(judge.model.trunk.bias_0.detach(), i)} for i in range(3)], 20)
    judge.strengthen()
    assert strength_proved(judge.best) == strength
    assert judge.least == 1.8


def some_adapters(judge):
    return [{"trunk.bias_0.added": np.full_like(judge.model.trunk.bias_0.detach(), i)} for i in range(3)]


def added(weights):
    return float(weights["trunk.bias_0.added"].mean())


@pytest.mark.parametrize(("stronger", "share", "kept"), [(1.95, 0.3, 1 / 2), (2.1, 0.2, 1 / 3)])
def test_of_few_pieces_half_is_kept_or_as_much_as_they_prove(
    make_note_model, drilled, monkeypatch, stronger, share, kept
):
    figures = iter([2.0, 1.99, stronger, 1.99])
    monkeypatch.setattr(judging_module, "mean_nats_per_note", lambda _: next(figures))
    judge = judging_module.Judge(make_note_model(), in_turn(drilled[:3]), 1000)
    judge.hear(some_adapters(judge), 20)
    judge.strengthen()
    assert added(judge.best.weights) == pytest.approx(kept)
    assert [added(weights) for weights in judge.best.of_folds] == pytest.approx([0, share, 2 * share])


@pytest.mark.parametrize("then", [3.0, 3.9])
def test_where_few_pieces_show_that_much_is_to_be_learned_all_is_kept(make_note_model, drilled, monkeypatch, then):
    """What was judged by a small share until then counts no longer."""
    figures = iter([4.0, 3.86, 3.84, then, 3.95, then])
    monkeypatch.setattr(judging_module, "mean_nats_per_note", lambda _: next(figures))
    judge = judging_module.Judge(make_note_model(), in_turn(drilled[:3]), 1000)
    judge.hear(some_adapters(judge), 20)
    assert (judge.is_weakened, added(judge.best.weights)) == (True, pytest.approx(1 / 3))
    judge.hear(some_adapters(judge), 40)
    assert (judge.is_weakened, judge.best.steps, judge.least) == (False, 40, then)
    assert judge.fell == pytest.approx(4.0 - then)
    judge.strengthen()
    assert added(judge.best.weights) == 1.0
    assert [added(weights) for weights in judge.best.of_folds] == pytest.approx([0, 0.6, 1.2])


@pytest.mark.parametrize("pieces", [1, 8])
def test_where_last_quarters_judge_half_is_kept_however_many(make_note_model, drilled, monkeypatch, pieces):
    """The one adapter that there is, weakened; and these never show that much is to be learned."""
    figures = iter([4.0, 3.0])
    monkeypatch.setattr(judging_module, "mean_nats_per_note", lambda _: next(figures))
    fold = Fold(drilled[:pieces], drilled[:pieces], STYLE, is_cut=True)
    judge = judging_module.Judge(make_note_model(), [fold], 1000)
    judge.hear(some_adapters(judge)[2:], 20)
    judge.strengthen()
    assert [added(weights) for weights in judge.best.of_folds] == [added(judge.best.weights)] == [1.0]


def test_one_tuning_of_few_long_pieces_keeps_what_it_proves(make_note_model, drilled, monkeypatch):
    """Nothing is cut: its small share chooses, half of it is proved and kept."""
    figures = iter([2.0, 1.95, 1.9, 1.95])
    monkeypatch.setattr(judging_module, "mean_nats_per_note", lambda _: next(figures))
    judge = judging_module.Judge(make_note_model(), [Fold(drilled[:2], drilled[2:3], STYLE)], 1000)
    judge.hear(some_adapters(judge)[2:], 20)
    assert added(judge.best.weights) == pytest.approx(0.4)
    judge.strengthen()
    assert [added(weights) for weights in judge.best.of_folds] == [added(judge.best.weights)] == [1.0]


def test_of_three_pieces_what_is_kept_is_judged_by_those_not_heard(make_note_model, drilled):
    brief, folds = replace(BRIEF, values=None, few_steps=20), in_turn(drilled[:3])
    tuning = tune_adapter(make_note_model(), folds, np.random.default_rng(0), config=brief)
    assert strength_proved(tuning) in {0.6, 1.0}, "full strength, since these are far from what it knows"
    judged = [
        score_pieces(apply_adapter(make_note_model(), weights), fold.held_out, [Told(style=STYLE)])[0]
        for fold, weights in zip(folds, tuning.of_folds, strict=True)
    ]
    assert [one.nats_per_note for one in tuning.scores] == pytest.approx([one.nats_per_note for one in judged])


def test_of_several_folds_the_mean_is_kept_and_each_judges_what_it_did_not_hear(make_note_model, drilled):
    drilled = [replace(p, steps=p.steps[i:], labels=p.labels[i:]) for i, p in enumerate(drilled)]
    brief, folds = replace(BRIEF, values=None), in_turn(drilled)
    tuning = tune_adapter(make_note_model(), folds, np.random.default_rng(0), config=brief)
    assert strength_proved(tuning) in {0.6, 1.0}
    judged = [
        score
        for fold, weights in zip(folds, tuning.of_folds, strict=True)
        for score in score_pieces(
            apply_adapter(make_note_model(), weights), fold.held_out, [Told(style=STYLE)] * len(fold.held_out)
        )
    ]
    assert [score.notes for score in tuning.scores] == [len(piece.steps) for fold in folds for piece in fold.held_out]
    assert [one.nats_per_note for one in tuning.scores] == pytest.approx([one.nats_per_note for one in judged])
    first, second, _ = tuning.of_folds
    assert any(not np.array_equal(first[name], second[name]) for name in first)
    base = mean_nats_per_note(score_pieces(make_note_model(), drilled))
    kept = apply_adapter(make_note_model(), tuning.weights)
    assert mean_nats_per_note(score_pieces(kept, drilled, [Told(style=STYLE)] * 8)) < base - 1


def test_the_mean_of_low_rank_adapters_is_that_of_what_they_add(make_note_model, drilled):
    brief = replace(BRIEF, values=None, rank=2, most_steps=20)
    tuning = tune_adapter(make_note_model(), in_turn(drilled), np.random.default_rng(0), config=brief)
    assert strength_proved(tuning) in {0.6, 1.0}


def test_all_folds_go_through_their_music_equally_often(make_note_model, make_piece, monkeypatch):
    monkeypatch.setattr(tuning_module._Tuner, "_go", lambda tuner: setattr(tuner, "steps", tuner.steps + 1))
    tuners = []
    monkeypatch.setattr(judging_module.Judge, "hear", lambda _judge, _whole, _step: None)
    start = tuning_module._Tuner.__init__
    monkeypatch.setattr(
        tuning_module._Tuner, "__init__", lambda tuner, *given: (tuners.append(tuner), start(tuner, *given))[0]
    )
    long, short = make_piece(1, notes=300), make_piece(2, notes=30)
    brief = TuningConfig(rows=2, length=32, passes=8.0, goes_on=False)
    tune_adapter(
        make_note_model(), [Fold([long], [short]), Fold([short], [long])], np.random.default_rng(0), config=brief
    )
    ratio = len(short.steps) / len(long.steps)
    assert tuners[0].steps == brief.steps_for(len(long.steps)) >= 20
    assert tuners[1].steps == int(np.ceil(tuners[0].steps * ratio))


def test_where_the_music_goes_on_no_end_is_judged(make_note_model, make_piece):
    """Of a piece that is judged in part the end is not heard."""
    piece = make_piece(1, notes=300)
    brief = TuningConfig(rows=2, length=32, most_steps=1, most_judged_notes=100)
    tuning = tune_adapter(make_note_model(), [Fold([piece], [piece])], np.random.default_rng(0), config=brief)
    assert [(score.notes, len(score.nats)) for score in tuning.scores] == [(100, 100)]


def test_who_interrupts_keeps_the_best_until_then(make_note_model, drilled):
    shares = []

    def progress(share):
        shares.append(share)
        if len(shares) == 45:
            raise KeyboardInterrupt

    model = make_note_model(noise=0.05)
    tuning = tune_adapter(model, folded(drilled, 6), np.random.default_rng(0), config=BRIEF, progress=progress)
    assert tuning.is_interrupted
    assert tuning.steps == 40
    base = mean_nats_per_note(score_pieces(model, drilled[6:], [Told(style=STYLE)] * 2))
    assert mean_nats_per_note(tuning.scores) < base
    assert not model.training


def test_time_is_kept(make_note_model, drilled):
    """With no time at all: one step, and it is judged."""
    tuning = tune_adapter(
        make_note_model(noise=0.05),
        folded(drilled, 4),
        np.random.default_rng(0),
        config=BRIEF,
        seconds=0.0,
    )
    assert tuning.steps <= 1


@pytest.mark.parametrize(("notes", "steps"), [(0, 20), (1000, 20), (10_000, 60), (24_000, 160), (10**6, 400)])
def test_more_music_is_good_for_more_steps(notes, steps):
    assert TuningConfig().steps_for(notes) == steps


def test_of_checks_that_hardly_differ_the_later_one_is_kept(make_note_model, drilled, monkeypatch):
    figures = iter([2.0, 1.9, 1.9005, 1.902, 1.8985, 1.8984])
    monkeypatch.setattr(judging_module, "mean_nats_per_note", lambda _: next(figures))
    judge = judging_module.Judge(make_note_model(), [Fold([], drilled[:1])], 1000)
    kept = []
    for step in range(1, 6):
        judge.hear([{}], step)
        kept.append((judge.best.steps, judge.waited, round(judge.fell, 4)))
    assert kept == [(1, 0, 0.1), (2, 1, -0.0005), (2, 2, -0.002), (4, 0, 0.0015), (5, 1, 0.0001)]


def test_what_is_not_better_than_nothing_is_not_kept(make_note_model, drilled, monkeypatch):
    figures = iter([2.0, 2.0005, 2.003])
    monkeypatch.setattr(judging_module, "mean_nats_per_note", lambda _: next(figures))
    judge = judging_module.Judge(make_note_model(), [Fold([], drilled[:1])], 1000)
    for step in (1, 2):
        judge.hear([{}], step)
    assert judge.best.weights == {}
    assert judge.best.steps == 0


def test_the_more_was_gained_the_faster_it_goes(make_note_model, drilled, monkeypatch):
    falls, rates = iter([0.3, 0.1, 0.01, 0.05, 0.003, 0.003]), []

    def hear(judge, _whole, _step):
        judge.fell = next(falls)

    go = tuning_module._Tuner._go
    monkeypatch.setattr(judging_module.Judge, "hear", hear)
    monkeypatch.setattr(
        tuning_module._Tuner,
        "_go",
        lambda tuner: (go(tuner), rates.append(tuner.optimiser.param_groups[0]["lr"]))[0],
    )
    brief = TuningConfig(passes=0.0, rate=1e-4, rows=2, length=32, most_steps=72, check_every=12)
    tune_adapter(make_note_model(), folded(drilled, 4), np.random.default_rng(0), config=brief)
    assert rates[11::12] == pytest.approx([1e-4, 8e-4, 4e-4, 1e-4, 2e-4, 1e-4])


@pytest.mark.parametrize(
    ("pieces", "fall", "goes_on", "steps"),
    [(8, 0.02, True, 40), (8, 0.001, True, 10), (8, 0.02, False, 10), (5, 0.02, True, 20), (5, 0.001, True, 10)],
)
def test_where_the_held_out_figure_still_falls_it_goes_on(
    make_note_model, drilled, monkeypatch, pieces, fall, goes_on, steps
):
    heard = []

    def hear(judge, weights, step):
        heard.append(step)
        judge.fell = fall

    monkeypatch.setattr(judging_module.Judge, "hear", hear)
    brief = TuningConfig(passes=0.0, goes_on=goes_on, rows=2, length=32, most_steps=40, few_steps=20, check_every=10)
    shares = []
    tune_adapter(
        make_note_model(),
        folded(drilled[:pieces], 4),
        np.random.default_rng(0),
        config=brief,
        progress=shares.append,
    )
    assert heard[-1] == steps
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
