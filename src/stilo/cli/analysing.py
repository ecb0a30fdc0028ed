"""The command that measures: analyse."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stilo.cli.terminal import progress_bar, say, warn

if TYPE_CHECKING:
    from stilo.elements.profile import Profile
    from stilo.workshop import Analysed


def analyse(
    files: Annotated[
        list[Path],
        typer.Argument(metavar="FILE|DIR...", help="MIDI, MusicXML or ABC files; folders are searched through."),
    ],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object a line for each file.")] = False,
    plot: Annotated[
        Path | None, typer.Option(metavar="FILE.png", help="Draw the profile as a picture.", show_default=False)
    ] = None,
) -> None:
    """Measure what music is made of: pitch, rhythm, harmony, emotion.

    One file gives its card; several give a line each and the card of all together. A file that cannot be read is told
    and makes the exit status 1 at the end.

    \b
    Examples:
      stilo analyse song.mid
      stilo analyse ~/music/waltzes --plot waltzes.png
      stilo analyse ~/music --json > elements.jsonl
    """
    from stilo.workshop import PICTURE_ENDING, analyse_files, check_outputs, draw_profile, pooled

    if plot is not None:
        check_outputs([plot], (PICTURE_ENDING,))
    analysed: list[Analysed] = []
    with progress_bar("analysing") as progress:
        for item in analyse_files(files, progress):
            if as_json:
                say(json.dumps(item.to_json(), ensure_ascii=False, allow_nan=False))
            analysed.append(item)
    profile = pooled(analysed)
    title = analysed[0].path.name if len(analysed) == 1 else f"{len(analysed)} files"
    if not as_json:
        _tell(analysed, profile, title)
    if plot is not None and profile is not None:
        draw_profile(profile, plot, title)
        if not as_json:
            say(f"drawn: {plot}")
    if any(item.error for item in analysed):
        raise typer.Exit(1)


def _tell(analysed: list[Analysed], profile: Profile | None, title: str) -> None:
    from stilo.elements.card import profile_card

    if len(analysed) > 1:
        for item in analysed:
            if not item.error:
                say(_line(item))
        say()
    for item in analysed:
        if item.error:
            warn(f"{item.path}: {item.error}")
    if profile is not None:
        say(profile_card(profile, title).rstrip())


def _line(item: Analysed) -> str:
    """A file on one line: key, metre, tempo, mood."""
    told = item.to_json()
    return (
        f"{told['key']:<10} {told['time_signature']:>5} {told['tempo_qpm']:>6.0f}  "
        f"valence {told['valence']:+.2f} arousal {told['arousal']:+.2f}  {item.path}"
    )
