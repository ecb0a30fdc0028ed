"""The arrays of a style as one safetensors block, the same in a bundle and in the library.

Layout: `embedding` is the style vector, `recognition` the learned embedding where there is one; `adapter/KEY` are the
adapter's weights; `runs/COLUMN` are those of the sources (`originality.kept`). A block may come from a stranger, so its
header is checked before any array is made of it: known names, float16 or float32 but for the runs, shapes that fill
exactly the bytes that are there. Format: https://github.com/huggingface/safetensors (8 bytes of header length, JSON
header, data).
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from stilo.errors import InputError
from stilo.models.learned_embedding import FACET_ORDER, FACET_VALUES, LearnedEmbedding
from stilo.originality.index import RowArray
from stilo.originality.kept import COLUMNS, rows_from_columns

if TYPE_CHECKING:
    from stilo.styles.style import Adapter, Style

LARGEST_ARRAYS_BYTES = 16 * 2**20
_LARGEST_HEADER_BYTES = 2**19
_MOST_DIMENSIONS = 4
_EMBEDDING = "embedding"
_RECOGNITION = "recognition"
_RECOGNITION_SHAPE = [len(FACET_ORDER), FACET_VALUES]
_ADAPTER = "adapter/"
_RUNS = "runs/"
_BYTES_PER_VALUE = {"F16": 2, "F32": 4}
_BYTES_PER_RUN_VALUE = {"U16": 2, "U32": 4, "I32": 4}


@dataclass(frozen=True, eq=False)
class StyleArrays:
    """What a block holds, named as in `Style`."""

    embedding: NDArray[np.float32]
    adapter: Adapter | None
    recognition: LearnedEmbedding | None
    rows: RowArray


def style_to_arrays(style: Style) -> bytes:
    """The arrays of a style as safetensors; the same style gives the same bytes."""
    from safetensors.numpy import save

    arrays = {_EMBEDDING: np.ascontiguousarray(style.embedding)}
    if style.recognition is not None:
        arrays[_RECOGNITION] = np.ascontiguousarray(style.recognition.values)
    for key, array in (style.adapter or {}).items():
        arrays[_ADAPTER + key] = np.ascontiguousarray(array).astype(array.dtype.newbyteorder("<"), copy=False)
    if style.runs is not None:
        arrays |= {_RUNS + name: column for name, column in style.runs.columns().items()}
    return save(arrays, metadata={"adapter": "no" if style.adapter is None else "yes"})


def arrays_from_bytes(data: bytes) -> StyleArrays:
    """What a block holds that `style_to_arrays` wrote.

    Raises:
        InputError: the block is not whole, too large, or holds something else; or columns of runs differ in length.
        ValueError: the recognition is not finite.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load

    has_adapter = _check_block(data)
    try:
        arrays = load(data)
    except (SafetensorError, ValueError, KeyError, TypeError) as error:
        raise InputError("the arrays are broken") from error
    embedding = arrays.pop(_EMBEDDING)
    recognition = LearnedEmbedding(arrays.pop(_RECOGNITION)) if _RECOGNITION in arrays else None
    rows = rows_from_columns({name: arrays.pop(_RUNS + name) for name in COLUMNS if _RUNS + name in arrays})
    adapter = {key.removeprefix(_ADAPTER): arrays[key] for key in sorted(arrays)}
    return StyleArrays(embedding, adapter if has_adapter else None, recognition, rows)


def _check_block(data: bytes) -> bool:
    """Check the header of a block; return whether it has an adapter."""
    if len(data) > LARGEST_ARRAYS_BYTES:
        raise InputError(f"the arrays pass {LARGEST_ARRAYS_BYTES // 2**20} MiB")
    header_bytes = int.from_bytes(data[:8], "little")
    if len(data) < 8 or not 2 <= header_bytes <= min(_LARGEST_HEADER_BYTES, len(data) - 8):
        raise InputError("the arrays are cut off or not safetensors")
    try:
        header = json.loads(data[8 : 8 + header_bytes].decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise InputError("the header of the arrays is not JSON") from error
    if not isinstance(header, dict):
        raise InputError("the header of the arrays is not a JSON object")
    metadata = header.pop("__metadata__", {})
    has_adapter = isinstance(metadata, dict) and metadata.get("adapter") == "yes"
    if _EMBEDDING not in header or (not has_adapter and any(name.startswith(_ADAPTER) for name in header)):
        raise InputError("the arrays are not those of a style")
    held = sum(_checked_bytes(name, entry) for name, entry in header.items())
    if held != len(data) - 8 - header_bytes:
        raise InputError("the arrays are cut off or padded")
    return has_adapter


def _checked_bytes(name: str, entry: Any) -> int:
    """Bytes that the shape of one array asks for."""
    known = name in (_EMBEDDING, _RECOGNITION) or name.startswith(_ADAPTER)
    bytes_per_value = _BYTES_PER_VALUE
    if name in [_RUNS + column for column in COLUMNS]:
        known, bytes_per_value = True, _BYTES_PER_RUN_VALUE
    if not known or not isinstance(entry, dict) or str(entry.get("dtype")) not in bytes_per_value:
        raise InputError(f"array {name[:80]!a} has no place in a style or is not of its kind (float16, float32)")
    shape = entry.get("shape")
    if not isinstance(shape, list) or len(shape) > _MOST_DIMENSIONS:
        raise InputError(f"array {name[:80]!a} has no usable shape")
    if any(type(size) is not int or not 1 <= size <= LARGEST_ARRAYS_BYTES for size in shape):
        raise InputError(f"array {name[:80]!a} has no usable shape")
    if name == _RECOGNITION and (shape, entry["dtype"]) != (_RECOGNITION_SHAPE, "F32"):
        raise InputError(f"the recognition is not float32 {_RECOGNITION_SHAPE}; update stilo, or learn the style anew")
    return math.prod(shape) * bytes_per_value[entry["dtype"]]
