"""Which chord holds in each beat: templates of chord tones, joined by the likeliest path through the beats.

A chord makes its tones likely and others unlikely; the chroma of a beat, weighted by duration, is scored as if drawn
from that distribution, and the lowest note by how often chords stand on their root, third, fifth or seventh. The path
is found by dynamic programming (Viterbi 1967) as in Sheh & Ellis (2003), with a price for every change, lower on bar
lines, and a prior that favours the chords of the key (Temperley 2001, ch. 6).

This needs no training; `models.chord_reader.read_chords` is a learned reading with the same vocabulary. A *state* is
quality × 12 + root, the qualities in the order of `QUALITIES`; the last state means no chord.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from stilo.elements.layout import Floats, Ints, Layout
from stilo.music.chords import NO_CHORD, Chord, format_chord, parse_chord
from stilo.music.theory import SCALES, Key, line_name, line_places

# tones above the root, and the prior of the quality
_QUALITIES: dict[str, tuple[tuple[int, ...], float]] = {
    "maj": ((0, 4, 7), 0.40),
    "min": ((0, 3, 7), 0.28),
    "7": ((0, 4, 7, 10), 0.12),
    "min7": ((0, 3, 7, 10), 0.07),
    "maj7": ((0, 4, 7, 11), 0.05),
    "dim": ((0, 3, 6), 0.02),
    "hdim7": ((0, 3, 6, 10), 0.02),
    "dim7": ((0, 3, 6, 9), 0.02),
    "aug": ((0, 4, 8), 0.004),
    "sus4": ((0, 5, 7), 0.016),
    "sus2": ((0, 2, 7), 0.008),
    "maj6": ((0, 4, 7, 9), 0.002),
    "min6": ((0, 3, 7, 9), 0.002),
    "minmaj7": ((0, 3, 7, 11), 0.001),
    "aug(b7)": ((0, 4, 8, 10), 0.001),
}
QUALITIES = tuple(_QUALITIES)
STATES = len(QUALITIES) * 12 + 1
NO_CHORD_STATE = STATES - 1
# which quality a set of tones is read as when the bass is the root of none: C E G A over E is A:min7/5, not C:maj6/3
_READ_FIRST = ("7", "maj7", "min7", "hdim7", "dim7", "minmaj7", "aug(b7)", "maj", "min", "dim", "aug", "sus4")
_OUTSIDE = 0.25  # share of the sound that chord tones leave to the others
_EVIDENCE = 10.0  # how many independent notes a full beat counts for
_BASS = {0: 0.62, 3: 0.12, 4: 0.12, 7: 0.10, 10: 0.04, 11: 0.03, 6: 0.06, 8: 0.05, 9: 0.05, 5: 0.03, 2: 0.03}
_BASS_OUTSIDE = 0.02
_CHANGE_ON_BAR = 2.2
_CHANGE_IN_BAR = 4.4
_OUT_OF_KEY = 0.9
_LEADING = ("dim", "dim7", "hdim7")  # chords on leading notes, whose roots are raised ones
_MINOR_TONIC = 3  # fifths above that of the relative major
_FLATTEST, _SHARPEST = -7, 11  # C flat, E sharp


def _tables() -> tuple[Floats, Floats, Floats]:
    """Log-likelihood of each pitch class and of each bass, both [12, states], and the log-prior of the states."""
    sound = np.zeros((12, STATES))
    bass = np.full((12, STATES), 1 / 12)
    prior = np.zeros(STATES)
    for q, (tones, share) in enumerate(_QUALITIES.values()):
        weights = np.full(12, _OUTSIDE / (12 - len(tones)))
        strength = np.array([1.15 if tone == 0 else 0.8 if tone >= 9 else 1.0 for tone in tones])
        weights[list(tones)] = (1 - _OUTSIDE) * strength / strength.sum()
        low = np.full(12, _BASS_OUTSIDE)
        low[list(tones)] = [_BASS[tone] for tone in tones]
        low /= low.sum()
        for root in range(12):
            sound[:, q * 12 + root] = np.roll(weights, root)
            bass[:, q * 12 + root] = np.roll(low, root)
            prior[q * 12 + root] = share / 12
    sound[:, -1] = 1 / 12
    prior[-1] = 0.01
    return np.log(sound), np.log(bass), np.log(prior)


_SOUND, _LOW, _PRIOR = _tables()


@dataclass(frozen=True)
class ChordSpan:
    """A chord and where it holds, in quarters from the beginning; `label` in Harte syntax, "N" for none."""

    onset_quarters: float
    duration_quarters: float
    label: str


@dataclass(frozen=True, eq=False)
class ChordPath:
    """The chord state of every beat, int64 [beats], and the pitch class of its bass, −1 for none."""

    states: Ints
    bass: Ints


def quality_tones(name: str) -> tuple[int, ...]:
    """The tones of one of `QUALITIES`, in semitones above the root."""
    return _QUALITIES[name][0]


def state_chord(state: int, bass: int | None = None) -> Chord | None:
    """The chord of a state; None for the state that means no chord."""
    if state == NO_CHORD_STATE:
        return None
    quality, root = divmod(state, 12)
    return Chord(root, QUALITIES[quality], bass)


def chord_state(chord: Chord | None) -> int:
    """The state of a chord: that of the richest quality all of whose tones it has; of none, no chord."""
    if chord is None:
        return NO_CHORD_STATE
    tones = {(tone - chord.root) % 12 for tone in Chord(chord.root, chord.quality).pitch_classes}
    held = [(len(kept), -q) for q, (kept, _) in enumerate(_QUALITIES.values()) if tones.issuperset(kept)]
    return -max(held)[1] * 12 + chord.root if held else NO_CHORD_STATE


def block_chord(pitch_classes: Collection[int], bass: int) -> Chord | None:
    """The chord whose tones are exactly these, on its root where it can be; None when no quality has such tones."""
    tones = frozenset(pitch_classes)
    for root, names in [(bass, QUALITIES), *((root, _READ_FIRST) for root in sorted(tones))]:
        above = sorted((tone - root) % 12 for tone in tones)
        for name in names:
            if above == list(_QUALITIES[name][0]):
                return Chord(root, name, bass)
    return None


def beat_chroma(layout: Layout) -> tuple[Floats, Floats, Floats]:
    """Pitch class ticks [beats, 12], bass pitch class ticks [beats, 12], and beat lengths in ticks [beats]."""
    slices, beats = layout.slices, len(layout.beat_bar)
    length = slices.lengths_ticks.astype(np.float64)
    first = np.searchsorted(layout.slice_beat, np.arange(beats))
    chroma = np.add.reduceat(slices.chroma * length[:, None], first, axis=0)
    held = slices.bass >= 0
    cell = layout.slice_beat[held] * 12 + slices.bass[held] % 12
    bass = np.bincount(cell, weights=length[held], minlength=beats * 12).reshape(beats, 12)
    return chroma, bass.astype(np.float64), np.diff(layout.beats_ticks).astype(np.float64)


@lru_cache(maxsize=24)
def _key_prior(key: Key) -> Floats:
    """Log-prior of the states in a key: a price for every tone outside its scale, [states]."""
    outside = np.ones(12)
    outside[[(step + key.tonic) % 12 for step in SCALES[key.mode]]] = 0.0
    prices = [
        sum(outside[(root + tone) % 12] for tone in tones) for tones, _ in _QUALITIES.values() for root in range(12)
    ]
    prior = _PRIOR - _OUT_OF_KEY * np.array([*prices, 0.0])
    prior.setflags(write=False)
    return prior


def estimate_chords(layout: Layout, key: Key) -> ChordPath:
    """The likeliest chord of every beat."""
    chroma, bass, lengths = beat_chroma(layout)
    chroma = np.sqrt(chroma)  # a doubled root must not hide the seventh
    sounding = chroma.sum(axis=1, keepdims=True)
    low = bass.sum(axis=1, keepdims=True)
    filled = np.minimum(1.0, low / lengths[:, None])
    scores = _EVIDENCE * filled * (chroma / np.maximum(sounding, 1e-9)) @ _SOUND
    scores += 1.5 * filled * (bass / np.maximum(low, 1e-9)) @ _LOW
    scores[:, NO_CHORD_STATE] += np.where(sounding[:, 0] > 0, 0.0, 3.0)
    prior = _key_prior(key)
    scores += 0.25 * prior
    on_bar = np.concatenate([[True], np.diff(layout.beat_bar) > 0])
    states = _best_path(scores, prior, np.where(on_bar, _CHANGE_ON_BAR, _CHANGE_IN_BAR))
    return ChordPath(states, _span_bass(states, bass))


def _best_path(scores: Floats, prior: Floats, change_prices: Floats) -> Ints:
    """Viterbi: `scores` [beats, states]; a change into a state costs its beat's price and wins its `prior`."""
    beats, states = scores.shape
    came_from = np.empty(beats, np.int64)
    stayed = np.empty((beats, states), bool)
    enter = prior - prior.max()
    best = scores[0] + enter
    for t in range(1, beats):
        source = int(best.argmax())
        entered = enter + (best[source] - change_prices[t])
        stayed[t] = best >= entered
        came_from[t] = source
        best = np.maximum(best, entered)
        best += scores[t]
    path = np.empty(beats, np.int64)
    path[-1] = best.argmax()
    for t in range(beats - 1, 0, -1):
        path[t - 1] = path[t] if stayed[t, path[t]] else came_from[t]
    return path


