"""Bundles as their writer made them."""

import json
from dataclasses import replace

import numpy as np
import pytest
from bundle_bytes import packed

from stilo.errors import BundleError, InputError, WriteError
from stilo.music.score import TimeSignature
from stilo.styles import bundle
from stilo.styles.bundle import open_bundle, read_bundle, write_bundle
from stilo.styles.style import Palette


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
    write_bundle(again, path, replace=True)
    assert read_bundle(path) == again


def test_a_piece_goes_with_it(make_style, tune, tmp_path):
    write_bundle(make_style(), tmp_path / "a.stilo", tune)
    write_bundle(make_style(), tmp_path / "b.stilo", tune)
    assert (tmp_path / "a.stilo").read_bytes() == (tmp_path / "b.stilo").read_bytes()
    found = open_bundle(tmp_path / "a.stilo")
    assert np.array_equal(found.demo.notes, tune.notes)
    assert found.style == read_bundle(tmp_path / "a.stilo")
    write_bundle(make_style(), tmp_path / "a.stilo", replace=True)
    assert open_bundle(tmp_path / "a.stilo").demo is None


def test_a_piece_that_is_too_long_is_not_written(make_style, tune, tmp_path):
    long = replace(tune, time_signatures=(TimeSignature(0, 1, 16),))
    with pytest.raises(InputError, match="more than 64 bars"):
        write_bundle(make_style(), tmp_path / "a.stilo", long)
    assert list(tmp_path.iterdir()) == []


def test_format_1_is_read(written):
    """Without sums and without a piece, as stilo wrote bundles before."""
    style, path, members = written
    document = json.loads(members["style.json"])
    del document["sha256"]
    path.write_bytes(packed({**members, "style.json": json.dumps({**document, "format": 1})}))
    again = open_bundle(path)
    assert again.demo is None
    assert np.array_equal(again.style.embedding, style.embedding)


def test_folders_of_the_maker_are_not_given_away(written):
    style, path, members = written
    assert b"/home/ada" not in members["style.json"]
    again = read_bundle(path)
    assert [source.path for source in again.sources] == ["one.mid", "two.mid"]
    assert [source.sha256 for source in again.sources] == [source.sha256 for source in style.sources]


def test_a_file_that_is_there_is_written_over_only_when_told(make_style, tmp_path):
    place = tmp_path / "a.stilo"
    place.write_bytes(b"hers")
    with pytest.raises(WriteError, match="there already"):
        write_bundle(make_style(), place)
    assert place.read_bytes() == b"hers"
    write_bundle(make_style(), place, replace=True)
    assert read_bundle(place).name == "Waltz"


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
