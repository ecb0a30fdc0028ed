"""Music that repeats and varies itself at random, and what is told and given of it."""

import numpy as np

from stilo.models.controls import CONTROL_CLASSES
from stilo.models.labels import NO_ROOT, OTHER_QUALITY
from stilo.models.notes.fields import RANKS
from stilo.models.notes.given import Given, all_but_bars
from stilo.models.notes.told import CONTROLS, ChordPlan, FormPlan, Telling, Told
from stilo.models.tokens import (
    DRUMS,
    POSITIONS,
    PROGRAMS,
    STEP_DTYPE,
    Part,
    bar_slots_of,
    metre_class,
)

ENSEMBLE = tuple(Part(program, rank) for program, rank in ((73, 0), (0, 0), (0, 1), (0, RANKS - 1), (DRUMS, 0)))


def laid_out(rows, metre):
    """Steps from rows (onset, part, pitch, duration, velocity); doubled notes and those too far off are left out."""
    rows = np.array(sorted({tuple(row[:3]): tuple(row) for row in rows}.values()), np.int64).reshape(-1, 5)
    bar = bar_slots_of(*metre)
    rows[:, 0] -= rows[:1, 0] // bar * bar  # a piece begins in its first bar
    far = np.flatnonzero(np.diff(rows[:, 0], prepend=0) > 96)
    rows = rows[: far[0]] if len(far) else rows
    steps = np.zeros(len(rows), STEP_DTYPE)
    for column, name in enumerate(("onset", "part", "pitch", "duration", "velocity")):
        steps[name] = rows[:, column]
    steps["gap"] = np.diff(rows[:, 0], prepend=0)
    steps["bar"], steps["bar_slots"], steps["metre"] = rows[:, 0] // bar, bar, metre_class(*metre)
    steps["position"] = np.minimum(rows[:, 0] % bar, POSITIONS - 1)
    return steps


def sound(part, pitch):
    return int(pitch) + 128 * (part % PROGRAMS == DRUMS)


def random_music(rng, bars=14, parts=ENSEMBLE, metre=(4, 4)):
    """Bars of chords, lines, drums and rests; some come back as they were, transposed, or on another part."""
    length = bar_slots_of(*metre)
    parts = [part.token for part in parts]
    kept, rows = [], []
    for number in range(bars):
        chance = rng.random()
        if kept and chance < 0.6:
            bar = [list(row) for row in kept[int(rng.integers(max(0, len(kept) - 4), len(kept)))]]
            if chance < 0.3:
                shift = int(rng.integers(-3, 4))
                for row in bar:
                    if row[2] < 128:
                        row[2] = min(127, max(0, row[2] + shift))
            elif chance < 0.4:
                other = dict(zip(parts, rng.permutation(parts).tolist(), strict=True))
                for row in bar:
                    row[1] = other[row[1]]
                    row[2] = sound(row[1], row[2] % 128)
            if bar and chance > 0.5:
                bar[int(rng.integers(len(bar)))][3] = int(rng.integers(30))
        else:
            bar = []
            for part in parts:
                places = rng.choice(np.arange(0, length, rng.choice([3, 6, 4])), int(rng.integers(0, 5)))
                for place in places.tolist():
                    for _ in range(int(rng.integers(1, 4))):
                        pitch = int(rng.integers(128)) if rng.random() < 0.1 else int(rng.integers(50, 75))
                        bar.append(
                            [
                                place,
                                part,
                                sound(part, pitch),
                                int(rng.choice([2, 5, 11, 23, 30, 42])),
                                int(rng.integers(16)),
                            ]
                        )
        kept.append(bar)
        rows += [[number * length + row[0], *row[1:]] for row in bar]
    return laid_out(rows, metre)


def random_telling(rng, bars, metre):
    """Something or nothing of everything."""
    length = bar_slots_of(*metre)
    chords = form = controls = None
    if rng.random() < 0.7:
        onset = np.unique(rng.integers(0, max(1, bars * length), int(rng.integers(0, 2 * bars + 1))))
        root, quality = rng.integers(0, NO_ROOT + 1, len(onset)), rng.integers(0, OTHER_QUALITY + 1, len(onset))
        bass = rng.integers(0, NO_ROOT + 1, len(onset)) if rng.random() < 0.7 else None
        chords = ChordPlan(onset, root, quality, bass)
    if rng.random() < 0.7:
        told_bars = int(rng.integers(1, bars + 2))
        form = FormPlan(*(rng.integers(0, high, told_bars) for high in (9, 9, 7)))
    if rng.random() < 0.7:
        controls = rng.integers(0, CONTROL_CLASSES + 1, (int(rng.integers(1, bars + 2)), len(CONTROLS))).astype(
            np.uint8
        )
    about = Told(
        tempo=int(rng.integers(17)),
        metre=bool(rng.random() < 0.7),
        bars=int(rng.integers(1, bars + 3)) if rng.random() < 0.7 else None,
        tonic=int(rng.integers(13)),
        mode=int(rng.integers(3)),
        controls=controls,
    )
    return Telling(about, chords, form)


def random_given(rng, steps):
    """None, some parts, all but some bars, or any notes; sometimes the memory knows some of them beforehand."""
    kind = int(rng.integers(4))
    if kind == 0 or len(steps) == 0:
        return None
    if kind == 1:
        parts = np.unique(steps["part"])
        return Given(np.isin(steps["part"], parts[rng.random(len(parts)) < 0.5]))
    if kind == 2:
        first = int(rng.integers(int(steps["bar"][-1]) + 1))
        return all_but_bars(steps, first, first + int(rng.integers(4)))
    ahead = int(rng.integers(1, len(steps) + 1))
    return Given((rng.random(len(steps)) < rng.random()) | (np.arange(len(steps)) >= ahead), ahead)
