"""The library: styles kept by name.

Names differ only when they differ beyond upper and lower case, as file names do on most machines; a style is found by
its name in any case.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from difflib import get_close_matches
from types import TracebackType
from typing import Any

import numpy as np
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, selectinload, undefer

from stilo.errors import InputError, NameTakenError, SetupError, UnknownStyleError
from stilo.library.database import WRITES, open_database, told_in_one_line
from stilo.library.tables import BLOCK_BYTES, LARGEST_DOCUMENT_BYTES, BlockRow, SourceRow, StyleRow
from stilo.models.learned_embedding import FACET_ORDER, FACET_VALUES, LearnedEmbedding
from stilo.styles.arrays import arrays_from_bytes, style_to_arrays
from stilo.styles.style import Source, Style, check_style_name

_MOST_ATTEMPTS = 5


@dataclass(frozen=True, slots=True)
class StyleSummary:
    """A line of the library's list; `pieces` counts the files it learned from, `notes` the notes in them."""

    name: str
    created_at: str
    base_model: str
    is_tuned: bool
    pieces: int
    notes: int


class Library:
    """Styles kept in a database; use it in a `with` block.

    Args:
        url: an SQLAlchemy URL (sqlite, mysql, mariadb, postgresql); None means styles.db in the user data directory,
            or in the folder that STILO_HOME names.

    Raises:
        InputError: the URL cannot be read.
        SetupError: the database cannot be used; every method may raise it too.
    """

    def __init__(self, url: str | None = None) -> None:
        self._engine, self._shown = open_database(url)

    def __enter__(self) -> Library:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._engine.dispose()

    @property
    def place(self) -> str:
        """Where the styles are: the file, or the URL without its password."""
        return self._shown

    def save(self, style: Style, replace: bool = False) -> None:
        """Keep `style`; with `replace` it takes the place of one of the same name.

        Raises:
            NameTakenError: another style has the name.
            InputError: the style is too large, or something in it could not be read again.
        """
        read_again(style)  # what could not be is not kept
        for attempt in range(1, _MOST_ATTEMPTS + 1):
            try:
                self._save_once(style, replace)
                return
            except IntegrityError as error:
                # Another writer came between the look and the insertion, or the tables refuse the style itself.
                if not replace and self._holds(style.name):
                    raise NameTakenError(style.name) from error
                if attempt == _MOST_ATTEMPTS:
                    with told_in_one_line(self._shown):
                        raise

    def _save_once(self, style: Style, replace: bool) -> None:
        row = _style_to_row(style)
        with self._writing() as session:
            query = sa.select(StyleRow).where(StyleRow.name_key == row.name_key).with_for_update()
            known = session.scalar(query)
            if known is not None and not replace:
                raise NameTakenError(style.name)
            if known is not None:
                session.delete(known)
                session.flush()
            session.add(row)

    def update(self, known: Style, style: Style) -> bool:
        """Keep `style` in the place of `known`, of the same name, if that is still there just as it was.

        Returns whether it was. What was removed, renamed or replaced meanwhile stays so.

        Raises:
            InputError: the style is too large, or something in it could not be read again.
        """
        read_again(style)
        row, expected = _style_to_row(style), read_again(known)
        query = sa.select(StyleRow).where(StyleRow.name_key == _name_key(known.name)).with_for_update()
        with self._writing() as session:
            found = session.scalar(query.options(*_whole()))
            if found is None or not _is_row_of(expected, found):
                return False
            session.delete(found)
            session.flush()
            session.add(row)
        return True

    def load(self, name: str) -> Style:
        """The style called `name`, in any case.

        Raises:
            UnknownStyleError: the library does not hold it.
        """
        with self._reading() as session:
            row = self._row(session, name, *_whole())
            try:
                return _row_to_style(row)
            except (InputError, ValueError) as error:
                raise SetupError(
                    f"{self._shown}: the style '{row.name}' is damaged ({error}); remove it and learn it again"
                ) from error

    def names(self) -> list[str]:
        """The names of all styles, in alphabetical order."""
        return [summary.name for summary in self.summaries()]

    def summaries(self) -> list[StyleSummary]:
        """What a list shows of every style, in alphabetical order; reads neither profiles nor arrays."""
        columns = [getattr(StyleRow, name) for name in StyleSummary.__slots__]
        with self._reading() as session:
            rows = session.execute(sa.select(*columns).order_by(StyleRow.name_key)).all()
        return [StyleSummary(*row) for row in rows]

    def moods(self, most: int) -> dict[str, tuple[float, float]]:
        """Valence and arousal, −1…1, of the newest styles by name, at most `most`; a damaged style is left out."""
        newest = sa.select(StyleRow.name, StyleRow.document).order_by(StyleRow.created_at.desc(), StyleRow.name_key)
        found: dict[str, tuple[float, float]] = {}
        with self._reading() as session:
            for name, document in session.execute(newest.limit(most)):
                try:
                    emotion = json.loads(document)["profile"]["emotion"]
                    mood = float(emotion["valence"]), float(emotion["arousal"])
                except (ValueError, KeyError, TypeError):
                    continue
                if all(-1 <= value <= 1 for value in mood):
                    found[name] = mood
        return found

    def recognitions(self, encoder: str) -> dict[str, LearnedEmbedding]:
        """What `encoder` made of the styles that it heard, by name in alphabetical order; no other array is read.

        Styles of another encoder or of none are left out, and damaged ones.
        """
        query = sa.select(StyleRow.name, StyleRow.recognition).where(StyleRow.encoder == encoder)
        with self._reading() as session:
            rows = session.execute(query.order_by(StyleRow.name_key)).all()
        found = ((name, _recognition_from(data)) for name, data in rows)
        return {name: recognition for name, recognition in found if recognition is not None}

    def remove(self, name: str) -> None:
        """Forget a style.

        Raises:
            UnknownStyleError: the library does not hold it.
        """
        with self._writing() as session:
            session.delete(self._row(session, name))

    def rename(self, name: str, new_name: str) -> None:
        """Call a style something else.

        Raises:
            UnknownStyleError: the library does not hold `name`.
            NameTakenError: another style has `new_name`.
            InputError: `new_name` cannot be used.
        """
        new_name = check_style_name(new_name)
        try:
            with self._writing() as session:
                row = self._row(session, name)
                row.name, row.name_key = new_name, _name_key(new_name)
        except IntegrityError as error:
            if _name_key(new_name) != _name_key(name) and self._holds(new_name):
                raise NameTakenError(new_name) from error
            with told_in_one_line(self._shown):
                raise

    def _holds(self, name: str) -> bool:
        with self._reading() as session:
            return session.scalar(sa.select(StyleRow.id).where(StyleRow.name_key == _name_key(name))) is not None

    @contextmanager
    def _reading(self) -> Iterator[Session]:
        with told_in_one_line(self._shown), Session(self._engine) as session:
            yield session

    @contextmanager
    def _writing(self) -> Iterator[Session]:
        """A transaction that is kept when the block ends well. A broken constraint is left to the caller."""
        try:
            with Session(self._engine.execution_options(**{WRITES: True})) as session, session.begin():
                yield session
        except IntegrityError:
            raise
        except (sa.exc.SQLAlchemyError, UnicodeDecodeError):
            with told_in_one_line(self._shown):
                raise

    def _row(self, session: Session, name: str, *options: sa.orm.interfaces.ORMOption) -> StyleRow:
        row = session.scalar(sa.select(StyleRow).where(StyleRow.name_key == _name_key(name)).options(*options))
        if row is None:
            raise _unknown(name, list(session.scalars(sa.select(StyleRow.name))))
        return row


