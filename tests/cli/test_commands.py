"""The other commands: what they print and leave."""

import json
import subprocess
import sys
from dataclasses import replace
from types import SimpleNamespace

import pytest

from stilo.library.store import Library
from stilo.workshop import gather_pieces


def test_learn_prints_the_card_and_warns_of_what_it_left_out(stilo, song, tmp_path, monkeypatch, make_style):
    def learn(name, pieces, *, tune, seconds, steps, seed, progress, notice):
        assert (tune, seconds, steps, seed) == (False, 30.0, 7, 4)
        assert [source.licence for _, source in pieces] == ["my own"]
        progress("measuring", 1.0)
        return make_style(name)

    monkeypatch.setattr("stilo.styles.learn.learn", learn)
    monkeypatch.setattr("stilo.workshop.learning.tried", lambda style, _progress: style)
    (tmp_path / "zzz.mid").write_bytes(b"MThd")
    arguments = ("learn", "Mine", tmp_path, "--licence", "my own", "--minutes", "0.5", "--no-tune", "--seed", "4")
    arguments += ("--steps", "7")
    status, out, err = stilo(*arguments)
    assert status == 0
    assert "held-out nats/note" in out
    assert 'stilo compose "Mine"' in out
    assert err.startswith("stilo: left out ")
    assert err.count("\n") == 1
    status, _, err = stilo(*arguments)
    assert status == 1
    assert "already holds" in err
    assert stilo(*arguments, "--replace")[0] == 0


def test_show_prints_card_json_and_picture(stilo, waltz, tmp_path):
    status, out, _ = stilo("show", "waltz")
    assert status == 0
    assert out.startswith("Waltz\n")
    _, out, _ = stilo("show", "Waltz", "--json", "--plot", tmp_path / "waltz.png")
    assert json.loads(out) == json.loads(json.dumps(waltz.to_json()))
    assert (tmp_path / "waltz.png").is_file()


def test_learn_splits_and_goes_on(stilo, song, tmp_path, monkeypatch, make_style):
    asked = []

    def split(name, files, **options):
        asked.append((name, files, options["steps"]))
        return [make_style(f"{name} 1"), make_style(f"{name} 2")]

    def one(name, files, **options):
        asked.append((name, options["add"], options["without_missing"], options["replace"]))
        return make_style(name)

    monkeypatch.setattr("stilo.workshop.learn_split", split)
    monkeypatch.setattr("stilo.workshop.learn_style", one)
    status, out, _ = stilo("learn", "Mine", tmp_path, "--split", "--steps", 5)
    assert status == 0
    assert out.count("held-out nats/note") == 2
    assert 'stilo compose "Mine 1"' in out
    assert stilo("learn", "Mine", song, "--add")[0] == 0
    assert stilo("learn", "Mine", song, "--add", "--without-missing")[0] == 0
    assert asked == [("Mine", [tmp_path], 5), ("Mine", True, False, False), ("Mine", True, True, False)]
    assert stilo("learn", "Mine", song, "--without-missing")[0] == 2
    status, _, err = stilo("learn", "Mine", song, "--add", "--split")
    assert status == 2
    assert "not both" in err


def test_adding_what_is_in_the_style_already_is_no_error(stilo, song, waltz):
    source = gather_pieces([song])[0][1]
    with Library() as library:
        library.save(replace(waltz, sources=(source,)), replace=True)
    status, out, err = stilo("learn", "waltz", song, "--add")
    assert status == 0
    assert err.startswith("stilo: nothing new: 'Waltz' was learned from all of these already, and stays as it is; ")
    assert err.count("\n") == 1
    assert out.startswith("Waltz\n")


def test_show_tells_the_proof_alone_and_writes_samples(stilo, waltz, tmp_path, monkeypatch):
    status, out, _ = stilo("show", "waltz", "--proof")
    assert status == 0
    assert out.startswith("Waltz\n  held-out nats/note 3.500 before")
    assert "STYLE" not in out
    written = [tmp_path / "1-learned.mid", tmp_path / "1-without.mid"]
    monkeypatch.setattr("stilo.workshop.write_sketches", lambda name, folder, progress: written)
    _, out, _ = stilo("show", "waltz", "--samples", tmp_path)
    assert out.splitlines()[-1] == f"written: 2 pieces in {tmp_path}, each without and with what was learned"


def test_similar_prints_a_table_and_json(stilo, make_style, make_recognition):
    waltz = make_recognition(1)
    heard = {"Waltz": waltz, "Jig": make_recognition(2), "Slow waltz": make_recognition(3, near=waltz)}
    with Library() as library:
        for name, recognition in heard.items():
            library.save(make_style(name, recognition=recognition, encoder="0" * 16))
        library.save(make_style("Old"))
    status, out, err = stilo("similar", "waltz")
    assert status == 0
    head, first, second = out.splitlines()
    assert head.split() == ["overall", "pitch", "rhythm", "harmony", "emotion"]
    assert first.startswith("Slow waltz  ")
    assert second.startswith("Jig  ")
    assert len(head) == len(first) == len(second)
    assert float(first.split()[2]) == pytest.approx(waltz.likeness(heard["Slow waltz"]), abs=0.006)
    assert (
        err
        == "stilo: not compared: Old (learned with another encoder or before there was one; learn again to compare)\n"
    )
    _, out, _ = stilo("similar", "waltz", "--json", "--facet", "pitch", "--most", "1")
    [line] = out.splitlines()
    assert json.loads(line)["name"] == "Slow waltz"
    assert set(json.loads(line)) == {"name", "overall", "pitch", "rhythm", "harmony", "emotion"}
    assert "most like          Slow waltz (" in stilo("show", "Waltz")[1]
    assert "most like" not in stilo("show", "Old")[1]


