"""The benchmarks tell a failure as a figure that was missed, and keep what they have measured."""

import sys
from pathlib import Path

import numpy as np
import pytest

FOLDER = Path(__file__).resolve().parent.parent / "benchmarks"


@pytest.fixture(scope="module")
def loaded(benchmark_script):
    return benchmark_script


@pytest.fixture(scope="module")
def run(loaded):
    return loaded("run")


def test_what_fails_is_missed_and_the_others_are_measured(run, capsys):
    def failing(_setting):
        return run.seconds_of(lambda: run.checked([sys.executable, "-c", "print('one'); print('two'); exit(3)"]))

    chosen = [
        run.Benchmark("first", "the first", "s", 2.0, False, "", lambda _: 1.0),
        run.Benchmark("demo", "the demo", "s", 2.0, False, "", failing),
        run.Benchmark("last", "the last", "1/s", 2.0, True, "", lambda _: 3.0),
    ]
    kept = []
    assert not run.run(chosen, run.Setting([], ""), lambda rows: kept.append(list(rows)))
    assert [len(rows) for rows in kept] == [1, 2, 3]
    assert [(row["value"], row["holds"]) for row in kept[-1]] == [(1.0, True), (None, False), (3.0, True)]
    told = capsys.readouterr().out.splitlines()
    assert "MISSED" in told[1]
    assert told[1].endswith("exit status 3: two")
    assert run.run(chosen[::2], run.Setting([], ""), lambda _: None)


def test_the_tests_row_tells_the_coverage(run, monkeypatch):
    said = "Required test coverage of 85% reached. Total coverage: 91.25%\n"
    monkeypatch.setattr(run, "checked", lambda *_, **__: said)
    setting = run.Setting([], "")
    run.minutes_of_tests(setting)
    assert setting.notes["tests"] == "coverage 91.25 %"


def test_the_style_distance_is_to_the_mean_of_the_others(loaded):
    rows = np.array([[0, 0], [2, 0], [4, 30]], np.float32)
    scale = np.array([1, 0.5], np.float32)
    expected = [np.sqrt((9 + 25) / 2), np.sqrt(25 / 2), np.sqrt((9 + 25) / 2)]
    assert loaded("style_distance").distances(rows, scale) == pytest.approx(expected)


def test_a_style_learned_on_other_weights_is_learned_anew(monkeypatch, tmp_path, make_style, with_tiny_weights, loaded):
    from stilo.models.notes.base import base_identity
    from stilo.styles.bundle import write_bundle

    monkeypatch.syspath_prepend(str(FOLDER))
    samples = loaded("samples")
    demo = samples.DEMO_STYLES[0]
    fresh = make_style("Fresh", adapter=None, base_model=base_identity())
    monkeypatch.setattr(samples, "learn", lambda *_, **__: fresh)
    monkeypatch.setattr(samples, "gather_pieces", lambda *_: [])
    write_bundle(make_style("Stale", adapter=None, base_model="0" * 16), tmp_path / f"{demo.slug}.stilo")
    assert samples.learned(demo, tmp_path).name == "Fresh"
    monkeypatch.setattr(samples, "learn", None)
    assert samples.learned(demo, tmp_path).name == "Fresh"


def test_no_game_is_both_learned_from_and_judged(monkeypatch, loaded):
    monkeypatch.syspath_prepend(str(FOLDER))
    emotion = loaded("emotion")
    groups = np.repeat([f"game {i}" for i in range(13)], [41, 40, 30, 20, 16, 10, 9, 9, 8, 7, 6, 4, 4])
    cuts = [emotion.grouped_folds(groups, 5, np.random.default_rng(seed)) for seed in range(4)]
    for folds in cuts:
        assert {len(set(folds[groups == group])) for group in groups} == {1}
        assert sorted(set(folds)) == [0, 1, 2, 3, 4]
        assert np.bincount(folds).max() <= 50
    assert any((folds != cuts[0]).any() for folds in cuts[1:])


def test_quadrants_count_when_both_signs_are_right(monkeypatch, loaded):
    monkeypatch.syspath_prepend(str(FOLDER))
    emotion = loaded("emotion")
    judged = np.array([[1, 1], [1, -1], [-1, 1], [-1, -1]])
    scores = np.array([[2.0, 0.1], [0.5, 1.0], [1.0, 1.0], [-3.0, -0.2]])
    assert emotion.right(scores, judged).mean(axis=0).tolist() == [0.75, 0.75, 0.5]
    low, high = emotion.interval(emotion.right(scores, judged)[:, 2], np.array(["a", "a", "b", "c"]))
    assert 0 <= low < 0.5 < high <= 1


def test_the_examples_of_the_readme_are_put_where_they_stand(loaded):
    examples = loaded("readme_examples")
    before = "a\n```\nA  one\nold\n```\nb\n```\nA  two\nkept\n```\n"
    assert examples.put(before, "A  one", "A  one\nnew \\1\n\n") == before.replace("old", r"new \1")
    for words in ("A", "B"):
        with pytest.raises(ValueError, match="not one block"):
            examples.put(before, words, "")
    readme = (examples.ROOT / "README.md").read_text(encoding="utf-8")
    first, second = (demo.name for demo in examples.DEMO_STYLES)
    assert "new" in examples.put(examples.put(readme, f"{first}:", "new"), f"A  {first}", second)


@pytest.mark.parametrize(
    ("first", "is_late", "then", "made"),
    [(60.0, True, 60.0, 1), (60.0, True, 180.0, 2), (60.0, False, 180.0, 1), (180.0, False, 60.0, 2)],
)
def test_a_run_that_came_to_its_own_end_stands_for_longer_ones(
    monkeypatch, tmp_path, first, is_late, then, made, loaded
):
    monkeypatch.syspath_prepend(FOLDER)
    learning, runs = loaded("learning"), []

    def make():
        runs.append(learning.Learned(None, {}, *[np.ones(2)] * 5, steps=3, seconds=1.0, is_late=is_late))
        return runs[-1]

    for seconds in (first, then):
        found = learning.kept(tmp_path / "runs", "dev-all-10-0-Bach", seconds, make)
        assert (found.is_late, found.steps, found.notes.tolist()) == (is_late, 3, [1, 1])
        learning.kept(tmp_path / "runs", "dev-all-10-0-Bach-Abel", 60.0, make)  # another, whose name goes on
    assert len(runs) == made + 1
