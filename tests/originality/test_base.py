"""The index of the base model's pieces: what is kept of them, in how many bytes, and whether copies are found."""

from dataclasses import replace
from io import BytesIO
from zipfile import ZipFile

import numpy as np
import pytest

from stilo.errors import SetupError
from stilo.models.pieces import Piece, save_pieces
from stilo.models.tokens import encode
from stilo.music.score import Score, TimeSignature, Track, notes_from_columns
from stilo.originality import build
from stilo.originality.base import (
    HASH_BITS,
    base_index,
    base_index_of,
    base_index_path,
    read_base_index,
    write_base_index,
)
from stilo.originality.check import check_trace
from stilo.originality.level import Level
from stilo.originality.lines import notes_of_score
from stilo.originality.runs import runs_of, trace_of
from stilo.originality.stock import Stock

LEVEL = Level(10.0, 30.0, 60.0, 5, 1)


@pytest.fixture(scope="module")
def base(make):
    return base_index_of(((f"set/{i % 4}", runs_of(notes_of_score(make.piece(i)))) for i in range(40)), LEVEL)


def found_in(base, score):
    return check_trace(trace_of(notes_of_score(score)), base, base.level)


def test_what_is_written_is_read_again(base, tmp_path):
    path = tmp_path / "index.npz"
    write_base_index(base, path)
    again = read_base_index(path)
    assert (again.names, again.kept, again.level) == (base.names, base.kept, base.level)
    for one, other in ((again, base), (again.stock, base.stock)):
        for name in ("hashes", "piece", "holders"):
            assert np.array_equal(getattr(one, name, 0), getattr(other, name, 0))
    before = path.read_bytes()
    write_base_index(base, path)
    assert path.read_bytes() == before


def test_copies_are_found_and_named_by_their_group(base, make):
    for seed in range(6):
        passage = make.bars(make.piece(seed), 8, 8).transposed(-3)
        found = found_in(base, make.planted(make.piece(900 + seed), passage, 12))
        assert found.verdict == "copied"
        assert found.passages[0].source == f"set/{seed % 4}"
        assert abs(found.passages[0].bars[0] - 13) <= 2
        assert found.passages[0].source_bars is None


def test_unseen_pieces_are_no_copies(base, make):
    assert not any(found_in(base, make.piece(seed)).verdict == "copied" for seed in range(1000, 1020))


def test_common_runs_are_counted_and_not_kept(make):
    runs = runs_of(notes_of_score(make.piece(0)))
    base = base_index_of([("same", runs)] * 20, LEVEL)
    assert len(base.hashes) == 0
    assert set(base.stock.holders.tolist()) == {20}
    assert found_in(base, make.piece(0)).bits == 0.0


def test_common_runs_are_not_taken_for_rare_ones_of_the_same_bits(base, make):
    """Of a hash 26 bits are kept: a run of the stock may have those of a run that somebody has."""
    runs = runs_of(notes_of_score(make.piece(0)))
    other = runs["hash"] ^ np.uint32(1 << HASH_BITS)
    common = replace(base, stock=Stock(np.unique(other), np.full(len(np.unique(other)), 12, np.uint16), 40))
    runs["hash"] = other
    assert len(base.shared(runs)) > 100
    assert len(common.shared(runs)) == 0


