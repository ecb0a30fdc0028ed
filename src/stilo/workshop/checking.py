"""Whether pieces are original: held against files or a style, and against what the base model learned from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stilo.errors import InputError, ReadError, UnknownStyleError
from stilo.music.files import music_files, read_scores
from stilo.music.score import Score
from stilo.workshop.keeping import load_style
from stilo.workshop.learning import sha256_of
from stilo.workshop.meaning import is_path, style_meant
from stilo.workshop.progress import Notice, Progress, part_of, silent, unheard

if TYPE_CHECKING:
    from stilo.originality.against import Against, Findings
    from stilo.originality.runs import RunArray
    from stilo.styles.style import Style

READING_SHARE = 0.7
_Place = tuple[Path, int]  # a file, and which of its tunes


@dataclass(frozen=True)
class Checked:
    """A piece that was held against others, or why it could not be.

    Attributes:
        path: its file.
        title: of the tune, where the file holds several.
        findings: what it shares; None when it cannot be read.
        error: why not.
    """

    path: str
    title: str = ""
    findings: Findings | None = None
    error: str = ""

    def to_json(self) -> dict[str, Any]:
        """As plain JSON: what it shares with the person's pieces, and under `base` with those of the base model."""
        told: dict[str, Any] = {"file": self.path} | ({"title": self.title} if self.title else {})
        if self.findings is None:
            return told | {"error": self.error}
        pieces, base = self.findings.pieces, self.findings.base
        told |= {} if pieces is None else pieces.to_json()
        return told | {"base": None if base is None else base.to_json()}


@dataclass(frozen=True, eq=False)
class _Yardstick:
    """What pieces are held against, and which of its pieces is which, by place or by the hash of the file."""

    against: Against
    by_place: dict[_Place, int] = field(default_factory=dict)
    by_hash: dict[str, list[int]] = field(default_factory=dict)

    def check(self, score: Score, path: Path | None = None, tune: int = 0, notice: Notice = unheard) -> Findings:
        number = -1 if path is None else self._number(path.resolve(), tune)
        if number >= 0:
            notice(f"{path} is one of the pieces that it is held against: it is held against the others alone")
        return self.against.check(score, () if number < 0 else (number,))

    def _number(self, path: Path, tune: int) -> int:
        """Which of its pieces a tune of a file is; −1 = none."""
        if not self.by_hash:
            return self.by_place.get((path, tune), -1)
        return dict(enumerate(self.by_hash.get(sha256_of(path), []))).get(tune, -1)


def check(
    piece: str | Path | Score,
    against: str | Path | Style | Sequence[str | Path],
    progress: Progress = silent,
    notice: Notice = unheard,
) -> Findings:
    """What a piece shares with others, beside what human pieces share; bars are counted from 1.

    Args:
        piece: a score or a file.
        against: a style, the name of one, a folder, a file, or several files and folders. The piece itself is
            left out of it, known by its place or, of a style's sources, by the hash of its file.
        progress: is told what is being read and the share done.
        notice: is told of files that cannot be read, of a piece that is left out of what it is held against, and what a
            word was taken for that names both a style and a path.

    Raises:
        InputError: there is nothing of that name, nothing in it can be read, or the style keeps nothing to tell by.
        ReadError: the piece cannot be read.
        SetupError: the index of the base model's pieces is damaged.
    """
    yardstick = _yardstick(against, part_of(progress, 0.0, READING_SHARE), notice)
    if isinstance(piece, Score):
        return yardstick.check(_on_grid(piece))
    path = Path(piece).expanduser()
    return yardstick.check(_on_grid(_scores(path)[0]), path, notice=notice)


