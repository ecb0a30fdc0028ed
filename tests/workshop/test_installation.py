"""The doctor: what is there and what is missing."""

import sys
from types import ModuleType

import pytest

from stilo.workshop import examine_installation


def test_the_doctor_finds_what_is_missing(monkeypatch, tmp_path):
    monkeypatch.setenv("STILO_MODEL", str(tmp_path / "nothing"))
    findings = {finding.part: finding for finding in examine_installation()}
    parts = [
        "machine",
        "packages",
        "weights",
        "chord net",
        "encoder",
        "originality",
        "renderer",
        "audio files",
        "library",
    ]
    assert list(findings) == parts
    assert findings["weights"].state == "missing"
    assert findings["library"].state == "ok"
    assert "0 styles" in findings["library"].text
    assert findings["audio files"].text.startswith(".wav .flac .mp3 .ogg .opus")


@pytest.mark.parametrize(
    ("part", "folder"), [("chord net", "chord_reader.chords_folder"), ("encoder", "encoder_files.encoder_folder")]
)
def test_the_doctor_looks_at_the_small_nets(monkeypatch, tmp_path, part, folder):
    def found():
        return {finding.part: finding for finding in examine_installation()}[part]

    assert found().state == "ok"
    monkeypatch.setattr(f"stilo.models.{folder}", lambda: tmp_path)
    assert found().state == "missing"
    assert found().remedy == "install stilo again"
    (tmp_path / "weights.safetensors").write_bytes(b"no weights")
    (tmp_path / "config.json").write_text("{}")
    assert found().state == "missing"
    assert "stilo" in found().text


def test_the_doctor_looks_at_the_index_of_the_base_models_pieces(monkeypatch, tmp_path):
    def found():
        return {finding.part: finding for finding in examine_installation()}["originality"]

    assert found().state == "ok"
    assert "pieces of the base model" in found().text
    index = tmp_path / "index.npz"
    monkeypatch.setattr("stilo.originality.base.base_index_path", lambda: index)
    assert (found().state, found().text) == ("missing", f"no index in {tmp_path}")
    assert found().remedy == "install stilo again"
    for damaged in (b"", b"no index", b"PK\x03\x04" + bytes(100)):
        index.write_bytes(damaged)
        assert found().state == "missing"
        assert str(index) in found().text, "which file"
        assert "does not work" not in found().text, "one line for a person, not a bug"


@pytest.mark.parametrize("broken", [None, ModuleType("av")])
def test_the_doctor_survives_what_does_not_load(monkeypatch, broken):
    monkeypatch.setitem(sys.modules, "av", broken)
    findings = {finding.part: finding for finding in examine_installation()}
    assert findings["audio files"].state == "missing"
    assert "does not work" in findings["audio files"].text
    assert findings["library"].state == "ok"


def test_the_doctor_tells_how_to_sound_better(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    renderer = {finding.part: finding for finding in examine_installation()}["renderer"]
    assert renderer.state == "note"
    assert "fluidsynth" in renderer.remedy
