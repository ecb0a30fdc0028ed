"""From a style and a request to a piece: candidates are written, the best is kept, put in its key, and played."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from stilo.compose.desk import Candidate, Desk
from stilo.compose.judge import Figures, choose, measure_figures
from stilo.compose.originality import against_style, made_original, not_held_against
from stilo.compose.performance import one_keyboard, performed
from stilo.compose.request import Request
from stilo.errors import InputError
from stilo.music.chords import parse_chord
from stilo.music.score import ChordSymbol, Score
from stilo.music.theory import Key, parse_key
from stilo.originality.against import Findings
from stilo.styles.measuring import analyse_piece
from stilo.styles.style import Style

if TYPE_CHECKING:
    from stilo.models.notes.engine import Engine

OPENINGS = 8  # for each candidate
MORE_FOR_MODE = 8
Progress = Callable[[str, float], None]
Notice = Callable[[str], None]


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
        originality: what the piece shares with those of the style and of the base model; None = not looked for.
    """

    asked_key: str
    key: str
    style_distance: float
    nats_per_note: float
    candidates: int
    chosen: int
    figures: Figures
    originality: Findings | None = None


@dataclass(frozen=True, eq=False)
class Composition:
    """A piece, what was asked for, and what came of it."""

    score: Score
    request: Request
    report: Report


def compose(
    style: Style, request: Request, progress: Progress | None = None, notice: Notice | None = None
) -> Composition:
    """Compose a piece in a style. The same style, request and seed give the same notes.

    Bars that share more with pieces of the style or of the base model than human pieces do are composed anew.

    `notice` is told of a key that is asked for where there are only drums, and of known pieces that it cannot be held
    against.

    Raises:
        InputError: the style was learned with other weights, or has no parts to write for.
        SetupError: the weights are missing.
    """
    from stilo.models.notes.plan import Taste

    tell = progress or (lambda _what, _share: None)
    desk = Desk(engine_of(style), style, request, Taste.usual(request.temperature, request.top_p))
    asked_key = str(parse_key(request.key)) if request.key else ""
    if notice is not None and asked_key and desk.asked is None:
        notice(f"the style '{style.name}' has drums alone, which are in no key: {asked_key} is left out")
    if notice is not None:
        for line in not_held_against(style):
            notice(line)
    openings = range(OPENINGS * request.candidates)
    candidates = desk.write_best(openings, request.candidates, lambda share: tell("composing", 0.9 * share))
    if _mode_is_missing(candidates, desk.asked):
        more = range(len(openings), len(openings) + MORE_FOR_MODE)
        candidates += desk.write(more, lambda _share: tell("composing in the other mode", 0.9))
    chosen = choose([desk.cost(candidate) for candidate in candidates])
    tell("ending", 0.9)
    best = desk.end_well(candidates[chosen])
    tell("looking for copies", 0.95)
    best, findings = made_original(desk, best, against_style(style))
    score = _finished(best, f"{style.name}, no. {request.seed}")
    tell("done", 1.0)
    report = Report(
        asked_key=asked_key,
        key=str(best.key or ""),
        style_distance=desk.distance(best),
        nats_per_note=best.nats_per_note,
        candidates=len(candidates),
        chosen=chosen + 1,
        figures=measure_figures(score),
        originality=findings,
    )
    return Composition(score, request, report)


def _mode_is_missing(candidates: Sequence[Candidate], asked: Key | None) -> bool:
    """Whether more should be written, since a key was asked for and none is in its mode."""
    return not any(candidate.is_in_mode_of(asked) for candidate in candidates)


def engine_of(style: Style) -> Engine:
    """The model with the weights of a style.

    Raises:
        InputError: the style was learned with other weights.
        SetupError: the weights are missing.
    """
    from stilo.models.notes.base import base_engine, base_identity

    identity = base_identity()
    if style.base_model != identity:
        raise InputError(
            f"the style '{style.name}' was learned with other weights ({style.base_model}) than are installed "
            f"({identity}); learn it again from its files"
        )
    if style.adapter is None:
        return base_engine()
    return base_engine({key: np.asarray(array, np.float32) for key, array in style.adapter.items()})


def _finished(candidate: Candidate, title: str) -> Score:
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
