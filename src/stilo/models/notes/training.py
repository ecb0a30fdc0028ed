"""A note model in training: one step, and where it stands on disk, so that it can go on another day or elsewhere."""

from __future__ import annotations

import json
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor

from stilo.errors import InputError
from stilo.models.notes.config import NoteModelConfig
from stilo.models.notes.model import Batch, NoteModel
from stilo.models.notes.optimiser import FALLING_SHARE, Optimiser
from stilo.models.processor import autocast_pays
from stilo.models.trunks import State

CHECKPOINT_NAME = "checkpoint.safetensors"
PLATEAU_NAME = "plateau.safetensors"


@dataclass
class Progress:
    """How far a training is; `runs` says with what settings it got there."""

    step: int
    notes: int
    seconds: float
    runs: list[dict[str, Any]]


class Training:
    """A model, its optimiser and how far they are; saved and resumed as safetensors.

    Attributes:
        falling: over what share of the steps, at the end, the learning rate falls.
    """

    def __init__(
        self, config: NoteModelConfig, run: Path, seed: int, rates: tuple[float, float], device: str = "cpu"
    ) -> None:
        """`rates` are the highest of AdamW and of Muon (0 = no Muon)."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.model = NoteModel(config)
        self.device = torch.device(device)
        self.model.to(self.device)
        self.run, self.seed = run, seed
        self.optimiser = Optimiser(self.model, *rates)
        self.progress = Progress(0, 0, 0.0, [])
        self.falling = FALLING_SHARE
        self.forward: Any = self.model
        self.state: State | None = None
        self._begun = time.monotonic()

    def compile(self) -> None:
        """Fuse what can be fused; pays on a GPU."""
        self.forward = torch.compile(self.model)

    @property
    def checkpoint(self) -> Path:
        return self.run / CHECKPOINT_NAME

    def one_step(self, batch: Batch, steps: int) -> Tensor:
        """Learn from a batch, of `steps` in all; its nats per note, by field ([5], on the device)."""
        batch = batch.to(self.device)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=autocast_pays(self.device)):
            nats, state = self.forward(batch, self.state)
        counts = batch.counts.float()
        (nats.sum(-1) * counts).mean().backward()
        self.optimiser.step(self.progress.step, steps, self.falling)
        self.state = tuple(tensor.detach() for tensor in state)
        self.progress.step += 1
        self.progress.notes += batch.fields.shape[0] * batch.fields.shape[1]
        learned = nats.detach().float() * counts.unsqueeze(-1)
        found: Tensor = learned.sum((0, 1)) / counts.sum().clamp(min=1)
        return found

    def begin_run(self, settings: dict[str, Any]) -> None:
        """Remember with what the steps from here on are made; the same settings going on are one run."""
        runs = self.progress.runs
        if not runs or runs[-1] != {"from_step": runs[-1]["from_step"], **settings}:
            runs.append({"from_step": self.progress.step, **settings})

    def count_time(self) -> float:
        """Seconds spent so far, with those since the last call."""
        now = time.monotonic()
        self.progress.seconds += now - self._begun
        self._begun = now
        return self.progress.seconds

    def save(self, name: str = CHECKPOINT_NAME) -> None:
        """Whole or not at all; under `PLATEAU_NAME` from where a longer training can set out.

        Raises:
            InputError: the weights are no longer finite; the last checkpoint stays.
        """
        self.count_time()
        tensors = {f"model.{name}": value for name, value in self.model.state_dict().items()}
        if not all(bool(value.isfinite().all()) for value in tensors.values()):
            reason = f"the weights are no longer finite at step {self.progress.step}; go on from the last checkpoint"
            raise InputError(f"{self.run}: {reason} with a lower rate")
        tensors |= {f"optimiser.{name}": value for name, value in self.optimiser.state(self.model)}
        temporary = (self.run / name).with_suffix(".new")
        kept = {name: value.detach().cpu().contiguous() for name, value in tensors.items()}
        save_file(kept, temporary, {"progress": json.dumps(asdict(self.progress))})
        temporary.replace(self.run / name)

    def resume(self) -> bool:
        """Go on from the checkpoint, if there is one.

        Raises:
            InputError: the checkpoint is damaged or that of a model of other sizes.
        """
        if not self.checkpoint.exists():
            return False
        try:
            tensors = load_file(self.checkpoint)
            self.model.load_state_dict(_under("model.", tensors))
            self.optimiser.restore(self.model, _under("optimiser.", tensors))
            with safe_open(self.checkpoint, "pt") as opened:
                self.progress = Progress(**json.loads(opened.metadata()["progress"]))
        except (OSError, KeyError, TypeError, ValueError, RuntimeError, SafetensorError) as error:
            reason = "damaged, or of a model of other sizes; give the sizes it began with, or another folder"
            raise InputError(f"{self.checkpoint}: {reason}") from error
        self._begun = time.monotonic()
        return True


def _under(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}
