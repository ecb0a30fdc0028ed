"""Files gathered and learned from, with a fake where the nets would be."""

from dataclasses import replace

import numpy as np
import pytest

from stilo.errors import InputError, ReadError, UnknownStyleError
from stilo.music.files import write_score
from stilo.styles.trial import Trial
from stilo.workshop import gather_pieces, learn_split, learn_style, load_style

FLAT = dict.fromkeys(("pitch", "rhythm", "harmony", "emotion"), 0.25)


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
    assert told.steps[-1] == ("tuning", pytest.approx(0.5275))
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


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (InputError("nothing fits"), "no short pieces to show what was learned: nothing fits"),
        (MemoryError(), "no short pieces to show what was learned: not enough memory"),
        (KeyboardInterrupt(), "stopped: the style is kept, not tried"),
    ],
)
def test_what_cannot_be_tried_is_kept_all_the_same(folder, told, learned_with, monkeypatch, wrong, said):
    def fails(_style, _progress):
        raise wrong

    monkeypatch.setattr("stilo.workshop.learning.tried", fails)
    style = learn_style("Mine", [folder], notice=told.notices.append)
    assert load_style("Mine") == style
    assert told.notices[-1] == said


def test_a_bug_while_trying_is_a_bug_and_the_style_is_kept(folder, learned_with, monkeypatch):
    def fails(_style, _progress):
        raise RuntimeError("a bug")

    monkeypatch.setattr("stilo.workshop.learning.tried", fails)
    with pytest.raises(RuntimeError):
        learn_style("Mine", [folder])
    assert len(load_style("Mine").sources) == 4


def test_what_trying_shows_is_kept_too(folder, learned_with, monkeypatch):
    trial = Trial(8, 8, 1, FLAT, FLAT)

    def shows(style, _progress):
        assert load_style("Mine") == style, "saved before it is tried"
        return replace(style, proof=replace(style.proof, trial=trial))

    monkeypatch.setattr("stilo.workshop.learning.tried", shows)
    style = learn_style("Mine", [folder])
    assert style.proof.trial == trial
    assert load_style("mine") == style


def test_learning_goes_on_with_more_files(folder, told, learned_with, tmp_path, tune):
    with pytest.raises(UnknownStyleError):
        learn_style("Mine", [folder], add=True)
    learn_style("Mine", [folder], licence="CC0")
    more = tmp_path / "more.mid"
    write_score(tune.transposed(5), more)
    (folder / "piece0.mid").unlink()
    learn_style("mine", [more], licence="my own", add=True, notice=told.notices.append)
    sources = [source for _, source in learned_with.pieces]
    assert [source.path for source in sources][-1] == str(more)
    assert {source.licence for source in sources[:-1]} == {"CC0"}
    assert (len(sources), sources[-1].licence) == (4, "my own")
    assert any("piece0.mid" in line for line in told.notices)
    assert len(load_style("Mine").sources) == 4


def test_a_folder_of_two_kinds_becomes_two_styles(folder, told, learned_with, monkeypatch):
    monkeypatch.setattr("stilo.styles.lesson.heard_each", lambda scores: np.zeros((len(scores), 4)))
    monkeypatch.setattr("stilo.styles.groups.groups_of", lambda rows: [[3, 0, 1], [2]])
    first, second = learn_split("Mine", [folder], steps=3, progress=told.progress)
    assert (first.name, second.name) == ("Mine 1", "Mine 2")
    assert (len(first.sources), len(second.sources)) == (3, 1)
    assert load_style("Mine 2") == second
    assert told.shares == sorted(told.shares)
    with pytest.raises(InputError, match="already holds a style 'Mine 1'"):
        learn_split("Mine", [folder])
    monkeypatch.setattr("stilo.styles.groups.groups_of", lambda rows: [[0, 1, 2, 3]])
    assert [style.name for style in learn_split("Mine", [folder])] == ["Mine"]
