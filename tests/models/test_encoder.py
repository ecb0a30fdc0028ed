"""The encoder: blind by construction, the same alone and in company, kept whole on disk, learning what it is shown."""

import json

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from stilo.errors import SetupError
from stilo.models import encoder_train as train_module
from stilo.models.bar_views import bar_views
from stilo.models.corpus import save_pieces
from stilo.models.disguises import BLIND, DISGUISES
from stilo.models.encoder import FACETS, MEASURED, EncoderConfig, StyleEncoder
from stilo.models.encoder_files import CONFIG_NAME, WEIGHTS_NAME, load_encoder, save_encoder
from stilo.models.encoder_fitting import fit_discriminants, fit_readings
from stilo.models.encoder_sampling import ExcerptSource, collection_of, examples_of, maker_of
from stilo.models.encoder_train import contrastive_loss, learning_rate, main
from stilo.models.excerpts import stack_excerpts
from stilo.models.learned_embedding import FACET_ORDER, FACET_VALUES, LearnedEmbedding, mean_embedding
from stilo.models.recogniser import recognise, recognise_each
from stilo.models.tokens import decode
from stilo.models.trained_encoder import TrainedEncoder, net_facets
from stilo.music.score import Score, Track

TINY = EncoderConfig(bar_width=8, hidden=6, facet_size=70, dropout=0.1)


@pytest.fixture
def composers(make_piece):
    """Eight pieces each of two composers of two collections, the one with many notes a bar, the other with few."""
    pieces = []
    for set_name in ("lieder", "polish_scores"):
        for nth, notes in enumerate((60, 120)):
            for i in range(8):
                piece = make_piece(100 * nth + i, notes=notes)
                name = f"{set_name}/{nth}-{i}.mid"
                pieces.append(type(piece)(name, piece.steps, piece.embedding, piece.tempo, f"{set_name}/{nth}"))
    return pieces


@pytest.fixture
def encoder(composers):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = StyleEncoder(TINY).eval()
    examples = examples_of(composers, [piece.name for piece in composers])
    discriminants = fit_discriminants(examples, size=2)
    return TrainedEncoder(model, discriminants, 0.7, fit_readings(model, discriminants, 0.7, examples)), composers


@pytest.fixture
def small(monkeypatch):
    """Facets of the size that two makers allow."""
    for module in ("learned_embedding", "encoder_files", "encoder_fitting"):
        monkeypatch.setattr(f"stilo.models.{module}.FACET_VALUES", TINY.facet_size + 2)


@pytest.mark.parametrize(("convolution", "recurrence"), [(True, True), (False, True), (True, False)])
def test_facets_are_blind_to_what_is_not_theirs(make_steps, convolution, recurrence):
    torch.manual_seed(1)
    model = StyleEncoder(EncoderConfig(bar_width=8, hidden=6, convolution=convolution, recurrence=recurrence)).eval()
    steps = make_steps(2, notes=90)
    plain = net_facets(model, [bar_views(steps)])[0]
    for name, disguise in DISGUISES.items():
        other = net_facets(model, [bar_views(disguise(steps, np.random.default_rng(0)))])[0]
        for i, facet in enumerate(FACETS):
            if name in BLIND[facet]:
                np.testing.assert_allclose(other[i], plain[i], atol=1e-5, err_msg=f"{facet}, {name}")
    shuffled = DISGUISES["pitches shuffled"](steps, np.random.default_rng(0))
    assert np.abs(net_facets(model, [bar_views(shuffled)])[0] - plain).max(1)[[0, 2]].min() > 1e-4


def test_a_piece_is_the_same_alone_and_in_company(encoder, make_steps):
    trained, _ = encoder
    views = [bar_views(make_steps(seed, notes=notes)) for seed, notes in ((1, 40), (2, 400), (3, 90), (4, 700))]
    assert len(views[3]) > 96
    together = trained.embed(views)
    for view, row in zip(views, together, strict=True):
        np.testing.assert_allclose(trained.embed([view])[0], row, atol=1e-5)


def test_an_excerpt_is_not_changed_by_the_padding_beside_it(make_steps):
    model = StyleEncoder(TINY).eval()
    short, long = bar_views(make_steps(1, notes=40)), bar_views(make_steps(2, notes=200))
    with torch.inference_mode():
        alone = model(stack_excerpts([short], [0], 48))
        beside = model(stack_excerpts([short, long], [0, 0], 48))
    np.testing.assert_allclose(alone[0], beside[0], atol=1e-5)


def test_an_excerpt_without_bars_is_refused(make_steps):
    with pytest.raises(ValueError, match="no bars"):
        stack_excerpts([bar_views(make_steps(1))], [1000], 8)


