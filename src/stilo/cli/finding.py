"""The command that finds like styles."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from stilo.cli.terminal import progress_bar, say, warn

if TYPE_CHECKING:
    from stilo.workshop import Likeness

_COLUMNS = ("overall", "pitch", "rhythm", "harmony", "emotion")


def similar(
    what: Annotated[
        list[str],
        typer.Argument(
            metavar="NAME|FILE|DIR...", help="A style of your library, or music files and folders taken together."
        ),
    ],
    facet: Annotated[
        str | None,
        typer.Option(
            metavar="FACET", help="Order by one facet: pitch, rhythm, harmony or emotion.", show_default=False
        ),
    ] = None,
    most: Annotated[int, typer.Option(min=1, max=100_000, help="Name at most so many styles.")] = 10,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object a line.")] = False,
) -> None:
    """Find the styles of your library that are most like a style, a file or a folder.

    1.00 is the same music. Two sets of ten pieces by one composer come to about 0.8, by two composers mostly to less
    than 0.6; of fewer pieces all come out lower. Music of one genre for the same number of parts comes out higher
    (string quartets of Haydn and of Mozart: 0.95). Tempo, loudness, key and the instruments' names do not count; a
    facet of which one has nothing, as drums of pitch, is left out (–, in JSON null). A word that names
    both is the style, and ./waltzes the folder.

    \b
    Examples:
      stilo similar waltzes
      stilo similar song.mid --facet harmony
      stilo similar ~/music/hymns --most 3
      stilo similar waltzes --json
    """
    from stilo.workshop import plain, similar_styles

    with progress_bar("listening") as progress:
        found = similar_styles(what, facet=facet, most=most, progress=progress, notice=warn)
    if as_json:
        for one in found:
            say(json.dumps(plain(one), ensure_ascii=False))
        return
    say(likeness_table(found))


def likeness_table(found: Sequence[Likeness]) -> str:
    """A line for each style under a line that names the columns."""
    width = max(len(one.name) for one in found)
    lines = [" " * width + "".join(f"{column:>9}" for column in _COLUMNS)]
    for one in found:
        figures = [getattr(one, column) for column in _COLUMNS]
        told = ["–" if figure is None else f"{figure:z.2f}" for figure in figures]
        lines.append(f"{one.name:<{width}}" + "".join(f"{text:>9}" for text in told))
    return "\n".join(lines)
