"""Two profiles in one picture: A upward, B downward or beside it, and what differs most with its interval."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from stilo.elements.canvas import (
    Theme,
    bare,
    blank_page,
    heading,
    percent_axis,
    plain_text,
    save_png,
    say_nothing,
    theme_of,
)
from stilo.elements.compare import Comparison, Difference
from stilo.elements.contrasts import aspect_of, worth_saying
from stilo.elements.metre import beats_of
from stilo.elements.phrases import label_of
from stilo.elements.plot_emotion import emotion_plane, emotion_point
from stilo.elements.plot_panels import (
    FIFTHS,
    beat_ticks,
    interval_labels,
    main_metre,
    note_value_ticks,
    wheel_frame,
)
from stilo.elements.rhythm import BAR_PLACES

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COMPARISON_PIXELS = (1600, 1120)
_LEFT, _RIGHT = 0.055, 0.965
_MOST_EFFECTS = 10
_WIDEST_EFFECT = 4.0
_TOUCHING = 0.16  # points of the plane nearer than this cover each other
_HATCHES = ("", "////")


def plot_comparison(comparison: Comparison, path: str | Path, titles: tuple[str, str], *, dark: bool = False) -> None:
    """Draw two profiles as a PNG of `COMPARISON_PIXELS`: A solid and upward, B hatched and downward.

    Raises:
        WriteError: the picture cannot be written.
    """
    save_png(comparison_figure(comparison, titles, dark=dark), path)


def comparison_figure(comparison: Comparison, titles: tuple[str, str], *, dark: bool = False) -> Figure:
    """The page of `plot_comparison`, not yet written."""
    theme = theme_of(dark)
    figure = blank_page(theme, COMPARISON_PIXELS)
    pixels = COMPARISON_PIXELS[1]
    grid = figure.add_gridspec(
        2, 3, left=_LEFT, right=_RIGHT, top=1 - 210 / pixels, bottom=55 / pixels, hspace=0.32, wspace=0.2
    )
    _titles(figure, theme, comparison, titles)
    _wheel(figure.add_subplot(grid[0, 0], projection="polar"), theme, comparison)
    _effects(figure.add_subplot(grid[0, 1]), theme, comparison)
    _emotion(figure.add_subplot(grid[0, 2]), theme, comparison)
    _intervals(figure.add_subplot(grid[1, 0]), theme, comparison)
    _bar(figure.add_subplot(grid[1, 1]), theme, comparison)
    _note_values(figure.add_subplot(grid[1, 2]), theme, comparison)
    return figure


def _titles(figure: Figure, theme: Theme, comparison: Comparison, titles: tuple[str, str]) -> None:
    """A line for each with its letter on its colour, as in the drawings."""
    from matplotlib.patches import Rectangle

    height, width = figure.get_figheight(), figure.get_figwidth()
    rows = zip("AB", titles, (comparison.a, comparison.b), theme.pair, strict=True)
    for i, (letter, title, profile, colour) in enumerate(rows):
        y = 1 - (0.5 + 0.52 * i) / height
        box = Rectangle((_LEFT, y - 0.17 / height), 0.36 / width, 0.34 / height, facecolor=colour,
                        edgecolor=theme.paper, hatch=_HATCHES[i], transform=figure.transFigure)  # fmt: skip
        figure.add_artist(box)
        count = f"{profile.pieces:,} piece{'s' * (profile.pieces != 1)}"
        name = textwrap.shorten(plain_text(title), 70, placeholder="…") or plain_text(title)[:69] + "…"
        figure.text(_LEFT + 0.5 / width, y, f"{letter}   {name}", fontsize=20, fontweight="bold", color=theme.ink,
                    va="center", parse_math=False)  # fmt: skip
        figure.text(_RIGHT, y, count, fontsize=12, color=theme.shade, va="center", ha="right")


def _wheel(axes: Any, theme: Theme, comparison: Comparison) -> None:
    heading(axes, theme, "Pitch classes", "by fifths from the tonic; A left, B right in each sector")
    angle = np.arange(12) * np.pi / 6
    wheel_frame(axes, theme, angle)
    rows = [np.array(profile.pitch.classes)[FIFTHS] for profile in (comparison.a, comparison.b)]
    largest = max(1e-9, *(row.max() for row in rows))
    for row, colour, side, hatch in zip(rows, theme.pair, (-1, 1), _HATCHES, strict=True):
        axes.bar(angle + side * np.pi / 24, np.sqrt(row / largest), width=np.pi / 12 * 0.92, color=colour, hatch=hatch,
                 edgecolor=theme.paper, linewidth=0.8)  # fmt: skip


def _effects(axes: Axes, theme: Theme, comparison: Comparison) -> None:
    """The largest differences of figures as points, with their 95 % intervals."""
    rows = _told(comparison)
    with_interval = any(item.low is not None for item in rows)
    what = "points: effect, lines: 95% interval" if with_interval else "in usual differences between styles"
    heading(axes, theme, "What differs most", f"right: more in B; {what}")
    if not rows:
        say_nothing(axes, theme, "nothing beyond chance")
        return
    bare(axes, theme)
    limit = min(_WIDEST_EFFECT, max(1.0, *(_reach(item) * 1.05 for item in rows)))
    axes.set_xlim(-2.6 * limit, limit * 1.05)
    axes.set_ylim(_MOST_EFFECTS - 0.3, -1.0)
    axes.plot([0, 0], [-0.6, len(rows) - 0.4], color=theme.tint("ink", 0.5), linewidth=1)
    for tick in range(-int(limit), int(limit) + 1):
        axes.text(tick, -0.85, f"{tick:+d}".replace("-", "−").replace("+0", "0"), ha="center", va="center", fontsize=9,
                  color=theme.shade)  # fmt: skip
    for i, item in enumerate(rows):
        colour = theme.pair[int(item.effect > 0)]
        if item.low is not None and item.high is not None:
            ends = np.clip([item.low, item.high], -limit, limit)
            axes.plot(ends, [i, i], color=colour, linewidth=3, solid_capstyle="round")
        axes.scatter([np.clip(item.effect, -limit, limit)], [i], s=70, color=colour, edgecolors=theme.ink, zorder=3)
        axes.text(-2.6 * limit, i, label_of(item.name), ha="left", va="center", fontsize=11, color=theme.ink)


def _reach(item: Difference) -> float:
    """How far an effect and its interval reach from 0."""
    return max(abs(end) for end in (item.effect, item.low or 0.0, item.high or 0.0))


def _told(comparison: Comparison) -> list[Difference]:
    """Figures that are worth saying, one to an aspect."""
    found: dict[str, Difference] = {}
    for item in comparison.differences:
        if item.distance is None and worth_saying(comparison, item):
            found.setdefault(aspect_of(item.name), item)
    return list(found.values())[:_MOST_EFFECTS]


def _emotion(axes: Axes, theme: Theme, comparison: Comparison) -> None:
    heading(axes, theme, "Emotion", "how the music is likely to sound; ellipses: spread between pieces")
    emotion_plane(axes, theme)
    moods = [profile.emotion for profile in (comparison.a, comparison.b)]
    near = np.hypot(moods[0].valence - moods[1].valence, moods[0].arousal - moods[1].arousal) < _TOUCHING
    for profile, colour, letter, side in zip((comparison.a, comparison.b), theme.pair, "AB", (-1, 1), strict=True):
        emotion_point(axes, theme, profile, colour)
        place = (profile.emotion.valence, profile.emotion.arousal)
        shift = (15 * side, 15 * side) if near else (0, 0)
        axes.annotate(letter, place, xytext=shift, textcoords="offset points", ha="center", va="center", fontsize=9,
                      fontweight="bold", color=theme.ink if near else theme.text_on(colour), zorder=6)  # fmt: skip


def _mirrored(axes: Axes, theme: Theme, rows: tuple[Any, Any], width: float = 0.86) -> bool:
    """A as bars upward, B hatched downward, in percent; False when there is nothing to draw."""
    up, down = (100 * np.array(row) for row in rows)
    if not up.any() and not down.any():
        say_nothing(axes, theme, "nothing to compare")
        return False
    places = np.arange(len(up))
    axes.bar(places, up, width=width, color=theme.pair[0])
    axes.bar(places, -down, width=width, color=theme.pair[1], hatch=_HATCHES[1], edgecolor=theme.paper, linewidth=0)
    highest = float(max(up.max(), down.max()))
    percent_axis(axes, theme, highest)
    axes.set_ylim(-1.15 * highest, 1.15 * highest)
    axes.axhline(0, color=theme.ink, linewidth=1)
    axes.spines["bottom"].set_visible(False)
    axes.yaxis.set_major_formatter(lambda value, _: f"{abs(value):g}%")
    for letter, y in (("A", 0.95), ("B", 0.05)):
        axes.text(0.985, y, letter, transform=axes.transAxes, ha="right", va="center", fontsize=13, fontweight="bold",
                  color=theme.ink)  # fmt: skip
    return True


def _intervals(axes: Axes, theme: Theme, comparison: Comparison) -> None:
    heading(axes, theme, "Melodic intervals", "semitones from one note of the melody to the next")
    if _mirrored(axes, theme, (comparison.a.pitch.intervals, comparison.b.pitch.intervals)):
        axes.set_xticks(np.arange(25)[::3], interval_labels())


def _bar(axes: Axes, theme: Theme, comparison: Comparison) -> None:
    metres = [main_metre(profile) for profile in (comparison.a, comparison.b)]
    told = metres[0] if metres[0] == metres[1] else f"{metres[0]} (A) and {metres[1]} (B)"
    heading(axes, theme, "The bar", f"where in the bar of {told} notes begin")
    if not _mirrored(axes, theme, (comparison.a.rhythm.bar_places, comparison.b.rhythm.bar_places)):
        return
    if metres[0] == metres[1]:
        beat_ticks(axes, beats_of(metres[0]) or 1)
    else:
        axes.set_xlim(-1, BAR_PLACES)
        axes.set_xticks([0, BAR_PLACES / 4, BAR_PLACES / 2, 3 * BAR_PLACES / 4], ["0", "¼", "½", "¾"])


def _note_values(axes: Axes, theme: Theme, comparison: Comparison) -> None:
    heading(axes, theme, "Note values", "lengths of the notes in quarters")
    if _mirrored(axes, theme, (comparison.a.rhythm.durations, comparison.b.rhythm.durations)):
        note_value_ticks(axes)
