"""Training batches: rows of music that go on from batch to batch, every piece seen anew each time.

A piece is drawn by set (its notes to the power 0.7, so that small sets are heard) and cut to a window; it is
transposed at random, sometimes given other instruments and mistakes (`notes.corruption`), some of its notes are
sometimes given beforehand, and what the model is told of it is dropped at random, so that each is optional when
composing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray

from stilo.models.corpus import Piece
from stilo.models.notes.conditions import ConditionDraw
from stilo.models.notes.config import style_columns
from stilo.models.notes.corruption import Window, corrupted
from stilo.models.notes.features import Features, features_of
from stilo.models.notes.fields import RANKS
from stilo.models.notes.given import P_WRITTEN, draw_given, programs_written
from stilo.models.notes.model import Batch, Conditioning
from stilo.models.notes.told import Told
from stilo.models.tokens import DRUMS, END, PROGRAMS, Part, StepArray, with_end

LONGEST_WINDOW_NOTES = 2048
SET_POWER = 0.7
SET_WEIGHTS = {"polish_more": 0.5}
P_ONE_PROGRAM, P_OTHER_PROGRAMS = 0.12, 0.1
FARTHEST_TRANSPOSITION = 6

Rows = tuple[list[Features], NDArray[np.int64], list[Told]]  # as `batch_of` takes them


def conditioning_of(told: Sequence[Told]) -> Conditioning:
    """Tensors of `model.Conditioning` for several pieces."""
    return Conditioning(**{name: torch.from_numpy(column) for name, column in style_columns(told).items()})


def batch_of(rows: Sequence[Features], piece: NDArray[np.int64], told: Sequence[Told]) -> Batch:
    """Stack features of equal length; `piece` [B, T] says which row of `told` each step belongs to."""
    columns = {
        name: torch.from_numpy(np.stack([getattr(row, name) for row in rows])) for name in Features.__dataclass_fields__
    }
    return Batch(**columns, piece=torch.from_numpy(piece), conditioning=conditioning_of(told))


def transposition(steps: StepArray, rng: np.random.Generator) -> int:
    """−6…6 semitones, as far as all but the drums stay in 0…127."""
    pitched = steps["pitch"][steps["pitch"] < 128]
    if len(pitched) == 0:
        return 0
    far = FARTHEST_TRANSPOSITION
    return int(rng.integers(max(-far, -int(pitched.min())), min(far, 127 - int(pitched.max())) + 1))


def on_parts(window: Window, token_of: dict[int, int]) -> Window:
    """The same notes on other parts, in the order that those ask for; doubled notes are merged."""
    tokens = np.arange(PROGRAMS * RANKS)
    tokens[list(token_of)] = list(token_of.values())
    steps, index, counts = window.steps.copy(), window.index, window.counts
    end, body = (steps[-1:], steps[:-1]) if window.has_end else (steps[:0], steps)
    body["part"] = tokens[body["part"]]
    order = np.lexsort((body["pitch"], body["part"], body["onset"]))
    changed = body[order]
    key = np.stack([changed[name].astype(np.int64) for name in ("onset", "part", "pitch")])
    kept = np.append(True, (np.diff(key) != 0).any(0))
    changed, order = changed[kept], order[kept]
    changed["gap"] = np.diff(changed["onset"], prepend=changed["onset"][0] - int(body["gap"][0]))
    if len(end):
        end = changed[-1:].copy()
        end["gap"] = END
    tail = slice(len(index) - len(end), len(index))
    order = np.concatenate([order, np.arange(tail.start, tail.stop)])
    return Window(np.concatenate([changed, end]), index[order], counts[order])


def other_instruments(window: Window, rng: np.random.Generator) -> Window:
    """Sometimes all on one program, sometimes each on another of its family, mostly as it was."""
    chance = rng.random()
    if chance > P_ONE_PROGRAM + P_OTHER_PROGRAMS:
        return window
    steps = window.steps
    tokens = [int(token) for token in np.unique(steps["part"]) if token % PROGRAMS != DRUMS]
    if chance < P_ONE_PROGRAM:
        program = 0 if rng.random() < 0.5 else int(rng.integers(128))
        heights = {token: float(steps["pitch"][steps["part"] == token].mean()) for token in tokens}
        by_height = sorted(tokens, key=lambda token: -heights[token])
        return on_parts(window, {t: Part(program, min(i, RANKS - 1)).token for i, t in enumerate(by_height)})
    programs = {token % PROGRAMS for token in tokens}
    swapped = {program: 8 * (program // 8) + int(rng.integers(8)) for program in sorted(programs)}
    if len(set(swapped.values())) < len(programs):
        return window
    return on_parts(window, {t: Part(swapped[t % PROGRAMS], t // PROGRAMS).token for t in tokens})


class PieceSource:
    """Draws windows of pieces, forever."""

    def __init__(self, pieces: list[Piece], rng: np.random.Generator, conditions: ConditionDraw) -> None:
        self.pieces, self.rng, self.conditions = pieces, rng, conditions
        self.cumulated = np.cumsum(_chances(pieces))

    def draw(self) -> tuple[Features, Told]:
        rng = self.rng
        at = int(np.searchsorted(self.cumulated, rng.random() * self.cumulated[-1], side="right"))
        piece = self.pieces[min(at, len(self.pieces) - 1)]
        window = corrupted(other_instruments(_window(piece, rng), rng), rng)
        semitones = transposition(window.steps, rng)
        steps = window.steps
        steps["pitch"][steps["pitch"] < 128] += np.uint8(semitones % 256)
        told = self.conditions.draw(piece, steps, window.index, semitones)
        given = draw_given(steps, rng)
        if given is not None and given.ahead is None and rng.random() < P_WRITTEN:
            told = replace(told, written=programs_written(steps, given))
        features = features_of(steps, told, given)
        return replace(features, counts=window.counts.astype(np.int16)), told


def _chances(pieces: list[Piece]) -> NDArray[np.float64]:
    """Per piece: set by its notes to the power `SET_POWER`, then by the square root of its length."""
    weights = np.sqrt([min(len(piece.steps), 4 * LONGEST_WINDOW_NOTES) for piece in pieces])
    sets = np.array([piece.set_name for piece in pieces])
    lengths = np.array([len(piece.steps) for piece in pieces], np.float64)
    for name in np.unique(sets):
        here = sets == name
        weights[here] *= lengths[here].sum() ** SET_POWER * SET_WEIGHTS.get(str(name), 1.0) / weights[here].sum()
    return np.asarray(weights / weights.sum())


def _window(piece: Piece, rng: np.random.Generator) -> Window:
    """At most `LONGEST_WINDOW_NOTES` steps: the beginning, the end, or from some bar line."""
    steps = with_end(piece.steps)
    index = np.minimum(np.arange(len(steps)), len(steps) - 2)
    surplus = len(steps) - LONGEST_WINDOW_NOTES
    if surplus <= 0:
        return Window(steps, index, np.ones(len(steps), bool))
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
    kept = index[start : start + LONGEST_WINDOW_NOTES]
    return Window(window, kept, np.ones(len(window), bool))


class Stream:
    """`rows` rows that each play piece after piece, cut into batches of `length` steps."""

    def __init__(self, source: PieceSource, rows: int, length: int) -> None:
        self.source, self.length = source, length
        self.current: list[tuple[Features, Told]] = [source.draw() for _ in range(rows)]
        self.at = [0] * rows
        for row, (features, _) in enumerate(self.current):  # rows begin at different places
            self.at[row] = int(source.rng.integers(len(features.fields)))

    def draw(self) -> Rows:
        """The next steps of every row."""
        told: list[Told] = []
        rows: list[Features] = []
        index = np.zeros((len(self.current), self.length), np.int64)
        for row in range(len(self.current)):
            rows.append(self._row(row, told, index[row]))
        return rows, index, told

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
        if len(pieces) == 1:
            return pieces[0]
        names = Features.__dataclass_fields__
        return Features(*(np.concatenate([getattr(piece, name) for piece in pieces]) for name in names))
