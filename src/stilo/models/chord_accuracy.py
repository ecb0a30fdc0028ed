"""How well estimated chords agree with reference chords, weighed by duration.

`full` is as in Yao et al. (2025, "BACHI"): root, quality and bass all right. Chords are compared by what sounds: their
tones and their bass, so that C:maj6 and A:min7/b3 are one. A reference that is no chord of the vocabulary is an error
of every estimate, in all measures but the bass.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stilo.elements.chords import NO_CHORD_STATE, QUALITIES, block_chord, chord_state, state_chord
from stilo.elements.layout import Ints
from stilo.models.chord_readings import NO_BASS, UNKNOWN, ChordTimes

MEASURES = ("root", "quality", "bass", "majmin", "chord", "full", "boundary")
_TRIAD = {"maj": 0, "7": 0, "maj7": 0, "maj6": 0, "min": 1, "min7": 1, "min6": 1, "minmaj7": 1}
_FAMILY = np.array([_TRIAD.get(name, -1) for name in QUALITIES] + [2])  # major, minor, other (−1), no chord


@dataclass(frozen=True)
class Agreement:
    """Of one song: quarters agreed and quarters compared for each of `MEASURES`.

    `chord` is root and quality, `full` the bass too, `majmin` root and third where the reference is major or minor or
    none; `boundary` counts changes: twice those found, and all of both.
    """

    agreed: NDArray[np.float64]
    compared: NDArray[np.float64]


def _as_sounding(states: Ints, bass: Ints) -> Ints:
    """States renamed as `block_chord` names the same tones over the same bass."""
    renamed = states.copy()
    for state, low in {*zip(states.tolist(), bass.tolist(), strict=True)}:
        chord = state_chord(state) if state != UNKNOWN else None
        if chord is not None and (named := block_chord(chord.pitch_classes, low)) is not None:
            renamed[(states == state) & (bass == low)] = chord_state(named)
    return renamed


def agreement(reference: ChordTimes, estimated: ChordTimes, ticks_per_quarter: int) -> Agreement:
    """Compare over the time of the reference; where nothing is estimated there is no chord."""
    cuts = np.unique(np.concatenate([reference.bounds_ticks, estimated.bounds_ticks]))
    cuts = cuts[(cuts >= reference.bounds_ticks[0]) & (cuts <= reference.bounds_ticks[-1])]
    quarters = np.diff(cuts) / ticks_per_quarter
    (true_state, true_bass), (state, bass) = (_held(chords, cuts) for chords in (reference, estimated))
    true_state, state = _as_sounding(true_state, true_bass), _as_sounding(state, bass)
    known = true_state != UNKNOWN
    root, true_root = (np.where(s == NO_CHORD_STATE, -1, s % 12) for s in (state, true_state))
    quality = (state // 12 == true_state // 12) & known
    same_root = (root == true_root) & known
    chord = (state == true_state) & known
    family, true_family = _FAMILY[state // 12], np.where(known, _FAMILY[true_state // 12], -1)
    rows = [same_root, quality, bass == true_bass, same_root & (family == true_family), chord]
    agreed = [float(quarters[row].sum()) for row in (*rows, chord & (bass == true_bass))]
    agreed[3] = float(quarters[rows[3] & (true_family >= 0)].sum())
    compared = [float(quarters.sum())] * 6
    compared[3] = float(quarters[true_family >= 0].sum())
    found, changes = _boundaries(reference, estimated, ticks_per_quarter / 4)
    return Agreement(np.array([*agreed, 2.0 * found]), np.array([*compared, float(changes)]))


def _held(chords: ChordTimes, cuts: Ints) -> tuple[Ints, Ints]:
    """State and bass between the cuts."""
    at = np.searchsorted(chords.bounds_ticks, cuts[:-1], side="right") - 1
    inside = (at >= 0) & (at < len(chords.states))
    at = np.where(inside, at, 0)
    return np.where(inside, chords.states[at], NO_CHORD_STATE), np.where(inside, chords.bass[at], NO_BASS)


def _boundaries(reference: ChordTimes, estimated: ChordTimes, tolerance_ticks: float) -> tuple[int, int]:
    """Changes of the reference that have an estimated one nearby, each used once; and all changes of both."""
    first, last = reference.bounds_ticks[0], reference.bounds_ticks[-1]
    true, ours = (c.bounds_ticks[1:-1][_new(c)] for c in (reference, estimated))
    ours = ours[(ours > first) & (ours < last)]
    found = i = 0
    for change in true.tolist():
        while i < len(ours) and ours[i] < change - tolerance_ticks:
            i += 1
        if i < len(ours) and ours[i] <= change + tolerance_ticks:
            found += 1
            i += 1
    return found, len(true) + len(ours)


def _new(chords: ChordTimes) -> NDArray[np.bool_]:
    return np.asarray((np.diff(chords.states) != 0) | (np.diff(chords.bass) != 0))


def summary(songs: Sequence[Agreement]) -> dict[str, float]:
    """Percent of all time (`root`, …), and the mean over songs of each song's percent (`root by song`, …)."""
    agreed, compared = (np.stack([getattr(song, name) for song in songs]) for name in ("agreed", "compared"))
    pooled = 100 * agreed.sum(axis=0) / np.maximum(compared.sum(axis=0), 1e-9)
    by_song = 100 * (agreed / np.maximum(compared, 1e-9)).mean(axis=0)
    names = [*MEASURES, *(f"{name} by song" for name in MEASURES)]
    return dict(zip(names, [round(float(v), 2) for v in (*pooled, *by_song)], strict=True))
