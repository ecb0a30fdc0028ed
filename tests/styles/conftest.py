"""A bundle taken apart."""

import sys
import zipfile
from pathlib import Path

import pytest

from stilo.styles.bundle import write_bundle

# The builders of test files stand beside the tests and belong to no package.
sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture
def written(make_style, make_recognition, tmp_path):
    """(style, path of its bundle, the members by name)"""
    style = make_style(recognition=make_recognition(0), encoder="0123456789abcdef")
    path = tmp_path / "waltz.stilo"
    write_bundle(style, path)
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    return style, path, members
