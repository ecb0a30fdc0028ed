"""Each part of a piece its share of the notes: what has fallen behind of late becomes likelier, the rest less."""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy

import numpy as np
from numpy.typing import NDArray

from stilo.models.notes.fields import PARTS
from stilo.models.tokens import Part

MEMORY_NOTES = 64.0
MOST_NATS = 1.5


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
