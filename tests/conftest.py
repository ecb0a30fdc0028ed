"""What every room's tests share: a user directory of its own for each test, and a small style to work with."""

import importlib.util
import os
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from stilo.elements.embedding import EMBEDDING_SIZE
from stilo.music.score import Score, Tempo, TimeSignature, Track, notes_from_columns
from stilo.styles.style import Palette, Part, Proof, Source, Style

# Tests run several at once; each with one thread is faster than all with all.
os.environ.setdefault("OMP_NUM_THREADS", "1")


@pytest.fixture(autouse=True)
def stilo_home(tmp_path_factory, monkeypatch):
    """Each test has its own user directory; nothing reaches the person's own."""
    home = tmp_path_factory.mktemp("stilo-home")
    monkeypatch.setenv("STILO_HOME", str(home))
    monkeypatch.delenv("STILO_SOUNDFONT", raising=False)
    monkeypatch.delenv("STILO_TRACEBACK", raising=False)
    return home


@pytest.fixture(autouse=True)
def one_thread():
    """A tested training leaves torch more threads than one: beside other workers they wait for each other."""
    yield
    torch = sys.modules.get("torch")
    if torch is not None and torch.get_num_threads() > 1:
        torch.set_num_threads(1)


@pytest.fixture(scope="session")
def benchmark_script() -> Callable[[str], ModuleType]:
    """benchmark_script(name): the script of the folder of benchmarks as a module."""
    folder = Path(__file__).resolve().parent.parent / "benchmarks"

    def load(name: str) -> ModuleType:
        spec = importlib.util.spec_from_file_location(f"benchmarks_{name}", folder / f"{name}.py")
        module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    return load


@pytest.fixture(scope="session")
def tiny_weights(tmp_path_factory):
    """A folder with a random model behind the normal loading call."""
    import torch

    from stilo.models.notes.checkpoint import save_model
    from stilo.models.notes.config import NoteModelConfig
    from stilo.models.notes.model import NoteModel

    folder = tmp_path_factory.mktemp("weights")
    with torch.random.fork_rng():
        torch.manual_seed(1)
        sizes = NoteModelConfig(width=24, layers=1, hidden=24, memory_width=8, condition_width=8)
        save_model(NoteModel(sizes), folder, {})
    return folder


@pytest.fixture
def with_tiny_weights(monkeypatch, tiny_weights):
    """The tiny model is the installed one."""
    monkeypatch.setenv("STILO_MODEL", str(tiny_weights))


@pytest.fixture(scope="session")
def tiny_encoder(tmp_path_factory):
    """A folder with a random style encoder behind the normal loading call."""
    import torch

    from stilo.models.discriminants import Discriminants
    from stilo.models.encoder import MEASURED, EncoderConfig, StyleEncoder
    from stilo.models.encoder_files import save_encoder
    from stilo.models.learned_embedding import FACET_VALUES
    from stilo.models.trained_encoder import Reading, TrainedEncoder
    from stilo.models.view_statistics import STATISTICS

    folder = tmp_path_factory.mktemp("encoder")
    config = EncoderConfig(bar_width=8, hidden=6, facet_size=FACET_VALUES - 8)
    rng = np.random.default_rng(3)
    discriminants = {
        facet: Discriminants(
            np.zeros(size, np.float32), np.ones(size, np.float32), rng.normal(size=(size, 8)).astype(np.float32)
        )
        for facet, size in STATISTICS.items()
    }
    readings = {
        facet: Reading(np.zeros((FACET_VALUES, len(values)), np.float32), np.zeros(len(values), np.float32))
        for facet, values in MEASURED.items()
    }
    with torch.random.fork_rng():
        torch.manual_seed(2)
        model = StyleEncoder(config).eval()
    save_encoder(TrainedEncoder(model, discriminants, 0.7, readings), folder, {})
    return folder


@pytest.fixture
def with_tiny_encoder(monkeypatch, tiny_encoder):
    """The tiny encoder is the installed one."""
    monkeypatch.setattr("stilo.models.encoder_files.encoder_folder", lambda: tiny_encoder)


@pytest.fixture
def make_recognition():
    """make_recognition(seed, near=None): random facets, or such as lie near another recognition."""
    from stilo.models.learned_embedding import FACET_ORDER, FACET_VALUES, LearnedEmbedding

    def make(seed: int, near: LearnedEmbedding | None = None) -> LearnedEmbedding:
        rows = np.random.default_rng(seed).normal(size=(len(FACET_ORDER), FACET_VALUES)).astype(np.float32)
        return LearnedEmbedding(rows if near is None else near.values + 0.05 * rows)

    return make


@pytest.fixture
def tune() -> Score:
    """Sixteen bars of a small melody over held fifths, two tracks, 3/4."""
    rng = np.random.default_rng(7)
    melody = 60 + np.array([0, 2, 4, 5, 7, 9, 11, 12])[rng.integers(0, 8, 48)]
    onsets = np.concatenate([np.arange(48) * 480, np.arange(16) * 1440, np.arange(16) * 1440])
    durations = np.concatenate([np.full(48, 480), np.full(32, 1440)])
    pitches = np.concatenate([melody, np.full(16, 48), np.full(16, 55)])
    tracks = np.concatenate([np.zeros(48, int), np.ones(32, int)])
    return Score(
        notes_from_columns(onsets, durations, pitches, 80, tracks),
        (Track("Flute", 73), Track("Piano", 0)),
        tempos=(Tempo(0, 96.0),),
        time_signatures=(TimeSignature(0, 3, 4),),
        title="Small tune",
    )


@pytest.fixture
def make_style(tune) -> Callable[..., Style]:
    """make_style(name="Waltz", seed=0, **changes): a style with the profile of the tune and random arrays."""
    from stilo.elements.profile import analyse

    profile = analyse(tune)

    def make(name: str = "Waltz", seed: int = 0, **changes: object) -> Style:
        rng = np.random.default_rng(seed)
        values: dict = {
            "profile": profile,
            "embedding": rng.normal(size=EMBEDDING_SIZE).astype(np.float32),
            "adapter": {
                "layers.0.down": rng.normal(size=(8, 4)).astype(np.float16),
                "layers.0.up": rng.normal(size=(4, 8)).astype(np.float32),
            },
            "base_model": "tiny-0",
            "palette": Palette(96.0, (3, 4), "C major", (Part("Flute", 73, False, 0), Part("Piano", 0, False, 1, 0.5))),
            "sources": (
                Source("/home/ada/music/one.mid", "ab" * 32, "One", "CC0", 120),
                Source("/home/ada/music/two.mid", f"{seed:064x}", "Two", "", 80, held_out=True),
            ),
            "proof": Proof(3.5, 3.25, 3.0, 1, 80, 12.5, 40, "learned"),
            "created_at": "2026-01-02T03:04:05+00:00",
            "parents": {"Minuet": 0.75, "Jig": 0.25},
        }
        return Style(name=name, **(values | changes))

    return make


@pytest.fixture
def waltz(make_style):
    """A style that is in the library."""
    from stilo.library.store import Library

    style = make_style("Waltz")
    with Library() as library:
        library.save(style)
    return style
