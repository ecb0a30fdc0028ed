"""How many notes a second does the note model write? Beside the limit of the memory, and the field's usual recipe.

    python benchmarks/decode_speed.py                         random weights of full size
    python benchmarks/decode_speed.py --weights models/base   those of a folder

Everything is told (style, tempo, key, chords, form, controls of every bar) and the whole memory is on. One stream and
eight on one core, and eight as two processes of four on two. The limit: a stream reads every weight matrix once for a
note, so it cannot write faster than those bytes come out of memory; streams that write together share the reading.

The usual recipe, in the same run: REMI tokens of MidiTok, and a Llama of the Hugging Face transformers with as many
parameters, random weights, key-value cache, two threads, one stream and a batch of eight. How many tokens a note takes
is counted on the piece that was just written. Both packages are optional (pip install miditok transformers): what is
missing is said.

The JSON is benchmarks/results/decode_speed.json.
"""

from __future__ import annotations

import argparse
import importlib
import json
import multiprocessing
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

from run import RESULTS, machine
from stilo.elements.embedding import EMBEDDING_SIZE
from stilo.models.learned_embedding import LEARNED_SIZE
from stilo.models.notes.engine import Engine
from stilo.models.notes.plan import Plan, Taste
from stilo.models.notes.sampler import Sampled, Sampler
from stilo.models.notes.told import CONTROLS, ChordPlan, FormPlan, StyleTold, Telling, Told
from stilo.models.tokens import DRUMS, Part, decode
from stilo.music.atomic import write_whole
from stilo.music.files import write_score
from stilo.music.score import Track

RESULT = "decode_speed.json"
BARS, METRE = 256, (4, 4)
TASTE = Taste(0.95, 0.98)
PARTS = {Part(0): (40, 90), Part(40): (55, 95), Part(42): (36, 70), Part(DRUMS): (35, 60)}
READ_ONE_BY_ONE = ("notes.", "memory.", "condition.", "head.from_", "head.distance.", "head.candidates.", "head.gate_")
READ_ONCE = ("measured.", "learned.", "facets.", "programs.", "style_")
USUAL_TOKENS_A_NOTE = 5.0
PEER_TOKENS = 256
ONE_STREAM, EIGHT_STREAMS = 400, 1500
STREAMS = {1: "one stream", 8: "eight streams"}
HIDDEN, LAYERS, HEADS = 320, 6, 5


@dataclass(frozen=True)
class Row:
    """A figure, what it has to reach ("" = nothing), and what stands beside it."""

    name: str
    value: float
    unit: str
    reach: float | None = None
    note: str = ""

    def told(self) -> str:
        reach = (
            "" if self.reach is None else f"reach ≥ {self.reach:g}: {'yes' if self.value >= self.reach else 'MISSED'}"
        )
        return f"{self.name:<44} {self.value:>9.1f} {self.unit:<8} {reach:<20} {self.note}".rstrip()


def shown(row: Row) -> Row:
    print(row.told(), flush=True)
    return row


def random_tensors() -> tuple[Any, dict[str, np.ndarray]]:
    """Sizes and weights of a fresh net; gaps drawn towards the short and even ones, so that bars are full."""
    import torch

    from stilo.models.notes.model import NoteModel, NoteModelConfig

    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = NoteModel(NoteModelConfig())
        with torch.no_grad():
            model.head.out[0].bias[:13] += 2.5
            model.head.out[0].bias[[0, 6, 12]] += 1.5
    return model.config, {name: tensor.numpy() for name, tensor in model.state_dict().items()}


def kept_tensors(folder: Path) -> tuple[Any, dict[str, np.ndarray]]:
    from stilo.models.notes.checkpoint import load_model

    model = load_model(folder)
    return model.config, {name: tensor.detach().numpy() for name, tensor in model.state_dict().items()}


def everything_told(rng: np.random.Generator) -> Telling:
    beats, bars = np.arange(0, BARS * 48, 24), np.arange(BARS)
    style = StyleTold(
        rng.normal(size=EMBEDDING_SIZE).astype(np.float32),
        rng.normal(size=LEARNED_SIZE).astype(np.float32),
        np.ones(4, bool),
    )
    controls = rng.integers(0, 8, (BARS, len(CONTROLS))).astype(np.uint8)
    programs = frozenset(part.program for part in PARTS)
    return Telling(
        Told(style, programs, tempo=6, bars=BARS, tonic=2, mode=0, controls=controls),
        ChordPlan(beats, rng.integers(0, 12, len(beats)), rng.integers(0, 4, len(beats))),
        FormPlan(bars % 8, 7 - bars % 8, np.where(bars >= 16, 16, 0)),
    )


