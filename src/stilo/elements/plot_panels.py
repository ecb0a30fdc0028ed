"""The drawings of pitch, chords and rhythm on the page of a profile, each into axes of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from stilo.elements.canvas import Theme, bare, heading, percent_axis, say_nothing
from stilo.elements.figures import DEGREES
from stilo.elements.metre import beats_of
from stilo.elements.pitch import INTERVAL_LABELS
from stilo.elements.record import Profile
from stilo.elements.rhythm import BAR_PLACES, NOTE_VALUE_LABELS
from stilo.music.theory import SCALES

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_CHORDS_DRAWN = 8
_MOVES_DRAWN = 18
_FRACTIONS = {
    "<1/8": "<⅛", "1/8": "⅛", "1/6": "⅙", "1/4": "¼", "1/3": "⅓", "3/8": "⅜", "1/2": "½", "2/3": "⅔", "3/4": "¾",
    "4/3": "1⅓", "3/2": "1½",
}  # fmt: skip
FIFTHS = 7 * np.arange(12) % 12


def draw_wheel(axes: Any, theme: Theme, profile: Profile) -> None:
    """Degrees in the order of fifths, the tonic on top; the area of a wedge shows its share."""
    heading(axes, theme, "Pitch classes", "by fifths from the tonic; areas are shares of the sounding time")
    shares = np.array(profile.pitch.classes)
    if not shares.any():
        axes.axis("off")
        axes.text(
            0.5, 0.5, "no pitches", transform=axes.transAxes, ha="center", va="center", color=theme.shade, size=12
        )
        return
    angle = np.arange(12) * np.pi / 6
    radius = np.sqrt(shares[FIFTHS] / shares.max())
    in_scale = np.isin(FIFTHS, SCALES["major" if profile.harmony.major >= 0.5 else "minor"])
    wheel_frame(axes, theme, angle)
    colours = [theme.accent("pitch") if inside else theme.tint("pitch", 0.42) for inside in in_scale]
    axes.bar(angle, radius, width=np.pi / 6 * 0.94, color=colours, edgecolor=theme.paper, linewidth=1)


def wheel_frame(axes: Any, theme: Theme, angle: Any) -> None:
    """Twelve pale sectors with the names of the degrees around them."""
    axes.set_theta_zero_location("N")
    axes.set_theta_direction(-1)
    axes.bar(angle, np.full(12, 1.04), width=np.pi / 6, color=theme.tint("pitch", 0.08), edgecolor=theme.paper, lw=2)
    axes.set_ylim(0, 1.22)
    axes.axis("off")
    for place, degree in zip(angle, FIFTHS.tolist(), strict=True):
        weight = "bold" if degree == 0 else "normal"
        axes.text(place, 1.17, DEGREES[degree], ha="center", va="center", size=13, color=theme.ink, fontweight=weight)


def draw_chords(axes: Axes, theme: Theme, profile: Profile) -> None:
    """The chords that hold longest, on a circle, and the commonest moves between them."""
    heading(axes, theme, "Chords", "size: how long they hold; arrows: how often one follows the other")
    names = [name for name, share in profile.harmony.chords.items() if share > 0][:_CHORDS_DRAWN]
    if not names:
        say_nothing(axes, theme, "no chords")
        return
    bare(axes, theme)
    axes.set_xlim(-1.3, 1.3)
    axes.set_ylim(-1.3, 1.32)
    angle = np.pi / 2 - 2 * np.pi * np.arange(len(names)) / len(names)
    spot = {name: (float(np.cos(a)), float(np.sin(a))) for name, a in zip(names, angle.tolist(), strict=True)}
    largest = max(profile.harmony.chords[name] for name in names)
    relative = {name: profile.harmony.chords[name] / largest for name in names}
    _arrows(axes, theme, profile, spot, relative)
    for name in names:
        x, y = spot[name]
        disc = theme.ground("harmony", 0.22 + 0.78 * relative[name])
        axes.scatter([x], [y], s=_disc_area(relative[name]), color=disc, zorder=3, edgecolors=theme.paper, linewidths=3)
        size = 12 if len(name) < 5 else 10 if len(name) < 7 else 8
        axes.text(x, y, name, ha="center", va="center", fontsize=size, color=theme.text_on(disc), zorder=4,
                  fontweight="bold", parse_math=False)  # fmt: skip


def _disc_area(relative: float) -> float:
    """Area in square points of the disc of a chord that holds `relative` of the time of the longest."""
    return 750 + 1600 * relative


def _arrows(
    axes: Axes, theme: Theme, profile: Profile, spot: dict[str, tuple[float, float]], relative: dict[str, float]
) -> None:
    """Arrows from chord to chord, bent so that the two directions do not cover each other."""
    from matplotlib.patches import FancyArrowPatch

    moves: list[tuple[str, str, float]] = []
    for move, share in profile.harmony.transitions.items():
        before, _, after = move.partition("→")
        if before in spot and after in spot and before != after and share > 0:
            moves.append((before, after, share))

    def _radius(chord: str) -> float:
        """Of the disc of a chord, in points, with a little air."""
        return float(np.sqrt(_disc_area(relative[chord]) / np.pi)) + 3

    strongest = max((share for _, _, share in moves), default=1.0)
    for before, after, share in reversed(moves[:_MOVES_DRAWN]):
        weight = share / strongest
        axes.add_patch(
            FancyArrowPatch(
                spot[before], spot[after], connectionstyle="arc3,rad=0.2",
                arrowstyle="-|>", mutation_scale=9 + 9 * weight,
                linewidth=0.8 + 4 * weight, color=theme.tint("harmony", 0.25 + 0.5 * weight),
                shrinkA=_radius(before), shrinkB=_radius(after), zorder=2,
            )
        )  # fmt: skip


def draw_intervals(axes: Axes, theme: Theme, profile: Profile) -> None:
    """How often the melody moves by how much."""
    heading(axes, theme, "Melodic intervals", "semitones between notes of the melody; full colour: by step")
    shares = 100 * np.array(profile.pitch.intervals)
    if not shares.any():
        say_nothing(axes, theme, "no melody")
        return
    steps = np.arange(-12, 13)
    colours = [theme.accent("pitch") if abs(step) <= 2 else theme.tint("pitch", 0.5) for step in steps.tolist()]
    axes.bar(steps, shares, width=0.86, color=colours)
    percent_axis(axes, theme, float(shares.max()))
    axes.set_xticks(steps[::3], interval_labels())


def interval_labels() -> list[str]:
    """Every third interval, with the minus sign of print."""
    return [label.replace("-", "−") for label in INTERVAL_LABELS[::3]]


def draw_bar(axes: Axes, theme: Theme, profile: Profile) -> None:
    """Where in the bar notes begin, on the beats and between them."""
    metre = main_metre(profile)
    others = " and others" if len(profile.rhythm.metres) > 1 else ""
    heading(axes, theme, "The bar", f"where notes begin, in {metre}{others}; full colour: on the beat")
    shares = 100 * np.array(profile.rhythm.bar_places)
    if not shares.any():
        say_nothing(axes, theme, "no notes")
        return
    beats = beats_of(metre) or 1
    on_beat = np.abs((np.arange(BAR_PLACES) * beats / BAR_PLACES + 0.5) % 1 - 0.5) < beats / BAR_PLACES / 2
    colours = [theme.accent("rhythm") if strong else theme.tint("rhythm", 0.5) for strong in on_beat.tolist()]
    axes.bar(np.arange(BAR_PLACES), shares, width=0.86, color=colours)
    percent_axis(axes, theme, float(shares.max()))
    beat_ticks(axes, beats)


def main_metre(profile: Profile) -> str:
    """The metre that holds longest."""
    return next(iter(profile.rhythm.metres), "4/4")


def beat_ticks(axes: Axes, beats: int) -> None:
    """Name the beats of a bar of 48 places."""
    axes.set_xlim(-1, BAR_PLACES)
    axes.set_xticks(np.arange(beats) * BAR_PLACES / beats, [str(beat + 1) for beat in range(beats)])


def draw_note_values(axes: Axes, theme: Theme, profile: Profile) -> None:
    """How long the notes are."""
    heading(axes, theme, "Note values", "lengths of the notes in quarters")
    shares = 100 * np.array(profile.rhythm.durations)
    if not shares.any():
        say_nothing(axes, theme, "no notes")
        return
    axes.bar(np.arange(len(shares)), shares, width=0.86, color=theme.accent("rhythm"))
    percent_axis(axes, theme, float(shares.max()))
    note_value_ticks(axes)


def note_value_ticks(axes: Axes) -> None:
    """Name the note values, in signs short enough to stand side by side."""
    axes.set_xlim(-0.8, len(NOTE_VALUE_LABELS) - 0.2)
    axes.set_xticks(np.arange(len(NOTE_VALUE_LABELS)), [_FRACTIONS.get(label, label) for label in NOTE_VALUE_LABELS])
    axes.tick_params(axis="x", labelsize=9.5)
