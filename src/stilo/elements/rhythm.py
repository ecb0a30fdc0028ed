"""Rhythm: where notes fall in the bar, how long and how fast they are; and form, which is rhythm at large.

Times are in quarters unless the unit says otherwise. Drums count here, where pitch does not matter.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import numpy as np

from stilo.elements.figures import PITCH_SHUFFLE, TRANSPOSITION, Figure, Histogram, Shares, figure, histogram, shares
from stilo.elements.form import Form
from stilo.elements.layout import Bools, Floats, Ints, Layout
from stilo.elements.metre import SLOTS, syncopation_strengths
from stilo.music.timeline import main_tempo, ticks_to_seconds

_BOTH = frozenset({TRANSPOSITION, PITCH_SHUFFLE})
_KEPT = frozenset({TRANSPOSITION})
BAR_PLACES = 48
NOTE_VALUES = (1 / 12, 1 / 8, 1 / 6, 1 / 4, 1 / 3, 3 / 8, 1 / 2, 2 / 3, 3 / 4, 1.0, 4 / 3, 1.5, 2.0, 3.0, 4.0, 6.0)
NOTE_VALUE_LABELS = (
    "<1/8", "1/8", "1/6", "1/4", "1/3", "3/8", "1/2", "2/3", "3/4", "1", "4/3", "3/2", "2", "3", "4", ">4",
)  # fmt: skip
_VALUE_BOUNDS = np.sqrt(np.array(NOTE_VALUES[:-1]) * np.array(NOTE_VALUES[1:]))
_ON_PLACE = 0.06  # quarters: how far a played note may stand from its place
_FEWEST_PAIRS = 4
_SWUNG = 0.56  # of the quarter, about 1.3 to 1: what is less is heard as even
_GROOVE_PLACES = 16
_DENSEST = 1e6  # to the quarter, bar or second: a file may hold thousands of notes in one tick


@dataclass(frozen=True)
class Rhythm:
    """The element rhythm. Without notes the figures stand at their neutral values and the histograms are 0."""

    bar_places: Annotated[
        tuple[float, ...],
        Histogram(
            tuple(str(i) for i in range(BAR_PLACES)),
            "onsets by place in the bar, in 48ths of it",
            "Palmer & Krumhansl 1990",
            _BOTH,
        ),
    ]
    quarter_places: Annotated[
        tuple[float, ...],
        Histogram(
            tuple(f"{i}/12" for i in range(SLOTS)), "onsets by place in the quarter, in 12ths of it", "counted", _BOTH
        ),
    ]
    inter_onsets: Annotated[
        tuple[float, ...],
        Histogram(NOTE_VALUE_LABELS, "quarters from one onset to the next", "counted", _BOTH),
    ]
    durations: Annotated[
        tuple[float, ...], Histogram(NOTE_VALUE_LABELS, "lengths of notes in quarters", "counted", _BOTH)
    ]
    metres: Annotated[dict[str, float], Shares("time signatures, as shares of the quarters", "counted", _BOTH)]
    tempo_qpm: Annotated[float, Figure("quarters/min", "tempo that holds longest", "counted", 1, 10000, 30, _BOTH)]
    tempo_change: Annotated[
        float, Figure("share", "spread of the tempo around its mean", "counted", 0, 100, 0.1, _BOTH)
    ]
    notes_per_quarter: Annotated[
        float, Figure("notes/quarter", "density in notated time", "counted", 0, _DENSEST, 3, _BOTH)
    ]
    notes_per_bar: Annotated[float, Figure("notes/bar", "density by the bar", "counted", 0, _DENSEST, 11, _BOTH)]
    notes_per_second: Annotated[float, Figure("notes/s", "density in heard time", "counted", 0, _DENSEST, 4, _BOTH)]
    onsets_per_second: Annotated[
        float,
        Figure("onsets/s", "different onsets in heard time", "Gabrielsson & Lindström 2010", 0, _DENSEST, 2, _BOTH),
    ]
    syncopation: Annotated[
        float,
        Figure("levels/onset", "strength of syncopation", "Longuet-Higgins & Lee 1984", 0, 12, 0.15, _BOTH),
    ]
    off_quarter_share: Annotated[
        float, Figure("share", "onsets that do not fall on a quarter", "counted", 0, 1, 0.2, _BOTH)
    ]
    triplet_share: Annotated[
        float, Figure("share", "onsets on thirds of the quarter, not halves", "counted", 0, 1, 0.1, _BOTH)
    ]
    swing: Annotated[
        float,
        Figure(
            "ratio", "long to short in pairs of eighths; 1 is even", "Friberg & Sundström 2002", 0.25, 4, 0.4, _BOTH
        ),
    ]
    swung_share: Annotated[
        float,
        Figure("share", "pairs of eighths whose first is clearly longer", "Friberg & Sundström 2002", 0, 1, 0.3, _BOTH),
    ]
    unevenness: Annotated[
        float,
        Figure("nPVI", "contrast of neighbouring melodic durations", "Patel & Daniele 2003", 0, 200, 20, _KEPT),
    ]
    articulation: Annotated[
        float, Figure("share", "how much of its time a melodic note sounds", "Bresin & Battel 2000", 0, 1, 0.15, _KEPT)
    ]
    silence: Annotated[float, Figure("share", "time in which nothing sounds", "counted", 0, 1, 0.1, _BOTH)]
    groove: Annotated[
        float, Figure("share", "likeness of neighbouring bars in their 16 places", "Wu & Yang 2020", 0, 1, 0.1, _BOTH)
    ]
    pattern_variety: Annotated[
        float, Figure("share", "different rhythms of a bar among all bars", "Müllensiefen 2009", 0, 1, 0.25, _BOTH)
    ]
    returning_bars: Annotated[
        float, Figure("share", "bars that repeat an earlier one exactly", "counted", 0, 1, 0.2, _KEPT)
    ]
    sections: Annotated[float, Figure("sections", "how many sections", "Foote 2000; Goto 2006", 0, 1e6, 8, _KEPT)]
    section_bars: Annotated[
        float, Figure("bars", "mean length of a section", "Foote 2000; Goto 2006", 0, 1e6, 2, _KEPT)
    ]
    distinct_sections: Annotated[
        float, Figure("share", "sections unlike all before them", "Foote 2000; Goto 2006", 0, 1, 0.25, _KEPT)
    ]
    bars: Annotated[float, Figure("bars", "length", "counted", 0, 1e6, 60, _BOTH)]
    seconds: Annotated[float, Figure("s", "length", "counted", 0, 1e9, 120, _BOTH)]


def measure_rhythm(layout: Layout, form: Form) -> Rhythm:
    """Measure the element rhythm, given the form."""
    per_quarter = layout.score.ticks_per_quarter
    onsets = np.unique(layout.onset_ticks)
    place, bars = _bar_places(layout)
    in_quarter = _quarter_places(layout)
    patterns = _bar_patterns(place, layout.bar, bars)
    syncopation = syncopation_strengths(layout)
    count, seconds = len(layout.onset_ticks), max(layout.seconds, 1e-3)
    first = int(onsets[0]) if count else 0
    quarters = max(1e-3, (layout.score.end_ticks - first) / per_quarter)
    quarters_per_bar = float(np.average(layout.bar_quarters, weights=layout.bar_quarters))
    swing, swung = swing_of(onsets / per_quarter)
    on_quarter = in_quarter == 0
    triplets = np.isin(in_quarter, (4, 8))
    return Rhythm(
        bar_places=histogram(np.bincount(place, minlength=BAR_PLACES)),
        quarter_places=histogram(np.bincount(in_quarter, minlength=SLOTS)),
        inter_onsets=_note_values(np.diff(onsets) / per_quarter),
        durations=_note_values((layout.end_ticks - layout.onset_ticks) / per_quarter),
        metres=_metres(layout),
        tempo_qpm=figure(np.clip(main_tempo(layout.score), 1, 10000)),
        tempo_change=figure(_tempo_change(layout)),
        notes_per_quarter=_density(count / quarters),
        notes_per_bar=_density(count / quarters * quarters_per_bar),
        notes_per_second=_density(count / seconds),
        onsets_per_second=_density(len(onsets) / seconds),
        syncopation=figure(syncopation.mean() if len(syncopation) else 0.0),
        off_quarter_share=figure(1 - on_quarter.mean() if count else 0.0),
        triplet_share=figure(triplets.mean() if count else 0.0),
        swing=figure(swing),
        swung_share=figure(swung),
        unevenness=figure(_unevenness(layout)),
        articulation=figure(_articulation(layout)),
        silence=figure(_silence(layout)),
        groove=figure(_groove(layout)),
        pattern_variety=figure(_variety(patterns)),
        returning_bars=figure(form.returning),
        sections=figure(len(form.sections) if count else 0),
        section_bars=figure(bars / len(form.sections) if count else 0),
        distinct_sections=figure(len({s.letter for s in form.sections}) / len(form.sections) if count else 0),
        bars=figure(bars if count else 0),
        seconds=figure(layout.seconds),
    )


def _density(value: float) -> float:
    return figure(min(_DENSEST, value))


def _bar_places(layout: Layout) -> tuple[Ints, int]:
    """Per note the place in its bar, 0…47, with the number of bars."""
    start = layout.grid.starts_ticks[layout.bar]
    length = layout.grid.lengths_ticks[layout.bar]
    place = np.rint((layout.onset_ticks - start) * BAR_PLACES / length).astype(np.int64)
    return np.clip(place, 0, None) % BAR_PLACES, len(layout.grid)


def _quarter_places(layout: Layout) -> Ints:
    """Per note the place in the quarter, counted from its bar line, 0…11."""
    since_bar = layout.onset_ticks - layout.grid.starts_ticks[layout.bar]
    return np.rint(since_bar * SLOTS / layout.score.ticks_per_quarter).astype(np.int64) % SLOTS


def _note_values(quarters: Floats) -> tuple[float, ...]:
    """Histogram over the nearest note values, by ratio."""
    return histogram(np.bincount(np.searchsorted(_VALUE_BOUNDS, quarters), minlength=len(NOTE_VALUES)))


def _metres(layout: Layout) -> dict[str, float]:
    if len(layout.onset_ticks) == 0:
        return {}
    pairs = np.stack([layout.grid.numerators, layout.grid.denominators], axis=1)
    metres, which = np.unique(pairs, axis=0, return_inverse=True)
    quarters = np.bincount(which.ravel(), weights=layout.bar_quarters)
    return shares({f"{n}/{d}": float(q) for (n, d), q in zip(metres.tolist(), quarters, strict=True)})


def _tempo_change(layout: Layout) -> float:
    """Coefficient of variation of the seconds that the quarters of the piece last."""
    quarters = np.arange(0, layout.score.end_ticks + 1, layout.score.ticks_per_quarter)[:100_000]
    lengths = np.diff(ticks_to_seconds(layout.score, quarters))
    if len(lengths) == 0:
        return 0.0
    change = float(lengths.std() / lengths.mean())
    return min(100.0, change) if change > 1e-9 else 0.0  # below it nothing but rounding


def swing_of(onset_quarters: Floats) -> tuple[float, float]:
    """Median ratio of the first to the second eighth, and the share of eighths that swing; 1 and 0 for too few pairs.

    Looked at are quarters in which notes begin with the quarter and where a second eighth may stand, from 0.42 (pushed)
    to 0.72 (three to one, but for a hair) of it, and nowhere else.
    """
    quarter = np.floor(onset_quarters + _ON_PLACE).astype(np.int64)
    phase = onset_quarters - quarter
    quarter -= quarter.min(initial=0)
    first, second = np.abs(phase) <= _ON_PLACE, (phase > 0.42) & (phase < 0.72)
    count = int(quarter.max(initial=0)) + 1
    begun, seconds, others = (
        np.bincount(quarter[which], minlength=count) for which in (first, second, ~first & ~second)
    )
    held = (begun > 0) & (seconds > 0) & (others == 0)
    pairs = (np.bincount(quarter[second], phase[second], count) / np.maximum(seconds, 1))[held]
    if len(pairs) < _FEWEST_PAIRS:
        return 1.0, 0.0
    middle = float(np.median(pairs))
    return middle / (1 - middle), float((pairs > _SWUNG).mean())


def _unevenness(layout: Layout) -> float:
    """Normalised pairwise variability of the inter-onset intervals of the melody."""
    gaps = np.diff(layout.melody.onset_ticks).astype(np.float64)
    if len(gaps) < 2:
        return 0.0
    return float((200 * np.abs(gaps[1:] - gaps[:-1]) / (gaps[1:] + gaps[:-1])).mean())


def _articulation(layout: Layout) -> float:
    """Mean share of the inter-onset interval that a melodic note sounds; gaps of over two quarters are rests."""
    melody = layout.melody
    gaps = np.diff(melody.onset_ticks)
    phrase = (gaps > 0) & (gaps <= 2 * layout.score.ticks_per_quarter)
    if not phrase.any():
        return 1.0
    sounding = (melody.end_ticks - melody.onset_ticks)[:-1]
    return float(np.minimum(1.0, sounding[phrase] / gaps[phrase]).mean())


def _silence(layout: Layout) -> float:
    """Share of the time from the first onset to the last end in which no note, of drums neither, sounds."""
    if len(layout.onset_ticks) == 0:
        return 0.0
    reach = np.maximum.accumulate(layout.end_ticks)
    gaps = np.maximum(0, layout.onset_ticks[1:] - reach[:-1]).sum()
    return float(gaps / (reach[-1] - layout.onset_ticks[0]))


def _bar_patterns(place: Ints, bar: Ints, bars: int) -> Bools:
    """Which places hold an onset, bool [bars, 48]."""
    patterns = np.zeros((bars, BAR_PLACES), bool)
    patterns[bar, place] = True
    return patterns


def _groove(layout: Layout) -> float:
    """Grooving pattern similarity: 1 − mean share of the sixteenths of the bar in which neighbouring bars, those that
    are not empty, differ in having an onset; 1 for a single bar.
    """
    start, length = layout.grid.starts_ticks[layout.bar], layout.grid.lengths_ticks[layout.bar]
    place = np.clip((layout.onset_ticks - start) * _GROOVE_PLACES // length, 0, _GROOVE_PLACES - 1)
    patterns = np.zeros((len(layout.grid), _GROOVE_PLACES), bool)
    patterns[layout.bar, place] = True
    filled = patterns[patterns.any(axis=1)]
    if len(filled) < 2:
        return 1.0
    return float(1 - (filled[1:] != filled[:-1]).mean())


def _variety(patterns: Bools) -> float:
    """Different patterns over bars that are not empty."""
    filled = patterns[patterns.any(axis=1)]
    if len(filled) == 0:
        return 0.0
    rows = np.packbits(filled, axis=1).view("V6").ravel()
    return len(np.unique(rows)) / len(filled)
