"""How many files a second are measured, in how much memory, beside music21's key and chords on the same files.

    python benchmarks/analyse.py MUSIC                 everything: ten minutes or more
    python benchmarks/analyse.py MUSIC --only speed    or: beside, memory

MUSIC is a folder of MIDI files. Every figure is told with and without the reading of the files, with chords by
templates (`--fast`) and by the net; beside each stands what it would be if the machine did nothing else: files by
second of processor time, times the processes. Memory is the peak (VmHWM) of `stilo analyse --fast` and of its largest
worker, over 1,000 and 10,000 files that are hard links to MUSIC.
music21 10 is asked for `analyze("key")` and `chordify()` on every n-th of the files, in the same run, one process.
The JSON goes to benchmarks/results/, with commit, machine and versions.
"""

from __future__ import annotations

import argparse
import itertools
import json
import multiprocessing
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from stilo.errors import InputError
from stilo.music.files import music_files, read_score
from stilo.music.score import Score
from stilo.styles.measuring import analyse_piece
from stilo.workshop import analyse_files

RESULTS = Path(__file__).resolve().parent / "results"
REACH = 100.0  # files/s, two processes, all measured elements
ENOUGH = 1457
BESIDE = 24
CROWDS = (1_000, 10_000)


@dataclass(frozen=True)
class Rate:
    """Files a second: by the clock, and by processor time times the processes that shared the work."""

    files: int
    seconds: float
    processor_seconds: float
    processes: int = 1

    @property
    def by_clock(self) -> float:
        return self.files / self.seconds

    @property
    def alone(self) -> float:
        return self.processes * self.files / self.processor_seconds

    def told(self) -> dict[str, float]:
        return {"files": self.files, "by_clock": round(self.by_clock, 1), "alone": round(self.alone, 1)}


