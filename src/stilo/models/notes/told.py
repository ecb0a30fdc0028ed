"""What the model may be told of a piece besides its notes; all of it optional, and dropped at random in training."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from stilo.elements.embedding import FACETS
from stilo.models.controls import CONTROL_CLASSES as KNOWN_CONTROL_CLASSES
from stilo.models.controls import CONTROLS as COUNTED_CONTROLS
from stilo.models.labels import CHORD_QUALITIES, NO_ROOT, OTHER_QUALITY
from stilo.models.notes.fields import Floats, Integers, before
from stilo.models.tokens import METRE_CLASSES, TEMPO_CLASSES, UNKNOWN_TEMPO, StepArray

CHORDS = 12 * CHORD_QUALITIES + 1  # root above a reference pitch and quality; the last: no chord, or not told
NO_CHORD = CHORDS - 1
BASSES = 13  # pitch class above a reference pitch; the last: no bass, or not told
NO_BASS = BASSES - 1
CONTROLS = (*COUNTED_CONTROLS, "valence", "arousal")
CONTROL_CLASSES = KNOWN_CONTROL_CLASSES + 1  # the last: not told
NO_TONIC, NO_MODE = 12, 2
UNKNOWN_METRE = METRE_CLASSES
MOST_PARTS = 12  # more count as so many

AHEAD_EDGES = np.array([1, 2, 3, 6, 12, 18, 24, 36, 48, 72, 96])
AHEAD_CLASSES = len(AHEAD_EDGES) + 2  # the last: no change to come, or not told
BARS_EDGES = np.array([1, 2, 3, 4, 5, 6, 8, 10, 12, 16, 20, 24, 32, 48, 64])
BARS_CLASSES = len(BARS_EDGES) + 1
BARS_UNKNOWN = BARS_CLASSES

CONDITION_TABLES = {
    "tempo": TEMPO_CLASSES + 1,
    "metre": METRE_CLASSES + 1,
    "bars_left": BARS_CLASSES + 1,
    "tonic": NO_TONIC + 1,
    "mode": NO_MODE + 1,
    "chord": CHORDS,
    "change_ahead": AHEAD_CLASSES,
    "next_chord": CHORDS,
    "section_elapsed": BARS_CLASSES + 1,
    "section_left": BARS_CLASSES + 1,
    "returns": 3,
    **{f"{name}_now": CONTROL_CLASSES for name in CONTROLS},
    **{f"{name}_next": CONTROL_CLASSES for name in CONTROLS},
    "parts": MOST_PARTS + 1,
    "bass": BASSES,
    "next_bass": BASSES,
}


@dataclass(frozen=True, eq=False)
class Chords:
    """The chord at every note, and the next that follows it; [notes] each.

    Attributes:
        root, quality: at the note's onset, as in `models.labels`.
        ahead: slots to the next change, −1 when none comes.
        next_root, next_quality: what it changes to.
        bass, next_bass: the lowest pitch class of both, `NO_ROOT` = not told.
    """

    root: Integers
    quality: Integers
    ahead: Integers
    next_root: Integers
    next_quality: Integers
    bass: Integers
    next_bass: Integers

    def at(self, index: Integers) -> Chords:
        return Chords(*(getattr(self, name)[index] for name in Chords.__dataclass_fields__))

    def transposed(self, semitones: int) -> Chords:
        def moved(root: Integers) -> Integers:
            return np.where(root < NO_ROOT, (root + semitones) % 12, NO_ROOT)

        named = {name: moved(getattr(self, name)) for name in ("root", "next_root", "bass", "next_bass")}
        return replace(self, **named)

    def without_basses(self) -> Chords:
        none = np.full(len(self.root), NO_ROOT, np.int64)
        return replace(self, bass=none, next_bass=none)


@dataclass(frozen=True, eq=False)
class Form:
    """[notes] each: which bar of its section the note stands in, how many are left of it after this one, and `lag`:
    how many bars ago the same place stood in the section that returns here; 0 = it is new.
    """

    elapsed: Integers
    left: Integers
    lag: Integers

    def at(self, index: Integers) -> Form:
        return Form(self.elapsed[index], self.left[index], self.lag[index])


@dataclass(frozen=True, eq=False)
class StyleTold:
    """A style as the model is told it.

    Attributes:
        measured: float32 [EMBEDDING_SIZE].
        learned: float32 [LEARNED_SIZE], 0 where nothing is known.
        facets: bool [4], which of the facets pitch, rhythm, harmony, emotion are told; all.
    """

    measured: Floats
    learned: Floats
    facets: NDArray[np.bool_] = field(default_factory=lambda: np.ones(len(FACETS), bool))


@dataclass(frozen=True, eq=False)
class Told:
    """What is told of one piece; everything left out is unknown.

    Attributes:
        style: by facet.
        programs: of the piece.
        parts: how many parts it has.
        tempo: class of `tokens.tempo_class`.
        metre: whether its class is told.
        bars: length of the piece.
        tonic, mode: pitch class, and 0 major or 1 minor.
        chords, form: at every note.
        controls: classes [bars from that of the first note, len(CONTROLS)].
        written: the programs that notes are added to, while the other parts are given.
    """

    style: StyleTold | None = None
    programs: frozenset[int] = frozenset()
    parts: int | None = None
    tempo: int = UNKNOWN_TEMPO
    metre: bool = True
    bars: int | None = None
    tonic: int = NO_TONIC
    mode: int = NO_MODE
    chords: Chords | None = None
    form: Form | None = None
    controls: NDArray[np.uint8] | None = None
    written: frozenset[int] = frozenset()


def bars_class(bars: Integers) -> Integers:
    return np.searchsorted(BARS_EDGES, bars, side="right").astype(np.int64)


def chord_class(root: Integers, quality: Integers, reference: Integers) -> Integers:
    return np.where(root < NO_ROOT, (root - reference) % 12 * CHORD_QUALITIES + quality, NO_CHORD)


def bass_class(bass: Integers, reference: Integers) -> Integers:
    return np.where(bass < NO_ROOT, (bass - reference) % 12, NO_BASS)


def ahead_class(slots: Integers) -> Integers:
    return np.where(slots < 0, AHEAD_CLASSES - 1, np.searchsorted(AHEAD_EDGES, slots, side="right"))


def condition_columns(steps: StepArray, told: Told, previous_pitch: Integers) -> Integers:
    """[notes, len(CONDITION_TABLES)], as known before each note: what holds where the note before stands."""
    n = len(steps)
    back = before(n)
    bar = steps["bar"].astype(np.int64)[back]
    from_first = bar - int(steps["bar"][0])
    columns = {name: np.full(n, size - 1, np.int64) for name, size in CONDITION_TABLES.items()}
    columns["tempo"][:] = told.tempo
    if told.metre:
        columns["metre"] = steps["metre"].astype(np.int64)[back]
    if told.bars is not None:
        columns["bars_left"] = bars_class(np.maximum(0, told.bars - 1 - bar))
    if told.tonic < NO_TONIC:
        columns["tonic"] = (told.tonic - previous_pitch) % 12
    columns["mode"][:] = told.mode
    if told.parts is not None:
        columns["parts"][:] = min(max(1, told.parts), MOST_PARTS) - 1
    if (chords := told.chords) is not None:
        columns["chord"] = chord_class(chords.root[back], chords.quality[back], previous_pitch)
        columns["change_ahead"] = ahead_class(chords.ahead[back])
        columns["next_chord"] = chord_class(chords.next_root[back], chords.next_quality[back], previous_pitch)
        columns["bass"] = bass_class(chords.bass[back], previous_pitch)
        columns["next_bass"] = bass_class(chords.next_bass[back], previous_pitch)
        for name in ("chord", "change_ahead", "next_chord", "bass", "next_bass"):
            columns[name][0] = CONDITION_TABLES[name] - 1  # the first note has no note before, and must not tell itself
    if (form := told.form) is not None:
        columns["section_elapsed"] = bars_class(form.elapsed[back])
        columns["section_left"] = bars_class(form.left[back])
        columns["returns"] = (form.lag[back] > 0).astype(np.int64)
    if told.controls is not None:
        last = len(told.controls) - 1
        for i, name in enumerate(CONTROLS):
            columns[f"{name}_now"] = told.controls[np.minimum(from_first, last), i].astype(np.int64)
            following = told.controls[np.minimum(from_first + 1, last), i]
            columns[f"{name}_next"] = np.where(from_first < last, following, CONTROL_CLASSES - 1).astype(np.int64)
    return np.stack(list(columns.values()), axis=1)


@dataclass(frozen=True, eq=False)
class ChordPlan:
    """The chords of a piece in time, whatever notes it will have; [chords] each.

    Attributes:
        onset: slot where each begins, rising.
        root, quality: as in `models.labels`.
        bass: the lowest pitch class of each, `NO_ROOT` = left open; None = all are.

    Raises:
        ValueError: the columns differ in length, or the onsets do not rise.
    """

    onset: Integers
    root: Integers
    quality: Integers
    bass: Integers | None = None

    @property
    def basses(self) -> Integers:
        return np.full(len(self.onset), NO_ROOT, np.int64) if self.bass is None else self.bass

    def __post_init__(self) -> None:
        if not len(self.onset) == len(self.root) == len(self.quality) == len(self.basses):
            raise ValueError("every chord of a plan has an onset, a root and a quality")
        if len(self.onset) > 1 and int(np.diff(self.onset).min()) <= 0:
            raise ValueError("the chords of a plan follow each other")

    def at(self, onsets: Integers) -> Chords:
        """What is told at these slots."""
        begun = np.searchsorted(self.onset, onsets, side="right")
        root = np.concatenate([[NO_ROOT], self.root, [NO_ROOT]])
        quality = np.concatenate([[OTHER_QUALITY], self.quality, [OTHER_QUALITY]])
        bass = np.concatenate([[NO_ROOT], self.basses, [NO_ROOT]])
        ahead = np.where(begun < len(self.onset), np.append(self.onset, 0)[begun] - onsets, -1)
        following = root[begun + 1], quality[begun + 1]
        return Chords(root[begun], quality[begun], ahead, *following, bass[begun], bass[begun + 1])


@dataclass(frozen=True, eq=False)
class FormPlan:
    """`Form` of every bar of a piece, [bars] each; later bars are as the last.

    Raises:
        ValueError: the columns differ in length, or there are none.
    """

    elapsed: Integers
    left: Integers
    lag: Integers

    def __post_init__(self) -> None:
        if not len(self.elapsed) == len(self.left) == len(self.lag) > 0:
            raise ValueError("every bar of a plan has its place in the form")

    def at(self, bars: Integers) -> Form:
        return Form(self.elapsed, self.left, self.lag).at(np.minimum(bars, len(self.lag) - 1))


@dataclass(frozen=True, eq=False)
class Telling:
    """What is told of a piece that is yet to be written.

    Attributes:
        about: all but chords and form, which stand at notes.
        chords, form: the same in time.
    """

    about: Told = Told()
    chords: ChordPlan | None = None
    form: FormPlan | None = None

    def for_steps(self, steps: StepArray) -> Told:
        """As it is told at these notes, [notes]."""
        chords = None if self.chords is None else self.chords.at(steps["onset"].astype(np.int64))
        form = None if self.form is None else self.form.at(steps["bar"].astype(np.int64))
        return replace(self.about, chords=chords, form=form)
