"""The command that measures: analyse."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from stilo.cli.comparing import tell_comparison
from stilo.cli.terminal import one_line, progress_bar, say, warn

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stilo.workshop import Analysed, Collection

_COMPARED = 2


def analyse(
    files: Annotated[
        list[str],
        typer.Argument(
            metavar="FILE|DIR...",
            help="MIDI, MusicXML or ABC files; folders are searched through. Exactly two, or styles, are compared.",
        ),
    ],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object a line for each file.")] = False,
    beside: Annotated[
        bool, typer.Option("--compare", help="With --json: one object that compares exactly two, none for each file.")
    ] = False,
    plot: Annotated[
        Path | None, typer.Option(metavar="FILE.png", help="Draw the profile as a picture.", show_default=False)
    ] = None,
    dark: Annotated[bool, typer.Option("--dark", help="The picture for a dark screen, not for paper.")] = False,
    fast: Annotated[
        bool,
        typer.Option(
            "--fast",
            help="Chords by templates, not the net: less right; many files 2.5 times as fast, one hardly faster.",
        ),
    ] = False,
    jobs: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            help="How many files at once (if not given: one a processor core; 0: no further processes).",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Measure what music is made of: pitch, rhythm, harmony, emotion.

    One file gives its card; several give a line for each piece and the card of all together. Files that cannot be read
    are named at the end and make the exit status 1; all others are measured.

    Exactly two, each a file, a folder or a style of your library, are compared: what differs most, how much, and
    whether it could be chance. B is the second. With --json only if you also say --compare: otherwise each file has its
    line, however many are given. In JSON bars count from 0, in cards and pictures from 1. Of the two a word that names
    both is the style, and ./waltzes the folder.

    \b
    Examples:
      stilo analyse song.mid
      stilo analyse ~/music/waltzes --plot waltzes.png --dark
      stilo analyse waltzes ~/music/mazurkas
      stilo analyse ~/music --json > elements.jsonl
      stilo analyse waltzes ~/music/mazurkas --compare --json
      stilo analyse ~/music --fast --jobs 4
    """
    if beside and len(files) != _COMPARED:
        raise typer.BadParameter(f"compares two, not {len(files)}", param_hint="'--compare'")
    if len(files) == _COMPARED and (beside or not as_json):
        tell_comparison(files[0], files[1], as_json=as_json, plot=plot, dark=dark, jobs=jobs, fast=fast)
        return
    from stilo.workshop import PICTURE_ENDING, Collection, analyse_files, check_outputs, draw_profile, library_moods

    if plot is not None:
        check_outputs([plot], (PICTURE_ENDING,))
    collection = Collection()
    with progress_bar("analysing") as progress:
        for item in _told(analyse_files(files, progress, jobs, fast, warn), as_json):
            collection.add(item)
    profile = collection.profile
    title = collection.title
    if collection.files > 1 and len(files) == 1:
        title = f"{Path(files[0]).resolve().name}: {title}"
    if not as_json and profile is not None:
        from stilo.elements.card import profile_card

        say(profile_card(profile, title).rstrip())
    if plot is not None and profile is not None:
        draw_profile(profile, plot, title, others=library_moods(), dark=dark)
        if not as_json:
            say(f"drawn: {plot}")
    if collection.unread:
        if not as_json:
            _name_failures(collection)
        raise typer.Exit(1)


def _told(items: Iterator[Analysed], as_json: bool) -> Iterator[Analysed]:
    """Each file as it comes, told on its way: as JSON, or a line a piece unless there is but one."""
    before: Analysed | None = None
    several = False
    lines = 0
    for item in items:
        if as_json:
            _say_now(json.dumps(item.to_json(), ensure_ascii=False, allow_nan=False))
        elif before is not None:
            lines += _say_lines(before)
        yield item
        before, several = item, before is not None
    if not as_json and before is not None and (several or len(before.pieces) > 1):
        lines += _say_lines(before)
    if lines:
        say()


def _say_now(text: str) -> None:
    say(text)
    sys.stdout.flush()


def _say_lines(item: Analysed) -> int:
    for number, piece in enumerate(item.pieces, start=1):
        place = f"{item.path}, {number} {piece.title}" if len(item.pieces) > 1 else str(item.path)
        _say_now(_line(piece.told, place))
    return len(item.pieces)


def _line(told: dict[str, Any], place: str) -> str:
    """A piece on one line: key, metre, tempo, mood."""
    return (
        f"{told['key']:<10} {told['time_signature']:>5} {told['tempo_qpm']:>6.0f}  "
        f"valence {told['valence']:+.2f} arousal {told['arousal']:+.2f}  {one_line(place)}"
    )


def _name_failures(collection: Collection) -> None:
    sys.stdout.flush()
    told = [f"{item.path}: {item.error}" for item in collection.failures]
    if collection.files == 1:
        warn(told[0])
        return
    if collection.unread > len(told):
        told.append(f"and {collection.unread - len(told):,} more")
    warn(f"{collection.unread:,} of {collection.files:,} files could not be read:", told)
