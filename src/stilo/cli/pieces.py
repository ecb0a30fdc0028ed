"""The command that makes a piece: compose."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from stilo.cli.styles import StyleName
from stilo.cli.terminal import progress_bar, say, warn


def compose(
    name: StyleName,
    outputs: Annotated[
        list[Path],
        typer.Option(
            "--output",
            "-o",
            metavar="OUT",
            help="A file to write; its ending says what: .mid, .musicxml, .mxl, .wav, .flac, .mp3, .ogg, "
            ".opus, .png (piano roll), .json (all as data). Say -o again for more kinds of the same piece.",
        ),
    ],
    bars: Annotated[int, typer.Option(help="How long, 2 to 512.")] = 32,
    seed: Annotated[int, typer.Option(help="Another number, another piece; the same number, the same notes.")] = 0,
    tempo: Annotated[
        float | None,
        typer.Option(help="Quarters a minute, 20 to 400 (if not given: the style's).", show_default=False),
    ] = None,
    key: Annotated[
        str | None,
        typer.Option(
            metavar="KEY",
            help='For example "A minor" (if not given: one of the style\'s); it is said when it cannot be reached.',
            show_default=False,
        ),
    ] = None,
    metre: Annotated[
        str | None,
        typer.Option(metavar="N/D", help="For example 3/4 (if not given: the style's).", show_default=False),
    ] = None,
    temperature: Annotated[
        float, typer.Option(help="0.1 to 2; below 1 the choice of notes is safer, above 1 wilder.")
    ] = 1.0,
) -> None:
    """Compose a new piece in a style.

    Bars that share more with the style's pieces, or with those of the base model, than human pieces share are composed
    anew; what is left is told.

    \b
    Examples:
      stilo compose waltzes -o new.mid
      stilo compose waltzes --bars 32 --seed 7 -o new.mid -o new.musicxml -o new.wav
      stilo compose waltzes --key "A minor" --metre 3/4 --tempo 150 -o new.mp3
    """
    from stilo.workshop import compose_piece, composition_line, make_request

    request = make_request(bars=bars, seed=seed, tempo_qpm=tempo, key=key, metre=metre, temperature=temperature)
    with progress_bar(f"composing in {name}") as progress:
        composition = compose_piece(name, outputs, request, progress, warn)
    say(composition_line(composition))
    for path in outputs:
        say(f"written: {path}")