def test_like_is_drawn_to_like():
    makers = np.array([0, 0, 1, 1])
    works = np.arange(4)
    apart = torch.eye(4)[[0, 0, 1, 1]]
    mixed = torch.eye(4)[[0, 1, 0, 1]]
    assert contrastive_loss(apart, makers, works) < 0.01 < contrastive_loss(mixed, makers, works)
    assert contrastive_loss(apart, makers, np.array([0, 0, 1, 1])) < contrastive_loss(mixed, makers, works)


def test_the_rate_rises_holds_and_falls():
    rates = [learning_rate(step, 1000, 1.0) for step in (0, 99, 399, 700, 999)]
    assert rates[0] == pytest.approx(0.01)
    assert rates[1] == rates[2] == 1.0
    assert 0.4 < rates[3] < 0.6
    assert rates[4] == pytest.approx(0.02, abs=1e-3)


def test_batches_hold_makers_of_one_collection(composers):
    source = ExcerptSource(examples_of(composers, [piece.name for piece in composers]), most_bars=8)
    batch = source.draw(np.random.default_rng(3))
    again = source.draw(np.random.default_rng(3))
    assert [e.views for e in batch.examples] == [e.views for e in again.examples]
    assert batch.starts == again.starts
    assert len({example.collection for example in batch.examples}) == 1
    assert len({(example.maker, number) for example, number in zip(batch.examples, batch.makers, strict=True)}) == 2
    assert all(0 <= start < len(example.views) for start, example in zip(batch.starts, batch.examples, strict=True))


def test_who_made_a_piece(make_piece):
    piece = make_piece(0)
    told = type(piece)("polish_more/x.mid", piece.steps, piece.embedding, 0, "polish_more/Elsner")
    nobody = type(piece)("polish_more/x.mid", piece.steps, piece.embedding, 0, "polish_more/Anonim")
    assert (maker_of(told), maker_of(nobody)) == ("Elsner", "polish_more/x.mid")
    assert collection_of("polish_more/x.mid") == collection_of("polish_scores/y.mid")


def _settings(**changes):
    return {
        "steps": 6,
        "bars": 6,
        "rate": 1e-3,
        "seed": 1,
        "dropout": 0.1,
        "convolution": True,
        "recurrence": True,
    } | changes


@pytest.fixture
def packed(tmp_path, composers, monkeypatch):
    monkeypatch.setattr(train_module, "CHECKPOINT_SECONDS", 0.0)
    monkeypatch.setattr("stilo.models.retrieval.PIECES_EACH", 4)
    monkeypatch.setattr("stilo.models.encoder_fitting.NET_SHARES", (0.5, 1.0))
    monkeypatch.setattr("stilo.models.encoder_fitting.FACET_VALUES", EncoderConfig().facet_size + 1)
    monkeypatch.setattr("stilo.models.encoder_files.FACET_VALUES", EncoderConfig().facet_size + 1)
    folder = tmp_path / "packed"
    folder.mkdir()
    save_pieces(composers, folder / "train.npz")
    save_pieces(composers[:16], folder / "dev_composer.npz")
    return folder


def _train(packed, run, *more):
    main([str(packed), str(packed), str(run), "--bars", "6", "--threads", "1", *more])
    return load_file(run / "encoder" / WEIGHTS_NAME)


def test_training_stopped_and_gone_on_is_training_gone_through(packed, tmp_path, monkeypatch, capsys):
    through = _train(packed, tmp_path / "a", "--steps", "5")
    one_step = train_module.EncoderTraining.one_step

    def stopped(self):
        if self.step == 3:
            raise KeyboardInterrupt
        return one_step(self)

    monkeypatch.setattr(train_module.EncoderTraining, "one_step", stopped)
    with pytest.raises(KeyboardInterrupt):
        _train(packed, tmp_path / "b", "--steps", "5")
    monkeypatch.setattr(train_module.EncoderTraining, "one_step", one_step)
    resumed = _train(packed, tmp_path / "b", "--steps", "5")
    assert through.keys() == resumed.keys()
    for name, value in through.items():
        np.testing.assert_allclose(value.float(), resumed[name].float(), atol=1e-6, err_msg=name)
    facts = json.loads((tmp_path / "a" / "encoder" / CONFIG_NAME).read_text())["facts"]
    assert facts["settings"]["steps"] == 5
    assert set(facts["dev_composer"]) <= {"lieder", "polish_scores"}
    assert "step 3 of 5" in capsys.readouterr().out


def test_a_checkpoint_of_other_settings_is_told(packed, tmp_path):
    _train(packed, tmp_path / "a", "--steps", "1")
    with pytest.raises(SystemExit, match="other settings"):
        _train(packed, tmp_path / "a", "--steps", "2")


def test_training_tells_two_composers_apart(composers):
    examples = examples_of(composers, [piece.name for piece in composers])
    measured = np.stack([example.measured for example in examples])
    statistics = torch.from_numpy(measured.mean(0)), torch.from_numpy(measured.std(0) + 0.02)
    source = ExcerptSource(examples, 6)
    training = train_module.EncoderTraining(source, statistics, _settings(steps=40, rate=5e-3), run=None)
    losses = [training.one_step()[1] for _ in range(40)]
    assert np.mean(losses[-8:]) < np.mean(losses[:8]) - 0.2


