"""The 5-gram that stands beside the note model is a probability, learns, and hears no key."""

import sys
from pathlib import Path

import numpy as np
import pytest

from stilo.models.corpus import Piece
from stilo.models.tokens import Part, transposed

sys.path.insert(0, str(Path(__file__).parents[3] / "benchmarks"))

from ngram import ORDER, NGram, values_of


@pytest.fixture
def pieces(make_steps):
    nothing = np.zeros(179, np.float32)
    return [Piece(f"set/{i}.mid", make_steps(i, notes=200), nothing, 7, "group") for i in range(4)]


def test_the_chances_of_all_choices_make_at_most_one(pieces):
    model = NGram(pieces[:3])
    piece = pieces[3]
    total = 0.0
    for velocity in range(16):
        steps = piece.steps.copy()
        steps["velocity"][50] = velocity
        changed = Piece(piece.name, steps, piece.embedding, 7, "group")
        total += float(np.exp(-model.nats(changed)[50, 4]))
    assert 0.9 < total <= 1.0 + 1e-9


def test_what_was_counted_is_likelier_than_what_was_not(pieces):
    model = NGram(pieces[:3])
    known, unknown = model.nats(pieces[0]).sum(1).mean(), model.nats(pieces[3]).sum(1).mean()
    assert known < 0.6 * unknown


def test_a_piece_is_as_likely_in_another_key(pieces, make_steps):
    model = NGram(pieces[:3])
    steps = make_steps(7, parts=(Part(73), Part(0)))
    here, there = (
        model.nats(Piece("set/moved.mid", transposed(steps, semitones), pieces[0].embedding, 7, "group"))
        for semitones in (0, 3)
    )
    assert np.allclose(here[ORDER:], there[ORDER:])


def test_nothing_is_lost_after_the_end(pieces):
    nats = NGram(pieces[:1]).nats(pieces[0])
    assert len(nats) == len(values_of(pieces[0])) == len(pieces[0].steps) + 1
    assert not nats[-1, 1:].any()
    assert np.isfinite(nats).all()
