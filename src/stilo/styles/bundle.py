"""`.stilo` bundles: a style as one file that can be given away.

A bundle is a zip of exactly two members, style.json and arrays.safetensors. Opening a stranger's bundle runs no code
and fills no disk: nothing is unpacked to files, nothing is unpickled, and every size is checked before bytes are read.
A bundle names its sources by file name, licence and hash, never by the folders of the person who made it. Of their
music it holds hashes of short runs and the bars that these stand in, to tell copies by (`originality.kept`).
"""

from __future__ import annotations

import json
import math
import stat
import struct
import zipfile
import zlib
from dataclasses import replace
from io import BytesIO
from pathlib import Path, PurePath
from typing import Any

from stilo.errors import BundleError, InputError
from stilo.music.atomic import write_whole
from stilo.styles.arrays import LARGEST_ARRAYS_BYTES, arrays_from_bytes, style_to_arrays
from stilo.styles.style import Style

FORMAT = 1
KIND = "stilo style"
LARGEST_BUNDLE_BYTES = 20 * 2**20
LARGEST_JSON_BYTES = 8 * 2**20
MOST_JSON_CONTAINERS = 200_000
DEEPEST_JSON = 32
MEMBERS = {"style.json": LARGEST_JSON_BYTES, "arrays.safetensors": LARGEST_ARRAYS_BYTES}

_END_RECORD_BYTES = 22  # the zip's end record without a comment, as every bundle ends
_LARGEST_DIRECTORY_BYTES = 4096
_FIXED_MOMENT = (1980, 1, 1, 0, 0, 0)
_BROKEN_ZIP = (zipfile.BadZipFile, zlib.error, struct.error, EOFError, RuntimeError, ValueError, OSError)


def write_bundle(style: Style, path: str | Path) -> None:
    """Write `style` to `path`, whole or not at all; the same style gives the same bytes.

    Raises:
        WriteError: the place cannot be written.
        BundleError: the style is larger than a bundle may be.
        InputError: the style holds something that no bundle can, and that could not be read again.
    """
    document = {"kind": KIND, "format": FORMAT, **_without_folders(style).to_json()}
    _check_tree(document)
    text = json.dumps(document, ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":"))
    contents = {"style.json": text.encode(), "arrays.safetensors": style_to_arrays(style)}
    for member, data in contents.items():
        if len(data) > MEMBERS[member]:
            raise BundleError(path, f"the style is too large: {member} passes {MEMBERS[member] // 2**20} MiB")
    packed = BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for member, data in contents.items():
            archive.writestr(_member_info(member), data, zipfile.ZIP_DEFLATED, compresslevel=9)
    if packed.tell() > LARGEST_BUNDLE_BYTES:
        raise BundleError(path, f"the style is too large: a bundle holds {LARGEST_BUNDLE_BYTES // 2**20} MiB")
    _style_in(packed.getvalue())  # what could not be read again is not written
    write_whole(path, packed.getvalue())


def read_bundle(path: str | Path) -> Style:
    """The style in a `.stilo` file; safe on files from strangers.

    Raises:
        BundleError: missing, broken, too large, hostile, or of a newer format.
    """
    data = _read_bounded(path)
    try:
        return _style_in(data)
    except _BROKEN_ZIP as error:
        raise BundleError(path, f"this bundle is broken ({_one_line(error)}); ask for it again") from error
    except InputError as error:
        raise BundleError(path, f"this bundle cannot be used: {_one_line(error)}") from error


def _style_in(data: bytes) -> Style:
    contents = _unpack(data)
    arrays = arrays_from_bytes(contents["arrays.safetensors"])
    document = _parse_document(contents["style.json"])
    return Style.from_json(document, arrays.embedding, arrays.adapter, arrays.recognition, arrays.rows)


def _without_folders(style: Style) -> Style:
    """The same style, its sources named by file alone (of either kind of path), in the advice too."""
    names = {source.path: PurePath(source.path.replace("\\", "/")).name for source in style.sources}
    sources = tuple(replace(source, path=names[source.path]) for source in style.sources)
    proof = style.proof
    for path in sorted(names, key=len, reverse=True):
        if proof is not None and path in proof.advice:
            proof = replace(proof, advice=proof.advice.replace(path, names[path]))
    return replace(style, sources=sources, proof=proof)


