"""Music as a sheet shows it, bar after bar with repeat signs and ties, and the score that it sounds as.

Both MusicXML and ABC are read into `Sheet`. Times here are ticks of `SHEET_TICKS` to the quarter, which hold every
binary note down to the 64th and tuplets of 3, 5, 7 and 9 exactly.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import accumulate
from math import gcd

from stilo.errors import ReadError
from stilo.music.midi import MAX_BARS, MAX_NOTES, check_bars
from stilo.music.repeats import BarMarks, TooManyBars, playing_order
from stilo.music.score import (
    DEFAULT_TICKS_PER_QUARTER,
    LAST_TICK,
    ChordSymbol,
    KeySignature,
    Marker,
    NoteArray,
    Score,
    Tempo,
    TimeSignature,
    Track,
    notes_from_columns,
)

SHEET_TICKS = 10080
MAX_MARKS = 1000  # of one kind in one bar; further ones are passed over


@dataclass(slots=True)
class SheetNote:
    """A note head: onset within the bar, and whether ties join it to the one before and after."""

    part: int
    onset: int
    duration: int
    pitch: int
    velocity: int = 80
    tied_back: bool = False
    tied_on: bool = False


@dataclass
class SheetBar:
    """One written bar; all onsets count from its beginning.

    Attributes:
        length: ticks that its music fills.
        rest_length: ticks that the parts fill that only rest.
        metre: numerator and denominator in force, None in free time.
        tempos, keys, chords, markers: (onset, value) pairs; keys as (fifths, is_minor).
    """

    length: int = 0
    rest_length: int = 0
    metre: tuple[int, int] | None = (4, 4)
    notes: list[SheetNote] = field(default_factory=list)
    tempos: list[tuple[int, float]] = field(default_factory=list)
    keys: list[tuple[int, tuple[int, bool]]] = field(default_factory=list)
    chords: list[tuple[int, str]] = field(default_factory=list)
    markers: list[tuple[int, str]] = field(default_factory=list)
    marks: BarMarks = field(default_factory=BarMarks)

    @property
    def nominal_length(self) -> int | None:
        """Ticks that the metre asks for."""
        return None if self.metre is None else SHEET_TICKS * 4 * self.metre[0] // self.metre[1]


@dataclass
class Sheet:
    """A whole sheet: its parts, and its bars as written."""

    tracks: list[Track]
    bars: list[SheetBar]
    title: str = ""


def sheet_score(sheet: Sheet, path: str) -> Score:
    """The score as it sounds: repeats played out, ties joined, bar lines kept.

    A bar shorter or longer than its metre says (a pickup) gets a time signature of its own length, unless it and the
    next one complete each other (as at a repeat) or it is the last.

    Raises:
        ReadError: no notes, or beyond the limits of bars, notes and ticks.
    """
    try:
        order = playing_order([bar.marks for bar in sheet.bars], MAX_BARS)
    except TooManyBars:
        raise ReadError(path, f"has repeats that unfold to more than {MAX_BARS:,} bars") from None
    played = [sheet.bars[index] for index in order]
    starts = list(accumulate((bar.length for bar in played), initial=0))
    note_count = sum(len(bar.notes) for bar in played)
    if note_count == 0:
        raise ReadError(path, "holds no notes")
    if note_count > MAX_NOTES or starts[-1] >= LAST_TICK or _longest_note(played) >= LAST_TICK:
        raise ReadError(path, f"is too long: {note_count:,} notes, {starts[-1] // SHEET_TICKS:,} quarters")
    placed = list(zip(starts[:-1], played, strict=True))
    score = Score(
        notes=_joined_notes(placed),
        tracks=tuple(sheet.tracks),
        ticks_per_quarter=SHEET_TICKS,
        tempos=_tempo_changes([Tempo(start + at, value) for start, bar in placed for at, value in bar.tempos]),
        time_signatures=tuple(_time_signatures(placed)),
        key_signatures=_changes([KeySignature(start + at, *key) for start, bar in placed for at, key in bar.keys]),
        chord_symbols=tuple(ChordSymbol(start + at, label) for start, bar in placed for at, label in bar.chords),
        markers=tuple(Marker(start + at, text) for start, bar in placed for at, text in bar.markers),
        title=sheet.title,
    )
    score = _at_usual_resolution(score)
    check_bars(score, path)
    return score


def _longest_note(bars: list[SheetBar]) -> int:
    return max((note.onset + note.duration for bar in bars for note in bar.notes), default=0)


def _joined_notes(placed: list[tuple[int, SheetBar]]) -> NoteArray:
    heads = sorted(
        ((start + note.onset, note) for start, bar in placed for note in bar.notes if note.duration > 0),
        key=lambda head: head[0],
    )
    onsets: list[int] = []
    ends: list[int] = []
    kept: list[SheetNote] = []
    waiting: dict[tuple[int, int, int], int] = {}  # part, pitch, end → index of a note that is tied on from there
    for onset, note in heads:
        end = onset + note.duration
        index = waiting.pop((note.part, note.pitch, onset), None) if note.tied_back else None
        if index is None:
            index = len(kept)
            onsets.append(onset)
            ends.append(end)
            kept.append(note)
        else:
            ends[index] = end
        if note.tied_on:
            waiting[note.part, note.pitch, end] = index
    return notes_from_columns(
        onsets,
        [end - onset for onset, end in zip(onsets, ends, strict=True)],
        [note.pitch for note in kept],
        [note.velocity for note in kept],
        [note.part for note in kept],
    )


def _time_signatures(placed: list[tuple[int, SheetBar]]) -> Iterator[TimeSignature]:
    """The metre of every bar line, a signature where it changes."""
    current: tuple[int, int] | None = None
    at = 0
    while at < len(placed):
        start, bar = placed[at]
        wanted, nominal = bar.metre, bar.nominal_length
        taken = 1
        if nominal is None or (bar.length != nominal and at + 1 < len(placed)):
            following = placed[at + 1][1] if at + 1 < len(placed) else None
            completes = following is not None and following.metre == bar.metre and at > 0
            if nominal is not None and following is not None and completes and bar.length + following.length == nominal:
                taken = 2
            elif bar.length > 0:
                wanted = _metre_of_length(bar.length, bar.metre)
        if wanted is not None and wanted != current and bar.length > 0:
            current = wanted
            yield TimeSignature(start, *wanted)
        at += taken


def _metre_of_length(length: int, metre: tuple[int, int] | None) -> tuple[int, int]:
    for denominator in ((metre[1],) if metre else ()) + (4, 8, 16, 32, 64):
        numerator, rest = divmod(length * denominator, 4 * SHEET_TICKS)
        if rest == 0 and 1 <= numerator <= 255:
            return numerator, denominator
    return max(1, min(255, round(length * 16 / SHEET_TICKS))), 64


def _tempo_changes(tempos: list[Tempo]) -> tuple[Tempo, ...]:
    """Without the repeats of the same that playing a section twice brings."""
    kept: list[Tempo] = []
    for tempo in sorted(tempos, key=lambda tempo: tempo.onset_ticks):
        if not kept or kept[-1].quarters_per_minute != tempo.quarters_per_minute:
            kept.append(tempo)
    return tuple(kept)


def _changes(keys: list[KeySignature]) -> tuple[KeySignature, ...]:
    kept: list[KeySignature] = []
    for key in sorted(keys, key=lambda key: key.onset_ticks):
        if kept and kept[-1].onset_ticks == key.onset_ticks:
            kept.pop()
        if not kept or (kept[-1].fifths, kept[-1].is_minor) != (key.fifths, key.is_minor):
            kept.append(key)
    return tuple(kept)


def _at_usual_resolution(score: Score) -> Score:
    """The score at 480 ticks to the quarter when that holds all its times exactly."""
    step = SHEET_TICKS // DEFAULT_TICKS_PER_QUARTER
    onsets = [tempo.onset_ticks for tempo in score.tempos]
    onsets += [signature.onset_ticks for signature in score.time_signatures]
    onsets += [key.onset_ticks for key in score.key_signatures]
    onsets += [chord.onset_ticks for chord in score.chord_symbols]
    onsets += [marker.onset_ticks for marker in score.markers]
    common = gcd(*score.notes["onset_ticks"].tolist(), *score.notes["duration_ticks"].tolist(), *onsets)
    return score.with_resolution(DEFAULT_TICKS_PER_QUARTER) if common % step == 0 else score
