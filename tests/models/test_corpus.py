"""Packed music comes back as it was, and what cannot be read is left out by name."""

from dataclasses import replace

import numpy as np
import pytest

from stilo.elements.key import estimate_key
from stilo.elements.layout import lay_out
from stilo.errors import InputError, ReadError
from stilo.models.bar_views import bar_views
from stilo.models.corpus import Piece, load_pieces, pack, piece_from_file, save_pieces
from stilo.models.encoder_files import shipped_encoder
from stilo.models.labels import LABEL_DTYPE, labels_of, unknown_labels
from stilo.models.learned_embedding import LEARNED_SIZE
from stilo.models.tokens import encode, piece_tempo_class
from stilo.music.files import write_score
from stilo.music.score import ChordSymbol


def test_pieces_come_back(make_piece, tmp_path):
    pieces = [make_piece(seed, changing=seed % 2 == 1) for seed in range(5)]
    pieces[0].steps["bar"][20:] += 6  # empty bars
    save_pieces(pieces, tmp_path / "train.npz")
    again = load_pieces(tmp_path / "train.npz")
    assert [piece.name for piece in again] == [piece.name for piece in pieces]
    for old, new in zip(pieces, again, strict=True):
        assert np.array_equal(new.steps, old.steps)
        assert (new.tempo, new.group, new.set_name) == (old.tempo, old.group, old.set_name)
        assert np.abs(new.embedding - old.embedding).max() < 2e-3 * np.abs(old.embedding).max()
        assert new.embedding.dtype == np.float32


