"""The head of the note model in NumPy: the fields of the next note, one after another, as `notes.head` has them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from stilo.models.notes.candidates import CANDIDATES, STATES
from stilo.models.notes.config import GATE_SCALE, RELATIVE
from stilo.models.notes.features import HISTOGRAM_SIZE, HISTOGRAMS, NEAR_PITCH, NEAR_PITCHES
from stilo.models.notes.fields import (
    DURATION,
    FIELD_SIZES,
    GAP,
    PART,
    PITCH,
    PITCHES,
    PROGRAMS,
    RANKS,
    STAGES,
    VELOCITY,
    Floats,
    Integers,
)
from stilo.models.notes.matrices import Matrix, SummedTables, Weights, gelu
from stilo.models.notes.next_note import Place
from stilo.models.notes.parts import NEARBY, PART_TABLES
from stilo.models.notes.recalled import META_SIZES
from stilo.models.notes.told import BASSES, CHORDS
from stilo.models.tokens import POSITIONS

Doubles = NDArray[np.float64]
_SHOWN_SIZES = (FIELD_SIZES[GAP] + 1, 1, NEAR_PITCHES, FIELD_SIZES[DURATION] + 1, FIELD_SIZES[VELOCITY] + 1)
_CANDIDATE = np.arange(CANDIDATES)
_KEYS = 128  # pitches of one kind
# [12, HISTOGRAM_SIZE]: where the bins of histograms are, seen from so many semitones higher
_TURNED = ((np.arange(12)[:, None, None] + np.arange(12)) % 12 + 12 * np.arange(HISTOGRAMS)[:, None]).reshape(12, -1)


def _near_classes() -> Integers:
    """[128, PITCHES + 1]: class of the distance of every pitch, and of none, from every reference."""
    near = np.arange(PITCHES) % _KEYS - np.arange(_KEYS)[:, None]
    classes = np.full((_KEYS, PITCHES + 1), NEAR_PITCHES - 1, np.int64)
    classes[:, :PITCHES] = np.clip(near, -NEAR_PITCH, NEAR_PITCH) + NEAR_PITCH
    return classes


_NEAR = _near_classes()


class EngineHead:
    """Of S streams at once.

    Args:
        weights: of the head.
        width: of the trunk.
        hidden: size of each stage.
    """

    def __init__(self, weights: Weights, width: int, hidden: int) -> None:
        self.hidden = hidden
        stages = STAGES * hidden
        self._from_trunk = Matrix(weights("from_trunk.weight", stages, width), weights("from_trunk.bias", stages))
        told: tuple[dict[str, Sequence[int]], ...] = (
            {"from_gap": [FIELD_SIZES[GAP]], "from_position": [POSITIONS]},
            {"from_part": [PROGRAMS, RANKS], "from_past": list(PART_TABLES.values())},
            {"from_pitch": [PITCHES]},
            {"from_duration": [FIELD_SIZES[DURATION]]},
        )
        self._told = [_tables(weights, names, (VELOCITY - stage) * hidden) for stage, names in enumerate(told)]
        self._distance = _tables(weights, {"distance": [RELATIVE, CHORDS, BASSES]}, hidden)
        self._harmony = Matrix(weights("harmony.weight", hidden, HISTOGRAM_SIZE + 2 * NEARBY))
        self._candidates = [
            _tables(weights, {f"candidates.{stage}": [size] * CANDIDATES + [STATES] * CANDIDATES}, hidden)
            for stage, size in enumerate(_SHOWN_SIZES)
        ]
        self._out = [_outputs(weights, stage, hidden) for stage in range(STAGES)]
        self._gate_state = GATE_SCALE * weights("gate_state", STAGES, CANDIDATES, STATES).reshape(STAGES, -1)
        # [rows of all records of all candidates, STAGES], record by record
        metas = [weights(f"gate_meta.{k}", STAGES, CANDIDATES, size) for k, size in enumerate(META_SIZES)]
        by_record = [meta.transpose(1, 2, 0).reshape(-1, STAGES) for meta in metas]
        self._gate_meta = np.ascontiguousarray(GATE_SCALE * np.concatenate(by_record), np.float32)
        begins = CANDIDATES * np.cumsum([0, *META_SIZES[:-1]])
        self._meta_offsets = begins + _CANDIDATE[:, None] * np.array(META_SIZES)

    def start(self, h: Floats) -> Floats:
        """[S, width] → the pre-activations of all stages, [S, STAGES × hidden]."""
        return self._from_trunk(h)

    def tell(self, pre: Floats, stage: int, chosen: Sequence[Sequence[int]]) -> None:
        """Add what the choice of a stage says to those after it, in place.

        Args:
            pre: [S, STAGES × hidden].
            stage: which field was chosen.
            chosen: for each stream: gap and position; program, rank and past; pitch (drums + 128); duration.
        """
        pre[:, (stage + 1) * self.hidden :] += self._told[stage](np.array(chosen))

    def records(self, meta: Sequence[Sequence[Sequence[int]]]) -> Floats:
        """What speaks for each candidate by its record: [S, CANDIDATES, len(META_SIZES)] → [S, STAGES, CANDIDATES]."""
        rows = np.array(meta) + self._meta_offsets
        found: Floats = np.add.reduce(self._gate_meta.take(rows, axis=0), axis=2)
        return found.transpose(0, 2, 1)

    def logits(self, stage: int, pre: Floats, proposed: Integers, records: Floats) -> tuple[Doubles, Doubles]:
        """Logits of any field but the pitch, [S, size], and what of them the candidates add.

        Args:
            stage: which field.
            pre: [S, STAGES × hidden].
            proposed: [S, 2, CANDIDATES], values (the field's size = nothing) and states of the candidates.
            records: as `records` gives them.
        """
        values, size = proposed[:, 0], FIELD_SIZES[stage]
        g, gates = self._inner(stage, pre, np.zeros_like(values) if stage == PART else values, proposed[:, 1])
        y = self._out[stage](g)
        gates += y[:, size:]
        gates += records[:, stage]
        copied = _added(size, values, gates, values < size)
        return y[:, :size] + copied, copied

    def pitch_logits(
        self, pre: Floats, proposed: Integers, records: Floats, places: Sequence[Place], histogram: Floats
    ) -> tuple[Doubles, Doubles]:
        """The same of the pitch, [S, 128]: of drums if the part is.

        Args:
            pre: as for `logits`.
            proposed: as for `logits`.
            records: as for `logits`.
            places: of each stream.
            histogram: [S, HISTOGRAM_SIZE], relative to the note before, as in `Features`.
        """
        values = proposed[:, 0]
        part = np.array([place.part_pitch for place in places])
        drums = np.array([place.is_drum for place in places])
        turn = [place.part_pitch - place.previous for place in places]
        around = np.concatenate(
            [
                np.take_along_axis(histogram, _TURNED[np.array(turn) % 12], 1),
                np.stack([p.near.ravel() for p in places]),
            ],
            axis=1,
        )
        added = self._distance(np.array([(127 + t, p.chord, p.bass) for t, p in zip(turn, places, strict=True)]))
        added += self._harmony(around)
        g, gates = self._inner(PITCH, pre, _NEAR[part[:, None], values], proposed[:, 1], added)
        y = self._out[PITCH](g)
        gates += y[:, PITCHES : PITCHES + CANDIDATES]
        gates += records[:, PITCH]
        logits = np.empty((len(y), _KEYS))
        near = PITCHES + CANDIDATES + _KEYS - 1
        for found, scores, place in zip(logits, y, places, strict=True):
            if place.is_drum:
                found[:] = scores[_KEYS:PITCHES]
                continue
            from_previous, from_part = near - place.previous, near + RELATIVE - place.part_pitch
            np.add(scores[from_previous : from_previous + _KEYS], scores[from_part : from_part + _KEYS], out=found)
            np.add(found, scores[:_KEYS], out=found)
        fits = (values < PITCHES) & ((values >= _KEYS) == drums[:, None])
        copied = _added(_KEYS, values % _KEYS, gates, fits)
        return logits + copied, copied

    def _inner(
        self, stage: int, pre: Floats, shown: Integers, states: Integers, added: Floats | None = None
    ) -> tuple[Floats, Floats]:
        """The activations of a stage [S, hidden], and what the states say for the candidates [S, CANDIDATES]."""
        inner = self._candidates[stage](np.concatenate([shown, states], axis=1))
        inner += pre[:, stage * self.hidden : (stage + 1) * self.hidden]
        if added is not None:
            inner += added
        return gelu(inner), self._gate_state[stage].take(states + _CANDIDATE * STATES)


def _tables(weights: Weights, names: Mapping[str, Sequence[int]], width: int) -> SummedTables:
    """Tables of several names, one below the other."""
    found = [weights(f"{name}.weight", sum(sizes), width) for name, sizes in names.items()]
    return SummedTables(np.concatenate(found), [size for sizes in names.values() for size in sizes])


def _outputs(weights: Weights, stage: int, hidden: int) -> Matrix:
    """Logits, below them what opens the candidates' gates, and for the pitch what is near the notes before."""
    sizes = {f"out.{stage}": FIELD_SIZES[stage], f"gate.{stage}": CANDIDATES}
    rows = [weights(f"{name}.weight", size, hidden) for name, size in sizes.items()]
    bias = [weights(f"{name}.bias", size) for name, size in sizes.items()]
    for name in ("near_previous", "near_part") if stage == PITCH else ():
        rows.append(weights(f"{name}.weight", RELATIVE, hidden))
        bias.append(np.zeros(RELATIVE, np.float32))
    return Matrix(np.concatenate(rows), np.concatenate(bias))


def _added(size: int, values: Integers, gates: Floats, counts: NDArray[np.bool_]) -> Doubles:
    """[S, size]: the gates [S, CANDIDATES] at what the candidates propose, as far as that counts."""
    streams = len(values)
    place = np.minimum(values, size - 1) + size * np.arange(streams)[:, None]
    added: Doubles = np.bincount(place.ravel(), (gates * counts).ravel(), streams * size).astype(np.float64)
    return added.reshape(streams, size)
