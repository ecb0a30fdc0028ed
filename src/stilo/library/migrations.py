"""How a database becomes a library of the present form, one step after another.

Append only: a step that has been released is never edited, a change is a new step at the end. A step knows nothing of
tables.py, which moves on; a test holds that the last step arrives there.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import mysql

from stilo.errors import SetupError
from stilo.library.shape import check_shape, other_shape

VERSION_TABLE = "stilo_schema"


def _styles_blocks_and_sources(connection: sa.Connection) -> None:
    metadata = sa.MetaData()
    mysql_options: dict[str, Any] = {
        f"{dialect}_{option}": value
        for dialect in ("mysql", "mariadb")
        for option, value in (("engine", "InnoDB"), ("charset", "utf8mb4"))
    }
    name_key = sa.String(240).with_variant(
        mysql.VARCHAR(240, charset="utf8mb4", collation="utf8mb4_bin"), "mysql", "mariadb"
    )
    sa.Table(
        "styles",
        metadata,
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("name", sa.String(80), nullable=False),
        sa.Column("name_key", name_key, nullable=False, unique=True),
        sa.Column("created_at", sa.String(40), nullable=False),
        sa.Column("base_model", sa.String(200), nullable=False),
        sa.Column("is_tuned", sa.Boolean, nullable=False),
        sa.Column("pieces", sa.Integer, nullable=False),
        sa.Column("notes", sa.BigInteger, nullable=False),
        sa.Column("document", sa.Text().with_variant(mysql.MEDIUMTEXT(), "mysql", "mariadb"), nullable=False),
        **mysql_options,
    )
    sa.Table(
        "array_blocks",
        metadata,
        sa.Column("style_id", sa.ForeignKey("styles.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("position", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("data", sa.LargeBinary(2**20), nullable=False),
        **mysql_options,
    )
    sa.Table(
        "sources",
        metadata,
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("style_id", sa.ForeignKey("styles.id", ondelete="CASCADE"), nullable=False, index=True),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False, index=True),
        sa.Column("path", sa.Text, nullable=False),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("licence", sa.Text, nullable=False),
        sa.Column("notes", sa.BigInteger, nullable=False),
        sa.Column("held_out", sa.Boolean, nullable=False),
        **mysql_options,
    )
    metadata.create_all(connection, checkfirst=False)


def _recognition_of_styles(connection: sa.Connection) -> None:
    columns = (("encoder", sa.String(16), " DEFAULT '' NOT NULL"), ("recognition", sa.LargeBinary(1280), ""))
    for name, kind, rule in columns:
        said = kind.compile(dialect=connection.dialect)
        connection.exec_driver_sql(f"ALTER TABLE styles ADD COLUMN {name} {said}{rule}")


STEPS: tuple[Callable[[sa.Connection], None], ...] = (_styles_blocks_and_sources, _recognition_of_styles)

_versions = sa.Table(
    VERSION_TABLE,
    sa.MetaData(),
    sa.Column("version", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("applied_at", sa.String(40), nullable=False),
)


def applied_version(connection: sa.Connection, shown: str) -> int:
    """How many steps the database at `connection` has taken; 0 for an empty one.

    Raises:
        SetupError: it belongs to another program, to a newer stilo, or to one from before the first release.
    """
    found = sa.inspect(connection)
    tables = set(found.get_table_names())
    if VERSION_TABLE not in tables:
        if tables:
            raise SetupError(f"{shown}: this database belongs to another program; give stilo one of its own")
        return 0
    if not {"version", "applied_at"} <= {column["name"] for column in found.get_columns(VERSION_TABLE)}:
        raise other_shape(shown, f"'{VERSION_TABLE}' keeps no versions")
    version = connection.execute(sa.select(sa.func.max(_versions.c.version))).scalar() or 0
    if not isinstance(version, int) or version < 0:
        raise other_shape(shown, f"'{VERSION_TABLE}' keeps no versions")
    if version > len(STEPS):
        raise SetupError(f"{shown}: this library was written by a newer stilo (schema {version}); update stilo")
    check_shape(connection, shown, STEPS[:version])
    return version


def migrate(connection: sa.Connection, shown: str) -> None:
    """Take the steps that are missing; the caller holds the write transaction."""
    done = applied_version(connection, shown)
    if done == 0 and not sa.inspect(connection).has_table(VERSION_TABLE):
        _versions.create(connection)
    for version in range(done + 1, len(STEPS) + 1):
        STEPS[version - 1](connection)
        connection.execute(_versions.insert().values(version=version, applied_at=datetime.now(UTC).isoformat()))


def is_current(connection: sa.Connection, shown: str) -> bool:
    """Does nothing need to be migrated?"""
    return applied_version(connection, shown) == len(STEPS)
