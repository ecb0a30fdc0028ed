"""Training batches made beside the work: in a thread, or, for a fast device, in several processes."""

from __future__ import annotations

import multiprocessing
import queue
import threading
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from stilo.models.notes.features import Features
from stilo.models.notes.model import Batch
from stilo.models.notes.stream import PieceSource, Rows, Stream, batch_of
from stilo.models.notes.told import Told

AHEAD = 3
PATIENCE_SECONDS = 120.0
SourceFactory = Callable[[int], PieceSource]  # from the number of the worker


def batches(source: SourceFactory, rows: int, length: int, workers: int = 0) -> Iterator[Batch]:
    """Batches of `rows` rows without end; the same for the same sources and number of workers.

    Args:
        source: gives each worker its own, with its own random generator.
        rows: of a batch; a multiple of `workers`.
        length: steps of a row.
        workers: processes that each play a share of the rows; 0 = one thread.

    Raises:
        ValueError: the rows cannot be shared out.
        RuntimeError: while batches are drawn, a worker gave none for `PATIENCE_SECONDS`.
    """
    if workers == 0:
        return (batch_of(*drawn) for drawn in _from_thread(Stream(source(0), rows, length)))
    if rows % workers:
        raise ValueError(f"{rows} rows cannot be shared by {workers} workers")
    return _from_processes(source, rows // workers, length, workers)


def _from_thread(stream: Stream) -> Iterator[Rows]:
    """What fails in the thread is raised here."""
    ready: queue.Queue[Rows | Exception] = queue.Queue(AHEAD)

    def make() -> None:
        try:
            while True:
                ready.put(stream.draw())
        except Exception as error:
            ready.put(error)

    threading.Thread(target=make, daemon=True).start()
    while True:
        made = ready.get()
        if isinstance(made, Exception):
            raise made
        yield made


def _from_processes(source: SourceFactory, rows: int, length: int, workers: int) -> Iterator[Batch]:
    context = multiprocessing.get_context("fork")
    queues: list[Any] = [context.Queue(AHEAD) for _ in range(workers)]
    for number, ready in enumerate(queues):
        context.Process(target=_play, args=(source, number, rows, length, ready), daemon=True).start()
    while True:
        try:
            made: list[Rows] = [ready.get(timeout=PATIENCE_SECONDS) for ready in queues]
        except queue.Empty as error:
            raise RuntimeError(f"a worker gave no batch for {PATIENCE_SECONDS:g} seconds") from error
        yield batch_of(*joined(made))


def _play(source: SourceFactory, number: int, rows: int, length: int, ready: Any) -> None:
    torch.set_num_threads(1)
    stream = Stream(source(number), rows, length)
    while True:
        ready.put(stream.draw())


def joined(shares: list[Rows]) -> Rows:
    """The rows of several streams as one batch."""
    features: list[Features] = []
    told: list[Told] = []
    pieces: list[NDArray[np.int64]] = []
    for rows, piece, about in shares:
        pieces.append(piece + len(told))
        features += rows
        told += about
    return features, np.concatenate(pieces), told
