"""What a style keeps of its sources to tell copies by: hashes of runs, where they stand, and the level of its pieces.

No pitch is kept, no key and no chord. But a hash is no secret: since every run says where it begins, the moves of a
tune can be worked out from those of its runs by trial, and with them the tune, in seconds. So they stay in the library
of the person whose files they are of, and go into a bundle only where that person says so.
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
from stilo.originality.index import MOST_TIMES, NO_PITCH, ROW_DTYPE, Index, RowArray, index_of, is_index_of_runs
from stilo.originality.level import GENERAL, LEAST_P95, Level, level_of
from stilo.originality.lines import notes_of_score
from stilo.originality.runs import KINDS, RUNS_VERSION, runs_of
from stilo.originality.thinning import ALL, LEAST_KEPT, Kept, thinned

MOST_ROWS = 200_000  # about two hundred pieces; of more pieces a share of the runs is kept
COLUMNS = {"hash": "<u4", "piece": "<u2", "bar": "<u2", "last_bar": "<u2", "onset": "<i4", "unit": "<u4"}


@dataclass(frozen=True, eq=False)
class SourceRuns:
    """The runs of the sources of a style.

    Attributes:
        rows: of `ROW_DTYPE` in the order of an index, without pitches; `piece` counts through the sources.
        kept: share of the runs of each kind that they hold, `LEAST_KEPT` to 1.
        level: what the sources share with each other, as far as the rows tell.

    Raises:
        InputError: the rows are more than `MOST_ROWS`, one run of one source more than `MOST_TIMES`, or in disorder; or
            no pieces can have this level.
    """

    rows: RowArray = field(repr=False)
    kept: Kept = ALL
    level: Level = GENERAL

    def __post_init__(self) -> None:
        is_share = [LEAST_KEPT <= share <= 1 for share in self.kept]
        if len(self.rows) > MOST_ROWS or len(is_share) != KINDS or not all(is_share):
            raise InputError("the runs of the sources are more than a style keeps")
        if not is_index_of_runs(self.rows) or (self.rows["unit"] < 1).any():
            raise InputError(f"the runs of the sources are in disorder, or one comes more than {MOST_TIMES} times")
        if not (0 <= self.level.p50 <= self.level.p95 and LEAST_P95 <= self.level.p95 <= self.level.copy):
            raise InputError("the level of the sources is not one that pieces can have")

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
        """All but the rows; from how many bits on stilo speaks of a copy is not for a file to say."""
        level = {name: value for name, value in asdict(self.level).items() if name != "copy"}
        return {"version": RUNS_VERSION, "kept": list(self.kept), "level": level}


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
    whole = [runs_of(notes_of_score(score)) for score in scores]
    some, kept = thinned(whole, MOST_ROWS)
    index = index_of([(str(number), one) for number, one in enumerate(some)], common_stock(), kept).without_pitches()
    return SourceRuns(index.rows, kept, level_of(whole, index))