@pytest.mark.parametrize("damage", ["cut", "empty", "other", "hashes"])
def test_a_damaged_index_is_told(base, tmp_path, damage):
    path = tmp_path / "index.npz"
    write_base_index(base, path)
    data = path.read_bytes()
    if damage in ("cut", "empty"):
        path.write_bytes(data[: len(data) // 2 if damage == "cut" else 0])
    else:
        with np.load(path) as packed:
            arrays = {name: packed[name] for name in packed.files}
        if damage == "other":
            arrays["format"] = np.array(99)
        else:
            arrays["differences"] = np.full(2**20, 255, np.uint8)
            arrays["differences"][-1] = 1
        np.savez_compressed(path, **arrays)
    with pytest.raises(SetupError, match="damaged"):
        read_base_index(path)
    with pytest.raises(SetupError, match="missing"):
        read_base_index(tmp_path / "nothing.npz")


def mutated(data, rng):
    """Bytes changed, mostly in the directory of the zip; or in an array, and the zip packed anew."""
    if rng.random() < 0.5:
        with ZipFile(BytesIO(data)) as zipped:
            members = {name: bytearray(zipped.read(name)) for name in zipped.namelist()}
        member = members[list(members)[int(rng.integers(len(members)))]]
        for _ in range(int(rng.integers(1, 4))):
            most = 130 if rng.random() < 0.7 else len(member)
            member[int(rng.integers(min(most, len(member))))] = int(rng.integers(256))
        packed = BytesIO()
        with ZipFile(packed, "w") as zipped:
            for name, content in members.items():
                zipped.writestr(name, bytes(content))
        return packed.getvalue()
    changed = bytearray(data)
    for _ in range(int(rng.integers(1, 3))):
        first = 0 if rng.random() < 0.3 else len(data) - 700
        changed[int(rng.integers(first, len(data)))] = int(rng.integers(256))
    return bytes(changed)


def test_a_damaged_index_is_told_whatever_is_damaged(base, make, tmp_path):
    path, runs = tmp_path / "index.npz", runs_of(notes_of_score(make.piece(99, bars=8)))
    write_base_index(base, path)
    data, rng = path.read_bytes(), np.random.default_rng(0)
    told = 0
    for _ in range(400):
        path.write_bytes(mutated(data, rng))
        try:
            read_base_index(path).shared(runs)
        except SetupError as error:
            assert "damaged" in str(error)
            told += 1
    assert 100 < told < 400


def test_the_shipped_index_is_small_and_holds_no_music():
    index = base_index()
    assert base_index_path().stat().st_size <= 6 * 2**20
    assert len(index.names) >= 10_000
    assert index.hashes.max() < 2**HASH_BITS
    assert (np.diff(index.hashes.astype(np.int64)) >= 0).all()
    assert index.level.p50 < index.level.p95 < index.level.copy
    with np.load(base_index_path(), allow_pickle=False) as packed:
        assert sorted(packed.files) == sorted(
            ["format", "differences", "pieces", "groups", "group_of", "kept", "stock_hashes", "stock_holders", "level"]
        )


def test_the_index_is_built_from_packed_music_with_a_card(make, tmp_path, monkeypatch, capsys):
    def packed(seeds):
        steps = [encode(make.piece(seed, bars=8)) for seed in seeds]
        vector = np.zeros(4, np.float32)
        return [
            Piece(f"lieder/{seed}.mid", one, vector, 4, "lieder/Nobody") for seed, one in zip(seeds, steps, strict=True)
        ]

    for split, seeds in (("train", range(4)), ("valid", range(4, 6)), ("dev_composer", range(6, 8))):
        save_pieces(packed(seeds), tmp_path / f"{split}.npz")
    monkeypatch.setattr("sys.argv", ["build", str(tmp_path), str(tmp_path / "out")])
    build.main()
    assert "4 pieces" in capsys.readouterr().out
    index = read_base_index(tmp_path / "out" / "index.npz")
    assert index.names == ("lieder/Nobody",) * 4
    assert index.level.pieces == 4
    card = (tmp_path / "out" / "README.md").read_text(encoding="utf-8")
    assert "| lieder | 4 | OpenScore Lieder Corpus, voice and piano | CC0 1.0 |" in card


def test_packed_music_that_is_missing_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr("sys.argv", ["build", str(tmp_path), str(tmp_path / "out")])
    with pytest.raises(SystemExit, match="no packed music"):
        build.main()


def figures(kind, bars=16):
    """An Alberti bass, a scale up and down, or one chord after another."""
    roots = [0, 5, 7, 0] * (bars // 4)
    if kind == "Alberti":
        pitch = [48 + root + step for root in roots for step in (0, 7, 4, 7) * 2]
    elif kind == "scale":
        up = [0, 2, 4, 5, 7, 9, 11, 12]
        pitch = [60 + step for bar in range(bars) for step in (up if bar % 2 == 0 else up[::-1])]
    else:
        pitch = [60 + step for _ in range(bars) for step in (0, 0, 4, 4, 7, 7, 4, 4)]
    onset = np.arange(len(pitch)) * 240
    notes = notes_from_columns(onset, np.full(len(pitch), 240), pitch, 80, np.zeros(len(pitch), int))
    return Score(notes, (Track("", 0),), time_signatures=(TimeSignature(0, 4, 4),))


@pytest.mark.parametrize("kind", ["Alberti", "scale", "chord"])
def test_common_stock_is_no_copy_of_what_the_base_model_knows(kind):
    found = found_in(base_index(), figures(kind))
    assert found.verdict == "original"
    assert found.bits < found.level.p50
