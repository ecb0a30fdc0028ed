"""What composing in a style starts from: tempo, metre, key and the instrument parts."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from stilo.errors import InputError
from stilo.styles.fields import Fields, printable

MOST_PARTS = 4096
LONGEST_PART_NAME = 200


@dataclass(frozen=True, slots=True)
class Part:
    """One instrument part of a style.

    Attributes:
        name: what the parts are mostly called, "" when nothing says so.
        program: General MIDI program 0…127 (meaningless for drums).
        rank: place in the score among the parts, 0 = top.
        frequency: share of the pieces that have this part, 0…1.
        lowest, highest: its range, MIDI pitches.
        is_single: whether it plays one note at a time.
    """

    name: str
    program: int
    is_drum: bool
    rank: int
    frequency: float = 1.0
    lowest: int = 0
    highest: int = 127
    is_single: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", printable(self.name, LONGEST_PART_NAME))

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: object) -> Part:
        fields = Fields(data, "palette.parts")
        return cls(
            name=fields.text("name", LONGEST_PART_NAME),
            program=fields.whole("program", 0, 127),
            is_drum=fields.flag("is_drum"),
            rank=fields.whole("rank", 0, MOST_PARTS - 1),
            frequency=fields.number("frequency", 0.0, 1.0),
            lowest=fields.whole("lowest", 0, 127),
            highest=fields.whole("highest", 0, 127),
            is_single=fields.flag("is_single"),
        )


@dataclass(frozen=True, slots=True)
class Palette:
    """What a piece in the style starts from when the request says nothing.

    Attributes:
        tempo_qpm: quarters per minute; None when no source names a tempo.
        time_signature: (numerator, denominator).
        key: as a person writes it, "A minor"; "" when the style has none (drums).
        parts: in order of rank.
    """

    tempo_qpm: float | None = None
    time_signature: tuple[int, int] = (4, 4)
    key: str = ""
    parts: tuple[Part, ...] = ()

    def to_json(self) -> dict[str, Any]:
        return {
            "tempo_qpm": self.tempo_qpm,
            "time_signature": list(self.time_signature),
            "key": self.key,
            "parts": [part.to_json() for part in self.parts],
        }

    @classmethod
    def from_json(cls, data: object) -> Palette:
        fields = Fields(data, "palette")
        signature = fields.items("time_signature", 2)
        if len(signature) != 2 or any(type(value) is not int or not 1 <= value <= 255 for value in signature):
            raise InputError("palette.time_signature must be two whole numbers of 1…255")
        return cls(
            tempo_qpm=fields.number_or_null("tempo_qpm", 1.0, 1000.0),
            time_signature=(signature[0], signature[1]),
            key=fields.text("key", 40),
            parts=tuple(Part.from_json(part) for part in fields.items("parts", MOST_PARTS)),
        )
