"""How work talks to whoever waits: `progress(what is being done, share done 0…1)` and `notice(one line)`."""

from __future__ import annotations

from collections.abc import Callable

Progress = Callable[[str, float], None]
Notice = Callable[[str], None]


def silent(_what: str, _share: float) -> None:
    """Tell nobody how far it is."""


def unheard(_line: str) -> None:
    """Tell nobody what was noticed."""


def part_of(progress: Progress, start: float, end: float) -> Progress:
    """Progress of a stage that lasts from `start` to `end` of the whole."""

    def within(what: str, share: float) -> None:
        progress(what, start + (end - start) * min(1.0, max(0.0, share)))

    return within
