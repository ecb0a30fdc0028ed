"""How well are the next frames of a piano roll foretold? The four poly_music sets, nats a frame, beside the published.

    python benchmarks/poly_music.py POLY_MUSIC                             everything: hours on one core
    python benchmarks/poly_music.py POLY_MUSIC --set JSB --head joint      one row, within the hour
    python benchmarks/poly_music.py --table                                the tables of what was measured before

POLY_MUSIC is a folder with the four official `.mat` files (JSB_Chorales, Nottingham, Piano_midi, MuseData). Two tables,
never to be mixed: with the **joint** head a key of a frame knows the keys below it, so that any set of keys can be
foretold together; with the **independent** head it knows the past alone (sigmoids). Negative log-likelihood of all 88
keys, summed over every frame of every test piece, divided by the number of frames: 4,725 / 44,463 / 19,036 / 64,339,
the first frame of a piece being foretold from nothing. Those counts are asserted; who leaves first frames out has 77,
170, 25 and 124 fewer.

Each key is a small net of the same weights for all 88 keys, beside a trunk of `stilo.models.trunks` over time
(`frames/net.py`). Nets learn from train; weights and all else are chosen on valid; test is read at the end. Several
seeds make one mixture: joint, every conditional of a key given those below is the mean of the nets' conditionals;
independent, every key's probability is the mean; both sum to one over all frames. The mixture is the figure if it is
better on valid than each of its nets. Nothing is learned while testing, but what the piece itself has played is looked
up (`frames/recall.py`): "opening" is the figure over the first 64 frames of each piece, where little is there to find.

Seconds are of the processor, training and looks at valid, without what is recalled (`frames/recall.py`: 1 ms a frame).
The JSON is benchmarks/results/poly_music.json, merged row by row. With --work a broken-off training goes on, and what
was trained stays.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from frames.batches import Piece
from frames.data import PARTS, SETS, FrameSet, frame_count, read_frames
from frames.net import FrameNet, Shape
from frames.recall import recall_all
from frames.train import Plan, Training, scored
from run import RESULTS, machine
from stilo.errors import InputError, StiloError
from stilo.models.processor import one_thread
from stilo.music.atomic import write_whole

HEADS = ("joint", "independent")
RESULT = "poly_music.json"
PUBLISHED = {
    "joint": {"JSB": 5.56, "Nottingham": 2.31, "Piano-midi": 7.05, "MuseData": 5.60},
    "independent": {"JSB": 7.72, "Nottingham": 2.92, "Piano-midi": 7.38, "MuseData": 7.03},
}
WHOSE = {"joint": "RNN-NADE (Boulanger-Lewandowski et al. 2012)", "independent": "best tuned recurrent"}
REACH = {
    "joint": {"JSB": 5.2, "Nottingham": 2.2, "Piano-midi": 7.0, "MuseData": 5.5},
    "independent": {"JSB": 7.7, "Nottingham": 2.9, "Piano-midi": 7.4, "MuseData": 7.0},
}


@dataclass(frozen=True)
class Recipe:
    """How the nets of one row are made."""

    shape: Shape
    plan: Plan
    seeds: int = 1


SHAPE = Shape(joint=True, mixing=32)
FIRM = Shape(joint=True, mixing=32, dropout=0.4)
SINGLE = Shape(joint=False, mixing=32, dropout=0.4)
RECIPES = {  # chosen on validation (docs/experiments.md)
    ("JSB", "joint"): Recipe(FIRM, Plan(800, rate=4e-3)),
    ("Nottingham", "joint"): Recipe(SHAPE, Plan(1000, rate=4e-3, semitones=0)),
    ("Piano-midi", "joint"): Recipe(FIRM, Plan(900, rate=4e-3)),
    ("MuseData", "joint"): Recipe(SHAPE, Plan(1000, rate=4e-3)),
    ("JSB", "independent"): Recipe(SINGLE, Plan(500, rate=4e-3)),
    ("Nottingham", "independent"): Recipe(SINGLE, Plan(700, rate=4e-3, semitones=0)),
    ("Piano-midi", "independent"): Recipe(SINGLE, Plan(500, rate=4e-3)),
    ("MuseData", "independent"): Recipe(SINGLE, Plan(700, rate=4e-3)),
}


def pieces_of(folder: Path, frames: FrameSet, work: Path | None) -> tuple[dict[str, list[Piece]], float]:
    """The pieces of each part with what they recall, and the seconds that took."""
    parts = read_frames(folder, frames)
    start = time.perf_counter()
    recalled = recall_all(parts, work / f"recall-{frames.name}.npz" if work else None)
    found = {part: [Piece(*both) for both in zip(parts[part], recalled[part], strict=True)] for part in PARTS}
    return found, time.perf_counter() - start


@dataclass(frozen=True)
class Task:
    """A set and a head, and how nets for them are made."""

    frames: FrameSet
    head: str
    made: Recipe
    parts: dict[str, list[Piece]]

    def rows(self, seeds: list[int], work: Path | None) -> Iterator[dict[str, object]]:
        """A row of each seed, and one of all together."""
        nets: list[FrameNet] = []
        seconds = 0.0
        for seed in seeds:
            training = Training(self.made.shape, self.made.plan, self.parts["train"], self.parts["valid"], seed)
            kept = work / f"{self.frames.name}-{self.head}-{seed}.pt" if work else None
            nets.append(training.run(lambda line: print(f"  {line}", file=sys.stderr, flush=True), kept))
            seconds += training.seconds
            yield self.row([seed], nets[-1:], training.seconds)
        if len(nets) > 1:
            yield self.row(seeds, nets, seconds)

    def row(self, seeds: list[int], nets: list[FrameNet], seconds: float) -> dict[str, object]:
        assert frame_count([piece.frames for piece in self.parts["test"]]) == self.frames.test_frames
        valid, test = (scored(nets, self.parts[part]) for part in ("valid", "test"))
        return {
            "set": self.frames.name,
            "head": self.head,
            "seeds": seeds,
            "valid": round(valid.all, 4),
            "test": round(test.all, 4),
            "test_opening": round(test.opening, 4),
            "test_frames": self.frames.test_frames,
            "parameters": sum(weight.numel() for net in nets for weight in net.parameters()),
            "seconds": round(seconds),
            "shape": self.made.shape.to_json(),
            "plan": self.made.plan.to_json(),
        }


def merged(rows: list[dict], new: dict) -> list[dict]:
    """With the new row in the place of one of the same set, head and seeds."""
    key = ("set", "head", "seeds")
    return [old for old in rows if any(old[k] != new[k] for k in key)] + [new]


def read_rows(path: Path) -> list[dict]:
    try:
        return json.loads(path.read_text(encoding="utf-8"))["rows"] if path.is_file() else []
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path}: no results of this benchmark; move it away") from error


def chosen(rows: list[dict], name: str, head: str) -> dict | None:
    """The row that stands for a set: the best on validation."""
    there = [r for r in rows if r["set"] == name and r["head"] == head]
    return min(there, key=lambda r: r["valid"]) if there else None


def tables(rows: list[dict]) -> Iterator[str]:
    titles = ("published", "reach", "test", "opening", "valid", "frames", "parameters", "seconds", "seeds")
    for head in HEADS:
        yield f"{head} head, nats/frame; published: {WHOSE[head]}"
        yield f"{'':<10}" + "".join(f"{title:>11}" for title in titles)
        for frames in SETS:
            best = chosen(rows, frames.name, head)
            reach = REACH[head][frames.name]
            line = f"{frames.name:<10}{PUBLISHED[head][frames.name]:>11.2f}{reach:>11.1f}"
            if best is not None:
                line += "".join(f"{best[what]:>11.3f}" for what in ("test", "test_opening", "valid"))
                line += "".join(f"{best[what]:>11}" for what in ("test_frames", "parameters", "seconds"))
                line += f"{','.join(map(str, best['seeds'])):>11}{'' if best['test'] <= reach else '  MISSED'}"
            yield line
        yield ""


def all_reached(rows: list[dict], names: list[str], heads: list[str]) -> bool:
    best = [(chosen(rows, name, head), REACH[head][name]) for name in names for head in heads]
    return all(r is not None and r["test"] <= reach for r, reach in best)


def measure_everything(arguments: argparse.Namespace, path: Path) -> None:
    setting = machine()
    for frames in (frames for frames in SETS if frames.name in arguments.set):
        parts, seconds = pieces_of(arguments.music, frames, arguments.work)
        print(f"{frames.name}: what pieces recall of themselves took {seconds:.0f} s", file=sys.stderr, flush=True)
        for head in arguments.head:
            made = RECIPES[frames.name, head]
            if arguments.steps:
                made = replace(made, plan=replace(made.plan, steps=arguments.steps))
            task = Task(frames, head, made, parts)
            for new in task.rows(arguments.seeds or list(range(made.seeds)), arguments.work):
                told = f"valid {new['valid']:.3f}  test {new['test']:.3f}"
                print(f"{frames.name} {head}, seeds {new['seeds']}: {told}", flush=True)
                rows = merged(read_rows(path), new | setting)
                write_whole(path, json.dumps({"rows": rows}, ensure_ascii=False, indent=1).encode())


def main(given: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("music", type=Path, nargs="?")
    parser.add_argument("--set", nargs="+", choices=[f.name for f in SETS], default=[f.name for f in SETS])
    parser.add_argument("--head", nargs="+", choices=HEADS, default=list(HEADS))
    parser.add_argument("--seeds", nargs="+", type=int, help="of the nets that are mixed")
    parser.add_argument("--steps", type=int, help="fewer, for a trial")
    parser.add_argument("--work", type=Path, help="folder where trainings are kept")
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--table", action="store_true", help="only tell what was measured before")
    arguments = parser.parse_args(given)
    if arguments.music is None and not arguments.table:
        parser.error("the folder with the .mat files is needed")
    path = arguments.results / RESULT
    try:
        arguments.results.mkdir(parents=True, exist_ok=True)
        if arguments.work:
            arguments.work.mkdir(parents=True, exist_ok=True)
        if not arguments.table:
            with one_thread():
                measure_everything(arguments, path)
        rows = read_rows(path)
    except (StiloError, OSError) as error:
        print(f"poly_music: {error}", file=sys.stderr)
        return 1
    print("\n".join(tables(rows)))
    return 0 if all_reached(rows, arguments.set, arguments.head) else 1


if __name__ == "__main__":
    sys.exit(main())
