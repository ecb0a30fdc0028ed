"""Does the library survive being killed, crowded, and out of room?

    python benchmarks/library_trials.py kill --rounds 20 --step 2   killed at every other statement and write, any time
    python benchmarks/library_trials.py crowd --processes 4 --rounds 60
    unshare -rm python benchmarks/library_trials.py full      on a small disk in memory, which only this process sees

Everything happens in forks of one process that has loaded what it needs. After each trial the database must be in order
(PRAGMA integrity_check), every style be as it was before or as it should have become, whole, and no other file lie in
its folder. Prints figures as JSON; exit status 1 when anything was lost. Needs Linux.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))
from fuzz_seeds import small_piece
from stilo.elements.embedding import EMBEDDING_SIZE
from stilo.elements.profile import analyse
from stilo.errors import InputError, StiloError
from stilo.library.store import Library
from stilo.music.files import write_score
from stilo.styles.bundle import write_bundle
from stilo.styles.style import Source, Style
from stilo.workshop import export_style, import_style, learn_style, remove_style

Styles = dict[str, Style]
IN_MEMORY = "/dev/shm"  # what a killed process has written stays written; a power cut is another matter
FILES = {"styles.db", "styles.db-wal", "styles.db-shm"}
_PROFILE = analyse(small_piece())


def a_style(name: str, seed: int, adapter_kib: int = 40) -> Style:
    """A style whose arrays alone fill `adapter_kib`, so that keeping it takes many pages."""
    rng = np.random.default_rng(seed)
    return Style(
        name,
        _PROFILE,
        rng.normal(size=EMBEDDING_SIZE).astype(np.float32),
        {"layers.0.down": rng.normal(size=(256, adapter_kib)).astype(np.float32)},
        "tiny-0",
        sources=tuple(Source(f"{i}.mid", f"{seed * 1000 + i:064x}") for i in range(20)),
        created_at="2026-01-02T03:04:05+00:00",
    )


@dataclass
class Outcome:
    """What was tried, how it ended, and what was wrong."""

    ended: Counter = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)

    def told(self) -> dict:
        return {"trials": sum(self.ended.values()), "ended": dict(self.ended), "wrong": self.wrong}


# --- killed ---


@dataclass(frozen=True)
class Deed:
    """Something a person does, and what the library holds when it has been done."""

    name: str
    do: Callable[[], object]
    after: Styles


def deeds(before: Styles, folder: Path) -> list[Deed]:
    """Learn, import, each also in the place of another, and rm; what the nets would learn is made up."""
    new, other = a_style("New", 7), a_style("Old", 8)
    bundle = folder / "new.stilo"
    write_bundle(new, bundle)
    bundled = replace(new, name="Taken in")
    learned: dict[str, Style] = {"New": new, "Old": other}

    def learn(name: str, replaces: bool = False) -> Callable[[], object]:
        return lambda: learn_style(name, [folder / "piece.mid"], replace=replaces)

    def made_up(name: str, *_: object, **__: object) -> Style:
        return learned[name]

    import stilo.styles.learn

    stilo.styles.learn.learn = made_up
    write_score(small_piece(), folder / "piece.mid")
    return [
        Deed("learn", learn("New"), before | {"New": new}),
        Deed("learn --replace", learn("Old", True), before | {"Old": other}),
        Deed("import", lambda: import_style(bundle, "Taken in"), before | {"Taken in": bundled}),
        Deed("import --replace", lambda: import_style(bundle, "Old", True), before | {"Old": replace(new, name="Old")}),
        Deed("rm", lambda: remove_style("Old"), {name: style for name, style in before.items() if name != "Old"}),
    ]


def forked(do: Callable[[], object], wound: Callable[[], object], *, after_seconds: float | None = None) -> str:
    """Do it in a fork that `wound` prepares for its end: "killed", what was said or given back, or "done"."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        said = ""
        try:
            wound()
            given = do()
            said = given if isinstance(given, str) else ""
        except StiloError as error:
            said = f"{type(error).__name__}: {error}"
        except BaseException as error:
            said = f"BUG {type(error).__name__}: {error}"
        os.write(writing, said.encode("utf-8", "replace")[:4000])
        os._exit(0)
    os.close(writing)
    if after_seconds is not None:
        time.sleep(after_seconds)
        os.kill(child, signal.SIGKILL)
    said = b""
    while part := os.read(reading, 4096):
        said += part
    os.close(reading)
    _, status = os.waitpid(child, 0)
    return "killed" if os.WIFSIGNALED(status) else said.decode() or "done"


def at_statement(number: int) -> Callable[[], object]:
    """Die when the database is given its statement of this number."""
    left = [number]

    def count(_statement: str) -> None:
        left[0] -= 1
        if left[0] <= 0:
            os.kill(os.getpid(), signal.SIGKILL)

    return lambda: trace(count)


def trace(tell: Callable[[str], object]) -> None:
    """Let `tell` hear every statement of every connection from now on."""
    from stilo.library import database

    set_up = database._set_up_connection

    def traced(connection: sqlite3.Connection, record: object) -> None:
        connection.set_trace_callback(tell)
        set_up(connection, record)

    database._set_up_connection = traced


