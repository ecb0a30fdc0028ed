"""What a piece that is to be written must keep to, and with what taste its notes are drawn."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from stilo.models.notes.fields import PARTS, STAGES
from stilo.models.notes.loops import LAGS, USUAL_REPEATS
from stilo.models.notes.telling import LAST_BAR
from stilo.models.notes.told import Telling
from stilo.models.tokens import DRUMS, DRUMS_FROM, DURATION_SLOTS, MAX_GAP, PROGRAMS, Part, StepArray, bar_slots_of

PerField = float | tuple[float, ...]
USUAL_TOP_P = 0.95
USUAL_TEMPERATURES = (1.0, 1.0, 0.9, 1.0, 0.9)
MOST_CONVICTION = 100.0
USUAL_CONVICTION = (1.25, 1.5, 2.0, 1.0, 1.5)  # with more for gap and duration, or less temperature: block chords
USUAL_NARROWNESS = (1.0, 0.6, 1.0, 1.0, 2.0)  # powers of top_p: part .97, velocity .90 where the others are at .95


@dataclass(frozen=True, eq=False)
class Plan:
    """One piece.

    Attributes:
        bars: its length.
        metre: (numerator, denominator).
        ranges: the parts that are to be written, and for each its lowest and highest pitch. The chord of a part goes on
            only where a third is left above its last note.
        single: those of them that begin one note at a time.
        shares: what some of them ought to have of the notes (`balance.Balance`); {} = as it comes.
        notes_per_quarter: of all parts, that the piece is drawn to (`balance.Pace`); None = as it comes.
        most_rests: how many bars some of them may rest before it becomes likelier that they enter (`balance.Rests`).
        telling: what the model is told.
        given: notes that stand beforehand, in order; onsets in slots from bar 0. They come out exactly as they are.
        open_slots: first slot in which notes may be added to the given ones, and the slot where that ends; None =
            anywhere. Where given notes lie farther apart than `MAX_GAP` notes are added between them all the same.
        grid: notes begin at multiples in the bar of one of these numbers of slots; () = anywhere.
        most_at_once: how many notes may sound at once; None = any number.
        most_in_part: the same of some of the parts.
        most_duration: in slots.
        most_repeats: how many times in a row the same 1, 2, 4, 8 bars may be repeated (`loops.LAGS`).
        most_silent_bars: how many bars in a row may be without the beginning of a note; None = any number.
        guidance: by what the told model's logits are moved on from the untold one's; 1 = not at all.
        untold: what the untold model is told all the same.
        ending_bars: how many bars at the end `Sampler.endings` writes anew.
        most_notes: it stops there whatever happens.

    Raises:
        ValueError: nothing can be written by it.
    """

    bars: int
    metre: tuple[int, int]
    ranges: Mapping[Part, tuple[int, int]]
    single: frozenset[Part] = frozenset()
    shares: Mapping[Part, float] = field(default_factory=dict)
    notes_per_quarter: float | None = None
    most_rests: Mapping[Part, float] = field(default_factory=dict)
    telling: Telling = field(default_factory=Telling)
    given: StepArray | None = None
    open_slots: tuple[int, int] | None = None
    grid: tuple[int, ...] = ()
    most_at_once: int | None = None
    most_in_part: Mapping[Part, int] = field(default_factory=dict)
    most_duration: int = int(DURATION_SLOTS[-1])
    most_repeats: tuple[float, ...] = USUAL_REPEATS
    most_silent_bars: int | None = 0
    guidance: float = 1.0
    untold: Telling = field(default_factory=Telling)
    ending_bars: int = 0
    most_notes: int = 20_000

    def __post_init__(self) -> None:
        onsets = np.zeros(0, np.int64) if self.given is None else self.given["onset"].astype(np.int64)
        if self.bars < 1 or (not self.ranges and len(onsets) == 0):
            raise ValueError("a piece has bars, and parts to write or given notes")
        if self.bars > LAST_BAR + 1:
            raise ValueError(f"a piece has at most {LAST_BAR + 1} bars")
        if any(not 0 <= low <= high <= 127 for low, high in self.ranges.values()):
            raise ValueError("a range is two pitches, the lower one first")
        if any(part.token >= PARTS for part in self.ranges):
            raise ValueError("no such part")
        if any(most < 1 for most in (*self.most_in_part.values(), *self.grid, self.most_duration)):
            raise ValueError("a limit is at least 1")
        if any(not bars >= 0 for bars in self.most_rests.values()):
            raise ValueError("a rest is at least no bar long")
        pace = () if self.notes_per_quarter is None else (self.notes_per_quarter,)
        if any(not 0 < amount < np.inf for amount in (*self.shares.values(), *pace)):
            raise ValueError("a share is more than nothing, and so are notes a quarter")
        if len(self.most_repeats) != len(LAGS) or min(self.most_repeats) < 1:
            raise ValueError(f"how often bars may be repeated is {len(LAGS)} numbers, each at least 1")
        if self.most_at_once is not None and self.most_at_once < 1:
            raise ValueError("a limit is at least 1")
        if len(onsets) and (onsets.min() < 0 or onsets.max() >= self.total_slots):
            raise ValueError("given notes begin within the piece")
        if (
            self.given is not None
            and ((self.given["pitch"] >= DRUMS_FROM) != (self.given["part"] % PROGRAMS == DRUMS)).any()
        ):
            raise ValueError("given drums, and nothing else, have pitches from 128 on")
        if not self.ranges and int(np.diff(onsets, prepend=0).max(initial=0)) > MAX_GAP:
            raise ValueError("between given notes that far apart something has to be written")

    @property
    def bar_slots(self) -> int:
        return bar_slots_of(*self.metre)

    @property
    def total_slots(self) -> int:
        return self.bars * self.bar_slots

    @property
    def known_ahead(self) -> StepArray | None:
        """The given notes behind all that is to be written."""
        if self.given is None or self.open_slots is None:
            return None
        return self.given[self.given["onset"] >= self.open_slots[1]]

    @property
    def adds_parts(self) -> bool:
        """Whether whole parts are given, and others are written to them."""
        if self.given is None or len(self.given) == 0 or self.open_slots is not None:
            return False
        tokens = {part.token for part in self.ranges}
        return bool(tokens) and not tokens & set(np.unique(self.given["part"]).tolist())

    @property
    def all_told(self) -> Telling:
        """What is told, and where whole parts are given, to which programs notes are added."""
        if not self.adds_parts or self.telling.about.written:
            return self.telling
        written = frozenset(part.program for part in self.ranges)
        return replace(self.telling, about=replace(self.telling.about, written=written))

    @property
    def first_ending_slot(self) -> int:
        """Where the last `ending_bars` begin."""
        return (self.bars - self.ending_bars) * self.bar_slots


@dataclass(frozen=True, slots=True)
class Taste:
    """How a choice is drawn; each a number for all fields, or one for each of gap, part, pitch, duration, velocity.

    Attributes:
        temperature: logits are divided by it.
        top_p: the likeliest values that together have this share are drawn from (Holtzman et al. 2020).
        min_p: of them those that have at least this share of the likeliest one's chance (Nguyen et al. 2024).
        copy_aware: temperature, top_p and min_p act among the values that the memory makes likelier, and among the
            others, but not between the one and the other.
        conviction: the odds of drawing from the one or the other are raised to this power.
    """

    temperature: PerField = 1.0
    top_p: PerField = 1.0
    min_p: PerField = 0.0
    copy_aware: bool = True
    conviction: PerField = 1.0

    def __post_init__(self) -> None:
        for name, least, most in (("temperature", 0.0, 100.0), ("top_p", 0.0, 1.0), ("min_p", 0.0, 1.0)):
            if not all(least <= value <= most for value in self._each(name)):
                raise ValueError(f"{name} lies between {least:g} and {most:g}")
        if not all(0 < value <= MOST_CONVICTION for value in self._each("conviction")):
            raise ValueError(f"conviction is more than 0, at most {MOST_CONVICTION:g}")

    @classmethod
    def usual(cls, temperature: float = 1.0, top_p: float = USUAL_TOP_P) -> Taste:
        """What samples are most like real music with (docs/experiments.md), more or less of it as one asks."""
        cooler = [temperature * usual for usual in USUAL_TEMPERATURES]
        surer = 1 / max(temperature, 1 / MOST_CONVICTION)
        return cls(
            (*cooler,),
            (*(top_p**narrower for narrower in USUAL_NARROWNESS),),
            conviction=(*(min(MOST_CONVICTION, usual * surer) for usual in USUAL_CONVICTION),),
        )

    def _each(self, name: str) -> tuple[float, ...]:
        value: PerField = getattr(self, name)
        if isinstance(value, tuple):
            if len(value) != STAGES:
                raise ValueError(f"{name} is one number, or one for each of {STAGES} fields")
            return value
        return (float(value),) * STAGES

    def of(self, stage: int) -> tuple[float, float, float, float]:
        """Temperature, top_p, min_p and conviction of a field."""
        temperature, top_p, min_p, conviction = (
            self._each(name)[stage] for name in ("temperature", "top_p", "min_p", "conviction")
        )
        return temperature, top_p, min_p, conviction
