"""Music whose metre and beats are known, for fitting and for judging: cut, played, and compared."""

from __future__ import annotations

import csv
import importlib.util
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from stilo.elements.layout import Layout, lay_out
from stilo.elements.metre_estimate import METRES
from stilo.errors import InputError
from stilo.music.files import read_scores
from stilo.music.score import Score, Tempo, TimeSignature
from stilo.music.timeline import bar_grid, main_tempo

Floats = NDArray[np.float64]
SCORES = ("lieder", "polish_scores", "quartets", "openhymnal")
FEWEST_NOTES, FEWEST_BARS = 16, 6
# tune books in ABC and scores in MusicXML that come with music21 and say where bars begin, pickups too
CORPUS = {
    "folk": ("ryansMammoth/*.abc", "oneills1850/*.abc", "airdsAirs/*.abc"),
    "Essen": ("essenFolksong/*.abc",),
    "Bach chorales": ("bach/*.mxl",),
    "classics": ("haydn/**/*.mxl", "mozart/**/*.mxl", "beethoven/**/*.mxl"),
}


@dataclass(frozen=True, eq=False)
class Known:
    """A piece without its bar lines, cut at a beat, and what is known of it: where its first bar begins, in steps."""

    score: Score
    metre: tuple[int, int]
    place_steps: int


def read_splits(path: Path) -> dict[str, str]:
    """Split by path."""
    with path.open(encoding="utf-8") as file:
        return {row["path"]: row["split"] for row in csv.DictReader(file, delimiter="\t")}


def corpus_scores(name: str, most_per_file: int = 10_000) -> Iterator[tuple[Path, Score]]:
    spec = importlib.util.find_spec("music21")
    assert spec is not None and spec.origin is not None
    folder = Path(spec.origin).parent / "corpus"
    for pattern in CORPUS[name]:
        for path in sorted(folder.glob(pattern)):
            try:
                found = read_scores(path)
            except InputError:
                continue
            yield from ((path, score) for score in found[:most_per_file])


