"""Writing candidates for a piece: several at once, each put into its key; and other endings for one of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from stilo.compose.form import draw_form
from stilo.compose.judge import TRIADS, cost_of, ending_cost, heard_key, silence_cost, style_distance
from stilo.compose.plan import in_key, plan_of, with_course
from stilo.compose.progression import draw_progression
from stilo.compose.request import Request
from stilo.elements.profile import profile_distance
from stilo.music.score import Score
from stilo.music.theory import Key, parse_key
from stilo.music.timeline import DEFAULT_QUARTERS_PER_MINUTE
from stilo.styles.measuring import analyse_piece
from stilo.styles.style import Style

if TYPE_CHECKING:
    from stilo.models.notes.engine import Engine
    from stilo.models.notes.plan import Plan, Taste
    from stilo.models.notes.sampler import Sampled, Sampler
    from stilo.models.tokens import StepArray

NO_MUSIC = 1000.0
FREE_ENDINGS, TONIC_ENDINGS, GOOD_ENDING = 16, 16, 0.25
OTHER_MODE = 100.0
OPENING_BARS, OPENING_SHARE = 4, 0.5
_REWRITING = (0, 1)  # after a seed: what is drawn is none of what was drawn for candidates


@dataclass(frozen=True, eq=False)
class Candidate:
    """A piece as it would be given back but for the performance.

    Attributes:
        sampler, number: by which it was written, and as which of its pieces.
        score: in its key.
        shift: how many semitones that is above what was written.
        key: that is heard in it; None without pitched notes.
        nats_per_note: how likely the model finds it.
        steps: as they were written, before they were put into a key.
    """

    sampler: Sampler
    number: int
    score: Score
    shift: int
    key: Key | None
    nats_per_note: float
    steps: StepArray

    def is_in_mode_of(self, asked: Key | None) -> bool:
        return asked is None or self.key is None or self.key.mode == asked.mode


class Desk:
    """All that writing one candidate after another needs.

    Args:
        knows_style: whether what was learned of it is told and kept to (`plan_of`), besides what a person would say.
        draws_course: whether every piece gets a form and chords drawn from the style.

    Attributes:
        asked: the key that the request names, if it does and the style has more than drums.
    """

    def __init__(
        self,
        engine: Engine,
        style: Style,
        request: Request,
        taste: Taste,
        *,
        knows_style: bool = True,
        draws_course: bool = True,
    ) -> None:
        self.engine, self.style, self.request, self.taste = engine, style, request, taste
        self.draws_course = draws_course
        self.plan, self.tracks = plan_of(style, request, knows_style=knows_style)
        has_key = not all(track.is_drum for track in self.tracks.values())
        self.asked = parse_key(request.key) if request.key and has_key else None

    def write(self, numbers: Sequence[int], progress: Callable[[float], None]) -> list[Candidate]:
        """Whole pieces, as they come; the same number is the same piece, whatever is written beside it."""
        sampler = self._sampler(numbers)
        return [self._candidate(sampler, i, sampled) for i, sampled in enumerate(sampler.write(progress))]

    def write_best(self, numbers: Sequence[int], most: int, progress: Callable[[float], None]) -> list[Candidate]:
        """Of these pieces the `most` whose first bars are most like the style, in order of that; all of a short piece.

        What the first bars do, the memory of the piece goes on with; and nothing but the style tells what they do.
        """
        if self.plan.bars < 2 * OPENING_BARS:
            return self.write(numbers[:most], progress)
        sampler = self._sampler(numbers)
        begun = sampler.begin(OPENING_BARS * self.plan.bar_slots, lambda share: progress(OPENING_SHARE * share))
        openings = [self._candidate(sampler, i, sampled, OPENING_BARS) for i, sampled in enumerate(begun)]
        best = np.argsort([self.opening_cost(one) for one in openings], kind="stable")[:most].tolist()
        written = sampler.write(lambda share: progress(OPENING_SHARE + (1 - OPENING_SHARE) * share), best)
        return [self._candidate(sampler, i, sampled) for i, sampled in zip(best, written, strict=True)]

    def _sampler(self, numbers: Sequence[int]) -> Sampler:
        from stilo.models.notes.sampler import Sampler

        rngs = [np.random.default_rng([self.request.seed, number]) for number in numbers]
        plans = [self._plan(rng) for rng in rngs]
        return Sampler(self.engine, plans, self.taste, rngs)

    def _plan(self, rng: np.random.Generator) -> Plan:
        """Told the key that was asked for, else one of the style's, as often as it has it; with a form and chords."""
        metre, bars = self.plan.metre, self.plan.bars
        if not self.draws_course:
            key = self.asked or self._key(rng)
            return self.plan if key is None else in_key(self.plan, key)
        form = draw_form(self.style.profile.rhythm, bars, rng)
        key = self.asked or self._key(rng)
        if key is None:
            return with_course(self.plan, None, form)
        chords = draw_progression(self.style.profile.harmony, key, metre, bars, rng, form=form)
        return with_course(in_key(self.plan, key), chords, form)

    def _key(self, rng: np.random.Generator) -> Key | None:
        """One of the style's; None where it has none."""
        keys = self.style.profile.harmony.keys
        names, shares = list(keys), np.array(list(keys.values()))
        return parse_key(names[int(rng.choice(len(names), p=shares / shares.sum()))]) if shares.any() else None

    def end_well(self, candidate: Candidate) -> Candidate:
        """The candidate, or one that differs from it in its last bars alone and ends better.

        The first good one is taken, else the best of all; after `FREE_ENDINGS` the last bar is written on the tonic
        chord alone. Drums stay as they are.
        """
        best, least = candidate, ending_cost(candidate.score, candidate.key)
        if candidate.key is None:
            return best
        others = _endings(candidate, candidate.key)
        while least > GOOD_ENDING and (sampled := next(others, None)) is not None:
            score = self._score(sampled).transposed(candidate.shift)
            cost = ending_cost(score, candidate.key)
            if cost < least and heard_key(score) == candidate.key:
                best, least = _as_written(candidate, score, sampled), cost
        return best

    def rewrite(self, candidate: Candidate, first_bar: int, last_bar: int, seeds: Sequence[int]) -> list[Candidate]:
        """The candidate with other music in some bars, counted from 0, once for each seed; all else stays, the key too.

        What comes out in another key than the candidate is left out.
        """
        from stilo.models.notes.sampler import Sampler

        bar = candidate.steps["onset"] // self.plan.bar_slots
        plan = replace(
            candidate.sampler.plans[candidate.number],
            given=candidate.steps[(bar < first_bar) | (bar > last_bar)],
            open_slots=(first_bar * self.plan.bar_slots, (last_bar + 1) * self.plan.bar_slots),
            ending_bars=0,
        )
        rngs = [np.random.default_rng([self.request.seed, *_REWRITING, seed]) for seed in seeds]
        written = Sampler(self.engine, [plan] * len(rngs), self.taste, rngs).write()
        scores = [self._score(sampled).transposed(candidate.shift) for sampled in written]
        pairs = zip(scores, written, strict=True)
        return [_as_written(candidate, *pair) for pair in pairs if heard_key(pair[0]) == candidate.key]

    def cost(self, candidate: Candidate) -> float:
        """What speaks against a candidate; the mode that was asked for comes before all else."""
        if len(candidate.score) == 0:
            return NO_MUSIC
        other_mode = 0.0 if candidate.is_in_mode_of(self.asked) else OTHER_MODE
        return (
            self.distance(candidate)
            + cost_of(candidate.score, self.style.profile)
            + 2 * silence_cost(candidate.score, list(self.plan.most_rests.values()))
            + 4 * self._out_of_range(candidate.score)
            + other_mode
        )

    def opening_cost(self, candidate: Candidate) -> float:
        """What speaks against its first bars: that they are unlike the style."""
        if len(candidate.score) == 0:
            return NO_MUSIC
        unlike = profile_distance(analyse_piece(candidate.score), self.style.profile)
        return self.distance(candidate) + 4 * unlike + float(not candidate.is_in_mode_of(self.asked))

    def distance(self, candidate: Candidate) -> float:
        vector = np.asarray(self.style.embedding, np.float32)
        return style_distance(candidate.score, vector, self.engine.style_scale)

    def _candidate(self, sampler: Sampler, number: int, sampled: Sampled, bars: int | None = None) -> Candidate:
        score, shift = self._score(sampled, bars), 0
        heard = heard_key(score)
        if heard is not None:
            shift = self._shift(score, heard)
            score = score.transposed(shift)
            heard = heard_key(score)
        return Candidate(sampler, number, score, shift, heard, _nats_per_note(sampled), sampled.steps)

    def _score(self, sampled: Sampled, bars: int | None = None) -> Score:
        from stilo.models.tokens import decode

        plan = self.plan
        single = [part.token for part in plan.single]
        tempo = self.request.tempo_qpm or self.style.palette.tempo_qpm or DEFAULT_QUARTERS_PER_MINUTE
        return decode(sampled.steps, plan.metre, tempo, self.tracks, bars=bars or plan.bars, single=single)

    def _shift(self, score: Score, heard: Key) -> int:
        """Semitones to the key that was asked for, else to whichever key of the style is nearest; mostly none.

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


def _endings(candidate: Candidate, key: Key) -> Iterator[Sampled]:
    sampler, number = candidate.sampler, candidate.number
    yield from sampler.endings(number, FREE_ENDINGS)
    tonic = key.tonic - candidate.shift
    yield from sampler.endings(number, TONIC_ENDINGS, [(tonic + above) % 12 for above in TRIADS[key.mode]])


def _as_written(candidate: Candidate, score: Score, sampled: Sampled) -> Candidate:
    return replace(candidate, score=score, nats_per_note=_nats_per_note(sampled), steps=sampled.steps)


def _nats_per_note(sampled: Sampled) -> float:
    return float(sampled.nats.sum(1).mean()) if len(sampled.nats) else 0.0
