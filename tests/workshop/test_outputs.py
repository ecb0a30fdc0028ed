"""Where results go: checked before any work, written whole or not at all."""

import os
from types import SimpleNamespace

import pytest

from stilo.errors import InputError, WriteError
from stilo.music.files import read_score
from stilo.workshop import check_outputs
from stilo.workshop.outputs import whole_files, write_composition


def test_outputs_are_checked(tmp_path):
    assert check_outputs([tmp_path / "A.MID"]) == [tmp_path / "A.MID"]
    assert [str(path) for path in check_outputs(["~draft.mid"])] == ["~draft.mid"]
    (tmp_path / "folder.mid").mkdir()
    for outputs, line in (
        ([], "at least one"),
        ([tmp_path / "a"], "ending says"),
        ([tmp_path / "folder.mid"], "is a folder"),
        ([tmp_path / "no" / "a.mid"], "no folder"),
        ([tmp_path / "a.mid", tmp_path / "x" / ".." / "a.mid"], "no folder|named twice"),
        ([tmp_path / "a.mid", tmp_path / "a.mid"], "named twice"),
    ):
        with pytest.raises(InputError, match=line):
            check_outputs(outputs)


def test_whole_files_take_their_names_together(tmp_path):
    paths = [tmp_path / "a.txt", tmp_path / "b.txt"]
    with whole_files(paths) as lent:
        for path in paths:
            lent[path].write_text(path.name)
            assert lent[path].suffix == path.suffix
        assert not any(path.exists() for path in paths)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.txt", "b.txt"]


@pytest.mark.parametrize(
    "wrong",
    [
        lambda lent: WriteError(lent, "cannot be written (No space left on device); choose another place"),
        lambda lent: OSError(28, "No space left on device", str(lent)),
    ],
)
def test_what_cannot_be_written_is_told_by_the_name_that_was_asked_for(tmp_path, wrong):
    paths = [tmp_path / "a.txt", tmp_path / "b.txt"]
    with (
        pytest.raises(WriteError, match=r"(?i)^\S+/b\.txt: .*no space left on device") as told,
        whole_files(paths) as lent,
    ):
        raise wrong(lent[paths[1]])
    assert ".stilo-" not in str(told.value)
    assert list(tmp_path.iterdir()) == []


def test_a_name_that_cannot_be_taken_leaves_whole_files_alone(tmp_path):
    paths = [tmp_path / "a.txt", tmp_path / "b.txt", tmp_path / "c.txt"]
    (tmp_path / "c.txt").write_text("old")
    with pytest.raises(WriteError), whole_files(paths) as lent:
        for path in paths:
            lent[path].write_text(path.name)
        (tmp_path / "b.txt").mkdir()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.txt", "b.txt", "c.txt"]
    assert [paths[0].read_text(), paths[2].read_text()] == ["a.txt", "old"]


@pytest.mark.skipif(os.name == "nt", reason="links need rights on Windows")
def test_links_keep_pointing(tmp_path):
    """As where one file is written: a link to another folder stays, and the file there is the new one."""
    (tmp_path / "music").mkdir()
    link = tmp_path / "new.txt"
    link.symlink_to(tmp_path / "music" / "real.txt")
    with whole_files([link]) as lent:
        assert lent[link].parent == tmp_path / "music"
        lent[link].write_text("new")
    assert link.is_symlink()
    assert (tmp_path / "music" / "real.txt").read_text() == "new"
    assert len(list((tmp_path / "music").iterdir())) == 1


def test_writing_a_composition_alone(tmp_path, tune):
    write_composition(SimpleNamespace(score=tune, request=None, report=None), [tmp_path / "a.mid"])
    assert len(read_score(tmp_path / "a.mid")) == len(tune)


@pytest.mark.skipif(os.name == "nt", reason="links need rights on Windows")
def test_a_link_to_itself_gives_way(tmp_path, tune):
    loop = tmp_path / "loop.mid"
    loop.symlink_to(loop)
    assert check_outputs([loop]) == [loop]
    write_composition(SimpleNamespace(score=tune, request=None, report=None), [loop])
    assert len(read_score(loop)) == len(tune)
