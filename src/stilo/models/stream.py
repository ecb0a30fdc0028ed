"""Training batches: rows of music that go on from batch to batch, every piece seen anew each time.

A piece is drawn by set (its notes to the power 0.7, so that small sets are heard) and cut to a window; it is
transposed at random, sometimes given other instruments, and what the model is told of it (style, programs, tempo,
bars left) is dropped at random, so that each is optional when composing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from stilo.elements.embedding import EMBEDDING_SIZE
from stilo.models.corpus import Piece
from stilo.models.features import Features, features_of
from stilo.models.sequence import Batch, Conditioning
from stilo.models.tokens import (
    DRUMS,
    END,
    PROGRAMS,
    RANKS,
    UNKNOWN_TEMPO,
    Part,
    StepArray,
    transposed,
    with_end,
    with_parts,
)

LONGEST_WINDOW_NOTES = 2048
SET_POWER = 0.7
SET_WEIGHTS = {"polish_more": 0.5}
P_STYLE, P_PROGRAMS, P_TEMPO, P_BARS_LEFT = 0.85, 0.6, 0.8, 0.7
P_ONE_PROGRAM, P_OTHER_PROGRAMS = 0.12, 0.1
STYLE_NOISE = 0.1


@dataclass(frozen=True, eq=False)
class Told:
    """What the model is told of one piece."""

    style: NDArray[np.float32] | None
    programs: frozenset[int] = frozenset()


def conditioning_of(told: Sequence[Told]) -> Conditioning:
    """Tensors of `sequence.Conditioning` for several pieces."""
    style = np.zeros((len(told), EMBEDDING_SIZE), np.float32)
    known = np.zeros((len(told), 1), np.float32)
    programs = np.zeros((len(told), PROGRAMS), np.float32)
    for i, one in enumerate(told):
        if one.style is not None:
            style[i], known[i] = one.style, 1.0
        programs[i, list(one.programs)] = 1.0
    return Conditioning(torch.from_numpy(style), torch.from_numpy(known), torch.from_numpy(programs))


def batch_of(rows: Sequence[Features], piece: NDArray[np.int64], told: Sequence[Told]) -> Batch:
    """Stack features of equal length; `piece` [B, T] says which row of `told` each step belongs to."""
    columns = {
        name: torch.from_numpy(np.stack([getattr(row, name) for row in rows])) for name in Features.__dataclass_fields__
    }
    return Batch(**columns, piece=torch.from_numpy(piece), conditioning=conditioning_of(told))


def moved_at_random(steps: StepArray, rng: np.random.Generator) -> StepArray:
    """All but the drums transposed by −6…6 semitones, as far as they stay in 0…127."""
    pitched = steps["pitch"][steps["pitch"] < 128]
    if len(pitched) == 0:
        return steps
    low, high = int(pitched.min()), int(pitched.max())
    return transposed(steps, int(rng.integers(max(-6, -low), min(6, 127 - high) + 1)))


def other_instruments(steps: StepArray, rng: np.random.Generator) -> StepArray:
    """Sometimes all on one program, sometimes each on another of its family, mostly as it was."""
    chance = rng.random()
    if chance > P_ONE_PROGRAM + P_OTHER_PROGRAMS:
        return steps
    tokens = [int(token) for token in np.unique(steps["part"]) if token % PROGRAMS != DRUMS]
    if chance < P_ONE_PROGRAM:
        program = 0 if rng.random() < 0.5 else int(rng.integers(128))
        heights = {token: float(steps["pitch"][steps["part"] == token].mean()) for token in tokens}
        by_height = sorted(tokens, key=lambda token: -heights[token])
        return with_parts(steps, {t: Part(program, min(i, RANKS - 1)).token for i, t in enumerate(by_height)})
    programs = {token % PROGRAMS for token in tokens}
    swapped = {program: 8 * (program // 8) + int(rng.integers(8)) for program in sorted(programs)}
    if len(set(swapped.values())) < len(programs):
        return steps
    return with_parts(steps, {t: Part(swapped[t % PROGRAMS], t // PROGRAMS).token for t in tokens})


class PieceSource:
    """Draws windows of pieces, forever."""

    def __init__(self, pieces: list[Piece], style_noise: NDArray[np.float32], rng: np.random.Generator) -> None:
        self.pieces, self.rng, self.style_noise = pieces, rng, style_noise * STYLE_NOISE
        self.chances = _chances(pieces)
        groups: dict[str, list[NDArray[np.float32]]] = {}
        for piece in pieces:
            groups.setdefault(piece.group, []).append(piece.embedding)
        self.group_style = {name: np.mean(rows, axis=0) for name, rows in groups.items()}

    def draw(self) -> tuple[Features, Told]:
        rng = self.rng
        piece = self.pieces[int(rng.choice(len(self.pieces), p=self.chances))]
        steps = moved_at_random(_window(with_end(piece.steps), rng), rng)
        ended = steps["gap"][-1] == END
        notes = other_instruments(steps[:-1] if ended else steps, rng)
        steps = with_end(notes) if ended else notes
        tempo = piece.tempo if rng.random() < P_TEMPO else UNKNOWN_TEMPO
        bars = int(piece.steps["bar"][-1]) + 1
        features = features_of(steps, tempo, rng.random() < P_BARS_LEFT, bars)
        return features, self._told(piece, steps)

    def _told(self, piece: Piece, steps: StepArray) -> Told:
        rng, style = self.rng, None
        if rng.random() < P_STYLE:
            share = rng.random()
            style = share * piece.embedding + (1 - share) * self.group_style[piece.group]
            style = (style + rng.normal(size=EMBEDDING_SIZE) * self.style_noise).astype(np.float32)
        programs = frozenset[int]()
        if rng.random() < P_PROGRAMS:
            programs = frozenset(int(token) % PROGRAMS for token in np.unique(steps["part"]))
        return Told(style, programs)


def _chances(pieces: list[Piece]) -> NDArray[np.float64]:
    """Per piece: set by its notes to the power `SET_POWER`, then by the square root of its length."""
    weights = np.sqrt([min(len(piece.steps), 4 * LONGEST_WINDOW_NOTES) for piece in pieces])
    sets = np.array([piece.set_name for piece in pieces])
    lengths = np.array([len(piece.steps) for piece in pieces], np.float64)
    for name in np.unique(sets):
        here = sets == name
        weights[here] *= lengths[here].sum() ** SET_POWER * SET_WEIGHTS.get(str(name), 1.0) / weights[here].sum()
    return np.asarray(weights / weights.sum())


def _window(steps: StepArray, rng: np.random.Generator) -> StepArray:
    """At most `LONGEST_WINDOW_NOTES` steps: the beginning, the end, or from some bar line."""
    surplus = len(steps) - LONGEST_WINDOW_NOTES
    if surplus <= 0:
        return steps
    chance = rng.random()
    if chance < 0.35:
        start = 0
    elif chance < 0.6:
        start = surplus
    else:
        bar = steps["bar"][int(rng.integers(surplus))]
        start = int(np.searchsorted(steps["bar"], bar))
    window = steps[start : start + LONGEST_WINDOW_NOTES].copy()
    window["onset"] -= int(window["onset"][0]) - int(window["position"][0])
    window["gap"][0] = window["position"][0]
    return window


class Stream:
    """`rows` rows that each play piece after piece, cut into batches of `length` steps."""

    def __init__(self, source: PieceSource, rows: int, length: int) -> None:
        self.source, self.length = source, length
        self.current: list[tuple[Features, Told]] = [source.draw() for _ in range(rows)]
        self.at = [0] * rows
        for row, (features, _) in enumerate(self.current):  # rows begin at different places
            self.at[row] = int(source.rng.integers(len(features.fields)))

    def batch(self) -> Batch:
        told: list[Told] = []
        rows: list[Features] = []
        index = np.zeros((len(self.current), self.length), np.int64)
        for row in range(len(self.current)):
            rows.append(self._row(row, told, index[row]))
        return batch_of(rows, index, told)

    def _row(self, row: int, told: list[Told], index: NDArray[np.int64]) -> Features:
        pieces: list[Features] = []
        filled = 0
        while filled < self.length:
            features, about = self.current[row]
            start = self.at[row]
            stop = min(len(features.fields), start + self.length - filled)
            pieces.append(features.window(start, stop))
            told.append(about)
            index[filled : filled + stop - start] = len(told) - 1
            filled += stop - start
            self.at[row] = stop
            if stop == len(features.fields):
                self.current[row], self.at[row] = self.source.draw(), 0
        names = Features.__dataclass_fields__
        return Features(*(np.concatenate([getattr(piece, name) for piece in pieces]) for name in names))
