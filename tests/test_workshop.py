"""The use cases, with fakes where the nets would be; what the nets do is tested in their own rooms."""

import json
import os
import sys
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

from stilo.errors import InputError, ReadError, RequestError, SetupError, UnknownStyleError, WriteError
from stilo.music.files import read_score, write_score
from stilo.workshop import (
    analyse_files,
    check_outputs,
    compose_piece,
    examine_installation,
    export_style,
    gather_pieces,
    import_style,
    learn_style,
    list_styles,
    load_style,
    make_request,
    plain,
    pooled,
    remove_style,
    run_demo,
    show_style,
    style_card,
)
from stilo.workshop.outputs import whole_files, write_composition
from stilo.workshop.progress import part_of


@dataclass
class Told:
    """Collects progress and notices."""

    steps: list[tuple[str, float]] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)

    def progress(self, what, share):
        self.steps.append((what, share))

    @property
    def shares(self):
        return [share for _, share in self.steps]


@pytest.fixture
def told():
    return Told()


@pytest.fixture
def folder(tmp_path, tune):
    """Three pieces, a copy of one, a broken file and something that is no music."""
    music = tmp_path / "music"
    music.mkdir()
    for i in range(3):
        write_score(tune.transposed(i), music / f"piece{i}.mid")
    (music / "copy.mid").write_bytes((music / "piece1.mid").read_bytes())
    (music / "broken.mid").write_bytes(b"MThd\0\0\0\6\0\1")
    (music / "notes.txt").write_text("no music")
    return music


@pytest.fixture
def learned_with(monkeypatch, make_style):
    """Stands in for the learning of the nets; holds what it was called with."""
    seen = SimpleNamespace(calls=0)

    def learn(name, pieces, *, tune=True, seconds=None, steps=None, seed=0, progress=None, notice=None):
        seen.__dict__.update(name=name, pieces=list(pieces), tune=tune, seconds=seconds, steps=steps, seed=seed)
        seen.calls += 1
        progress("tuning", 0.5)
        notice("left out something")
        return make_style(name, sources=tuple(source for _, source in pieces))

    monkeypatch.setattr("stilo.styles.learn.learn", learn)
    return seen


@pytest.fixture
def composed_with(monkeypatch, tune):
    """Stands in for the composing of the nets; holds the requests."""
    from stilo.compose.composer import Composition

    requests = []

    def compose(style, request, progress=None):
        requests.append(request)
        progress("bar 1", 0.5)
        return Composition(score=tune, request=request, report={"style": style.name, "notes": np.int64(len(tune))})

    monkeypatch.setattr("stilo.compose.composer.compose", compose)
    return requests


@pytest.fixture
def waltz(make_style):
    from stilo.library.store import Library

    style = make_style("Waltz")
    with Library() as library:
        library.save(style)
    return style


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


def test_styles_are_listed_removed_and_travel(tmp_path, waltz):
    assert [summary.name for summary in list_styles()] == ["Waltz"]
    bundle = export_style("Waltz", tmp_path / "w.stilo")
    with pytest.raises(InputError, match="already holds"):
        import_style(bundle)
    assert import_style(bundle, "Other").name == "Other"
    assert np.array_equal(load_style("Other").embedding, waltz.embedding)
    import_style(bundle, replace=True)
    remove_style("Other")
    with pytest.raises(UnknownStyleError, match="Waltz"):
        load_style("Walz")


def test_exporting_to_a_wrong_place_is_told(tmp_path, waltz):
    with pytest.raises(WriteError, match=r"use one of \.stilo"):
        export_style("Waltz", tmp_path / "w.zip")
    with pytest.raises(WriteError, match="no folder"):
        export_style("Waltz", tmp_path / "nowhere" / "w.stilo")


