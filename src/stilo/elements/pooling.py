"""Many profiles as one, and how far two lie apart."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, cast

import numpy as np

from stilo.elements.figures import Figure, Histogram, Shares, figure, histogram, shares
from stilo.elements.layout import Floats
from stilo.elements.record import ELEMENTS, GROUPS, Profile

MOST_SHARES = 128
_NEEDS_PITCH = ("pitch.", "harmony.")


def pool_profiles(profiles: Iterable[Profile]) -> Profile:
    """The profile of a folder: the mean of each element over the pieces, and the spread of the figures.

    Pitch and harmony are averaged over the pieces that have pitched notes. A pooled profile counts
    as many times as there are pieces in it.

    Raises:
        ValueError: no profile was given.
    """
    all_profiles = list(profiles)
    if not all_profiles:
        raise ValueError("no profiles to pool")
    pitched = [profile for profile in all_profiles if profile.pitch.pitched_share > 0] or all_profiles
    fields: dict[str, dict[str, Any]] = {group: {} for group in GROUPS}
    spread: dict[str, float] = {}
    for name, element in ELEMENTS.items():
        group, attribute = name.split(".")
        chosen = pitched if name.startswith(_NEEDS_PITCH) and name != "pitch.pitched_share" else all_profiles
        weights = np.array([profile.pieces for profile in chosen], np.float64)
        values: list[Any] = [profile.value(name) for profile in chosen]
        if isinstance(element, Figure):
            mean, deviation = _figure_mean(values, weights, [profile.spread.get(name, 0.0) for profile in chosen])
            fields[group][attribute] = figure(np.clip(mean, element.low, element.high))
            spread[name] = figure(deviation)
        elif isinstance(element, Histogram):
            fields[group][attribute] = histogram(weights @ np.array(values))
        else:
            fields[group][attribute] = _mean_shares(values, weights)
    groups: dict[str, Any] = {group: type_(**fields[group]) for group, type_ in GROUPS.items()}
    return Profile(**groups, pieces=sum(profile.pieces for profile in all_profiles), spread=spread)


def _figure_mean(values: Sequence[float], weights: Floats, spreads: Sequence[float]) -> tuple[float, float]:
    """Weighted mean, and the deviation within and between."""
    points = np.array(values, np.float64)
    mean = float(np.average(points, weights=weights))
    variance = float(np.average((points - mean) ** 2 + np.array(spreads) ** 2, weights=weights))
    return mean, variance**0.5


def _mean_shares(tables: Sequence[dict[str, float]], weights: Floats) -> dict[str, float]:
    total: dict[str, float] = {}
    for table, weight in zip(tables, weights.tolist(), strict=True):
        for label, share in table.items():
            total[label] = total.get(label, 0.0) + weight * share
    largest = sorted(total.items(), key=lambda item: (-item[1], item[0]))[:MOST_SHARES]
    return shares(dict(largest))


def profile_distance(a: Profile, b: Profile) -> float:
    """How far two profiles lie apart: 0 for the same, symmetric, at most 1.

    The mean over the four groups of the mean over their elements: for histograms and shares the Jensen-Shannon
    distance (square root of the divergence in bits; Endres & Schindelin 2003), for figures d / (1 + d), d being the
    difference in units of the element's `spread`. The keys and the lengths of the pieces are left out: they are no
    matter of style.
    """
    parts: dict[str, list[float]] = {group: [] for group in GROUPS}
    for name, element in ELEMENTS.items():
        if name not in ("harmony.keys", "rhythm.bars", "rhythm.seconds", "rhythm.sections"):
            parts[name.split(".")[0]].append(element_distance(a, b, name, element))
    return float(np.mean([np.mean(distances) for distances in parts.values()]))


def element_distance(a: Profile, b: Profile, name: str, element: Figure | Histogram | Shares) -> float:
    """Distance of two profiles in one element, 0…1."""
    first, second = a.value(name), b.value(name)
    if isinstance(element, Figure):
        d = abs(cast(float, first) - cast(float, second)) / element.spread
        return d / (1 + d)
    if isinstance(element, Histogram):
        return jensen_shannon(np.array(first), np.array(second))
    p, q = cast("dict[str, float]", first), cast("dict[str, float]", second)
    labels = sorted(p.keys() | q.keys())
    return jensen_shannon(np.array([p.get(k, 0.0) for k in labels]), np.array([q.get(k, 0.0) for k in labels]))


def jensen_shannon(p: Floats, q: Floats) -> float:
    """Jensen-Shannon distance of two rows of shares, 0…1; 1 when just one of them is empty."""
    if p.sum() == 0 or q.sum() == 0:
        return 0.0 if p.sum() == q.sum() else 1.0
    p, q = p / p.sum(), q / q.sum()
    mean = (p + q) / 2

    def divergence(r: Floats) -> float:
        held = r > 0
        return float((r[held] * np.log2(r[held] / mean[held])).sum())

    return float(np.sqrt(np.clip((divergence(p) + divergence(q)) / 2, 0.0, 1.0)))
