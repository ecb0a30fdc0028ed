"""Music packed for training: every piece as steps with what can be told of it, one compressed file for each split.

    python -m stilo.models.corpus DATA SPLITS.tsv PACKED --without openewld

DATA holds the files that SPLITS.tsv (columns path, split) names; PACKED receives `train.npz`, `valid.npz`, …
A `manifest.tsv` in a set's folder, if any, names the composers (column composer_artist). Pieces of train that are held
out under another name, or that train holds already, are left out (`duplicates`).
"""

from __future__ import annotations

import argparse
import csv
import sys
from collections.abc import Iterator
from multiprocessing import Pool
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from stilo.elements.embedding import embed_score
from stilo.elements.grid import on_grid
from stilo.elements.key import estimate_key, index_of
from stilo.elements.layout import lay_out
from stilo.errors import InputError, ReadError
from stilo.models.duplicates import repeated
from stilo.models.labels import labels_of, unknown_labels
from stilo.models.learned_embedding import LEARNED_SIZE, LearnedEmbedding
from stilo.models.pieces import Piece, load_pieces, save_pieces
from stilo.models.tokens import StepArray, encode, piece_tempo_class
from stilo.music.files import read_score
from stilo.music.score import Score

__all__ = ["Piece", "load_pieces", "pack", "piece_from_file", "save_pieces"]

SHORTEST_PIECE_NOTES = 24
TRAIN = "train"


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