def test_composing_writes_every_kind_from_one_composition(tmp_path, told, tune, waltz, composed_with):
    outputs = [tmp_path / f"new{ending}" for ending in (".mid", ".musicxml", ".mxl", ".json", ".png", ".wav", ".flac")]
    request = make_request(bars=8, seed=3)
    compose_piece("Waltz", outputs, request, told.progress)
    assert composed_with == [request]
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(path.name for path in outputs)
    assert len(read_score(outputs[0])) == len(read_score(outputs[1])) == len(read_score(outputs[2])) == len(tune)
    data = json.loads(outputs[3].read_text(encoding="utf-8"))
    assert data["request"]["seed"] == 3
    assert data["report"] == {"style": "Waltz", "notes": 80}
    assert data["score"]["notes"]["pitch"] == tune.notes["pitch"].tolist()
    assert outputs[4].read_bytes().startswith(b"\x89PNG")
    assert outputs[5].read_bytes()[:4] == b"RIFF"
    assert outputs[6].read_bytes()[:4] == b"fLaC"
    assert told.shares == sorted(told.shares)


def test_composing_fails_early_and_leaves_nothing(tmp_path, waltz, composed_with):
    with pytest.raises(WriteError, match=r"new\.pdf"):
        compose_piece("Waltz", [tmp_path / "new.mid", tmp_path / "new.pdf"])
    with pytest.raises(UnknownStyleError):
        compose_piece("Nobody", [tmp_path / "new.mid"])
    assert composed_with == []
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("failure", [OSError(28, "No space left on device"), KeyboardInterrupt(), ValueError("bug")])
def test_when_one_output_fails_none_is_left(tmp_path, monkeypatch, waltz, composed_with, failure):
    def failing(*_args):
        raise failure

    (tmp_path / "new.mid").write_bytes(b"old")
    monkeypatch.setattr("stilo.elements.plot.plot_piano_roll", failing)
    expected = WriteError if isinstance(failure, OSError) else type(failure)
    with pytest.raises(expected):
        compose_piece("Waltz", [tmp_path / "new.mid", tmp_path / "new.png"])
    assert [path.name for path in tmp_path.iterdir()] == ["new.mid"]
    assert (tmp_path / "new.mid").read_bytes() == b"old"


def test_errors_name_the_file_the_person_named(tmp_path, monkeypatch, waltz, composed_with):
    def failing(_score, path):
        raise WriteError(path, "the disk is full")

    monkeypatch.setattr("stilo.music.files.write_score", failing)
    with pytest.raises(WriteError, match=r"new\.mid: the disk is full$"):
        compose_piece("Waltz", [tmp_path / "new.mid"])


def test_audio_is_rendered_once_for_all_kinds(tmp_path, monkeypatch, waltz, composed_with):
    from stilo.sound.waveform import AUDIO_ENDINGS, Waveform

    calls = []

    def render(score):
        calls.append(score)
        return Waveform(np.zeros((4410, 2), np.float32), 44100)

    monkeypatch.setattr("stilo.sound.render.render", render)
    outputs = [tmp_path / f"a{ending}" for ending in AUDIO_ENDINGS]
    assert tmp_path / "a.opus" in outputs
    compose_piece("Waltz", outputs)
    assert len(calls) == 1
    assert all(path.stat().st_size > 0 for path in outputs)


def test_outputs_are_checked(tmp_path):
    assert check_outputs([tmp_path / "A.MID"]) == [tmp_path / "A.MID"]
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


@pytest.fixture
def closed_folder(tmp_path):
    """A folder that nobody can write to, not even root."""
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        if not os.path.ismount("/proc"):
            pytest.skip("root may write everywhere here")
        yield Path("/proc")
        return
    folder = tmp_path / "closed"
    folder.mkdir(mode=0o555)
    yield folder
    folder.chmod(0o755)


def test_a_closed_folder_is_told_before_any_work(closed_folder, waltz, composed_with):
    with pytest.raises(WriteError, match=r"new\.mid: cannot be written .*choose another folder"):
        compose_piece("Waltz", [closed_folder / "new.mid"])
    assert composed_with == []


