"""The bytes of a Standard MIDI File, checked and made plain before a parser in C++ sees them.

Source: MIDI Manufacturers Association, Standard MIDI Files 1.0 (RP-001). What this module takes care of, because the
parser (symusic 0.6) does not: RIFF wrapping, headers longer than six bytes, SMPTE division, chunks that end too early,
system exclusive continuations, meta events shorter than their kind, names not in UTF-8, times beyond 2³⁰ ticks,
programs that one track sets for another.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass, replace

from stilo.errors import ReadError
from stilo.music.score import LAST_TICK

MAX_BYTES = 64 * 2**20
MAX_TRACKS = 4096
MAX_EVENTS_MADE_PLAIN = 5_000_000
_META, _END_OF_TRACK, _TEXT_KINDS = 0xFF, 0x2F, range(0x01, 0x10)
_META_LENGTHS = {0x51: 3, 0x58: 4, 0x59: 2, 0x20: 1, 0x21: 1}  # tempo, metre, key, channel, port
_DATA_BYTES = {0x8: 2, 0x9: 2, 0xA: 2, 0xB: 2, 0xC: 1, 0xD: 1, 0xE: 2}  # by the upper half of the status
# Anything that ordinary tracks do not hold and the parser may get wrong: long times, system exclusive, odd metas.
_SUSPECT = re.compile(rb"[\x80-\xff]{3}|[\xf0-\xf7]|\xff(?:\x51[^\x03]|\x58[^\x04]|\x59[^\x02])", re.DOTALL)


@dataclass(frozen=True)
class SmfFile:
    """The parts of a Standard MIDI File.

    Attributes:
        format: 0 one track of everything, 1 tracks together, 2 independent patterns.
        ticks_per_quarter: 1…32767.
        fixed_quarters_per_minute: the one tempo of a file that counts in fractions of seconds (SMPTE), else None.
        tracks: the events of each track chunk, as bytes.
    """

    format: int
    ticks_per_quarter: int
    fixed_quarters_per_minute: float | None
    tracks: tuple[bytes, ...]


@dataclass(frozen=True)
class Event:
    """One event of a track: `status` is 0xFF for meta events, whose `kind` then says which; `data` its bytes."""

    onset_ticks: int
    status: int
    kind: int
    data: bytes


class DamagedTrack(Exception):
    """The events of a track make no sense; says what is wrong."""


def split_smf(data: bytes, path: str) -> SmfFile:
    """Find header and tracks.

    Raises:
        ReadError: no MIDI file, a truncated one, or one beyond the limits (64 MiB, 4096 tracks).
    """
    if len(data) > MAX_BYTES:
        raise ReadError(path, f"larger than {MAX_BYTES >> 20} MiB, too large for a MIDI file")
    if data[:4] == b"RIFF" and data[8:12] == b"RMID":
        data = _riff_content(data, path)
    if data[:4] != b"MThd":
        raise ReadError(path, "is not a MIDI file; it does not begin with MThd")
    if len(data) < 14:
        raise ReadError(path, "is cut off inside its header; get it again from where it came from")
    length, form, track_count, division = struct.unpack(">IHHH", data[4:14])
    if length < 6 or form > 2:
        raise ReadError(path, f"has a damaged MIDI header (length {length}, format {form})")
    tracks = _tracks(data, 8 + length, track_count, path)
    ticks_per_quarter, tempo = _resolution(division, path)
    return SmfFile(form, ticks_per_quarter, tempo, tracks)


def _riff_content(data: bytes, path: str) -> bytes:
    at = 12
    while at + 8 <= len(data):
        kind, length = data[at : at + 4], int.from_bytes(data[at + 4 : at + 8], "little")
        if kind == b"data":
            return data[at + 8 : at + 8 + length]
        at += 8 + length + length % 2
    raise ReadError(path, "is a RIFF file without MIDI data inside")


def _tracks(data: bytes, at: int, track_count: int, path: str) -> tuple[bytes, ...]:
    tracks: list[bytes] = []
    others = 0
    while at + 8 <= len(data):
        kind, length = data[at : at + 4], int.from_bytes(data[at + 4 : at + 8], "big")
        if at + 8 + length > len(data):
            break
        if kind == b"MTrk":
            tracks.append(data[at + 8 : at + 8 + length])
        else:
            others += 1
        at += 8 + length
    if len(tracks) + others < track_count:
        said = f"it announces {track_count} tracks and {len(tracks)} are whole"
        raise ReadError(path, f"is cut off: {said}; get it again from where it came from")
    if len(tracks) > MAX_TRACKS:
        raise ReadError(path, f"has {len(tracks)} tracks; at most {MAX_TRACKS} are read")
    return tuple(tracks)


def _resolution(division: int, path: str) -> tuple[int, float | None]:
    """Ticks per quarter, and the fixed tempo when the division counts frames of SMPTE time."""
    if division == 0:
        raise ReadError(path, "has a damaged MIDI header: zero ticks to the quarter")
    if division < 0x8000:
        return division, None
    frames, per_frame = 256 - (division >> 8), division & 0xFF
    if frames not in (24, 25, 29, 30) or per_frame == 0:
        raise ReadError(path, f"has a damaged MIDI header: {frames} frames a second of {per_frame} ticks")
    ticks_per_second = (30_000 / 1001 if frames == 29 else frames) * per_frame
    ticks_per_quarter = max(1, round(ticks_per_second / 2))  # near 120 quarters a minute
    return ticks_per_quarter, 60 * ticks_per_second / ticks_per_quarter


def events_of(track: bytes) -> Iterator[Event]:
    """The events of a track up to its end, system exclusive left out.

    Raises:
        DamagedTrack: on bytes that are no events, or times beyond 2³⁰ ticks.
    """
    at = onset = running = 0
    try:
        while at < len(track):
            delta, at = _variable_length(track, at)
            onset += delta
            status = track[at]
            if status >= 0x80:
                at += 1
            elif running == 0:
                raise DamagedTrack("data without a status byte")
            else:
                status = running
            if status < 0xF0:
                running = status
                size = _DATA_BYTES[status >> 4]
                yield Event(_checked(onset), status, 0, track[at : at + size])
                at += size
                continue
            kind = 0
            if status == _META:
                kind, at = track[at], at + 1
            elif status not in (0xF0, 0xF7):
                raise DamagedTrack(f"status byte {status:#x}, which files do not hold")
            size, at = _variable_length(track, at)
            if at + size > len(track):
                raise DamagedTrack("an event longer than its track")
            if status == _META:
                if kind == _END_OF_TRACK:
                    return
                yield Event(_checked(onset), status, kind, track[at : at + size])
            at += size
    except IndexError:
        raise DamagedTrack("its last event is cut off") from None


def _checked(onset_ticks: int) -> int:
    if onset_ticks > LAST_TICK:
        raise DamagedTrack(f"times beyond {LAST_TICK} ticks")
    return onset_ticks


def _variable_length(data: bytes, at: int) -> tuple[int, int]:
    """The number at `at` and the place after it; four bytes at most, as the standard says."""
    value = 0
    for _ in range(4):
        byte = data[at]
        at += 1
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            return value, at
    raise DamagedTrack("a length of more than four bytes")


def variable_length(value: int) -> bytes:
    """A number 0…2²⁸−1 as the standard writes it, seven bits to the byte, most significant first."""
    groups = [value & 0x7F]
    while value := value >> 7:
        groups.append(value & 0x7F | 0x80)
    return bytes(reversed(groups))


def delta_time(ticks: int) -> bytes:
    """The time before an event; beyond 2²⁸−1 ticks empty text events are put in between."""
    longest = 2**28 - 1
    fillers, rest = divmod(ticks, longest) if ticks > longest else (0, ticks)
    return (variable_length(longest) + b"\xff\x01\x00") * fillers + variable_length(rest)


def decoded_text(data: bytes) -> str:
    """A text event as text: UTF-8 where it is valid, else Latin-1; blanks run together, control characters left out."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        text = data.decode("latin-1")
    return clean_text(text)


