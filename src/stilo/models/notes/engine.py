"""The note model in NumPy, for composing: the numbers of `notes.model` note by note, without torch.

One engine reads several pieces at once, its streams; each costs little more than reading the weights once for all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file

from stilo.elements.embedding import EMBEDDING_SIZE, FACETS
from stilo.errors import SetupError
from stilo.models.learned_embedding import LEARNED_SIZE
from stilo.models.notes.config import (
    FARTHEST_STYLE,
    STYLE_FACETS,
    TOLD_AS_FLAGS,
    NoteModelConfig,
    read_config,
    style_columns,
)
from stilo.models.notes.engine_head import EngineHead
from stilo.models.notes.engine_trunks import ENGINE_TRUNKS, State, trunk_steps
from stilo.models.notes.features import HISTOGRAM_SIZE, MEMORY_TABLES, NOTE_TABLES
from stilo.models.notes.fields import Floats, Integers
from stilo.models.notes.matrices import Matrix, SummedTables, Weights
from stilo.models.notes.told import CONDITION_TABLES, Told
from stilo.models.shipped import CONFIG_NAME, WEIGHTS_NAME

Tensors = Mapping[str, NDArray[np.floating]]
Change = Callable[[Tensors], Tensors]
_MEMORY = len(NOTE_TABLES)
_CONDITION = _MEMORY + len(MEMORY_TABLES)


class Engine:
    """A model ready to write.

    Attributes:
        config: its sizes.
        style_scale: float32 [EMBEDDING_SIZE], 1 / the standard deviation of measured embeddings.
        head: writes the fields of a note.
    """

    def __init__(self, config: NoteModelConfig, tensors: Tensors) -> None:
        """`tensors` by the names that `NoteModel.state_dict` gives them.

        Raises:
            KeyError, ValueError: they are not those of such a model.
        """
        weights, width, memory = Weights(tensors), config.width, config.memory_width
        self.config = config
        self.style_scale = weights("style_scale", EMBEDDING_SIZE)
        self._style_mean = weights("style_mean", EMBEDDING_SIZE)
        self._trunk = trunk_steps(config, weights.under("trunk."))
        rows, conditions = list(NOTE_TABLES.values()), list(CONDITION_TABLES.values())
        self._notes = SummedTables(self._entering_rows(weights("notes.weight", sum(rows), width)), rows)
        self._memory = SummedTables(weights("memory.weight", sum(MEMORY_TABLES), memory), MEMORY_TABLES)
        self._condition = SummedTables(weights("condition.weight", sum(conditions), config.condition_width), conditions)
        sizes = {"from_memory": memory, "from_condition": config.condition_width, "histogram": HISTOGRAM_SIZE}
        entering = np.concatenate([weights(f"{name}.weight", width, size) for name, size in sizes.items()], axis=1)
        self._entering = Matrix(self._entering_rows(entering.T).T)
        sizes = {"measured": EMBEDDING_SIZE, "learned": LEARNED_SIZE, **TOLD_AS_FLAGS}
        self._style = {name: weights(f"{name}.weight", width, size) for name, size in sizes.items()}
        self.head = EngineHead(weights.under("head."), width, config.hidden)
        weights.must_be_used_up()

    def style(self, told: Sequence[Told]) -> Floats:
        """What is told of whole pieces, [pieces, …]; goes into every `read`."""
        columns = style_columns(told)
        facets, normal = columns["facets"], (columns["measured"] - self._style_mean) * self.style_scale
        columns["measured"] = np.clip(normal, -FARTHEST_STYLE, FARTHEST_STYLE)
        for number, place in enumerate(FACETS.values()):
            columns["measured"][:, place] *= facets[:, number, None]
        columns["learned"] *= np.repeat(facets, LEARNED_SIZE // STYLE_FACETS, axis=1)
        total = np.zeros((len(told), self.config.width), np.float32)
        for name, column in columns.items():
            total += column @ self._style[name].T
        return self._entering_rows(total)

    def _entering_rows(self, rows: Floats) -> Floats:
        """[rows, width] as the trunk takes them."""
        return rows if self._trunk.entrance is None else rows @ self._trunk.entrance.T

    def start(self, streams: int) -> State:
        """The state of pieces in which nothing stands yet."""
        return self._trunk.start(streams)

    def read(self, rows: Integers, histogram: Floats, style: Floats, state: State) -> tuple[Floats, State]:
        """What the trunk makes of the last note of each of S pieces.

        Args:
            rows: [S, tables], notes, memory and condition of `Features` one after another (`NextNote.row`).
            histogram: [S, HISTOGRAM_SIZE].
            style: as `style` gives it, a row for each.
            state: what the notes before left behind.

        Returns:
            [S, width], and the state after.
        """
        memory = self._memory(rows[:, _MEMORY:_CONDITION])
        condition = self._condition(rows[:, _CONDITION:])
        x = self._entering(np.concatenate([memory, condition, histogram], axis=1))
        x += self._notes(rows[:, :_MEMORY])
        x += style
        return self._trunk(x, state)


def load_engine(folder: Path, changed: Change | None = None) -> Engine:
    """The engine of a model's folder.

    Args:
        folder: of `config.json` and `weights.safetensors`.
        changed: what becomes of the weights before they are used: how an adapter is merged in.

    Raises:
        SetupError: config or weights are missing, damaged, or of another version of stilo.
    """
    try:
        config = read_config(folder, ENGINE_TRUNKS)
        engine = Engine(config, tensors := load_file(folder / WEIGHTS_NAME))
    except FileNotFoundError as error:
        raise SetupError(f"{folder}: no weights here ({CONFIG_NAME}, {WEIGHTS_NAME}); install stilo anew") from error
    except (OSError, KeyError, TypeError, ValueError, SafetensorError) as error:
        raise SetupError(f"{folder}: the weights are damaged; install stilo anew ({type(error).__name__})") from error
    return engine if changed is None else Engine(config, changed(tensors))
