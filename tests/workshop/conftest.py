"""What the tests of the use cases share: a folder of music, and fakes where the nets would be."""

import os
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from stilo.music.files import write_score


@dataclass
class Told:
    """Collects progress and notices."""

    steps: list[tuple[str, float]] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)

    def progress(self, what, share):
        self.steps.append((what, share))

    @property
    def shares(self):
        return [share for _, share in self.steps]


@pytest.fixture
def told():
    return Told()


@pytest.fixture
def folder(tmp_path, tune):
    """Three pieces, a copy of one, a broken file and something that is no music."""
    music = tmp_path / "music"
    music.mkdir()
    for i in range(3):
        write_score(tune.transposed(i), music / f"piece{i}.mid")
    (music / "copy.mid").write_bytes((music / "piece1.mid").read_bytes())
    (music / "broken.mid").write_bytes(b"MThd\0\0\0\6\0\1")
    (music / "notes.txt").write_text("no music")
    return music


@pytest.fixture
def learned_with(monkeypatch, make_style):
    """Stands in for the learning of the nets; holds what it was called with."""
    seen = SimpleNamespace(calls=0)

    def learn(name, pieces, *, tune=True, seconds=None, steps=None, seed=0, progress=None, notice=None):
        seen.__dict__.update(name=name, pieces=list(pieces), tune=tune, seconds=seconds, steps=steps, seed=seed)
        seen.calls += 1
        progress("tuning", 0.5)
        notice("left out something")
        return make_style(name, sources=tuple(source for _, source in pieces))

    monkeypatch.setattr("stilo.styles.learn.learn", learn)
    monkeypatch.setattr("stilo.workshop.learning.tried", lambda style, _progress: style)
    return seen


@pytest.fixture
def composed_with(monkeypatch, tune):
    """Stands in for the composing of the nets; holds the requests."""
    from stilo.compose.composer import Composition

    requests = []

    def compose(style, request, progress=None, notice=None):
        requests.append(request)
        notice("a key that is not heard")
        progress("bar 1", 0.5)
        return Composition(score=tune, request=request, report={"style": style.name, "notes": np.int64(len(tune))})

    monkeypatch.setattr("stilo.compose.composer.compose", compose)
    return requests


@pytest.fixture
def closed_folder(tmp_path):
    """A folder that nobody can write to, not even root."""
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        if not os.path.ismount("/proc"):
            pytest.skip("root may write everywhere here")
        yield Path("/proc")
        return
    folder = tmp_path / "closed"
    folder.mkdir(mode=0o555)
    yield folder
    folder.chmod(0o755)
