"""Samples of every kind of music beside real pieces of that kind: figures, and piano rolls to look at.

    python benchmarks/kinds.py PACKED [--model models/base] [--samples 20] [--top-p 0.95] [--pictures FOLDER]

For each kind, pieces of `valid` and `dev_composer` are drawn, of long ones the first 48 bars; each gives a sample told
what is told of it (style, tempo, metre, length, instruments, key). Figures after Wu & Yang 2020 (MusDr): H1 and H4,
entropy of pitch classes in bits over windows of one and of four bars; groove, similarity of the onsets of pairs of
bars; and notes a bar, share of onsets on the beat, of notes that begin with the one before, in-key share, self-copy,
empty bars, length by that asked; of parts: share of the bars in which a part has notes, share of its moves that stay on
the pitch; span of the middle nine tenths of the pitches, and share of the notes struck together that lie a minor second
(or its octaves) from each other. Given are mean and band (5 to 95 %) of the real pieces of all splits, the mean of the
samples, and how many of them lie inside the band, as nine tenths of the real pieces do; `out` marks means outside it.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from run import keep_figures
from self_repetition import plan_like, self_copy_share
from stilo.errors import StiloError
from stilo.models.corpus import Piece, load_pieces
from stilo.models.notes.engine import load_engine
from stilo.models.notes.plan import Taste
from stilo.models.notes.sampler import Sampler
from stilo.models.shipped import shipped_folder
from stilo.models.tokens import DURATION_SLOTS, METRES, StepArray
from stilo.music.quantise import SLOTS_PER_QUARTER

KINDS: dict[str, Callable[[Piece], bool]] = {
    "piano": lambda piece: piece.set_name in ("chopin_first_ed", "polish_scores") and _programs(piece) == {0},
    "song": lambda piece: piece.set_name == "lieder",
    "quartet": lambda piece: piece.set_name == "quartets",
    "folk tune": lambda piece: piece.set_name == "folk_pd",
    "pop": lambda piece: piece.set_name == "pop909",
    "drums": lambda piece: piece.set_name == "groove",
    "game": lambda piece: piece.set_name == "game_free",
    "hymn": lambda piece: piece.set_name == "openhymnal",
}
MOST_BARS, FEWEST_NOTES, FEWEST_BARS = 48, 48, 6
MOST_NOTES, MOST_REAL = 3000, 300
HELD_OUT = ("valid", "dev_composer")
SCALES = {0: (0, 2, 4, 5, 7, 9, 11), 1: (0, 2, 3, 5, 7, 8, 10, 11)}


def _programs(piece: Piece) -> set[int]:
    return {int(token) % 129 for token in np.unique(piece.steps["part"])}


def entropy(steps: StepArray, bars: int) -> float:
    """Mean over windows of so many bars of the entropy of the pitch classes, bits."""
    pitched = steps[steps["pitch"] < 128]
    if len(pitched) == 0:
        return 0.0
    window = (pitched["bar"] - steps["bar"][0]) // bars
    found = []
    for number in np.unique(window):
        shares = np.bincount(pitched["pitch"][window == number] % 12, minlength=12) / (window == number).sum()
        shares = shares[shares > 0]
        found.append(-(shares * np.log2(shares)).sum())
    return float(np.mean(found))


def groove(steps: StepArray) -> float:
    """Mean over pairs of bars of the share of places at which both or neither have an onset."""
    length = int(steps["bar_slots"].max())
    bar = (steps["bar"] - steps["bar"][0]).astype(np.int64)
    onsets = np.zeros((int(bar[-1]) + 1, length), np.float64)
    onsets[bar, np.minimum(steps["position"], length - 1)] = 1
    if len(onsets) < 2:
        return 1.0
    same = onsets @ onsets.T + (1 - onsets) @ (1 - onsets).T
    return float(same[np.triu_indices(len(onsets), 1)].mean() / length)


def stays(steps: StepArray) -> float:
    """Share of the moves of the highest notes of each part that stay on the pitch."""
    same = moves = 0
    for part in np.unique(steps["part"]):
        own = steps[(steps["part"] == part) & (steps["pitch"] < 128)]
        top = own["pitch"][np.append(np.diff(own["onset"].astype(np.int64)) != 0, True)] if len(own) else own["pitch"]
        same, moves = same + int((np.diff(top.astype(np.int64)) == 0).sum()), moves + max(0, len(top) - 1)
    return same / max(1, moves)


def clashes(steps: StepArray) -> float:
    """Share of the notes that begin with others and lie a minor second or its octaves from one of them."""
    pitched = steps[steps["pitch"] < 128]
    clashing = together = 0
    for some in np.split(pitched["pitch"].astype(np.int64), np.flatnonzero(np.diff(pitched["onset"])) + 1):
        if len(some) > 1:
            apart = np.abs(some[:, None] - some) % 12
            clashing += int(np.isin(apart, (1, 11)).any(1).sum())
            together += len(some)
    return clashing / max(1, together)


def figures(steps: StepArray, asked_bars: int, asked_parts: int) -> dict[str, float]:
    bar = (steps["bar"] - steps["bar"][0]).astype(np.int64)
    bars = int(bar[-1]) + 1
    pitched = steps["pitch"][steps["pitch"] < 128] % 12
    counts = np.bincount(pitched, minlength=12)
    in_key = max(counts[[(tonic + d) % 12 for d in scale]].sum() for tonic in range(12) for scale in SCALES.values())
    sounding = np.zeros(bars, bool)
    last = (steps["position"] + DURATION_SLOTS[steps["duration"]] - 1) // np.maximum(1, steps["bar_slots"])
    for first, more in zip(bar.tolist(), last.tolist(), strict=True):
        sounding[first : first + more + 1] = True
    part_bars = len(np.unique(np.stack([steps["part"].astype(np.int64), bar]), axis=1).T)
    span = np.percentile(steps["pitch"] % 128, [5, 95])
    return {
        "H1": entropy(steps, 1),
        "H4": entropy(steps, 4),
        "groove": groove(steps),
        "notes a bar": len(steps) / bars,
        "on the beat": float((steps["position"] % SLOTS_PER_QUARTER == 0).mean()),
        "in key": float(in_key / max(1, len(pitched))),
        "self-copy": self_copy_share(steps),
        "empty bars": float(1 - sounding.mean()),
        "length": bars / asked_bars,
        "part bars": part_bars / bars / asked_parts,
        "together": float((np.diff(steps["onset"].astype(np.int64)) == 0).mean()) if len(steps) > 1 else 0.0,
        "stays": stays(steps),
        "span": float(span[1] - span[0]),
        "clashes": clashes(steps),
    }


def excerpts(pieces: Sequence[Piece]) -> list[Piece]:
    """The first bars of those that have enough of them in one metre."""
    found = []
    for piece in pieces:
        steps = piece.steps
        count = int(np.searchsorted(steps["bar"], MOST_BARS))
        changes = np.flatnonzero(steps["metre"] != steps["metre"][0])
        count = min(count, int(changes[0]) if len(changes) else count)
        if (
            count < FEWEST_NOTES
            or int(steps["bar"][count - 1]) + 1 < FEWEST_BARS
            or int(steps["metre"][0]) >= len(METRES)
        ):
            continue
        found.append(replace(piece, steps=steps[:count], labels=piece.labels[:count]))
    return found


def _roll(axes: Any, steps: StepArray) -> None:
    parts = np.unique(steps["part"]).tolist()
    for note in steps:
        pitch = int(note["pitch"]) % 128
        begin, end = int(note["onset"]), int(note["onset"]) + int(DURATION_SLOTS[note["duration"]])
        axes.plot([begin, end], [pitch, pitch], color=f"C{parts.index(note['part']) % 10}", linewidth=1.0)
    axes.set_xticks(np.arange(0, int(steps["onset"][-1]) + 1, 4 * int(steps["bar_slots"][0])))
    axes.tick_params(labelsize=4, labelbottom=False)
    axes.grid(axis="x", linewidth=0.3)


def draw(path: Path, rolls: Sequence[tuple[str, StepArray]], columns: int = 4) -> None:
    """A page of piano rolls with their titles; a line every four bars, a colour for each part."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    rows = -(-len(rolls) // columns)
    page, all_axes = plt.subplots(rows, columns, figsize=(4 * columns, 2.2 * rows), squeeze=False)
    for axes, (title, steps) in zip(all_axes.flat, rolls, strict=False):
        axes.set_title(title, fontsize=7)
        _roll(axes, steps)
    page.tight_layout()
    path.parent.mkdir(parents=True, exist_ok=True)
    page.savefig(path, dpi=110)
    plt.close(page)


