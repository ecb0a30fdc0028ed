"""`stilo analyse`: cards, lines of files, JSON, pictures."""

import json
import os
import subprocess
import sys

import pytest


def test_analyse_prints_a_card(stilo, song):
    status, out, err = stilo("analyse", song)
    assert (status, err) == (0, "")
    assert out.startswith("song.mid\n")
    assert "3/4" in out


def test_analyse_prints_a_line_for_each_file_and_status_1_when_one_is_broken(stilo, song, tmp_path):
    (tmp_path / "zzz.mid").write_bytes(b"MThd")
    (tmp_path / "other.mid").write_bytes(song.read_bytes())
    status, out, err = stilo("analyse", tmp_path)
    assert status == 1
    assert [line.rpartition("  ")[2] for line in out.splitlines()[:2]] == [str(tmp_path / "other.mid"), str(song)]
    assert "2 pieces from 3 files, 1 could not be read" in out
    heading, failure = err.splitlines()
    assert heading == "stilo: 1 of 3 files could not be read:"
    assert failure.startswith(f"  {tmp_path / 'zzz.mid'}: is cut off")


def test_analyse_gives_every_tune_of_a_book_its_line(stilo, tmp_path):
    (tmp_path / "book.abc").write_text("X:1\nT:One\nL:1/4\nK:C\nCDEF|\n\nX:2\nT:T\x1b[2J\nL:1/4\nK:C\nGABc|\n")
    status, out, err = stilo("analyse", tmp_path)
    assert (status, err) == (0, "")
    assert [line.partition("book.abc")[2] for line in out.splitlines()[:2]] == [", 1 One", ", 2 T[2J"]
    assert "\nbook.abc, 2 pieces\n" in out


def test_analyse_does_not_list_failures_without_end(stilo, monkeypatch, tmp_path):
    monkeypatch.setattr("stilo.workshop.analysing.MOST_FAILURES_KEPT", 3)
    for i in range(5):
        (tmp_path / f"{i}.mid").write_bytes(b"")
    status, out, err = stilo("analyse", tmp_path)
    assert (status, out) == (1, "")
    assert err.splitlines()[0] == "stilo: 5 of 5 files could not be read:"
    assert err.splitlines()[3:] == [f"  {tmp_path / '2.mid'}: is empty", "  and 2 more"]


@pytest.mark.skipif(os.name == "nt", reason="there are no such terminals")
def test_what_goes_into_a_file_stays_out_of_the_bar(song, tmp_path):
    """With the bar on a terminal and the results in a file, the results stand in the file."""
    import pty

    terminal, shown = pty.openpty()
    with (tmp_path / "told.jsonl").open("w") as told:
        command = [sys.executable, "-m", "stilo", "analyse", str(song), "--json"]
        subprocess.run(command, stdout=told, stderr=shown, check=True)
    os.close(shown)
    os.close(terminal)
    assert json.loads((tmp_path / "told.jsonl").read_text())["file"] == str(song)


def test_analyse_json_is_one_object_a_line(stilo, song, tmp_path):
    (tmp_path / "zzz.mid").write_bytes(b"MThd")
    status, out, err = stilo("analyse", tmp_path, "--json")
    assert (status, err) == (1, "")
    good, bad = map(json.loads, out.splitlines())
    assert good["file"] == str(song)
    assert good["time_signature"] == "3/4"
    assert set(bad) == {"file", "error"}
    assert stilo("analyse", song, "--json")[0] == 0


def test_analyse_draws(stilo, song, tmp_path):
    status, out, _ = stilo("analyse", song, "--plot", tmp_path / "song.png")
    assert status == 0
    assert out.endswith("song.png\n")
    assert (tmp_path / "song.png").read_bytes().startswith(b"\x89PNG")
