import subprocess
import sys
import textwrap

import numpy as np
import pytest

from stilo.errors import InputError, SetupError, UnknownStyleError
from stilo.library import store
from stilo.library.store import Library, StyleSummary
from stilo.styles.style import Palette


def test_what_is_saved_is_loaded_by_another_opening(make_style, stilo_home):
    style = make_style()
    with Library() as library:
        library.save(style)
    assert (stilo_home / "styles.db").is_file()
    with Library() as library:
        assert library.load("Waltz") == style
        assert library.place == str(stilo_home / "styles.db")


def test_without_adapter_proof_sources_parents(make_style):
    bare = make_style(adapter=None, proof=None, sources=(), parents={})
    empty = make_style("Empty", adapter={})
    with Library() as library:
        library.save(bare)
        library.save(empty)
        assert library.load("Waltz") == bare
        assert library.load("Empty") == empty


def test_a_large_style(make_style):
    rng = np.random.default_rng(0)
    adapter = {f"layers.{i}": rng.normal(size=(512, 512)).astype(np.float16) for i in range(20)}  # 10 MiB
    with Library() as library:
        library.save(make_style(adapter=adapter))
        assert np.array_equal(library.load("Waltz").adapter["layers.19"], adapter["layers.19"])


def test_names_are_found_in_any_case_and_kept_as_given(make_style):
    with Library() as library:
        library.save(make_style("Ländler"))
        assert library.load("lÄNDLER").name == "Ländler"
        assert library.load("La\u0308ndler").name == "Ländler"
        with pytest.raises(InputError, match="already holds a style 'LÄNDLER'"):
            library.save(make_style("LÄNDLER"))
        assert library.names() == ["Ländler"]


def test_replacing_is_asked_for(make_style):
    first, second = make_style(seed=1), make_style(seed=2)
    with Library() as library:
        library.save(first)
        with pytest.raises(InputError, match="already holds"):
            library.save(second)
        assert library.load("Waltz") == first
        library.save(second, replace=True)
        assert library.load("Waltz") == second


def test_updating_takes_back_nothing_that_others_did(make_style):
    known, better, other = make_style("Mine", seed=1), make_style("Mine", seed=2), make_style("MINE", seed=3)
    with Library() as library, Library() as elsewhere:
        library.save(known)
        assert library.update(known, better)
        assert library.load("Mine") == better
        assert not library.update(known, other), "it is another by now"
        elsewhere.save(other, replace=True)
        assert not library.update(better, known)
        assert elsewhere.load("Mine") == other
        elsewhere.rename("Mine", "Hers")
        assert not library.update(other, known)
        assert library.names() == ["Hers"]
        library.save(known)
        with library._writing() as session:
            session.connection().exec_driver_sql("UPDATE styles SET document = '{}'")
        assert not library.update(known, better), "a damaged one is not it"


def test_list(make_style):
    with Library() as library:
        assert library.summaries() == []
        for name in ("b", "A", "c"):
            library.save(make_style(name, adapter=None if name == "b" else make_style().adapter))
        assert library.names() == ["A", "b", "c"]
        assert library.summaries()[1] == StyleSummary("b", "2026-01-02T03:04:05+00:00", "tiny-0", False, 2, 200)


def test_recognitions_are_those_of_one_encoder(make_style, make_recognition):
    first, second = "0" * 16, "1" * 16
    with Library() as library:
        assert library.recognitions(first) == {}
        for name, seed, encoder in (("b", 1, first), ("A", 2, first), ("c", 3, second)):
            library.save(make_style(name, recognition=make_recognition(seed), encoder=encoder))
        library.save(make_style("none"))
        found = library.recognitions(first)
        assert list(found) == ["A", "b"]
        assert np.array_equal(found["b"].values, make_recognition(1).values)
        assert library.load("b").recognition.values.tobytes() == found["b"].values.tobytes()
        library.save(make_style("b", recognition=make_recognition(4), encoder=first), replace=True)
        assert np.array_equal(library.recognitions(first)["b"].values, make_recognition(4).values)
        library.rename("b", "z")
        assert list(library.recognitions(first)) == ["A", "z"]
        for damage in ("x'00'", "NULL", "zeroblob(1281)", "x'" + "ff" * 1280 + "'"):
            with library._engine.begin() as connection:
                connection.exec_driver_sql(f"UPDATE styles SET recognition = {damage} WHERE name = 'z'")
            assert list(library.recognitions(first)) == ["A"]


