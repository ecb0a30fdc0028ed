"""Pitch: which notes of the key, how high, how the melody moves, who plays.

Pitch classes are counted from the tonic of the estimated key. The melody is `Layout.melody`; intervals are in
semitones.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import numpy as np

from stilo.elements.figures import (
    DEGREES,
    TRANSPOSITION,
    Figure,
    Histogram,
    Shares,
    entropy_bits,
    figure,
    histogram,
    shares,
)
from stilo.elements.layout import Floats, Ints, Layout
from stilo.music.instruments import PROGRAM_NAMES
from stilo.music.theory import MELODIC_RAISED_SIXTH, SCALES

_KEPT = frozenset({TRANSPOSITION})
_FREE: frozenset[str] = frozenset()
INTERVAL_LABELS = tuple(str(i) if i <= 0 else f"+{i}" for i in range(-12, 13))
CONTOUR_LABELS = ("↓↓", "↓→", "↓↑", "→↓", "→→", "→↑", "↑↓", "↑→", "↑↑")
MIDDLE_C = 60
_STRAYS, _STRAYS_OF_CHORDS = 1 / 200, 1 / 20  # at either end: the top of chords is what lies below where it rests
_ALONE = 2 / 3  # of the notes of a part are its melody: more, and it is no top of chords


@dataclass(frozen=True)
class Pitch:
    """The element pitch. Without pitched notes the figures stand at their neutral values and the histograms are 0."""

    classes: Annotated[
        tuple[float, ...],
        Histogram(DEGREES, "pitch classes from the tonic, weighted by duration", "Krumhansl 1990, ch. 3", _KEPT),
    ]
    intervals: Annotated[
        tuple[float, ...],
        Histogram(
            INTERVAL_LABELS, "melodic intervals in semitones; the ends hold all larger", "Huron 2006, ch. 5", _KEPT
        ),
    ]
    contour: Annotated[
        tuple[float, ...],
        Histogram(CONTOUR_LABELS, "directions of two melodic steps in a row", "Dowling 1978; Müllensiefen 2009", _KEPT),
    ]
    instruments: Annotated[
        dict[str, float], Shares("who plays, as shares of all notes", "General MIDI instrument names", _KEPT)
    ]
    entropy: Annotated[
        float, Figure("bits", "how evenly the pitch classes are used", "Shannon 1948", 0, np.log2(12), 0.3, _KEPT)
    ]
    chromaticism: Annotated[
        float, Figure("share", "sounding time outside the scale of the key", "counted", 0, 1, 0.08, _KEPT)
    ]
    mean_pitch: Annotated[float, Figure("MIDI", "mean pitch, weighted by duration", "counted", 0, 127, 6, _FREE)]
    lowest: Annotated[float, Figure("MIDI", "lowest pitch", "counted", 0, 127, 12, _FREE)]
    highest: Annotated[float, Figure("MIDI", "highest pitch", "counted", 0, 127, 8, _FREE)]
    range: Annotated[float, Figure("semitones", "lowest to highest pitch", "counted", 0, 127, 20, _KEPT)]
    melody_pitch: Annotated[float, Figure("MIDI", "mean pitch of the melody", "counted", 0, 127, 6, _FREE)]
    melody_range: Annotated[
        float,
        Figure(
            "semitones",
            "lowest to highest note of the melody; nine tenths of one that is the top of chords",
            "counted",
            0,
            127,
            6,
            _KEPT,
        ),
    ]
    step_share: Annotated[
        float, Figure("share", "melodic intervals of one or two semitones", "Vos & Troost 1989", 0, 1, 0.15, _KEPT)
    ]
    leap_share: Annotated[
        float, Figure("share", "melodic intervals of five semitones and more", "Vos & Troost 1989", 0, 1, 0.09, _KEPT)
    ]
    repeat_share: Annotated[float, Figure("share", "melodic notes that repeat the last", "counted", 0, 1, 0.1, _KEPT)]
    mean_interval: Annotated[
        float, Figure("semitones", "mean size of the melodic intervals", "Müllensiefen 2009", 0, 127, 0.75, _KEPT)
    ]
    gap_fill: Annotated[
        float,
        Figure("share", "leaps followed by a move in the other direction", "von Hippel & Huron 2000", 0, 1, 0.2, _KEPT),
    ]
    arch: Annotated[
        float,
        Figure("semitones", "middle of four-bar melodic spans above their ends", "Huron 1996", -127, 127, 1.0, _KEPT),
    ]
    motif_share: Annotated[
        float, Figure("share", "notes of the melody inside a motif that returns", "Meredith 2013", 0, 1, 0.25, _KEPT)
    ]
    pitched_share: Annotated[float, Figure("share", "notes that are not drums", "counted", 0, 1, 0.3, _KEPT)]


def measure_pitch(layout: Layout, tonic: int, is_minor: bool, motif_share: float) -> Pitch:
    """Measure the element pitch in the key of `tonic` (pitch class) and mode, given the share of the motifs."""
    pitched = layout.pitched
    pitch = layout.pitch[pitched]
    duration = (layout.end_ticks - layout.onset_ticks)[pitched].astype(np.float64)
    classes = np.bincount((pitch - tonic) % 12, weights=duration, minlength=12)
    outside = np.ones(12, bool)
    outside[list((*SCALES["minor"], MELODIC_RAISED_SIXTH) if is_minor else SCALES["major"])] = False
    total = duration.sum()
    empty = len(pitch) == 0
    line = layout.melody.pitch
    steps = np.diff(line)
    size = np.abs(steps)
    low, high = (MIDDLE_C, MIDDLE_C) if empty else (pitch.min(), pitch.max())
    return Pitch(
        classes=histogram(classes),
        intervals=histogram(np.bincount(np.clip(steps, -12, 12) + 12, minlength=25)),
        contour=histogram(_contour(steps)),
        instruments=_instruments(layout),
        entropy=figure(entropy_bits(classes)),
        chromaticism=figure(classes[outside].sum() / total if total else 0.0),
        mean_pitch=figure((pitch * duration).sum() / total if total else MIDDLE_C),
        lowest=figure(low),
        highest=figure(high),
        range=figure(high - low),
        melody_pitch=figure(line.mean() if len(line) else MIDDLE_C),
        melody_range=figure(_compass(layout)),
        step_share=figure(((size > 0) & (size <= 2)).mean() if len(size) else 0.0),
        leap_share=figure((size >= 5).mean() if len(size) else 0.0),
        repeat_share=figure((size == 0).mean() if len(size) else 0.0),
        mean_interval=figure(size.mean() if len(size) else 0.0),
        gap_fill=figure(_gap_fill(steps)),
        arch=figure(_arch(layout)),
        motif_share=figure(motif_share),
        pitched_share=figure(pitched.mean() if len(pitched) else 0.0),
    )


def _compass(layout: Layout) -> int:
    """Semitones from the lowest to the highest note of the melody: all of a song, all but strays of what is long."""
    line = layout.melody
    parts = np.bincount(layout.track[line.note], minlength=len(layout.score.tracks)) > 0
    is_alone = len(line) >= _ALONE * np.count_nonzero(parts[layout.track])
    strays = int(len(line) * (_STRAYS if is_alone else _STRAYS_OF_CHORDS))
    kept = np.sort(line.pitch)[strays : len(line) - strays]
    return int(kept[-1] - kept[0]) if len(kept) else 0


def _contour(steps: Ints) -> Floats:
    """Counts of pairs of directions, [9], in the order of `CONTOUR_LABELS`."""
    direction = np.sign(steps) + 1
    return np.bincount(direction[:-1] * 3 + direction[1:], minlength=9).astype(np.float64)


def _gap_fill(steps: Ints) -> float:
    """Share of leaps that turn back; one half, which says nothing, when there is no leap."""
    leaps = np.flatnonzero(np.abs(steps[:-1]) >= 5)
    if len(leaps) == 0:
        return 0.5
    return float((np.sign(steps[leaps + 1]) == -np.sign(steps[leaps])).mean())


def _arch(layout: Layout) -> float:
    """Mean pitch of the middle half of each four bars of melody, less that of the outer quarters."""
    melody = layout.melody
    if len(melody) == 0:
        return 0.0
    starts = layout.grid.starts_ticks[::4]
    ends = np.append(starts[1:], layout.score.end_ticks)
    span = np.searchsorted(starts, melody.onset_ticks, side="right") - 1
    place = (melody.onset_ticks - starts[span]) / np.maximum(1, ends[span] - starts[span])
    middle = (place >= 0.25) & (place < 0.75)
    group = span * 2 + middle
    counts = np.bincount(group, minlength=2 * len(starts))
    sums = np.bincount(group, weights=melody.pitch, minlength=2 * len(starts))
    means = (sums / np.maximum(1, counts)).reshape(-1, 2)
    both = (counts.reshape(-1, 2) >= 2).all(axis=1)
    return float((means[both, 1] - means[both, 0]).mean()) if both.any() else 0.0


def instrument_name(program: int, is_drum: bool) -> str:
    """What plays a General MIDI program: "violin"; "drums" for drums."""
    return "drums" if is_drum else PROGRAM_NAMES[program & 127].lower()


def _instruments(layout: Layout) -> dict[str, float]:
    """Shares of notes by instrument name."""
    counts = np.bincount(layout.track, minlength=len(layout.score.tracks))
    by_name: dict[str, float] = {}
    for part, count in zip(layout.score.tracks, counts, strict=True):
        name = instrument_name(part.program, part.is_drum)
        by_name[name] = by_name.get(name, 0.0) + float(count)
    return shares(by_name)
