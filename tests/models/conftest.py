"""Random pieces as steps."""

from collections.abc import Callable

import numpy as np
import pytest
import torch

from stilo.models.corpus import Piece
from stilo.models.tokens import DRUMS, METRES, POSITIONS, PROGRAMS, STEP_DTYPE, Part, StepArray, bar_slots_of

ENSEMBLE = (Part(73), Part(0), Part(0, 1), Part(DRUMS))


@pytest.fixture(autouse=True)
def full_precision(monkeypatch):
    """The same arithmetic on every processor."""
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: False)
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)


def _laid_out(rows: np.ndarray, bar_lengths: np.ndarray, metre: int) -> StepArray:
    """Steps from rows (onset, part, pitch, duration, velocity), sorted, doubled notes left out."""
    rows = rows[np.lexsort((rows[:, 2], rows[:, 1], rows[:, 0]))]
    rows = rows[np.append(True, (np.diff(rows[:, :3], axis=0) != 0).any(1))]
    starts = np.cumsum(bar_lengths) - bar_lengths
    steps = np.zeros(len(rows), STEP_DTYPE)
    for column, name in enumerate(("onset", "part", "pitch", "duration", "velocity")):
        steps[name] = rows[:, column]
    bar = np.searchsorted(starts, rows[:, 0], side="right") - 1
    steps["bar"] = bar
    steps["bar_slots"] = bar_lengths[bar]
    steps["position"] = np.minimum(rows[:, 0] - starts[bar], POSITIONS - 1)
    steps["gap"] = np.diff(rows[:, 0], prepend=0)
    steps["metre"] = metre
    return steps


@pytest.fixture(scope="session")
def make_steps() -> Callable[..., StepArray]:
    """make_steps(seed, notes=60, parts=ENSEMBLE, metre=(4, 4), changing=False): about so many notes.

    Bars come back, exactly or nearly, so that the memory finds something. `changing`: bars of several lengths.
    """

    def make(
        seed: int,
        notes: int = 60,
        parts: tuple[Part, ...] = ENSEMBLE,
        metre: tuple[int, int] = (4, 4),
        changing: bool = False,
    ) -> StepArray:
        rng = np.random.default_rng(seed)
        length = bar_slots_of(*metre)
        bars = max(2, notes // 6)
        lengths = rng.choice([36, 42, 48], bars) if changing else np.full(bars, length)
        places = [p for p in (0, 6, 9, 12, 18, 24, 30, 36) if p < lengths.min()]
        starts = np.cumsum(lengths) - lengths
        rows: list[list[int]] = []
        kept: list[list[list[int]]] = []
        for start in starts:
            if kept and rng.random() < 0.5:
                bar = [list(row) for row in kept[int(rng.integers(len(kept)))]]
                bar[int(rng.integers(len(bar)))][2] = int(rng.integers(52, 76))
            else:
                bar = [
                    [int(rng.choice(places)), int(rng.integers(len(parts))), int(rng.integers(52, 76)), 5, 9]
                    for _ in range(int(rng.integers(3, 9)))
                ]
                for row in bar:
                    row[3:] = [int(rng.integers(30)), int(rng.integers(16))]
            kept.append(bar)
            for place, part, pitch, duration, velocity in bar:
                token = parts[part].token
                sound = pitch + 128 * (token % PROGRAMS == DRUMS)
                rows.append([int(start) + place, token, sound, duration, velocity])
        return _laid_out(np.array(rows), lengths, METRES.index(metre))

    return make


@pytest.fixture(scope="session")
def make_piece(make_steps) -> Callable[..., Piece]:
    """make_piece(seed, **as make_steps): a piece with a random embedding."""

    def make(seed: int, **changes: object) -> Piece:
        from stilo.elements.embedding import EMBEDDING_SIZE

        embedding = np.random.default_rng(seed).normal(size=EMBEDDING_SIZE).astype(np.float32)
        return Piece(f"set{seed % 2}/{seed}.mid", make_steps(seed, **changes), embedding, 7, f"group{seed % 3}")

    return make
