"""Composed pieces beside the real ones they were learned from, in figures and pictures.

    python benchmarks/samples.py                     20 pieces: 10 in each style of the demo
    python benchmarks/samples.py --out pictures/     and a piano roll, score and MIDI of each, to look at

Formulas: `stilo.compose.judge.Figures`. The real pieces of a style are the ceiling: composed ones should lie in their
band, neither below nor above. The JSON goes to benchmarks/results/, with commit, machine and versions.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import asdict, fields
from pathlib import Path

import numpy as np

from run import RESULTS, machine
from stilo.compose.composer import Composition, compose
from stilo.compose.judge import Figures, measure_figures
from stilo.compose.request import Request
from stilo.elements.plot import plot_piano_roll
from stilo.models.notes.base import base_identity
from stilo.music.files import write_score
from stilo.styles.bundle import read_bundle, write_bundle
from stilo.styles.learn import learn
from stilo.styles.style import Style
from stilo.workshop import gather_pieces
from stilo.workshop.demo import DEMO_STYLES, SECONDS_OF_TUNING, SEED, DemoStyle, corpus_files

NAMES = [field.name for field in fields(Figures)]


def learned(demo: DemoStyle, folder: Path | None) -> Style:
    """The style, from an earlier run of the same weights if `folder` keeps one."""
    kept = folder / f"{demo.slug}.stilo" if folder is not None else None
    if kept is not None and kept.exists():
        style = read_bundle(kept)
        if style.base_model == base_identity():
            return style
        print(f"{kept}: learned on other weights; learned anew")
    style = learn(demo.name, gather_pieces(corpus_files(demo)), seconds=SECONDS_OF_TUNING, seed=SEED)
    if kept is not None:
        write_bundle(style, kept, replace=True)
    return style


def band(rows: list[Figures], name: str) -> str:
    values = np.array([getattr(row, name) for row in rows], np.float64)
    low, high = np.percentile(values, [5, 95])
    return f"{values.mean():8.2f} ({low:6.2f} …{high:7.2f})"


def write_all(composition: Composition, stem: Path) -> None:
    write_score(composition.score, stem.with_suffix(".mid"))
    write_score(composition.score, stem.with_suffix(".musicxml"))
    plot_piano_roll(composition.score, stem.with_suffix(".png"), composition.score.title)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, help="folder for pictures, scores and MIDI")
    parser.add_argument("--pieces", type=int, default=10, help="how many in each style")
    parser.add_argument("--bars", type=int, default=24)
    arguments = parser.parse_args()
    if arguments.out is not None:
        arguments.out.mkdir(parents=True, exist_ok=True)
    told = machine()
    found: dict[str, object] = {}
    for demo in DEMO_STYLES:
        style = learned(demo, arguments.out)
        real = [measure_figures(score) for score, _ in gather_pieces(corpus_files(demo))]
        composed: list[Figures] = []
        for seed in range(arguments.pieces):
            composition = compose(style, Request(bars=arguments.bars, seed=seed))
            composed.append(composition.report.figures)
            if arguments.out is not None:
                write_all(composition, arguments.out / f"{demo.slug}-{seed:02d}")
        print(f"\n{demo.name}: {len(composed)} composed, {len(real)} real; mean (5 % … 95 %)")
        for name in NAMES:
            print(f"  {name:<28} composed {band(composed, name)}   real {band(real, name)}", flush=True)
        found[demo.slug] = {"composed": [asdict(row) for row in composed], "real": [asdict(row) for row in real]}
    RESULTS.mkdir(parents=True, exist_ok=True)
    path = RESULTS / f"samples-{time.strftime('%Y%m%d-%H%M%S')}.json"
    path.write_text(json.dumps({"setting": told, "figures": found}, indent=1), encoding="utf-8")
    print(f"written: {path.name}")


if __name__ == "__main__":
    main()
