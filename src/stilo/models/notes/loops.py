"""No endless loops: stretches of bars that have been repeated often enough are not repeated once more.

Real music hardly ever plays much the same bar more than three times in a row, or the same two, four or eight bars more
than twice or so (docs/experiments.md); a model that copies well sometimes does not stop.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy

LAGS = (1, 2, 4, 8)
USUAL_REPEATS = (2.0, 1.5, 1.25, 1.0)
ALIKE = 0.6
FRESH_BARS = 2

Bar = frozenset[tuple[int, int, int]]  # slot in the bar, part, pitch


def are_alike(one: Bar, other: Bar) -> bool:
    """Whether most notes of two bars are the same; empty ones are like nothing."""
    return bool(one) and len(one & other) >= ALIKE * max(len(one), len(other))


def longest_repeats(bars: Sequence[Bar]) -> tuple[float, ...]:
    """For each of `LAGS` how many times in a row, at most, so many bars were the same as those before them."""
    runs, longest = [0] * len(LAGS), [0] * len(LAGS)
    for number, bar in enumerate(bars):
        runs = _runs_after(runs, bars[max(0, number - LAGS[-1]) : number], bar)
        longest = list(map(max, longest, runs))
    return tuple(run / lag for run, lag in zip(longest, LAGS, strict=True))


def _runs_after(runs: Sequence[int], before: Sequence[Bar], bar: Bar) -> list[int]:
    """How many bars in a row were like those so many before them, after one more."""
    return [
        run + 1 if len(before) >= lag and are_alike(bar, before[-lag]) else 0
        for run, lag in zip(runs, LAGS, strict=True)
    ]


class Loops:
    """Of one piece that is being written.

    Args:
        bar_slots: length of a bar.
        most: for each of `LAGS` how many times in a row so many bars may be repeated.
        returns: for each bar from how many bars ago it is to return, 0 = it is not; later bars are as the last. What is
            asked for is no loop.
    """

    def __init__(self, bar_slots: int, most: Sequence[float], returns: Sequence[int] = ()) -> None:
        self.bar_slots, self.most, self._returns = bar_slots, tuple(most), returns
        self._bars: list[Bar] = []
        self._bar: set[tuple[int, int, int]] = set()
        self._runs = [0] * len(LAGS)
        self._fresh_until = 0

    def copy(self) -> Loops:
        """One that goes on by itself."""
        twin = copy(self)
        twin._bars, twin._bar, twin._runs = self._bars.copy(), self._bar.copy(), self._runs.copy()
        return twin

    def push(self, onset: int, part: int, pitch: int, *, is_given: bool = False) -> bool:
        """A note stands there now; whether what comes next ought to be new. Given notes may go round as they like."""
        bar = onset // self.bar_slots
        while len(self._bars) < bar:
            self._close()
        if not is_given:
            self._bar.add((onset % self.bar_slots, part, pitch))
        return bar < self._fresh_until and not self._is_to_return(bar)

    def _is_to_return(self, bar: int) -> bool:
        return bool(self._returns) and self._returns[min(bar, len(self._returns) - 1)] > 0

    def _close(self) -> None:
        """The bar is over."""
        bars, bar = self._bars, frozenset(self._bar)
        number = len(bars)
        self._runs = [0] * len(LAGS) if self._is_to_return(number) else _runs_after(self._runs, bars, bar)
        for run, most, lag in zip(self._runs, self.most, LAGS, strict=True):
            if run >= most * lag:
                self._fresh_until = number + 1 + max(FRESH_BARS, lag // 2)
        bars.append(bar)
        self._bar = set()
