"""The command line: what it prints where, its exit status, and that no error is more than one line."""

import json
import os
import signal
import subprocess
import sys
import time
from types import SimpleNamespace

import numpy as np
import pytest

from stilo.cli import main
from stilo.cli.terminal import one_line, progress_bar
from stilo.errors import SetupError
from stilo.library.store import Library
from stilo.music.files import write_score

HEAVY = {"torch", "music21", "matplotlib", "scipy", "sqlalchemy", "symusic", "av", "numpy", "rich"}


@pytest.fixture
def stilo(capsys):
    """stilo(*arguments) → (status, stdout, stderr) of the command."""

    def run(*arguments):
        with pytest.raises(SystemExit) as stop:
            main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return stop.value.code or 0, captured.out, captured.err

    return run


@pytest.fixture
def song(tmp_path, tune):
    path = tmp_path / "song.mid"
    write_score(tune, path)
    return path


def test_starting_imports_nothing_that_is_slow():
    code = "import sys, stilo, stilo.cli; print(*{name.partition('.')[0] for name in sys.modules})"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert HEAVY & set(loaded) == set()


def test_version_and_help(stilo):
    status, out, _ = stilo("--version")
    assert status == 0
    assert out.startswith("stilo 0.")
    status, out, _ = stilo("--help")
    assert status == 0
    assert all(command in out for command in ("learn", "show", "compose", "analyse", "library", "demo", "doctor"))


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["show", "Nobody"], "no style 'Nobody'"),
        (["compose", "Nobody", "-o", "new.mid"], "no style 'Nobody'"),
        (["compose", "Nobody", "-o", "new.pdf"], "new.pdf: the ending says what to write"),
        (["compose", "Nobody", "-o", "new.mid", "--metre", "3"], '"3" is no metre'),
        (["compose", "Nobody", "-o", "new.mid", "--key", "H"], '"H" is no key'),
        (["compose", "Nobody", "-o", "new.mid", "--bars", "0"], "bars 0"),
        (["compose", "Nobody", "-o", "new.mid", "--temperature", "9"], "temperature 9"),
        (["compose", "Nobody", "-o", "new.mid", "--tempo", "nan"], "tempo nan"),
        (["compose", "Nobody", "-o", "new.mid", "--seed", "-1"], "seed -1"),
        (["learn", "Mine", "missing"], "missing: does not exist"),
        (["learn", "a/b", "."], "not usable"),
        (["library", "rm", "Nobody", "--yes"], "no style 'Nobody'"),
        (["library", "export", "Nobody"], "no style 'Nobody'"),
        (["library", "import", "missing.stilo"], "missing.stilo"),
        (["analyse", "missing.mid"], "missing.mid: does not exist"),
        (["similar", "Nobody"], "no such file or folder, and no style 'Nobody': the library is empty"),
        (["similar", "."], "the library is empty"),
        (["similar", "Nobody", "--facet", "tempo"], "facet 'tempo': say one of pitch, rhythm, harmony, emotion"),
        (["analyse", "missing.mid", "--plot", "x.pdf"], "x.pdf: the ending says"),
    ],
)
def test_what_a_person_gave_and_cannot_be_used_is_one_line_and_status_1(stilo, tmp_path, monkeypatch, arguments, line):
    monkeypatch.chdir(tmp_path)
    status, out, err = stilo(*arguments)
    assert status == 1
    assert out == ""
    assert err.startswith("stilo: ")
    assert line in err
    assert err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "arguments",
    [
        ["sing"],
        ["learn"],
        ["learn", "Mine"],
        ["compose", "Waltz"],
        ["compose", "Waltz", "-o", "a.mid", "--bars", "many"],
        ["show", "Waltz", "--colour"],
        ["similar"],
        ["similar", "Waltz", "--most", "0"],
        ["library", "burn"],
    ],
)
def test_what_is_not_understood_is_status_2(stilo, arguments):
    status, out, err = stilo(*arguments)
    assert status == 2
    assert out == ""
    assert "stilo" in err
    assert "Traceback" not in err


def test_a_bug_is_told_in_one_line(stilo, monkeypatch):
    def broken(*_given, **_options):
        return 1 / 0

    monkeypatch.setattr("stilo.workshop.show_style", broken)
    status, _, err = stilo("show", "Waltz")
    assert status == 70
    assert "a bug: ZeroDivisionError" in err
    assert err.count("\n") == 1
    monkeypatch.setenv("STILO_TRACEBACK", "1")
    with pytest.raises(ZeroDivisionError):
        main(["show", "Waltz"])


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (SetupError("no weights\nhere"), "stilo: no weights here\n"),
        (PermissionError(13, "Permission denied", "x.mid"), "stilo: x.mid: Permission denied\n"),
        (MemoryError(), "stilo: not enough memory; try fewer or smaller files\n"),
    ],
)
def test_what_the_machine_refuses_is_told_in_one_line(stilo, monkeypatch, error, line):
    def failing(*_given, **_options):
        raise error

    monkeypatch.setattr("stilo.workshop.show_style", failing)
    assert stilo("show", "Waltz") == (1, "", line)


