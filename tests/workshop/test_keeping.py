"""Styles kept: listed, shown, removed, given away, taken in."""

import numpy as np
import pytest

from stilo.errors import InputError, UnknownStyleError, WriteError
from stilo.workshop import export_style, import_style, list_styles, load_style, remove_style, show_style


def test_styles_are_listed_removed_and_travel(tmp_path, waltz):
    assert [summary.name for summary in list_styles()] == ["Waltz"]
    bundle = export_style("Waltz", tmp_path / "w.stilo")
    with pytest.raises(InputError, match=r"already holds a style 'Waltz'; .* --as .* --replace"):
        import_style(bundle)
    assert import_style(bundle, "Other").name == "Other"
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
    assert import_style(bundle, "Other").parents == waltz.parents


def test_exporting_to_a_wrong_place_is_told(tmp_path, waltz):
    with pytest.raises(WriteError, match=r"use one of \.stilo"):
        export_style("Waltz", tmp_path / "w.zip")
    with pytest.raises(WriteError, match="no folder"):
        export_style("Waltz", tmp_path / "nowhere" / "w.stilo")


def test_showing_draws(tmp_path, waltz):
    picture = tmp_path / "waltz.png"
    assert show_style("waltz", picture) == waltz
    assert picture.read_bytes().startswith(b"\x89PNG")
    with pytest.raises(WriteError, match=r"\.png"):
        show_style("waltz", tmp_path / "waltz.pdf")
