"""A piece held against what a style learned from and against what the base model was trained on, at once."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from stilo.music.score import Score
from stilo.originality.base import BaseIndex
from stilo.originality.check import Originality, Verdict, check_trace
from stilo.originality.index import Index
from stilo.originality.level import Level
from stilo.originality.lines import are_drums_compared, notes_of_score
from stilo.originality.passages import Passage
from stilo.originality.runs import runs_of, trace_of
from stilo.originality.twins import SAME_FROM

_VERDICTS: tuple[Verdict, ...] = ("original", "too short", "near", "copied")
_LEAST_P95 = 1e-9  # bits; a level may be 0 where nothing is shared, and is divided by


def _p95_of(level: Level) -> float:
    return max(level.p95, _LEAST_P95)


@dataclass(frozen=True, slots=True)
class Findings:
    """What a piece shares.

    Attributes:
        pieces: with the person's pieces; None when it was held against none.
        base: with the pieces of the base model; None when no index of them is installed, and of drums alone.
        rewritten: bars, first and last counted from 1, that were composed anew because of what they shared.
    """

    pieces: Originality | None
    base: Originality | None
    rewritten: tuple[tuple[int, int], ...] = ()

    @property
    def each(self) -> Iterator[Originality]:
        return (one for one in (self.pieces, self.base) if one is not None)

    @property
    def verdict(self) -> Verdict | None:
        """The worse of both; None when it was held against nothing."""
        return max((one.verdict for one in self.each), key=_VERDICTS.index, default=None)

    @property
    def excess(self) -> float:
        """The most bits over the p95 that human pieces have of them; up to 1 a piece is original."""
        return max((one.bits / _p95_of(one.level) for one in self.each), default=0.0)

    @property
    def worst(self) -> Passage | None:
        """The passage that is furthest over its p95; None when none is."""
        beyond = [(passage.bits / _p95_of(one.level), passage) for one in self.each for passage in one.beyond]
        return max(beyond, key=lambda pair: pair[0])[1] if beyond else None

    def to_json(self) -> dict[str, Any]:
        """As plain JSON; bars are counted from 1."""
        return {
            "verdict": self.verdict,
            "pieces": None if self.pieces is None else self.pieces.to_json(),
            "base": None if self.base is None else self.base.to_json(),
            "rewritten_bars": [list(bars) for bars in self.rewritten],
        }


@dataclass(frozen=True, eq=False)
class Against:
    """What pieces are held against.

    Attributes:
        index: of the person's pieces, with `level`, what these share with each other; None = no such pieces are known.
        base: the base model's pieces; None = not installed.
    """

    index: Index | None
    level: Level
    base: BaseIndex | None

    def check(self, score: Score, left_out: Collection[int] = ()) -> Findings:
        """What a score that stands on its grid shares; with each of the person's pieces but those of `left_out`.

        Drums are held against the person's pieces alone. Where none is left of these, nothing is told of them.
        """
        trace = trace_of(notes_of_score(score))
        index, base = self.index, self.base
        own = with_base = None
        if index is not None and len(set(left_out)) < len(index.names):
            own = check_trace(trace, index, self.level, left_out)
        if base is not None and not are_drums_compared(score):
            with_base = check_trace(trace, base, base.level)
        return Findings(own, with_base)

    def same(self, score: Score, numbers: Collection[int]) -> list[int]:
        """Which of the person's pieces of these numbers are the same as a score, or twins of it.

        A piece is when most of its runs, some of which may have been left out, are runs of the score.
        """
        if self.index is None or not numbers:
            return []
        shares = self.index.shares_in(np.unique(runs_of(notes_of_score(score))["hash"]))
        return [number for number in numbers if shares[number] >= SAME_FROM]
