"""Processes that measure files, several at once, and what becomes of a file that one of them dies of.

Each is a Python of its own that is spoken to in lines of JSON: `["path"]` in, `{"pieces": …}` or `{"error": …}` out.
Unlike `multiprocessing` this needs no `if __name__ == "__main__"` in the program of whoever calls stilo, on any system,
and nothing is unpickled.
"""

from __future__ import annotations

import faulthandler
import json
import os
import signal
import subprocess
import sys
from collections import deque
from collections.abc import Generator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import suppress
from pathlib import Path
from queue import SimpleQueue
from threading import Lock
from typing import Any

from stilo.errors import InputError, SetupError
from stilo.workshop.measuring import Analysed, MeasuredPiece, measure_one_of_many

SECONDS_A_PIECE = 120.0
_BATCH = 8
_BATCHES_AHEAD = 4
_READY = "ready"
_OUT_OF_TIME = 1  # the status with which `faulthandler` ends a process
_PROGRAM = f"from {__name__} import serve; serve({{given}})"
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")


def cores() -> int:
    """Processor cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def can_start_workers() -> bool:
    """Whether there is a Python to start: a program that was frozen into one file has none."""
    return bool(sys.executable) and not getattr(sys, "frozen", False)


def measure_by_workers(
    paths: Sequence[Path], workers: int, fast: bool = False, seconds: float = SECONDS_A_PIECE
) -> Generator[Analysed]:
    """Measure files by several processes, in the order given; what is measured ahead is bounded.

    A file that takes more than `seconds` for one piece, or that a worker dies of, comes with its `error`. When the
    iterator is closed or interrupted the workers end at once.

    Raises:
        SetupError: no worker can be started.
    """
    crew = [_Worker(seconds, fast) for _ in range(workers)]
    idle: SimpleQueue[_Worker] = SimpleQueue()
    for worker in crew:
        idle.put(worker)

    def measured(batch: Sequence[Path]) -> list[Analysed]:
        worker = idle.get()
        try:
            return worker.measure(batch)
        finally:
            idle.put(worker)

    threads = ThreadPoolExecutor(workers, thread_name_prefix="stilo-worker")
    waiting: deque[Future[list[Analysed]]] = deque()
    try:
        size = max(1, min(_BATCH, len(paths) // (4 * workers)))
        for start in range(0, len(paths), size):
            batch = paths[start : start + size]
            waiting.append(threads.submit(measured, batch))
            if len(waiting) >= _BATCHES_AHEAD * workers:
                yield from _result(waiting.popleft())
        while waiting:
            yield from _result(waiting.popleft())
    finally:
        for worker in crew:
            worker.close()
        threads.shutdown(cancel_futures=True)


def _result(future: Future[list[Analysed]]) -> list[Analysed]:
    # waiting without end cannot be interrupted on Windows
    while not future.done():
        wait([future], timeout=0.2)
    return future.result()


class _Worker:
    """One process, begun when first needed and again after it died."""

    def __init__(self, seconds: float, fast: bool) -> None:
        self._seconds = seconds
        self._fast = fast
        self._process: subprocess.Popen[str] | None = None
        self._closed = False
        self._lock = Lock()

    def measure(self, paths: Sequence[Path]) -> list[Analysed]:
        """Measure some files; one path waits in the pipe while another is measured.

        Raises:
            SetupError: no process can be started.
        """
        found: list[Analysed] = []
        asked = 0
        while len(found) < len(paths) and (process := self._begun()) is not None:
            path = paths[len(found)]
            while asked < min(len(found) + 2, len(paths)):
                _say(process, str(paths[asked]))
                asked += 1
            if reply := _heard(process):
                found.append(_analysed(path, reply))
            else:
                found.append(Analysed(path, error=self._reason_of_death(process)))
                asked = len(found)
        return found

    def close(self) -> None:
        """End the process now; `measure` in another thread comes back."""
        with self._lock:
            self._closed = True
            if self._process is not None:
                self._process.kill()
                _bury(self._process)

    def _begun(self) -> subprocess.Popen[str] | None:
        """The process; None when closed."""
        with self._lock:
            if self._closed:
                return None
            if self._process is None:
                self._process = _started(self._seconds, self._fast)
            return self._process

    def _reason_of_death(self, process: subprocess.Popen[str]) -> str:
        with self._lock:
            if not self._closed:
                _bury(process)
            self._process = None
        if process.returncode == _OUT_OF_TIME:
            return f"takes more than {self._seconds:g} seconds to measure"
        if process.returncode == -getattr(signal, "SIGKILL", 9):
            return "the system ended the process that measured it, perhaps for want of memory"
        return f"the process that measured it died (status {process.returncode})"


def _started(seconds: float, fast: bool) -> subprocess.Popen[str]:
    """A process that has said that it is ready."""
    hidden: dict[str, Any] = {"process_group": 0}  # the terminal's Ctrl-C is for us alone
    if sys.platform == "win32":
        hidden = {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.CREATE_NO_WINDOW}
    try:
        process = subprocess.Popen(
            [sys.executable, "-P", "-c", _PROGRAM.replace("{given}", f"{seconds}, {fast}")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=None if os.environ.get("STILO_TRACEBACK") else subprocess.DEVNULL,
            env=os.environ
            | dict.fromkeys(_THREADS, "1")
            | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
            encoding="ascii",
            **hidden,
        )
    except OSError as error:
        raise SetupError(f"no second Python can be started ({error}); --jobs 0 measures without") from None
    if _heard(process) != _READY:
        process.kill()
        _bury(process)
        raise SetupError(f"{sys.executable} does not start a second time; --jobs 0 measures without")
    return process


def _bury(process: subprocess.Popen[str]) -> None:
    process.wait()
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            with suppress(OSError, ValueError):
                pipe.close()


def _say(process: subprocess.Popen[str], path: str) -> None:
    # of a process that died its silence tells
    with suppress(OSError, ValueError):
        print(json.dumps([path]), file=process.stdin, flush=True)


def _heard(process: subprocess.Popen[str]) -> Any:
    """What the process says next; None when it died before it said it whole."""
    try:
        line = process.stdout.readline() if process.stdout else ""
    except (OSError, ValueError):
        return None
    return json.loads(line) if line.endswith("\n") else None


def _analysed(path: Path, reply: dict[str, Any]) -> Analysed:
    if "error" in reply:
        return Analysed(path, error=reply["error"])
    try:
        return Analysed(path, tuple(MeasuredPiece.from_told(*piece) for piece in reply["pieces"]))
    except InputError as error:
        return Analysed(path, error=str(error))


def _reply(item: Analysed) -> dict[str, Any]:
    if item.error:
        return {"error": item.error}
    return {"pieces": [(piece.title, piece.told) for piece in item.pieces]}


def serve(seconds: float, fast: bool) -> None:
    """Be a worker: measure what is asked for until nobody asks; die when a piece takes longer than `seconds`."""
    from stilo.styles import measuring  # noqa: F401  what takes long to import is there before we are ready

    # whatever else prints must not be taken for an answer
    told = os.fdopen(os.dup(1), "w", encoding="ascii")
    os.dup2(2, 1)
    with told, Path(os.devnull).open("w", encoding="ascii") as nowhere, suppress(BrokenPipeError):
        print(json.dumps(_READY), file=told, flush=True)
        for line in sys.stdin:
            [path] = json.loads(line)
            item = measure_one_of_many(
                Path(path), fast, lambda: faulthandler.dump_traceback_later(seconds, exit=True, file=nowhere)
            )
            faulthandler.cancel_dump_traceback_later()
            print(json.dumps(_reply(item)), file=told, flush=True)
