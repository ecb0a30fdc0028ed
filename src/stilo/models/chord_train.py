"""Train the chord net: minutes on one core.

    python -m stilo.models.chord_train POP909_CL benchmarks/splits/pop909_cl_chords.tsv models/chords

POP909_CL is the folder of the songs, the table says which of them are train and valid (columns file, split); the third
receives config.json (with the figures on valid) and weights.safetensors. The same seed draws the same crops.
The prices of changes are chosen on valid. Songs of `test` are not opened.

`--lead-sheets OPENEWLD benchmarks/splits/openewld_chords.tsv` adds the train songs of that table, each as a melody
alone and with its chords played, and figures on its valid songs, by which nothing is chosen.
"""

from __future__ import annotations

import argparse
import copy
import itertools
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from stilo.errors import StiloError
from stilo.models.chord_accuracy import agreement, summary
from stilo.models.chord_augment import Crops, Variation, draw_crops
from stilo.models.chord_data import Song, load_songs, read_split
from stilo.models.chord_exercises import exercises
from stilo.models.chord_lead_sheets import ACCOMPANIED, ALONE, lead_sheet_songs
from stilo.models.chord_net import ChordNet, ChordNetConfig, estimate, save_chord_net
from stilo.models.chord_readings import READINGS, Prices
from stilo.models.processor import autocast_pays

WARMUP_STEPS = 50
CLIP_NORM = 1.0
CHANGE_WEIGHT = 0.5
AVERAGED = 0.995  # of the running average of the weights that is kept at each step, fewer in the beginning
SETTINGS = ("steps", "rows", "length", "rate", "width", "layers", "dropout", "exercises", "seed")


def learning_rate(step: int, steps: int, highest: float) -> float:
    """Up over `WARMUP_STEPS`, then down along a cosine."""
    return highest * min((step + 1) / WARMUP_STEPS, 0.5 + 0.5 * float(np.cos(np.pi * step / steps)))


def loss_of(net: ChordNet, batch: Crops) -> torch.Tensor:
    """Cross-entropy of the readings that are known, and of the changes at those frames, in nats a frame."""
    with torch.autocast("cpu", torch.bfloat16, enabled=autocast_pays()):
        scores, changes = net(batch.frames)
    known = batch.readings >= 0
    chords = nn.functional.cross_entropy(scores.float().view(-1, READINGS), batch.readings.view(-1), ignore_index=-1)
    boundaries = nn.functional.binary_cross_entropy_with_logits(changes.float()[known], batch.changes[known])
    return chords + CHANGE_WEIGHT * boundaries


def train(songs: Sequence[Song], config: ChordNetConfig, args: argparse.Namespace) -> ChordNet:
    """A net trained on songs and exercises; what is returned is the running average of its weights."""
    rng = np.random.default_rng(args.seed)
    songs = [*songs, *exercises(args.exercises, rng)]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(args.seed)
        net = ChordNet(config)
        averaged = copy.deepcopy(net).eval()
        optimiser = torch.optim.AdamW(net.parameters(), args.rate, betas=(0.9, 0.98), weight_decay=0.01)
        began, losses = time.monotonic(), []
        for step in range(args.steps):
            for group in optimiser.param_groups:
                group["lr"] = learning_rate(step, args.steps, args.rate)
            loss = loss_of(net, draw_crops(songs, rng, args.rows, args.length, Variation()))
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(net.parameters(), CLIP_NORM)
            optimiser.step()
            _average(averaged, net, min(AVERAGED, (step + 1) / (step + 10)))
            losses.append(loss.item())
            if (step + 1) % 50 == 0:
                seconds = time.monotonic() - began
                print(f"step {step + 1}/{args.steps}: {np.mean(losses[-50:]):.4f} nats, {seconds:.0f} s", flush=True)
    return averaged


@torch.no_grad()
def _average(averaged: ChordNet, net: ChordNet, kept: float) -> None:
    for mean, weights in zip(averaged.parameters(), net.parameters(), strict=True):
        mean.lerp_(weights, 1 - kept)


def measured(net: ChordNet, songs: Sequence[Song], prices: Prices) -> dict[str, float]:
    """Agreement with the reference, percent."""
    return summary(
        [agreement(song.chords, estimate(net, song.frames, prices), song.ticks_per_quarter) for song in songs]
    )


def choose_prices(net: ChordNet, songs: Sequence[Song]) -> tuple[Prices, dict[str, float]]:
    """The prices with the best full labels on `songs`, and the figures there."""
    tried = [Prices(change, trust) for change, trust in itertools.product((0.0, 0.5, 1.0, 2.0), (0.5, 1.0))]
    found = [(prices, measured(net, songs, prices)) for prices in tried]
    return max(found, key=lambda pair: pair[1]["full"])


def load_lead_sheets(args: argparse.Namespace, split: str) -> dict[str, list[Song]]:
    """The lead sheets of a split as they are and accompanied, by the same seed alike; empty if none are asked for."""
    if args.lead_sheets is None:
        return {}
    folder, table = args.lead_sheets
    files = [file for file, where in read_split(table).items() if where == split]
    seed = [args.seed, 1] if split == "train" else 0
    pairs = list(lead_sheet_songs(folder, files, np.random.default_rng(seed)))
    return {ALONE: [alone for alone, _ in pairs], ACCOMPANIED: [played for _, played in pairs]}


def parsed(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("songs", type=Path)
    parser.add_argument("split", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument(
        "--lead-sheets", type=Path, nargs=2, metavar=("FOLDER", "SPLIT"), help="lead sheets, and the table of them"
    )
    parser.add_argument("--steps", type=int, default=1300)
    parser.add_argument("--rows", type=int, default=32, help="crops in a batch")
    parser.add_argument("--length", type=int, default=192, help="frames in a crop")
    parser.add_argument("--rate", type=float, default=4e-3)
    parser.add_argument("--width", type=int, default=112)
    parser.add_argument("--layers", type=int, default=2)
    parser.add_argument("--dropout", type=float, default=0.2)
    parser.add_argument("--exercises", type=int, default=220, help="made pieces among the songs")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=1)
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> None:
    args = parsed(argv)
    torch.set_num_threads(args.threads)
    began = time.process_time()
    try:
        splits = read_split(args.split)
        learned, valid = (
            list(load_songs(args.songs, [file for file, where in splits.items() if where == split]))
            for split in ("train", "valid")
        )
        sheets, valid_sheets = (load_lead_sheets(args, split) for split in ("train", "valid"))
        learned_all = [*learned, *itertools.chain.from_iterable(sheets.values())]
        net = train(learned_all, ChordNetConfig(args.width, args.layers, args.dropout), args)
        prices, figures = choose_prices(net, valid)
        facts: dict[str, Any] = {
            "settings": {name: getattr(args, name) for name in SETTINGS},
            "songs": {"train": len(learned), "valid": len(valid)},
            "parameters": sum(p.numel() for p in net.parameters()),
            "cpu_minutes": round((time.process_time() - began) / 60, 1),
            "torch": torch.__version__,
            "valid": figures,
        }
        if sheets:
            facts["lead_sheets"] = {"train": len(sheets[ALONE]), "valid": len(valid_sheets[ALONE])}
            facts["valid_lead_sheets"] = {name: measured(net, songs, prices) for name, songs in valid_sheets.items()}
        save_chord_net(net, prices, args.folder, facts)
    except StiloError as error:
        sys.exit(str(error))
    print({name: figures[name] for name in ("root", "chord", "full", "boundary")})


if __name__ == "__main__":
    main()
