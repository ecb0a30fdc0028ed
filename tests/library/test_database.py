import os
import sqlite3
import sys
from types import SimpleNamespace

import numpy as np
import pytest
import sqlalchemy as sa
from sqlalchemy.dialects import mysql, postgresql
from sqlalchemy.schema import CreateIndex, CreateTable

from stilo.errors import InputError, SetupError
from stilo.library import migrations
from stilo.library.database import home_folder, open_database
from stilo.library.store import Library
from stilo.library.tables import Base


def rows(path, query):
    connection = sqlite3.connect(path)
    try:
        return connection.execute(query).fetchall()
    finally:
        connection.close()


def shape(engine):
    """Tables with their columns, keys and indexes, as the database tells them."""
    found = sa.inspect(engine)
    return {
        table: (
            [(c["name"], str(c["type"]), c["nullable"], c["primary_key"]) for c in found.get_columns(table)],
            sorted((key["constrained_columns"], key["options"]) for key in found.get_foreign_keys(table)),
            sorted((tuple(index["column_names"]), index["unique"]) for index in found.get_indexes(table)),
            sorted(tuple(unique["column_names"]) for unique in found.get_unique_constraints(table)),
        )
        for table in found.get_table_names()
    }


def test_migrations_arrive_at_the_tables(tmp_path):
    migrated, _ = open_database(f"sqlite:///{tmp_path / 'a.db'}")
    declared = sa.create_engine(f"sqlite:///{tmp_path / 'b.db'}")
    Base.metadata.create_all(declared)
    assert shape(migrated) == shape(declared)
    migrated.dispose()
    declared.dispose()


def test_steps_are_taken_once_and_in_order(tmp_path, monkeypatch):
    path = tmp_path / "a.db"
    Library(f"sqlite:///{path}").close()
    Library(f"sqlite:///{path}").close()
    taken = [(version + 1,) for version in range(len(migrations.STEPS))]
    assert rows(path, "SELECT version FROM stilo_schema") == taken

    def add_a_column(connection):
        connection.exec_driver_sql("ALTER TABLE styles ADD COLUMN mood TEXT")

    monkeypatch.setattr(migrations, "STEPS", (*migrations.STEPS, add_a_column))
    Library(f"sqlite:///{path}").close()
    assert rows(path, "SELECT version FROM stilo_schema") == [*taken, (len(taken) + 1,)]
    assert "mood" in {row[1] for row in rows(path, "PRAGMA table_info(styles)")}


def test_a_library_from_before_recognition_is_taken_over(tmp_path, monkeypatch, make_style, make_recognition):
    path = tmp_path / "a.db"
    with monkeypatch.context() as patch:
        patch.setattr(migrations, "STEPS", migrations.STEPS[:1])
        Library(f"sqlite:///{path}").close()
    connection = sqlite3.connect(path)
    connection.execute("INSERT INTO styles VALUES (1, 'Old', 'old', '2026-01-01', 'tiny-0', 0, 0, 0, '{}')")
    connection.commit()
    connection.close()
    with Library(f"sqlite:///{path}") as library:
        library.save(make_style(recognition=make_recognition(0), encoder="0" * 16))
        assert library.names() == ["Old", "Waltz"]
        assert list(library.recognitions("0" * 16)) == ["Waltz"]


@pytest.mark.parametrize("dialect", [mysql.dialect(), postgresql.dialect()], ids=["mysql", "postgresql"])
def test_columns_are_added_to_other_databases_as_they_are_declared(dialect):
    said = []
    migrations._recognition_of_styles(SimpleNamespace(dialect=dialect, exec_driver_sql=said.append))
    declared = str(CreateTable(Base.metadata.tables["styles"]).compile(dialect=dialect)).splitlines()
    declared = [sorted(line.strip(" \t,").split()) for line in declared]
    assert len(said) == 2
    for line in said:  # the order of the rules does not matter
        assert sorted(line.removeprefix("ALTER TABLE styles ADD COLUMN ").split()) in declared


def test_a_step_that_fails_leaves_the_database_as_it_was(tmp_path, monkeypatch, make_style):
    path = tmp_path / "a.db"
    with Library(f"sqlite:///{path}") as library:
        library.save(make_style())

    def half_done(connection):
        connection.exec_driver_sql("DELETE FROM styles")
        connection.exec_driver_sql("CREATE TABLE half (a INTEGER)")
        connection.exec_driver_sql("nonsense")

    with monkeypatch.context() as patch:
        patch.setattr(migrations, "STEPS", (*migrations.STEPS, half_done))
        with pytest.raises(SetupError, match="cannot be used"):
            Library(f"sqlite:///{path}")
    assert rows(path, "SELECT count(*) FROM sqlite_master WHERE name = 'half'") == [(0,)]
    with Library(f"sqlite:///{path}") as library:
        assert library.names() == ["Waltz"]


