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
MOST_TOLD = 3  # pieces that are told one by one to be among those that they are held against
_Place = tuple[Path, int]  # a file, and which of its tunes


@dataclass(frozen=True)
class Checked:
    """A piece that was held against others, or why it could not be.

    Attributes:
        path: its file.
        title: of the tune, where the file holds several.
        findings: what it shares; None when it cannot be read.
        error: why not.
        left_out: names of the pieces that it was not held against, since they are this piece.
    """

    path: str
    title: str = ""
    findings: Findings | None = None
    error: str = ""
    left_out: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """As plain JSON: what it shares with the person's pieces, and under `base` with those of the base model."""
        told: dict[str, Any] = {"file": self.path} | ({"title": self.title} if self.title else {})
        if self.findings is None:
            return told | {"error": self.error}
        pieces, base = self.findings.pieces, self.findings.base
        told |= _AGAINST_NONE if pieces is None else pieces.to_json()
        return told | {"left_out": list(self.left_out), "base": None if base is None else base.to_json()}


_AGAINST_NONE: dict[str, Any] = {"originality": None, "verdict": None, "copied_share": None, "runs": []}


@dataclass(frozen=True, eq=False)
class _Yardstick:
    """What pieces are held against, and which of its pieces is which, by place or by the hash of the file."""

    against: Against
    by_place: dict[_Place, int] = field(default_factory=dict)
    by_hash: dict[str, list[int]] = field(default_factory=dict)

    def check(self, scores: Iterable[Score], path: Path) -> Iterator[tuple[Findings, tuple[str, ...]]]:
        """What the tunes of a file share, one after another, and names of the pieces left out, since they are it."""
        of_file = self.by_hash.get(sha256_of(path), []) if self.by_hash else []
        for tune, score in enumerate(map(_on_grid, scores)):
            place = path.resolve(), tune
            left_out = [self.by_place[place]] if place in self.by_place else self.against.same(score, of_file)
            findings = self.against.check(score, left_out)
            names = () if self.against.index is None else self.against.index.names
            yield findings, tuple(names[number] for number in left_out)


def check(
    piece: str | Path | Score,
    against: str | Path | Style | Sequence[str | Path],
    progress: Progress = silent,
    notice: Notice = unheard,
) -> Findings:
    """What a piece shares with others, beside what human pieces share; bars are counted from 1.

    Args:
        piece: a score, or a file of one piece.
        against: a style, the name of one, a folder, a file, or several files and folders. The piece itself is
            left out of it, known by its place or, of a style's sources, by the hash of its file.
        progress: is told what is being read and the share done.
        notice: is told of files that cannot be read, of a piece that is left out of what it is held against, of an
            index that is not installed, of a style that keeps nothing to tell by, and what a word was taken for that
            names both a style and a path.

    Raises:
        InputError: there is nothing of that name, nothing in it can be read, the style keeps nothing to tell by and no
            index of the base model's pieces is installed, or the file holds several tunes.
        ReadError: the piece cannot be read.
        SetupError: the index of the base model's pieces is damaged.
    """
    if isinstance(piece, Score):
        return _yardstick(against, part_of(progress, 0.0, READING_SHARE), notice).against.check(_on_grid(piece))
    path = Path(piece).expanduser()
    scores = _scores(path)
    if len(scores) > 1:
        raise InputError(f"{path} holds {len(scores)} tunes: check them one by one as scores, or all with: stilo check")
    findings, left_out = next(_yardstick(against, part_of(progress, 0.0, READING_SHARE), notice).check(scores, path))
    _tell_left_out([Checked(str(path), findings=findings, left_out=left_out)], notice)
    return findings


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
    found: list[Checked] = []
    for number, path in enumerate(files):
        tell(f"checking {path.name}", number / len(files))
        try:
            scores = _scores(path)
            for score, (findings, left_out) in zip(scores, yardstick.check(scores, path), strict=True):
                checked = Checked(str(path), score.title if len(scores) > 1 else "", findings, left_out=left_out)
                found.append(checked)
                yield checked
        except ReadError as error:
            yield Checked(str(path), error=error.reason)
    _tell_left_out(found, notice)


def _tell_left_out(checked: Sequence[Checked], notice: Notice) -> None:
    """Say which pieces are among those that they are held against; of more than a few only how many."""
    themselves = [one for one in checked if one.left_out]
    if len(themselves) > MOST_TOLD:
        notice(f"{len(themselves)} pieces are among those that they are held against: each is held against the others")
        return
    for one in themselves:
        alone = one.findings is None or one.findings.pieces is None
        others = "nothing is left to hold it against" if alone else "it is held against the others alone"
        notice(f"{one.path} is one of the pieces that it is held against: {others}")


def _scores(path: Path) -> list[Score]:
    scores = [score for score in read_scores(path) if len(score)]
    if not scores:
        raise ReadError(path, "holds no notes")
    return scores


def _on_grid(score: Score) -> Score:
    from stilo.elements.grid import on_grid

    return on_grid(score).score


def _yardstick(given: str | Path | Style | Sequence[str | Path], tell: Progress, notice: Notice) -> _Yardstick:
    from stilo.compose.originality import NO_BASE_INDEX, against_style, no_runs
    from stilo.originality.base import has_base_index

    if not has_base_index():
        notice(NO_BASE_INDEX)
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
        if not has_base_index():
            raise InputError(
                f"there is nothing to hold a piece against: {no_runs(style)}; say the folder of its pieces"
            )
        notice(f"held against the base model's pieces alone: {no_runs(style)}; for its own, say their folder")
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
    from stilo.originality.index import index_of
    from stilo.originality.level import level_of

    files = music_files([Path(path).expanduser() for path in paths])
    _check_count(len(files))
    pieces: list[tuple[str, RunArray]] = []
    numbers: dict[_Place, int] = {}
    for number, path in enumerate(files):
        tell(f"reading {path.name}", number / len(files))
        try:
            for i, named in enumerate(_named_runs(path)):
                numbers[path.resolve(), i] = len(pieces)
                pieces.append(named)
                _check_count(len(pieces))
        except ReadError as error:
            notice(f"left out {error}")
    if not pieces:
        raise InputError(f"{', '.join(map(str, paths))}: holds no music that can be read")
    index = index_of(pieces, common_stock())
    level = level_of([runs for _, runs in pieces], index)
    return _Yardstick(Against(index, level, base_index() if has_base_index() else None), numbers)


def _check_count(pieces: int) -> None:
    from stilo.originality.index import MOST_PIECES

    if pieces > MOST_PIECES:
        raise InputError(f"{pieces:,} pieces or more cannot be held against: give at most {MOST_PIECES:,}")


def _named_runs(path: Path) -> Iterator[tuple[str, RunArray]]:
    from stilo.originality.lines import notes_of_score
    from stilo.originality.runs import runs_of

    scores = _scores(path)
    for score in scores:
        name = f"{path.name} ({score.title})" if len(scores) > 1 and score.title else path.name
        yield name, runs_of(notes_of_score(_on_grid(score)))
