"""A vector that knows styles apart, measured note by note: no net, no training, the same on every machine.

Four facets, each its own slice, so that one style's harmony can be joined with another's rhythm. Nothing here depends
on the key: intervals, phases and the discrete Fourier transform of the chroma stand for pitch classes. Histograms are
square-rooted (Hellinger), so that Euclidean distance compares them well. Tempo and loudness stand in `emotion` alone.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stilo.music.score import Score
from stilo.music.timeline import BarGrid, bar_grid, main_tempo, main_time_signature

Vector = NDArray[np.float32]
Floats = NDArray[np.float64]

FACET_SIZES = {"pitch": 54, "rhythm": 58, "harmony": 39, "emotion": 28}
EMBEDDING_SIZE = sum(FACET_SIZES.values())
_LENGTH_EDGES_QUARTERS = np.array([1.5, 2.5, 3.5, 5, 7, 8.5, 10.5, 15, 21, 30, 42]) / 12
_MAJOR = np.array([6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88])
_MINOR = np.array([6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17])


def _facets() -> dict[str, slice]:
    starts = np.cumsum([0, *FACET_SIZES.values()]).tolist()
    return {name: slice(a, b) for name, a, b in zip(FACET_SIZES, starts[:-1], starts[1:], strict=True)}


FACETS: dict[str, slice] = _facets()


@dataclass(frozen=True, eq=False)
class StyleEmbedding:
    """`values`: float32 [EMBEDDING_SIZE], not writable; `facet(name)` is one slice of it."""

    values: Vector

    def __post_init__(self) -> None:
        values = np.array(self.values, np.float32)
        if values.shape != (EMBEDDING_SIZE,) or not np.isfinite(values).all():
            raise ValueError(f"a style embedding holds {EMBEDDING_SIZE} finite numbers")
        values.setflags(write=False)
        object.__setattr__(self, "values", values)

    def facet(self, name: str) -> Vector:
        return self.values[FACETS[name]]


@dataclass(frozen=True, eq=False)
class _Notes:
    """The columns of a score that the facets need; `pitched` leaves out the drums."""

    score: Score
    grid: BarGrid
    onset_quarters: Floats
    end_quarters: Floats
    bar: NDArray[np.int64]
    phase_quarters: Floats
    pitch: NDArray[np.int64]
    track: NDArray[np.int64]
    pitched: NDArray[np.bool_]


def _columns(score: Score) -> _Notes:
    grid = bar_grid(score)
    onset_ticks = score.notes["onset_ticks"].astype(np.int64)
    quarter = score.ticks_per_quarter
    bar = grid.bar_of(onset_ticks)
    return _Notes(
        score=score,
        grid=grid,
        onset_quarters=onset_ticks / quarter,
        end_quarters=(onset_ticks + score.notes["duration_ticks"]) / quarter,
        bar=bar,
        phase_quarters=(onset_ticks - grid.starts_ticks[bar]) / quarter,
        pitch=score.notes["pitch"].astype(np.int64),
        track=score.notes["track"].astype(np.int64),
        pitched=~score.is_drum_note,
    )


def _histogram(values: NDArray[Any], bins: int) -> Floats:
    """Square root of the shares of each of `bins` classes; zeros when there is nothing to count."""
    counts = np.bincount(np.clip(values, 0, bins - 1).astype(np.int64), minlength=bins).astype(np.float64)
    return np.asarray(np.sqrt(counts / max(1.0, counts.sum())))


def _top_intervals(n: _Notes, per_track: bool) -> NDArray[np.int64]:
    """Semitones between successive highest notes, of the whole or of every track for itself."""
    index = np.flatnonzero(n.pitched)
    if len(index) < 2:
        return np.zeros(0, np.int64)
    voice = n.track[index] if per_track else np.zeros(len(index), np.int64)
    onset = n.score.notes["onset_ticks"][index].astype(np.int64)
    order = np.lexsort((-n.pitch[index], onset, voice))
    voice, onset, pitch = voice[order], onset[order], n.pitch[index][order]
    first = np.ones(len(order), bool)
    first[1:] = (voice[1:] != voice[:-1]) | (onset[1:] != onset[:-1])
    voice, pitch = voice[first], pitch[first]
    return np.asarray(np.diff(pitch)[np.diff(voice) == 0])


def _pitch_facet(n: _Notes) -> Floats:
    pitch = n.pitch[n.pitched]
    spread = [0.0] * 4
    if len(pitch):
        low, high = np.percentile(pitch, [5, 95])
        spread = [(float(pitch.mean()) - 60) / 12, float(pitch.std()) / 12, (float(low) - 60) / 12, (high - 60) / 12]
    intervals = [_histogram(_top_intervals(n, per_track) + 12, 25) for per_track in (False, True)]
    return np.concatenate([*intervals, spread])


def _rhythm_facet(n: _Notes) -> Floats:
    onsets = np.unique(n.onset_quarters)
    gaps = np.digitize(np.diff(onsets), _LENGTH_EDGES_QUARTERS)
    lengths = np.digitize(n.end_quarters - n.onset_quarters, _LENGTH_EDGES_QUARTERS)
    in_quarter = np.rint((n.phase_quarters % 1.0) * 12).astype(np.int64) % 12
    bar_quarters = n.grid.lengths_ticks[n.bar] / n.score.ticks_per_quarter
    in_bar = np.floor(n.phase_quarters / bar_quarters * 16 + 1e-9).astype(np.int64)
    total = max(1.0, float(n.end_quarters.max(initial=0)) - float(n.onset_quarters.min(initial=0)))
    density = [np.log2(1 + len(n.pitch) / total), np.log2(1 + len(onsets) / total)]
    signature = main_time_signature(n.score)
    compound = signature.numerator % 3 == 0 and signature.numerator > 3
    metre = np.zeros(4)
    metre[0 if signature.numerator in (2, 4, 8) else 1 if signature.numerator == 3 else 2 if compound else 3] = 1.0
    return np.concatenate(
        [
            _histogram(in_quarter, 12),
            _histogram(in_bar, 16),
            _histogram(gaps, 12),
            _histogram(lengths, 12),
            density,
            metre,
        ]
    )


def _sounding(n: _Notes) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Pairs (moment, note): which pitched notes sound at each distinct onset, at most 64 moments a note."""
    index = np.flatnonzero(n.pitched)
    onsets = np.unique(n.onset_quarters[index])
    first = np.searchsorted(onsets, n.onset_quarters[index])
    last = np.searchsorted(onsets, n.end_quarters[index] - 1e-6)
    counts = np.clip(last - first, 1, 64)
    note = np.repeat(index, counts)
    within = np.arange(len(note)) - np.repeat(np.cumsum(counts) - counts, counts)
    return np.repeat(first, counts) + within, note


