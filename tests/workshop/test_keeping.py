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
    import_style(bundle, replace=True, demo=taken)
    assert taken.read_bytes().startswith(b"MThd")


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
