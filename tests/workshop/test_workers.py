"""Workers: the same result as without, in order, whatever a file does to the process that measures it."""

import json
import os
import signal
import subprocess
import sys
import time
from itertools import islice

import pytest

from stilo.errors import SetupError
from stilo.music.files import write_score
from stilo.workshop import analyse_files, workers
from stilo.workshop.measuring import measure_one_of_many
from stilo.workshop.workers import measure_by_workers

# A worker that the names of files make die in several ways.
# a shell may start its jobs with interruptions ignored
HEEDING = """
import signal, sys
from stilo.cli import main
signal.signal(signal.SIGINT, signal.default_int_handler)
main(sys.argv[1:])
"""

MORTAL = """
import os, signal, sys, time
from stilo.workshop import workers
real = workers.measure_one_of_many

def measure(path, fast, watch):
    watch()
    if "bug" in path.name:
        raise SystemExit(3)
    if "hang" in path.name:
        time.sleep(600)
    if "kill" in path.name:
        os.kill(os.getpid(), signal.SIGKILL)
    if "print" in path.name:
        print("something that is no answer", flush=True)
    return real(path, fast, watch)

workers.measure_one_of_many = measure
workers.serve({given})
"""


@pytest.fixture
def songs(tmp_path, tune):
    """songs(*names): that many different files."""

    def write(*names):
        paths = [tmp_path / f"{name}.mid" for name in names]
        for i, path in enumerate(paths):
            write_score(tune.transposed(i % 24), path)
        return paths

    return write


@pytest.mark.parametrize("count", [1, 3])
def test_workers_tell_what_one_process_tells(songs, tmp_path, count):
    paths = songs(*(f"{i:02}" for i in range(21)))
    (tmp_path / "book.abc").write_text("X:1\nT:Żółw\nM:4/4\nL:1/4\nK:C\nCDEF|\n\nX:2\nT:Two\nL:1/4\nK:C\nGABc|\n")
    (tmp_path / "broken.mid").write_bytes(b"MThd")
    paths += [tmp_path / "book.abc", tmp_path / "broken.mid", tmp_path / "missing.mid"]
    here = [measure_one_of_many(path).without_details() for path in paths]
    there = list(measure_by_workers(paths, count))
    assert [item.path for item in there] == paths
    assert [len(item.pieces) for item in there[-3:]] == [2, 0, 0]
    assert [item.profiles for item in there] == [item.profiles for item in here]
    assert [json.dumps(item.to_json()) for item in there] == [json.dumps(item.to_json()) for item in here]


@pytest.mark.skipif(os.name == "nt", reason="there is no SIGKILL")
def test_a_file_that_a_worker_dies_of_costs_no_other(songs, monkeypatch):
    monkeypatch.setattr(workers, "_PROGRAM", MORTAL)
    names = ["bug1", "a", "kill1", "kill2", "b", "print", "hang", "c", "d", "kill3"]
    found = list(measure_by_workers(songs(*names), 1, seconds=2))
    assert [item.path.stem for item in found] == names
    errors = {item.path.stem: item.error for item in found if item.error}
    assert set(errors) == {"bug1", "kill1", "kill2", "hang", "kill3"}
    assert "status 3" in errors["bug1"]
    assert all("system ended the process" in errors[name] for name in ("kill1", "kill2", "kill3"))
    assert errors["hang"] == "takes more than 2 seconds to measure"


SLOW = """
import time
from stilo.styles import measuring
from stilo.workshop import workers
real = measuring.analyse_piece

def analyse_piece(*given):
    time.sleep(0.3)
    return real(*given)

measuring.analyse_piece = analyse_piece
workers.serve({given})
"""


def test_a_long_file_of_short_pieces_is_in_time(tmp_path, monkeypatch):
    """The limit is for each piece, not for a book of them."""
    monkeypatch.setattr(workers, "_PROGRAM", SLOW)
    tunes = "\n\n".join(f"X:{i}\nT:{i}\nM:4/4\nL:1/4\nK:C\nCDEF|GABc|" for i in range(1, 8))
    (tmp_path / "book.abc").write_text(tunes)
    [book] = measure_by_workers([tmp_path / "book.abc"], 1, seconds=2)
    assert (book.error, len(book.pieces)) == ("", 7)


def test_leaving_early_ends_the_workers(songs, monkeypatch):
    started = []
    begin = workers._started
    monkeypatch.setattr(workers, "_started", lambda *given: started.append(begin(*given)) or started[-1])
    measured = measure_by_workers(songs(*map(str, range(40))), 2)
    assert [item.path.stem for item in islice(measured, 3)] == ["0", "1", "2"]
    measured.close()
    assert started
    assert all(process.poll() is not None for process in started)


def test_a_python_that_does_not_start_is_told(songs, monkeypatch):
    paths = songs("a", "b")
    monkeypatch.setattr(workers, "_PROGRAM", "raise ImportError('{given}')")
    with pytest.raises(SetupError, match="--jobs 0"):
        list(measure_by_workers(paths, 1))
    monkeypatch.setattr(sys, "executable", str(paths[0].with_name("nowhere")))
    with pytest.raises(SetupError, match="--jobs 0"):
        list(measure_by_workers(paths, 1))


def test_what_is_measured_ahead_is_bounded(songs, monkeypatch):
    asked = []
    say = workers._say
    monkeypatch.setattr(workers, "_say", lambda process, path: asked.append(path) or say(process, path))
    measured = measure_by_workers(songs(*map(str, range(200))), 1)
    next(measured)
    time.sleep(1)
    assert len(asked) <= 40
    measured.close()


SCRIPT = """
import sys
from stilo.workshop import analyse_files
print(sum(len(item.pieces) for item in analyse_files([sys.argv[1]], jobs=2)))
"""


def test_a_program_without_a_guard_may_use_workers(songs, tmp_path):
    """Processes that import the program anew would start it again in each."""
    songs(*map(str, range(60)))
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    done = subprocess.run([sys.executable, script, tmp_path], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("60\n", "")


def test_few_files_start_no_process(songs, monkeypatch):
    monkeypatch.setattr(workers, "_started", None)
    assert len(list(analyse_files(songs(*"abcde"), jobs=2))) == 5


@pytest.mark.skipif(os.name == "nt", reason="signals are sent in another way there")
def test_an_interruption_ends_everything_quietly(songs, tmp_path):
    """As at a terminal: the signal goes to the whole group of processes."""
    songs(*map(str, range(100)))
    command = [sys.executable, "-c", HEEDING, "analyse", str(tmp_path), "--json", "--jobs", "2"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        assert process.stdout.readline().startswith('{"file"')
        os.killpg(process.pid, signal.SIGINT)
        start = time.monotonic()
        _, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert err == "stilo: interrupted; nothing was left half written\n"
    assert time.monotonic() - start < 10
