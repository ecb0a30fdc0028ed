"""How the adapter of a style is tuned; what an adapter is stands in `notes.merging`.

All weights are tuned, at a rate a hundredth of that of training, and averaged over the last steps; then what was added
is kept in few values (`notes.compressing`). Tuned as low-rank additions from the beginning (Hu et al. 2021) it learns
less of ten pieces (docs/learning.md).
"""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.func import functional_call

from stilo.errors import InputError
from stilo.models.corpus import Piece
from stilo.models.notes.compressing import ADAPTER_VALUES, compressed
from stilo.models.notes.conditions import P_BARS, P_PROGRAMS, P_TEMPO
from stilo.models.notes.evaluate import PieceScore, mean_nats_per_note, score_pieces
from stilo.models.notes.features import Features, features_of
from stilo.models.notes.merging import ADDED, DOWN, UP, merged
from stilo.models.notes.model import Batch, NoteModel
from stilo.models.notes.stream import batch_of, transposition
from stilo.models.notes.told import StyleTold, Told
from stilo.models.processor import CPU, autocast_pays
from stilo.models.tokens import PROGRAMS, UNKNOWN_TEMPO, transposed, with_end

Weights = dict[str, NDArray[np.float32]]

WARMUP_STEPS = 10
CLIP_NORM = 1.0
LEAST_GAIN_NATS = 1e-3  # a smaller gain on the held-out notes is none
CHANCE_NATS = 5e-3  # by so much two checks may differ without meaning anything: then the later one is kept
FEWEST_STEPS = 20
USUAL_SHARE = 0.9  # of the progress that is told


@dataclass(frozen=True, slots=True)
class TuningConfig:
    """`rows` windows of `length` notes a step; stops after `patience` checks without a better held-out figure.

    Attributes:
        tuned: patterns of the names of the weights that are added to ("trunk.*").
        rank: of what is added to matrices; None = any.
        passes: how often the music is gone through, more or less: from there on ten pieces are learned by heart.
        goes_on: whether it goes on for as long as the held-out figure still falls then. What is held out of the same
            pieces falls for long, while others are foreseen less and less.
        averaging: share of the average of the weights that stays at every step (Polyak & Juditsky 1992, decayed).
        values: at most so many are kept of what was added (`compressing.compressed`); None = all.
    """

    tuned: tuple[str, ...] = ("*",)
    rank: int | None = None
    rate: float = 1e-4
    passes: float = 12.0
    goes_on: bool = True
    averaging: float = 0.97
    values: int | None = ADAPTER_VALUES
    weight_decay: float = 0.02
    rows: int = 8
    length: int = 256
    most_steps: int = 400
    check_every: int = 20
    patience: int = 4
    most_held_out_notes: int = 6000

    def steps_for(self, notes: int) -> int:
        """How many steps music of so many notes is usually good for."""
        return min(self.most_steps, max(FEWEST_STEPS, round(self.passes * notes / (self.rows * self.length))))


@dataclass(frozen=True, eq=False)
class Tuning:
    """An adapter and the held-out scores with it, and how many steps it took to get there.

    `is_interrupted` says that a person stopped the tuning before its end; it is the best until then.
    """

    weights: Weights
    scores: list[PieceScore]
    steps: int
    is_interrupted: bool = False


class Adapter(nn.Module):
    """The trainable additions to a base model that itself stays as it is."""

    def __init__(
        self, model: NoteModel, generator: torch.Generator, *, tuned: tuple[str, ...] = ("*",), rank: int | None = None
    ) -> None:
        super().__init__()
        self.model = [model]  # in a list: not a submodule, so its weights are not this module's
        self.low_rank: list[str] = []
        self.full: list[str] = []
        self.additions = nn.ParameterDict()
        for name, p in model.named_parameters():
            if not any(fnmatchcase(name, pattern) for pattern in tuned):
                continue
            if rank is not None and p.dim() == 2 and min(p.shape) > rank:
                self.low_rank.append(name)
                down = torch.randn(rank, p.shape[1], generator=generator) / p.shape[1] ** 0.5
                self.additions[_key(name, DOWN)] = nn.Parameter(down)
                self.additions[_key(name, UP)] = nn.Parameter(torch.zeros(p.shape[0], rank))
            else:
                self.full.append(name)
                self.additions[_key(name, ADDED)] = nn.Parameter(torch.zeros_like(p))

    def merged(self) -> dict[str, Tensor]:
        """The base model's tensors by name, with the additions made."""
        tensors = {name: p.detach() for name, p in self.model[0].named_parameters()}
        for name in self.low_rank:
            tensors[name] = tensors[name] + self.additions[_key(name, UP)] @ self.additions[_key(name, DOWN)]
        for name in self.full:
            tensors[name] = tensors[name] + self.additions[_key(name, ADDED)]
        return tensors

    def nats(self, batch: Batch) -> Tensor:
        """[B, T, 5] as `NoteModel.forward`."""
        nats: Tensor = functional_call(self.model[0], self.merged(), (batch,))[0]
        return nats

    def weights(self) -> Weights:
        return {name.replace("|", "."): p.detach().numpy().copy() for name, p in self.additions.items()}


