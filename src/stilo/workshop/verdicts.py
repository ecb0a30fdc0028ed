"""What a piece shares with others, in words."""

from __future__ import annotations

from pathlib import PurePath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from stilo.originality.against import Findings
    from stilo.originality.check import Originality
    from stilo.originality.passages import Passage
    from stilo.workshop.checking import Checked

_INTERVALS = (
    "",
    "a minor second",
    "a major second",
    "a minor third",
    "a major third",
    "a fourth",
    "a tritone",
    "a fifth",
    "a minor sixth",
    "a major sixth",
    "a minor seventh",
    "a major seventh",
)
_MOST_TOLD = 5
_WHOLE_FROM = 0.9  # of the melody's notes
_PIECES, _BASE = "human pieces of this style share", "unseen human pieces share with what the base model learned from"
_AT_LARGE = "human pieces share in music at large"  # where too few are there to measure it


def verdict_text(checked: Checked) -> str:
    """A piece and what was found, a line for each passage."""
    name = f"{checked.path} ({checked.title})" if checked.title else checked.path
    if checked.findings is None:
        return f"{name}: {checked.error}"
    lines = []
    for one, usual in ((checked.findings.pieces, _PIECES), (checked.findings.base, _BASE)):
        if one is not None:
            lines += _lines(one, usual if one.level.pieces else _AT_LARGE)
    heading = _heading(checked.findings)
    if checked.left_out:
        others = "held against the others" if checked.findings.pieces else "no other is left"
        same = "" if checked.left_out == (PurePath(checked.path).name,) else f" ({', '.join(checked.left_out)})"
        heading = f"it is one of the pieces{same}, {others}: {heading}"
    return "\n".join([f"{name}: {heading}", *(f"  {line}" for line in lines)])


_HEADINGS = {
    None: "held against nothing",
    "original": "nothing longer than human pieces share",
    "too short": "too short to tell whether it is a copy",
    "near": "nearer than human pieces mostly are",
}


def _heading(findings: Findings) -> str:
    """The verdict; of a copy also how much of it is one, at least: what comes twice counts the first time alone."""
    whole_of = next((one.whole_of for one in findings.each if one.whole_of), "")
    if findings.verdict != "copied" and whole_of:
        return f"all of it stands in {whole_of}, but it is too short to tell whether by chance"
    if findings.verdict != "copied":
        return _HEADINGS[findings.verdict]
    copied = next(one for one in findings.each if one.verdict == "copied")
    share = copied.copied_share
    much = "as a whole" if share >= _WHOLE_FROM else f"in part, at least {100 * share:.0f} % of it"
    return f"copied {much}{', from what the base model learned from' if copied is findings.base else ''}"


def _lines(found: Originality, usual: str) -> list[str]:
    level = found.level
    figures = f"{found.bits:.0f} bits; half of them {level.p50:.0f}, 95 of 100 up to {level.p95:.0f}"
    if found.whole_of and not found.beyond:
        return [passage_line(found.passages[0]), f"too short to tell more ({figures})"]
    if not found.beyond:
        return [f"nothing longer than {usual} ({figures})"]
    lines = [passage_line(passage) for passage in found.beyond[:_MOST_TOLD]]
    if (more := len(found.beyond) - _MOST_TOLD) > 0:
        lines.append(f"and {more} passage{'s' * (more > 1)} more")
    return [*lines, f"more than {usual} ({figures})"]


def passage_line(passage: Passage) -> str:
    """Which bars are which of what, transposed by how much and in which note values."""
    here = _bars(passage.bars)
    told = f"{passage.notes} notes of the melody, {passage.bits:.0f} bits"
    if passage.source_bars is None:
        return f"{here}: like something of {passage.source} ({told})"
    there = f"{_bars(passage.source_bars)} of {passage.source}"
    if not passage.is_in_order:
        return f"{here}: made of {there}, in another order ({told})"
    changes = [change for change in (_transposed(passage.transposition), _note_values(passage.tempo_ratio)) if change]
    verb = "is" if passage.bars[0] == passage.bars[1] else "are"
    return f"{here} {verb} {there}{''.join(f', {change}' for change in changes)} ({told})"


def _bars(bars: tuple[int, int]) -> str:
    first, last = bars
    return f"bar {first}" if first == last else f"bars {first}–{last}"


def _transposed(semitones: int | None) -> str:
    if not semitones:
        return ""
    octaves, rest = divmod(abs(semitones), 12)
    sizes = [("an octave" if octaves == 1 else f"{octaves} octaves")] * (octaves > 0) + [_INTERVALS[rest]] * (rest > 0)
    return f"{' and '.join(sizes)} {'up' if semitones > 0 else 'down'}"


def _note_values(ratio: float | None) -> str:
    if ratio is None or ratio == 1:
        return ""
    return {2.0: "in halved note values", 0.5: "in doubled note values"}.get(ratio, f"in note values × {1 / ratio:.3g}")


def originality_phrase(findings: Findings | None) -> str:
    """What a composition shares, in a few words; "" when it was held against nothing."""
    if findings is None or findings.verdict is None:
        return ""
    figures = [
        f"{one.bits:.0f} with {what} (human pieces to {one.level.p95:.0f})"
        for one, what in ((findings.pieces, "the style's pieces"), (findings.base, "the base model's"))
        if one is not None
    ]
    anew = f"; composed anew: {', '.join(map(_bars, findings.rewritten))}" if findings.rewritten else ""
    worst = f"; {passage_line(findings.worst)}" if findings.worst else ""
    return f"bits shared: {', '.join(figures)}{worst}{anew}"
