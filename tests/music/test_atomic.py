import os

import pytest

from stilo.errors import WriteError
from stilo.music.atomic import replacing, write_whole


def test_writes_and_replaces_and_leaves_nothing_else(tmp_path):
    target = tmp_path / "a.bin"
    write_whole(target, b"one")
    write_whole(target, b"two")
    assert target.read_bytes() == b"two"
    assert [path.name for path in tmp_path.iterdir()] == ["a.bin"]


@pytest.mark.parametrize("failure", [ValueError, KeyboardInterrupt])
def test_failure_keeps_the_old_file(tmp_path, failure):
    target = tmp_path / "a.bin"
    target.write_bytes(b"old")
    with pytest.raises(failure), replacing(target) as fresh:
        fresh.write_bytes(b"half")
        raise failure
    assert target.read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["a.bin"]


def test_full_disk_is_told_in_one_line(tmp_path):
    target = tmp_path / "a.bin"
    with pytest.raises(WriteError, match=r"a\.bin: cannot be written \(No space left on device\)"), replacing(target):
        raise OSError(28, "No space left on device")
    assert list(tmp_path.iterdir()) == []


def test_places_that_cannot_be_written(tmp_path):
    with pytest.raises(WriteError, match="this is a folder"):
        write_whole(tmp_path, b"")
    with pytest.raises(WriteError, match="does not exist"):
        write_whole(tmp_path / "missing" / "a.bin", b"")


@pytest.mark.skipif(os.name == "nt", reason="links need rights on Windows")
def test_links_keep_pointing_and_permissions_follow_the_umask(tmp_path):
    real = tmp_path / "real.bin"
    real.write_bytes(b"old")
    link = tmp_path / "link.bin"
    link.symlink_to(real)
    write_whole(link, b"new")
    assert link.is_symlink()
    assert real.read_bytes() == b"new"
    plain = tmp_path / "plain.bin"
    plain.open("xb").close()
    assert real.stat().st_mode == plain.stat().st_mode


def test_what_a_killed_writing_left_goes_after_a_day(tmp_path):
    left, fresh, hers = (
        tmp_path / name for name in (f".stilo-{'a' * 32}.part", f".stilo-{'b' * 32}.wav", ".stilo-a.part")
    )
    for path in (left, fresh, hers):
        path.write_bytes(b"half")
    day_before = left.stat().st_mtime - 2 * 86_400
    for path in (left, hers):
        os.utime(path, (day_before, day_before))
    write_whole(tmp_path / "a.bin", b"one")
    assert {path.name for path in tmp_path.iterdir()} == {"a.bin", fresh.name, hers.name}


@pytest.mark.parametrize("has_links", [True, False])
def test_without_replace_nothing_is_written_over_even_what_came_meanwhile(tmp_path, monkeypatch, has_links):
    if not has_links:

        def refused(*_):
            raise PermissionError(1, "no links here")

        monkeypatch.setattr("stilo.music.atomic.os.link", refused)
    write_whole(tmp_path / "new", b"mine", replace=False)
    with pytest.raises(WriteError, match="is there already"), replacing(tmp_path / "a", replace=False) as fresh:
        fresh.write_bytes(b"mine")
        (tmp_path / "a").write_bytes(b"hers")
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"new": b"mine", "a": b"hers"}
