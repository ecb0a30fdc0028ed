"""The sequence model: an LSTM that reads notes, and a head that writes the fields of the next one.

A step is one note; its fields enter as a sum of embeddings (`features.TRUNK_TABLES`), together with what the memory's
candidates would play next, the pitch classes of late, and what is told of the whole piece.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from stilo.elements.embedding import EMBEDDING_SIZE
from stilo.models.features import HISTOGRAM_SIZE, MEMORY_TABLES, TRUNK_TABLES
from stilo.models.head import STAGES, FieldHead, PitchContext, turned_histogram
from stilo.models.layers import Recurrence, State, Tables
from stilo.models.memory import CANDIDATES
from stilo.models.tokens import DRUMS, END, GAP, PART, PITCH, PROGRAMS, VELOCITY


@dataclass(frozen=True, slots=True)
class SequenceConfig:
    """Sizes: of the trunk and its number of layers, of each stage of the head, of what the memory shows."""

    width: int = 512
    layers: int = 2
    hidden: int = 256
    memory_width: int = 96
    dropout: float = 0.0


@dataclass(frozen=True, eq=False)
class Conditioning:
    """What holds for whole pieces; P pieces.

    Attributes:
        style: float [P, EMBEDDING_SIZE], raw embeddings.
        style_known: float [P, 1], 1 or 0.
        programs: float [P, PROGRAMS], 1 for every program of the piece; all 0 = not told.
    """

    style: Tensor
    style_known: Tensor
    programs: Tensor


@dataclass(frozen=True, eq=False)
class Batch:
    """Tensors of `features.Features` stacked to [B, T, …], and `piece` [B, T], the row of the conditioning."""

    fields: Tensor
    trunk: Tensor
    memory: Tensor
    histogram: Tensor
    position: Tensor
    previous_pitch: Tensor
    part_pitch: Tensor
    values: Tensor
    states: Tensor
    piece: Tensor
    conditioning: Conditioning


class SequenceModel(nn.Module):
    """p(piece | style, metre, tempo, length) = Π over notes Π over fields."""

    style_mean: Tensor
    style_scale: Tensor

    def __init__(self, config: SequenceConfig) -> None:
        super().__init__()
        self.config = config
        width = config.width
        self.notes = Tables(list(TRUNK_TABLES.values()), width, 0.05)
        self.histogram = nn.Linear(HISTOGRAM_SIZE, width, bias=False)
        self.memory = Tables(list(MEMORY_TABLES.values()) * CANDIDATES, config.memory_width, 0.1)
        self.from_memory = nn.Linear(config.memory_width, width, bias=False)
        self.style = nn.Linear(EMBEDDING_SIZE, width)
        nn.init.normal_(self.style.weight, std=0.02)
        self.programs = nn.Linear(PROGRAMS, width, bias=False)
        nn.init.normal_(self.programs.weight, std=0.02)
        self.trunk = Recurrence(width, config.layers)
        self.drop = nn.Dropout(config.dropout)
        self.head = FieldHead(width, config.hidden)
        self.register_buffer("style_mean", torch.zeros(EMBEDDING_SIZE))
        self.register_buffer("style_scale", torch.ones(EMBEDDING_SIZE))

    def condition(self, conditioning: Conditioning) -> Tensor:
        """[P, width], what is added to the input of every step of a piece."""
        normal = ((conditioning.style - self.style_mean) * self.style_scale).clamp(-5, 5)
        told = self.style(normal * conditioning.style_known) * conditioning.style_known
        condition: Tensor = told + self.programs(conditioning.programs)
        return condition

    def read_step(
        self, trunk: Tensor, memory: Tensor, histogram: Tensor, condition: Tensor, state: State | None
    ) -> tuple[Tensor, State]:
        """One step of one piece: features without the axes B and T → hidden state [width]."""
        x = self.notes(trunk.unsqueeze(0)) + self.histogram(histogram) + condition
        x = x + self.from_memory(self.memory(memory.flatten().unsqueeze(0)))
        return self.trunk.step(x[0], state)

    def read(
        self, trunk: Tensor, memory: Tensor, histogram: Tensor, condition: Tensor, state: State | None
    ) -> tuple[Tensor, State]:
        """The trunk: [B, T, …] features and [B, T, width] condition → hidden states [B, T, width]."""
        x = (
            self.notes(trunk)
            + self.histogram(histogram)
            + self.from_memory(self.memory(memory.flatten(-2)))
            + condition
        )
        y, state = self.trunk(x, state)
        return self.drop(y), state

    def forward(self, batch: Batch, state: State | None = None) -> tuple[Tensor, State]:
        """Negative log-likelihood in nats of every field, [B, T, 5] (0 after an END), and the state to go on from."""
        condition = self.condition(batch.conditioning)[batch.piece]
        h, state = self.read(batch.trunk, batch.memory, batch.histogram, condition, state)
        head = self.head
        fields = batch.fields.flatten(0, 1)
        values, states = batch.values.flatten(0, 1), batch.states.flatten(0, 1)
        is_drum = fields[:, PART] % PROGRAMS == DRUMS
        previous, part = batch.previous_pitch.flatten(), batch.part_pitch.flatten()
        pitch = PitchContext(previous, part, is_drum, turned_histogram(batch.histogram.flatten(0, 1), part - previous))
        pre = head.start(h.flatten(0, 1))
        rows = []
        for stage in range(STAGES):
            logits = head.logits(
                stage, pre[stage], values[:, stage], states[:, stage], pitch if stage == PITCH else None
            )
            target = fields[:, stage] % 128 if stage == PITCH else fields[:, stage]
            rows.append(F.cross_entropy(logits, target, reduction="none"))
            if stage < VELOCITY:
                pre = head.tell(pre, stage, fields[:, stage], batch.position.flatten())
        nats = torch.stack(rows, -1)
        after_end = (fields[:, GAP] == END).unsqueeze(-1) & (torch.arange(STAGES, device=nats.device) > GAP)
        return nats.masked_fill(after_end, 0.0).view(batch.fields.shape), state
