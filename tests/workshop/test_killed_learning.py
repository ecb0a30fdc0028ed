"""The command itself, killed at any moment of learning; tests/library/test_survival.py tries the library alone."""

import os
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import pytest

from stilo.library.store import Library
from stilo.music.files import write_score


@pytest.mark.slow
@pytest.mark.parametrize(("how", "times"), [(["--no-tune"], 12), (["--steps", "2"], 8)])
@pytest.mark.skipif(os.name == "nt", reason="kills as other systems do")
def test_a_killed_learning_leaves_the_old_style_or_the_new(
    tmp_path, stilo_home, tiny_weights, make_style, tune, how, times
):
    rng = np.random.default_rng(0)
    folder = tmp_path / "music"
    folder.mkdir()
    for i in range(4):
        notes = tune.notes.copy()
        notes["pitch"][notes["track"] == 0] += rng.integers(-4, 5, 48).astype(np.int16)
        write_score(replace(tune, notes=notes), folder / f"{i}.mid")
    old = make_style("Mine")
    with Library() as library:
        library.save(old)
    command = [sys.executable, "-m", "stilo", "learn", "Mine", str(folder), *how, "--replace"]
    environment = {**os.environ, "STILO_MODEL": str(tiny_weights)}
    begun = time.monotonic()
    subprocess.run([*command[:4], "Other", *command[5:]], env=environment, check=True, capture_output=True)
    usual_seconds = time.monotonic() - begun
    killed = 0
    for _ in range(times):
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
        assert found == old or len(found.sources) == 4
        assert {path.name for path in stilo_home.iterdir()} <= {"styles.db", "styles.db-wal", "styles.db-shm"}
    assert killed
