"""What the model is told of a piece in training: drawn at random, so that each is optional when composing."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from stilo.models.controls import CONTROL_CLASSES, bar_controls
from stilo.models.corpus import Piece
from stilo.models.labels import (
    NO_ROOT,
    OTHER_QUALITY,
    LabelArray,
    bar_in_section,
    chord_basses,
    next_chord,
    next_chord_begins,
)
from stilo.models.notes.fields import Floats, Integers
from stilo.models.notes.told import CONTROLS, NO_MODE, NO_TONIC, Chords, Form, StyleTold, Told
from stilo.models.tokens import END, PROGRAMS, UNKNOWN_TEMPO, StepArray

P_NOTHING = 0.2
P_STYLE, P_FACET, P_OWN_STYLE = 0.6, 0.75, 0.15
P_MEASURED, P_LEARNED = 0.6, 0.8
P_PROGRAMS, P_PARTS, P_TEMPO, P_METRE, P_BARS, P_KEY = 0.6, 0.8, 0.7, 0.9, 0.6, 0.5
P_CHORDS, P_BASS, P_FORM, P_CONTROLS, P_CONTROL = 0.5, 0.6, 0.5, 0.45, 0.5
MOST_MODELS = 10
STYLE_NOISE, OWN_STYLE_NOISE = 0.1, 0.4  # standard deviations


def chords_told(labels: LabelArray, steps: StepArray) -> Chords:
    """The chords of a whole piece at each of its notes, and their basses."""
    ahead, root, quality = next_chord(labels, steps["onset"].astype(np.int64))
    bass, at = chord_basses(labels, steps), next_chord_begins(labels)
    none = (root == NO_ROOT) & (quality == OTHER_QUALITY)
    return Chords(
        labels["chord_root"].astype(np.int64),
        labels["chord_quality"].astype(np.int64),
        np.where(none & (ahead == 0), -1, ahead),
        root,
        quality,
        bass,
        np.where(at >= 0, bass[at], NO_ROOT),
    )


def form_told(labels: LabelArray, steps: StepArray) -> Form:
    elapsed = bar_in_section(labels, steps)
    left = np.maximum(0, labels["section_bars"].astype(np.int64) - 1 - elapsed)
    return Form(elapsed, left, labels["counterpart"].astype(np.int64))


def controls_told(steps: StepArray, labels: LabelArray) -> NDArray[np.uint8]:
    """Classes of every bar from that of the first note on, [bars, len(CONTROLS)]."""
    notes = steps[steps["gap"] != END]
    counted = bar_controls(notes if len(notes) else steps)
    moods = np.full((len(counted), 2), CONTROL_CLASSES, np.uint8)
    bar = steps["bar"].astype(np.int64) - int(steps["bar"][0])
    for column, name in enumerate(("valence", "arousal")):
        moods[bar, column] = labels[name]
    return np.concatenate([counted, moods], axis=1)


class ConditionDraw:
    """Draws what is told of one piece after another.

    Args:
        pieces: all that there are; those of one group are by one hand.
        style: mean and standard deviation of their measured embeddings.
        rng: what is drawn with.
    """

    def __init__(self, pieces: Sequence[Piece], style: tuple[Floats, Floats], rng: np.random.Generator) -> None:
        self.rng = rng
        self.style_mean, self.style_deviation = style
        self.group: dict[str, list[Piece]] = {}
        for piece in pieces:
            self.group.setdefault(piece.group, []).append(piece)

    def draw(self, piece: Piece, steps: StepArray, index: Integers, semitones: int) -> Told:
        """`steps` of a window, transposed; `index` says which notes of the piece they were."""
        rng = self.rng
        if rng.random() < P_NOTHING:
            return Told()
        labels = piece.labels
        programs, parts, chords, form, controls = frozenset[int](), None, None, None, None
        style = self._style(piece) if rng.random() < P_STYLE else None
        if rng.random() < P_PROGRAMS:
            tokens = np.unique(steps["part"])
            programs = frozenset((tokens % PROGRAMS).tolist())
            parts = len(tokens) if rng.random() < P_PARTS else None
        if rng.random() < P_CHORDS:
            chords = chords_told(labels, piece.steps).at(index).transposed(semitones)
            chords = chords if rng.random() < P_BASS else chords.without_basses()
        if rng.random() < P_FORM:
            form = form_told(labels, piece.steps).at(index)
        if rng.random() < P_CONTROLS:
            controls = controls_told(steps, labels[index])
            controls[:, rng.random(len(CONTROLS)) > P_CONTROL] = CONTROL_CLASSES
        key = piece.key if rng.random() < P_KEY else None
        return Told(
            style=style,
            programs=programs,
            parts=parts,
            tempo=piece.tempo if rng.random() < P_TEMPO else UNKNOWN_TEMPO,
            metre=rng.random() < P_METRE,
            bars=int(piece.steps["bar"][-1]) + 1 if rng.random() < P_BARS else None,
            tonic=NO_TONIC if key is None else (key[0] + semitones) % 12,
            mode=NO_MODE if key is None else key[1],
            chords=chords,
            form=form,
            controls=controls,
        )

    def _style(self, piece: Piece) -> StyleTold:
        """Mostly that of other pieces of the same hand, some facets of it, or one of its two halves, left out."""
        rng = self.rng
        others = self.group[piece.group]
        models = [piece]
        if len(others) > 1 and rng.random() > P_OWN_STYLE:
            count = 1 + int(rng.integers(min(MOST_MODELS, len(others) - 1)))
            drawn = rng.choice(len(others), min(len(others), count + 1), replace=False)
            models = [others[i] for i in drawn if others[i] is not piece][:count]
        measured, learned = self.style_mean, np.zeros_like(piece.learned)
        if rng.random() < P_MEASURED:
            noise = OWN_STYLE_NOISE if models[0] is piece else STYLE_NOISE
            noises = rng.normal(size=len(measured)) * self.style_deviation * noise
            measured = (np.mean([one.embedding for one in models], axis=0) + noises).astype(np.float32)
        if rng.random() < P_LEARNED:
            learned = np.mean([one.learned for one in models], axis=0)
        return StyleTold(measured, learned, rng.random(4) < P_FACET)
