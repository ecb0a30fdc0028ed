"""The sound inside a RIFF/WAVE block, 16-bit or float; the standard library's `wave` does not read float."""

from __future__ import annotations

import struct

import numpy as np

from stilo.sound.waveform import Samples, Waveform

_PCM, _FLOAT, _EXTENSIBLE = 1, 3, 0xFFFE


def samples_from_wav(data: bytes, bare_sample_rate: int) -> Waveform:
    """The waveform in `data`; without a RIFF header it is taken as stereo of 16 bits at `bare_sample_rate`.

    Raises:
        ValueError: not 16-bit or 32-bit float, cut off, or without sound.
    """
    if not data.startswith(b"RIFF"):
        return Waveform(_from_16_bits(data, 2), bare_sample_rate)
    description, sound = b"", b""
    place = 12
    while place + 8 <= len(data):
        kind, size = struct.unpack_from("<4sI", data, place)
        inside = data[place + 8 : place + 8 + size]
        if kind == b"fmt ":
            description = inside
        elif kind == b"data":
            sound = inside
            break
        place += 8 + size + size % 2
    if len(description) < 16:
        raise ValueError("the WAV says nothing of its format")
    tag, channels, sample_rate, _, _, bits = struct.unpack_from("<HHIIHH", description)
    if tag == _EXTENSIBLE and len(description) >= 26:
        (tag,) = struct.unpack_from("<H", description, 24)
    if not 1 <= channels <= 2:
        raise ValueError(f"the WAV has {channels} channels")
    if (tag, bits) == (_FLOAT, 32):
        whole = len(sound) // (4 * channels) * channels
        return Waveform(np.frombuffer(sound, "<f4", whole).reshape(-1, channels).astype(np.float32), sample_rate)
    if (tag, bits) == (_PCM, 16):
        return Waveform(_from_16_bits(sound, channels), sample_rate)
    raise ValueError(f"the WAV holds {bits} bits of kind {tag}")


def _from_16_bits(data: bytes, channels: int) -> Samples:
    whole = len(data) // (2 * channels) * channels
    return np.frombuffer(data, "<i2", whole).reshape(-1, channels).astype(np.float32) / np.float32(32768)
