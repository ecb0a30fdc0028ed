"""Training crops of songs, varied so that the net meets more than pop songs hold.

Every crop is turned to any of the twelve keys. Some chords become others of rarer quality by moving tones in the song
and in the label alike (a minor seventh chord's fifth a semitone down: half diminished); some crops lie an octave higher
or lower, and of some only the top line is left.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from stilo.elements.chords import NO_CHORD_STATE, QUALITIES
from stilo.elements.layout import Ints
from stilo.models.chord_data import Song
from stilo.models.chord_features import BASS, FRAME_SIZE, GROUPS, HIGH_ONSETS, LOW_ONSETS, REGISTERS, SOUNDING, TOP
from stilo.models.chord_readings import NO_BASS, UNKNOWN, readings_of

Block = NDArray[np.float32]  # [frames, GROUPS, 12]

# quality → what it can become: (quality, semitones above the root that move, and where to)
_ALTERATIONS: dict[str, tuple[tuple[str, dict[int, int]], ...]] = {
    "maj": (("aug", {7: 8}),),
    "min": (("dim", {7: 6}),),
    "min7": (
        ("7", {3: 4}),
        ("hdim7", {7: 6}),
        ("dim7", {7: 6, 10: 9}),
        ("minmaj7", {10: 11}),
        ("min6", {10: 9}),
        ("maj6", {3: 4, 10: 9}),
        ("aug(b7)", {3: 4, 7: 8}),
    ),
    "maj7": (("7", {11: 10}), ("maj6", {11: 9}), ("minmaj7", {4: 3})),
    "7": (("hdim7", {4: 3, 7: 6}), ("dim7", {4: 3, 7: 6, 10: 9})),
}


@dataclass(frozen=True, slots=True)
class Variation:
    """How often: a triad or a seventh chord is altered, a crop is moved by an octave, only its top line is left."""

    triad: float = 0.02
    seventh: float = 0.12
    octave: float = 0.15
    top_line: float = 0.06


@dataclass(frozen=True, eq=False)
class Crops:
    """Frames [B, T, FRAME_SIZE]; reading of each [B, T], −1 where unknown; a chord begins [B, T], 0 or 1."""

    frames: Tensor
    readings: Tensor
    changes: Tensor


def draw_crops(songs: Sequence[Song], rng: np.random.Generator, rows: int, length: int, how: Variation) -> Crops:
    """Crops of `length` frames, drawn so that every frame of all songs is as likely; short songs are padded."""
    frames = np.zeros((rows, length, FRAME_SIZE), np.float32)
    readings = np.full((rows, length), -1, np.int64)
    changes = np.zeros((rows, length), np.float32)
    sizes = np.array([len(song.states) for song in songs], np.float64)
    for row, at in enumerate(rng.choice(len(songs), rows, p=sizes / sizes.sum()).tolist()):
        song = songs[at]
        first = int(rng.integers(max(1, len(song.states) - length + 1)))
        part = slice(first, first + length)
        values, states, bass = _varied(song, part, rng, how)
        held = len(states)
        frames[row, :held] = values
        readings[row, :held] = readings_of(states, bass)
        changes[row, :held] = song.changes[part]
    return Crops(torch.from_numpy(frames), torch.from_numpy(readings), torch.from_numpy(changes))


def _varied(song: Song, part: slice, rng: np.random.Generator, how: Variation) -> tuple[Block, Ints, Ints]:
    """Values, states and basses of a part of a song."""
    values, states, bass = song.frames.values[part].copy(), song.states[part].copy(), song.bass[part].copy()
    block = values[:, : GROUPS * 12].reshape(-1, GROUPS, 12)
    alter(block, (states, bass), np.flatnonzero(song.changes[part]), rng, how)
    if rng.random() < how.octave:
        move_octave(block, up=bool(rng.integers(2)))
    if rng.random() < how.top_line:
        leave_top_line(block)
    np.minimum(block, 1.0, out=block)
    semitones = int(rng.integers(12))
    values[:, : GROUPS * 12] = np.roll(block, semitones, axis=2).reshape(len(block), -1)
    return values, *turned(states, bass, semitones)


def turned(states: Ints, bass: Ints, semitones: int) -> tuple[Ints, Ints]:
    """States and basses transposed upwards."""
    chords = (states != NO_CHORD_STATE) & (states != UNKNOWN)
    moved = states // 12 * 12 + (states + semitones) % 12
    sounds = (bass != NO_BASS) & (bass != UNKNOWN)
    return np.where(chords, moved, states), np.where(sounds, (bass + semitones) % 12, bass)


def alter(block: Block, chords: tuple[Ints, Ints], starts: Ints, rng: np.random.Generator, how: Variation) -> None:
    """Give some chords another quality, in place: their tones move in the values, the states and the basses.

    `starts`: the frames where chords begin.
    """
    states, bass = chords
    for start, end in zip(starts.tolist(), [*starts[1:].tolist(), len(states)], strict=True):
        state = int(states[start])
        name = "" if state in (UNKNOWN, NO_CHORD_STATE) else QUALITIES[state // 12]
        likely = how.triad if name in ("maj", "min") else how.seventh
        if name not in _ALTERATIONS or rng.random() >= likely:
            continue
        options = _ALTERATIONS[name]
        quality, moves = options[int(rng.integers(len(options)))]
        root = state % 12
        for tone, to in moves.items():
            origin, target = (root + tone) % 12, (root + to) % 12
            block[start:end, :, target] += block[start:end, :, origin]
            block[start:end, :, origin] = 0.0
            bass[start:end][bass[start:end] == origin] = target
        states[start:end] = QUALITIES.index(quality) * 12 + root


def move_octave(block: Block, up: bool) -> None:
    """Move what sounds into the next register, in place; the outermost keeps what it has."""
    registers = block[:, SOUNDING : SOUNDING + len(REGISTERS) + 1]
    order = range(len(REGISTERS), 0, -1) if up else range(len(REGISTERS))
    for register in order:
        away = register - 1 if up else register + 1
        registers[:, register] = registers[:, register] * (register in (0, len(REGISTERS))) + registers[:, away]
        registers[:, away] = 0.0


def leave_top_line(block: Block) -> None:
    """Leave nothing but the highest notes, in place."""
    top = block[:, TOP]
    block[:, SOUNDING : SOUNDING + len(REGISTERS) + 1] = 0.0
    block[:, SOUNDING + 2] = top
    block[:, BASS] = top
    block[:, HIGH_ONSETS] *= top > 0
    block[:, LOW_ONSETS] = 0.0
