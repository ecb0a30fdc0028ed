"""The whole way with nothing faked: real files, real learning and composing, by weights too small to be good at it."""

import json
from dataclasses import replace

import numpy as np
import pytest

from stilo.cli import main
from stilo.music.files import read_score, write_score

pytestmark = pytest.mark.usefixtures("with_tiny_weights")


@pytest.fixture
def music(tmp_path, tune):
    """Six pieces of a kind."""
    folder = tmp_path / "music"
    folder.mkdir()
    rng = np.random.default_rng(3)
    for i in range(6):
        notes = tune.notes.copy()
        notes["pitch"][notes["track"] == 0] += rng.choice([-2, 0, 2], 48).astype(np.int16)
        write_score(replace(tune, notes=notes), folder / f"waltz{i}.mid")
    return folder


def stilo(*arguments):
    with pytest.raises(SystemExit) as stop:
        main([str(argument) for argument in arguments])
    return stop.value.code or 0


def test_learn_show_compose_and_give_away(music, tmp_path, capsys):
    assert stilo("learn", "Waltzes", music, "--minutes", "0.05", "--licence", "CC0") == 0
    told = capsys.readouterr().out
    assert "held-out nats/note" in told
    assert "6 pieces, 480 notes; CC0" in told
    assert stilo("show", "Waltzes", "--json") == 0
    style = json.loads(capsys.readouterr().out)
    assert not any(source["held_out"] for source in style["sources"]), "each was held out by one of three tunings"
    assert (style["proof"]["folds"], style["proof"]["held_out_notes"]) == (3, 480)

    outputs = [tmp_path / f"new{ending}" for ending in (".mid", ".musicxml", ".wav", ".json", ".png")]
    kinds = [word for path in outputs for word in ("-o", path)]
    assert stilo("compose", "Waltzes", "--bars", "4", "--seed", "1", *kinds) == 0
    capsys.readouterr()
    assert all(path.stat().st_size > 0 for path in outputs)
    score = read_score(outputs[0])
    assert len(score) == len(json.loads(outputs[3].read_text(encoding="utf-8"))["score"]["notes"]["pitch"]) > 0

    assert stilo("compose", "Waltzes", "--bars", "4", "--seed", "1", "-o", tmp_path / "again.mid") == 0
    assert (tmp_path / "again.mid").read_bytes() == outputs[0].read_bytes()
    assert stilo("compose", "Waltzes", "--bars", "4", "--seed", "2", "-o", tmp_path / "other.mid") == 0
    assert not np.array_equal(read_score(tmp_path / "other.mid").notes, score.notes)

    assert stilo("library", "export", "Waltzes", tmp_path / "w.stilo") == 0
    assert stilo("library", "rm", "Waltzes", "--yes") == 0
    assert stilo("library", "import", tmp_path / "w.stilo", "--as", "Hers") == 0
    assert stilo("compose", "Hers", "--bars", "4", "--seed", "1", "-o", tmp_path / "hers.mid") == 0
    hers, first = read_score(tmp_path / "hers.mid"), read_score(outputs[0])
    assert np.array_equal(hers.notes, first.notes)


def test_the_request_is_kept(music, tmp_path, capsys):
    assert stilo("learn", "Quick", music, "--no-tune") == 0
    assert "tuned" not in capsys.readouterr().out
    target = tmp_path / "new.mid"
    given = ("--bars", "4", "--metre", "2/4", "--tempo", "72")
    assert stilo("compose", "Quick", *given, "-o", target) == 0
    score = read_score(target)
    assert (score.time_signatures[0].numerator, score.time_signatures[0].denominator) == (2, 4)
    assert score.tempos[0].quarters_per_minute == pytest.approx(72, abs=0.01)


def test_too_little_music_is_told(tmp_path, tune, capsys):
    write_score(tune.with_notes(tune.notes[:60]), tmp_path / "one.mid")
    assert stilo("learn", "Little", tmp_path / "one.mid") == 1
    assert "60 notes are too few" in capsys.readouterr().err


def test_a_style_of_other_weights_is_told(music, tmp_path, capsys, monkeypatch):
    import torch

    from stilo.models.notes.checkpoint import save_model
    from stilo.models.notes.config import NoteModelConfig
    from stilo.models.notes.model import NoteModel

    assert stilo("learn", "Quick", music, "--no-tune") == 0
    with torch.random.fork_rng():
        torch.manual_seed(2)
        sizes = NoteModelConfig(width=24, layers=1, hidden=24, memory_width=8, condition_width=8)
        save_model(NoteModel(sizes), tmp_path / "w", {})
    monkeypatch.setenv("STILO_MODEL", str(tmp_path / "w"))
    capsys.readouterr()
    assert stilo("compose", "Quick", "-o", tmp_path / "new.mid") == 1
    assert "learn it again" in capsys.readouterr().err
    assert not (tmp_path / "new.mid").exists()


def test_python_says_the_same_words(music, tmp_path):
    import stilo as api

    style = api.learn("Python", [music], tune=False)
    piece = api.compose(style, api.Request(bars=4, seed=1, candidates=1))
    api.write(piece.score, tmp_path / "new.mid")
    assert api.analyse(api.read(tmp_path / "new.mid")).pieces == 1
    assert api.load("Python") == style
    assert "Python" in api.style_card(style)


def test_the_demo_leaves_everything_and_no_trace_in_the_library(tmp_path, monkeypatch, capsys):
    from stilo.workshop import demo, list_styles

    small = replace(demo.DEMO_STYLES[0], pieces=demo.DEMO_STYLES[0].pieces[:3])
    monkeypatch.setattr(demo, "DEMO_STYLES", (small,))
    monkeypatch.setattr(demo, "BARS", 4)
    assert stilo("demo", "--out", tmp_path / "demo", "--minutes", "0.05") == 0
    endings = (".card.txt", ".profile.png", ".stilo", ".musicxml", ".mid", ".wav", ".json", ".png")
    assert {path.name for path in (tmp_path / "demo").iterdir()} == {f"bach-chorales{end}" for end in endings}
    assert (tmp_path / "demo" / "bach-chorales.card.txt").read_text(encoding="utf-8") in capsys.readouterr().out
    assert list_styles() == []


def test_the_pieces_of_the_demo_are_installed():
    from stilo.workshop.demo import DEMO_STYLES, corpus_files

    assert [len(corpus_files(style)) for style in DEMO_STYLES] == [16, 12]
