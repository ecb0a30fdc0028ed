"""Colours, text and files of the pictures, the same for all of them.

Figures are made without pyplot, so that drawing has no global state and works without a screen.
"""

from __future__ import annotations

import io
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from stilo.music.atomic import write_whole

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PAPER = "#fbfaf7"
INK = "#22262e"
SHADE = "#646b78"
_ACCENTS = {"pitch": "#2f6f9f", "rhythm": "#c8672b", "harmony": "#3d8361", "emotion": "#9c4668", "ink": INK}
TRACK_COLOURS = (
    "#2f6f9f", "#c8672b", "#3d8361", "#9c4668", "#7a5ea8", "#b3912a", "#3a8f94", "#a6483f", "#5d7a33", "#7d6455",
    "#4f63b5", "#8a8f98",
)  # fmt: skip


def accent(name: str) -> str:
    """The full colour of an element."""
    return _ACCENTS[name]


def tint(name: str, strength: float) -> str:
    """The colour of an element mixed with the paper, `strength` 0…1."""
    return mixed(_ACCENTS[name], strength)


def mixed(colour: str, strength: float) -> str:
    """A colour "#rrggbb" mixed with the paper, `strength` 0…1."""
    pairs = [(int(PAPER[i : i + 2], 16), int(colour[i : i + 2], 16)) for i in (1, 3, 5)]
    return "#" + "".join(f"{round(paper + (full - paper) * strength):02x}" for paper, full in pairs)


def plain_text(text: str) -> str:
    """Text on one line, of characters that can be drawn."""
    return " ".join("".join(character if character.isprintable() else " " for character in text).split())


def bare(axes: Axes) -> None:
    """Take frame, ticks and background away."""
    axes.set_xticks([])
    axes.set_yticks([])
    axes.set_facecolor(PAPER)
    for spine in axes.spines.values():
        spine.set_visible(False)


def save_png(figure: Figure, path: str | Path) -> None:
    """Write a figure as PNG, whole or not at all; the same figure gives the same bytes.

    Raises:
        WriteError: the picture cannot be written.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    picture = io.BytesIO()
    with warnings.catch_warnings():
        # a title in a script that the font lacks is drawn as boxes
        warnings.filterwarnings("ignore", message="Glyph .* missing from", category=UserWarning)
        FigureCanvasAgg(figure)
        figure.savefig(picture, format="png", metadata={"Software": None})
    write_whole(path, picture.getvalue())
