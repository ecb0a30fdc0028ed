"""Two profiles beside each other: in which elements they differ, by how much, and whether that could be chance.

Everything is compared from the profiles alone, so that a style of the library can stand beside a folder. Effects have
one scale, that of Cohen's d (1988): .2 is small, .5 medium, .8 large, 1.2 very large, 2 huge (Sawilowsky 2009).

Figures. Between two folders: Hedges' g, the difference of the means in standard deviations within, corrected for few
pieces, with its 95 % interval (Hedges & Olkin 1985, ch. 5) and the p-value of Welch's t-test. Between a piece and a
folder: how many of the folder's standard deviations the piece lies from its mean, with the p-value of a new piece from
it. Between two pieces: the difference in units of the element's `spread`, what usually lies between two styles; one
piece against one has no p-value. A deviation counts at least a tenth of `spread`, so that equal pieces make no infinite
effect. The p-values of all figures together are adjusted for their number (Benjamini & Hochberg 1995).

Histograms and tables of shares. The Jensen-Shannon divergence, less what lies between two pieces of one kind
(`norms.DIVERGENCES`), which shrinks as pieces are pooled; what is left is told as the d of two normal distributions of
the same divergence.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from typing import Any, cast

import numpy as np

from stilo.elements.figures import Figure, figure
from stilo.elements.norms import DIVERGENCES
from stilo.elements.pooling import element_distance, profile_distance
from stilo.elements.record import ELEMENTS, NOT_STYLE, Profile, Value

ALPHA = 0.05
_SIZES = ((0.2, "negligible"), (0.5, "small"), (0.8, "medium"), (1.2, "large"), (2.0, "very large"))
_NEAREST_STYLES, _FARTHEST_STYLES = 0.09, 0.59  # distances that were measured between styles
_LEAST_DEVIATION = 0.1  # of the element's spread
_Z_95 = 1.96


@dataclass(frozen=True, slots=True)
class Difference:
    """How two profiles differ in one element.

    Attributes:
        name: dotted name of the element.
        a, b: the values.
        effect: of a figure above 0 where b has more; of a histogram or table at least 0.
        low, high: 95 % interval of the effect, of figures between two folders.
        p: probability of such a difference by chance, adjusted for the number of figures; None where it is not known.
        distance: Jensen-Shannon distance, 0…1, of histograms and tables.
    """

    name: str
    a: Value
    b: Value
    effect: float
    low: float | None = None
    high: float | None = None
    p: float | None = None
    distance: float | None = None

    @property
    def size(self) -> str:
        """The effect in a word, "negligible" … "huge"."""
        return next((word for bound, word in _SIZES if abs(self.effect) < bound), "huge")

    @property
    def may_be_chance(self) -> bool:
        spans_zero = self.low is not None and self.high is not None and self.low <= 0 <= self.high
        return self.p is not None and (self.p > ALPHA or spans_zero)


@dataclass(frozen=True)
class Comparison:
    """Two profiles beside each other.

    Attributes:
        a, b: the profiles.
        distance: `profile_distance`, 0 = same.
        differences: of every element but keys and lengths, the largest effect first.
    """

    a: Profile
    b: Profile
    distance: float
    differences: tuple[Difference, ...]

    @property
    def distance_words(self) -> str:
        """How far the two lie apart, in words, on the scale from the nearest styles measured to the farthest."""
        third = (_FARTHEST_STYLES - _NEAREST_STYLES) / 3
        bounds = (
            (_NEAREST_STYLES, "nearer than any two styles measured"),
            (_NEAREST_STYLES + third, "near each other"),
            (_NEAREST_STYLES + 2 * third, "clearly apart"),
            (_FARTHEST_STYLES, "far apart"),
        )
        words = next((word for bound, word in bounds if self.distance < bound), "farther than any two styles measured")
        words = "the same" if self.distance == 0 else words
        return f"{self.distance:.2f}, {words}; 0 is the same, styles lie {_NEAREST_STYLES} … {_FARTHEST_STYLES} apart"

    @property
    def beyond_chance(self) -> int | None:
        """How many figures differ beyond chance; None between two single pieces, where that cannot be told."""
        known = [difference for difference in self.differences if difference.p is not None]
        return sum(not difference.may_be_chance for difference in known) if known else None

    def to_json(self) -> dict[str, Any]:
        """Everything as plain JSON, the largest difference first."""
        from stilo.elements.contrasts import common_lines, difference_line

        return {
            "pieces": [self.a.pieces, self.b.pieces],
            "distance": figure(self.distance),
            "differences": [
                {
                    "element": item.name,
                    "a": item.a,
                    "b": item.b,
                    "effect": figure(item.effect),
                    "size": item.size,
                    "interval": None
                    if item.low is None or item.high is None
                    else [figure(item.low), figure(item.high)],
                    "p": None if item.p is None else figure(item.p),
                    "jensen_shannon": None if item.distance is None else figure(item.distance),
                    "text": difference_line(self, item),
                }
                for item in self.differences
            ],
            "common": common_lines(self),
        }


def compare_profiles(a: Profile, b: Profile) -> Comparison:
    """Compare every element of two profiles, of pieces or of folders.

    Pitch and harmony are left out unless both have pitched notes.
    """
    both_pitched = a.pitch.pitched_share > 0 and b.pitch.pitched_share > 0
    names = [name for name in ELEMENTS if name not in NOT_STYLE]
    names = [name for name in names if both_pitched or not name.startswith(("pitch.", "harmony."))]
    found = [_difference(a, b, name) for name in names]
    adjusted = adjusted_for_number([difference.p for difference in found])
    found = [
        Difference(d.name, d.a, d.b, d.effect, d.low, d.high, p, d.distance)
        for d, p in zip(found, adjusted, strict=True)
    ]
    found.sort(key=lambda difference: (-abs(difference.effect), difference.name))
    return Comparison(a, b, profile_distance(a, b), tuple(found))


def _difference(a: Profile, b: Profile, name: str) -> Difference:
    element = ELEMENTS[name]
    if isinstance(element, Figure):
        return _figure_difference(a, b, name, element)
    distance = element_distance(a, b, name, element)
    by_chance = DIVERGENCES.get(name, 0.0) * (1 / a.pieces + 1 / b.pieces) / 2
    effect = shift_of_divergence(distance**2 - by_chance)
    return Difference(name, a.value(name), b.value(name), effect, distance=distance)


def _figure_difference(a: Profile, b: Profile, name: str, element: Figure) -> Difference:
    first, second = cast(float, a.value(name)), cast(float, b.value(name))
    least = _LEAST_DEVIATION * element.spread
    deviations = [_sample_deviation(profile, name, least) for profile in (a, b)]
    counts = (a.pieces, b.pieces)
    low = high = p = None
    if min(counts) > 1:
        effect, low, high = hedges_g(second - first, deviations[0], deviations[1], *counts)
        p = _welch_p(second - first, deviations[0], deviations[1], *counts)
    elif max(counts) > 1:
        folder = int(counts[1] > 1)
        effect = (second - first) / deviations[folder]
        p = _t_p(effect / math.sqrt(1 + 1 / counts[folder]), counts[folder] - 1)
    else:
        effect = (second - first) / element.spread
    return Difference(name, first, second, effect, low, high, p)


def _sample_deviation(profile: Profile, name: str, least: float) -> float:
    """Standard deviation between the pieces, freed of the bias of few of them."""
    if profile.pieces < 2:
        return least
    return max(least, profile.spread.get(name, 0.0) * math.sqrt(profile.pieces / (profile.pieces - 1)))


def hedges_g(
    difference: float, deviation_a: float, deviation_b: float, pieces_a: int, pieces_b: int
) -> tuple[float, float, float]:
    """Hedges' g of a difference of means, and the ends of its 95 % interval; deviations are of samples (n − 1)."""
    freedom = pieces_a + pieces_b - 2
    variance = ((pieces_a - 1) * deviation_a**2 + (pieces_b - 1) * deviation_b**2) / freedom
    g = difference / math.sqrt(variance) * (1 - 3 / (4 * freedom - 1))
    error = math.sqrt((pieces_a + pieces_b) / (pieces_a * pieces_b) + g**2 / (2 * (pieces_a + pieces_b)))
    return g, g - _Z_95 * error, g + _Z_95 * error


