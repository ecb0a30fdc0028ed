"""Training batches: rows that go on, pieces seen in other keys, what is told dropped at random."""

from itertools import pairwise

import numpy as np
import pytest

from stilo.elements.embedding import EMBEDDING_SIZE
from stilo.models import stream
from stilo.models.features import Features
from stilo.models.stream import PieceSource, Stream, conditioning_of, moved_at_random, other_instruments
from stilo.models.tokens import DRUMS, END, PROGRAMS

NO_NOISE = np.zeros(EMBEDDING_SIZE, np.float32)


def source_of(pieces, seed=0):
    return PieceSource(pieces, NO_NOISE, np.random.default_rng(seed))


@pytest.fixture
def as_written(monkeypatch):
    """Pieces keep their instruments."""
    monkeypatch.setattr(stream, "P_ONE_PROGRAM", 0.0)
    monkeypatch.setattr(stream, "P_OTHER_PROGRAMS", 0.0)


def test_a_piece_is_drawn_whole_in_some_key_with_its_end(make_piece, as_written):
    piece = make_piece(1)
    source, moves = source_of([piece]), set()
    for _ in range(40):
        features, told = source.draw()
        assert len(features.fields) == len(piece.steps) + 1
        assert features.fields[-1, 0] == END
        pitched = piece.steps["pitch"] < 128
        move = features.fields[:-1, 2][pitched] - piece.steps["pitch"][pitched].astype(int)
        assert len(set(move.tolist())) == 1
        assert np.array_equal(features.fields[:-1, 2][~pitched], piece.steps["pitch"][~pitched])
        moves.add(int(move[0]))
        if told.programs:
            assert told.programs == {int(token) % PROGRAMS for token in piece.steps["part"]}
    assert moves == set(range(-6, 7))


def test_keys_keep_to_the_pitches_there_are(make_steps):
    steps = make_steps(2)
    pitched = steps["pitch"] < 128
    steps["pitch"][pitched] = np.clip(steps["pitch"][pitched], 60, 66) + (127 - 66)
    moves = set()
    for seed in range(40):
        moved = moved_at_random(steps, np.random.default_rng(seed))
        assert np.array_equal(moved["pitch"][~pitched], steps["pitch"][~pitched])
        moves |= set((moved["pitch"][pitched].astype(int) - steps["pitch"][pitched]).tolist())
    assert moves == set(range(-6, 1))
    drums = steps[~pitched]
    assert np.array_equal(moved_at_random(drums, np.random.default_rng(0)), drums)


def test_everything_told_is_sometimes_kept_back(make_piece):
    source = source_of([make_piece(1), make_piece(4)])
    drawn = [source.draw()[1] for _ in range(60)]
    assert 0 < sum(told.style is None for told in drawn) < 30
    assert 0 < sum(not told.programs for told in drawn) < 50


def test_a_style_lies_between_a_piece_and_its_group(make_piece):
    one, other = make_piece(0), make_piece(3)  # of one group
    for _ in range(20):
        _, told = source_of([one, other]).draw()
        if told.style is not None:
            mean = (one.embedding + other.embedding) / 2
            gaps = [np.linalg.norm(np.cross((told.style - mean)[:3], (p.embedding - mean)[:3])) for p in (one, other)]
            assert min(gaps) < 1e-3


def test_long_pieces_are_cut_to_windows(make_piece, monkeypatch, as_written):
    monkeypatch.setattr(stream, "LONGEST_WINDOW_NOTES", 50)
    piece = make_piece(1, notes=200)
    source = source_of([piece])
    beginnings, ends = 0, 0
    for _ in range(60):
        features, _ = source.draw()
        assert len(features.fields) <= 50
        assert features.trunk[0, 8] == 1  # is_first
        beginnings += np.array_equal(features.fields[:, 3], piece.steps["duration"][:50])
        ends += int(features.fields[-1, 0] == END)
        assert features.fields[0, 0] == features.position[0]  # the first gap is counted from the bar line
    assert 0 < beginnings < 60
    assert 0 < ends < 60


def test_rows_go_on_from_batch_to_batch(make_piece, as_written):
    """What a row plays, batch after batch, are whole pieces one after the other."""
    pieces = [make_piece(seed, notes=30) for seed in range(3)]
    player = Stream(source_of(pieces), rows=2, length=16)
    batches = [player.batch() for _ in range(20)]
    durations = np.concatenate([batch.fields[0, :, 3].numpy() for batch in batches])
    gaps = np.concatenate([batch.fields[0, :, 0].numpy() for batch in batches])
    ends = np.flatnonzero(gaps == END)
    known = [tuple(piece.steps["duration"].tolist()) for piece in pieces]
    assert len(ends) > 3
    for start, end in pairwise(ends):
        assert tuple(durations[start + 1 : end].tolist()) in known
    for batch in batches:
        assert batch.fields.shape == (2, 16, 5)
        rows = batch.piece.numpy()
        assert rows.max() == len(batch.conditioning.style) - 1
        assert (np.diff(rows.ravel()) >= 0).all()
        begun = batch.trunk[:, 1:, 8].numpy() == 1
        assert np.array_equal(np.diff(rows, axis=1) == 1, begun)


def test_other_instruments_keep_the_notes(make_steps):
    steps = make_steps(3)
    changed = 0
    for seed in range(40):
        other = other_instruments(steps, np.random.default_rng(seed))
        key = [tuple(row) for row in other[["onset", "part", "pitch"]].tolist()]
        assert key == sorted(set(key))
        drums = [s[s["part"] % PROGRAMS == DRUMS][["onset", "pitch"]] for s in (steps, other)]
        assert np.array_equal(*drums)
        assert set(zip(other["onset"], other["pitch"], strict=True)) == set(
            zip(steps["onset"], steps["pitch"], strict=True)
        )
        changed += not np.array_equal(other, steps)
    assert 2 <= changed <= 25


def test_sets_are_heard_by_their_notes_to_a_power(make_piece):
    pieces = [make_piece(seed, notes=notes) for seed, notes in ((0, 240), (2, 240), (1, 60))]
    chances = source_of(pieces).chances
    assert chances.sum() == pytest.approx(1)
    notes = np.array([len(piece.steps) for piece in pieces])
    ratio = (notes[:2].sum() / notes[2]) ** stream.SET_POWER
    assert chances[:2].sum() / chances[2] == pytest.approx(ratio)
    assert chances[0] / chances[1] == pytest.approx(np.sqrt(notes[0] / notes[1]))


def test_what_is_not_told_is_zero():
    conditioning = conditioning_of(
        [stream.Told(None), stream.Told(np.ones(EMBEDDING_SIZE, np.float32), frozenset({5}))]
    )
    assert conditioning.style_known.ravel().tolist() == [0, 1]
    assert conditioning.style.sum(1).tolist() == [0, EMBEDDING_SIZE]
    assert conditioning.programs.sum(1).tolist() == [0, 1]
    assert conditioning.programs[1, 5] == 1


def test_a_window_is_cut_from_every_column(make_piece):
    features, _ = source_of([make_piece(1)]).draw()
    part = features.window(3, 9)
    for name in Features.__dataclass_fields__:
        assert np.array_equal(getattr(part, name), getattr(features, name)[3:9])
