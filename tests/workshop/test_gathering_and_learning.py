"""Files gathered and learned from, with a fake where the nets would be."""

import pytest

from stilo.errors import InputError, ReadError
from stilo.workshop import gather_pieces, learn_style, load_style


def test_gathering_walks_folders_and_tells_what_it_leaves_out(folder, told):
    pieces = gather_pieces([folder], "CC0", told.progress, told.notices.append)
    assert [len(score) for score, _ in pieces] == [80, 80, 80, 80]
    assert {source.licence for _, source in pieces} == {"CC0"}
    assert len({source.sha256 for _, source in pieces}) == 3
    assert all(source.notes == 80 for _, source in pieces)
    assert len(told.notices) == 1
    assert "left out" in told.notices[0]
    assert "broken.mid" in told.notices[0]


def test_gathering_takes_every_tune_of_a_book(tmp_path):
    book = tmp_path / "book.abc"
    book.write_text("X:1\nT:One\nM:4/4\nL:1/4\nK:C\nCDEF|\n\nX:2\nT:Two\nM:4/4\nL:1/4\nK:C\nGABc|\n")
    pieces = gather_pieces([book])
    assert [source.title for _, source in pieces] == ["One", "Two"]
    assert len({source.sha256 for _, source in pieces}) == 1


def test_gathering_nothing_says_why(tmp_path):
    broken = tmp_path / "broken.mid"
    broken.write_bytes(b"MThd")
    with pytest.raises(ReadError, match=r"broken\.mid"):
        gather_pieces([broken])
    (tmp_path / "empty.mid").write_bytes(b"")
    with pytest.raises(InputError, match=r"none of the 2 files can be read; the first: .*broken"):
        gather_pieces([tmp_path])
    with pytest.raises(InputError, match="no music"):
        gather_pieces([])


def test_learning_reads_learns_and_keeps(folder, told, learned_with):
    style = learn_style(
        "Mine", [folder], licence="CC0", seconds=30, seed=5, progress=told.progress, notice=told.notices.append
    )
    assert (learned_with.name, learned_with.tune, learned_with.seconds, learned_with.seed) == ("Mine", True, 30, 5)
    assert len(learned_with.pieces) == 4
    assert load_style("mine") == style
    assert told.shares == sorted(told.shares)
    assert told.steps[-1] == ("tuning", pytest.approx(0.55))
    assert told.notices[-1] == "left out something"


def test_a_name_that_is_taken_or_unusable_is_told_before_any_work(folder, learned_with, waltz):
    with pytest.raises(InputError, match="already holds a style 'WALTZ'"):
        learn_style("WALTZ", [folder])
    with pytest.raises(InputError, match="not usable"):
        learn_style("../up", [folder])
    assert learned_with.calls == 0
    learn_style("Waltz", [folder], replace=True)
    assert len(load_style("Waltz").sources) == 4


def test_an_interrupted_learning_leaves_the_library_as_it_was(folder, monkeypatch, waltz, learned_with):
    def interrupted(*_args, **_options):
        raise KeyboardInterrupt

    monkeypatch.setattr("stilo.styles.learn.learn", interrupted)
    with pytest.raises(KeyboardInterrupt):
        learn_style("Waltz", [folder], replace=True)
    assert load_style("Waltz") == waltz
