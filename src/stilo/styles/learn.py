"""Learning a style: measured, about a second a piece; tuned in minutes; proved on music held out of the learning."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from stilo.elements.embedding import embed_score
from stilo.elements.profile import pool_profiles
from stilo.errors import InputError
from stilo.music.score import Score
from stilo.originality.kept import source_runs_of
from stilo.styles.holding_out import last_quarters, whole_pieces
from stilo.styles.material import Measured, Notice, Progress, measure_pieces, odd_ones
from stilo.styles.palette import palette_of
from stilo.styles.provenance import Proof, Source, may_be_told
from stilo.styles.style import Adapter, Style

if TYPE_CHECKING:
    from stilo.models.learned_embedding import LearnedEmbedding
    from stilo.models.notes.evaluate import PieceScore
    from stilo.models.notes.told import StyleTold
    from stilo.models.pieces import Piece
    from stilo.models.tokens import Part as Voice

SMALL_GAIN = 0.02
MOST_ODD_NAMED = 3
TUNING_SECONDS = 120.0
PROOF_NOTES = 1024  # of each piece


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

    With five pieces or more a fifth of them is held out; with fewer, the last quarter of each, less the bars that were
    played before. What is held out is measured into the profile, but neither the vector nor the adapter learns from it,
    and the proof is measured on it, on at most 1,024 notes of each piece. It also chooses when to stop tuning, so the
    proof flatters by about as much as one check differs from the next. Recognition hears all pieces; what the model is
    told of it while it is tuned and judged comes from the pieces that are learned from.

    Args:
        name: of the style.
        pieces: scores and where they come from.
        tune: fit an adapter; without, profile and vector alone.
        seconds: at most this long for the tuning; by default two minutes, or no limit when `steps` says enough.
        steps: at most this many steps of tuning; with it and without `seconds` learning is the same on every run.
        seed: of what is held out and of the tuning.
        progress: is told what is being done and the share done.
        notice: is told of pieces that are left out (too long, or the same notes as another), of pieces that were played
            freely, and of played timing.

    Raises:
        InputError: there is too little music to learn from, or the name cannot be used.
        SetupError: the weights of the base model are missing, or those of the encoder or the index of known pieces are
            damaged.
    """
    from stilo.models.notes.base import base_identity
    from stilo.models.notes.evaluate import mean_nats_per_note

    begun = time.monotonic()
    tell = progress or (lambda _what, _share: None)
    rng = np.random.default_rng(seed)
    measured = measure_pieces(pieces, tell, notice or (lambda _line: None))
    held = whole_pieces(len(measured), rng)
    lesson = _split(measured, held)
    identity = base_identity()
    recognition, encoder = _recognition([one.score for one in measured])
    tell("asking the base model", 0.2)
    untold = lesson.scores(None)
    base, vector = mean_nats_per_note(untold), mean_nats_per_note(lesson.scores(lesson.style))
    untuned = _Untuned(lesson.style, vector) if may_be_told(base, vector) else _Untuned(None, base)
    tuned = _tuned(lesson, untuned, rng, _Budget(seconds, steps), tell) if tune else _Tuned()
    tell("done", 1.0)
    return Style(
        name=name,
        profile=pool_profiles([one.profile for one in measured]),
        embedding=lesson.vector,
        adapter=tuned.adapter,
        base_model=identity,
        palette=palette_of([one.score for one in measured], [one.key for one in measured]),
        sources=tuple(replace(one.source, held_out=i in held) for i, one in enumerate(measured)),
        proof=Proof(
            base_nats_per_note=base,
            vector_nats_per_note=vector,
            tuned_nats_per_note=tuned.nats_per_note,
            held_out_pieces=len(lesson.held_out),
            held_out_notes=sum(score.notes for score in untold),
            seconds=time.monotonic() - begun,
            steps=tuned.steps,
            advice=_advice(measured, lesson, base, tuned),
        ),
        recognition=recognition,
        encoder=encoder,
        runs=source_runs_of([one.score for one in measured]),
    )


def _recognition(scores: Sequence[Score]) -> tuple[LearnedEmbedding | None, str]:
    """What the encoder makes of the pieces, and which encoder; (None, "") where none is installed."""
    from stilo.models.encoder_files import encoder_identity, has_encoder
    from stilo.models.recogniser import recognise

    return (recognise(scores), encoder_identity()) if has_encoder() else (None, "")


@dataclass(frozen=True, slots=True)
class _Budget:
    """How long to tune: whichever is reached first; None = not limited."""

    seconds: float | None = None
    steps: int | None = None


@dataclass(frozen=True, eq=False)
class _Lesson:
    """What is learned from, what it is proved on, and the style's vector: the mean of what is learned from.

    `of_each` says that the last quarter of each piece is held out, `is_repeating` that it holds little that is new.
    """

    train: list[Piece]
    held_out: list[Piece]
    of_each: bool = False
    is_repeating: bool = False

    @property
    def vector(self) -> NDArray[np.float32]:
        return np.asarray(np.mean([piece.embedding for piece in self.train], axis=0), np.float32)

    @property
    def style(self) -> StyleTold:
        """As the model is told it, of what is learned from alone; the facets of length 1, as composing tells them."""
        from stilo.models.learned_embedding import FACET_ORDER, LearnedEmbedding
        from stilo.models.notes.told import StyleTold

        rows = [piece.learned.reshape(len(FACET_ORDER), -1) for piece in self.train]
        return StyleTold(self.vector, LearnedEmbedding(np.mean(rows, axis=0)).values.reshape(-1))

    def scores(self, style: StyleTold | None, adapter: Adapter | None = None) -> list[PieceScore]:
        """Held-out nats of the base model, told a style or not, with an adapter or not; always of the same notes."""
        from stilo.models.notes.adapter import apply_adapter
        from stilo.models.notes.base import base_model
        from stilo.models.notes.evaluate import score_pieces
        from stilo.models.notes.told import Told

        model = base_model()
        if adapter is not None:
            model = apply_adapter(model, {key: array.astype(np.float32) for key, array in adapter.items()})
        told = [Told(style=style)] * len(self.held_out)
        return score_pieces(model, self.held_out, told, longest=PROOF_NOTES, window=None)


