"""Train the style encoder.

    python -m stilo.models.corpus DATA SPLITS.tsv PACKED --without openewld     once, minutes
    python -m stilo.models.encoder_train PACKED DATA RUN --steps 2000           resumable

Contrastive learning with labels (Khosla et al. 2020): excerpts of one maker are drawn together, those of other makers
of the same collection pushed away, for the four facets joined and for each by itself; excerpts of the same work count
less. Small heads must tell the measured embedding from each facet. RUN receives `log.tsv`, a checkpoint every few
minutes and, at the end, `encoder/` (config.json, weights.safetensors), with linear discriminants of the measured
statistics beside the net, and what share of the two serves best on dev_composer.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from stilo.errors import InputError
from stilo.models.corpus import load_pieces
from stilo.models.encoder import FACETS, MEASURED, EncoderConfig, StyleEncoder
from stilo.models.encoder_files import save_encoder
from stilo.models.encoder_fitting import fit_encoder
from stilo.models.encoder_sampling import Excerpts, ExcerptSource, examples_of
from stilo.models.excerpts import stack_excerpts
from stilo.models.processor import autocast_pays
from stilo.models.works import works_of

TEMPERATURE = 0.1
FACET_LOSS = 0.5
READING_LOSS = 0.3
SAME_WORK = 0.2
WEIGHT_DECAY = 0.02
CLIP_NORM = 1.0
WARMUP_STEPS = 100
FLAT_SHARE = 0.4
CHECKPOINT_SECONDS = 240.0
SETTINGS = ("steps", "bars", "rate", "seed", "dropout", "convolution", "recurrence")
_DRUMS_ONLY = "groove"


def learning_rate(step: int, steps: int, highest: float) -> float:
    """Up over `WARMUP_STEPS`, flat until `FLAT_SHARE`, then half a cosine down to a fiftieth."""
    falling = max(0.0, (step / steps - FLAT_SHARE) / (1 - FLAT_SHARE))
    return highest * min(1.0, (step + 1) / WARMUP_STEPS) * max(0.02, 0.5 * (1 + float(np.cos(np.pi * falling))))


def contrastive_loss(unit: Tensor, makers: NDArray[np.int64], works: NDArray[np.int64]) -> Tensor:
    """Supervised contrastive loss of unit vectors [B, size]; each like is held against the unlike alone."""
    same = torch.from_numpy(makers[:, None] == makers[None])
    itself = torch.eye(len(unit), dtype=torch.bool)
    weight = torch.where(torch.from_numpy(works[:, None] == works[None]), SAME_WORK, 1.0) * (same & ~itself)
    likeness = unit @ unit.T / TEMPERATURE
    unlike = torch.logsumexp(likeness.masked_fill(same, -1e4), 1, keepdim=True)
    surprise = torch.logaddexp(likeness, unlike) - likeness
    total = weight.sum(1)
    return ((surprise * weight).sum(1) / total.clamp(min=1e-6))[total > 0].mean()


class EncoderTraining:
    """A net, its optimiser and how far they are. Step n draws from a generator seeded by n: resuming is exact."""

    def __init__(self, source: ExcerptSource, measured: tuple[Tensor, Tensor], settings: dict[str, Any], run: Path):
        self.source, self.settings, self.run = source, settings, run
        self.mean, self.scale = measured
        config = EncoderConfig(
            dropout=settings["dropout"], convolution=settings["convolution"], recurrence=settings["recurrence"]
        )
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(settings["seed"])
            model = StyleEncoder(config)
            heads = nn.ModuleDict({f: nn.Linear(config.facet_size, len(values)) for f, values in MEASURED.items()})
        self.model, self.heads = model, heads
        self.trained = nn.ModuleDict({"model": model, "heads": heads})
        self.optimiser = torch.optim.AdamW(
            self.trained.parameters(), settings["rate"], betas=(0.9, 0.98), weight_decay=WEIGHT_DECAY
        )
        self.step, self.cpu_seconds = 0, 0.0
        self.autocast = autocast_pays()

    @property
    def checkpoint(self) -> Path:
        return self.run / "checkpoint.safetensors"

    def save(self) -> None:
        tensors = dict(self.trained.state_dict())
        for name, parameter in self.trained.named_parameters():
            for key, value in self.optimiser.state[parameter].items():
                tensors[f"optimiser.{key}.{name}"] = value
        progress = {"step": self.step, "cpu_seconds": self.cpu_seconds, "settings": self.settings}
        temporary = self.checkpoint.with_suffix(".new")
        save_file({k: v.contiguous() for k, v in tensors.items()}, temporary, {"progress": json.dumps(progress)})
        temporary.replace(self.checkpoint)

    def resume(self) -> None:
        """Go on from the checkpoint, if there is one.

        Raises:
            InputError: it is damaged, or was made with other settings.
        """
        if not self.checkpoint.exists():
            return
        try:
            with safe_open(self.checkpoint, "pt") as opened:
                progress = json.loads(opened.metadata()["progress"])
            tensors = load_file(self.checkpoint)
            if progress["settings"] != self.settings:
                raise ValueError("other settings")
            self.trained.load_state_dict({k: v for k, v in tensors.items() if not k.startswith("optimiser.")})
            for name, parameter in self.trained.named_parameters():
                keys = ("step", "exp_avg", "exp_avg_sq")
                self.optimiser.state[parameter] = {key: tensors[f"optimiser.{key}.{name}"] for key in keys}
        except (OSError, KeyError, TypeError, ValueError, RuntimeError, SafetensorError) as error:
            reason = "damaged, or made with other settings; give those it began with, or another folder"
            raise InputError(f"{self.checkpoint}: {reason}") from error
        self.step, self.cpu_seconds = progress["step"], progress["cpu_seconds"]

    def one_step(self) -> tuple[str, float]:
        """The collection that was drawn, and the loss."""
        began = time.process_time()
        seed = [self.settings["seed"], self.step]
        batch = self.source.draw(np.random.default_rng(seed))
        torch.manual_seed(int(np.random.default_rng([*seed, 1]).integers(2**62)))  # dropout
        for group in self.optimiser.param_groups:
            group["lr"] = learning_rate(self.step, self.settings["steps"], self.settings["rate"])
        loss = self._loss(batch)
        self.optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.trained.parameters(), CLIP_NORM)
        self.optimiser.step()
        self.step += 1
        self.cpu_seconds += time.process_time() - began
        return batch.examples[0].collection, float(loss.detach())

    def _loss(self, batch: Excerpts) -> Tensor:
        bars = stack_excerpts([example.views for example in batch.examples], batch.starts, self.source.most_bars)
        with torch.autocast("cpu", torch.bfloat16, enabled=self.autocast):
            facets = self.model(bars).float()
            readings = {facet: self.heads[facet](facets[:, i]) for i, facet in enumerate(FACETS)}
        works = batch.works
        loss = contrastive_loss(F.normalize(facets.flatten(1), dim=1), batch.makers, works)
        measured = torch.from_numpy(np.stack([example.measured for example in batch.examples]))
        wanted = ((measured - self.mean) / self.scale).clamp(-4, 4)
        for i, facet in enumerate(FACETS):
            unheard = batch.examples[0].collection == _DRUMS_ONLY and facet in ("pitch", "harmony")
            if not unheard:
                loss = loss + FACET_LOSS / 4 * contrastive_loss(facets[:, i], batch.makers, works)
            error = F.mse_loss(readings[facet].float(), wanted[:, list(MEASURED[facet])])
            loss = loss + READING_LOSS / 4 * error
        return loss


def train_encoder(packed: Path, data: Path, run: Path, settings: dict[str, Any]) -> Iterator[str]:
    """Train, fit the discriminants, write `run`/encoder; yields lines to print.

    Raises:
        InputError: no packed music, or a checkpoint of other settings.
    """
    pieces = load_pieces(packed / "train.npz")
    examples = examples_of(pieces, works_of([piece.name for piece in pieces], data))
    measured = np.stack([example.measured for example in examples])
    statistics = torch.from_numpy(measured.mean(0)), torch.from_numpy(measured.std(0) + 0.02)
    source = ExcerptSource(examples, settings["bars"])
    run.mkdir(parents=True, exist_ok=True)
    training = EncoderTraining(source, statistics, settings, run)
    training.resume()
    yield f"{len(examples)} pieces, step {training.step} of {settings['steps']}"
    saved, losses = time.monotonic(), []
    training.model.train()
    while training.step < settings["steps"]:
        losses.append(training.one_step()[1])
        if training.step % 100 == 0 or training.step == settings["steps"]:
            line = f"{training.step}\t{training.cpu_seconds:.0f}\t{np.mean(losses):.4f}"
            with (run / "log.tsv").open("a", encoding="utf-8") as log:
                log.write(line + "\n")
            losses = []
            yield line
        if time.monotonic() - saved > CHECKPOINT_SECONDS or training.step == settings["steps"]:
            training.save()
            saved = time.monotonic()
    held_out = load_pieces(packed / "dev_composer.npz")
    weights, facts = fit_encoder(
        training.model.eval(), examples, held_out, works_of([piece.name for piece in held_out], data)
    )
    facts |= {"settings": settings, "cpu_hours": training.cpu_seconds / 3600, "torch": torch.__version__}
    save_encoder(weights, run / "encoder", facts)
    yield json.dumps(facts["dev_composer"])


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("packed", type=Path)
    parser.add_argument("data", type=Path, help="for the titles, by which works are told apart")
    parser.add_argument("run", type=Path)
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--bars", type=int, default=24, help="of an excerpt")
    parser.add_argument("--rate", type=float, default=2e-3)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--dropout", type=float, default=0.2)
    parser.add_argument("--convolution", action=argparse.BooleanOptionalAction, default=True)
    parser.add_argument("--recurrence", action=argparse.BooleanOptionalAction, default=True)
    parser.add_argument("--threads", type=int, default=2)
    given = vars(parser.parse_args(argv))
    torch.set_num_threads(given["threads"])
    try:
        settings = {name: given[name] for name in SETTINGS}
        for line in train_encoder(given["packed"], given["data"], given["run"], settings):
            print(line, flush=True)
    except InputError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
