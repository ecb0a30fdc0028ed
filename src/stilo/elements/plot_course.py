"""The course of a piece: how like its bars are to each other; sections, keys, motifs and emotion from bar to bar."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from stilo.elements.canvas import Theme, bare, heading
from stilo.elements.record import PieceDetail

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MOTIFS_DRAWN = 3
_PIXELS_TO_A_CHARACTER = 8.5
_LANE = 0.26  # height of a lane, in units of the curves' axis
_LEAST_LABELLED = 1 / 30  # of the piece: a shorter section gets no letter


def draw_likeness(axes: Axes, theme: Theme, piece: PieceDetail) -> None:
    """The self-similarity matrix, sections named beside it."""
    from matplotlib.colors import LinearSegmentedColormap

    heading(axes, theme, "Form", "how like the bars are to each other; alike sections share a letter")
    matrix = np.array(piece.likeness)
    bars = len(matrix) * piece.bars_per_row
    shades = [theme.paper, theme.tint("rhythm", 0.35), theme.accent("rhythm"), theme.ink]
    colours = LinearSegmentedColormap.from_list("likeness", shades)
    low = float(np.quantile(matrix, 0.05))
    axes.imshow(
        matrix, cmap=colours, vmin=min(low, 90), vmax=100, extent=(1, bars + 1, bars + 1, 1), interpolation="nearest"
    )
    free_from = 0.0
    for section in piece.sections:
        if section.first_bar:
            axes.axhline(section.first_bar + 1, color=theme.paper, linewidth=1.2)
            axes.axvline(section.first_bar + 1, color=theme.paper, linewidth=1.2)
        middle = section.first_bar + 1 + section.bars / 2
        if section.bars >= bars * _LEAST_LABELLED and middle >= free_from:
            axes.text(1 + bars * 1.05, middle, section.label, ha="center", va="center", fontsize=11, fontweight="bold",
                      color=theme.ink)  # fmt: skip
            free_from = middle + bars / 18
    for spine in axes.spines.values():
        spine.set_visible(False)
    ticks = _bar_ticks(round(bars), 8)
    axes.set_xticks(ticks)
    axes.set_yticks(ticks)
    axes.tick_params(length=0, labelsize=10, labelcolor=theme.shade)


def has_course(piece: PieceDetail) -> bool:
    """Whether there is more to show along the piece than one section."""
    more = len(piece.sections) > 1 or len(piece.emotion_curve) > 1 or bool(piece.motifs)
    return bool(piece.sections) and more


def draw_course(axes: Axes, theme: Theme, piece: PieceDetail) -> None:
    """From the first bar to the last: sections, keys and motifs in lanes, valence and arousal as steps below them."""
    bars = piece.sections[-1].first_bar + piece.sections[-1].bars
    course = _Course(axes, theme, bars, _quarters(piece) / bars)
    lanes = [("sections", course.sections)]
    if piece.key_regions:
        lanes.append(("keys", course.keys))
    if piece.motifs:
        lanes.append(("motifs", course.motifs))
    told = {"sections": "sections", "keys": "keys", "motifs": "where the weightiest motifs return"}
    names = [told[name] for name, _ in lanes]
    curve = len(piece.emotion_curve) > 0
    heading(axes, theme, "Course", ", ".join([*names, *(["valence and arousal"] if curve else [])]) + ", bar by bar")
    bare(axes, theme)
    axes.set_xlim(1, bars + 1)
    axes.set_ylim(-1.1 if curve else 1.1, 1.1 + len(lanes) * (_LANE + 0.12))
    for i, (name, draw) in enumerate(lanes):
        bottom = 1.2 + (len(lanes) - 1 - i) * (_LANE + 0.12)
        axes.text(-0.008, bottom + _LANE / 2, name, transform=axes.get_yaxis_transform(), ha="right", va="center",
                  fontsize=10, color=theme.shade)  # fmt: skip
        draw(piece, bottom)
    if curve:
        course.emotion(piece)
    axes.set_xticks(_bar_ticks(bars, 20))
    axes.tick_params(axis="x", length=0, labelsize=10, labelcolor=theme.shade)


def _quarters(piece: PieceDetail) -> float:
    last = piece.chords[-1] if piece.chords else None
    return max(1e-3, last.onset_quarters + last.duration_quarters) if last is not None else 1.0


def _bar_ticks(bars: int, most: int) -> list[int]:
    """Bars to be numbered, from the first, at most about `most`."""
    step = 1
    while bars / step > most:
        step *= 2
    return [1, *range(1 + step, bars + 1, step)]


class _Course:
    """Draws into axes whose x is the bar, counted from 1; quarters are laid over the bars evenly."""

    def __init__(self, axes: Axes, theme: Theme, bars: int, quarters_to_a_bar: float) -> None:
        self._axes = axes
        self._theme = theme
        self._quarters_to_a_bar = quarters_to_a_bar
        self._pixels_to_a_bar = axes.get_window_extent().width / bars

    def _bar(self, quarters: float) -> float:
        return 1 + quarters / self._quarters_to_a_bar

    def _block(self, start: float, length: float, bottom: float, colour: str, text: str) -> None:
        """A coloured stretch of a lane, with its text where there is room for it."""
        self._axes.bar(start, _LANE, width=length, bottom=bottom, align="edge", color=colour,
                       edgecolor=self._theme.paper, linewidth=1.5)  # fmt: skip
        if len(text) * _PIXELS_TO_A_CHARACTER + 6 <= length * self._pixels_to_a_bar:
            self._axes.text(start + length / 2, bottom + _LANE / 2, text, ha="center", va="center", fontsize=10,
                            color=self._theme.text_on(colour), parse_math=False, clip_on=True)  # fmt: skip

    def sections(self, piece: PieceDetail, bottom: float) -> None:
        labels = list(dict.fromkeys(section.label for section in piece.sections))
        for section in piece.sections:
            strength = 0.95 - 0.75 * labels.index(section.label) / max(1, len(labels) - 1)
            colour = self._theme.ground("rhythm", strength)
            self._block(section.first_bar + 1, section.bars, bottom, colour, section.label)

    def keys(self, piece: PieceDetail, bottom: float) -> None:
        for region in piece.key_regions:
            major = str(region.key).endswith("major")
            colour = self._theme.ground("harmony", 0.2 if major else 0.5)
            start = self._bar(region.onset_quarters)
            self._block(
                start, region.duration_quarters / self._quarters_to_a_bar, bottom, colour, _short_key(region.key)
            )

    def motifs(self, piece: PieceDetail, bottom: float) -> None:
        rows = piece.motifs[:_MOTIFS_DRAWN]
        height = _LANE / len(rows)
        for i, motif in enumerate(rows):
            colour = self._theme.tint("pitch", (1.0, 0.7, 0.45)[i])
            length = sum(motif.durations_quarters) / self._quarters_to_a_bar
            starts = [self._bar(occurrence.onset_quarters) for occurrence in motif.occurrences]
            self._axes.bar(starts, height * 0.8, width=length, bottom=bottom + _LANE - (i + 0.9) * height, align="edge",
                           color=colour, edgecolor=self._theme.paper, linewidth=0.6)  # fmt: skip

    def emotion(self, piece: PieceDetail) -> None:
        """Two step curves, told apart by stroke as well as colour, each named at its end."""
        theme, points = self._theme, piece.emotion_curve
        edges = [point.first_bar + 1 for point in points] + [points[-1].first_bar + points[-1].bars + 1]
        for level in (-1, 0, 1):
            self._axes.axhline(level, color=theme.tint("ink", 0.25 if level == 0 else 0.12), linewidth=1, zorder=0)
        curves = (("valence", [point.valence for point in points], theme.accent("emotion"), "-"),
                  ("arousal", [point.arousal for point in points], theme.ink, (0, (4, 2))))  # fmt: skip
        ends = _apart([values[-1] for _, values, _, _ in curves], 0.24)
        for (name, values, colour, stroke), end in zip(curves, ends, strict=True):
            self._axes.stairs(values, edges, baseline=None, color=colour, linewidth=2.4, linestyle=stroke)
            self._axes.text(1.006, end, name, transform=self._axes.get_yaxis_transform(), va="center", fontsize=10,
                            color=colour, fontweight="bold")  # fmt: skip
        for level, text in ((-1, "−1"), (0, "0"), (1, "+1")):
            self._axes.text(-0.008, level, text, transform=self._axes.get_yaxis_transform(),
                            ha="right", va="center", fontsize=10, color=theme.shade)  # fmt: skip


def _short_key(key: str) -> str:
    """A minor as "a", Bb major as "Bb"."""
    tonic, _, mode = key.partition(" ")
    return tonic[0].lower() + tonic[1:] if mode == "minor" else tonic


def _apart(values: list[float], least: float) -> list[float]:
    """Two values moved apart where they would touch."""
    first, second = values
    missing = least - abs(first - second)
    if missing <= 0:
        return values
    shift = missing / 2 if first >= second else -missing / 2
    return [first + shift, second - shift]
