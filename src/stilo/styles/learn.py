"""Learning a style: measured, about a second a piece; tuned in minutes; proved on music held out of the learning."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from stilo.elements.profile import pool_profiles
from stilo.music.score import Score
from stilo.originality.against import Against
from stilo.originality.base import base_index, common_stock, has_base_index
from stilo.originality.kept import source_runs_of
from stilo.originality.level import GENERAL
from stilo.styles.advice import tell_of_groups, tuned_advice, untuned_advice
from stilo.styles.gain import gain_interval
from stilo.styles.holding_out import whole_pieces
from stilo.styles.lesson import Kept, Lesson, heard_each, lesson_of
from stilo.styles.material import Measured, Notice, Progress, measure_pieces
from stilo.styles.palette import palette_of
from stilo.styles.provenance import Proof, Source, may_be_told, source_names
from stilo.styles.style import Adapter, Style

if TYPE_CHECKING:
    from stilo.models.learned_embedding import LearnedEmbedding
    from stilo.models.notes.evaluate import PieceScore

TUNING_SECONDS = 120.0
MOST_STEPS = 400
MOST_NAMED = 3


def learn(
    name: str,
    pieces: Sequence[tuple[Score, Source]],
    *,
    tune: bool = True,
    seconds: float | None = None,
    steps: int | None = None,
    seed: int = 0,
    progress: Progress | None = None,
    notice: Notice | None = None,
) -> Style:
    """Learn a style from pieces.

    The adapter is the mean of three tunings, each of which holds out a third of the notes in whole pieces; of much
    music it is one that holds out a fifth; where no pieces can be held out whole (`holding_out.whole_pieces`) it is one
    that holds out the last quarter of each, less the bars that were played before. The proof is measured on all that is
    held out by any, at most 1,024 notes of each piece, by the tuning that did not learn from it and was told nothing of
    it. It also chooses when to stop, so the proof flatters by about as much as one check differs from the next.
    Of fewer than six pieces, or where last quarters are held out, less than the whole mean is kept (`notes.strength`).
    Profile and recognition hear all pieces.

    Args:
        name: of the style.
        pieces: scores and where they come from.
        tune: fit an adapter; without, profile and vector alone.
        seconds: after so many no more steps of tuning are taken; by default two minutes, or no limit when `steps` says
            enough.
        steps: at most this many steps of tuning; with it and without `seconds` learning is the same on every run.
        seed: of what is held out and of the tuning.
        progress: is told what is being done and the share done.
        notice: is told of pieces that are left out (too long, or the same notes as another), of pieces that were played
            freely, of played timing, of pieces that the base model was trained on, and of an interruption:
            `KeyboardInterrupt` while tuning ends the tuning alone.

    Raises:
        InputError: there is too little music to learn from, or the name cannot be used.
        SetupError: the weights of the base model are missing, or those of the encoder or the index of known pieces are
            damaged; that of the index is told before anything is learned.
    """
    from stilo.models.notes.base import base_identity
    from stilo.models.notes.evaluate import mean_nats_per_note

    begun = time.monotonic()
    tell, notify = progress or (lambda _what, _share: None), notice or (lambda _line: None)
    common_stock()  # needed at the end; damage is told now, and not after the tuning
    rng = np.random.default_rng(seed)
    measured, twins = measure_pieces(pieces, tell, notify)
    scores = [one.score for one in measured]
    held = whole_pieces([len(score) for score in scores], rng, twins)
    tell("listening", 0.2)
    heard = heard_each(scores)
    lesson = lesson_of(measured, held, heard)
    tell_of_groups(measured, heard, notify)
    known = _known_to_base(measured)
    _tell_known(known, len(measured), notify)
    identity = base_identity()
    recognition, encoder = _recognition(heard)
    profile = pool_profiles([one.profile for one in measured])
    palette = palette_of(scores, [one.key for one in measured])
    runs = source_runs_of(scores)  # before the tuning, so that who stops that waits for nothing that could be lost
    tell("asking the base model", 0.22)
    untold, told = lesson.scores(False), lesson.scores(True)
    base, vector = mean_nats_per_note(untold), mean_nats_per_note(told)
    untuned = Kept(True, told) if may_be_told(base, vector) else Kept(False, untold)
    tuned = _tuned(lesson, untuned, base, rng, _Budget(seconds, steps), tell=tell) if tune else untuned
    before, after = ([score.nats.sum(1) for score in scores] for scores in (untold, tuned.scores))
    gained = gain_interval(before, after, [score.notes for score in untold])
    if tuned.is_interrupted:
        kept = "what was learned best until then is kept"
        notify(
            f"stopped: {kept if tuned.adapter else 'nothing was learned until then, the base model is kept as it is'}"
        )
    tell("done", 1.0)
    return Style(
        name=name,
        profile=profile,
        embedding=lesson.vector,
        adapter=tuned.adapter,
        base_model=identity,
        palette=palette,
        sources=tuple(replace(one.source, held_out=len(held) == 1 and i in held[0]) for i, one in enumerate(measured)),
        proof=Proof(
            base_nats_per_note=base,
            vector_nats_per_note=vector,
            tuned_nats_per_note=tuned.nats_per_note if tune else None,
            held_out_pieces=len(lesson.held_out),
            held_out_notes=sum(score.notes for score in untold),
            seconds=time.monotonic() - begun,
            steps=tuned.steps,
            folds=len(lesson.folds),
            is_interrupted=tuned.is_interrupted,
            advice=tuned_advice(measured, lesson, base, tuned, gained) if tune else untuned_advice(measured, lesson),
            gained=gained,
            known_pieces=len(known),
        ),
        recognition=recognition,
        encoder=encoder,
        runs=runs,
    )


def _known_to_base(measured: Sequence[Measured]) -> list[str]:
    """Names of the pieces that are copies, at least in part, of pieces of the base model; none without their index."""
    against = Against(None, GENERAL, base_index() if has_base_index() else None)
    names = source_names([one.source for one in measured])
    return [name for name, one in zip(names, measured, strict=True) if against.check(one.score).verdict == "copied"]


def _tell_known(known: Sequence[str], pieces: int, notice: Notice) -> None:
    """Say that the proof is weaker, since the base model did not meet these pieces for the first time."""
    if known:
        named = f" ({', '.join(known)})" if len(known) <= MOST_NAMED else ""
        verb = "is" if len(known) == 1 else "are"
        notice(
            f"{len(known)} of your {pieces} pieces{named} {verb}, at least in part, music that the base model was "
            "trained on: it knew that before, so that the proof shows less than it could"
        )


def _recognition(heard: NDArray[np.float32]) -> tuple[LearnedEmbedding | None, str]:
    """What the encoder makes of the pieces, and which encoder; (None, "") where none is installed."""
    from stilo.models.encoder_files import encoder_identity, has_encoder
    from stilo.models.learned_embedding import FACET_ORDER, LearnedEmbedding

    if not has_encoder():
        return None, ""
    return LearnedEmbedding(heard.mean(0).reshape(len(FACET_ORDER), -1)), encoder_identity()


@dataclass(frozen=True, slots=True)
class _Budget:
    """How long to tune: whichever is reached first; None = not limited."""

    seconds: float | None = None
    steps: int | None = None


def _tuned(
    lesson: Lesson, untuned: Kept, base: float, rng: np.random.Generator, budget: _Budget, *, tell: Progress
) -> Kept:
    """With an adapter, if that foresees better than what was there and than the base model, of `base` nats a note."""
    from stilo.models.notes.base import base_model
    from stilo.models.notes.tuning import TuningConfig, in_spite_of_one_interruption, tune_adapter

    seconds = TUNING_SECONDS if budget == _Budget() else budget.seconds

    def proved(of_folds: list[Adapter]) -> list[PieceScore]:
        tell("proving", 0.9)
        return lesson.scores(untuned.is_style_told, of_folds)

    found = untuned
    try:
        tuning = tune_adapter(
            base_model(),
            lesson.tuned_folds(untuned.is_style_told),
            rng,
            config=TuningConfig(
                goes_on=not lesson.of_each, most_steps=MOST_STEPS if budget.steps is None else budget.steps
            ),
            seconds=seconds,
            progress=lambda share: tell("tuning", 0.25 + 0.65 * share),
        )
        found = replace(untuned, took_all_time=tuning.is_late, is_interrupted=tuning.is_interrupted)
        if not tuning.weights:
            return found
        halved = [_halved(weights) for weights in tuning.of_folds]
        scores = in_spite_of_one_interruption(lambda: proved(halved))
    except KeyboardInterrupt:  # before the first step, or twice after the last
        return replace(found, is_interrupted=True)
    tuned = replace(found, scores=scores, adapter=_halved(tuning.weights), steps=tuning.steps)
    return tuned if tuned.nats_per_note < min(base, found.nats_per_note) else found


def _halved(weights: Mapping[str, NDArray[np.floating]]) -> Adapter:
    return {key: array.astype(np.float16) for key, array in weights.items()}