def test_recognitions_read_neither_profiles_nor_arrays(make_style, make_recognition):
    with Library() as library:
        library.save(make_style(recognition=make_recognition(1), encoder="0" * 16))
        with library._engine.begin() as connection:
            connection.exec_driver_sql("UPDATE styles SET document = 'broken'")
            connection.exec_driver_sql("DELETE FROM array_blocks")
        assert list(library.recognitions("0" * 16)) == ["Waltz"]


def test_remove_takes_the_sources_along(make_style):
    with Library() as library:
        library.save(make_style("A"))
        library.save(make_style("B"))
        library.remove("a")
        assert library.names() == ["B"]
        assert library.load("B") == make_style("B")
        library.remove("B")
        with library._engine.connect() as connection:
            for table in ("sources", "array_blocks"):
                assert connection.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar() == 0


def test_rename(make_style):
    with Library() as library:
        library.save(make_style("A"))
        library.save(make_style("B"))
        library.rename("a", "A2")
        library.rename("A2", "a2")
        assert library.load("A2") == make_style("a2")
        with pytest.raises(InputError, match="already holds a style 'b'"):
            library.rename("a2", "b")
        with pytest.raises(InputError, match="not usable"):
            library.rename("a2", "../x")
        assert library.names() == ["a2", "B"]


def test_unknown_names_are_answered_with_the_nearest(make_style):
    with Library() as library:
        for act in (library.load, library.remove, lambda name: library.rename(name, "x")):
            with pytest.raises(UnknownStyleError, match="the library is empty"):
                act("Waltz")
        for name in ("Bach chorales", "Chopin", "Joplin"):
            library.save(make_style(name))
        with pytest.raises(UnknownStyleError, match="no style 'bach choral' in the library; nearest: Bach chorales"):
            library.load("bach choral")
        with pytest.raises(UnknownStyleError, match="stilo library ls"):
            library.load("zzz")
        for odd in ("", "../..", "\x1b[2J", "x" * 100_000, "' OR 1=1 --"):
            with pytest.raises(UnknownStyleError) as caught:
                library.load(odd)
            assert str(caught.value).isprintable()
            assert len(str(caught.value)) < 300


def test_a_failed_save_leaves_the_old_style(make_style, monkeypatch):
    style = make_style()
    with Library() as library:
        library.save(style)

        def fail(_style):
            row = build(_style)
            row.notes = None  # breaks NOT NULL while it is written
            return row

        build = store._style_to_row
        monkeypatch.setattr(store, "_style_to_row", fail)
        with pytest.raises(SetupError, match=r"cannot be used \(NOT NULL constraint failed: styles.notes\)"):
            library.save(make_style(seed=5), replace=True)
        assert library.load("Waltz") == style


def test_only_a_name_that_is_taken_is_called_taken(make_style):
    def forbid(library, event, when):
        with library._engine.begin() as connection:
            connection.exec_driver_sql(
                f"CREATE TRIGGER no_{event} BEFORE {event} ON styles WHEN {when} "
                "BEGIN SELECT RAISE(ABORT, 'not today'); END"
            )

    with Library() as library:
        library.save(make_style())
        library.save(make_style("Reel"))
        forbid(library, "INSERT", "new.name = 'Polka'")
        with pytest.raises(SetupError, match=r"\(not today\); its tables refuse what stilo writes"):
            library.save(make_style("Polka"))
        forbid(library, "UPDATE", "new.name IN ('Polka', 'REEL')")
        for new_name in ("Polka", "REEL"):
            with pytest.raises(SetupError, match="not today") as caught:
                library.rename("Reel", new_name)
            assert str(caught.value).isprintable()
        with pytest.raises(InputError, match="already holds a style 'WALTZ'"):
            library.rename("Reel", "WALTZ")
        assert library.names() == ["Reel", "Waltz"]


