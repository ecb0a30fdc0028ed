"""Pictures of profiles: one page of drawings, for paper or for a dark screen."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from stilo.elements.canvas import Theme, blank_page, plain_text, save_png, theme_of
from stilo.elements.pianoroll import plot_piano_roll
from stilo.elements.plot_course import draw_course, draw_likeness, has_course
from stilo.elements.plot_emotion import draw_emotion
from stilo.elements.plot_panels import draw_bar, draw_chords, draw_intervals, draw_note_values, draw_wheel
from stilo.elements.record import Profile
from stilo.elements.words import liner_note

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["COURSE_PIXELS", "PROFILE_PIXELS", "plot_piano_roll", "plot_profile", "profile_figure"]

PROFILE_PIXELS = (1600, 1120)
COURSE_PIXELS = (1600, 1480)
_LEFT, _RIGHT = 0.055, 0.965
_NOTE_LINES = 4


def plot_profile(
    profile: Profile,
    path: str | Path,
    title: str,
    *,
    others: Mapping[str, tuple[float, float]] | None = None,
    dark: bool = False,
) -> None:
    """Draw a profile as a PNG of `PROFILE_PIXELS`, of a piece with several sections of `COURSE_PIXELS`.

    Pitch classes as a wheel of fifths, chords and how they follow each other, the place in the plane of valence and
    arousal; melodic intervals, onsets in the bar, and how like the bars of a piece are (for a folder: its note values);
    under them, for a piece, sections, keys, motifs and emotion from the first bar to the last. Of drums alone only what
    they have is drawn, larger. `others` are the
    (valence, arousal) of other music by name, for the plane; `dark` is for a dark screen.

    Raises:
        WriteError: the picture cannot be written.
    """
    save_png(profile_figure(profile, title, others=others, dark=dark), path)


def profile_figure(
    profile: Profile, title: str, *, others: Mapping[str, tuple[float, float]] | None = None, dark: bool = False
) -> Figure:
    """The page of `plot_profile`, not yet written."""
    theme = theme_of(dark)
    piece = profile.piece
    long = piece is not None and has_course(piece)
    size = COURSE_PIXELS if long else PROFILE_PIXELS
    figure = blank_page(theme, size)
    pixels = size[1]
    drums = _is_of_drums(profile)
    grid = figure.add_gridspec(
        2, 2 if drums else 3,
        left=_LEFT, right=_RIGHT, top=1 - 235 / pixels, bottom=1 - 1065 / pixels, hspace=0.32, wspace=0.2,
    )  # fmt: skip
    page_header(figure, theme, title, liner_note(profile))
    if not drums:
        draw_wheel(figure.add_subplot(grid[0, 0], projection="polar"), theme, profile)
        draw_chords(figure.add_subplot(grid[0, 1]), theme, profile)
        draw_intervals(figure.add_subplot(grid[1, 0]), theme, profile)
    draw_bar(figure.add_subplot(grid[1, :] if drums else grid[1, 1]), theme, profile)
    draw_emotion(figure.add_subplot(grid[0, -1]), theme, profile, title.partition(": ")[0], others or {})
    last = figure.add_subplot(grid[0, 0] if drums else grid[1, 2])
    if piece is not None and len(piece.likeness) > 1:
        draw_likeness(last, theme, piece)
    else:
        draw_note_values(last, theme, profile)
    if piece is not None and long:
        row = figure.add_gridspec(1, 1, left=_LEFT, right=_RIGHT - 0.03, top=1 - 1165 / pixels, bottom=45 / pixels)
        draw_course(figure.add_subplot(row[0, 0]), theme, piece)
    return figure


def _is_of_drums(profile: Profile) -> bool:
    """Whether there are notes, but neither pitches nor chords nor a melody to draw."""
    pitched = any(profile.pitch.classes) or any(profile.pitch.intervals) or any(profile.harmony.chords.values())
    return not pitched and any(profile.rhythm.bar_places)


def page_header(figure: Figure, theme: Theme, title: str, note: str) -> None:
    """The title and some lines of text at the head of a page."""
    height = figure.get_figheight()
    name = textwrap.shorten(plain_text(title), 80, placeholder="…") or plain_text(title)[:79] + "…"
    figure.text(_LEFT, 1 - 0.52 / height, name, fontsize=24, fontweight="bold", color=theme.ink, va="center",
                parse_math=False)  # fmt: skip
    lines = textwrap.wrap(note, 160, max_lines=_NOTE_LINES, placeholder=" …")
    figure.text(_LEFT, 1 - 0.80 / height, "\n".join(lines), fontsize=12.5, color=theme.shade, va="top",
                linespacing=1.35, parse_math=False)  # fmt: skip