def _welch_p(difference: float, deviation_a: float, deviation_b: float, pieces_a: int, pieces_b: int) -> float:
    """Two-sided p-value of Welch's t-test from means and deviations."""
    parts = (deviation_a**2 / pieces_a, deviation_b**2 / pieces_b)
    freedom = sum(parts) ** 2 / (parts[0] ** 2 / (pieces_a - 1) + parts[1] ** 2 / (pieces_b - 1))
    return _t_p(difference / math.sqrt(sum(parts)), freedom)


def _t_p(t: float, freedom: float) -> float:
    from scipy.special import stdtr

    return float(2 * stdtr(freedom, -abs(t)))


def adjusted_for_number(given: list[float | None]) -> list[float | None]:
    """p-values adjusted so that of those below a bound no larger share is false (Benjamini & Hochberg 1995)."""
    known = sorted((p, i) for i, p in enumerate(given) if p is not None)
    adjusted: list[float | None] = [None] * len(given)
    least = 1.0
    for rank in range(len(known), 0, -1):
        p, i = known[rank - 1]
        least = min(least, p * len(known) / rank)
        adjusted[i] = least
    return adjusted


@cache
def _shifts() -> tuple[Any, Any]:
    """Jensen-Shannon divergences, bits, of two unit normal distributions, and how far they lie apart: [201], 0…4."""
    x = np.linspace(-10, 10, 4001)
    apart = np.linspace(0, 4, 201)
    p = np.exp(-((x[None] + apart[:, None] / 2) ** 2) / 2)
    q = p[:, ::-1]
    mean = (p + q) / 2
    divergence = (p * np.log2(p / mean) + q * np.log2(q / mean)).sum(axis=1) / 2 / p.sum(axis=1)
    return divergence, apart


def shift_of_divergence(divergence: float) -> float:
    """How many standard deviations two normal distributions of this divergence (bits) lie apart, 0…4."""
    divergences, apart = _shifts()
    return float(np.interp(divergence, divergences, apart))
