"""No endless loops: stretches of bars that have been repeated often enough are not repeated once more.

Real music hardly ever plays the same one, two, four or eight bars more than three times, or twice, in a row
(docs/experiments.md); a model that copies well sometimes does not stop.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy

LAGS = (1, 2, 4, 8)
USUAL_REPEATS = (2.0, 1.0, 1.0, 1.0)
ALIKE = 0.85
FRESH_BARS = 2

Bar = frozenset[tuple[int, int, int]]  # slot in the bar, part, pitch


def are_alike(one: Bar, other: Bar) -> bool:
    """Whether two bars are the same but for an odd note; empty ones are like nothing."""
    return bool(one) and len(one & other) >= ALIKE * max(len(one), len(other))


def longest_repeats(bars: Sequence[Bar]) -> tuple[float, ...]:
    """For each of `LAGS` how many times in a row, at most, so many bars were the same as those before them."""
    found = []
    for lag in LAGS:
        run = longest = 0
        for earlier, bar in zip(bars, bars[lag:], strict=False):
            run = run + 1 if are_alike(bar, earlier) else 0
            longest = max(longest, run)
        found.append(longest / lag)
    return tuple(found)


class Loops:
    """Of one piece that is being written.

    Args:
        bar_slots: length of a bar.
        most: for each of `LAGS` how many times in a row so many bars may be repeated.
        returns: for each bar from how many bars ago it is to return, 0 = it is not; what is asked for is no loop.
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

    def push(self, onset: int, part: int, pitch: int) -> bool:
        """A note was written; whether what comes next ought to be new."""
        bar = onset // self.bar_slots
        while len(self._bars) < bar:
            self._close()
        self._bar.add((onset % self.bar_slots, part, pitch))
        return bar < self._fresh_until

    def _close(self) -> None:
        """The bar is over."""
        bars, bar = self._bars, frozenset(self._bar)
        number = len(bars)
        returns = self._returns[number] if number < len(self._returns) else 0
        for i, lag in enumerate(LAGS):
            again = number >= lag and lag != returns and are_alike(bar, bars[number - lag])
            self._runs[i] = self._runs[i] + 1 if again else 0
            if self._runs[i] >= self.most[i] * lag:
                self._fresh_until = number + 1 + max(FRESH_BARS, lag // 2)
        bars.append(bar)
        self._bar = set()
