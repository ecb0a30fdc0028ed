"""Which key a piece is in, from what sounds and for how long.

Every key is scored by the correlation of its profile with the pitch classes weighted by duration, the method of
Krumhansl & Schmuckler (Krumhansl 1990, ch. 4).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from stilo.elements.layout import Floats, Layout
from stilo.music.theory import Key

# Albrecht & Shanahan (2013), "The use of large corpora to train a new type of key-finding algorithm"
_MAJOR = np.array([0.238, 0.006, 0.111, 0.006, 0.137, 0.094, 0.016, 0.214, 0.009, 0.080, 0.008, 0.081])
_MINOR = np.array([0.220, 0.006, 0.104, 0.123, 0.019, 0.103, 0.012, 0.214, 0.062, 0.022, 0.061, 0.052])


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
    chroma = (slices.chroma * slices.lengths_ticks[:, None]).sum(axis=0)
    scores = key_scores(chroma)
    order = np.argsort(-scores, kind="stable")
    best = int(order[0])
    clarity = float(np.clip(scores[best] - scores[order[1]], 0, 1))
    majorness = float(np.clip(scores[:12].max() - scores[12:].max(), -1, 1))
    return KeyEstimate(Key(best % 12, "major" if best < 12 else "minor"), clarity, majorness)
