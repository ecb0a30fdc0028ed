"""From a style and a request to a piece: candidates are written, the best is kept, put in its key, and played."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from stilo.compose.judge import Figures, choose, cost_of, ending_cost, heard_key, measure_figures, style_distance
from stilo.compose.performance import performed
from stilo.compose.request import Request
from stilo.elements.profile import analyse
from stilo.errors import InputError
from stilo.music.chords import parse_chord
from stilo.music.instruments import PROGRAM_NAMES
from stilo.music.score import ChordSymbol, Score, Track
from stilo.music.theory import Key, parse_key
from stilo.styles.palette import Part as PalettePart
from stilo.styles.style import Style

if TYPE_CHECKING:
    from stilo.models.sample import Plan, Taste
    from stilo.models.sequence import SequenceModel
    from stilo.models.tokens import Part, StepArray

USUAL_FREQUENCY = 0.5
NO_MUSIC = 1000.0
ENDING_BARS, ENDINGS = 2, 8
Progress = Callable[[str, float], None]


@dataclass(frozen=True, slots=True)
class Report:
    """What came of a request.

    Attributes:
        asked_key, key: wished for, and heard in the piece; "" without pitched notes.
        style_distance: from the style's vector, in standard deviations; real pieces lie 0.72 (5 to 95 %: 0.46 to 1.05)
            from the mean of the other pieces of their composer (899 pieces, 19 composers).
        nats_per_note: how likely the model finds its piece.
        candidates: how many were written; `chosen` is the number of the one that was kept.
        figures: counted on the piece.
    """

    asked_key: str
    key: str
    style_distance: float
    nats_per_note: float
    candidates: int
    chosen: int
    figures: Figures


@dataclass(frozen=True, eq=False)
class Composition:
    """A piece, what was asked for, and what came of it."""

    score: Score
    request: Request
    report: Report


@dataclass(frozen=True, eq=False)
class _Candidate:
    steps: StepArray
    score: Score
    nats_per_note: float
    distance: float
    cost: float


@dataclass(frozen=True, eq=False)
class _Desk:
    """All that writing one candidate after another needs."""

    model: SequenceModel
    style: Style
    plan: Plan
    tracks: dict[int, Track]
    taste: Taste
    asked: Key | None

    def write(self, rng: np.random.Generator, progress: Callable[[float], None]) -> _Candidate:
        """A whole piece, as it comes."""
        from stilo.models.sample import Sampler

        steps, nats = Sampler(self.model, self.plan, self.taste, rng).write(progress=progress)
        score = self._score(steps)
        if len(score) == 0:
            return _Candidate(steps, score, 0.0, NO_MUSIC, NO_MUSIC)
        vector = np.asarray(self.style.embedding, np.float32)
        distance = style_distance(score, vector, self.model.style_scale.numpy())
        cost = distance + cost_of(score, self.style.profile, self.asked)
        return _Candidate(steps, score, float(nats.sum(1).mean()), distance, cost)

    def end_well(self, candidate: _Candidate, rng: np.random.Generator) -> _Candidate:
        """The candidate with the best of several endings, its own among them."""
        from stilo.models.sample import Sampler

        key = heard_key(candidate.score)
        if key is None or self.plan.bars <= 2 * ENDING_BARS:
            return candidate
        sampler = Sampler(self.model, self.plan, self.taste, rng)
        found = [(candidate.score, candidate.nats_per_note)]
        for steps, nats in sampler.endings(candidate.steps, ENDING_BARS, ENDINGS):
            found.append((self._score(steps), float(nats.sum(1).mean())))
        best = choose([ending_cost(score, key) for score, _ in found])
        return replace(candidate, score=found[best][0], nats_per_note=found[best][1])

    def _score(self, steps: StepArray) -> Score:
        from stilo.models.tokens import decode

        plan = self.plan
        single = [part.token for part in plan.single]
        return decode(steps, plan.metre, plan.quarters_per_minute or 120.0, self.tracks, bars=plan.bars, single=single)


def compose(style: Style, request: Request, progress: Progress | None = None) -> Composition:
    """Compose a piece in a style. The same style, request and seed give the same notes.

    Raises:
        InputError: the style was learned with other weights, or has no parts to write for.
        SetupError: the weights are missing.
    """
    from stilo.models.sample import Taste

    tell = progress or (lambda _what, _share: None)
    plan, tracks = plan_of(style, request)
    key = request.key or style.palette.key
    asked = parse_key(key) if key else None
    desk = _Desk(_model_of(style), style, plan, tracks, Taste(request.temperature, request.top_p), asked)
    candidates: list[_Candidate] = []
    for number in range(request.candidates):

        def share(done: float, number: int = number) -> None:
            tell(f"composing {number + 1} of {request.candidates}", (number + done) / request.candidates)

        candidates.append(desk.write(np.random.default_rng([request.seed, number]), share))
    chosen = choose([candidate.cost for candidate in candidates])
    best = desk.end_well(candidates[chosen], np.random.default_rng([request.seed, request.candidates]))
    score = _finished(best.score, asked, style, request)
    tell("done", 1.0)
    report = Report(
        asked_key=str(asked or ""),
        key=str(heard_key(score) or ""),
        style_distance=best.distance,
        nats_per_note=best.nats_per_note,
        candidates=request.candidates,
        chosen=chosen + 1,
        figures=measure_figures(score),
    )
    return Composition(score, request, report)


def _model_of(style: Style) -> SequenceModel:
    from stilo.models.adapter import apply_adapter
    from stilo.models.checkpoint import load_base

    base, identity = load_base()
    if style.base_model != identity:
        raise InputError(
            f"the style '{style.name}' was learned with other weights ({style.base_model}) than are installed "
            f"({identity}); learn it again from its files"
        )
    if style.adapter is None:
        return base
    return apply_adapter(base, {key: array.astype(np.float32) for key, array in style.adapter.items()})


def plan_of(style: Style, request: Request) -> tuple[Plan, dict[int, Track]]:
    """What the sampler must keep to, and the track of each part token in score order.

    Raises:
        InputError: the style names no parts, or a metre whose bars cannot be composed.
    """
    from stilo.models.sample import Plan
    from stilo.models.tokens import DRUMS, RANKS
    from stilo.models.tokens import Part as Voice

    palette = style.palette
    if not palette.parts:
        raise InputError(f"the style '{style.name}' names no instruments; learn it again from its files")
    most = max(part.frequency for part in palette.parts)
    usual = [part for part in palette.parts if part.frequency >= min(USUAL_FREQUENCY, most)]
    ranges: dict[Part, tuple[int, int]] = {}
    tracks: dict[int, Track] = {}
    counts: dict[int, int] = {}
    single: set[Voice] = set()
    for part in usual:
        program = DRUMS if part.is_drum else part.program
        rank = counts.get(program, 0)
        if rank >= RANKS or (part.is_drum and rank):
            continue
        counts[program] = rank + 1
        voice = Voice(program, rank)
        ranges[voice] = (part.lowest, part.highest)
        if part.is_single:
            single.add(voice)
        tracks[voice.token] = Track(part.name or _usual_name(part), part.program, part.is_drum)
    tempo = request.tempo_qpm or palette.tempo_qpm
    metre = _metre_of(style, request)
    plan = Plan(
        bars=request.bars,
        metre=metre,
        ranges=ranges,
        quarters_per_minute=tempo,
        style=np.asarray(style.embedding),
        single=frozenset(single),
    )
    return plan, tracks


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


def _finished(score: Score, asked: Key | None, style: Style, request: Request) -> Score:
    """In the key that was asked for, with key and chord marks, played."""
    heard = heard_key(score)
    if asked is not None and heard is not None:
        score = score.transposed((asked.tonic - heard.tonic + 5) % 12 - 5)
        heard = heard_key(score)
    if heard is not None:
        score = replace(score, key_signatures=(heard.signature,), chord_symbols=_chord_symbols(score))
    return performed(replace(score, title=f"{style.name}, no. {request.seed}"))


def _chord_symbols(score: Score) -> tuple[ChordSymbol, ...]:
    detail = analyse(score).piece
    spans = detail.chords if detail is not None else ()
    return tuple(
        ChordSymbol(round(span.onset_quarters * score.ticks_per_quarter), span.label)
        for span in spans
        if parse_chord(span.label) is not None
    )
