"""Music packed for training: every piece as steps with what can be told of it, one compressed file for each split.

    python -m stilo.models.corpus DATA SPLITS.tsv PACKED --without openewld

DATA holds the files that SPLITS.tsv (columns path, split) names; PACKED receives `train.npz`, `valid.npz`, …
A `manifest.tsv` in a set's folder, if any, names the composers (column composer_artist).
"""

from __future__ import annotations

import argparse
import csv
import sys
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from multiprocessing import Pool
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from stilo.elements.embedding import embed_score
from stilo.elements.grid import on_grid
from stilo.elements.key import estimate_key, index_of
from stilo.elements.layout import lay_out
from stilo.errors import InputError, ReadError
from stilo.models.duplicates import repeated
from stilo.models.labels import LABEL_DTYPE, LabelArray, labels_of, unknown_labels
from stilo.models.learned_embedding import FACET_ORDER, FACET_VALUES, LearnedEmbedding
from stilo.models.tokens import STEP_DTYPE, StepArray, encode, piece_tempo_class
from stilo.music.files import read_score
from stilo.music.score import Score

SHORTEST_PIECE_NOTES = 24
TRAIN = "train"
UNKNOWN_KEY = 24
LEARNED_SIZE = len(FACET_ORDER) * FACET_VALUES
_STORED = ("gap", "part", "pitch", "duration", "velocity", "position", "bar_slots", "metre")


@dataclass(frozen=True, eq=False)
class Piece:
    """One piece as the sequence model trains on it.

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

    def first(self, notes: int) -> Piece:
        """Its first notes alone."""
        return replace(self, steps=self.steps[:notes], labels=self.labels[:notes])

    @property
    def set_name(self) -> str:
        return self.name.split("/", maxsplit=1)[0]


def piece_from_file(path: Path, name: str, group: str = "") -> Piece:
    """Read, label and encode one file, on the grid that it gives or else on one that is found.

    A piece too long to measure has no labels; where no style encoder is installed, nothing is `learned`.

    Raises:
        ReadError: it cannot be read.
        SetupError: the chord net or the encoder is damaged.
    """
    score = on_grid(read_score(path)).score
    steps = encode(score)
    try:
        labels, key = labels_of(score, steps), _key_of(score)
    except InputError:
        labels, key = unknown_labels(len(steps)), None
    embedding, learned = embed_score(score).values, _recognised(steps)
    return Piece(name, steps, embedding, piece_tempo_class(score), group or name, labels, learned, key)


def _key_of(score: Score) -> tuple[int, int] | None:
    estimate = estimate_key(lay_out(score))
    return divmod(index_of(estimate.key), 12)[::-1] if estimate.clarity > 0 else None


def _recognised(steps: StepArray) -> NDArray[np.float32]:
    from stilo.models.bar_views import bar_views
    from stilo.models.encoder_files import has_encoder, shipped_encoder

    if not has_encoder():
        return np.zeros(LEARNED_SIZE, np.float32)
    return LearnedEmbedding(shipped_encoder().embed([bar_views(steps)])[0]).values.reshape(-1)


def save_pieces(pieces: list[Piece], path: Path) -> None:
    """Write a packed file; onsets and bars as steps ahead, so that it compresses well."""
    steps = np.concatenate([piece.steps for piece in pieces])
    labels = np.concatenate([piece.labels for piece in pieces])
    columns: dict[str, Any] = {column: steps[column] for column in _STORED}
    columns |= {_stored_label(name): labels[name] for name in LABEL_DTYPE.names or () if name != "chord_onset"}
    columns["bars_ahead"] = np.concatenate([_bars_ahead(piece.steps) for piece in pieces])
    columns["chords_ahead"] = np.concatenate([np.diff(piece.labels["chord_onset"], prepend=0) for piece in pieces])
    np.savez_compressed(
        path,
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
        InputError: there is no such file, or it is damaged; the message says how to make it.
    """
    make_it = f"make it with python -m stilo.models.corpus DATA SPLITS {path.parent}"
    try:
        with path.open("rb") as data:
            return _unpacked(data)
    except FileNotFoundError as error:
        raise InputError(f"{path}: no packed music here; {make_it}") from error
    except (OSError, EOFError, KeyError, ValueError, IndexError, zipfile.BadZipFile, zlib.error) as error:
        raise InputError(f"{path}: the packed music is damaged; {make_it}") from error


