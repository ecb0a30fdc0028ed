"""A score as a piano roll: systems of bars, a colour to each track, sections above and chords below."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from stilo.elements.canvas import DOTS_PER_INCH, Theme, bare, blank_page, plain_text, save_png, theme_of
from stilo.elements.chords import ChordSpan, chord_spans, estimate_chords
from stilo.elements.form import measure_form
from stilo.elements.key import estimate_key
from stilo.elements.layout import Layout, lay_out
from stilo.elements.pitch import instrument_name
from stilo.music.chords import NO_CHORD, chord_name
from stilo.music.score import Score

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ROLL_WIDTH_PIXELS = 1800
_BARS_TO_A_SYSTEM = 12
_INCHES_BESIDE_NOTES = 0.85  # of each system: chords below, bar numbers above
_INCHES_TO_A_PITCH = 0.052
_HEADER_INCHES = 1.15
_FOOTER_INCHES = 0.25
_SYSTEM_WIDTH = 0.94  # of the page
_LEAST_PITCHES = 30
_LABEL_PIXELS = (10, 9)  # of a chord label: around it, and to a character
_BLACK_KEYS = (1, 3, 6, 8, 10)
_LEGEND_ENTRIES = 8


def plot_piano_roll(score: Score, path: str | Path, title: str, most_bars: int = 48, *, dark: bool = False) -> None:
    """Draw the first `most_bars` bars of a score as a PNG, `ROLL_WIDTH_PIXELS` wide, twelve bars to a system.

    Sections and chords are those that the score marks, else those that are heard in it. Drums are drawn at the
    foot of each system, every drum on its own line.

    Raises:
        InputError: the score is too long to measure.
        WriteError: the picture cannot be written.
        ValueError: `most_bars` is not 1…192.
    """
    if not 1 <= most_bars <= 192:
        raise ValueError(f"most_bars is {most_bars}, not 1…192")
    layout = lay_out(score)
    bars = min(most_bars, len(layout.grid))
    systems = -(-bars // _BARS_TO_A_SYSTEM)
    system_inches = _INCHES_BESIDE_NOTES + _INCHES_TO_A_PITCH * _rows(layout)
    height = _HEADER_INCHES + systems * system_inches + _FOOTER_INCHES
    theme = theme_of(dark)
    figure = blank_page(theme, (ROLL_WIDTH_PIXELS, round(height * DOTS_PER_INCH)))
    _header(figure, theme, layout, title, bars)
    chords, sections = _chords(layout), _sections(layout)
    per_system = min(_BARS_TO_A_SYSTEM, bars)
    for i in range(systems):
        top = height - _HEADER_INCHES - i * system_inches
        share = (min(per_system, bars - i * per_system)) / per_system
        box = (0.04, (top - system_inches + 0.55) / height, _SYSTEM_WIDTH * share, (system_inches - 0.85) / height)
        axes = figure.add_axes(box)
        _System(layout, theme, i * per_system, min(bars, (i + 1) * per_system)).draw(axes, chords, sections)
    save_png(figure, path)


def _header(figure: Figure, theme: Theme, layout: Layout, title: str, bars: int) -> None:
    height = figure.get_figheight()
    name = textwrap.shorten(plain_text(title) or "untitled", 90, placeholder="…")
    shown = f"bars 1–{bars} of {len(layout.grid)}" if bars < len(layout.grid) else f"{bars} bars"
    figure.text(
        0.04, 1 - 0.4 / height, name, fontsize=22, fontweight="bold", color=theme.ink, va="center", parse_math=False
    )
    figure.text(0.98, 1 - 0.4 / height, shown, fontsize=12, color=theme.shade, va="center", ha="right")
    used = [i for i in range(len(layout.score.tracks)) if (layout.track == i).any()]
    x = 0.04
    for i in used[:_LEGEND_ENTRIES]:
        part = layout.score.tracks[i]
        label = plain_text(part.name) or instrument_name(part.program, part.is_drum)
        label = textwrap.shorten(label, 24, placeholder="…")
        figure.text(x, 1 - 0.78 / height, "●", fontsize=13, color=_colour(theme, i), va="center")
        drawn = figure.text(x + 0.011, 1 - 0.78 / height, label, fontsize=11.5, color=theme.shade, va="center",
                            parse_math=False)  # fmt: skip
        x += 0.022 + 0.0052 * len(drawn.get_text())
    if len(used) > _LEGEND_ENTRIES:
        figure.text(x, 1 - 0.78 / height, f"and {len(used) - _LEGEND_ENTRIES} more", fontsize=11.5, color=theme.shade,
                    va="center")  # fmt: skip


def _pitch_span(layout: Layout) -> tuple[int, int]:
    """Lowest and highest pitch drawn."""
    pitch = layout.pitch[layout.pitched]
    if len(pitch) == 0:
        return 60, 60
    low, high = int(pitch.min()), int(pitch.max())
    missing = max(0, _LEAST_PITCHES - (high - low))
    return low - missing // 2 - 1, high + (missing + 1) // 2 + 1


def _rows(layout: Layout) -> int:
    """Pitches and drums to a system."""
    low, high = _pitch_span(layout)
    return high - low + 1 + 2 * len(np.unique(layout.pitch[layout.drum]))


def _colour(theme: Theme, track: int) -> str:
    return theme.tracks[track % len(theme.tracks)]


def _chords(layout: Layout) -> tuple[ChordSpan, ...]:
    """The chords that the score marks, else those that are heard; none for drums alone."""
    score = layout.score
    if score.chord_symbols:
        onsets = [mark.onset_ticks / score.ticks_per_quarter for mark in score.chord_symbols]
        ends = [*onsets[1:], score.end_ticks / score.ticks_per_quarter]
        labels = [mark.label for mark in score.chord_symbols]
        return tuple(ChordSpan(a, max(0.0, b - a), label) for a, b, label in zip(onsets, ends, labels, strict=True))
    if not layout.pitched.any():
        return ()
    key = estimate_key(layout).key
    return chord_spans(layout, estimate_chords(layout, key), key)


def _sections(layout: Layout) -> list[tuple[int, str]]:
    """(bar, name) where sections begin: the markers of the score, else those that are measured."""
    if layout.score.markers:
        return [(int(layout.grid.bar_of(mark.onset_ticks)), plain_text(mark.text)) for mark in layout.score.markers]
    return [(section.first_bar, section.label) for section in measure_form(layout).sections]


class _System:
    """One row of bars: `first` to `last`, the last not included."""

    def __init__(self, layout: Layout, theme: Theme, first: int, last: int) -> None:
        self._layout = layout
        self._theme = theme
        self._bars = range(first, last)
        starts = layout.grid.starts_ticks
        self._start = int(starts[first])
        self._end = int(starts[last]) if last < len(starts) else int(starts[-1] + layout.grid.lengths_ticks[-1])
        self._low, self._high = _pitch_span(layout)
        self._drums = np.unique(layout.pitch[layout.drum])

    def draw(self, axes: Axes, chords: tuple[ChordSpan, ...], sections: list[tuple[int, str]]) -> None:
        bare(axes, self._theme)
        axes.set_xlim(self._start, self._end)
        axes.set_ylim(self._low - 0.5 - (len(self._drums) + 1 if len(self._drums) else 0), self._high + 0.5)
        self._keys(axes)
        self._bar_lines(axes)
        self._notes(axes)
        self._marks(axes, chords, sections)

    def _keys(self, axes: Axes) -> None:
        """Rows of the black keys shaded, the octaves named."""
        for pitch in range(self._low, self._high + 1):
            if pitch % 12 in _BLACK_KEYS:
                axes.axhspan(pitch - 0.5, pitch + 0.5, color=self._theme.tint("ink", 0.045), linewidth=0, zorder=0)
        octaves = [pitch for pitch in range(self._low, self._high + 1) if pitch % 12 == 0]
        axes.set_yticks(octaves, [f"C{pitch // 12 - 1}" for pitch in octaves])
        axes.tick_params(length=0, labelsize=10, labelcolor=self._theme.shade, pad=4)

    def _bar_lines(self, axes: Axes) -> None:
        beats = self._layout.beats_ticks
        for tick in beats[(beats > self._start) & (beats < self._end)].tolist():
            axes.axvline(tick, color=self._theme.tint("ink", 0.09), linewidth=0.8, zorder=1)
        for bar in self._bars:
            tick = int(self._layout.grid.starts_ticks[bar])
            axes.axvline(tick, color=self._theme.tint("ink", 0.4), linewidth=1.1, zorder=1)
            axes.annotate(str(bar + 1), (tick, 1), xycoords=("data", "axes fraction"), xytext=(3, 3),
                          textcoords="offset points", fontsize=9, color=self._theme.shade)  # fmt: skip
        axes.axvline(self._end, color=self._theme.tint("ink", 0.4), linewidth=1.1, zorder=1)

    def _notes(self, axes: Axes) -> None:
        from matplotlib.collections import PolyCollection

        layout = self._layout
        inside = (layout.onset_ticks < self._end) & (layout.end_ticks > self._start)
        row = layout.pitch.astype(np.float64)
        row[layout.drum] = self._low - 1.5 - np.searchsorted(self._drums, layout.pitch[layout.drum])
        gap = (self._end - self._start) * 0.0008
        quarter = layout.score.ticks_per_quarter
        end = np.where(
            layout.drum, np.minimum(layout.end_ticks, layout.onset_ticks + quarter // 4 + 1), layout.end_ticks
        )
        for track in np.unique(layout.track[inside])[::-1].tolist():
            mine = np.flatnonzero(inside & (layout.track == track))
            left, right = layout.onset_ticks[mine], np.maximum(end[mine] - gap, layout.onset_ticks[mine] + gap)
            low, high = row[mine] - 0.48, row[mine] + 0.48
            corners = np.stack([np.stack([left, right, right, left], 1), np.stack([low, low, high, high], 1)], axis=2)
            strength = 0.45 + 0.55 * layout.velocity[mine] / 127
            colours = [self._theme.mixed(_colour(self._theme, track), s) for s in strength.tolist()]
            axes.add_collection(
                PolyCollection(
                    list(corners), facecolors=colours, edgecolors=self._theme.paper, linewidths=0.3, zorder=3
                ),
                autolim=False,
            )

    def _marks(self, axes: Axes, chords: tuple[ChordSpan, ...], sections: list[tuple[int, str]]) -> None:
        """Chord labels under the system, left out where they would run into each other; section names above it."""
        quarter = self._layout.score.ticks_per_quarter
        pixels = ROLL_WIDTH_PIXELS * float(axes.get_position().width)
        ticks_to_a_pixel = (self._end - self._start) / pixels
        free_from = self._start - 1.0
        for chord in chords:
            start = max(self._start, chord.onset_quarters * quarter)
            held = (chord.onset_quarters + chord.duration_quarters) * quarter > self._start
            if not held or start >= self._end or start < free_from or chord.label == NO_CHORD:
                continue
            name = chord_name(chord.label)
            axes.annotate(name, (start, 0), xycoords=("data", "axes fraction"), xytext=(2, -15),
                          textcoords="offset points", fontsize=10, color=self._theme.tint("harmony", 1.0))  # fmt: skip
            free_from = start + ticks_to_a_pixel * (_LABEL_PIXELS[0] + _LABEL_PIXELS[1] * len(name))
        for bar, name in sections:
            if bar in self._bars and name:
                tick = int(self._layout.grid.starts_ticks[bar])
                axes.annotate(textwrap.shorten(name, 20, placeholder="…"), (tick, 1), xytext=(22, 2),
                              xycoords=("data", "axes fraction"), textcoords="offset points", fontsize=12,
                              fontweight="bold", color=self._theme.tint("emotion", 1.0), parse_math=False)  # fmt: skip
