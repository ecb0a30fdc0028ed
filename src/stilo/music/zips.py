"""What Python's zipfile raises where a zip is damaged."""

from __future__ import annotations

import struct
import zipfile
import zlib

BROKEN_ZIP = (zipfile.BadZipFile, zlib.error, struct.error, EOFError, RuntimeError, ValueError, OSError)
