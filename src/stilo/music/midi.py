"""MIDI files to scores.

Each channel of each track becomes one part, and each program that it plays on the way another. Decisions: a note of no
length lasts one tick; overlapping notes of one pitch end first come, first served; a note that is never ended is left
out, since nothing says how long it was meant; of several tempos (or metres, keys) at one tick the last holds. Type 2
files hold independent patterns: several scores. Markers "chord:…" become chord symbols.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import islice
from typing import Any

import numpy as np

from stilo.errors import InputError, ReadError
from stilo.music.chords import harte_label
from stilo.music.score import (
    LAST_TICK,
    NOTE_DTYPE,
    ChordSymbol,
    KeySignature,
    Marker,
    NoteArray,
    Score,
    Tempo,
    TimeSignature,
    Track,
)
from stilo.music.smf import (
    MAX_TRACKS,
    DamagedTrack,
    SmfFile,
    clean_text,
    decoded_text,
    events_of,
    joined_smf,
    plain_smf,
    split_smf,
)
from stilo.music.timeline import bar_ticks, effective_time_signatures

MAX_NOTES = 2_000_000
MAX_EVENTS = 200_000  # tempos, metres, keys and markers, each
MAX_BARS = 100_000
CHORD_PREFIX = "chord:"
_SLOWEST, _FASTEST = 1.0, 10_000.0  # quarters per minute
_NAMES_THAT_SAY_NOTHING = {
    "untitled",
    "conductor",
    "conductor track",
    "tempo",
    "tempo track",
    "tempo map",
    "control track",
}
_DRUM_CHANNEL = 9
_LONGEST_OPENING = 200  # events


def parse_midi(data: bytes, path: str = "MIDI data") -> Score:
    """Read the bytes of a Standard MIDI File; of a type 2 file the first pattern.

    Raises:
        ReadError: naming `path`, when the bytes are no MIDI file, damaged, without notes, or beyond the limits
            (64 MiB, 2 million notes, 2³⁰ ticks, 100,000 bars).
    """
    return parse_midi_pieces(data, path)[0]


def parse_midi_pieces(data: bytes, path: str = "MIDI data") -> list[Score]:
    """Read all pieces of a Standard MIDI File: one, or every pattern of a type 2 file that holds notes.

    Raises:
        ReadError: see `parse_midi`.
    """
    smf = plain_smf(split_smf(data, path), path)
    if smf.format == 2:
        patterns = [replace(smf, format=1, tracks=(track,)) for track in smf.tracks]
        scores = [score for score in (_score(pattern, path) for pattern in patterns) if len(score)]
    else:
        scores = [_score(smf, path)]
    if not scores or len(scores[0]) == 0:
        raise ReadError(path, "holds no notes")
    return scores


def _score(smf: SmfFile, path: str) -> Score:
    title, smf = _title_and_programs(smf, path)
    parsed = _parsed(smf, path)
    _check_counts(parsed, path)
    if _has_broken_text(parsed):
        parsed = _parsed(plain_smf(smf, path, every_track=True), path)
    parts = [part for part in parsed.tracks if len(part.notes)]
    tempos = _tempos(parsed) if smf.fixed_quarters_per_minute is None else (Tempo(0, smf.fixed_quarters_per_minute),)
    chords, markers = split_markers([(mark.time, clean_text(mark.text)) for mark in parsed.markers])
    score = Score(
        notes=_notes(parts, path),
        tracks=tuple(
            Track("" if smf.format == 0 else clean_text(part.name), min(127, max(0, part.program)), part.is_drum)
            for part in parts
        ),
        ticks_per_quarter=smf.ticks_per_quarter,
        tempos=tempos,
        time_signatures=_time_signatures(parsed),
        key_signatures=_key_signatures(parsed),
        chord_symbols=chords,
        markers=markers,
        title=title,
    )
    check_bars(score, path)
    return score


def _parsed(smf: SmfFile, path: str) -> Any:
    import symusic

    data = joined_smf(smf.ticks_per_quarter, smf.tracks)
    try:
        return symusic.Score.from_midi(data)
    except (RuntimeError, ValueError) as reason:
        detail = str(reason).removeprefix("MiniMidi: ").split("!")[0].split("\n")[0]
        raise ReadError(path, f"holds damaged MIDI data ({detail}); get it again from where it came from") from None


def _check_counts(parsed: Any, path: str) -> None:
    counted = sum(len(part.notes) for part in parsed.tracks)
    if counted > MAX_NOTES:
        raise ReadError(path, f"holds {counted:,} notes; at most {MAX_NOTES:,} are read")
    if len(parsed.tracks) > MAX_TRACKS:
        raise ReadError(path, f"holds {len(parsed.tracks):,} parts; at most {MAX_TRACKS:,} are read")
    for name, events in (
        ("tempos", parsed.tempos),
        ("time signatures", parsed.time_signatures),
        ("key signatures", parsed.key_signatures),
        ("markers", parsed.markers),
    ):
        if len(events) > MAX_EVENTS:
            raise ReadError(path, f"holds {len(events):,} {name}; at most {MAX_EVENTS:,} are read")


def _has_broken_text(parsed: Any) -> bool:
    return any("�" in part.name for part in parsed.tracks) or any("�" in mark.text for mark in parsed.markers)


def _notes(parts: Sequence[Any], path: str) -> NoteArray:
    notes = np.zeros(sum(len(part.notes) for part in parts), NOTE_DTYPE)
    at = 0
    for index, part in enumerate(parts):
        columns = part.notes.numpy()
        mine = notes[at : at + len(part.notes)]
        mine["onset_ticks"] = columns["time"]
        mine["duration_ticks"] = np.maximum(columns["duration"], 1)
        mine["pitch"] = columns["pitch"]
        mine["velocity"] = np.clip(columns["velocity"], 1, 127)
        mine["track"] = index
        at += len(mine)
    onsets = notes["onset_ticks"].astype(np.int64)
    if len(notes) and (onsets.min() < 0 or (onsets + notes["duration_ticks"]).max() > LAST_TICK):
        raise ReadError(path, f"has notes beyond {LAST_TICK} ticks; its times are damaged")
    return notes


def _title_and_programs(smf: SmfFile, path: str) -> tuple[str, SmfFile]:
    """The name of a first track without notes (of the only track in type 0), and the tracks with programs given them.

    A program holds for a channel wherever it was set, but the parser keeps tracks apart: a track that plays a channel
    whose program only another track sets gets a program change in front.
    """
    title = ""
    programs: dict[tuple[int, int], int] = {}  # (port, channel) → program
    lacking: dict[int, tuple[int, int]] = {}  # track → (port, channel)
    for index, track in enumerate(smf.tracks):
        name, opening_programs, first_channel = _opening(track, path)
        programs = opening_programs | programs
        if first_channel is not None and first_channel not in opening_programs:
            lacking[index] = first_channel
        if index == 0 and (first_channel is None or smf.format == 0):
            title = "" if name.lower() in _NAMES_THAT_SAY_NOTHING else name
    tracks = list(smf.tracks)
    for index, (port, channel) in lacking.items():
        if (port, channel) in programs and channel != _DRUM_CHANNEL:
            tracks[index] = bytes((0, 0xC0 | channel, programs[port, channel])) + tracks[index]
    return title, replace(smf, tracks=tuple(tracks))


def _opening(track: bytes, path: str) -> tuple[str, dict[tuple[int, int], int], tuple[int, int] | None]:
    """Name, programs by (port, channel), and (port, channel) of the first note, from the first events of a track."""
    name, port = "", 0
    programs: dict[tuple[int, int], int] = {}
    try:
        for event in islice(events_of(track), _LONGEST_OPENING):
            if event.kind == 0x03 and not name:
                name = decoded_text(event.data)
            elif event.kind == 0x21 and event.data:
                port = event.data[0]
            elif event.status >> 4 == 0xC and event.data[0] <= 0x7F:
                programs[port, event.status & 0x0F] = event.data[0]
            elif event.status >> 4 == 0x9:
                return name, programs, (port, event.status & 0x0F)
    except (DamagedTrack, IndexError) as damage:
        raise ReadError(path, f"holds damaged MIDI data ({damage}); get it again from where it came from") from None
    return name, programs, None


def _tempos(parsed: Any) -> tuple[Tempo, ...]:
    last = {e.time: e.qpm for e in parsed.tempos if _SLOWEST <= e.qpm <= _FASTEST}
    return tuple(Tempo(time, qpm) for time, qpm in last.items())


def _time_signatures(parsed: Any) -> tuple[TimeSignature, ...]:
    last = {e.time: e for e in parsed.time_signatures if e.numerator >= 1 and 1 <= e.denominator <= 128}
    return tuple(TimeSignature(time, e.numerator, e.denominator) for time, e in last.items())


def _key_signatures(parsed: Any) -> tuple[KeySignature, ...]:
    last = {e.time: e for e in parsed.key_signatures if -7 <= e.key <= 7}
    return tuple(KeySignature(time, e.key, e.tonality == 1) for time, e in last.items())


def split_markers(marks: Sequence[tuple[int, str]]) -> tuple[tuple[ChordSymbol, ...], tuple[Marker, ...]]:
    """Chord symbols from the marks "chord:…", markers from all others; a chord nobody understands stays a marker."""
    chords: dict[int, ChordSymbol] = {}
    markers: list[Marker] = []
    for onset_ticks, text in marks:
        if not text.startswith(CHORD_PREFIX):
            if text:
                markers.append(Marker(onset_ticks, text))
            continue
        try:
            chords[onset_ticks] = ChordSymbol(onset_ticks, harte_label(text[len(CHORD_PREFIX) :]))
        except InputError:
            markers.append(Marker(onset_ticks, text))
    return tuple(chords.values()), tuple(markers)


def check_bars(score: Score, path: str) -> None:
    """Refuse a score of more bars than the bar grid may hold.

    Raises:
        ReadError: more than 100,000 bars.
    """
    signatures = effective_time_signatures(score)
    ends = [*(signature.onset_ticks for signature in signatures[1:]), score.end_ticks]
    bars = 0
    for signature, end in zip(signatures, ends, strict=True):
        length = bar_ticks(signature, score.ticks_per_quarter)
        bars += max(0, -(-(min(end, score.end_ticks) - signature.onset_ticks) // length))
    if bars > MAX_BARS:
        raise ReadError(path, f"would have {bars:,} bars; at most {MAX_BARS:,} are read")
