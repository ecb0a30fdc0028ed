"""The note model: a trunk that reads notes, and a head that writes the fields of the next one.

A step is one note; its fields enter as a sum of embeddings (`features.NOTE_TABLES`), together with what the memory's
candidates would play next, the pitch classes of late, and what is told of the piece and of this place in it.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from stilo.elements.embedding import EMBEDDING_SIZE, FACETS
from stilo.models.layers import Tables
from stilo.models.learned_embedding import LEARNED_SIZE
from stilo.models.notes.config import FARTHEST_STYLE, STYLE_FACETS, NoteModelConfig
from stilo.models.notes.features import HISTOGRAM_SIZE, MEMORY_TABLES, NOTE_TABLES
from stilo.models.notes.fields import GAP, PART, PITCH, STAGES, VELOCITY, Floats
from stilo.models.notes.head import FieldHead, Places, turned_histogram
from stilo.models.notes.told import CONDITION_TABLES
from stilo.models.tokens import DRUMS, END, PROGRAMS
from stilo.models.trunks import State, build_trunk


@dataclass(frozen=True, eq=False)
class Conditioning:
    """What holds for whole pieces; P pieces.

    Attributes:
        measured: float [P, EMBEDDING_SIZE], raw measured embeddings.
        learned: float [P, LEARNED_SIZE], learned embeddings.
        facets: float [P, STYLE_FACETS], 1 for every facet that is told.
        programs: float [P, PROGRAMS], 1 for every program of the piece; all 0 = not told.
        written: the same for those that are written to given parts.
    """

    measured: Tensor
    learned: Tensor
    facets: Tensor
    programs: Tensor
    written: Tensor


@dataclass(frozen=True, eq=False)
class Batch:
    """Tensors of `features.Features` stacked to [B, T, …], and `piece` [B, T], the row of the conditioning."""

    fields: Tensor
    notes: Tensor
    condition: Tensor
    memory: Tensor
    histogram: Tensor
    position: Tensor
    previous_pitch: Tensor
    part_pitch: Tensor
    part: Tensor
    near: Tensor
    chord: Tensor
    bass: Tensor
    values: Tensor
    states: Tensor
    meta: Tensor
    counts: Tensor
    piece: Tensor
    conditioning: Conditioning

    def steps(self, start: int, stop: int) -> Batch:
        """Some steps of all rows."""
        cut = {f.name: getattr(self, f.name)[:, start:stop] for f in fields(self) if f.name != "conditioning"}
        return Batch(**cut, conditioning=self.conditioning)

    def to(self, device: torch.device) -> Batch:
        """On another device; indices as int64, which tables ask for."""

        def moved(tensor: Tensor) -> Tensor:
            tensor = tensor.to(device, non_blocking=True)
            return tensor if tensor.is_floating_point() else tensor.long()

        told = Conditioning(*(moved(getattr(self.conditioning, f.name)) for f in fields(self.conditioning)))
        columns = {f.name: moved(getattr(self, f.name)) for f in fields(self) if f.name != "conditioning"}
        return Batch(**columns, conditioning=told)

    def places(self) -> Places:
        """All notes in a row, N = B × T."""
        previous, part = self.previous_pitch.flatten(), self.part_pitch.flatten()
        return Places(
            previous,
            part,
            self.fields[..., PART].flatten() % PROGRAMS == DRUMS,
            self.part.flatten(0, 1),
            turned_histogram(self.histogram.flatten(0, 1), part - previous),
            self.near.flatten(0, 1).flatten(1).float(),
            self.chord.flatten(),
            self.bass.flatten(),
        )


class NoteModel(nn.Module):
    """p(piece | what is told) = Π over notes Π over fields."""

    style_mean: Tensor
    style_scale: Tensor
    facet_of_measured: Tensor

    def __init__(self, config: NoteModelConfig) -> None:
        super().__init__()
        self.config = config
        width = config.width
        self.notes = Tables(list(NOTE_TABLES.values()), width, 0.05)
        self.histogram = nn.Linear(HISTOGRAM_SIZE, width, bias=False)
        self.memory = Tables(MEMORY_TABLES, config.memory_width, 0.1)
        self.from_memory = nn.Linear(config.memory_width, width, bias=False)
        self.condition = Tables(list(CONDITION_TABLES.values()), config.condition_width, 0.1)
        self.from_condition = nn.Linear(config.condition_width, width, bias=False)
        self.measured = nn.Linear(EMBEDDING_SIZE, width, bias=False)
        self.learned = nn.Linear(LEARNED_SIZE, width, bias=False)
        self.facets = nn.Linear(STYLE_FACETS, width, bias=False)
        self.programs = nn.Linear(PROGRAMS, width, bias=False)
        self.written = nn.Linear(PROGRAMS, width, bias=False)
        for layer in (self.measured, self.learned, self.programs, self.written):
            nn.init.normal_(layer.weight, std=0.02)
        self.trunk = build_trunk(config.trunk, width, config.layers)
        self.drop = nn.Dropout(config.dropout)
        self.head = FieldHead(width, config.hidden)
        self.register_buffer("style_mean", torch.zeros(EMBEDDING_SIZE))
        self.register_buffer("style_scale", torch.ones(EMBEDDING_SIZE))
        facet_of = torch.zeros(EMBEDDING_SIZE, dtype=torch.long)
        for number, place in enumerate(FACETS.values()):
            facet_of[place] = number
        self.register_buffer("facet_of_measured", facet_of, persistent=False)

    def set_style_statistics(self, mean: Floats, deviation: Floats) -> None:
        """By what measured embeddings are normalised, each [EMBEDDING_SIZE]."""
        self.style_mean.copy_(torch.from_numpy(mean))
        self.style_scale.copy_(torch.from_numpy(1 / deviation))

    def style_of(self, told: Conditioning) -> Tensor:
        """[P, width], what is added to the input of every step of a piece."""
        normal = ((told.measured - self.style_mean) * self.style_scale).clamp(-FARTHEST_STYLE, FARTHEST_STYLE)
        measured = self.measured(normal * told.facets[:, self.facet_of_measured])
        learned = told.learned * told.facets.repeat_interleave(LEARNED_SIZE // STYLE_FACETS, 1)
        parts = self.programs(told.programs) + self.written(told.written)
        added: Tensor = measured + self.learned(learned) + self.facets(told.facets) + parts
        return added

    def read(self, notes: Tensor, memory: Tensor, condition: Tensor, histogram: Tensor, style: Tensor) -> Tensor:
        """What enters the trunk: features […, tables] and style […, width] → […, width]."""
        x: Tensor = (
            self.notes(notes)
            + self.histogram(histogram)
            + self.from_memory(self.memory(memory))
            + self.from_condition(self.condition(condition))
            + style
        )
        return x

    def forward(self, batch: Batch, state: State | None = None) -> tuple[Tensor, State]:
        """Negative log-likelihood in nats of every field, [B, T, 5] (0 after an END), and the state to go on from."""
        style = self.style_of(batch.conditioning)[batch.piece]
        x = self.read(batch.notes, batch.memory, batch.condition, batch.histogram, style)
        first = batch.notes[..., list(NOTE_TABLES).index("is_first")] == 1
        h, state = self.trunk(x, first, state)
        head, places = self.head, batch.places()
        targets = batch.fields.flatten(0, 1)
        values, states = batch.values.flatten(0, 1), batch.states.flatten(0, 1)
        gates = head.gates(states, batch.meta.flatten(0, 1))
        pre = head.start(self.drop(h).flatten(0, 1))
        rows = []
        for stage in range(STAGES):
            logits = head.logits(
                stage,
                pre[stage],
                values[:, stage],
                states[:, stage],
                gates[:, stage],
                places=places if stage == PITCH else None,
            )
            target = targets[:, stage] % 128 if stage == PITCH else targets[:, stage]
            rows.append(F.cross_entropy(logits, target, reduction="none"))
            if stage < VELOCITY:
                pre = head.tell(pre, stage, targets[:, stage], batch.position.flatten(), places.past)
        nats = torch.stack(rows, -1)
        after_end = (targets[:, GAP] == END).unsqueeze(-1) & (torch.arange(STAGES, device=nats.device) > GAP)
        return nats.masked_fill(after_end, 0.0).view(batch.fields.shape), state
