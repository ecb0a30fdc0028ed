"""Two styles beside each other: what `analyse` does with exactly two arguments."""

from __future__ import annotations

import json
from pathlib import Path

import typer

from stilo.cli.terminal import progress_bar, say, warn


def tell_comparison(
    a: str, b: str, *, as_json: bool, plot: Path | None, dark: bool, jobs: int | None, fast: bool
) -> None:
    """Print how two styles differ, as text or as one JSON object, and draw it."""
    from stilo.workshop import PICTURE_ENDING, check_outputs, compare, comparison_card, draw_comparison

    if plot is not None:
        check_outputs([plot], (PICTURE_ENDING,))
    with progress_bar("comparing") as progress:
        compared = compare(a, b, progress=progress, jobs=jobs, fast=fast, notice=warn)
    if as_json:
        say(json.dumps(compared.to_json(), ensure_ascii=False, allow_nan=False))
    else:
        say(comparison_card(compared).rstrip())
    if plot is not None:
        draw_comparison(compared, plot, dark)
        if not as_json:
            say(f"drawn: {plot}")
    if compared.failures:
        if not as_json:
            told = [f"{item.path}: {item.error}" for item in compared.failures]
            warn(f"{len(told):,} {'file' if len(told) == 1 else 'files'} could not be read:", told)
        raise typer.Exit(1)
