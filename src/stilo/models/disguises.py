"""A piece changed in one way and no other, to see which facets notice."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from stilo.models.tokens import DURATIONS, StepArray

Disguise = Callable[[StepArray, np.random.Generator], StepArray]


def in_another_key(steps: StepArray, rng: np.random.Generator) -> StepArray:
    """Transposed by up to a tritone, never by nothing, as far as the pitches allow."""
    changed = steps.copy()
    pitched = steps["pitch"] < 128
    pitch = steps["pitch"][pitched].astype(np.int64)
    shifts = [s for s in range(-6, 7) if s and pitch.min(initial=64) + s >= 0 and pitch.max(initial=64) + s <= 127]
    changed["pitch"][pitched] = pitch + rng.choice(shifts)
    return changed


def with_pitches_shuffled(steps: StepArray, rng: np.random.Generator) -> StepArray:
    """Every pitched note keeps its time, length and part and gets the pitch of another."""
    changed = steps.copy()
    pitched = np.flatnonzero(steps["pitch"] < 128)
    changed["pitch"][pitched] = steps["pitch"][rng.permutation(pitched)]
    return changed


def in_another_rhythm(steps: StepArray, rng: np.random.Generator) -> StepArray:
    """The onsets of each half bar are drawn anew in their order, the lengths at random; chords stay chords."""
    changed = steps.copy()
    half_slots = np.maximum(1, steps["bar_slots"].astype(np.int64) // 2)
    second = 2 * steps["position"].astype(np.int64) >= steps["bar_slots"]
    half = steps["bar"].astype(np.int64) * 2 + second
    for cell in np.unique(half):
        own = np.flatnonzero(half == cell)
        onsets, nth = np.unique(steps["onset"][own], return_inverse=True)
        slots = int(half_slots[own[0]])
        if len(onsets) > slots:
            continue
        places = np.sort(rng.choice(slots, len(onsets), replace=False))
        # the second half of a bar of an odd number of slots begins one later
        start = int(-(-int(steps["bar_slots"][own[0]]) // 2)) if second[own[0]] else 0
        bar_start = int(steps["onset"][own[0]]) - int(steps["position"][own[0]])
        changed["position"][own] = np.minimum(start + places[nth], 96)
        changed["onset"][own] = bar_start + start + places[nth]
    changed["duration"] = rng.integers(0, DURATIONS, len(steps))
    changed["gap"] = np.clip(np.diff(changed["onset"], prepend=changed["onset"][0]), 0, 96)
    return changed


def in_another_loudness(steps: StepArray, rng: np.random.Generator) -> StepArray:
    changed = steps.copy()
    changed["velocity"] = rng.integers(0, 16, len(steps))
    return changed


DISGUISES: dict[str, Disguise] = {
    "another key": in_another_key,
    "pitches shuffled": with_pitches_shuffled,
    "another rhythm": in_another_rhythm,
    "another loudness": in_another_loudness,
}
# What each facet must not notice at all; the facet emotion holds the register, and may notice a key a little.
BLIND: dict[str, tuple[str, ...]] = {
    "pitch": ("another key", "another rhythm", "another loudness"),
    "rhythm": ("another key", "pitches shuffled", "another loudness"),
    "harmony": ("another key", "another rhythm", "another loudness"),
    "emotion": ("another loudness",),
}
