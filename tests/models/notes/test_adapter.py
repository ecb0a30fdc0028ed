"""An adapter is the few weights of one style: it starts at nothing, learns, and fits no other model."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from stilo.errors import InputError
from stilo.models.corpus import Piece
from stilo.models.learned_embedding import LEARNED_SIZE
from stilo.models.notes import adapter as adapter_module
from stilo.models.notes.adapter import Adapter, TuningConfig, Windows, apply_adapter, tune_adapter
from stilo.models.notes.evaluate import mean_nats_per_note, score_pieces
from stilo.models.notes.features import Features, features_of
from stilo.models.notes.merging import merged
from stilo.models.notes.model import NoteModel, NoteModelConfig
from stilo.models.notes.stream import batch_of
from stilo.models.notes.told import StyleTold, Told
from stilo.models.tokens import END, transposed, with_end

RANK = 4
VECTOR = np.zeros(179, np.float32)
STYLE = StyleTold(VECTOR, np.zeros(LEARNED_SIZE, np.float32), np.ones(4, bool))
BRIEF = TuningConfig(passes=1000.0, rate=1e-2, averaging=0.5, rows=4, length=48, most_steps=60, check_every=20)


@pytest.fixture
def adapter(make_note_model):
    """Low-rank additions to matrices of the trunk and the head, whole ones to their vectors and small matrices."""
    return Adapter(make_note_model(), torch.Generator().manual_seed(0), tuned=("trunk.*", "head.*"), rank=RANK)


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


def nats_of(model, pieces):
    return np.concatenate([score.nats for score in score_pieces(model, pieces, [Told(style=STYLE)] * len(pieces))])


def test_the_named_weights_are_added_to(make_note_model):
    model = make_note_model()
    shapes = {name: tuple(p.shape) for name, p in model.named_parameters()}
    generator = torch.Generator().manual_seed(0)
    assert set(Adapter(model, generator).weights()) == {name + ".added" for name in shapes}
    vectors = Adapter(model, generator, tuned=("trunk.*", "head.out.4.*"), rank=RANK).weights()
    for name, shape in shapes.items():
        kinds = {key.removeprefix(name) for key in vectors if key.rpartition(".")[0] == name}
        is_matrix = len(shape) == 2 and min(shape) > RANK
        expected = (
            ({".up", ".down"} if is_matrix else {".added"}) if name.startswith(("trunk.", "head.out.4")) else set()
        )
        assert kinds == expected, name


def test_a_new_adapter_changes_nothing(make_note_model, make_piece, adapter):
    model, pieces = make_note_model(), [make_piece(1), make_piece(2)]
    weights = adapter.weights()
    assert any(array.any() for array in weights.values())  # the random halves of the low-rank pairs
    assert np.array_equal(nats_of(apply_adapter(model, weights), pieces), nats_of(model, pieces))
    assert np.array_equal(nats_of(apply_adapter(model, {}), pieces), nats_of(model, pieces))


def test_only_what_is_named_changes(make_note_model, adapter):
    model, weights = make_note_model(), adapter.weights()
    stirred = {name: array + np.float32(0.1) for name, array in weights.items()}
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    after = apply_adapter(model, stirred).state_dict()
    touched = {name.rsplit(".", 1)[0] for name in weights}
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, before[name]), name
        assert torch.equal(tensor, after[name]) == (name not in touched), name


def test_merged_while_tuning_is_merged_afterwards(make_note_model, make_piece, adapter):
    with torch.no_grad():
        for weights in adapter.parameters():
            weights.add_(0.1)
    told = Told(style=STYLE)
    features = features_of(with_end(make_piece(3).steps), told)
    batch = batch_of([features], np.zeros((1, len(features.fields)), np.int64), [told]).to(torch.device("cpu"))
    with torch.no_grad():
        tuning = adapter.nats(batch)
        merged, _ = apply_adapter(make_note_model(), adapter.weights())(batch)
        base, _ = make_note_model()(batch)
    assert torch.allclose(tuning, merged, atol=1e-4)
    assert not torch.allclose(base, merged, atol=0.1)


def _outer(size):
    """A low-rank pair of 8 MiB whose product has four terabytes."""
    return {
        f"trunk.input_0{kind}": np.zeros(shape, np.float32)
        for kind, shape in ((".up", (size, 1)), (".down", (1, size)))
    }


def _without(weights, ending):
    return {name: array for name, array in weights.items() if not name.endswith(ending)}


@pytest.mark.parametrize(
    "spoil",
    [
        lambda weights: weights | {"head.elsewhere.added": np.zeros(3, np.float32)},
        lambda weights: weights | {"head.out.4.bias.added": np.zeros(17, np.float32)},
        lambda weights: weights | {"head.out.4.bias.added": np.full(16, np.nan, np.float32)},
        lambda weights: weights | {"trunk.input_0.up": np.zeros((256, RANK + 1), np.float32)},
        lambda weights: weights | {"trunk.input_0.up": np.zeros(256, np.float32)},
        lambda weights: weights | {"trunk.input_0.up": np.zeros((255, RANK), np.float32)},
        lambda weights: weights | {key: np.full_like(array, 3e38) for key, array in weights.items()},
        lambda weights: weights | {"trunk.input_0.up": np.zeros((), np.float32)},
        lambda weights: weights | {"trunk.input_0.up": np.zeros((0, RANK), np.float32)},
        lambda weights: weights | _outer(2**20),
        lambda weights: _without(weights, ".up"),
        lambda weights: _without(weights, ".up") | {"trunk.input_0.down": np.zeros((256, 64), np.float32)},
    ],
    ids=[
        "unknown",
        "shape",
        "nan",
        "rank",
        "flat",
        "rows",
        "overflow",
        "number",
        "empty",
        "terabytes",
        "half",
        "whole",
    ],
)
def test_a_foreign_adapter_is_told(make_note_model, adapter, spoil):
    with pytest.raises(InputError, match="learn the style anew") as told:
        apply_adapter(make_note_model(), spoil(adapter.weights()))
    assert "\n" not in str(told.value)


def test_the_adapter_of_a_larger_model_is_told(make_note_model):
    with torch.random.fork_rng():
        larger = NoteModel(NoteModelConfig("lstm", width=128, layers=2, hidden=24, memory_width=8, condition_width=8))
    weights = Adapter(larger, torch.Generator().manual_seed(0), rank=RANK).weights()
    with pytest.raises(InputError, match="learn the style anew"):
        apply_adapter(make_note_model(), weights)


def test_tuning_predicts_what_was_held_out_better(make_note_model, drilled):
    model = make_note_model(noise=0.05)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    train, held_out = drilled[:6], drilled[6:]
    shares = []
    tuning = tune_adapter(model, train, held_out, STYLE, np.random.default_rng(0), config=BRIEF, progress=shares.append)
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
        tune_adapter(make_note_model(), drilled[:4], drilled[4:], STYLE, np.random.default_rng(seed), config=brief)
        for seed in (1, 1, 2)
    )
    assert first.weights.keys() == again.weights.keys()
    assert all(np.array_equal(array, again.weights[name]) for name, array in first.weights.items())
    name = "trunk.bias_0.added"
    assert not np.array_equal(first.weights[name], other.weights[name])


def test_what_makes_it_worse_is_not_kept(make_note_model, drilled):
    wild = TuningConfig(rate=50.0, rows=2, length=32, most_steps=4, check_every=2)
    tuning = tune_adapter(make_note_model(), drilled[:4], drilled[4:], STYLE, np.random.default_rng(0), config=wild)
    assert tuning.weights == {}
    assert tuning.steps == 0
    base = score_pieces(make_note_model(), drilled[4:], [Told(style=STYLE)] * 4)
    assert mean_nats_per_note(tuning.scores) == pytest.approx(mean_nats_per_note(base))


def test_patience_is_how_often_nothing_better_is_heard(make_note_model, drilled, monkeypatch):
    """At a rate of nothing no check is better than the beginning."""
    heard = []
    hear = adapter_module._Judge.hear
    monkeypatch.setattr(adapter_module._Judge, "hear", lambda judge, *given: (heard.append(given), hear(judge, *given)))
    still = TuningConfig(passes=1000.0, rate=0.0, rows=2, length=32, most_steps=20, check_every=1, patience=3)
    tune_adapter(make_note_model(), drilled[:4], drilled[4:], STYLE, np.random.default_rng(0), config=still)
    assert len(heard) == 3


def test_the_average_soon_forgets_its_first_steps_and_is_then_of_the_last_ones(adapter):
    average = adapter_module._Average(adapter, 0.9)
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
    tuning = tune_adapter(make_note_model(), drilled[:6], drilled[6:], STYLE, np.random.default_rng(0), config=brief)
    assert 7000 < sum(array.size for array in tuning.weights.values()) <= 9000
    again = score_pieces(apply_adapter(make_note_model(), tuning.weights), drilled[6:], [Told(style=STYLE)] * 2)
    assert mean_nats_per_note(again) == pytest.approx(mean_nats_per_note(tuning.scores)), "judged as it is kept"


def test_who_interrupts_keeps_the_best_until_then(make_note_model, drilled):
    shares = []

    def progress(share):
        shares.append(share)
        if len(shares) == 45:
            raise KeyboardInterrupt

    model = make_note_model(noise=0.05)
    tuning = tune_adapter(
        model, drilled[:6], drilled[6:], STYLE, np.random.default_rng(0), config=BRIEF, progress=progress
    )
    assert tuning.is_interrupted
    assert tuning.steps == 40
    base = mean_nats_per_note(score_pieces(model, drilled[6:], [Told(style=STYLE)] * 2))
    assert mean_nats_per_note(tuning.scores) < base
    assert not model.training


def test_time_is_kept(make_note_model, drilled):
    """With no time at all: one step, and it is judged."""
    tuning = tune_adapter(
        make_note_model(noise=0.05),
        drilled[:4],
        drilled[4:],
        STYLE,
        np.random.default_rng(0),
        config=BRIEF,
        seconds=0.0,
    )
    assert tuning.steps <= 1


def test_windows_fill_short_pieces_and_move_keys(make_piece):
    windows = Windows([make_piece(1, notes=12)], STYLE, 40, np.random.default_rng(0))
    batch = windows.batch(6)
    assert batch.fields.shape == (6, 40, 5)
    assert (batch.fields[..., 0] == END).sum(1).min() > 1  # begun again
    assert len({tuple(row[:4, 2].tolist()) for row in batch.fields}) > 1  # other keys


def test_windows_hear_all_that_came_before_them(make_piece):
    piece = make_piece(1, notes=150)
    windows = Windows([piece], STYLE, 40, np.random.default_rng(0))
    begun = set()
    for _ in range(4):
        window, told = windows._window()
        in_keys = [transposed(with_end(piece.steps), semitones) for semitones in range(-6, 7)]
        (whole,) = (f for f in (features_of(steps, told) for steps in in_keys) if place_in(f, window) is not None)
        at = place_in(whole, window)
        begun.add(at)
        for name in Features.__dataclass_fields__:
            assert np.array_equal(getattr(window, name), getattr(whole, name)[at : at + 40]), name
    assert max(begun) > 40


def place_in(whole, window):
    """Where the fields of a window stand in those of a piece."""
    places = (at for at in range(len(whole.fields) - 39) if np.array_equal(whole.fields[at : at + 40], window.fields))
    return next(places, None)


def test_no_pieces_to_learn_from():
    with pytest.raises(InputError, match="no pieces"):
        Windows([], STYLE, 40, np.random.default_rng(0))


def test_merged_without_the_nets_it_is_the_same(make_note_model, adapter):
    with torch.no_grad():
        for weights in adapter.parameters():
            weights.add_(0.1)
    model = make_note_model()
    arrays = merged({name: p.detach().numpy() for name, p in model.state_dict().items()}, adapter.weights())
    for name, tensor in apply_adapter(model, adapter.weights()).state_dict().items():
        assert np.allclose(arrays[name], tensor.numpy()), name


@pytest.mark.parametrize(("notes", "steps"), [(0, 20), (1000, 20), (10_000, 59), (24_000, 141), (10**6, 400)])
def test_more_music_is_good_for_more_steps(notes, steps):
    assert TuningConfig().steps_for(notes) == steps


def test_of_checks_that_hardly_differ_the_later_one_is_kept(make_note_model, drilled, monkeypatch):
    figures = iter([2.0, 1.9, 1.902, 1.91, 1.8999, 1.904])
    monkeypatch.setattr(adapter_module, "mean_nats_per_note", lambda _: next(figures))
    judge = adapter_module._Judge(make_note_model(), drilled[:1], None)
    kept = []
    for step in range(1, 6):
        judge.hear({}, step)
        kept.append((judge.best.steps, judge.waited, judge.is_falling))
    assert kept == [(1, 0, True), (2, 1, False), (2, 2, False), (4, 3, False), (5, 4, False)]


def test_what_is_hardly_better_than_nothing_is_not_kept(make_note_model, drilled, monkeypatch):
    figures = iter([2.0, 1.9995, 2.003])
    monkeypatch.setattr(adapter_module, "mean_nats_per_note", lambda _: next(figures))
    judge = adapter_module._Judge(make_note_model(), drilled[:1], None)
    for step in (1, 2):
        judge.hear({}, step)
    assert judge.best.weights == {}
    assert judge.best.steps == 0


@pytest.mark.parametrize(("fall", "goes_on", "steps"), [(0.02, True, 40), (0.001, True, 20), (0.02, False, 20)])
def test_where_the_held_out_figure_still_falls_it_goes_on(make_note_model, drilled, monkeypatch, fall, goes_on, steps):
    heard = []

    def hear(judge, weights, step):
        heard.append(step)
        judge.is_falling = fall > adapter_module.CHANCE_NATS

    monkeypatch.setattr(adapter_module._Judge, "hear", hear)
    brief = TuningConfig(passes=0.0, goes_on=goes_on, rows=2, length=32, most_steps=40, check_every=10)
    shares = []
    tune_adapter(
        make_note_model(),
        drilled[:4],
        drilled[4:],
        STYLE,
        np.random.default_rng(0),
        config=brief,
        progress=shares.append,
    )
    assert heard[-1] == steps
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
