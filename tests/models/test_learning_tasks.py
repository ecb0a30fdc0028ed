"""What the benchmark of learning judges is never among what is learned from."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest


@pytest.fixture(scope="module")
def tasks(benchmark_script):
    return benchmark_script("learning_tasks")


@pytest.fixture
def pieces(make_piece):
    return [replace(make_piece(i, notes=100 + i), name=f"polish/{i}.mid") for i in range(20)]


def names(some):
    return [piece.name for piece in some]


def test_every_seed_learns_from_others_and_judges_by_the_same(tasks, pieces):
    first, again, other = (tasks.task_of(pieces, 5, seed) for seed in (0, 0, 1))
    assert names(first.pieces) == names(again.pieces) != names(other.pieces)
    assert names(first.judged) == names(other.judged)
    assert len(set(names(first.judged + first.pieces))) == tasks.JUDGED + 5


def test_copies_of_what_is_judged_are_not_learned_from(tasks, pieces):
    judged = tasks.task_of(pieces, 5, 0).judged
    copies = []
    for piece in judged:
        steps = piece.steps.copy()
        steps["pitch"] += 2
        copies.append(replace(piece, steps=steps, name=f"copy of {piece.name}"))
    kept_for_judging = [piece for piece in pieces if piece.name in names(judged)]
    rest = [piece for piece in pieces if piece.name not in names(judged)]
    order = np.random.default_rng(0).permutation(28).tolist()
    shelf = [None] * 28  # so that the same are judged
    for place, piece in zip(order, [*kept_for_judging, *rest, *copies], strict=True):
        shelf[place] = piece
    task = tasks.task_of(shelf, 28, 0)
    assert sorted(names(task.judged)) == sorted(names(judged))
    assert sorted(names(task.pieces)) == sorted(names(rest))


def test_every_piece_is_held_out_once_and_told_of_the_others_alone(tasks, pieces):
    task = tasks.task_of(pieces, 6, 0)
    held = [name for fold in task.folds for name in names(fold.held_out)]
    assert sorted(held) == sorted(names(task.pieces))
    assert all(set(names(fold.train)).isdisjoint(names(fold.held_out)) for fold in task.folds)
    assert names(task.train) == names(task.pieces)
    for fold in task.folds:
        assert np.array_equal(fold.style.measured, np.mean([piece.embedding for piece in fold.train], axis=0))


def test_of_one_piece_the_last_quarter_is_held_out(tasks, pieces):
    (fold,) = tasks.task_of(pieces, 1, 0).folds
    assert fold.is_cut
    assert len(fold.train[0].steps) / (len(fold.train[0].steps) + len(fold.held_out[0].steps)) == pytest.approx(
        0.75, abs=0.02
    )


def test_composers_are_parted_by_bed_and_short_pieces_left_out(tasks, pieces, monkeypatch):
    monkeypatch.setattr(tasks, "maker_of", lambda piece: Path(piece.name).stem)
    short = replace(pieces[0], steps=pieces[0].steps[:10], labels=pieces[0].labels[:10])
    some = [replace(pieces[1], name="polish_x/1.mid"), replace(pieces[2], name="lieder/2.mid"), short]
    beds = tasks.beds_of(some, None)
    assert {bed: list(makers) for bed, makers in beds.items()} == {"distant": ["1"], "close": ["2"]}
