"""Colours, text and files of the pictures, the same for all of them, in two themes: for paper and for a dark screen.

Text stands at least 4.5 to 1 against what is behind it (WCAG 2.2, success criterion 1.4.3), and what a reader must tell
apart differs in lightness as well as in hue. Figures are made without pyplot, so that drawing has no global state and
works without a screen.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from stilo.music.atomic import write_whole

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

DOTS_PER_INCH = 100
_LEAST_CONTRAST = 4.6  # a little more than is asked for
_GREY_WEIGHTS = (0.2126, 0.7152, 0.0722)  # of the linear red, green and blue in the luminance


@dataclass(frozen=True)
class Theme:
    """The colours of a picture, "#rrggbb".

    Attributes:
        paper, ink, shade: behind everything, of headings, of small text.
        accents: the full colour of each element.
        tracks: of the tracks of a piano roll, in order.
        pair: of the two music that are compared; far apart in lightness.
    """

    paper: str
    ink: str
    shade: str
    accents: Mapping[str, str]
    tracks: tuple[str, ...]
    pair: tuple[str, str]

    def accent(self, name: str) -> str:
        """The full colour of an element."""
        return self.accents[name]

    def tint(self, name: str, strength: float) -> str:
        """The colour of an element mixed with the paper, `strength` 0…1."""
        return self.mixed(self.accents[name], strength)

    def mixed(self, colour: str, strength: float) -> str:
        """A colour mixed with the paper, `strength` 0…1."""
        pairs = zip(_channels(self.paper), _channels(colour), strict=True)
        return "#" + "".join(f"{round(paper + (full - paper) * strength):02x}" for paper, full in pairs)

    def ground(self, name: str, strength: float) -> str:
        """The tint of an element that is nearest to `strength` and lets text be read on it."""
        for step in range(101):
            for nearby in (strength - step / 100, strength + step / 100):
                colour = self.tint(name, min(1.0, max(0.0, nearby)))
                if contrast(self.text_on(colour), colour) >= _LEAST_CONTRAST:
                    return colour
        return self.paper

    def text_on(self, colour: str) -> str:
        """Paper or ink, whichever is easier to read on a colour."""
        return max((self.paper, self.ink), key=lambda text: contrast(text, colour))


LIGHT = Theme(
    paper="#fbfaf7",
    ink="#22262e",
    shade="#565c68",
    accents={"pitch": "#2f6f9f", "rhythm": "#c8672b", "harmony": "#377a58", "emotion": "#9c4668", "ink": "#22262e"},
    tracks=(
        "#2f6f9f", "#c8672b", "#3d8361", "#9c4668", "#7a5ea8", "#b3912a", "#3a8f94", "#a6483f", "#5d7a33", "#7d6455",
        "#4f63b5", "#8a8f98",
    ),
    pair=("#1f4e79", "#e08a3c"),
)  # fmt: skip
DARK = Theme(
    paper="#14171c",
    ink="#f0eee9",
    shade="#aab0bb",
    accents={"pitch": "#6aaede", "rhythm": "#ee9a5b", "harmony": "#6cc398", "emotion": "#de86ab", "ink": "#f0eee9"},
    tracks=(
        "#6aaede", "#ee9a5b", "#6cc398", "#de86ab", "#ae97dc", "#d8bb5d", "#68c0c4", "#e0837a", "#a0c070", "#bda291",
        "#8f9fe6", "#b4b9c2",
    ),
    pair=("#4687cb", "#fbcf9d"),
)  # fmt: skip


def theme_of(dark: bool) -> Theme:
    """The theme for a dark screen, or that for paper."""
    return DARK if dark else LIGHT


def _channels(colour: str) -> tuple[int, int, int]:
    """Red, green and blue of "#rrggbb", 0…255."""
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def luminance(colour: str) -> float:
    """Relative luminance of "#rrggbb", 0…1 (WCAG 2.2)."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in np.array(_channels(colour)) / 255]
    return float(np.dot(_GREY_WEIGHTS, linear))


def contrast(first: str, second: str) -> float:
    """Contrast ratio of two colours "#rrggbb", 1…21 (WCAG 2.2)."""
    darker, lighter = sorted((luminance(first), luminance(second)))
    return (lighter + 0.05) / (darker + 0.05)


def blank_page(theme: Theme, size_pixels: tuple[int, int]) -> Figure:
    """An empty figure of a size, with a canvas that can measure text."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    width, height = size_pixels
    figure = Figure(figsize=(width / DOTS_PER_INCH, height / DOTS_PER_INCH), dpi=DOTS_PER_INCH, facecolor=theme.paper)
    FigureCanvasAgg(figure)
    return figure


def plain_text(text: str) -> str:
    """Text on one line, of characters that can be drawn."""
    return " ".join("".join(character if character.isprintable() else " " for character in text).split())


def heading(axes: Axes, theme: Theme, text: str, meaning: str) -> None:
    """A title over axes of a grid, and a line that says what is seen."""
    figure, place = axes.get_figure(root=True), axes.get_subplotspec()
    if figure is None or place is None:
        raise ValueError("headings stand above axes of a grid")
    box, height = place.get_position(figure), figure.get_figheight()
    figure.text(box.x0, box.y1 + 0.30 / height, text, fontsize=13.5, fontweight="bold", color=theme.ink)
    figure.text(box.x0, box.y1 + 0.11 / height, meaning, fontsize=10, color=theme.shade)


def bare(axes: Axes, theme: Theme) -> None:
    """Take frame, ticks and background away."""
    axes.set_xticks([])
    axes.set_yticks([])
    axes.set_facecolor(theme.paper)
    for spine in axes.spines.values():
        spine.set_visible(False)


def say_nothing(axes: Axes, theme: Theme, text: str) -> None:
    """A word in the middle of empty axes."""
    bare(axes, theme)
    axes.text(0.5, 0.5, text, transform=axes.transAxes, ha="center", va="center", color=theme.shade, fontsize=12)


def percent_axis(axes: Axes, theme: Theme, highest: float) -> None:
    """A quiet frame for bars in percent that reach up to `highest`."""
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(theme.tint("ink", 0.4))
    axes.set_facecolor(theme.paper)
    axes.set_axisbelow(True)
    axes.grid(axis="y", color=theme.tint("ink", 0.14), linewidth=1)
    axes.tick_params(length=0, labelsize=10.5, labelcolor=theme.shade)
    axes.set_ylim(0, max(1.0, 1.12 * highest))
    axes.locator_params(axis="y", nbins=6, steps=[1, 2, 5, 10])
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}%")


def text_box(figure: Figure, text: Any) -> Any:
    """The box of a text in pixels."""
    return text.get_window_extent(renderer=figure.canvas.get_renderer())  # type: ignore[attr-defined]


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
