"""The head of the note model: it writes the fields of the next note, one after another.

With the copy mechanism of See, Liu & Manning 2017 (pointer-generator), here with candidates from `notes.candidates`:
what a candidate proposes receives a learned, state-dependent addition to its logit.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from stilo.models.layers import Tables
from stilo.models.notes.candidates import CANDIDATES, STATES
from stilo.models.notes.config import GATE_SCALE, RELATIVE
from stilo.models.notes.features import HISTOGRAM_SIZE, HISTOGRAMS, NEAR_PITCH, NEAR_PITCHES
from stilo.models.notes.fields import DURATION, FIELD_SIZES, GAP, PART, PITCH, RANKS, STAGES, VELOCITY
from stilo.models.notes.parts import NEARBY, PART_TABLES
from stilo.models.notes.recalled import META_SIZES
from stilo.models.notes.told import BASSES, CHORDS
from stilo.models.tokens import PITCHES, POSITIONS, PROGRAMS

FIRST_GATE = 0.1


@dataclass(frozen=True, eq=False)
class Places:
    """What is known of N notes once their part is.

    Attributes:
        previous: int64 [N], last pitch of all.
        part: int64 [N], where the part that was chosen comes from.
        is_drum: bool [N].
        past: int64 [N, len(PART_TABLES)], of the part.
        histogram: float [N, HISTOGRAM_SIZE], as in `Features`, but seen from `part`.
        near: float [N, 2 × NEARBY], as in `Features`.
        chord, bass: int64 [N], as in `Features`.
    """

    previous: Tensor
    part: Tensor
    is_drum: Tensor
    past: Tensor
    histogram: Tensor
    near: Tensor
    chord: Tensor
    bass: Tensor


def near_pitch_class(pitch: Tensor, reference: Tensor) -> Tensor:
    """As `features.near_pitch`, for [N, CANDIDATES] and [N] references."""
    near = (pitch % 128 - reference.unsqueeze(-1)).clamp(-NEAR_PITCH, NEAR_PITCH) + NEAR_PITCH
    return torch.where(pitch >= PITCHES, NEAR_PITCHES - 1, near)


def turned_histogram(histogram: Tensor, turn: Tensor) -> Tensor:
    """[N, HISTOGRAM_SIZE] histograms whose bin 0 is a pitch p, seen from p + turn ([N])."""
    bins = torch.arange(12, device=turn.device)
    index = (bins + turn.unsqueeze(-1)) % 12
    halves = histogram.view(-1, HISTOGRAMS, 12).gather(2, index.unsqueeze(1).expand(-1, HISTOGRAMS, -1))
    return halves.flatten(1)


class FieldHead(nn.Module):
    """Predicts gap, part, pitch, duration, velocity in turn, each knowing those before."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.hidden = hidden
        self.from_trunk = nn.Linear(width, STAGES * hidden)
        self.from_position = nn.Embedding(POSITIONS, (STAGES - 1) * hidden)
        self.from_gap = nn.Embedding(FIELD_SIZES[GAP], (STAGES - 1) * hidden)
        self.from_part = Tables([PROGRAMS, RANKS], (STAGES - 2) * hidden, 0.1)
        self.from_past = Tables(list(PART_TABLES.values()), (STAGES - 2) * hidden, 0.1)
        self.from_pitch = nn.Embedding(PITCHES, (STAGES - 3) * hidden)
        self.from_duration = nn.Embedding(FIELD_SIZES[DURATION], hidden)
        for table in (self.from_position, self.from_gap, self.from_pitch, self.from_duration):
            nn.init.normal_(table.weight, std=0.1)
        self.distance = Tables([RELATIVE, CHORDS, BASSES], hidden, 0.1)
        self.harmony = nn.Linear(HISTOGRAM_SIZE + 2 * NEARBY, hidden, bias=False)
        sizes = [FIELD_SIZES[GAP] + 1, 1, NEAR_PITCHES, FIELD_SIZES[DURATION] + 1, FIELD_SIZES[VELOCITY] + 1]
        self.candidates = nn.ModuleList(
            [Tables([size] * CANDIDATES + [STATES] * CANDIDATES, hidden, 0.02) for size in sizes]
        )
        self.out = nn.ModuleList([nn.Linear(hidden, size) for size in FIELD_SIZES])
        self.near_previous = nn.Linear(hidden, RELATIVE, bias=False)
        self.near_part = nn.Linear(hidden, RELATIVE, bias=False)
        self.gate = nn.ModuleList([nn.Linear(hidden, CANDIDATES) for _ in range(STAGES)])
        self.gate_state = nn.Parameter(torch.full((STAGES, CANDIDATES, STATES), FIRST_GATE))
        self.gate_meta = nn.ParameterList([nn.Parameter(torch.zeros(STAGES, CANDIDATES, size)) for size in META_SIZES])

    def start(self, h: Tensor) -> list[Tensor]:
        """[N, width] → the pre-activations of all stages, each [N, hidden]."""
        return list(self.from_trunk(h).split(self.hidden, -1))

    def tell(
        self,
        pre: list[Tensor],
        stage: int,
        chosen: Tensor,
        position: Tensor | None = None,
        past: Tensor | None = None,
    ) -> list[Tensor]:
        """The pre-activations once `stage` is chosen ([N] tokens).

        The gap brings its `position` in the bar along, the part its `past`.
        """
        if stage == GAP:
            added = self.from_gap(chosen)
            if position is not None:
                added = added + self.from_position(position)
        elif stage == PART:
            added = self.from_part(torch.stack([chosen % PROGRAMS, chosen // PROGRAMS], -1))
            if past is not None:
                added = added + self.from_past(past)
        elif stage == PITCH:
            added = self.from_pitch(chosen)
        else:
            added = self.from_duration(chosen)
        parts = added.split(self.hidden, -1)
        return pre[: stage + 1] + [p + a for p, a in zip(pre[stage + 1 :], parts, strict=True)]

    def gates(self, states: Tensor, meta: Tensor) -> Tensor:
        """What speaks for each candidate by its record alone: states [N, STAGES, C], meta [N, C, 5] → like states."""
        n = states.shape[0]
        candidate = torch.arange(CANDIDATES, device=states.device)
        place = torch.arange(STAGES * CANDIDATES, device=states.device).view(STAGES, CANDIDATES) * STATES
        found = F.embedding(states + place, self.gate_state.view(-1, 1)).squeeze(-1)
        for k, table in enumerate(self.gate_meta):
            rows = table.permute(1, 2, 0).flatten(0, 1)  # [C × size, STAGES]
            index = meta[:, :, k] + candidate * table.shape[2]
            found = found + F.embedding(index, rows).view(n, CANDIDATES, STAGES).transpose(1, 2)
        return GATE_SCALE * found

    def logits(
        self, stage: int, pre: Tensor, values: Tensor, states: Tensor, gates: Tensor, *, places: Places | None
    ) -> Tensor:
        """Logits of one field, [N, size]; for the pitch [N, 128], of drums if the part is.

        Args:
            stage: which field.
            pre: [N, hidden] of this stage.
            values: [N, C], what the candidates propose; the field's size = nothing.
            states: [N, C], how good each candidate was.
            gates: [N, C], `gates` of this stage.
            places: what the pitch stage, and no other, needs besides.
        """
        shown = torch.zeros_like(values) if stage == PART else values
        if places is not None:
            shown = near_pitch_class(values, places.part)
            distance = torch.stack([places.part - places.previous + 127, places.chord, places.bass], -1)
            pre = pre + self.distance(distance) + self.harmony(torch.cat([places.histogram, places.near], -1))
        pre = pre + self.candidates[stage](torch.cat([shown, states], -1))
        g = F.gelu(pre, approximate="tanh")
        logits = self.out[stage](g).float()
        size = FIELD_SIZES[stage]
        if places is not None:
            logits = self._pitch_logits(g, logits, places)
            fits = (values < PITCHES) & ((values >= 128) == places.is_drum.unsqueeze(-1))
            values, size = torch.where(fits, values % 128, 128), 128
        gate = (self.gate[stage](g).float() + gates) * (values < size)
        gated: Tensor = logits.scatter_add(-1, values.clamp(max=size - 1), gate)
        return gated

    def _pitch_logits(self, g: Tensor, logits: Tensor, places: Places) -> Tensor:
        steps = torch.arange(128, device=g.device) + 127
        near = self.near_previous(g).float().gather(1, steps - places.previous.unsqueeze(-1))
        near = near + self.near_part(g).float().gather(1, steps - places.part.unsqueeze(-1))
        return torch.where(places.is_drum.unsqueeze(-1), logits[:, 128:], logits[:, :128] + near)