def _key(name: str, kind: str) -> str:
    return (name + kind).replace(".", "|")


def apply_adapter(model: NoteModel, weights: Weights) -> NoteModel:
    """A copy of the base model with an adapter merged in.

    Raises:
        InputError: the adapter does not fit this base model.
    """
    adapted = copy.deepcopy(model)
    named = dict(adapted.named_parameters())
    changed = merged({name: p.detach().numpy() for name, p in named.items()}, weights)
    with torch.no_grad():
        for name, p in named.items():
            p.copy_(torch.from_numpy(changed[name]))
    return adapted


def tune_adapter(
    model: NoteModel,
    train: Sequence[Piece],
    held_out: Sequence[Piece],
    style: StyleTold | None,
    rng: np.random.Generator,
    *,
    config: TuningConfig,
    seconds: float | None = None,
    progress: Callable[[float], None] | None = None,
) -> Tuning:
    """Fit an adapter to `train`, and keep the one that predicts `held_out` best; nothing tuned counts, too.

    Args:
        model: the base; it stays as it is.
        train: what is learned from.
        held_out: other pieces, or other parts of the same.
        style: what the model is told of the style; None = nothing.
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
        adapter = Adapter(model, torch.Generator().manual_seed(seed), tuned=config.tuned, rank=config.rank)
        windows = Windows(train, style, config.length, rng)
        judge = _Judge(model, _shortened(held_out, config.most_held_out_notes), style)
        was_training = model.training
        try:
            usual = config.steps_for(sum(len(piece.steps) for piece in train))
            most = config.most_steps if config.goes_on else usual
            _tune(adapter, windows, judge, config, _Clock(usual, most, seconds, progress))
        except KeyboardInterrupt:
            judge.best = replace(judge.best, is_interrupted=True)
        finally:
            model.train(was_training)
        if config.values is not None and judge.best.weights:
            judge.compress(config.values)
    return judge.best


def _tune(adapter: Adapter, windows: Windows, judge: _Judge, config: TuningConfig, clock: _Clock) -> None:
    optimiser, average = _optimiser(adapter, config), _Average(adapter, config.averaging)
    adapter.model[0].train()
    for step in range(1, clock.most + 1):
        for group in optimiser.param_groups:
            group["lr"] = config.rate * min(1.0, step / WARMUP_STEPS)
        with torch.autocast("cpu", torch.bfloat16, enabled=autocast_pays()):
            nats = adapter.nats(windows.batch(config.rows))
        nats.sum(-1).mean().backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(adapter.parameters(), CLIP_NORM)
        optimiser.step()
        optimiser.zero_grad()
        average.hear(adapter, step)
        late = clock.is_late()
        if step % config.check_every == 0 or late or step == clock.usual:
            judge.hear(average.weights(), step)
        clock.tell(step)
        if late or judge.waited >= config.patience or (step >= clock.usual and not judge.is_falling):
            break
    clock.end()


class _Average:
    """Of the additions over the last steps; while they are few, over the last ten or fewer."""

    def __init__(self, adapter: Adapter, stays: float) -> None:
        self.stays = stays
        self.values = {name: p.detach().clone() for name, p in adapter.additions.items()}

    def hear(self, adapter: Adapter, step: int) -> None:
        stays = min(self.stays, step / (step + WARMUP_STEPS))
        for name, p in adapter.additions.items():
            self.values[name].lerp_(p.detach(), 1 - stays)

    def weights(self) -> Weights:
        return {name.replace("|", "."): value.numpy().copy() for name, value in self.values.items()}


def _optimiser(adapter: Adapter, config: TuningConfig) -> torch.optim.Optimizer:
    decayed = [p for p in adapter.parameters() if p.dim() > 1]
    others = [p for p in adapter.parameters() if p.dim() <= 1]
    groups = [{"params": decayed, "weight_decay": config.weight_decay}, {"params": others, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, config.rate, betas=(0.9, 0.98))


class _Judge:
    """Keeps the latest adapter of those with the best held-out figures; at first that is none at all."""

    def __init__(self, model: NoteModel, held_out: list[Piece], style: StyleTold | None) -> None:
        self.model, self.held_out, self.told = model, held_out, [Told(style=style)] * len(held_out)
        self.best = Tuning({}, score_pieces(model, held_out, self.told), 0)
        self.base = self.least = mean_nats_per_note(self.best.scores)
        self.waited = 0  # checks since the least
        self.is_falling = False  # whether the last check was clearly better than all before

    def hear(self, weights: Weights, step: int) -> None:
        scores = self._scores(weights)
        nats = mean_nats_per_note(scores)
        self.waited += 1
        if nats < min(self.base - LEAST_GAIN_NATS, self.least + CHANCE_NATS):
            self.best = Tuning(weights, scores, step)
        self.is_falling = nats < self.least - CHANCE_NATS
        if nats < self.least - LEAST_GAIN_NATS:
            self.least, self.waited = nats, 0

    def compress(self, most_values: int) -> None:
        """Keep the best in few values."""
        weights = compressed(self.best.weights, most_values)
        self.best = replace(self.best, weights=weights, scores=self._scores(weights))

    def _scores(self, weights: Weights) -> list[PieceScore]:
        return score_pieces(apply_adapter(self.model, weights), self.held_out, self.told)


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


def _shortened(pieces: Sequence[Piece], notes: int) -> list[Piece]:
    """As many pieces, each cut so that all together hold at most `notes` notes."""
    most = max(64, notes // max(1, len(pieces)))
    return [p.first(most) for p in pieces]


class Windows:
    """Batches of windows of a few pieces, transposed at random, the memory of each reaching back to its beginning."""

    def __init__(self, pieces: Sequence[Piece], style: StyleTold | None, length: int, rng: np.random.Generator) -> None:
        if not pieces:
            raise InputError("no pieces to learn from")
        self.pieces, self.style, self.length, self.rng = list(pieces), style, length, rng
        lengths = np.sqrt([len(piece.steps) for piece in pieces])
        self.chances = lengths / lengths.sum()

    def batch(self, rows: int) -> Batch:
        drawn = [self._window() for _ in range(rows)]
        piece = np.repeat(np.arange(rows)[:, None], self.length, axis=1)
        return batch_of([features for features, _ in drawn], piece, [told for _, told in drawn]).to(CPU)

    def _window(self) -> tuple[Features, Told]:
        rng = self.rng
        piece = self.pieces[int(rng.choice(len(self.pieces), p=self.chances))]
        steps = with_end(piece.steps)
        steps = transposed(steps, transposition(steps, rng))
        tokens = np.unique(steps["part"]) if rng.random() < P_PROGRAMS else np.zeros(0, np.int64)
        told = Told(
            style=self.style,
            programs=frozenset((tokens % PROGRAMS).tolist()),
            parts=len(tokens) or None,
            tempo=piece.tempo if rng.random() < P_TEMPO else UNKNOWN_TEMPO,
            bars=int(piece.steps["bar"][-1]) + 1 if rng.random() < P_BARS else None,
        )
        start = int(rng.integers(-self.length // 2, max(1, len(steps) - self.length // 2)))
        start = max(0, min(start, len(steps) - self.length))
        heard = steps[: start + self.length]  # what comes later changes nothing
        return _filled(features_of(heard, told), start, self.length), told


def _filled(features: Features, start: int, length: int) -> Features:
    """A window of `length`; short pieces are begun again to fill it."""
    window = features.window(start, start + length)
    index = np.arange(length) % len(window.fields)
    names = Features.__dataclass_fields__
    return Features(*(getattr(window, name)[index] for name in names))