def _span_bass(states: Ints, bass: Floats) -> Ints:
    """Per beat the pitch class that is lowest for most of the span of equal states; −1 in silence."""
    starts = np.flatnonzero(np.concatenate([[True], np.diff(states) != 0]))
    totals = np.add.reduceat(bass, starts, axis=0)
    lowest = np.where(totals.sum(axis=1) > 0, totals.argmax(axis=1), -1)
    return np.repeat(lowest, np.diff(np.append(starts, len(states)))).astype(np.int64)


def chord_spans(layout: Layout, path: ChordPath, key: Key) -> tuple[ChordSpan, ...]:
    """The path as spans of equal chords, roots spelled as the key asks, with the bass where it is a chord tone."""
    starts = np.flatnonzero(np.concatenate([[True], np.diff(path.states) != 0]))
    bounds = np.append(layout.beats_ticks[starts], max(layout.beats_ticks[-1], 0)) / layout.score.ticks_per_quarter
    spans = []
    for i, (state, bass) in enumerate(zip(path.states[starts].tolist(), path.bass[starts].tolist(), strict=True)):
        onset = float(bounds[i])
        spans.append(ChordSpan(round(onset, 6), round(float(bounds[i + 1]) - onset, 6), chord_label(state, bass, key)))
    return tuple(spans)


