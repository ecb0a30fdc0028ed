"""MusicXML files as trees of elements, whatever a stranger put into them.

Nothing is loaded from outside, no entities are expanded, and size, depth and number of elements are bounded.
"""

from __future__ import annotations

import zipfile
import zlib
from io import BytesIO
from xml.etree import ElementTree as ET
from xml.parsers import expat

from stilo.errors import ReadError

MAX_BYTES = 64 * 2**20  # unpacked
MAX_ELEMENTS = 5_000_000
MAX_DEPTH = 64
_MAX_MEMBERS = 1000


class _RefusedError(Exception):
    """The document does what music does not need."""


def musicxml_root(data: bytes, path: str) -> ET.Element:
    """The `score-partwise` element of a file, packed or not; timewise scores are turned round.

    Raises:
        ReadError: no XML, no MusicXML, or beyond the limits.
    """
    if data[:4] == b"PK\x03\x04":
        data = _unpacked(data, path)
    root = parse_xml(data, path)
    if root.tag == "score-timewise":
        return _partwise(root)
    if root.tag != "score-partwise":
        raise ReadError(path, f"is XML but not MusicXML (it begins with <{root.tag[:40]}>)")
    return root


def parse_xml(data: bytes, path: str) -> ET.Element:
    """The root element of an XML document without entities.

    Raises:
        ReadError: the document is broken, declares entities, or is beyond the limits.
    """
    if len(data) > MAX_BYTES:
        raise ReadError(path, f"holds more than {MAX_BYTES >> 20} MiB of XML")
    builder = ET.TreeBuilder()
    parser = expat.ParserCreate()
    parser.buffer_text = True
    depth = count = 0

    def start(tag: str, attributes: dict[str, str]) -> None:
        nonlocal depth, count
        depth, count = depth + 1, count + 1
        if depth > MAX_DEPTH or count > MAX_ELEMENTS:
            raise _RefusedError("is nested or filled beyond what music needs")
        builder.start(tag, attributes)

    def end(tag: str) -> None:
        nonlocal depth
        depth -= 1
        builder.end(tag)

    def refuse(*_: object) -> None:
        raise _RefusedError("declares XML entities, which music does not need and stilo does not expand")

    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.CharacterDataHandler = builder.data
    parser.EntityDeclHandler = refuse
    try:
        parser.Parse(data, True)
        return builder.close()
    except _RefusedError as reason:
        raise ReadError(path, str(reason)) from None
    except (expat.ExpatError, ValueError, LookupError) as reason:
        raise ReadError(path, f"is damaged XML ({reason}); export it again") from None


def _unpacked(data: bytes, path: str) -> bytes:
    try:
        with zipfile.ZipFile(BytesIO(data)) as archive:
            names = [entry.filename for entry in archive.infolist()]
            if len(names) > _MAX_MEMBERS:
                raise ReadError(path, f"is an archive of {len(names)} files, not a score")
            name = _score_name(archive, names, path)
            return _member(archive, name, path)
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError, KeyError, OSError, ValueError):
        raise ReadError(path, "is a damaged or locked archive; export it again as .mxl or .musicxml") from None


def _member(archive: zipfile.ZipFile, name: str, path: str) -> bytes:
    with archive.open(name) as member:
        content = member.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise ReadError(path, f"unpacks to more than {MAX_BYTES >> 20} MiB")
    return content


def _score_name(archive: zipfile.ZipFile, names: list[str], path: str) -> str:
    """The member that the container names, else the first that looks like a score."""
    if "META-INF/container.xml" in names:
        container = parse_xml(_member(archive, "META-INF/container.xml", path), path)
        for rootfile in container.iter():
            name = rootfile.get("full-path", "")
            if rootfile.tag.endswith("rootfile") and name in names and rootfile.get("media-type", "").find("pdf") < 0:
                return name
    for name in names:
        if name.lower().endswith((".musicxml", ".xml")) and not name.startswith(("META-INF", "__MACOSX")):
            return name
    raise ReadError(path, "is an archive without MusicXML inside; export the music as MusicXML (.mxl)")


def _partwise(timewise: ET.Element) -> ET.Element:
    root = ET.Element("score-partwise")
    parts: dict[str, ET.Element] = {}
    measures = 0
    for child in timewise:
        if child.tag != "measure":
            root.append(child)
            continue
        for part in child.iter("part"):
            whole = parts.setdefault(part.get("id", ""), ET.Element("part", id=part.get("id", "")))
            while len(whole) < measures:  # a part that comes in late was silent before
                ET.SubElement(whole, "measure")
            measure = ET.SubElement(whole, "measure", child.attrib)
            measure.extend(part)
        measures += 1
    root.extend(parts.values())
    return root
