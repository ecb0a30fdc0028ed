"""Training of a net for frames: by steps laid down beforehand, resumable, the best weights chosen on validation."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from frames.batches import Piece, endless, in_order
from frames.net import FrameNet, Shape, nats
from stilo.models.trunks import State

CHECKS = 10  # looks at the validation part, if all steps are done
PATIENCE = 3  # looks without gain before it stops
OPENING = 64  # frames


@dataclass(frozen=True)
class Plan:
    """How a net is trained.

    Attributes:
        steps: in all.
        streams: pieces at once.
        length: frames of a chunk.
        rate: highest learning rate.
        decay: of the weights.
        semitones: how far pieces are transposed.
        average: share of the averaged weights kept at each step.
    """

    steps: int
    streams: int = 16
    length: int = 64
    rate: float = 2e-3
    decay: float = 0.02
    semitones: int = 6
    average: float = 0.998

    def to_json(self) -> dict[str, object]:
        return asdict(self)

    def rate_at(self, step: int) -> float:
        """Warm up over a twentieth, then a half cosine down."""
        warm = min(1.0, (step + 1) / max(1, self.steps // 20))
        return self.rate * warm * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * step / self.steps)))


@dataclass(frozen=True)
class Nats:
    """Nats per frame, pooled over all frames of all pieces, and over the first `OPENING` of each."""

    all: float
    opening: float


def scored(nets: list[FrameNet], pieces: list[Piece], quick: bool = False) -> Nats:
    """How well a net foretells pieces; of several nets, their mixture. `quick`: in bfloat16."""
    found: dict[bool, list[Tensor]] = {True: [], False: []}
    states: list[State | None] = [None] * len(nets)
    for net in nets:
        net.eval()
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=quick):
        for batch in in_order(pieces, 16, OPENING):
            begins = bool(batch.begins[0])
            each = []
            for i, net in enumerate(nets):
                logits, target, states[i] = net(batch, None if begins else states[i])
                each.append(logits)
            found[begins].append(nats(each[0] if len(each) == 1 else mean_of_probabilities(torch.stack(each)), target))
    opening = torch.cat(found[True]).double()
    return Nats(float(torch.cat([opening, *found[False]]).mean()), float(opening.mean()))


def mean_of_probabilities(logits: Tensor) -> Tensor:
    """Log-odds of the mean of several nets' probabilities, [nets, N, 88] → [N, 88]."""
    on, off = F.logsigmoid(logits).logsumexp(0), F.logsigmoid(-logits).logsumexp(0)
    return on - off


class Training:
    """One net in training."""

    def __init__(self, shape: Shape, plan: Plan, train: list[Piece], valid: list[Piece], seed: int) -> None:
        torch.manual_seed(seed)
        self.made = json.dumps({"shape": shape.to_json(), "plan": plan.to_json(), "seed": seed})
        self.plan, self.seed, self.valid = plan, seed, valid
        self.net = FrameNet(shape)
        self.mean = FrameNet(shape)
        self.mean.load_state_dict(self.net.state_dict())
        matrices = [p for p in self.net.parameters() if p.dim() > 1]
        others = [p for p in self.net.parameters() if p.dim() <= 1]
        groups = [{"params": matrices, "weight_decay": plan.decay}, {"params": others, "weight_decay": 0.0}]
        self.optimizer = torch.optim.AdamW(groups, plan.rate, (0.9, 0.98))
        self.batches = endless(train, plan.streams, plan.length, plan.semitones, np.random.default_rng(seed))
        self.step, self.best_step, self.seconds, self.best = 0, 0, 0.0, math.inf
        self.best_weights: dict[str, Tensor] = {}
        self.state: State | None = None

    def run(self, say: Callable[[str], None], kept: Path | None = None) -> FrameNet:
        """The steps that are left, while patience lasts; the (averaged) weights that were best on validation."""
        if kept is not None and kept.is_file():
            self._take_up(kept)
        every = max(1, self.plan.steps // CHECKS)
        losses = []
        while self.step < min(self.plan.steps, self.best_step + PATIENCE * every):
            start = time.process_time()
            losses.append(self._learn())
            self.seconds += time.process_time() - start
            if self.step % every == 0 or self.step == self.plan.steps:
                self._check(say, float(np.mean(losses)), kept)
                losses = []
        self.net.load_state_dict(self.best_weights)
        return self.net

    def _learn(self) -> float:
        self.net.train()
        for group in self.optimizer.param_groups:
            group["lr"] = self.plan.rate_at(self.step)
        batch = next(self.batches)
        with torch.autocast("cpu", torch.bfloat16):
            logits, target, self.state = self.net(batch, self.state)
        loss = nats(logits, target).mean()
        self.optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.net.parameters(), 1.0)
        self.optimizer.step()
        self.step += 1
        keep = min(self.plan.average, self.step / (self.step + 10))
        with torch.no_grad():
            for mean, now in zip(self.mean.parameters(), self.net.parameters(), strict=True):
                mean.lerp_(now, 1 - keep)
        return float(loss.detach())

    def _check(self, say: Callable[[str], None], loss: float, kept: Path | None) -> None:
        start = time.process_time()
        found = scored([self.mean], self.valid, quick=True).all
        self.seconds += time.process_time() - start
        if found < self.best:
            self.best, self.best_step = found, self.step
            self.best_weights = {name: weight.clone() for name, weight in self.mean.state_dict().items()}
        say(f"step {self.step:6d}  train {loss:.3f}  valid {found:.4f}  best {self.best:.4f}  {self.seconds:.0f} s")
        if kept is not None:
            self._keep(kept)

    def _keep(self, path: Path) -> None:
        content = {
            "made": self.made,
            "net": self.net.state_dict(),
            "mean": self.mean.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "best_weights": self.best_weights,
            "figures": torch.tensor([self.step, self.best_step, self.seconds, self.best], dtype=torch.float64),
            "draws": torch.get_rng_state(),
            "state": list(self.state or ()),
        }
        part = path.with_suffix(".part")
        torch.save(content, part)
        part.replace(path)

    def _take_up(self, path: Path) -> None:
        content = torch.load(path, weights_only=True)
        if content["made"] != self.made:  # by another recipe: begin anew
            return
        self.net.load_state_dict(content["net"])
        self.mean.load_state_dict(content["mean"])
        self.optimizer.load_state_dict(content["optimizer"])
        self.best_weights = content["best_weights"]
        self.state = tuple(content["state"]) or None
        step, best_step, self.seconds, self.best = content["figures"].tolist()
        torch.set_rng_state(content["draws"])
        for _ in range(int(step)):  # the same pieces follow as if nothing had been interrupted
            next(self.batches)
        self.step, self.best_step = int(step), int(best_step)
