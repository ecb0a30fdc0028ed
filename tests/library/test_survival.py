"""Short runs of benchmarks/library_trials.py: killed, crowded, out of room."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

TRIALS = Path(__file__).resolve().parent.parent.parent / "benchmarks" / "library_trials.py"
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="forks, and bounds the size of files")


def tried(*arguments, before=()):
    command = [*before, sys.executable, str(TRIALS), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stdout, done.stderr
    told = json.loads(done.stdout)
    assert [part["wrong"] for part in told.values() if isinstance(part, dict) and part["wrong"]] == [], told
    assert done.returncode == 0, done.stderr
    return told


def test_killed_or_crowded_nothing_is_lost():
    told = tried("kill", "crowd", "--rounds", "4", "--step", "40", "--processes", "3")
    deeds = {"first opening", "learn", "learn --replace", "import", "import --replace", "rm"}
    assert deeds < told.keys()
    assert all(told[deed]["ended"]["killed"] > 0 for deed in deeds)
    assert set(told["crowd"]["ended"]) <= {"done", "refused"}


def test_a_full_disk_is_told_and_the_library_goes_on():
    if not _has_small_disks():
        pytest.skip("a file system of one's own cannot be mounted here")
    ended = tried("full", "--step", "12", before=("unshare", "-rm"))["full"]["ended"]
    assert any("disk is full" in end for end in ended)
    assert ended["keep with room again: done"] >= 2


def _has_small_disks():
    if shutil.which("unshare") is None:
        return False
    mounted = ["unshare", "-rm", "mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", "/tmp"]
    return subprocess.run(mounted, capture_output=True, check=False).returncode == 0
