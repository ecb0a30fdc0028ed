"""A comparison in words: a line to a difference as a musician would say it, and what the two have in common.

The two are called A and B; every line but those on metre and instruments is about B.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import numpy as np

from stilo.elements.compare import Comparison, Difference
from stilo.elements.figures import Figure, Histogram
from stilo.elements.metre import beats_of, felt_beats
from stilo.elements.phrases import PHRASES, listed, told
from stilo.elements.record import ELEMENTS, Profile
from stilo.elements.rhythm import BAR_PLACES
from stilo.elements.standing import (
    Standing,
    amount_of_music,
    applies,
    is_audible,
    is_too_little,
    standing,
    standing_phrase,
    without_contradictions,
)

MOST_LINES = 12
_MOST_COMMON = 4
_COMMON_SCORE = 0.84  # both in the same outer fifth of music at large
_LEAST_EFFECT = 0.2
_MOST_CLASSES = 2  # that a line names on each side
_LEAST_SHARE = 0.02  # by which a class must differ to be named
_NOTE_VALUES = {
    "<1/8": "notes shorter than thirty-seconds", "1/8": "thirty-seconds", "1/6": "sextuplets", "1/4": "sixteenths",
    "1/3": "triplet eighths", "3/8": "dotted sixteenths", "1/2": "eighths", "2/3": "triplet quarters",
    "3/4": "dotted eighths", "1": "quarters", "4/3": "triplet halves", "3/2": "dotted quarters", "2": "halves",
    "3": "dotted halves", "4": "whole notes", ">4": "longer notes",
}  # fmt: skip
_SONORITIES = {
    "m2": "minor seconds", "M2": "major seconds", "m3": "minor thirds", "M3": "major thirds",
    "P4": "fourths and fifths", "TT": "tritones",
}  # fmt: skip
_STEPS = (
    "repeated notes", "half steps", "whole steps", "thirds", "thirds", "fourths", "tritones", "fifths", "sixths",
    "sixths", "sevenths", "sevenths", "octaves and more",
)  # fmt: skip

_UNITS = {1: "whole note", 2: "half", 4: "quarter", 8: "eighth", 16: "sixteenth", 32: "thirty-second"}
# what lies so many twelfths after a beat
_SIMPLE_PARTS = {
    0: "{beat}", 3: "the off-beat {quarter}s of {beat}", 4: "the triplets of {beat}", 6: "the “and” of {beat}",
    8: "the triplets of {beat}", 9: "the off-beat {quarter}s of {beat}",
}  # fmt: skip
_COMPOUND_PARTS = {
    0: "{beat}", 2: "the off-beat {half}s of {beat}", 4: "the second {unit} of {beat}",
    6: "the off-beat {half}s of {beat}", 8: "the third {unit} of {beat}", 10: "the off-beat {half}s of {beat}",
}  # fmt: skip


def comparison_lines(comparison: Comparison) -> list[str]:
    """The largest differences that can be heard and are not chance, one to an aspect, at most `MOST_LINES`."""
    lines: list[str] = []
    aspects: set[str] = set()
    for item in comparison.differences:
        aspect = aspect_of(item.name)
        if len(lines) == MOST_LINES or aspect in aspects or not worth_saying(comparison, item):
            continue
        aspects.add(aspect)
        lines.append(f"{difference_line(comparison, item)} ({effect_words(comparison, item)})")
    return lines


def too_little_line(comparison: Comparison) -> str:
    """Which of the two has too little music to be compared, and how much it is; "" where both have enough."""
    sides = (("A", comparison.a), ("B", comparison.b))
    few = [f"{letter} has {amount_of_music(profile)}" for letter, profile in sides if is_too_little(profile)]
    return f"Too little music to tell: {listed(few)}." if few else ""


def worth_saying(comparison: Comparison, item: Difference) -> bool:
    if is_too_little(comparison.a) or is_too_little(comparison.b):
        return False
    if abs(item.effect) < _LEAST_EFFECT or item.may_be_chance or not aspect_of(item.name):
        return False
    element = ELEMENTS[item.name]
    if isinstance(element, Figure):
        if not is_audible(item.name, 2 * (cast(float, item.b) - cast(float, item.a))):
            return False
        return applies(comparison.a, item.name) and applies(comparison.b, item.name)
    return bool(difference_line(comparison, item))


def aspect_of(name: str) -> str:
    """What an element tells of; "" for one that has no words."""
    if name in PHRASES:
        return PHRASES[name].aspect
    return _TABLES[name][0] if name in _TABLES else ""


def effect_words(comparison: Comparison, item: Difference) -> str:
    """The effect with its measure, its size in a word, and its interval where there is one."""
    if item.distance is not None:
        return item.size
    folders = (comparison.a.pieces > 1) + (comparison.b.pieces > 1)
    measure = ("d", "z", "g")[folders]
    interval = "" if item.low is None or item.high is None else f", 95% {item.low:+.1f} … {item.high:+.1f}"
    return f"{measure} = {item.effect:+.1f}, {item.size}{interval}"


def difference_line(comparison: Comparison, item: Difference) -> str:
    """One difference as a sentence without its full stop; "" when nothing in it can be named."""
    element = ELEMENTS[item.name]
    if isinstance(element, Figure):
        return _figure_line(item, element)
    shares_a, shares_b = _shares(item.name, item.a), _shares(item.name, item.b)
    if not shares_a or not shares_b:
        return ""
    if item.name in ("rhythm.metres", "pitch.instruments"):
        return _leaders_line(item.name, shares_a, shares_b)
    if item.name not in _TABLES:
        return ""
    more, less = _changed(shares_a, shares_b, _readable(comparison, item.name))
    _, more_of, less_of, noun = _TABLES[item.name]
    parts = [text.format(_named(names)) for text, names in ((more_of, more), (less_of, less)) if names]
    return f"B {_joined(parts, more_of)}{noun}" if parts else ""


def _named(names: list[str]) -> str:
    """Names in a row; what goes both up and down is named once."""
    turned = [name.removesuffix(" up").removesuffix(" down") for name in names]
    both = len(names) == 2 and names[0] != names[1] and turned[0] == turned[1]
    return f"{turned[0]} up and down" if both else listed(names)


def _joined(parts: list[str], more_of: str) -> str:
    """The two sides in one predicate; the less alone takes the verb of the more."""
    alone = len(parts) == 1 and not parts[0].startswith(more_of.split(maxsplit=1)[0])
    return f"{more_of.split(maxsplit=1)[0]} {parts[0]}" if alone else ", ".join(parts)


def _figure_line(item: Difference, element: Figure) -> str:
    first, second = cast(float, item.a), cast(float, item.b)
    phrase = PHRASES.get(item.name)
    if phrase is not None:
        return f"B {phrase.more if second > first else phrase.less}: {told(phrase.amount, second, first)}"
    name = item.name.split(".")[1].replace("_", " ")
    return (
        f"B has {'more' if second > first else 'less'} {name}: {second:.3g} against {first:.3g} {element.unit}".rstrip()
    )


# element → (aspect, what b has more of, what it has less of, what is said after both)
_TABLES: dict[str, tuple[str, str, str, str]] = {
    "pitch.classes": ("degrees", "dwells longer on {}", "less on {}", " (degrees of the scale)"),
    "pitch.intervals": ("intervals", "has more {}", "fewer {}", " in its melody"),
    "pitch.instruments": ("instruments", "", "", ""),
    "rhythm.bar_places": ("the bar", "has more onsets on {}", "fewer on {}", ""),
    "rhythm.durations": ("note values", "has more {}", "fewer {}", ""),
    "rhythm.metres": ("metre", "", "", ""),
    "harmony.chords": ("chords", "stays longer on {}", "less on {}", ""),
    "harmony.transitions": ("chord changes", "goes {} more", "{} less", ""),
    "harmony.interval_classes": ("sonority", "has more {}", "fewer {}", " sounding together"),
    "harmony.polyphony": ("texture", "has more moments of {}", "fewer of {}", " pitches at once"),
}


def _shares(name: str, value: object) -> dict[str, float]:
    element = ELEMENTS[name]
    if isinstance(element, Histogram):
        row = cast("tuple[float, ...]", value)
        return dict(zip(element.labels, row, strict=True)) if any(row) else {}
    return cast("dict[str, float]", value)


def _leaders_line(name: str, shares_a: dict[str, float], shares_b: dict[str, float]) -> str:
    """What leads on either side: "A is in 4/4, B mostly in 3/4"."""
    texts, leaders = [], []
    for shares in (shares_a, shares_b):
        leading = [label for label, share in list(shares.items())[:3] if share >= 0.2] or list(shares)[:1]
        leaders.append(leading)
        texts.append(f"{'' if sum(shares[label] for label in leading) > 0.9 else 'mostly '}"
                     f"{'in' if name == 'rhythm.metres' else 'for'} {listed(leading)}")  # fmt: skip
    return f"A is {texts[0]}, B {texts[1]}" if leaders[0] != leaders[1] else ""


def _changed(
    shares_a: dict[str, float], shares_b: dict[str, float], name_of: Callable[[str], str]
) -> tuple[list[str], list[str]]:
    """The classes that b has most more of and most less of, named."""
    change: dict[str, float] = {}
    for label in [*shares_a, *(label for label in shares_b if label not in shares_a)]:
        name = name_of(label)
        if name:
            change[name] = change.get(name, 0.0) + shares_b.get(label, 0.0) - shares_a.get(label, 0.0)
    order = sorted(change, key=lambda name: (-change[name], name))
    more = [name for name in order[:_MOST_CLASSES] if change[name] >= _LEAST_SHARE]
    less = [name for name in order[::-1][:_MOST_CLASSES] if change[name] <= -_LEAST_SHARE]
    return more, less


def _readable(comparison: Comparison, name: str) -> Callable[[str], str]:
    """How the classes of an element are called in text; "" for a class that is not said."""
    if name == "pitch.intervals":
        return _interval_name
    if name == "rhythm.bar_places":
        return _place_names(comparison)
    names = {"rhythm.durations": _NOTE_VALUES, "harmony.interval_classes": _SONORITIES}.get(name)
    if names is not None:
        return lambda label: names[label]
    return lambda label: label


def _interval_name(label: str) -> str:
    semitones = int(label)
    if semitones == 0:
        return _STEPS[0]
    return f"{_STEPS[abs(semitones)]} {'up' if semitones > 0 else 'down'}"


def _place_names(comparison: Comparison) -> Callable[[str], str]:
    """Places of the bar as beats, when both are in one metre."""
    metres = [next(iter(profile.rhythm.metres), "") for profile in (comparison.a, comparison.b)]
    if metres[0] != metres[1] or not metres[0]:
        return lambda _label: ""
    beats = beats_of(metres[0])
    if not beats:
        return lambda _label: ""
    numerator, denominator = (int(part) for part in metres[0].split("/"))
    is_compound = felt_beats(numerator, denominator) != numerator
    parts = _COMPOUND_PARTS if is_compound else _SIMPLE_PARTS

    def name(label: str) -> str:
        beat, rest = divmod(int(label) * beats * 12 / BAR_PLACES, 12)
        if rest not in parts:
            return ""
        unit, half, quarter = (_UNITS.get(denominator * times, "part") for times in (1, 2, 4))
        return parts[int(rest)].format(beat=f"beat {beat + 1:.0f}", unit=unit, half=half, quarter=quarter)

    return name


def common_lines(comparison: Comparison) -> list[str]:
    """What both have that music at large has not, and metre, mode and players where they are the same."""
    a, b = comparison.a, comparison.b
    if is_too_little(a) or is_too_little(b):
        return []
    found: list[Standing] = []
    for name, phrase in PHRASES.items():
        first, second = standing(a, name), standing(b, name)
        nearer = min(first, second, key=lambda item: abs(item.score))
        same_side = first.score * second.score > 0 and abs(nearer.score) >= _COMMON_SCORE
        said = any(PHRASES[item.name].aspect == phrase.aspect for item in found)
        if same_side and not said and applies(a, name) and applies(b, name) and standing_phrase(nearer):
            found.append(nearer)
    found.sort(key=lambda item: -abs(item.score))
    unusual = [standing_phrase(item) for item in without_contradictions(b, without_contradictions(a, found))]
    return (unusual + [text for text in (_same_metre(a, b), _same_mode(a, b)) if text])[:_MOST_COMMON]


def _same_metre(a: Profile, b: Profile) -> str:
    leading = [next(iter(profile.rhythm.metres.items()), ("", 0.0)) for profile in (a, b)]
    same = leading[0][0] == leading[1][0] and min(share for _, share in leading) >= 0.75
    return leading[0][0] if same else ""


def _same_mode(a: Profile, b: Profile) -> str:
    if min(a.pitch.pitched_share, b.pitch.pitched_share) == 0:
        return ""
    low, high = np.sort([a.harmony.major, b.harmony.major]).tolist()
    return "major keys" if low >= 0.75 else "minor keys" if high <= 0.25 else ""
