"""Talking to a person at a terminal: results on stdout, everything else on stderr."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager


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


@contextmanager
def progress_bar(what: str) -> Iterator[Callable[[str, float], None]]:
    """A bar on stderr that goes away at the end; nothing at all when stderr is not a terminal."""
    if not sys.stderr.isatty():
        yield lambda _what, _share: None
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
