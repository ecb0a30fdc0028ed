"""Ctrl-C while learning: what is lost, what is kept, and what the person is told."""

from contextlib import contextmanager

import numpy as np
import pytest

from stilo.errors import UnknownStyleError
from stilo.music.files import write_score
from stilo.workshop import load_style

pytestmark = pytest.mark.usefixtures("with_tiny_weights", "with_tiny_encoder")


@pytest.fixture
def music(tmp_path, tune):
    rng = np.random.default_rng(0)
    for i in range(4):
        notes = tune.notes.copy()
        notes["pitch"][notes["track"] == 0] += rng.choice([-2, 0, 2], 48).astype(np.int16)
        write_score(tune.with_notes(notes), tmp_path / f"{i}.mid")
    return tmp_path


@pytest.fixture
def interrupted_at(monkeypatch):
    """interrupted_at(what, times): Ctrl-C when a stage is told for the so-manieth time."""

    def arrange(stage, *times):
        told = []

        def tell(what, _share):
            told.append(what)
            if what.startswith(stage) and sum(one.startswith(stage) for one in told) in (times or (1,)):
                raise KeyboardInterrupt

        @contextmanager
        def bar(_what):
            yield tell

        monkeypatch.setattr("stilo.cli.styles.progress_bar", bar)

    return arrange


def test_before_anything_is_learned_nothing_is_kept(stilo, music, interrupted_at):
    interrupted_at("measuring")
    status, out, err = stilo("learn", "Mine", music)
    assert (status, out) == (130, "")
    assert err == "stilo: interrupted; nothing was left half written\n"
    with pytest.raises(UnknownStyleError):
        load_style("Mine")


def test_while_tuning_the_best_until_then_is_kept(stilo, music, interrupted_at):
    interrupted_at("tuning", 22)
    status, out, err = stilo("learn", "Mine", music, "--steps", 300)
    assert status == 0
    assert "stilo: stopped: what was learned best until then is kept\n" in err
    assert err.endswith("it is tried in short pieces now (Ctrl-C again leaves them out)\n")
    style = load_style("Mine")
    assert style.adapter is not None
    assert 0 < style.proof.steps < 22
    assert style.proof.is_interrupted
    assert "stopped early: the best until then is kept" in out
    assert style.proof.trial is not None, "it is tried all the same"
    assert out.startswith("Mine\n")


def test_before_the_first_check_there_is_nothing_to_keep(stilo, music, interrupted_at):
    interrupted_at("tuning", 2)
    status, out, err = stilo("learn", "Mine", music, "--steps", 300)
    assert status == 0
    assert "stilo: stopped: nothing was learned until then, the base model is kept as it is\n" in err
    style = load_style("Mine")
    assert style.adapter is None
    assert style.proof.is_interrupted
    assert style.proof.advice == "learn again without stopping"
    assert "stopped before anything was learned: the base model stays as it is" in " ".join(out.split())
    assert "tuning made this music no likelier" not in " ".join(out.split())
    assert "tuned" not in out


def test_while_it_is_proved_what_was_learned_is_kept_unless_stopped_again(stilo, music, interrupted_at):
    interrupted_at("proving")
    status, out, err = stilo("learn", "Mine", music, "--steps", 60)
    assert status == 0
    assert "stopped" not in out + err, "the tuning was over"
    assert load_style("Mine").adapter is not None
    interrupted_at("proving", 1, 2)
    status, _, err = stilo("learn", "Again", music, "--steps", 60)
    assert status == 0
    assert "stilo: stopped: nothing was learned until then" in err
    assert load_style("Again").adapter is None


def test_before_the_first_step_the_style_is_measured_all_the_same(stilo, music, monkeypatch):
    def stopped(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("stilo.models.notes.tuning.Judge", stopped)
    assert stilo("learn", "Mine", music, "--steps", 60)[0] == 0
    assert load_style("Mine").proof.is_interrupted


def test_while_it_is_tried_the_style_is_kept(stilo, music, interrupted_at):
    interrupted_at("composing")
    status, out, err = stilo("learn", "Mine", music, "--no-tune")
    assert status == 0
    assert err.endswith("stilo: stopped: the style is kept, not tried\n")
    assert load_style("Mine").proof.trial is None
    assert out.startswith("Mine\n")
