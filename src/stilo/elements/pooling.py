"""Many profiles as one, and how far two lie apart."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, cast

import numpy as np

from stilo.elements.figures import Figure, Histogram, Shares, figure, histogram, shares
from stilo.elements.layout import Floats
from stilo.elements.record import ELEMENTS, GROUPS, NOT_STYLE, Profile

# No label is made up by a file but metres, of which there are many kinds; this bounds them all.
_MOST_KEPT = 8192
_OF_DYADS = ("harmony.consonance",)
_OF_DYNAMICS = tuple(
    name for name in ELEMENTS if name.startswith("emotion.") and name not in ("emotion.valence", "emotion.arousal")
)
_OF_PITCH = tuple(
    name
    for name in ELEMENTS
    if name.startswith(("pitch.", "harmony.")) and name not in ("pitch.pitched_share", *_OF_DYADS)
)


class _Moments:
    """Weighted mean of some figures and the squares around it, kept as they come (West 1979).

    Attributes:
        names: dotted names of the figures.
        weight: sum of the weights.
        mean: float64 [figures].
        squares: float64 [figures], weighted squares around the mean, those within a pooled profile included.
    """

    def __init__(self, names: Iterable[str]) -> None:
        self.names = tuple(names)
        self.weight = 0.0
        self.mean: Floats = np.zeros(len(self.names))
        self.squares: Floats = np.zeros(len(self.names))

    def add(self, profile: Profile, weight: float) -> None:
        values = np.array([profile.value(name) for name in self.names], np.float64)
        within = np.array([profile.spread.get(name, 0.0) for name in self.names], np.float64)
        self.weight += weight
        off = values - self.mean
        self.mean += off * (weight / self.weight)
        self.squares += weight * (off * (values - self.mean) + within**2)


class _Sums:
    """Everything about some elements that a pool needs: moments of figures, sums of histograms and shares."""

    def __init__(self, names: Iterable[str]) -> None:
        self._elements = {name: ELEMENTS[name] for name in names}
        self._moments = _Moments(name for name, kind in self._elements.items() if isinstance(kind, Figure))
        self._histograms = {
            name: np.zeros(len(kind.labels)) for name, kind in self._elements.items() if isinstance(kind, Histogram)
        }
        self._shares: dict[str, dict[str, float]] = {
            name: {} for name, kind in self._elements.items() if isinstance(kind, Shares)
        }

    def add(self, profile: Profile) -> None:
        weight = float(profile.pieces)
        self._moments.add(profile, weight)
        for name in self._histograms:
            self._histograms[name] += weight * np.array(profile.value(name))
        for name, table in self._shares.items():
            for label, share in cast("dict[str, float]", profile.value(name)).items():
                table[label] = table.get(label, 0.0) + weight * share
            if len(table) > 2 * _MOST_KEPT:
                self._shares[name] = _largest(table, _MOST_KEPT)

    @property
    def weight(self) -> float:
        """Of all pieces."""
        return self._moments.weight

    def elements(self) -> tuple[dict[str, Any], dict[str, float]]:
        """The mean of each element, and the spread of the figures, by dotted name."""
        values: dict[str, Any] = {}
        spread: dict[str, float] = {}
        moments = self._moments
        deviations = np.sqrt(np.maximum(moments.squares, 0.0) / moments.weight)
        for name, mean, deviation in zip(moments.names, moments.mean.tolist(), deviations.tolist(), strict=True):
            element = cast(Figure, self._elements[name])
            values[name], spread[name] = figure(np.clip(mean, element.low, element.high)), figure(deviation)
        values |= {name: histogram(total) for name, total in self._histograms.items()}
        values |= {name: shares(table) for name, table in self._shares.items()}
        return values, spread


class _SumsOfSome:
    """About elements that mean something in some pieces alone: of these, or of the others where there are none.

    The others stand in the spread as far apart as pieces usually do: nobody knows where they would lie.
    """

    def __init__(self, names: Iterable[str], tells: Callable[[Profile], bool]) -> None:
        names = tuple(names)
        self._tells = tells
        self._some, self._others = _Sums(names), _Sums(names)

    def add(self, profile: Profile) -> None:
        (self._some if self._tells(profile) else self._others).add(profile)

    def elements(self) -> tuple[dict[str, Any], dict[str, float]]:
        if not self._some.weight:
            return self._others.elements()
        values, spread = self._some.elements()
        known = self._some.weight / (self._some.weight + self._others.weight)
        for name, deviation in spread.items():
            usual = cast(Figure, ELEMENTS[name]).spread
            spread[name] = figure(np.sqrt(known * deviation**2 + (1 - known) * usual**2))
        return values, spread


def _has_pitch(profile: Profile) -> bool:
    return profile.pitch.pitched_share > 0


def _has_dyads(profile: Profile) -> bool:
    return any(profile.harmony.interval_classes)


def _has_dynamics(profile: Profile) -> bool:
    """Whether its notes differ in loudness; those of engraved files mostly do not."""
    return profile.emotion.loudness_range > 0


class ProfilePool:
    """The profile of many pieces, kept as they come: how many there are costs no memory.

    Pitch and harmony are averaged over the pieces that have pitched notes, consonance over those in which intervals
    other than octaves sound. A pooled profile counts as many times as there are pieces in it, whatever they were.
    """

    def __init__(self) -> None:
        self.pieces = 0
        self._sums = (
            _Sums(name for name in ELEMENTS if name not in (*_OF_PITCH, *_OF_DYADS)),
            _SumsOfSome(_OF_PITCH, _has_pitch),
            _SumsOfSome(_OF_DYADS, _has_dyads),
        )

    def add(self, profile: Profile) -> None:
        """Take a profile in; it need not be kept."""
        self.pieces += profile.pieces
        for sums in self._sums:
            sums.add(profile)

    def profile(self) -> Profile:
        """The mean of each element over the pieces so far, and the spread of the figures.

        Raises:
            ValueError: nothing was added.
        """
        if not self.pieces:
            raise ValueError("no profiles to pool")
        values: dict[str, Any] = {}
        spread: dict[str, float] = {}
        for sums in self._sums:
            some, of_some = sums.elements()
            values |= some
            spread |= of_some
        groups: dict[str, Any] = {
            group: type_(**{name.partition(".")[2]: values[name] for name in ELEMENTS if name.startswith(f"{group}.")})
            for group, type_ in GROUPS.items()
        }
        return Profile(**groups, pieces=self.pieces, spread={name: spread[name] for name in ELEMENTS if name in spread})


def pool_profiles(profiles: Iterable[Profile]) -> Profile:
    """The profile of a folder, see `ProfilePool`: the mean of each element over the pieces, and the spread.

    Raises:
        ValueError: no profile was given.
    """
    pool = ProfilePool()
    for profile in profiles:
        pool.add(profile)
    return pool.profile()


def _largest(table: dict[str, float], most: int) -> dict[str, float]:
    return dict(sorted(table.items(), key=lambda item: (-item[1], item[0]))[:most])


def profile_distance(a: Profile, b: Profile) -> float:
    """How far two profiles lie apart: 0 for the same, symmetric, at most 1.

    The mean over the four groups of the mean over their elements: for histograms and shares the Jensen-Shannon
    distance (square root of the divergence in bits; Endres & Schindelin 2003), for figures d / (1 + d), d being the
    difference in units of the element's `spread`. The keys and the lengths of the pieces are left out: they are no
    matter of style; so are the consonance of what has no intervals and the dynamics of what has none.
    """
    return float(np.mean(list(group_distances(a, b).values())))


def group_distances(a: Profile, b: Profile) -> dict[str, float]:
    """The same of each group alone: pitch, rhythm, harmony, emotion."""
    parts: dict[str, list[float]] = {group: [] for group in GROUPS}
    left_out = set(NOT_STYLE)
    for names, tells in ((_OF_DYADS, _has_dyads), (_OF_DYNAMICS, _has_dynamics)):
        if not (tells(a) and tells(b)):
            left_out.update(names)
    for name, element in ELEMENTS.items():
        if name not in left_out:
            parts[name.split(".")[0]].append(element_distance(a, b, name, element))
    return {group: float(np.mean(distances)) for group, distances in parts.items()}


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
