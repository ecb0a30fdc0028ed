"""What an element is: a measured number, histogram or table of shares, with unit, meaning and source.

Each element is declared once, as the annotation of a field of `Pitch`, `Rhythm`, `Harmony` or `Emotion`;
`profile.ELEMENTS` lists them all by dotted name ("rhythm.syncopation"), for the card, the docs, the distance and the
tests.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from functools import cache
from typing import Any, get_args, get_type_hints

import numpy as np
from numpy.typing import NDArray

DEGREES = ("1", "♭2", "2", "♭3", "3", "4", "♯4", "5", "♭6", "6", "♭7", "7")

TRANSPOSITION = "transposition"
PITCH_SHUFFLE = "pitch shuffle"
MOST_SHARES = 128


@dataclass(frozen=True, slots=True)
class Figure:
    """A single number.

    Attributes:
        unit: what it counts; "" for a bare ratio.
        meaning: one line for people.
        source: the paper or book it follows; "counted" when nothing needs citing.
        low, high: the range no value can leave.
        spread: how far two pieces of different style lie apart, typically; the unit of `profile_distance`.
        keeps: what can be done to a piece without changing the figure.
    """

    unit: str
    meaning: str
    source: str
    low: float
    high: float
    spread: float
    keeps: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Histogram:
    """Shares that sum to 1 over fixed, ordered classes; all 0 when there is nothing to count."""

    labels: tuple[str, ...]
    meaning: str
    source: str
    keeps: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Shares:
    """Shares that sum to 1 over named classes without order or fixed number; empty when there is nothing to count."""

    meaning: str
    source: str
    keeps: frozenset[str] = frozenset()


Element = Figure | Histogram | Shares


@cache
def declared_elements(group: type) -> dict[str, Element]:
    """The elements that annotate the fields of a dataclass, by field name, in order."""
    found: dict[str, Element] = {}
    for name, hint in get_type_hints(group, include_extras=True).items():
        elements = [extra for extra in get_args(hint)[1:] if isinstance(extra, (Figure, Histogram, Shares))]
        if elements:
            found[name] = elements[0]
    return found


def figure(value: Any) -> float:
    """A plain float of six digits, so that a profile is the same before and after JSON."""
    return float(f"{float(value):.6g}")


def histogram(weights: NDArray[Any]) -> tuple[float, ...]:
    """Weights as shares of their sum; all 0 when the sum is."""
    total = float(weights.sum())
    shares = weights / total if total > 0 else np.zeros(len(weights))
    return tuple(figure(share) for share in shares)


def shares(weights: dict[str, float]) -> dict[str, float]:
    """Named weights as shares of their sum: at most `MOST_SHARES`, the largest first, none of no weight."""
    ordered = sorted(weights.items(), key=lambda item: (-item[1], item[0]))[:MOST_SHARES]
    total = sum(weight for _, weight in ordered)
    return {name: figure(weight / total) for name, weight in ordered if weight > 0}


def entropy_bits(weights: NDArray[Any]) -> float:
    """Shannon entropy of weights that need not sum to 1; 0 when they are all 0."""
    total = float(weights.sum())
    if total <= 0:
        return 0.0
    p = weights[weights > 0] / total
    return max(0.0, float(-(p * np.log2(p)).sum()))


def plain(value: Any) -> Any:
    """A dataclass as a table, and those inside it; as `dataclasses.asdict`, but numbers are not copied one by one."""
    if is_dataclass(value):
        return {one.name: plain(getattr(value, one.name)) for one in fields(value)}
    if isinstance(value, tuple) and value and is_dataclass(value[0]):
        return tuple(map(plain, value))
    return dict(value) if isinstance(value, Mapping) else value
