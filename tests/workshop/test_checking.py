"""Originality as a person asks for it: files against folders and styles, and the words for what is found."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import stilo
from stilo.errors import InputError, ReadError
from stilo.library.store import Library
from stilo.music.files import write_score
from stilo.music.score import TimeSignature
from stilo.originality.against import Against, Findings
from stilo.originality.check import Originality
from stilo.originality.kept import source_runs_of
from stilo.originality.level import GENERAL, Level
from stilo.originality.passages import Passage
from stilo.styles.style import Source
from stilo.workshop import check, check_files, originality_phrase, verdict_text
from stilo.workshop.checking import Checked
from stilo.workshop.verdicts import passage_line


def tune_of(seed, bars=24):
    from stilo.music.score import Score, TimeSignature, Track, notes_from_columns

    rng = np.random.default_rng(seed)
    onset, pitch = np.arange(bars * 6) * 320, 60 + rng.integers(0, 13, bars * 6)
    notes = notes_from_columns(onset, np.full(len(onset), 320), pitch, 80, np.zeros(len(onset), int))
    return Score(notes, (Track("Tune", 73),), time_signatures=(TimeSignature(0, 4, 4),), title=f"Tune {seed}")


@pytest.fixture
def music(tmp_path):
    folder = tmp_path / "music"
    folder.mkdir()
    for seed in range(4):
        write_score(tune_of(seed), folder / f"tune{seed}.mid")
    write_score(tune_of(1).transposed(5), tmp_path / "copy.mid")
    write_score(tune_of(50), tmp_path / "new.mid")
    return folder


@pytest.fixture
def style(make_style, music):
    scores = [tune_of(seed) for seed in range(4)]
    sources = tuple(Source(str(music / f"tune{seed}.mid"), f"{seed:064x}") for seed in range(4))
    made = make_style("Tunes", sources=sources, runs=source_runs_of(scores))
    with Library() as library:
        library.save(made)
    return made


def test_a_copy_is_told_with_its_bars_and_its_key(music, tmp_path):
    found = check(tmp_path / "copy.mid", music)
    best = found.pieces.passages[0]
    assert (found.verdict, best.source, best.bars, best.source_bars) == ("copied", "tune1.mid", (1, 24), (1, 24))
    assert best.transposition == 5
    told = verdict_text(Checked("copy.mid", findings=found)).split("\n")
    assert told[0] == "copy.mid: copied as a whole"
    assert told[1].startswith("  bars 1–24 are bars 1–24 of tune1.mid, a fourth up (144 notes of the melody, ")
    assert told[2].startswith("  more than human pieces of this style share (")


def test_what_is_new_is_original(music, tmp_path):
    found = check(str(tmp_path / "new.mid"), str(music))
    assert found.verdict == "original"
    told = verdict_text(Checked("new.mid", findings=found)).split("\n")
    assert told[0] == "new.mid: nothing longer than human pieces share"
    assert len(told) == 3
    assert "what the base model learned from" in told[2]


def test_a_style_tells_the_same_but_the_key(style, tmp_path):
    for against in ("Tunes", style):
        found = check(tmp_path / "copy.mid", against)
        best = found.pieces.passages[0]
        assert (found.verdict, best.source, best.source_bars) == ("copied", "tune1.mid", (1, 24))
        assert best.transposition is None
    assert check(tune_of(50), style).verdict == "original"


def test_a_piece_is_not_held_against_itself(music, told):
    found = list(check_files([music], music, told.progress, told.notices.append))
    assert [one.findings.verdict for one in found] == ["original"] * 4
    assert told.notices == ["4 pieces are among those that they are held against: each is held against the others"]
    told.notices.clear()
    list(check_files([music / f"tune{seed}.mid" for seed in range(3)], music, notice=told.notices.append))
    assert len(told.notices) == 3
    assert "tune1.mid is one of the pieces that it is held against: it is held against the others" in told.notices[1]
    assert told.shares == sorted(told.shares)
    write_score(tune_of(2), music / "twin.mid")
    twins = {one.path: one.findings for one in check_files([music], music)}
    assert twins[str(music / "twin.mid")].pieces.passages[0].source == "tune2.mid"


def test_a_source_of_a_style_is_not_held_against_itself(style, music, tmp_path):
    from stilo.workshop.learning import sha256_of

    sources = tuple(replace(source, sha256=sha256_of(Path(source.path))) for source in style.sources)
    known = replace(style, sources=sources)
    assert [one.findings.verdict for one in check_files([music], known)] == ["original"] * 4
    for piece, left_out in ((music / "tune1.mid", ["tune1.mid"]), (tmp_path / "new.mid", [])):
        [one] = check_files([piece], known)
        assert (one.to_json()["verdict"], one.to_json()["left_out"]) == ("original", left_out)
        told = "it is one of the pieces, held against the others: " if left_out else ""
        assert verdict_text(one).startswith(f"{piece}: {told}nothing longer than human pieces share\n")
    assert check(music / "tune1.mid", style).verdict == "copied", "other bytes lie there now"


@pytest.mark.parametrize("against", ["folder", "style", "bundle"])
def test_a_copy_of_a_file_under_another_name_is_a_copy(style, music, tmp_path, told, monkeypatch, against):
    """What lies where the source lies is the source; a style that was taken in knows its files by name alone."""
    from stilo.workshop.learning import sha256_of

    named = [source.path if against == "style" else Path(source.path).name for source in style.sources]
    sources = tuple(Source(path, sha256_of(music / Path(path).name)) for path in named)
    same = tmp_path / "renamed.mid"
    same.write_bytes((music / "tune1.mid").read_bytes())
    if against == "bundle":
        same = same.rename(tmp_path / "tune1.mid")
        monkeypatch.chdir(tmp_path)
    others = music if against == "folder" else replace(style, sources=sources)
    [one] = check_files([same], others)
    assert (one.to_json()["verdict"], one.to_json()["left_out"]) == ("copied", [])
    assert one.to_json()["same_as"] == ["tune1.mid"]
    assert check(same, others, notice=told.notices.append).verdict == "copied"
    assert told.notices == [f"{same} is the same file as tune1.mid, which it is held against"]


def test_a_tune_book_is_checked_tune_by_tune(music, tmp_path):
    book = tmp_path / "book.abc"
    book.write_text("X:1\nT:First\nM:4/4\nL:1/4\nK:C\nCDEF|GABc|\n\nX:2\nT:Second\nM:4/4\nL:1/4\nK:C\ncBAG|FEDC|\n")
    found = list(check_files([book], music))
    assert [one.title for one in found] == ["First", "Second"]
    assert verdict_text(found[1]).startswith(f"{book} (Second): ")


def test_what_cannot_be_read_is_told(music, tmp_path, told):
    broken = tmp_path / "broken.mid"
    broken.write_bytes(b"MThd")
    one, two = check_files([broken, tmp_path / "new.mid"], music)
    assert (one.findings, bool(one.error), two.error) == (None, True, "")
    assert one.to_json()["error"] == one.error
    assert one.error in verdict_text(one)
    with pytest.raises(ReadError):
        check(broken, music)
    (music / "broken.mid").write_bytes(b"MThd")
    check(tmp_path / "new.mid", music, notice=told.notices.append)
    assert len(told.notices) == 1
    assert "broken.mid" in told.notices[0]


@pytest.mark.parametrize("against", ["nothing", "no/where", "empty"])
def test_there_must_be_something_to_hold_against(music, tmp_path, monkeypatch, against):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=r"called so|holds no music|no such"):
        check(tmp_path / "new.mid", against)


def test_there_must_be_something_to_check(music, tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="no music"):
        list(check_files([tmp_path / "empty"], music))


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({}, "keeps no fingerprints of its pieces, since it was taken in from a bundle without them or learned with"),
        ({"sources": ()}, "was not learned from pieces"),
    ],
)
def test_a_style_without_fingerprints_is_held_against_the_base_model_and_says_why(
    make_style, tmp_path, music, monkeypatch, told, changes, why
):
    with Library() as library:
        library.save(make_style("Old", **changes))
    [one] = check_files([tmp_path / "new.mid"], "Old", notice=told.notices.append)
    assert (one.findings.pieces, one.findings.verdict, one.left_out) == (None, "original", ())
    [line] = told.notices
    assert line.startswith(f"held against the base model's pieces alone: the style 'Old' {why}")
    monkeypatch.setattr("stilo.originality.base.base_index_path", lambda: tmp_path / "nothing.npz")
    with pytest.raises(InputError, match=f"nothing to hold a piece against: .*{why}.*; say the folder"):
        check(tmp_path / "new.mid", "Old")


def test_where_nothing_is_left_that_is_said(music, told):
    piece = music / "tune1.mid"
    [one] = check_files([piece], piece, notice=told.notices.append)
    assert told.notices == [f"{piece} is one of the pieces that it is held against: nothing is left to hold it against"]
    assert one.findings.pieces is None
    text = verdict_text(one)
    assert "of this style" not in text
    assert text.startswith(f"{piece}: it is one of the pieces, no other is left: nothing longer than")
    assert (one.to_json()["originality"], one.to_json()["pieces"]) == (1.0, None)
    assert one.to_json()["base"]["verdict"] == "original"
    alone = Checked("x.mid", findings=Findings(None, None))
    assert verdict_text(alone) == "x.mid: held against nothing"


def test_a_level_that_was_not_measured_is_that_of_music_at_large(music, tmp_path):
    found = check(tmp_path / "new.mid", music / "tune0.mid")
    assert found.pieces.level == GENERAL
    assert "human pieces share in music at large (" in verdict_text(Checked("new.mid", findings=found))


def book_of(*numbers):
    """A tune book: one line of eighths for each number, the same for the same."""
    tunes = []
    for place, number in enumerate(numbers):
        letters = np.random.default_rng(number).choice(list("CDEFGABcdefg"), (16, 8))
        bars = "|".join("".join(bar) for bar in letters)
        tunes.append(f"X:{place + 1}\nT:Tune {place + 1}\nM:4/4\nL:1/8\nK:C\n{bars}|\n")
    return "\n".join(tunes)


def test_tunes_of_a_book_that_learning_dropped_are_not_held_against_it(tmp_path, make_style, told):
    """The second tune is the first: a style learned from the book keeps the others, in their order."""
    from stilo.elements.grid import on_grid
    from stilo.music.files import read_scores
    from stilo.workshop.learning import sha256_of

    book = tmp_path / "book.abc"
    book.write_text(book_of(1, 1, 2, 3, 4))
    scores = [on_grid(score).score for score in read_scores(book)]
    kept = [scores[number] for number in (0, 2, 3, 4)]
    sources = tuple(Source(str(book), sha256_of(book), score.title, notes=len(score)) for score in kept)
    style = make_style("Book", sources=sources, runs=source_runs_of(kept))
    found = list(check_files([book], style, notice=told.notices.append))
    assert [one.findings.verdict for one in found] == ["original"] * 5
    assert [len(one.left_out) for one in found] == [1] * 5
    assert [line.partition(" ")[0] for line in told.notices] == ["5"]
    half = replace(style, sources=sources[:2], runs=source_runs_of(kept[:2]))  # learned with --split
    told.notices.clear()
    assert [one.findings.verdict for one in check_files([book], half)] == ["original"] * 5
    other = tmp_path / "other.abc"
    other.write_text(book_of(3))
    assert check(other, style).verdict == "copied"


def test_a_book_is_hashed_once(music, tmp_path, style, monkeypatch):
    from stilo.workshop import checking

    hashed = []
    monkeypatch.setattr(checking, "sha256_of", lambda path: hashed.append(path) or "0" * 64)
    book = tmp_path / "book.abc"
    book.write_text(book_of(5, 6, 7))
    list(check_files([book], style))
    assert hashed == [book]


def test_python_checks_one_piece_and_not_the_first_of_several(music, tmp_path):
    book = tmp_path / "book.abc"
    book.write_text(book_of(5, 6))
    with pytest.raises(InputError, match=r"book\.abc holds 2 tunes: check them one by one"):
        stilo.check(book, music)


def test_too_many_files_are_refused_before_they_are_read(music, tmp_path, monkeypatch):
    monkeypatch.setattr("stilo.originality.index.MOST_PIECES", 3)
    (music / "tune0.mid").write_bytes(b"MThd")
    with pytest.raises(InputError, match="give at most 3"):
        check(tmp_path / "new.mid", music)


def test_drums_alone_are_held_against_the_folder_and_not_against_the_base_model(music, tmp_path):
    from stilo.music.score import Track

    beat = tune_of(9)
    drums = replace(beat, tracks=(Track("Drums", 0, is_drum=True),))
    write_score(drums, music / "beat.mid")
    found = check(drums, music)
    assert (found.base, found.verdict) == (None, "copied")
    assert check(beat, music).base is not None


def test_a_pickup_is_the_first_bar(tmp_path, music):
    """Bars are counted as they come; what is printed as bar 1 after a pickup is the second."""
    plain, upbeat = tmp_path / "plain.abc", tmp_path / "upbeat.abc"
    plain.write_text(book_of(1))
    upbeat.write_text(book_of(1).replace("K:C\n", "K:C\nGA|"))
    passage = check(upbeat, plain).pieces.passages[0]
    assert (passage.bars, passage.source_bars) == ((2, 17), (1, 16))


def test_without_the_index_of_the_base_model_the_rest_is_told(music, tmp_path, monkeypatch):
    monkeypatch.setattr("stilo.originality.base.base_index_path", lambda: tmp_path / "nothing.npz")
    notices = []
    found = check(tmp_path / "copy.mid", music, notice=notices.append)
    assert (found.base, found.verdict) == (None, "copied")
    assert ["no index of the base model's pieces is installed" in line for line in notices] == [True]
    assert Checked("copy.mid", findings=found).to_json()["base"] is None


def test_it_is_the_same_in_python_and_as_json(music, tmp_path):
    found = stilo.check(tmp_path / "copy.mid", music)
    told = Checked("copy.mid", findings=found).to_json()
    assert json.loads(json.dumps(told, allow_nan=False))["pieces"]["runs"][0]["source"] == "tune1.mid"
    assert told["originality"] == found.pieces.to_json()["originality"]
    assert told["pieces"] == found.to_json()["pieces"]
    assert told == Checked("copy.mid", findings=stilo.check(tmp_path / "copy.mid", music)).to_json()


def test_a_piece_too_short_to_compare_is_neither_original_nor_a_copy(music, tmp_path):
    tune = tune_of(60, bars=2)
    write_score(tune.with_notes(tune.notes[:5]), tmp_path / "motif.mid")
    [checked] = check_files([tmp_path / "motif.mid"], music)
    told = checked.to_json()
    assert (told["verdict"], told["originality"]) == ("too short", None)
    assert told["pieces"]["too_short"]


def test_the_json_has_the_same_keys_whatever_was_found():
    level = Level(5.0, 20.0)
    near, copied = Originality(30.0, level, (), 0.4), Originality(60.0, level, (), 0.9)
    cases = [
        (Checked("x.mid", error="is broken"), None, None),
        (Checked("x.mid", findings=Findings(None, None)), None, None),
        (Checked("x.mid", "One", Findings(near, None)), "near", 0.667),
        (Checked("x.mid", findings=Findings(near, copied), left_out=("x.mid",)), "copied", 0.333),
        (Checked("x.mid", findings=Findings(copied, near)), "copied", 0.333),
    ]
    for checked, verdict, originality in cases:
        told = checked.to_json()
        assert list(told) == [
            "file", "title", "error", "verdict", "originality", "pieces", "base", "left_out", "same_as"
        ]  # fmt: skip
        assert (told["verdict"], told["originality"]) == (verdict, originality), "the worse of both"
        for part in (told["pieces"], told["base"]):
            keys = {"originality", "verdict", "bits", "level", "copied_share", "near_share"}
            keys |= {"too_short", "whole_of", "runs"}
            assert part is None or set(part) == keys


def test_files_of_one_name_are_told_apart_by_their_folders(music, tmp_path):
    (music / "one").mkdir()
    (music / "two" / "deep").mkdir(parents=True)
    (music / "tune1.mid").rename(music / "one" / "1.mid")
    write_score(tune_of(7), music / "two" / "deep" / "1.mid")
    for piece, name in ((tune_of(1), "one/1.mid"), (tune_of(7), "deep/1.mid"), (tune_of(2), "tune2.mid")):
        assert check(piece, music).pieces.passages[0].source == str(Path(name))


@pytest.mark.parametrize("name", ["~draft.mid", "~nobody-of-this-name"])
def test_a_name_may_begin_with_a_tilde(music, tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    write_score(tune_of(1).transposed(5), tmp_path / "~draft.mid")
    if name == "~draft.mid":
        assert check(name, music).verdict == "copied"
        assert [one.path for one in check_files([name], [name])] == [name]
    else:
        with pytest.raises(InputError, match="does not exist"):
            check(name, music)
        with pytest.raises(InputError, match="called so"):
            check("new.mid", name)


def test_nothing_is_not_the_whole_folder(music, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for deed in (
        lambda: check("", music),
        lambda: check("new.mid", ""),
        lambda: check("new.mid", [""]),
        lambda: list(check_files([""], music)),
    ):
        with pytest.raises(InputError, match=r'^"" names no file and no folder; give its name'):
            deed()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, "bars 5–12 are bars 1–8 of a.mid (40 notes of the melody, 99 bits)"),
        ({"transposition": -3, "tempo_ratio": 2.0}, "a.mid, a minor third down, in halved note values ("),
        ({"transposition": 12, "tempo_ratio": 0.5}, "a.mid, an octave up, in doubled note values ("),
        ({"transposition": 29, "tempo_ratio": 1.5}, "a.mid, 2 octaves and a fourth up, in note values × 0.667 ("),
        ({"bars": (5, 5), "source_bars": (2, 2)}, "bar 5 is bar 2 of a.mid ("),
        ({"is_in_order": False}, "bars 5–12: made of bars 1–8 of a.mid, in another order ("),
        ({"source_bars": None, "is_in_order": None}, "bars 5–12: like something of a.mid ("),
    ],
)
def test_passages_in_words(changes, said):
    known = {"bars": (5, 12), "source": "a.mid", "source_bars": (1, 8), "bits": 99.4, "notes": 40, "is_in_order": True}
    assert said in passage_line(Passage(**(known | changes)))


@pytest.mark.parametrize(
    ("pieces", "base", "said"),
    [
        ((60.0, 0.38), (5.0, 0.0), "copied in part, at least 38 % of it"),
        ((60.0, 0.91), (60.0, 0.38), "copied as a whole"),
        ((30.0, 0.95), (60.0, 0.38), "copied in part, at least 38 % of it, from what the base model learned from"),
        ((30.0, 0.95), (5.0, 0.0), "nearer than human pieces mostly are"),
    ],
)
def test_a_heading_says_how_much_is_copied(pieces, base, said):
    level = Level(5.0, 20.0)
    findings = Findings(*(Originality(bits, level, (), share) for bits, share in (pieces, base)))
    assert verdict_text(Checked("x.mid", findings=findings)).startswith(f"x.mid: {said}\n")


def waltz_of(seed, bars=4):
    """Three quarters a bar, and no more."""
    rng = np.random.default_rng(seed)
    tune = tune_of(seed, bars)
    notes = tune.notes[: 3 * bars].copy()
    notes["onset_ticks"], notes["duration_ticks"] = np.arange(len(notes)) * 480, 480
    notes["pitch"] = 60 + rng.integers(0, 13, len(notes))
    return replace(tune, notes=notes, time_signatures=(TimeSignature(0, 3, 4),))


def test_of_a_short_piece_it_is_said_that_it_is_too_short(tmp_path):
    known = tmp_path / "known"
    known.mkdir()
    write_score(waltz_of(0), known / "waltz.mid")
    write_score(tune_of(1), known / "tune.mid")
    for seed, transposition, said in (
        (0, 3, "all of it stands in waltz.mid, but it is too short to tell whether by chance"),
        (9, 0, "too short to tell whether it is a copy"),
    ):
        found = check(waltz_of(seed).transposed(transposition), known)
        told = verdict_text(Checked("x.mid", findings=found))
        assert told.startswith(f"x.mid: {said}\n")
        assert ("bars 1–4 are bars 1–4 of waltz.mid, a minor third up" in told) == (seed == 0)
    note = waltz_of(9)
    told = Checked("x.mid", findings=check(note.with_notes(note.notes[:1]), known)).to_json()
    assert (told["verdict"], told["pieces"]["too_short"], told["originality"]) == ("too short", True, None)


def test_a_composition_tells_what_it_shares():
    level = Level(5.0, 20.0)
    passage = Passage((3, 6), "a.mid", (1, 4), 30.0, 20, is_in_order=True)
    near, fine = Originality(30.0, level, (passage,), 0.2), Originality(4.0, level, (), 0.0)
    assert originality_phrase(None) == originality_phrase(Findings(None, None)) == ""
    assert originality_phrase(Findings(fine, None)) == "bits shared: 4 with the style's pieces (human pieces to 20)"
    phrase = originality_phrase(Findings(near, fine, ((7, 8), (9, 9))))
    assert "bars 3–6 are bars 1–4 of a.mid" in phrase
    assert phrase.endswith("composed anew: bars 7–8, bar 9")
    assert Findings(near, fine).verdict == "near"
    many = Originality(30.0, level, (passage,) * 8, 0.2)
    assert "and 3 passages more" in verdict_text(Checked("x.mid", findings=Findings(many, None)))


def test_without_anything_known_nothing_is_found():
    found = Against(None, GENERAL, None).check(tune_of(0))
    assert (found.verdict, found.excess, found.worst) == (None, 0.0, None)
