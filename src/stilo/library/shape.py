"""Whether the tables of a library are those that its steps make.

The number in stilo_schema says how many steps were taken, not what they were: before the first release a step was still
edited, so that two libraries of one number can differ. What the steps make is asked of an empty database in memory.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import sqlalchemy as sa
from sqlalchemy.engine.interfaces import ReflectedColumn

from stilo.errors import SetupError


def check_shape(connection: sa.Connection, shown: str, steps: Sequence[Callable[[sa.Connection], None]]) -> None:
    """Hold that the tables are those that `steps` make, as far as reading and writing styles depends on it.

    A column that stilo does not know does no harm where it may stay empty.

    Raises:
        SetupError: a table or column is missing, or an unknown column must be filled.
    """
    there = _columns(connection)
    for table, columns in _made_by(steps).items():
        if table not in there:
            raise other_shape(shown, f"no table '{table}'")
        missing = [name for name in columns if name not in there[table]]
        if missing:
            raise other_shape(shown, f"'{table}' has no column '{missing[0]}'")
        unknown = [name for name, column in there[table].items() if name not in columns and _must_be_filled(column)]
        if unknown:
            raise other_shape(shown, f"'{table}' has an unknown column '{unknown[0]}'")


def other_shape(shown: str, reason: str) -> SetupError:
    return SetupError(
        f"{shown}: an early version of stilo made this library and its tables are not those of today ({reason}); "
        "export its styles with the version that made it, then move it away"
    )


def _made_by(steps: Sequence[Callable[[sa.Connection], None]]) -> dict[str, dict[str, ReflectedColumn]]:
    engine = sa.create_engine("sqlite://")
    try:
        with engine.begin() as connection:
            for step in steps:
                step(connection)
            return _columns(connection)
    finally:
        engine.dispose()


def _columns(connection: sa.Connection) -> dict[str, dict[str, ReflectedColumn]]:
    """Of every table the columns, by name."""
    found = sa.inspect(connection).get_multi_columns()
    return {table: {column["name"]: column for column in columns} for (_, table), columns in found.items()}


def _must_be_filled(column: ReflectedColumn) -> bool:
    return not column["nullable"] and column["default"] is None and column.get("autoincrement") is not True
