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
        weights: running sums of the weight of all events, [events + 1, 1].
        sums: running sums of weight × value where it is known, [events + 1, columns].
        known: running sums of the weight of the events in which a column is known, [events + 1, columns]; `weights`
            where all are.
    """

    at: NDArray[np.generic]
    weights: Floats
    sums: Floats
    known: Floats

    @classmethod
    def of(cls, at: NDArray[np.generic], *columns: ArrayLike, weight: Floats | None = None) -> Windowed:
        """Events with columns of [events] or [events, k], NaN where unknown; without `weight` each weighs one."""
        values = np.column_stack([np.asarray(column, np.float64) for column in columns] or [np.empty((len(at), 0))])
        each = np.ones((len(at), 1)) if weight is None else weight[:, None]
        weights = _running(each)
        if not np.isnan(values.sum()):
            return cls(at, weights, _running(values if weight is None else values * each), weights)
        known = ~np.isnan(values)
        return cls(at, weights, _running(np.where(known, values, 0.0) * each), _running(known * each))

    def weight(self, starts: ArrayLike, ends: ArrayLike) -> Floats:
        """Weight of all events of each window, from its start to before its end, [windows]."""
        return np.asarray((self._rows(self.weights, starts, ends))[:, 0])

    def means(self, starts: ArrayLike, ends: ArrayLike) -> Floats:
        """Means of the columns in each window, [windows, columns]; NaN where nothing is known."""
        weight = self._rows(self.known, starts, ends)
        return np.asarray(self._rows(self.sums, starts, ends) / np.where(weight > 0, weight, np.nan))

    def _rows(self, sums: Floats, starts: ArrayLike, ends: ArrayLike) -> Floats:
        return np.asarray(sums[self.at.searchsorted(ends)] - sums[self.at.searchsorted(starts)])


def _running(rows: Floats) -> Floats:
    sums = np.zeros((len(rows) + 1, rows.shape[1]))
    rows.cumsum(axis=0, out=sums[1:])
    return sums
