"""What is kept out of learning so that it can judge it.

Music that stands on both sides would be recognised, not foreseen: pieces are compared by their notes, and bars of a
last quarter that were played before are left out of it.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Sequence, Set
from dataclasses import replace
from itertools import pairwise

import numpy as np

from stilo.music.quantise import slots_of
from stilo.music.score import Score
from stilo.music.timeline import bar_grid

FOLDS = 3
MOST_NOTES_IN_TURN = 40_000  # three tunings of more would take more than two minutes
FEWEST_HELD_OUT_PIECES = 3
HELD_OUT_SHARE = 0.2
LEAST_SHARE, MOST_SHARE = 0.1, 0.75  # of the notes, between which a tuning can learn and show it
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

    Of not too much music every piece is held out by one of three tunings, which share the notes evenly; of more one
    tuning holds out a fifth, three pieces or more where there are six. Pieces that have twins are held out together
    with them, or not at all: what is learned from would give them away. Where nearly all of the notes are in one piece
    or its twins, none can be held out.

    Args:
        notes: of each piece.
        rng: draws which.
        twins: pairs of pieces that hold much of each other.
    """
    families = _families(rng.permutation(len(notes)).tolist(), twins)
    held = [_fifth(families, notes)] if sum(notes) > MOST_NOTES_IN_TURN else _thirds(families, notes)
    shares = [_notes(fold, notes) / sum(notes) for fold in held]
    return held if all(LEAST_SHARE <= share <= MOST_SHARE for share in shares) else []


def _thirds(families: Sequence[set[int]], notes: Sequence[int]) -> list[set[int]]:
    folds = [set[int]() for _ in range(min(FOLDS, len(families)))]
    for family in sorted(families, key=lambda family: _notes(family, notes), reverse=True):
        min(folds, key=lambda fold: _notes(fold, notes)).update(family)
    return folds


def _fifth(families: Sequence[set[int]], notes: Sequence[int]) -> set[int]:
    """Of the notes, never more than half of them; pieces without twins first."""
    found, fewest = set[int](), min(FEWEST_HELD_OUT_PIECES, len(families) // 2)
    for family in sorted(families, key=len):
        if len(found) >= fewest and _notes(found, notes) >= HELD_OUT_SHARE * sum(notes):
            break
        if _notes(found | family, notes) <= sum(notes) / 2:
            found |= family
    return found


def _notes(pieces: Iterable[int], notes: Sequence[int]) -> int:
    return sum(notes[number] for number in pieces)


def _families(order: Sequence[int], pairs: Iterable[tuple[int, int]]) -> list[set[int]]:
    """Pieces that hang together by pairs, in this order."""
    from stilo.models.duplicates import first_linked

    first, families = first_linked(len(order), pairs), defaultdict[int, set[int]](set)
    for number in order:
        families[int(first[number])].add(number)
    return list(families.values())


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
