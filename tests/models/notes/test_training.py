"""A training learns step by step, and goes on after a stop as if there had been none."""

from dataclasses import fields, replace

import numpy as np
import pytest
import torch

from stilo.errors import InputError
from stilo.models.notes import training as training_module
from stilo.models.notes.conditions import ConditionDraw
from stilo.models.notes.fields import VELOCITY
from stilo.models.notes.model import Batch, NoteModelConfig
from stilo.models.notes.stream import PieceSource, Stream, batch_of
from stilo.models.notes.train import style_statistics
from stilo.models.notes.training import Training

TINY = NoteModelConfig("lstm", width=24, layers=1, hidden=24, memory_width=16, condition_width=16)
STEPS = 100


@pytest.fixture
def some_batches(make_labelled):
    pieces = [make_labelled(seed) for seed in range(4)]
    rng = np.random.default_rng(0)
    draw = ConditionDraw(pieces, style_statistics(pieces), rng)
    stream = Stream(PieceSource(pieces, rng, draw), rows=4, length=32)
    return [batch_of(*stream.draw()) for _ in range(6)]


@pytest.mark.parametrize("rates", [(1.0, 0.0), (1.0, 0.5)])
def test_a_few_steps_learn(some_batches, tmp_path, rates):
    training = Training(TINY, tmp_path, 0, rates)
    losses = []
    for _ in range(4):
        training.state = None
        losses.append(float(training.one_step(some_batches[0], STEPS).sum()))
    assert losses[3] < losses[2] < losses[1] < losses[0]
    assert (training.progress.step, training.progress.notes) == (4, 4 * 4 * 32)


def test_the_trunk_goes_on_from_batch_to_batch(some_batches, tmp_path):
    nats = []
    for forgets in (False, True):
        training = Training(TINY, tmp_path, 0, (0.1, 0.0))
        training.one_step(some_batches[0], STEPS)
        training.state = None if forgets else training.state
        nats.append(training.one_step(some_batches[1], STEPS))
    assert not torch.equal(*nats)


def test_what_was_put_in_as_a_mistake_is_read_and_not_learned(some_batches, tmp_path):
    counts = (torch.arange(32) % 3 > 0).expand(4, 32)
    batch = replace(some_batches[0], counts=counts.to(torch.int16))
    fields = batch.fields.clone()
    fields[..., VELOCITY] = torch.where(counts, fields[..., VELOCITY], 15 - fields[..., VELOCITY])
    nats, weights = [], []
    for one in (batch, replace(batch, fields=fields), some_batches[0]):
        training = Training(TINY, tmp_path, 0, (1.0, 0.0))
        nats.append(training.one_step(one, STEPS))
        weights.append(torch.cat([p.detach().flatten() for p in training.model.parameters()]))
    assert torch.equal(nats[0], nats[1])
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(nats[0], nats[2])
    assert not torch.equal(weights[0], weights[2])


def gradients_of(training, batch):
    """What the optimiser would be given."""
    kept = {}
    training.optimiser.step = lambda *_: kept.update({n: p.grad.clone() for n, p in training.model.named_parameters()})
    training.one_step(batch, STEPS)
    return kept


def twice(batch):
    """The same rows again below."""
    names = [f.name for f in fields(batch) if f.name != "conditioning"]
    return Batch(**{n: torch.cat([getattr(batch, n)] * 2) for n in names}, conditioning=batch.conditioning)


def test_gradients_do_not_grow_with_the_batch(some_batches, tmp_path):
    """Or what is clipped would depend on it."""
    batch = some_batches[0]
    once, again = (gradients_of(Training(TINY, tmp_path, 0, (0.1, 0.0)), some) for some in (batch, twice(batch)))
    for name, gradient in once.items():
        assert torch.allclose(again[name], gradient, atol=1e-2 * float(gradient.abs().max()) + 1e-6), name


