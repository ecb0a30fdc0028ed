"""Changes that any file can suffer: bytes, the numbers in a text, the records of a zip. Bytes in, other bytes out.

What is changed is drawn by a generator; bundle_mutations.py and music_mutations.py know their kinds.
"""

from __future__ import annotations

import io
import re
import struct
import warnings
import zipfile
from collections.abc import Sequence

import numpy as np

Rng = np.random.Generator
Members = dict[str, bytes]
SIZES = [0, 1, 2, 3, 7, 127, 128, 255, 256, 1023, 32767, 65535, 65536, 2**24, 2**31 - 1, 2**31, 2**32 - 1]
NUMBERS = [*SIZES, -1, -(2**31), 2**53, 2**63, 2**64, 10**30, 10**400, 0.5, -0.0, 1e-300, 1e308, -1e308, 5e-324, 1.5]
MOST_BYTES = 2**18
FIXED_MOMENT = (1980, 1, 1, 0, 0, 0)


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
            archive.writestr(zipfile.ZipInfo(name, FIXED_MOMENT), data, method)
    return packed.getvalue()


def members_of(data: bytes) -> Members:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def with_numbers_changed(data: bytes, rng: Rng) -> bytes:
    """Some of the numbers that are written out in a text become others."""
    found = list(re.finditer(rb"-?\d+(?:\.\d+)?", data))
    for place in sorted(rng.integers(len(found), size=int(rng.integers(1, 4))).tolist() if found else [], reverse=True):
        match = found[place]
        new = one_of(rng, [*NUMBERS[:-8], "NaN", "Infinity", "-", "1" * 5000, "1e5", "0x10", "1_0", "٣"])
        data = data[: match.start()] + str(new).encode() + data[match.end() :]
    return data


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
