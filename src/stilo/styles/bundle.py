"""`.stilo` bundles: a style as one file that can be given away.

A bundle is a zip of style.json, arrays.safetensors and, if it brings one, demo.mid: a short piece composed in the
style. style.json says the SHA-256 of the others (format 2; format 1 had neither the sums nor a demo and is still read).
Opening a stranger's bundle runs no code and fills no disk: nothing is unpacked to files or unpickled, and every
size is checked before bytes are read. A bundle names its sources by file name, title, licence and hash, and says how
many notes each has and which were held out; never by the folders of the person who made it. Of their music it holds
nothing, unless that person says so: then the fingerprints that copies are told by (`originality.kept`), from which the
melodies can be worked out. docs/files.md says all of it.
"""

from __future__ import annotations

import hashlib
import json
import math
import stat
from dataclasses import dataclass
from dataclasses import replace as changed
from pathlib import Path
from typing import Any

from stilo.errors import BundleError, InputError
from stilo.music.atomic import write_whole
from stilo.music.midi import parse_midi
from stilo.music.midi_write import midi_bytes
from stilo.music.score import Score
from stilo.music.timeline import bar_grid
from stilo.music.zips import BROKEN_ZIP
from stilo.styles.archive import pack, shown_size, unpack
from stilo.styles.arrays import LARGEST_ARRAYS_BYTES, arrays_from_bytes, style_to_arrays
from stilo.styles.fields import Fields
from stilo.styles.provenance import file_name
from stilo.styles.style import Style

FORMAT = 2
KIND = "stilo style"
LARGEST_BUNDLE_BYTES = 20 * 2**20
LARGEST_JSON_BYTES = 8 * 2**20
LARGEST_DEMO_BYTES = 64 * 2**10
MOST_DEMO_BARS = 64
MOST_JSON_CONTAINERS = 200_000
DEEPEST_JSON = 32
STYLE, ARRAYS, DEMO = "style.json", "arrays.safetensors", "demo.mid"
MEMBERS = {STYLE: LARGEST_JSON_BYTES, ARRAYS: LARGEST_ARRAYS_BYTES, DEMO: LARGEST_DEMO_BYTES}


@dataclass(frozen=True, eq=False)
class Bundle:
    """What a bundle holds; `demo` is a short piece composed in the style, None where there is none."""

    style: Style
    demo: Score | None = None


def write_bundle(
    style: Style,
    path: str | Path,
    demo: Score | None = None,
    *,
    fingerprints: bool = False,
    replace: bool = False,
) -> None:
    """Write `style` to `path`, whole or not at all; the same style and `demo` give the same bytes.

    Args:
        style: what is given away.
        path: where to.
        demo: a short piece in the style.
        fingerprints: give away the runs of its sources, too. Whoever has the bundle can then tell what is copied from
            them, and can work out their melodies.
        replace: whether a file that is there may be written over.

    Raises:
        WriteError: the place cannot be written, or there is a file without `replace`.
        BundleError: the style is larger than a bundle may be.
        InputError: the style or the demo holds something that no bundle can, and that could not be read again.
    """
    style = _without_folders(style if fingerprints else changed(style, runs=None))
    others = {ARRAYS: style_to_arrays(style)}
    if demo is not None:
        others[DEMO] = midi_bytes(demo)
    envelope = {"kind": KIND, "format": FORMAT, "sha256": {name: _sha256(data) for name, data in others.items()}}
    document = {**envelope, **style.to_json()}
    _check_tree(document)
    text = json.dumps(document, ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":"))
    contents = {STYLE: text.encode(), **others}
    for member, data in contents.items():
        if len(data) > MEMBERS[member]:
            raise BundleError(path, f"the style is too large: {member} passes {shown_size(MEMBERS[member])}")
    packed = pack(contents)
    if len(packed) > LARGEST_BUNDLE_BYTES:
        raise BundleError(path, f"the style is too large: a bundle holds {shown_size(LARGEST_BUNDLE_BYTES)}")
    _bundle_in(packed)  # what could not be read again is not written
    write_whole(path, packed, replace=replace)


