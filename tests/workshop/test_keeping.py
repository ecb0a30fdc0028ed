"""Styles kept: listed, shown, removed, given away, taken in."""

import numpy as np
import pytest

from stilo.errors import BundleError, InputError, UnknownStyleError, WriteError
from stilo.music.files import read_score
from stilo.workshop import export_style, import_style, list_styles, load_style, remove_style, show_style


def test_styles_are_listed_removed_and_travel(tmp_path, waltz):
    assert [summary.name for summary in list_styles()] == ["Waltz"]
    bundle = export_style("Waltz", tmp_path / "w.stilo")
    with pytest.raises(InputError, match=r"already holds a style 'Waltz'; .* --as .* --replace"):
        import_style(bundle)
    assert import_style(bundle, "Other").style.name == "Other"
    assert np.array_equal(load_style("Other").embedding, waltz.embedding)
    import_style(bundle, replace=True)
    remove_style("Other")
    with pytest.raises(UnknownStyleError, match="Waltz"):
        load_style("Walz")


def test_exporting_writes_over_a_file_only_when_told(tmp_path, waltz):
    bundle = tmp_path / "w.stilo"
    bundle.write_bytes(b"hers")
    with pytest.raises(WriteError, match=r"there already.*--replace"):
        export_style("Waltz", bundle)
    assert bundle.read_bytes() == b"hers"
    export_style("Waltz", bundle, replace=True)
    assert import_style(bundle, "Other").style.parents == waltz.parents


def test_exporting_to_a_wrong_place_is_told(tmp_path, waltz):
    with pytest.raises(WriteError, match=r"use one of \.stilo"):
        export_style("Waltz", tmp_path / "w.zip")
    with pytest.raises(WriteError, match="no folder"):
        export_style("Waltz", tmp_path / "nowhere" / "w.stilo")


@pytest.fixture
def writable(make_style, with_tiny_weights):
    """A style of the library that can be composed in."""
    from stilo.library.store import Library
    from stilo.models.notes.base import base_identity

    style = make_style("Minuet", base_model=base_identity(), adapter=None)
    with Library() as library:
        library.save(style)
    return style


def test_a_piece_goes_with_it_the_same_each_time_and_is_written_when_asked(tmp_path, writable):
    bundle = export_style("Minuet", tmp_path / "a.stilo")
    assert export_style("Minuet", tmp_path / "b.stilo").read_bytes() == bundle.read_bytes()
    before = set(tmp_path.iterdir())
    brought = import_style(bundle, "Unheard").demo
    assert set(tmp_path.iterdir()) == before
    import_style(bundle, "Heard", demo=tmp_path / "a.mid")
    assert set(tmp_path.iterdir()) == before | {tmp_path / "a.mid"}
    assert np.array_equal(read_score(tmp_path / "a.mid").notes, brought.notes)


def test_the_piece_of_a_style_that_is_there_is_written_and_no_other_style_given_up(tmp_path, writable, waltz):
    bundle = export_style("Minuet", tmp_path / "a.stilo")
    taken_in = import_style(bundle, "hers").style
    import_style(bundle, "hers", demo=tmp_path / "a.mid")
    assert (tmp_path / "a.mid").is_file()
    assert load_style("hers") == taken_in
    with pytest.raises(InputError, match="already holds"):
        import_style(bundle, "Waltz", demo=tmp_path / "b.mid")
    assert not (tmp_path / "b.mid").exists()
    assert load_style("Waltz") == waltz


