"""Bars that come too near to pieces that are known are composed anew."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from stilo.compose.desk import Candidate, Desk
from stilo.compose.judge import ending_cost
from stilo.originality.against import Against, Findings
from stilo.originality.base import base_index, has_base_index
from stilo.originality.level import GENERAL
from stilo.styles.style import Style

MOST_ROUNDS = 6
NO_BASE_INDEX = "no index of the base model's pieces is installed: nothing is held against them; install stilo again"
AT_ONCE = 4  # other versions of the bars in each round


def against_style(style: Style) -> Against:
    """What pieces in a style are held against: its sources, as far as it keeps runs of them, and the base model's.

    Raises:
        SetupError: the index of the base model's pieces is damaged.
    """
    base = base_index() if has_base_index() else None
    if style.runs is None:
        return Against(None, GENERAL, base)
    return Against(style.runs.index(style.source_names), style.runs.level, base)


def no_runs(style: Style) -> str:
    """Why a style keeps nothing to tell copies by."""
    if not style.sources:
        return f"the style '{style.name}' was not learned from pieces"
    return (
        f"the style '{style.name}' keeps no fingerprints of its pieces, since it was taken in from a bundle without "
        "them or learned with another version of stilo"
    )


def not_held_against(style: Style) -> Iterator[str]:
    """What a piece in a style cannot be held against, each in a line that says why."""
    if style.runs is None and style.sources:
        yield f"what is composed is not held against the style's pieces: {no_runs(style)}"
    if not has_base_index():
        yield NO_BASE_INDEX


def made_original(desk: Desk, candidate: Candidate, against: Against) -> tuple[Candidate, Findings]:
    """The candidate without bars that share more than 95 of 100 human pieces do, as far as that can be reached.

    In each round the bars of the worst passage are written anew, several times; the version is kept that sounds best of
    those that are original, or else the one that shares the least, if that is less than before.
    """
    findings = against.check(candidate.score)
    rewritten: list[tuple[int, int]] = []
    for round_number in range(MOST_ROUNDS):
        if (worst := findings.worst) is None:
            break
        first, last = worst.bars[0] - 1, min(worst.bars[1], desk.plan.bars) - 1
        seeds = range(round_number * AT_ONCE, (round_number + 1) * AT_ONCE)
        others = [(one, against.check(one.score)) for one in desk.rewrite(candidate, first, last, seeds)]
        if not others:
            continue
        best, found = min(others, key=lambda pair: _preference(desk, *pair))
        moved_on = found.excess == findings.excess and found.worst != worst  # the same bars come again later
        if found.excess < findings.excess or moved_on:
            candidate, findings = best, found
            rewritten.append(worst.bars)
    return candidate, replace(findings, rewritten=tuple(sorted(set(rewritten))))


def _preference(desk: Desk, candidate: Candidate, findings: Findings) -> tuple[float, float]:
    """The less the better: what is beyond the level first, then what speaks against the sound."""
    return max(1.0, findings.excess), desk.cost(candidate) + ending_cost(candidate.score, candidate.key)