def _chroma(n: _Notes, cell: NDArray[np.int64], cells: int) -> Floats:
    """Pitch classes weighed by duration, [cells, 12], every row of sum 1 or 0."""
    rows = np.zeros((max(1, cells), 12))
    lengths = np.minimum(4.0, n.end_quarters - n.onset_quarters)
    np.add.at(rows, (cell[n.pitched], n.pitch[n.pitched] % 12), lengths[n.pitched])
    return np.asarray(rows / np.maximum(1e-9, rows.sum(1, keepdims=True)))


def _likeness(rows: Floats) -> float:
    """Mean cosine of each row with the next; rows without sound are left out."""
    rows = rows[rows.sum(1) > 0]
    if len(rows) < 2:
        return 1.0
    norms = np.linalg.norm(rows, axis=1)
    return float(((rows[1:] * rows[:-1]).sum(1) / (norms[1:] * norms[:-1])).mean())


def _mode(chroma: Floats) -> float:
    """Best major minus best minor correlation (Krumhansl & Kessler 1982 profiles)."""
    if chroma.std() == 0:
        return 0.0

    def best(profile: Floats) -> float:
        return max(float(np.corrcoef(chroma, np.roll(profile, k))[0, 1]) for k in range(12))

    return best(_MAJOR) - best(_MINOR)