def test_an_encoder_survives_its_folder(encoder, small, tmp_path):
    trained, pieces = encoder
    save_encoder(trained, tmp_path, {"note": "x"})
    loaded = load_encoder(tmp_path)
    views = [bar_views(piece.steps) for piece in pieces[:3]]
    np.testing.assert_allclose(loaded.embed(views), trained.embed(views), atol=5e-3)
    assert loaded.net_share == trained.net_share


@pytest.mark.parametrize("damage", ["config", "weights", "shape", "huge", "format", "missing"])
def test_a_damaged_encoder_is_told_in_one_line(encoder, small, tmp_path, damage):
    save_encoder(encoder[0], tmp_path, {})
    config = json.loads((tmp_path / CONFIG_NAME).read_text())
    if damage == "config":
        (tmp_path / CONFIG_NAME).write_text("{")
    elif damage == "weights":
        (tmp_path / WEIGHTS_NAME).write_bytes(b"\x00" * 64)
    elif damage == "shape":
        tensors = load_file(tmp_path / WEIGHTS_NAME)
        tensors["pitch.mean"] = tensors["pitch.mean"][:5].clone()
        save_file(tensors, tmp_path / WEIGHTS_NAME)
    elif damage == "missing":
        (tmp_path / WEIGHTS_NAME).unlink()
    else:
        config = config | {"format": 9} if damage == "format" else config | {"model": {"bar_width": 10**9}}
        (tmp_path / CONFIG_NAME).write_text(json.dumps(config))
    with pytest.raises(SetupError) as told:
        load_encoder(tmp_path)
    assert "\n" not in str(told.value)
    assert "install stilo anew" in str(told.value)


def test_no_packed_music_is_told(tmp_path):
    with pytest.raises(SystemExit, match="no packed music"):
        main([str(tmp_path), str(tmp_path), str(tmp_path / "run")])
    assert not (tmp_path / "run").exists()


def test_what_was_measured_is_read_from_the_facets(encoder):
    trained, pieces = encoder
    read = trained.read(trained.embed([bar_views(piece.steps) for piece in pieces]))
    assert {facet: rows.shape for facet, rows in read.items()} == {
        f: (len(pieces), len(v)) for f, v in MEASURED.items()
    }
    # embeddings here are noise: what is read of them is their mean and a little more
    real = np.stack([piece.embedding for piece in pieces])[:, list(MEASURED["rhythm"])]
    assert ((read["rhythm"] - real) ** 2).sum() < ((real - real.mean(0)) ** 2).sum()


def test_all_that_is_no_artefact_is_read():
    assert set(MEASURED) == set(FACETS) == set(FACET_ORDER)
    assert sum(map(len, MEASURED.values())) == 179 - 19  # all but 16 instruments, loudness and its range, tempo


def test_scores_are_recognised_one_by_one(encoder, monkeypatch, composers):
    trained, _ = encoder
    monkeypatch.setattr("stilo.models.learned_embedding.FACET_VALUES", TINY.facet_size + 2)
    tracks = {part: Track(program=part % 129 % 128, is_drum=part % 129 == 128) for part in range(516)}
    scores = [decode(piece.steps, (4, 4), 100, tracks) for piece in composers[:3]]
    silent = Score(scores[0].notes[:0], scores[0].tracks)
    each = list(recognise_each([*scores, silent], trained))
    assert np.allclose(np.linalg.norm(each[0].values, axis=1), 1, atol=1e-5)
    assert not each[3].values.any()
    assert each[0].likeness(each[0]) == pytest.approx(1)
    assert each[0].likeness(each[1]) < 1
    joined = recognise(scores, trained)
    np.testing.assert_allclose(joined.values, mean_embedding(each[:3]).values, atol=1e-5)


def test_a_learned_embedding_holds_unit_facets():
    rows = np.random.default_rng(0).standard_normal((4, FACET_VALUES)).astype(np.float32)
    embedding = LearnedEmbedding(rows)
    np.testing.assert_allclose(np.linalg.norm(embedding.values, axis=1), 1, atol=1e-5)
    assert embedding.likeness(LearnedEmbedding(-rows), ["rhythm"]) == pytest.approx(-1, abs=1e-5)
    assert not embedding.values.flags.writeable
    for wrong in (rows[:3], np.full_like(rows, np.nan)):
        with pytest.raises(ValueError, match="learned embedding"):
            LearnedEmbedding(wrong)
    with pytest.raises(ValueError, match="tempo"):
        embedding.facet("tempo")
    with pytest.raises(ValueError, match="no embeddings"):
        mean_embedding([])
