"""From a style in the library to a piece in files."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stilo.errors import RequestError
from stilo.workshop.keeping import load_style
from stilo.workshop.outputs import check_outputs, write_composition
from stilo.workshop.progress import Notice, Progress, part_of, silent, unheard

if TYPE_CHECKING:
    from stilo.compose.composer import Composition
    from stilo.compose.request import Request

COMPOSING_SHARE = 0.8


def make_request(
    *,
    bars: int | None = None,
    seed: int | None = None,
    key: str | None = None,
    tempo_qpm: float | None = None,
    metre: str | None = None,
    temperature: float | None = None,
) -> Request:
    """A request from what a person wrote; what is None is left to the style and to the defaults of `Request`.

    Raises:
        RequestError: the key or the metre cannot be read, or a value is out of range.
    """
    from stilo.compose.request import Request

    given: dict[str, Any] = {
        "bars": bars,
        "seed": seed,
        "key": key,
        "tempo_qpm": tempo_qpm,
        "time_signature": None if metre is None else parse_metre(metre),
        "temperature": temperature,
    }
    return Request(**{name: value for name, value in given.items() if value is not None})


def parse_metre(text: str) -> tuple[int, int]:
    """Read "3/4" as (3, 4).

    Raises:
        RequestError: the text is no metre.
    """
    match = re.fullmatch(r"([1-9][0-9]?)/([1-9][0-9]?)", text.strip())
    if match is None:
        raise RequestError(f'"{text[:40]}" is no metre; write it like 3/4 or 6/8')
    return int(match[1]), int(match[2])


def compose_piece(
    name: str,
    outputs: Iterable[str | Path],
    request: Request | None = None,
    progress: Progress = silent,
    notice: Notice = unheard,
) -> Composition:
    """Compose in the style `name` and write the piece in every kind that `outputs` asks for.

    Args:
        name: a style of the library.
        outputs: files whose endings say what to write: score, MIDI, audio, picture or data.
        request: what to compose; None for what the style does by itself.
        progress: is told what is being done and the share done.
        notice: is told of a key that is asked for where there are only drums, and of known pieces that the piece cannot
            be held against.

    Raises:
        UnknownStyleError: the library does not hold the style.
        RequestError: the request contradicts itself.
        WriteError: a file cannot be written; then none takes its name.
        SetupError: weights are missing, or audio is asked for and nothing here can play a score.
    """
    paths = check_outputs(outputs)
    style = load_style(name)

    from stilo.compose.composer import compose
    from stilo.compose.request import Request

    composition = compose(style, request or Request(), part_of(progress, 0.0, COMPOSING_SHARE), notice)
    write_composition(composition, paths, part_of(progress, COMPOSING_SHARE, 1.0))
    return composition
