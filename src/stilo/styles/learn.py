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
from stilo.music.score import NoteArray, Score
from stilo.music.timeline import bar_grid, main_tempo, main_time_signature
from stilo.styles.palette import Palette, Part
from stilo.styles.provenance import Proof, Source
from stilo.styles.style import Adapter, Style

if TYPE_CHECKING:
    from stilo.models.corpus import Piece

HELD_OUT_SHARE = 0.2
TRAIN_SHARE = 0.75  # of the notes of each piece, when there are too few pieces to hold out whole ones
FEWEST_FOR_WHOLE_PIECES = 5
FEWEST_NOTES = 200
SMALL_GAIN = 0.02
ODD_ONE_OUT = 2.0
MOST_TOGETHER = 0.02
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
    steps: int | None = None,
    seed: int = 0,
    progress: Progress | None = None,
) -> Style:
    """Learn a style from pieces.

    With five pieces or more a fifth of them is held out; with fewer, the last quarter of each. What is held out is
    measured into the profile, but neither the vector nor the adapter ever sees it, and the proof is measured on it.
    Of the adapter only the number of steps is chosen on it (early stopping), so the proof flatters by about as much as
    one check differs from the next.

    Args:
        name: of the style.
        pieces: scores and where they come from.
        tune: fit an adapter; without, profile and vector alone.
        seconds: at most this long for the tuning; by default two minutes, or no limit when `steps` says enough.
        steps: at most this many steps of tuning; with it and without `seconds` learning is the same on every run.
        seed: of what is held out and of the tuning.
        progress: is told what is being done and the share done.

    Raises:
        InputError: there is too little music to learn from, or the name cannot be used.
        SetupError: the weights of the base model are missing.
    """
    from stilo.models.checkpoint import load_base

    begun = time.monotonic()
    tell = progress or (lambda _what, _share: None)
    rng = np.random.default_rng(seed)
    measured = _measure(pieces, tell)
    held = _held_out(len(measured), rng)
    lesson = _split(measured, held)
    identity = load_base()[1]
    tell("asking the base model", 0.2)
    base, vector = lesson.nats(None), lesson.nats(lesson.style)
    adapter, tuned, taken = _tuned(lesson, rng, _Budget(seconds, steps), tell, vector) if tune else (None, None, 0)
    tell("done", 1.0)
    return Style(
        name=name,
        profile=pool_profiles([one.profile for one in measured]),
        embedding=lesson.style,
        adapter=adapter,
        base_model=identity,
        palette=palette_of(measured),
        sources=tuple(replace(one.source, held_out=i in held) for i, one in enumerate(measured)),
        proof=Proof(
            base_nats_per_note=base,
            vector_nats_per_note=vector,
            tuned_nats_per_note=tuned,
            held_out_pieces=len(lesson.held_out),
            held_out_notes=sum(len(piece.steps) for piece in lesson.held_out),
            seconds=time.monotonic() - begun,
            steps=taken,
            advice=_advice(measured, base, vector if tuned is None else tuned),
        ),
    )


@dataclass(frozen=True, slots=True)
class _Budget:
    """How long to tune: whichever is reached first; None = not limited."""

    seconds: float | None = None
    steps: int | None = None


@dataclass(frozen=True, eq=False)
class _Lesson:
    """What is learned from, what it is proved on, and the style's vector: the mean of what is learned from."""

    train: list[Piece]
    held_out: list[Piece]

    @property
    def style(self) -> NDArray[np.float32]:
        return np.asarray(np.mean([piece.embedding for piece in self.train], axis=0), np.float32)

    def nats(self, style: NDArray[np.float32] | None, adapter: Adapter | None = None) -> float:
        """Held-out nats per note of the base model, told a style or not, with an adapter or not."""
        from stilo.models.adapter import apply_adapter
        from stilo.models.checkpoint import load_base
        from stilo.models.evaluate import mean_nats_per_note, score_pieces

        model = load_base()[0]
        if adapter is not None:
            model = apply_adapter(model, {key: array.astype(np.float32) for key, array in adapter.items()})
        return mean_nats_per_note(score_pieces(model, self.held_out, [style] * len(self.held_out)))