def test_a_name_taken_between_the_look_and_the_insertion_is_told(make_style, monkeypatch):
    style = make_style(seed=5)
    with Library() as library:
        library.save(make_style())
        save_once = library._save_once

        def look_past(style, replace):
            with monkeypatch.context() as patch:
                patch.setattr(store.Session, "scalar", lambda *_: None)
                save_once(style, replace)

        monkeypatch.setattr(library, "_save_once", look_past)
        with pytest.raises(InputError, match="already holds a style 'Waltz'"):
            library.save(style)


def test_what_could_not_be_read_again_is_not_kept(make_style):
    with Library() as library:
        library.save(make_style())
        for change in ({"palette": Palette(tempo_qpm=0.0)}, {"created_at": "once"}, {"base_model": "x" * 201}):
            with pytest.raises(InputError, match=next(iter(change))):
                library.save(make_style(**change), replace=True)
        assert library.load("Waltz") == make_style()


def test_a_damaged_row_is_told_in_one_line(make_style):
    with Library() as library:
        library.save(make_style())
        for change in (
            "UPDATE array_blocks SET data = x'00'",
            "DELETE FROM array_blocks",
            "UPDATE styles SET document = '{'",
            "UPDATE styles SET document = '{}'",
            "UPDATE styles SET document = '[]'",
            "UPDATE styles SET document = '1'",
            "UPDATE styles SET document = 'null'",
            f"UPDATE styles SET document = '{'[' * 100_000}'",
        ):
            with library._engine.begin() as connection:
                connection.exec_driver_sql(change)
            with pytest.raises(SetupError, match="'Waltz' is damaged") as caught:
                library.load("Waltz")
            assert str(caught.value).isprintable()


WRITER = """
    import sys
    import numpy as np
    from stilo.elements.embedding import EMBEDDING_SIZE
    from stilo.elements.profile import analyse
    from stilo.library.store import Library
    from stilo.music.score import Score, Track, notes_from_columns
    from stilo.styles.style import Source, Style

    writer = sys.argv[1]
    profile = analyse(Score(notes_from_columns(range(0, 4800, 480), [480] * 10, range(60, 70)), (Track(),)))
    vector = np.ones(EMBEDDING_SIZE, np.float32)
    for turn in range(12):
        with Library() as library:
            source = Source(f"{writer}-{turn}.mid", f"{turn:064x}")
            style = Style(f"{writer} {turn}", profile, vector, None, "tiny", sources=(source,))
            library.save(style)
            library.save(Style("shared", profile, vector, None, "tiny"), replace=True)
"""


def test_several_processes_write_at_once_from_the_first_opening_on(stilo_home):
    """Nobody has made the database yet: the writers also race for its making."""
    processes = [
        subprocess.Popen([sys.executable, "-c", textwrap.dedent(WRITER), str(i)], stderr=subprocess.PIPE, text=True)
        for i in range(4)
    ]
    for process in processes:
        _, said = process.communicate(timeout=120)
        assert process.returncode == 0, said
    with Library() as library:
        assert len(library.names()) == 4 * 12 + 1


def test_reading_goes_on_while_another_writes(make_style, monkeypatch):
    with Library() as reader, Library() as writer:
        writer.save(make_style("A"))
        with writer._writing() as session:
            session.add(store._style_to_row(make_style("B")))
            session.flush()
            assert reader.names() == ["A"]
        assert reader.names() == ["A", "B"]


def test_a_lock_that_stays_is_told(make_style, monkeypatch):
    monkeypatch.setattr("stilo.library.database.SECONDS_TO_WAIT_FOR_A_LOCK", 0.1)
    with Library() as first, Library() as second, first._writing() as session:
        session.add(store._style_to_row(make_style("A")))
        session.flush()
        with pytest.raises(SetupError, match="another program keeps it busy"):
            second.save(make_style("B"))
