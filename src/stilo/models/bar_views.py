"""What each facet of the style encoder may see of a bar: four views, each blind to what is not its own.

The rhythm view holds no pitch; which part is which it tells by the number of notes. The pitch view holds the order of
onsets but not their times, and of pitches only how far each part moves. The harmony view holds which
pitch classes begin in each half of the bar; the net turns them through all twelve keys. The texture view (facet
`emotion`) holds density, polyphony, register, spacing and articulation. No view holds tempo, loudness, instruments or
anything written beside the notes, so that an embedding cannot know a collection by how it was typed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stilo.models.tokens import DRUMS, DURATION_SLOTS, PARTS, PROGRAMS, StepArray
from stilo.music.quantise import SLOTS_PER_QUARTER

Integers = NDArray[np.int64]
Floats = NDArray[np.float32]

RHYTHM_PLACES = 48
RHYTHM_CHANNELS = 13
PITCH_LINES = 3
PITCH_STEPS = 25
PITCH_ORDER = 16
HARMONY_CHANNELS = 6
TEXTURE_SIZE = 37
MOST_BARS = 4096
_LENGTH_EDGES_SLOTS = np.array([6, 12, 24, 48])
_BAND_CENTRES = np.array([36, 45, 54, 60, 66, 72, 78, 87], np.float64)
_BAND_WIDTH = 6.0
_SPACING_EDGES = np.array([3, 5, 6, 8, 10, 12, 13])
_KICK = frozenset({35, 36})
_SNARE = frozenset({37, 38, 39, 40})


@dataclass(frozen=True, eq=False)
class BarViews:
    """The four views of a piece, one row a bar, empty bars included.

    Attributes:
        rhythm: uint8 [bars, 13, 48], notes that begin at each 48th of the bar: all, those of the part with the fewest
            notes, with the most, of the others, by length (5), silence, drums low, middle, high.
        pitch: bool [bars, 16, 3, 25], by order of onset: by how many semitones, −12…12, the highest part, the lowest
            and the others move when they begin a note.
        harmony: uint8 [bars, 6, 12], pitch classes that begin in each half of the bar: all, the lowest, the highest.
        texture: float32 [bars, 37].
        bar_quarters: float32 [bars], length of each bar; belongs to the rhythm view.
    """

    rhythm: NDArray[np.uint8]
    pitch: NDArray[np.bool_]
    harmony: NDArray[np.uint8]
    texture: Floats
    bar_quarters: Floats

    def __len__(self) -> int:
        return len(self.texture)


@dataclass(frozen=True, eq=False)
class _Columns:
    """The steps of a piece as int64 [notes]; drums among them."""

    bars: int
    bar: Integers
    position: Integers
    bar_slots: Integers
    onset: Integers
    end: Integers
    pitch: Integers
    part: Integers
    drum: NDArray[np.bool_]


def bar_views(steps: StepArray) -> BarViews:
    """The views of a piece; the bars beyond `MOST_BARS` are left out."""
    steps = steps[steps["bar"] < MOST_BARS]
    if len(steps) == 0:
        return _no_views()
    part = steps["part"].astype(np.int64)
    onset = steps["onset"].astype(np.int64)
    columns = _Columns(
        bars=int(steps["bar"].max()) + 1,
        bar=steps["bar"].astype(np.int64),
        position=steps["position"].astype(np.int64),
        bar_slots=steps["bar_slots"].astype(np.int64),
        onset=onset,
        end=onset + DURATION_SLOTS[steps["duration"]],
        pitch=steps["pitch"].astype(np.int64) % 128,
        part=part,
        drum=part % PROGRAMS == DRUMS,
    )
    bar_slots = np.zeros(columns.bars, np.int64)
    bar_slots[columns.bar] = columns.bar_slots
    bar_slots[bar_slots == 0] = int(np.median(columns.bar_slots))
    return BarViews(
        _rhythm(columns),
        _pitch(columns),
        _harmony(columns),
        _texture(columns, bar_slots),
        (bar_slots / SLOTS_PER_QUARTER).astype(np.float32),
    )


def _no_views() -> BarViews:
    return BarViews(
        np.zeros((0, RHYTHM_CHANNELS, RHYTHM_PLACES), np.uint8),
        np.zeros((0, PITCH_ORDER, PITCH_LINES, PITCH_STEPS), np.bool_),
        np.zeros((0, HARMONY_CHANNELS, 12), np.uint8),
        np.zeros((0, TEXTURE_SIZE), np.float32),
        np.zeros(0, np.float32),
    )


def _counted(flat: Integers, shape: tuple[int, ...]) -> NDArray[np.uint8]:
    counts = np.bincount(flat, minlength=int(np.prod(shape)))
    return np.minimum(counts, 15).astype(np.uint8).reshape(shape)


def _rhythm(c: _Columns) -> NDArray[np.uint8]:
    place = np.minimum(c.position * RHYTHM_PLACES // c.bar_slots, RHYTHM_PLACES - 1)
    counts = np.bincount(c.part[~c.drum], minlength=1)
    by_count = np.full(len(counts), 3)
    present = np.flatnonzero(counts)
    if len(present):
        # argmin and argmax take the first of equals: parts are numbered by program and height, so ties are broken there
        by_count[present[counts[present].argmin()]] = 1
        by_count[present[counts[present].argmax()]] = 2
    drum_group = np.where(np.isin(c.pitch, list(_KICK)), 10, np.where(np.isin(c.pitch, list(_SNARE)), 11, 12))
    length = 4 + np.digitize(c.end - c.onset, _LENGTH_EDGES_SLOTS)
    row = c.bar * RHYTHM_CHANNELS
    pitched = ~c.drum
    channels = [
        (row + 0)[pitched],
        (row + np.where(c.drum, 0, by_count[np.where(c.drum, 0, c.part)]))[pitched],
        (row + length)[pitched],
        (row + drum_group)[c.drum],
    ]
    places = [place[pitched]] * 3 + [place[c.drum]]
    flat = np.concatenate(channels) * RHYTHM_PLACES + np.concatenate(places)
    view = _counted(flat, (c.bars, RHYTHM_CHANNELS, RHYTHM_PLACES))
    view[:, 9] = _silence(c)
    return view


def _silence(c: _Columns) -> NDArray[np.uint8]:
    """1 where nothing pitched sounds, uint8 [bars, 48], by the notes that begin or last in the bar."""
    change = np.zeros(c.bars * RHYTHM_PLACES + 1, np.int64)
    pitched = ~c.drum
    scale = RHYTHM_PLACES / c.bar_slots[pitched]
    begin = c.bar[pitched] * RHYTHM_PLACES + np.minimum(
        (c.position[pitched] * scale).astype(np.int64), RHYTHM_PLACES - 1
    )
    length = np.maximum(1, np.rint((c.end - c.onset)[pitched] * scale)).astype(np.int64)
    last = len(change) - 1
    np.add.at(change, begin, 1)
    np.add.at(change, np.minimum(begin + length, last), -1)
    return np.asarray((change.cumsum()[:-1] == 0).reshape(c.bars, RHYTHM_PLACES), np.uint8)


def _orders(c: _Columns) -> Integers:
    """Which of the onsets of its bar each note begins with, int64 [notes]; steps are in order of onset."""
    new_bar = np.diff(c.bar, prepend=-1) != 0
    new_onset = new_bar | (np.diff(c.onset, prepend=-1) != 0)
    nth = np.cumsum(new_onset) - 1
    return nth - np.maximum.accumulate(np.where(new_bar, nth, 0))


def _pitch(c: _Columns) -> NDArray[np.bool_]:
    view = np.zeros((c.bars, PITCH_ORDER, PITCH_LINES, PITCH_STEPS), np.bool_)
    pitched = np.flatnonzero(~c.drum)
    if len(pitched) == 0:
        return view
    line = _lines(c.part[pitched], c.pitch[pitched])
    # the outer note of every chord of a part: the lowest in the lowest part, the highest in the others
    outer = np.where(line == 1, -c.pitch[pitched], c.pitch[pitched])
    order = np.lexsort((-outer, c.onset[pitched], c.part[pitched]))
    part, onset = c.part[pitched][order], c.onset[pitched][order]
    new_part = np.diff(part, prepend=-1) != 0
    kept = order[new_part | (np.diff(onset, prepend=-1) != 0)]
    moves = np.diff(c.pitch[pitched][kept], prepend=0)
    moving = np.diff(c.part[pitched][kept], prepend=-1) == 0
    kept, moves = kept[moving], np.clip(moves[moving], -12, 12) + 12
    nth = _orders(c)[pitched][kept]
    inside = nth < PITCH_ORDER
    view[c.bar[pitched][kept][inside], nth[inside], line[kept][inside], moves[inside]] = True
    return view


def _lines(part: Integers, pitch: Integers) -> Integers:
    """0 for the notes of the highest part, which a single one is, 1 for those of the lowest, 2 for all others."""
    counts = np.bincount(part)
    present = np.flatnonzero(counts)
    means = np.bincount(part, pitch)[present] / counts[present]
    line = np.full(len(counts), 2)
    line[present[means.argmin()]] = 1
    line[present[means.argmax()]] = 0
    return np.asarray(line[part])


def _harmony(c: _Columns) -> NDArray[np.uint8]:
    pitched = np.flatnonzero(~c.drum)
    pitch = c.pitch[pitched]
    half = c.bar[pitched] * 2 + (2 * c.position[pitched] >= c.bar_slots[pitched])
    lowest = np.full(2 * c.bars, 128)
    highest = np.full(2 * c.bars, -1)
    np.minimum.at(lowest, half, pitch)
    np.maximum.at(highest, half, pitch)
    kinds = (np.ones(len(pitch), np.bool_), pitch == lowest[half], pitch == highest[half])
    view = np.stack(
        [_counted(half[kind] * 12 + pitch[kind] % 12, (c.bars, 2, 12)) for kind in kinds], axis=2
    )  # [bars, half, kind, 12]
    return np.asarray(view.reshape(c.bars, HARMONY_CHANNELS, 12), np.uint8)


def _texture(c: _Columns, bar_slots: Integers) -> Floats:
    pitched = ~c.drum
    bar, pitch, onset = c.bar[pitched], c.pitch[pitched], c.onset[pitched]
    quarters = bar_slots / SLOTS_PER_QUARTER

    def per_bar(weights: NDArray[np.float64] | None = None, of: Integers = bar) -> NDArray[np.float64]:
        return np.bincount(of, weights, minlength=c.bars).astype(np.float64)

    notes = per_bar()
    safe = np.maximum(notes, 1)
    first = np.diff(onset, prepend=-1) != 0
    at, at_bar = onset[first], bar[first]
    onsets = per_bar(of=at_bar)
    safe_onsets = np.maximum(onsets, 1)
    sounding = np.searchsorted(np.sort(onset), at, side="right") - np.searchsorted(
        np.sort(c.end[pitched]), at, side="right"
    )
    voices = np.bincount(at_bar * 6 + np.clip(sounding, 1, 6) - 1, minlength=c.bars * 6).reshape(c.bars, 6)
    register = np.stack([per_bar(band[pitch]) for band in _bands().T], 1) / safe[:, None]
    low, high = np.full(c.bars, 127), np.zeros(c.bars, np.int64)
    np.minimum.at(low, bar, pitch)
    np.maximum.at(high, bar, pitch)
    length = (c.end - c.onset)[pitched] / SLOTS_PER_QUARTER
    spacing = _spacing(bar, onset, pitch, c.bars)
    together = _parts_together(at, onset, c.part[pitched])
    parts = np.bincount(np.unique(bar * PARTS + c.part[pitched]) // PARTS, minlength=c.bars)
    edges = np.quantile(pitch, (0.05, 0.95)) if len(pitch) else np.array([60.0, 60.0])
    columns = [
        np.log1p(notes / quarters),
        np.log1p(onsets / quarters),
        np.log1p(notes / safe_onsets),
        per_bar(sounding.astype(np.float64), at_bar) / safe_onsets / 4,
        *(voices / safe_onsets[:, None]).T,
        np.minimum(parts, 12) / 4,
        *register.T,
        np.where(notes > 0, high - low, 0) / 24,
        np.log2(np.maximum(per_bar(length) / safe, 1 / 16)) / 2,
        per_bar((length > 1.99).astype(np.float64)) / safe,
        per_bar((length < 0.3).astype(np.float64)) / safe,
        *spacing.T,
        per_bar(together.astype(np.float64), at_bar) / safe_onsets,
        per_bar(of=c.bar[c.drum]) / np.maximum(per_bar(of=c.bar), 1),
        notes == 0,
        np.full(c.bars, (edges[1] - edges[0]) / 24),
        np.full(c.bars, len(np.unique(c.part[pitched])) / 4),
        np.log1p(per_bar(length) / quarters),
    ]
    return np.stack(columns, 1).astype(np.float32)


def _bands() -> NDArray[np.float64]:
    """How much each pitch belongs to each band of the register, [128, 8], rows sum to 1."""
    bands = np.exp(-0.5 * ((np.arange(128)[:, None] - _BAND_CENTRES) / _BAND_WIDTH) ** 2)
    return np.asarray(bands / bands.sum(1, keepdims=True))


def _spacing(bar: Integers, onset: Integers, pitch: Integers, bars: int) -> NDArray[np.float64]:
    """Shares of the distances between neighbours that begin together, [bars, 8]."""
    order = np.lexsort((pitch, onset))
    same = np.diff(onset[order]) == 0
    kind = np.digitize(np.diff(pitch[order])[same], _SPACING_EDGES)
    counts = np.bincount(bar[order][1:][same] * 8 + kind, minlength=bars * 8).reshape(bars, 8)
    return np.asarray(counts / np.maximum(1, counts.sum(1, keepdims=True)))


def _parts_together(at: Integers, onset: Integers, part: Integers) -> NDArray[np.bool_]:
    """Whether notes of two parts or more begin at each of the onsets `at`."""
    pairs = np.unique(onset * PARTS + part) // PARTS
    return np.asarray(np.searchsorted(pairs, at, side="right") - np.searchsorted(pairs, at) > 1)
