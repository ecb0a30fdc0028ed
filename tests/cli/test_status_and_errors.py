"""What any command prints where, its exit status, and that no error is more than one line."""

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from stilo.cli import main
from stilo.cli.terminal import one_line, progress_bar
from stilo.errors import SetupError


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


def test_progress_is_a_line_for_each_stage_without_a_terminal_and_a_bar_on_one(capsys, monkeypatch):
    with progress_bar("what is soon done") as progress:
        progress("reading a.mid", 0.0)
    assert capsys.readouterr().err == ""
    monkeypatch.setattr("stilo.cli.terminal.QUIET_SECONDS", 0.0)
    with progress_bar("learning x") as progress:
        for number in range(3):
            progress(f"reading {number}.mid\x1b", number / 10)
        progress("tuning", np.float64(0.5))
        progress("tuning", 0.75)
        progress("done", 1.0)
    assert capsys.readouterr().err == "stilo: learning x: reading (0 % done)\nstilo: learning x: tuning (50 % done)\n"
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    with progress_bar("x") as progress:
        progress("reading [a]\x1b", np.float64(0.5))
    assert "reading [a]" in capsys.readouterr().err


def test_a_closed_pipe_is_no_bug(song):
    command = f'"{sys.executable}" -m stilo analyse "{song}" | true'
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=False)
    assert "bug" not in done.stderr
    assert "Traceback" not in done.stderr
