"""What short pieces in a style show of what was learned: composed with it, and without."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from stilo.errors import InputError
from stilo.styles.fields import Fields

GROUPS = ("pitch", "rhythm", "harmony", "emotion")
MOST_SKETCHES = 16  # twice what is composed (`workshop.proving`): whoever made a bundle could ask for days of it
FEWEST_BARS, MOST_BARS = 2, 32


@dataclass(frozen=True, slots=True)
class Trial:
    """Of as many pieces with what was learned as without it (`compose.sketching`), by the same seed.

    Attributes:
        pieces, bars: how many each, and how long.
        seed: by which they can be written again.
        without, learned: distance of their profile from that of the person's music, by group, 0…1 (`group_distances`).
        known_without, known_learned: how many of them the encoder, which had no part in writing them (the model is not
            told what it heard), takes for this style before all others of the library; None where there was no other,
            or no encoder.
        styles: among how many styles, this one with them.
        nearer_by: 95 % interval of the mean distance without, less that with what was learned; None = not told.
    """

    pieces: int
    bars: int
    seed: int
    without: Mapping[str, float] = field(default_factory=dict)
    learned: Mapping[str, float] = field(default_factory=dict)
    known_without: int | None = None
    known_learned: int | None = None
    styles: int = 1
    nearer_by: tuple[float, float] | None = None

    @property
    def verdict(self) -> str:
        """Whether the pieces came nearer, as far as so few can show it; "" where that is not told."""
        if self.nearer_by is None:
            return ""
        low, high = self.nearer_by
        return "nearer" if low > 0 else "farther" if high < 0 else "as near as without"

    def to_json(self) -> dict[str, Any]:
        numbers = {name: getattr(self, name) for name in ("pieces", "bars", "seed", "known_without", "known_learned")}
        told = {"styles": self.styles, "nearer_by": self.nearer_by}
        return {**numbers, **told, "without": dict(self.without), "learned": dict(self.learned)}

    @classmethod
    def from_json(cls, data: object) -> Trial:
        """What `to_json` wrote; one of before there was `nearer_by` has none.

        Raises:
            InputError: a field is missing or does not fit; the message names it.
        """
        fields = Fields(data, "trial")
        pieces = fields.whole("pieces", 1, MOST_SKETCHES)
        known_without, known_learned = (
            None if fields.is_null(name) else fields.whole(name, 0, pieces)
            for name in ("known_without", "known_learned")
        )
        if (known_without is None) != (known_learned is None):
            raise InputError("trial.known_without and trial.known_learned come together")
        return cls(
            pieces=pieces,
            bars=fields.whole("bars", FEWEST_BARS, MOST_BARS),
            seed=fields.whole("seed", 0, 2**63 - 1),
            styles=fields.whole("styles", 1, 10**9),
            without=_distances(fields.mapping("without", len(GROUPS)), "without"),
            learned=_distances(fields.mapping("learned", len(GROUPS)), "learned"),
            known_without=known_without,
            known_learned=known_learned,
            nearer_by=fields.interval_or_none("nearer_by", 1.0),
        )


def _distances(data: dict[str, Any], name: str) -> dict[str, float]:
    fields = Fields(data, f"trial.{name}")
    return {group: fields.number(group, 0.0, 1.0) for group in GROUPS}
