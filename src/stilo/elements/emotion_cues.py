"""Cues of emotion: what in the notes makes listeners call music pleasant or not, excited or calm.

Everything is measured in seconds, not in beats, so that a cue is the same whether or not a file knows where its beats
are (many played files say 120 quarters a minute throughout). Most cues are means over events: over notes, onsets, steps
of the melody, slices of unchanging sound, or frames of half a second (`emotion_frames`). A `Hearing` keeps running sums
of them, so that a piece and each of its sections are measured in one pass.

The direction of a cue is what reviews and experiments agree on (Gabrielsson & Lindström 2010, table 14.2; Livingstone
et al. 2010; Eerola, Friberg & Bresin 2013); 0 where they do not.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from stilo.elements.emotion_frames import FRAME_CUES, hear_frames
from stilo.elements.layout import Floats, Ints, Layout
from stilo.elements.windowed import Windowed
from stilo.music.timeline import ticks_to_seconds


@dataclass(frozen=True, slots=True)
class Cue:
    """A measured cue, and the direction (−1, 0, 1) in which it is known to move valence and arousal.

    A cue that is not `learned` weighs what its known direction gives it: the judged pieces cannot teach it.
    """

    name: str
    meaning: str
    valence: int = 0
    arousal: int = 0
    learned: bool = True


CUES = (
    Cue("onset_rate", "onsets a second, logarithm", 0, 1),
    Cue("note_rate", "notes a second, logarithm", 0, 1),
    Cue("melody_rate", "melodic notes a second, logarithm", 0, 1),
    Cue("bass_rate", "notes below D3 a second, logarithm", 0, 1),
    Cue("gap", "seconds from onset to onset, logarithm, weighted by themselves", 0, -1),
    Cue("gap_spread", "standard deviation of the logarithm of the gaps"),
    Cue("even_gaps", "share of gaps as long as the one before"),
    Cue("length", "seconds that a note lasts, logarithm", 0, -1),
    Cue("length_spread", "standard deviation of the logarithm of the lengths"),
    Cue("staccato", "share of notes that end well before the next onset", 0, 1),
    Cue("silence", "share of the time without pitched sound"),
    Cue("loudness", "mean velocity", 0, 1, learned=False),
    Cue("height", "mean pitch"),
    Cue("melody_height", "mean pitch of the melody", 1, 0),
    Cue("bass_height", "mean pitch of the lowest voice"),
    Cue("low_share", "share of notes below C3", -1, 0),
    Cue("interval", "mean size of the melodic steps"),
    Cue("repeats", "share of melodic steps that stay"),
    Cue("semitones", "share of melodic steps of a semitone"),
    Cue("rising", "melodic steps up less those down"),
    Cue("voices", "pitches that sound at once"),
    Cue("chord_fit", "how well a second of music fits a plain chord"),
    Cue("major_chords", "share of major chords, with sevenths or not", 1, 0),
    Cue("chord_change", "share of half seconds in which the root changes", 0, 1),
    Cue("falling_fifths", "share of root changes that fall a fifth"),
    Cue("rising_fifths", "share of root changes that rise a fifth"),
    Cue("root_semitones", "share of root changes by a semitone"),
    Cue("root_tritones", "share of root changes by a tritone"),
    Cue("clarity_short", "fit to the best key, over a second and a half", 1, 0),
    Cue("clarity_long", "fit to the best key, over seven and a half seconds", 1, 0),
    Cue("majorness_short", "best major key above best minor key, over a second and a half", 1, 0),
    Cue("majorness_long", "major keys above minor keys, over seven and a half seconds", 1, 0),
    Cue("chromaticism", "sound outside the scale of the best key of seven and a half seconds", -1, 1),
    Cue("returning", "likeness to what sounded two seconds before"),
    Cue("held_bass", "likeness of the bass to that of half a second before"),
)
CUE_NAMES = tuple(cue.name for cue in CUES)
_LOWEST_RATE = 0.05  # a second
_SHORTEST_HEARING_SECONDS = 0.25
_LONGEST_STEP_SECONDS = 2.0  # further apart, two notes make no melodic step
_C3, _D3 = 48, 50
_STACCATO = 0.6  # of the time to the next onset
_ALIKE = 0.15  # difference of the logarithms of two gaps that count as one length


def _spread(mean: Floats, mean_of_squares: Floats) -> Floats:
    return np.sqrt(np.maximum(0.0, mean_of_squares - mean**2))


class Hearing:
    """A piece as events with their cues; `cues` gives those of any windows of it."""

    def __init__(self, layout: Layout) -> None:
        self._score = layout.score
        self._onset_ticks = layout.onset_ticks
        if len(self._onset_ticks) == 0:
            return
        seconds = ticks_to_seconds(self._score, np.concatenate([layout.onset_ticks, layout.end_ticks]))
        self._onset_seconds, ends = np.split(seconds, 2)
        self._reach_seconds = np.maximum.accumulate(ends)
        self._hear_notes(layout, ends)
        self._hear_melody(layout)
        self._hear_slices(layout)

    def _hear_notes(self, layout: Layout, ends: Floats) -> None:
        onset = self._onset_seconds
        first = np.flatnonzero(np.concatenate([[True], np.diff(self._onset_ticks) > 0]))
        nexts = np.append(onset[first[1:]], onset[-1] + 1)
        to_next = np.repeat(nexts, np.diff(np.append(first, len(onset)))) - onset
        length = np.clip(ends - onset, 0.02, 8.0)
        short = length < _STACCATO * to_next
        self._notes = Windowed.of(self._onset_ticks, layout.velocity)
        self._hear_onsets(self._onset_ticks[first], onset[first])
        pitched = layout.pitched
        at, pitch, logs = self._onset_ticks[pitched], layout.pitch[pitched], np.log(length[pitched])
        self._pitches = Windowed.of(at, pitch, pitch < _C3, logs, logs**2, short[pitched])
        self._bass = Windowed.of(at[pitch < _D3])

    def _hear_onsets(self, at: Ints, onset: Floats) -> None:
        gaps = np.minimum(np.maximum(np.diff(onset), 0.03), 4.0)
        logs = np.log(gaps)
        self._onsets = Windowed.of(at)
        self._gaps = Windowed.of(at[:-1], logs, logs**2, gaps, gaps * logs)
        self._even = Windowed.of(at[:-2], np.abs(np.diff(logs)) < _ALIKE)

    def _hear_melody(self, layout: Layout) -> None:
        melody = layout.melody
        at = melody.onset_ticks
        self._melody = Windowed.of(at, melody.pitch)
        near = np.diff(ticks_to_seconds(self._score, at)) < _LONGEST_STEP_SECONDS
        step = np.diff(melody.pitch)[near]
        size = np.abs(step)
        self._steps = Windowed.of(at[:-1][near], size, size == 0, size == 1, np.sign(step))

    def _hear_slices(self, layout: Layout) -> None:
        slices = layout.slices
        end = slices.starts_ticks[-1] + slices.lengths_ticks[-1]
        starts = ticks_to_seconds(self._score, np.append(slices.starts_ticks, end))
        starts, seconds = starts[:-1], np.diff(starts)
        sounds = slices.count > 0
        self._silence = Windowed.of(slices.starts_ticks, ~sounds, weight=seconds)
        at, held = slices.starts_ticks[sounds], seconds[sounds]
        self._sound = Windowed.of(at, slices.count[sounds], slices.bass[sounds], weight=held)
        self._frames: Windowed | None = None
        if sounds.any():
            self._frames = hear_frames(slices.chroma, slices.bass, starts, seconds)

    def cues(self, starts_ticks: ArrayLike, ends_ticks: ArrayLike) -> Floats:
        """Cues of windows, from each start to before its end, [windows, cues]; NaN for what cannot be heard there."""
        starts, ends = np.asarray(starts_ticks, np.int64), np.asarray(ends_ticks, np.int64)
        if len(self._onset_ticks) == 0:
            return np.full((len(starts), len(CUES)), np.nan)
        return np.column_stack(
            [*self._time_cues(starts, ends), *self._pitch_cues(starts, ends), self._frame_cues(starts, ends)]
        )

    def _heard_seconds(self, starts: Ints, ends: Ints) -> Floats:
        """From the first onset in each window to the last end in it."""
        first = np.minimum(self._onset_ticks.searchsorted(starts), len(self._onset_ticks) - 1)
        last = np.maximum(self._onset_ticks.searchsorted(ends) - 1, 0)
        until = np.minimum(self._reach_seconds[last], ticks_to_seconds(self._score, ends))
        return np.maximum(until - self._onset_seconds[first], _SHORTEST_HEARING_SECONDS)

    def _time_cues(self, starts: Ints, ends: Ints) -> list[Floats]:
        """From onset_rate to loudness, each [windows]."""
        heard = self._heard_seconds(starts, ends)
        notes, pitches = self._notes.weight(starts, ends), self._pitches.weight(starts, ends)
        bass = self._bass.weight(starts, ends)
        drums_alone = (notes > 0) & (pitches == 0)

        def rate(count: Floats) -> Floats:
            return np.asarray(np.log(np.maximum(count / heard, _LOWEST_RATE)))

        gap = self._gaps.means(starts, ends).T
        length = self._pitches.means(starts, ends).T[2:]
        return [
            rate(self._onsets.weight(starts, ends)),
            rate(notes),
            np.where(drums_alone, np.nan, rate(self._melody.weight(starts, ends))),
            np.where(bass > 0, rate(bass), np.nan),
            gap[3] / gap[2],
            _spread(gap[0], gap[1]),
            self._even.means(starts, ends)[:, 0],
            length[0],
            _spread(length[0], length[1]),
            length[2],
            np.where(pitches > 0, self._silence.means(starts, ends)[:, 0], np.nan),
            self._notes.means(starts, ends)[:, 0],
        ]

    def _pitch_cues(self, starts: Ints, ends: Ints) -> list[Floats]:
        """From height to voices, each [windows] or [windows, k]."""
        pitch, sound = self._pitches.means(starts, ends), self._sound.means(starts, ends)
        melody = self._melody.means(starts, ends)
        return [pitch[:, 0], melody[:, 0], sound[:, 1], pitch[:, 1], self._steps.means(starts, ends), sound[:, 0]]

    def _frame_cues(self, starts: Ints, ends: Ints) -> Floats:
        """From chord_fit to held_bass, [windows, FRAME_CUES]."""
        if self._frames is None:
            return np.full((len(starts), FRAME_CUES), np.nan)
        seconds = ticks_to_seconds(self._score, np.concatenate([starts, ends]))
        return self._frames.means(*np.split(seconds, 2))
