"""A bundle taken apart, and pieces to learn from."""

import sys
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from stilo.styles.bundle import write_bundle
from stilo.styles.provenance import Source

# The builders of test files stand beside the tests and belong to no package; those of MIDI stand with music.
sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parent.parent / "music")]


@pytest.fixture
def written(make_style, make_recognition, tmp_path):
    """(style, path of its bundle, the members by name)"""
    style = make_style(recognition=make_recognition(0), encoder="0123456789abcdef")
    path = tmp_path / "waltz.stilo"
    write_bundle(style, path)
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    return style, path, members


@pytest.fixture
def pieces(tune):
    """Ten variations of one tune."""
    rng = np.random.default_rng(0)
    made = []
    for i in range(10):
        notes = tune.notes.copy()
        notes["pitch"][notes["track"] == 0] += rng.choice([-2, 0, 2], 48).astype(np.int16)
        made.append((replace(tune, notes=notes), Source(f"/music/{i}.mid", f"{i:064x}", f"No. {i}", "CC0", 80)))
    return made
