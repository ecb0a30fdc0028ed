"""What every test gets: a home of its own, so that no test meets the library of a person or of another test."""

import os

import pytest

# Tests run several at once; each with one thread is faster than all with all.
os.environ.setdefault("OMP_NUM_THREADS", "1")


@pytest.fixture(autouse=True)
def own_home(tmp_path_factory, monkeypatch):
    home = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("STILO_HOME", str(home))
    monkeypatch.delenv("STILO_SOUNDFONT", raising=False)
    monkeypatch.delenv("STILO_TRACEBACK", raising=False)
    return home