def compared(real: list[dict[str, float]], made: list[dict[str, float]]) -> dict[str, dict[str, Any]]:
    found = {}
    for name in real[0]:
        theirs, ours = (np.array([one[name] for one in some]) for some in (real, made))
        low, high = np.percentile(theirs, [5, 95])
        mean = float(ours.mean())
        found[name] = {
            "real": round(float(theirs.mean()), 3),
            "band": [round(float(low), 3), round(float(high), 3)],
            "samples": round(mean, 3),
            "inside": round(float(((ours >= low - 1e-9) & (ours <= high + 1e-9)).mean()), 3),
            "out": not low - 1e-9 <= mean <= high + 1e-9,
        }
    return found


def _figures_like(piece: Piece, steps: StepArray) -> dict[str, float]:
    """Of a sample that was asked for as that piece is."""
    return figures(steps, int(piece.steps["bar"][-1]) + 1, len(np.unique(piece.steps["part"])))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("packed", type=Path)
    parser.add_argument("--model", type=Path, default=shipped_folder("base"))
    parser.add_argument("--samples", type=int, default=20)
    parser.add_argument("--top-p", type=float, default=0.95)
    parser.add_argument("--temperature", type=float, default=1.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--pictures", type=Path)
    arguments = parser.parse_args()
    try:
        kinds = _kinds(arguments)
    except StiloError as error:
        sys.exit(str(error))
    keep_figures("kinds", {"kinds": kinds})


def _kinds(arguments: argparse.Namespace) -> dict[str, Any]:
    splits = {name: load_pieces(arguments.packed / f"{name}.npz") for name in (*HELD_OUT, "train")}
    engine = load_engine(arguments.model)
    rng = np.random.default_rng(arguments.seed)
    taste = Taste.usual(arguments.temperature, arguments.top_p)
    kinds: dict[str, Any] = {}
    first: list[tuple[str, StepArray]] = []
    for kind, belongs in KINDS.items():
        some = excerpts([piece for name in HELD_OUT for piece in splits[name] if belongs(piece)])
        if not some:
            print(f"{kind}: no real pieces", flush=True)
            continue
        real = some + excerpts([piece for piece in splits["train"] if belongs(piece)])
        real = [real[int(i)] for i in rng.permutation(len(real))[:MOST_REAL]]
        models = [some[int(i)] for i in rng.choice(len(some), arguments.samples, replace=len(some) < arguments.samples)]
        written = Sampler(
            engine,
            [plan_like(piece, MOST_NOTES) for piece in models],
            taste,
            [np.random.default_rng([arguments.seed, i]) for i in range(len(models))],
        ).write()
        samples = [one.steps for one in written]
        made = [_figures_like(piece, steps) for steps, piece in zip(samples, models, strict=True) if len(steps)]
        rows = compared([_figures_like(piece, piece.steps) for piece in real], made)
        inside = float(np.mean([row["inside"] for row in rows.values()]))
        kinds[kind] = rows | {"real pieces": len(real), "inside": round(inside, 3)}
        _print(kind, kinds[kind])
        if arguments.pictures:
            draw(arguments.pictures / f"{kind.replace(' ', '_')}.png", [(kind, steps) for steps in samples])
            first.append((kind, samples[0]))
    if first:
        draw(arguments.pictures / "kinds.png", first, columns=2)
    return kinds


def _print(kind: str, rows: dict[str, Any]) -> None:
    print(f"{kind} ({rows['real pieces']} real pieces): {rows['inside']:.3f} inside the bands")
    for name, row in rows.items():
        if isinstance(row, dict):
            low, high = row["band"]
            mark = "  out" if row["out"] else ""
            ours = f"samples {row['samples']:7.3f}, inside {row['inside']:.2f}{mark}"
            print(f"  {name:12s} real {row['real']:7.3f} ({low:.3f} … {high:.3f})  {ours}")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
