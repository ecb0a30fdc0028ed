"""What pip installs is all that stilo needs."""

import subprocess
import sys
import zipfile
from pathlib import Path

from stilo.models.chord_reader import chords_folder
from stilo.models.encoder_files import encoder_folder
from stilo.models.notes.base import base_folder
from stilo.models.shipped import CONFIG_NAME, WEIGHTS_NAME
from stilo.originality.base import base_index_path

ROOT = Path(__file__).resolve().parent.parent


def test_the_wheel_holds_the_whole_package_and_the_weights(tmp_path, monkeypatch):
    monkeypatch.delenv("STILO_MODEL", raising=False)
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    [wheel] = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as packed:
        sizes = {entry.filename: entry.file_size for entry in packed.infolist()}
    for source in (ROOT / "src").rglob("*.py"):
        assert source.relative_to(ROOT / "src").as_posix() in sizes
    assert "stilo/py.typed" in sizes
    for name in (CONFIG_NAME, WEIGHTS_NAME, "README.md"):
        assert sizes[f"stilo/models/weights/base/{name}"] == (base_folder() / name).stat().st_size
        assert sizes[f"stilo/models/weights/chords/{name}"] == (chords_folder() / name).stat().st_size
        assert sizes[f"stilo/models/weights/encoder/{name}"] == (encoder_folder() / name).stat().st_size
    for path in (base_index_path(), base_index_path().with_name("README.md")):
        assert sizes[f"stilo/models/weights/originality/{path.name}"] == path.stat().st_size
