"""Pieces that are being written at the same time, and the rows that they have in the engine."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from copy import copy
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stilo.models.notes.balance import Balance, Pace, Rests, adding_of, clash_nats
from stilo.models.notes.constraints import Constraints
from stilo.models.notes.engine import Engine
from stilo.models.notes.engine_trunks import State, chosen_streams, joined_streams
from stilo.models.notes.fields import GAP, PART, PITCH
from stilo.models.notes.loops import Loops
from stilo.models.notes.next_note import GivenNote
from stilo.models.notes.plan import Plan
from stilo.models.notes.pointers import NOTHING
from stilo.models.notes.telling import LAST_BAR, ToldRows
from stilo.models.notes.written import Written
from stilo.models.tokens import DRUMS, DURATION_SLOTS, END, PROGRAMS

Doubles = NDArray[np.float64]


class Pen:
    """A piece being written; `state` has one row, or two if it is guided: told and untold.

    Attributes:
        waits_at: a slot; when a note was written from there on, no others come until that is None again.
        has_ended: whether nothing comes any more.
    """

    def __init__(self, engine: Engine, number: int, plan: Plan, rng: np.random.Generator) -> None:
        self.number, self.plan, self.rng = number, plan, rng
        telling = plan.all_told
        self.written = Written(telling, plan.metre, plan.given, plan.known_ahead)
        self.constraints = Constraints(plan)
        self.balance = Balance(plan.shares) if plan.shares else None
        self.pace = None if plan.notes_per_quarter is None else Pace(plan.notes_per_quarter)
        self.rests = Rests(plan.most_rests, plan.bar_slots) if plan.most_rests else None
        self.adding = adding_of(plan)
        form = telling.form
        self.loops = Loops(plan.bar_slots, plan.most_repeats, () if form is None else form.lag.tolist())
        self.nats: list[list[float]] = []
        self.untold: ToldRows | None = None
        if plan.guidance != 1.0:
            self.untold = ToldRows(plan.untold, self.written.metre)
        about = [telling.about] if self.untold is None else [telling.about, plan.untold.about]
        self.style = engine.style(about)
        self.state = engine.start(len(about))
        self.before_end: Pen | None = None
        self.waits_at: int | None = None
        self.has_ended = False

    def copy(self, state: State, rng: np.random.Generator | None = None) -> Pen:
        twin = copy(self)
        twin.written, twin.constraints = self.written.copy(), self.constraints.copy()
        twin.balance, twin.loops = self.balance and self.balance.copy(), self.loops.copy()
        twin.pace = self.pace and self.pace.copy()
        twin.rests = self.rests and self.rests.copy()
        twin.adding = self.adding and self.adding.copy()
        twin.nats, twin.state, twin.rng = list(self.nats), state, rng or self.rng
        twin.waits_at, twin.has_ended = None, False
        return twin

    @property
    def share(self) -> float:
        return min(1.0, self.constraints.bar_reached / self.plan.bars)

    @property
    def is_waiting(self) -> bool:
        return self.waits_at is not None and len(self.written) > 0 and self.written.last("onset") >= self.waits_at

    def begins_to_end(self, gap: int) -> bool:
        """Whether a note after this gap would be the first of the last bars."""
        if self.before_end is not None or self.plan.ending_bars == 0 or gap == END:
            return False
        return self.written.last("onset") + gap >= self.plan.first_ending_slot

    def untold_row(self, untold: ToldRows) -> list[int]:
        onset = self.written.last("onset") if len(self.written) else None
        return untold.row(onset, self.written.last("bar"), self.written.previous_pitch)

    def incline(self, stage: int, logits: Doubles, chosen: Sequence[int], given: GivenNote | None) -> None:
        """Move the logits of a field, [its size]: by the pace, the shares and rests of the parts, and what is added to
        given ones.
        """
        if stage == GAP and self.pace is not None:
            nats = self.pace.nats()
            logits[:END] += nats
            logits[END] += min(0.0, nats[-1])  # where more notes ought to come, the end is no nearer than a long gap
        if stage == PART and self.balance is not None:
            logits += self.balance.nats()
        if stage == PART and self.rests is not None:
            logits += self.rests.nats(self.written.last("onset") + chosen[GAP])
        if (adding := self.adding) is None:
            return
        if stage == GAP and given is not None:
            logits[: min(given[GAP], END)] += adding.nats
        elif stage == PART and given is not None and given[GAP] == chosen[GAP]:
            logits[adding.tokens] += adding.nats
        elif stage == PITCH and chosen[PART] in adding.tokens and chosen[PART] % PROGRAMS != DRUMS:
            logits += clash_nats(self._given_pitches(chosen[GAP], adding.tokens))

    def _given_pitches(self, gap: int, own: Collection[int]) -> list[int]:
        """Of the notes that begin or sound after a gap, but for those of own parts, 0…127."""
        onset = self.written.last("onset") + gap
        sounding = [pitch for _, end, part, pitch in self.written.sounding if end > onset and part not in own]
        return [pitch for pitch in (*sounding, *self.written.given_pitches_at(onset)) if pitch != NOTHING]

    def push(self, chosen: list[int], nats: list[float]) -> None:
        gap, part, pitch, duration, velocity = chosen
        given = self.written.given_next()
        is_given = given is not None and given[:3] == (gap, part, pitch)
        self.written.push(gap, part, pitch, duration, velocity)
        self.constraints.push(gap, part, pitch, duration)
        if self.balance is not None:
            self.balance.push(part)
        if self.pace is not None and len(self.written) > 1:
            self.pace.push(gap)
        if self.rests is not None:
            self.rests.push(part, self.written.last("onset") + int(DURATION_SLOTS[duration]))
        if self.adding is not None:
            self.adding.push(part)
        self.written.is_silent = self.loops.push(self.written.last("onset"), part, pitch, is_given=is_given)
        self.nats.append(nats)
        if self.untold is not None and len(self.written) == 1:
            self.untold = self.untold.beginning_in(min(self.constraints.bar_reached, LAST_BAR))


class PenBatch:
    """Pens that write at the same time; the rows of one stand together.

    Attributes:
        rows: how many rows each pen has.
        first: [pens], the row in which each pen is told.
        owner: [rows], whose row it is.
    """

    def __init__(self, pens: Sequence[Pen], state: State | None = None) -> None:
        self.pens = list(pens)
        self.rows = [len(pen.style) for pen in pens]
        self.first = np.cumsum([0, *self.rows[:-1]])
        self.owner = np.repeat(np.arange(len(pens)), self.rows)
        self.style = np.concatenate([pen.style for pen in pens])
        self.state = joined_streams([pen.state for pen in pens]) if state is None else state
        self.guided = np.array([i for i, rows in enumerate(self.rows) if rows > 1], np.int64)
        self.guidance = np.array([self.pens[i].plan.guidance for i in self.guided])[:, None]
        self.tokens = np.array(sorted({token for pen in pens for token in pen.constraints.tokens}))

    def state_of(self, pen: int) -> State:
        return chosen_streams(self.state, self.first[pen] + np.arange(self.rows[pen]))

    def some(self, staying: Sequence[int]) -> PenBatch:
        """Some of the pens alone."""
        state = chosen_streams(self.state, np.flatnonzero(np.isin(self.owner, staying)))
        return PenBatch([self.pens[i] for i in staying], state)

    def put_down(self) -> list[Pen]:
        """The pens, each with its own state."""
        for i, pen in enumerate(self.pens):
            pen.state = self.state_of(i)
        return self.pens

    def by_row(self, of_pens: NDArray[Any]) -> NDArray[Any]:
        """[pens, …] → [rows, …]."""
        return of_pens if len(self.guided) == 0 else of_pens[self.owner]

    def told_and_guided(self, logits: Doubles) -> tuple[Doubles, Doubles]:
        """[rows, size] → the told model's and the guided logits, [pens, size] each."""
        if len(self.guided) == 0:
            return logits, logits
        told = logits[self.first]
        guided = told.copy()
        untold = logits[self.first[self.guided] + 1]
        guided[self.guided] = untold + self.guidance * (told[self.guided] - untold)
        return told, guided
