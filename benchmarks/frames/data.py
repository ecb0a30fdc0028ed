"""The four poly_music sets: pieces as frames of 88 keys, in their official parts.

Boulanger-Lewandowski, Bengio & Vincent 2012, as the `.mat` files that came with Bai, Kolter & Koltun 2018. A frame is a
quarter (JSB), an eighth (Nottingham) or a fixed step of the bar; key 0 is the lowest A of a piano. Nothing tells a held
note from a repeated one.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from stilo.errors import InputError

KEYS = 88
PARTS = ("train", "valid", "test")
LARGEST_FILE = 16 * 2**20  # bytes; the largest of the four has 1 MB
LONGEST_PIECE = 20_000  # frames; the longest of the four sets has 4,273
MOST_PIECES = 2_000


@dataclass(frozen=True)
class FrameSet:
    """One of the four: its file, and the frames of its test part, the first frame of every piece counted."""

    name: str
    file: str
    test_frames: int


SETS = (
    FrameSet("JSB", "JSB_Chorales.mat", 4_725),
    FrameSet("Nottingham", "Nottingham.mat", 44_463),
    FrameSet("Piano-midi", "Piano_midi.mat", 19_036),
    FrameSet("MuseData", "MuseData.mat", 64_339),
)

Pieces = list[np.ndarray]  # uint8 [frames, 88] each


def frame_count(pieces: Pieces) -> int:
    return sum(len(piece) for piece in pieces)


def read_frames(folder: Path, frames: FrameSet) -> dict[str, Pieces]:
    """The pieces of each part.

    Raises:
        InputError: the file is missing, damaged or not the official one.
    """
    path = folder / frames.file
    if not path.is_file():
        raise InputError(f"{path}: not there; the four poly_music .mat files are needed")
    if path.stat().st_size > LARGEST_FILE:
        raise InputError(f"{path}: {path.stat().st_size} bytes, too large for a poly_music file")
    parts = {part: _pieces(cell, path, part) for part, cell in _cells(path).items()}
    found = frame_count(parts["test"])
    if found != frames.test_frames:
        raise InputError(f"{path}: {found} test frames, the official set has {frames.test_frames}")
    return parts


def _cells(path: Path) -> dict[str, np.ndarray]:
    """The three cell arrays of a file."""
    from scipy.io import loadmat

    names = [f"{part}data" for part in PARTS]
    try:
        content = loadmat(path, variable_names=names)
    except Exception as error:  # scipy raises nearly anything at a damaged file
        raise InputError(f"{path}: not a readable .mat file ({type(error).__name__})") from error
    missing = [name for name in names if name not in content]
    if missing:
        raise InputError(f"{path}: lacks {', '.join(missing)}")
    return {part: content[name] for part, name in zip(PARTS, names, strict=True)}


def _pieces(cell: np.ndarray, path: Path, part: str) -> Pieces:
    if cell.dtype != object or not 0 < cell.size <= MOST_PIECES:
        raise InputError(f"{path}: {part}data is no list of pieces")
    pieces = []
    for held in cell.ravel():
        piece = np.asarray(held)
        if piece.ndim != 2 or piece.shape[1] != KEYS or not 0 < len(piece) <= LONGEST_PIECE:
            raise InputError(f"{path}: a piece of {part}data has shape {piece.shape}, not frames × {KEYS}")
        if not np.isin(piece, (0, 1)).all():
            raise InputError(f"{path}: a piece of {part}data holds more than 0 and 1")
        pieces.append(np.ascontiguousarray(piece, np.uint8))
    return pieces
