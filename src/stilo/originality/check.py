"""A piece held against others: what it shares, whether that is more than human pieces share, and in which bars."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np

from stilo.originality.index import Known, Shared
from stilo.originality.level import Level
from stilo.originality.lines import Integers
from stilo.originality.passages import Passage, most_bits, passages
from stilo.originality.runs import RunArray, Trace
from stilo.originality.stock import Floats, Stock, first_runs

Verdict = Literal["original", "too short", "near", "copied"]
WHOLE_FROM = 0.9  # of the bits that a piece comes to at most: one added note, or a bar that is common, is no difference
WHOLE_FROM_BITS = 15.0  # two bars cut out of unseen pieces, with so many bits, stand in another one .008 of the time


@dataclass(frozen=True, slots=True)
class Originality:
    """What a piece shares with some others.

    Attributes:
        bits: of the best passage, weighed by rarity; 0 when nothing is shared.
        level: what human pieces share.
        passages: those over the level's p95, the best first; else the best one alone, or none.
        copied_share: of the notes of the melody, those in the bars of passages that are copied, 0…1.
        near_share: those in the bars of passages over p95, copied or near, 0…1.
        is_too_short: whether even a piece that is the same, note for note, would not share `copy` bits with it.
        whole_of: name of the piece in which nearly all of a piece that is too short stands; "" where none is.
    """

    bits: float
    level: Level
    passages: tuple[Passage, ...]
    copied_share: float
    near_share: float = 0.0
    is_too_short: bool = False
    whole_of: str = ""

    @property
    def verdict(self) -> Verdict:
        """Original up to the level's p95, copied from `copy` on, near between them.

        Of a piece that is too short nothing is told up to the p95, but that it is near where all of it stands in one.
        """
        if self.bits >= self.level.copy and self.bits > self.level.p95:
            return "copied"
        if self.bits > self.level.p95 or self.whole_of:
            return "near"
        return "too short" if self.is_too_short else "original"

    @property
    def originality(self) -> float:
        """1 = nothing beyond what human pieces share … 0 = all copied: p95 over the bits."""
        return 1.0 if self.bits <= self.level.p95 else self.level.p95 / self.bits

    @property
    def beyond(self) -> tuple[Passage, ...]:
        """The passages over the level's p95."""
        return tuple(passage for passage in self.passages if passage.bits > self.level.p95)

    def to_json(self) -> dict[str, Any]:
        """As plain JSON; under `runs` are the passages, as long runs of notes that are shared."""
        return {
            "originality": None if self.is_too_short else round(self.originality, 3),
            "verdict": self.verdict,
            "too_short": self.is_too_short,
            "whole_of": self.whole_of or None,
            "bits": round(self.bits, 1),
            "level": {name: round(value, 1) for name, value in self.level.to_json().items()},
            "copied_share": round(self.copied_share, 3),
            "near_share": round(self.near_share, 3),
            "runs": [_passage_json(passage) for passage in self.passages],
        }


def _passage_json(passage: Passage) -> dict[str, Any]:
    return asdict(passage) | {"bits": round(passage.bits, 1)}


def check_trace(trace: Trace, known: Known, level: Level, left_out: Collection[int] = ()) -> Originality:
    """Hold a piece against others, all but those of the numbers `left_out`; bars are counted from 1."""
    found = tuple(passages(trace, known, known.shared(trace.runs, left_out), level.p95))
    bits = max((passage.bits for passage in found), default=0.0)
    copied = _share_in(trace, [passage.bars for passage in found if passage.bits >= level.copy])
    near = _share_in(trace, [passage.bars for passage in found if passage.bits > level.p95])
    is_too_short = bits < level.copy and _bits_of_all(trace, known.stock) < level.copy
    whole_of = found[0].source if is_too_short and _is_whole(trace, known.stock, bits) else ""
    return Originality(bits, level, found, copied, near, is_too_short, whole_of)


def _bits_of_all(trace: Trace, stock: Stock) -> float:
    """What a piece would share with one that has all of its runs, were what comes again in it no figure."""
    runs = trace.as_it_stands
    return _bits_alone(runs, np.arange(len(runs)), stock.rarity(runs["hash"]) * runs["share"])


def _is_whole(trace: Trace, stock: Stock, bits: float) -> bool:
    runs = trace.as_it_stands
    first, share = first_runs(runs)
    most = _bits_alone(runs, first, stock.rarity(runs["hash"][first]) * share)
    return bits >= WHOLE_FROM * most >= WHOLE_FROM * WHOLE_FROM_BITS


def _bits_alone(runs: RunArray, run: Integers, bits: Floats) -> float:
    return most_bits(runs, Shared(run, np.zeros(len(run), np.int64), np.maximum(0, bits)))


def _share_in(trace: Trace, bars: Sequence[tuple[int, int]]) -> float:
    """Share of the melody's notes in bars given as (first, last), counted from 1."""
    inside = np.zeros(len(trace.melody_bar), bool)
    for first, last in bars:
        inside |= (trace.melody_bar >= first - 1) & (trace.melody_bar <= last - 1)
    return float(inside.mean()) if len(inside) else 0.0
