"""Exercises for the chord net: progressions in plain textures, made by chance, every chord of which is known.

Whoever marks the chords of songs leaves many a sounding seventh or fourth out. Here all that sounds is told, so that
the net learns the rarer qualities and inversions, other metres, and what a plainly played chord is called.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from stilo.elements.chords import NO_CHORD_STATE, QUALITIES, block_chord, chord_state, quality_tones
from stilo.models.chord_data import Song, song_of
from stilo.models.chord_readings import NO_BASS, ChordTimes
from stilo.music.chords import Chord
from stilo.music.score import Score, TimeSignature, Track, notes_from_columns

BARS = 48
_QUARTER = 480
_METRES = ((4, 4), (4, 4), (3, 4), (2, 4), (6, 8), (2, 2))
_SCALES = ((0, 2, 4, 5, 7, 9, 11), (0, 2, 3, 5, 7, 8, 10))
_MOVES = {5: 0.36, 7: 0.2, 2: 0.12, 10: 0.08, 9: 0.08, 8: 0.06, 4: 0.05, 3: 0.05}  # of roots, in semitones upwards
_CHROMATIC, _ANY_QUALITY, _SEVENTH, _INVERTED, _SILENT = 0.1, 0.2, 0.4, 0.25, 0.02

Row = tuple[int, int, int]  # onset and duration in ticks, pitch
Texture = Callable[[int, int, int, list[int]], list[Row]]


def exercises(count: int, rng: np.random.Generator) -> list[Song]:
    """So many exercises of `BARS` bars each."""
    return [song_of(f"exercise {i}", *exercise(rng)) for i in range(count)]


def exercise(rng: np.random.Generator) -> tuple[Score, ChordTimes]:
    """One exercise and its chords; its tonic is C, since training turns it to any key."""
    metre = _METRES[int(rng.integers(len(_METRES)))]
    bar = 4 * _QUARTER * metre[0] // metre[1]
    beats = metre[0] // 3 if metre[1] == 8 else max(metre[0], 2 * metre[0] // metre[1] * 2)
    beat = bar // beats
    scale = _SCALES[int(rng.integers(2))]
    texture = _textures(beat)[int(rng.integers(len(_textures(beat))))]
    centre, has_tune = int(rng.integers(56, 70)), rng.random() < 0.6
    rows: list[Row] = []
    bounds, states, bass = [0], [], []
    chord = Chord(0, "maj", 0)
    for first in range(0, BARS * bar, bar):
        cuts = (1, 2 if beats % 2 == 0 else 1, beats)[int(rng.choice(3, p=(0.5, 0.3, 0.2)))]
        for part in range(cuts):
            onset, long = first + part * bar // cuts, bar // cuts
            bounds.append(onset + long)
            if rng.random() < _SILENT:
                states.append(NO_CHORD_STATE)
                bass.append(NO_BASS)
                continue
            chord = _following(chord, scale, rng)
            states.append(chord_state(chord))
            bass.append(chord.root if chord.bass is None else chord.bass)
            low, upper = voiced(chord, centre, rng)
            rows += texture(onset, long, low, upper)
            rows += _tune(range(onset, onset + long, beat // 2), chord, scale, rng) if has_tune else []
    rows = rows or [(0, bar, 60)]
    onsets, durations, pitches = np.array(rows).T
    notes = notes_from_columns(onsets, durations, pitches)
    score = Score(notes, (Track("", 0),), _QUARTER, time_signatures=(TimeSignature(0, *metre),))
    return score, ChordTimes(np.array(bounds), np.array(states), np.array(bass))


def _following(chord: Chord, scale: tuple[int, ...], rng: np.random.Generator) -> Chord:
    """The next chord: mostly a triad or a seventh of the scale, its root a fifth lower more often than not."""
    roots = [(chord.root + move) % 12 for move in _MOVES]
    likely = np.array(list(_MOVES.values())) * [1.0 if root in scale else _CHROMATIC for root in roots]
    root = roots[int(rng.choice(len(roots), p=likely / likely.sum()))]
    quality = QUALITIES[int(rng.integers(len(QUALITIES)))]
    if root in scale and rng.random() > _ANY_QUALITY:
        place = scale.index(root)
        steps = (0, 2, 4, 6) if rng.random() < _SEVENTH else (0, 2, 4)
        tones = {scale[(place + step) % 7] for step in steps}
        if scale[2] == 3 and root == 7 and rng.random() < 0.8:
            tones = tones - {10} | {11}
        named = block_chord(tones, root)
        quality = quality if named is None else named.quality
    bass = root
    if rng.random() < _INVERTED:
        tones_above = quality_tones(quality)
        bass = (root + tones_above[int(rng.integers(len(tones_above)))]) % 12
    named = block_chord({(root + tone) % 12 for tone in quality_tones(quality)}, bass)
    return Chord(root, quality, bass) if named is None else named


def voiced(chord: Chord, centre: int, rng: np.random.Generator) -> tuple[int, list[int]]:
    """A low note, and all tones close together around `centre`; now and then a perfect fifth is left out."""
    bass = chord.root if chord.bass is None else chord.bass
    low = 36 + bass
    tones = sorted(chord.pitch_classes)
    if len(tones) == 4 and rng.random() < 0.15:
        tones = [tone for tone in tones if (tone - chord.root) % 12 != 7]
    upper = sorted(centre - 6 + (tone - (centre - 6)) % 12 for tone in tones)
    if low + 12 < upper[0] and rng.random() < 0.3:
        low += 12
    return low, upper


def texture_for(beat: int, kind: float) -> Texture:
    """One of the ways to play a chord: `kind` in [0, 1) says which, whatever the beat in ticks."""
    ways = _textures(beat)
    return ways[int(kind * len(ways))]


def _textures(beat: int) -> list[Texture]:
    """Ways to play a chord: onset, length, low note and upper notes → notes."""

    def block(onset: int, long: int, low: int, upper: list[int]) -> list[Row]:
        return [(onset, long, pitch) for pitch in (low, *upper)]

    def pulse(onset: int, long: int, low: int, upper: list[int]) -> list[Row]:
        return [(onset, long, low)] + [(at, beat, p) for at in range(onset, onset + long, beat) for p in upper]

    def after_beat(onset: int, long: int, low: int, upper: list[int]) -> list[Row]:
        if long < 2 * beat:
            return block(onset, long, low, upper)
        beats = range(onset + beat, onset + long, beat)
        return [(onset, beat, low)] + [(at, beat, pitch) for at in beats for pitch in upper]

    def broken(step: int, holds: bool, order: Callable[[list[int]], list[int]]) -> Texture:
        def play(onset: int, long: int, low: int, upper: list[int]) -> list[Row]:
            notes = order([low, *upper])
            if long // step < len(notes):
                return block(onset, long, low, upper)
            starts = range(onset, onset + long, step)
            ends = onset + long
            return [(at, ends - at if holds else step, notes[i % len(notes)]) for i, at in enumerate(starts)]

        return play

    def up_and_down(notes: list[int]) -> list[int]:
        return notes + notes[-2:0:-1]

    def alberti(notes: list[int]) -> list[int]:
        return [part for middle in notes[1:-1] for part in (notes[0], notes[-1], middle, notes[-1])]

    return [
        block,
        block,
        pulse,
        after_beat,
        broken(beat // 2, False, list),
        broken(beat // 2, True, up_and_down),
        broken(beat // 4, False, up_and_down),
        broken(beat // 4, False, alberti),
    ]


def _tune(places: range, chord: Chord, scale: tuple[int, ...], rng: np.random.Generator) -> list[Row]:
    """A line above: a tone of the chord where it begins, then as often steps of the scale as tones of the chord."""
    rows = []
    pitch = 78
    for at in places:
        if at > places.start and rng.random() < 0.4:
            continue
        pool = chord.pitch_classes if at == places.start or rng.random() < 0.5 else frozenset(scale)
        near = [p for p in range(pitch - 5, pitch + 6) if p % 12 in pool and 70 <= p <= 90]
        pitch = near[int(rng.integers(len(near)))] if near else 78
        rows.append((at, places.step if rng.random() < 0.7 else 2 * places.step, pitch))
    return rows