def clean_text(text: str) -> str:
    """One printable line of at most 200 characters."""
    return "".join(c for c in " ".join(text.split()) if c.isprintable())[:200].strip()


def plain_track(track: bytes) -> bytes:
    """The same track with absolute certainty for a parser: every status written out, texts in UTF-8, no oddities.

    Raises:
        DamagedTrack: see `events_of`.
    """
    pieces: list[bytes] = []
    before = 0
    for event in events_of(track):
        if len(pieces) > 2 * MAX_EVENTS_MADE_PLAIN:
            raise DamagedTrack(f"more than {MAX_EVENTS_MADE_PLAIN:,} events of an unusual kind of file")
        data = event.data
        if event.status == _META:
            if len(data) < _META_LENGTHS.get(event.kind, 0):
                continue
            if event.kind in _TEXT_KINDS:
                data = decoded_text(data).encode()
            body = bytes((_META, event.kind)) + variable_length(len(data)) + data
        elif len(data) < _DATA_BYTES[event.status >> 4] or max(data) > 0x7F:
            raise DamagedTrack("an event whose data bytes are out of range or missing")
        else:
            body = bytes((event.status,)) + data
        pieces += (delta_time(event.onset_ticks - before), body)
        before = event.onset_ticks
    return b"".join(pieces) + b"\x00\xff\x2f\x00"


def plain_smf(smf: SmfFile, path: str, every_track: bool = False) -> SmfFile:
    """The file with its suspect tracks, or `every_track`, made plain.

    Raises:
        ReadError: a track holds bytes that are no events.
    """
    tracks = []
    for number, track in enumerate(smf.tracks, 1):
        if not every_track and not _SUSPECT.search(track):
            tracks.append(track)
            continue
        try:
            tracks.append(plain_track(track))
        except DamagedTrack as damage:
            raise ReadError(path, f"track {number} of the MIDI file is damaged: {damage}") from None
    return replace(smf, tracks=tuple(tracks))


def joined_smf(ticks_per_quarter: int, tracks: tuple[bytes, ...], form: int = 1) -> bytes:
    """A whole file of the given tracks."""
    header = b"MThd" + struct.pack(">IHHH", 6, form, len(tracks), ticks_per_quarter)
    return header + b"".join(b"MTrk" + struct.pack(">I", len(track)) + track for track in tracks)
