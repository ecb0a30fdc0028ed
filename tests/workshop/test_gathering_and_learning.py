"""Files gathered and learned from, with a fake where the nets would be."""

import os
from dataclasses import replace

import numpy as np
import pytest

from stilo.errors import InputError, ReadError, SetupError, UnknownStyleError
from stilo.library.store import Library
from stilo.models.learned_embedding import LEARNED_SIZE
from stilo.music.files import read_score, write_score
from stilo.styles.bundle import write_bundle
from stilo.styles.provenance import Source
from stilo.styles.trial import Trial
from stilo.workshop import gather_pieces, import_style, learn_split, learn_style, load_style

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


@pytest.mark.parametrize("deed", ["remove", "replace", "rename"])
def test_what_was_done_while_it_was_tried_is_not_taken_back(folder, told, learned_with, monkeypatch, make_style, deed):
    other = make_style("Mine", seed=9)

    def meanwhile(style, _progress):
        with Library() as library:
            match deed:
                case "remove":
                    library.remove("Mine")
                case "replace":
                    library.save(other, replace=True)
                case _:
                    library.rename("Mine", "Hers")
        return replace(style, proof=replace(style.proof, trial=Trial(8, 8, 1, FLAT, FLAT)))

    monkeypatch.setattr("stilo.workshop.learning.tried", meanwhile)
    learn_style("Mine", [folder], notice=told.notices.append)
    assert told.notices[-1] == "'Mine' was removed, renamed or replaced while it was tried, and that stays so"
    with Library() as library:
        assert library.names() == {"remove": [], "replace": ["Mine"], "rename": ["Hers"]}[deed]
        assert deed != "replace" or library.load("Mine") == other


@pytest.mark.parametrize("name", ["Mine", "M" * 80])
def test_a_name_that_is_taken_while_it_learns_loses_nothing(folder, told, learned_with, monkeypatch, make_style, name):
    second = f"{name[:78]} 2"

    def slow(called, pieces, **_options):
        with Library() as library:
            library.save(make_style(name.upper()))
            library.save(make_style(second))
        return make_style(called, sources=tuple(source for _, source in pieces))

    monkeypatch.setattr("stilo.styles.learn.learn", slow)
    style = learn_style(name, [folder], notice=told.notices.append)
    third = f"{name[:78]} 3"
    assert (style.name, len(load_style(third).sources)) == (third, 4)
    assert load_style(name) == make_style(name.upper())
    assert told.notices == [
        told.notices[0],
        f"the library holds another style '{name}' by now: this one is kept as '{third}'",
    ]


@pytest.fixture
def more(tmp_path, tune):
    path = tmp_path / "more.mid"
    write_score(tune.transposed(5), path)
    return path


def test_learning_goes_on_with_more_files(folder, learned_with, more, tmp_path, monkeypatch):
    with pytest.raises(UnknownStyleError):
        learn_style("Mine", [folder], add=True)
    monkeypatch.chdir(tmp_path)
    style = learn_style("Mine", [folder.name], licence="CC0")
    assert style.sources[0].path == str(folder / "copy.mid"), "found from anywhere"
    monkeypatch.chdir(folder)
    assert learn_style("mINE", [more], licence="my own", add=True).name == "Mine"
    sources = [source for _, source in learned_with.pieces]
    assert sources[:-1] == list(style.sources)
    assert (sources[-1].path, sources[-1].licence) == (str(more), "my own")
    assert len(load_style("Mine").sources) == 5


