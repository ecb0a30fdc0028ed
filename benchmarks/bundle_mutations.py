"""Bundles as a stranger may have made them.

What is changed is known to the reader, so that most cases get past the first check: a zip is put together again with
the right checksums, JSON stays JSON, the header of a safetensors block stays parsable.
"""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Callable, Sequence

import numpy as np

from byte_mutations import (
    NUMBERS,
    SIZES,
    Members,
    Rng,
    members_of,
    one_of,
    with_bytes_changed,
    with_numbers_changed,
    with_zip_forged,
    zipped,
)
from music_mutations import strange_midi

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


LENGTHS = [2**20, 2**22, 2**23 - 2**17, 2**23]
MOST_JSON_BYTES = 9 * 2**20  # more than a bundle may hold, so that its bound is tried


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
    """Values of the document replaced, doubled, taken out, or swapped; at times as long as a document may be."""
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
    if rng.random() < 0.01:
        document["padding"] = "x" * int(one_of(rng, LENGTHS))
    return json.dumps(document).encode("utf-8", "replace")[:MOST_JSON_BYTES]


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
            kept = _packed(strange, entry["dtype"])
            body = body[:begin] + kept + body[end:]
    text = json.dumps(header).encode()
    length = len(text) if rng.random() < 0.9 else one_of(rng, SIZES)
    return length.to_bytes(8, "little") + text + body


_PIECES = 1500
_KINDS = {"F16": "<f2", "F32": "<f4", "U16": "<u2", "U32": "<u4", "I32": "<i4"}


def _packed(values: np.ndarray, kind: str) -> bytes:
    with np.errstate(over="ignore", invalid="ignore"):
        return values.astype(_KINDS[kind]).tobytes()