def test_a_piece_that_cannot_be_written_keeps_the_style_out(tmp_path, writable):
    bundle = export_style("Minuet", tmp_path / "a.stilo")
    taken = tmp_path / "taken.mid"
    taken.write_bytes(b"hers")
    for place, reason in ((taken, "there already"), (tmp_path / "none" / "a.mid", "no folder"), (bundle, "ending")):
        with pytest.raises(WriteError, match=reason):
            import_style(bundle, "Heard", demo=place)
    with pytest.raises(InputError, match="already holds"):
        import_style(bundle, demo=tmp_path / "a.mid")
    assert [summary.name for summary in list_styles()] == ["Minuet"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.stilo", "taken.mid"]
    with pytest.raises(WriteError, match=r"there already; name another file$"):
        import_style(bundle, replace=True, demo=taken)  # --replace is for the style
    assert taken.read_bytes() == b"hers"
    import_style(bundle, replace=True, demo=tmp_path / "a.mid")
    assert (tmp_path / "a.mid").read_bytes().startswith(b"MThd")


def test_what_comes_meanwhile_is_not_written_over(tmp_path, writable, monkeypatch):
    """Another program makes the file while the piece is composed, or while it is written."""
    from stilo.workshop import keeping

    def slow(style, *_):
        (tmp_path / "a.stilo").write_bytes(b"hers")

    with monkeypatch.context() as patched:
        patched.setattr(keeping, "_demo_of", slow)
        with pytest.raises(WriteError, match="there already"):
            export_style("Minuet", tmp_path / "a.stilo")
    assert (tmp_path / "a.stilo").read_bytes() == b"hers"
    bundle = export_style("Minuet", tmp_path / "b.stilo")
    write = keeping.write_score

    def crowded(score, place):
        write(score, place)
        (tmp_path / "a.mid").write_bytes(b"hers")

    monkeypatch.setattr(keeping, "write_score", crowded)
    with pytest.raises(WriteError, match="there already"):
        import_style(bundle, "Heard", demo=tmp_path / "a.mid")
    assert (tmp_path / "a.mid").read_bytes() == b"hers"
    assert [summary.name for summary in list_styles()] == ["Minuet"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.mid", "a.stilo", "b.stilo"]


def test_a_piece_that_is_a_copy_does_not_go_with_it(tmp_path, writable, monkeypatch):
    from stilo.originality.against import Findings

    monkeypatch.setattr(Findings, "verdict", "copied")
    notices = []
    bundle = export_style("Minuet", tmp_path / "a.stilo", notice=notices.append)
    assert import_style(bundle, "Other").demo is None
    assert notices == ["no piece goes with it: what was composed has bars of a known piece"]


def test_fingerprints_go_with_it_only_when_asked_for(tmp_path, waltz, make_style):
    from stilo.library.store import Library
    from stilo.originality.index import ROW_DTYPE
    from stilo.originality.kept import SourceRuns

    with Library() as library:
        library.save(make_style("Known", runs=SourceRuns(np.zeros(0, ROW_DTYPE))))
    notices = []
    bundle = export_style("Known", tmp_path / "a.stilo", notice=notices.append)
    assert import_style(bundle, "Without").style.runs is None
    assert not any("fingerprints" in line for line in notices)
    bundle = export_style("Known", tmp_path / "b.stilo", notice=notices.append, fingerprints=True)
    assert import_style(bundle, "With").style.runs is not None
    assert "whoever has this file can work out their melodies" in notices[1]
    export_style("Without", tmp_path / "c.stilo", notice=notices.append, fingerprints=True)
    assert "taken in from a bundle without them" in notices[3]


def test_where_nothing_can_be_composed_the_style_goes_alone(tmp_path, waltz):
    notices = []
    bundle = export_style("Waltz", tmp_path / "w.stilo", notice=notices.append)
    assert [line.partition(":")[0] for line in notices] == ["no piece goes with it"]
    with pytest.raises(BundleError, match="brings no piece"):
        import_style(bundle, "Other", demo=tmp_path / "a.mid")
    assert [summary.name for summary in list_styles()] == ["Waltz"]


def test_showing_draws(tmp_path, waltz):
    picture = tmp_path / "waltz.png"
    assert show_style("waltz", picture) == waltz
    assert picture.read_bytes().startswith(b"\x89PNG")
    with pytest.raises(WriteError, match=r"\.png"):
        show_style("waltz", tmp_path / "waltz.pdf")
