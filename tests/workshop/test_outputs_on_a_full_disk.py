"""What compose writes where there is no room: all of it or nothing, and one line."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parent / "on_a_small_disk.py"


def can_mount(folder):
    command = ["unshare", "-rm", "mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)]
    return (
        shutil.which("unshare") is not None
        and subprocess.run(command, capture_output=True, check=False).returncode == 0
    )


def test_outputs_on_a_full_disk(tmp_path):
    if not can_mount(tmp_path):
        pytest.skip("a file system of one's own cannot be mounted here")
    done = subprocess.run(
        ["unshare", "-rm", sys.executable, str(SCRIPT), str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    for one in told:
        old = f"old{one['ending']}"
        if one["end"] == "done":
            assert one["names"] == sorted(["new.mid", old]) and not one["old"]
        else:
            assert one["names"] == [old] and one["old"]
            assert one["end"].endswith("cannot be written (No space left on device); choose another place")
    assert {one["end"] == "done" for one in told} == {True, False}