def _harmony_facet(n: _Notes) -> Floats:
    if not n.pitched.any():
        return np.zeros(FACET_SIZES["harmony"])
    moment, note = _sounding(n)
    order = np.lexsort((n.pitch[note], moment))
    moment, pitch = moment[order], n.pitch[note][order]
    lowest = np.zeros(int(moment.max()) + 1, np.int64)
    starts = np.flatnonzero(np.diff(moment, prepend=-1))
    lowest[moment[starts]] = pitch[starts]
    above_bass = np.delete(pitch - lowest[moment], starts) % 12
    neighbours = np.diff(pitch)[np.diff(moment) == 0] % 12
    by_bar = _chroma(n, n.bar, len(n.grid))
    quarter = np.floor(n.onset_quarters).astype(np.int64)
    cells = np.unique(quarter, return_inverse=True)
    by_quarter = _chroma(n, cells[1], len(cells[0]))
    whole = _chroma(n, np.zeros_like(n.bar), 1)[0]
    spectrum = np.abs(np.fft.rfft(whole))[1:]
    local = np.abs(np.fft.rfft(by_bar[by_bar.sum(1) > 0], axis=1))[:, 1:].mean(0)
    return np.concatenate(
        [
            _histogram(neighbours, 12),
            _histogram(above_bass, 12),
            [_likeness(by_bar), _likeness(by_quarter)],
            spectrum,
            local,
            [_mode(whole)],
        ]
    )


def _emotion_facet(n: _Notes) -> Floats:
    velocity = n.score.notes["velocity"].astype(np.float64) / 127
    moment, _ = _sounding(n) if n.pitched.any() else (np.zeros(0, np.int64), None)
    polyphony = np.bincount(moment) if len(moment) else np.zeros(0, np.int64)
    polyphony = polyphony[polyphony > 0]
    gaps = np.diff(np.unique(n.onset_quarters))
    lengths = n.end_quarters - n.onset_quarters
    articulation = np.log2(float(lengths.mean()) / float(gaps.mean())) if len(gaps) else 0.0
    programs = np.array([track.program for track in n.score.tracks], np.int64)
    families = _histogram(programs[n.track[n.pitched]] // 8, 16)
    tempo = np.log2(np.clip(main_tempo(n.score), 20, 400) / 110)
    return np.concatenate(
        [
            [np.log2(max(1.0, float(polyphony.mean()))) if len(polyphony) else 0.0],
            _histogram(polyphony - 1, 5),
            [np.log2(1 + len(np.unique(n.track))), 1.0 - float(n.pitched.mean())],
            families,
            [float(velocity.mean()), float(velocity.std()), tempo, articulation],
        ]
    )


def embed_score(score: Score) -> StyleEmbedding:
    """The embedding of one piece; a score without notes gives zeros."""
    if len(score) == 0:
        return StyleEmbedding(np.zeros(EMBEDDING_SIZE, np.float32))
    n = _columns(score)
    facets = [_pitch_facet(n), _rhythm_facet(n), _harmony_facet(n), _emotion_facet(n)]
    return StyleEmbedding(np.concatenate(facets).astype(np.float32))


def embed(scores: Iterable[Score]) -> StyleEmbedding:
    """The embedding of a style: the mean over its pieces, each counting once.

    Raises:
        ValueError: no score was given.
    """
    rows = [embed_score(score).values for score in scores]
    if not rows:
        raise ValueError("no scores to embed")
    return StyleEmbedding(np.mean(rows, axis=0))
