"""Learning a style: measured in seconds, tuned in minutes, proved on music held out of the learning."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from stilo.elements.embedding import embed_score
from stilo.elements.profile import Profile, analyse, pool_profiles
from stilo.errors import InputError
from stilo.music.score import Score
from stilo.music.timeline import main_tempo, main_time_signature
from stilo.styles.palette import Palette, Part
from stilo.styles.provenance import Proof, Source
from stilo.styles.style import Style

if TYPE_CHECKING:
    from stilo.models.corpus import Piece
    from stilo.models.evaluate import PieceScore

HELD_OUT_SHARE = 0.2
FEWEST_FOR_WHOLE_PIECES = 5
FEWEST_NOTES = 200
SMALL_GAIN = 0.02
ODD_ONE_OUT = 2.0
TUNING_SECONDS = 120.0
Progress = Callable[[str, float], None]


@dataclass(frozen=True, eq=False)
class _Measured:
    score: Score
    source: Source
    profile: Profile
    embedding: NDArray[np.float32]


def learn(
    name: str,
    pieces: Sequence[tuple[Score, Source]],
    *,
    tune: bool = True,
    seconds: float | None = None,
    seed: int = 0,
    progress: Progress | None = None,
) -> Style:
    """Learn a style from pieces.

    With five pieces or more a fifth of them is held out; with fewer, the last quarter of each. What is held out is
    measured into the profile, but neither the vector nor the adapter ever sees it, and the proof is measured on it.

    Args:
        name: of the style.
        pieces: scores and where they come from.
        tune: fit an adapter; without, profile and vector alone.
        seconds: at most this long for the tuning, by default two minutes.
        seed: of what is held out and of the tuning.
        progress: is told what is being done and the share done.

    Raises:
        InputError: there is too little music to learn from, or the name cannot be used.
        SetupError: the weights of the base model are missing.
    """
    from stilo.models.adapter import TuningConfig, tune_adapter
    from stilo.models.checkpoint import load_base
    from stilo.models.evaluate import mean_nats_per_note, score_pieces

    begun = time.monotonic()
    tell = progress or (lambda _what, _share: None)
    rng = np.random.default_rng(seed)
    measured = _measure(pieces, tell)
    held = _held_out(len(measured), rng)
    train, judged = _split(measured, held)
    style = np.mean([piece.embedding for piece in train], axis=0).astype(np.float32)
    model, identity = load_base()
    tell("asking the base model", 0.2)
    base = mean_nats_per_note(score_pieces(model, judged, [None] * len(judged)))
    vector = mean_nats_per_note(score_pieces(model, judged, [style] * len(judged)))
    adapter, steps, tuned = None, 0, None
    if tune:
        tuning = tune_adapter(
            model,
            train,
            judged,
            style,
            rng,
            TuningConfig(),
            TUNING_SECONDS if seconds is None else seconds,
            lambda share: tell("tuning", 0.25 + 0.7 * share),
        )
        tuned, steps = vector, tuning.steps
        if tuning.weights:
            adapter = {key: array.astype(np.float16) for key, array in tuning.weights.items()}
            tuned = mean_nats_per_note(_scores_with(adapter, judged, style))
    tell("done", 1.0)
    best = vector if tuned is None else tuned
    return Style(
        name=name,
        profile=pool_profiles([one.profile for one in measured]),
        embedding=style,
        adapter=adapter,
        base_model=identity,
        palette=palette_of(measured),
        sources=tuple(replace(one.source, held_out=i in held) for i, one in enumerate(measured)),
        proof=Proof(
            base_nats_per_note=base,
            vector_nats_per_note=vector,
            tuned_nats_per_note=tuned,
            held_out_pieces=len(judged),
            held_out_notes=sum(len(piece.steps) for piece in judged),
            seconds=time.monotonic() - begun,
            steps=steps,
            advice=_advice(measured, base, best),
        ),
    )


def _scores_with(adapter: dict[str, NDArray[np.float16]], judged: Sequence[Piece], style: NDArray[np.float32]
) -> list[PieceScore]:
    """Measured with the adapter as it will be kept, in half precision."""
    from stilo.models.adapter import apply_adapter
    from stilo.models.checkpoint import load_base
    from stilo.models.evaluate import score_pieces

    weights = {key: array.astype(np.float32) for key, array in adapter.items()}
    return score_pieces(apply_adapter(load_base()[0], weights), judged, [style] * len(judged))


def _measure(pieces: Sequence[tuple[Score, Source]], tell: Progress) -> list[_Measured]:
    notes = sum(len(score) for score, _ in pieces)
    if notes < FEWEST_NOTES:
        raise InputError(f"{notes} notes are too few to learn a style from; give at least {FEWEST_NOTES}")
    measured: list[_Measured] = []
    for i, (score, source) in enumerate(pieces):
        tell(f"measuring {source.title or source.path}", 0.2 * i / len(pieces))
        if len(score):
            measured.append(_Measured(score, source, analyse(score), embed_score(score).values))
    return measured


def _held_out(count: int, rng: np.random.Generator) -> set[int]:
    """Which pieces are held out as a whole; none when there are too few."""
    if count < FEWEST_FOR_WHOLE_PIECES:
        return set()
    return set(rng.permutation(count)[: max(1, round(HELD_OUT_SHARE * count))].tolist())


def _split(measured: Sequence[_Measured], held: set[int]) -> tuple[list[Piece], list[Piece]]:
    from stilo.models.corpus import Piece
    from stilo.models.tokens import encode, piece_tempo_class

    train: list[Piece] = []
    judged: list[Piece] = []
    for i, one in enumerate(measured):
        piece = Piece(one.source.path, encode(one.score), one.embedding, piece_tempo_class(one.score), one.source.path)
        if held:
            (judged if i in held else train).append(piece)
        else:
            first, last = _cut(piece)
            train.append(first)
            judged.append(last)
    return train, judged


def _cut(piece: Piece) -> tuple[Piece, Piece]:
    """The first three quarters and the rest, at a bar line if there is one near."""
    steps = piece.steps
    at = int(0.75 * len(steps))
    at = int(np.searchsorted(steps["bar"], steps["bar"][at])) or at
    first, last = steps[:at], steps[at:].copy()
    last["onset"] -= int(last["onset"][0]) - int(last["position"][0])
    last["bar"] -= last["bar"][0]
    return replace(piece, steps=first), replace(piece, steps=last)


def palette_of(measured: Sequence[_Measured]) -> Palette:
    """What most of the pieces have: median tempo, commonest metre, key and parts."""
    tempos = [main_tempo(one.score) for one in measured if one.score.tempos] or [100.0]
    metres = Counter((s.numerator, s.denominator) for s in (main_time_signature(one.score) for one in measured))
    keys = Counter(one.profile.piece.key for one in measured if one.profile.piece and one.profile.piece.key)
    return Palette(
        tempo_qpm=float(np.clip(np.median(tempos), 1, 1000)),
        time_signature=metres.most_common(1)[0][0],
        key=keys.most_common(1)[0][0] if keys else "",
        parts=_parts([one.score for one in measured]),
    )


def _parts(scores: Sequence[Score]) -> tuple[Part, ...]:
    """Every part that occurs, highest first, drums last, with the range that most of its notes keep to."""
    from stilo.models.tokens import Part as Voice
    from stilo.models.tokens import parts_of

    pieces: Counter[Voice] = Counter()
    names: dict[Voice, Counter[str]] = {}
    pitches: dict[Voice, list[NDArray[np.int16]]] = {}
    for score in scores:
        voices = parts_of(score)
        used = set(np.unique(score.notes["track"]).tolist())
        pieces.update({voices[i] for i in used})
        for i in used:
            names.setdefault(voices[i], Counter())[score.tracks[i].name] += 1
            pitches.setdefault(voices[i], []).append(score.notes["pitch"][score.notes["track"] == i])
    ranges = {voice: np.concatenate(rows) for voice, rows in pitches.items()}
    order = sorted(pieces, key=lambda voice: (voice.is_drum, -float(ranges[voice].mean()), voice.token))
    return tuple(
        Part(
            name=names[voice].most_common(1)[0][0],
            program=0 if voice.is_drum else voice.program,
            is_drum=voice.is_drum,
            rank=rank,
            frequency=pieces[voice] / len(scores),
            lowest=int(ranges[voice].min()),
            highest=int(ranges[voice].max()),
        )
        for rank, voice in enumerate(order)
    )


def _advice(measured: Sequence[_Measured], base: float, best: float) -> str:
    """One line: learned, or what to do; and which files disagree with the rest."""
    gain = 1 - best / base
    notes = sum(len(one.score) for one in measured)
    odd = _odd_ones(measured)
    told = f"; does not sound like the others: {', '.join(odd[:3])}" if odd else ""
    if gain < SMALL_GAIN:
        return f"little was learned from {len(measured)} pieces ({notes} notes): add more of the same style{told}"
    return f"learned: {100 * gain:.0f} % fewer nats per note on music it had not seen{told}"


def _odd_ones(measured: Sequence[_Measured]) -> list[str]:
    """Pieces much further from the mean of the others than is usual among them."""
    if len(measured) < FEWEST_FOR_WHOLE_PIECES:
        return []
    rows = np.stack([one.embedding for one in measured])
    others = (rows.sum(0) - rows) / (len(rows) - 1)
    distances = np.linalg.norm(rows - others, axis=1)
    limit = ODD_ONE_OUT * float(np.median(distances))
    return [measured[i].source.title or measured[i].source.path for i in np.flatnonzero(distances > limit).tolist()]
