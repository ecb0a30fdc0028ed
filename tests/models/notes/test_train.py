"""The command that trains the note model stops at any time and goes on; what it says of the model at the end."""

import json

import numpy as np
import pytest
from safetensors import safe_open

from stilo.models.corpus import load_pieces, save_pieces
from stilo.models.notes import evaluate
from stilo.models.notes import train as train_module
from stilo.models.notes.card import model_card
from stilo.models.notes.checkpoint import load_model
from stilo.models.notes.config import NoteModelConfig
from stilo.models.notes.fields import FIELDS
from stilo.models.notes.train import held_out, main, style_statistics, told_figures
from stilo.models.notes.training import CHECKPOINT_NAME, PLATEAU_NAME, Training

SIZES = ("--width", "24", "--layers", "1", "--hidden", "24", "--rows", "4", "--length", "32", "--threads", "1")


@pytest.fixture
def packed(tmp_path, make_labelled):
    folder = tmp_path / "packed"
    folder.mkdir()
    for split, seeds in (("train", range(6)), ("valid", range(6, 9)), ("dev_composer", range(9, 11))):
        save_pieces([make_labelled(seed) for seed in seeds], folder / f"{split}.npz")
    return folder


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
    assert facts["runs"][0]["trunk"] == NoteModelConfig().trunk
    assert len(facts["runs"]) == 1
    assert "step 4 of 10" in capsys.readouterr().out
    assert load_model(run / "base").config.width == 24


def test_the_plateau_is_the_state_before_the_rate_falls(packed, tmp_path, monkeypatch, capsys):
    logged, run = [], tmp_path / "run"

    def kept(training, batch, steps, original=Training.one_step):
        logged.append(original(training, batch, steps))
        return logged[-1]

    monkeypatch.setattr(Training, "one_step", kept)
    monkeypatch.setattr(train_module, "LOG_EVERY", 3)
    monkeypatch.setattr(
        train_module, "held_out", lambda _, pieces, most: {"all": [piece.name for piece in pieces][:most]}
    )
    monkeypatch.setattr(train_module, "told_figures", lambda *_: {})
    sizes = (*SIZES, "--length", "16", "--falling", "0.7", "--evaluate-every", "100")
    main([str(packed), str(run), "--notes", str(10 * 4 * 16), *sizes])
    with safe_open(run / PLATEAU_NAME, "pt") as plateau, safe_open(run / CHECKPOINT_NAME, "pt") as checkpoint:
        steps = [json.loads(opened.metadata()["progress"])["step"] for opened in (plateau, checkpoint)]
    assert steps == [3, 10]
    lines = [line.split("\t") for line in (run / "log.tsv").read_text().splitlines()]
    assert [line[0] for line in lines] == ["3", "6", "9", "10"]
    for line, part in zip(lines, (logged[:3], logged[3:6], logged[6:9], logged[9:]), strict=True):
        fields = np.mean([nats.tolist() for nats in part], axis=0)
        assert [float(value) for value in line[3:9]] == pytest.approx([fields.sum(), *fields], abs=1e-3)
    facts = json.loads((run / "base" / "config.json").read_text())["facts"]
    for split in ("valid", "dev_composer"):
        assert facts[split]["all"] == [piece.name for piece in load_pieces(packed / f"{split}.npz")]
    mean, deviation = style_statistics(load_pieces(packed / "train.npz"))
    model = load_model(run / "base")
    assert np.allclose(model.style_mean, mean, rtol=2e-3, atol=1e-3)
    assert np.allclose(model.style_scale, 1 / deviation, rtol=2e-3)


def test_every_worker_and_every_resumption_draws_other_windows(packed, tmp_path, monkeypatch):
    drawn = {}

    def draw_one(source, *_):
        raise Drawn(source)

    class Drawn(Exception):
        """Where batches would be made."""

    monkeypatch.setattr(train_module, "batches", draw_one)
    for begun_at in (0, 4):
        monkeypatch.setattr(Training, "resume", lambda training, at=begun_at: setattr(training.progress, "step", at))
        with pytest.raises(Drawn) as caught:
            main([str(packed), str(tmp_path / "run"), *SIZES])
        for worker in (0, 1):
            drawn[begun_at, worker] = tuple(caught.value.args[0](worker).rng.random(4))
    assert len(set(drawn.values())) == 4


def test_the_same_command_trains_the_same_weights(packed, tmp_path, capsys):
    kept = []
    for name, seed in (("one", 1), ("again", 1), ("other", 2)):
        main([str(packed), str(tmp_path / name), "--notes", str(3 * 4 * 32), *SIZES, "--seed", str(seed)])
        kept.append((tmp_path / name / "base" / "weights.safetensors").read_bytes())
    assert kept[0] == kept[1]
    assert kept[0] != kept[2]
    card = model_card(tmp_path / "one" / "base")
    assert "| valid: all |" in card
    assert "gained on valid when it is told: tempo" in card


@pytest.mark.parametrize("sizes", [("--width", "0"), ("--trunk", "gated", "--width", "129")])
def test_sizes_that_no_model_has_get_one_line(packed, tmp_path, sizes):
    with pytest.raises(SystemExit, match="no model of these sizes") as told:
        main([str(packed), str(tmp_path / "run"), *sizes])
    assert "\n" not in str(told.value)


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


def test_a_value_that_all_pieces_share_has_a_deviation_too(make_labelled):
    pieces = [make_labelled(0)] * 3
    mean, deviation = style_statistics(pieces)
    assert np.allclose(mean, pieces[0].embedding)
    assert np.allclose(deviation, 0.02)
