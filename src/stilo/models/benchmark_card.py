"""Model cards of what was trained and what a benchmark recorded of it: how their files are read and written."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from stilo.errors import SetupError, StiloError
from stilo.models.shipped import CARD_NAME, CONFIG_NAME, WEIGHTS_NAME
from stilo.music.atomic import write_whole

# config, size of the weights in MiB, figures of the benchmark → Markdown
Describe = Callable[[dict[str, Any], float, dict[str, Any]], str]


def card_of(folder: Path, benchmark: Path, describe: Describe, lacking: str) -> str:
    """The card of the weights in `folder`, as Markdown, with the figures of a benchmark of these weights.

    Raises:
        SetupError: config, weights or figures are missing or not what the commands write; `lacking` names them.
    """
    try:
        config = json.loads((folder / CONFIG_NAME).read_text(encoding="utf-8"))
        size = (folder / WEIGHTS_NAME).stat().st_size / 2**20
        return describe(config, size, json.loads(benchmark.read_text(encoding="utf-8")))
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise SetupError(f"{folder}, {benchmark}: {lacking} ({type(error).__name__})") from error


def write_card(description: str | None, card: Callable[[Path, Path], str], argv: Sequence[str] | None) -> None:
    """The command of a card: FOLDER BENCHMARK; the card is written into the folder."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("benchmark", type=Path)
    given = parser.parse_args(argv)
    try:
        write_whole(given.folder / CARD_NAME, card(given.folder, given.benchmark).encode())
    except StiloError as error:
        sys.exit(str(error))
