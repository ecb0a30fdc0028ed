"""Commands about stilo itself: demo, doctor."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from stilo.cli.terminal import progress_bar, say

MARKS = {"ok": "ok     ", "note": "note   ", "missing": "MISSING"}


def demo(
    out: Annotated[Path, typer.Option(metavar="DIR", help="Where to leave everything; made when missing.")] = Path(
        "demo"
    ),
    minutes: Annotated[
        float, typer.Option(min=0.05, max=60.0, help="Tune each of the two styles for at most this long.")
    ] = 1.5,
) -> None:
    """Learn two styles from real pieces that are installed with stilo, and compose in each.

    Leaves scores, MIDI, audio, cards, pictures and the styles themselves. Your library stays as it is.

    \b
    Examples:
      stilo demo
      stilo demo --out /tmp/stilo-demo --minutes 0.5
    """
    from stilo.workshop import composition_line, run_demo

    start = time.monotonic()
    with progress_bar("demo") as progress:
        for result in run_demo(out, seconds=minutes * 60, progress=progress):
            say(result.card)
            say(f"composed in this style: {composition_line(result.composition)}")
            for path in result.files:
                say(f"  {path}")
            say()
    say(f"the demo took {time.monotonic() - start:.0f} s; what to do next:")
    say(f"  listen to the .wav files in {out}, open the .musicxml files in a notation program")
    say("  stilo learn NAME FILE|DIR...   with music of your own")


def doctor() -> None:
    """Tell what of this installation works, what is missing, and how to get it.

    \b
    Examples:
      stilo doctor
    """
    from stilo.workshop import examine_installation

    missing = False
    for finding in examine_installation():
        say(f"{MARKS[finding.state]}  {finding.part:<12} {finding.text}")
        if finding.remedy:
            say(f"{'':9}{'':<12} {finding.remedy}")
        missing = missing or finding.state == "missing"
    if missing:
        raise typer.Exit(1)
