"""The plane of valence and arousal: a music as a point, others around it by name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from stilo.elements.canvas import Theme, bare, heading, plain_text, text_box
from stilo.elements.record import Profile

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

MOST_OTHERS = 24
MOST_NAMED = 12
_LONGEST_NAME = 22
_CLEAR_PIXELS = 6  # between a name and any point
_SAME_PIXELS = 10  # points that are nearer than this cover each other
# word, left or right, above or below, strength of the tint
_QUARTERS = (("tense", -1, 0, 0.09), ("joyful", 0, 0, 0.15), ("sad", -1, -1, 0.05), ("serene", 0, -1, 0.09))


def draw_emotion(
    axes: Axes, theme: Theme, profile: Profile, name: str, others: Mapping[str, tuple[float, float]]
) -> None:
    """A point with its name, with an ellipse of the spread for a folder; the nearest of `others` as rings with names.

    `others` are (valence, arousal). A name that finds no free place is left out, its ring stays.
    """
    around = "; rings: other styles of the library" if others else ""
    heading(axes, theme, "Emotion", f"how the music is likely to sound{around}")
    boxes = emotion_plane(axes, theme)
    emotion_point(axes, theme, profile, theme.accent("emotion"))
    centre = (profile.emotion.valence, profile.emotion.arousal)
    nearest = sorted(
        others.items(), key=lambda item: (np.hypot(item[1][0] - centre[0], item[1][1] - centre[1]), item[0])
    )
    rings = [(other, _inside(place)) for other, place in nearest[:MOST_OTHERS]]
    for _, (x, y) in rings:
        axes.scatter([x], [y], s=46, facecolors=theme.paper, edgecolors=theme.ink, linewidths=1.4, zorder=5.5)
    if not rings:
        return
    labels = _Labels(axes, theme, boxes, [*(place for _, place in rings), _inside(centre)])
    asked, near = _inside(centre), [*_around(13), *_around(18)]
    if not labels.place(name, asked, near, is_asked=True):  # it is named in any case, over rings when they are too many
        labels.place(name, asked, near, is_asked=True, over_points=True)
    for other, place in rings[:MOST_NAMED]:
        labels.place(other, place, [*_around(8), *_around(14)])


def _inside(place: tuple[float, float]) -> tuple[float, float]:
    """A place of the plane, brought into it."""
    return float(np.clip(place[0], -1, 1)), float(np.clip(place[1], -1, 1))


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


class _Labels:
    """Names beside points of the plane, none over another, over a word or nearer to another point than to its own."""

    def __init__(self, axes: Axes, theme: Theme, taken: list[Any], points: list[tuple[float, float]]) -> None:
        figure = axes.get_figure(root=True)
        if figure is None:
            raise ValueError("these axes are in no figure")
        self._axes, self._theme, self._figure = axes, theme, figure
        self._limits = axes.get_window_extent()
        self._taken = list(taken)
        self._points = axes.transData.transform(points)  # [points, 2] pixels

    def place(
        self,
        name: str,
        place: tuple[float, float],
        shifts: Iterable[tuple[int, int]],
        *,
        is_asked: bool = False,
        over_points: bool = False,
    ) -> bool:
        """Write a name at the first of the shifts (points of type) that is free; False when none is."""
        shown = plain_text(name)
        shown = shown if len(shown) <= _LONGEST_NAME else f"{shown[: _LONGEST_NAME - 1].rstrip()}…"
        weight = "bold" if is_asked else "normal"
        for dx, dy in shifts:
            across = "center" if dx == 0 else "left" if dx > 0 else "right"
            label = self._axes.annotate(shown, place, xytext=(dx, dy), textcoords="offset points", ha=across,
                                        va="center", fontsize=9, fontweight=weight, color=self._theme.ink, zorder=6,
                                        parse_math=False)  # fmt: skip
            box = text_box(self._figure, label)
            if self._has_room(box) and (over_points or self._is_nearest(box, self._axes.transData.transform(place))):
                self._taken.append(box)
                return True
            label.remove()
        return False

    def _has_room(self, box: Any) -> bool:
        limits = self._limits
        inside = limits.x0 < box.x0 and box.x1 < limits.x1 and limits.y0 < box.y0 and box.y1 < limits.y1
        return inside and not any(box.overlaps(other) for other in self._taken)

    def _is_nearest(self, box: Any, own: NDArray[np.float64]) -> bool:
        """Whether no point is under a box, and none but those at its own place (pixels) nearer to it than that."""
        centre, half = np.array([box.x0 + box.x1, box.y0 + box.y1]) / 2, np.array([box.width, box.height]) / 2
        gaps = np.hypot(*np.maximum(np.abs(np.vstack([self._points, own]) - centre) - half, 0).T)
        apart = np.hypot(*(self._points - own).T) > _SAME_PIXELS
        return bool((gaps[:-1] > _CLEAR_PIXELS).all() and (gaps[:-1][apart] > gaps[-1] + _CLEAR_PIXELS / 2).all())


def _around(distance: int) -> list[tuple[int, int]]:
    """Shifts from a point to a name beside, above, below and across from it, in points of type."""
    near = (distance * 3 + 2) // 4
    sides = [(distance, 0), (-distance, 0), (0, distance + 3), (0, -distance - 3)]
    return sides + [(x, y) for x in (near, -near) for y in (distance + 1, -distance - 1)]
