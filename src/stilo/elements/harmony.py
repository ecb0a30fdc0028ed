"""Harmony: the key, the chords and how they follow each other, how consonant, how tense, how many voices, what texture.

Chords are named by their degree in the key: "I", "ii7", "♭VI"; lower case is minor or diminished.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Annotated

import numpy as np

from stilo.elements.chords import NO_CHORD_STATE, QUALITIES, ChordPath, beat_chroma
from stilo.elements.figures import TRANSPOSITION, Figure, Histogram, Shares, figure, histogram, shares
from stilo.elements.key import KeyEstimate
from stilo.elements.layout import Bools, Floats, Ints, Layout
from stilo.elements.local_key import KeyRegion
from stilo.elements.tension import measure_tension
from stilo.elements.texture import Texture, measure_texture
from stilo.music.theory import SCALES

_KEPT = frozenset({TRANSPOSITION})
_FREE: frozenset[str] = frozenset()
_NUMERALS = ("I", "♭II", "II", "♭III", "III", "IV", "♯IV", "V", "♭VI", "VI", "♭VII", "VII")
_SUFFIXES = {
    "maj": "", "min": "", "7": "7", "min7": "7", "maj7": "maj7", "dim": "°", "hdim7": "ø7", "dim7": "°7", "aug": "+",
    "sus4": "sus4", "sus2": "sus2", "maj6": "6", "min6": "6", "minmaj7": "maj7", "aug(b7)": "+7",
}  # fmt: skip
_LOWER = {"min", "min7", "dim", "hdim7", "dim7", "min6", "minmaj7"}
_PALETTE_SIZE = 64
_TRANSITIONS_SIZE = 128
_FASTEST = 1000.0  # changes of chord to the bar, whose length has no bound, or the second
_MOST_MODULATIONS = 8.0  # in 16 bars: no region is shorter than two
# Huron (1994), table 2: consonance of a dyad by interval class 1…6, a mean of three listening experiments
_CONSONANCE = np.array([-1.428, -0.582, 0.594, 0.386, 1.240, -0.453])
INTERVAL_CLASSES = ("m2", "M2", "m3", "M3", "P4", "TT")
POLYPHONY_LABELS = ("1", "2", "3", "4", "5", "6", "7", "8+")


@dataclass(frozen=True)
class Harmony(Texture):
    """The element harmony. Without pitched notes the figures stand at their neutral values, the tables are empty."""

    keys: Annotated[dict[str, float], Shares("keys, as shares of the pieces", "Krumhansl 1990, ch. 4", _FREE)]
    chords: Annotated[
        dict[str, float], Shares("chords by degree of the key, as shares of the time", "Temperley 2001, ch. 6", _KEPT)
    ]
    transitions: Annotated[dict[str, float], Shares("which chord follows which", "de Clercq & Temperley 2011", _KEPT)]
    interval_classes: Annotated[
        tuple[float, ...],
        Histogram(INTERVAL_CLASSES, "intervals that sound together, octaves disregarded", "Huron 1994", _KEPT),
    ]
    polyphony: Annotated[
        tuple[float, ...], Histogram(POLYPHONY_LABELS, "how many pitches sound at once", "counted", _KEPT)
    ]
    major: Annotated[float, Figure("share", "pieces in major keys", "Krumhansl 1990, ch. 4", 0, 1, 0.5, _KEPT)]
    majorness: Annotated[
        float, Figure("correlation", "best major key above best minor key", "Krumhansl 1990", -1, 1, 0.2, _KEPT)
    ]
    key_clarity: Annotated[
        float, Figure("probability", "of the key above that of the next", "Temperley 2007", 0, 1, 0.28, _KEPT)
    ]
    modulations: Annotated[
        float,
        Figure(
            "changes/16 bars", "how often the key changes", "Temperley 2001, ch. 7", 0, _MOST_MODULATIONS, 0.5, _KEPT
        ),
    ]
    home_share: Annotated[float, Figure("share", "time in the key of the piece", "counted", 0, 1, 0.2, _KEPT)]
    chord_changes_per_bar: Annotated[
        float, Figure("chords/bar", "harmonic rhythm", "Temperley 2001, ch. 6", 0, _FASTEST, 0.8, _KEPT)
    ]
    chord_changes_per_second: Annotated[
        float, Figure("chords/s", "harmonic rhythm in heard time", "Temperley 2001, ch. 6", 0, _FASTEST, 0.4, _KEPT)
    ]
    seventh_share: Annotated[float, Figure("share", "chords with a seventh", "counted", 0, 1, 0.2, _KEPT)]
    diminished_share: Annotated[float, Figure("share", "diminished and augmented chords", "counted", 0, 1, 0.04, _KEPT)]
    inversion_share: Annotated[float, Figure("share", "chords not on their root", "counted", 0, 1, 0.2, _KEPT)]
    diatonic_share: Annotated[float, Figure("share", "chords on degrees of the scale", "counted", 0, 1, 0.08, _KEPT)]
    authentic_share: Annotated[
        float, Figure("share", "chord changes that fall a fifth", "de Clercq & Temperley 2011", 0, 1, 0.12, _KEPT)
    ]
    plagal_share: Annotated[
        float, Figure("share", "chord changes that rise a fifth", "de Clercq & Temperley 2011", 0, 1, 0.1, _KEPT)
    ]
    consonance: Annotated[
        float, Figure("index", "mean consonance of the sounding dyads", "Huron 1994", -1.428, 1.24, 0.25, _KEPT)
    ]
    tension: Annotated[
        float, Figure("spiral units", "distance from the key", "Herremans & Chew 2016", 0, 6, 0.15, _KEPT)
    ]
    tension_range: Annotated[
        float, Figure("spiral units", "spread of the tension", "Herremans & Chew 2016", 0, 6, 0.06, _KEPT)
    ]
    cloud_diameter: Annotated[
        float, Figure("spiral units", "widest pair of notes in a beat", "Herremans & Chew 2016", 0, 6, 0.5, _KEPT)
    ]
    cloud_momentum: Annotated[
        float,
        Figure("spiral units", "move of the centre from beat to beat", "Herremans & Chew 2016", 0, 6, 0.25, _KEPT),
    ]
    voices: Annotated[float, Figure("pitches", "how many pitches sound at once", "counted", 0, 128, 1.6, _KEPT)]


def degree_name(state: int, tonic: int) -> str:
    """Roman numeral of a chord state in a key on `tonic`; "N" for none."""
    if state == NO_CHORD_STATE:
        return "N"
    quality, root = divmod(state, 12)
    numeral = _NUMERALS[(root - tonic) % 12]
    name = QUALITIES[quality]
    return (numeral.lower() if name in _LOWER else numeral) + _SUFFIXES[name]


def measure_harmony(layout: Layout, estimate: KeyEstimate, path: ChordPath, regions: tuple[KeyRegion, ...]) -> Harmony:
    """Measure the element harmony, given the key, the chord of every beat and the keys that it goes through."""
    key = estimate.key
    slices = layout.slices
    length = slices.lengths_ticks.astype(np.float64)
    sounds = slices.count > 0
    heard = bool(sounds.any())
    chroma, _, beat_ticks = beat_chroma(layout)
    chord = _ChordCounts(layout, path, beat_ticks, key.tonic, SCALES[key.mode])
    tension = measure_tension(chroma, key)
    classes = _interval_class_time(slices.chroma[sounds] > 0, length[sounds])
    voices = np.bincount(np.clip(slices.count[sounds], 1, 8) - 1, weights=length[sounds], minlength=8)
    return Harmony(
        **vars(measure_texture(layout)),
        keys={str(key): 1.0} if heard else {},
        chords=shares(dict(chord.time.most_common(_PALETTE_SIZE))),
        transitions=shares(dict(sorted(chord.moves.items(), key=lambda m: (-m[1], m[0]))[:_TRANSITIONS_SIZE])),
        interval_classes=histogram(classes),
        polyphony=histogram(voices),
        major=figure(key.mode == "major"),
        majorness=figure(estimate.majorness),
        key_clarity=figure(estimate.clarity),
        modulations=figure(min(_MOST_MODULATIONS, 16 * max(0, len(regions) - 1) / max(1, len(layout.grid)))),
        home_share=figure(_home_share(regions, str(key))),
        chord_changes_per_bar=figure(min(_FASTEST, chord.changes / max(1, len(layout.grid)))),
        chord_changes_per_second=figure(min(_FASTEST, chord.changes / max(layout.seconds, 1e-3))),
        seventh_share=figure(chord.share(chord.seventh)),
        diminished_share=figure(chord.share(chord.altered)),
        inversion_share=figure(chord.share(chord.inverted)),
        diatonic_share=figure(chord.share(chord.diatonic) if chord.any else 1.0),
        authentic_share=figure(chord.root_move_share(5)),
        plagal_share=figure(chord.root_move_share(7)),
        consonance=figure(classes @ _CONSONANCE / classes.sum() if classes.sum() else 0.0),
        tension=figure(tension.strain.mean() if heard else 0.0),
        tension_range=figure(tension.strain.std() if heard else 0.0),
        cloud_diameter=figure(tension.diameter.mean() if heard else 0.0),
        cloud_momentum=figure(tension.momentum.mean() if len(tension.momentum) else 0.0),
        voices=figure(np.average(slices.count[sounds], weights=length[sounds]) if heard else 0.0),
    )


def _home_share(regions: tuple[KeyRegion, ...], key: str) -> float:
    """Share of the time in the key of the piece; 1 without pitched notes."""
    total = sum(region.duration_quarters for region in regions)
    home = sum(region.duration_quarters for region in regions if region.key == key)
    return min(1.0, home / total) if total > 0 else 1.0


class _ChordCounts:
    """Time and moves of a chord path; `no chord` counts for neither."""

    def __init__(self, layout: Layout, path: ChordPath, beat_ticks: Floats, tonic: int, scale: tuple[int, ...]) -> None:
        states = path.states
        real = states != NO_CHORD_STATE
        starts = np.flatnonzero(np.concatenate([[True], np.diff(states) != 0]))
        ticks = np.add.reduceat(beat_ticks, starts)
        states, bass, real = states[starts], path.bass[starts], real[starts]
        kept = states[real]
        self.any = len(kept) > 0
        self._ticks = ticks[real]
        root, quality = kept % 12, kept // 12
        names = np.array(QUALITIES)[quality] if self.any else np.array([], str)
        self.seventh = np.char.endswith(np.char.strip(names, ")"), "7")
        self.altered = np.isin(names, ("dim", "dim7", "hdim7", "aug", "aug(b7)"))
        self.inverted = (bass[real] >= 0) & (bass[real] != root)
        self.diatonic = np.isin((root - tonic) % 12, scale)
        labels = [degree_name(state, tonic) for state in states.tolist()]
        self.time: Counter[str] = Counter()
        for label, held in zip(labels, ticks.tolist(), strict=True):
            if label != "N":
                self.time[label] += held
        joined = real[1:] & real[:-1]
        self.moves = Counter(f"{labels[i]}→{labels[i + 1]}" for i in np.flatnonzero(joined).tolist())
        self._root_moves: Ints = np.diff(states % 12)[joined] % 12
        self.changes = len(kept)

    def share(self, chosen: Bools) -> float:
        """Share of the chord time."""
        return float(self._ticks[chosen].sum() / self._ticks.sum()) if self.any else 0.0

    def root_move_share(self, semitones: int) -> float:
        """Share of the changes whose root moves up by `semitones`."""
        return float((self._root_moves == semitones).mean()) if len(self._root_moves) else 0.0


def _interval_class_time(present: Bools, length: Floats) -> Floats:
    """Time for which each interval class sounds, [6]; `present` bool [slices, 12]."""
    weighted = present * length[:, None]
    return np.array(
        [(weighted * np.roll(present, -step, axis=1)).sum() * (0.5 if step == 6 else 1.0) for step in range(1, 7)]
    )
