"""Repeats, endings and jumps: from the bars as written to the bars as played."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

MAX_PASSES = 16


@dataclass
class BarMarks:
    """What stands at a bar about the order of playing.

    Attributes:
        begins_repeat, ends_repeat: repeat signs at its beginning and end.
        passes: how often the section ending here is played, endings aside.
        endings: the passes in which this bar is played; empty for all.
        jump: "capo" or "segno", where to go after this bar.
        is_segno, is_coda: targets of jumps, at its beginning.
        is_fine, goes_to_coda: what to do after this bar once a jump was taken.
    """

    begins_repeat: bool = False
    ends_repeat: bool = False
    passes: int = 2
    endings: frozenset[int] = frozenset()
    jump: str = ""
    is_segno: bool = False
    is_coda: bool = False
    is_fine: bool = False
    goes_to_coda: bool = False


class TooManyBars(Exception):
    """The repeats unfold to more bars than asked for at most."""


def playing_order(bars: Sequence[BarMarks], limit: int) -> list[int]:
    """Indices of the bars in the order in which they are played.

    A jump is taken once, and after it every section is played as on its last pass.

    Raises:
        TooManyBars: more than `limit` bars.
    """
    order: list[int] = []
    at, start, this_pass, jumped = 0, 0, 1, False
    last = _last_pass(bars, 0)
    while at < len(bars):
        bar = bars[at]
        if at > start and (bar.begins_repeat or _follows_a_section(bars, at)):
            start, last = at, _last_pass(bars, at)
            this_pass = last if jumped else 1
        if bar.endings and this_pass not in bar.endings:
            at += 1
            continue
        order.append(at)
        if len(order) > limit:
            raise TooManyBars
        if bar.ends_repeat and this_pass < last and not jumped:
            at, this_pass = start, this_pass + 1
        elif jumped and bar.is_fine:
            break
        elif jumped and bar.goes_to_coda and (coda := _find(bars, "is_coda", at + 1)) is not None:
            at = start = coda
            last = this_pass = _last_pass(bars, coda)
        elif bar.jump and not jumped:
            jumped = True
            segno = _find(bars, "is_segno", 0) if bar.jump == "segno" else 0
            at = start = segno or 0
            last = this_pass = _last_pass(bars, start)
        else:
            at += 1
    return order


def _follows_a_section(bars: Sequence[BarMarks], at: int) -> bool:
    """Does a section end right before this bar, so that a later repeat sign goes back to here?"""
    before = bars[at - 1]
    if before.endings:
        return not bars[at].endings or (1 in bars[at].endings and 1 not in before.endings)
    return before.ends_repeat and not bars[at].endings


def _last_pass(bars: Sequence[BarMarks], start: int) -> int:
    """How often the section that begins at `start` is played."""
    last = 1
    for at in range(start, len(bars)):
        if at > start and (bars[at].begins_repeat or _follows_a_section(bars, at)):
            break
        endings = bars[at].endings
        last = max(last, *endings) if endings else max(last, bars[at].passes if bars[at].ends_repeat else 1)
    return min(last, MAX_PASSES)


def _find(bars: Sequence[BarMarks], mark: str, start: int) -> int | None:
    return next((at for at in range(start, len(bars)) if getattr(bars[at], mark)), None)
