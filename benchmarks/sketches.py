"""Do short pieces in a style come nearer to its music for what was learned, and for which part of it?

    python benchmarks/sketches.py PACKED MUSIC WORK [--split dev_composer] [--seed 0] [--makers 12] [--seconds 240]

Of each composer of learning_tasks.py ten pieces are learned from (the adapters that learning.py keeps in WORK), and
eight sketches of eight bars written with nothing of it, with form and chords, with the vector and what is known of the
parts (pace, shares, rests, repeats), with the weights, and with all of them; their pooled profile is compared with that
of the ten pieces. The ceiling is what eight times eight bars of the same composer's other pieces, which were not
learned from, come to. MUSIC holds the folders of the packed sets.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np

from learning_runs import Learned, found, name_of
from learning_tasks import Task, beds_of, task_of
from run import keep_figures
from stilo.compose.desk import Desk
from stilo.compose.performance import one_keyboard, performed
from stilo.compose.request import Request
from stilo.elements.pooling import group_distances, pool_profiles
from stilo.elements.profile import Profile
from stilo.errors import StiloError
from stilo.models.corpus import load_pieces
from stilo.models.notes.base import base_engine, base_identity
from stilo.models.notes.plan import Taste
from stilo.music.score import Score
from stilo.music.timeline import bar_grid
from stilo.styles.learn import learn
from stilo.styles.measuring import analyse_piece
from stilo.styles.style import Style
from stilo.styles.trial import GROUPS
from stilo.workshop import gather_pieces

PIECES, SKETCHES, BARS = 10, 8, 8
WITH = {  # the vector, form and chords, the weights
    "nothing": (False, False, False),
    "form and chords": (False, True, False),
    "the vector": (True, False, False),
    "the weights": (False, False, True),
    "vector and weights": (True, False, True),
    "all": (True, True, True),
}


def sketches(style: Style, seed: int, has_vector: bool, has_course: bool, has_weights: bool) -> list[Score]:
    """As `compose.sketching` writes them, with some of what was learned."""
    adapter = style.adapter if has_weights else None
    engine = base_engine({key: np.asarray(array, np.float32) for key, array in adapter.items()} if adapter else None)
    unheard = replace(style, recognition=None, encoder="")
    request, taste = Request(bars=BARS, seed=seed), Taste.usual()
    desk = Desk(engine, unheard, request, taste, knows_style=has_vector, draws_course=has_course)
    return [performed(one_keyboard(one.score)) for one in desk.write(range(SKETCHES), lambda _share: None)]


def opening(score: Score) -> Score:
    """Its first bars from the first note on."""
    grid = bar_grid(score)
    first = int(grid.bar_of(int(score.notes["onset_ticks"][0])))
    last = min(first + BARS, len(grid.starts_ticks)) - 1
    end = int(grid.starts_ticks[last] + grid.lengths_ticks[last])
    return score.with_notes(score.notes[score.notes["onset_ticks"] < end])


def distances(some: Iterable[Score], goal: Profile) -> dict[str, float]:
    pool = pool_profiles([analyse_piece(one) for one in some if len(one)])
    return {group: round(found, 4) for group, found in group_distances(pool, goal).items()}


def style_of(task: Task, run: Learned, music: Path, seed: int) -> Style:
    """As `stilo learn` would keep it, with the weights of the run."""
    style = learn("style", gather_pieces([music / piece.name for piece in task.pieces]), tune=False, seed=seed)
    weights = {key: array.astype(np.float16) for key, array in run.weights.items()}
    assert style.proof is not None
    misleads = float(run.style is None)  # then the vector is not told
    proof = replace(style.proof, vector_nats_per_note=style.proof.base_nats_per_note + misleads)
    return replace(style, adapter=weights or None, proof=proof)


def row_of(task: Task, run: Learned, music: Path, seed: int) -> dict[str, dict[str, float]]:
    style = style_of(task, run, music, seed)
    rows = {name: distances(sketches(style, seed + 1, *some), style.profile) for name, some in WITH.items()}
    real = [score for score, _ in gather_pieces([music / piece.name for piece in task.judged])]
    return rows | {"real": distances(map(opening, real), style.profile)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("packed", "music", "work"):
        parser.add_argument(name, type=Path)
    parser.add_argument("--split", default="dev_composer")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--makers", type=int)
    parser.add_argument("--seconds", type=float, default=240.0)
    arguments = parser.parse_args()
    rows: dict[str, dict[str, dict[str, float]]] = {}
    for makers in beds_of(load_pieces(arguments.packed / f"{arguments.split}.npz"), arguments.makers).values():
        for maker, pieces in makers.items():
            name = name_of(arguments.split, "all", PIECES, arguments.seed, maker)
            run = found(arguments.work / base_identity(), name, arguments.seconds)
            if run is None:
                print(f"{maker}: not learned yet; run learning.py first", file=sys.stderr)
                continue
            task = task_of(pieces, PIECES, arguments.seed)
            try:
                rows[maker] = row_of(task, run, arguments.music, arguments.seed)
            except StiloError as error:
                print(f"{maker}: {error}", file=sys.stderr)
                continue
            print(maker, {name: round(float(np.mean(list(row.values()))), 3) for name, row in rows[maker].items()})
    if not rows:
        sys.exit("nothing to compare")
    means = {
        name: {group: round(float(np.mean([rows[maker][name][group] for maker in rows])), 4) for group in GROUPS}
        for name in (*WITH, "real")
    }
    keep_figures(f"sketches_{arguments.split}", {"rows": rows, "means": means})
    print("means", means)


if __name__ == "__main__":
    main()
