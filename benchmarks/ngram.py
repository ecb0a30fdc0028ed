"""A 5-gram of notes, beside the note model: each field given the fields before it in the note and the same field of
the four notes before, backed off with the weights of Witten & Bell 1991. Pitches are counted as intervals from the note
before, so that it hears no key. Hashes of contexts are counted, not the contexts themselves."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stilo.models.corpus import Piece
from stilo.models.notes.fields import FIELD_SIZES, PITCH, STAGES, columns_of
from stilo.models.tokens import END, with_end

ORDER = 5
BITS = 11  # of a value
_PRIME = np.uint64(0x9E3779B97F4A7C15)
Hashes = NDArray[np.uint64]


@dataclass(frozen=True, eq=False)
class _Level:
    """Counts of one length of context: of each (context, value), of each context, and of its different values."""

    pairs: Hashes
    pair_counts: NDArray[np.int64]
    contexts: Hashes
    totals: NDArray[np.int64]
    kinds: NDArray[np.int64]


def values_of(piece: Piece) -> NDArray[np.int64]:
    """Fields [steps, 5] as they are counted, the end included."""
    columns = columns_of(with_end(piece.steps))
    pitch = columns[:, PITCH]
    interval = (pitch % 128) - np.concatenate([[60], pitch[:-1] % 128])
    columns[:, PITCH] = np.where(pitch >= 128, pitch + 256, interval + 128)
    return columns


def _mixed(hashes: Hashes, values: NDArray[np.int64]) -> Hashes:
    with np.errstate(over="ignore"):
        mixed = (hashes ^ (values.astype(np.uint64) + np.uint64(1))) * _PRIME
    return np.asarray(mixed ^ (mixed >> np.uint64(29)), np.uint64)


def _contexts(columns: NDArray[np.int64], field: int) -> Iterator[Hashes]:
    """Hashes of the contexts of every note, the shortest first: nothing; the note so far; with 1 … 4 notes before."""
    n = len(columns)
    hashes = np.full(n, field + 1, np.uint64)
    yield hashes
    for earlier in range(field):
        hashes = _mixed(hashes, columns[:, earlier])
    yield hashes
    for back in range(1, ORDER):
        before = np.concatenate([np.full(min(back, n), -1), columns[: max(0, n - back), field]])
        hashes = _mixed(hashes, before)
        yield hashes


class NGram:
    """Counted on pieces; gives nats of others."""

    def __init__(self, pieces: Sequence[Piece]) -> None:
        columns = [values_of(piece) for piece in pieces]
        self.levels = [self._counted(columns, field) for field in range(STAGES)]

    def _counted(self, columns: Sequence[NDArray[np.int64]], field: int) -> list[_Level]:
        values = np.concatenate([c[:, field] for c in columns])
        kept = np.concatenate([_heard(c, field) for c in columns])
        lengths = zip(*(_contexts(c, field) for c in columns), strict=True)
        return [_level(np.concatenate(parts)[kept], values[kept]) for parts in lengths]

    def nats(self, piece: Piece) -> NDArray[np.float64]:
        """[steps, 5], 0 after the end."""
        columns = values_of(piece)
        found = np.zeros((len(columns), STAGES))
        for field in range(STAGES):
            chance = np.full(len(columns), 1.0 / (2 * max(FIELD_SIZES)))
            for level, hashes in zip(self.levels[field], _contexts(columns, field), strict=True):
                chance = _backed_off(level, hashes, columns[:, field], chance)
            found[:, field] = np.where(_heard(columns, field), -np.log(chance), 0.0)
        return found


def _heard(columns: NDArray[np.int64], field: int) -> NDArray[np.bool_]:
    """Whether the field is there: an END has only a gap."""
    return np.ones(len(columns), bool) if field == 0 else np.asarray(columns[:, 0] != END)


def _level(hashes: Hashes, values: NDArray[np.int64]) -> _Level:
    pairs, first, counts = np.unique(_mixed(hashes, values), return_index=True, return_counts=True)
    contexts, place = np.unique(hashes[first], return_inverse=True)
    totals = np.bincount(place, counts, len(contexts)).astype(np.int64)
    return _Level(pairs, counts, contexts, totals, np.bincount(place, minlength=len(contexts)))


def _backed_off(
    level: _Level, hashes: Hashes, values: NDArray[np.int64], lower: NDArray[np.float64]
) -> NDArray[np.float64]:
    """(count + kinds · lower) / (total + kinds); `lower` where the context is new."""
    counts = _found(level.pairs, level.pair_counts, _mixed(hashes, values))
    total, kinds = (_found(level.contexts, column, hashes) for column in (level.totals, level.kinds))
    return np.where(total > 0, (counts + kinds * lower) / np.maximum(1, total + kinds), lower)


def _found(keys: Hashes, column: NDArray[np.int64], wanted: Hashes) -> NDArray[np.int64]:
    at = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    return np.where(keys[at] == wanted, column[at], 0)
