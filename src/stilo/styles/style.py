"""What a style is: plain data, no net needed to hold or read it.

Conventions. Everything except the arrays (embedding, adapter, recognition) goes to plain JSON and back; arrays.py packs
the arrays. JSON may come from a stranger's file: whatever does not fit is told in one line that names the field.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stilo.elements.embedding import EMBEDDING_SIZE
from stilo.elements.profile import Profile
from stilo.errors import InputError
from stilo.models.learned_embedding import LearnedEmbedding
from stilo.originality.index import ROW_DTYPE, RowArray
from stilo.originality.kept import SourceRuns
from stilo.originality.level import COPY_BITS, MOST_MEASURED, Level
from stilo.originality.runs import KINDS, RUNS_VERSION
from stilo.originality.thinning import Kept
from stilo.styles.fields import Fields
from stilo.styles.palette import Palette, Part
from stilo.styles.provenance import Proof, Source, source_names

__all__ = ["Adapter", "Palette", "Part", "Proof", "Source", "Style", "check_style_name", "utc_now"]

LONGEST_NAME = 80
LONGEST_NAME_BYTES = 240
MOST_SOURCES = 20_000
MOST_PARENTS = 64
MOST_ADAPTER_ARRAYS = 1_024
MOST_ADAPTER_BYTES = 12 * 2**20
ADAPTER_KEY = re.compile(r"[A-Za-z0-9_.\-]{1,160}")
ADAPTER_DTYPES = ("float16", "float32")
ENCODER = re.compile(r"[0-9a-f]{16}")

_UNSAFE_IN_NAMES = '/\\:*?"<>|'
_RESERVED_NAMES = {"con", "prn", "aux", "nul"} | {f"{port}{n}" for port in ("com", "lpt") for n in range(1, 10)}

Adapter = dict[str, NDArray[np.floating[Any]]]


def check_style_name(name: str) -> str:
    """Return `name` in composed Unicode (NFC) when it can name a style and a file on every system.

    Raises:
        InputError: empty, longer than 80 characters, unprintable, or unfit as the name of a file.
    """
    name = unicodedata.normalize("NFC", name)
    shown = name if len(name) <= LONGEST_NAME else f"{name[:40]}…"
    shown = f"'{shown}'" if name.isprintable() else ascii(shown)
    if not name or len(name) > LONGEST_NAME or len(name.encode("utf-8", "replace")) > LONGEST_NAME_BYTES:
        raise InputError(f"style name {shown} is not usable: give it 1 to {LONGEST_NAME} characters")
    if not name.isprintable():
        raise InputError(f"style name {shown} is not usable: it holds characters that cannot be printed")
    if any(character in _UNSAFE_IN_NAMES for character in name):
        raise InputError(f'style name {shown} is not usable: leave out / \\ : * ? " < > |')
    if name[0] in " .-" or name[-1] in " .":
        raise InputError(f"style name {shown} is not usable: no space, dot or hyphen in front, no space or dot behind")
    if name.partition(".")[0].strip().lower() in _RESERVED_NAMES:
        raise InputError(f"style name {shown} is not usable: some systems reserve it, choose another")
    return name


def utc_now() -> str:
    """The present moment as ISO 8601 in UTC, to the second."""
    return datetime.now(UTC).replace(microsecond=0).isoformat()


@dataclass(frozen=True, eq=False)
class Style:
    """A learned, blended or invented style.

    Attributes:
        name: path-safe, at most 80 characters; see `check_style_name`.
        profile: the four elements, measured.
        embedding: float32 [EMBEDDING_SIZE], finite.
        adapter: its own weights by key, float16 or float32; None when the style was not tuned.
        base_model: id of the weights that embedding and adapter belong to.
        palette: what composing starts from.
        sources: what it learned from.
        proof: None for a style that was not learned (blends).
        created_at: ISO 8601 in UTC.
        parents: share of each style it was blended from.
        recognition: what the encoder makes of its pieces, to find like styles by; None when no encoder heard them.
        encoder: id of the encoder's weights, "" without recognition; two recognitions compare only under one encoder.
        runs: hashes of its sources' runs, to tell copies by; None where they were not learned, not given away with it,
            or kept by another version of stilo.

    Raises:
        InputError: the name cannot be used, the embedding is that of another version of stilo, or recognition and
            encoder do not come together.
        ValueError: an array of the wrong kind, shape or size, or with values that are not finite.
    """

    name: str
    profile: Profile
    embedding: NDArray[np.float32]
    adapter: Adapter | None
    base_model: str
    palette: Palette = field(default_factory=Palette)
    sources: tuple[Source, ...] = ()
    proof: Proof | None = None
    created_at: str = field(default_factory=utc_now)
    parents: Mapping[str, float] = field(default_factory=dict)
    recognition: LearnedEmbedding | None = None
    encoder: str = ""
    runs: SourceRuns | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", check_style_name(self.name))
        object.__setattr__(self, "sources", tuple(self.sources))
        object.__setattr__(self, "parents", dict(self.parents))
        _check_embedding(self.embedding)
        _check_adapter(self.adapter)
        _check_recognition(self.recognition, self.encoder)
        if self.runs is not None and self.runs.pieces > len(self.sources):
            raise InputError("the style keeps runs of more sources than it names")

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Style):
            return NotImplemented
        if self.to_json() != other.to_json() or not np.array_equal(self.embedding, other.embedding):
            return False
        if not np.array_equal(_values(self.recognition), _values(other.recognition)):
            return False
        if not np.array_equal(_rows(self.runs), _rows(other.runs)):
            return False
        mine, theirs = self.adapter or {}, other.adapter or {}
        same_keys = (self.adapter is None) == (other.adapter is None) and mine.keys() == theirs.keys()
        return same_keys and all(
            mine[key].dtype == theirs[key].dtype and np.array_equal(mine[key], theirs[key]) for key in mine
        )

    __hash__ = None  # type: ignore[assignment]  # holds arrays

    @property
    def source_names(self) -> list[str]:
        """What each source is called (`provenance.source_names`)."""
        return source_names(self.sources)

    @property
    def notes(self) -> int:
        """Notes of all the sources together."""
        return sum(source.notes for source in self.sources)

    def to_json(self) -> dict[str, Any]:
        """All but the arrays, as plain JSON."""
        return {
            "name": self.name,
            "profile": self.profile.to_json(),
            "base_model": self.base_model,
            "palette": self.palette.to_json(),
            "sources": [source.to_json() for source in self.sources],
            "proof": None if self.proof is None else self.proof.to_json(),
            "created_at": self.created_at,
            "parents": dict(self.parents),
            "encoder": self.encoder,
            "runs": None if self.runs is None else self.runs.to_json(),
        }

    @classmethod
    def from_json(
        cls,
        data: object,
        embedding: NDArray[np.float32],
        adapter: Adapter | None,
        recognition: LearnedEmbedding | None = None,
        rows: RowArray | None = None,
    ) -> Style:
        """The style that `to_json` wrote, with its arrays; one from before there was an encoder names none, one from
        before runs were kept has none.

        Raises:
            InputError: a field is missing or does not fit; the message names it.
            ValueError: an array does not fit.
        """
        fields = Fields(data, "style")
        return cls(
            name=fields.text("name", LONGEST_NAME),
            profile=Profile.from_json(fields.mapping("profile", 10_000)),
            embedding=embedding,
            adapter=adapter,
            base_model=fields.text("base_model", 200),
            palette=Palette.from_json(fields.mapping("palette", 100)),
            sources=tuple(Source.from_json(source) for source in fields.items("sources", MOST_SOURCES)),
            proof=None if fields.is_null("proof") else Proof.from_json(fields.mapping("proof", 100)),
            created_at=_read_moment(fields.text("created_at", 40)),
            parents=_read_parents(fields.mapping("parents", MOST_PARENTS)),
            recognition=recognition,
            encoder=fields.text("encoder", 16) if fields.has("encoder") else "",
            runs=_read_runs(fields, rows),
        )


def _read_moment(text: str) -> str:
    try:
        datetime.fromisoformat(text)
    except ValueError as error:
        raise InputError("style.created_at must be a moment in ISO 8601") from error
    return text


def _read_runs(fields: Fields, rows: RowArray | None) -> SourceRuns | None:
    if not fields.has("runs") or fields.is_null("runs"):
        return None
    runs = Fields(fields.mapping("runs", 10), "runs")
    if runs.whole("version", 1, 2**31) != RUNS_VERSION:
        return None
    level = Fields(runs.mapping("level", 10), "runs.level")
    p50, p95 = (level.number(name, 0.0, COPY_BITS) for name in ("p50", "p95"))
    pieces = level.whole("pieces", 0, MOST_MEASURED)
    quoting = level.whole("quoting", 0, pieces)
    known = np.zeros(0, ROW_DTYPE) if rows is None else rows
    return SourceRuns(known, _read_kept(runs), Level(p50, p95, COPY_BITS, pieces, quoting))


def _read_kept(runs: Fields) -> Kept:
    kept = runs.items("kept", KINDS)
    if any(type(share) not in (int, float) or not 0 < share <= 1 for share in kept):
        raise InputError("runs.kept must be shares")
    return tuple(map(float, kept))


def _read_parents(data: dict[str, Any]) -> dict[str, float]:
    fields = Fields(data, "parents")
    return {check_style_name(name): fields.number(name, -1000.0, 1000.0) for name in data}


def _check_embedding(embedding: NDArray[np.float32]) -> None:
    if embedding.dtype != np.float32 or embedding.ndim != 1:
        raise ValueError(f"embedding must be float32 [EMBEDDING_SIZE], not {embedding.dtype} {list(embedding.shape)}")
    if len(embedding) != EMBEDDING_SIZE:
        raise InputError(
            f"the vector has {len(embedding)} values, where this stilo has {EMBEDDING_SIZE}; learn the style anew"
        )
    if not np.isfinite(embedding).all():
        raise ValueError("embedding holds values that are not finite")


def _values(recognition: LearnedEmbedding | None) -> NDArray[np.float32]:
    return np.zeros(0, np.float32) if recognition is None else recognition.values


def _rows(runs: SourceRuns | None) -> RowArray:
    return np.zeros(0, ROW_DTYPE) if runs is None else runs.rows


def _check_recognition(recognition: LearnedEmbedding | None, encoder: str) -> None:
    if (recognition is None) != (encoder == ""):
        raise InputError("recognition and encoder of a style come together; learn the style anew")
    if encoder and not ENCODER.fullmatch(encoder):
        raise InputError("style.encoder must be sixteen hex digits")


def _check_adapter(adapter: Adapter | None) -> None:
    if adapter is None:
        return
    if len(adapter) > MOST_ADAPTER_ARRAYS or sum(array.nbytes for array in adapter.values()) > MOST_ADAPTER_BYTES:
        raise ValueError(f"adapter passes {MOST_ADAPTER_ARRAYS} arrays or {MOST_ADAPTER_BYTES // 2**20} MiB")
    for key, array in adapter.items():
        if not ADAPTER_KEY.fullmatch(key):
            raise ValueError(f"adapter key {key[:80]!a} is not letters, digits, dots, hyphens and underscores")
        if str(array.dtype) not in ADAPTER_DTYPES:
            raise ValueError(f"adapter array {key} is {array.dtype}, not float16 or float32")
        if not np.isfinite(array).all():
            raise ValueError(f"adapter array {key} holds values that are not finite")
