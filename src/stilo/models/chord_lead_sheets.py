"""Lead sheets for the chord net: a tune with its chords as marks, read alone and with an accompaniment made of them.

OpenEWLD (Simonetta et al. 2018) keeps a song as a melody and chord marks. The progressions are those of real songs,
but a melody leaves most of its chords untold; so every song is seen twice: as it is written, and with its chords played
in one of the textures of the exercises, where all that is marked sounds.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from stilo.elements.chords import NO_CHORD_STATE, block_chord, chord_state, state_chord
from stilo.elements.layout import lay_out
from stilo.models.chord_data import Song, song_of
from stilo.models.chord_exercises import Row, texture_for, voiced
from stilo.models.chord_readings import NO_BASS, UNKNOWN, ChordTimes
from stilo.music.chords import Chord, parse_chord
from stilo.music.files import read_score
from stilo.music.score import DEFAULT_TICKS_PER_QUARTER, Score, TimeSignature, Track, notes_from_columns

VELOCITY = 64
ALONE, ACCOMPANIED = "melody alone", "with accompaniment"


def read_lead_sheet(path: Path) -> tuple[Score, ChordTimes] | None:
    """A lead sheet and its chords, from the first mark to the end of the piece; None where nothing is marked.

    Raises:
        ReadError: the file cannot be read.
    """
    score = read_score(path).with_resolution(DEFAULT_TICKS_PER_QUARTER)
    marks = [mark for mark in score.chord_symbols if mark.onset_ticks < score.end_ticks]
    if len(score.notes) == 0 or not marks:
        return None
    # of two marks at one place the later holds
    chords = {mark.onset_ticks: marked(parse_chord(mark.label)) for mark in marks}
    states, bass = zip(*chords.values(), strict=True)
    times = ChordTimes(np.array([*chords, score.end_ticks]), np.array(states), np.array(bass))
    return replace(score, chord_symbols=()), times


def marked(chord: Chord | None) -> tuple[int, int]:
    """State and bass of a mark: the richest chord of the vocabulary that it holds, named by its tones and its bass.

    `UNKNOWN` where the bass makes another chord of it that has no name (D minor over G).
    """
    if chord is None:
        return NO_CHORD_STATE, NO_BASS
    bass = chord.root if chord.bass is None else chord.bass
    held = state_chord(chord_state(Chord(chord.root, chord.quality)))
    named = None if held is None else block_chord(held.pitch_classes | {bass}, bass)
    return (UNKNOWN if named is None else chord_state(named)), bass


def accompanied(score: Score, chords: ChordTimes, rng: np.random.Generator) -> Score:
    """The lead sheet with its chords played below, struck anew in every bar, in one texture and place throughout.

    Where there is no chord or an unknown one nothing is played.
    """
    layout = lay_out(score)
    bars = layout.grid.starts_ticks
    inside = bars[(bars > chords.bounds_ticks[0]) & (bars < chords.bounds_ticks[-1])]
    cuts = np.union1d(chords.bounds_ticks, inside)
    held = np.searchsorted(chords.bounds_ticks, cuts[:-1], side="right") - 1
    kind, centre = float(rng.random()), int(rng.integers(50, 64))
    rows: list[Row] = []
    for onset, long, at in zip(cuts[:-1].tolist(), np.diff(cuts).tolist(), held.tolist(), strict=True):
        state = int(chords.states[at])
        chord = None if state == UNKNOWN else state_chord(state, int(chords.bass[at]))
        if chord is not None:
            texture = texture_for(beat_ticks(score, onset), kind)
            struck = texture(onset, long, *voiced(chord, centre, rng))
            rows += [(start, min(lasting, onset + long - start), pitch) for start, lasting, pitch in struck]
    melody = score.notes
    played = np.array(rows, np.int64).reshape(-1, 3)
    onset, duration, pitch = (
        np.concatenate([melody[name].astype(np.int64), column])
        for name, column in zip(("onset_ticks", "duration_ticks", "pitch"), played.T, strict=True)
    )
    velocity = np.append(melody["velocity"], np.full(len(rows), VELOCITY))
    track = np.append(melody["track"], np.full(len(rows), len(score.tracks)))
    notes = notes_from_columns(onset, duration, pitch, velocity, track)
    return replace(score, notes=notes, tracks=(*score.tracks, Track("accompaniment")))


def beat_ticks(score: Score, onset_ticks: int) -> int:
    """A quarter, in compound metres three eighths, as the exercises count them."""
    before = [metre for metre in score.time_signatures if metre.onset_ticks <= onset_ticks]
    metre = max(before, key=lambda m: m.onset_ticks, default=TimeSignature(0, 4, 4))
    compound = metre.denominator == 8 and metre.numerator % 3 == 0
    return score.ticks_per_quarter * 3 // 2 if compound else score.ticks_per_quarter


def lead_sheet_songs(folder: Path, files: Sequence[str], rng: np.random.Generator) -> Iterator[tuple[Song, Song]]:
    """Each lead sheet of a folder that has chords: alone, and with an accompaniment.

    Raises:
        ReadError: a file is missing or cannot be read.
    """
    for file in files:
        read = read_lead_sheet(folder / file)
        if read is not None:
            score, chords = read
            name = Path(file).stem
            yield song_of(name, score, chords), song_of(name, accompanied(score, chords, rng), chords)
