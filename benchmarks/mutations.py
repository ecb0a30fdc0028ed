"""Files as a stranger may have made them: bytes in, other bytes out, drawn by a generator.

What is changed is known to the reader, so that most cases get past the first check: a zip is put together again with
the right checksums, JSON stays JSON, the header of a safetensors block stays parsable. Used by fuzz_bundles.py and by
the tests.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
import struct
import warnings
import zipfile
from collections.abc import Callable, Sequence

import numpy as np

Rng = np.random.Generator
Members = dict[str, bytes]
SIZES = [0, 1, 2, 3, 7, 127, 128, 255, 256, 1023, 32767, 65535, 65536, 2**24, 2**31 - 1, 2**31, 2**32 - 1]
NUMBERS = [*SIZES, -1, -(2**31), 2**53, 2**63, 2**64, 10**30, 10**400, 0.5, -0.0, 1e-300, 1e308, -1e308, 5e-324, 1.5]
TEXTS = [
    "",
    " ",
    "\x00",
    "\x1b[2J",
    "\ud800",
    "é" * 300,
    "x" * 5000,
    "../../x",
    "C:\\x",
    "con",
    "__class__",
    "nan",
    "1e999",
]
MOST_BYTES = 2**18


def one_of(rng: Rng, items: Sequence):
    return items[int(rng.integers(len(items)))]


def with_bytes_changed(data: bytes, rng: Rng) -> bytes:
    """Bytes flipped, set, taken out, doubled, moved, or the end cut off."""
    out = bytearray(data)
    for _ in range(int(rng.integers(1, 6))):
        if not out:
            break
        at = int(rng.integers(len(out)))
        span = int(rng.integers(1, 1 + min(64, len(out) - at)))
        match int(rng.integers(8)):
            case 0 | 1:
                out[at] ^= 1 << int(rng.integers(8))
            case 2 | 3:
                out[at] = int(rng.integers(256))
            case 4:
                del out[at : at + span]
            case 5:
                out[at:at] = out[at : at + span] * int(rng.integers(1, 5))
            case 6:
                size = one_of(rng, SIZES)
                out[at : at + 4] = (size & 0xFFFFFFFF).to_bytes(4, one_of(rng, ["little", "big"]))
            case _:
                del out[at:]
    return bytes(out[:MOST_BYTES])


def zipped(members: Members | list[tuple[str, bytes]], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    packed = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(packed, "w", method) as archive:
        warnings.simplefilter("ignore")
        for name, data in members.items() if isinstance(members, dict) else members:
            archive.writestr(name, data)
    return packed.getvalue()


def members_of(data: bytes) -> Members:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def summed(members: Members) -> Members:
    """The same members, the sums in style.json set right where it still is an object."""
    others = {name: data for name, data in members.items() if name != "style.json"}
    try:
        document = json.loads(members["style.json"])
        if document["format"] == 2:
            document["sha256"] = {name: hashlib.sha256(data).hexdigest() for name, data in others.items()}
        return {**members, "style.json": json.dumps(document).encode()}
    except (ValueError, TypeError, KeyError, RecursionError):
        return members


# --- JSON ---


def strange_value(rng: Rng):
    match int(rng.integers(9)):
        case 0 | 1 | 2:
            value = one_of(rng, NUMBERS)
        case 3:
            value = one_of(rng, TEXTS)
        case 4:
            value = one_of(rng, [None, True, False, [], {}])
        case 5:
            value = [one_of(rng, NUMBERS)] * int(one_of(rng, [1, 2, 300, 5000]))
        case 6:
            value = {one_of(rng, TEXTS): one_of(rng, NUMBERS) for _ in range(3)}
        case 7:
            value = one_of(rng, NUMBERS)
            for _ in range(int(one_of(rng, [5, 31, 33, 200]))):
                value = [value] if rng.random() < 0.5 else {"a": value}
        case _:
            value = float(rng.normal() * 10.0 ** int(rng.integers(-3, 6)))
    return value


def with_json_changed(data: bytes, rng: Rng) -> bytes:
    """Values of the document replaced, doubled, taken out, or swapped."""
    document = json.loads(data)
    for _ in range(int(rng.integers(1, 4))):
        places = list(_places(document))
        if not places:
            break
        holder, key = one_of(rng, places)
        action = rng.random()
        if action < 0.6:
            holder[key] = strange_value(rng)
        elif action < 0.75:
            del holder[key]
        elif action < 0.85:
            other, its = one_of(rng, places)
            holder[key] = json.loads(json.dumps(other[its])) if _has(other, its) else None
        elif isinstance(holder, list):
            holder.extend([holder[key]] * int(one_of(rng, [1, 10, 1000])))
        else:
            holder[one_of(rng, TEXTS)] = strange_value(rng)
    return json.dumps(document).encode("utf-8", "replace")[: 2**20]


def with_values_exchanged(data: bytes, rng: Rng) -> bytes:
    """Numbers, texts and flags of the document replaced by ones that may stand there too."""
    document = json.loads(data)
    leaves = [(holder, key) for holder, key in _places(document) if not isinstance(holder[key], dict | list)]
    for _ in range(int(rng.integers(1, 12))):
        holder, key = one_of(rng, leaves)
        value = holder[key]
        if isinstance(value, bool) or value is None:
            holder[key] = one_of(rng, [True, False, None])
        elif isinstance(value, str):
            other, its = one_of(rng, leaves)
            holder[key] = (
                other[its] if isinstance(other[its], str) else one_of(rng, ["", "A", "C minor", "[b]x[/b]", "1/4"])
            )
        else:
            holder[key] = one_of(rng, [0, 1, -1, value * 0.5, value * 2, value + 1, int(value), 0.0, 1.0, 127, 1e-9])
    return json.dumps(document).encode()


def _has(holder, key) -> bool:
    return key in holder if isinstance(holder, dict) else key < len(holder)


def _places(value):
    """(holder, key) of every value in a document."""
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in pairs:
        yield value, key
        yield from _places(inner)


def with_numbers_changed(data: bytes, rng: Rng) -> bytes:
    """Some of the numbers that are written out in a text become others."""
    found = list(re.finditer(rb"-?\d+(?:\.\d+)?", data))
    for place in sorted(rng.integers(len(found), size=int(rng.integers(1, 4))).tolist() if found else [], reverse=True):
        match = found[place]
        new = one_of(rng, [*NUMBERS[:-8], "NaN", "Infinity", "-", "1" * 5000, "1e5", "0x10", "1_0", "٣"])
        data = data[: match.start()] + str(new).encode() + data[match.end() :]
    return data


# --- safetensors ---


def with_header_changed(data: bytes, rng: Rng) -> bytes:
    """The header of a safetensors block: kinds, shapes, places, names, its length."""
    size = int.from_bytes(data[:8], "little")
    header, body = json.loads(data[8 : 8 + size]), data[8 + size :]
    name = one_of(rng, [name for name in header if name != "__metadata__"])
    entry = header[name]
    match int(rng.integers(9)):
        case 0:
            entry["dtype"] = one_of(rng, ["F64", "I64", "BOOL", "F8_E4M3", "BF16", "U8", "F16", "f32", None, 3, []])
        case 1:
            entry["shape"] = [one_of(rng, NUMBERS) for _ in range(int(rng.integers(0, 6)))]
        case 2:
            entry["shape"] = one_of(rng, [None, {}, "12", [True], [1] * 1000, [-1, -1], [[3]], [2**32, 2**32]])
        case 3:
            entry["data_offsets"] = [one_of(rng, NUMBERS) for _ in range(int(rng.integers(0, 4)))]
        case 4:
            entry["data_offsets"] = header[one_of(rng, [n for n in header if n != "__metadata__"])]["data_offsets"]
        case 5:
            header[
                one_of(rng, ["", "adapter/", "adapter/\x00", "adapter/" + "x" * 500, "__metadata__", "recognition"])
            ] = entry
        case 6:
            header["__metadata__"] = one_of(
                rng, [None, 1, [], {"adapter": 1}, {"adapter": "yes"}, {"adapter": "no"}, {}]
            )
        case 7:
            body = with_bytes_changed(body, rng)
        case _:
            count = int(np.prod(entry["shape"], dtype=np.int64))
            strange = np.full(count, one_of(rng, [np.nan, np.inf, 1e30, -0.0]))
            begin, end = entry["data_offsets"]
            with np.errstate(over="ignore"):
                kept = strange.astype("<f2" if entry["dtype"] == "F16" else "<f4").tobytes()
            body = body[:begin] + kept + body[end:]
    text = json.dumps(header).encode()
    length = len(text) if rng.random() < 0.9 else one_of(rng, SIZES)
    return length.to_bytes(8, "little") + text + body


# --- zip ---


def with_zip_forged(data: bytes, rng: Rng) -> bytes:
    """Fields of the zip's records set to what they are not."""
    out = bytearray(data)
    for _ in range(int(rng.integers(1, 4))):
        records = [match.start() for match in re.finditer(rb"PK(?:\x01\x02|\x03\x04|\x05\x06)", bytes(out))]
        if not records:
            break
        at = one_of(rng, records) + int(rng.integers(4, 46))
        width = int(one_of(rng, [1, 2, 4]))
        size = one_of(rng, [*SIZES, len(data), len(data) - 22])
        out[at : at + width] = (size % 256**width).to_bytes(width, "little")
    if rng.random() < 0.1:
        end = bytes(out[-22:])
        out[-22:] = b"PK\x06\x07" + struct.pack("<IQI", 0, one_of(rng, SIZES), 1) + end
    return bytes(out)


