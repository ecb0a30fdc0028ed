"""Ways of learning, and what came of each run: kept in files, so that none is done twice.

A run that came to its own end stands for all that are given more time. Runs are known by the way and by the code of
tuning; comments and docstrings do not matter.
"""

from __future__ import annotations

import ast
import hashlib
import io
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from stilo.models.notes import adapter, compressing, judging, merging, strength, windows
from stilo.models.notes import tuning as tuning_code
from stilo.models.notes.told import StyleTold
from stilo.models.notes.tuning import TuningConfig
from stilo.music.atomic import write_whole
from stilo.styles import holding_out

Floats = NDArray[np.float64]

LOW_RANK = TuningConfig(rank=8, rate=3e-4)
WAYS: dict[str, TuningConfig | None] = {
    "told": TuningConfig(most_steps=0),
    "n-gram": None,
    "style-inputs": TuningConfig(tuned=("measured.*", "learned.*", "facets.*", "programs.*"), rate=1e-3),
    "biases": TuningConfig(tuned=("*bias*", "*norm*", "head.gate_*"), rate=1e-3),
    "head": TuningConfig(tuned=("head.*",)),
    "low-rank-8": LOW_RANK,
    "low-rank-32": replace(LOW_RANK, rank=32),
    "low-rank-8-trunk": replace(LOW_RANK, tuned=("trunk.*",)),
    "all": TuningConfig(),
    "all-whole": TuningConfig(values=None),
}


@dataclass(frozen=True, eq=False)
class Learned:
    """What came of it, and the nats of each judged piece before and after, [pieces] sums; of the first notes, too."""

    style: StyleTold | None
    weights: dict[str, NDArray[np.float32]]
    before: Floats
    after: Floats
    before_early: Floats
    after_early: Floats
    notes: Floats
    steps: int
    seconds: float
    is_late: bool


_COLUMNS = tuple(name for name in Learned.__dataclass_fields__ if name not in ("style", "weights"))


def name_of(split: str, way: str, count: int, seed: int, maker: str) -> str:
    """Of the file of a run, but for its seconds."""
    return f"{split}-{way}-{_fingerprint(WAYS[way])}-{count}-{seed}-{maker}".replace(" ", "_")


def kept(folder: Path, name: str, seconds: float, make: Callable[[], Learned]) -> Learned:
    """What was found, or is made and put there."""
    run = found(folder, name, seconds)
    if run is None:
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{name}-{seconds}s.npz"
        _write(path, make())
        run = _read(path)
    return run


def found(folder: Path, name: str, seconds: float) -> Learned | None:
    """What stands in a file, made in so many seconds, or in fewer to its own end."""
    for path in sorted(folder.glob("*.npz")):
        match = re.fullmatch(rf"{re.escape(name)}-([\d.]+)s", path.stem)
        if match is None or float(match[1]) > seconds:
            continue
        run = _read(path)
        if float(match[1]) == seconds or not run.is_late:
            return run
    return None


def _write(path: Path, run: Learned) -> None:
    told = {} if run.style is None else {"measured": run.style.measured, "learned": run.style.learned}
    columns = {name: np.asarray(getattr(run, name)) for name in _COLUMNS}
    halves = {f"adapter/{key}": array.astype(np.float16) for key, array in run.weights.items()}
    buffer = io.BytesIO()
    np.savez(buffer, **columns, **told, **halves)
    write_whole(path, buffer.getvalue())


def _read(path: Path) -> Learned:
    with np.load(path, allow_pickle=False) as file:
        style = StyleTold(file["measured"], file["learned"]) if "measured" in file else None
        weights = {
            key.removeprefix("adapter/"): file[key].astype(np.float32) for key in file if key.startswith("adapter/")
        }
        return Learned(style=style, weights=weights, **{name: file[name] for name in _COLUMNS})


@lru_cache
def _fingerprint(config: TuningConfig | None) -> str:
    """Of what may change between two sittings: the way, and the code of tuning itself, whatever is said about it."""
    code = "".join(
        _code_of(Path(module.__file__ or ""))
        for module in (tuning_code, judging, strength, adapter, merging, compressing, windows, holding_out)
    )
    return hashlib.sha256(f"{code} {config}".encode()).hexdigest()[:8]


def _code_of(path: Path) -> str:
    """Without comments and docstrings."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node) is not None:
            node.body = node.body[1:]
    return ast.dump(tree)
