"""How a composed piece is played: both hands on one keyboard, accents and phrases where the style says nothing of
loudness, a slowing at the end.

After the rules of Friberg, Bresin & Sundberg, "Overview of the KTH rule system for musical performance" (2006), much
simplified: metrical accents, a phrase arch of four bars, melody above accompaniment, final ritard.
"""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from stilo.music.instruments import PROGRAM_NAMES, is_instrument_name
from stilo.music.score import Score, Tempo, Track
from stilo.music.timeline import bar_grid, main_tempo

KEYBOARDS = frozenset(range(8)) | frozenset(range(16, 21))
FLAT_DEVIATION = 4.0
PHRASE_BARS = 4
ACCENT, ARCH, MELODY = 6.0, 8.0, 7.0
RITARD = (0.96, 0.88, 0.78)
_HAND = re.compile(r"\b(hand|left|right|lh|rh|l\.h|r\.h|upper|lower|treble|bass|staff)\b", re.IGNORECASE)


def one_keyboard(score: Score) -> Score:
    """The score with the hands of each keyboard instrument, written as several tracks, on one; doubled notes once.

    Hands that are called differently ("Right Hand", "Left Hand") are together called by their instrument. Parts with a
    name of their own ("Melody", "Bridge") stay apart.
    """
    first: dict[tuple[int, str], int] = {}
    goes_to = []
    tracks: list[Track] = []
    for track in score.tracks:
        who = (track.program, "" if _is_hand(track.name) else track.name)
        if track.program in KEYBOARDS and not track.is_drum and who in first:
            hand = first[who]
            goes_to.append(hand)
            if track.name not in ("", tracks[hand].name):
                tracks[hand] = replace(tracks[hand], name=PROGRAM_NAMES[track.program])
            continue
        if not track.is_drum:
            first.setdefault(who, len(tracks))
        goes_to.append(len(tracks))
        tracks.append(track)
    if len(tracks) == len(score.tracks):
        return score
    notes = score.notes.copy()
    notes["track"] = np.array(goes_to)[notes["track"]]
    notes = notes[np.lexsort((-notes["duration_ticks"], notes["pitch"], notes["track"], notes["onset_ticks"]))]
    place = np.stack([notes[name].astype(np.int64) for name in ("onset_ticks", "track", "pitch")])
    return replace(score, notes=notes[np.append(True, (np.diff(place) != 0).any(0))], tracks=tuple(tracks))


def _is_hand(name: str) -> bool:
    """Whether a name of a track says no more than which instrument, or which hand, plays."""
    return not name or is_instrument_name(name) or bool(_HAND.search(name))


def performed(score: Score) -> Score:
    """The score with shaped loudness, if it was flat, and a ritard over its last bar, if it has three bars or more and
    is not for drums alone.
    """
    return _slowing(_shaped(score))


def _shaped(score: Score) -> Score:
    if len(score) == 0 or float(score.notes["velocity"].std()) > FLAT_DEVIATION:
        return score
    notes = score.notes.copy()
    grid = bar_grid(score)
    bar = grid.bar_of(notes["onset_ticks"])
    phase = (notes["onset_ticks"] - grid.starts_ticks[bar]) / score.ticks_per_quarter
    accent = np.where(phase == 0, ACCENT, np.where(phase % 1.0 == 0, 0.0, -ACCENT / 2))
    along = (bar + phase * score.ticks_per_quarter / grid.lengths_ticks[bar]) / PHRASE_BARS % 1.0
    arch = ARCH * (np.sin(np.pi * along) - 0.5)
    velocity = notes["velocity"] + accent + arch + MELODY * (_is_top(score) - 0.5)
    notes["velocity"] = np.clip(np.rint(velocity), 20, 120)
    return score.with_notes(notes)


def _is_top(score: Score) -> NDArray[np.float64]:
    """1 for the highest note of each onset."""
    onsets, index = np.unique(score.notes["onset_ticks"], return_inverse=True)
    highest = np.zeros(len(onsets), np.int64)
    np.maximum.at(highest, index, score.notes["pitch"])
    return np.asarray(score.notes["pitch"] == highest[index], np.float64)


def _slowing(score: Score) -> Score:
    grid = bar_grid(score)
    if len(grid) < 3 or len(score.tempos) > 1 or score.is_drum_note.all():
        return score
    tempo = main_tempo(score)
    start, length = int(grid.starts_ticks[-1]), int(grid.lengths_ticks[-1])
    quarter = score.ticks_per_quarter
    ritard = [
        Tempo(start + i * length // len(RITARD) // quarter * quarter, tempo * share) for i, share in enumerate(RITARD)
    ]
    return replace(score, tempos=(*score.tempos, *{event.onset_ticks: event for event in ritard}.values()))
