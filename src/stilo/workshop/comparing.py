"""Two styles beside each other, each a file, a folder or a style of the library."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from textwrap import wrap
from typing import TYPE_CHECKING, Any

from stilo.errors import InputError, UnknownStyleError
from stilo.workshop.analysing import Collection, analyse_files
from stilo.workshop.keeping import load_style
from stilo.workshop.meaning import path_meant, style_meant
from stilo.workshop.outputs import PICTURE_ENDING, check_outputs
from stilo.workshop.progress import Notice, Progress, part_of, silent, unheard

if TYPE_CHECKING:
    from stilo.elements.compare import Comparison
    from stilo.elements.profile import Profile
    from stilo.workshop.measuring import Analysed

CARD_WIDTH = 80


@dataclass(frozen=True)
class Compared:
    """What was asked to be compared, measured.

    Attributes:
        titles: what A and B are called.
        comparison: how they differ.
        failures: files that could not be read, with the reason.
    """

    titles: tuple[str, str]
    comparison: Comparison
    failures: tuple[Analysed, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Everything as plain JSON."""
        told = self.comparison.to_json()
        return {"a": self.titles[0], "b": self.titles[1], **told, "unread": [item.to_json() for item in self.failures]}


def compare(
    a: str | Path,
    b: str | Path,
    *,
    progress: Progress = silent,
    tell: Callable[[Analysed], None] = lambda _: None,
    jobs: int | None = None,
    fast: bool = False,
    notice: Notice = unheard,
) -> Compared:
    """Compare two styles, each a file, a folder or the name of a style of the library (see `workshop.meaning`).

    Args:
        a: the first.
        b: the second; differences are told of it.
        progress: is told what is being done and the share done.
        tell: is given every file as it is measured.
        jobs: as for `analyse_files`.
        fast: as for `analyse_files`.
        notice: is told what a word was taken for that names both a style and a path.

    Raises:
        InputError: one of them is no file, no folder and no style, or holds nothing that can be read.
    """
    from stilo.elements.compare import compare_profiles

    failures: list[Analysed] = []

    def files(path: Path, told: Progress) -> Collection:
        collection = Collection()
        for item in analyse_files([path], told, jobs, fast):
            collection.add(item)
            tell(item)
        failures.extend(collection.failures)
        return collection

    first, first_title = _measured(a, lambda path: files(path, part_of(progress, 0.0, 0.5)), notice)
    second, second_title = _measured(b, lambda path: files(path, part_of(progress, 0.5, 1.0)), notice)
    return Compared((first_title, second_title), compare_profiles(first, second), tuple(failures))


def _measured(given: str | Path, files: Callable[[Path], Collection], notice: Notice) -> tuple[Profile, str]:
    """The profile of a file, a folder or a style, and what to call it; `files` measures a path."""
    path = path_meant(given)
    style = style_meant(given, notice)
    if style is None and not path.exists():
        try:
            style = load_style(str(given))
        except UnknownStyleError as error:
            raise InputError(f"{given}: no file, no folder and no style of the library is called so") from error
    if style is not None:
        return style.profile, style.name
    collection = files(path)
    profile = collection.profile
    if profile is None:
        reason = collection.failures[0].error if collection.failures else "holds no music"
        raise InputError(f"{given}: {reason}")
    return profile, path.resolve().name or str(path)


def comparison_card(compared: Compared) -> str:
    """What differs most, a line each, what both have in common, and how sure that is."""
    from stilo.elements.contrasts import common_lines, comparison_lines, too_little_line

    comparison = compared.comparison
    sides = zip("AB", compared.titles, (comparison.a, comparison.b), strict=True)
    lines = [f"{letter}  {_one_line(title)}, {_pieces(profile.pieces)}" for letter, title, profile in sides]
    if few := too_little_line(comparison):
        return "\n".join([*lines, "", *wrap(few, CARD_WIDTH)]) + "\n"
    lines += ["", *wrap(f"HOW FAR APART  {comparison.distance_words}", CARD_WIDTH), "", "WHAT DIFFERS MOST"]
    differing = comparison_lines(comparison) or ["nothing that could be heard and is not chance"]
    lines += [
        row.replace("\u00a0", " ")
        for text in differing
        for row in wrap(text.replace(" = ", "\u00a0=\u00a0"), CARD_WIDTH, initial_indent="  ", subsequent_indent="    ")
    ]
    common = common_lines(comparison)
    if common:
        lines += ["", "IN COMMON", *(f"  {text}" for text in common)]
    lines += ["", *wrap(certainty_line(comparison), CARD_WIDTH)]
    return "\n".join(lines) + "\n"


def _one_line(title: str) -> str:
    return "".join(character if character.isprintable() else "�" for character in " ".join(title.split()))[:80]


def _pieces(count: int) -> str:
    return f"{count:,} piece{'' if count == 1 else 's'}"


def certainty_line(comparison: Comparison) -> str:
    """What the effects mean, and how many of the differences are beyond chance."""
    pieces = (comparison.a.pieces, comparison.b.pieces)
    if max(pieces) == 1:
        return "One piece beside one: d = 1 is what usually lies between two styles; nothing can be said of chance."
    figures = [item for item in comparison.differences if item.p is not None]
    beyond = f"{comparison.beyond_chance} of {len(figures)} figures differ beyond chance"
    if min(pieces) == 1:
        return (
            f"z counts the deviations between the pieces of the folder; {beyond} (a new piece of it, false finds 5%)."
        )
    few = " With so few pieces only large differences can be told from chance." if min(pieces) < 8 else ""
    return f"g is Hedges' g (.2 small, .5 medium, .8 large); {beyond} (Welch's t, false finds 5%).{few}"


def draw_comparison(compared: Compared, path: str | Path, dark: bool = False) -> Path:
    """Draw a comparison as a PNG picture.

    Raises:
        WriteError: the picture cannot be written.
    """
    from stilo.elements.plot_compare import plot_comparison

    [checked] = check_outputs([path], (PICTURE_ENDING,))
    plot_comparison(compared.comparison, checked, compared.titles, dark=dark)
    return checked
