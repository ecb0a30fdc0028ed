"""The index of the base model's training pieces: hashes of their runs, no music, small enough to be shipped.

Of each piece the runs of its bars are kept, and of the others those that winnowing chooses (`originality.thinning`).
What belongs to the common stock is counted, and not kept. A piece is known by its set and composer alone.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import astuple, dataclass
from functools import lru_cache
from io import BytesIO
from pathlib import Path
from tokenize import TokenError
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stilo.errors import SetupError
from stilo.models.shipped import shipped_folder
from stilo.music.atomic import write_whole
from stilo.music.zips import BROKEN_ZIP
from stilo.originality.index import Shared, spread
from stilo.originality.level import Level
from stilo.originality.runs import KINDS, RunArray
from stilo.originality.stock import RAREST_HOLDERS, Stock, first_runs, stock_of
from stilo.originality.thinning import LEAST_KEPT, winnowed

INDEX_NAME = "index.npz"
FORMAT = 1
HASH_BITS = 26
PIECE_BITS = 16
NO_STOCK = Stock(np.zeros(0, np.uint32), np.zeros(0, np.uint16), 10_000)
_MASK = np.uint32(2**HASH_BITS - 1)
_LARGEST_BYTE = 255
_BROKEN = (*BROKEN_ZIP, KeyError, IndexError, TypeError, MemoryError, SyntaxError, TokenError)  # NumPy's, too


@dataclass(frozen=True, eq=False)
class BaseIndex:
    """The pieces that the base model was trained on.

    Attributes:
        names: [pieces], of their groups, "set/composer".
        hashes: uint32 [rows], rising, the last `HASH_BITS` bits of the runs' hashes.
        piece: uint16 [rows], who has each.
        kept: share of the runs of each kind that the rows hold, [4].
        stock: what many pieces have; it is in no row.
        level: what unseen human pieces share with these.
    """

    names: tuple[str, ...]
    hashes: NDArray[np.uint32]
    piece: NDArray[np.uint16]
    kept: tuple[float, ...]
    stock: Stock
    level: Level

    def shared(self, runs: RunArray, left_out: Collection[int] = ()) -> Shared:
        """What the runs of a piece share with each of the pieces but those of the numbers `left_out`.

        What belongs to the stock is no row: without its first bits it would be that of another run by chance.
        """
        first, share = first_runs(runs)
        is_rare = ~self.stock.has(runs["hash"][first])
        first, share = first[is_rare], share[is_rare]
        hashes = runs["hash"][first] & _MASK
        begin = np.searchsorted(self.hashes, hashes)
        count = np.searchsorted(self.hashes, hashes, side="right") - begin
        run, row = spread(begin, count)
        stays = ~np.isin(self.piece[row], list(left_out))
        run, row = run[stays], row[stays]
        kept = np.array(self.kept)[runs["kind"][first]]
        rarity = np.log2(len(self.names) / np.maximum(count / kept, RAREST_HOLDERS))
        return Shared(first[run], self.piece[row].astype(np.int64), (np.maximum(rarity, 0) * share / kept)[run])


def base_index_of(pieces: Iterable[tuple[str, RunArray]], level: Level) -> BaseIndex:
    """The index of pieces given as (group, runs)."""
    names, chosen, every = list[str](), list[RunArray](), list[RunArray]()
    for name, runs in pieces:
        names.append(name)
        every.append(_different(runs))
        chosen.append(_different(winnowed(runs)))
    stock = stock_of(np.concatenate([runs["hash"] for runs in every]), len(names))
    piece = np.repeat(np.arange(len(names)), [len(runs) for runs in chosen])
    rows, all_rows = np.concatenate(chosen), np.concatenate(every)
    is_rare = ~np.isin(rows["hash"], stock.hashes)
    rows, piece = rows[is_rare], piece[is_rare]
    rare = all_rows["kind"][~np.isin(all_rows["hash"], stock.hashes)]
    kept = np.bincount(rows["kind"], minlength=KINDS) / np.maximum(1, np.bincount(rare, minlength=KINDS))
    hashes = rows["hash"] & _MASK
    order = np.lexsort((piece, hashes))
    kept_shares = tuple(float(share) or 1.0 for share in kept)
    return BaseIndex(tuple(names), hashes[order], piece[order].astype(np.uint16), kept_shares, stock, level)


def _different(runs: RunArray) -> RunArray:
    return runs[np.unique(runs["hash"], return_index=True)[1]]


def write_base_index(index: BaseIndex, path: Path) -> None:
    """Write an index, whole or not at all: differences of hashes in bytes, numbers of pieces in as few bits as do."""
    groups, group_of = np.unique(np.array(index.names), return_inverse=True)
    piece_bits = max(1, (len(index.names) - 1).bit_length())
    bits = np.unpackbits(index.piece.astype(">u2").view(np.uint8).reshape(-1, 2), axis=1)[:, PIECE_BITS - piece_bits :]
    whole = BytesIO()
    np.savez_compressed(
        whole,
        format=np.array(FORMAT),
        differences=_to_bytes(np.diff(np.append(np.int64(0), index.hashes)).astype(np.int64)),
        pieces=np.packbits(bits.reshape(-1)),
        groups=np.frombuffer("\n".join(groups.tolist()).encode(), np.uint8),
        group_of=group_of.astype(np.uint16),
        kept=np.array(index.kept),
        stock_hashes=index.stock.hashes,
        stock_holders=index.stock.holders,
        level=np.array(astuple(index.level)),
    )
    write_whole(path, whole.getvalue())


def read_base_index(path: Path) -> BaseIndex:
    """Read what `write_base_index` wrote.

    Raises:
        SetupError: it is missing or damaged.
    """
    try:
        with path.open("rb") as data, np.load(data, allow_pickle=False) as packed:
            return _unpacked({name: packed[name] for name in packed.files})
    except FileNotFoundError as error:
        raise SetupError(f"{path}: the index of the base model's pieces is missing; install stilo anew") from error
    except _BROKEN as error:
        raise SetupError(f"{path}: the index of the base model's pieces is damaged; install stilo anew") from error


def _unpacked(packed: dict[str, NDArray[Any]]) -> BaseIndex:
    if not all(isinstance(array, np.ndarray) for array in packed.values()):
        raise ValueError("not all are arrays")
    if int(packed["format"]) != FORMAT:
        raise ValueError("another format")
    groups = packed["groups"].tobytes().decode().split("\n")
    names = tuple(groups[group] for group in packed["group_of"].tolist())
    hashes = np.cumsum(_from_bytes(packed["differences"]))
    if len(hashes) and int(hashes[-1]) > int(_MASK):
        raise ValueError("hashes too large")
    piece_bits = max(1, (len(names) - 1).bit_length())
    bits = np.unpackbits(packed["pieces"], count=len(hashes) * piece_bits).reshape(-1, piece_bits)
    wide = np.zeros((len(hashes), PIECE_BITS), np.uint8)
    wide[:, PIECE_BITS - piece_bits :] = bits
    piece = np.packbits(wide, axis=1).view(">u2").reshape(-1).astype(np.uint16)
    if len(piece) and int(piece.max()) >= len(names):
        raise ValueError("more pieces than names")
    return BaseIndex(names, hashes.astype(np.uint32), piece, *_figures(packed, len(names)))


def _figures(packed: dict[str, NDArray[Any]], names: int) -> tuple[tuple[float, ...], Stock, Level]:
    """What is kept, the stock and the level."""
    p50, p95, copy, pieces, quoting = packed["level"].tolist()
    kept, hashes, holders = (packed[name] for name in ("kept", "stock_hashes", "stock_holders"))
    if not 0 <= p50 <= p95 <= copy or kept.shape != (KINDS,) or not ((kept >= LEAST_KEPT) & (kept <= 1)).all():
        raise ValueError("no such level or share")
    if hashes.shape != holders.shape or (np.diff(hashes.astype(np.int64)) <= 0).any() or (holders < 1).any():
        raise ValueError("the stock is in disorder")
    stock = Stock(hashes.astype(np.uint32), holders.astype(np.uint16), names)
    return tuple(kept.tolist()), stock, Level(p50, p95, copy, int(pieces), int(quoting))


def _to_bytes(numbers: NDArray[np.int64]) -> NDArray[np.uint8]:
    """Each number as so many bytes of 255 as it holds, and one of the rest."""
    full = numbers // _LARGEST_BYTE
    found = np.full(len(numbers) + int(full.sum()), _LARGEST_BYTE, np.uint8)
    found[np.cumsum(full + 1) - 1] = numbers % _LARGEST_BYTE
    return found


def _from_bytes(data: NDArray[np.uint8]) -> NDArray[np.int64]:
    ends = np.flatnonzero(data < _LARGEST_BYTE)
    return np.diff(np.cumsum(data.astype(np.int64))[ends], prepend=0)


def base_index_path() -> Path:
    return shipped_folder("originality") / INDEX_NAME


def base_index() -> BaseIndex:
    """The shipped index, read once.

    Raises:
        SetupError: it is missing or damaged.
    """
    return _read_once(base_index_path())


def has_base_index() -> bool:
    return base_index_path().exists()


def common_stock() -> Stock:
    """What is common in music at large; where no index is installed, nothing is known to be.

    Raises:
        SetupError: the index is damaged.
    """
    return base_index().stock if has_base_index() else NO_STOCK


@lru_cache(maxsize=1)
def _read_once(path: Path) -> BaseIndex:
    return read_base_index(path)
