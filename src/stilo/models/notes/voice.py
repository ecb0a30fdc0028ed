"""What one part of a piece that is being written has played."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy

from stilo.models.notes.contexts import CONTEXT_LENGTHS
from stilo.models.notes.parts import MOST_AT_ONCE
from stilo.models.notes.pointers import NOTHING, PITCH_BITS

NEVER = (NOTHING,) * len(CONTEXT_LENGTHS)


class Voice:
    """What one part has played.

    Attributes:
        keys, indices: (onset, pitch) of its notes as one number, rising, and where they stand in the piece.
        chord, chord_before: indices of the notes of its last onset, and of the onset before.
        onset: of `chord`.
        context: the last (interval, gap) within the part, as one number.
        earlier: by level, the note of the piece after which the same context stood before; of lengths up to 8.
    """

    __slots__ = ("chord", "chord_before", "context", "earlier", "indices", "keys", "onset")

    def __init__(self) -> None:
        self.keys: list[int] = []
        self.indices: list[int] = []
        self.chord: list[int] = []
        self.chord_before: list[int] = []
        self.onset = -1
        self.context = 0
        self.earlier: Sequence[int] = NEVER

    def copy(self) -> Voice:
        twin = copy(self)
        twin.keys, twin.indices, twin.chord = self.keys.copy(), self.indices.copy(), self.chord.copy()
        return twin

    def source(self, onset: int) -> tuple[int, int]:
        """The note that the next one of the part, at `onset`, comes from, and how many are at that onset already."""
        if onset != self.onset:
            return (self.chord[0] if self.chord else NOTHING), 0
        place, before = len(self.chord), self.chord_before
        found = before[min(place, len(before) - 1)] if before else NOTHING
        return found, min(place, MOST_AT_ONCE)

    def push(self, index: int, onset: int, pitch: int) -> None:
        if onset != self.onset:
            self.chord_before, self.chord, self.onset = self.chord, [], onset
        self.chord.append(index)
        self.keys.append(onset << PITCH_BITS | pitch)
        self.indices.append(index)
