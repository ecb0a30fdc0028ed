"""Packed music comes back as it was, and what cannot be read is left out by name."""

from dataclasses import replace

import numpy as np
import pytest

from stilo.errors import InputError, ReadError
from stilo.models.corpus import load_pieces, pack, piece_from_file, save_pieces
from stilo.models.tokens import encode, piece_tempo_class
from stilo.music.files import write_score


def test_pieces_come_back(make_piece, tmp_path):
    pieces = [make_piece(seed, changing=seed % 2 == 1) for seed in range(5)]
    save_pieces(pieces, tmp_path / "train.npz")
    again = load_pieces(tmp_path / "train.npz")
    assert [piece.name for piece in again] == [piece.name for piece in pieces]
    for old, new in zip(pieces, again, strict=True):
        assert np.array_equal(new.steps, old.steps)
        assert (new.tempo, new.group, new.set_name) == (old.tempo, old.group, old.set_name)
        assert np.abs(new.embedding - old.embedding).max() < 2e-3 * np.abs(old.embedding).max()
        assert new.embedding.dtype == np.float32


def test_a_file_becomes_a_piece(tune, tmp_path):
    write_score(tune, tmp_path / "tune.mid")
    piece = piece_from_file(tmp_path / "tune.mid", "set/tune.mid")
    assert np.array_equal(piece.steps, encode(tune))
    assert piece.tempo == piece_tempo_class(tune)
    assert piece.group == "set/tune.mid"
    (tmp_path / "tune.mid").write_bytes(b"MThd")
    with pytest.raises(ReadError):
        piece_from_file(tmp_path / "tune.mid", "set/tune.mid")


@pytest.fixture
def data(tune, tmp_path):
    """Two sets: four good files, one broken, one too short, one excluded."""
    files = {"waltz": "one two three", "jig": "four broken short kept_out"}
    lines = ["path\tsplit"]
    splits = {"three": "valid", "kept_out": "exclude"}
    for folder, names in files.items():
        (tmp_path / "data" / folder).mkdir(parents=True)
        for name in names.split():
            write_score(replace(tune, title=name), tmp_path / "data" / folder / f"{name}.mid")
            lines.append(f"{folder}/{name}.mid\t{splits.get(name, 'train')}")
    (tmp_path / "data/jig/broken.mid").write_bytes(b"MThd\0\0")
    write_score(tune.with_notes(tune.notes[:5]), tmp_path / "data/jig/short.mid")
    manifest = "path\tcomposer_artist\nwaltz/one.mid\tAda\nwaltz/two.mid\t\n"
    (tmp_path / "data/waltz/manifest.tsv").write_text(manifest, encoding="utf-8")
    (tmp_path / "splits.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return tmp_path


def test_splits_are_packed_and_broken_files_named(data):
    said = list(pack(data / "data", data / "splits.tsv", data / "packed", frozenset(), 1))
    assert said[0].startswith("left out: ")
    assert "broken.mid" in said[0]
    assert said[1:] == ["train: 3 pieces, 240 notes", "valid: 1 pieces, 80 notes"]
    train = load_pieces(data / "packed/train.npz")
    groups = {"waltz/one.mid": "waltz/Ada", "waltz/two.mid": "waltz/two.mid", "jig/four.mid": "jig/four.mid"}
    assert {piece.name: piece.group for piece in train} == groups
    assert sorted(path.name for path in (data / "packed").iterdir()) == ["train.npz", "valid.npz"]


def test_sets_can_be_left_out(data):
    said = list(pack(data / "data", data / "splits.tsv", data / "packed", frozenset({"jig"}), 1))
    assert said == ["train: 2 pieces, 160 notes", "valid: 1 pieces, 80 notes"]


def test_a_split_without_a_readable_piece_is_told(data):
    (data / "splits.tsv").write_text("path\tsplit\njig/broken.mid\ttrain\n", encoding="utf-8")
    with pytest.raises(InputError, match="train: no piece"):
        list(pack(data / "data", data / "splits.tsv", data / "packed", frozenset(), 1))


@pytest.mark.parametrize("text", [None, "", "file\tset\na.mid\ttrain\n"])
def test_splits_that_say_nothing_are_told(data, text):
    (data / "splits.tsv").unlink()
    if text is not None:
        (data / "splits.tsv").write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=r"splits\.tsv.*columns path and split"):
        list(pack(data / "data", data / "splits.tsv", data / "packed", frozenset(), 1))


def test_packed_music_that_is_missing_or_damaged_is_told(make_piece, tmp_path):
    path = tmp_path / "train.npz"
    with pytest.raises(InputError, match=r"stilo\.models\.corpus"):
        load_pieces(path)
    save_pieces([make_piece(1)], path)
    path.write_bytes(path.read_bytes()[:-400])
    with pytest.raises(InputError, match="damaged"):
        load_pieces(path)
    np.savez(path, lengths=np.array([3]))
    with pytest.raises(InputError, match="damaged"):
        load_pieces(path)
