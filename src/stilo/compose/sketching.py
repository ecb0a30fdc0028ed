"""Short pieces as they come, to show what was learned: with it, and without."""

from __future__ import annotations

from dataclasses import replace

from stilo.compose.composer import engine_of
from stilo.compose.desk import Desk
from stilo.compose.performance import one_keyboard, performed
from stilo.compose.request import Request
from stilo.music.score import Score
from stilo.styles.style import Style


def sketch(style: Style, count: int, bars: int, seed: int, *, is_learned: bool = True) -> list[Score]:
    """`count` pieces of `bars` bars; none is chosen before another, no ending is looked for.

    Not `is_learned`, they are by the base model, which is told the instruments, their ranges and which of them play one
    note at a time, the metre, the tempo and a key of the style, as a person would say them, and nothing that was
    learned: no vector, no pace, no shares, rests and repeats, no weights, no form and no chords. Nor is the model told
    in either case what the encoder heard in the style (`Style.recognition`), so that the encoder can judge what comes
    of it. The same seed gives the same pieces.

    Raises:
        InputError: the style was learned with other weights, or names no parts.
        SetupError: the weights are missing.
    """
    from stilo.models.notes.base import base_engine
    from stilo.models.notes.plan import Taste

    engine = engine_of(style) if is_learned else base_engine()
    unheard = replace(style, recognition=None, encoder="")
    request, taste = Request(bars=bars, seed=seed), Taste.usual()
    desk = Desk(engine, unheard, request, taste, knows_style=is_learned, draws_course=is_learned)
    candidates = desk.write(range(count), lambda _share: None)
    return [performed(one_keyboard(candidate.score)) for candidate in candidates]