def processor_seconds() -> float:
    """Of this process and of those it has waited for."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def rate_of(work: Callable[[], object], files: int, processes: int = 1) -> Rate:
    clock, processor = time.perf_counter(), processor_seconds()
    work()
    return Rate(files, time.perf_counter() - clock, processor_seconds() - processor, processes)


def measure_all(scores: Iterable[Score], fast: bool = True) -> None:
    for score in scores:
        try:
            analyse_piece(score, fast)
        except InputError:
            continue


def measured_apart(share: tuple[list[Path], bool]) -> tuple[float, float, float]:
    """In a process of its own: read everything, then measure; when it began and ended and what it used."""
    paths, fast = share
    scores = [read_score(path) for path in paths]
    measure_all(scores[:3], fast)
    begun, used = time.monotonic(), time.process_time()
    measure_all(scores, fast)
    return begun, time.monotonic(), time.process_time() - used


def without_reading(paths: list[Path], processes: int, fast: bool) -> Rate:
    shares = [(paths[i::processes], fast) for i in range(processes)]
    with multiprocessing.get_context("spawn").Pool(processes) as pool:
        found = pool.map(measured_apart, shares, chunksize=1)
    clock = max(end for _, end, _ in found) - min(begun for begun, _, _ in found)
    return Rate(len(paths), clock, sum(used for _, _, used in found), processes)


def with_reading(paths: list[Path], processes: int, fast: bool) -> Rate:
    """As the command does it: workers started, files read, measured, told as JSON."""

    def all_of_it() -> None:
        for item in analyse_files(paths, jobs=processes, fast=fast):
            json.dumps(item.to_json())

    return rate_of(all_of_it, len(paths), processes)


def speed(paths: list[Path]) -> dict[str, object]:
    figures: dict[str, object] = {"reach": REACH}
    for fast, processes in itertools.product((True, False), (1, 2)):
        for name, measure in (("measured", without_reading), ("read and measured", with_reading)):
            rate = measure(paths, processes, fast)
            what = f"{name}, {'templates' if fast else 'net'}, {processes} worker{'s' * (processes > 1)}"
            reach = f"  reach {REACH:.0f}" if fast and processes == 2 else ""
            print(f"{what:<40} {rate.by_clock:8.1f} files/s, alone {rate.alone:8.1f}{reach}", flush=True)
            figures[what] = rate.told()
    return figures


def beside(paths: list[Path], most: int) -> dict[str, object]:
    """Music21 and stilo on the same few files, one process each."""
    from music21 import converter

    few = paths[:: max(1, len(paths) // most)][:most]
    parsed: list[object] = []
    read = rate_of(lambda: parsed.extend(converter.parse(str(path)) for path in few), len(few))
    key = rate_of(lambda: [one.analyze("key") for one in parsed], len(few))
    chords = rate_of(lambda: [one.chordify() for one in parsed], len(few))
    both = Rate(len(few), key.seconds + chords.seconds, key.processor_seconds + chords.processor_seconds)
    everything = Rate(len(few), both.seconds + read.seconds, both.processor_seconds + read.processor_seconds)
    scores = [read_score(path) for path in few]
    ours = rate_of(lambda: measure_all(scores), len(few))
    ours_net = rate_of(lambda: measure_all(scores, fast=False), len(few))
    ours_read = rate_of(lambda: measure_all(map(read_score, few)), len(few))
    rows = {
        "music21 key": key,
        "music21 chordify": chords,
        "music21 key + chordify": both,
        "music21 read + key + chordify": everything,
        "stilo all elements (--fast)": ours,
        "stilo all elements, chords by net": ours_net,
        "stilo read + all elements (--fast)": ours_read,
    }
    for name, rate in rows.items():
        print(f"{name:<34} {rate.by_clock:8.2f} files/s, alone {rate.alone:8.2f}", flush=True)
    ratios = {"measured": ours.alone / both.alone, "read and measured": ours_read.alone / everything.alone}
    print(f"stilo / music21: {ratios['measured']:.0f} ×, with reading {ratios['read and measured']:.0f} ×")
    return {name: rate.told() for name, rate in rows.items()} | {"ratio": {k: round(v, 1) for k, v in ratios.items()}}


def crowd(paths: list[Path], count: int, folder: Path) -> Path:
    folder.mkdir()
    for i in range(count):
        os.link(paths[i % len(paths)], folder / f"{i:06}{paths[i % len(paths)].suffix}")
    return folder


def peak_kib(process: int) -> int:
    """Peak memory of a process so far; 0 when it is gone."""
    try:
        status = Path(f"/proc/{process}/status").read_text(encoding="ascii")
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM")), 0)


def children(process: int) -> list[int]:
    try:
        return [int(pid) for pid in Path(f"/proc/{process}/task/{process}/children").read_text().split()] + [
            int(pid)
            for task in Path(f"/proc/{process}/task").iterdir()
            if task.name != str(process)
            for pid in (task / "children").read_text().split()
        ]
    except OSError:
        return []


def peaks(folder: Path) -> dict[str, float]:
    """MiB of `stilo analyse` on a folder, and of its largest worker."""
    command = [sys.executable, "-m", "stilo", "analyse", str(folder), "--fast", "--jobs", "2"]
    begun = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        parent = worker = 0
        while process.poll() is None:
            parent = max(parent, peak_kib(process.pid))
            worker = max([worker, *map(peak_kib, children(process.pid))])
            time.sleep(0.1)
    if process.returncode:
        raise SystemExit(f"stilo analyse ended with {process.returncode}")
    seconds = time.perf_counter() - begun
    return {"parent_mib": round(parent / 1024, 1), "worker_mib": round(worker / 1024, 1), "seconds": round(seconds, 1)}


def memory(paths: list[Path]) -> dict[str, object]:
    found: dict[str, object] = {}
    # hard links do not reach over file systems
    with tempfile.TemporaryDirectory(dir=paths[0].parent, prefix=".crowd") as scratch:
        for count in CROWDS:
            found[str(count)] = told = peaks(crowd(paths, count, Path(scratch) / str(count)))
            print(f"{count:>6,} files: command {told['parent_mib']} MiB, worker {told['worker_mib']} MiB", flush=True)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("music", type=Path, help="folder with MIDI files")
    parser.add_argument("--only", action="append", choices=["speed", "beside", "memory"])
    parser.add_argument("--files", type=int, default=ENOUGH, help="how many for the speed")
    parser.add_argument("--beside", type=int, default=BESIDE, help="how many for music21")
    arguments = parser.parse_args()
    found = [path for path in music_files([arguments.music]) if path.suffix.lower() in {".mid", ".midi"}]
    if not found:
        parser.error(f"no MIDI files in {arguments.music}")
    from run import machine

    paths = found[:: max(1, len(found) // arguments.files)][: arguments.files]
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
    told = machine() | {"data": f"{len(paths)} files of {arguments.music.name}", "load at begin": f"{load:.1f}"}
    print(", ".join(f"{name} {value}" for name, value in told.items()), flush=True)
    figures: dict[str, object] = {}
    measures = {"speed": speed, "beside": lambda some: beside(some, arguments.beside), "memory": memory}
    for name, measure in measures.items():
        if not arguments.only or name in arguments.only:
            figures[name] = measure(paths)
    RESULTS.mkdir(parents=True, exist_ok=True)
    path = RESULTS / f"analyse-{time.strftime('%Y%m%d-%H%M%S')}.json"
    path.write_text(json.dumps({"setting": told, "figures": figures}, indent=1) + "\n", encoding="utf-8")
    print(f"written: {path.name}")


if __name__ == "__main__":
    main()
