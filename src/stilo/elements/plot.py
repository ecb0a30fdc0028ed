"""Pictures of profiles: one page of six drawings."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from stilo.elements.canvas import INK, PAPER, SHADE, accent, bare, plain_text, save_png, tint
from stilo.elements.figures import DEGREES
from stilo.elements.pianoroll import plot_piano_roll
from stilo.elements.pitch import INTERVAL_LABELS
from stilo.elements.record import Profile
from stilo.elements.rhythm import BAR_PLACES, NOTE_VALUE_LABELS
from stilo.elements.words import liner_note
from stilo.music.theory import SCALES

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["PROFILE_PIXELS", "plot_piano_roll", "plot_profile"]

PROFILE_PIXELS = (1600, 1080)
_DOTS_PER_INCH = 100
_CHORDS_DRAWN = 8
_MOVES_DRAWN = 18


def plot_profile(profile: Profile, path: str | Path, title: str) -> None:
    """Draw a profile as a PNG of `PROFILE_PIXELS`.

    Pitch classes as a wheel of fifths, chords and how they follow each other, the place in the plane of valence and
    arousal; melodic intervals, onsets in the bar, and how like the bars of a piece are (for a folder: its note values).

    Raises:
        WriteError: the picture cannot be written.
    """
    from matplotlib.figure import Figure

    width, height = PROFILE_PIXELS
    figure = Figure(figsize=(width / _DOTS_PER_INCH, height / _DOTS_PER_INCH), dpi=_DOTS_PER_INCH, facecolor=PAPER)
    grid = figure.add_gridspec(2, 3, left=0.045, right=0.975, top=0.80, bottom=0.075, hspace=0.34, wspace=0.2)
    _header(figure, profile, title)
    _wheel(figure.add_subplot(grid[0, 0], projection="polar"), profile)
    _chords(figure.add_subplot(grid[0, 1]), profile)
    _emotion(figure.add_subplot(grid[0, 2]), profile)
    _intervals(figure.add_subplot(grid[1, 0]), profile)
    _bar(figure.add_subplot(grid[1, 1]), profile)
    last = figure.add_subplot(grid[1, 2])
    if profile.piece is not None and len(profile.piece.likeness) > 1:
        _likeness(last, profile)
    else:
        _note_values(last, profile)
    save_png(figure, path)


def _header(figure: Figure, profile: Profile, title: str) -> None:
    name = textwrap.shorten(plain_text(title), 80, placeholder="…")
    figure.text(0.045, 0.945, name, fontsize=24, fontweight="bold", color=INK, va="center", parse_math=False)
    note = "\n".join(textwrap.wrap(liner_note(profile), 165)[:3])
    figure.text(0.045, 0.915, note, fontsize=12.5, color=SHADE, va="top", linespacing=1.35, parse_math=False)


def _heading(axes: Axes, text: str, meaning: str) -> None:
    figure, place = axes.get_figure(root=True), axes.get_subplotspec()
    if figure is None or place is None:
        raise ValueError("headings stand above axes of a grid")
    box = place.get_position(figure)
    figure.text(box.x0, box.y1 + 0.028, text, fontsize=13.5, fontweight="bold", color=INK)
    figure.text(box.x0, box.y1 + 0.010, meaning, fontsize=10, color=SHADE)


def _empty(axes: Axes, text: str) -> None:
    bare(axes)
    axes.text(0.5, 0.5, text, transform=axes.transAxes, ha="center", va="center", color=SHADE, fontsize=12)


def _wheel(axes: Any, profile: Profile) -> None:
    """Degrees in the order of fifths, the tonic on top; the area of a wedge shows its share."""
    _heading(axes, "Pitch classes", "by fifths from the tonic; areas are shares of the sounding time")
    shares = np.array(profile.pitch.classes)
    fifths = 7 * np.arange(12) % 12
    angle = np.arange(12) * np.pi / 6
    radius = np.sqrt(shares[fifths] / max(shares.max(), 1e-9))
    in_scale = np.isin(fifths, SCALES["major" if profile.harmony.major >= 0.5 else "minor"])
    axes.set_theta_zero_location("N")
    axes.set_theta_direction(-1)
    axes.bar(angle, np.full(12, 1.04), width=np.pi / 6, color=tint("pitch", 0.07), edgecolor=PAPER, linewidth=2)
    colours = [accent("pitch") if inside else tint("pitch", 0.45) for inside in in_scale]
    axes.bar(angle, radius, width=np.pi / 6 * 0.94, color=colours, edgecolor=PAPER, linewidth=1)
    axes.set_ylim(0, 1.22)
    axes.axis("off")
    for place, degree in zip(angle, fifths.tolist(), strict=True):
        strong = "bold" if degree == 0 else "normal"
        axes.text(place, 1.16, DEGREES[degree], ha="center", va="center", fontsize=13, color=INK, fontweight=strong)


def _chords(axes: Axes, profile: Profile) -> None:
    """The chords that hold longest, on a circle, and the commonest moves between them."""
    _heading(axes, "Chords", "size: how long they hold; arrows: how often one follows the other")
    names = list(profile.harmony.chords)[:_CHORDS_DRAWN]
    if not names:
        _empty(axes, "no chords")
        return
    bare(axes)
    axes.set_xlim(-1.3, 1.3)
    axes.set_ylim(-1.3, 1.32)
    angle = np.pi / 2 - 2 * np.pi * np.arange(len(names)) / len(names)
    spot = {name: (float(np.cos(a)), float(np.sin(a))) for name, a in zip(names, angle.tolist(), strict=True)}
    _arrows(axes, profile, spot)
    largest = profile.harmony.chords[names[0]]
    for name in names:
        x, y = spot[name]
        relative = profile.harmony.chords[name] / largest
        axes.scatter([x], [y], s=_disc_area(relative), color=tint("harmony", 0.25 + 0.75 * relative), zorder=3,
                     edgecolors=PAPER, linewidths=3)  # fmt: skip
        colour = PAPER if relative > 0.5 else INK
        axes.text(x, y, name, ha="center", va="center", fontsize=12, color=colour, zorder=4, fontweight="bold")


def _disc_area(relative: float) -> float:
    """Area in square points of the disc of a chord that holds `relative` of the time of the longest."""
    return 650 + 1700 * relative


def _arrows(axes: Axes, profile: Profile, spot: dict[str, tuple[float, float]]) -> None:
    """Arrows from chord to chord, bent so that the two directions do not cover each other."""
    from matplotlib.patches import FancyArrowPatch

    moves: list[tuple[str, str, float]] = []
    for move, share in profile.harmony.transitions.items():
        before, _, after = move.partition("→")
        if before in spot and after in spot and before != after:
            moves.append((before, after, share))
    largest = max(profile.harmony.chords.values())

    def _radius(chord: str) -> float:
        """Of the disc of a chord, in points, with a little air."""
        return float(np.sqrt(_disc_area(profile.harmony.chords[chord] / largest) / np.pi)) + 3

    strongest = max((share for _, _, share in moves), default=1.0)
    for before, after, share in reversed(moves[:_MOVES_DRAWN]):
        relative = share / strongest
        axes.add_patch(
            FancyArrowPatch(
                spot[before], spot[after], connectionstyle="arc3,rad=0.2",
                arrowstyle="-|>", mutation_scale=9 + 9 * relative,
                linewidth=0.8 + 4 * relative, color=tint("harmony", 0.25 + 0.5 * relative),
                shrinkA=_radius(before), shrinkB=_radius(after),
                zorder=2,
            )
        )  # fmt: skip


def _emotion(axes: Axes, profile: Profile) -> None:
    """A point in the plane of valence and arousal, with an ellipse of the spread for a folder."""
    from matplotlib.patches import Ellipse

    _heading(axes, "Emotion", "how the music is likely to sound")
    bare(axes)
    axes.set_xlim(-1.12, 1.12)
    axes.set_ylim(-1.12, 1.12)
    quarters = ((-1, 0, "tense", 0.10), (0, 0, "joyful", 0.16), (-1, -1, "sad", 0.06), (0, -1, "serene", 0.10))
    for x, y, word, strength in quarters:
        axes.fill([x, x + 1, x + 1, x], [y, y, y + 1, y + 1], color=tint("emotion", strength), linewidth=0)
        side = "left" if x < 0 else "right"
        axes.text(x + 0.06 if x < 0 else 0.94, 0.91 if y == 0 else -0.91, word, ha=side, va="center", fontsize=11,
                  color=SHADE)  # fmt: skip
    axes.axhline(0, color=PAPER, linewidth=2)
    axes.axvline(0, color=PAPER, linewidth=2)
    valence, arousal = profile.emotion.valence, profile.emotion.arousal
    spread = [2 * profile.spread.get(f"emotion.{name}", 0.0) for name in ("valence", "arousal")]
    axes.add_patch(Ellipse((valence, arousal), *spread, color=accent("emotion"), alpha=0.25, linewidth=0))
    axes.scatter([valence], [arousal], s=260, color=accent("emotion"), edgecolors=PAPER, linewidths=2.5, zorder=3)
    axes.text(0, -1.09, "valence →", ha="center", va="center", fontsize=10, color=SHADE)
    axes.text(-1.06, 0, "arousal →", ha="center", va="center", fontsize=10, color=SHADE, rotation=90)


def _intervals(axes: Axes, profile: Profile) -> None:
    _heading(axes, "Melodic intervals", "semitones from one note of the melody to the next")
    shares = 100 * np.array(profile.pitch.intervals)
    if not shares.any():
        _empty(axes, "no melody")
        return
    steps = np.arange(-12, 13)
    colours = [accent("pitch") if abs(step) <= 2 else tint("pitch", 0.55) for step in steps.tolist()]
    axes.bar(steps, shares, width=0.86, color=colours)
    _percent_axis(axes, shares)
    axes.set_xticks(steps[::3], INTERVAL_LABELS[::3])


def _bar(axes: Axes, profile: Profile) -> None:
    metre = next(iter(profile.rhythm.metres), "4/4")
    several = " (several metres laid over each other)" if len(profile.rhythm.metres) > 1 else ""
    _heading(axes, "The bar", f"where in the bar of {metre} notes begin{several}")
    shares = 100 * np.array(profile.rhythm.bar_places)
    numerator, denominator = (int(part) for part in metre.split("/"))
    beats = numerator // 3 if numerator % 3 == 0 and denominator >= 8 else numerator
    beats = beats if 1 <= beats <= 16 else 1
    on_beat = np.abs((np.arange(BAR_PLACES) * beats / BAR_PLACES + 0.5) % 1 - 0.5) < beats / BAR_PLACES / 2
    colours = [accent("rhythm") if strong else tint("rhythm", 0.5) for strong in on_beat.tolist()]
    axes.bar(np.arange(BAR_PLACES), shares, width=0.86, color=colours)
    _percent_axis(axes, shares)
    axes.set_xlim(-1, BAR_PLACES)
    axes.set_xticks(np.arange(beats) * BAR_PLACES / beats, [str(beat + 1) for beat in range(beats)])


def _note_values(axes: Axes, profile: Profile) -> None:
    _heading(axes, "Note values", "lengths of the notes in quarters")
    shares = 100 * np.array(profile.rhythm.durations)
    axes.bar(np.arange(len(shares)), shares, width=0.86, color=accent("rhythm"))
    _percent_axis(axes, shares)
    axes.set_xticks(np.arange(len(shares)), NOTE_VALUE_LABELS, rotation=45)


def _percent_axis(axes: Axes, shares: Any) -> None:
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(tint("ink", 0.3))
    axes.set_facecolor(PAPER)
    axes.set_axisbelow(True)
    axes.grid(axis="y", color=tint("ink", 0.12), linewidth=1)
    axes.tick_params(length=0, labelsize=10.5, labelcolor=SHADE)
    axes.set_ylim(0, max(1.0, 1.12 * float(shares.max())))
    axes.locator_params(axis="y", nbins=6, steps=[1, 2, 5, 10])
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}%")


def _likeness(axes: Axes, profile: Profile) -> None:
    """The self-similarity matrix, sections named along its diagonal."""
    from matplotlib.colors import LinearSegmentedColormap

    piece = profile.piece
    if piece is None:
        raise ValueError("only a single piece has a form")
    _heading(axes, "Form", "how like the bars are to each other; alike sections share a letter")
    matrix = np.array(piece.likeness)
    bars = len(matrix) * piece.bars_per_row
    colours = LinearSegmentedColormap.from_list("likeness", [PAPER, tint("rhythm", 0.35), accent("rhythm"), INK])
    low = float(np.quantile(matrix, 0.05))
    axes.imshow(
        matrix, cmap=colours, vmin=min(low, 90), vmax=100, extent=(1, bars + 1, bars + 1, 1), interpolation="nearest"
    )
    for section in piece.sections:
        if section.first_bar:
            axes.axhline(section.first_bar + 1, color=PAPER, linewidth=1.2)
            axes.axvline(section.first_bar + 1, color=PAPER, linewidth=1.2)
        if section.bars >= bars / 30:
            middle = section.first_bar + 1 + section.bars / 2
            axes.text(1 + bars * 1.04, middle, section.label, ha="center", va="center", fontsize=11, fontweight="bold",
                      color=INK)  # fmt: skip
    for spine in axes.spines.values():
        spine.set_visible(False)
    axes.tick_params(length=0, labelsize=10, labelcolor=SHADE)
