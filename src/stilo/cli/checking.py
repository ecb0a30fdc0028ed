"""The command that looks for copies."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from stilo.cli.terminal import one_line, progress_bar, say, warn


def check(
    pieces: Annotated[list[str], typer.Argument(metavar="PIECE...", help="Music files; folders are searched through.")],
    against: Annotated[
        str,
        typer.Option("--against", metavar="DIR|STYLE", help="A folder or file of music, or a style of your library."),
    ],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object a line.")] = False,
) -> None:
    """Tell whether a piece is original: which of its bars are bars of other pieces.

    Copies are found in any key and tempo, with notes added, and with their bars in another order. What is shared is
    weighed by how rare it is, so that scales and figures count little, and told beside what human pieces share with
    each other. Bars are counted from 1, and a pickup is one. A piece is not held against itself, and all are held
    against what the base model was trained on as well. Copies that are found are a result, no error.

    \b
    Examples:
      stilo check new.mid --against waltzes
      stilo check new.mid other.musicxml --against ~/music/waltzes
      stilo check composed/ --against waltzes --json
    """
    from stilo.workshop import check_files, verdict_text

    failed = False
    with progress_bar("checking") as progress:
        found = list(check_files(pieces, against, progress, warn))
    for one in found:
        failed |= one.findings is None
        if as_json:
            say(json.dumps(one.to_json(), ensure_ascii=False, allow_nan=False))
        elif one.findings is None:
            warn(verdict_text(one))
        else:
            first, *rest = verdict_text(one).split("\n")
            if one.same_as:
                rest.insert(0, f"it is the same file as {', '.join(one.same_as)}")
            say("\n".join([one_line(first), *(f"  {one_line(line)}" for line in rest)]))
    if failed:
        raise typer.Exit(1)
