"""Sections against known forms: boundaries and labels, beside simpler answers.

    python benchmarks/form.py DATA SPLITS NOTTINGHAM [--fit]

DATA and SPLITS as for `benchmarks/roles.py`; NOTTINGHAM is a folder of ABC tunes with written repeats, of which none
was looked at when choosing. Choosing: forms planted in pieces of `train`, and the dance tunes of the corpus that is
installed with music21 (Ryan, O'Neill), whose repeats are written. Held out: forms planted in pieces of valid, test,
dev_composer and test_composer, other seeds, and the tunes of Nottingham. A planted form is AABA, ABACA or one of eleven
more, of sections of 4 … 16 bars of one real piece; 60 % of the returns are transposed, ornamented or reharmonised, 40 %
of the pieces begin with an introduction. Formulas: F of boundaries within a bar, the beginning left out; F of pairs of
bars with the same label (Levy & Sandler 2008). Beside: a boundary every eight bars, all different; one section. In the
tunes a section is eight bars almost always. No figure
has been published on these; those of audio (seconds, pop records) are no yardstick for bars of notes.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from scipy.optimize import minimize

from known_forms import (
    KnownForm,
    bar_labels,
    boundary_scores,
    pairwise_scores,
    planted_forms,
    written_repeats,
)
from run import RESULTS, machine
from stilo.elements import sections
from stilo.elements.form import measure_form
from stilo.elements.layout import Floats, Layout, lay_out
from stilo.elements.likeness import row_likeness
from stilo.music.atomic import write_whole

KINDS = ("lieder", "pop909", "polish_scores", "quartets", "openhymnal", "folk_pd", "chopin_first_ed", "game_free")
HELD_OUT = ("valid", "test", "dev_composer", "test_composer")
PENALTY = 1e-3
Answer = Callable[[Layout], tuple[list[int], list[str]]]


def measured(layout: Layout) -> tuple[list[int], list[str]]:
    found = measure_form(layout).sections
    return [section.first_bar for section in found], [section.letter for section in found]


def every_eight(layout: Layout) -> tuple[list[int], list[str]]:
    starts = list(range(0, len(layout.grid), 8))
    return starts, [str(start) for start in starts]


def one_section(_: Layout) -> tuple[list[int], list[str]]:
    return [0], ["A"]


ANSWERS: dict[str, Answer] = {"stilo": measured, "every 8 bars": every_eight, "one section": one_section}


def scores(pieces: list[KnownForm], answer: Answer) -> list[float]:
    """Means of precision, recall and F of boundaries, then of labels."""
    rows = []
    for piece in pieces:
        layout = lay_out(piece.score)
        bars = len(layout.grid)
        starts, labels = answer(layout)
        real = bar_labels(piece.starts, piece.labels, bars)
        told = bar_labels(starts, labels, bars)
        rows.append((*boundary_scores(piece.starts, starts), *pairwise_scores(real, told)))
    return [float(mean) for mean in np.mean(rows, axis=0)]


def fitted(pieces: list[KnownForm]) -> tuple[Floats, float]:
    """Weights of the logistic regression and its bias; bars beside a boundary count as neither."""
    cues, real, weight = [], [], []
    for piece in pieces:
        layout = lay_out(piece.score)
        rows = sections.boundary_cues(layout, row_likeness(layout, 1), 1)
        begins = np.zeros(len(rows))
        begins[[start for start in piece.starts if start > 0]] = 1
        beside = np.convolve(begins, [1, 0, 1], "same") > 0
        kept = (np.arange(len(rows)) > 0) & ((begins == 1) | ~beside)
        cues.append(rows[kept])
        real.append(begins[kept])
        weight.append(np.full(int(kept.sum()), 1 / kept.sum()))
    x, y, w = np.concatenate(cues), np.concatenate(real), np.concatenate(weight)
    mean, scale = x.mean(0), x.std(0)
    z, w = (x - mean) / scale, w / w.sum()

    def loss(b: Floats) -> tuple[float, Floats]:
        p = 1 / (1 + np.exp(-(z @ b[:-1] + b[-1])))
        wrong = w * (p - y)
        cost = -(w * (y * np.log(p + 1e-12) + (1 - y) * np.log(1 - p + 1e-12))).sum()
        return cost + PENALTY * b[:-1] @ b[:-1], np.append(z.T @ wrong + 2 * PENALTY * b[:-1], wrong.sum())

    best = minimize(loss, np.zeros(x.shape[1] + 1), jac=True).x
    return best[:-1] / scale, float(best[-1] - (best[:-1] / scale * mean).sum())


def tune_books() -> list[Path]:
    import music21

    corpus = Path(music21.__file__).parent / "corpus"
    return [*sorted((corpus / "ryansMammoth").glob("*.abc"))[::5], *sorted((corpus / "oneills1850").glob("*.abc"))[:8]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("splits", type=Path)
    parser.add_argument("nottingham", type=Path)
    parser.add_argument("--fit", action="store_true", help="print weights fitted on the pieces for choosing, no more")
    parser.add_argument("--choosing", action="store_true", help="score the pieces for choosing alone")
    told = parser.parse_args()
    books = written_repeats(tune_books())
    if told.fit:
        weights, bias = fitted(books + planted_forms(told.data, told.splits, KINDS, ("train",), count=60, seed=1))
        print(dict(zip(sections.CUES, weights.round(2).tolist(), strict=True)), round(bias, 2))
        return
    groups = {
        "tune books": books,
        "planted, train": planted_forms(told.data, told.splits, KINDS, ("train",), count=25, seed=0),
    }
    if not told.choosing:
        groups["planted, held out"] = planted_forms(told.data, told.splits, KINDS, HELD_OUT, count=40, seed=2)
        groups["Nottingham"] = written_repeats(sorted(told.nottingham.glob("*.abc")))
    if not all(groups.values()):
        sys.exit("no pieces found for " + ", ".join(name for name, pieces in groups.items() if not pieces))
    figures: dict[str, object] = {}
    for name, pieces in groups.items():
        print(f"{name}, {len(pieces)} pieces")
        for who, answer in ANSWERS.items():
            row = scores(pieces, answer)
            figures[f"{name}: {who}"] = {"pieces": len(pieces), "boundaries P R F, labels P R F": row}
            print(f"  {who:<14} boundaries P {row[0]:.3f} R {row[1]:.3f} F {row[2]:.3f}   "
                  f"labels P {row[3]:.3f} R {row[4]:.3f} F {row[5]:.3f}", flush=True)  # fmt: skip
    if not told.choosing:
        RESULTS.mkdir(parents=True, exist_ok=True)
        text = json.dumps({"setting": machine(), "figures": figures}, ensure_ascii=False, indent=1)
        write_whole(RESULTS / f"form-{time.strftime('%Y%m%d-%H%M%S')}.json", text.encode())


if __name__ == "__main__":
    main()
