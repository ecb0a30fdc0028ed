"""What stands in the music lines of an ABC tune, sign by sign: the patterns, and the lengths of notes."""

from __future__ import annotations

import re
from fractions import Fraction

LENGTH = r"(\d{0,4})(/{0,8})(\d{0,4})"
_NOTE = r"(\^\^|\^|__|_|=)?([A-Ga-g])([,']{0,9})"
# Every repetition that may fail at its end is bounded: a line of brackets must not take time of its length squared.
TOKENS = re.compile(
    rf"""(?P<inline>\[(?P<field>[A-Za-z]):(?P<value>[^\]]{{0,200}})\])
    |(?P<bar>\[\||:{{0,3}}\|{{1,3}}[\]|:]{{0,4}}(?:[ ]{{0,8}}\[?(?=\d))?|:{{2,4}})
    |(?P<ending>\[(?=\d))
    |(?P<numbers>\d{{1,2}}(?:[,-]\d{{1,2}}){{0,8}})
    |(?P<text>"[^"]{{0,400}}"?)
    |(?P<decoration>![^!\s|]{{0,40}}!|\+[a-z().<>]{{1,40}}\+)
    |(?P<grace>\{{[^}}]{{0,200}}\}}?)
    |(?P<tuplet>\((?P<p>\d)(?::(?P<q>\d?))?(?::(?P<r>\d?\d?))?)
    |(?P<chord>\[(?P<inside>(?:[^\]\["]|"[^"]{{0,40}}"){{0,200}})\](?P<chordlength>\d{{0,4}}/{{0,8}}\d{{0,4}}))
    |(?P<note>{_NOTE}{LENGTH})
    |(?P<rest>[zxZX]{LENGTH})
    |(?P<broken><{{1,3}}|>{{1,3}})
    |(?P<tie>-)
    |(?P<overlay>&)
    |(?P<other>.)""",
    re.VERBOSE | re.DOTALL,
)
INNER_NOTE = re.compile(rf"{_NOTE}{LENGTH}(-?)")


def token_kind(token: re.Match[str]) -> str:
    """The name of the group of `TOKENS` that matched; "other" for what says nothing here."""
    kinds = ("inline", "bar", "numbers", "text", "tuplet", "chord", "note", "rest", "broken", "tie", "overlay")
    return next((kind for kind in kinds if token[kind] is not None), "other")


def note_length(numerator: str, slashes: str, denominator: str) -> Fraction:
    """A length such as 3/2, 2, / or // as a fraction of the unit."""
    top = int(numerator or 1)
    bottom = int(denominator) if denominator else 2 ** min(8, len(slashes))
    return Fraction(top, bottom or 1)
