"""Of many pieces a share of the runs is kept: copies are found all the same, and unseen music is left in peace."""

from types import SimpleNamespace

import numpy as np
import pytest

from stilo.originality.base import NO_STOCK
from stilo.originality.check import check_trace
from stilo.originality.index import index_of
from stilo.originality.level import level_of
from stilo.originality.lines import notes_of_score
from stilo.originality.runs import BAR, BASS, MELODY, TEXTURE, runs_of, trace_of
from stilo.originality.thinning import ALL, MOST_COUNTED, counted, thinned, winnowed

PIECES = 60


@pytest.fixture(scope="module")
def many(make):
    """Sixty pieces of which about a tenth of the runs is kept, with the level of what is kept."""
    whole = [runs_of(notes_of_score(make.piece(seed, bars=24))) for seed in range(PIECES)]
    some, kept = thinned(whole, sum(map(len, whole)) // 6)
    index = index_of([(f"piece{number}", one) for number, one in enumerate(some)], NO_STOCK, kept)
    return SimpleNamespace(whole=whole, some=some, kept=kept, index=index, level=level_of(whole, index))


def found_in(many, score):
    return check_trace(trace_of(notes_of_score(score)), many.index, many.level)


def test_few_runs_are_all_kept(many):
    some, kept = thinned(many.whole[:2], 10_000)
    assert [len(one) for one in some] == [len(one) for one in many.whole[:2]]
    assert kept == ALL


def test_what_is_kept_is_told_kind_by_kind(many):
    assert sum(map(len, many.some)) <= sum(map(len, many.whole)) / 6
    before, after = (np.bincount(np.concatenate(runs)["kind"], minlength=4) for runs in (many.whole, many.some))
    assert np.allclose(many.kept, after / before)
    assert many.kept[BAR] == 1.0
    assert all(many.kept[kind] < 0.25 for kind in (MELODY, TEXTURE, BASS))


def test_no_run_counts_for_many(many):
    """One run that is kept of ten must not count as ten: two by chance would be a copy."""
    times = counted(many.kept)
    assert times[BAR] == 1.0
    assert times.max() == MOST_COUNTED


def test_unseen_music_is_left_in_peace(many, make):
    found = [found_in(many, make.piece(seed, bars=24)) for seed in range(1000, 1080)]
    assert sum(one.verdict == "copied" for one in found) <= 1
    assert sum(one.verdict != "original" for one in found) <= 8


def test_copies_are_found_still(many, make):
    for seed in range(20):
        passage = make.bars(make.piece(seed, bars=24), 8, 8).transposed(3)
        found = found_in(many, make.planted(make.piece(700 + seed, bars=24), passage, 10))
        assert found.verdict == "copied"
        assert found.passages[0].source == f"piece{seed}"
        assert np.abs(np.subtract(found.passages[0].bars, (11, 18))).max() <= 2


def test_there_may_be_room_for_a_few_runs_of_each_piece_alone(many):
    some, kept = thinned(many.whole, 600)
    assert sum(map(len, some)) <= 600
    assert kept[BAR] < 1
    assert counted(kept)[BAR] == 1.0


def test_winnowing_leaves_no_stretch_without_a_run(many):
    runs = many.whole[0]
    for times, ahead in ((1, 3), (4, 12)):
        kept = winnowed(runs, times)
        melody, chosen = (some[some["kind"] == MELODY]["onset"] for some in (runs, kept))
        place = np.flatnonzero(np.isin(melody, chosen))
        assert max(np.diff(place).max(), place[0] + 1, len(melody) - place[-1]) <= ahead + (times > 1)
        assert (kept["kind"] == BAR).sum() == (runs["kind"] == BAR).sum()
