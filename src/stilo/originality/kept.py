"""What a style keeps of its sources to tell copies by: hashes of runs, where they stand, and the level of its pieces.

No pitch is kept, no key and no chord. A hash says nothing to someone who does not know the run; someone who has a piece
can tell with it that the style learned from it, and short runs can be guessed by trial.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stilo.errors import InputError
from stilo.music.score import Score
from stilo.originality.base import common_stock
from stilo.originality.index import NO_PITCH, ROW_DTYPE, Index, RowArray, index_of
from stilo.originality.level import GENERAL, Level, level_of
from stilo.originality.lines import notes_of_score
from stilo.originality.runs import RUNS_VERSION, runs_of

MOST_ROWS = 120_000  # about a hundred pieces; of more pieces a share of the runs is kept
COLUMNS = {"hash": "<u4", "piece": "<u2", "bar": "<u2", "last_bar": "<u2", "onset": "<i4", "unit": "<u4"}


@dataclass(frozen=True, eq=False)
class SourceRuns:
    """The runs of the sources of a style.

    Attributes:
        rows: of `ROW_DTYPE` in the order of their hashes, without pitches; `piece` counts through the sources.
        kept: share of the different runs that they hold, above 0, at most 1.
        level: what the sources share with each other.

    Raises:
        InputError: the rows are more than `MOST_ROWS` or in disorder.
    """

    rows: RowArray = field(repr=False)
    kept: float = 1.0
    level: Level = GENERAL

    def __post_init__(self) -> None:
        if len(self.rows) > MOST_ROWS or not 0 < self.kept <= 1:
            raise InputError("the runs of the sources are more than a style keeps")
        if (np.diff(self.rows["hash"].astype(np.int64)) < 0).any() or (self.rows["unit"] < 1).any():
            raise InputError("the runs of the sources are in disorder")

    @property
    def pieces(self) -> int:
        """The least number of sources that the rows speak of."""
        return int(self.rows["piece"].max()) + 1 if len(self.rows) else 0

    def index(self, names: Sequence[str]) -> Index:
        """Ready to be searched; `names` are those of the sources."""
        return Index(tuple(names), self.rows, common_stock(), self.kept)

    def columns(self) -> dict[str, NDArray[Any]]:
        """The rows as arrays by name, each [rows]; {} when there are none."""
        return {name: np.ascontiguousarray(self.rows[name]) for name in COLUMNS} if len(self.rows) else {}

    def to_json(self) -> dict[str, Any]:
        """All but the rows."""
        return {"version": RUNS_VERSION, "kept": self.kept, "level": asdict(self.level)}


def rows_from_columns(columns: dict[str, NDArray[Any]]) -> RowArray:
    """The rows of which `SourceRuns.columns` gave the arrays.

    Raises:
        InputError: one is missing, of another kind or of another length.
    """
    lengths = {array.shape for array in columns.values()}
    kinds = {name: array.dtype.newbyteorder("<").str for name, array in columns.items()}
    if columns and (kinds != COLUMNS or len(lengths) != 1 or any(len(shape) != 1 for shape in lengths)):
        raise InputError("the runs of the sources are not whole")
    rows = np.zeros(next(iter(lengths))[0] if columns else 0, ROW_DTYPE)
    rows["pitch"] = NO_PITCH
    for name, array in columns.items():
        rows[name] = array
    return rows


def source_runs_of(scores: Sequence[Score]) -> SourceRuns:
    """Those of pieces that stand on their grid, in the order of the sources."""
    runs = [runs_of(notes_of_score(score)) for score in scores]
    index = index_of([(str(number), one) for number, one in enumerate(runs)], common_stock())
    level = level_of(runs, index)
    thin = index.without_pitches().thinned(MOST_ROWS)
    return SourceRuns(thin.rows, thin.kept, level)
