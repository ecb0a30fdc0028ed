"""A piece held against others: what it shares, whether that is more than human pieces share, and in which bars."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np

from stilo.originality.index import Known
from stilo.originality.level import Level
from stilo.originality.passages import Passage, passages
from stilo.originality.runs import Trace

Verdict = Literal["original", "near", "copied"]


@dataclass(frozen=True, slots=True)
class Originality:
    """What a piece shares with some others.

    Attributes:
        bits: of the best passage, weighed by rarity; 0 when nothing is shared.
        level: what human pieces share.
        passages: those over the level's p95, the best first; else the best one alone, or none.
        copied_share: of the notes of the melody, those in the bars of passages that are copied, 0…1.
        near_share: those in the bars of passages over p95, copied or near, 0…1.
    """

    bits: float
    level: Level
    passages: tuple[Passage, ...]
    copied_share: float
    near_share: float = 0.0

    @property
    def verdict(self) -> Verdict:
        """Original up to the level's p95, copied from `copy` on, near between them."""
        if self.bits <= self.level.p95:
            return "original"
        return "copied" if self.bits >= self.level.copy else "near"

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
            "originality": round(self.originality, 3),
            "verdict": self.verdict,
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
    return Originality(bits, level, found, copied, near)


def _share_in(trace: Trace, bars: Sequence[tuple[int, int]]) -> float:
    """Share of the melody's notes in bars given as (first, last), counted from 1."""
    inside = np.zeros(len(trace.melody_bar), bool)
    for first, last in bars:
        inside |= (trace.melody_bar >= first - 1) & (trace.melody_bar <= last - 1)
    return float(inside.mean()) if len(inside) else 0.0
