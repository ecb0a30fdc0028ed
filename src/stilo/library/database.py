"""Opening the database behind a library: where it is, how it is guarded, and its errors in one line.

SQLite is opened for several processes at once: write-ahead log, writers take their lock at the beginning of a
transaction and wait for each other, foreign keys hold. Other databases are named by URL and bring their own driver.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import ArgumentError, DBAPIError, IntegrityError, NoSuchModuleError, SQLAlchemyError

from stilo.errors import InputError, SetupError
from stilo.library.migrations import is_current, migrate
from stilo.styles.fields import printable

FILE_NAME = "styles.db"
SECONDS_TO_WAIT_FOR_A_LOCK = 30.0
ROOM_TO_READ_BYTES = 2**16  # the index of a write-ahead log is a file of 32 KiB at least
WRITES = "stilo_writes"  # execution option: the transaction will write

_REMEDY_OF_A_BROKEN_RULE = (
    "its tables refuse what stilo writes, or other programs write all the time: "
    "try again; if it stays so, export its styles, move it away and import them"
)

# scheme a person writes → (SQLAlchemy's dialect and driver, what pip calls the driver)
_DRIVERS = {
    "mysql": ("mysql+pymysql", "pymysql"),
    "mariadb": ("mariadb+pymysql", "pymysql"),
    "postgres": ("postgresql+psycopg", "psycopg[binary]"),
    "postgresql": ("postgresql+psycopg", "psycopg[binary]"),
}


def home_folder() -> Path:
    """The folder of stilo's own files: STILO_HOME, else the user data directory of the system."""
    given = os.environ.get("STILO_HOME")
    if given:
        return Path(given).expanduser()
    from platformdirs import user_data_dir

    return Path(user_data_dir("stilo", appauthor=False))


def open_database(url: str | None) -> tuple[sa.Engine, str]:
    """(engine, name for messages) of the database at `url`, brought to the present schema.

    Without a URL: styles.db in the home folder, made if it is not there.

    Raises:
        InputError: the URL cannot be read.
        SetupError: the driver is missing, or the database is unreachable, broken, foreign, newer or of an early form.
    """
    address = _default_address() if url is None else _parse_address(url)
    shown = address.database if _is_sqlite(address) and address.database else address.render_as_string()
    engine = _create_engine(address)
    try:
        with told_in_one_line(shown):
            _prepare(engine, shown)
    except BaseException:
        engine.dispose()
        raise
    return engine, shown


@contextmanager
def told_in_one_line(shown: str) -> Iterator[None]:
    """Turn what a database can raise into one line that names it."""
    try:
        yield
    except UnicodeDecodeError as error:  # sqlite3 quotes broken bytes in its messages and cannot decode them itself
        reason = "malformed"
        raise SetupError(f"{shown}: the library cannot be used ({reason}); {_remedy(shown, reason)}") from error
    except (SQLAlchemyError, sqlite3.Error) as error:
        cause = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
        reason = printable(" ".join(str(cause).split()), 200)
        remedy = _REMEDY_OF_A_BROKEN_RULE if isinstance(error, IntegrityError) else _remedy(shown, reason)
        raise SetupError(f"{shown}: the library cannot be used ({reason}); {remedy}") from error


def _remedy(shown: str, reason: str) -> str:
    if "://" in shown:
        return "check the address, the user and the password, and that the server runs"
    if "not a database" in reason or "malformed" in reason:
        return "the file is broken or no library: move it away, or set STILO_HOME to another folder"
    if "disk is full" in reason or _is_full(Path(shown).parent):
        return "the disk is full and nothing was changed: make room, then do it again"
    if "locked" in reason:
        return "another program keeps it busy: try again when that has ended"
    return "check that the place exists and can be written, or set STILO_HOME to another folder"


def _is_full(folder: Path) -> bool:
    """Whether there is no room even for what SQLite needs to read."""
    try:
        return shutil.disk_usage(folder).free < ROOM_TO_READ_BYTES
    except OSError:
        return False


def _is_sqlite(address: sa.URL) -> bool:
    return address.get_backend_name() == "sqlite"


def _default_address() -> sa.URL:
    folder = home_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SetupError(
            f"{folder}: cannot be made ({error.strerror}); set STILO_HOME to a folder that can be written"
        ) from error
    return sa.URL.create("sqlite", database=str(folder / FILE_NAME))


def _parse_address(url: str) -> sa.URL:
    try:
        address = sa.make_url(url)
    except (ArgumentError, ValueError) as error:
        raise InputError(
            "the library's address cannot be read; write it like sqlite:///styles.db or mysql://user:password@host/name"
        ) from error
    if address.drivername in _DRIVERS:
        address = address.set(drivername=_DRIVERS[address.drivername][0])
    return address


def _create_engine(address: sa.URL) -> sa.Engine:
    options: dict[str, Any] = {}
    if _is_sqlite(address):
        options["connect_args"] = {"timeout": SECONDS_TO_WAIT_FOR_A_LOCK}
    else:
        options["pool_pre_ping"] = True
    try:
        engine = sa.create_engine(address, **options)
    except NoSuchModuleError as error:
        raise InputError(
            f"{address.render_as_string()}: no such kind of database; use sqlite, mysql, mariadb or postgresql"
        ) from error
    except ImportError as error:
        backend = address.get_backend_name()
        package = _DRIVERS[backend][1] if backend in _DRIVERS else error.name
        raise SetupError(f"{backend} needs a driver that is not installed: pip install '{package}'") from error
    if _is_sqlite(address):
        sa.event.listen(engine, "connect", _set_up_connection)
        sa.event.listen(engine, "begin", _begin)
    return engine


def _set_up_connection(connection: sqlite3.Connection, _record: object) -> None:
    connection.isolation_level = None  # transactions begin where _begin says, not where the driver guesses
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA synchronous = FULL")  # what was said to be kept outlives a power cut


def _begin(connection: sa.Connection) -> None:
    writes = connection.get_execution_options().get(WRITES, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _prepare(engine: sa.Engine, shown: str) -> None:
    with engine.connect() as connection:
        if is_current(connection, shown):
            return
    if engine.dialect.name == "sqlite":
        _keep_write_ahead_log(engine)
    try:
        with engine.execution_options(**{WRITES: True}).begin() as connection:
            migrate(connection, shown)
    except DBAPIError:
        with engine.connect() as connection:  # another process may have taken the same steps just before
            if not is_current(connection, shown):
                raise


def _keep_write_ahead_log(engine: sa.Engine) -> None:
    """Switch the file to the write-ahead log, which it then keeps; SQLite does not wait for locks here, so we do."""
    last_try = time.monotonic() + SECONDS_TO_WAIT_FOR_A_LOCK
    pool_entry = engine.raw_connection()
    try:
        while True:
            try:
                cursor = pool_entry.cursor()
                cursor.execute("PRAGMA journal_mode = WAL")
                cursor.close()
                return
            except sqlite3.OperationalError as error:
                if "locked" not in str(error) or time.monotonic() > last_try:
                    raise
                time.sleep(0.02)
    finally:
        pool_entry.close()
