"""A piece in numbers that need no training: histograms over its bar views, facet by facet.

Each facet is counted from its own view alone (`models.bar_views`) and is therefore as blind as the net beside it.
Histograms are square-rooted (Hellinger), so that Euclidean distance compares them well. Nothing depends on the key:
pitch classes count by their distance from the bass, from the top or from those before them.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from stilo.models.bar_views import PITCH_LINES, PITCH_STEPS, RHYTHM_PLACES, BarViews

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

STATISTICS = {"pitch": 324, "rhythm": 193, "harmony": 161, "emotion": 74}
# moves of −12…12 semitones in nine classes: far down, third or fourth down, step of two, of one, none, and up
_MOVE_CLASS = np.array([0] * 5 + [1] * 3 + [2] * 2 + [3, 3, 4, 5, 5] + [6] * 2 + [7] * 3 + [8] * 5)
_GAP_EDGES_QUARTERS = np.array([0.1, 0.2, 0.3, 0.4, 0.6, 0.8, 1.2, 1.8, 2.2, 3.2, 4.5])
_SILENT = 33  # of the texture view: 1 in bars without pitched notes


def view_statistics(views: BarViews) -> dict[str, NDArray[np.float32]]:
    """Float32 vectors of the sizes of `STATISTICS`; zeros where there is nothing to count."""
    found = {"pitch": _pitch(views), "rhythm": _rhythm(views), "harmony": _harmony(views), "emotion": _texture(views)}
    return {facet: values.astype(np.float32) for facet, values in found.items()}


def _root(counts: NDArray[np.generic]) -> Floats:
    """Square roots of the shares."""
    weights = np.maximum(counts.astype(np.float64), 0)
    return np.asarray(np.sqrt(weights / max(1e-9, float(weights.sum()))))


def _histogram(classes: Integers, size: int) -> Floats:
    return _root(np.bincount(classes, minlength=size))


def _pitch(views: BarViews) -> Floats:
    moves = views.pitch.sum((0, 1)).astype(np.float64)  # [3, 25]
    pairs = []
    for line in range(PITCH_LINES):
        rows = views.pitch[:, :, line].reshape(-1, PITCH_STEPS)
        classes = _MOVE_CLASS[rows[rows.any(1)].argmax(1)]
        pairs.append(_histogram(classes[:-1] * 9 + classes[1:], 81))
    total = moves.sum(1)
    rising = (moves[:, 13:].sum(1) - moves[:, :12].sum(1)) / np.maximum(1, total)
    return np.concatenate([*map(_root, moves), *pairs, rising, total / max(1, total.sum())])


def _rhythm(views: BarViews) -> Floats:
    view = views.rhythm.astype(np.float64)
    quarters = views.bar_quarters.astype(np.float64)
    if len(view) == 0:
        return np.zeros(STATISTICS["rhythm"])
    begins = (view[:, 0] + view[:, 10:13].sum(1)) > 0
    at = np.flatnonzero(begins.ravel())
    gaps = np.diff(at) * np.repeat(quarters, RHYTHM_PLACES)[at[1:]] / RHYTHM_PLACES
    density = np.log1p(begins.sum(1) / quarters)
    scalars = [
        *(_likeness(begins.astype(np.float64), bars) for bars in (1, 2, 4)),
        np.log2(max(0.1, quarters.mean()) / 4),
        view[:, 9].mean(),
        density.mean(),
        density.std(),
    ]
    lengths = np.bincount(np.clip(np.rint(quarters), 0, 8).astype(np.int64), minlength=9) / len(quarters)
    return np.concatenate(
        [
            *(_root(view[:, channel].sum(0)) for channel in (0, 2, 1)),
            _root(view[:, 4:9].sum((0, 2))),
            _root(view[:, 10:13].sum((0, 2))),
            _histogram(np.digitize(gaps, _GAP_EDGES_QUARTERS), 12),
            _histogram(np.clip(begins.sum(1), 0, 12), 13),
            scalars,
            lengths,
        ]
    )


def _likeness(rows: Floats, later: int) -> float:
    """Mean cosine of each row with that `later` rows after it; 0 when there is none."""
    if len(rows) <= later:
        return 0.0
    norms = np.linalg.norm(rows, axis=1)
    cosines = (rows[later:] * rows[:-later]).sum(1) / np.maximum(1e-9, norms[later:] * norms[:-later])
    return float(cosines.mean())


def _harmony(views: BarViews) -> Floats:
    halves = views.harmony.reshape(-1, 3, 12).astype(np.float64)
    halves = halves[halves[:, 0].any(1)]
    if len(halves) < 3:
        return np.zeros(STATISTICS["harmony"])
    counts = halves[:, 0]
    sounds = (counts > 0).astype(np.float64)
    bass, top = halves[:, 1].argmax(1), halves[:, 2].argmax(1)
    above_bass, below_top = (_turned(sounds, root) for root in (bass, top))
    third = (above_bass[:, 4] > 0) + 2 * (above_bass[:, 3] > 0)
    step = np.diff(bass) % 12
    spectrum = np.fft.fft(sounds, axis=1)
    intervals = np.fft.ifft(np.abs(spectrum) ** 2, axis=1).real.sum(0)[1:7]
    motion = np.fft.ifft(spectrum[1:] * spectrum[:-1].conj(), axis=1).real.sum(0)
    shares = counts / counts.sum(1, keepdims=True)
    whole, lowest = counts.sum(0) / counts.sum(), np.bincount(bass, minlength=12) / len(bass)
    return np.concatenate(
        [
            _root(intervals),
            _root(motion),
            _histogram(step, 12),
            np.sqrt(above_bass.mean(0)),
            np.sqrt(below_top.mean(0)),
            _histogram(step * 4 + third[1:], 48),
            _histogram(third, 4),
            np.abs(np.fft.rfft(whole))[1:],
            np.abs(np.fft.rfft(shares, axis=1))[:, 1:].mean(0),
            np.sort(whole)[::-1],
            _histogram(np.clip(sounds.sum(1).astype(np.int64), 0, 8), 9),
            np.abs(np.fft.rfft(lowest))[1:],
            np.sort(lowest)[::-1],
            [_likeness(np.sqrt(shares), later) for later in (1, 2, 4, 8)],
        ]
    )


def _turned(rows: Floats, roots: Integers) -> Floats:
    """Each row turned so that its pitch class `root` stands first."""
    return np.asarray(rows[np.arange(len(rows))[:, None], (np.arange(12) + roots[:, None]) % 12])


def _texture(views: BarViews) -> Floats:
    rows = views.texture[views.texture[:, _SILENT] < 0.5]
    if len(rows) == 0:
        return np.zeros(STATISTICS["emotion"])
    return np.concatenate([rows.mean(0), rows.std(0)]).astype(np.float64)
