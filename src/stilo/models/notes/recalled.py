"""What contexts bring back: how the music went on where it stood before as it stands now, moved to where we are.

Contexts match whatever the transposition, so the pitch that is proposed moves along. Bars that are known beforehand,
because those before them are to be filled in, are searched as if they had been heard before.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from stilo.models.notes.contexts import CONTEXTS, ContextPointers, VoicePointers, context_pointers, voice_pointers
from stilo.models.notes.fields import (
    DURATION,
    FIELD_SIZES,
    GAP,
    PART,
    PITCH,
    STAGES,
    VELOCITY,
    Integers,
    before,
    columns_of,
)
from stilo.models.notes.pointers import NOTHING, looked_up, run_class
from stilo.models.tokens import END, PITCHES, StepArray

RECALLED = CONTEXTS + 1  # the last: by voice
FARTHEST_SHIFT = 13
META_SIZES = (10, 8, 4, 2 * FARTHEST_SHIFT + 1, 2)  # run, uses, chain, shift in semitones, at the same place of the bar


@dataclass(frozen=True, eq=False)
class Recalled:
    """n notes; as `candidates.Candidates`, of RECALLED candidates."""

    values: Integers
    states: Integers
    meta: Integers
    next_pitch: Integers
    next_duration: Integers


def recalled(steps: StepArray, ahead: int | None = None) -> Recalled:
    """What is brought back at each note.

    Args:
        steps: the notes of a piece.
        ahead: from which note on they are known when the notes before are written; None = none are.
    """
    begin = np.zeros(len(steps), np.int64)
    alone = _searched(steps, begin)
    heard = steps[len(steps) if ahead is None else ahead :]
    heard = heard[heard["gap"] != END]
    if len(heard) == 0:
        return alone
    both = np.concatenate([heard, steps[:ahead]])
    both["gap"][0] = 0
    known = len(heard)
    begin = np.where(np.arange(len(both)) < known, 0, known)
    found = _searched(both, begin)
    names = Recalled.__dataclass_fields__
    return Recalled(*(np.concatenate([getattr(found, n)[known:], getattr(alone, n)[ahead:]]) for n in names))


def _searched(steps: StepArray, begin: Integers) -> Recalled:
    """Several pieces one after another; `begin` as for `context_pointers`."""
    n = len(steps)
    by_context, by_voice = context_pointers(steps, begin), voice_pointers(steps, begin)
    found = Recalled(
        np.repeat(np.array(FIELD_SIZES)[None, :, None], n, axis=0).repeat(RECALLED, axis=2),
        np.zeros((n, STAGES, RECALLED), np.int64),
        np.zeros((n, RECALLED, len(META_SIZES)), np.int64),
        np.full((n, RECALLED), PITCHES, np.int64),
        np.full((n, RECALLED), FIELD_SIZES[DURATION], np.int64),
    )
    fields = columns_of(steps)
    _propose_by_context(found, fields, by_context)
    _propose_by_voice(found, steps, fields, by_voice)
    _read_records(found.meta, steps, fields, by_context, by_voice)
    return found


def _propose_by_context(found: Recalled, fields: Integers, p: ContextPointers) -> None:
    values, pitch, own = found.values[:, :, :CONTEXTS], fields[:, PITCH], fields[:, :, None]
    for f in range(STAGES):
        values[:, f] = looked_up(fields[:, f], p.source, FIELD_SIZES[f])
    values[:, PITCH] = _moved(pitch, pitch[before(len(fields))][:, None] % 128, p.source, p.source - 1)
    agreed = [np.zeros_like(p.source, bool), (p.source != NOTHING) & (values[:, GAP] == own[:, GAP])]
    for f in (PART, PITCH, DURATION):
        agreed.append(agreed[-1] & (values[:, f] == own[:, f]))
    found.states[:, :, :CONTEXTS] = p.level[:, None, :] * 2 + np.stack(agreed, axis=1)
    found.next_pitch[:, :CONTEXTS], found.next_duration[:, :CONTEXTS] = values[:, PITCH], values[:, DURATION]


def _propose_by_voice(found: Recalled, steps: StepArray, fields: Integers, p: VoicePointers) -> None:
    """Of use once the part is known."""
    onset, pitch = steps["onset"].astype(np.int64), fields[:, PITCH]
    last, source = np.maximum(p.last, 0), np.maximum(p.source, 0)
    origin = p.last[source]
    proposed = _moved(pitch, pitch[last] % 128, p.source, origin)
    in_time = (p.source != NOTHING) & (onset - onset[last] == onset[source] - onset[np.maximum(origin, 0)])
    same_pitch = in_time & (proposed == pitch)
    same_duration = same_pitch & (fields[:, DURATION][source] == fields[:, DURATION])
    found.values[:, PITCH, CONTEXTS] = proposed
    for f in (DURATION, VELOCITY):
        found.values[:, f, CONTEXTS] = looked_up(fields[:, f], p.source, FIELD_SIZES[f])
    agreed = np.stack([in_time, same_pitch, same_duration], axis=1)
    found.states[:, PITCH:, CONTEXTS] = p.level[:, None] * 2 + agreed


def _moved(pitch: Integers, to: Integers, source: Integers, origin: Integers) -> Integers:
    """The pitch of `source` moved as `origin` lies from `to`; drums stay."""
    moved = to + pitch[np.maximum(source, 0)] % 128 - pitch[np.maximum(origin, 0)] % 128
    drums = pitch[np.maximum(source, 0)] >= 128
    proposed = np.where(drums, pitch[np.maximum(source, 0)], np.where((moved < 0) | (moved > 127), PITCHES, moved))
    return np.where(source == NOTHING, PITCHES, proposed)


def _read_records(
    meta: Integers, steps: StepArray, fields: Integers, contexts: ContextPointers, voice: VoicePointers
) -> None:
    back = before(len(steps))
    pitch, position = fields[:, PITCH] % 128, steps["position"]
    origin, some = np.maximum(contexts.source - 1, 0), contexts.source != NOTHING
    by_context = meta[:, :CONTEXTS]
    by_context[..., 0] = run_class(contexts.run)
    by_context[..., 1] = contexts.uses
    by_context[..., 2] = contexts.chain
    by_context[..., 3] = np.where(some, _shift_class(pitch[back][:, None] - pitch[origin]), FARTHEST_SHIFT)
    by_context[..., 4] = some & (position[back][:, None] == position[origin])
    last, some = np.maximum(voice.last, 0), voice.source != NOTHING
    origin = np.maximum(voice.last[np.maximum(voice.source, 0)], 0)
    by_voice = meta[:, CONTEXTS]
    by_voice[..., 3] = np.where(some, _shift_class(pitch[last] - pitch[origin]), FARTHEST_SHIFT)
    by_voice[..., 4] = some & (position[last] == position[origin])


def _shift_class(semitones: Integers) -> Integers:
    return np.clip(semitones, -FARTHEST_SHIFT, FARTHEST_SHIFT) + FARTHEST_SHIFT
