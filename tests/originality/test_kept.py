"""What a style keeps of its sources: in a bundle, in the library, and from strangers."""

import json
from dataclasses import replace

import numpy as np
import pytest
from safetensors.numpy import load, save

from stilo.errors import InputError
from stilo.library.store import Library
from stilo.originality.check import check_trace
from stilo.originality.index import MOST_TIMES, NO_PITCH, ROW_DTYPE
from stilo.originality.kept import MOST_ROWS, SourceRuns, rows_from_columns, source_runs_of
from stilo.originality.level import COPY_BITS, Level, level_of
from stilo.originality.lines import notes_of_score
from stilo.originality.runs import runs_of, trace_of
from stilo.styles.arrays import arrays_from_bytes, style_to_arrays
from stilo.styles.bundle import read_bundle, write_bundle
from stilo.styles.style import Source, Style


@pytest.fixture(scope="module")
def kept(make):
    return source_runs_of([make.piece(seed) for seed in range(3)])


@pytest.fixture
def style(make_style, kept):
    sources = tuple(Source(f"/home/ada/{i}.mid", f"{i:064x}", f"No. {i}") for i in range(3))
    return make_style(sources=sources, runs=kept)


def test_no_pitch_is_kept(kept):
    assert (kept.rows["pitch"] == NO_PITCH).all()
    assert set(kept.columns()) == {"hash", "piece", "bar", "last_bar", "onset", "unit"}


def test_a_bundle_holds_none_unless_it_is_said(style, tmp_path):
    write_bundle(style, tmp_path / "a.stilo")
    assert read_bundle(tmp_path / "a.stilo").runs is None
    assert style.runs is not None


def test_it_comes_back_from_a_bundle_and_from_the_library(style, tmp_path):
    write_bundle(style, tmp_path / "a.stilo", fingerprints=True)
    with Library() as library:
        library.save(style)
        stored = library.load(style.name)
    for again in (read_bundle(tmp_path / "a.stilo"), stored):
        assert np.array_equal(again.runs.rows, style.runs.rows)
        assert (again.runs.kept, again.runs.level) == (style.runs.kept, style.runs.level)
    assert stored == style
    assert stored != replace(style, runs=None)


def test_a_copy_is_found_by_what_came_back(style, make, tmp_path):
    write_bundle(style, tmp_path / "a.stilo", fingerprints=True)
    again = read_bundle(tmp_path / "a.stilo")
    index = again.runs.index(again.source_names)
    found = check_trace(trace_of(notes_of_score(make.piece(1).transposed(4))), index, again.runs.level)
    assert (found.verdict, found.passages[0].source, found.passages[0].source_bars) == ("copied", "1.mid", (1, 32))


def test_older_styles_keep_nothing(make_style):
    style = make_style()
    document = json.loads(json.dumps(style.to_json()))
    del document["runs"]
    arrays = arrays_from_bytes(style_to_arrays(style))
    assert Style.from_json(document, arrays.embedding, arrays.adapter, None, arrays.rows).runs is None


def test_runs_of_another_version_are_left_alone(style):
    document = json.loads(json.dumps(style.to_json()))
    document["runs"]["version"] += 1
    arrays = arrays_from_bytes(style_to_arrays(style))
    again = Style.from_json(document, arrays.embedding, arrays.adapter, None, arrays.rows)
    assert (again.runs, again.name) == (None, style.name)


def test_a_style_of_pieces_without_runs_keeps_none(make_style, tmp_path):
    style = make_style(runs=SourceRuns(np.zeros(0, ROW_DTYPE)))
    write_bundle(style, tmp_path / "a.stilo", fingerprints=True)
    assert len(read_bundle(tmp_path / "a.stilo").runs.rows) == 0


def test_sources_of_one_file_are_told_apart(make_style):
    sources = (
        Source("a/book.abc", "0" * 64, "Jig"),
        Source("a/book.abc", "0" * 64, "Reel"),
        Source("b.mid", "1" * 64, "B"),
    )
    assert make_style(sources=sources).source_names == ["book.abc (Jig)", "book.abc (Reel)", "b.mid"]


def changed(style, change):
    arrays = load(style_to_arrays(style))
    change(arrays)
    return save(arrays, {"adapter": "yes"})


@pytest.mark.parametrize(
    "change",
    [
        lambda arrays: arrays.pop("runs/bar"),
        lambda arrays: arrays.update({"runs/bar": arrays["runs/bar"][:-1].copy()}),
        lambda arrays: arrays.update({"runs/bar": arrays["runs/bar"].astype(np.uint32)}),
        lambda arrays: arrays.update({"runs/bar": arrays["runs/bar"].astype(np.float32)}),
        lambda arrays: arrays.update({"runs/other": arrays["runs/bar"]}),
        lambda arrays: arrays.update({"runs/hash": arrays["runs/hash"].reshape(-1, 1)}),
    ],
)
def test_columns_that_do_not_fit_are_refused(style, change):
    with pytest.raises(InputError):
        arrays_from_bytes(changed(style, change))


def test_runs_of_a_stranger_are_checked(style, kept):
    backwards = kept.rows[::-1].copy()
    with pytest.raises(InputError, match="disorder"):
        SourceRuns(backwards)
    with pytest.raises(InputError, match="more than a style keeps"):
        SourceRuns(np.zeros(MOST_ROWS + 1, ROW_DTYPE))
    for shares in ((1.0, 1.0, 0.0, 1.0), (1.0, 1.0, 2.0, 1.0), (1.0,) * 3, (np.nan,) * 4, (1.0, 5e-324, 1.0, 1.0)):
        with pytest.raises(InputError, match="more than a style keeps"):
            SourceRuns(kept.rows, kept=shares)
    again = np.repeat(kept.rows[:1], MOST_TIMES + 1)
    SourceRuns(again[:MOST_TIMES])
    with pytest.raises(InputError, match="more than 8 times"):
        SourceRuns(again)
    for p50, p95 in ((0.0, 0.0), (20.0, 10.0), (1e9, 1e9), (-1.0, 20.0), (1.0, np.nan)):
        with pytest.raises(InputError, match="level"):
            SourceRuns(kept.rows, level=Level(p50, p95))
    with pytest.raises(InputError, match="more sources"):
        replace(style, sources=style.sources[:1])
    document = style.to_json()
    document["runs"]["level"]["p95"] = "high"
    with pytest.raises(InputError, match=r"runs\.level\.p95"):
        Style.from_json(document, style.embedding, style.adapter, None, kept.rows)
    document["runs"]["level"] |= {"p95": 28.0, "copy": 1e9}
    again = Style.from_json(document, style.embedding, style.adapter, None, kept.rows)
    assert again.runs.level.copy == COPY_BITS
    for shares in ([1.0] * 3, [1.0] * 5, [1e-9, 1, 1, "1"], [True] * 4, 1.0):
        document["runs"]["kept"] = shares
        with pytest.raises(InputError, match=r"kept|keeps"):
            Style.from_json(document, style.embedding, style.adapter, None, kept.rows)
    assert rows_from_columns({}).shape == (0,)


def test_of_many_pieces_a_share_is_kept_and_its_level_measured(make, monkeypatch):
    monkeypatch.setattr("stilo.originality.kept.MOST_ROWS", 800)
    pieces = [make.piece(seed) for seed in range(5)]
    thin = source_runs_of(pieces)
    assert len(thin.rows) <= 800
    assert min(thin.kept) < 1
    index = thin.index([str(number) for number in range(5)])
    assert thin.level == level_of([runs_of(notes_of_score(piece)) for piece in pieces], index)
