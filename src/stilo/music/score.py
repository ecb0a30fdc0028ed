"""What music is here: the immutable `Score`.

Conventions. All times are integer ticks, `ticks_per_quarter` to the quarter note, and say so in their names.
Pitches are MIDI numbers (60 = C4), velocities 1…127. A track of drums holds General MIDI percussion keys as pitches.
Notes are one structured array (`NOTE_DTYPE`), sorted by onset, then track, then pitch, and not writable.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

NOTE_DTYPE = np.dtype(
    [
        ("onset_ticks", "<i4"),
        ("duration_ticks", "<i4"),
        ("pitch", "<i2"),
        ("velocity", "<i2"),
        ("track", "<i2"),
    ]
)
DEFAULT_TICKS_PER_QUARTER = 480
LAST_TICK = 2**30

NoteArray = NDArray[np.void]


@dataclass(frozen=True, slots=True)
class Track:
    """One part: `program` is the General MIDI program 0…127 (meaningless for drums)."""

    name: str = ""
    program: int = 0
    is_drum: bool = False


@dataclass(frozen=True, slots=True)
class Tempo:
    """A tempo that holds from `onset_ticks` on."""

    onset_ticks: int
    quarters_per_minute: float


@dataclass(frozen=True, slots=True)
class TimeSignature:
    """A metre that holds from `onset_ticks` on, where a bar begins."""

    onset_ticks: int
    numerator: int
    denominator: int


@dataclass(frozen=True, slots=True)
class KeySignature:
    """What is written: `fifths` −7…7 (flats negative), `is_minor` as the file says it."""

    onset_ticks: int
    fifths: int
    is_minor: bool = False


@dataclass(frozen=True, slots=True)
class ChordSymbol:
    """A chord mark; `label` in Harte syntax ("C:maj7", "A:min/b3", "N")."""

    onset_ticks: int
    label: str


@dataclass(frozen=True, slots=True)
class Marker:
    """A section name or rehearsal mark."""

    onset_ticks: int
    text: str


_Event = TypeVar("_Event", Tempo, TimeSignature, KeySignature, ChordSymbol, Marker)


def notes_from_columns(
    onset_ticks: Iterable[int],
    duration_ticks: Iterable[int],
    pitch: Iterable[int],
    velocity: Iterable[int] | int = 80,
    track: Iterable[int] | int = 0,
) -> NoteArray:
    """Return a note array, in no particular order, from columns of equal length.

    Scalars for `velocity` and `track` hold for every note.
    """
    onsets = np.asarray(onset_ticks, np.int64)
    notes = np.zeros(len(onsets), NOTE_DTYPE)
    notes["onset_ticks"] = onsets
    notes["duration_ticks"] = np.asarray(duration_ticks)
    notes["pitch"] = np.asarray(pitch)
    notes["velocity"] = np.asarray(velocity)
    notes["track"] = np.asarray(track)
    return notes


def _sorted_readonly(notes: NoteArray) -> NoteArray:
    order = np.lexsort((notes["duration_ticks"], notes["pitch"], notes["track"], notes["onset_ticks"]))
    ordered = np.ascontiguousarray(notes[order])
    ordered.setflags(write=False)
    return ordered


def _by_onset(events: Iterable[_Event]) -> tuple[_Event, ...]:
    return tuple(sorted(events, key=lambda event: event.onset_ticks))


@dataclass(frozen=True, eq=False)
class Score:
    """A piece of music that never changes.

    Attributes:
        notes: structured array of `NOTE_DTYPE`, shape [notes]; `track` indexes `tracks`.
        tracks: the parts, in the order a score shows them.
        ticks_per_quarter: resolution, 1…32767.
        tempos, time_signatures, key_signatures, chord_symbols, markers: each in order of onset; any may be empty.
            Before the first tempo 120 quarters per minute holds, before the first time signature 4/4.
        title: what the piece is called, "" when nothing says so.

    Raises:
        ValueError: a note of negative onset, of no length, of pitch or velocity out of range, or on no track.
    """

    notes: NoteArray
    tracks: tuple[Track, ...]
    ticks_per_quarter: int = DEFAULT_TICKS_PER_QUARTER
    tempos: tuple[Tempo, ...] = ()
    time_signatures: tuple[TimeSignature, ...] = ()
    key_signatures: tuple[KeySignature, ...] = ()
    chord_symbols: tuple[ChordSymbol, ...] = ()
    markers: tuple[Marker, ...] = ()
    title: str = field(default="")

    def __post_init__(self) -> None:
        if self.notes.dtype != NOTE_DTYPE:
            raise ValueError("notes must be an array of NOTE_DTYPE")
        if not 1 <= self.ticks_per_quarter <= 32767:
            raise ValueError(f"ticks_per_quarter {self.ticks_per_quarter} is not in 1…32767")
        self._check_notes()
        object.__setattr__(self, "notes", _sorted_readonly(self.notes))
        object.__setattr__(self, "tracks", tuple(self.tracks))
        for name in ("tempos", "time_signatures", "key_signatures", "chord_symbols", "markers"):
            object.__setattr__(self, name, _by_onset(getattr(self, name)))

    def _check_notes(self) -> None:
        notes = self.notes
        if len(notes) == 0:
            return
        if notes["onset_ticks"].min() < 0 or notes["duration_ticks"].min() < 1:
            raise ValueError("onsets must be ≥ 0 and durations ≥ 1 tick")
        if notes["pitch"].min() < 0 or notes["pitch"].max() > 127:
            raise ValueError("pitches must be 0…127")
        if notes["velocity"].min() < 1 or notes["velocity"].max() > 127:
            raise ValueError("velocities must be 1…127")
        if notes["track"].min() < 0 or notes["track"].max() >= len(self.tracks):
            raise ValueError("every note must belong to a track")

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Score):
            return NotImplemented
        names = (
            "tracks",
            "ticks_per_quarter",
            "tempos",
            "time_signatures",
            "key_signatures",
            "chord_symbols",
            "markers",
            "title",
        )
        return np.array_equal(self.notes, other.notes) and all(
            getattr(self, name) == getattr(other, name) for name in names
        )

    __hash__ = None  # type: ignore[assignment]  # holds an array

    def __len__(self) -> int:
        return len(self.notes)

    @property
    def end_ticks(self) -> int:
        """Where the last note ends; 0 for a score without notes."""
        if len(self.notes) == 0:
            return 0
        return int((self.notes["onset_ticks"].astype(np.int64) + self.notes["duration_ticks"]).max())

    @property
    def is_drum_note(self) -> NDArray[np.bool_]:
        """Per note: does it belong to a track of drums?"""
        drums = np.array([track.is_drum for track in self.tracks] or [False], bool)
        return np.asarray(drums[self.notes["track"]])

    def with_notes(self, notes: NoteArray) -> Score:
        """The same score with other notes."""
        return replace(self, notes=notes)

    def transposed(self, semitones: int) -> Score:
        """All but the drums moved by `semitones`; notes that leave 0…127 move back by octaves.

        Key signatures and chord symbols are dropped: they would need spelling anew.
        """
        notes = self.notes.copy()
        pitched = ~self.is_drum_note
        pitch = notes["pitch"][pitched].astype(np.int64) + semitones
        pitch = np.where(pitch > 127, pitch - 12 * ((pitch - 116) // 12), pitch)
        pitch = np.where(pitch < 0, pitch + 12 * ((11 - pitch) // 12), pitch)
        notes["pitch"][pitched] = pitch
        return replace(self, notes=notes, key_signatures=(), chord_symbols=())

    def with_resolution(self, ticks_per_quarter: int) -> Score:
        """The same music at another resolution; times are rounded to the nearest tick, durations kept ≥ 1."""
        if ticks_per_quarter == self.ticks_per_quarter:
            return self
        ratio = ticks_per_quarter / self.ticks_per_quarter

        def scaled(ticks: int) -> int:
            return round(ticks * ratio)

        notes = self.notes.copy()
        onsets = np.rint(self.notes["onset_ticks"] * ratio).astype(np.int64)
        ends = np.rint((self.notes["onset_ticks"] + self.notes["duration_ticks"].astype(np.int64)) * ratio)
        notes["onset_ticks"] = onsets
        notes["duration_ticks"] = np.maximum(1, ends.astype(np.int64) - onsets)
        return replace(
            self,
            notes=notes,
            ticks_per_quarter=ticks_per_quarter,
            tempos=tuple(replace(e, onset_ticks=scaled(e.onset_ticks)) for e in self.tempos),
            time_signatures=tuple(replace(e, onset_ticks=scaled(e.onset_ticks)) for e in self.time_signatures),
            key_signatures=tuple(replace(e, onset_ticks=scaled(e.onset_ticks)) for e in self.key_signatures),
            chord_symbols=tuple(replace(e, onset_ticks=scaled(e.onset_ticks)) for e in self.chord_symbols),
            markers=tuple(replace(e, onset_ticks=scaled(e.onset_ticks)) for e in self.markers),
        )