def read_bundle(path: str | Path) -> Style:
    """The style in a `.stilo` file; safe on files from strangers.

    Raises:
        BundleError: missing, broken, too large, hostile, or of a newer format.
    """
    return open_bundle(path).style


def open_bundle(path: str | Path) -> Bundle:
    """The style in a `.stilo` file and the piece it brings; safe on files from strangers.

    Raises:
        BundleError: missing, broken, too large, hostile, or of a newer format.
    """
    data = _read_bounded(path)
    try:
        return _bundle_in(data)
    except BROKEN_ZIP as error:
        raise BundleError(path, f"this bundle is broken ({_one_line(error)}); ask for it again") from error
    except InputError as error:
        raise BundleError(path, f"this bundle cannot be used: {_one_line(error)}") from error


def _bundle_in(data: bytes) -> Bundle:
    contents = unpack(data, MEMBERS)
    if not {STYLE, ARRAYS} <= contents.keys():
        raise InputError(f"it must hold {STYLE} and {ARRAYS}")
    document = _parse_document(contents.pop(STYLE))
    _check_sums(document, contents)
    arrays = arrays_from_bytes(contents[ARRAYS])
    style = Style.from_json(document, arrays.embedding, arrays.adapter, arrays.recognition, arrays.rows)
    return Bundle(style, _demo_in(contents[DEMO]) if DEMO in contents else None)


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _check_sums(document: dict[str, Any], others: dict[str, bytes]) -> None:
    """Take the envelope off the document, and hold that the other members are those that it was written with."""
    if document.pop("format") == 1:
        if DEMO in others:
            raise InputError(f"a bundle of format 1 has no {DEMO}")
        return
    sums = Fields(document, "style").mapping("sha256", len(MEMBERS))
    del document["sha256"]
    if sums.keys() != others.keys():
        raise InputError(f"it holds {', '.join(others)}, where {STYLE} tells of {', '.join(sums)[:200] or 'nothing'}")
    for name, data in others.items():
        if sums[name] != _sha256(data):
            raise InputError(f"{name} is not the one that was packed (its SHA-256 differs); ask for the bundle again")


def _demo_in(data: bytes) -> Score:
    demo = parse_midi(data, DEMO)
    if len(bar_grid(demo)) > MOST_DEMO_BARS:
        raise InputError(f"{DEMO} has more than {MOST_DEMO_BARS} bars")
    return demo


def _without_folders(style: Style) -> Style:
    """The same style, its sources named by file alone (of either kind of path)."""
    return changed(style, sources=tuple(changed(source, path=file_name(source)) for source in style.sources))


def _read_bounded(path: str | Path) -> bytes:
    try:
        found = Path(path).stat()
        if not stat.S_ISREG(found.st_mode):
            raise BundleError(path, "this is not a file; give the name of a .stilo bundle")
        if found.st_size > LARGEST_BUNDLE_BYTES:
            raise BundleError(path, f"larger than the {shown_size(LARGEST_BUNDLE_BYTES)} that a bundle may have")
        with Path(path).open("rb") as file:
            return file.read(found.st_size)
    except OSError as error:
        raise BundleError(path, f"cannot be opened ({error.strerror or type(error).__name__})") from error


def _parse_document(data: bytes) -> dict[str, Any]:
    """style.json as an object of a known `format`, which it still says."""
    if data.count(b"[") + data.count(b"{") > MOST_JSON_CONTAINERS:
        raise InputError("style.json holds more lists and objects than a style needs")
    try:
        document = json.loads(data.decode("utf-8"), parse_float=_finite, parse_constant=_finite)
    except RecursionError as error:
        raise InputError("style.json is nested too deeply") from error
    if not isinstance(document, dict) or document.pop("kind", None) != KIND:
        raise InputError("style.json does not describe a style")
    found = document.get("format")
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