def with_members_changed(members: Members, rng: Rng) -> bytes:
    """Members missing, twice, renamed, emptied, exchanged, added, packed otherwise."""
    items = list(members.items())
    at = int(rng.integers(len(items)))
    name, data = items[at]
    match int(rng.integers(7)):
        case 0:
            del items[at]
        case 1:
            items.append(items[at])
        case 2:
            items[at] = (
                one_of(rng, [name.upper(), "../" + name, "/" + name, name + "/", name + "\x00", "é", " "]),
                data,
            )
        case 3:
            items[at] = (name, b"")
        case 4:
            items[at] = (name, one_of(rng, items)[1])
        case 5:
            items.append((one_of(rng, ["demo.mid", "x.pkl", "a/b", "style.json "]), data))
        case _:
            items[at] = (name, data + b" " * int(one_of(rng, [1, 2**16, 2**21, 9 * 2**20])))
    return zipped(items, one_of(rng, [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA]))


def strange_bundle(seeds: Sequence[bytes], rng: Rng) -> bytes:
    """A bundle made of one of `seeds`, changed in one of the places where a bundle can be."""
    data = one_of(rng, seeds)
    kind = int(rng.integers(11))
    if kind == 0:
        return with_bytes_changed(data, rng)
    if kind == 1:
        return with_zip_forged(data, rng)
    members = members_of(data)
    if kind == 2:
        return with_members_changed(members, rng)
    change: Callable[[bytes, Rng], bytes]
    name, change = [
        ("style.json", with_json_changed),
        ("style.json", with_values_exchanged),
        ("style.json", with_values_exchanged),
        ("style.json", with_numbers_changed),
        ("style.json", with_bytes_changed),
        ("arrays.safetensors", with_header_changed),
        ("demo.mid", strange_midi),
        ("demo.mid", with_bytes_changed),
    ][kind - 3]
    if name not in members:
        return with_bytes_changed(data, rng)
    members[name] = change(members[name], rng)
    members = summed(members) if name != "style.json" or rng.random() < 0.5 else members
    return zipped(members, one_of(rng, [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED]))


# --- music ---

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