@pytest.mark.parametrize(
    "name",
    ["no\u00a0break", "wide\u3000space", "join\u200der", "a\x07\nb", "file:a%20b", os.fsdecode(b"caf\xe9")],
)
def test_a_file_whose_name_cannot_be_printed_is_found_again(tmp_path, folder, learned_with, more, name):
    odd = tmp_path / "odd\u00a0folder" / f"{name}.mid"
    odd.parent.mkdir()
    try:
        odd.write_bytes((folder / "piece0.mid").read_bytes())
    except OSError:
        pytest.skip("the file system has no such names")
    learn_style("Mine", [odd])
    assert load_style("Mine").sources[0].path == str(odd)
    kept = load_style("Mine").to_json()["sources"][0]["path"]
    assert kept.isprintable()
    assert kept.isascii()
    assert all(called.isprintable() for called in load_style("Mine").source_names)
    assert len(learn_style("Mine", [more], add=True).sources) == 2
    write_bundle(load_style("Mine"), tmp_path / "a.stilo")
    there = import_style(tmp_path / "a.stilo", "Theirs").style.sources[0].path
    assert there == "".join(sign if sign.isprintable() else " " for sign in odd.name)


@pytest.mark.parametrize("path", ["file:%00", "file:%ff", "x" * 5000, "file:" + "%41" * 5000])
def test_what_is_no_path_is_refused(path):
    known = Source("a.mid", "ab" * 32).to_json()
    assert Source.from_json(known) == Source("a.mid", "ab" * 32)
    with pytest.raises(InputError, match=r"sources\.path"):
        Source.from_json({**known, "path": path})


@pytest.mark.parametrize(("tuned", "is_told"), [(3.45, True), (3.2, False), (2.9, False)])
def test_who_adds_files_and_learns_less_is_told(folder, told, more, monkeypatch, make_style, tuned, is_told):
    """The first time .5 nats were gained; the second time there was too little time."""
    proofs = iter([make_style().proof, replace(make_style().proof, tuned_nats_per_note=tuned)])
    monkeypatch.setattr(
        "stilo.styles.learn.learn",
        lambda name, pieces, **_: make_style(name, proof=next(proofs), sources=tuple(one for _, one in pieces)),
    )
    monkeypatch.setattr("stilo.workshop.learning.tried", lambda style, _progress: style)
    learn_style("Mine", [folder])
    learn_style("Mine", [more], add=True, notice=told.notices.append)
    assert any("learned less than before" in line and "(--minutes)" in line for line in told.notices) is is_told


def test_files_that_are_all_in_the_style_change_nothing(folder, told, learned_with, more):
    learn_style("Mine", [folder], licence="CC0")
    kept = load_style("Mine")
    assert learn_style("mine", [folder], add=True, notice=told.notices.append) == kept
    assert told.notices[-1].startswith("nothing new: 'Mine' was learned from all of these already, and stays as it is")
    assert learned_with.calls == 1
    assert load_style("Mine") == kept
    learn_style("Mine", [folder, more], add=True)
    learn_style("Mine", [folder], licence="my own", add=True)
    assert learned_with.calls == 3, "a new file; another licence"


def test_old_files_that_are_gone_are_not_left_out_unasked(folder, told, learned_with, more):
    style = learn_style("Mine", [folder])
    (folder / "piece0.mid").unlink()
    changed = folder / "piece2.mid"
    changed.write_bytes(more.read_bytes())
    with pytest.raises(
        InputError, match=r"2 of the 4 files .*: \S+piece0\.mid: does not exist; \S+: has changed"
    ) as refusal:
        learn_style("Mine", [more], add=True)
    assert "--without-missing" in str(refusal.value)
    assert load_style("Mine") == style
    learn_style("Mine", [more], add=True, without_missing=True, notice=told.notices.append)
    assert [source.path.rpartition("/")[2] for _, source in learned_with.pieces] == [
        "copy.mid",
        "piece1.mid",
        "more.mid",
    ]
    assert [line for line in told.notices if "piece" in line] == [
        f"left out {folder / 'piece0.mid'}: does not exist",
        f"left out {changed}: has changed since",
    ]


