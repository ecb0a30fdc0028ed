"""Bundles as their writer made them, and as a stranger may have."""

import io
import json
import struct
import tracemalloc
import zipfile
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from safetensors.numpy import save

from stilo.elements.embedding import EMBEDDING_SIZE
from stilo.errors import BundleError, InputError, WriteError
from stilo.models.learned_embedding import LearnedEmbedding
from stilo.styles import bundle
from stilo.styles.arrays import arrays_from_bytes, style_to_arrays
from stilo.styles.bundle import read_bundle, write_bundle
from stilo.styles.style import Palette, Source


@pytest.fixture
def written(make_style, make_recognition, tmp_path):
    """(style, path of its bundle, the members by name)"""
    style = make_style(recognition=make_recognition(0), encoder="0123456789abcdef")
    path = tmp_path / "waltz.stilo"
    write_bundle(style, path)
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    return style, path, members


def packed(members, compression=zipfile.ZIP_DEFLATED):
    """A zip of `members`: a dict, or pairs when a name stands twice."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", compression) as archive:
        for name, data in members.items() if isinstance(members, dict) else members:
            archive.writestr(name, data)
    return out.getvalue()


def refused(path, data, most_bytes=None):
    """The message; `most_bytes` bounds the memory that reading may take."""
    path.write_bytes(data)
    if most_bytes is not None:
        tracemalloc.start()
    with pytest.raises(BundleError) as caught:
        read_bundle(path)
    if most_bytes is not None:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < most_bytes
    message = str(caught.value)
    assert message.isprintable()
    assert message.startswith(str(path))
    return message


def with_document(members, **changes):
    document = {**json.loads(members["style.json"]), **changes}
    return packed({**members, "style.json": json.dumps(document)})


def test_round_trip(written):
    style, path, members = written
    again = read_bundle(path)
    assert sorted(members) == ["arrays.safetensors", "style.json"]
    assert np.array_equal(again.embedding, style.embedding)
    assert np.array_equal(again.recognition.values, style.recognition.values)
    assert again.encoder == style.encoder
    assert again.adapter.keys() == style.adapter.keys()
    assert all(again.adapter[key].dtype == style.adapter[key].dtype for key in style.adapter)
    assert (again.profile, again.palette, again.proof) == (style.profile, style.palette, style.proof)
    write_bundle(again, path)
    assert read_bundle(path) == again


def test_folders_of_the_maker_are_not_given_away(written):
    style, path, members = written
    assert b"/home/ada" not in members["style.json"]
    again = read_bundle(path)
    assert [source.path for source in again.sources] == ["one.mid", "two.mid"]
    assert [source.sha256 for source in again.sources] == [source.sha256 for source in style.sources]


def test_the_advice_names_files_without_their_folders(make_style, tmp_path):
    sources = (Source("/home/ada/a.mid", "ab" * 32), Source("/home/ada/a.mid.mid", "cd" * 32))
    proof = replace(make_style().proof, advice="does not sound like the others: /home/ada/a.mid, /home/ada/a.mid.mid")
    write_bundle(make_style(sources=sources, proof=proof), tmp_path / "a.stilo")
    assert read_bundle(tmp_path / "a.stilo").proof.advice == "does not sound like the others: a.mid, a.mid.mid"


def test_what_could_not_be_read_again_is_not_written(make_style, tmp_path):
    with pytest.raises(InputError, match="tempo_qpm"):
        write_bundle(make_style(palette=Palette(tempo_qpm=0.0)), tmp_path / "a.stilo")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("adapter", [None, {}])
def test_untuned_and_empty_adapters_stay_apart(make_style, tmp_path, adapter):
    style = make_style(adapter=adapter, sources=())
    write_bundle(style, tmp_path / "a.stilo")
    assert read_bundle(tmp_path / "a.stilo") == style


def test_the_same_style_gives_the_same_bytes(make_style, tmp_path):
    forward = make_style()
    backward = make_style(
        adapter=dict(reversed(list(forward.adapter.items()))), parents=dict(reversed(list(forward.parents.items())))
    )
    write_bundle(forward, tmp_path / "a.stilo")
    write_bundle(backward, tmp_path / "b.stilo")
    assert (tmp_path / "a.stilo").read_bytes() == (tmp_path / "b.stilo").read_bytes()


def test_writing_to_a_missing_folder_or_too_much(make_style, tmp_path, monkeypatch):
    with pytest.raises(WriteError, match="does not exist"):
        write_bundle(make_style(), tmp_path / "nowhere" / "a.stilo")
    monkeypatch.setattr(bundle, "LARGEST_BUNDLE_BYTES", 100)
    with pytest.raises(BundleError, match="too large"):
        write_bundle(make_style(), tmp_path / "a.stilo")
    assert list(tmp_path.iterdir()) == []


def test_missing_and_wrong_files(tmp_path):
    with pytest.raises(BundleError, match="No such file"):
        read_bundle(tmp_path / "none.stilo")
    with pytest.raises(BundleError, match="not a file"):
        read_bundle(tmp_path)
    for data in (b"", b"MThd\x00\x00\x00\x06", b"PK\x05\x06", b"{}" * 50):
        assert "not a .stilo bundle" in refused(tmp_path / "a.stilo", data)


@pytest.mark.parametrize("name", ["../style.json", "/etc/passwd", "C:\\x", "style.json/", "STYLE.JSON", "payload.pkl"])
def test_other_members_are_refused(written, name):
    _, path, members = written
    assert "nothing else" in refused(path, packed({**members, name: b"x"}))
    only_arrays = {"arrays.safetensors": members["arrays.safetensors"], name: members["style.json"]}
    assert "nothing else" in refused(path, packed(only_arrays))


def test_a_member_twice_is_refused(written):
    _, path, members = written
    with pytest.warns(UserWarning, match="Duplicate"):
        data = packed([("style.json", members["style.json"])] * 2)
    assert "nothing else" in refused(path, data)


def test_a_directory_of_many_members_is_refused_before_it_is_read(tmp_path):
    data = packed({f"{i}": b"" for i in range(20_000)}, zipfile.ZIP_STORED)
    assert "nothing else" in refused(tmp_path / "a.stilo", data, most_bytes=len(data) + 2**18)


def test_a_zip_bomb_is_refused_before_it_is_unpacked(written):
    _, path, members = written
    data = packed({**members, "style.json": b" " * (300 * 2**20)})
    assert "passes 8 MiB" in refused(path, data, most_bytes=2 * 2**20)


def test_a_zip_bomb_that_lies_about_its_size_stays_within_the_bound(written):
    _, path, members = written
    data = bytearray(packed({**members, "style.json": b" " * (64 * 2**20)}))
    size = struct.pack("<I", 64 * 2**20)
    while size in data:
        place = data.index(size)
        data[place : place + 4] = struct.pack("<I", 1000)
    refused(path, bytes(data), most_bytes=2 * 2**20)


def test_a_large_file_is_not_read_whole(tmp_path):
    path = tmp_path / "a.stilo"
    with path.open("wb") as file:
        file.truncate(2**40)
    with pytest.raises(BundleError, match="larger than the 16 MiB"):
        read_bundle(path)


def test_encrypted_and_strangely_packed_members(written):
    _, path, members = written
    assert "unknown way" in refused(path, packed(members, zipfile.ZIP_LZMA))
    encrypted = bytearray(packed(members))
    for place in range(len(encrypted)):
        if encrypted[place : place + 4] == b"PK\x01\x02":
            encrypted[place + 8] |= 1
    assert "encrypted" in refused(path, bytes(encrypted))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[" * 50_000 + "]" * 50_000, "nested too deeply"),
        ("[" * 300_000, "more lists"),
        ("[]", "does not describe a style"),
        ("nonsense", "broken"),
        ("{", "broken"),
        ("\xff", "broken"),
        ("1" * 5000, "broken"),
        ('{"kind": "stilo style"}', "format"),
        ('{"kind": "stilo style", "format": "1"}', "format"),
        ('{"kind": "stilo style", "format": 2}', "newer stilo"),
        ('{"kind": "stilo style", "format": 1}', "missing"),
        ('{"kind": "stilo style", "format": 1, "name": NaN}', "no finite number"),
        ('{"kind": "stilo style", "format": 1, "name": 1e999}', "no finite number"),
        ('{"kind": "stilo style", "format": 1, "name": "\\u001b[2J"}', "cannot be printed"),
        ('{"kind": "stilo style", "format": 1, "name": "\\ud800"}', "cannot be printed"),
        ('{"kind": "stilo style", "format": 1, "a":' + '{"a":' * 100 + "1" + "}" * 101, "nested too deeply"),
    ],
)
def test_documents_that_are_no_style(written, text, says):
    _, path, members = written
    assert says in refused(path, packed({**members, "style.json": text.encode("latin-1")}))


def test_a_document_that_names_itself_out_of_the_folder(written):
    _, path, members = written
    assert "is not usable" in refused(path, with_document(members, name="../../.bashrc"))


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
    refused(path, packed({**members, "arrays.safetensors": save(arrays, {"adapter": "yes"})}))


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
    assert says in refused(path, packed({**members, "arrays.safetensors": arrays}))


def test_a_strangers_recognition_is_brought_to_length_1(written):
    _, path, members = written
    rows = np.full((4, 80), 3e38, np.float32)
    rows[1] = 0
    arrays = save({"embedding": VECTOR, "recognition": rows}, {"adapter": "no"})
    path.write_bytes(packed({**members, "arrays.safetensors": arrays}))
    assert np.linalg.norm(read_bundle(path).recognition.values, axis=1) == pytest.approx([1, 0, 1, 1])


def test_an_encoder_without_recognition_is_refused(written):
    _, path, members = written
    arrays = save({"embedding": VECTOR}, {"adapter": "no"})
    assert "come together" in refused(path, packed({**members, "arrays.safetensors": arrays}))


@settings(max_examples=25)
@given(hnp.arrays(np.float32, (4, 80), elements=st.floats(-1e6, 1e6, width=32)))
def test_any_recognition_comes_back_to_the_bit(values):
    recognition = LearnedEmbedding(values)
    style = SimpleNamespace(embedding=VECTOR, adapter=None, recognition=recognition)
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
        arrays_from_bytes(data + bytes(14 * 2**20))


def test_cut_off_anywhere_is_refused(written):
    _, path, _ = written
    data = path.read_bytes()
    for length in range(0, len(data), max(1, len(data) // 150)):
        refused(path, data[:length])


def test_broken_anywhere_is_refused_or_harmless(written):
    """Whatever bytes are changed, the answer is a style or one line; nothing else is raised."""
    style, path, members = written
    whole = path.read_bytes()
    stored = packed(members, zipfile.ZIP_STORED)
    rng = np.random.default_rng(0)
    read = 0
    for turn in range(400):
        data = bytearray(whole if turn % 2 else stored)
        for _ in range(rng.integers(1, 4)):
            data[rng.integers(0, len(data))] = rng.integers(0, 256)
        path.write_bytes(data)
        try:
            found = read_bundle(path)
        except BundleError as error:
            assert str(error).isprintable()
        else:
            read += 1
            assert found.to_json().keys() == style.to_json().keys()
    assert read < 100


def test_broken_inside_valid_zips(written):
    """The same below the zip's checksum, which a hostile maker would set right."""
    _, path, members = written
    rng = np.random.default_rng(1)
    for turn in range(300):
        name = ("style.json", "arrays.safetensors")[turn % 2]
        data = bytearray(members[name])
        span = len(data) if turn % 2 == 0 else 400  # of the arrays mostly the header
        for _ in range(rng.integers(1, 6)):
            data[rng.integers(0, span)] = rng.integers(0, 256)
        path.write_bytes(packed({**members, name: bytes(data)}, zipfile.ZIP_STORED))
        try:
            read_bundle(path)
        except BundleError as error:
            assert str(error).isprintable()
