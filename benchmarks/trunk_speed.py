"""How fast each trunk of the note model trains and decodes on one thread, beside what its matrices alone allow.

    python benchmarks/trunk_speed.py [--rows 32] [--length 64] [--width 512] [--only lstm gated]

Training: forward and backward of one window, bfloat16 where the processor multiplies it in hardware. Decoding: `step`
in float32. The limit is the speed at which this machine multiplies the trunk's parameters, measured on one large
product of the same type; decoding is bound by reading them, measured as one product with a vector. CPU seconds, best
of several. The JSON goes to benchmarks/results/.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from run import RESULTS, machine
from stilo.models.processor import autocast_pays
from stilo.models.trunks import TRUNKS, State, Trunk, build_trunk
from stilo.music.atomic import write_whole

LAYERS = {"lstm": 2, "lstm_residual": 2, "transformer": 2, "gated": 2, "scan": 2, "hybrid": 2}
STREAMS = (1, 8)
STEPS = 100


def best_seconds(action: Callable[[], object], times: int = 5) -> float:
    """CPU seconds of the quickest of several runs, after one to warm up."""
    action()
    seconds = []
    for _ in range(times):
        begun = time.process_time()
        action()
        seconds.append(time.process_time() - begun)
    return min(seconds)


def product_rate(rows: int, width: int, kind: torch.dtype) -> float:
    """Multiplications per second of [rows, width] by [width, 4 · width]."""
    one, other = torch.randn(rows, width).to(kind), torch.randn(4 * width, width).to(kind)
    return rows * width * 4 * width / best_seconds(lambda: torch.nn.functional.linear(one, other))


def training_rate(trunk: Trunk, rows: int, length: int) -> float:
    """Notes per second, forward and backward, the state carried from window to window."""
    x = torch.randn(rows, length, trunk.width) * 0.3
    first = torch.zeros(rows, length, dtype=torch.bool)
    first[0, length // 2] = True
    state: State | None = None

    def window() -> None:
        nonlocal state
        told = x.clone().requires_grad_()
        with torch.autocast("cpu", torch.bfloat16, enabled=autocast_pays()):
            y, after = trunk(told, first, state)
        y.float().square().mean().backward()
        state = tuple(part.detach() for part in after)
        trunk.zero_grad()

    return rows * length / best_seconds(window)


@torch.no_grad()
def step_rate(trunk: Trunk, streams: int) -> float:
    """Notes per second of all streams together."""
    x = torch.randn(streams, trunk.width)

    def steps() -> Tensor:
        y, state = trunk.step(x, None)
        for _ in range(STEPS - 1):
            y, state = trunk.step(x, state)
        return y

    return streams * STEPS / best_seconds(steps, 3)


def measured(name: str, arguments: argparse.Namespace) -> dict[str, Any]:
    torch.manual_seed(0)
    trunk = build_trunk(name, arguments.width, LAYERS[name])
    parameters = sum(weight.numel() for weight in trunk.parameters())
    kind = torch.bfloat16 if autocast_pays() else torch.float32
    products = product_rate(arguments.rows * arguments.length, arguments.width, kind)
    row: dict[str, Any] = {
        "trunk": name,
        "parameters": parameters,
        "training_notes_per_second": training_rate(trunk, arguments.rows, arguments.length),
        "limit_of_products": products / (3 * parameters),
    }
    for streams in STREAMS:
        row[f"step_notes_per_second_{streams}"] = step_rate(trunk.eval(), streams)
    vector = product_rate(1, arguments.width, torch.float32)
    row["limit_of_one_stream"] = vector / parameters
    return {key: round(value) if isinstance(value, float) else value for key, value in row.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=32)
    parser.add_argument("--length", type=int, default=64)
    parser.add_argument("--width", type=int, default=512)
    parser.add_argument("--only", nargs="*", default=list(TRUNKS), choices=TRUNKS)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    rows = []
    for name in arguments.only:
        rows.append(measured(name, arguments))
        print("  ".join(f"{key} {value}" for key, value in rows[-1].items()), flush=True)
    setting = {"rows": arguments.rows, "length": arguments.length, "width": arguments.width, "threads": 1}
    told = machine()
    path = RESULTS / f"{time.strftime('%Y%m%d-%H%M%S')}-trunks.json"
    RESULTS.mkdir(exist_ok=True)
    write_whole(path, json.dumps({**told, **setting, "bfloat16": autocast_pays(), "trunks": rows}, indent=1).encode())


if __name__ == "__main__":
    main()
