"""The tables of the library, as they are now; migrations.py says how a database gets there.

Types are those that SQLite, MySQL, MariaDB and PostgreSQL share: every text that is indexed has a length, the document
says that it may pass 64 KiB, and the arrays are kept in blocks, since servers bound what one statement may carry
(4 MiB in MySQL 5.7, 16 MiB in MariaDB). The recognition stands also in a column of its own: to find like styles it is
read of all of them, and nothing else.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, ForeignKey, LargeBinary, String, Text
from sqlalchemy.dialects import mysql
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

from stilo.models.learned_embedding import FACET_ORDER, FACET_VALUES

LARGEST_DOCUMENT_BYTES = 3 * 2**20
BLOCK_BYTES = 2**20
NAME_LENGTH = 80
ENCODER_LENGTH = 16
RECOGNITION_BYTES = 4 * len(FACET_ORDER) * FACET_VALUES
NAME_KEY_LENGTH = 240  # case folding can make three characters of one

# MySQL compares names by its collation, under which "é" equals "e"; the binary one tells them apart.
name_key_type = String(NAME_KEY_LENGTH).with_variant(
    mysql.VARCHAR(NAME_KEY_LENGTH, charset="utf8mb4", collation="utf8mb4_bin"), "mysql", "mariadb"
)
document_type = Text().with_variant(mysql.MEDIUMTEXT(), "mysql", "mariadb")


class Base(DeclarativeBase):
    """Base of all tables."""


class SchemaStep(Base):
    """One migration that was applied."""

    __tablename__ = "stilo_schema"

    version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    applied_at: Mapped[str] = mapped_column(String(40))


class StyleRow(Base):
    """A style: what is searched and listed in columns, the rest as JSON, the arrays in blocks."""

    __tablename__ = "styles"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(NAME_LENGTH))
    name_key: Mapped[str] = mapped_column(name_key_type, unique=True)
    created_at: Mapped[str] = mapped_column(String(40))
    base_model: Mapped[str] = mapped_column(String(200))
    is_tuned: Mapped[bool]
    pieces: Mapped[int]
    notes: Mapped[int] = mapped_column(BigInteger)
    document: Mapped[str] = mapped_column(document_type, deferred=True)
    encoder: Mapped[str] = mapped_column(String(ENCODER_LENGTH), server_default="")
    recognition: Mapped[bytes | None] = mapped_column(LargeBinary(RECOGNITION_BYTES), deferred=True)
    blocks: Mapped[list[BlockRow]] = relationship(
        cascade="all, delete-orphan", passive_deletes=True, order_by="BlockRow.position"
    )
    sources: Mapped[list[SourceRow]] = relationship(
        cascade="all, delete-orphan", passive_deletes=True, order_by="SourceRow.position"
    )


class BlockRow(Base):
    """A piece of a style's arrays; the blocks in order, joined, are the safetensors."""

    __tablename__ = "array_blocks"

    style_id: Mapped[int] = mapped_column(ForeignKey("styles.id", ondelete="CASCADE"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    data: Mapped[bytes] = mapped_column(LargeBinary(BLOCK_BYTES))


class SourceRow(Base):
    """A file that a style learned from."""

    __tablename__ = "sources"

    id: Mapped[int] = mapped_column(primary_key=True)
    style_id: Mapped[int] = mapped_column(ForeignKey("styles.id", ondelete="CASCADE"), index=True)
    position: Mapped[int]
    sha256: Mapped[str] = mapped_column(String(64), index=True)
    path: Mapped[str] = mapped_column(Text)
    title: Mapped[str] = mapped_column(Text)
    licence: Mapped[str] = mapped_column(Text)
    notes: Mapped[int] = mapped_column(BigInteger)
    held_out: Mapped[bool]
