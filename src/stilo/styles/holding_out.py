"""What is kept out of learning so that it can judge it.

Music that stands on both sides would be recognised, not foreseen: pieces are compared by their notes, and bars of a
last quarter that were played before are left out of it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence, Set
from dataclasses import replace
from itertools import pairwise

import numpy as np

from stilo.music.quantise import slots_of
from stilo.music.score import Score
from stilo.music.timeline import bar_grid

FOLDS = 3
MOST_NOTES_IN_TURN = 40_000  # three tunings of more would take more than two minutes
FEWEST_FOR_ONE_SHARE = 5
HELD_OUT_SHARE = 0.2
TRAIN_SHARE = 0.75  # of the notes of each piece, when there are too few pieces to hold out whole ones
FEWEST_HELD_OUT_NOTES = 32


def note_content(score: Score) -> str:
    """The same text for scores of the same notes, whatever their key, parts and file; the score has notes.

    Gaps in slots, and pitches relative to the first (drums as they are). Durations do not count: many programs shorten
    the notes that they export.
    """
    rows = np.stack([slots_of(score).onset, score.is_drum_note, score.notes["pitch"]], axis=1).astype(np.int64)
    rows = np.unique(rows, axis=0)
    pitched = rows[:, 1] == 0
    rows[pitched, 2] -= rows[pitched, 2][:1]
    rows[:, 0] -= rows[0, 0]
    return hashlib.sha256(rows.tobytes()).hexdigest()


def whole_pieces(
    notes: Sequence[int], rng: np.random.Generator, twins: Iterable[tuple[int, int]] = ()
) -> list[set[int]]:
    """Which pieces each of the tunings holds out as a whole; none where there are too few.

    Of not too much music every piece is held out by one of three tunings, `twins` by the same one: what is learned from
    would give them away. Of more one tuning holds out a fifth, pieces that have twins last.

    Args:
        notes: of each piece.
        rng: draws which.
        twins: pairs of pieces that hold much of each other.
    """
    pairs, order = list(twins), rng.permutation(len(notes)).tolist()
    if sum(notes) > MOST_NOTES_IN_TURN and len(notes) >= FEWEST_FOR_ONE_SHARE:
        order.sort(key={number for pair in pairs for number in pair}.__contains__)
        return [set(order[: round(HELD_OUT_SHARE * len(notes))])]
    families = sorted(_families(order, pairs), key=len, reverse=True)
    folds = [set[int]() for _ in range(min(FOLDS, len(families)))]
    for family in families:
        min(folds, key=len).update(family)
    return folds if len(folds) > 1 else []


def _families(order: Sequence[int], pairs: Sequence[tuple[int, int]]) -> list[set[int]]:
    """Pieces that hang together by pairs, in this order."""
    family = list(range(len(order)))
    for first, second in pairs:
        family = [family[first] if one == family[second] else one for one in family]
    names = dict.fromkeys(family[number] for number in order)
    return [{number for number in order if family[number] == name} for name in names]


def last_quarters(scores: Sequence[Score]) -> tuple[list[tuple[Score, Score]], bool]:
    """For each score what is learned from and what is held out, and whether the latter only repeats the former.

    Bars of the last quarters whose notes stand verbatim in any of the first three are left out. Where then fewer than
    `FEWEST_HELD_OUT_NOTES` are left, the whole last quarters are held out: they repeat.
    """
    cuts = [_cut(score) for score in scores]
    heard = {content for first, _ in cuts for content in _bar_contents(first).values()}
    fresh = [(first, _without_bars(last, heard)) for first, last in cuts]
    left, all_notes = (sum(len(last) for _, last in pairs) for pairs in (fresh, cuts))
    return (cuts, True) if left < min(all_notes, FEWEST_HELD_OUT_NOTES) else (fresh, False)


def _cut(score: Score) -> tuple[Score, Score]:
    """About the first three quarters of the notes and the rest, at a bar line if there is one.

    What begins all at once is not cut: it is the first part, and the rest is empty.
    """
    onset, grid = score.notes["onset_ticks"], bar_grid(score)
    place = int(onset[int(TRAIN_SHARE * len(onset))])
    bar_line = int(grid.starts_ticks[grid.bar_of(place)])
    before = onset < (bar_line if bar_line > onset[0] else place)
    if not before.any():
        before[:] = True
    return score.with_notes(score.notes[before]), score.with_notes(score.notes[~before])


def _bar_contents(score: Score) -> dict[int, bytes]:
    """The notes of every bar that has some, by its number: place in the bar, pitch and duration, in slots."""
    slots = slots_of(score)
    rows = np.stack([slots.bar, slots.onset_in_bar, score.notes["pitch"], slots.end - slots.onset], axis=1)
    rows = np.unique(rows.astype(np.int64), axis=0)
    edges = np.append(np.flatnonzero(np.diff(rows[:, 0], prepend=-1)), len(rows)).tolist()
    return {int(rows[begin, 0]): rows[begin:end, 1:].tobytes() for begin, end in pairwise(edges)}


def _without_bars(score: Score, heard: Set[bytes]) -> Score:
    """The score without the bars of these contents; what follows moves up. Only metres are kept of its marks."""
    gone = [bar for bar, content in _bar_contents(score).items() if content in heard]
    if not gone:
        return score
    grid = bar_grid(score)
    grid = bar_grid(score, int(grid.starts_ticks[-1] + grid.lengths_ticks[-1]) + 1)
    lost_ticks = np.zeros(len(grid) + 1, np.int64)
    lost_ticks[np.array(gone) + 1] = np.append(np.diff(grid.starts_ticks), grid.lengths_ticks[-1])[gone]
    lost_ticks = np.cumsum(lost_ticks)
    bar = slots_of(score).bar
    stays = ~np.isin(bar, gone)
    notes = score.notes[stays].copy()
    notes["onset_ticks"] = np.maximum(0, notes["onset_ticks"] - lost_ticks[bar[stays]])
    metres = tuple(
        replace(metre, onset_ticks=metre.onset_ticks - int(lost_ticks[grid.bar_of(metre.onset_ticks)]))
        for metre in score.time_signatures
    )
    return replace(
        score, notes=notes, time_signatures=metres, tempos=(), key_signatures=(), chord_symbols=(), markers=()
    )
