"""Bundles as their writer made them."""

from dataclasses import replace

import numpy as np
import pytest

from stilo.errors import BundleError, InputError, WriteError
from stilo.styles import bundle
from stilo.styles.bundle import read_bundle, write_bundle
from stilo.styles.style import Palette, Source


def test_round_trip(written):
    style, path, members = written
    again = read_bundle(path)
    assert sorted(members) == ["arrays.safetensors", "style.json"]
    assert np.array_equal(again.embedding, style.embedding)
    assert np.array_equal(again.recognition.values, style.recognition.values)
    assert again.encoder == style.encoder
    assert again.adapter.keys() == style.adapter.keys()
    assert all(again.adapter[key].dtype == style.adapter[key].dtype for key in style.adapter)
    assert (again.profile, again.palette, again.proof) == (style.profile, style.palette, style.proof)
    write_bundle(again, path)
    assert read_bundle(path) == again


def test_folders_of_the_maker_are_not_given_away(written):
    style, path, members = written
    assert b"/home/ada" not in members["style.json"]
    again = read_bundle(path)
    assert [source.path for source in again.sources] == ["one.mid", "two.mid"]
    assert [source.sha256 for source in again.sources] == [source.sha256 for source in style.sources]


def test_the_advice_names_files_without_their_folders(make_style, tmp_path):
    sources = (Source("/home/ada/a.mid", "ab" * 32), Source("/home/ada/a.mid.mid", "cd" * 32))
    proof = replace(make_style().proof, advice="does not sound like the others: /home/ada/a.mid, /home/ada/a.mid.mid")
    write_bundle(make_style(sources=sources, proof=proof), tmp_path / "a.stilo")
    assert read_bundle(tmp_path / "a.stilo").proof.advice == "does not sound like the others: a.mid, a.mid.mid"


def test_what_could_not_be_read_again_is_not_written(make_style, tmp_path):
    with pytest.raises(InputError, match="tempo_qpm"):
        write_bundle(make_style(palette=Palette(tempo_qpm=0.0)), tmp_path / "a.stilo")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("adapter", [None, {}])
def test_untuned_and_empty_adapters_stay_apart(make_style, tmp_path, adapter):
    style = make_style(adapter=adapter, sources=())
    write_bundle(style, tmp_path / "a.stilo")
    assert read_bundle(tmp_path / "a.stilo") == style


def test_the_same_style_gives_the_same_bytes(make_style, tmp_path):
    forward = make_style()
    backward = make_style(
        adapter=dict(reversed(list(forward.adapter.items()))), parents=dict(reversed(list(forward.parents.items())))
    )
    write_bundle(forward, tmp_path / "a.stilo")
    write_bundle(backward, tmp_path / "b.stilo")
    assert (tmp_path / "a.stilo").read_bytes() == (tmp_path / "b.stilo").read_bytes()


def test_writing_to_a_missing_folder_or_too_much(make_style, tmp_path, monkeypatch):
    with pytest.raises(WriteError, match="does not exist"):
        write_bundle(make_style(), tmp_path / "nowhere" / "a.stilo")
    monkeypatch.setattr(bundle, "LARGEST_BUNDLE_BYTES", 100)
    with pytest.raises(BundleError, match="too large"):
        write_bundle(make_style(), tmp_path / "a.stilo")
    assert list(tmp_path.iterdir()) == []
