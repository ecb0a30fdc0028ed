"""Tonal tension on the spiral array (Chew 2000; Herremans & Chew 2016, "Tension ribbons").

Pitch classes, spelled from the tonic, stand on a spiral of fifths: four fifths are a turn, radius 1, rise √(2/15) a
fifth. A window's centre of effect is the mean of its notes weighted by duration. Three measures a window: the
*diameter* of its cloud of notes (how dissonant), the *momentum* (how far its centre moved since the last window), the
*strain* (how far its centre lies from the key).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from stilo.elements.layout import Floats
from stilo.music.theory import Key

_RISE = float(np.sqrt(2 / 15))
_TRIAD: Floats = np.array([0.516, 0.315, 0.168])  # weights of root, fifth and third in a chord (Chew 2000)
_KEY: Floats = np.array([0.516, 0.315, 0.168])  # weights of tonic, dominant and subdominant in a key


def _spiral(fifths: ArrayLike) -> Floats:
    """Places on the spiral, [..., 3]."""
    angle = np.asarray(fifths, np.float64) * (np.pi / 2)
    return np.stack([np.sin(angle), np.cos(angle), angle * (2 / np.pi * _RISE)], axis=-1)


def _places() -> tuple[Floats, Floats]:
    """Of the twelve pitch classes above the tonic: their places [12, 3], and the distances between them [12, 12]."""
    fifths = (7 * np.arange(12) + 5) % 12 - 5.0  # flat second … sharp fourth
    places = _spiral(fifths)
    return places, np.linalg.norm(places[:, None] - places[None], axis=-1)


def _key_centre(is_minor: bool) -> Floats:
    third = -3 if is_minor else 4

    def triad(root: int, to_third: int) -> Floats:
        return np.asarray(_TRIAD @ _spiral([root, root + 1, root + to_third]))

    dominant = 0.5 * (triad(1, 4) + triad(1, -3)) if is_minor else triad(1, 4)
    subdominant = 0.5 * (triad(-1, 4) + triad(-1, -3)) if is_minor else triad(-1, 4)
    return np.asarray(_KEY @ np.stack([triad(0, third), dominant, subdominant]))


_PLACES, _DISTANCES = _places()
_CENTRES = {"major": _key_centre(False), "minor": _key_centre(True)}


@dataclass(frozen=True, eq=False)
class Tension:
    """Per window, float [windows]; windows without sound are left out, `momentum` has one fewer."""

    diameter: Floats
    momentum: Floats
    strain: Floats


def measure_tension(chroma: Floats, key: Key) -> Tension:
    """Tension of windows of pitch class weights, [windows, 12] from C."""
    relative = np.roll(chroma, -key.tonic, axis=1)
    weight = relative.sum(axis=1)
    relative = relative[weight > 0]
    centres = (relative / weight[weight > 0, None]) @ _PLACES
    present = relative > 0
    pairs = present[:, :, None] & present[:, None, :]
    diameter = np.where(pairs, _DISTANCES, 0.0).max(axis=(1, 2), initial=0.0)
    momentum = np.linalg.norm(np.diff(centres, axis=0), axis=1)
    strain = np.linalg.norm(centres - _CENTRES[key.mode], axis=1)
    return Tension(diameter, momentum, strain)