def read_again(style: Style) -> Style:
    """The style as a library would give it back, without keeping it.

    Raises:
        InputError, ValueError: it is too large, or something in it could not be read again.
    """
    return _row_to_style(_style_to_row(style))


def _recognition_bytes(recognition: LearnedEmbedding) -> bytes:
    return recognition.values.astype("<f4").tobytes()


def _recognition_from(data: bytes | None) -> LearnedEmbedding | None:
    """None for what is damaged."""
    try:
        return LearnedEmbedding(np.frombuffer(data or b"", "<f4").reshape(len(FACET_ORDER), FACET_VALUES))
    except ValueError:
        return None


def _name_key(name: str) -> str:
    try:
        return check_style_name(name).casefold()
    except InputError:
        return ""  # no style can have this name


def _unknown(name: str, names: list[str]) -> UnknownStyleError:
    shown = ascii(name[:80]) if not name.isprintable() else f"'{name[:80]}'"
    if not names:
        return UnknownStyleError(f"no style {shown}: the library is empty; teach it one with: stilo learn NAME FILES")
    by_key = {known.casefold(): known for known in names}
    nearest = [by_key[key] for key in get_close_matches(name.casefold()[:80], by_key, n=3, cutoff=0.5)]
    hint = f"nearest: {', '.join(nearest)}" if nearest else "see them all with: stilo library ls"
    return UnknownStyleError(f"no style {shown} in the library; {hint}")


def _style_to_row(style: Style) -> StyleRow:
    document = style.to_json()
    del document["name"], document["sources"]
    text = json.dumps(document, ensure_ascii=True, allow_nan=False, sort_keys=True)
    if len(text) > LARGEST_DOCUMENT_BYTES:
        raise InputError(
            f"the style '{style.name}' is too large: its profile passes {LARGEST_DOCUMENT_BYTES // 2**20} MiB"
        )
    arrays = style_to_arrays(style)
    places = range(0, len(arrays), BLOCK_BYTES)
    return StyleRow(
        name=style.name,
        name_key=style.name.casefold(),
        created_at=style.created_at,
        base_model=style.base_model,
        is_tuned=style.adapter is not None,
        pieces=len(style.sources),
        notes=style.notes,
        document=text,
        encoder=style.encoder,
        recognition=None if style.recognition is None else _recognition_bytes(style.recognition),
        blocks=[BlockRow(position=i, data=arrays[at : at + BLOCK_BYTES]) for i, at in enumerate(places)],
        sources=[SourceRow(position=i, **source.to_json()) for i, source in enumerate(style.sources)],
    )


def _row_to_style(row: StyleRow) -> Style:
    sources = [{field.name: getattr(source, field.name) for field in fields(Source)} for source in row.sources]
    document = {**_document_in(row), "name": row.name, "sources": sources}
    arrays = arrays_from_bytes(b"".join(block.data for block in row.blocks))
    return Style.from_json(document, arrays.embedding, arrays.adapter, arrays.recognition, arrays.rows)


def _is_row_of(style: Style, row: StyleRow) -> bool:
    try:
        return _row_to_style(row) == style
    except (InputError, ValueError):  # damaged
        return False


def _whole() -> tuple[sa.orm.interfaces.ORMOption, ...]:
    """What lets a row be read with all that belongs to it."""
    return undefer(StyleRow.document), selectinload(StyleRow.blocks), selectinload(StyleRow.sources)


def _document_in(row: StyleRow) -> dict[str, Any]:
    try:
        document = json.loads(row.document)
    except RecursionError as error:
        raise InputError("its document is nested too deeply") from error
    if not isinstance(document, dict):
        raise InputError("its document is no JSON object")
    return document
