"""Do pieces come nearer to their style where of many openings the most like it are gone on with?

    python benchmarks/openings.py PACKED MUSIC WORK [--split dev_composer] [--makers 2] [--seconds 110] [--bars 24]

Styles of ten pieces of composers of learning_tasks.py (the adapters that learning.py keeps in WORK). Six pieces each,
the best of four candidates, which have been begun as often as `OPENINGS` says; the same judge of whole pieces every
time. What they come to is told by two measures that choose (distance of the profile, of the style's vector) and by one
that does not: likeness to the style by the encoder. Beside them the first bars of the composer's other pieces.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import numpy as np

from learning_runs import found, name_of
from learning_tasks import beds_of, task_of
from run import keep_figures
from sketches import PIECES, style_of
from stilo.compose.composer import engine_of
from stilo.compose.desk import Desk
from stilo.compose.judge import choose, style_distance
from stilo.compose.request import Request
from stilo.elements.profile import profile_distance
from stilo.models.corpus import load_pieces
from stilo.models.notes.base import base_identity
from stilo.models.notes.plan import Taste
from stilo.models.recogniser import recognise_each
from stilo.music.score import Score
from stilo.music.timeline import bar_grid
from stilo.styles.measuring import analyse_piece
from stilo.styles.style import Style
from stilo.workshop import gather_pieces

OPENINGS = (1, 4, 8)  # for each candidate
CANDIDATES, SEEDS = 4, range(6)
FIGURES = ("profile", "vector", "likeness")


def figures_of(scores: list[Score], style: Style) -> list[float]:
    assert style.recognition is not None
    scale = engine_of(style).style_scale
    vector = np.asarray(style.embedding, np.float32)
    rows = [
        (
            profile_distance(analyse_piece(one), style.profile),
            style_distance(one, vector, scale),
            heard.likeness(style.recognition),
        )
        for one, heard in zip(scores, recognise_each(scores), strict=True)
    ]
    return [round(float(value), 4) for value in np.mean(rows, axis=0)]


def composed(style: Style, openings: int, bars: int) -> list[Score]:
    pieces = []
    for seed in SEEDS:
        desk = Desk(engine_of(style), style, Request(bars=bars, seed=1000 + seed), Taste.usual())
        candidates = desk.write_best(range(openings * CANDIDATES), CANDIDATES, lambda _share: None)
        pieces.append(candidates[choose([desk.cost(one) for one in candidates])].score)
    return pieces


def first_bars(score: Score, bars: int) -> Score:
    grid = bar_grid(score)
    end = grid.starts_ticks[bars] if len(grid.starts_ticks) > bars else np.inf
    return score.with_notes(score.notes[score.notes["onset_ticks"] < end])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("packed", "music", "work"):
        parser.add_argument(name, type=Path)
    parser.add_argument("--split", default="dev_composer")
    parser.add_argument("--makers", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=110.0)
    parser.add_argument("--bars", type=int, default=24)
    arguments = parser.parse_args()
    rows: dict[str, dict[str, list[float]]] = {}
    for makers in beds_of(load_pieces(arguments.packed / f"{arguments.split}.npz"), arguments.makers).values():
        for maker, pieces in makers.items():
            name = name_of(arguments.split, "all", PIECES, 0, maker)
            run = found(arguments.work / base_identity(), name, arguments.seconds)
            if run is None:
                print(f"{maker}: not learned yet; run learning.py first", file=sys.stderr)
                continue
            task = task_of(pieces, PIECES, 0)
            style = style_of(task, run, arguments.music, 0)
            real = [score for score, _ in gather_pieces([arguments.music / piece.name for piece in task.judged])]
            row = {"real": figures_of([first_bars(one, arguments.bars) for one in real], style)}
            for openings in OPENINGS:
                begun = time.monotonic()
                row[str(openings)] = figures_of(composed(style, openings, arguments.bars), style)
                row[str(openings)].append(round((time.monotonic() - begun) / len(SEEDS), 2))
            rows[maker] = row
            print(maker, row, flush=True)
    if not rows:
        sys.exit("nothing to compare")
    names = ("real", *map(str, OPENINGS))
    means = {name: np.mean([row[name] for row in rows.values()], axis=0).round(4).tolist() for name in names}
    keep_figures(f"openings_{arguments.split}", {"columns": [*FIGURES, "seconds"], "rows": rows, "means": means})
    print("means", means)


if __name__ == "__main__":
    main()