def check_files(
    paths: Iterable[str | Path],
    against: str | Path | Style | Sequence[str | Path],
    progress: Progress = silent,
    notice: Notice = unheard,
) -> Iterator[Checked]:
    """The same of every piece in files and folders, one after another; a file that cannot be read is told in its turn.

    Raises:
        InputError, SetupError: as for `check`; or there is no music file.
    """
    files = music_files([Path(path).expanduser() for path in paths])
    if not files:
        raise InputError("no music found; give MIDI, MusicXML or ABC files, or folders that hold some")
    yardstick = _yardstick(against, part_of(progress, 0.0, READING_SHARE), notice)
    tell = part_of(progress, READING_SHARE, 1.0)
    for number, path in enumerate(files):
        tell(f"checking {path.name}", number / len(files))
        try:
            scores = _scores(path)
            for i, score in enumerate(scores):
                findings = yardstick.check(_on_grid(score), path, i, notice)
                yield Checked(str(path), score.title if len(scores) > 1 else "", findings)
        except ReadError as error:
            yield Checked(str(path), error=error.reason)


def _scores(path: Path) -> list[Score]:
    scores = [score for score in read_scores(path) if len(score)]
    if not scores:
        raise ReadError(path, "holds no notes")
    return scores


def _on_grid(score: Score) -> Score:
    from stilo.elements.grid import on_grid

    return on_grid(score).score


def _yardstick(given: str | Path | Style | Sequence[str | Path], tell: Progress, notice: Notice) -> _Yardstick:
    from stilo.compose.originality import against_style

    if isinstance(given, str | Path):
        style = style_meant(given, notice)
        if style is None and not is_path(Path(given).expanduser()):
            style = _style_called(given)
        paths: Sequence[str | Path] = [given]
    elif isinstance(given, Sequence):
        style, paths = None, given
    else:
        style, paths = given, []
    if style is None:
        return _of_files(paths, tell, notice)
    if style.runs is None:
        raise InputError(
            f"the style '{style.name}' was learned before stilo kept what copies are told by; learn it again, or say "
            "its folder"
        )
    by_hash: dict[str, list[int]] = {}
    for number, source in enumerate(style.sources):
        by_hash.setdefault(source.sha256, []).append(number)
    return _Yardstick(against_style(style), by_hash=by_hash)


def _style_called(given: str | Path) -> Style:
    try:
        return load_style(str(given))
    except UnknownStyleError as error:
        raise InputError(f"{given}: no file, no folder and no style of the library is called so") from error


def _of_files(paths: Sequence[str | Path], tell: Progress, notice: Notice) -> _Yardstick:
    """All pieces of files and folders, measured now."""
    from stilo.originality.against import Against
    from stilo.originality.base import base_index, common_stock, has_base_index
    from stilo.originality.index import MOST_PIECES, index_of
    from stilo.originality.level import level_of

    files = music_files([Path(path).expanduser() for path in paths])
    pieces: list[tuple[str, RunArray]] = []
    numbers: dict[_Place, int] = {}
    for number, path in enumerate(files):
        tell(f"reading {path.name}", number / len(files))
        try:
            for i, named in enumerate(_named_runs(path)):
                numbers[path.resolve(), i] = len(pieces)
                pieces.append(named)
        except ReadError as error:
            notice(f"left out {error}")
    if not pieces:
        raise InputError(f"{', '.join(map(str, paths))}: holds no music that can be read")
    if len(pieces) > MOST_PIECES:
        raise InputError(f"{len(pieces):,} pieces are more than can be held against: give at most {MOST_PIECES:,}")
    index = index_of(pieces, common_stock())
    level = level_of([runs for _, runs in pieces], index)
    return _Yardstick(Against(index, level, base_index() if has_base_index() else None), numbers)


def _named_runs(path: Path) -> Iterator[tuple[str, RunArray]]:
    from stilo.originality.lines import notes_of_score
    from stilo.originality.runs import runs_of

    scores = _scores(path)
    for score in scores:
        name = f"{path.name} ({score.title})" if len(scores) > 1 and score.title else path.name
        yield name, runs_of(notes_of_score(_on_grid(score)))
