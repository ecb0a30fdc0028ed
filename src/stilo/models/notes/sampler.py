"""Drawing pieces from the note model, several at once.

Every piece has its own random generator, and is drawn the same whatever pieces stand beside it. Classifier-free
guidance after Ho & Salimans 2022.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from stilo.models.notes.choice import draw, nats_of
from stilo.models.notes.engine import Engine
from stilo.models.notes.engine_trunks import chosen_streams
from stilo.models.notes.fields import DURATION, GAP, PART, PITCH, PROGRAMS, STAGES, VELOCITY
from stilo.models.notes.next_note import NextNote, Place
from stilo.models.notes.pens import Doubles, Pen, PenBatch
from stilo.models.notes.plan import Plan, Taste
from stilo.models.notes.told import CONDITION_TABLES
from stilo.models.tokens import DRUMS, END, POSITIONS, StepArray

SHARPENED = 1.0  # nats that candidates add to a value before it counts as proposed
AT_ONCE = 8
STEPS_BETWEEN_TELLING = 32
_CONDITION = -len(CONDITION_TABLES)
_RANDOM = (STAGES, 2)


@dataclass(frozen=True, eq=False)
class Sampled:
    """A piece, and the nats of every field of every note under the told model, float64 [notes, 5].

    Those of given notes, which could not be otherwise, are small, and tell nothing.
    """

    steps: StepArray
    nats: NDArray[np.float64]


class _Note:
    """The note that all pens of a batch write next: it is read, then chosen field by field."""

    def __init__(self, engine: Engine, batch: PenBatch, taste: Taste) -> None:
        self.head, self.batch, self.taste = engine.head, batch, taste
        self.nexts: list[NextNote] = [pen.written.next_note() for pen in batch.pens]
        self.chosen: list[list[int]] = [[] for _ in batch.pens]
        self.nats: list[list[float]] = [[] for _ in batch.pens]
        self.random = np.array([pen.rng.random(_RANDOM) for pen in batch.pens])
        rows = batch.by_row(np.array([note.row for note in self.nexts]))
        for i in batch.guided:
            pen = batch.pens[i]
            if pen.untold is not None:
                rows[batch.first[i] + 1, _CONDITION:] = pen.untold_row(pen.untold)
        self.histogram = batch.by_row(np.array([note.histogram for note in self.nexts]))
        h, self.after = engine.read(rows, self.histogram, batch.style, batch.state)
        self.pre = self.head.start(h)

    def choose(self, stage: int) -> None:
        """One field of every pen."""
        logits, added = self._logits(stage)
        told, guided = self.batch.told_and_guided(logits)
        proposed = self.batch.told_and_guided(added)[1] > SHARPENED if self.taste.copy_aware else None
        allowed = np.array(
            [
                pen.constraints.allowed(stage, chosen, note.given_next)
                for pen, chosen, note in zip(self.batch.pens, self.chosen, self.nexts, strict=True)
            ]
        )
        if stage in (GAP, PART, PITCH):
            guided = self._inclined(stage, guided)
        if stage == GAP:
            guided = self._ending_in_time(guided, allowed)
        if stage == PART:
            tokens = self.batch.tokens
            few = None if proposed is None else proposed[:, tokens]
            picked = tokens[
                draw(guided[:, tokens], allowed[:, tokens], few, self.taste.of(stage), self.random[:, stage])
            ]
        else:
            picked = draw(guided, allowed, proposed, self.taste.of(stage), self.random[:, stage])
        nats = nats_of(told, picked)
        for chosen, row, value, nat in zip(self.chosen, self.nats, picked.tolist(), nats.tolist(), strict=True):
            is_drum = stage == PITCH and chosen[PART] % PROGRAMS == DRUMS
            chosen.append(value + 128 * is_drum)
            row.append(nat)

    def _inclined(self, stage: int, logits: Doubles) -> Doubles:
        """As the plans would have them, in the light of what was written of late."""
        found = logits.copy()
        for i, (pen, note) in enumerate(zip(self.batch.pens, self.nexts, strict=True)):
            pen.incline(stage, found[i], self.chosen[i], note.given_next)
        return found

    def _ending_in_time(self, logits: Doubles, allowed: NDArray[np.bool_]) -> Doubles:
        """Where a piece may end: that the next note begins after its last bar says that it ends.

        Without it those chances would go to what still fits into the bar, and crowd its last moments.
        """
        found = logits.copy()
        for row, may, pen in zip(found, allowed, self.batch.pens, strict=True):
            if may[END]:
                row[END] = np.logaddexp.reduce(row[min(pen.constraints.slots_left, END) :])
        return found

    def _logits(self, stage: int) -> tuple[Doubles, Doubles]:
        by_row, pairs = self.batch.by_row, list(zip(self.nexts, self.chosen, strict=True))
        stages = [note.stage(stage, chosen) for note, chosen in pairs]
        proposed = by_row(np.array([(values, states) for values, states, _ in stages]))
        if stage in (GAP, PITCH):
            self.records = by_row(self.head.records([meta for _, _, meta in stages]))
        if stage != PITCH:
            return self.head.logits(stage, self.pre, proposed, self.records)
        return self.head.pitch_logits(self.pre, proposed, self.records, self._places, self.histogram)

    def tell(self, stage: int) -> None:
        """Tell the stages to come what was chosen."""
        if stage == VELOCITY:
            return
        pens, rows = self.batch.pens, []
        if stage == PART:
            places = [
                note.place(chosen[GAP], chosen[PART]) for note, chosen in zip(self.nexts, self.chosen, strict=True)
            ]
            self._places = self._places_of_rows(places)
            rows = [
                [c[PART] % PROGRAMS, c[PART] // PROGRAMS, *p.past] for c, p in zip(self.chosen, places, strict=True)
            ]
        elif stage == GAP:
            for pen, chosen in zip(pens, self.chosen, strict=True):
                position = (pen.written.last("onset") + chosen[GAP]) % pen.written.bar_slots
                rows.append([chosen[GAP], min(position, POSITIONS - 1)])
        else:
            rows = [[chosen[stage]] for chosen in self.chosen]
        self.head.tell(self.pre, stage, [rows[i] for i in self.batch.owner])

    def _places_of_rows(self, places: list[Place]) -> list[Place]:
        found = [places[i] for i in self.batch.owner]
        for i in self.batch.guided:
            pen, place = self.batch.pens[i], places[i]
            if pen.untold is not None:
                onset = pen.written.last("onset") + self.chosen[i][GAP]
                chord, bass = pen.untold.chord_at(onset, place.part_pitch)
                found[int(self.batch.first[i]) + 1] = replace(place, chord=chord, bass=bass)
        return found

    def go_on_with(self, staying: list[int]) -> None:
        """Leave the other pens out."""
        rows = np.isin(self.batch.owner, staying)
        self.batch = self.batch.some(staying)
        self.pre, self.records, self.histogram = self.pre[rows], self.records[rows], self.histogram[rows]
        self.after = chosen_streams(self.after, np.flatnonzero(rows))
        self.random = self.random[staying]
        self.nexts = [self.nexts[i] for i in staying]
        self.chosen, self.nats = [self.chosen[i] for i in staying], [self.nats[i] for i in staying]

    def write(self) -> PenBatch:
        """All fields are chosen: the pens after it."""
        for pen, chosen, nats in zip(self.batch.pens, self.chosen, self.nats, strict=True):
            pen.push(chosen, nats)
        self.batch.state = self.after
        return self.batch


class Sampler:
    """Draws pieces.

    Args:
        engine: the model.
        plans: what each piece must keep to.
        taste: how choices are drawn.
        rngs: of each piece.
        at_once: how many are written at the same time.
    """

    def __init__(
        self,
        engine: Engine,
        plans: Sequence[Plan],
        taste: Taste,
        rngs: Sequence[np.random.Generator],
        at_once: int = AT_ONCE,
    ) -> None:
        if len(plans) != len(rngs):
            raise ValueError("every piece has its own random generator")
        self.engine, self.plans, self.taste, self.rngs, self.at_once = engine, plans, taste, rngs, at_once
        self._begun: list[Pen] = []
        self._before_end: dict[int, Pen] = {}

    def begin(self, until: int, progress: Callable[[float], None] | None = None) -> list[Sampled]:
        """All the pieces as far as a slot, where they wait for `write` to go on with some of them."""
        self._begun = self._new_pens()
        for pen in self._begun:
            pen.waits_at = until
        found = [_sampled(pen) for pen in self._write(self._begun, progress)]
        before = [one.steps["onset"] < until for one in found]
        return [Sampled(one.steps[kept], one.nats[kept]) for one, kept in zip(found, before, strict=True)]

    def write(
        self, progress: Callable[[float], None] | None = None, numbers: Sequence[int] | None = None
    ) -> list[Sampled]:
        """All the pieces, or some of those that were begun; they are the same, begun before or not.

        `progress` is told the share that is done, now and then.
        """
        pens = self._begun or self._new_pens()
        pens = [pens[number] for number in (range(len(pens)) if numbers is None else numbers)]
        for pen in pens:
            pen.waits_at = None
        written = self._write(pens, progress)
        self._begun = []
        self._before_end = {pen.number: pen.before_end for pen in written if pen.before_end is not None}
        return [_sampled(pen) for pen in written]

    def _new_pens(self) -> list[Pen]:
        pairs = zip(self.plans, self.rngs, strict=True)
        return [Pen(self.engine, number, plan, rng) for number, (plan, rng) in enumerate(pairs)]

    def endings(self, number: int, count: int, classes: Collection[int] = range(12)) -> Iterator[Sampled]:
        """`count` other ways for a piece that `write` wrote to end: all before its last `ending_bars` stays.

        In the last bar only pitches of `classes` are written.
        """
        pen = self._before_end.get(number)
        if pen is None:
            return
        rngs = self.rngs[number].spawn(count)
        for start in range(0, count, self.at_once):
            some = [pen.copy(pen.state, rng) for rng in rngs[start : start + self.at_once]]
            for other in some:
                other.constraints.begin_at(other.plan.first_ending_slot)
                other.constraints.close_on(classes)
                other.before_end = pen
            yield from map(_sampled, self._write(some, None))

    def _write(self, pens: list[Pen], progress: Callable[[float], None] | None) -> list[Pen]:
        unfinished = [pen for pen in pens if not pen.has_ended]
        waiting, writing = unfinished[self.at_once :], unfinished[: self.at_once]
        steps = 0
        while writing:
            batch: PenBatch | None = PenBatch(writing)
            while batch is not None and len(batch.pens) == len(writing):
                batch = self._step(batch)
                steps += 1
                if progress is not None and steps % STEPS_BETWEEN_TELLING == 0:
                    progress(sum(pen.share for pen in pens) / len(pens))
            going = [] if batch is None else batch.put_down()
            free = self.at_once - len(going)
            writing, waiting = [*going, *waiting[:free]], waiting[free:]
        return pens

    def _step(self, batch: PenBatch) -> PenBatch | None:
        """Write a note of each pen; those that go on, if any do."""
        note = _Note(self.engine, batch, self.taste)
        note.choose(GAP)
        for i, pen in enumerate(batch.pens):
            if pen.begins_to_end(note.chosen[i][GAP]):
                pen.before_end = pen.copy(batch.state_of(i))
            pen.has_ended = note.chosen[i][GAP] == END
        staying = [i for i, chosen in enumerate(note.chosen) if chosen[GAP] != END]
        if not staying:
            return None
        if len(staying) < len(batch.pens):
            note.go_on_with(staying)
        note.tell(GAP)
        for stage in (PART, PITCH, DURATION, VELOCITY):
            note.choose(stage)
            note.tell(stage)
        batch = note.write()
        for i, pen in enumerate(batch.pens):
            pen.has_ended = len(pen.written) >= pen.plan.most_notes
            if pen.is_waiting:
                pen.state = batch.state_of(i)
        going = [i for i, pen in enumerate(batch.pens) if not pen.is_waiting and not pen.has_ended]
        if not going:
            return None
        return batch if len(going) == len(batch.pens) else batch.some(going)


def _sampled(pen: Pen) -> Sampled:
    return Sampled(pen.written.steps(), np.array(pen.nats).reshape(-1, STAGES))