def test_of_a_style_from_elsewhere_the_files_are_asked_for_and_not_back(make_style, learned_with, more, tmp_path):
    style = make_style("Theirs")
    write_bundle(style, tmp_path / "theirs.stilo")
    import_style(tmp_path / "theirs.stilo")
    with pytest.raises(InputError, match=r"elsewhere, and 2 of the 2 files .*: one\.mid, two\.mid\. ") as refusal:
        learn_style("Theirs", [more], add=True)
    assert "Put them back" not in str(refusal.value)
    assert "--without-missing" in str(refusal.value)
    learn_style("Theirs", [more], add=True, without_missing=True)
    assert [source.path for _, source in learned_with.pieces] == [str(more)]


def test_of_many_missing_files_a_few_are_named(folder, learned_with, more):
    learn_style("Mine", [folder])
    for path in folder.glob("*.mid"):
        path.unlink()
    with pytest.raises(InputError, match=r"4 of the 4 files .*copy\.mid.*piece0\.mid.*piece1\.mid.*; and 1 more\."):
        learn_style("Mine", [more], add=True)


def test_files_that_moved_or_changed_are_learned_from_as_they_are_given(folder, learned_with, more, tmp_path):
    learn_style("Mine", [folder], licence="CC0")
    (folder / "piece2.mid").write_bytes(more.read_bytes())
    moved = folder.rename(tmp_path / "moved")
    (moved / "piece2.mid").rename(moved / "other.mid")
    with pytest.raises(InputError, match="1 of the 4 files"):
        learn_style("Mine", [moved], add=True)
    (moved / "other.mid").rename(moved / "piece2.mid")
    moved.rename(folder)
    learn_style("Mine", [folder], add=True)
    licences = {source.path.rpartition("/")[2]: source.licence for _, source in learned_with.pieces}
    assert licences == {"copy.mid": "CC0", "piece0.mid": "CC0", "piece1.mid": "CC0", "piece2.mid": ""}


@pytest.mark.parametrize("named", ["private.mid", "/dev/zero", "folder", "pipe", "large.mid"])
def test_a_strangers_style_makes_no_other_file_be_read(
    make_style, learned_with, more, tmp_path, monkeypatch, named, tune
):
    """Only the very file that was learned from, whatever the style calls it."""
    monkeypatch.chdir(tmp_path)
    write_score(tune, tmp_path / "private.mid")
    (tmp_path / "folder").mkdir()
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe")
    with (tmp_path / "large.mid").open("wb") as large:
        large.truncate(2**40)
    stranger = make_style("Theirs", sources=(Source(named, "ab" * 32),))
    with Library() as library:
        library.save(stranger)
    read = []
    monkeypatch.setattr("stilo.music.files.parse_scores", lambda _data, path: read.append(path) or [tune])
    with pytest.raises(InputError, match="1 of the 1 files") as refusal:
        learn_style("Theirs", [more], add=True)
    assert read == [str(more)]
    assert named in str(refusal.value)


@pytest.fixture
def songs(tmp_path, tune, with_tiny_encoder):
    """Six songs."""
    folder = tmp_path / "songs"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for i in range(6):
        notes = tune.notes.copy()
        notes["pitch"][notes["track"] == 0] = 60 + rng.integers(0, 12, 48)
        write_score(tune.with_notes(notes), folder / f"{i}.mid")
    return folder


