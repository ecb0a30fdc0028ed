"""The command itself, killed at any moment of learning; the library alone is tried in tests/library/test_survival.py."""

import os
import subprocess
import sys
import time

import numpy as np
import pytest

from stilo.library.store import Library


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="kills as other systems do")
def test_a_killed_learning_leaves_the_old_style_or_the_new(folder, stilo_home, tiny_weights, make_style):
    old = make_style("Mine")
    with Library() as library:
        library.save(old)
    command = [sys.executable, "-m", "stilo", "learn", "Mine", str(folder), "--no-tune", "--replace"]
    environment = {**os.environ, "STILO_MODEL": str(tiny_weights)}
    begun = time.monotonic()
    subprocess.run([*command[:4], "Other", *command[5:]], env=environment, check=True, capture_output=True)
    usual_seconds = time.monotonic() - begun
    rng = np.random.default_rng(0)
    killed = 0
    for _ in range(12):
        process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            process.wait(timeout=rng.uniform(0.0, usual_seconds))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            killed += 1
        with Library() as library:
            assert library.names() == ["Mine", "Other"]
            found = library.load("Mine")
        assert found == old or found.sources[0].path.startswith(str(folder))
        assert {path.name for path in stilo_home.iterdir()} <= {"styles.db", "styles.db-wal", "styles.db-shm"}
    assert killed
