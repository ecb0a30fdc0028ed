"""Music files: what they are, reading and writing them.

What a file is, its content says, not its ending: a MIDI file called `.xml` is read as MIDI.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path

from stilo.errors import ReadError, WriteError
from stilo.music.atomic import write_whole
from stilo.music.score import Score

MUSIC_ENDINGS = frozenset({".mid", ".midi", ".kar", ".rmi", ".smf", ".musicxml", ".mxl", ".xml", ".abc"})
WRITTEN_ENDINGS = (".mid", ".midi", ".musicxml", ".xml", ".mxl")
MAX_BYTES = 64 * 2**20

# What else people have, and what to do about it.
_FOREIGN: tuple[tuple[bytes, str], ...] = (
    (b"RIFF", "is an audio or other RIFF file, not notes"),
    (b"fLaC", "is FLAC audio, not notes"),
    (b"OggS", "is Ogg audio, not notes"),
    (b"ID3", "is MP3 audio, not notes"),
    (b"%PDF", "is a PDF; export the music as MusicXML or MIDI"),
    (b"\x1f\x8b", "is a gzip archive; unpack it first"),
    (b"FORM", "is an AIFF or other FORM file, not notes"),
    (b"MEI", "is MEI; export the music as MusicXML or MIDI"),
    (b"!!!", "is Humdrum; export the music as MusicXML or MIDI"),
    (b"**kern", "is Humdrum; export the music as MusicXML or MIDI"),
)


def read_score(path: str | Path) -> Score:
    """Read a file of music: MIDI, MusicXML (also packed) or ABC. Of several pieces in it, the first.

    Raises:
        ReadError: the file cannot be read as music; one line that says why.
    """
    return read_scores(path)[0]


def read_scores(path: str | Path) -> list[Score]:
    """Read all the pieces of a file: tune books and type 2 MIDI files hold several, all others one.

    Raises:
        ReadError: the file cannot be read as music; one line that says why.
    """
    return parse_scores(read_music(path), str(path))


def parse_scores(data: bytes, path: str = "music data") -> list[Score]:
    """Read all the pieces in the bytes of a file; `path` is what errors call it.

    Raises:
        ReadError: see `read_scores`.
    """
    kind = kind_of(data, path)
    if kind == "midi":
        from stilo.music.midi import parse_midi_pieces

        return parse_midi_pieces(data, path)
    if kind == "abc":
        from stilo.music.abc import parse_tune_book

        return parse_tune_book(data, path)
    from stilo.music.musicxml import parse_musicxml

    return [parse_musicxml(data, path)]


def kind_of(data: bytes, path: str = "music data") -> str:
    """What the bytes are: "midi", "musicxml" (packed or not) or "abc".

    Raises:
        ReadError: none of these.
    """
    if not data:
        raise ReadError(path, "is empty")
    if data[:4] == b"MThd" or (data[:4] == b"RIFF" and data[8:12] == b"RMID"):
        return "midi"
    if data[:4] == b"PK\x03\x04":
        return "musicxml"
    for start, reason in _FOREIGN:
        if data.startswith(start):
            raise ReadError(path, reason)
    opening = _opening_text(data)
    if opening.startswith("<"):
        return "musicxml"
    if re.search(r"^(?:X:|K:|%abc)", opening, re.MULTILINE):
        return "abc"
    raise ReadError(path, "is no music that can be read; MIDI, MusicXML and ABC files are")


def _opening_text(data: bytes) -> str:
    head = data[:65536]
    if head[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return head[: len(head) // 2 * 2].decode("utf-16", "replace").lstrip("\ufeff \t\r\n")
    return head.decode("utf-8", "replace").lstrip("\ufeff \t\r\n")


def read_music(path: str | Path) -> bytes:
    """The bytes of an ordinary file of at most `MAX_BYTES`, as `parse_scores` takes them.

    Raises:
        ReadError: it is not there, no ordinary file, too large, or cannot be opened.
    """
    path = Path(path)
    try:
        if path.is_dir():
            raise ReadError(path, "is a folder; name a file")
        if path.exists() and not path.is_file():
            raise ReadError(path, "is no ordinary file")
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise ReadError(path, f"is {size >> 20} MiB; music files of at most {MAX_BYTES >> 20} MiB are read")
        with path.open("rb") as file:
            return file.read(size)
    except FileNotFoundError:
        raise ReadError(path, "does not exist") from None
    except (OSError, ValueError) as reason:
        said = reason.strerror if isinstance(reason, OSError) and reason.strerror else str(reason)
        raise ReadError(path, f"cannot be opened ({said})") from None


def music_files(paths: Iterable[str | Path]) -> list[Path]:
    """The files named, and the music files in the folders named, folders walked in sorted order, each file once.

    Hidden files and folders are passed over. A file named itself is taken whatever its ending.

    Raises:
        ReadError: a path that does not exist, or a folder without any music file.
    """
    found: dict[Path, None] = {}
    for given in paths:
        path = Path(given)
        is_folder, exists = _look(path)
        if is_folder:
            inside = list(_walk(path))
            if not inside:
                raise ReadError(path, f"holds no music files ({' '.join(sorted(MUSIC_ENDINGS))})")
            found.update(dict.fromkeys(inside))
        elif exists:
            found[path] = None
        else:
            raise ReadError(path, "does not exist")
    return list(found)


def _look(path: Path) -> tuple[bool, bool]:
    """Whether the path is a folder, and whether it is anything at all."""
    try:
        return path.is_dir(), path.exists()
    except OSError as error:  # a name longer than the system knows
        raise ReadError(path, f"cannot be looked for ({error.strerror or type(error).__name__})") from error


def _walk(folder: Path) -> Iterable[Path]:
    for where, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith((".", "__MACOSX")))
        for name in sorted(names):
            if not name.startswith(".") and Path(name).suffix.lower() in MUSIC_ENDINGS:
                yield Path(where) / name


def write_score(score: Score, path: str | Path) -> None:
    """Write a score; the ending says as what: `.mid` `.midi`, `.musicxml` `.xml`, `.mxl`.

    MIDI keeps all times as they are; MusicXML writes the quantised score. The file appears whole or not at all.

    Raises:
        WriteError: an unknown ending, or a place that cannot be written.
    """
    target = Path(path)
    ending = target.suffix.lower()
    if ending not in WRITTEN_ENDINGS:
        raise WriteError(target, f"scores are written as {' '.join(WRITTEN_ENDINGS)}; choose one of these endings")
    write_whole(target, _written(score, ending))


def _written(score: Score, ending: str) -> bytes:
    if ending in (".mid", ".midi"):
        from stilo.music.midi_write import midi_bytes

        return midi_bytes(score)
    from stilo.music.musicxml_write import musicxml_bytes, packed_musicxml

    data = musicxml_bytes(score)
    return packed_musicxml(data) if ending == ".mxl" else data
