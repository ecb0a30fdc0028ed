"""A short run of benchmarks/fuzz_bundles.py: nothing but one clear line comes of a stranger's file."""

import sys
from pathlib import Path

import numpy as np
import pytest

FOLDER = Path(__file__).resolve().parent.parent / "benchmarks"


@pytest.fixture(scope="module")
def fuzzing(benchmark_script):
    sys.path.insert(0, str(FOLDER))
    return benchmark_script("fuzz_bundles")


@pytest.fixture(scope="module")
def guard(fuzzing):
    return fuzzing.Guard()


@pytest.mark.parametrize(("what", "cases"), [("bundles", 400), ("music", 400)])
def test_strange_files(fuzzing, guard, tmp_path, what, cases):
    found = fuzzing.fuzz(what, 2026, 0, cases, tmp_path / "case", guard=guard, bounded=False)
    assert found.failures == {}
    assert found.cases == cases
    assert 0.05 * cases < found.taken_in < 0.6 * cases  # neither broken beyond interest nor hardly touched


def test_what_is_forbidden_is_seen(fuzzing, guard, tmp_path, monkeypatch):
    """The fuzzing can fail: a reader that writes, raises or talks in lines is told."""

    def writing(_path):
        (tmp_path / "beside").write_bytes(b"x")

    def dividing(_path):
        return 1 / 0

    def ranting(_path):
        raise fuzzing.StiloError("a: two\nlines")

    for number, (reader, told) in enumerate([(writing, "Touched"), (dividing, "ZeroDivision"), (ranting, "unfit")]):
        found = fuzzing.Found()
        failure = fuzzing._one_case(reader, tmp_path / f"{number}", found, guard, bounded=False)
        assert failure.startswith(told)
    assert not (tmp_path / "beside").exists()


def test_a_case_is_always_the_same_file(fuzzing):
    import bundle_mutations
    import fuzz_seeds
    import music_mutations

    for seeds, change in (
        (fuzz_seeds.bundles(), bundle_mutations.strange_bundle),
        (fuzz_seeds.music(), music_mutations.strange_music),
    ):
        made = [[change(seeds, np.random.default_rng([3, n])) for n in range(30)] for _ in range(2)]
        assert made[0] == made[1]
        assert len(set(made[0])) > 20
