"""Retrieval, identification, discriminants and works, on numbers whose answers are known."""

import numpy as np
import pytest

from stilo.errors import InputError
from stilo.models.discriminants import learn_discriminants
from stilo.models.retrieval import PIECES_EACH, Labelled, identification, mean_average_precision
from stilo.models.works import work_of, works_of


def labelled(rows, works=None):
    makers = [f"m{i // 25}" for i in range(len(rows))]
    return Labelled.of(rows, makers, works or [str(i) for i in range(len(rows))])


def test_perfect_and_random_embeddings():
    rng = np.random.default_rng(0)
    perfect = labelled(np.repeat(np.eye(4), 25, axis=0))
    chance = labelled(rng.standard_normal((100, 30)))
    assert mean_average_precision(perfect, rng) == pytest.approx(1)
    assert mean_average_precision(chance, rng) == pytest.approx(0.27, abs=0.04)
    assert identification(perfect, rng)[0] == pytest.approx(1)
    share, error = identification(chance, rng)
    assert share == pytest.approx(0.25, abs=0.08)
    assert error < 0.1


def test_average_precision_of_a_known_ranking():
    # two makers; from piece 0 the cosines fall 1, 2, 3, … and its likes stand at ranks 1 and 3
    from stilo.models.retrieval import _average_precision

    likeness = np.array([1.0, 0.9, 0.8, 0.7, 0.6])
    same = np.array([True, True, False, True, False])
    allowed = np.array([False, True, True, True, True])
    assert _average_precision(likeness, same, allowed) == pytest.approx((1 + 2 / 3) / 2)
    assert _average_precision(likeness, same & ~allowed, allowed) is None


def test_pieces_of_the_same_work_do_not_count():
    rng = np.random.default_rng(1)
    # each maker has five works of five pieces that are all alike; between works nothing is shared
    works = [f"w{i // 5}" for i in range(100)]
    rows = np.repeat(rng.standard_normal((20, 40)), 5, axis=0)
    assert mean_average_precision(labelled(rows), rng) > 0.4
    assert mean_average_precision(labelled(rows, works), rng) < 0.32
    assert identification(labelled(rows, works), rng)[0] < 0.45


def test_too_few_makers_are_refused():
    few = labelled(np.eye(PIECES_EACH))
    for measure in (mean_average_precision, identification):
        with pytest.raises(ValueError, match="fewer than two makers"):
            measure(few, np.random.default_rng(0))


def test_discriminants_find_what_tells_makers_apart():
    rng = np.random.default_rng(0)
    makers = np.repeat(np.arange(12), 10)
    rows = rng.standard_normal((120, 20)) * np.array([5.0] * 19 + [1.0])
    rows[:, 19] += makers * 2.0
    found = learn_discriminants(rows, [str(m) for m in makers], ["c"] * 120, size=1, shrinkage=0.1)
    weights = np.abs(found.directions[:, 0] / found.scale * rows.std(0))
    assert weights.argmax() == 19
    assert weights[19] > 5 * weights[:19].max()
    projected = found.project(rows)
    assert projected.shape == (120, 1)


def test_discriminants_do_not_tell_collections_apart():
    rng = np.random.default_rng(0)
    collections = np.repeat(["a", "b"], 60)
    makers = np.tile(np.repeat(np.arange(6), 10), 2)
    rows = rng.standard_normal((120, 5))
    rows[:, 0] += 100.0 * (collections == "b")
    rows[:, 1] += makers * 3.0
    found = learn_discriminants(rows, [str(m) for m in makers], list(collections), size=1, shrinkage=0.05)
    moved = (rows - found.mean) / found.scale @ found.directions
    between = abs(moved[collections == "a"].mean() - moved[collections == "b"].mean())
    assert between < moved[:, 0].std()


def test_discriminants_need_makers():
    rows = np.random.default_rng(0).standard_normal((6, 3))
    with pytest.raises(ValueError, match="two makers"):
        learn_discriminants(rows, list("aaaaaa"), ["c"] * 6, 1, 0.1)
    with pytest.raises(ValueError, match="directions asked"):
        learn_discriminants(rows, list("aaabbb"), ["c"] * 6, 4, 0.1)


def test_which_work():
    assert work_of("lieder/a.mid", "Winterreise, D.911 / 1 Gute Nacht", "Schubert") == "Schubert: Winterreise, D.911"
    assert work_of("lieder/a.mid", "/ Avril", "Chaminade") == "lieder/a.mid"
    kyrie, gloria = (f"polish_scores/pl-kk--i-88--001-00{i}_x--missa-1-y.mid" for i in (1, 2))
    assert work_of(kyrie) == work_of(gloria) != work_of("polish_scores/pl-kk--i-88--002-001_x--missa-2.mid")
    assert work_of("polish_scores/pl-kk--i-38--004_lasso.mid") != work_of(
        "polish_scores/pl-kk--i-38--004-001_lasso.mid"
    )


def test_works_by_the_manifest(tmp_path):
    folder = tmp_path / "lieder"
    folder.mkdir()
    (folder / "manifest.tsv").write_text(
        "path\ttitle\tcomposer_artist\nlieder/a.mid\tC / 1 x\tB\nlieder/b.mid\tC / 2 y\tB\n"
    )
    assert works_of(["lieder/a.mid", "lieder/b.mid", "other/c.mid"], tmp_path) == ["B: C", "B: C", "other/c.mid"]
    (folder / "manifest.tsv").write_text("title\nx\n")
    with pytest.raises(InputError, match="manifest"):
        works_of(["lieder/a.mid"], tmp_path)