def at_byte(size: int) -> Callable[[], object]:
    """Die of the first write that passes `size` in any file; what fits of that write is written."""

    def wound() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))

    return wound


def kept(home: Path) -> Styles | str:
    """What the library holds, or what is wrong with it."""
    try:
        with Library() as library:
            found = {name: library.load(name) for name in library.names()}
    except StiloError as error:
        return str(error)
    connection = sqlite3.connect(home / "styles.db")
    try:
        health = connection.execute("PRAGMA integrity_check").fetchall()
        orphans = connection.execute("PRAGMA foreign_key_check").fetchall()
        counts = [
            connection.execute(f"SELECT count(*) FROM {table} WHERE style_id NOT IN (SELECT id FROM styles)").fetchone()
            for table in ("array_blocks", "sources")
        ]
    finally:
        connection.close()
    others = {path.name for path in home.iterdir()} - FILES
    if health != [("ok",)] or orphans or counts != [(0,), (0,)] or others:
        return f"{health} {orphans} {counts} {others}"
    return found


def kill(home: Path, rounds: int, seed: int, step: int = 1) -> dict[str, dict]:
    """Every deed, killed at every `step`-th statement and write, and `rounds` times at any moment."""
    rng = np.random.default_rng(seed)
    before = {name: a_style(name, i) for i, name in enumerate(("Old", "Left alone"))}
    with Library() as library:
        for style in before.values():
            library.save(style)
    file = (home / "styles.db").read_bytes()
    told: dict[str, dict] = {}
    with tempfile.TemporaryDirectory() as folder:
        moments = Moments(rounds, step, rng)
        told["first opening"] = _killed(home, Deed("", lambda: Library().close(), {}), None, {}, moments)
        for deed in deeds(before, Path(folder)):
            told[deed.name] = _killed(home, deed, file, before, moments)
    return told


@dataclass(frozen=True)
class Moments:
    """When to be killed: every `step`-th statement and write, and `rounds` times at any moment."""

    rounds: int
    step: int
    rng: np.random.Generator


def _killed(home: Path, deed: Deed, file: bytes | None, before: Styles, moments: Moments) -> dict:
    outcome = Outcome()
    for wound, after_seconds in _wounds(home, deed, file, moments):
        restore(home, file)
        end = forked(deed.do, wound, after_seconds=after_seconds)
        if end == "killed" and moments.rng.random() < 0.3:  # and once more, before anyone has looked
            forked(deed.do, at_statement(int(moments.rng.integers(1, 30))))
        outcome.ended[end[:60]] += 1
        found = kept(home)
        if isinstance(found, str) or found not in (before, deed.after) or (end == "done" and found != deed.after):
            outcome.wrong.append(f"{end}: {found if isinstance(found, str) else sorted(found)}"[:300])
    return outcome.told()


def restore(home: Path, file: bytes | None) -> None:
    """The library as it was: this database and nothing else, or none yet."""
    for path in home.iterdir():
        path.unlink()
    if file is not None:
        (home / "styles.db").write_bytes(file)


def _wounds(home: Path, deed: Deed, file: bytes | None, moments: Moments):
    """(how to die, or after how many seconds): every statement, every half page of every file, any moment."""
    restore(home, file)
    begun = time.monotonic()
    statements = int(forked(lambda: _statements_of(deed), lambda: None))
    usual_seconds = time.monotonic() - begun
    largest = max(path.stat().st_size for path in home.iterdir()) + 60_000
    for number in range(1, statements + 1, moments.step):
        yield at_statement(number), None
    for size in range(0, largest, 2048 * moments.step):
        yield at_byte(size), None
    for _ in range(moments.rounds):
        yield (lambda: None), float(moments.rng.uniform(0, usual_seconds))


def _statements_of(deed: Deed) -> str:
    count = 0

    def one_more(_statement: str) -> None:
        nonlocal count
        count += 1

    trace(one_more)
    deed.do()
    return str(count)


# --- crowded ---


def crowd(home: Path, processes: int, rounds: int, seed: int) -> dict:
    """Processes that learn, take in, rename and remove at once: names of their own, and names that all of them use."""
    outcome = Outcome()
    with tempfile.TemporaryDirectory() as folder:
        bundle = Path(folder) / "a.stilo"
        write_bundle(a_style("Shared", 3), bundle)
        children = [_crowding(number, bundle, rounds, seed) for number in range(processes)]
        for reading, child in children:
            with os.fdopen(reading) as file:
                said = json.loads(file.read() or '{"BUG": 1}')
            os.waitpid(child, 0)
            outcome.ended.update(said)
    found = kept(home)
    if isinstance(found, str):
        outcome.wrong.append(found)
    else:
        expected = {f"Mine {number}" for number in range(processes)}
        if {name for name in found if name.startswith("Mine")} != expected:
            outcome.wrong.append(f"{sorted(found)} instead of {sorted(expected)}")
    outcome.wrong += [line for line in outcome.ended if "BUG" in line or "SetupError" in line]
    return outcome.told()


