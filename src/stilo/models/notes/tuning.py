"""How the adapter of a style is tuned: on some of a person's pieces, judged by the others, each of them in its turn.

All weights are tuned, at a small rate that rises where much is gained, and averaged over the last steps. Each fold of
the pieces tunes an adapter of its own without what it holds out; all of them go as far as is best for what they hold
out together, and their mean is kept, which foresees music that none has heard better than any one does. Of few pieces
it is weakened (`notes.strength`). Then what was added is kept in few values (`notes.compressing`).
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
import torch

from stilo.models.notes.adapter import Adapter
from stilo.models.notes.compressing import ADAPTER_VALUES, compressed
from stilo.models.notes.judging import Fold, Judge, Tuning
from stilo.models.notes.merging import AdapterWeights
from stilo.models.notes.model import NoteModel
from stilo.models.notes.windows import Windows
from stilo.models.processor import autocast_pays

_T = TypeVar("_T")
WARMUP_STEPS = 10
CLIP_NORM = 1.0
CLEAR_GAIN_NATS = 2e-3  # from one check to the next, worth going on for
# Where the base model hardly knows such music there is far to go: the rate is multiplied by gain / HASTE_NATS, 1 to
# MOST_HASTE.
HASTE_NATS, MOST_HASTE = 2.5e-2, 8.0
USUAL_SHARE = 0.9  # of the progress that is told


@dataclass(frozen=True, slots=True)
class TuningConfig:
    """`rows` windows of `length` notes a step; stops after `patience` checks without a better held-out figure.

    Attributes:
        tuned: patterns of the names of the weights that are added to ("trunk.*").
        rank: of what is added to matrices; None = any.
        passes: how often the music is gone through, more or less: from there on it is learned by heart.
        goes_on: whether it goes on for as long as the held-out figure clearly falls then. What is held out of the same
            pieces falls for long, while others are foreseen less and less.
        averaging: share of the average of the weights that stays at every step (Polyak & Juditsky 1992, decayed).
        values: at most so many are kept of what was added (`compressing.compressed`); None = all.
        few_steps: beyond the passes it goes on to this step at most, a multiple of `check_every`, where the pieces are
            too few to choose a later one.
        most_judged_notes: of what all folds hold out; of each piece as many.
    """

    tuned: tuple[str, ...] = ("*",)
    rank: int | None = None
    rate: float = 1e-4
    passes: float = 6.0
    goes_on: bool = True
    averaging: float = 0.97
    values: int | None = ADAPTER_VALUES
    weight_decay: float = 0.02
    rows: int = 4
    length: int = 256
    most_steps: int = 400
    few_steps: int = 40
    check_every: int = 20
    patience: int = 4
    most_judged_notes: int = 12_000

    def steps_for(self, notes: int) -> int:
        """How many steps music of so many notes is usually good for; up to a check."""
        checks = max(1, math.ceil(self.passes * notes / (self.rows * self.length * self.check_every)))
        return min(self.most_steps, checks * self.check_every)


def tune_adapter(
    model: NoteModel,
    folds: Sequence[Fold],
    rng: np.random.Generator,
    *,
    config: TuningConfig,
    seconds: float | None = None,
    progress: Callable[[float], None] | None = None,
) -> Tuning:
    """Tune an adapter for each fold, all to the step that is best for what they hold out; nothing tuned counts, too.

    Args:
        model: the base; it stays as it is.
        folds: one or more; what is held out are other pieces, or other parts of the same.
        rng: of transposition and of the order of the windows.
        config: sizes, rate, patience.
        seconds: wall clock after which it stops; None = until patience or steps run out.
        progress: is told the share done.

    Raises:
        InputError: there is nothing to learn from.
    """
    seed = int(rng.integers(2**31))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)  # dropout, if the model has any, draws from torch's own generator
        tuners = [_Tuner(model, fold, config, seed, rng) for fold in folds]
        judge = Judge(model, folds, config.most_judged_notes)
        was_training = model.training
        try:
            usual = config.steps_for(max(fold.notes for fold in folds))
            most = config.most_steps if config.goes_on else usual
            _tune(tuners, judge, config, _Clock(usual, most, seconds, progress))
            judge.strengthen()
        except KeyboardInterrupt:
            judge.best = replace(judge.best, is_interrupted=True)
        finally:
            model.train(was_training)
    return in_spite_of_one_interruption(lambda: _in_few_values(judge.best, config.values))


def in_spite_of_one_interruption(work: Callable[[], _T]) -> _T:
    """What some seconds of work give; who stops them once, stops a tuning that is over: they are begun anew."""
    try:
        return work()
    except KeyboardInterrupt:
        return work()


def _in_few_values(best: Tuning, values: int | None) -> Tuning:
    if values is None or not best.of_folds:
        return best
    of_folds = [compressed(weights, values) for weights in best.of_folds]
    weights = compressed(best.weights, values) if len(of_folds) > 1 else of_folds[0]
    return replace(best, weights=weights, of_folds=of_folds)


def _tune(tuners: Sequence[_Tuner], judge: Judge, config: TuningConfig, clock: _Clock) -> None:
    most_notes = max(tuner.notes for tuner in tuners)
    for step in range(1, clock.most + 1):
        for tuner in tuners:
            tuner.go_to(math.ceil(step * tuner.notes / most_notes))  # all go through their music equally often
        late = clock.is_late()
        if step % config.check_every == 0 or late or step == clock.most:
            judge.hear([tuner.average.weights() for tuner in tuners], step)
            for tuner in tuners:
                tuner.hasten(judge.fell)
        clock.tell(step)
        judge.best = replace(judge.best, is_late=late)
        has_enough = judge.fell < CLEAR_GAIN_NATS or (judge.is_weakened and step >= config.few_steps)
        if late or judge.waited >= config.patience or (step >= clock.usual and has_enough):
            break
    clock.end()


class _Tuner:
    """The adapter of one fold while it is tuned."""

    def __init__(self, model: NoteModel, fold: Fold, config: TuningConfig, seed: int, rng: np.random.Generator) -> None:
        self.config, self.notes, self.steps = config, fold.notes, 0
        self.haste = 1.0  # times the rate
        generator = torch.Generator().manual_seed(seed)
        self.adapter = Adapter(model, generator, tuned=config.tuned, rank=config.rank)
        self.windows = Windows(fold.train, fold.style, config.length, rng, ends=not fold.is_cut)
        self.optimiser = _optimiser(self.adapter, config)
        self.average = _Average(self.adapter, config.averaging)

    def hasten(self, gain: float) -> None:
        """Faster the better the last check was than all before it."""
        self.haste = min(MOST_HASTE, max(1.0, gain / HASTE_NATS))

    def go_to(self, steps: int) -> None:
        while self.steps < steps:
            self._go()

    def _go(self) -> None:
        self.steps += 1
        self.adapter.model[0].train()
        for group in self.optimiser.param_groups:
            group["lr"] = self.haste * self.config.rate * min(1.0, self.steps / WARMUP_STEPS)
        with torch.autocast("cpu", torch.bfloat16, enabled=autocast_pays()):
            nats = self.adapter.nats(self.windows.batch(self.config.rows))
        nats.sum(-1).mean().backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.adapter.parameters(), CLIP_NORM)
        self.optimiser.step()
        self.optimiser.zero_grad()
        self.average.hear(self.adapter, self.steps)


def _optimiser(adapter: Adapter, config: TuningConfig) -> torch.optim.Optimizer:
    decayed = [p for p in adapter.parameters() if p.dim() > 1]
    others = [p for p in adapter.parameters() if p.dim() <= 1]
    groups = [{"params": decayed, "weight_decay": config.weight_decay}, {"params": others, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, config.rate, betas=(0.9, 0.98), fused=True)


class _Average:
    """Of the additions over the last steps; while they are few, over the last ten or fewer."""

    def __init__(self, adapter: Adapter, stays: float) -> None:
        self.stays = stays
        self.values = {name: p.detach().clone() for name, p in adapter.additions.items()}

    def hear(self, adapter: Adapter, step: int) -> None:
        stays = min(self.stays, step / (step + WARMUP_STEPS))
        for name, p in adapter.additions.items():
            self.values[name].lerp_(p.detach(), 1 - stays)

    def weights(self) -> AdapterWeights:
        return {name.replace("|", "."): value.numpy().copy() for name, value in self.values.items()}


class _Clock:
    """How much of the steps, or of the time, has gone; told as it goes. What is beyond the usual is told as little."""

    def __init__(self, usual: int, most: int, seconds: float | None, progress: Callable[[float], None] | None) -> None:
        self.usual, self.most, self.seconds, self.progress = usual, most, seconds, progress
        self.begun = time.monotonic()

    def is_late(self) -> bool:
        return self.seconds is not None and time.monotonic() - self.begun > self.seconds

    def tell(self, step: int) -> None:
        if self.progress is not None:
            spent = (time.monotonic() - self.begun) / self.seconds if self.seconds else 0.0
            beyond = max(0, step - self.usual) / max(1, self.most - self.usual)
            share = USUAL_SHARE * min(1.0, step / self.usual) + (1 - USUAL_SHARE) * beyond
            self.progress(min(1.0, max(share, spent)))

    def end(self) -> None:
        if self.progress is not None:
            self.progress(1.0)
