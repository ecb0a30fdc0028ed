"""Events in order of time whose weighted means over any window cost two rows of running sums.

A piece and each of its sections can so be measured in one pass.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from stilo.elements.layout import Floats


@dataclass(frozen=True, eq=False)
class Windowed:
    """Running sums of the columns of events.

    Attributes:
        at: when each event is, ascending, in the unit the windows are asked in, [events].
        weights: running sums of the weight of the events in which a column is known, [events + 1, 1 + columns]; the
            first column is the weight of all events.
        sums: running sums of weight × value where it is known, [events + 1, columns].
    """

    at: NDArray[np.generic]
    weights: Floats
    sums: Floats

    @classmethod
    def of(cls, at: NDArray[np.generic], *columns: ArrayLike, weight: Floats | None = None) -> Windowed:
        """Events with columns of [events] or [events, k], NaN where unknown; without `weight` each weighs one."""
        each = np.ones(len(at)) if weight is None else weight
        values = np.concatenate([np.empty((len(at), 0)), *(_as_columns(column) for column in columns)], axis=1)
        known = ~np.isnan(values)
        weighed = np.concatenate([np.ones((len(at), 1)), known], axis=1) * each[:, None]
        return cls(at, _running(weighed), _running(np.where(known, values, 0.0) * each[:, None]))

    def weight(self, bounds: ArrayLike) -> Floats:
        """Weight of all events between neighbouring bounds, [windows]."""
        return np.diff(self.weights[np.searchsorted(self.at, bounds), 0])

    def means(self, bounds: ArrayLike) -> Floats:
        """Means of the columns between neighbouring bounds, [windows, columns]; NaN where nothing is known."""
        rows = np.searchsorted(self.at, bounds)
        weight = np.diff(self.weights[rows, 1:], axis=0)
        return np.diff(self.sums[rows], axis=0) / np.where(weight > 0, weight, np.nan)


def _as_columns(column: ArrayLike) -> Floats:
    values = np.asarray(column, np.float64)
    return values[:, None] if values.ndim == 1 else values


def _running(rows: Floats) -> Floats:
    sums = np.zeros((len(rows) + 1, rows.shape[1]))
    np.cumsum(rows, axis=0, out=sums[1:])
    return sums