@pytest.mark.skipif(os.name == "nt", reason="signals are sent in another way there")
def test_an_interruption_is_told_in_one_line():
    code = (
        "import signal, sys, time, stilo.workshop\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # a shell may start its jobs with it ignored
        "def slow(*_):\n    print('begun', flush=True)\n    time.sleep(60)\n"
        "stilo.workshop.show_style = slow\n"
        "from stilo.cli import main\nmain(['show', 'Waltz'])\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout.readline() == "begun\n"
        start = time.monotonic()
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert err == "stilo: interrupted; nothing was left half written\n"
    assert time.monotonic() - start < 30


def test_names_of_files_cannot_steer_the_terminal(stilo):
    _, _, err = stilo("analyse", "evil\x1b[2J\nname.mid")
    assert "\x1b" not in err
    assert err.count("\n") == 1
    assert one_line("a\tb\n\x07c") == "a b c"


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


@pytest.mark.parametrize("options", [(), ("--fast",)])
def test_analyse_needs_nothing_that_is_slow(song, options):
    code = f"""
import sys
from stilo.cli import main
try:
    main(["analyse", {str(song)!r}, *{options!r}])
finally:
    print(*{{name.partition(".")[0] for name in sys.modules}}, file=sys.stderr)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("song.mid\n")
    assert set(done.stderr.split()) & HEAVY == {"numpy", "symusic"}


def test_analyse_draws(stilo, song, tmp_path):
    status, out, _ = stilo("analyse", song, "--plot", tmp_path / "song.png")
    assert status == 0
    assert out.endswith("song.png\n")
    assert (tmp_path / "song.png").read_bytes().startswith(b"\x89PNG")


def test_learn_prints_the_card_and_warns_of_what_it_left_out(stilo, song, tmp_path, monkeypatch, make_style):
    def learn(name, pieces, *, tune, seconds, steps, seed, progress, notice):
        assert (tune, seconds, steps, seed) == (False, 30.0, 7, 4)
        assert [source.licence for _, source in pieces] == ["my own"]
        progress("measuring", 1.0)
        return make_style(name)

    monkeypatch.setattr("stilo.styles.learn.learn", learn)
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


def test_similar_of_a_style_or_in_an_empty_library_needs_no_net(make_style, make_recognition, song):
    code = "import sys; from stilo.cli import main\ntry: main(['similar', sys.argv[1]])\nexcept SystemExit: pass\n"
    code += "print(*{name.partition('.')[0] for name in sys.modules})"

    def told(what):
        command = [sys.executable, "-c", code, what]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        assert {"torch", "music21", "matplotlib"} & set(done.stdout.splitlines()[-1].split()) == set()
        return done.stdout + done.stderr

    assert "the library is empty" in told(str(song))
    with Library() as library:
        for seed, name in enumerate(("Waltz", "Jig")):
            library.save(make_style(name, recognition=make_recognition(seed), encoder="0" * 16))
    assert "Jig" in told("Waltz")


def test_compose_says_what_it_wrote(stilo, waltz, tmp_path, tune, monkeypatch):
    from stilo.compose.composer import Composition

    requests = []

    def compose(_style, request, progress=None):
        requests.append(request)
        report = SimpleNamespace(asked_key="A minor", key="C major", style_distance=0.512)
        return Composition(score=tune, request=request, report=report)

    monkeypatch.setattr("stilo.compose.composer.compose", compose)
    outputs = [tmp_path / "new.mid", tmp_path / "new.musicxml"]
    given = ("--bars", 8, "--seed", 3, "--tempo", 90, "--key", "a", "--metre", "3/4", "--temperature", 0.9)
    status, out, err = stilo("compose", "Waltz", "-o", outputs[0], "-o", outputs[1], *given)
    assert (status, err) == (0, "")
    assert out.splitlines() == [
        "8 bars, 80 notes, C major (asked for A minor: no candidate was); 0.51 from the style (0.7 is usual); seed 3",
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
    assert stilo("library", "export", "Waltz") == (0, "written: Waltz.stilo\n", "")
    assert stilo("library", "import", "Waltz.stilo", "--as", "Hers")[0] == 0
    assert stilo("library", "import", "Waltz.stilo")[0] == 1
    assert stilo("library", "rm", "Hers", "--yes") == (0, "removed Hers\n", "")
    assert stilo("library", "rm", "Waltz", "--yes")[0] == 0
    assert stilo("library", "ls")[1].startswith("no styles yet")


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

    report = SimpleNamespace(key="", style_distance=0.512)
    composition = SimpleNamespace(score=tune, request=SimpleNamespace(bars=8, seed=1), report=report)

    def run_demo(out, *, seconds, progress):
        assert (out, seconds) == (tmp_path, 30.0)
        yield DemoResult(make_style("Chorales"), composition, "the card", (tmp_path / "a.mid",))

    monkeypatch.setattr("stilo.workshop.run_demo", run_demo)
    status, out, _ = stilo("demo", "--out", tmp_path, "--minutes", "0.5")
    assert status == 0
    assert "the card" in out
    assert str(tmp_path / "a.mid") in out


def test_progress_is_silent_without_a_terminal_and_shown_on_one(capsys, monkeypatch):
    with progress_bar("x") as progress:
        progress("reading [a]", 0.5)
    assert capsys.readouterr().err == ""
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    with progress_bar("x") as progress:
        progress("reading [a]\x1b", np.float64(0.5))
    assert "reading [a]" in capsys.readouterr().err


def test_a_closed_pipe_is_no_bug(song):
    command = f'"{sys.executable}" -m stilo analyse "{song}" | true'
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=False)
    assert "bug" not in done.stderr
    assert "Traceback" not in done.stderr