def test_compose_says_what_it_wrote(stilo, waltz, tmp_path, tune, monkeypatch):
    from stilo.compose.composer import Composition

    requests = []

    def compose(_style, request, progress=None, notice=None):
        requests.append(request)
        notice("a key that is not heard")
        report = SimpleNamespace(asked_key="A minor", key="C major", style_distance=0.512, originality=None)
        return Composition(score=tune, request=request, report=report)

    monkeypatch.setattr("stilo.compose.composer.compose", compose)
    outputs = [tmp_path / "new.mid", tmp_path / "new.musicxml"]
    given = ("--bars", 8, "--seed", 3, "--tempo", 90, "--key", "a", "--metre", "3/4", "--temperature", 0.9)
    status, out, err = stilo("compose", "Waltz", "-o", outputs[0], "-o", outputs[1], *given)
    assert (status, err) == (0, "stilo: a key that is not heard\n")
    assert out.splitlines() == [
        "8 bars, 80 notes, C major (asked for A minor: no candidate was); "
        "0.51 from the style (real pieces: 0.5 to 1); seed 3",
        *(f"written: {path}" for path in outputs),
    ]
    [request] = requests
    assert (request.bars, request.seed, request.tempo_qpm, request.time_signature) == (8, 3, 90.0, (3, 4))
    assert (request.key, request.temperature) == ("a", 0.9)


def test_the_library_on_the_command_line(stilo, waltz, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    status, out, _ = stilo("library", "ls")
    assert status == 0
    assert out.split() == ["Waltz", "tuned", "2", "pieces", "200", "notes", "2026-01-02"]
    assert json.loads(stilo("library", "ls", "--json")[1])["name"] == "Waltz"
    with Library() as library:
        library.save(replace(waltz, name="Jig", sources=waltz.sources[:1]))
    assert [line.split()[2:6] for line in stilo("library", "ls")[1].splitlines()] == [
        ["1", "piece", "120", "notes"],
        ["2", "pieces", "200", "notes"],
    ]
    assert stilo("library", "rm", "Jig", "--yes")[0] == 0
    status, out, said = stilo("library", "export", "Waltz")
    assert (status, out) == (0, "written: Waltz.stilo\n")
    assert said.startswith("stilo: no piece goes with it: the style 'Waltz' was learned with other weights")
    assert stilo("library", "import", "Waltz.stilo", "--as", "Hers")[0] == 0
    assert stilo("library", "import", "Waltz.stilo")[0] == 1
    assert stilo("library", "rm", "Hers", "--yes") == (0, "removed Hers\n", "")
    assert stilo("library", "rm", "Waltz", "--yes")[0] == 0
    assert stilo("library", "ls")[1].startswith("no styles yet")


def test_samples_go_into_a_folder_and_that_is_said_before_anything_else(waltz, stilo, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "there.mid").write_bytes(b"hers")
    assert stilo("show", "Waltz", "--samples", "there.mid") == (1, "", "stilo: there.mid: is a file; give a folder\n")
    assert (tmp_path / "there.mid").read_bytes() == b"hers"


def test_what_is_said_about_the_piece_can_be_done(waltz, stilo, tune, tmp_path, monkeypatch):
    """Under the name that it was taken in by: the person's own style of that name stays as it is."""
    from stilo.styles.bundle import write_bundle

    monkeypatch.chdir(tmp_path)
    write_bundle(replace(waltz, created_at="2020-01-02T03:04:05+00:00"), "w.stilo", tune)
    _, out, _ = stilo("library", "import", "w.stilo", "--as", "her waltz")
    advice = out.splitlines()[-1].partition("to have that as a file: stilo ")[2]
    assert advice == 'library import "w.stilo" --as "her waltz" --demo FILE.mid'
    assert stilo("library", "import", "w.stilo", "--as", "her waltz", "--demo", "FILE.mid")[0] == 0
    assert (tmp_path / "FILE.mid").is_file()
    with Library() as library:
        assert library.load("Waltz") == waltz


@pytest.mark.parametrize(("answer", "left"), [("y\n", []), ("n\n", ["Waltz"])])
def test_removing_asks(waltz, answer, left):
    command = [sys.executable, "-m", "stilo", "library", "rm", "Waltz"]
    done = subprocess.run(command, input=answer, capture_output=True, text=True, check=False)
    assert done.returncode == 0
    with Library() as library:
        assert library.names() == left


def test_the_doctor_says_what_is_missing(stilo, monkeypatch, tmp_path):
    monkeypatch.setenv("STILO_MODEL", str(tmp_path))
    status, out, err = stilo("doctor")
    assert (status, err) == (1, "")
    assert "MISSING  weights" in out


def test_the_demo_prints_cards_and_files(stilo, monkeypatch, tmp_path, make_style, tune):
    from stilo.workshop.demo import DemoResult

    report = SimpleNamespace(asked_key="", key="", style_distance=0.512, originality=None)
    composition = SimpleNamespace(score=tune, request=SimpleNamespace(bars=8, seed=1), report=report)

    def run_demo(out, *, seconds, progress):
        assert (out, seconds) == (tmp_path, 30.0)
        yield DemoResult(make_style("Chorales"), composition, "the card", (tmp_path / "a.mid",))

    monkeypatch.setattr("stilo.workshop.run_demo", run_demo)
    status, out, _ = stilo("demo", "--out", tmp_path, "--minutes", "0.5")
    assert status == 0
    assert "the card" in out
    assert str(tmp_path / "a.mid") in out