def test_the_figures_of_a_step_are_means_of_the_notes_that_count(some_batches, tmp_path):
    counts = (torch.arange(32) % 3 > 0).expand(4, 32)
    batch = replace(some_batches[0], counts=counts.to(torch.int16))
    training = Training(TINY, tmp_path, 0, (0.1, 0.0))
    with torch.no_grad():
        nats, _ = training.model(batch.to(training.device))
    found = training.one_step(batch, STEPS)
    assert found.tolist() == pytest.approx(nats[counts].mean(0).tolist(), rel=0.02)
    nothing = replace(batch, counts=torch.zeros_like(batch.counts))
    assert training.one_step(nothing, STEPS).tolist() == [0] * 5


def test_a_step_takes_the_rate_of_its_place_in_the_whole(some_batches, tmp_path):
    training = Training(TINY, tmp_path, 0, (0.1, 0.2))
    training.falling, training.progress.step = 0.8, 90
    training.one_step(some_batches[0], STEPS)
    rates = [group["lr"] for part, _ in training.optimiser.parts for group in part.param_groups]
    assert rates == pytest.approx([0.1 / 8, 0.1 / 8, 0.2 / 8])  # 10 of 80 falling steps are left


def test_time_is_counted_once_and_settings_where_they_change(tmp_path, monkeypatch):
    clock = iter([10.0, 13.0, 18.0])
    monkeypatch.setattr(training_module.time, "monotonic", lambda: next(clock))
    training = Training(TINY, tmp_path, 0, (0.1, 0.0))
    assert [training.count_time(), training.count_time()] == [3.0, 8.0]
    for step, settings in ((0, {"rate": 1}), (5, {"rate": 1}), (7, {"rate": 2}), (9, {"rate": 2}), (11, {"rate": 1})):
        training.progress.step = step
        training.begin_run(settings)
    assert [(run["from_step"], run["rate"]) for run in training.progress.runs] == [(0, 1), (7, 2), (11, 1)]


@pytest.mark.parametrize("rates", [(0.1, 0.0), (0.1, 0.05)])
def test_a_stopped_run_goes_on_to_the_same_weights(some_batches, tmp_path, rates):
    whole = Training(TINY, tmp_path, 0, rates)
    for batch in some_batches[:3]:
        whole.state = None
        whole.one_step(batch, STEPS)
    whole.save()
    resumed = Training(TINY, tmp_path, 99, rates)
    assert resumed.resume()
    assert resumed.progress.step == 3
    assert resumed.progress.seconds > 0
    for training in (whole, resumed):
        training.state = None
        for batch in some_batches[3:]:
            training.one_step(batch, STEPS)
    after = resumed.model.state_dict()
    for name, tensor in whole.model.state_dict().items():
        assert torch.equal(after[name], tensor), name


def test_a_checkpoint_of_another_run_or_a_damaged_one_is_told(tmp_path):
    training = Training(TINY, tmp_path, 0, (0.1, 0.0))
    assert not training.resume()
    training.checkpoint.write_bytes(b"\x10\0\0\0\0\0\0\0not a checkpoint at all")
    with pytest.raises(InputError, match="damaged"):
        training.resume()


def test_weights_that_are_no_longer_finite_do_not_take_the_place_of_the_checkpoint(some_batches, tmp_path):
    training = Training(TINY, tmp_path, 0, (0.1, 0.0))
    training.one_step(some_batches[0], STEPS)
    training.save()
    kept = training.checkpoint.read_bytes()
    with torch.no_grad():
        training.model.head.gate_state[0, 0, 0] = float("nan")
    training.one_step(some_batches[1], STEPS)
    with pytest.raises(InputError, match="no longer finite at step 2"):
        training.save()
    assert training.checkpoint.read_bytes() == kept


def test_checkpoints_of_other_sizes_are_told(some_batches, tmp_path):
    training = Training(TINY, tmp_path, 0, (0.1, 0.0))
    training.one_step(some_batches[0], STEPS)
    training.save()
    other = NoteModelConfig("lstm", width=32, layers=1, hidden=24, memory_width=16, condition_width=16)
    with pytest.raises(InputError, match="other sizes"):
        Training(other, tmp_path, 0, (0.1, 0.0)).resume()