def test_a_newer_library_is_left_alone(tmp_path):
    path = tmp_path / "a.db"
    Library(f"sqlite:///{path}").close()
    connection = sqlite3.connect(path)
    connection.execute("INSERT INTO stilo_schema VALUES (99, 'later')")
    connection.commit()
    connection.close()
    with pytest.raises(SetupError, match="newer stilo"):
        Library(f"sqlite:///{path}")


# What the first step made before arrays were kept in blocks, and other forms that no step of today makes.
EARLY_FORMS = {
    "no table 'array_blocks'": "DROP TABLE array_blocks",
    "'styles' has no column 'document'": "ALTER TABLE styles RENAME COLUMN document TO profile",
    "'sources' has no column 'held_out'": "ALTER TABLE sources DROP COLUMN held_out",
    "'styles' has an unknown column 'arrays'": """
        ALTER TABLE styles RENAME TO before;
        CREATE TABLE styles (id INTEGER NOT NULL PRIMARY KEY, name VARCHAR(80) NOT NULL, name_key VARCHAR(240) NOT NULL,
            created_at VARCHAR(40) NOT NULL, base_model VARCHAR(200) NOT NULL, is_tuned BOOLEAN NOT NULL,
            pieces INTEGER NOT NULL, notes BIGINT NOT NULL, document TEXT NOT NULL, arrays BLOB NOT NULL,
            encoder VARCHAR(16) DEFAULT '' NOT NULL, recognition BLOB, UNIQUE (name_key));
        DROP TABLE before""",
    "'stilo_schema' keeps no versions": "ALTER TABLE stilo_schema RENAME COLUMN version TO step",
}


@pytest.mark.parametrize("steps", [1, 2])
@pytest.mark.parametrize("reason", EARLY_FORMS)
def test_a_library_of_an_early_form_is_told_and_left_alone(tmp_path, monkeypatch, reason, steps):
    path = tmp_path / "a.db"
    with monkeypatch.context() as patch:
        patch.setattr(migrations, "STEPS", migrations.STEPS[:steps])
        Library(f"sqlite:///{path}").close()
    connection = sqlite3.connect(path)
    connection.executescript(EARLY_FORMS[reason])
    connection.close()
    before = rows(path, "SELECT sql FROM sqlite_master")
    with pytest.raises(SetupError) as caught:
        Library(f"sqlite:///{path}")
    assert str(caught.value) == (
        f"{path}: an early version of stilo made this library and its tables are not those of today ({reason}); "
        "export its styles with the version that made it, then move it away"
    )
    assert rows(path, "SELECT sql FROM sqlite_master") == before


@pytest.mark.parametrize("version", [-1, "'x'", "x'00'"])
def test_versions_that_are_none(tmp_path, version):
    path = tmp_path / "a.db"
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE stilo_schema (version, applied_at)")
    connection.execute(f"INSERT INTO stilo_schema VALUES ({version}, '')")
    connection.commit()
    connection.close()
    with pytest.raises(SetupError, match="'stilo_schema' keeps no versions"):
        Library(f"sqlite:///{path}")


def test_a_column_of_somebody_else_does_no_harm(tmp_path, make_style):
    path = tmp_path / "a.db"
    Library(f"sqlite:///{path}").close()
    connection = sqlite3.connect(path)
    connection.execute("ALTER TABLE styles ADD COLUMN shelf TEXT")
    connection.execute("ALTER TABLE styles ADD COLUMN stars INTEGER NOT NULL DEFAULT 0")
    connection.close()
    with Library(f"sqlite:///{path}") as library:
        library.save(make_style())
        assert library.load("Waltz") == make_style()


def test_a_foreign_database_is_left_alone(tmp_path):
    path = tmp_path / "contacts.db"
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE contacts (name TEXT)")
    connection.commit()
    connection.close()
    before = path.read_bytes()
    with pytest.raises(SetupError, match="belongs to another program"):
        Library(f"sqlite:///{path}")
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    "content", [b"MThd not a database, but long enough to look at" * 100, b"SQLite format 3\0" * 99]
)
def test_files_that_are_no_database(stilo_home, content):
    (stilo_home / "styles.db").write_bytes(content)
    with pytest.raises(SetupError, match=r"styles\.db: the library cannot be used") as caught:
        Library()
    assert str(caught.value).isprintable()
    assert (stilo_home / "styles.db").read_bytes() == content


