"""Many files measured: each told once, the unreadable ones included."""

import json
import os

import pytest

import stilo
from stilo.errors import RequestError, SetupError
from stilo.music.files import read_score
from stilo.workshop import Analysed, Collection, analyse_files, pooled


def test_analysing_tells_of_every_file_once(folder, tmp_path, told):
    missing = tmp_path / "missing.mid"
    found = list(analyse_files([folder, folder / "piece0.mid", missing], told.progress))
    names = [item.path.name for item in found]
    assert names == ["broken.mid", "copy.mid", "piece0.mid", "piece1.mid", "piece2.mid", "missing.mid"]
    errors = {item.path.name: item.error for item in found if item.error}
    assert set(errors) == {"broken.mid", "missing.mid"}
    assert str(folder) not in errors["broken.mid"]
    assert found[0].to_json() == {"file": str(folder / "broken.mid"), "error": errors["broken.mid"]}
    assert pooled(found).pieces == 4
    assert pooled(found[:1]) is None
    assert told.shares == sorted(told.shares)


@pytest.mark.skipif(os.name == "nt", reason="links need rights on Windows")
def test_links_that_lead_nowhere_cost_no_other_file(folder):
    for name, target in (("loop.mid", "loop.mid"), ("nowhere.mid", "missing.mid"), ("again.mid", "piece0.mid")):
        (folder / name).symlink_to(folder / target)
    found = {item.path.name: item.error for item in analyse_files([folder])}
    assert set(found) == {"again.mid", "broken.mid", "copy.mid", "loop.mid", "nowhere.mid", "piece1.mid", "piece2.mid"}
    assert {name for name, error in found.items() if error} == {"broken.mid", "loop.mid", "nowhere.mid"}


def test_the_json_of_an_analysis_is_that_of_the_design(folder):
    [item] = analyse_files([folder / "piece0.mid"])
    data = json.loads(json.dumps(item.to_json(), allow_nan=False))
    assert set(data) >= {
        "file", "key", "chords", "tempo_qpm", "time_signature", "valence", "arousal", "elements",
    }  # fmt: skip
    assert data["time_signature"] == "3/4"
    assert data["tempo_qpm"] == pytest.approx(96.0)
    assert -1 <= data["valence"] <= 1
    assert -1 <= data["arousal"] <= 1
    assert all(set(chord) == {"onset_quarters", "duration_quarters", "label"} for chord in data["chords"])


BOOK = "X:1\nT:One\nM:4/4\nL:1/4\nK:C\nCDEF|\n\nX:2\nT:Two\nM:3/4\nL:1/4\nK:C\nGAB|\n"


def test_every_tune_of_a_book_is_told_and_counts(tmp_path):
    book = tmp_path / "book.abc"
    book.write_text(BOOK)
    [item] = analyse_files([book])
    data = item.to_json()
    assert data["file"] == str(book)
    assert [(piece["number"], piece["title"], piece["time_signature"]) for piece in data["pieces"]] == [
        (1, "One", "4/4"),
        (2, "Two", "3/4"),
    ]
    assert all(set(piece) == set(data) - {"file", "pieces"} | {"number", "title"} for piece in data["pieces"])
    assert data["elements"] == data["pieces"][0]["elements"]
    assert pooled([item]).pieces == 2


def _together(items):
    collection = Collection()
    for item in items:
        collection.add(item)
    return collection


def test_a_collection_counts_pieces_files_and_failures(folder, tmp_path):
    piece, book, missing = folder / "piece0.mid", tmp_path / "book.abc", tmp_path / "missing.mid"
    book.write_text(BOOK)
    for paths, title in (
        ([piece], "piece0.mid"),
        ([book], "book.abc, 2 pieces"),
        ([folder, book, missing], "6 pieces from 7 files, 2 could not be read"),
        ([piece, missing], "1 piece from 2 files, 1 could not be read"),
        ([piece, book], "3 pieces from 2 files"),
        ([missing], "missing.mid"),
    ):
        collection = _together(analyse_files(paths))
        assert collection.title == title
        assert (collection.profile is None) == (paths == [missing])
    assert [item.path for item in collection.failures] == [missing]


def test_a_lone_piece_keeps_its_details_and_those_of_many_are_let_go(folder):
    assert _together(analyse_files([folder / "piece0.mid"])).profile.piece.likeness
    several = list(analyse_files([folder]))
    assert all(profile.piece is None for item in several for profile in item.profiles)
    assert all(piece.told["chords"] for item in several for piece in item.pieces)


def test_failures_are_kept_to_a_bound(tmp_path):
    collection = _together(Analysed(tmp_path / f"{i}.mid", error="is empty") for i in range(3000))
    assert (collection.unread, len(collection.failures)) == (3000, 1000)


def test_a_bug_that_one_file_brings_out_costs_no_other(folder, monkeypatch):
    from stilo.styles import measuring

    def analyse_piece(score, fast):
        if int(score.notes["pitch"].min()) == 49:
            raise ZeroDivisionError("by zero")
        return real(score, fast)

    real = measuring.analyse_piece
    monkeypatch.setattr(measuring, "analyse_piece", analyse_piece)
    errors = {item.path.stem: item.error for item in analyse_files([folder])}
    assert errors["piece1"] == errors["copy"] == "brings out a bug of stilo: ZeroDivisionError: by zero"
    assert errors["piece0"] == errors["piece2"] == ""
    with pytest.raises(ZeroDivisionError):
        list(analyse_files([folder / "piece1.mid"]))


@pytest.fixture
def chord_net(tmp_path, monkeypatch):
    """A net of random weights, installed."""
    import torch

    from stilo.models.chord_net import ChordNet, ChordNetConfig, save_chord_net
    from stilo.models.chord_readings import Prices

    with torch.random.fork_rng():
        torch.manual_seed(3)
        net = ChordNet(ChordNetConfig(width=20))
    save_chord_net(net, Prices(), tmp_path / "chords", {})
    for name in ("stilo.models.chord_reader.chords_folder", "stilo.styles.measuring.chords_folder"):
        monkeypatch.setattr(name, lambda: tmp_path / "chords")
    return tmp_path / "chords"


def test_the_net_reads_the_chords_unless_it_has_to_be_fast(folder, chord_net):
    from stilo.elements.profile import analyse
    from stilo.models.chord_reader import read_chords

    path = folder / "piece0.mid"
    [by_net], [fast] = analyse_files([path]), analyse_files([path], fast=True)
    assert by_net.profiles[0].piece.chords == read_chords(read_score(path))
    assert fast.profiles[0] == analyse(read_score(path))
    assert by_net.profiles[0] == stilo.analyse(read_score(path))
    assert fast.profiles[0].piece.chords != by_net.profiles[0].piece.chords
    (chord_net / "weights.safetensors").unlink()
    [without] = analyse_files([path])
    assert without == fast


def test_a_damaged_net_is_told_before_any_file(folder, chord_net):
    (chord_net / "config.json").write_text("{}")
    with pytest.raises(SetupError, match="damaged"):
        analyse_files([folder])
    assert len(list(analyse_files([folder], fast=True))) == 5


@pytest.mark.parametrize("jobs", [-1, 257])
def test_jobs_out_of_range_are_told(folder, jobs):
    with pytest.raises(RequestError, match=f"jobs {jobs}"):
        analyse_files([folder], jobs=jobs)
