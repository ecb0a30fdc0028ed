"""The sequence model: an LSTM that reads notes and a head that writes the fields of the next one, one after another.

After Hochreiter & Schmidhuber 1997 (LSTM) and the copy mechanism of See et al. 2017 (pointer-generator), here with
pointers from `models.memory`: what a candidate proposes receives a learned, state-dependent addition to its logit.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - the name everybody uses

from stilo.elements.embedding import EMBEDDING_SIZE
from stilo.models.features import (
    HISTOGRAM_SIZE,
    MEMORY_TABLES,
    NEAR_PITCH,
    NEAR_PITCHES,
    TRUNK_OFFSETS,
    TRUNK_TABLES,
)
from stilo.models.memory import CANDIDATES, STATES
from stilo.models.tokens import DRUMS, END, FIELD_SIZES, FIELDS, PITCHES, POSITIONS, PROGRAMS, RANKS

GAP, PART, PITCH, DURATION, VELOCITY = range(5)
STAGES = len(FIELDS)
RELATIVE = 255  # distances −127…127
State = tuple[Tensor, Tensor]


@dataclass(frozen=True, slots=True)
class SequenceConfig:
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


class Tables(nn.Module):
    """The sum of one embedding from each of several tables, looked up in one go."""

    offsets: Tensor

    def __init__(self, sizes: list[int], width: int, scale: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(sum(sizes), width) * scale)
        starts = [sum(sizes[:i]) for i in range(len(sizes))]
        self.register_buffer("offsets", torch.tensor(starts), persistent=False)

    def forward(self, indices: Tensor) -> Tensor:
        """[..., tables] → [..., width]."""
        flat = (indices + self.offsets).flatten(0, -2)
        return F.embedding_bag(flat, self.weight, mode="sum").view(*indices.shape[:-1], -1)


class Recurrence(nn.Module):
    """Stacked LSTM layers whose weights can be replaced from outside (`torch.func.functional_call`)."""

    def __init__(self, width: int, layers: int) -> None:
        super().__init__()
        self.layers, self.width = layers, width
        bound = 1 / math.sqrt(width)
        self.names: list[str] = []
        for layer in range(layers):
            for name, shape in (("input", (4 * width, width)), ("state", (4 * width, width)), ("bias", (4 * width,))):
                self.names.append(f"{name}_{layer}")
                self.register_parameter(self.names[-1], nn.Parameter(torch.empty(shape).uniform_(-bound, bound)))
            with torch.no_grad():
                getattr(self, f"bias_{layer}")[width : 2 * width] = 1.0  # remember by default

    def forward(self, x: Tensor, state: State | None) -> tuple[Tensor, State]:
        """[B, T, width] → the same shape, and the state after it (two of [layers, B, width])."""
        if state is None:
            zeros = x.new_zeros(self.layers, x.shape[0], self.width)
            state = (zeros, zeros)
        weights: list[Tensor] = []
        for layer in range(self.layers):
            bias = getattr(self, f"bias_{layer}")
            weights += [getattr(self, f"input_{layer}"), getattr(self, f"state_{layer}"), bias, torch.zeros_like(bias)]
        y, hidden, cell = torch.lstm(x, state, weights, True, self.layers, 0.0, self.training, False, True)
        return y, (hidden, cell)

    def step(self, x: Tensor, state: State | None) -> tuple[Tensor, State]:
        """One step of one sequence, [width] → [width]: matrix times vector, which for a single row is several times
        faster than the general kernel."""
        if state is None:
            zeros = x.new_zeros(self.layers, self.width)
            state = (zeros, zeros)
        hidden, cell = [], []
        for layer in range(self.layers):
            gates = torch.addmv(getattr(self, f"bias_{layer}"), getattr(self, f"input_{layer}"), x)
            gates = torch.addmv(gates, getattr(self, f"state_{layer}"), state[0][layer])
            enter, keep, new, show = gates.chunk(4)
            c = keep.sigmoid() * state[1][layer] + enter.sigmoid() * new.tanh()
            x = show.sigmoid() * c.tanh()
            hidden.append(x)
            cell.append(c)
        return x, (torch.stack(hidden), torch.stack(cell))


class FieldHead(nn.Module):
    """Predicts gap, part, pitch, duration, velocity in turn, each knowing those before."""

    def __init__(self, config: SequenceConfig) -> None:
        super().__init__()
        hidden = config.hidden
        self.hidden = hidden
        self.from_trunk = nn.Linear(config.width, STAGES * hidden)
        self.from_position = nn.Embedding(POSITIONS, (STAGES - 1) * hidden)
        self.from_gap = nn.Embedding(FIELD_SIZES[GAP], (STAGES - 1) * hidden)
        self.from_part = Tables([PROGRAMS, RANKS], (STAGES - 2) * hidden, 0.1)
        self.from_pitch = nn.Embedding(PITCHES, (STAGES - 3) * hidden)
        self.from_duration = nn.Embedding(FIELD_SIZES[DURATION], hidden)
        for table in (self.from_position, self.from_gap, self.from_pitch, self.from_duration):
            nn.init.normal_(table.weight, std=0.1)
        self.part_distance = nn.Embedding(RELATIVE, hidden)
        self.part_histogram = nn.Linear(HISTOGRAM_SIZE, hidden, bias=False)
        sizes = [GAP_VALUES, 1, NEAR_PITCHES, FIELD_SIZES[DURATION] + 1, FIELD_SIZES[VELOCITY] + 1]
        self.candidates = nn.ModuleList(
            [Tables([size] * CANDIDATES + [STATES] * CANDIDATES, hidden, 0.02) for size in sizes]
        )
        self.out = nn.ModuleList([nn.Linear(hidden, size) for size in FIELD_SIZES])
        self.near_previous = nn.Linear(hidden, RELATIVE, bias=False)
        self.near_part = nn.Linear(hidden, RELATIVE, bias=False)
        self.gate = nn.ModuleList([nn.Linear(hidden, CANDIDATES) for _ in FIELDS])
        self.gate_state = nn.Parameter(torch.full((STAGES, CANDIDATES, STATES), 0.1))

    def start(self, h: Tensor) -> list[Tensor]:
        """[N, width] → the pre-activations of all stages, each [N, hidden]."""
        return list(self.from_trunk(h).split(self.hidden, -1))

    def tell(self, pre: list[Tensor], stage: int, chosen: Tensor, position: Tensor | None = None) -> list[Tensor]:
        """The pre-activations once `stage` is chosen ([N] tokens); the gap brings its `position` in the bar along."""
        if stage == GAP:
            added = self.from_gap(chosen)
            if position is not None:
                added = added + self.from_position(position)
        elif stage == PART:
            added = self.from_part(torch.stack([chosen % PROGRAMS, chosen // PROGRAMS], -1))
        elif stage == PITCH:
            added = self.from_pitch(chosen)
        else:
            added = self.from_duration(chosen)
        parts = added.split(self.hidden, -1)
        return pre[: stage + 1] + [p + a for p, a in zip(pre[stage + 1 :], parts, strict=True)]

    def logits(self, stage: int, pre: Tensor, values: Tensor, states: Tensor, pitch: PitchContext | None) -> Tensor:
        """Logits of one field, [N, size]; for the pitch [N, 128], of drums if the part is.

        Args:
            stage: which field.
            pre: [N, hidden] of this stage.
            values, states: [N, 6], what the candidates propose.
            pitch: what the pitch stage needs besides.
        """
        shown = values
        if stage == PART:
            shown = torch.zeros_like(values)
        elif stage == PITCH:
            assert pitch is not None  # noqa: S101 - a programming error
            shown = near_pitch_class(values, pitch.part)
            pre = pre + self.part_distance(pitch.part - pitch.previous + 127) + self.part_histogram(pitch.histogram)
        pre = pre + self.candidates[stage](torch.cat([shown, states], -1))
        g = F.gelu(pre, approximate="tanh")
        logits = self.out[stage](g).float()
        size = FIELD_SIZES[stage]
        if pitch is not None and stage == PITCH:
            logits = self._pitch_logits(g, logits, pitch)
            drum_value = values >= 128
            fits = (values < PITCHES) & (drum_value == pitch.is_drum.unsqueeze(-1))
            values, size = torch.where(fits, values % 128, 128), 128
        gate = self.gate[stage](g).float()
        gate = gate + 10 * self.gate_state[stage].gather(1, states.t()).t()
        gate = gate * (values < size)
        gated: Tensor = logits.scatter_add(-1, values.clamp(max=size - 1), gate)
        return gated

    def _pitch_logits(self, g: Tensor, logits: Tensor, pitch: PitchContext) -> Tensor:
        steps = torch.arange(128, device=g.device) + 127
        near = self.near_previous(g).float().gather(1, steps - pitch.previous.unsqueeze(-1))
        near = near + self.near_part(g).float().gather(1, steps - pitch.part.unsqueeze(-1))
        return torch.where(pitch.is_drum.unsqueeze(-1), logits[:, 128:], logits[:, :128] + near)


GAP_VALUES = FIELD_SIZES[GAP] + 1


@dataclass(frozen=True, eq=False)
class PitchContext:
    """`previous`, `part` [N]: last pitch of all and of the part; `is_drum` bool [N]; `histogram` [N, 24] from `part`."""

    previous: Tensor
    part: Tensor
    is_drum: Tensor
    histogram: Tensor


def near_pitch_class(pitch: Tensor, reference: Tensor) -> Tensor:
    """As `features.near_pitch`, for [N, 6] candidates and [N] references."""
    near = (pitch % 128 - reference.unsqueeze(-1)).clamp(-NEAR_PITCH, NEAR_PITCH) + NEAR_PITCH
    return torch.where(pitch >= PITCHES, NEAR_PITCHES - 1, near)


def turned_histogram(histogram: Tensor, turn: Tensor) -> Tensor:
    """[N, 24] histograms whose bin 0 is a pitch p, seen from p + turn ([N])."""
    bins = torch.arange(12, device=turn.device)
    index = (bins + turn.unsqueeze(-1)) % 12
    halves = [half.gather(1, index) for half in histogram.chunk(HISTOGRAM_SIZE // 12, -1)]
    return torch.cat(halves, -1)


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
        self.head = FieldHead(config)
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


TRUNK_COLUMNS = len(TRUNK_OFFSETS)
