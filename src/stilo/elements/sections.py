"""Where the sections of a piece begin, and which of them are the same.

Every row (bar) gets cues of a beginning: a stretch that returns elsewhere starts or stops here (paths of the
self-similarity matrix; Goto 2006, Serrà et al. 2014), what sounds changes (Foote 2000, "Automatic audio segmentation
using a measure of audio novelty"), the melody has come to rest (Lerdahl & Jackendoff 1983). A logistic regression joins
them; the boundaries are those that together are likeliest, given that sections of whole fours and eights are
(Sargent, Bimbot & Vincent 2011). Weights are fitted by `benchmarks/form.py`. Strophes, whatever their length, are one
long path beside the diagonal: they begin together and are divided alike.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from stilo.elements.layout import Floats, Ints, Layout
from stilo.elements.likeness import Matrices

PATH_ROWS = 4
KERNELS = (4, 8)
SHORTEST_SECTION_BARS = 4
_LONGEST_SECTION = 40
CUES = ("starts", "stops", "start peak", "stop peak", "returns", "returned", "new 4", "new 8", "relative 4",
        "relative 8", "long note", "rest")  # fmt: skip
WEIGHTS = np.array([1.56, 2.38, 1.59, 2.77, -0.08, -1.06, 15.63, -13.83, 0.28, -0.39, 0.13, 0.06])
BIAS = -3.93
_FOURS, _EIGHTS, _SECTION, _TOO_SHORT, _TOO_LONG = 0.4, 1.5, 1.0, -6.0, -0.05
_STROPHE = 5.0  # log odds
_STROPHE_LIKENESS = 0.8
_LEAST_RETURNING = 0.8  # of a strophe
_LEAST_STROPHIC = 0.5  # of a piece
_LONGEST_LOOP = 5
_SONG, _LONGEST_UNDIVIDED = 3, 16  # so many strophes, so short, are not divided
_SAME = 0.7
_BEGUN_ALIKE = 0.1  # by which the first bars alone must be more alike than whole sections
_VARIED = 0.9
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
VARIED_MARK = "′"


def section_starts(layout: Layout, likeness: Matrices, per_row: int) -> Ints:
    """First rows of the sections, 0 among them; `likeness` [12, rows, rows]."""
    rows = likeness.shape[1]
    if rows < 2 * SHORTEST_SECTION_BARS:
        return np.zeros(1, np.int64)
    evidence = boundary_cues(layout, likeness, per_row) @ WEIGHTS + BIAS
    return likeliest_starts(_with_strophes(evidence, likeness[0]))


def _with_strophes(evidence: Floats, likeness: NDArray[np.float32]) -> Floats:
    """The evidence of beginnings, [rows], that of strophes joined: each is divided as the others are."""
    rows = len(evidence)
    row, last, lag = strophes(likeness)
    if not lag:
        return evidence
    times = (last + lag - row) // lag
    slack = last + lag - row - times * lag
    first = row + int(evidence[row : row + slack + 1].argmax())
    joined = evidence.copy()
    joined[first : first + times * lag] = np.tile(
        evidence[first : first + times * lag].reshape(times, lag).mean(axis=0), times
    )
    begins = first + lag * np.arange(times + 1)
    begins = begins[begins <= rows - SHORTEST_SECTION_BARS]
    if times >= _SONG and lag <= _LONGEST_UNDIVIDED:
        joined[first : first + times * lag] -= _STROPHE
        joined[begins[:times]] += _STROPHE
    joined[begins] += _STROPHE
    joined[:SHORTEST_SECTION_BARS] = evidence[:SHORTEST_SECTION_BARS]  # a short introduction goes with its strophe
    return joined


def strophes(likeness: NDArray[np.float32]) -> tuple[int, int, int]:
    """Where a piece goes on as it did one strophe before: the first row, the row after the last, rows of a strophe.

    All 0 where no strophe follows its like through half of the piece, and where a figure of a few bars goes round.
    """
    rows = len(likeness)
    most, found = 0.0, (0, 0, 0)
    for lag in range(SHORTEST_SECTION_BARS, rows // 2 + 1):
        sums = np.concatenate([[0.0], np.cumsum(np.diagonal(likeness, lag) - _STROPHE_LIKENESS)])
        gains = sums - np.minimum.accumulate(sums)
        last = int(gains.argmax())
        if gains[last] > most + 1e-6:
            most, found = float(gains[last]), (int(sums[: last + 1].argmin()), last, lag)
    row, last, lag = found
    long_enough = last - row >= _LEAST_RETURNING * lag and last - row + lag >= _LEAST_STROPHIC * rows
    loop = lag <= _LONGEST_LOOP and last - row >= 2 * lag
    return found if lag and long_enough and not loop else (0, 0, 0)


def boundary_cues(layout: Layout, likeness: Matrices, per_row: int) -> Floats:
    """`CUES` of each row, [rows, 12]."""
    ahead = _paths(likeness)
    rows = len(ahead)
    chance = float(np.median(ahead))
    behind = np.full_like(ahead, chance)
    if rows > PATH_ROWS:
        behind[PATH_ROWS:, PATH_ROWS:] = ahead[:-PATH_ROWS, :-PATH_ROWS]
    near = np.abs(np.subtract.outer(np.arange(rows), np.arange(rows))) < PATH_ROWS
    unit = max(1e-3, 1 - chance)
    ahead[near] = behind[near] = chance
    change = ahead - behind
    starts, stops = change.max(axis=1) / unit, -change.min(axis=1) / unit
    returns, returned = (ahead.max(axis=1) - chance) / unit, (behind.max(axis=1) - chance) / unit
    new = [_novelty(likeness[0], half) for half in KERNELS]
    relative = [(n - n.mean()) / (n.std() + 1e-9) for n in new]
    held, rest = _coming_to_rest(layout, per_row, rows)
    cues = [starts, stops, _above_neighbours(starts), _above_neighbours(stops), returns, returned, *new, *relative]
    return np.stack([*cues, held, rest], axis=1).astype(np.float64)


def _paths(likeness: Matrices) -> NDArray[np.float32]:
    """Mean likeness of the four rows from i on and those from j on, at the best transposition, [rows, rows]."""
    rows = likeness.shape[1]
    padded = np.zeros((7, rows + PATH_ROWS - 1, rows + PATH_ROWS - 1), np.float32)
    padded[:, :rows, :rows] = likeness[:7]
    two = padded[:, :-1, :-1] + padded[:, 1:, 1:]
    best = (two[:, :-2, :-2] + two[:, 2:, 2:]).max(axis=0)
    left = np.minimum(PATH_ROWS, rows - np.arange(rows))
    # shifts down are shifts up seen from the other row
    return np.asarray(np.maximum(best, best.T) / np.minimum.outer(left, left), np.float32)


def _novelty(likeness: Matrices, half: int) -> Floats:
    """How unlike the rows before and after each row are, by a checkerboard kernel with tapered edges, [rows]."""
    taper = np.exp(-0.5 * ((np.arange(2 * half) - half + 0.5) / (half / 2)) ** 2)
    signed = taper * np.repeat([-1.0, 1.0], half)
    kernel = np.outer(signed, signed)
    padded = np.pad(likeness, half, mode="edge")
    windows = np.lib.stride_tricks.sliding_window_view(padded, (2 * half, 2 * half))
    diagonal = np.arange(len(likeness))
    return np.asarray(windows[diagonal, diagonal].reshape(len(likeness), -1) @ kernel.ravel() / np.abs(kernel).sum())


def _above_neighbours(values: NDArray[np.floating]) -> NDArray[np.floating]:
    """By how much each value exceeds the larger of its neighbours; 0 stands beyond the ends."""
    padded = np.pad(values, 1)
    return values - np.maximum(padded[:-2], padded[2:])


def _coming_to_rest(layout: Layout, per_row: int, rows: int) -> tuple[Floats, Floats]:
    """Of the last two melody notes before each row: length in octaves above the usual, and the rest after, quarters."""
    melody = layout.melody
    if len(melody) < 2:
        return np.zeros(rows), np.zeros(rows)
    length = np.diff(melody.onset_ticks)
    rest = (melody.onset_ticks[1:] - melody.end_ticks[:-1]) / layout.score.ticks_per_quarter
    held = np.log2(np.clip(length / np.median(length), 0.25, 8))
    last = np.searchsorted(melody.onset_ticks, layout.grid.starts_ticks[::per_row], side="left") - 1
    inside = (last >= 0) & (last < len(length))
    pair = np.clip(np.stack([last, last - 1]), 0, len(length) - 1)
    return np.where(inside, held[pair].max(axis=0), 0.0), np.where(inside, np.clip(rest[pair].max(axis=0), 0, 4), 0.0)


def likeliest_starts(evidence: Floats) -> Ints:
    """The rows that are together the best beginnings, by dynamic programming; `evidence` is log odds, [rows]."""
    rows = len(evidence)
    lengths = np.arange(_LONGEST_SECTION + 1)
    prior = _SECTION + _FOURS * (lengths % 4 == 0) + _EIGHTS * (lengths % 8 == 0)
    prior = prior + _TOO_SHORT * (lengths < SHORTEST_SECTION_BARS) + _TOO_LONG * np.maximum(0, lengths - 16)
    backwards = prior[:0:-1]
    gain = np.append(evidence, 0.0)
    best = np.zeros(rows + 1)
    before = np.zeros(rows + 1, np.int64)
    for row in range(1, rows + 1):
        first = max(0, row - _LONGEST_SECTION)
        values = best[first:row] + backwards[len(backwards) - (row - first) :]
        chosen = int(values.argmax())
        best[row], before[row] = values[chosen] + gain[row], first + chosen
    starts, row = [], rows
    while row > 0:
        row = int(before[row])
        starts.append(row)
    return np.array(starts[::-1], np.int64)


def section_labels(likeness: Matrices, starts: Ints) -> list[str]:
    """A letter for each section: that of the earlier one it is most like, if like enough, with ′ when varied."""
    bounds = np.append(starts, likeness.shape[1]).tolist()
    letters: list[int] = []
    labels: list[str] = []
    for i in range(len(starts)):
        best, like = _SAME, -1
        for j in range(i):
            alike = _section_likeness(likeness, bounds[i : i + 2], bounds[j : j + 2])
            if alike > best:
                best, like = alike, j
        letters.append(letters[like] if like >= 0 else max(letters, default=-1) + 1)
        name = _letter(letters[i])
        models = [j for j in range(i) if labels[j] == name]
        plain = not models or any(_as_it_was(likeness, bounds[i : i + 2], bounds[j : j + 2]) for j in models)
        labels.append(name + ("" if plain else VARIED_MARK))
    return labels


def _letter(number: int) -> str:
    turn, letter = divmod(number, len(_LETTERS))
    return _LETTERS[letter] + (str(turn + 1) if turn else "")


def _section_likeness(likeness: Matrices, first: list[int], second: list[int]) -> float:
    """Row by row at the best transposition, begun or ended together; less when one is longer than the other.

    Enough, too, are beginnings that are the same and go on otherwise, as the halves of a period do.
    """
    shorter, longer = sorted((first[1] - first[0], second[1] - second[0]))
    whole = float(_side_by_side(likeness, first, second).max() * (shorter / longer) ** 0.3)
    if shorter < SHORTEST_SECTION_BARS or 2 * shorter < longer:
        return whole
    return max(whole, float(_path(likeness, first[0], second[0], SHORTEST_SECTION_BARS)[0]) - _BEGUN_ALIKE)


def _side_by_side(likeness: Matrices, first: list[int], second: list[int]) -> NDArray[np.float32]:
    """Mean likeness of two sections, begun or ended together, of each transposition, [12]."""
    shorter = min(first[1] - first[0], second[1] - second[0])
    begun = _path(likeness, first[0], second[0], shorter)
    return np.maximum(begun, _path(likeness, first[1] - shorter, second[1] - shorter, shorter))


def _path(likeness: Matrices, row: int, column: int, length: int) -> NDArray[np.float32]:
    """Mean likeness along a diagonal, of each transposition, [12]."""
    rows = likeness.shape[1]
    start = row * rows + column
    diagonal = likeness.reshape(12, -1)[:, start : start + length * (rows + 1) : rows + 1]
    return np.asarray(diagonal.sum(axis=1) / length)


def _as_it_was(likeness: Matrices, first: list[int], second: list[int]) -> bool:
    """Is a section the other over again, untransposed, but for a few bars that lead in or out?"""
    lengths = first[1] - first[0], second[1] - second[0]
    if abs(lengths[0] - lengths[1]) > min(SHORTEST_SECTION_BARS - 1, max(1, min(lengths) // 4)):
        return False
    return bool(_side_by_side(likeness, first, second)[0] >= _VARIED)
