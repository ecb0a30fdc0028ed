"""The fields of a note as the model numbers them; steps themselves are those of `models.tokens`."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from stilo.models import tokens
from stilo.models.tokens import StepArray

Integers = NDArray[np.int64]
Floats = NDArray[np.float32]

DRUMS, DURATIONS, GAPS, PITCHES = tokens.DRUMS, tokens.DURATIONS, tokens.GAPS, tokens.PITCHES
PROGRAMS, VELOCITIES = tokens.PROGRAMS, tokens.VELOCITIES
RANKS, PARTS = tokens.RANKS, tokens.PARTS
FIELDS = tokens.FIELDS
GAP, PART, PITCH, DURATION, VELOCITY = range(5)
STAGES = len(FIELDS)
FIELD_SIZES = (GAPS, PARTS, PITCHES, DURATIONS, VELOCITIES)
FIRST_PITCH = 60


def columns_of(steps: StepArray) -> Integers:
    """The five fields, [notes, 5]."""
    return np.stack([steps[name].astype(np.int64) for name in FIELDS], axis=1)


def before(n: int) -> Integers:
    """Index of the note before each of `n` notes; the first stands for its own."""
    return np.maximum(np.arange(n) - 1, 0)


def is_drum(part: Integers) -> NDArray[np.bool_]:
    return np.asarray(part % PROGRAMS == DRUMS)
