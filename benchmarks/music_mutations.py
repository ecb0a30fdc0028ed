"""Music as a stranger may have written it: MIDI, MusicXML and ABC, changed where each of them can be."""

from __future__ import annotations

import re
from collections.abc import Sequence

from byte_mutations import (
    MOST_BYTES,
    NUMBERS,
    SIZES,
    Rng,
    members_of,
    one_of,
    with_bytes_changed,
    with_numbers_changed,
    with_zip_forged,
    zipped,
)

_EVENTS = [
    b"\x00\xff\x51\x03\x00\x00\x00", b"\x00\xff\x51\x03\xff\xff\xff", b"\x00\xff\x58\x04\x00\x00\x00\x00",
    b"\x00\xff\x58\x04\xff\xff\x01\x01", b"\x00\xff\x58\x04\x01\x07\x01\x01", b"\x00\xff\x59\x02\x80\x05",
    b"\x00\xff\x2f\x00", b"\xff\xff\xff\x7f\x90\x3c\x40", b"\x00\x90\x3c\x00", b"\x00\x9f\x7f\x7f",
    b"\x00\xf0\x03\x01\x02\xf7",
    b"\x00\xff\x06\x07chord:A", b"\x00\xff\x03\xff\xff\xff\x7f", b"\x00\xff\x7f\x00", b"\x00\xe0\x00\x40",
    b"\x00\xc0\xff",
    b"\x00\xff\x21\x01\xff", b"\x00\xff\x06\x10chord:C:maj7(#11)", b"\x00\xff\x03\x04\xff\xfe\xfd\xfc",
]  # fmt: skip
_ABC = [
    "|:", ":|", "::", "[1", "[2", "|]", "(3", "(9:8:7", "(0:0:0", "z999", "Z99999", "C/0", "C99999/3", "C//////////",
    "^^__=c",
    "[CEG]/0", "[", "]", "{", "}", "-", ">", "<<<<", "&", "\"Am7\"", "\"", "!", "+", "[M:0/0]", "[L:1/0]", "[Q:1/0=0]",
    "[K:]",
    "[V:99]", "\nM:999/1\n", "\nL:0\n", "\nQ:1/4=1e9\n", "\nK:H\n", "\nV:1\n", "\nP:A99999\n",
    "\n%%MIDI program 999\n",
    "\nX:2\nK:C\nC",
    "\nw: la\n", "c'''''''''''''", "C,,,,,,,,,,,,,,", "\\\n", "x8", "y", "~", "$", "\u0663",
]  # fmt: skip


def strange_midi(data: bytes, rng: Rng) -> bytes:
    """A MIDI file with other header fields, track lengths, or events where they do not belong."""
    out = bytearray(data)
    for _ in range(int(rng.integers(1, 4))):
        match int(rng.integers(4)):
            case 0:
                at = int(rng.integers(4, 14))
                out[at : at + 2] = (one_of(rng, SIZES) & 0xFFFF).to_bytes(2, "big")
            case 1:
                tracks = [match.end() for match in re.finditer(b"MTrk", bytes(out))]
                if tracks:
                    at = one_of(rng, tracks)
                    out[at : at + 4] = (one_of(rng, SIZES) & 0xFFFFFFFF).to_bytes(4, "big")
            case 2:
                at = int(rng.integers(len(out)))
                out[at:at] = one_of(rng, _EVENTS)
            case _:
                at = int(rng.integers(len(out)))
                out[at] = one_of(rng, [0x00, 0x7F, 0x80, 0x90, 0xC0, 0xF0, 0xF7, 0xFF])
    return bytes(out)


def strange_xml(data: bytes, rng: Rng) -> bytes:
    """A MusicXML file with elements taken out, doubled, exchanged, or holding something else."""
    for _ in range(int(rng.integers(1, 4))):
        tags = list(re.finditer(rb"<([a-z-]+)[^<>]*>([^<>]*)</\1>|<[a-z-]+[^<>]*/>", data))
        if not tags:
            break
        tag, other = one_of(rng, tags), one_of(rng, tags)
        match int(rng.integers(5)):
            case 0:
                new = b""
            case 1:
                new = tag[0] * int(one_of(rng, [2, 3, 50]))
            case 2:
                new = other[0]
            case 3 if tag[2] is not None:
                value = one_of(rng, [str(number) for number in NUMBERS[:-8]] + ["", "x", "-1", "NaN", "3+2", "1e99"])
                new = tag[0].replace(b">" + tag[2] + b"<", b">" + value.encode() + b"<")
            case _:
                new = (
                    tag[0]
                    + b"<"
                    + one_of(rng, [b"backup><duration>9999", b"forward><duration>-5", b"a><b>"])
                    + b"</duration>"
                )
        data = data[: tag.start()] + new + data[tag.end() :]
    return data[: 2 * MOST_BYTES]


def strange_abc(data: bytes, rng: Rng) -> bytes:
    """ABC with signs where they do not belong."""
    text = data.decode("utf-8", "replace")
    for _ in range(int(rng.integers(1, 6))):
        at = int(rng.integers(len(text) + 1))
        cut = int(rng.integers(0, 4)) if rng.random() < 0.3 else 0
        text = text[:at] + one_of(rng, _ABC) * int(one_of(rng, [1, 1, 1, 2, 40])) + text[at + cut :]
    return text.encode()


def strange_music(seeds: Sequence[bytes], rng: Rng) -> bytes:
    """A MIDI, MusicXML or ABC file made of one of `seeds`."""
    data = one_of(rng, seeds)
    if rng.random() < 0.25:
        return with_bytes_changed(data, rng)
    if data[:4] in (b"MThd", b"RIFF"):
        return strange_midi(data, rng)
    if data[:2] == b"PK":
        members = members_of(data)
        members = {name: strange_xml(inside, rng) for name, inside in members.items()}
        return zipped(members) if rng.random() < 0.7 else with_zip_forged(data, rng)
    if data.lstrip()[:1] == b"<":
        return strange_xml(data, rng) if rng.random() < 0.8 else with_numbers_changed(data, rng)
    return strange_abc(data, rng) if rng.random() < 0.8 else with_numbers_changed(data, rng)
