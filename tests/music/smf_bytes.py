"""Small Standard MIDI Files, byte by byte, as no library would write them."""

import struct


def variable_length(value):
    groups = [value & 127]
    while value := value >> 7:
        groups.append(value & 127 | 128)
    return bytes(reversed(groups))


def track(*events, ends=True):
    data = b"".join(variable_length(delta) + body for delta, body in events) + (b"\0\xff\x2f\0" if ends else b"")
    return b"MTrk" + struct.pack(">I", len(data)) + data


def smf(*tracks, form=1, division=480, count=None):
    return b"MThd" + struct.pack(">IHHH", 6, form, len(tracks) if count is None else count, division) + b"".join(tracks)


def on(pitch, velocity=64, channel=0):
    return bytes([0x90 | channel, pitch, velocity])


def off(pitch, channel=0):
    return bytes([0x80 | channel, pitch, 0])


def meta(kind, data):
    return bytes([0xFF, kind]) + variable_length(len(data)) + data


QUARTER = ((0, on(60)), (480, off(60)))
