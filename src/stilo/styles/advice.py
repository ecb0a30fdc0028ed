"""What a person is told of their learning: learned, or what to do; which files disagree with the rest."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from stilo.styles.gain import FEWEST_PIECES, pieces_needed
from stilo.styles.groups import groups_of
from stilo.styles.lesson import Kept, Lesson
from stilo.styles.material import Measured, Notice, odd_ones
from stilo.styles.provenance import few_of, source_names

SMALL_GAIN = 0.02  # of the nats of a note
LITTLE_NATS = 0.02  # a note: who gains no more, for all that is known, has little to gain
MOST_ODD_NAMED = 3
MOST_PIECES_ASKED = 200


def tell_of_groups(measured: Sequence[Measured], heard: NDArray[np.float32], notice: Notice) -> None:
    """Say which files sound like another style than the rest."""
    called = source_names([one.source for one in measured])
    for group in groups_of(heard, [len(one.score) for one in measured])[1:]:
        names = [called[i] for i in group]
        notice(
            f"{len(group):,} of your {len(heard):,} pieces sound alike and unlike the rest: "
            f"{few_of(names, MOST_ODD_NAMED)}; --split learns a style of each kind"
        )


def untuned_advice(measured: Sequence[Measured], lesson: Lesson) -> str:
    return _repeating(lesson) or f"measured only; learn without --no-tune to tune it{_odd(measured)}"


def tuned_advice(
    measured: Sequence[Measured],
    lesson: Lesson,
    base: float,
    tuned: Kept,
    gained: tuple[float, float] | None,
) -> str:
    """One line: learned, or what to do; and which files disagree with the rest."""
    if repeating := _repeating(lesson):
        return repeating
    gain = base - tuned.nats_per_note
    share = gain / max(base, 1e-9)
    is_stopped = tuned.is_interrupted and tuned.adapter is None
    if gained is not None and gained[0] > 0 and round(gain, 3) > 0 and not is_stopped:
        judged = "the last quarter of each piece" if lesson.of_each else "pieces it did not learn from"
        little = "a little was learned" if share < SMALL_GAIN else "learned"
        return f"{little}: {100 * share:.1f} % fewer nats per note on {judged}{_odd(measured)}"
    pieces = f"{len(measured):,} piece{'s' * (len(measured) != 1)} ({sum(len(one.score) for one in measured):,} notes)"
    found = f"not shown to have learned from {pieces}"
    if round(gain, 3) < 0:
        found = f"having learned from {pieces} it foresees less"
    if not tuned.is_interrupted and gained is not None and gain >= -LITTLE_NATS and gained[1] <= LITTLE_NATS:
        little = "the base model foresees such music about as well already; more pieces may add little"
        longer = "; tuning for longer (--minutes) may add some" if tuned.took_all_time else ""
        return f"{found}: {little}{longer}{_odd(measured)}"
    needed = None
    if gained is not None and len(lesson.held_out) >= FEWEST_PIECES and gain > 0:
        needed = pieces_needed(gain, *gained, len(measured))
    remedies = _remedies(measured, tuned, needed)
    return remedies if is_stopped else f"{found}: {remedies}"


def _repeating(lesson: Lesson) -> str:
    if not lesson.is_repeating:
        return ""
    return "the last quarter of each piece repeats what it learned from, so that it proves little: add other pieces"


def _odd(measured: Sequence[Measured]) -> str:
    odd = odd_ones(measured)
    return f"; {_disagreeing(odd, len(measured))}" if odd else ""


def _disagreeing(odd: Sequence[str], pieces: int) -> str:
    disagree = "disagrees" if len(odd) == 1 else "disagree"
    return f"{len(odd):,} of your {pieces:,} pieces {disagree} with the rest: {few_of(odd, MOST_ODD_NAMED)}"


def _remedies(measured: Sequence[Measured], tuned: Kept, needed: int | None) -> str:
    """What may help where nothing was shown: more music, less that is odd, and more time if there was too little.

    Of a tuning that was stopped nobody knows how much more music it needs, nor where nothing was gained.
    """
    odd = odd_ones(measured)
    more = "more" if needed is None else f"about {needed} more" if needed <= MOST_PIECES_ASKED else "many more"
    leave_out = [f"learn without those that disagree ({_disagreeing(odd, len(measured))})"] if odd else []
    longer = ["tune for longer (--minutes)"] if tuned.took_all_time else []
    first = "learn again without stopping" if tuned.is_interrupted else f"add {more} of the same style"
    return ", or ".join([first, *leave_out, *longer])
