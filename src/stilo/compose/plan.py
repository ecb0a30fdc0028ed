"""From a style and a request to what the sampler must keep to, and the tracks of the score."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from stilo.compose.request import Request
from stilo.errors import InputError
from stilo.music.instruments import PROGRAM_NAMES
from stilo.music.score import Track
from stilo.music.theory import Key
from stilo.styles.palette import Part as PalettePart
from stilo.styles.style import Style

if TYPE_CHECKING:
    from stilo.models.notes.plan import Plan
    from stilo.models.notes.told import ChordPlan, FormPlan, StyleTold
    from stilo.models.tokens import Part

ENDING_BARS = 2
LEAST_REST_BARS = 2
MOST_NOTES_PER_BAR = 256


def plan_of(style: Style, request: Request, *, knows_style: bool = True) -> tuple[Plan, dict[int, Track]]:
    """What the sampler must keep to, told no key, and the track of each part token in score order.

    Unless it `knows_style`, what was learned of how the pieces go is left out: it is neither told the style nor held to
    its pace, to how much each part plays and rests, and to how often bars return.

    Raises:
        InputError: the style names no parts, or a metre whose bars cannot be composed.
    """
    from stilo.models.notes.loops import USUAL_REPEATS
    from stilo.models.notes.plan import Plan
    from stilo.models.notes.told import Telling, Told
    from stilo.models.tokens import UNKNOWN_TEMPO, tempo_class

    parts, tracks = _parts_of(style)
    tempo = request.tempo_qpm or style.palette.tempo_qpm
    about = Told(
        style=style_told(style) if knows_style else None,
        programs=frozenset(voice.program for voice in parts),
        parts=len(parts),
        tempo=UNKNOWN_TEMPO if tempo is None else tempo_class(tempo),
        bars=request.bars,
    )
    plan = Plan(
        bars=request.bars,
        metre=_metre_of(style, request),
        ranges={voice: (part.lowest, part.highest) for voice, part in parts.items()},
        single=frozenset(voice for voice, part in parts.items() if part.is_single),
        telling=Telling(about),
        most_notes=request.bars * MOST_NOTES_PER_BAR,
        ending_bars=min(ENDING_BARS, request.bars // 2),
    )
    if not knows_style:
        return plan, tracks
    learned = replace(
        plan,
        shares={voice: part.share for voice, part in parts.items() if part.share > 0},
        notes_per_quarter=_pace(style, list(parts.values())),
        most_rests={voice: _most_rest(part, request.bars) for voice, part in parts.items()},
        most_repeats=tuple(np.maximum(style.palette.repeats or USUAL_REPEATS, USUAL_REPEATS).tolist()),
    )
    return learned, tracks


def _pace(style: Style, parts: Sequence[PalettePart]) -> float | None:
    """Notes a quarter of the parts that are composed for; the others of the style have theirs of its pace."""
    notes_per_quarter = style.profile.rhythm.notes_per_quarter
    composed, all_parts = (sum(p.share * p.frequency for p in some) for some in (parts, style.palette.parts))
    return notes_per_quarter * (composed / all_parts if composed else 1.0) or None


def _most_rest(part: PalettePart, bars: int) -> float:
    """How many bars a part may rest: as many as in the style, a quarter of the piece at most, of a short one two bars,
    of the shortest half.
    """
    longest = min(max(LEAST_REST_BARS, bars / 4), bars / 2)
    return longest if part.rest_bars is None else min(part.rest_bars, longest)


def in_key(plan: Plan, key: Key) -> Plan:
    """The same plan, told a key."""
    about = replace(plan.telling.about, tonic=key.tonic, mode=int(key.mode == "minor"))
    return replace(plan, telling=replace(plan.telling, about=about))


def with_course(plan: Plan, chords: ChordPlan | None, form: FormPlan | None) -> Plan:
    """The same plan, told these chords and this form besides."""
    return replace(plan, telling=replace(plan.telling, chords=chords, form=form))


def style_told(style: Style) -> StyleTold | None:
    """What the model is told of a style: its measured embedding, and the learned one if there is one.

    None where the proof shows that it clearly misleads (`Proof.is_style_told`).
    """
    from stilo.models.learned_embedding import LEARNED_SIZE
    from stilo.models.notes.told import StyleTold

    if style.proof is not None and not style.proof.is_style_told:
        return None
    learned = np.zeros(LEARNED_SIZE, np.float32)
    if style.recognition is not None:
        learned = style.recognition.values.reshape(-1)
    return StyleTold(np.asarray(style.embedding, np.float32), learned)


def _parts_of(style: Style) -> tuple[dict[Part, PalettePart], dict[int, Track]]:
    """The parts that most pieces of the style have, and the track of each part token."""
    from stilo.models.tokens import DRUMS, RANKS
    from stilo.models.tokens import Part as Voice

    palette = style.palette
    if not palette.parts:
        raise InputError(f"the style '{style.name}' names no instruments; learn it again from its files")
    voices: dict[Part, PalettePart] = {}
    tracks: dict[int, Track] = {}
    counts: dict[int, int] = {}
    for part in palette.usual_parts:
        program = DRUMS if part.is_drum else part.program
        rank = counts.get(program, 0)
        if rank >= RANKS or (part.is_drum and rank):
            continue
        counts[program] = rank + 1
        voice = Voice(program, rank)
        voices[voice] = part
        tracks[voice.token] = Track(part.name or _usual_name(part), part.program, part.is_drum)
    return voices, tracks


def _metre_of(style: Style, request: Request) -> tuple[int, int]:
    from stilo.models.tokens import has_whole_bars

    numerator, denominator = metre = request.time_signature or style.palette.time_signature
    if not has_whole_bars(numerator, denominator):
        raise InputError(
            f"the style '{style.name}' is in {numerator}/{denominator}, in which no bar can be composed; "
            "ask for another metre, such as 4/4"
        )
    return metre


def _usual_name(part: PalettePart) -> str:
    return "Drums" if part.is_drum else PROGRAM_NAMES[part.program]