def test_a_database_broken_anywhere_is_told_in_one_line(stilo_home, make_style):
    path = stilo_home / "styles.db"
    with Library() as library:
        for i in range(6):
            library.save(make_style(f"style {i}", seed=i))
    rows(path, "PRAGMA wal_checkpoint(TRUNCATE)")
    whole = path.read_bytes()
    rng = np.random.default_rng(0)
    told = 0
    for _ in range(40):
        data = bytearray(whole)
        start = int(rng.integers(0, len(data) - 600))
        data[start : start + 600] = rng.integers(0, 256, 600, np.uint8).tobytes()
        path.write_bytes(data)
        for rest in ("styles.db-wal", "styles.db-shm"):
            (stilo_home / rest).unlink(missing_ok=True)
        try:
            with Library() as library:
                for name in library.names():
                    library.load(name)
                library.save(make_style("new"))
        except (SetupError, InputError) as error:
            told += 1
            assert str(error).isprintable()
    assert told > 5


def test_wal_and_foreign_keys(stilo_home):
    with Library() as library, library._engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1


def test_places(tmp_path, monkeypatch):
    monkeypatch.setenv("STILO_HOME", str(tmp_path / "made" / "for it"))
    with Library() as library:
        assert library.names() == []
    assert (tmp_path / "made" / "for it" / "styles.db").is_file()
    monkeypatch.setenv("STILO_HOME", "~/music")
    assert "~" not in str(home_folder())
    monkeypatch.delenv("STILO_HOME")
    assert home_folder().name == "stilo"


def test_a_home_that_cannot_be_made(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("STILO_HOME", str(tmp_path / "file" / "inside"))
    with pytest.raises(SetupError, match="set STILO_HOME"):
        Library()


def test_in_memory(make_style):
    with Library("sqlite://") as library:
        library.save(make_style())
        assert library.load("Waltz") == make_style()


@pytest.mark.parametrize(
    ("url", "module", "says"),
    [
        ("mysql://ada:secret@localhost/stilo", "pymysql", "pip install 'pymysql'"),
        ("mariadb://ada:secret@localhost/stilo", "pymysql", "pip install 'pymysql'"),
        ("postgresql://ada:secret@localhost/stilo", "psycopg", r"pip install 'psycopg\[binary\]'"),
        ("postgres://ada:secret@localhost/stilo", "psycopg", r"pip install 'psycopg\[binary\]'"),
    ],
)
def test_a_missing_driver_is_named(monkeypatch, url, module, says):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(SetupError, match=says) as caught:
        Library(url)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("url", ["nonsense", "", "http://ada:secret@x/y", "sqlite", "mysql://ada:secret@host:port/x"])
def test_urls_that_cannot_be_read(url):
    with pytest.raises(InputError) as caught:
        Library(url)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("dialect", [mysql.dialect(), postgresql.dialect()], ids=["mysql", "postgresql"])
def test_the_tables_can_be_said_to_other_databases(dialect):
    said = [str(CreateTable(table).compile(dialect=dialect)) for table in Base.metadata.sorted_tables]
    said += [
        str(CreateIndex(i).compile(dialect=dialect)) for table in Base.metadata.tables.values() for i in table.indexes
    ]
    text = "\n".join(said)
    if dialect.name == "mysql":
        assert "data BLOB(1048576)" in text
        assert "document MEDIUMTEXT" in text
        assert "COLLATE utf8mb4_bin" in text
    else:
        assert "data BYTEA" in text


@pytest.mark.skipif("STILO_TEST_LIBRARY_URL" not in os.environ, reason="STILO_TEST_LIBRARY_URL names no empty database")
def test_another_database(make_style):
    """With the URL of an empty MySQL, MariaDB or PostgreSQL database in STILO_TEST_LIBRARY_URL; it is left empty."""
    rng = np.random.default_rng(0)
    adapter = {str(i): rng.normal(size=(1024, 512)).astype(np.float16) for i in range(11)}  # 11 MiB
    styles = [make_style(name) for name in ("Ländler 𝄞", "Landler 𝄞", "a")] + [make_style("large", adapter=adapter)]
    with Library(os.environ["STILO_TEST_LIBRARY_URL"]) as library:
        for style in styles:
            library.save(style)
            library.save(style, replace=True)
            assert library.load(style.name.upper()) == style
        assert set(library.names()) == {style.name for style in styles}
        with pytest.raises(InputError, match="already holds"):
            library.rename("large", "A")
        assert library.update(styles[0], styles[0])
        for style in styles:
            library.remove(style.name)
        with library._engine.connect() as connection:
            for table in ("sources", "array_blocks"):
                assert connection.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar() == 0
