"""What is written of late, and what becomes likelier for it: longer gaps, where notes come too often; parts that are
behind their share, or have rested for too long; notes that are added to given parts, where few have been.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from copy import copy

import numpy as np
from numpy.typing import NDArray

from stilo.models.notes.fields import PARTS
from stilo.models.notes.plan import Plan
from stilo.models.tokens import END, Part
from stilo.music.quantise import SLOTS_PER_QUARTER

MEMORY_NOTES = 64.0  # of shares: some bars of all parts
MOST_NATS = 1.5  # a part that is far behind its share becomes 4.5 times as likely, not certain

PACE_MEMORY_QUARTERS = 16.0
PACE_NATS = 4.0  # for gaps of a quarter and more, where e times as many notes come as are asked for
MOST_AHEAD = 1.0  # of the logarithm: more would forbid what the model is sure of
_GAP_QUARTERS = np.minimum(np.arange(END) / SLOTS_PER_QUARTER, 1.0)

NATS_A_BAR = 6.0  # a part that has rested a bar too long enters before long

USUAL_ADDED = 0.6  # of all notes
FEW = 0.5  # of the share that added notes ought to have
ADDING_MEMORY_NOTES = 16.0
FIRST_ADDING_NATS = 4.0
NATS_A_NOTE, MOST_ADDING_NATS = 1.0, 12.0
CLASH_NATS = 1.0
_PITCHES = np.arange(128)


class Balance:
    """Of one piece that is being written.

    Args:
        shares: that the parts are to have of the notes; those of other parts are left to the model.
    """

    def __init__(self, shares: Mapping[Part, float]) -> None:
        self._tokens = np.array([part.token for part in shares], np.int64)
        total = sum(shares.values())
        self._asked = np.array([share / total for share in shares.values()])
        self._heard = MEMORY_NOTES * self._asked
        self._place = {token: i for i, token in enumerate(self._tokens.tolist())}

    def copy(self) -> Balance:
        """One that goes on by itself."""
        twin = copy(self)
        twin._heard = self._heard.copy()
        return twin

    def push(self, token: int) -> None:
        """A note of a part was written; others than those with a share do not count."""
        place = self._place.get(token)
        if place is not None:
            self._heard *= 1 - 1 / MEMORY_NOTES
            self._heard[place] += 1

    def nats(self) -> NDArray[np.float64]:
        """[PARTS], what is added to the logits of the parts."""
        added = np.zeros(PARTS)
        behind = np.log(self._asked * self._heard.sum() / np.maximum(self._heard, 1e-9))
        added[self._tokens] = np.clip(behind, -MOST_NATS, MOST_NATS)
        return added


class Pace:
    """How many notes come in a quarter, of one piece that is being written.

    Where more come than are asked for, longer gaps become likelier, the longer the more; where fewer do, less likely.

    Args:
        asked: notes a quarter.
    """

    def __init__(self, asked: float) -> None:
        self._asked = asked
        self._notes, self._quarters = PACE_MEMORY_QUARTERS * asked, PACE_MEMORY_QUARTERS

    def copy(self) -> Pace:
        """One that goes on by itself."""
        return copy(self)

    def push(self, gap: int) -> None:
        """A note was written so many slots after the one before."""
        gone = gap / SLOTS_PER_QUARTER
        kept = np.exp(-gone / PACE_MEMORY_QUARTERS)
        self._notes, self._quarters = kept * self._notes + 1, kept * self._quarters + gone

    def nats(self) -> NDArray[np.float64]:
        """[END], what is added to the logits of the gaps."""
        ahead = np.log(self._notes / (self._quarters * self._asked))
        found: NDArray[np.float64] = PACE_NATS * np.clip(ahead, -MOST_AHEAD, MOST_AHEAD) * _GAP_QUARTERS
        return found


class Rests:
    """How long the parts have rested.

    A part that has not entered yet is soon taken for one that never will. So one that has rested for longer than it may
    becomes likelier with every bar that goes by.

    Args:
        most: how many bars each part may rest.
        bar: length of a bar in slots.
    """

    def __init__(self, most: Mapping[Part, float], bar: int) -> None:
        self._tokens = np.array([part.token for part in most], np.int64)
        self._most = np.array(list(most.values()), np.float64)
        self._bar = bar
        self._silent_from = np.zeros(len(most))

    def copy(self) -> Rests:
        """One that goes on by itself."""
        twin = copy(self)
        twin._silent_from = self._silent_from.copy()
        return twin

    def push(self, token: int, end: int) -> None:
        """A note of a part was written that sounds until a slot."""
        own = self._tokens == token
        self._silent_from[own] = np.maximum(self._silent_from[own], end)

    def nats(self, slot: int) -> NDArray[np.float64]:
        """[PARTS], what is added to the logits of the parts at a slot."""
        added = np.zeros(PARTS)
        beyond = (slot - self._silent_from) / self._bar - self._most
        added[self._tokens] = np.clip(NATS_A_BAR * beyond, 0.0, MOST_ADDING_NATS)
        return added


class Adding:
    """Whether notes are added to given parts at all.

    A tune of a kind that stood alone in training is taken for one that still does, whatever is told. So when few of the
    last notes were added, adding becomes likelier with every note, until it is done; in its course the model believes.
    It is somewhat likelier from the beginning, lest a tune stand alone for some bars and be believed.

    Args:
        tokens: of the parts that are written.
        share: of all notes, that they ought to have.
    """

    def __init__(self, tokens: Collection[int], share: float = USUAL_ADDED) -> None:
        self.tokens = sorted(tokens)
        self._few = self._heard = FEW * share
        self.nats = FIRST_ADDING_NATS

    def copy(self) -> Adding:
        """One that goes on by itself."""
        return copy(self)

    def push(self, token: int) -> None:
        """A note of a part was written, or a given one passed."""
        self._heard += ((token in self.tokens) - self._heard) / ADDING_MEMORY_NOTES
        step = NATS_A_NOTE if self._heard < self._few else -NATS_A_NOTE
        self.nats = min(MOST_ADDING_NATS, max(0.0, self.nats + step))


def clash_nats(given: Sequence[int]) -> NDArray[np.float64]:
    """[128], what is added to the logits of pitches: those a minor second from given ones are less likely.

    The model hears given notes less well than its own.
    """
    apart = (_PITCHES - np.array(given, np.int64)[:, None]) % 12
    return np.where(((apart == 1) | (apart == 11)).any(0), -CLASH_NATS, 0.0)


def adding_of(plan: Plan) -> Adding | None:
    """None where nothing is given, or not whole parts."""
    if not plan.adds_parts:
        return None
    tokens = {part.token for part in plan.ranges}
    added = sum(share for part, share in plan.shares.items() if part.token in tokens)
    total = sum(plan.shares.values())
    return Adding(tokens, added / total if 0 < added < total else USUAL_ADDED)