def _tuned(
    lesson: _Lesson, rng: np.random.Generator, budget: _Budget, tell: Progress, untuned: float
) -> tuple[Adapter | None, float, int]:
    """The adapter as it will be kept, in half precision, its held-out nats per note, and its steps.

    None, and the nats of the vector alone (`untuned`), when no adapter made it better.
    """
    from stilo.models.adapter import TuningConfig, tune_adapter
    from stilo.models.checkpoint import load_base

    tuning = tune_adapter(
        load_base()[0],
        lesson.train,
        lesson.held_out,
        lesson.style,
        rng,
        config=TuningConfig() if budget.steps is None else TuningConfig(most_steps=budget.steps),
        seconds=TUNING_SECONDS if budget == _Budget() else budget.seconds,
        progress=lambda share: tell("tuning", 0.25 + 0.7 * share),
    )
    if not tuning.weights:
        return None, untuned, 0
    adapter: Adapter = {key: array.astype(np.float16) for key, array in tuning.weights.items()}
    return adapter, lesson.nats(lesson.style, adapter), tuning.steps


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


def _split(measured: Sequence[_Measured], held: set[int]) -> _Lesson:
    from stilo.models.corpus import Piece
    from stilo.models.tokens import encode, parts_of, piece_tempo_class

    train: list[Piece] = []
    judged: list[Piece] = []
    for i, one in enumerate(measured):
        path, voices, tempo = one.source.path, parts_of(one.score), piece_tempo_class(one.score)
        if held:
            piece = Piece(path, encode(one.score), one.embedding, tempo, path)
            (judged if i in held else train).append(piece)
            continue
        for part, goal in zip(_cut(one.score), (train, judged), strict=True):
            if len(part):
                goal.append(Piece(path, encode(part, voices), embed_score(part).values, tempo, path))
    if not judged:
        raise InputError("all these notes begin at once: too few to hold any out; give music of several bars")
    return _Lesson(train, judged)


def _cut(score: Score) -> tuple[Score, Score]:
    """About the first three quarters of the notes and the rest, at a bar line if there is one.

    What begins all at once is not cut: it is the first part, and the rest is empty.
    """
    onset, grid = score.notes["onset_ticks"], bar_grid(score)
    place = int(onset[int(TRAIN_SHARE * len(onset))])
    bar_line = int(grid.starts_ticks[grid.bar_of(place)])
    before = onset < (bar_line if bar_line > onset[0] else place)
    if not before.any():
        before[:] = True
    return score.with_notes(score.notes[before]), score.with_notes(score.notes[~before])


def palette_of(measured: Sequence[_Measured]) -> Palette:
    """What most of the pieces have: median tempo of those that name one, commonest metre, key and parts."""
    tempos = [main_tempo(one.score) for one in measured if one.score.tempos]
    metres = Counter((s.numerator, s.denominator) for s in (main_time_signature(one.score) for one in measured))
    keys = Counter(one.profile.piece.key for one in measured if one.profile.piece and one.profile.piece.key)
    return Palette(
        tempo_qpm=float(np.clip(np.median(tempos), 1, 1000)) if tempos else None,
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
    notes: dict[Voice, list[NoteArray]] = {}
    for score in scores:
        voices = parts_of(score)
        used = set(np.unique(score.notes["track"]).tolist())
        pieces.update({voices[i] for i in used})
        for i in used:
            names.setdefault(voices[i], Counter())[score.tracks[i].name] += 1
            notes.setdefault(voices[i], []).append(score.notes[score.notes["track"] == i])
    ranges = {voice: np.concatenate([some["pitch"] for some in rows]) for voice, rows in notes.items()}
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
            is_single=_is_single(notes[voice]),
        )
        for rank, voice in enumerate(order)
    )


def _is_single(notes: Sequence[NoteArray]) -> bool:
    """Whether hardly any note begins together with another of the same part."""
    together = sum(len(some) - len(np.unique(some["onset_ticks"])) for some in notes)
    return together <= MOST_TOGETHER * sum(len(some) for some in notes)


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
