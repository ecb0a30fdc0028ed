"""Which kind of scale the degrees of a profile make: natural, harmonic or melodic minor, or one of the modes.

A degree and its neighbour a semitone away share the room of one step of the scale; what counts is which of the two
holds most of it. The bounds between the kinds of minor are the thirds of the minor pieces among the 1,368 of
`norms.py` (raised seventh .14 and .41 of all sevenths, raised sixth .37 of all sixths); a mode is named where its
degree has more than half of the step, or more than that where music that is no mode often raises the same degree (the
sixth on its way up, the fourth on its way to the dominant): fewer than one piece in ten.
"""

from __future__ import annotations

from collections.abc import Sequence

MODES = ("Dorian", "Phrygian", "Mixolydian", "Lydian")
_RAISED_SEVENTH = (0.14, 0.41)
_RAISED_SIXTH = 0.37
_MOST = 0.5
_LYDIAN = 0.75  # below it, raised fourths are leading notes to the dominant
_RAISED_THIRD = 0.7
_MODAL_SIXTH = 0.63
_ABSENT = 0.012  # of the sounding time: hardly there at all
_HEARD = 0.02


def _raised(classes: Sequence[float], low: int) -> float:
    """Of a step that is written with two degrees, `low` and the next, the share of the upper; one half for none."""
    both = classes[low] + classes[low + 1]
    return classes[low + 1] / both if both > 0 else 0.5


def scale_kind(classes: Sequence[float], is_minor: bool) -> str:
    """The kind of scale that pitch classes from the tonic make; "" for plain major, or when nothing sounds."""
    if not sum(classes):
        return ""
    return _minor_kind(classes) if is_minor else _major_kind(classes)


def _minor_kind(classes: Sequence[float]) -> str:
    seventh, sixth = _raised(classes, 10), _raised(classes, 8)
    if classes[8] + classes[9] < _ABSENT and classes[1] + classes[2] < _ABSENT:
        return "pentatonic"
    if classes[1] > classes[2] and classes[1] > _HEARD and seventh < _RAISED_SEVENTH[1]:
        return "Phrygian"
    if sixth > _MODAL_SIXTH and classes[9] > _HEARD and seventh < _RAISED_SEVENTH[1]:
        return "Dorian"
    if seventh < _RAISED_SEVENTH[0]:
        return "natural"
    if seventh < _RAISED_SEVENTH[1]:
        return "mostly natural"
    return "melodic" if sixth > _RAISED_SIXTH else "harmonic"


def _major_kind(classes: Sequence[float]) -> str:
    flat_seventh, sharp_fourth = 1 - _raised(classes, 10), _raised(classes, 5)
    if classes[5] < _ABSENT and classes[10] + classes[11] < _ABSENT:
        return "pentatonic"
    if flat_seventh > _MOST and classes[10] > _HEARD:
        return "with lowered thirds and sevenths" if _raised(classes, 3) < _RAISED_THIRD else "Mixolydian"
    if sharp_fourth > _LYDIAN and classes[6] > _HEARD:
        return "Lydian"
    return ""
