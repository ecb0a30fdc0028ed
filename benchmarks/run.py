"""The figures of stilo on this machine, each beside the limit it has to keep, as a table and as JSON.

    python benchmarks/run.py                          everything (some minutes)
    python benchmarks/run.py --music lieder/          reading and measuring on MIDI files of your own
    python benchmarks/run.py --only read --only help  some

A figure that cannot be had (a demo or a test that fails) is MISSED, with the reason beside it.

Data: without --music, chorales of the corpus that is installed with music21, rewritten as MIDI. Reading and measuring
are timed on one core after one round to warm up; learning, composing, demo and tests use what the machine has.
The JSON goes to benchmarks/results/ after each figure, with commit, machine and versions.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any

from stilo.compose.composer import compose
from stilo.compose.request import Request
from stilo.elements.profile import analyse
from stilo.errors import StiloError
from stilo.music.atomic import write_whole
from stilo.music.files import music_files, read_score, write_score
from stilo.styles.learn import learn
from stilo.workshop import gather_pieces
from stilo.workshop.demo import DEMO_STYLES, corpus_files

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "benchmarks" / "results"
MOST_FILES = 300
PACKAGES = ("stilo", "numpy", "torch", "symusic", "music21")


@dataclass(frozen=True)
class Benchmark:
    """A figure and its limit; `beside` is the published number it stands beside, "" when there is none."""

    name: str
    what: str
    unit: str
    limit: float
    more_is_better: bool
    beside: str
    measure: Callable[[Setting], float]

    @property
    def told_limit(self) -> str:
        return f"{'≥' if self.more_is_better else '≤'} {self.limit:g} {self.unit}"

    def holds(self, value: float | None) -> bool:
        if value is None:
            return False
        return value >= self.limit if self.more_is_better else value <= self.limit


class NoFigureError(Exception):
    """The figure cannot be had; the message says why."""


@dataclass
class Setting:
    """What the benchmarks share: the MIDI files, and the style that was learned on the way."""

    files: list[Path]
    data: str
    style: object = None
    notes: dict[str, str] = field(default_factory=dict)


@contextmanager
def one_core() -> Iterator[None]:
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(cores)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, cores)


def seconds_of(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def files_read_per_second(setting: Setting) -> float:
    def read_all() -> None:
        for path in setting.files:
            read_score(path)

    with one_core():
        read_all()
        return len(setting.files) / seconds_of(read_all)


def files_analysed_per_second(setting: Setting) -> float:
    scores = [read_score(path) for path in setting.files]

    def analyse_all() -> None:
        for score in scores:
            analyse(score)

    with one_core():
        analyse(scores[0])
        return len(scores) / (seconds_of(analyse_all) + len(scores) / files_read_per_second(setting))


def minutes_to_learn(setting: Setting) -> float:
    demo = DEMO_STYLES[0]
    pieces = gather_pieces(corpus_files(demo)[:10], demo.licence)
    start = time.perf_counter()
    style = learn(demo.name, pieces, seed=0)
    minutes = (time.perf_counter() - start) / 60
    proof = style.proof
    if proof is None or proof.tuned_nats_per_note is None:
        raise NoFigureError("learn gave no proof")
    setting.style = style
    setting.notes["learn"] = (
        f"held-out nats/note {proof.base_nats_per_note:.3f} → {proof.vector_nats_per_note:.3f} style told "
        f"→ {proof.tuned_nats_per_note:.3f} tuned"
    )
    return minutes


def notes_composed_per_second(setting: Setting) -> float:
    if setting.style is None:
        minutes_to_learn(setting)
    compose(setting.style, Request(bars=4, seed=0, candidates=1))
    start = time.perf_counter()
    composition = compose(setting.style, Request(bars=64, seed=1, candidates=1))
    return len(composition.score) / (time.perf_counter() - start)


def checked(command: list[str], **options: object) -> str:
    """What a command prints on both channels.

    Raises:
        NoFigureError: it fails; with the last line it printed.
    """
    done = subprocess.run(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, **options
    )
    if done.returncode:
        lines = [line.strip() for line in done.stdout.splitlines() if line.strip()]
        raise NoFigureError(f"exit status {done.returncode}: {lines[-1] if lines else 'nothing printed'}")
    return done.stdout


def seconds_to_help(_setting: Setting) -> float:
    command = [sys.executable, "-m", "stilo", "--help"]
    times = sorted(seconds_of(lambda: checked(command)) for _ in range(7))
    return times[len(times) // 2]


def seconds_of_demo(_setting: Setting) -> float:
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "stilo", "demo", "--out", folder]
        return seconds_of(lambda: checked(command))


def minutes_of_tests(setting: Setting) -> float:
    """Minutes of `make test`, or where there is no .venv of the tests alone; coverage goes into the notes."""
    command = ["make", "test"]
    if not (ROOT / ".venv").is_dir():
        command = [sys.executable, "-m", "pytest", "-n", "2", "-m", "not slow", "--cov", "--cov-fail-under=85"]
    start = time.perf_counter()
    told = checked(command, env=os.environ | {"OMP_NUM_THREADS": "1"})
    coverage = re.search(r"Total coverage: ([\d.]+)", told)
    setting.notes["tests"] = f"coverage {coverage[1]} %" if coverage else "coverage not told"
    return (time.perf_counter() - start) / 60


BENCHMARKS = (
    Benchmark("help", "stilo --help, median of 7", "s", 0.3, False, "", seconds_to_help),
    Benchmark("read", "read MIDI, one core", "files/s", 500, True, "", files_read_per_second),
    Benchmark("analyse", "read and measure, one core", "files/s", 30, True, "", files_analysed_per_second),
    Benchmark("learn", "learn 10 pieces", "min", 3, False, "", minutes_to_learn),
    Benchmark("compose", "compose, one stream", "notes/s", 150, True, "MMT 11.8 (GPU)", notes_composed_per_second),
    Benchmark("demo", "stilo demo", "s", 360, False, "", seconds_of_demo),
    Benchmark("tests", "all tests", "min", 10, False, "", minutes_of_tests),
)


def corpus_as_midi(folder: Path) -> list[Path]:
    files = []
    for source in corpus_files(DEMO_STYLES[0]):
        target = folder / f"{source.stem}.mid"
        write_score(read_score(source), target)
        files.append(target)
    return files


def machine() -> dict[str, str]:
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False
    ).stdout.strip()
    changed = subprocess.run(["git", "status", "--porcelain"], cwd=ROOT, capture_output=True, text=True, check=False)
    return {
        "commit": commit + ("+changes" if changed.stdout.strip() else ""),
        "machine": f"{platform.system()} {platform.machine()}, {processor()}, {os.cpu_count()} cores",
        "python": platform.python_version(),
        "date": time.strftime("%Y-%m-%d %H:%M"),
        **{name: metadata.version(name) for name in PACKAGES},
    }


def keep_figures(name: str, figures: Mapping[str, Any]) -> None:
    """Write what a benchmark found, with the machine and the versions, as `RESULTS`/name.json."""
    path = RESULTS / f"{name}.json"
    RESULTS.mkdir(parents=True, exist_ok=True)
    write_whole(path, (json.dumps({**machine(), **figures}, indent=1) + "\n").encode())
    print(f"wrote {path}")


def processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        for line in cpuinfo.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor()


def measured(benchmark: Benchmark, setting: Setting) -> float | None:
    """The figure; None where it cannot be had, with the reason in the notes."""
    try:
        return benchmark.measure(setting)
    except (NoFigureError, StiloError) as error:
        setting.notes[benchmark.name] = str(error)
        return None


def run(chosen: list[Benchmark], setting: Setting, keep: Callable[[list[dict[str, object]]], None]) -> bool:
    """Measure and print one row after another; `keep` is given all rows after each. Whether every limit held."""
    rows: list[dict[str, object]] = []
    for benchmark in chosen:
        value = measured(benchmark, setting)
        holds, note = benchmark.holds(value), setting.notes.get(benchmark.name, "")
        figure = f"{value:>9.2f}" if value is not None else f"{'–':>9}"
        print(
            f"{benchmark.what:<28} {figure} {benchmark.unit:<8} {benchmark.told_limit:<14} "
            f"{'holds' if holds else 'MISSED':<7} {benchmark.beside:<16} {note}".rstrip(),
            flush=True,
        )
        row = {"name": benchmark.name, "value": value, "unit": benchmark.unit, "limit": benchmark.told_limit}
        rows.append(row | {"holds": holds, "beside": benchmark.beside, "note": note})
        keep(rows)
    return all(row["holds"] for row in rows)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--music", type=Path, help="folder with MIDI files for reading and measuring")
    parser.add_argument("--only", action="append", choices=[benchmark.name for benchmark in BENCHMARKS])
    arguments = parser.parse_args()
    chosen = [benchmark for benchmark in BENCHMARKS if not arguments.only or benchmark.name in arguments.only]
    with tempfile.TemporaryDirectory() as folder:
        if arguments.music:
            files = [path for path in music_files([arguments.music]) if path.suffix.lower() in {".mid", ".midi"}]
            if not files:
                parser.error(f"no MIDI files in {arguments.music}")
            setting = Setting(files[:MOST_FILES], f"{len(files[:MOST_FILES])} files of {arguments.music.name}")
        else:
            files = corpus_as_midi(Path(folder)) if {"read", "analyse"} & {b.name for b in chosen} else []
            setting = Setting(files, f"{len(files)} chorales of the music21 corpus")
        told = machine() | {"data": setting.data}
        print(", ".join(f"{name} {value}" for name, value in told.items()), flush=True)
        path = RESULTS / f"{time.strftime('%Y%m%d-%H%M%S')}-{told['commit'].partition('+')[0]}.json"

        def keep(rows: list[dict[str, object]]) -> None:
            RESULTS.mkdir(parents=True, exist_ok=True)
            text = json.dumps({"setting": told, "figures": rows}, ensure_ascii=False, indent=1, allow_nan=False)
            write_whole(path, text.encode())

        every_limit_held = run(chosen, setting, keep)
    print(f"written: {path.relative_to(ROOT)}")
    return 0 if every_limit_held else 1


if __name__ == "__main__":
    sys.exit(main())
