"""Bundles as a stranger may have made them."""

import json
import struct
import zipfile

import numpy as np
import pytest
from bundle_bytes import packed, refused, summed
from smf_bytes import QUARTER, off, on, smf, track

from stilo.errors import BundleError
from stilo.music.midi_write import midi_bytes
from stilo.styles.bundle import read_bundle


def with_document(members, **changes):
    document = {**json.loads(members["style.json"]), **changes}
    return packed({**members, "style.json": json.dumps(document)})


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
    with pytest.raises(BundleError, match="larger than the 20 MiB"):
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
        ('{"kind": "stilo style", "format": 3}', "newer stilo"),
        ('{"kind": "stilo style", "format": 1}', "missing"),
        ('{"kind": "stilo style", "format": 2}', "sha256 is missing"),
        ('{"kind": "stilo style", "format": 2, "sha256": []}', "sha256 must be an object"),
        ('{"kind": "stilo style", "format": 2, "sha256": {}}', "tells of nothing"),
        ('{"kind": "stilo style", "format": 2, "sha256": {"arrays.safetensors": 1}}', "SHA-256 differs"),
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


def test_a_member_that_is_not_the_packed_one_is_told(written):
    _, path, members = written
    changed = bytearray(members["arrays.safetensors"])
    changed[-1] ^= 1
    said = refused(path, packed({**members, "arrays.safetensors": bytes(changed)}))
    assert "arrays.safetensors is not the one that was packed" in said


@pytest.mark.parametrize(
    ("demo", "says"),
    [
        (b"", "does not begin with MThd"),
        (b"MThd", "cut off"),
        (b"MThd\x00\x00\x00\x06\x00\x01\x00\x00\x01\xe0", "holds no notes"),
        (b"x" * (64 * 2**10 + 1), "demo.mid passes 64 KiB"),
        (smf(track(*QUARTER, (480 * 4 * 64, on(60)), (480, off(60)))), "more than 64 bars"),
        (smf(track(*QUARTER, (2**28 - 1, on(60)), (2**28 - 1, off(60)), *[(2**28 - 1, on(60))] * 4)), "demo.mid"),
    ],
)
def test_demos_that_are_none(written, demo, says):
    _, path, members = written
    assert says in refused(path, packed(summed({**members, "demo.mid": demo})))


def test_a_demo_that_nothing_tells_of_is_refused(written, tune):
    _, path, members = written
    assert "holds arrays.safetensors, demo.mid, where" in refused(
        path, packed({**members, "demo.mid": midi_bytes(tune)})
    )
    first = summed({**members, "demo.mid": midi_bytes(tune)}, format=1)
    assert "format 1 has no demo.mid" in refused(path, packed(first))


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
        changed = {**members, name: bytes(data)}
        path.write_bytes(packed(summed(changed) if turn % 2 else changed, zipfile.ZIP_STORED))
        try:
            read_bundle(path)
        except BundleError as error:
            assert str(error).isprintable()
