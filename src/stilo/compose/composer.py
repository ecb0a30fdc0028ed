"""From a style and a request to a piece: candidates are written, the best is kept, put in its key, and played."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from stilo.compose.judge import Figures, choose, cost_of, ending_cost, heard_key, measure_figures, style_distance
from stilo.compose.performance import one_keyboard, performed
from stilo.compose.request import Request
from stilo.errors import InputError
from stilo.music.chords import parse_chord
from stilo.music.instruments import PROGRAM_NAMES
from stilo.music.score import ChordSymbol, Score, Track
from stilo.music.theory import Key, parse_key
from stilo.music.timeline import DEFAULT_QUARTERS_PER_MINUTE
from stilo.styles.measuring import analyse_piece
from stilo.styles.palette import Part as PalettePart
from stilo.styles.style import Style

if TYPE_CHECKING:
    from stilo.models.sample import Plan, Sampler, Taste
    from stilo.models.sequence import SequenceModel
    from stilo.models.tokens import Part, StepArray

USUAL_FREQUENCY = 0.5
NO_MUSIC = 1000.0
ENDING_BARS, MOST_ENDINGS, GOOD_ENDING = 2, 24, 0.25
OTHER_MODE, MORE_FOR_MODE = 100.0, 8
MOST_NOTES_PER_BAR = 256
Progress = Callable[[str, float], None]


@dataclass(frozen=True, slots=True)
class Report:
    """What came of a request.

    Attributes:
        asked_key, key: asked for ("" = left to the style), and heard in the piece ("" without pitched notes).
        style_distance: from the style's vector, in standard deviations; real pieces lie 0.73 (5 to 95 %: 0.46 to 1.05)
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
    """A piece as it would be given back but for the performance: `shift` semitones above what its sampler wrote."""

    sampler: Sampler
    score: Score
    shift: int
    key: Key | None
    nats_per_note: float

    def is_in_mode_of(self, asked: Key | None) -> bool:
        return asked is None or self.key is None or self.key.mode == asked.mode


@dataclass(frozen=True, eq=False)
class _Desk:
    """All that writing one candidate after another needs; `asked` is the key that the request names, if it does."""

    model: SequenceModel
    style: Style
    plan: Plan
    tracks: dict[int, Track]
    taste: Taste
    asked: Key | None

    def write(self, rng: np.random.Generator, progress: Callable[[float], None]) -> _Candidate:
        """A whole piece, as it comes."""
        from stilo.models.sample import Sampler

        sampler = Sampler(self.model, self.plan, self.taste, rng)
        return self._candidate(sampler, *sampler.write(progress=progress))

    def end_well(self, candidate: _Candidate) -> _Candidate:
        """The candidate, or one that differs from it in its last bars alone and ends better.

        The first good one is taken, else the best of `MOST_ENDINGS`. Drums and short pieces stay as they are.
        """
        best, least = candidate, ending_cost(candidate.score, candidate.key)
        if candidate.key is None:
            return best
        others = candidate.sampler.endings(MOST_ENDINGS)
        while least > GOOD_ENDING and (written := next(others, None)) is not None:
            steps, nats = written
            score = self._score(steps).transposed(candidate.shift)
            cost = ending_cost(score, candidate.key)
            if cost < least and heard_key(score) == candidate.key:
                best, least = replace(candidate, score=score, nats_per_note=float(nats.sum(1).mean())), cost
        return best

    def cost(self, candidate: _Candidate) -> float:
        """What speaks against a candidate; the mode that was asked for comes before all else."""
        if len(candidate.score) == 0:
            return NO_MUSIC
        other_mode = 0.0 if candidate.is_in_mode_of(self.asked) else OTHER_MODE
        out_of_range = 4 * self._out_of_range(candidate.score)
        return self.distance(candidate) + cost_of(candidate.score, self.style.profile) + other_mode + out_of_range

    def distance(self, candidate: _Candidate) -> float:
        vector = np.asarray(self.style.embedding, np.float32)
        return style_distance(candidate.score, vector, self.model.style_scale.numpy())

    def _candidate(self, sampler: Sampler, steps: StepArray, nats: NDArray[np.float64]) -> _Candidate:
        score, shift = self._score(steps), 0
        heard = heard_key(score)
        if heard is not None:
            shift = self._shift(score, heard)
            score = score.transposed(shift)
            heard = heard_key(score)
        return _Candidate(sampler, score, shift, heard, float(nats.sum(1).mean()) if len(nats) else 0.0)

    def _score(self, steps: StepArray) -> Score:
        from stilo.models.tokens import decode

        plan = self.plan
        single = [part.token for part in plan.single]
        tempo = plan.quarters_per_minute or DEFAULT_QUARTERS_PER_MINUTE
        return decode(steps, plan.metre, tempo, self.tracks, bars=plan.bars, single=single)

    def _shift(self, score: Score, heard: Key) -> int:
        """Semitones to the key that was asked for, else to whichever key of the style is nearest.

        Up or down, whichever keeps the parts better to their ranges.
        """
        tonics = {self.asked.tonic} if self.asked else self._tonics(heard.mode) or {heard.tonic}
        shifts = sorted((tonic - heard.tonic) % 12 - octave for tonic in tonics for octave in (0, 12))
        return min(shifts, key=lambda shift: (self._out_of_range(score.transposed(shift)), abs(shift)))

    def _tonics(self, mode: str) -> set[int]:
        """The tonics of the style's keys in a mode; of their relatives when it has none."""
        keys = [parse_key(name) for name in self.style.profile.harmony.keys]
        relative = 9 if mode == "minor" else 3
        return {key.tonic for key in keys if key.mode == mode} or {(key.tonic + relative) % 12 for key in keys}

    def _out_of_range(self, score: Score) -> float:
        """Share of the notes outside the range of their part in the style."""
        limits = np.array(list(self.plan.ranges.values()))[score.notes["track"]]
        pitch = score.notes["pitch"]
        return float(((pitch < limits[:, 0]) | (pitch > limits[:, 1])).mean()) if len(pitch) else 0.0


