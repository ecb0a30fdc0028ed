"""Batches made beside the work: the same every time, whole, and what fails there is told here."""

import pytest
import torch

from stilo.models.notes import loader
from stilo.models.notes.loader import batches, joined
from stilo.models.notes.stream import PieceSource, Stream


@pytest.mark.parametrize("workers", [0, 2])
def test_batches_are_made_beside_the_work(pieces, workers, make_source):
    def source(worker):
        return make_source(pieces, 10 + worker)

    def drawn():
        made = batches(source, rows=4, length=30, workers=workers)
        return [next(made) for _ in range(3)]

    first, again = drawn(), drawn()
    for one, other in zip(first, again, strict=True):
        assert one.fields.shape == (4, 30, 5)
        assert torch.equal(one.fields, other.fields)
        assert torch.equal(one.conditioning.measured, other.conditioning.measured)
        assert int(one.piece.max()) < len(one.conditioning.measured)


def test_rows_that_cannot_be_shared_are_refused(pieces, make_source):
    with pytest.raises(ValueError, match="5 rows cannot be shared by 2 workers"):
        next(batches(lambda _: make_source(pieces), rows=5, length=30, workers=2))


def test_what_fails_beside_the_work_is_raised_here(pieces, make_source):
    class Broken(PieceSource):
        def draw(self):
            if self.rng.random() < 0.2:
                raise RuntimeError("no more music")
            return super().draw()

    def source(_):
        whole = make_source(pieces)
        return Broken(pieces, whole.rng, whole.conditions)

    with pytest.raises(RuntimeError, match="no more music"):
        for _ in zip(range(100), batches(source, 2, 40), strict=False):
            pass


def test_a_worker_that_ended_is_told(pieces, monkeypatch, make_source):
    def end(source, number, rows, length, ready):
        """As a process that was killed."""

    monkeypatch.setattr(loader, "PATIENCE_SECONDS", 0.1)
    monkeypatch.setattr(loader, "_play", end)
    with pytest.raises(RuntimeError, match=r"no batch for 0\.1 seconds"):
        next(batches(lambda _: make_source(pieces), rows=4, length=30, workers=2))


def test_shares_of_several_workers_keep_what_they_were_told(pieces, make_source):
    shares = [Stream(make_source(pieces, seed), 2, 300).draw() for seed in (1, 2)]
    features, piece, told = joined(shares)
    assert len(features) == len(piece) == 4
    for row in range(4):
        _, own_piece, own_told = shares[row // 2]
        for step in (0, 150, 299):
            assert told[piece[row, step]] is own_told[own_piece[row % 2, step]]