def _unpacked(data: BinaryIO) -> list[Piece]:
    with np.load(data, allow_pickle=False) as packed:
        ends = np.cumsum(packed["lengths"])
        steps = np.zeros(int(ends[-1]), STEP_DTYPE)
        for column in _STORED:
            steps[column] = packed[column]
        bars_ahead = packed["bars_ahead"]
        labels = _unpacked_labels(packed, len(steps))
        embeddings = packed["embeddings"].astype(np.float32)
        learned = _from_bytes(packed["learned"]) if "learned" in packed else np.zeros((len(ends), LEARNED_SIZE))
        keys = packed["keys"].tolist() if "keys" in packed else [UNKNOWN_KEY] * len(ends)
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
    labels = unknown_labels(count)
    if "chords_ahead" in packed:
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


def _files_of(splits: Path) -> list[tuple[str, str]]:
    """(path, split) of every row."""
    try:
        with splits.open(encoding="utf-8", newline="") as lines:
            rows = list(csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))
        files = [(row["path"], row["split"]) for row in rows]
    except (OSError, KeyError, ValueError) as error:
        raise InputError(f"{splits}: give a table with the columns path and split ({type(error).__name__})") from error
    if not files:
        raise InputError(f"{splits}: no rows; give a table with the columns path and split")
    return files


def _composers(data: Path, set_names: set[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for set_name in set_names:
        manifest = data / set_name / "manifest.tsv"
        if manifest.exists():
            with manifest.open(encoding="utf-8", newline="") as lines:
                for row in csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE):
                    if row.get("composer_artist"):
                        found[row["path"]] = row["composer_artist"]
    return found


_Task = tuple[Path, str, str]


def _read_all(tasks: list[_Task], processes: int) -> Iterator[Piece | str]:
    """Each piece, or why it cannot be read, in order. One process is this one: a pool of one would cost it twice."""
    if processes == 1:
        yield from map(_read, tasks)
        return
    with Pool(processes, _on_one_thread) as pool:
        yield from pool.imap(_read, tasks, chunksize=16)


def _on_one_thread() -> None:
    from torch import set_num_threads

    set_num_threads(1)


def _read(task: _Task) -> Piece | str:
    path, name, group = task
    try:
        return piece_from_file(path, name, group)
    except ReadError as error:
        return str(error)


def pack(data: Path, splits: Path, packed: Path, without: frozenset[str], processes: int) -> Iterator[str]:
    """Pack every split but `exclude` and the sets `without`; yields one line for each split and each file left out.

    Pieces of train that repeat a piece of another split, or an earlier one of train, are left out (`duplicates`).

    Raises:
        InputError: `splits` names no files, or a split holds no piece that can be learned from.
    """
    rows = [(path, split) for path, split in _files_of(splits) if path.split("/")[0] not in without]
    composers = _composers(data, {path.split("/")[0] for path, _ in rows})
    packed.mkdir(parents=True, exist_ok=True)
    in_splits: dict[str, list[Piece]] = {split: [] for split in sorted({split for _, split in rows} - {"exclude"})}
    for split, pieces in in_splits.items():
        tasks = [
            (data / path, path, f"{path.split('/')[0]}/{composers[path]}" if path in composers else "")
            for path, in_split in rows
            if in_split == split
        ]
        for result in _read_all(tasks, processes):
            if isinstance(result, str):
                yield f"left out: {result}"
            elif len(result.steps) >= SHORTEST_PIECE_NOTES:
                pieces.append(result)
        if not pieces:
            raise InputError(f"{splits}: {split}: no piece of {SHORTEST_PIECE_NOTES} notes or more could be read")
    yield from _drop_repeated(in_splits)
    for split, pieces in in_splits.items():
        save_pieces(pieces, packed / f"{split}.npz")
        yield f"{split}: {len(pieces)} pieces, {sum(len(p.steps) for p in pieces)} notes"


def _drop_repeated(in_splits: dict[str, list[Piece]]) -> Iterator[str]:
    """Take out of train what is held out, and what train holds already; yields a line for each piece."""
    train = in_splits.get(TRAIN, [])
    held_out = [(split, piece) for split, pieces in in_splits.items() if split != TRAIN for piece in pieces]
    known = held_out + [(TRAIN, piece) for piece in train]
    gone = repeated([piece.steps for _, piece in held_out], [piece.steps for piece in train])
    for one in gone:
        split, piece = known[one.of]
        yield f"left out: {train[one.index].name}: {100 * one.share:.0f} % of it is {piece.name} of {split}"
    indices = {one.index for one in gone}
    train[:] = [piece for i, piece in enumerate(train) if i not in indices]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("splits", type=Path)
    parser.add_argument("packed", type=Path)
    parser.add_argument("--without", nargs="*", default=[], help="sets to leave out")
    parser.add_argument("--processes", type=int, default=2)
    arguments = parser.parse_args()
    without = frozenset[str](arguments.without)
    try:
        for line in pack(arguments.data, arguments.splits, arguments.packed, without, arguments.processes):
            print(line, flush=True)
    except InputError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