def compose(style: Style, request: Request, progress: Progress | None = None) -> Composition:
    """Compose a piece in a style. The same style, request and seed give the same notes.

    Raises:
        InputError: the style was learned with other weights, or has no parts to write for.
        SetupError: the weights are missing.
    """
    from stilo.models.sample import Taste

    tell = progress or (lambda _what, _share: None)
    plan, tracks = plan_of(style, request)
    asked = parse_key(request.key) if request.key else None
    desk = _Desk(_model_of(style), style, plan, tracks, Taste(request.temperature, request.top_p), asked)
    candidates: list[_Candidate] = []
    while len(candidates) < request.candidates or _mode_is_missing(candidates, request, asked):
        number = len(candidates)

        def share(done: float, number: int = number) -> None:
            tell(f"composing {number + 1}", 0.9 * min(1.0, (number + done) / request.candidates))

        candidates.append(desk.write(np.random.default_rng([request.seed, number]), share))
    chosen = choose([desk.cost(candidate) for candidate in candidates])
    tell("ending", 0.9)
    best = desk.end_well(candidates[chosen])
    score = _finished(best, f"{style.name}, no. {request.seed}")
    tell("done", 1.0)
    report = Report(
        asked_key=str(asked or ""),
        key=str(best.key or ""),
        style_distance=desk.distance(best),
        nats_per_note=best.nats_per_note,
        candidates=len(candidates),
        chosen=chosen + 1,
        figures=measure_figures(score),
    )
    return Composition(score, request, report)


def _mode_is_missing(candidates: Sequence[_Candidate], request: Request, asked: Key | None) -> bool:
    """Whether more should be written, since a key was asked for and none is in its mode."""
    return len(candidates) < request.candidates + MORE_FOR_MODE and not any(
        candidate.is_in_mode_of(asked) for candidate in candidates
    )


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
        most_notes=request.bars * MOST_NOTES_PER_BAR,
        ending_bars=ENDING_BARS if request.bars > 2 * ENDING_BARS else 0,
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


def _finished(candidate: _Candidate, title: str) -> Score:
    """With key and chord marks, played."""
    score, key = one_keyboard(candidate.score), candidate.key
    if key is not None:
        score = replace(score, key_signatures=(key.signature,), chord_symbols=_chord_symbols(score))
    return performed(replace(score, title=title))


def _chord_symbols(score: Score) -> tuple[ChordSymbol, ...]:
    detail = analyse_piece(score).piece
    spans = detail.chords if detail is not None else ()
    return tuple(
        ChordSymbol(round(span.onset_quarters * score.ticks_per_quarter), span.label)
        for span in spans
        if parse_chord(span.label) is not None
    )