def known_metre(score: Score, rng: np.random.Generator) -> Known | None:
    """The piece cut at a random beat of its first bar; None when its bars do not agree on one of `METRES`."""
    if len(score) < FEWEST_NOTES or not score.time_signatures:
        return None
    grid = bar_grid(score)
    pairs = list(zip(grid.numerators.tolist(), grid.denominators.tolist(), strict=True))
    metre = max(set(pairs), key=pairs.count)
    here = np.array([pair == metre for pair in pairs])
    if metre not in METRES or here.sum() < FEWEST_BARS or here.sum() < 0.8 * len(here) - 1:
        return None
    bar = 16 * metre[0] // metre[1]
    places = np.rint(grid.starts_ticks[here] * 4 / score.ticks_per_quarter).astype(int) % bar
    place = int(np.bincount(places).argmax())
    if (places == place).mean() < 0.9:
        return None
    beat = 16 // metre[1] * (3 if metre[1] == 8 else 1)
    cut = beat * int(rng.integers(max(1, bar // beat)))
    cut_ticks = cut * score.ticks_per_quarter // 4
    notes = score.notes[score.notes["onset_ticks"] >= cut_ticks].copy()
    notes["onset_ticks"] -= cut_ticks
    if len(notes) < FEWEST_NOTES:
        return None
    bare = Score(notes, score.tracks, score.ticks_per_quarter, title=score.title)
    return Known(bare, metre, (place - cut) % bar)


@dataclass(frozen=True, eq=False)
class Played:
    """A piece played freely and recorded at 120 quarters a minute; seconds of its beats and bars."""

    score: Score
    beats_seconds: Floats
    bars_seconds: Floats
    layout: Layout


def play(
    score: Score, rng: np.random.Generator, jitter: float = 0.015, rubato: float = 0.1, rolled: float = 0.2
) -> Played:
    """Play a score: a tempo that wanders (AR(1), and an arc of 8 to 32 beats) and slows at the end, uneven notes, a
    share of the chords rolled, 10 to 30 ms a note.
    """
    layout = lay_out(score)
    beats = layout.beats_ticks.astype(np.float64)
    count = len(beats) - 1
    wander, level = np.zeros(count), 0.0
    for i in range(count):
        level = 0.85 * level + rng.normal(0, rubato * np.sqrt(1 - 0.85**2))
        wander[i] = level
    wander += 0.7 * rubato * np.cos(2 * np.pi * np.arange(count) / rng.integers(8, 33) + rng.uniform(0, 6))
    rate = np.exp(wander)
    rate[-min(6, count) :] *= np.linspace(1, 0.6, min(6, count))
    tempo = float(np.clip(main_tempo(score), 50, 160))
    lengths = np.diff(beats) / score.ticks_per_quarter * 60 / tempo / rate
    moments = np.concatenate([[0.0], np.cumsum(lengths)]) + rng.uniform(0.1, 1.5)
    onset = layout.onset_ticks.astype(np.float64)
    begins = np.interp(onset, beats, moments) + rng.normal(0, jitter, len(onset)) + _rolls(layout, rng, rolled)
    begins = np.maximum(begins, 0.0)
    ends = np.maximum(np.interp(layout.end_ticks, beats, moments), begins + 0.03)
    notes = score.notes.copy()
    notes["onset_ticks"] = np.rint(begins * 960)
    notes["duration_ticks"] = np.maximum(1, np.rint((ends - begins) * 960))
    notes["velocity"] = np.clip(notes["velocity"] + rng.normal(0, 8, len(notes)), 1, 127)
    recorded = Score(notes, score.tracks, 480, (Tempo(0, 120.0),), (TimeSignature(0, 4, 4),))
    return Played(recorded, moments, np.interp(layout.grid.starts_ticks, beats, moments), layout)


def _rolls(layout: Layout, rng: np.random.Generator, share: float) -> Floats:
    """Seconds by which the notes of rolled chords come later, from the lowest up."""
    order = np.lexsort((layout.pitch, layout.onset_ticks))
    first = np.concatenate([[True], np.diff(layout.onset_ticks[order]) > 0])
    chord = first.cumsum() - 1
    rank = np.arange(len(order)) - np.flatnonzero(first)[chord]
    delay = np.where(rng.random(chord[-1] + 1) < share, rng.uniform(0.01, 0.03, chord[-1] + 1), 0.0)
    late = np.zeros(len(order))
    late[order] = np.minimum(rank, 8) * delay[chord]
    return late


def recorded_at_120(score: Score) -> Played:
    """A performance whose ticks are true, its tempo hidden: the same seconds at 120 quarters a minute."""
    scale = 60 / main_tempo(score) / score.ticks_per_quarter * 960
    notes = score.notes.copy()
    for name in ("onset_ticks", "duration_ticks"):
        notes[name] = np.maximum(name == "duration_ticks", np.rint(score.notes[name] * scale))
    layout = lay_out(score)
    recorded = Score(notes, score.tracks, 480, (Tempo(0, 120.0),), (TimeSignature(0, 4, 4),))
    return Played(recorded, layout.beats_ticks * scale / 960, layout.grid.starts_ticks * scale / 960, layout)


def f_measure(reference: Floats, estimated: Floats, tolerance: float = 0.07) -> float:
    """Of beats found once each within ± 70 ms (McKinney et al. 2007; Dixon 2001)."""
    i = j = hits = 0
    while i < len(reference) and j < len(estimated):
        late = estimated[j] - reference[i]
        if abs(late) <= tolerance:
            hits, i, j = hits + 1, i + 1, j + 1
        elif late < 0:
            j += 1
        else:
            i += 1
    return 2 * hits / max(1, len(reference) + len(estimated))


def continuity(reference: Floats, estimated: Floats, tolerance: float = 0.175) -> float:
    """CMLt: share of beats right in place and in period, both to 17.5 % of the period (Hainsworth 2004)."""
    if len(reference) < 2 or len(estimated) < 2:
        return 0.0
    nearest = np.abs(estimated[:, None] - reference[None]).argmin(axis=1)
    period = np.diff(reference)[np.maximum(nearest - 1, 0)]
    placed = np.abs(estimated - reference[nearest]) < tolerance * period
    steady = np.append(True, np.abs(1 - np.diff(estimated) / period[1:]) < tolerance)
    once = np.append(True, np.diff(nearest) > 0)
    return float((placed & steady & once).sum() / max(len(reference), len(estimated)))


def continuity_at_any_level(reference: Floats, estimated: Floats) -> float:
    """AMLt: the best of CMLt against the beats, the off-beats, and beats twice and half as often."""
    between = (reference[1:] + reference[:-1]) / 2
    twice = np.sort(np.concatenate([reference, between]))
    return max(continuity(level, estimated) for level in (reference, between, twice, reference[::2], reference[1::2]))
