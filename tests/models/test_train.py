"""Training learns, can be stopped at any time, and goes on as if it had not been."""

import json

import numpy as np
import pytest
import torch

from stilo.errors import InputError
from stilo.models import card
from stilo.models import train as train_module
from stilo.models.checkpoint import load_model, save_model
from stilo.models.corpus import save_pieces
from stilo.models.evaluate import mean_nats_per_note, nats_by_field, score_pieces
from stilo.models.sequence import SequenceConfig
from stilo.models.stream import PieceSource, Stream
from stilo.models.tokens import FIELDS
from stilo.models.train import Training, _prefetched, held_out, learning_rate, main, style_statistics

TINY = SequenceConfig(width=24, layers=1, hidden=24, memory_width=8, dropout=0.0)
SIZES = ("--width", "24", "--layers", "1", "--hidden", "24", "--rows", "4", "--length", "32", "--threads", "1")
STEPS = 100


@pytest.fixture
def batches(make_piece):
    pieces = [make_piece(seed) for seed in range(4)]
    noise = np.zeros(len(pieces[0].embedding), np.float32)
    stream = Stream(PieceSource(pieces, noise, np.random.default_rng(0)), rows=4, length=32)
    return [stream.batch() for _ in range(6)]


def test_weights_follow_the_seed_and_nothing_else_does(tmp_path):
    before = torch.random.get_rng_state()
    first, again, other = (Training(TINY, 1.0, tmp_path, seed=seed).model.state_dict() for seed in (1, 1, 2))
    assert torch.equal(before, torch.random.get_rng_state())
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not torch.equal(first["style.weight"], other["style.weight"])


def test_two_steps_learn(batches, tmp_path):
    training = Training(TINY, 1.0, tmp_path, seed=0)
    losses = []
    for _ in range(3):
        loss, _ = training.one_step(batches[0], None, STEPS)
        losses.append(loss)
    assert losses[2] < losses[1] < losses[0]
    assert training.step == 3
    assert training.notes == 3 * 4 * 32


def test_a_stopped_run_goes_on_to_the_same_weights(batches, tmp_path):
    whole = Training(TINY, 0.1, tmp_path, seed=0)
    for batch in batches[:3]:
        whole.one_step(batch, None, STEPS)
    whole.cpu_seconds = 12.5
    whole.save()
    for batch in batches[3:]:
        whole.one_step(batch, None, STEPS)

    resumed = Training(TINY, 0.1, tmp_path, seed=99)
    assert resumed.resume()
    assert (resumed.step, resumed.notes, resumed.cpu_seconds) == (3, 3 * 4 * 32, 12.5)
    for batch in batches[3:]:
        resumed.one_step(batch, None, STEPS)
    assert resumed.step == whole.step == 6
    after = resumed.model.state_dict()
    for name, tensor in whole.model.state_dict().items():
        assert torch.equal(after[name], tensor), name


def test_there_may_be_nothing_to_resume(tmp_path):
    training = Training(TINY, 0.1, tmp_path, seed=0)
    before = {name: tensor.clone() for name, tensor in training.model.state_dict().items()}
    assert not training.resume()
    assert all(torch.equal(tensor, before[name]) for name, tensor in training.model.state_dict().items())


def test_a_checkpoint_of_another_run_or_a_damaged_one_is_told(batches, tmp_path):
    training = Training(TINY, 0.1, tmp_path, seed=0)
    training.one_step(batches[0], None, STEPS)
    training.save()
    wider = SequenceConfig(width=32, layers=1, hidden=24, memory_width=8)
    with pytest.raises(InputError, match=r"checkpoint\.safetensors: .*another folder"):
        Training(wider, 0.1, tmp_path, seed=0).resume()
    training.checkpoint.write_bytes(training.checkpoint.read_bytes()[:-50])
    with pytest.raises(InputError, match=r"checkpoint\.safetensors: .*another folder"):
        Training(TINY, 0.1, tmp_path, seed=0).resume()


def test_the_rate_rises_holds_and_falls():
    rates = [learning_rate(step, 2000, 1.0) for step in range(2001)]
    assert rates[0] == pytest.approx(1 / 200)
    assert rates[199:1601] == [1.0] * 1402
    assert np.diff(rates[1600:]).max() < 0
    assert rates[-1] == 0