def chord_path(layout: Layout, spans: Sequence[ChordSpan]) -> ChordPath:
    """Spans, in order of onset, as the chord of every beat: the one that holds longest in it; no chord where none does.

    Raises:
        InputError: a label cannot be understood.
    """
    chords = [parse_chord(span.label) for span in spans]
    states = np.array([*(chord_state(chord) for chord in chords), NO_CHORD_STATE])
    bass = np.array([*(-1 if c is None else c.root if c.bass is None else c.bass for c in chords), -1])
    beats = layout.beats_ticks
    scale = layout.score.ticks_per_quarter
    onsets = np.rint(np.array([span.onset_quarters for span in spans]) * scale).astype(np.int64)
    ends = np.rint(np.array([span.onset_quarters + span.duration_quarters for span in spans]) * scale).astype(np.int64)
    cuts = np.unique(np.concatenate([beats, onsets, ends]))
    cuts = cuts[(cuts >= beats[0]) & (cuts <= beats[-1])]
    beat = np.searchsorted(beats, cuts[:-1], side="right") - 1
    span = np.searchsorted(onsets, cuts[:-1], side="right") - 1
    held = (span >= 0) & (cuts[:-1] < np.append(ends, 0)[span])
    span = np.where(held, span, len(spans))
    longest = np.lexsort((np.diff(cuts), beat))
    last = longest[np.append(np.diff(beat[longest]) > 0, True)]  # beats all hold a piece, so this is one each
    return ChordPath(states[span[last]], bass[span[last]])


@lru_cache(maxsize=8192)
def chord_label(state: int, bass: int, key: Key) -> str:
    """Harte label of a state; a bass that is no tone of the chord is left out."""
    chord = state_chord(state)
    if chord is None:
        return NO_CHORD
    if bass >= 0 and bass in chord.pitch_classes:
        chord = Chord(chord.root, chord.quality, bass)
    if chord.quality in _LEADING:
        place = int(line_places(chord.root, key.fifths, key.mode == "minor"))
    else:
        place = _borrowed_place(chord.root, key)
    return format_chord(chord, line_name(place))


def _borrowed_place(root: int, key: Key) -> int:
    """Place on the line of fifths of a root that leads nowhere: roots foreign to the key are lowered degrees."""
    tonic = key.fifths + (_MINOR_TONIC if key.mode == "minor" else 0)
    place = tonic + (7 * (root - key.tonic) + 5) % 12 - 5
    return place + 12 * (place < _FLATTEST) - 12 * (place > _SHARPEST)
