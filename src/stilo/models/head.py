"""The head of the sequence model: it writes the fields of the next note, one after another.

With the copy mechanism of See, Liu & Manning 2017 (pointer-generator), here with pointers from `models.memory`: what a
candidate proposes receives a learned, state-dependent addition to its logit.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from stilo.models.features import HISTOGRAM_SIZE, NEAR_PITCH, NEAR_PITCHES
from stilo.models.layers import Tables
from stilo.models.memory import CANDIDATES, STATES
from stilo.models.tokens import (
    DURATION,
    FIELD_SIZES,
    FIELDS,
    GAP,
    PART,
    PITCH,
    PITCHES,
    POSITIONS,
    PROGRAMS,
    RANKS,
    VELOCITY,
)

STAGES = len(FIELDS)
RELATIVE = 255  # distances −127…127
GAP_VALUES = FIELD_SIZES[GAP] + 1


@dataclass(frozen=True, eq=False)
class PitchContext:
    """What the pitch depends on besides: N notes.

    Attributes:
        previous: int64 [N], last pitch of all.
        part: int64 [N], where the part that was chosen comes from.
        is_drum: bool [N].
        histogram: float [N, 24], as `features.Features.histogram`, but seen from `part`.
    """

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


class FieldHead(nn.Module):
    """Predicts gap, part, pitch, duration, velocity in turn, each knowing those before."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.hidden = hidden
        self.from_trunk = nn.Linear(width, STAGES * hidden)
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
            values: [N, 6], what the candidates propose; the field's size = nothing.
            states: [N, 6], how good each candidate was.
            pitch: what the pitch stage, and no other, needs besides.
        """
        shown = torch.zeros_like(values) if stage == PART else values
        if pitch is not None:
            shown = near_pitch_class(values, pitch.part)
            pre = pre + self.part_distance(pitch.part - pitch.previous + 127) + self.part_histogram(pitch.histogram)
        pre = pre + self.candidates[stage](torch.cat([shown, states], -1))
        g = F.gelu(pre, approximate="tanh")
        logits = self.out[stage](g).float()
        size = FIELD_SIZES[stage]
        if pitch is not None:
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
