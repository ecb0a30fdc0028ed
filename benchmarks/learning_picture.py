"""What is learned of each composer, drawn from the figures that learning.py keeps.

python benchmarks/learning_picture.py results/learning_test_composer.json OUT.png [--way all]
"""

from __future__ import annotations

import argparse
import json
import re
from pathlib import Path
from typing import Any

from stilo.elements.canvas import LIGHT, blank_page, save_png

SIZE_PIXELS = (1000, 560)
TICKS = (0.0, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0)
EVEN = 0.05  # nats: up to here the axis is linear, beyond it logarithmic
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
    theme = LIGHT
    figure = blank_page(theme, SIZE_PIXELS)
    axes = figure.add_axes((0.29, 0.1, 0.68, 0.72))
    axes.set_facecolor(theme.paper)
    axes.set_xscale("symlog", linthresh=EVEN, linscale=0.8)
    axes.axvline(0, color=theme.tint("ink", 0.5), linewidth=1.2)
    order = sorted(makers, key=lambda maker: makers[maker]["base"])
    counts = sorted({count for one in makers.values() for count in one["gained"]})
    for row, maker in enumerate(order):
        one = makers[maker]
        colour = theme.accent("pitch" if one["bed"] == "distant" else "rhythm")
        some = [(one["gained"][count], counts.index(count)) for count in counts if count in one["gained"]]
        axes.plot([gain for gain, _ in some], [row] * len(some), color=theme.mixed(colour, 0.4), linewidth=2, zorder=2)
        for gain, place in some:
            strength = (place + 1) / len(counts)
            axes.scatter([gain], [row], s=40 + 45 * place, color=theme.mixed(colour, strength), zorder=3 + place)
    labels = [f"{maker}  {makers[maker]['base']:.2f}" for maker in order]
    axes.set_yticks(range(len(order)), labels, fontsize=11, color=theme.ink)
    axes.set_xticks(TICKS, [f"{tick:g}" for tick in TICKS], fontsize=10.5, color=theme.shade)
    axes.set_xlim(min(-0.02, *(gain for one in makers.values() for gain in one["gained"].values())) - 0.01, 2.2)
    axes.minorticks_off()
    axes.tick_params(length=0)
    axes.grid(axis="x", color=theme.tint("ink", 0.14), linewidth=1)
    axes.set_axisbelow(True)
    for spine in axes.spines.values():
        spine.set_visible(False)
    told = ", ".join(map(str, counts[:-1])) + f" and {counts[-1]}" if len(counts) > 1 else str(counts[0])
    figure.text(0.03, 0.93, "Nats a note gained", fontsize=13.5, fontweight="bold", color=theme.ink)
    meaning = (
        f"on other pieces of a composer, from {told} (the larger the point); behind each name what the base model gives"
    )
    figure.text(0.03, 0.885, meaning, fontsize=10, color=theme.shade)
    figure.text(0.03, 0.845, "distant composers", fontsize=10, fontweight="bold", color=theme.accent("pitch"))
    figure.text(0.21, 0.845, "close composers", fontsize=10, fontweight="bold", color=theme.accent("rhythm"))
    save_png(figure, path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("figures", type=Path)
    parser.add_argument("picture", type=Path)
    parser.add_argument("--way", default="all")
    arguments = parser.parse_args()
    rows = json.loads(arguments.figures.read_text(encoding="utf-8"))["rows"]
    draw(gains_of(rows, arguments.way), arguments.picture)


if __name__ == "__main__":
    main()
