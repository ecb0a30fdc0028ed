"""Who does what: which track sings, which carries the bass, which accompany; from the notes alone.

Every pitched track is described by a few numbers (how often it is on top or lowest, how much of it is one note at a
time, how it moves, when it plays); a conditional logit (McFadden 1974) says which track of the piece is the melody, and
another which is the bass, if one is. The cues are those of Rizo et al. 2006 ("A pattern recognition approach for melody
track selection in MIDI files") and Friberg & Ahlbäck 2009; the weights are fitted by `benchmarks/roles.py`. Names and
instruments of the tracks do not count, but that a track called melody or voice wins where the notes leave it open.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from stilo.elements.figures import figure
from stilo.elements.lines import Bools, Floats, Ints

MELODY, BASS, ACCOMPANIMENT, DRUMS = "melody", "bass", "accompaniment", "drums"
EVERYTHING = "melody and accompaniment"
ROLES = (MELODY, BASS, ACCOMPANIMENT, DRUMS, EVERYTHING)
CUES = ("top", "single", "repeats", "steps", "leaps", "presence", "onsets", "width", "low", "height")
_SINGLE = 0.75  # share of the onsets; below it a melody accompanies itself, and a low track plays more than the bass
MELODY_WEIGHTS = np.array([7.11, 8.24, 5.47, 1.93, -3.62, -3.36, 3.05, -6.89, 0.0, 0.0])
BASS_WEIGHTS = np.array([0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 7.33, -2.89])
NO_BASS = 5.87
_NAME_WEIGHT = 1.0
_MELODY_NAME = re.compile(
    r"\b(melody|melodie|vocals?|voice|lead|singstimme|gesang|chant|canto|tune|soprano|sopran)\b", re.IGNORECASE
)


@dataclass(frozen=True)
class TrackRole:
    """What a track does in a piece.

    Attributes:
        track: its index in the score.
        name: as the score names it, "" when it does not; at most 60 printable characters.
        role: one of `ROLES`.
        share: its notes among all notes, 0…1.
        confidence: probability of the role, 0…1.
    """

    track: int
    name: str
    role: str
    share: float
    confidence: float


@dataclass(frozen=True, eq=False)
class PitchedNotes:
    """The pitched notes of a piece in order of onset, each column int64 [notes].

    Attributes:
        onset_ticks, pitch, track, bar: of each note.
        top, low: highest and lowest pitch of the whole piece that sound when it begins.
    """

    onset_ticks: Ints
    pitch: Ints
    track: Ints
    bar: Ints
    top: Ints
    low: Ints


@dataclass(frozen=True, eq=False)
class Parts:
    """How likely each pitched track is the melody and the bass.

    Attributes:
        tracks: int64 [parts], indices of the tracks that have pitched notes.
        melody: float [parts], sums to 1.
        bass: float [parts], sums to at most 1; the rest says that none is.
        cues: float [parts, 10], `CUES` of each.
    """

    tracks: Ints
    melody: Floats
    bass: Floats
    cues: Floats

    @property
    def are_single(self) -> Bools:
        """Which tracks mostly play one note at a time, [parts]."""
        return np.asarray(self.cues[:, CUES.index("single")] >= _SINGLE)

    @property
    def melody_track(self) -> int | None:
        """The likeliest; None when nothing pitched sounds."""
        return int(self.tracks[self.melody.argmax()]) if len(self.tracks) else None

    @property
    def bass_track(self) -> int | None:
        """The likeliest, if likelier than that there is none, one note at a time, and not the melody."""
        if len(self.tracks) < 2:
            return None
        barred = (self.tracks == self.melody_track) | ~self.are_single
        bass = np.where(barred, 0.0, self.bass)
        return int(self.tracks[bass.argmax()]) if bass.max() > 0.5 else None


def part_cues(notes: PitchedNotes) -> tuple[Ints, Floats]:
    """The tracks that have notes, and `CUES` of each, [parts, 10]."""
    onset, pitch, bar = notes.onset_ticks, notes.pitch, notes.bar
    tracks = np.flatnonzero(np.bincount(notes.track))
    part = np.searchsorted(tracks, notes.track)
    parts = len(tracks)
    order = np.lexsort((-pitch, onset, part))
    of, at, line = part[order], onset[order], pitch[order]
    first = np.concatenate([[True], (np.diff(of) != 0) | (np.diff(at) != 0)])
    chord = np.diff(np.append(np.flatnonzero(first), len(of)))
    of, line = of[first], line[first]
    count = np.bincount(part, minlength=parts)
    onsets = np.bincount(of, minlength=parts)
    inside = np.diff(of) == 0
    size, mover = np.abs(np.diff(line))[inside], of[1:][inside]
    moves = np.maximum(1, np.bincount(mover, minlength=parts))
    mean_line = np.bincount(of, line, minlength=parts) / onsets
    bars = int(bar.max()) + 1
    played = np.unique(part * bars + bar)

    def share(chosen: Ints, whole: Ints, which: Bools) -> Floats:
        return np.asarray(np.bincount(chosen, which, minlength=parts) / whole, np.float64)

    cues = [
        share(part, count, pitch == notes.top),
        share(of, onsets, chord == 1),
        share(mover, moves, size == 0),
        share(mover, moves, (size > 0) & (size <= 2)),
        share(mover, moves, size >= 5),
        np.bincount(played // bars, minlength=parts) / np.count_nonzero(np.bincount(bar)),
        np.log(onsets / onsets.max()),
        np.sqrt(np.maximum(0.0, np.bincount(of, line**2, minlength=parts) / onsets - mean_line**2)) / 12,
        share(part, count, pitch == notes.low),
        (np.bincount(part, pitch, minlength=parts) / count - pitch.mean()) / 12,
    ]
    return tracks, np.stack(cues, axis=1)


def estimate_parts(notes: PitchedNotes, named: frozenset[int] = frozenset()) -> Parts:
    """Estimate which track is the melody and which the bass.

    Args:
        notes: those that are not drums.
        named: the tracks that call themselves melody or voice, which decides only where the notes leave it open.
    """
    if len(notes.pitch) == 0:
        nothing = np.zeros(0)
        return Parts(np.zeros(0, np.int64), nothing, nothing, np.zeros((0, len(CUES))))
    tracks, cues = part_cues(notes)
    sung = cues @ MELODY_WEIGHTS + _NAME_WEIGHT * np.isin(tracks, list(named))
    melody = np.exp(sung - sung.max())
    deep = np.append(cues @ BASS_WEIGHTS, NO_BASS)
    bass = np.exp(deep - deep.max())
    return Parts(tracks, melody / melody.sum(), (bass / bass.sum())[:-1], cues)


def called_melody(names: tuple[str, ...]) -> frozenset[int]:
    """The tracks whose name says melody, voice or the like."""
    return frozenset(i for i, name in enumerate(names) if _MELODY_NAME.search(name))


def track_roles(parts: Parts, names: tuple[str, ...], notes: Ints, drum: tuple[bool, ...]) -> tuple[TrackRole, ...]:
    """The role of every track that has notes, in the order of the score; of each its name, number of notes, drums."""
    total = max(1, int(notes.sum()))
    at = {int(track): i for i, track in enumerate(parts.tracks)}
    found = []
    for track in np.flatnonzero(notes).tolist():
        if drum[track]:
            role, confidence = DRUMS, 1.0
        else:
            role, confidence = _role(parts, at[track])
        found.append(TrackRole(track, _plain(names[track]), role, figure(notes[track] / total), figure(confidence)))
    return tuple(found)


def _plain(name: str) -> str:
    """A name that fits a card: printable, at most 60 characters."""
    return "".join(character for character in name if character.isprintable())[:60]


def _role(parts: Parts, i: int) -> tuple[str, float]:
    """Role of a pitched part and its probability."""
    track = int(parts.tracks[i])
    if track == parts.melody_track:
        return MELODY if parts.are_single[i] else EVERYTHING, float(parts.melody[i])
    if track == parts.bass_track:
        return BASS, float(parts.bass[i])
    return ACCOMPANIMENT, float(1 - max(parts.melody[i], parts.bass[i] if parts.are_single[i] else 0.0))
