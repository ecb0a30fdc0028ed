"""The plane of valence and arousal: a music as a point, others around it by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from stilo.elements.canvas import Theme, bare, heading, plain_text, text_box
from stilo.elements.record import Profile

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_OTHERS = 24
_LONGEST_NAME = 22
# word, left or right, above or below, strength of the tint
_QUARTERS = (("tense", -1, 0, 0.09), ("joyful", 0, 0, 0.15), ("sad", -1, -1, 0.05), ("serene", 0, -1, 0.09))


def draw_emotion(axes: Axes, theme: Theme, profile: Profile, others: Mapping[str, tuple[float, float]]) -> None:
    """A point, with an ellipse of the spread for a folder, and `others` (valence, arousal) as rings with names."""
    around = "; rings: other styles of the library" if others else ""
    heading(axes, theme, "Emotion", f"how the music is likely to sound{around}")
    boxes = emotion_plane(axes, theme)
    emotion_point(axes, theme, profile, theme.accent("emotion"))
    centre = (profile.emotion.valence, profile.emotion.arousal)
    nearest = sorted(
        others.items(), key=lambda item: (np.hypot(item[1][0] - centre[0], item[1][1] - centre[1]), item[0])
    )
    _name_others(axes, theme, dict(nearest[:MOST_OTHERS]), boxes, centre)


def emotion_plane(axes: Axes, theme: Theme) -> list[Any]:
    """Four quarters with a word in each, axes from −1 to 1; the boxes of all words."""
    figure = axes.get_figure(root=True)
    if figure is None:
        raise ValueError("these axes are in no figure")
    bare(axes, theme)
    axes.set_xlim(-1.14, 1.12)
    axes.set_ylim(-1.16, 1.12)
    words = []
    for word, x, y, strength in _QUARTERS:
        axes.fill([x, x + 1, x + 1, x], [y, y, y + 1, y + 1], color=theme.tint("emotion", strength), linewidth=0)
        side = "left" if x < 0 else "right"
        words.append(axes.text(-0.96 if x < 0 else 0.96, 0.91 if y == 0 else -0.91, word, ha=side, va="center",
                               fontsize=11, color=theme.shade, fontstyle="italic"))  # fmt: skip
    axes.axhline(0, xmin=0.14 / 2.26, xmax=2.14 / 2.26, color=theme.paper, linewidth=2)
    axes.axvline(0, ymin=0.16 / 2.28, ymax=2.16 / 2.28, color=theme.paper, linewidth=2)
    words.append(axes.text(0, -1.09, "valence →", ha="center", va="center", fontsize=10, color=theme.shade))
    words.append(
        axes.text(-1.08, 0, "arousal →", ha="center", va="center", fontsize=10, color=theme.shade, rotation=90)
    )
    return [text_box(figure, word) for word in words]


def emotion_point(axes: Axes, theme: Theme, profile: Profile, colour: str) -> None:
    """Where a profile lies; an ellipse of one standard deviation each way for a folder."""
    from matplotlib.patches import Ellipse

    place = (profile.emotion.valence, profile.emotion.arousal)
    spread = [2 * profile.spread.get(f"emotion.{name}", 0.0) for name in ("valence", "arousal")]
    ellipse = Ellipse(place, *spread, facecolor=theme.mixed(colour, 0.35), edgecolor=colour, linewidth=1, zorder=1.5)
    axes.add_patch(ellipse)
    ellipse.set_clip_path(axes.patch)
    axes.scatter([place[0]], [place[1]], s=240, color=colour, edgecolors=theme.paper, linewidths=2.5, zorder=5)


def _name_others(
    axes: Axes, theme: Theme, others: dict[str, tuple[float, float]], taken: list[Any], centre: tuple[float, float]
) -> None:
    """Rings with names beside them; a name that finds no free place is left out, its ring stays."""
    figure = axes.get_figure(root=True)
    if figure is None:
        raise ValueError("these axes are in no figure")
    places = {name: (float(np.clip(v, -1, 1)), float(np.clip(a, -1, 1))) for name, (v, a) in others.items()}
    to_pixels = axes.transData.transform
    points = [to_pixels(place) for place in [*places.values(), centre]]
    limits = axes.get_window_extent()
    for name, place in places.items():
        axes.scatter(
            [place[0]], [place[1]], s=46, facecolors=theme.paper, edgecolors=theme.ink, linewidths=1.4, zorder=4
        )
        shown = plain_text(name)
        shown = shown if len(shown) <= _LONGEST_NAME else f"{shown[: _LONGEST_NAME - 1].rstrip()}…"
        for dx, dy, across in ((8, 0, "left"), (-8, 0, "right"), (0, 11, "center"), (0, -11, "center"),
                               (8, 10, "left"), (8, -10, "left"), (-8, 10, "right"), (-8, -10, "right")):  # fmt: skip
            label = axes.annotate(shown, place, xytext=(dx, dy), textcoords="offset points", ha=across,
                                  va="center", fontsize=9, color=theme.ink, zorder=6, parse_math=False)  # fmt: skip
            box = text_box(figure, label)
            inside = limits.x0 < box.x0 and box.x1 < limits.x1 and limits.y0 < box.y0 and box.y1 < limits.y1
            covers = any(box.x0 - 5 < x < box.x1 + 5 and box.y0 - 5 < y < box.y1 + 5 for x, y in points)
            if inside and not covers and not any(box.overlaps(other) for other in taken):
                taken.append(box)
                break
            label.remove()
