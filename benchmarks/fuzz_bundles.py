"""Does anything but one clear line come of a stranger's file? Bundles; MIDI, MusicXML and ABC; composing in bundles.

    python benchmarks/fuzz_bundles.py --cases 60000 --seed 1
    python benchmarks/fuzz_bundles.py --what music --cases 20000 --seed 1
    python benchmarks/fuzz_bundles.py --what composing --cases 2000 --seed 1

Case number n of a seed is always the same file: `--first n --cases 1` does it again, `--first` goes on after a stop.
Every case must end in what was asked for or in a StiloError; within a second of processor time; without a file opened
for writing, a folder, a process or a connection made; and within `--memory` MiB beyond what is there before the first
case. What a bundle that is taken in may still do is tried too: its card, its way into the library, and what a piece
shares with its sources. Needs Linux for the bounds of memory and time.
"""

from __future__ import annotations

import argparse
import atexit
import faulthandler
import json
import os
import resource
import shutil
import signal
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))
import bundle_mutations
import fuzz_seeds
import music_mutations
from stilo.errors import StiloError

MOST_SECONDS = 1.0
HANG_SECONDS = 120.0  # of the clock, for what does not give the processor back to Python
_FORBIDDEN = {"os.mkdir", "os.remove", "os.rename", "os.rmdir", "os.link", "os.symlink", "os.truncate", "os.chmod",
              "os.system", "os.exec", "os.fork", "os.posix_spawn", "subprocess.Popen", "socket.connect",
              "pickle.find_class", "tempfile.mkstemp", "tempfile.mkdtemp", "shutil.rmtree"}  # fmt: skip
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


class TooSlow(BaseException):
    """A case took longer than it may."""


class Touched(BaseException):
    """A case did something outside itself."""


@dataclass
class Found:
    """What came of the cases: failures by what they are, (cases, first case)."""

    cases: int = 0
    taken_in: int = 0
    refusals: Counter = field(default_factory=Counter)
    failures: dict[str, list[int]] = field(default_factory=dict)
    slowest: tuple[float, int] = (0.0, -1)
    most_bytes: tuple[int, int] = (0, -1)

    def failed(self, what: str, number: int) -> None:
        seen = self.failures.setdefault(what, [0, number])
        seen[0] += 1


class Guard:
    """Watches what is opened and made while it is on; an audit hook cannot be taken away again."""

    def __init__(self) -> None:
        self.on = False
        sys.addaudithook(self._seen)

    def _seen(self, event: str, args: tuple) -> None:
        if not self.on:
            return
        writes = event == "open" and isinstance(args[2], int) and args[2] & _WRITING
        if (writes or event in _FORBIDDEN) and args[:1] != (os.devnull,):
            self.on = False
            raise Touched(f"{event} {args!r:.200}")

    @contextmanager
    def watching(self):
        self.on = True
        try:
            yield
        finally:
            self.on = False


def read_a_bundle(path: Path) -> bool:
    """Read it; what is read must also be shown, kept and given away, and a piece held against its sources."""
    from stilo.compose.originality import against_style
    from stilo.library.store import read_again
    from stilo.music.midi_write import midi_bytes
    from stilo.styles.bundle import open_bundle
    from stilo.workshop import style_card

    found = open_bundle(path)
    style_card(found.style)
    read_again(found.style)
    if found.demo is not None:
        midi_bytes(found.demo)
    if found.style.runs is not None:
        against, piece = against_style(found.style), fuzz_seeds.checked_piece()
        findings = against.check(piece, against.same(piece, range(0, len(found.style.sources), 2)))
        json.dumps(findings.to_json(), allow_nan=False)
    return True


def read_music(path: Path) -> bool:
    """Read it; what is read can be written."""
    from stilo.music.files import read_scores
    from stilo.music.midi_write import midi_bytes

    for score in read_scores(path)[:3]:
        midi_bytes(score)
    return True


def compose_in_a_bundle(path: Path) -> bool:
    """Two bars in what is read, by a small net of random weights; a warning of NumPy is a failure, too."""
    from stilo.compose.composer import compose
    from stilo.compose.request import Request
    from stilo.styles.bundle import open_bundle

    style = open_bundle(path).style
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        compose(style, Request(bars=2, candidates=1))
    return True


def _composable() -> list[bytes]:
    folder = Path(tempfile.mkdtemp(prefix="stilo-fuzz-net-"))
    atexit.register(shutil.rmtree, folder)
    return fuzz_seeds.composable(folder)


KINDS: dict[str, tuple[Callable, Callable, Callable]] = {
    "bundles": (fuzz_seeds.bundles, bundle_mutations.strange_bundle, read_a_bundle),
    "composing": (_composable, bundle_mutations.mild_bundle, compose_in_a_bundle),
    "music": (fuzz_seeds.music, music_mutations.strange_music, read_music),
}


