"""An index of pieces by their runs: who has this run, and where."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from stilo.originality.runs import RunArray
from stilo.originality.stock import Floats, Stock, first_runs

Integers = NDArray[np.int64]

ROW_DTYPE = np.dtype(
    [
        ("hash", "<u4"),
        ("piece", "<u2"),
        ("bar", "<u2"),
        ("last_bar", "<u2"),
        ("onset", "<i4"),
        ("unit", "<u4"),
        ("pitch", "<i2"),
    ]
)
RowArray = NDArray[np.void]
MOST_PIECES = 65535
MOST_TIMES = 8  # that one run of one piece is kept
NO_PITCH = -1
STYLE_STOCK_FROM = 3  # pieces of one collection that have a run: it is stock of the style


@dataclass(frozen=True, eq=False)
class Shared:
    """What a piece shares with others, run by run and piece by piece; all arrays [shared].

    Attributes:
        run: index into the runs of the piece.
        piece: number of the other one.
        bits: that it counts.
    """

    run: Integers
    piece: Integers
    bits: Floats

    def __len__(self) -> int:
        return len(self.run)

    def some(self, which: NDArray[np.bool_]) -> Shared:
        return Shared(self.run[which], self.piece[which], self.bits[which])


class Known(Protocol):
    """Pieces that something can be shared with."""

    @property
    def names(self) -> Sequence[str]: ...

    def shared(self, runs: RunArray, left_out: int = -1) -> Shared:
        """What the runs of a piece share with each of the pieces but `left_out`."""


@dataclass(frozen=True, eq=False)
class Index:
    """The runs of some pieces, in the order of their hashes.

    Attributes:
        names: of the pieces, at most `MOST_PIECES`.
        rows: of `ROW_DTYPE`; pitch is `NO_PITCH` throughout where it is not known.
        stock: how common a run is in music at large.
        kept: share of the different runs that the rows hold, the others were left out.
    """

    names: tuple[str, ...]
    rows: RowArray
    stock: Stock
    kept: float = 1.0

    @property
    def has_pitches(self) -> bool:
        return len(self.rows) == 0 or bool((self.rows["pitch"] != NO_PITCH).any())

    def shared(self, runs: RunArray, left_out: int = -1) -> Shared:
        """What the runs of a piece share with each piece but `left_out`.

        What `STYLE_STOCK_FROM` pieces or more have is stock of their style, and counts by how many of them have it.
        """
        first, share = first_runs(runs)
        run, row = self.places(runs["hash"][first])
        pair = np.unique(run * len(self.names) + self.rows["piece"][row])
        run, piece = pair // len(self.names), pair % len(self.names)
        run, piece = run[piece != left_out], piece[piece != left_out]
        holders = np.bincount(run, minlength=len(first))
        rarity = self.stock.rarity(runs["hash"][first])
        pieces = max(1, len(self.names) - (left_out >= 0))
        in_style = np.log2(pieces / np.maximum(1, holders - 1))
        rarity = np.where(holders >= STYLE_STOCK_FROM, np.minimum(rarity, in_style), rarity)
        return Shared(first[run], piece, (rarity * share)[run] / self.kept)

    def places(self, hashes: NDArray[np.uint32]) -> tuple[Integers, Integers]:
        """Every row of these hashes: (index into `hashes`, index into `rows`)."""
        begin = np.searchsorted(self.rows["hash"], hashes)
        count = np.searchsorted(self.rows["hash"], hashes, side="right") - begin
        return spread(begin, count)

    def without_pitches(self) -> Index:
        """As it is kept with a style: nothing in it says a pitch."""
        rows = self.rows.copy()
        rows["pitch"] = NO_PITCH
        return replace(self, rows=rows)

    def thinned(self, most_rows: int) -> Index:
        """The same with at most about so many rows: runs of the smallest hashes stay, which are drawn at random."""
        if len(self.rows) <= most_rows:
            return self
        mixed = self.rows["hash"] * np.uint32(0x9E3779B1)
        limit = np.partition(mixed, most_rows)[most_rows]
        return replace(self, rows=self.rows[mixed < limit], kept=self.kept * (int(limit) + 1) / 2**32)


def spread(begin: Integers, count: Integers) -> tuple[Integers, Integers]:
    """(i, begin[i] + 0 … count[i] − 1) for every i."""
    owner = np.repeat(np.arange(len(begin)), count)
    return owner, np.repeat(begin - np.cumsum(count) + count, count) + np.arange(len(owner))


def index_of(pieces: Sequence[tuple[str, RunArray]], stock: Stock) -> Index:
    """An index of pieces by name; at most `MOST_TIMES` of one run of one piece are kept.

    Raises:
        ValueError: there are more than `MOST_PIECES`.
    """
    if len(pieces) > MOST_PIECES:
        raise ValueError(f"an index holds at most {MOST_PIECES} pieces")
    every = [_rows_of(number, runs) for number, (_, runs) in enumerate(pieces)]
    rows = np.concatenate([np.zeros(0, ROW_DTYPE), *every])
    rows = rows[np.lexsort((rows["onset"], rows["piece"], rows["hash"]))]
    same = (np.diff(rows["hash"].astype(np.int64)) == 0) & (np.diff(rows["piece"].astype(np.int64)) == 0)
    begin = np.maximum.accumulate(np.where(np.append(False, same)[: len(rows)], 0, np.arange(len(rows))))
    return Index(tuple(name for name, _ in pieces), rows[np.arange(len(rows)) - begin < MOST_TIMES], stock)


def _rows_of(number: int, runs: RunArray) -> RowArray:
    rows = np.zeros(len(runs), ROW_DTYPE)
    rows["piece"] = number
    for name in ("hash", "bar", "last_bar", "onset", "unit", "pitch"):
        rows[name] = runs[name]
    return rows
