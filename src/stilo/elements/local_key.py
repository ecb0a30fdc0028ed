"""Which keys a piece goes through: regions of one key, from the first bar to the last.

A hidden Markov model over the bars (after Raphael & Stoddard 2004 and Nápoles López, Arthur & Fujinaga 2019): each bar
speaks for the keys by a profile learned on bars, staying costs nothing, a change costs a fixed price and more the
farther the keys lie apart (Krumhansl & Kessler 1982), and the likeliest path is found by dynamic programming (Viterbi
1967). A bar tells the scale better than the tonic; so each region is told from its relative afterwards, as its phrases
sound, and the key of the whole piece has the benefit of the doubt. The prices were chosen on the odd songs of
POP909-CL and on excerpts glued together.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from stilo.elements.key import (
    KEY_DISTANCES,
    KEYS,
    PHRASE_PROFILE,
    KeyProfile,
    bar_sound,
    index_of,
    key_likelihoods,
    key_of,
    window_sums,
)
from stilo.elements.layout import Floats, Ints, Layout
from stilo.music.theory import Key

BAR_PROFILE = KeyProfile(
    np.array([7.9, -3.8, 6.1, -11.1, 6.4, 5.0, -9.5, 7.8, -3.7, 4.5, -13.8, 2.7]),
    np.array([6.2, -4.6, 2.3, 3.9, -9.6, 3.4, -2.4, 5.4, 1.4, -6.7, 3.6, -1.3]),
    1.6,
)
"""As `key.PHRASE_PROFILE`, learned on single bars, which hold a chord or two: the tonic counts for less."""

_CHANGE = 5.0
_DISTANCE = 5.0
_FAINTEST = -6.0  # nats: no single bar rules a key out
_HOME = 0.3  # nats in favour of the key of the piece
_FEWEST_BARS = 2
_RELATIVE = [(tonic + 9) % 12 + 12 for tonic in range(12)] + [(tonic + 3) % 12 for tonic in range(12)]
_COST = (_CHANGE + _DISTANCE * KEY_DISTANCES) * (1 - np.eye(KEYS))


@dataclass(frozen=True)
class KeyRegion:
    """A key and where it holds, in quarters from the beginning; `key` as "A minor"."""

    onset_quarters: float
    duration_quarters: float
    key: str


def estimate_key_regions(layout: Layout, key: Key) -> tuple[KeyRegion, ...]:
    """The keys of a piece without gaps, neighbours different, none shorter than two bars unless the piece is.

    Args:
        layout: the piece; nothing pitched gives no regions.
        key: of the whole piece.
    """
    if not (layout.slices.count > 0).any():
        return ()
    bars = bar_sound(layout)
    path = _keys_of_bars(bars.chroma, index_of(key))
    starts = _starts(path)
    bounds = np.append(bars.starts_ticks[starts], layout.beats_ticks[-1]) / layout.score.ticks_per_quarter
    regions = []
    for i, start in enumerate(starts.tolist()):
        onset = round(float(bounds[i]), 6)
        regions.append(KeyRegion(onset, round(float(bounds[i + 1]) - onset, 6), str(key_of(int(path[start])))))
    return tuple(regions)


def _keys_of_bars(chroma: Floats, home: int) -> Ints:
    """The key of each bar, [bars]; the home key is among them, favoured as much as that takes."""
    heard = _log_probabilities(chroma, BAR_PROFILE)
    phrases = _log_probabilities(window_sums(chroma), PHRASE_PROFILE)
    favour = 0.0
    while True:
        favoured = heard.copy()
        favoured[:, home] += favour
        path = _without_short(_likeliest_path(favoured))
        path = _told_from_relatives(path, phrases, home, _HOME + favour)
        if (path == home).any():
            return path
        favour = 2 * favour + _HOME


def _log_probabilities(chroma: Floats, profile: KeyProfile) -> Floats:
    """Log-probabilities of the keys, [bars, 24], cut off below; silence speaks for none."""
    sounding = chroma.sum(axis=1) > 0
    heard = np.zeros((len(chroma), KEYS))
    heard[sounding] = np.maximum(key_likelihoods(chroma[sounding], profile), _FAINTEST)
    return heard


def _told_from_relatives(path: Ints, phrases: Floats, home: int, favour: float) -> Ints:
    """The path with each region in the likelier of its key and the relative of that, as its phrases sound."""
    path = path.copy()
    starts = _starts(path)
    for start, end in zip(starts.tolist(), [*starts[1:].tolist(), len(path)], strict=True):
        pair = [int(path[start]), _RELATIVE[int(path[start])]]
        likely = phrases[start:end, pair].mean(axis=0) + favour * (np.array(pair) == home)
        path[start:end] = pair[int(likely.argmax())]
    return path


def _likeliest_path(emissions: Floats) -> Ints:
    """Viterbi's path through the keys, int64 [bars]."""
    bars = len(emissions)
    came_from = np.zeros((bars, KEYS), np.int64)
    score = emissions[0]
    reached, every = np.empty((KEYS, KEYS)), np.arange(KEYS)
    for bar in range(1, bars):
        np.subtract(score, _COST, out=reached)  # [to, from]: the cost is the same both ways
        came_from[bar] = best = reached.argmax(axis=1)
        score = reached[every, best] + emissions[bar]
    path = np.zeros(bars, np.int64)
    path[-1] = score.argmax()
    for bar in range(bars - 1, 0, -1):
        path[bar - 1] = came_from[bar, path[bar]]
    return path


def _starts(path: Ints) -> Ints:
    """Where regions begin, [regions]."""
    return np.concatenate([[0], np.flatnonzero(np.diff(path)) + 1])


def _without_short(path: Ints) -> Ints:
    """The path with regions that are too short given to the one before them, or the first to the one after it."""
    path = path.copy()
    while True:
        starts = _starts(path)
        lengths = np.diff(np.append(starts, len(path)))
        short = np.flatnonzero(lengths < _FEWEST_BARS)
        if len(starts) == 1 or len(short) == 0:
            return path
        at = int(short[0])
        path[starts[at] : starts[at] + lengths[at]] = path[starts[at - 1 if at else 1]]
