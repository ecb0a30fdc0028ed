"""Where a figure stands among music at large, so that words say what is so of this music and not of all.

A *standing* is the place of a value among the pieces of `norms.py`, as a standard score: 0 is their middle, ±1.28 the
beginning of their outer tenths. Between the quantiles it is interpolated, beyond them it grows by 1 with each `spread`
of the element.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from stilo.elements.figures import Figure
from stilo.elements.norms import NORMS, SHARES
from stilo.elements.phrases import PHRASES, number, told
from stilo.elements.record import ELEMENTS, Profile

OUTER_TENTH = 1.28
OUTER_THIRD = 0.44
_SCORES = np.array([NormalDist().inv_cdf(share) for share in SHARES])
_OUTER_SIXTH = 0.97
_MIDDLE = SHARES.index(0.5)
_MOST = 4.0
FEWEST_BARS = 8  # of a piece whose bars could return
SINGLE_LINE = 1.15  # pitches at once
FEWEST_NOTES, FEWEST_TO_TELL = 16, 2  # notes and bars from which more than counts can be told
_PLAYED = 0.1
_OF_MANY_BARS = ("rhythm.returning_bars", "rhythm.groove", "pitch.arch")
_OF_MELODY = ("rhythm.unevenness", "rhythm.articulation", "rhythm.silence")
_OF_THE_GRID = ("rhythm.returning_bars", "rhythm.groove", "rhythm.off_quarter_share", "rhythm.syncopation")
# what cannot be said together: (figure, side), 1 for high, −1 for low
_CONTRADICTIONS = (
    (("rhythm.returning_bars", 1), ("rhythm.groove", -1)),
    (("rhythm.onsets_per_second", -1), ("rhythm.notes_per_second", 1)),
    (("rhythm.off_quarter_share", -1), ("rhythm.syncopation", 1)),
    (("rhythm.off_quarter_share", -1), ("rhythm.triplet_share", 1)),
    (("rhythm.off_quarter_share", -1), ("rhythm.swing", 1)),
    (("rhythm.off_quarter_share", 1), ("rhythm.syncopation", -1)),
    (("harmony.tension", -1), ("harmony.modulations", 1)),
    (("harmony.tension", -1), ("harmony.home_share", -1)),
    (("harmony.tension", 1), ("pitch.chromaticism", -1)),
    (("pitch.chromaticism", -1), ("harmony.modulations", 1)),
    (("harmony.consonance", 1), ("harmony.seventh_share", 1)),
    (("harmony.plagal_share", 1), ("harmony.authentic_share", 1)),
)
_CLEARLY_MORE = 1.25  # rising fifths to falling ones: to and fro between two chords has as many of both
_OF_LOUDNESS = ("emotion.loudness", "emotion.loudness_range", "emotion.accents", "emotion.crescendo_share")


@dataclass(frozen=True, slots=True)
class Standing:
    """A figure of a profile and its standard score among music at large, −4…4."""

    name: str
    value: float
    score: float

    @property
    def percent_below(self) -> int:
        """How many of a hundred pieces lie below, 1…99."""
        return int(np.clip(round(100 * NormalDist().cdf(self.score)), 1, 99))


def standard_score(name: str, value: float) -> float:
    """The standing of a value of the figure `name`; 0 for a figure that has no norm."""
    row, element = NORMS.get(name), ELEMENTS.get(name)
    if row is None or not isinstance(element, Figure):
        return 0.0
    if value < row[0]:
        return max(-_MOST, float(_SCORES[0]) - (row[0] - value) / element.spread)
    if value > row[-1]:
        return min(_MOST, float(_SCORES[-1]) + (value - row[-1]) / element.spread)
    # where quantiles are equal, the value stands in the middle of them
    quantiles = np.array(row)
    left = np.interp(value, quantiles + np.arange(len(row)) * 1e-12, _SCORES)
    right = np.interp(value, quantiles - np.arange(len(row))[::-1] * 1e-12, _SCORES)
    return float(left + right) / 2


def standing(profile: Profile, name: str) -> Standing:
    """Where a figure of a profile stands.

    Raises:
        KeyError: no figure is called so.
    """
    value = profile.value(name)
    if not isinstance(value, float):
        raise KeyError(name)
    return Standing(name, value, standard_score(name, value))


def word_for(name: str, value: float, words: tuple[str, str, str, str, str]) -> str:
    """The word for the lowest tenth, the lowest third, the middle, the highest third, the highest tenth."""
    bounds = (-OUTER_TENTH, -OUTER_THIRD, OUTER_THIRD, OUTER_TENTH)
    return words[bisect_right(bounds, standard_score(name, value))]


def standing_phrase(item: Standing) -> str:
    """What a musician would say of a figure that stands where it does; "" when there is nothing to say."""
    phrase = PHRASES[item.name]
    return told(phrase.high if item.score > 0 else phrase.low, item.value)


def is_too_little(profile: Profile) -> bool:
    """Whether there is too little music to tell more of it than counts."""
    return _notes(profile) < FEWEST_NOTES or profile.pieces * profile.rhythm.bars < FEWEST_TO_TELL


def _notes(profile: Profile) -> int:
    return round(profile.pieces * profile.rhythm.seconds * profile.rhythm.notes_per_second)


def amount_of_music(profile: Profile) -> str:
    """How much there is: "two notes, one bar"."""
    counts = ((_notes(profile), "note"), (round(profile.pieces * profile.rhythm.bars), "bar"))
    return ", ".join(f"{number(count)} {noun}{'' if count == 1 else 's'}" for count, noun in counts)


def is_played(profile: Profile) -> bool:
    """Whether the notes stand freely around the grid, as people play: a tenth of the onsets on no usual subdivision."""
    return sum(profile.rhythm.quarter_places[place] for place in (1, 5, 7, 11)) > _PLAYED


def applies(profile: Profile, name: str) -> bool:
    """Whether a figure can mean anything in this music: no melody in drums, no chords in a single line."""
    if profile.pitch.pitched_share == 0 and (
        name.startswith(("pitch.", "harmony.")) or name in (*_OF_MELODY, "emotion.valence")
    ):
        return False
    if name in _OF_MANY_BARS and profile.rhythm.bars < FEWEST_BARS:
        return False
    if name in _OF_THE_GRID and is_played(profile):
        return False
    if name in _OF_LOUDNESS and profile.emotion.loudness_range == 0:
        return False
    return not (PHRASES[name].polyphonic and profile.harmony.voices < SINGLE_LINE)


def is_audible(name: str, difference: float) -> bool:
    """Whether a difference in a figure is large enough to be heard: half of the element's spread."""
    element = ELEMENTS[name]
    return isinstance(element, Figure) and abs(difference) >= element.spread / 2


