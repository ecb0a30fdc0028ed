"""Whether pieces are original: held against files or a style, and against what the base model learned from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any

from stilo.errors import InputError, ReadError, UnknownStyleError
from stilo.music.files import music_files, read_scores
from stilo.music.score import Score
from stilo.workshop.keeping import load_style
from stilo.workshop.learning import sha256_of
from stilo.workshop.meaning import is_path, path_meant, style_meant
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
        left_out: names of the pieces that it was not held against, since they are this piece, where it lies.
        same_as: names of those that are in a file of the same bytes elsewhere; it was held against them.
    """

    path: str
    title: str = ""
    findings: Findings | None = None
    error: str = ""
    left_out: tuple[str, ...] = ()
    same_as: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """As plain JSON, always of the same keys, null where there is nothing to tell.

        `verdict` and `originality` are the worse of what it shares with the person's pieces (`pieces`) and with those
        of the base model (`base`).
        """
        pieces, base = (None, None) if self.findings is None else (self.findings.pieces, self.findings.base)
        each = {name: None if one is None else one.to_json() for name, one in (("pieces", pieces), ("base", base))}
        figures = [one["originality"] for one in each.values() if one is not None and one["originality"] is not None]
        return {
            "file": self.path,
            "title": self.title or None,
            "error": self.error or None,
            "verdict": None if self.findings is None else self.findings.verdict,
            "originality": min(figures, default=None),
            **each,
            "left_out": list(self.left_out),
            "same_as": list(self.same_as),
        }


@dataclass(frozen=True, eq=False)
class _Yardstick:
    """What pieces are held against, and which of its pieces is which.

    Attributes:
        against: the pieces, by number.
        by_place: their numbers, where it is known which tune of its file each is.
        by_hash: their numbers and their files, by the hash of the file. A style may know a file by name alone.
    """

    against: Against
    by_place: dict[_Place, int] = field(default_factory=dict)
    by_hash: dict[str, list[tuple[int, Path]]] = field(default_factory=dict)

    def check(self, path: Path, scores: Sequence[Score]) -> Iterator[Checked]:
        """What the tunes of a file share, one after another. A piece is left out where it lies, a copy of it is not."""
        of_file, here = self.by_hash.get(sha256_of(path), []) if self.by_hash else [], path.resolve()
        own = [number for number, file in of_file if file == here]
        others = [number for number, file in of_file if file != here]
        names = () if self.against.index is None else self.against.index.names
        for tune, score in enumerate(scores):
            laid = _on_grid(score)
            is_known = (here, tune) in self.by_place
            left_out = [self.by_place[here, tune]] if is_known else self.against.same(laid, own)
            yield Checked(
                str(path),
                score.title if len(scores) > 1 else "",
                self.against.check(laid, left_out),
                left_out=tuple(names[number] for number in left_out),
                same_as=tuple(names[number] for number in self.against.same(laid, others)),
            )


def check(
    piece: str | Path | Score,
    against: str | Path | Style | Sequence[str | Path],
    progress: Progress = silent,
    notice: Notice = unheard,
) -> Findings:
    """What a piece shares with others, beside what human pieces share; bars are counted from 1.

    Args:
        piece: a score, or a file of one piece.
        against: a style, the name of one, a folder, a file, or several files and folders. The piece itself, where
            it lies, is left out of it; a copy of its file that lies elsewhere is not.
        progress: is told what is being read and the share done.
        notice: is told of files that cannot be read, of a piece that is left out of what it is held against, or that
            is the same file as one of these, of an index that is not installed, of a style that keeps nothing to tell
            by, and what a word was taken for that names both a style and a path.

    Raises:
        InputError: there is nothing of that name, nothing in it can be read, the style keeps nothing to tell by and no
            index of the base model's pieces is installed, or the file holds several tunes.
        ReadError: the piece cannot be read.
        SetupError: the index of the base model's pieces is damaged.
    """
    if isinstance(piece, Score):
        return _yardstick(against, part_of(progress, 0.0, READING_SHARE), notice).against.check(_on_grid(piece))
    path = path_meant(piece)
    scores = _scores(path)
    if len(scores) > 1:
        raise InputError(f"{path} holds {len(scores)} tunes: check them one by one as scores, or all with: stilo check")
    [checked] = _yardstick(against, part_of(progress, 0.0, READING_SHARE), notice).check(path, scores)
    _tell_left_out([checked], notice)
    if checked.same_as:
        notice(f"{path} is the same file as {', '.join(checked.same_as)}, which it is held against")
    assert checked.findings is not None
    return checked.findings


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
    files = music_files([path_meant(path) for path in paths])
    if not files:
        raise InputError("no music found; give MIDI, MusicXML or ABC files, or folders that hold some")
    yardstick = _yardstick(against, part_of(progress, 0.0, READING_SHARE), notice)
    tell = part_of(progress, READING_SHARE, 1.0)
    found: list[Checked] = []
    for number, path in enumerate(files):
        tell(f"checking {path.name}", number / len(files))
        try:
            for checked in yardstick.check(path, _scores(path)):
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
        path = path_meant(given)
        style = style_meant(given, notice)
        if style is None and not is_path(path):
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
    by_hash: dict[str, list[tuple[int, Path]]] = {}
    for number, source in enumerate(style.sources):
        file = Path(source.path)
        by_hash.setdefault(source.sha256, []).append((number, file.resolve() if file.is_absolute() else file))
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

    files = music_files([path_meant(path) for path in paths])
    _check_count(len(files))
    pieces: list[tuple[str, RunArray]] = []
    by_place: dict[_Place, int] = {}
    by_hash: dict[str, list[tuple[int, Path]]] = {}
    for number, (path, name) in enumerate(zip(files, _names_apart(files), strict=True)):
        tell(f"reading {path.name}", number / len(files))
        try:
            of_file = by_hash.setdefault(sha256_of(path), [])
            for i, named in enumerate(_named_runs(path, name)):
                by_place[path.resolve(), i] = len(pieces)
                of_file.append((len(pieces), path.resolve()))
                pieces.append(named)
                _check_count(len(pieces))
        except ReadError as error:
            notice(f"left out {error}")
    if not pieces:
        raise InputError(f"{', '.join(map(str, paths))}: holds no music that can be read")
    index = index_of(pieces, common_stock())
    level = level_of([runs for _, runs in pieces], index)
    return _Yardstick(Against(index, level, base_index() if has_base_index() else None), by_place, by_hash)


def _check_count(pieces: int) -> None:
    from stilo.originality.index import MOST_PIECES

    if pieces > MOST_PIECES:
        raise InputError(f"{pieces:,} pieces or more cannot be held against: give at most {MOST_PIECES:,}")


def _names_apart(files: Sequence[Path]) -> list[str]:
    """What files are called: their names, and where several are called so, with as many folders as tell them apart."""
    parts = [path.absolute().parts for path in files]
    taken = [1] * len(files)
    while True:
        names = [str(PurePath(*whole[-count:])) for whole, count in zip(parts, taken, strict=True)]
        times = Counter(names)
        alike = [i for i, name in enumerate(names) if times[name] > 1 and taken[i] < len(parts[i])]
        if not alike:
            return names
        for i in alike:
            taken[i] += 1


def _named_runs(path: Path, called: str) -> Iterator[tuple[str, RunArray]]:
    from stilo.originality.lines import notes_of_score
    from stilo.originality.runs import runs_of

    scores = _scores(path)
    for score in scores:
        name = f"{called} ({score.title})" if len(scores) > 1 and score.title else called
        yield name, runs_of(notes_of_score(_on_grid(score)))