def test_what_is_told_of_pieces_comes_back(make_piece, tmp_path):
    rng = np.random.default_rng(3)
    pieces = []
    for seed in range(3):
        piece = make_piece(seed)
        labels = np.zeros(len(piece.steps), LABEL_DTYPE)
        for name in LABEL_DTYPE.names:
            labels[name] = rng.integers(0, np.iinfo(LABEL_DTYPE[name]).max, len(labels), endpoint=True)
        labels["chord_onset"].sort()
        facets = rng.normal(size=(4, LEARNED_SIZE // 4)).astype(np.float32)
        facets /= np.linalg.norm(facets, axis=1, keepdims=True)
        facets[seed] = 0
        key = None if seed == 0 else (9 + seed, seed - 1)
        pieces.append(replace(piece, labels=labels, learned=facets.reshape(-1), key=key))
    save_pieces(pieces, tmp_path / "train.npz")
    for old, new in zip(pieces, load_pieces(tmp_path / "train.npz"), strict=True):
        assert np.array_equal(new.labels, old.labels)
        assert new.key == old.key
        assert new.learned.dtype == np.float32
        was, now = old.learned.reshape(4, -1), new.learned.reshape(4, -1)
        heard = was.any(axis=1)
        assert (now[~heard] == 0).all()
        assert (was * now).sum(axis=1)[heard].min() > 0.9999


def test_a_piece_of_which_nothing_is_told(make_steps):
    steps = make_steps(1)
    piece = Piece("a/b.mid", steps, np.zeros(3, np.float32), 7, "a")
    assert np.array_equal(piece.labels, unknown_labels(len(steps)))
    assert piece.learned.shape == (LEARNED_SIZE,)
    assert not piece.learned.any()
    with pytest.raises(ValueError, match=r"a/b\.mid: 2 labels"):
        replace(piece, labels=unknown_labels(2))


def test_a_file_becomes_a_piece(tune, tmp_path):
    tune = replace(tune, chord_symbols=(ChordSymbol(0, "C"), ChordSymbol(4320, "G:7")))
    write_score(tune, tmp_path / "tune.mid")
    piece = piece_from_file(tmp_path / "tune.mid", "set/tune.mid")
    assert np.array_equal(piece.steps, encode(tune))
    assert np.array_equal(piece.labels, labels_of(tune, piece.steps))
    assert set(piece.labels["chord_root"].tolist()) == {0, 7}
    heard = shipped_encoder().embed([bar_views(piece.steps)])[0]
    assert piece.learned == pytest.approx(heard.reshape(-1), abs=1e-5)
    assert piece.tempo == piece_tempo_class(tune)
    assert piece.group == "set/tune.mid"
    key = estimate_key(lay_out(tune)).key
    assert piece.key == (key.tonic, ("major", "minor").index(key.mode))
    drums = replace(tune, tracks=tuple(replace(track, is_drum=True) for track in tune.tracks))
    write_score(drums, tmp_path / "drums.mid")
    assert piece_from_file(tmp_path / "drums.mid", "set/drums.mid").key is None
    (tmp_path / "tune.mid").write_bytes(b"MThd")
    with pytest.raises(ReadError):
        piece_from_file(tmp_path / "tune.mid", "set/tune.mid")


def test_a_piece_too_long_to_measure_is_packed_without_labels(tune, tmp_path):
    notes = tune.notes.copy()
    notes["onset_ticks"][-1] = 480 * 90_000
    write_score(tune.with_notes(notes), tmp_path / "long.mid")
    piece = piece_from_file(tmp_path / "long.mid", "set/long.mid")
    assert np.array_equal(piece.labels, unknown_labels(len(piece.steps)))


def test_a_file_without_metre_is_packed_on_the_one_that_is_found(tune, tmp_path):
    write_score(replace(tune, time_signatures=()), tmp_path / "tune.mid")
    piece = piece_from_file(tmp_path / "tune.mid", "set/tune.mid")
    assert np.array_equal(piece.steps["bar_slots"], encode(tune)["bar_slots"])


def varied(tune, seed):
    """Another tune over the same fifths."""
    notes = tune.notes.copy()
    melody = notes["track"] == 0
    notes["pitch"][melody] = np.random.default_rng(seed).integers(60, 80, melody.sum())
    return tune.with_notes(notes)


@pytest.fixture
def data(tune, tmp_path):
    """Two sets: four good files of different music, one broken, one too short, one excluded."""
    files = {"waltz": "one two three", "jig": "four broken short kept_out"}
    lines = ["path\tsplit"]
    splits = {"three": "valid", "kept_out": "exclude"}
    for folder, names in files.items():
        (tmp_path / "data" / folder).mkdir(parents=True)
        for name in names.split():
            music = replace(varied(tune, len(lines)), title=name)
            write_score(music, tmp_path / "data" / folder / f"{name}.mid")
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


def test_music_that_is_held_out_or_there_already_is_left_out_of_train(data, tune):
    write_score(varied(tune, 3).transposed(2), data / "data/waltz/one.mid")  # "three" is held out
    write_score(varied(tune, 2).transposed(-1), data / "data/jig/four.mid")  # "two" is in train
    said = list(pack(data / "data", data / "splits.tsv", data / "packed", frozenset(), 1))
    assert said[1:] == [
        "left out: waltz/one.mid: 100 % of it is waltz/three.mid of valid",
        "left out: jig/four.mid: 100 % of it is waltz/two.mid of train",
        "train: 1 pieces, 80 notes",
        "valid: 1 pieces, 80 notes",
    ]
    assert [piece.name for piece in load_pieces(data / "packed/train.npz")] == ["waltz/two.mid"]


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


@pytest.mark.parametrize("column", ["learned", "keys", "chords_ahead", "label_counterpart", "bars_ahead"])
def test_packed_music_of_an_earlier_form_is_told(make_piece, tmp_path, column):
    path = tmp_path / "train.npz"
    save_pieces([make_piece(1)], path)
    with np.load(path) as packed:
        columns = {name: packed[name] for name in packed.files if name != column}
    np.savez(path, **columns)
    with pytest.raises(InputError, match="of an earlier form; make it with"):
        load_pieces(path)


def test_nothing_is_made_of_lengths_that_the_columns_do_not_have(make_piece, tmp_path):
    path = tmp_path / "train.npz"
    save_pieces([make_piece(1), make_piece(2)], path)
    with np.load(path) as packed:
        columns = dict(packed)
    for lengths in ([2**31 - 1] * 2, [-5, int(columns["lengths"].sum()) + 5], columns["lengths"] + 1):
        np.savez(path, **{**columns, "lengths": np.array(lengths, np.int32)})
        with pytest.raises(InputError, match="damaged"):
            load_pieces(path)


def test_packed_music_is_small_enough_to_travel(make_steps, tmp_path):
    """Real music of 11.7 M notes is to take at most 30 MiB, 2.7 bytes a note; what comes back takes next to none."""
    sizes = []
    for rounds in (1, 21):
        bars = make_steps(4, notes=400)
        again = np.concatenate([bars] * rounds)
        again["onset"] += np.repeat(np.arange(rounds) * 48 * (int(bars["bar"][-1]) + 1), len(bars)).astype(np.int32)
        again["bar"] += np.repeat(np.arange(rounds) * (int(bars["bar"][-1]) + 1), len(bars)).astype(np.uint16)
        again["gap"] = np.diff(again["onset"], prepend=0)
        labels = unknown_labels(len(again))
        labels["chord_root"], labels["chord_onset"] = again["bar"] % 12, again["onset"] - again["position"]
        piece = Piece("a/b.mid", again, np.zeros(3, np.float32), 7, "a", labels)
        save_pieces([piece], tmp_path / "train.npz")
        sizes.append((tmp_path / "train.npz").stat().st_size)
    assert sizes[1] - sizes[0] < 0.4 * 20 * len(bars)
