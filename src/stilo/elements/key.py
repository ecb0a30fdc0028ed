"""Which key a piece is in, from what sounds and for how long: phrase by phrase, as a whole, and at its two ends.

A learned profile says what each pitch class tells for or against a key; heard through a window of four bars it gives a
probability to each of the 24, and the windows vote (after Nápoles López, Arthur & Fujinaga 2019, who hear local keys to
find the global one). To the vote is added the correlation with the profile of Krumhansl & Kessler (1982) over the whole
piece, which knows a tonic from its relative, that of the learned profile with the opening and the close, of eight
quarters each, and the last bass note: pieces modulate, and their ends say where home is (Temperley 2001, ch. 7).
`benchmarks/learn_key.py` learned the profile and the weights, and says from what.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from stilo.elements.layout import Floats, Ints, Layout
from stilo.music.theory import Key

KEYS = 24  # C major … B major, C minor … B minor
EVIDENCE = ("vote", "whole", "opening", "close", "last bass", "minor")
WINDOW_BARS = 4
_END_QUARTERS = 8
_SHARPNESS = 0.5  # how decidedly a window votes; learned at 1, weighed at this
# Krumhansl & Kessler (1982), as printed in Krumhansl (1990), table 2.1
_FIT_MAJOR = np.array([6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88])
_FIT_MINOR = np.array([6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17])
_WEIGHTS = np.array([25.0, 2.6, 3.3, 0.51, 0.69, 0.55])


@dataclass(frozen=True, eq=False)
class KeyProfile:
    """What each degree of the chromatic scale tells for a key, in nats times its share of the sound.

    Attributes:
        major, minor: float [12], from the tonic upwards.
        leaning: nats by which minor keys are likelier than major ones before anything sounds.
    """

    major: Floats
    minor: Floats
    leaning: float

    @cached_property
    def of_keys(self) -> Floats:
        """The profile of each key, [24, 12]."""
        return _on_every_tonic(self.major, self.minor)

    @cached_property
    def centred(self) -> Floats:
        """The same with mean 0 and length 1, to correlate with."""
        return _centred(self.of_keys)


PHRASE_PROFILE = KeyProfile(
    np.array([11.5, -2.1, 4.8, -9.6, 8.4, 4.9, -10.6, 11.7, -3.6, 2.4, -19.7, 1.0]),
    np.array([11.1, -8.6, 2.3, 5.7, -11.6, 3.6, -0.5, 9.7, 1.0, -15.7, 3.8, 0.0]),
    0.8,
)


def _on_every_tonic(major: Floats, minor: Floats) -> Floats:
    return np.array([np.roll(profile, tonic) for profile in (major, minor) for tonic in range(12)], np.float64)


def _centred(rows: Floats) -> Floats:
    """Rows of mean 0 and length 1; 0 where all values are equal."""
    centred = rows - rows.mean(axis=-1, keepdims=True)
    norm = np.linalg.norm(centred, axis=-1, keepdims=True)
    return np.asarray(centred / np.maximum(norm, 1e-12))


_FIT = _centred(_on_every_tonic(_FIT_MAJOR, _FIT_MINOR))
KEY_DISTANCES = 1 - _FIT @ _FIT.T
"""How far keys lie apart: 1 − correlation of their profiles (Krumhansl 1990, ch. 2), [24, 24]."""


@dataclass(frozen=True)
class KeyEstimate:
    """A key, how clear it is, and how far major's best key lies above minor's.

    Attributes:
        key: the one that the evidence speaks for.
        clarity: its probability, by all the evidence, less that of the next key; 0…1.
        majorness: difference of correlations of the whole piece with the profiles of Krumhansl & Kessler; −1…1.
    """

    key: Key
    clarity: float
    majorness: float


@dataclass(frozen=True, eq=False)
class BarSound:
    """What sounds in each bar.

    Attributes:
        starts_ticks: int64 [bars].
        lengths_ticks: int64 [bars].
        chroma: ticks of each pitch class, doublings counted, float [bars, 12].
    """

    starts_ticks: Ints
    lengths_ticks: Ints
    chroma: Floats


def bar_sound(layout: Layout) -> BarSound:
    """The sound of each bar of a layout."""
    slices = layout.slices
    bar = layout.beat_bar[layout.slice_beat]
    first = np.concatenate([[0], np.flatnonzero(np.diff(bar)) + 1])
    chroma = np.add.reduceat(slices.chroma * slices.lengths_ticks[:, None], first, axis=0)
    return BarSound(slices.starts_ticks[first], np.add.reduceat(slices.lengths_ticks, first), chroma)


def window_sums(chroma: Floats, bars: int = WINDOW_BARS) -> Floats:
    """Sums over the `bars` bars around each, fewer at the ends, [bars, 12]."""
    until = np.concatenate([np.zeros((1, chroma.shape[1])), chroma.cumsum(axis=0)])
    at = np.arange(len(chroma))
    before, after = bars // 2, bars - bars // 2
    return np.asarray(until[np.minimum(len(chroma), at + after)] - until[np.maximum(0, at - before)])


def key_likelihoods(chroma: Floats, profile: KeyProfile, sharpness: float = 1.0) -> Floats:
    """Log-probabilities of the 24 keys, [n, 24], given sounds [n, 12], none of them silent."""
    shares = chroma / chroma.sum(axis=1, keepdims=True)
    scores = shares @ profile.of_keys.T
    scores[:, 12:] += profile.leaning
    scores *= sharpness
    scores -= scores.max(axis=1, keepdims=True)
    return np.asarray(scores - np.log(np.exp(scores).sum(axis=1, keepdims=True)))


def key_evidence(layout: Layout, profile: KeyProfile = PHRASE_PROFILE) -> Floats:
    """What speaks for each key, [24, kinds of `EVIDENCE`]; the layout must hold pitched notes."""
    slices = layout.slices
    heard = np.flatnonzero(slices.count > 0)
    ends = slices.starts_ticks + slices.lengths_ticks
    span = _END_QUARTERS * layout.score.ticks_per_quarter
    opening = int(np.searchsorted(slices.starts_ticks, slices.starts_ticks[heard[0]] + span))
    close = int(np.searchsorted(ends, ends[heard[-1]] - span, side="right"))
    weighted = slices.chroma * slices.lengths_ticks[:, None]
    bars = bar_sound(layout).chroma
    windows = window_sums(bars)
    sounding = windows[windows.sum(axis=1) > 0]
    last_bass = int(slices.bass[heard[-1]]) % 12
    evidence = np.zeros((KEYS, len(EVIDENCE)))
    evidence[:, 0] = np.exp(key_likelihoods(sounding, profile, _SHARPNESS)).mean(axis=0)
    evidence[:, 1] = _FIT @ _centred(bars.sum(axis=0))
    evidence[:, 2] = profile.centred @ _centred(weighted[:opening].sum(axis=0))
    evidence[:, 3] = profile.centred @ _centred(weighted[close:].sum(axis=0))
    evidence[[last_bass, last_bass + 12], 4] = 1.0
    evidence[12:, 5] = 1.0
    return evidence


def estimate_key(layout: Layout) -> KeyEstimate:
    """The key of the whole piece; C major of no clarity when nothing pitched sounds."""
    if not (layout.slices.count > 0).any():
        return KeyEstimate(Key(0, "major"), 0.0, 0.0)
    evidence = key_evidence(layout)
    scores = evidence @ _WEIGHTS
    best = int(scores.argmax())
    fit = evidence[:, 1]
    chances = np.exp(scores - scores[best])
    clarity = float((1 - np.delete(chances, best).max()) / chances.sum())
    majorness = float(np.clip(fit[:12].max() - fit[12:].max(), -1, 1))
    return KeyEstimate(key_of(best), clarity, majorness)


def key_of(index: int) -> Key:
    """The key at a place 0…23."""
    return Key(index % 12, "major" if index < 12 else "minor")


def index_of(key: Key) -> int:
    """The place of a key, 0…23."""
    return key.tonic + (12 if key.mode == "minor" else 0)
