"""Which key a piece is in, from what sounds and for how long, at its ends above all.

Every key is scored by the correlation of its profile with the pitch classes weighted by duration, the method of
Krumhansl & Schmuckler (Krumhansl 1990, ch. 4). To the score of the whole is added that of the opening and that of the
close, each of sixteen quarters, and a bonus for the keys whose tonic is the last bass note: pieces modulate, and their
ends say where home is (Temperley 2001, ch. 7).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from stilo.elements.layout import Floats, Layout
from stilo.music.theory import Key

# Albrecht & Shanahan (2013), "The use of large corpora to train a new type of key-finding algorithm"
_MAJOR = np.array([0.238, 0.006, 0.111, 0.006, 0.137, 0.094, 0.016, 0.214, 0.009, 0.080, 0.008, 0.081])
_MINOR = np.array([0.220, 0.006, 0.104, 0.123, 0.019, 0.103, 0.012, 0.214, 0.062, 0.022, 0.061, 0.052])
_END_QUARTERS = 16
_END_WEIGHT = 0.3
_LAST_BASS_BONUS = 0.1


def _profiles() -> Floats:
    """Centred unit profiles of the 24 keys, C major … B major, C minor … B minor, [24, 12]."""
    rows = np.array([np.roll(profile, tonic) for profile in (_MAJOR, _MINOR) for tonic in range(12)])
    rows -= rows.mean(axis=1, keepdims=True)
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), np.float64)


_PROFILES = _profiles()


@dataclass(frozen=True)
class KeyEstimate:
    """A key, with how far its score lies above the next best key's (0 … 1), and major's best above minor's (−1 … 1)."""

    key: Key
    clarity: float
    majorness: float


def key_scores(chroma: Floats) -> Floats:
    """Correlations with the 24 keys, [..., 24], of pitch class weights [..., 12]; 0 where all weights are equal."""
    centred = chroma - chroma.mean(axis=-1, keepdims=True)
    norm = np.linalg.norm(centred, axis=-1, keepdims=True)
    return np.asarray((centred / np.maximum(norm, 1e-12)) @ _PROFILES.T)


def estimate_key(layout: Layout) -> KeyEstimate:
    """The key of the whole piece; C major of no clarity when nothing pitched sounds."""
    slices = layout.slices
    heard = np.flatnonzero(slices.count > 0)
    if len(heard) == 0:
        return KeyEstimate(Key(0, "major"), 0.0, 0.0)
    weighted = slices.chroma * slices.lengths_ticks[:, None]
    ends = slices.starts_ticks + slices.lengths_ticks
    span = _END_QUARTERS * layout.score.ticks_per_quarter
    opening = slices.starts_ticks < slices.starts_ticks[heard[0]] + span
    closing = ends > ends[heard[-1]] - span
    whole = key_scores(weighted.sum(axis=0))
    scores = whole + _END_WEIGHT * (
        key_scores(weighted[opening].sum(axis=0)) + key_scores(weighted[closing].sum(axis=0))
    )
    last_bass = int(slices.bass[heard[-1]]) % 12
    scores[[last_bass, last_bass + 12]] += _LAST_BASS_BONUS
    scores /= 1 + 2 * _END_WEIGHT + _LAST_BASS_BONUS
    best = int(scores.argmax())
    clarity = float(np.clip(scores[best] - np.delete(scores, best).max(), 0, 1))
    majorness = float(np.clip(scores[:12].max() - scores[12:].max(), -1, 1))
    return KeyEstimate(Key(best % 12, "major" if best < 12 else "minor"), clarity, majorness)
