"""Scores to MIDI files.

A type 1 file: first a track of title, tempos, metres, keys, section marks and chords ("chord:…" markers), then a track
for each part. Losses: tempos are rounded to whole microseconds a quarter; parts without notes keep only their name;
a denominator that is no power of two cannot be written; the end of a note overlapping another of its part and pitch
may go to the other one.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

import numpy as np

from stilo.music.midi import CHORD_PREFIX
from stilo.music.score import NoteArray, Score, Track
from stilo.music.smf import delta_time, joined_smf, variable_length

_DRUM_CHANNEL = 9
_PITCHED_CHANNELS = tuple(channel for channel in range(16) if channel != _DRUM_CHANNEL)
_SLOWEST_MICROSECONDS = 2**24 - 1
_END_OF_TRACK = b"\x00\xff\x2f\x00"


def midi_bytes(score: Score) -> bytes:
    """The score as a Standard MIDI File of type 1."""
    tracks = [_conductor_track(score)]
    for index, (track, place) in enumerate(zip(score.tracks, midi_channels(score.tracks), strict=True)):
        tracks.append(_part_track(track, *place, score.notes[score.notes["track"] == index]))
    return joined_smf(score.ticks_per_quarter, tuple(tracks))


def midi_channels(tracks: Sequence[Track]) -> list[tuple[int, int]]:
    """Port and channel for each part: channel 9 for drums, for the others never 9.

    As long as the fifteen suffice every part has its own. Else parts of one program share a channel, and if there are
    more programs than channels, the others go to further ports.
    """
    pitched = [index for index, track in enumerate(tracks) if not track.is_drum]
    keys = pitched if len(pitched) <= len(_PITCHED_CHANNELS) else [tracks[index].program for index in pitched]
    order = {key: place for place, key in enumerate(dict.fromkeys(keys))}
    places = [(0, _DRUM_CHANNEL)] * len(tracks)
    for index, key in zip(pitched, keys, strict=True):
        port, channel = divmod(order[key], len(_PITCHED_CHANNELS))
        places[index] = (port, _PITCHED_CHANNELS[channel])
    return places


def _meta(kind: int, data: bytes) -> bytes:
    return bytes((0xFF, kind)) + variable_length(len(data)) + data


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "replace")


def _conductor_track(score: Score) -> bytes:
    events: list[tuple[int, bytes]] = []
    if score.title:
        events.append((0, _meta(0x03, _encoded(score.title))))
    for tempo in score.tempos:
        microseconds = min(_SLOWEST_MICROSECONDS, max(1, round(60e6 / tempo.quarters_per_minute)))
        events.append((tempo.onset_ticks, _meta(0x51, microseconds.to_bytes(3, "big"))))
    for signature in score.time_signatures:
        power = signature.denominator.bit_length() - 1
        clocks = max(1, min(255, 96 >> power))  # metronome clicks once a denominator
        data = bytes((min(255, signature.numerator), power, clocks, 8))
        events.append((signature.onset_ticks, _meta(0x58, data)))
    for key in score.key_signatures:
        events.append((key.onset_ticks, _meta(0x59, struct.pack(">bB", key.fifths, key.is_minor))))
    for chord in score.chord_symbols:
        events.append((chord.onset_ticks, _meta(0x06, _encoded(CHORD_PREFIX + chord.label))))
    for marker in score.markers:
        events.append((marker.onset_ticks, _meta(0x06, _encoded(marker.text))))
    events.sort(key=lambda event: event[0])
    pieces: list[bytes] = []
    before = 0
    for onset_ticks, body in events:
        pieces += (delta_time(onset_ticks - before), body)
        before = onset_ticks
    return b"".join(pieces) + _END_OF_TRACK


def _part_track(track: Track, port: int, channel: int, notes: NoteArray) -> bytes:
    opening = b"\x00" + _meta(0x03, _encoded(track.name))
    opening += b"\x00" + _meta(0x21, bytes((port,))) if port else b""
    opening += bytes((0, 0xC0 | channel, track.program & 0x7F))
    onsets = notes["onset_ticks"].astype(np.int64)
    count = len(notes)
    ticks = np.concatenate([onsets, onsets + notes["duration_ticks"]])
    velocities = np.concatenate([notes["velocity"], np.zeros(count, np.int16)])
    pitches = np.concatenate([notes["pitch"], notes["pitch"]])
    # Ends before beginnings, so that a note struck again sounds.
    order = np.lexsort((np.arange(2 * count), velocities > 0, ticks))
    deltas = np.diff(ticks[order], prepend=0).tolist()
    status = 0x90 | channel
    body = [
        delta_time(delta) + bytes((status, pitch, velocity))
        for delta, pitch, velocity in zip(deltas, pitches[order].tolist(), velocities[order].tolist(), strict=True)
    ]
    return opening + b"".join(body) + _END_OF_TRACK