def _member_info(member: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(member, _FIXED_MOMENT)
    info.create_system = 3
    info.external_attr = 0o100644 << 16
    return info


def _read_bounded(path: str | Path) -> bytes:
    try:
        found = Path(path).stat()
        if not stat.S_ISREG(found.st_mode):
            raise BundleError(path, "this is not a file; give the name of a .stilo bundle")
        if found.st_size > LARGEST_BUNDLE_BYTES:
            raise BundleError(path, f"larger than the {LARGEST_BUNDLE_BYTES // 2**20} MiB that a bundle may have")
        with Path(path).open("rb") as file:
            return file.read(found.st_size)
    except OSError as error:
        raise BundleError(path, f"cannot be opened ({error.strerror or type(error).__name__})") from error


def _unpack(data: bytes) -> dict[str, bytes]:
    """The two members by name, each within its bound."""
    _check_end_record(data)
    with zipfile.ZipFile(BytesIO(data)) as archive:
        members = archive.infolist()
        if sorted(info.filename for info in members) != sorted(MEMBERS):
            raise InputError("it must hold style.json and arrays.safetensors and nothing else")
        return {info.filename: _read_member(archive, info) for info in members}


def _check_end_record(data: bytes) -> None:
    """Refuse a zip whose directory is larger than two members need, before zipfile reads it."""
    end = data[-_END_RECORD_BYTES:]
    if len(end) < _END_RECORD_BYTES or not end.startswith(b"PK\x05\x06"):
        raise InputError("it is not a .stilo bundle, or it is cut off")
    entries = int.from_bytes(end[10:12], "little")
    directory_bytes = int.from_bytes(end[12:16], "little")
    has_zip64_record = data[-_END_RECORD_BYTES - 20 : -_END_RECORD_BYTES].startswith(b"PK\x06\x07")
    if entries != len(MEMBERS) or directory_bytes > _LARGEST_DIRECTORY_BYTES or has_zip64_record:
        raise InputError("it must hold style.json and arrays.safetensors and nothing else")


def _read_member(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes:
    bound = MEMBERS[info.filename]
    if info.file_size > bound:
        raise InputError(f"{info.filename} passes {bound // 2**20} MiB")
    if info.flag_bits & 0x1 or info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise InputError(f"{info.filename} is encrypted or packed in an unknown way")
    with archive.open(info) as member:
        data = member.read(info.file_size + 1)
    if len(data) != info.file_size:
        raise InputError(f"{info.filename} is not as long as it says")
    return data


def _parse_document(data: bytes) -> dict[str, Any]:
    """style.json as an object of the known format, without its envelope."""
    if data.count(b"[") + data.count(b"{") > MOST_JSON_CONTAINERS:
        raise InputError("style.json holds more lists and objects than a style needs")
    try:
        document = json.loads(data.decode("utf-8"), parse_float=_finite, parse_constant=_finite)
    except RecursionError as error:
        raise InputError("style.json is nested too deeply") from error
    if not isinstance(document, dict) or document.pop("kind", None) != KIND:
        raise InputError("style.json does not describe a style")
    found = document.pop("format", None)
    if type(found) is not int or found < 1:
        raise InputError("style.json does not say its format")
    if found > FORMAT:
        raise InputError(f"it was written by a newer stilo (format {found}, this one reads {FORMAT}); update stilo")
    _check_tree(document)
    return document


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise InputError(f"style.json holds {text[:20]}, which is no finite number")
    return value


def _check_tree(document: dict[str, Any]) -> None:
    """Refuse nesting beyond any style's, and text that cannot be shown."""
    level: list[Any] = [document]
    for _ in range(DEEPEST_JSON):
        inner: list[Any] = []
        for value in level:
            if isinstance(value, dict):
                inner.extend(value.keys())
                inner.extend(value.values())
            elif isinstance(value, list | tuple):
                inner.extend(value)
            elif isinstance(value, str) and not value.isprintable():
                raise InputError("style.json holds text that cannot be printed")
        if not inner:
            return
        level = inner
    raise InputError("style.json is nested too deeply")


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__
