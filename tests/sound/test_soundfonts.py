from pathlib import Path

import pytest

from stilo.errors import SetupError
from stilo.sound import soundfonts
from stilo.sound.soundfonts import Renderer, best_soundfont, find_renderer, installed_soundfonts, packaged_soundfont


@pytest.fixture
def bare(monkeypatch, tmp_path):
    """A machine without FluidSynth whose one SoundFont folder is `tmp_path`."""
    monkeypatch.setattr(soundfonts, "_FOLDERS", (str(tmp_path), str(tmp_path / "missing")))
    monkeypatch.setattr(soundfonts.shutil, "which", lambda _name: None)
    return tmp_path


def put(folder: Path, name: str, size: int = 10) -> Path:
    (folder / name).write_bytes(bytes(size))
    return folder / name


def test_pip_alone_is_enough(bare):
    renderer = find_renderer()
    assert renderer == Renderer("midirenderer", packaged_soundfont())
    assert str(renderer) == "midirenderer with TimGM6mb.sf2"
    assert renderer.soundfont.read_bytes()[:4] == b"RIFF"


def test_fluidsynth_with_the_best_installed_soundfont(bare, monkeypatch):
    monkeypatch.setattr(soundfonts.shutil, "which", lambda name: f"/opt/bin/{name}")
    assert find_renderer() == Renderer("fluidsynth", packaged_soundfont(), Path("/opt/bin/fluidsynth"))
    for name in ("zither.sf2", "GeneralUser GS.sf2", "FluidR3_GM.sf2", "MuseScore_General.sf3"):
        path = put(bare, name)
        assert find_renderer() == Renderer("fluidsynth", path, Path("/opt/bin/fluidsynth"))
    put(bare, "notes.txt")
    assert len(installed_soundfonts()) == 4


def test_of_unknown_soundfonts_the_largest(tmp_path):
    small, large = put(tmp_path, "a.sf2", 10), put(tmp_path, "b.sf2", 20)
    assert best_soundfont([small, large]) == large
    assert best_soundfont([]) is None


def test_links_to_one_file_count_once(bare):
    put(bare, "FluidR3_GM.sf2")
    (bare / "default-GM.sf2").symlink_to(bare / "FluidR3_GM.sf2")
    (bare / "dangling.sf2").symlink_to(bare / "gone.sf2")
    assert len(installed_soundfonts()) == 1


def test_the_person_names_the_soundfont(bare, monkeypatch):
    path = put(bare, "mine.sf2")
    monkeypatch.setenv("STILO_SOUNDFONT", str(path))
    assert find_renderer() == Renderer("midirenderer", path)
    monkeypatch.setenv("STILO_SOUNDFONT", str(put(bare, "mine.sf3")))
    with pytest.raises(SetupError, match=r"only FluidSynth plays \.sf3"):
        find_renderer()
    for wrong in (bare / "gone.sf2", put(bare, "mine.txt"), bare):
        monkeypatch.setenv("STILO_SOUNDFONT", str(wrong))
        with pytest.raises(SetupError, match="STILO_SOUNDFONT"):
            find_renderer()


def test_nothing_at_all_says_what_to_install(bare, monkeypatch):
    monkeypatch.setattr(soundfonts.importlib.util, "find_spec", lambda _name: None)
    with pytest.raises(SetupError, match="pip install midirenderer pretty_midi"):
        find_renderer()