def test_a_missing_renderer_is_told_before_any_work(tmp_path, monkeypatch, waltz, composed_with):
    monkeypatch.setenv("STILO_SOUNDFONT", str(tmp_path / "none.sf2"))
    with pytest.raises(SetupError, match="SOUNDFONT"):
        compose_piece("Waltz", [tmp_path / "new.mid", tmp_path / "new.wav"])
    with pytest.raises(SetupError, match="SOUNDFONT"):
        next(run_demo(tmp_path / "demo"))
    assert composed_with == []
    compose_piece("Waltz", [tmp_path / "new.mid"])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["demo", "new.mid"]


@pytest.mark.parametrize(("metre", "pair"), [("3/4", (3, 4)), (" 6/8", (6, 8)), ("12/16", (12, 16)), ("1/1", (1, 1))])
def test_metres_that_can_be_read(metre, pair):
    assert make_request(metre=metre).time_signature == pair


@pytest.mark.parametrize(
    "metre", ["", "3", "3/", "/4", "3/5", "0/4", "33/4", "-3/4", "3/4/4", "a/b", "3/64", "٣/٤", "9" * 99]
)
def test_metres_that_cannot(metre):
    with pytest.raises(RequestError, match=r"no metre|cannot be composed"):
        make_request(metre=metre)


def test_requests_keep_defaults_and_read_keys():
    from stilo.compose.request import Request

    assert make_request() == Request()
    assert make_request(key="Bb minor").key == "Bb minor"
    with pytest.raises(RequestError, match="no key"):
        make_request(key="H dur")
    with pytest.raises(RequestError, match="bars 0"):
        make_request(bars=0)


def test_analysing_tells_of_every_file_once(folder, tmp_path, told):
    missing = tmp_path / "missing.mid"
    found = list(analyse_files([folder, folder / "piece0.mid", missing], told.progress))
    names = [item.path.name for item in found]
    assert names == ["broken.mid", "copy.mid", "piece0.mid", "piece1.mid", "piece2.mid", "missing.mid"]
    errors = {item.path.name: item.error for item in found if item.error}
    assert set(errors) == {"broken.mid", "missing.mid"}
    assert str(folder) not in errors["broken.mid"]
    assert found[0].to_json() == {"file": str(folder / "broken.mid"), "error": errors["broken.mid"]}
    assert pooled(found).pieces == 4
    assert pooled(found[:1]) is None
    assert told.shares == sorted(told.shares)


def test_the_json_of_an_analysis_is_that_of_the_design(folder):
    [item] = analyse_files([folder / "piece0.mid"])
    data = json.loads(json.dumps(item.to_json(), allow_nan=False))
    assert set(data) == {
        "file", "key", "chords", "tempo_qpm", "time_signature", "valence", "arousal", "elements",
    }  # fmt: skip
    assert data["time_signature"] == "3/4"
    assert data["tempo_qpm"] == pytest.approx(96.0)
    assert -1 <= data["valence"] <= 1
    assert -1 <= data["arousal"] <= 1
    assert all(set(chord) == {"onset_quarters", "duration_quarters", "label"} for chord in data["chords"])


def test_a_tune_book_is_one_line_and_all_its_tunes_count(tmp_path):
    book = tmp_path / "book.abc"
    book.write_text("X:1\nT:One\nM:4/4\nL:1/4\nK:C\nCDEF|\n\nX:2\nT:Two\nM:4/4\nL:1/4\nK:C\nGABc|\n")
    [item] = analyse_files([book])
    assert item.to_json()["pieces"] == 2
    assert pooled([item]).pieces == 2


def test_the_card_tells_what_was_learned(make_style):
    card = style_card(make_style("Waltz"))
    assert "3.500 before → 3.250 style told → 3.000 tuned, 0.500 better" in card
    assert "3/4, 96 quarters a minute, C major, Flute; Piano" in card
    assert "2 pieces, 200 notes; CC0 (1), licence not stated (1)" in card
    assert "Minuet 75%, Jig 25%" in card
    assert max(map(len, card.splitlines())) <= 100