def _crowding(number: int, bundle: Path, rounds: int, seed: int) -> tuple[int, int]:
    reading, writing = os.pipe()
    child = os.fork()
    if child:
        os.close(writing)
        return reading, child
    ended: Counter[str] = Counter()
    rng = np.random.default_rng([seed, number])
    mine, shared = a_style(f"Mine {number}", number), a_style("Shared", 10 + number)

    def save(style: Style, replaces: bool) -> None:
        with Library() as library:
            library.save(style, replace=replaces)

    def rename() -> None:
        with Library() as library:
            library.rename("Shared", f"shared {rng.integers(3)}")

    common: list[Callable[[], object]] = [
        lambda: save(shared, True), lambda: save(shared, False), lambda: remove_style("Shared"), rename,
        lambda: import_style(bundle, "SHARED"), lambda: import_style(bundle, "Shared", True),
        lambda: remove_style("shared 1"), lambda: Library().close(),
    ]  # fmt: skip
    for turn in range(rounds):
        own = [lambda: save(mine, False), lambda: save(mine, True), lambda: remove_style(mine.name)][turn % 3]
        for deed, may_fail in ((own, False), (common[int(rng.integers(len(common)))], True)):
            try:
                deed()
                ended["done"] += 1
            except InputError as error:
                ended["refused" if may_fail else f"BUG {error}"] += 1
            except BaseException as error:
                ended[f"BUG {type(error).__name__}: {error}"] += 1
    try:
        save(mine, True)
    except BaseException as error:
        ended[f"BUG {error}"] += 1
    os.write(writing, json.dumps(ended).encode()[:60_000])
    os._exit(0)


# --- full ---


def full(place: Path, sizes_kib: range) -> dict:
    """Keep, export and remove on disks of these sizes, then with no room left at all."""
    outcome = Outcome()
    for size in sizes_kib:
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}k", "tmpfs", str(place)], check=True)
        try:
            home = place / "home"
            os.environ["STILO_HOME"] = str(home)
            for wrong in _on_a_full_disk(place, home, outcome):
                outcome.wrong.append(f"{size} KiB: {wrong}"[:400])
        finally:
            subprocess.run(["umount", str(place)], check=True)
    return outcome.told()


def _on_a_full_disk(place: Path, home: Path, outcome: Outcome):
    """What is wrong, line by line."""
    there: Styles = {}

    def tried(deed: Callable[[], object], what: str) -> bool:
        end = forked(deed, lambda: None)
        outcome.ended[f"{what}: {'done' if end == 'done' else end.partition(': ')[2].partition(': ')[2]}"] += 1
        return end == "done" if end == "done" or end.startswith(("SetupError", "WriteError")) else _bug(end)

    def save(style: Style) -> None:
        with Library() as library:
            library.save(style, replace=True)

    for number in range(40):
        style = a_style(f"Style {number}", number, 20)
        if not tried(lambda style=style: save(style), "keep"):
            break
        there[style.name] = style
    filler = place / "filler"
    with filler.open("wb", buffering=0) as file:
        try:
            while file.write(b"x" * 512):
                pass
        except OSError:
            pass
    for name in there:
        tried(lambda name=name: export_style(name, place / "out.stilo"), "export")
    if (place / "out.stilo").exists() or any(path.name.startswith(".stilo") for path in place.iterdir()):
        yield f"left {[path.name for path in place.iterdir()]}"
    removed = None
    if there and tried(lambda: remove_style("Style 0"), "rm"):
        removed = there.pop("Style 0")
    filler.unlink()
    subprocess.run(["mount", "-o", "remount,size=64m", str(place)], check=True)
    found = kept(home) if there or removed else {}
    if found != there:
        yield f"{found if isinstance(found, str) else sorted(found)} instead of {sorted(there)}"
    if not tried(lambda: save(a_style("After", 99)), "keep with room again"):
        yield "cannot be used again"


def _bug(end: str) -> bool:
    raise SystemExit(f"no line for a person: {end}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("trials", nargs="+", choices=["kill", "crowd", "full"])
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--processes", type=int, default=4)
    parser.add_argument("--step", type=int, default=1, help="of the moments to be killed at, every which one")
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    begun = time.monotonic()
    with tempfile.TemporaryDirectory(dir=IN_MEMORY if Path(IN_MEMORY).is_dir() else None) as folder:
        home = Path(folder)
        os.environ["STILO_HOME"] = folder
        told: dict[str, dict] = {}
        if "kill" in chosen.trials:
            told |= kill(home, chosen.rounds, chosen.seed, chosen.step)
            restore(home, None)
        if "crowd" in chosen.trials:
            told["crowd"] = crowd(home, chosen.processes, chosen.rounds, chosen.seed)
        if "full" in chosen.trials:
            told["full"] = full(home, range(48, 1500, 64 * chosen.step))
    print(json.dumps({**told, "seconds": round(time.monotonic() - begun)}, indent=1))
    sys.exit(any(part["wrong"] for part in told.values()))


if __name__ == "__main__":
    main()