def fuzz(what: str, seed: int, first: int, cases: int, place: Path, *, guard: Guard, bounded: bool = True,
         keep: Path | None = None, tell: Callable[[Found], None] | None = None) -> Found:  # fmt: skip
    """Make and read the cases `first` and so on; each is written to `place` first, by this program and not by stilo."""
    make_seeds, change, read = KINDS[what]
    seeds = make_seeds()
    for data in seeds:  # loads whatever is loaded late; and the seeds themselves must be in order
        place.write_bytes(data)
        read(place)
    found = Found()
    for number in range(first, first + cases):
        data = change(seeds, np.random.default_rng([seed, number]))
        place.write_bytes(data)
        before = _resident(fresh=True) if bounded else 0
        begun = time.process_time()
        failure = _one_case(read, place, found, guard, bounded)
        seconds = time.process_time() - begun
        found.cases += 1
        found.slowest = max(found.slowest, (seconds, number))
        if bounded:
            found.most_bytes = max(found.most_bytes, (_resident() - before, number))
        if failure is not None:
            found.failed(failure, number)
            if keep is not None and found.failures[failure][1] == number:
                (keep / f"{what}-{seed}-{number}").write_bytes(data)
        if tell is not None and found.cases % 2000 == 0:
            tell(found)
    return found


def _one_case(read: Callable[[Path], bool], place: Path, found: Found, guard: Guard, bounded: bool) -> str | None:
    if bounded:
        signal.setitimer(signal.ITIMER_PROF, MOST_SECONDS)
        faulthandler.dump_traceback_later(HANG_SECONDS, exit=True)
    try:
        with guard.watching():
            read(place)
        found.taken_in += 1
    except StiloError as error:
        said = str(error)
        found.refusals[said.partition(": ")[2][:40]] += 1
        if not said.isprintable() or len(said) > 1000:
            return "unfit message: " + ascii(said.partition(": ")[2][:30])
    except BaseException as error:
        where = [frame for frame in traceback.extract_tb(error.__traceback__) if "stilo" in frame.filename]
        last = f" at {Path(where[-1].filename).name}:{where[-1].lineno}" if where else ""
        if isinstance(error, KeyboardInterrupt):
            raise
        return f"{type(error).__name__}: {str(error)[:120]}{last}"
    finally:
        if bounded:
            signal.setitimer(signal.ITIMER_PROF, 0)
            faulthandler.cancel_dump_traceback_later()
    return None


def _resident(fresh: bool = False) -> int:
    """Bytes in memory at the highest since it was last asked for `fresh`."""
    if fresh:
        Path("/proc/self/clear_refs").write_text("5")
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) * 1024
    return 0


def bound(memory_bytes: int) -> None:
    """Bound this process: memory, and a case's time of processor."""
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + memory_bytes, resource.RLIM_INFINITY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))

    def too_slow(*_: object) -> None:
        raise TooSlow(f"more than {MOST_SECONDS:g} s")

    signal.signal(signal.SIGPROF, too_slow)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--what", choices=KINDS, default="bundles")
    parser.add_argument("--cases", type=int, default=60_000)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--memory", type=int, default=512, help="MiB")
    parser.add_argument("--keep", type=Path, help="a folder for the first file of each kind of failure")
    parser.add_argument("--place", type=Path, default=Path("/dev/shm") if Path("/dev/shm").is_dir() else Path())
    chosen = parser.parse_args()
    faulthandler.enable()
    sys.dont_write_bytecode = True
    if chosen.keep:
        chosen.keep.mkdir(parents=True, exist_ok=True)
    place = chosen.place / f"stilo-fuzz-{os.getpid()}"
    make_seeds, _, read = KINDS[chosen.what]
    for data in make_seeds():
        place.write_bytes(data)
        read(place)
    bound(chosen.memory * 2**20)
    begun = time.monotonic()

    def tell(found: Found) -> None:
        print(f"{chosen.first + found.cases:,} {time.monotonic() - begun:.0f} s {len(found.failures)} failures",
              file=sys.stderr, flush=True)  # fmt: skip

    try:
        found = fuzz(
            chosen.what, chosen.seed, chosen.first, chosen.cases, place, guard=Guard(), keep=chosen.keep, tell=tell
        )
    finally:
        place.unlink(missing_ok=True)
    print(json.dumps({
        "what": chosen.what, "seed": chosen.seed, "first": chosen.first, "cases": found.cases,
        "taken_in": found.taken_in,
        "failures": found.failures, "slowest_seconds": round(found.slowest[0], 3), "slowest_case": found.slowest[1],
        "most_mib": round(found.most_bytes[0] / 2**20, 1), "most_mib_case": found.most_bytes[1],
        "refusals": dict(found.refusals.most_common(12)), "seconds": round(time.monotonic() - begun),
    }, ensure_ascii=True, indent=1))  # fmt: skip
    sys.exit(bool(found.failures))


if __name__ == "__main__":
    main()