def test_the_card_does_not_hide_a_failure(make_style):
    from stilo.styles.style import Proof

    card = style_card(make_style("Waltz", proof=Proof(3.0, 3.25, None, 1, 1, 2.0)))
    assert "3.000 before → 3.250 style told, 0.250 WORSE" in card
    assert "1 piece (1 note)" in card


def test_the_card_tells_what_judged_and_that_it_chose_when_to_stop(make_style):
    from stilo.styles.style import Proof, Source

    whole = " ".join(style_card(make_style("Waltz")).split())
    assert "judged on 1 piece (80 notes) it did not learn from; they also chose when to stop tuning" in whole
    style = make_style("Waltz", sources=(Source("a.mid", "0" * 64), Source("b.mid", "1" * 64)))
    parts = " ".join(style_card(style).split())
    assert "the last quarter of each piece (80 notes of 1 piece), kept out of the learning; they also chose" in parts
    assert "did not learn from" not in parts
    untuned = make_style("Waltz", adapter=None, proof=Proof(3.0, 2.5, None, 1, 10, 0.5))
    assert "when to stop" not in style_card(untuned)


def test_the_card_says_when_no_tempo_is_named(make_style):
    from stilo.styles.style import Palette

    assert "4/4, no tempo of its own" in style_card(make_style("Waltz", palette=Palette()))


def test_showing_draws(tmp_path, waltz):
    picture = tmp_path / "waltz.png"
    assert show_style("waltz", picture) == waltz
    assert picture.read_bytes().startswith(b"\x89PNG")
    with pytest.raises(WriteError, match=r"\.png"):
        show_style("waltz", tmp_path / "waltz.pdf")


def test_plain_values():
    assert plain({"a": (np.int64(1), np.array([1.5])), 2: None}) == {"a": [1, [1.5]], "2": None}


def test_a_part_of_progress_stays_inside_its_part(told):
    part_of(told.progress, 0.5, 0.75)("x", 2.0)
    part_of(told.progress, 0.5, 0.75)("x", -1.0)
    assert told.shares == [0.75, 0.5]


def test_the_doctor_finds_what_is_missing(monkeypatch, tmp_path):
    monkeypatch.setenv("STILO_MODEL", str(tmp_path / "nothing"))
    findings = {finding.part: finding for finding in examine_installation()}
    assert list(findings) == ["machine", "packages", "weights", "renderer", "audio files", "library"]
    assert findings["weights"].state == "missing"
    assert findings["library"].state == "ok"
    assert "0 styles" in findings["library"].text
    assert findings["audio files"].text.startswith(".wav .flac .mp3 .ogg .opus")


@pytest.mark.parametrize("broken", [None, ModuleType("av")])
def test_the_doctor_survives_what_does_not_load(monkeypatch, broken):
    monkeypatch.setitem(sys.modules, "av", broken)
    findings = {finding.part: finding for finding in examine_installation()}
    assert findings["audio files"].state == "missing"
    assert "does not work" in findings["audio files"].text
    assert findings["library"].state == "ok"


def test_the_doctor_tells_how_to_sound_better(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    renderer = {finding.part: finding for finding in examine_installation()}["renderer"]
    assert renderer.state == "note"
    assert "fluidsynth" in renderer.remedy


def test_writing_a_composition_alone(tmp_path, tune):
    write_composition(SimpleNamespace(score=tune, request=None, report=None), [tmp_path / "a.mid"])
    assert len(read_score(tmp_path / "a.mid")) == len(tune)


def test_a_key_that_was_not_reached_is_said():
    from stilo.compose.composer import Composition, Report
    from stilo.compose.judge import measure_figures
    from stilo.compose.request import Request
    from stilo.music.score import Score, Track, notes_from_columns
    from stilo.workshop import composition_line

    score = Score(notes_from_columns([0], [480], [60]), (Track(),))
    for asked, key, said in (("A minor", "A major", True), ("A minor", "A minor", False), ("", "A minor", False)):
        report = Report(asked, key, 0.5, 2.0, 4, 1, measure_figures(score))
        line = composition_line(Composition(score, Request(bars=2), report))
        assert key in line
        assert ("asked for A minor" in line) is said