def written(engine: Engine, streams: int, notes: int, seed: int = 0) -> list[Sampled]:
    plan = Plan(BARS, METRE, PARTS, telling=everything_told(np.random.default_rng(0)), most_notes=notes)
    rngs = [np.random.default_rng([seed, i]) for i in range(streams)]
    return Sampler(engine, [plan] * streams, TASTE, rngs).write()


def notes_per_second(engine: Engine, streams: int, notes: int) -> float:
    """Of all streams together; the median of three."""
    speeds = []
    for seed in range(3):
        begun = time.perf_counter()
        pieces = written(engine, streams, notes, seed)
        speeds.append(sum(len(piece.steps) for piece in pieces) / (time.perf_counter() - begun))
    return sorted(speeds)[1]


def on_each_core(work: Callable[[], float], cores: Sequence[int]) -> list[float]:
    """What the same work gives on each of some cores at the same time, in processes of their own."""
    context = multiprocessing.get_context("fork")
    found, ready = context.Queue(), context.Barrier(len(cores))

    def run(core: int) -> None:
        os.sched_setaffinity(0, {core})
        ready.wait()
        found.put(work())

    processes = [context.Process(target=run, args=(core,)) for core in cores]
    for process in processes:
        process.start()
    values = [found.get(timeout=600) for _ in processes]
    for process in processes:
        process.join()
    return values