def standing_out(profile: Profile) -> list[Standing]:
    """What lies in the outer tenths of music at large and can be said, the farthest out first, one to an aspect.

    For a folder it is the outer sixths: the mean of several pieces lies further in than each of them.
    """
    found: dict[str, Standing] = {}
    bound = OUTER_TENTH if profile.pieces == 1 else _OUTER_SIXTH
    for name, phrase in PHRASES.items():
        item = standing(profile, name)
        if abs(item.score) < bound or not (phrase.high if item.score > 0 else phrase.low):
            continue
        if not applies(profile, name) or not is_audible(name, item.value - NORMS[name][_MIDDLE]):
            continue
        if phrase.aspect not in found or abs(item.score) > abs(found[phrase.aspect].score):
            found[phrase.aspect] = item
    return without_contradictions(profile, sorted(found.values(), key=lambda item: -abs(item.score)))


def without_contradictions(profile: Profile, items: Iterable[Standing]) -> list[Standing]:
    """What can be said in one breath: of two that would contradict each other the first."""
    said: list[Standing] = []
    sides: set[tuple[str, int]] = set()
    for item in items:
        side = (item.name, 1 if item.score > 0 else -1)
        if any({side, other} == set(pair) for other in sides for pair in _CONTRADICTIONS):
            continue
        harmony = profile.harmony
        if side == ("harmony.plagal_share", 1) and harmony.plagal_share < _CLEARLY_MORE * harmony.authentic_share:
            continue
        sides.add(side)
        said.append(item)
    return said
