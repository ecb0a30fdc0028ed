"""Composing: what is asked, what is written, and that a failure leaves nothing; a fake where the nets would be."""

import json

import numpy as np
import pytest

from stilo.errors import RequestError, SetupError, UnknownStyleError, WriteError
from stilo.music.files import read_score
from stilo.workshop import compose_piece, make_request, run_demo


def test_composing_writes_every_kind_from_one_composition(tmp_path, told, tune, waltz, composed_with):
    outputs = [tmp_path / f"new{ending}" for ending in (".mid", ".musicxml", ".mxl", ".json", ".png", ".wav", ".flac")]
    request = make_request(bars=8, seed=3)
    compose_piece("Waltz", outputs, request, told.progress, told.notices.append)
    assert told.notices == ["a key that is not heard"]
    assert composed_with == [request]
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(path.name for path in outputs)
    assert len(read_score(outputs[0])) == len(read_score(outputs[1])) == len(read_score(outputs[2])) == len(tune)
    data = json.loads(outputs[3].read_text(encoding="utf-8"))
    assert data["request"]["seed"] == 3
    assert data["report"] == {"style": "Waltz", "notes": 80}
    assert data["score"]["notes"]["pitch"] == tune.notes["pitch"].tolist()
    assert outputs[4].read_bytes().startswith(b"\x89PNG")
    assert outputs[5].read_bytes()[:4] == b"RIFF"
    assert outputs[6].read_bytes()[:4] == b"fLaC"
    assert told.shares == sorted(told.shares)


def test_composing_fails_early_and_leaves_nothing(tmp_path, waltz, composed_with):
    with pytest.raises(WriteError, match=r"new\.pdf"):
        compose_piece("Waltz", [tmp_path / "new.mid", tmp_path / "new.pdf"])
    with pytest.raises(UnknownStyleError):
        compose_piece("Nobody", [tmp_path / "new.mid"])
    assert composed_with == []
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("failure", [OSError(28, "No space left on device"), KeyboardInterrupt(), ValueError("bug")])
def test_when_one_output_fails_none_is_left(tmp_path, monkeypatch, waltz, composed_with, failure):
    def failing(*_args):
        raise failure

    (tmp_path / "new.mid").write_bytes(b"old")
    monkeypatch.setattr("stilo.elements.plot.plot_piano_roll", failing)
    expected = WriteError if isinstance(failure, OSError) else type(failure)
    with pytest.raises(expected):
        compose_piece("Waltz", [tmp_path / "new.mid", tmp_path / "new.png"])
    assert [path.name for path in tmp_path.iterdir()] == ["new.mid"]
    assert (tmp_path / "new.mid").read_bytes() == b"old"


def test_errors_name_the_file_the_person_named(tmp_path, monkeypatch, waltz, composed_with):
    def failing(_score, path):
        raise WriteError(path, "the disk is full")

    monkeypatch.setattr("stilo.music.files.write_score", failing)
    with pytest.raises(WriteError, match=r"new\.mid: the disk is full$"):
        compose_piece("Waltz", [tmp_path / "new.mid"])


def test_audio_is_rendered_once_for_all_kinds(tmp_path, monkeypatch, waltz, composed_with):
    from stilo.sound.waveform import AUDIO_ENDINGS, Waveform

    calls = []

    def render(score):
        calls.append(score)
        return Waveform(np.zeros((4410, 2), np.float32), 44100)

    monkeypatch.setattr("stilo.sound.render.render", render)
    outputs = [tmp_path / f"a{ending}" for ending in AUDIO_ENDINGS]
    assert tmp_path / "a.opus" in outputs
    compose_piece("Waltz", outputs)
    assert len(calls) == 1
    assert all(path.stat().st_size > 0 for path in outputs)


def test_a_closed_folder_is_told_before_any_work(closed_folder, waltz, composed_with):
    with pytest.raises(WriteError, match=r"new\.mid: cannot be written .*choose another folder"):
        compose_piece("Waltz", [closed_folder / "new.mid"])
    assert composed_with == []


def test_a_missing_renderer_is_told_before_any_work(tmp_path, monkeypatch, waltz, composed_with):
    monkeypatch.setenv("STILO_SOUNDFONT", str(tmp_path / "none.sf2"))
    with pytest.raises(SetupError, match="SOUNDFONT"):
        compose_piece("Waltz", [tmp_path / "new.mid", tmp_path / "new.wav"])
    with pytest.raises(SetupError, match="SOUNDFONT"):
        next(run_demo(tmp_path / "demo"))
    assert composed_with == []
    compose_piece("Waltz", [tmp_path / "new.mid"])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["demo", "new.mid"]


@pytest.mark.parametrize(("metre", "pair"), [("3/4", (3, 4)), (" 6/8", (6, 8)), ("12/16", (12, 16)), ("1/1", (1, 1))])
def test_metres_that_can_be_read(metre, pair):
    assert make_request(metre=metre).time_signature == pair


@pytest.mark.parametrize(
    "metre", ["", "3", "3/", "/4", "3/5", "0/4", "33/4", "-3/4", "3/4/4", "a/b", "3/64", "٣/٤", "9" * 99]
)
def test_metres_that_cannot(metre):
    with pytest.raises(RequestError, match=r"no metre|cannot be composed"):
        make_request(metre=metre)


def test_requests_keep_defaults_and_read_keys():
    from stilo.compose.request import Request

    assert make_request() == Request()
    assert make_request(key="Bb minor").key == "Bb minor"
    with pytest.raises(RequestError, match="no key"):
        make_request(key="H dur")
    with pytest.raises(RequestError, match="bars 0"):
        make_request(bars=0)