def test_style_statistics_bring_embeddings_to_one_scale(make_piece):
    pieces = [make_piece(seed) for seed in range(30)]
    mean, scale = style_statistics(pieces)
    rows = (np.stack([piece.embedding for piece in pieces]) - mean.numpy()) * scale.numpy()
    assert np.abs(rows.mean(0)).max() < 1e-5
    assert np.allclose(rows.std(0), 1, atol=1e-4)


@pytest.fixture
def packed(make_piece, tmp_path):
    folder = tmp_path / "packed"
    folder.mkdir()
    for name, seeds in (("train", range(6)), ("valid", range(6, 9)), ("dev_composer", range(9, 11))):
        save_pieces([make_piece(seed) for seed in seeds], folder / f"{name}.npz")
    return folder


def test_the_command_trains_stops_and_goes_on(packed, tmp_path, capsys):
    run = tmp_path / "run"
    main([str(packed), str(run), "--notes", "256", *SIZES])
    first = json.loads((run / "base/config.json").read_text(encoding="utf-8"))["facts"]
    main([str(packed), str(run), "--notes", "512", *SIZES])
    second = json.loads((run / "base/config.json").read_text(encoding="utf-8"))["facts"]
    assert (first["notes_trained"], second["notes_trained"]) == (256, 512)
    assert "step 2 of 4" in capsys.readouterr().out
    assert [line.split("\t")[0] for line in (run / "log.tsv").read_text(encoding="utf-8").splitlines()] == ["2", "4"]
    assert set(second["valid"]) == {"set0", "set1", "all"}
    assert second["valid"]["all"]["pieces"] == 3
    assert load_model(run / "base").config.width == 24

    card.main([str(run / "base")])
    text = (run / "base" / card.CARD_NAME).read_text(encoding="utf-8")
    assert "An LSTM (1 × 24)" in text
    assert "| set0 | unknown | 3 | " in text
    assert f"| valid: all | 3 | {second['valid']['all']['nats_per_note']:.3f} |" in text
    assert str(tmp_path) not in text
    assert "## Limits" in text
    settings = "--rows 4 --length 32 --rate 0.002 --width 24 --layers 1 --hidden 24 --seed 1 --threads 1"
    assert f"PACKED RUN --notes 256 {settings}\n# from step 2, on set0, set1\n" in text
    assert f"PACKED RUN --notes 512 {settings}\n" in text
    assert "OpenEWLD) are not among them" in text


def test_the_same_command_going_on_is_one_run(batches, tmp_path):
    training = Training(TINY, 0.1, tmp_path, seed=0)
    training.begin_run({"notes": 256, "rows": 4})
    training.one_step(batches[0], None, STEPS)
    training.save()
    resumed = Training(TINY, 0.1, tmp_path, seed=0)
    assert resumed.resume()
    resumed.begin_run({"notes": 256, "rows": 4})
    resumed.begin_run({"notes": 512, "rows": 4})
    assert resumed.runs == [{"from_step": 0, "notes": 256, "rows": 4}, {"from_step": 1, "notes": 512, "rows": 4}]


@pytest.fixture
def card_of(make_model, tmp_path):
    """card_of(**facts): the card of weights with these facts beside the usual ones."""
    report = {"all": {"pieces": 3, "nats_per_note": 3.1, "without_style": 3.2, "fields": {"gap": 1.5, "part": 0.25}}}
    usual = {
        "parameters": 5_000_000,
        "notes_trained": 60_000_000,
        "cpu_hours": 1.5,
        "seed": 3,
        "torch": "2.13.0",
        "sets": {"lieder": {"pieces": 10, "notes": 1000}},
        "valid": report,
        "dev_composer": report,
    }

    def make(**facts):
        save_model(make_model(), tmp_path, usual | facts)
        card.main([str(tmp_path)])
        return (tmp_path / card.CARD_NAME).read_text(encoding="utf-8")

    return make


