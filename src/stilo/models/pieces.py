"""Pieces of music as the note model trains on them, and the packed files that keep many of them.

A packed file is a `.npz` of columns, those of steps and labels for all notes of all pieces one after another; what
grows is kept as steps ahead, so that it compresses well.
"""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from stilo.errors import InputError
from stilo.models.labels import LABEL_DTYPE, LabelArray, unknown_labels
from stilo.models.learned_embedding import FACET_VALUES, LEARNED_SIZE
from stilo.models.tokens import STEP_DTYPE, StepArray
from stilo.music.atomic import write_whole

UNKNOWN_KEY = 24
_STORED = ("gap", "part", "pitch", "duration", "velocity", "position", "bar_slots", "metre")


@dataclass(frozen=True, eq=False)
class Piece:
    """One piece as the note model trains on it.

    Attributes:
        name: path inside the data folder.
        steps: its notes.
        embedding: float32 [EMBEDDING_SIZE].
        tempo: class of its main tempo.
        group: who made it ("set/composer"), or the name itself when nobody is named.
        labels: of each step; unknown ones where none are given.
        learned: float32 [LEARNED_SIZE], the learned embedding, one facet of `FACET_ORDER` after another; 0 for facets
            in which nothing was heard, and for all of a piece that it was not asked of.
        key: tonic (pitch class) and mode (0 major, 1 minor) of the whole piece; None = unknown, or drums alone.
    """

    name: str
    steps: StepArray
    embedding: NDArray[np.float32]
    tempo: int
    group: str
    labels: LabelArray = field(default_factory=lambda: unknown_labels(0))
    learned: NDArray[np.float32] = field(default_factory=lambda: np.zeros(LEARNED_SIZE, np.float32))
    key: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        if len(self.labels) == 0:
            object.__setattr__(self, "labels", unknown_labels(len(self.steps)))
        if len(self.labels) != len(self.steps):
            raise ValueError(f"{self.name}: {len(self.labels)} labels for {len(self.steps)} steps")

    @property
    def set_name(self) -> str:
        return self.name.split("/", maxsplit=1)[0]


def save_pieces(pieces: list[Piece], path: Path) -> None:
    """Write a packed file."""
    steps = np.concatenate([piece.steps for piece in pieces])
    labels = np.concatenate([piece.labels for piece in pieces])
    columns: dict[str, Any] = {column: steps[column] for column in _STORED}
    columns |= {_stored_label(name): labels[name] for name in LABEL_DTYPE.names or () if name != "chord_onset"}
    columns["bars_ahead"] = np.concatenate([_bars_ahead(piece.steps) for piece in pieces])
    columns["chords_ahead"] = np.concatenate([np.diff(piece.labels["chord_onset"], prepend=0) for piece in pieces])
    whole = BytesIO()
    np.savez_compressed(
        whole,
        lengths=np.array([len(piece.steps) for piece in pieces], np.int32),
        embeddings=np.stack([piece.embedding for piece in pieces]).astype(np.float16),
        learned=_to_bytes(np.stack([piece.learned for piece in pieces])),
        tempos=np.array([piece.tempo for piece in pieces], np.uint8),
        keys=np.array(
            [UNKNOWN_KEY if piece.key is None else piece.key[0] + 12 * piece.key[1] for piece in pieces], "u1"
        ),
        names=np.array([piece.name for piece in pieces]),
        groups=np.array([piece.group for piece in pieces]),
        **columns,
    )
    write_whole(path, whole.getvalue())


def _stored_label(name: str) -> str:
    return f"label_{name}"


def _to_bytes(learned: NDArray[np.float32]) -> NDArray[np.int8]:
    """Each facet so that its largest value is 127: its direction is all that counts, and 0 stays 0."""
    rows = learned.reshape(-1, FACET_VALUES)
    largest = np.abs(rows).max(axis=1, keepdims=True)
    return np.asarray(np.rint(rows * (127 / np.maximum(largest, 1e-9))).reshape(learned.shape), np.int8)


def _from_bytes(stored: NDArray[np.int8]) -> NDArray[np.float32]:
    """Facets of length 1, or 0."""
    rows = stored.reshape(-1, FACET_VALUES).astype(np.float32)
    lengths = np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9)
    return np.asarray((rows / lengths).reshape(stored.shape), np.float32)


def _bars_ahead(steps: StepArray) -> NDArray[np.uint8]:
    bar = steps["bar"].astype(np.int64)
    return np.clip(np.diff(bar, prepend=0), 0, 255).astype(np.uint8)


def load_pieces(path: Path) -> list[Piece]:
    """The pieces of a packed file.

    Raises:
        InputError: there is no such file, or it is damaged or of an earlier form; the message says how to make it.
    """
    make_it = f"make it with python -m stilo.models.corpus DATA SPLITS {path.parent}"
    try:
        with path.open("rb") as data:
            return _unpacked(data)
    except FileNotFoundError as error:
        raise InputError(f"{path}: no packed music here; {make_it}") from error
    except (OSError, EOFError, KeyError, ValueError, IndexError, zipfile.BadZipFile, zlib.error) as error:
        raise InputError(f"{path}: the packed music is damaged or of an earlier form; {make_it}") from error


def _unpacked(data: BinaryIO) -> list[Piece]:
    with np.load(data, allow_pickle=False) as packed:
        lengths = packed["lengths"].astype(np.int64)
        stored = {column: packed[column] for column in _STORED}
        if lengths.min(initial=0) < 0 or {array.shape for array in stored.values()} != {(int(lengths.sum()),)}:
            raise ValueError("the columns are not as long as the pieces together")
        ends = np.cumsum(lengths)
        steps = np.zeros(int(ends[-1]), STEP_DTYPE)
        for column, array in stored.items():
            steps[column] = array
        bars_ahead = packed["bars_ahead"]
        labels = _unpacked_labels(packed, len(steps))
        embeddings = packed["embeddings"].astype(np.float32)
        learned, keys = _from_bytes(packed["learned"]), packed["keys"].tolist()
        tempos, names, groups = packed["tempos"].tolist(), packed["names"].tolist(), packed["groups"].tolist()
    starts = np.concatenate([np.zeros(1, np.int64), ends[:-1]])
    return [
        Piece(
            names[i],
            _with_places(steps[start:end], bars_ahead[start:end]),
            embeddings[i],
            tempos[i],
            groups[i],
            _with_onsets(labels[start:end]),
            learned[i],
            (keys[i] % 12, keys[i] // 12) if keys[i] < UNKNOWN_KEY else None,
        )
        for i, (start, end) in enumerate(zip(starts, ends, strict=True))
    ]


def _unpacked_labels(packed: Mapping[str, NDArray[Any]], count: int) -> LabelArray:
    """Labels whose onsets of chords are steps ahead."""
    labels = np.zeros(count, LABEL_DTYPE)
    for name in LABEL_DTYPE.names or ():
        labels[name] = packed["chords_ahead" if name == "chord_onset" else _stored_label(name)]
    return labels


def _with_places(steps: StepArray, bars_ahead: NDArray[np.uint8]) -> StepArray:
    """Fill in the onsets and bars."""
    steps["onset"] = np.cumsum(steps["gap"].astype(np.int64))
    steps["bar"] = np.minimum(np.cumsum(bars_ahead.astype(np.int64)), 65535)
    return steps


def _with_onsets(labels: LabelArray) -> LabelArray:
    labels["chord_onset"] = np.cumsum(labels["chord_onset"].astype(np.int64))
    return labels