@dataclass(frozen=True, eq=False)
class _Untuned:
    """What the base model is told of the style, None = nothing, and its held-out nats per note then."""

    told: StyleTold | None
    nats_per_note: float


@dataclass(frozen=True, eq=False)
class _Tuned:
    """What tuning came to; as it is by default, nothing was tuned.

    Attributes:
        adapter: as it will be kept, in half precision; None when none made it better.
        nats_per_note: held-out, with the adapter if there is one.
        steps: that the adapter took.
        took_all_time: whether the tuning lasted as long as it might.
    """

    adapter: Adapter | None = None
    nats_per_note: float | None = None
    steps: int = 0
    took_all_time: bool = False


def _tuned(lesson: _Lesson, untuned: _Untuned, rng: np.random.Generator, budget: _Budget, tell: Progress) -> _Tuned:
    from stilo.models.notes.adapter import TuningConfig, tune_adapter
    from stilo.models.notes.base import base_model
    from stilo.models.notes.evaluate import mean_nats_per_note

    begun = time.monotonic()
    seconds = TUNING_SECONDS if budget == _Budget() else budget.seconds
    tuning = tune_adapter(
        base_model(),
        lesson.train,
        lesson.held_out,
        untuned.told,
        rng,
        config=TuningConfig() if budget.steps is None else TuningConfig(most_steps=budget.steps),
        seconds=seconds,
        progress=lambda share: tell("tuning", 0.25 + 0.7 * share),
    )
    took_all_time = seconds is not None and time.monotonic() - begun >= seconds
    if not tuning.weights:
        return _Tuned(None, untuned.nats_per_note, 0, took_all_time)
    adapter: Adapter = {key: array.astype(np.float16) for key, array in tuning.weights.items()}
    return _Tuned(adapter, mean_nats_per_note(lesson.scores(untuned.told, adapter)), tuning.steps, took_all_time)


def _split(measured: Sequence[Measured], held: set[int]) -> _Lesson:
    from stilo.models.tokens import parts_of

    train: list[Piece] = []
    judged: list[Piece] = []
    if held:
        for i, one in enumerate(measured):
            piece = _piece(one.source.path, one.score, parts_of(one.score), one.embedding)
            (judged if i in held else train).append(piece)
        return _Lesson(train, judged)
    cuts, is_repeating = last_quarters([one.score for one in measured])
    for one, cut in zip(measured, cuts, strict=True):
        voices = parts_of(one.score)
        for part, goal in zip(cut, (train, judged), strict=True):
            if len(part):
                goal.append(_piece(one.source.path, part, voices, embed_score(part).values))
    if not judged:
        raise InputError("all these notes begin at once: too few to hold any out; give music of several bars")
    return _Lesson(train, judged, of_each=True, is_repeating=is_repeating)


def _piece(path: str, score: Score, voices: Sequence[Voice], embedding: NDArray[np.float32]) -> Piece:
    """As the model learns from it; `voices` are the parts of the tracks."""
    from stilo.models.encoder_files import has_encoder
    from stilo.models.learned_embedding import LEARNED_SIZE
    from stilo.models.pieces import Piece
    from stilo.models.recogniser import recognise
    from stilo.models.tokens import encode, piece_tempo_class

    learned = recognise([score]).values.reshape(-1) if has_encoder() else np.zeros(LEARNED_SIZE, np.float32)
    steps, tempo = encode(score, voices), piece_tempo_class(score)
    return Piece(path, steps, embedding, tempo, path, learned=learned)


def _advice(measured: Sequence[Measured], lesson: _Lesson, base: float, tuned: _Tuned) -> str:
    """One line: learned, or what to do; and which files disagree with the rest."""
    odd = ", ".join(odd_ones(measured)[:MOST_ODD_NAMED])
    told = f"; does not sound like the others: {odd}" if odd else ""
    if lesson.is_repeating:
        return "the last quarter of each piece repeats what it learned from, so that it proves little: add other pieces"
    if tuned.nats_per_note is None:
        return f"measured only; learn without --no-tune to tune it{told}"
    gain = 1 - tuned.nats_per_note / base
    if gain < SMALL_GAIN:
        pieces = f"{len(measured)} piece{'s' * (len(measured) != 1)} ({sum(len(one.score) for one in measured)} notes)"
        found = (
            f"little was learned from {pieces}"
            if round(base - tuned.nats_per_note, 3) >= 0
            else f"having learned from {pieces} it foresees less"
        )
        return f"{found}: {_remedies(odd, tuned.took_all_time)}"
    judged = "the last quarter of each piece" if lesson.of_each else "pieces it did not learn from"
    return f"learned: {100 * gain:.0f} % fewer nats per note on {judged}{told}"


def _remedies(odd: str, took_all_time: bool) -> str:
    """What may help where little was learned: more music, less that is odd, and more time if there was too little."""
    leave_out = [f"leave out what does not sound like the others ({odd})"] if odd else []
    longer = ["tune for longer (--minutes)"] if took_all_time else []
    return ", or ".join(["add more of the same style", *leave_out, *longer])
