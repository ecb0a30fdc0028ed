"""Like styles: found by what one encoder heard, best first, and told when nothing can be compared."""

import json
import shutil

import numpy as np
import pytest

from stilo.cli.finding import likeness_table
from stilo.errors import InputError, ReadError, RequestError, SetupError
from stilo.library.store import Library
from stilo.models.learned_embedding import FACET_ORDER, LearnedEmbedding
from stilo.models.shipped import identity_of
from stilo.music.files import write_score
from stilo.workshop import learn_style, plain, similar_styles, style_card, styles_like

ENCODER = "0" * 16


@pytest.fixture
def keep(make_style):
    """keep(name, recognition, encoder=ENCODER): a style of the library that an encoder heard."""

    def keep_one(name, recognition, encoder=ENCODER):
        style = make_style(name, recognition=recognition, encoder=encoder if recognition else "")
        with Library() as library:
            library.save(style)
        return style

    return keep_one


@pytest.fixture
def dances(keep, make_recognition):
    """Waltz; Near, which is like it; Far, which is not, but for its harmony; both are heard by one encoder."""
    waltz = make_recognition(1)
    far = make_recognition(3).values.copy()
    far[FACET_ORDER.index("harmony")] = waltz.facet("harmony")
    keep("Far", LearnedEmbedding(far))
    keep("Near", make_recognition(2, near=waltz))
    return keep("Waltz", waltz)


def test_the_likest_come_first_and_the_asked_one_is_left_out(dances):
    near, far = similar_styles("waltz")
    assert (near.name, far.name) == ("Near", "Far")
    assert near.overall > 0.8 > far.overall
    assert far.overall == pytest.approx(np.mean([getattr(far, facet) for facet in FACET_ORDER]), abs=1e-6)
    assert far.harmony == pytest.approx(1)
    assert [one.name for one in similar_styles("waltz", facet="harmony")] == ["Far", "Near"]
    assert [one.name for one in similar_styles("waltz", facet="rhythm", most=1)] == ["Near"]


def test_what_other_encoders_heard_is_named_in_one_line(dances, keep, make_recognition, told):
    keep("Other", make_recognition(1), "1" * 16)
    for i in range(6):
        keep(f"old {i}", None)
    assert {one.name for one in similar_styles("Waltz", notice=told.notices.append)} == {"Near", "Far"}
    [line] = told.notices
    assert line.startswith("not compared: old 0, old 1, old 2, old 3 and 3 more (")
    assert "learn again" in line
    with pytest.raises(InputError, match="nothing to compare with: Far, Near, old 0, old 1 and 5 more"):
        similar_styles("Other")
    with pytest.raises(InputError, match="old 3 was learned without an encoder; learn it again"):
        similar_styles("old 3")


def test_a_lonely_style_and_an_empty_library_are_told(keep, make_recognition, tmp_path, tune):
    write_score(tune, tmp_path / "song.mid")
    for what in ("Waltz", tmp_path / "song.mid"):
        with pytest.raises(InputError, match="the library is empty"):
            similar_styles(what)
    style = keep("Waltz", make_recognition(1))
    with pytest.raises(InputError, match="Waltz is the only style"):
        similar_styles("Waltz")
    assert styles_like(style) == []


@pytest.mark.parametrize("name", ["Walz", "no/such.mid", "", "x" * 100_000, "~nobody/a", "a\0b", "\x1b[2J"])
def test_what_is_neither_path_nor_style_is_told_in_one_line(dances, name):
    with pytest.raises(InputError, match="no such file or folder, and no style") as caught:
        similar_styles(name)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 300


def test_wishes_that_cannot_be_met_are_told(dances, with_tiny_encoder):
    for wish in ({"facet": "tempo"}, {"facet": "name"}, {"most": 0}):
        with pytest.raises(RequestError, match=str(*wish)):
            similar_styles("Waltz", **wish)
    with pytest.raises(InputError, match="one style at a time"):
        similar_styles(["Waltz", "Near"])
    with pytest.raises(InputError, match="no music found"):
        similar_styles([])


def _varied(tune, seed, onsets=False):
    """The tune with other notes in its melody, and at other moments if `onsets`."""
    rng = np.random.default_rng(seed)
    notes = tune.notes.copy()
    notes["pitch"][notes["track"] == 0] += rng.integers(-2, 3, 48).astype(np.int16)
    if onsets:
        notes["pitch"] = rng.integers(30, 90, len(notes))
        notes["onset_ticks"] = np.sort(rng.integers(0, 20_000, len(notes)))
    return tune.with_notes(notes)


@pytest.fixture
def music(tmp_path, tune):
    """Variations of a tune, one of them twice, a broken file; beside them, in `noise`, notes by chance."""
    for name in ("music", "noise"):
        (tmp_path / name).mkdir()
        for i in range(4):
            write_score(_varied(tune, i, onsets=name == "noise"), tmp_path / name / f"piece{i}.mid")
    shutil.copy(tmp_path / "music" / "piece1.mid", tmp_path / "music" / "copy.mid")
    (tmp_path / "music" / "broken.mid").write_bytes(b"MThd\0\0\0\6\0\1")
    return tmp_path / "music"


@pytest.fixture
def learned(music, with_tiny_weights, with_tiny_encoder):
    """A style learned from the music, beside one of chance."""
    learn_style("noise", [music.parent / "noise"], tune=False)
    return learn_style("tunes", [music], tune=False)


