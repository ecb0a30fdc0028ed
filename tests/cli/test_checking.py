"""The command that looks for copies."""

import json

import numpy as np
import pytest

from stilo.music.files import write_score
from stilo.music.score import Score, TimeSignature, Track, notes_from_columns


def tune_of(seed):
    pitch = 60 + np.random.default_rng(seed).integers(0, 13, 120)
    notes = notes_from_columns(np.arange(120) * 240, np.full(120, 240), pitch, 80, np.zeros(120, int))
    return Score(notes, (Track("Tune", 73),), time_signatures=(TimeSignature(0, 4, 4),))


@pytest.fixture
def place(tmp_path, monkeypatch):
    (tmp_path / "music").mkdir()
    for seed in range(3):
        write_score(tune_of(seed), tmp_path / "music" / f"tune{seed}.mid")
    write_score(tune_of(1).transposed(-2), tmp_path / "copy.mid")
    write_score(tune_of(9), tmp_path / "new.mid")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_copy_is_a_result_and_no_error(place, stilo):
    status, out, err = stilo("check", "copy.mid", "new.mid", "--against", "music")
    assert status == 0
    assert "are bars 1–15 of tune1.mid, a major second down" in out
    assert "new.mid: nothing longer than human pieces share" in out
    assert err == ""


def test_one_json_object_a_line(place, stilo):
    _, out, _ = stilo("check", "copy.mid", "new.mid", "--against", "music", "--json")
    copy, new = (json.loads(line) for line in out.splitlines())
    assert (copy["verdict"], new["verdict"]) == ("copied", "original")
    assert (copy["originality"] < 0.5, new["originality"]) == (True, 1.0)
    assert copy["pieces"]["runs"][0]["source_bars"] == [1, 15]


def test_a_renamed_file_is_told_with_the_piece_that_it_is(place, stilo):
    (place / "renamed.mid").write_bytes((place / "music" / "tune2.mid").read_bytes())
    _, out, err = stilo("check", "renamed.mid", "--against", "music")
    assert out.splitlines()[:2] == ["renamed.mid: copied as a whole", "  it is the same file as tune2.mid"]
    assert "one of the pieces" not in err


@pytest.mark.parametrize("arguments", [("", "--against", "music"), ("new.mid", "--against", "")])
def test_an_empty_name_is_refused(place, stilo, arguments):
    status, out, err = stilo("check", *arguments)
    assert (status, out) == (1, "")
    assert err == 'stilo: "" names no file and no folder; give its name, or . for the folder that you are in\n'


def test_what_cannot_be_read_is_told_and_the_others_are_checked(place, stilo):
    (place / "broken.mid").write_bytes(b"MThd")
    status, out, err = stilo("check", "broken.mid", "new.mid", "--against", "music")
    assert status == 1
    assert "broken.mid" in err
    assert "new.mid: nothing longer" in out


@pytest.mark.parametrize("arguments", [("new.mid",), ("new.mid", "--against"), ("--against", "music")])
def test_what_is_not_understood(place, stilo, arguments):
    assert stilo("check", *arguments)[0] == 2


def test_there_must_be_something_to_hold_against(place, stilo):
    status, _, err = stilo("check", "new.mid", "--against", "nothing")
    assert status == 1
    assert "called so" in err