def with_runs_changed(data: bytes, rng: Rng) -> bytes:
    """The columns of the runs: one value all over or in places, the order, one row many times, all longer."""
    size = int.from_bytes(data[:8], "little")
    header, body = json.loads(data[8 : 8 + size]), data[8 + size :]
    columns = {
        name: np.frombuffer(body[slice(*entry["data_offsets"])], _KINDS[entry["dtype"]]).copy()
        for name, entry in header.items()
        if name.startswith("runs/")
    }
    if not columns:
        return data
    name = one_of(rng, sorted(columns))
    column = columns[name]
    rows = len(column)
    number = one_of(
        rng, [0, 1, 2, 7, 8, 255, 32767, 65534, 65535, 2**31 - 1, 2**32 - 1, int(column[rng.integers(rows)])]
    )
    match int(rng.integers(7)):
        case 0:
            column[:] = number & np.iinfo(column.dtype).max
        case 1:
            column[rng.integers(rows, size=int(rng.integers(1, 9)))] = number & np.iinfo(column.dtype).max
        case 2:
            columns = {key: values[::-1] for key, values in columns.items()}
        case 3:
            columns[name] = np.sort(rng.integers(0, np.iinfo(column.dtype).max, rows)).astype(column.dtype)
        case 4:  # one row as often as may be, or more often
            at, times = int(rng.integers(rows)), int(one_of(rng, [2, 8, 9, 1000]))
            columns = {key: np.insert(values, at, [values[at]] * times) for key, values in columns.items()}
        case 5:  # nearly as many rows as a style may keep: a thousand pieces share every run
            once = np.unique(columns["runs/hash"], return_index=True)[1]
            columns = {key: np.repeat(values[once], _PIECES) for key, values in columns.items()}
            columns["runs/piece"] = np.tile(np.arange(_PIECES), len(once)).astype("<u2")
        case _:
            columns = {key: values[: max(1, rows // 2)] for key, values in columns.items()}
    kinds = {kind: key for key, kind in _KINDS.items()}
    packed = {key: body[slice(*entry["data_offsets"])] for key, entry in header.items() if key != "__metadata__"}
    packed |= {key: values.tobytes() for key, values in columns.items()}
    at = 0
    for key, values in packed.items():
        entry = header[key]
        if key in columns:
            entry |= {"dtype": kinds[columns[key].dtype.str], "shape": [len(columns[key])]}
        entry["data_offsets"] = [at, at := at + len(values)]
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + b"".join(packed.values())


def with_run_figures_changed(data: bytes, rng: Rng) -> bytes:
    """The figures beside the runs: their version, shares and level; and how many sources there are."""
    document = json.loads(data)
    runs = document.get("runs")
    if not isinstance(runs, dict):
        return data
    number = one_of(rng, [0, 0.0, 1e-9, 0.5, 1, 1.5, 10, 49.9, 50, 50.1, 1e9, -1, 1e308, 200, 201, 2**31, None, True])
    match int(rng.integers(5)):
        case 0:
            runs["kept"][int(rng.integers(4))] = number
        case 1:
            runs["kept"] = one_of(rng, [[number] * 4, [number] * 3, [1.0] * 5000, number, {}])
        case 2 | 3:
            runs["level"][one_of(rng, ["p50", "p95", "pieces", "quoting", "copy"])] = number
        case _:
            document["sources"] = document["sources"] * int(one_of(rng, [0, 1, 50, 120]))
    if rng.random() < 0.3:
        runs["level"] |= {"p50": 0.0, "p95": one_of(rng, [0.0, 1.0, 28.0, 50.0])}
    return json.dumps(document).encode()


# --- the zip and its members ---


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


def mild_bundle(seeds: Sequence[bytes], rng: Rng) -> bytes:
    """A bundle that is likely to be accepted, so that what comes after must bear it."""
    members = members_of(one_of(rng, seeds))
    document = json.loads(members["style.json"])
    whole = rng.random() < 0.3
    part = document if whole else {name: document[name] for name in ("palette", "proof")}
    leaves = [(holder, key) for holder, key in _places(part) if not isinstance(holder[key], dict | list)]
    for _ in range(int(rng.integers(1, 9))):
        holder, key = one_of(rng, leaves)
        if key not in ("kind", "format", "base_model", "version"):
            holder[key] = _mild_value(holder[key], rng)
    members["style.json"] = json.dumps(document).encode()
    if rng.random() < 0.5:
        members["arrays.safetensors"] = _with_an_array_filled(members["arrays.safetensors"], rng)
    return zipped(summed(members), zipfile.ZIP_STORED)


def _mild_value(value, rng: Rng):
    if isinstance(value, bool):
        return one_of(rng, [True, False])
    if isinstance(value, str):
        return one_of(rng, [value, "", "A minor", "drums", "F# major"])
    if isinstance(value, int):
        return one_of(rng, [0, 1, value, 127, 255, 1000, 3])
    return one_of(rng, [0.0, 1.0, value / 2, value * 1e-9]) if isinstance(value, float) else value


def _with_an_array_filled(data: bytes, rng: Rng) -> bytes:
    """One of the arrays with one number all over."""
    size = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + size])
    entry = header[one_of(rng, [name for name in header if name != "__metadata__"])]
    begin, end = (8 + size + place for place in entry["data_offsets"])
    number = one_of(rng, [0.0, 30.0, -999.0, 6e4, -6e4, 1e38, -1e38])
    filled = np.full((end - begin) // np.dtype(_KINDS[entry["dtype"]]).itemsize, number)
    return data[:begin] + _packed(filled, entry["dtype"]) + data[end:]


def _with_many_sources(data: bytes) -> bytes:
    document = json.loads(data)
    return json.dumps({**document, "sources": document["sources"] * _PIECES}).encode()


def strange_bundle(seeds: Sequence[bytes], rng: Rng) -> bytes:
    """A bundle made of one of `seeds`, changed in one of the places where a bundle can be."""
    data = one_of(rng, seeds)
    kind = int(rng.integers(14))
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
        ("arrays.safetensors", with_runs_changed),
        ("arrays.safetensors", with_runs_changed),
        ("style.json", with_run_figures_changed),
    ][kind - 3]
    if name not in members:
        return with_bytes_changed(data, rng)
    members[name] = change(members[name], rng)
    if change is with_runs_changed and rng.random() < 0.5:  # as many sources as the rows may speak of
        members["style.json"] = _with_many_sources(members["style.json"])
    members = summed(members) if name != "style.json" or rng.random() < 0.5 else members
    return zipped(members, one_of(rng, [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED]))
