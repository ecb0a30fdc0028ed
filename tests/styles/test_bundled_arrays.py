"""The arrays of a bundle: of the wrong kind, too large, lying about themselves."""

import json
import struct
from types import SimpleNamespace

import numpy as np
import pytest
from bundle_bytes import packed, refused, summed
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from safetensors.numpy import save

from stilo.elements.embedding import EMBEDDING_SIZE
from stilo.errors import InputError
from stilo.models.learned_embedding import LearnedEmbedding
from stilo.styles.arrays import arrays_from_bytes, style_to_arrays
from stilo.styles.bundle import read_bundle


@pytest.mark.parametrize(
    "arrays",
    [
        {"embedding": np.zeros(EMBEDDING_SIZE, np.float64)},
        {"embedding": np.zeros(EMBEDDING_SIZE, np.int64)},
        {"embedding": np.zeros((2, 2), np.float32)},
        {"embedding": np.zeros(EMBEDDING_SIZE, np.float16)},
        {"embedding": np.full(EMBEDDING_SIZE, np.nan, np.float32)},
        {"embedding": np.zeros(0, np.float32)},
        {"embedding": np.zeros(100_000, np.float32)},
        {"adapter/a": np.zeros(4, np.float32)},
        {"embedding": np.zeros(EMBEDDING_SIZE, np.float32), "other": np.zeros(4, np.float32)},
        {"embedding": np.zeros(EMBEDDING_SIZE, np.float32), "adapter/../a": np.zeros(4, np.float32)},
        {"embedding": np.zeros(EMBEDDING_SIZE, np.float32), "adapter/a": np.zeros((1, 1, 1, 1, 1), np.float32)},
        {},
    ],
)
def test_arrays_of_the_wrong_kind(written, arrays):
    _, path, members = written
    refused(path, packed(summed({**members, "arrays.safetensors": save(arrays, {"adapter": "yes"})})))


VECTOR = np.zeros(EMBEDDING_SIZE, np.float32)


@pytest.mark.parametrize(
    ("recognition", "says"),
    [
        (np.zeros((4, 80), np.float16), "recognition"),
        (np.zeros((80, 4), np.float32), "recognition"),
        (np.zeros((4, 81), np.float32), "recognition"),
        (np.zeros(320, np.float32), "recognition"),
        (np.zeros((4, 0), np.float32), "shape"),
        (np.zeros((400, 800), np.float32), "recognition"),
        (np.full((4, 80), np.nan, np.float32), "finite"),
        (np.full((4, 80), np.inf, np.float32), "finite"),
    ],
)
def test_a_recognition_of_the_wrong_kind(written, recognition, says):
    _, path, members = written
    arrays = save({"embedding": VECTOR, "recognition": recognition}, {"adapter": "no"})
    assert says in refused(path, packed(summed({**members, "arrays.safetensors": arrays})))


def test_a_strangers_recognition_is_brought_to_length_1(written):
    _, path, members = written
    rows = np.full((4, 80), 3e38, np.float32)
    rows[1] = 0
    arrays = save({"embedding": VECTOR, "recognition": rows}, {"adapter": "no"})
    path.write_bytes(packed(summed({**members, "arrays.safetensors": arrays})))
    assert np.linalg.norm(read_bundle(path).recognition.values, axis=1) == pytest.approx([1, 0, 1, 1])


def test_an_encoder_without_recognition_is_refused(written):
    _, path, members = written
    arrays = save({"embedding": VECTOR}, {"adapter": "no"})
    assert "come together" in refused(path, packed(summed({**members, "arrays.safetensors": arrays})))


@settings(max_examples=25)
@given(hnp.arrays(np.float32, (4, 80), elements=st.floats(-1e6, 1e6, width=32)))
def test_any_recognition_comes_back_to_the_bit(values):
    recognition = LearnedEmbedding(values)
    style = SimpleNamespace(embedding=VECTOR, adapter=None, recognition=recognition, runs=None)
    again = arrays_from_bytes(style_to_arrays(style)).recognition
    assert again.values.tobytes() == recognition.values.tobytes()


def block(header, data=b""):
    text = json.dumps(header).encode() if not isinstance(header, bytes) else header
    return struct.pack("<Q", len(text)) + text + data


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff" * 8,
        b"\xff" * 100,
        block(b"[]"),
        block(b"[" * 200_000),
        block({}),
        block({"embedding": {"dtype": "F32", "shape": [2**40], "data_offsets": [0, 4]}}, bytes(4)),
        block({"embedding": {"dtype": "F32", "shape": [0, 2**60], "data_offsets": [0, 0]}}),
        block({"embedding": {"dtype": "F32", "shape": [-1], "data_offsets": [0, 4]}}, bytes(4)),
        block({"embedding": {"dtype": "F32", "shape": [1.0], "data_offsets": [0, 4]}}, bytes(4)),
        block({"embedding": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}, bytes(8)),
        block({"embedding": {"dtype": "F32", "shape": [1], "data_offsets": [4, 8]}}, bytes(4)),
        block({"embedding": {"dtype": "F32", "shape": [1], "data_offsets": [2**63, 4]}}, bytes(4)),
        block({"embedding": {"dtype": ["F32"], "shape": [1], "data_offsets": [0, 4]}}, bytes(4)),
        block({"embedding": {"dtype": "F32", "shape": [1]}}, bytes(4)),
        block({"embedding": 5, "__metadata__": 7}, bytes(4)),
    ],
)
def test_blocks_that_lie(data):
    with pytest.raises(InputError):
        arrays_from_bytes(data)


def test_arrays_beyond_the_bound_are_refused_unread(make_style):
    data = style_to_arrays(make_style())
    with pytest.raises(InputError, match="MiB"):
        arrays_from_bytes(data + bytes(17 * 2**20))
