"""Training the note model learns, can be stopped at any time, and goes on as if it had not been."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from stilo.errors import InputError, SetupError
from stilo.models.corpus import save_pieces
from stilo.models.notes import checkpoint as checkpoint_module
from stilo.models.notes import evaluate
from stilo.models.notes import train as train_module
from stilo.models.notes.checkpoint import load_model, save_model
from stilo.models.notes.conditions import ConditionDraw
from stilo.models.notes.engine import load_engine
from stilo.models.notes.fields import FIELDS, VELOCITY
from stilo.models.notes.model import NoteModelConfig
from stilo.models.notes.optimiser import WARMUP_STEPS, Optimiser, falling_steps, is_matrix, learning_rate
from stilo.models.notes.stream import PieceSource, Stream, batch_of
from stilo.models.notes.train import held_out, main, style_statistics, told_figures
from stilo.models.notes.training import PLATEAU_NAME, Training

TINY = NoteModelConfig("lstm", width=24, layers=1, hidden=24, memory_width=16, condition_width=16)
SIZES = ("--width", "24", "--layers", "1", "--hidden", "24", "--rows", "4", "--length", "32", "--threads", "1")
STEPS = 100


@pytest.fixture
def some_batches(make_labelled):
    pieces = [make_labelled(seed) for seed in range(4)]
    rng = np.random.default_rng(0)
    draw = ConditionDraw(pieces, style_statistics(pieces), rng)
    stream = Stream(PieceSource(pieces, rng, draw), rows=4, length=32)
    return [batch_of(*stream.draw()) for _ in range(6)]


@pytest.fixture
def packed(tmp_path, make_labelled):
    folder = tmp_path / "packed"
    folder.mkdir()
    for split, seeds in (("train", range(6)), ("valid", range(6, 9)), ("dev_composer", range(9, 11))):
        save_pieces([make_labelled(seed) for seed in seeds], folder / f"{split}.npz")
    return folder


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


def test_the_rate_rises_holds_and_falls():
    steps = 1000
    rates = [learning_rate(step, steps, 2.0) for step in range(steps)]
    assert rates[0] == pytest.approx(2.0 / WARMUP_STEPS)
    assert max(rates) == 2.0
    assert rates[steps - falling_steps(steps) - 1] == 2.0
    assert 0 < rates[-1] < 0.01
    assert learning_rate(steps + 5, steps) == 0.0


def test_muon_takes_matrices_and_no_tables(tmp_path):
    model = Training(TINY, tmp_path, 0, (0.1, 0.1)).model
    matrices = {name for name, p in model.named_parameters() if is_matrix(name, p)}
    assert "head.from_trunk.weight" in matrices
    assert any(name.startswith("trunk.") for name in matrices)
    assert not any("notes." in name or "out." in name or "candidates" in name for name in matrices)
    both = Optimiser(model, 0.1, 0.1)
    counted = [p for part, _ in both.parts for group in part.param_groups for p in group["params"]]
    assert len(counted) == len(list(model.parameters()))


def test_the_command_trains_stops_and_goes_on(packed, tmp_path, monkeypatch, capsys):
    run = tmp_path / "run"
    monkeypatch.setattr(train_module, "LOG_EVERY", 2)
    monkeypatch.setattr(train_module, "CHECKPOINT_SECONDS", 0.0)

    def stop_at_step_4(training, batch, steps, original=Training.one_step):
        if training.progress.step == 4:
            raise KeyboardInterrupt
        return original(training, batch, steps)

    monkeypatch.setattr(Training, "one_step", stop_at_step_4)
    command = [str(packed), str(run), "--notes", str(10 * 4 * 32), *SIZES, "--evaluate-every", "3"]
    with pytest.raises(SystemExit, match="goes on"):
        main(command)
    monkeypatch.undo()
    monkeypatch.setattr(train_module, "LOG_EVERY", 2)
    main(command)
    steps = [int(line.split("\t")[0]) for line in (run / "log.tsv").read_text().splitlines()]
    assert steps == [2, 4, 6, 8, 10]
    assert (run / PLATEAU_NAME).exists()
    config = json.loads((run / "base" / "config.json").read_text())
    facts = config["facts"]
    assert facts["notes_trained"] == 10 * 4 * 32
    assert facts["valid"]["all"]["pieces"] == 3
    assert set(facts["valid"]["all"]["fields"]) == set(FIELDS)
    assert facts["runs"][0]["trunk"] == "lstm"
    assert len(facts["runs"]) == 1
    assert "step 4 of 10" in capsys.readouterr().out
    assert load_model(run / "base").config.width == 24


def test_the_same_command_trains_the_same_weights(packed, tmp_path, capsys):
    kept = []
    for name, seed in (("one", 1), ("again", 1), ("other", 2)):
        main([str(packed), str(tmp_path / name), "--notes", str(3 * 4 * 32), *SIZES, "--seed", str(seed)])
        kept.append((tmp_path / name / "base" / "weights.safetensors").read_bytes())
    assert kept[0] == kept[1]
    assert kept[0] != kept[2]


@pytest.mark.parametrize("sizes", [("--width", "0"), ("--trunk", "gated", "--width", "129")])
def test_sizes_that_no_model_has_get_one_line(packed, tmp_path, sizes):
    with pytest.raises(SystemExit, match="no model of these sizes") as told:
        main([str(packed), str(tmp_path / "run"), *sizes])
    assert "\n" not in str(told.value)


def test_weights_come_back_as_they_were(make_note_model, tmp_path):
    model = make_note_model("gated")
    save_model(model, tmp_path, {"seed": 1}, torch.float32)
    again = load_model(tmp_path)
    assert again.config == model.config
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, again.state_dict()[name]), name


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ('{"format": 1}', "another version"),
        ('{"format": 2, "model": {"width": 1000000}, "facts": {}}', "damaged"),
        ('{"format": 2, "model": {"trunk": "oracle"}, "facts": {}}', "damaged"),
        ("not json", "damaged"),
    ],
)
def test_odd_weights_get_one_line(make_note_model, tmp_path, config, said):
    save_model(make_note_model(), tmp_path, {})
    (tmp_path / "config.json").write_text(config)
    with pytest.raises(SetupError, match=said):
        load_model(tmp_path)


def test_nothing_is_made_of_sizes_that_the_weights_do_not_have(make_note_model, tmp_path, monkeypatch):
    def refuse(config):
        raise AssertionError(f"{config} would take gigabytes")

    save_model(make_note_model(), tmp_path, {})
    (tmp_path / "config.json").write_text('{"format": 2, "model": {"width": 4096, "layers": 32}, "facts": {}}')
    monkeypatch.setattr(checkpoint_module, "NoteModel", refuse)
    with pytest.raises(SetupError, match="damaged"):
        load_model(tmp_path)


def test_weights_that_are_not_finite_get_one_line(make_note_model, tmp_path):
    model = make_note_model(seed=3)
    with torch.no_grad():
        model.head.gate_state[0, 0, 0] = 1e6  # more than 16 bits hold
    save_model(model, tmp_path, {})
    for load in (load_model, load_engine):
        with pytest.raises(SetupError, match="damaged"):
            load(tmp_path)


def test_missing_weights_get_one_line(tmp_path):
    with pytest.raises(SetupError, match="no weights here"):
        load_model(tmp_path)


def test_figures_count_every_note_once(make_note_model, make_labelled):
    model = make_note_model()
    pieces = [make_labelled(seed, notes=notes) for seed, notes in ((0, 30), (1, 90), (2, 150))]
    together = evaluate.score_pieces(model, pieces, window=None)
    for piece, score in zip(pieces, together, strict=True):
        (alone,) = evaluate.score_pieces(model, [piece], window=None)
        assert np.allclose(alone.nats, score.nats, atol=1e-4)
        assert score.notes == len(piece.steps)
        assert len(score.nats) == score.notes + 1
    mean = evaluate.mean_nats_per_note(together)
    assert mean == pytest.approx(sum(s.nats.sum() for s in together) / sum(s.notes for s in together), rel=1e-5)
    assert sum(evaluate.nats_by_field(together).values()) == pytest.approx(mean, abs=1e-3)
    first = evaluate.mean_nats_per_note(together, 0, 20)
    assert first == pytest.approx(np.mean([s.nats[:20].sum(1).mean() for s in together]), rel=1e-5)
    later = sum(s.nats[40:].sum() for s in together) / sum(max(0, s.notes - 40) for s in together)
    assert evaluate.mean_nats_per_note(together, 40) == pytest.approx(later, rel=1e-5)
    (cut,) = evaluate.score_pieces(model, pieces[2:], longest=64, window=None)
    assert cut.notes == len(cut.nats) == 64
    assert np.allclose(cut.nats, together[2].nats[:64], atol=1e-4)


def test_a_window_forgets_the_trunk_but_not_the_memory(make_note_model, make_labelled):
    model, piece = make_note_model(), make_labelled(1, notes=90)
    (whole,) = evaluate.score_pieces(model, [piece], window=None)
    (cut,) = evaluate.score_pieces(model, [piece], window=32)
    assert np.allclose(whole.nats[:32], cut.nats[:32], atol=1e-4)
    assert not np.allclose(whole.nats[32:], cut.nats[32:], atol=1e-4)


@pytest.mark.parametrize("telling", [evaluate.general, evaluate.chords, evaluate.form, evaluate.controls])
def test_what_is_told_changes_the_figure(make_note_model, make_labelled, telling):
    model, piece = make_note_model(), make_labelled(1, notes=90)
    (untold,), (told,) = (evaluate.score_pieces(model, [piece], how) for how in (evaluate.nothing, telling))
    assert told.nats_per_note != untold.nats_per_note


def test_the_figures_of_what_is_told_are_those_of_its_tellings(make_note_model, make_labelled):
    model, pieces = make_note_model(), [make_labelled(1, notes=60)]
    figures = told_figures(model, pieces)
    tellings = (evaluate.general, evaluate.chords, evaluate.form, evaluate.controls)
    assert len(figures) == len(tellings)
    for nats, telling in zip(figures.values(), tellings, strict=True):
        (score,) = evaluate.score_pieces(model, pieces, telling)
        assert nats == pytest.approx(score.nats_per_note, abs=1e-4)
    assert len(set(figures.values())) == len(tellings)


def test_held_out_figures_by_set(make_note_model, make_labelled):
    pieces = [make_labelled(seed) for seed in range(5)]
    report = held_out(make_note_model(), pieces, each=2)
    assert report["set0"]["pieces"] == report["set1"]["pieces"] == 2
    assert report["all"]["pieces"] == 4
    assert all(row["first_notes"] > 0 for row in report.values())


def test_style_statistics_normalise(make_labelled):
    pieces = [make_labelled(seed) for seed in range(5)]
    mean, deviation = style_statistics(pieces)
    rows = np.stack([piece.embedding for piece in pieces])
    assert np.allclose(((rows - mean) / deviation).std(0), 1, atol=1e-3)
