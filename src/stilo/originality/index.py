"""An index of pieces by their runs: who has this run, and where."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from stilo.originality.lines import Integers, begins
from stilo.originality.runs import RunArray
from stilo.originality.stock import Floats, Stock, first_runs
from stilo.originality.thinning import ALL, Kept, counted
from stilo.originality.twins import first_twins

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
MOST_TIMES = 8  # that one run of one piece is kept: more places of a figure say no more of where a passage lies
NO_PITCH = -1
STYLE_STOCK_FROM = 3  # pieces of one collection that have a run: of two, one may have it of the other


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

    @property
    def stock(self) -> Stock:
        """How common a run is in music at large."""

    def shared(self, runs: RunArray, left_out: Collection[int] = ()) -> Shared:
        """What the runs of a piece share with each of the pieces but those of the numbers `left_out`."""


@dataclass(frozen=True, eq=False)
class Index:
    """The runs of some pieces, in the order of their hashes, those of one hash in the order of their pieces.

    Attributes:
        names: of the pieces, at most `MOST_PIECES`.
        rows: of `ROW_DTYPE`; pitch is `NO_PITCH` throughout where it is not known.
        stock: how common a run is in music at large.
        kept: share of the runs of each kind that the rows hold, the others were left out.
    """

    names: tuple[str, ...]
    rows: RowArray
    stock: Stock
    kept: Kept = ALL

    @cached_property
    def twins(self) -> Integers:
        """For each piece the first that has nearly the same notes, or itself, [pieces]."""
        return first_twins(self._hashes, self._piece, len(self.names), self.stock)

    def shared(self, runs: RunArray, left_out: Collection[int] = ()) -> Shared:
        """What the runs of a piece share with each piece but those of the numbers `left_out`.

        What `STYLE_STOCK_FROM` pieces or more have is stock of their style, and counts by how many of them have it;
        twins are one.
        """
        first, share = first_runs(runs)
        run, row = self._places(runs["hash"][first])
        pair = np.unique(run * len(self.names) + self._piece[row])
        run, piece = pair // len(self.names), pair % len(self.names)
        stays = ~np.isin(piece, list(left_out))
        run, piece = run[stays], piece[stays]
        different = np.unique(run * len(self.names) + self.twins[piece]) // len(self.names)
        holders = np.bincount(different, minlength=len(first))
        rarity = self.stock.rarity(runs["hash"][first])
        pieces = max(1, len(np.unique(np.delete(self.twins, list(left_out)))))
        in_style = np.log2(pieces / np.maximum(1, holders - 1))
        rarity = np.where(holders >= STYLE_STOCK_FROM, np.minimum(rarity, in_style), rarity)
        return Shared(first[run], piece, (rarity * share * counted(self.kept)[runs["kind"][first]])[run])

    def rows_of(self, piece: int) -> RowArray:
        """The rows of one piece, in the order of their hashes."""
        begin, end = np.searchsorted(self._piece, (piece, piece + 1), sorter=self._by_piece)
        return np.asarray(self.rows[self._by_piece[begin:end]])

    def shares_in(self, hashes: NDArray[np.uint32]) -> Floats:
        """Of the different runs of each piece the share that is among different hashes, 0 of a piece of none."""
        _, row = self._places(hashes)
        held = np.bincount(self._piece[row[self._is_first[row]]], minlength=len(self.names))
        return np.asarray(held / np.maximum(1, self._different))

    def without_pitches(self) -> Index:
        """As it is kept with a style: nothing in it says a pitch."""
        rows = self.rows.copy()
        rows["pitch"] = NO_PITCH
        return replace(self, rows=rows)

    @cached_property
    def _hashes(self) -> NDArray[np.uint32]:
        return np.ascontiguousarray(self.rows["hash"])

    @cached_property
    def _piece(self) -> Integers:
        return self.rows["piece"].astype(np.int64)

    @cached_property
    def _by_piece(self) -> Integers:
        """The rows piece after piece, of each in the order of their hashes."""
        return np.argsort(self.rows["piece"], kind="stable")

    @cached_property
    def _is_first(self) -> NDArray[np.bool_]:
        """Whether a row is the first of its hash and its piece, [rows]."""
        return begins(_hash_and_piece(self.rows))

    @cached_property
    def _different(self) -> Integers:
        """How many different runs each piece has, [pieces]."""
        return np.bincount(self._piece[self._is_first], minlength=len(self.names))

    def _places(self, hashes: NDArray[np.uint32]) -> tuple[Integers, Integers]:
        return places_in(self._hashes, hashes)


def has_pitches(rows: RowArray) -> bool:
    return bool((rows["pitch"] != NO_PITCH).any())


def places_in(rising: NDArray[np.uint32], hashes: NDArray[np.uint32]) -> tuple[Integers, Integers]:
    """Every place where one of `hashes` stands among rising ones: (index into `hashes`, index into `rising`)."""
    begin = np.searchsorted(rising, hashes)
    return spread(begin, np.searchsorted(rising, hashes, side="right") - begin)


def spread(begin: Integers, count: Integers) -> tuple[Integers, Integers]:
    """(i, begin[i] + 0 … count[i] − 1) for every i."""
    owner = np.repeat(np.arange(len(begin)), count)
    return owner, np.repeat(begin - np.cumsum(count) + count, count) + np.arange(len(owner))


def index_of(pieces: Sequence[tuple[str, RunArray]], stock: Stock, kept: Kept = ALL) -> Index:
    """An index of pieces by name; `kept` says which share of their runs these are.

    At most `MOST_TIMES` of one run of one piece are in it.

    Raises:
        ValueError: there are more than `MOST_PIECES`.
    """
    if len(pieces) > MOST_PIECES:
        raise ValueError(f"an index holds at most {MOST_PIECES} pieces")
    every = [_rows_of(number, runs) for number, (_, runs) in enumerate(pieces)]
    rows = np.concatenate([np.zeros(0, ROW_DTYPE), *every])
    rows = rows[np.lexsort((rows["onset"], rows["piece"], rows["hash"]))]
    begin = np.flatnonzero(begins(_hash_and_piece(rows)))
    time = np.arange(len(rows)) - np.repeat(begin, np.diff(begin, append=len(rows)))
    return Index(tuple(name for name, _ in pieces), rows[time < MOST_TIMES], stock, kept)


def is_index_of_runs(rows: RowArray) -> bool:
    """Whether rows stand in the order of an index, and hold one run of one piece `MOST_TIMES` at most."""
    key = _hash_and_piece(rows)
    return bool((np.diff(key) >= 0).all() and (key[MOST_TIMES:] != key[:-MOST_TIMES]).all())


def _hash_and_piece(rows: RowArray) -> Integers:
    return np.asarray(rows["hash"].astype(np.int64) << 16 | rows["piece"])


def _rows_of(number: int, runs: RunArray) -> RowArray:
    rows = np.zeros(len(runs), ROW_DTYPE)
    rows["piece"] = number
    for name in ("hash", "bar", "last_bar", "onset", "unit", "pitch"):
        rows[name] = runs[name]
    return rows
