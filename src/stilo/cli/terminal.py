"""Talking to a person at a terminal: results on stdout, everything else on stderr."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

QUIET_SECONDS = 3.0  # of work that nobody sees a bar of


def say(text: str = "") -> None:
    """A result, on stdout."""
    sys.stdout.write(f"{text}\n")


def warn(text: str, each: Iterable[str] = ()) -> None:
    """One line on stderr about something that did not stop the work; below it a line for each of what it is about."""
    sys.stderr.write(f"stilo: {one_line(text)}\n")
    for line in each:
        sys.stderr.write(f"  {one_line(line)}\n")


def one_line(text: str) -> str:
    """The text without line breaks and without what could steer a terminal."""
    return " ".join("".join(character if character.isprintable() else " " for character in text).split())


def _stages_of(work: str) -> Callable[[str, float], None]:
    """Tells in a line when something else is begun: "reading", however many files are read, then "tuning".

    What takes a moment is not spoken of.
    """
    told = {"", "done"}
    begun = time.monotonic()

    def tell(what: str, share: float) -> None:
        stage = one_line(what).partition(" ")[0]
        if stage not in told and time.monotonic() - begun >= QUIET_SECONDS:
            told.add(stage)
            warn(f"{work}: {stage} ({100 * share:.0f} % done)")

    return tell


@contextmanager
def progress_bar(what: str) -> Iterator[Callable[[str, float], None]]:
    """A bar on stderr that goes away at the end; where it is not a terminal, a line for each stage."""
    if not sys.stderr.isatty():
        yield _stages_of(what)
        return
    from rich.console import Console
    from rich.markup import escape
    from rich.progress import (
        BarColumn,
        Progress,
        TaskProgressColumn,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    texts = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn())
    columns = (*texts, TimeElapsedColumn(), TextColumn("left"), TimeRemainingColumn())
    # what is said meanwhile stands above the bar; what is said into a file stays there
    at_terminal = sys.stdout.isatty()
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, redirect_stdout=at_terminal) as bars:
        task = bars.add_task(what, total=1.0)

        def tell(what: str, share: float) -> None:
            bars.update(task, description=escape(one_line(what)), completed=share)

        yield tell
