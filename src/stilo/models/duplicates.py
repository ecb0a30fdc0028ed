"""Pieces that are the same music, whatever their key, their note values and the names of their files.

Collections overlap: one song in two editions, one dance in three books, one mass under two names. A piece is compared
by runs of twelve moves of its highest line: semitones from note to note, and the gaps between them divided by their
greatest common divisor, so that neither transposition nor halved note values hide it. Two pieces are as near as the
share of the runs of the smaller one that both hold. Commonplaces do not count: runs that many pieces of a collection
hold, and those that mostly stay on a note or go one way.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stilo.models.tokens import DRUMS_FROM, StepArray

Integers = NDArray[np.int64]
Runs = NDArray[np.uint64]

RUN_MOVES = 12
FEWEST_STEPS, FEWEST_TURNS = 6, 2  # moves that leave the note, and changes of direction, of a run that counts
MOST_HOLDERS = 20  # of a run that counts
FEWEST_RUNS = 8  # of a piece that can be told from others
NEAR_HELD_OUT = 0.25  # by eye, every pair from here on is the same tune, at least in one part of it
NEAR = 0.5


@dataclass(frozen=True, slots=True)
class Duplicate:
    """Piece `index` repeats piece `of`, by a share of its runs; both count through what was compared."""

    index: int
    of: int
    share: float


def line_runs(steps: StepArray) -> Runs:
    """The runs of a piece as hashes, each once, uint64 [runs]; of drums only where nothing else sounds."""
    pitch, onset = steps["pitch"].astype(np.int64), steps["onset"].astype(np.int64)
    pitched = pitch < DRUMS_FROM
    if pitched.sum() > RUN_MOVES:
        pitch, onset = pitch[pitched], onset[pitched]
    if len(pitch) <= RUN_MOVES:
        return np.zeros(0, np.uint64)
    order = np.lexsort((-pitch, onset))
    pitch, onset = pitch[order], onset[order]
    highest = np.append(True, np.diff(onset) > 0)
    moves, gaps = np.diff(pitch[highest]), np.diff(onset[highest])
    if len(moves) < RUN_MOVES:
        return np.zeros(0, np.uint64)
    windows = np.lib.stride_tricks.sliding_window_view
    run_gaps, run_moves = windows(gaps, RUN_MOVES), windows(moves, RUN_MOVES)
    shaped = _has_shape(run_moves)
    run_gaps, run_moves = run_gaps[shaped], run_moves[shaped]
    run_gaps = run_gaps // np.gcd.reduce(run_gaps, axis=1)[:, None]
    return np.unique(_hashed(np.concatenate([run_gaps, run_moves + 256], axis=1).astype(np.uint64)))


def _has_shape(moves: Integers) -> NDArray[np.bool_]:
    """Which of the runs [runs, RUN_MOVES] are more than a repeated note or a scale."""
    turns = np.zeros(len(moves), np.int64)
    heading = np.sign(moves[:, 0])
    for move in np.sign(moves[:, 1:]).T:
        turns += move * heading < 0
        heading = np.where(move != 0, move, heading)
    return np.asarray(((moves != 0).sum(axis=1) >= FEWEST_STEPS) & (turns >= FEWEST_TURNS))


def _hashed(rows: Runs) -> Runs:
    mixed = np.zeros(len(rows), np.uint64)
    for column in rows.T:
        mixed = (mixed ^ column) * np.uint64(0x9E3779B97F4A7C15)
        mixed ^= mixed >> np.uint64(29)
    return mixed


def first_linked(count: int, pairs: Iterable[tuple[int, int]]) -> Integers:
    """For each of `count` pieces the first of those with which it hangs together by pairs, or itself, [count]."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    ends = np.array(list(pairs), np.int64).reshape(-1, 2)
    _, family = connected_components(coo_array((np.ones(len(ends)), tuple(ends.T)), (count, count)), directed=False)
    _, first, family = np.unique(family, return_index=True, return_inverse=True)
    return np.asarray(first[family], np.int64)


def near_pairs(runs: Sequence[Runs], least: float, most_holders: int | None = MOST_HOLDERS) -> list[Duplicate]:
    """Pairs of pieces that share at least so much, the later one as that which repeats; the nearest first.

    Runs that more than `most_holders` pieces hold do not count. That parts tunes from commonplaces in a collection; in
    a folder that may hold forty settings of one tune it would part them from each other: None = all runs count.
    """
    from scipy.sparse import csr_array, triu

    holder = np.repeat(np.arange(len(runs)), [len(one) for one in runs])
    _, run, holders = np.unique(
        np.concatenate([np.zeros(0, np.uint64), *runs]), return_inverse=True, return_counts=True
    )
    if most_holders is not None:
        counts = holders[run] <= most_holders
        holder, run = holder[counts], run[counts]
    sizes = np.bincount(holder, minlength=len(runs))
    held = csr_array((np.ones(len(run), np.int32), (holder, run)), shape=(len(runs), max(1, len(holders))))
    shared = triu(held @ held.T, 1).tocoo()
    order = np.lexsort((shared.col, shared.row))
    first, second = shared.row[order], shared.col[order]
    smaller = np.minimum(sizes[first], sizes[second])
    share = shared.data[order] / np.maximum(smaller, 1)
    near = np.flatnonzero((smaller >= FEWEST_RUNS) & (share >= least))
    near = near[np.argsort(-share[near], kind="stable")]
    return [Duplicate(int(b), int(a), float(s)) for a, b, s in zip(first[near], second[near], share[near], strict=True)]


def repeated(held_out: Sequence[StepArray], train: Sequence[StepArray]) -> list[Duplicate]:
    """Pieces of `train` to leave out, in order: what is held out comes back in them, or an earlier one that stays.

    `index` counts through `train`; `of` through the held-out pieces and then through `train`.
    """
    runs = [line_runs(steps) for pieces in (held_out, train) for steps in pieces]
    first = len(held_out)
    pairs = near_pairs(runs, min(NEAR, NEAR_HELD_OUT))
    gone = {pair.index: pair for pair in reversed(pairs) if pair.of < first <= pair.index}
    for index, earlier in sorted(_by_index(pair for pair in pairs if pair.of >= first and pair.share >= NEAR).items()):
        kept = [pair for pair in earlier if pair.of not in gone]
        if kept and index not in gone:
            gone[index] = kept[0]
    return [Duplicate(index - first, gone[index].of, gone[index].share) for index in sorted(gone)]


def _by_index(pairs: Iterable[Duplicate]) -> dict[int, list[Duplicate]]:
    found: dict[int, list[Duplicate]] = {}
    for pair in pairs:
        found.setdefault(pair.index, []).append(pair)
    return found
