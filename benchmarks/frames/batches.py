"""Pieces cut into chunks that follow each other in parallel streams, so that a recurrent state can be carried on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from frames.data import KEYS
from frames.recall import FIGURES, PLANES, Recalled, shifted

LAGS = (*range(1, 9), 12, 16, 24, 32, 48, 64)  # frames back that are shown as they were
REACH = max(LAGS)
PERIODS = (2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64)  # frames
CLOCK = 2 * len(PERIODS) + 1


@dataclass(frozen=True)
class Piece:
    """A piece and what it recalls before each frame."""

    frames: np.ndarray
    recalled: Recalled


@dataclass(frozen=True)
class Batch:
    """B streams of T frames.

    Attributes:
        frames: uint8 [B, REACH + T, 88]; the first REACH were before, silence before the first of a piece.
        planes: uint8 [B, T, PLANES, 88], as `Recalled.planes`.
        figures: float32 [B, T, FIGURES].
        clock: float32 [B, T, CLOCK], the number of the frame, as angles.
        there: bool [B, T]; False behind the end of a piece.
        begins: bool [B], whether a piece begins here.
    """

    frames: Tensor
    planes: Tensor
    figures: Tensor
    clock: Tensor
    there: Tensor
    begins: Tensor


def clock_of(start: int, length: int) -> np.ndarray:
    """[length, CLOCK]."""
    t = np.arange(start, start + length)[:, None]
    angles = 2 * np.pi * t / np.array(PERIODS)
    return np.concatenate([np.sin(angles), np.cos(angles), np.exp(-t / 4.0)], 1).astype(np.float32)


def _batch(taken: list[tuple[Piece, int, int] | None], length: int) -> Batch:
    """The next `length` frames of each stream: piece, its transposition and where it stands; None for nothing."""
    many = len(taken)
    frames = np.zeros((many, REACH + length, KEYS), np.uint8)
    planes = np.zeros((many, length, PLANES, KEYS), np.uint8)
    figures = np.zeros((many, length, FIGURES), np.float32)
    clock = np.zeros((many, length, CLOCK), np.float32)
    there = np.zeros((many, length), bool)
    begins = np.ones(many, bool)
    for i, item in enumerate(taken):
        if item is None:
            continue
        piece, semitones, at = item
        here = min(length, len(piece.frames) - at)
        before = min(REACH, at)
        frames[i, REACH - before : REACH + here] = shifted(piece.frames[at - before : at + here], semitones)
        planes[i, :here] = shifted(piece.recalled.planes[at : at + here], semitones)
        figures[i, :here] = piece.recalled.figures[at : at + here]
        clock[i] = clock_of(at, length)
        there[i, :here] = True
        begins[i] = at == 0
    return Batch(*(torch.from_numpy(a) for a in (frames, planes, figures, clock, there, begins)))


def endless(
    pieces: list[Piece], streams: int, length: int, semitones: int, rng: np.random.Generator
) -> Iterator[Batch]:
    """Training: every stream plays one piece after another, each anew transposed by up to `semitones`."""
    queue: list[int] = []
    playing: list[tuple[Piece, int, int] | None] = [None] * streams
    while True:
        for i, item in enumerate(playing):
            if item is not None and item[2] + length < len(item[0].frames):
                playing[i] = (item[0], item[1], item[2] + length)
                continue
            if not queue:
                queue = rng.permutation(len(pieces)).tolist()
            piece = pieces[queue.pop()]
            playing[i] = (piece, transposition(piece.frames, semitones, rng), 0)
        yield _batch(playing, length)


def transposition(frames: np.ndarray, most: int, rng: np.random.Generator) -> int:
    """Drawn among those that leave the whole piece on the keyboard."""
    used = np.flatnonzero(frames.any(0))
    if not most or not len(used):
        return 0
    return int(rng.integers(max(-most, -used[0]), min(most, KEYS - 1 - used[-1]) + 1))


def in_order(pieces: list[Piece], streams: int, length: int) -> Iterator[Batch]:
    """Every frame of every piece once; longest pieces first, so that a group ends at about the same time."""
    order = sorted(pieces, key=lambda piece: -len(piece.frames))
    for start in range(0, len(order), streams):
        group = order[start : start + streams]
        for at in range(0, len(group[0].frames), length):
            yield _batch([(p, 0, at) if at < len(p.frames) else None for p in group], length)
