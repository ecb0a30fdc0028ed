"""Writing new music, note by note, with the same features and the same head as in training."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from stilo.models.features import BARS_UNKNOWN, bars_class
from stilo.models.head import STAGES, PitchContext, turned_histogram
from stilo.models.layers import State
from stilo.models.sequence import SequenceModel
from stilo.models.stream import Told, conditioning_of
from stilo.models.threads import one_thread
from stilo.models.tokens import (
    DRUMS,
    DURATION,
    END,
    FIELD_SIZES,
    FIELDS,
    GAP,
    GAPS,
    MAX_GAP,
    PART,
    PITCH,
    POSITIONS,
    PROGRAMS,
    UNKNOWN_TEMPO,
    VELOCITY,
    Part,
    StepArray,
    bar_slots_of,
    metre_class,
    tempo_class,
)
from stilo.models.written import Candidates, Written

_MINUS_INFINITY = -1e9


@dataclass(frozen=True, eq=False)
class Plan:
    """What a sample must keep to.

    Attributes:
        bars: length of the piece.
        metre: (numerator, denominator).
        quarters_per_minute: None = not told.
        ranges: the parts that may play and for each its lowest and highest pitch.
        single: those of them that play one note at a time.
        style: embedding, None = not told.
        bars_left_known: whether the model is told how far the end is.
        ending_bars: how many bars at the end `Sampler.endings` writes anew.
        most_notes: it stops there whatever happens.
    """

    bars: int
    metre: tuple[int, int]
    ranges: Mapping[Part, tuple[int, int]]
    quarters_per_minute: float | None = None
    style: NDArray[np.float32] | None = None
    single: frozenset[Part] = frozenset()
    bars_left_known: bool = True
    ending_bars: int = 0
    most_notes: int = 20_000

    @property
    def bar_slots(self) -> int:
        return bar_slots_of(*self.metre)


@dataclass(frozen=True, slots=True)
class Taste:
    """How a choice is drawn: logits over `temperature`, then the likeliest that make up `top_p`."""

    temperature: float
    top_p: float


@dataclass
class _Pen:
    """Where a sampler stands: what is written, the state of the trunk after it, and the nats of every field."""

    written: Written = field(default_factory=Written)
    state: State | None = None
    nats: list[list[float]] = field(default_factory=list)

    def copy(self) -> _Pen:
        return _Pen(self.written.copy(), self.state, list(self.nats))


class Sampler:
    """Draws pieces from a model; the random generator is passed in, so the same seed writes the same notes."""

    def __init__(self, model: SequenceModel, plan: Plan, taste: Taste, rng: np.random.Generator) -> None:
        self.model, self.plan, self.taste, self.rng = model.eval(), plan, taste, rng
        self.parts = {part.token: limits for part, limits in plan.ranges.items()}
        self.single = {part.token for part in plan.single}
        self.metre = metre_class(*plan.metre)
        tempo = plan.quarters_per_minute
        self.tempo = UNKNOWN_TEMPO if tempo is None else tempo_class(tempo)
        self.part_mask = np.full(FIELD_SIZES[PART], _MINUS_INFINITY)
        self.part_mask[list(self.parts)] = 0.0
        self.before_end: _Pen | None = None
        told = Told(plan.style, frozenset(part.program for part in plan.ranges))
        with torch.inference_mode():
            self.condition = model.condition(conditioning_of([told]))

    @torch.inference_mode()
    def write(
        self, given: StepArray | None = None, progress: Callable[[float], None] | None = None
    ) -> tuple[StepArray, NDArray[np.float64]]:
        """A piece, and the nats of every field of every note, shape [notes, 5]. `given` notes come first."""
        with one_thread():
            return self._write(given, progress)

    @torch.inference_mode()
    def endings(self, count: int) -> Iterator[tuple[StepArray, NDArray[np.float64]]]:
        """`count` other ways for the piece that `write` wrote to end: all before its last `ending_bars` stays."""
        if self.before_end is None:
            return
        for _ in range(count):
            with one_thread():
                ending = self._write_on(self.before_end.copy(), None)
            yield ending

    def _write(
        self, given: StepArray | None, progress: Callable[[float], None] | None
    ) -> tuple[StepArray, NDArray[np.float64]]:
        pen = _Pen()
        for forced in given if given is not None else ():
            self._step(pen, forced)
        return self._write_on(pen, progress)

    def _write_on(self, pen: _Pen, progress: Callable[[float], None] | None) -> tuple[StepArray, NDArray[np.float64]]:
        while len(pen.written) < self.plan.most_notes and self._step(pen):
            if progress is not None and len(pen.written) % 32 == 0:
                progress(min(1.0, pen.written.last("bar") / self.plan.bars))
        return pen.written.steps(), np.array(pen.nats).reshape(-1, STAGES)

    def _step(self, pen: _Pen, forced: np.void | None = None) -> bool:
        """Write one note, `forced` or drawn; False when the piece ends instead."""
        head, w = self.model.head, pen.written
        candidates = Candidates(w)
        h, state = self._read(w, candidates, pen.state)
        pre = head.start(h.unsqueeze(0))
        chosen: list[int] = []
        nats: list[float] = []
        onset = position = bar = 0
        for stage in range(STAGES):
            values, states = candidates.stage(stage, chosen, onset)
            pitch = self._pitch_context(w, chosen[PART], onset) if stage == PITCH else None
            logits = head.logits(stage, pre[stage], torch.tensor([values]), torch.tensor([states]), pitch)
            choice, nat = self._choose(stage, logits[0].numpy(), w, chosen, forced)
            if stage == GAP:
                if choice == END:
                    return False
                onset, position, bar = self._place(w, choice)
                if self.before_end is None and bar >= self.plan.bars - self.plan.ending_bars:
                    self.before_end = pen.copy()
            if stage == PITCH and chosen[PART] % PROGRAMS == DRUMS:
                choice += 128
            chosen.append(choice)
            nats.append(nat)
            if stage < VELOCITY:
                where = torch.tensor([min(position, POSITIONS - 1)])
                pre = head.tell(pre, stage, torch.tensor([choice]), where)
        w.push(
            gap=chosen[GAP],
            part=chosen[PART],
            pitch=chosen[PITCH],
            duration=chosen[DURATION],
            velocity=chosen[VELOCITY],
            position=min(position, POSITIONS - 1),
            bar_slots=self.plan.bar_slots,
            metre=self.metre,
            bar=bar,
            onset=onset,
        )
        pen.state = state
        pen.nats.append(nats)
        return True

    def _place(self, w: Written, gap: int) -> tuple[int, int, int]:
        onset = w.last("onset") + gap
        return onset, onset % self.plan.bar_slots, onset // self.plan.bar_slots

    def _read(self, w: Written, candidates: Candidates, state: State | None) -> tuple[Tensor, State]:
        last = {name: w.last(name) for name in ("gap", "pitch", "duration", "velocity", "position")}
        part = w.last("part")
        pitches = w.columns["pitch"][-2:]
        interval = pitches[1] % 128 - pitches[0] % 128 + 128 if len(pitches) == 2 else 128 * bool(pitches)
        elapsed = w.last("bar")
        left = max(0, self.plan.bars - 1 - elapsed)
        left_class = int(bars_class(np.array(left))) if self.plan.bars_left_known else BARS_UNKNOWN
        row = [
            last["gap"],
            part % PROGRAMS,
            part // PROGRAMS,
            last["pitch"],
            min(255, max(0, interval)),
            last["duration"],
            last["velocity"],
            last["position"],
            int(len(w) == 0),
            self.metre,
            int(bars_class(np.array(elapsed))),
            left_class,
            self.tempo,
        ]
        histogram = np.roll(w.histogram, -w.previous_pitch, axis=1).reshape(1, -1)
        memory = candidates.next_notes(w.previous_pitch)
        return self.model.read_step(
            torch.tensor(row), torch.tensor(memory), torch.from_numpy(histogram), self.condition, state
        )

    def _pitch_context(self, w: Written, part: int, onset: int) -> PitchContext:
        previous = w.previous_pitch
        own = w.part_pitch(part, onset)
        relative = torch.from_numpy(np.roll(w.histogram, -previous, axis=1).reshape(1, -1))
        turn = torch.tensor([own - previous])
        is_drum = torch.tensor([part % PROGRAMS == DRUMS])
        return PitchContext(torch.tensor([previous]), torch.tensor([own]), is_drum, turned_histogram(relative, turn))

    def _choose(
        self, stage: int, logits: NDArray[np.float32], w: Written, chosen: list[int], forced: np.void | None
    ) -> tuple[int, float]:
        """A token of the field (pitches 0…127) and its nats under the unmasked model."""
        scores = logits.astype(np.float64)
        log_sum = float(np.logaddexp.reduce(scores))
        if forced is not None:
            choice = int(forced[FIELDS[stage]])
            choice = choice % 128 if stage == PITCH else choice
        else:
            choice = self._draw(scores + self._mask(stage, w, chosen))
        return choice, log_sum - float(scores[choice])

    def _draw(self, scores: NDArray[np.float64]) -> int:
        scaled = (scores - scores.max()) / max(1e-3, self.taste.temperature)
        chances = np.exp(scaled)
        order = np.argsort(-chances, kind="stable")
        cumulated = np.cumsum(chances[order])
        kept = int(np.searchsorted(cumulated, self.taste.top_p * cumulated[-1])) + 1
        drawn = self.rng.random() * cumulated[kept - 1]
        return int(order[min(int(np.searchsorted(cumulated, drawn, side="right")), kept - 1)])

    def _mask(self, stage: int, w: Written, chosen: list[int]) -> NDArray[np.float64]:
        """0 where a choice is allowed."""
        if stage == GAP:
            return self._gap_mask(w)
        same_onset = len(w) > 0 and chosen[GAP] == 0
        if stage == PART:
            mask = self.part_mask.copy()
            if same_onset:
                mask[: w.last("part")] = _MINUS_INFINITY
                if self._is_full(w):
                    mask[w.last("part")] = _MINUS_INFINITY
            return mask
        if stage == PITCH:
            low, high = self.parts[chosen[PART]]
            if same_onset and chosen[PART] == w.last("part"):
                low = max(low, w.last("pitch") % 128 + 1)
            mask = np.full(128, _MINUS_INFINITY)
            mask[low : high + 1] = 0.0
            return mask
        return np.zeros(FIELD_SIZES[stage])

    def _is_full(self, w: Written) -> bool:
        """Whether the last part can play nothing more at this onset: it is single, or at the top of its range."""
        last = w.last("part")
        return last in self.single or w.last("pitch") % 128 >= self.parts[last][1]

    def _gap_mask(self, w: Written) -> NDArray[np.float64]:
        """No end before the last bar, no whole bar of silence, nothing after the last bar."""
        bar, total = self.plan.bar_slots, self.plan.bars * self.plan.bar_slots
        onset = w.last("onset")
        mask = np.full(GAPS, _MINUS_INFINITY)
        furthest = min(total - 1, (onset // bar + 2) * bar - 1) - onset if len(w) else bar - 1
        mask[: max(0, min(furthest, MAX_GAP)) + 1] = 0.0
        if len(w) and w.last("part") == max(self.parts) and self._is_full(w):
            mask[0] = _MINUS_INFINITY
        if len(w) and onset // bar >= self.plan.bars - 1:
            mask[END] = 0.0
        if mask.max() < 0:
            mask[END] = 0.0
        return mask
