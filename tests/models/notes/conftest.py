"""A note model too small to be good whose every weight matters, and all that can be told of a piece."""

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from stilo.models.corpus import Piece
from stilo.models.labels import unknown_labels
from stilo.models.learned_embedding import LEARNED_SIZE
from stilo.models.notes.conditions import ConditionDraw, chords_told, controls_told, form_told
from stilo.models.notes.engine import Engine
from stilo.models.notes.model import NoteModel, NoteModelConfig
from stilo.models.notes.stream import PieceSource
from stilo.models.notes.told import StyleTold, Told
from stilo.models.notes.train import style_statistics
from stilo.models.tokens import PROGRAMS, STEP_DTYPE, StepArray

# The builders of pieces stand beside the tests and belong to no package.
sys.path.insert(0, str(Path(__file__).parent))

HEAD_SIZE = 64


@pytest.fixture(scope="session")
def make_note_model() -> Callable[..., NoteModel]:
    """make_note_model(trunk="lstm", seed=0, noise=0.3): what starts at nothing is stirred, so that it cannot hide."""

    def make(trunk: str = "lstm", seed: int = 0, noise: float = 0.3) -> NoteModel:
        sizes = NoteModelConfig(trunk, width=HEAD_SIZE, layers=2, hidden=24, memory_width=8, condition_width=8)
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            model = NoteModel(sizes)
            with torch.no_grad():
                for weights in model.parameters():
                    weights.add_(noise * torch.randn_like(weights))
        return model.eval()

    return make


@pytest.fixture(scope="session")
def make_labelled(make_piece) -> Callable[..., Piece]:
    """make_labelled(seed, **as make_steps): a piece of which all is known: chords, moods, a form of four bars."""

    def make(seed: int, **changes: object) -> Piece:
        piece: Piece = make_piece(seed, **changes)
        rng = np.random.default_rng(seed)
        steps, bar = piece.steps, piece.steps["bar"].astype(np.int64)
        labels = unknown_labels(len(steps))
        labels["chord_root"], labels["chord_quality"] = (bar * 5 + seed) % 12, bar % 3
        labels["chord_onset"] = steps["onset"] - steps["position"]
        labels["valence"], labels["arousal"] = bar % 8, (bar + 3) % 8
        labels["section"], labels["section_label"] = bar // 4, bar // 4 % 2
        labels["section_first_bar"], labels["section_bars"] = bar // 4 * 4, 4
        labels["counterpart"] = np.where(bar >= 8, 8, 0)
        learned = rng.normal(size=LEARNED_SIZE).astype(np.float32)
        return Piece(piece.name, steps, piece.embedding, piece.tempo, piece.group, labels, learned)

    return make


@pytest.fixture
def pieces(make_labelled: Callable[..., Piece]) -> list[Piece]:
    return [make_labelled(seed, notes=200) for seed in range(6)]


@pytest.fixture(scope="session")
def make_source() -> Callable[..., PieceSource]:
    """make_source(pieces, seed=0): what draws windows of them, and what is told of these."""

    def make(pieces: list[Piece], seed: int = 0) -> PieceSource:
        rng = np.random.default_rng(seed)
        return PieceSource(pieces, rng, ConditionDraw(pieces, style_statistics(pieces), rng))

    return make


@pytest.fixture(scope="session")
def all_told() -> Callable[..., Told]:
    """all_told(piece, steps, index): everything that can be told of some steps of a piece."""

    def tell(piece: Piece, steps: np.ndarray, index: np.ndarray) -> Told:
        labels = piece.labels
        return Told(
            style=StyleTold(piece.embedding, piece.learned, np.ones(4, bool)),
            programs=frozenset(int(token) % PROGRAMS for token in np.unique(steps["part"])),
            written=frozenset({int(steps["part"][0]) % PROGRAMS, 40}),
            parts=len(np.unique(steps["part"])),
            tempo=piece.tempo,
            bars=int(piece.steps["bar"][-1]) + 1,
            tonic=2,
            mode=1,
            chords=chords_told(labels, piece.steps).at(index),
            form=form_told(labels, piece.steps).at(index),
            controls=controls_told(steps, labels[index]),
        )

    return tell


@pytest.fixture(scope="session")
def piece_of() -> Callable[..., StepArray]:
    """piece_of(rows): given notes from rows (onset, part, pitch, duration, velocity)."""

    def make(rows: list[tuple[int, ...]]) -> StepArray:
        steps = np.zeros(len(rows), STEP_DTYPE)
        for column, name in enumerate(("onset", "part", "pitch", "duration", "velocity")):
            steps[name] = np.array(rows)[:, column]
        steps["gap"] = np.diff(steps["onset"], prepend=0)
        return steps

    return make


@pytest.fixture(scope="session")
def engine(make_note_model: Callable[..., NoteModel]) -> tuple[Engine, NoteModel]:
    """A random model that writes full pieces, and its net."""
    model = make_note_model(noise=0.1)
    with torch.no_grad():  # short gaps, so that pieces are full; and drums must not be asked for alone
        model.head.out[0].bias[:8] += 3.0
    return Engine(model.config, {name: tensor.numpy() for name, tensor in model.state_dict().items()}), model