def read_gigabytes_per_second(size: int) -> float:
    """What one core reads of `size` bytes that it reads again and again."""
    values = np.ones(size // 4, np.float32)
    np.dot(values, values)
    best = 0.0
    for _ in range(20):
        begun = time.perf_counter()
        np.dot(values, values)
        best = max(best, size / (time.perf_counter() - begun) / 1e9)
    return best


def stilo_rows(engine: Engine, tensors: dict[str, np.ndarray], notes: int, cores: list[int]) -> Iterator[Row]:
    one_by_one = (*READ_ONE_BY_ONE, *READ_ONCE)
    kept = ("head.from_trunk",)
    dense = sum(4 * t.size for n, t in tensors.items() if n.startswith(kept) or not n.startswith(one_by_one))
    os.sched_setaffinity(0, cores[-1:])  # the first one has more to do for the system
    bandwidth = read_gigabytes_per_second(dense)
    large = read_gigabytes_per_second(2**28)
    limit = bandwidth * 1e9 / dense
    one = notes_per_second(engine, 1, notes)
    yield Row("one stream, one core", one, "notes/s", ONE_STREAM, f"{one / limit:.0%} of the limit of the memory")
    yield Row("limit of the memory, one stream, one core", limit, "notes/s", None, f"{dense / 1e6:.1f} MB a note")
    yield Row("reading as much as the weights, one core", bandwidth, "GB/s", None, f"256 MiB: {large:.1f} GB/s")
    yield Row("eight streams, one core", notes_per_second(engine, 8, notes), "notes/s")
    if len(cores) > 1:
        both = sum(on_each_core(lambda: notes_per_second(engine, 4, notes), cores[:2]))
        yield Row("eight streams, two processes of four", both, "notes/s", EIGHT_STREAMS)
        reading = sum(on_each_core(lambda: read_gigabytes_per_second(dense), cores[:2]))
        yield Row("reading as much, two cores at once", reading, "GB/s")
    else:
        print("two processes: skipped, there is one core")
    os.sched_setaffinity(0, cores)


def tokens_a_note(steps: np.ndarray) -> tuple[float, int, str]:
    """REMI tokens for each note of a piece, how many different ones there are, and how they were counted."""
    try:
        miditok = importlib.import_module("miditok")
    except ImportError:
        return USUAL_TOKENS_A_NOTE, 512, f"miditok is not installed: {USUAL_TOKENS_A_NOTE:g} tokens a note supposed"
    tokeniser = miditok.REMI(miditok.TokenizerConfig(use_programs=True, use_tempos=True, use_time_signatures=True))
    tracks = {part.token: Track(str(part.program), part.program % DRUMS, part.is_drum) for part in PARTS}
    score = decode(steps, METRE, 120.0, tracks, bars=BARS)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "piece.mid"
        write_score(score, path)
        found = tokeniser(path)
    sequences = found if isinstance(found, list) else [found]
    count = sum(len(sequence.ids) for sequence in sequences)
    return (
        count / len(score),
        len(tokeniser.vocab),
        f"miditok {metadata.version('miditok')}, {len(tokeniser.vocab)} tokens",
    )


def usual_recipe(parameters: int, steps: np.ndarray) -> tuple[dict[int, Row], str]:
    """Notes per second of the Llama, one stream and eight; none where they cannot be had, and why."""
    try:
        transformers = importlib.import_module("transformers")
    except ImportError:
        return {}, "the usual recipe: skipped, transformers is not installed (pip install transformers miditok)"
    import torch

    each, words, how = tokens_a_note(steps)
    left = parameters - 2 * words * HIDDEN - LAYERS * (4 * HIDDEN**2 + 2 * HIDDEN) - HIDDEN
    config = transformers.LlamaConfig(
        vocab_size=words,
        hidden_size=HIDDEN,
        intermediate_size=left // (3 * LAYERS * HIDDEN),
        num_hidden_layers=LAYERS,
        num_attention_heads=HEADS,
        bos_token_id=1,
        eos_token_id=None,
        pad_token_id=0,
    )
    torch.set_num_threads(2)
    llama = transformers.LlamaForCausalLM(config).eval()
    size = sum(weights.numel() for weights in llama.parameters())

    def tokens_per_second(streams: int, count: int) -> float:
        begun = time.perf_counter()
        with torch.inference_mode():
            begin = torch.ones((streams, 1), dtype=torch.long)
            out = llama.generate(begin, min_new_tokens=count, max_new_tokens=count, do_sample=True, top_p=0.98)
        if out.shape != (streams, count + 1):
            raise RuntimeError(f"{tuple(out.shape)} tokens instead of {(streams, count + 1)}")
        return streams * count / (time.perf_counter() - begun)

    rows = {}
    for streams, name in STREAMS.items():
        tokens_per_second(streams, 16)
        speed = sorted(tokens_per_second(streams, PEER_TOKENS) for _ in range(3))[1]
        note = f"{speed:.0f} tokens/s, {each:.2f} a note ({how}), {size / 1e6:.2f} M parameters"
        rows[streams] = Row(f"REMI + Llama (transformers), {name}, two threads", speed / each, "notes/s", None, note)
    return rows, ""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--weights", type=Path, help="folder of a note model; by default random weights")
    parser.add_argument("--notes", type=int, default=400, help="of each stream")
    arguments = parser.parse_args()
    config, tensors = kept_tensors(arguments.weights) if arguments.weights else random_tensors()
    begun = time.perf_counter()
    engine = Engine(config, tensors)
    seconds = time.perf_counter() - begun
    parameters = sum(t.size for name, t in tensors.items() if not name.startswith("style_"))
    cores = sorted(os.sched_getaffinity(0))
    told = machine() | {
        "load at begin": f"{os.getloadavg()[0]:.1f}",
        "model": f"{config.trunk} {config.layers} × {config.width}, {parameters / 1e6:.2f} M parameters",
        "weights": arguments.weights.name if arguments.weights else "random",
    }
    print(", ".join(f"{name} {value}" for name, value in told.items()), flush=True)
    rows = [shown(Row("making the engine of the weights", 1000 * seconds, "ms"))]
    rows += [shown(row) for row in stilo_rows(engine, tensors, arguments.notes, cores)]
    peers, why = usual_recipe(parameters, written(engine, 1, arguments.notes)[0].steps)
    if why:
        print(why)
    for streams, peer in peers.items():
        own = max(row.value for row in rows if row.unit == "notes/s" and row.name.startswith(STREAMS[streams]))
        rows += [shown(peer), shown(Row(f"{STREAMS[streams]} beside the usual recipe", own / peer.value, "times", 10))]
    RESULTS.mkdir(parents=True, exist_ok=True)
    figures = [vars(row) for row in rows]
    text = json.dumps({"setting": told, "figures": figures, "skipped": why}, ensure_ascii=False, indent=1)
    write_whole(RESULTS / RESULT, text.encode())
    return 0 if all(row.reach is None or row.value >= row.reach for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
