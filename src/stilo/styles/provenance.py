"""Where a style comes from and what shows that it was learned."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import PurePath
from typing import Any
from urllib.parse import quote, unquote_to_bytes

from stilo.errors import InputError
from stilo.styles.fields import Fields, printable
from stilo.styles.trial import Trial

_LONGEST = {"title": 1000, "licence": 1000}
LONGEST_PATH = 4096
_ESCAPED = "file:"  # before a path that is kept in other words, since it cannot be printed
_LONGEST_ESCAPED = len(_ESCAPED) + 12 * LONGEST_PATH
MISLEADING_NATS = 0.005  # a note
LONGEST_ADVICE = 2000
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Source:
    """A file that a style learned from; `held_out` pieces were never learned from, only proved what was learned.

    `path` is the file as the system calls it, which need be neither printable nor Unicode (`source_names` is); it is
    kept as text that is both. `sha256` is that of the file's bytes, `notes` counts the notes read from it, `licence` is
    "" when nothing says so.
    """

    path: str
    sha256: str
    title: str = ""
    licence: str = ""
    notes: int = 0
    held_out: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "path", self.path[:LONGEST_PATH])
        for name, longest in _LONGEST.items():
            object.__setattr__(self, name, printable(getattr(self, name), longest))

    def to_json(self) -> dict[str, Any]:
        return asdict(self) | {"path": _path_to_text(self.path)}

    @classmethod
    def from_json(cls, data: object) -> Source:
        fields = Fields(data, "sources")
        sha256 = fields.text("sha256", 64)
        if not _SHA256.fullmatch(sha256):
            raise InputError("sources.sha256 must be 64 hexadecimal digits")
        return cls(
            path=_text_to_path(fields.text("path", _LONGEST_ESCAPED)),
            sha256=sha256,
            title=fields.text("title", _LONGEST["title"]),
            licence=fields.text("licence", _LONGEST["licence"]),
            notes=fields.whole("notes", 0, 2**31),
            held_out=fields.flag("held_out"),
        )


def _path_to_text(path: str) -> str:
    if path.isprintable() and not path.startswith(_ESCAPED):
        return path
    return f"{_ESCAPED}{quote(path.encode('utf-8', 'surrogatepass'))}"


def _text_to_path(text: str) -> str:
    path = text
    if text.startswith(_ESCAPED):
        try:
            path = unquote_to_bytes(text.removeprefix(_ESCAPED)).decode("utf-8", "surrogatepass")
        except UnicodeDecodeError as error:
            raise InputError("sources.path is no path") from error
    if "\0" in path or len(path) > LONGEST_PATH:
        raise InputError(f"sources.path must be a path of at most {LONGEST_PATH} characters")
    return path


def file_name(source: Source) -> str:
    """Of its file, without the folder of either kind of path, as it can be printed."""
    return printable(PurePath(source.path.replace("\\", "/")).name, LONGEST_PATH)


def source_names(sources: Sequence[Source]) -> list[str]:
    """What each source is called: its file, and the title where several files or pieces are called so."""
    files = list(map(file_name, sources))
    times = Counter(files)
    return [
        f"{file} ({source.title})" if source.title and times[file] > 1 else file
        for file, source in zip(files, sources, strict=True)
    ]


def few_of(names: Sequence[str], most: int) -> str:
    """The first of them, and how many more there are: "a.mid, b.mid and 3 more"."""
    more = f" and {len(names) - most:,} more" if len(names) > most else ""
    return f"{', '.join(names[:most])}{more}"


def may_be_told(base_nats_per_note: float, vector_nats_per_note: float) -> bool:
    """Whether the model is told the style: unless the held-out music is clearly less likely then.

    What is foreseen gains little by it; a piece that is written from nothing gains its texture.
    """
    return vector_nats_per_note < base_nats_per_note + MISLEADING_NATS


@dataclass(frozen=True, slots=True)
class Proof:
    """What was learned, measured on music held out of the learning; nats per note, lower is better.

    The held-out music also chose when to stop tuning, so `tuned_nats_per_note` flatters a little.

    Attributes:
        base_nats_per_note: the base model alone.
        vector_nats_per_note: the base model told the style.
        tuned_nats_per_note: with the adapter too, told the style unless it misleads; None when nothing was tuned.
        held_out_pieces, held_out_notes: what all three figures were measured on: whole pieces when there are several
            folds or any source is held out, else the last quarter of each.
        seconds: how long learning took.
        steps: optimiser steps of the adapter that was kept.
        advice: one line for the person, "" when there is none to give.
        gained: 95 % interval of the nats a note gained from the base model to what is kept; None = not told.
        trial: what short pieces show; None where none were composed.
        folds: of how many tunings the adapter is the mean; each piece was judged by the one that had not heard it.
        known_pieces: how many of all pieces the base model was trained on, at least in part, as far as can be told.
        is_interrupted: whether a person stopped the tuning.
    """

    base_nats_per_note: float
    vector_nats_per_note: float
    tuned_nats_per_note: float | None
    held_out_pieces: int
    held_out_notes: int
    seconds: float
    steps: int = 0
    advice: str = ""
    gained: tuple[float, float] | None = None
    trial: Trial | None = None
    folds: int = 1
    known_pieces: int = 0
    is_interrupted: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "advice", printable(self.advice, LONGEST_ADVICE))

    @property
    def is_style_told(self) -> bool:
        """Whether the model is told the style, tuned and composing."""
        return may_be_told(self.base_nats_per_note, self.vector_nats_per_note)

    @property
    def nats_per_note(self) -> float:
        """With all that is kept of what was learned."""
        if self.tuned_nats_per_note is not None:
            return self.tuned_nats_per_note
        return self.vector_nats_per_note if self.is_style_told else self.base_nats_per_note

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "trial": None if self.trial is None else self.trial.to_json()}

    @classmethod
    def from_json(cls, data: object) -> Proof:
        """What `to_json` wrote; one of before there were intervals and trials has none.

        Raises:
            InputError: a field is missing or does not fit; the message names it.
        """
        fields = Fields(data, "proof")
        return cls(
            base_nats_per_note=fields.number("base_nats_per_note", 0.0, 1e6),
            vector_nats_per_note=fields.number("vector_nats_per_note", 0.0, 1e6),
            tuned_nats_per_note=fields.number_or_null("tuned_nats_per_note", 0.0, 1e6),
            held_out_pieces=fields.whole("held_out_pieces", 0, 2**31),
            held_out_notes=fields.whole("held_out_notes", 0, 2**40),
            seconds=fields.number("seconds", 0.0, 1e9),
            steps=fields.whole("steps", 0, 2**40),
            advice=fields.text("advice", LONGEST_ADVICE),
            gained=fields.interval_or_none("gained", 1e6),
            trial=_trial(fields),
            folds=fields.whole("folds", 1, 2**10) if fields.has("folds") else 1,
            known_pieces=fields.whole("known_pieces", 0, 2**31) if fields.has("known_pieces") else 0,
            is_interrupted=fields.has("is_interrupted") and fields.flag("is_interrupted"),
        )


def _trial(fields: Fields) -> Trial | None:
    if not fields.has("trial") or fields.is_null("trial"):
        return None
    return Trial.from_json(fields.mapping("trial", 100))
