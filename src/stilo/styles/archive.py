"""The zip around a style: few members of known names, each within its bound, the same bytes for the same contents.

It may come from a stranger. Nothing is unpacked to files: what a member says of its name and size is checked before a
byte of it is unpacked, and unpacking stops at the size it says.
"""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from io import BytesIO

from stilo.errors import InputError

_END_RECORD_BYTES = 22  # the zip's end record without a comment, as every bundle ends
_LARGEST_DIRECTORY_BYTES = 4096
_FIXED_MOMENT = (1980, 1, 1, 0, 0, 0)


def pack(contents: Mapping[str, bytes]) -> bytes:
    """A zip of `contents` by name, in their order."""
    packed = BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for member, data in contents.items():
            archive.writestr(_member_info(member), data, zipfile.ZIP_DEFLATED, compresslevel=9)
    return packed.getvalue()


def unpack(data: bytes, bounds: Mapping[str, int]) -> dict[str, bytes]:
    """The members of a zip by name: each at most once, named in `bounds` and of at most so many bytes.

    Raises:
        InputError: the zip holds something else or too much.
        BROKEN_ZIP: one of these, where the zip is damaged.
    """
    _check_end_record(data, bounds)
    with zipfile.ZipFile(BytesIO(data)) as archive:
        members = archive.infolist()
        names = [info.filename for info in members]
        if not set(names) <= set(bounds) or len(set(names)) < len(names):
            raise _other_members(bounds)
        return {info.filename: _read_member(archive, info, bounds[info.filename]) for info in members}


def _member_info(member: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(member, _FIXED_MOMENT)
    info.create_system = 3
    info.external_attr = 0o100644 << 16
    return info


def _other_members(bounds: Mapping[str, int]) -> InputError:
    return InputError(f"it may hold {', '.join(bounds)} and nothing else")


def _check_end_record(data: bytes, bounds: Mapping[str, int]) -> None:
    """Refuse a zip whose directory is larger than its members need, before zipfile reads it."""
    end = data[-_END_RECORD_BYTES:]
    if len(end) < _END_RECORD_BYTES or not end.startswith(b"PK\x05\x06"):
        raise InputError("it is not a .stilo bundle, or it is cut off")
    entries = int.from_bytes(end[10:12], "little")
    directory_bytes = int.from_bytes(end[12:16], "little")
    has_zip64_record = data[-_END_RECORD_BYTES - 20 : -_END_RECORD_BYTES].startswith(b"PK\x06\x07")
    if entries > len(bounds) or directory_bytes > _LARGEST_DIRECTORY_BYTES or has_zip64_record:
        raise _other_members(bounds)


def _read_member(archive: zipfile.ZipFile, info: zipfile.ZipInfo, bound: int) -> bytes:
    if info.file_size > bound:
        raise InputError(f"{info.filename} passes {shown_size(bound)}")
    if info.flag_bits & 0x1 or info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise InputError(f"{info.filename} is encrypted or packed in an unknown way")
    with archive.open(info) as member:
        data = member.read(info.file_size + 1)
    if len(data) != info.file_size:
        raise InputError(f"{info.filename} is not as long as it says")
    return data


def shown_size(size_bytes: int) -> str:
    """A round size for people."""
    return f"{size_bytes // 2**20} MiB" if size_bytes >= 2**20 else f"{size_bytes // 2**10} KiB"
