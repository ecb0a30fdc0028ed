"""Songs with chords: what the chord net learns from and is judged on.

POP909-CL (Yao et al. 2025) keeps a song as MIDI of two tracks: the song, and its chords, corrected by hand, as blocks
of notes. A block names its chord: its pitch classes are the tones, its lowest note the bass
(`elements.chords.block_chord`).
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from stilo.elements.chords import NO_CHORD_STATE, block_chord, chord_state
from stilo.elements.layout import Ints, lay_out
from stilo.errors import InputError
from stilo.models.chord_features import Frames, frames_of
from stilo.models.chord_readings import NO_BASS, UNKNOWN, ChordTimes
from stilo.music.files import read_score
from stilo.music.score import Score, Track, notes_from_columns

SPLITS = ("train", "valid", "test")


@dataclass(frozen=True, eq=False)
class Song:
    """A song as the net sees it, and its chords: of each frame the one that holds longest in it, and whether it is new.

    Attributes:
        name: file name without its ending.
        frames: without the chord track.
        chords: the reference, from the first note to the end of the last chord.
        states, bass: int64 [frames]; `UNKNOWN` outside the reference, too.
        changes: bool [frames], a chord begins in the frame.
    """

    name: str
    frames: Frames
    chords: ChordTimes
    states: Ints
    bass: Ints
    changes: NDArray[np.bool_]
    ticks_per_quarter: int


def read_song(path: Path) -> tuple[Score, ChordTimes] | None:
    """The song without its chord track, and its chords; None for a file of a single track.

    Raises:
        ReadError: the file cannot be read.
    """
    score = read_score(path)
    if len(score.tracks) < 2:
        return None
    of_song = score.notes["track"] == 0
    notes = score.notes[of_song]
    song = Score(
        notes_from_columns(*(notes[name] for name in ("onset_ticks", "duration_ticks", "pitch", "velocity"))),
        (Track("", score.tracks[0].program),),
        score.ticks_per_quarter,
        tempos=score.tempos,
        time_signatures=score.time_signatures,
    )
    blocks = score.notes[score.notes["track"] == 1]
    if len(notes) == 0 or len(blocks) == 0:
        return None
    return song, _block_times(blocks, int(notes["onset_ticks"].min()))


def _block_times(blocks: NDArray[np.void], start: int) -> ChordTimes:
    """Chords from blocks of notes in order of onset, with no chord where nothing is written, from `start` on."""
    onset = blocks["onset_ticks"].astype(np.int64)
    firsts = np.flatnonzero(np.append(True, np.diff(onset) > 0))
    nexts = np.append(onset[firsts[1:]], np.iinfo(np.int64).max)
    bounds, states, bass = [min(start, int(onset[0]))], [NO_CHORD_STATE], [NO_BASS]
    for block, following in zip(np.split(blocks, firsts[1:]), nexts, strict=True):
        begins = int(block["onset_ticks"][0])
        ends = min(int((block["onset_ticks"] + block["duration_ticks"]).max()), int(following))
        low = int(block["pitch"].min()) % 12
        chord = block_chord({int(pitch) % 12 for pitch in block["pitch"]}, low)
        bounds += [begins, ends]
        states += [UNKNOWN if chord is None else chord_state(chord), NO_CHORD_STATE]
        bass += [low, NO_BASS]
    kept = np.flatnonzero(np.diff(bounds) > 0)
    edges = np.array(bounds)
    return ChordTimes(np.append(edges[kept], edges[-1]), np.array(states)[kept], np.array(bass)[kept])


def song_of(name: str, score: Score, chords: ChordTimes) -> Song:
    """A song ready for the net."""
    frames = frames_of(lay_out(score))
    at = _longest(frames.bounds_ticks, chords.bounds_ticks)
    inside = at >= 0
    states = np.where(inside, chords.states[at], UNKNOWN)
    bass = np.where(inside, chords.bass[at], UNKNOWN)
    changes = inside & np.append(True, (np.diff(states) != 0) | (np.diff(bass) != 0))
    return Song(name, frames, chords, states, bass, changes, score.ticks_per_quarter)


def _longest(frames: Ints, chords: Ints) -> Ints:
    """Index of the chord that holds longest in each frame, −1 outside the chords."""
    cuts = np.unique(np.concatenate([frames, chords[(chords > frames[0]) & (chords < frames[-1])]]))
    frame = np.searchsorted(frames, cuts[:-1], side="right") - 1
    chord = np.searchsorted(chords, cuts[:-1], side="right") - 1
    order = np.lexsort((np.diff(cuts), frame))
    chosen = chord[order[np.append(np.diff(frame[order]) > 0, True)]]
    return np.where(chosen < len(chords) - 1, chosen, -1)


def read_split(path: Path) -> dict[str, str]:
    """File → split, of a table with the columns `file` and `split`.

    Raises:
        InputError: it cannot be read, or holds another split than `SPLITS` (or "left_out").
    """
    try:
        with path.open(encoding="utf-8", newline="") as data:
            rows = {row["file"]: row["split"] for row in csv.DictReader(data, delimiter="\t")}
    except (OSError, KeyError, ValueError) as error:
        raise InputError(f"{path}: no table of files and splits ({type(error).__name__})") from error
    if odd := set(rows.values()) - {*SPLITS, "left_out"}:
        raise InputError(f'{path}: "{min(odd)}" is no split')
    return rows


def load_songs(folder: Path, files: Sequence[str]) -> Iterator[Song]:
    """The songs of a folder that have chords, in order.

    Raises:
        ReadError: a file is missing or cannot be read.
    """
    for file in files:
        read = read_song(folder / file)
        if read is not None:
            yield song_of(Path(file).stem, *read)