def test_a_folder_is_most_like_the_style_that_was_learned_from_it(learned, music, tiny_encoder, told):
    assert learned.encoder == identity_of(tiny_encoder)
    tunes, noise = similar_styles(music, progress=told.progress, notice=told.notices.append)
    assert (tunes.name, noise.name) == ("tunes", "noise")
    assert tunes.overall == pytest.approx(1, abs=1e-5)  # the copy in the folder counts once, as in learning
    assert noise.overall < 0.9
    assert [line.partition(":")[0] for line in told.notices] == [f"left out {music / 'broken.mid'}"]
    assert told.shares == sorted(told.shares)
    one = similar_styles(str(music / "piece0.mid"))
    several = similar_styles([music / "piece0.mid", music / "copy.mid"])
    assert one[0].name == several[0].name == "tunes"
    assert [other.name for other in similar_styles("tunes")] == ["noise"]


def test_a_word_that_names_a_style_and_a_folder_is_the_style(learned, music, monkeypatch, told):
    shutil.copytree(music, music.parent / "tunes")
    monkeypatch.chdir(music.parent)

    def first(what):
        told.notices.clear()
        name = similar_styles(what, notice=told.notices.append)[0].name
        return name, [line for line in told.notices if "broken" not in line]

    assert first("tunes") == ("noise", ["tunes: took the style, not the folder of this name (./tunes)"])
    assert first("./tunes") == first(music.parent / "tunes") == first("tunes/") == ("tunes", [])
    said = 'tunes: took the folder, not the style of this name (stilo show "tunes")'
    assert first(["tunes", "noise"]) == ("tunes", [said, said.replace("tunes", "noise")])


def test_a_word_that_ends_as_music_files_do_is_a_file(learned, music, monkeypatch, told, keep):
    keep("piece0.mid", learned.recognition, learned.encoder)
    assert "tunes" in {one.name for one in similar_styles("piece0.mid")}, "the style, where there is no file"
    monkeypatch.chdir(music)
    assert "piece0.mid" in {one.name for one in similar_styles("piece0.mid", notice=told.notices.append)}
    assert told.notices == []


def test_files_that_cannot_be_heard_are_told(learned, music, tmp_path, tune):
    with pytest.raises(ReadError, match=r"broken\.mid"):
        similar_styles(music / "broken.mid")
    write_score(tune.with_notes(tune.notes[:0]), tmp_path / "silence.mid")
    with pytest.raises(ReadError, match=r"silence\.mid: holds no notes"):
        similar_styles(tmp_path / "silence.mid")
    with pytest.raises(InputError, match="none of the 2 files can be read; the first"):
        similar_styles([music / "broken.mid", tmp_path / "silence.mid"])
    (tmp_path / "nothing").mkdir()
    with pytest.raises(ReadError, match="holds no music files"):
        similar_styles(tmp_path / "nothing")


@pytest.mark.parametrize(("count", "told"), [(1, "1 note"), (15, "15 notes")])
def test_a_few_notes_are_not_compared(learned, music, tmp_path, tune, count, told):
    write_score(tune.with_notes(tune.notes[:count]), tmp_path / "short.mid")
    with pytest.raises(ReadError, match=rf"short\.mid: too little music to compare: {told}$"):
        similar_styles(tmp_path / "short.mid")
    notices = []
    assert similar_styles([tmp_path / "short.mid", music / "piece0.mid"], notice=notices.append)
    assert [told in line for line in notices] == [True]
    write_score(tune.with_notes(tune.notes[:16]), tmp_path / "enough.mid")
    assert all(np.isfinite(one.overall) for one in similar_styles(tmp_path / "enough.mid"))


def test_a_facet_of_which_one_has_nothing_is_left_out(dances, keep):
    drums = dances.recognition.values.copy()
    drums[[FACET_ORDER.index("pitch"), FACET_ORDER.index("harmony")]] = 0
    keep("Drums", LearnedEmbedding(drums))
    beat = next(one for one in similar_styles("Waltz") if one.name == "Drums")
    assert (beat.pitch, beat.harmony) == (None, None)
    assert (beat.rhythm, beat.emotion, beat.overall) == pytest.approx((1, 1, 1), abs=1e-6)
    assert [one.name for one in similar_styles("Waltz", facet="harmony")] == ["Far", "Near", "Drums"]
    assert all(one.pitch is None and one.rhythm is not None for one in similar_styles("Drums"))
    table = likeness_table(similar_styles("Waltz", facet="pitch"))
    assert table.splitlines()[-1].split() == ["Drums", "1.00", "–", "1.00", "–", "1.00"]
    assert len(set(map(len, table.splitlines()))) == 1
    assert json.loads(json.dumps(plain(beat)))["pitch"] is None


def test_without_an_encoder_files_cannot_be_heard_but_styles_compared(dances, music, monkeypatch, tmp_path):
    monkeypatch.setattr("stilo.models.encoder_files.encoder_folder", lambda: tmp_path / "none")
    with pytest.raises(SetupError, match="install stilo anew"):
        similar_styles(music)
    assert similar_styles("Waltz")[0].name == "Near"


def test_the_card_names_what_is_most_like(dances, keep):
    keep("Unlike", LearnedEmbedding(-dances.recognition.values))
    assert similar_styles("Waltz")[-1].overall == pytest.approx(-1)
    alike = styles_like(dances)
    assert [one.name for one in alike] == ["Near", "Far"]
    card = style_card(dances, alike)
    assert f"most like          Near ({alike[0].overall:.2f}), Far ({alike[1].overall:.2f})" in card
    assert "most like" not in style_card(dances)
    assert max(map(len, card.splitlines())) <= 100
