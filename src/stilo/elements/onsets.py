"""Onsets as they are heard: notes that begin almost together are one, with what makes it stand out.

Times are in seconds. `gathered` makes chords of what was played almost together, so that no melody is found in them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stilo.music.score import Score
from stilo.music.timeline import ticks_to_seconds

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

TOGETHER_SECONDS = 0.04  # what is closer is heard as one: Dixon 2001 merges within 70 ms, Temperley 2009 within 50
ACCENTS = ("notes", "length", "bass", "loudness", "harmony", "kick", "snare", "wait", "waited")
_TOGETHER_OF_QUARTER = 1 / 12  # no more in music so fast that written notes come as close
_FEWEST_ONSETS, _SAMPLE = 8, 2048
_EXACT_SHARE = 0.8  # of the onsets stand on such divisions where they were written: not all graces and runs do
_DIVISIONS = (24, 32, 20, 28)  # of the quarter
_AROUND = 16  # onsets on either side that an accent is compared with
_LONGEST_SECONDS = 4.0
_KICKS, _SNARES = (35, 36), (38, 40)


@dataclass(frozen=True, eq=False)
class Onsets:
    """What begins, in order of time.

    Attributes:
        seconds: float [onsets], mean time of the notes that begin together.
        accents: float [onsets, `len(ACCENTS)`], each against its mean among the neighbours.
        of_note: int64 [notes], the onset each note of the score belongs to.
    """

    seconds: Floats
    accents: Floats
    of_note: Ints

    def __len__(self) -> int:
        return len(self.seconds)


def onsets_of(score: Score) -> Onsets:
    """The onsets of a score with at least one note."""
    notes = score.notes
    begins = ticks_to_seconds(score, notes["onset_ticks"])
    lengths = ticks_to_seconds(score, notes["onset_ticks"].astype(np.int64) + notes["duration_ticks"]) - begins
    of_note = _together(begins, TOGETHER_SECONDS)
    count = int(of_note[-1]) + 1
    sizes = np.bincount(of_note, minlength=count)
    seconds = np.bincount(of_note, begins, count) / sizes
    pitch, drum = notes["pitch"].astype(np.int64), score.is_drum_note
    found = np.zeros((len(ACCENTS), count))
    found[0] = np.log(sizes)
    np.maximum.at(found[1], of_note[~drum], np.clip(lengths[~drum], 0.05, _LONGEST_SECONDS))
    found[1] = np.log(np.maximum(found[1], 0.05))
    loudest = np.zeros(count)
    np.maximum.at(loudest, of_note, notes["velocity"].astype(np.float64))
    found[3] = loudest / 16
    if not drum.all():
        lowest = np.full(count, np.inf)
        np.minimum.at(lowest, of_note[~drum], pitch[~drum].astype(np.float64))
        heard = np.isfinite(lowest)
        found[2] = np.where(heard, (pitch[~drum].mean() - np.where(heard, lowest, 0.0)) / 12, 0.0)
        found[4] = _harmony(of_note[~drum], lengths[~drum], pitch[~drum] % 12, count)
    np.maximum.at(found[5], of_note[drum & np.isin(pitch, _KICKS)], 1.0)
    np.maximum.at(found[6], of_note[drum & np.isin(pitch, _SNARES)], 1.0)
    gaps = np.log(np.clip(np.diff(seconds), 0.02, _LONGEST_SECONDS))
    found[7, :-1], found[8, 1:] = gaps, gaps
    if count > 1:
        found[7, -1], found[8, 0] = gaps[-1], gaps[0]
    return Onsets(seconds, np.ascontiguousarray((found - _mean_around(found)).T), of_note)


def gathered(score: Score) -> Score:
    """The score with the notes that begin together at one tick, the mean of theirs; as it is where that is exact.

    Together is what begins within `TOGETHER_SECONDS` and a twelfth of a quarter. A note ends where it ended, or with
    the onset that it lasts no longer than that into: who plays legato means one note after the other. A score whose
    onsets stand on divisions of the quarter was written, and means its fast notes.
    """
    notes = score.notes
    begins = notes["onset_ticks"].astype(np.int64)
    if _is_exact(begins, score.ticks_per_quarter):
        return score
    ends = begins + notes["duration_ticks"]
    at, ends_at = np.split(ticks_to_seconds(score, np.concatenate([begins, ends])), 2)
    twelfth = score.ticks_per_quarter * _TOGETHER_OF_QUARTER
    apart = np.maximum(np.diff(at) / TOGETHER_SECONDS, np.diff(begins) / twelfth)
    of_note = _together(np.concatenate([[0.0], apart.cumsum()]), 1.0)
    sizes = np.bincount(of_note)
    onsets = np.rint(np.bincount(of_note, begins) / sizes).astype(np.int64)
    last = np.maximum(np.searchsorted(onsets, ends, side="right") - 1, of_note)  # the last onset before each end
    into_seconds = ends_at - (np.bincount(of_note, at) / sizes)[last]
    over = (last > of_note) & (into_seconds <= TOGETHER_SECONDS) & (ends - onsets[last] <= twelfth)
    moved = notes.copy()
    moved["onset_ticks"] = onsets[of_note]
    moved["duration_ticks"] = np.maximum(1, np.where(over, onsets[last], ends) - onsets[of_note])
    return score.with_notes(moved)


def _is_exact(begins: Ints, ticks_per_quarter: int) -> bool:
    """Do nearly all onsets, given in order, stand on the ticks nearest to divisions of the quarter?"""
    ticks = begins[np.concatenate([[True], np.diff(begins) > 0])] if len(begins) else begins
    if len(ticks) < _FEWEST_ONSETS:
        return True
    ticks = ticks[:: len(ticks) // _SAMPLE + 1]
    exact = np.zeros(len(ticks), bool)
    for division in _DIVISIONS:
        beyond = ticks * division % ticks_per_quarter
        exact |= 2 * np.minimum(beyond, ticks_per_quarter - beyond) <= division
    return bool(exact.mean() >= _EXACT_SHARE)


def _together(begins: Floats, limit: float) -> Ints:
    """Which notes, given in order, begin together: none later than `limit` after the first of them."""
    far = np.flatnonzero(np.diff(begins) > limit)
    group = np.zeros(len(begins), np.int64)
    group[far + 1] = 1
    group = group.cumsum()
    firsts = np.concatenate([[0], far + 1])
    if np.all(begins - begins[firsts[group]] <= limit):
        return group
    cut = np.zeros(len(begins), np.int64)  # chains of close notes (a roll, a trill) have to be cut one by one
    first = -np.inf
    for i, begin in enumerate(begins.tolist()):
        if begin - first > limit:
            cut[i], first = 1, begin
    return cut.cumsum() - 1


def _mean_around(rows: Floats) -> Floats:
    """Mean of each row over the neighbours and itself, [rows, onsets]."""
    count = rows.shape[1]
    sums = np.concatenate([np.zeros((len(rows), 1)), rows.cumsum(axis=1)], axis=1)
    at = np.arange(count)
    low, high = np.maximum(at - _AROUND, 0), np.minimum(at + _AROUND + 1, count)
    return np.asarray((sums[:, high] - sums[:, low]) / (high - low))


def _harmony(of_note: Ints, lengths: Floats, pitch_class: Ints, count: int) -> Floats:
    """1 − cosine of the pitch classes, weighed by length, of the four onsets before and of this one and the next."""
    chroma = np.zeros((count, 12))
    np.add.at(chroma, (of_note, pitch_class), np.minimum(lengths, 2.0))
    sums = np.concatenate([np.zeros((1, 12)), chroma.cumsum(axis=0)])
    at = np.arange(count)
    before = sums[at] - sums[np.maximum(at - 4, 0)]
    after = sums[np.minimum(at + 2, count)] - sums[at]
    size = np.linalg.norm(before, axis=1) * np.linalg.norm(after, axis=1)
    cosine = (before * after).sum(axis=1) / np.maximum(size, 1e-9)
    return np.asarray(np.where(size > 0, 1 - cosine, 0.0))