def test_the_card_of_weights_that_recorded_less_says_only_what_it_knows(card_of):
    """Weights of the first runs name their last command, not threads, rows or packing."""
    last = "python -m stilo.models.train PACKED RUN --notes 60000000 --rate 0.002"
    text = card_of(commands=["python -m stilo.models.corpus DATA SPLITS.tsv PACKED --without openewld", last])
    assert f"The last command, as far as it was recorded:\n\n```\n{last}\n```\n" in text
    assert "--without" not in text
    assert "cores" not in text
    assert "The commands were not recorded." in card_of()
    begun_before = {"from_step": 700, "notes": 1, "sets": ["lieder"], **dict.fromkeys(train_module.SETTINGS, 1)}
    assert "# up to step 700: not recorded\npython -m stilo.models.train" in card_of(runs=[begun_before])


def test_the_card_does_not_deny_what_was_trained_on(card_of):
    assert "OpenEWLD) are not among them" in card_of()
    assert "not among them" not in card_of(sets={"openewld": {"pieces": 1, "notes": 9}})


def test_the_card_tells_what_its_sets_could_not_teach(card_of):
    counts = {"pieces": 1, "notes": 9}
    text = card_of(sets={"lieder": counts, "pop909": counts, "groove": counts})
    assert "Drums are only in groove." in text
    assert "Loudness varies freely only in groove, pop909." in text
    assert "No set has drums." in card_of()
    assert "Drums" not in card_of(sets={"groove": counts, "unknown": counts})


def test_the_command_tells_what_is_missing_in_one_line(tmp_path):
    with pytest.raises(SystemExit) as stop:
        main([str(tmp_path), str(tmp_path / "run"), "--notes", "256", *SIZES])
    assert "no packed music here" in str(stop.value.code)
    assert "\n" not in str(stop.value.code)


def test_what_fails_while_batches_are_made_stops_the_run():
    class Broken:
        def batch(self):
            raise OSError("disk gone")

    with pytest.raises(OSError, match="disk gone"):
        next(_prefetched(Broken()))


def test_no_card_of_what_was_not_trained_here(make_model, tmp_path):
    with pytest.raises(SystemExit, match="no weights that"):
        card.main([str(tmp_path)])
    save_model(make_model(), tmp_path, {})
    with pytest.raises(SystemExit, match="no weights that"):
        card.main([str(tmp_path)])
    assert not (tmp_path / card.CARD_NAME).exists()


def test_an_interrupt_says_how_to_go_on(packed, tmp_path, monkeypatch):
    def interrupted(*_arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(train_module, "_run_to", interrupted)
    with pytest.raises(SystemExit, match="goes on from the last checkpoint"):
        main([str(packed), str(tmp_path / "run"), "--notes", "256", *SIZES])


def test_held_out_sets_are_reported_apart(make_model, make_piece):
    pieces = [make_piece(seed) for seed in range(6)]
    report = held_out(make_model(), pieces, each=2)
    assert {name: entry["pieces"] for name, entry in report.items()} == {"set0": 2, "set1": 2, "all": 4}
    assert sum(report["all"]["fields"].values()) == pytest.approx(report["all"]["nats_per_note"], abs=1e-3)
    assert report["all"]["nats_per_note"] != report["all"]["without_style"]


def test_scores_do_not_depend_on_company(make_model, make_piece):
    """A piece alone and in a padded batch: the same nats, over all its notes and its end."""
    model = make_model()
    pieces = [make_piece(seed, notes=20 + 30 * seed) for seed in range(4)]
    together = score_pieces(model, pieces, [piece.embedding for piece in pieces])
    for piece, score in zip(pieces, together, strict=True):
        alone = score_pieces(model, [piece], [piece.embedding])[0]
        assert np.allclose(score.nats, alone.nats, rtol=1e-5)
        assert score.notes == len(piece.steps)
    mean = sum(score.nats.sum() for score in together) / sum(len(piece.steps) for piece in pieces)
    assert mean_nats_per_note(together) == pytest.approx(mean)
    assert sum(nats_by_field(together).values()) == pytest.approx(mean, abs=1e-3)
    assert list(nats_by_field(together)) == list(FIELDS)


def test_long_pieces_are_scored_by_their_beginning(make_model, make_piece):
    piece = make_piece(1, notes=100)
    score = score_pieces(make_model(), [piece], [None], longest=30)[0]
    assert score.notes == 30
    assert 0 < score.nats_per_note == pytest.approx(score.nats.sum() / 30)