def test_a_folder_of_two_kinds_becomes_two_styles(songs, told, learned_with, monkeypatch):
    asked = []

    def parted(rows, notes):
        asked.append((rows.shape, notes))
        return [[3, 0, 1], [2, 4, 5]]

    monkeypatch.setattr("stilo.styles.groups.groups_of", parted)
    first, second = learn_split("Mine", [songs], steps=3, progress=told.progress, notice=told.notices.append)
    assert told.notices[:2] == [
        "'Mine 1' is learned from 3 pieces: 0.mid, 1.mid, 3.mid",
        "'Mine 2' is learned from 3 pieces: 2.mid, 4.mid, 5.mid",
    ]
    assert (first.name, second.name) == ("Mine 1", "Mine 2")
    assert [[source.path[-5:] for source in style.sources] for style in (first, second)] == [
        ["0.mid", "1.mid", "3.mid"],
        ["2.mid", "4.mid", "5.mid"],
    ]
    assert asked == [((6, LEARNED_SIZE), [80] * 6)]
    assert load_style("Mine 2") == second
    assert told.shares == sorted(told.shares)
    with pytest.raises(InputError, match="already holds a style 'Mine 1'"):
        learn_split("Mine", [songs])
    monkeypatch.setattr("stilo.styles.groups.groups_of", lambda _rows, _notes: [list(range(6))])
    told.notices.clear()
    assert [style.name for style in learn_split("Mine", [songs], notice=told.notices.append)] == ["Mine"]
    assert told.notices[0] == "all 6 pieces are of one kind: 'Mine' is learned from all of them"


def test_who_stops_one_of_several_styles_is_told_which_and_what_is_next(
    songs, told, learned_with, monkeypatch, make_style
):
    stopped = replace(make_style().proof, is_interrupted=True)
    monkeypatch.setattr("stilo.styles.learn.learn", lambda name, _pieces, **_options: make_style(name, proof=stopped))
    monkeypatch.setattr("stilo.styles.groups.groups_of", lambda _rows, _notes: [[0, 1, 2], [3, 4, 5]])
    goes_on = "that was 'Mine 1'; going on with 'Mine 2' (Ctrl-C again stops that, too)"
    learn_split("Mine", [songs], notice=told.notices.append)
    tried_now = "the style is kept; it is tried in short pieces now (Ctrl-C again leaves them out)"
    assert told.notices[2:] == [goes_on, tried_now]

    def interrupted(_style, _progress):
        raise KeyboardInterrupt

    monkeypatch.setattr("stilo.workshop.learning.tried", interrupted)
    learn_split("Mine", [songs], replace=True, notice=told.notices.append)
    not_tried = "stopped: the style is kept, not tried"
    assert told.notices[6:] == [goes_on, not_tried, goes_on, tried_now, not_tried]


def test_copies_make_no_kind(songs, told, learned_with, monkeypatch):
    """Three of one song, in three keys, one with a note changed."""
    song = read_score(songs / "0.mid")
    for i in (1, 2):
        write_score(song.transposed(i), songs / f"copy{i}.mid")
    notes = song.notes.copy()
    notes["pitch"][-1] += 1
    write_score(song.with_notes(notes), songs / "near.mid")
    heard = []

    def parted(rows, notes):
        heard.append(len(rows))
        return [list(range(len(rows)))]

    monkeypatch.setattr("stilo.styles.groups.groups_of", parted)
    [style] = learn_split("Mine", [songs], notice=told.notices.append)
    assert heard == [6]
    assert [source.path[-5:] for source in style.sources] == [f"{i}.mid" for i in range(6)]
    assert [line.partition(": ")[2].partition("/")[0] for line in told.notices[:3]] == [
        "the same notes as ",
        "the same notes as ",
        "nearly the same notes as ",
    ]


def test_more_pieces_than_are_told_apart_are_one_style_and_that_is_said(songs, told, learned_with, monkeypatch):
    monkeypatch.setattr("stilo.styles.groups.MOST_PIECES", 5)
    assert [style.name for style in learn_split("Mine", [songs], notice=told.notices.append)] == ["Mine"]
    assert told.notices[0] == "6 pieces are more than are told apart (5): one style is learned from all"


def test_without_an_encoder_nothing_is_told_apart(songs, learned_with, monkeypatch, tmp_path):
    monkeypatch.setattr("stilo.models.encoder_files.encoder_folder", lambda: tmp_path / "none")
    with pytest.raises(SetupError):
        learn_split("Mine", [songs])
    assert learned_with.calls == 0
