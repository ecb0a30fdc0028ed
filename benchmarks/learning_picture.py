"""What is learned of each composer, drawn from the figures that learning.py keeps.

python benchmarks/learning_picture.py results/learning_test_composer.json OUT.png [--way all]
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from pathlib import Path
from typing import Any

from stilo.elements.canvas import LIGHT, blank_page, save_png

SIZE_PIXELS = (1000, 560)
TICKS = (-0.05, -0.02, 0.0, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0)
COLOURS = {"distant": "pitch", "close": "rhythm"}
LINEAR_TO_NATS = 0.05  # beyond it the axis is logarithmic
_ROW = re.compile(r"(?P<bed>\w+), (?P<pieces>\d+) pieces, (?P<way>.+)")


def gains_of(rows: dict[str, Any], way: str) -> dict[str, dict[str, Any]]:
    """For each composer what the base model makes of them, the bed, and the gain from each number of pieces."""
    found: dict[str, dict[str, Any]] = {}
    for title, row in rows.items():
        match = _ROW.fullmatch(title)
        if match is None or match["way"] != way:
            continue
        for maker, figures in row["composers"].items():
            one = found.setdefault(maker, {"bed": match["bed"], "base": figures["base"], "gained": {}})
            one["gained"][int(match["pieces"])] = figures["gained"]
    return found


def draw(makers: dict[str, dict[str, Any]], path: Path) -> None:
    """A row for each composer, those first whom the base model foresees worst; a point for each number of pieces."""
    figure = blank_page(LIGHT, SIZE_PIXELS)
    axes = figure.add_axes((0.29, 0.1, 0.68, 0.72))
    axes.set_facecolor(LIGHT.paper)
    order = sorted(makers, key=lambda maker: makers[maker]["base"])
    counts = sorted({count for one in makers.values() for count in one["gained"]})
    for row, maker in enumerate(order):
        gained = makers[maker]["gained"]
        colour = LIGHT.accent(COLOURS[makers[maker]["bed"]])
        axes.plot(list(gained.values()), [row] * len(gained), color=LIGHT.mixed(colour, 0.4), linewidth=2, zorder=2)
        for count, gain in gained.items():
            place = counts.index(count)
            full = LIGHT.mixed(colour, (place + 1) / len(counts))
            axes.scatter([gain], [row], s=40 + 45 * place, color=full, zorder=3 + place)
    axes.set_yticks(
        range(len(order)),
        [f"{maker}  {makers[maker]['base']:.2f}" for maker in order],
        fontsize=11,
        color=LIGHT.ink,
    )
    _scale(axes, min(gain for one in makers.values() for gain in one["gained"].values()))
    _legend(figure, counts)
    save_png(figure, path)


def _scale(axes: Any, least: float) -> None:
    axes.set_xscale("symlog", linthresh=LINEAR_TO_NATS, linscale=0.8)
    ticks = [tick for tick in TICKS if tick >= min(least, -0.02)]
    axes.set_xticks(ticks, [f"{tick:g}".replace("-", "−") for tick in ticks], fontsize=10.5, color=LIGHT.shade)
    axes.set_xlim(1.15 * min(least, -0.02), 2.2)
    axes.minorticks_off()
    axes.tick_params(length=0)
    axes.axvline(0, color=LIGHT.tint("ink", 0.5), linewidth=1.2)
    axes.grid(axis="x", color=LIGHT.tint("ink", 0.14), linewidth=1)
    axes.set_axisbelow(True)
    for spine in axes.spines.values():
        spine.set_visible(False)


def _legend(figure: Any, counts: list[int]) -> None:
    figure.text(0.03, 0.93, "Nats a note gained", fontsize=13.5, fontweight="bold", color=LIGHT.ink)
    meaning = (
        f"on other pieces of a composer, from {', '.join(map(str, counts))} pieces (the more, the larger the point); "
        "behind each name what the base model gives"
    )
    figure.text(0.03, 0.885, meaning, fontsize=10, color=LIGHT.shade)
    for place, (bed, colour) in enumerate(COLOURS.items()):
        figure.text(
            0.03 + 0.18 * place,
            0.845,
            f"{bed} composers",
            fontsize=10,
            fontweight="bold",
            color=LIGHT.accent(colour),
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("figures", type=Path)
    parser.add_argument("picture", type=Path)
    parser.add_argument("--way", default="all")
    arguments = parser.parse_args()
    rows = json.loads(arguments.figures.read_text(encoding="utf-8"))["rows"]
    makers = gains_of(rows, arguments.way)
    if not makers:
        sys.exit(f"{arguments.figures} holds nothing of '{arguments.way}': make it anew with learning.py")
    draw(makers, arguments.picture)


if __name__ == "__main__":
    main()
