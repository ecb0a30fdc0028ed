"""Which styles of the library are like a style, a file or a folder.

Likeness is the cosine of two learned embeddings, facet by facet: 1 for the same music. Two sets of ten pieces by one
composer come to about 0.8, by two composers mostly to less than 0.6, fewer pieces to less (benchmarks/similar.py). Only
what one and the same encoder heard can be compared, and only facets in which both have something: drums have no pitch.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from stilo.errors import InputError, ReadError, RequestError, UnknownStyleError
from stilo.models.learned_embedding import FACET_ORDER
from stilo.workshop.keeping import list_styles, load_style
from stilo.workshop.meaning import is_path, style_meant, tell_of_styles
from stilo.workshop.progress import Notice, Progress, silent, unheard

if TYPE_CHECKING:
    from stilo.models.learned_embedding import LearnedEmbedding
    from stilo.music.score import Score
    from stilo.styles.style import Style

MOST_TOLD = 10
FEWEST_NOTES = 16  # of a file
MOST_NAMED = 4
MOST_ON_CARD = 3
_LEARN_AGAIN = "(learned with another encoder or before there was one; learn again to compare)"


@dataclass(frozen=True, slots=True)
class Likeness:
    """How like a style of the library is: cosines, −1…1; `overall` is the mean of the facets.

    A facet in which one of both has nothing (drums have neither pitch nor harmony) is None and does not count.
    """

    name: str
    overall: float
    pitch: float | None
    rhythm: float | None
    harmony: float | None
    emotion: float | None


def similar_styles(
    what: str | Path | Sequence[str | Path],
    *,
    facet: str | None = None,
    most: int | None = MOST_TOLD,
    progress: Progress = silent,
    notice: Notice = unheard,
) -> list[Likeness]:
    """The styles of the library that are most like `what`, best first; a style that is asked for is left out.

    Args:
        what: the name of a style, a file, a folder, or several files and folders (see `workshop.meaning`).
        facet: order by "pitch", "rhythm", "harmony" or "emotion" alone.
        most: how many at most; None for all.
        progress: is told what is being read and the share done.
        notice: is told of files that cannot be read, of styles that cannot be compared, and what a word was taken for
            that names both a style and a path.

    Raises:
        RequestError: there is no such facet, or `most` is below 1.
        InputError: nothing is called so, nothing in it can be read or it has fewer than `FEWEST_NOTES` notes, or the
            library holds nothing to compare with.
        SetupError: the weights of the encoder are missing or damaged.
    """
    _check(facet, most)
    given = [what] if isinstance(what, str | Path) else list(what)
    style = _style_meant(given, notice)
    if style is not None:
        return _ranked(_recognition_of(style), style.encoder, style.name, facet, notice)[:most]
    _check_library()

    from stilo.models.encoder_files import encoder_identity

    encoder = encoder_identity()
    return _ranked(_heard(given, progress, notice), encoder, "", facet, notice)[:most]


def styles_like(style: Style, most: int = MOST_ON_CARD) -> list[Likeness]:
    """The other styles of the library most like a style of it, best first; none that are unlike it (0 or below).

    Empty when the style cannot be compared.
    """
    from stilo.library.store import Library

    if style.recognition is None:
        return []
    with Library() as library:
        compared = _compared(style.recognition, library.recognitions(style.encoder), style.name, None)
    return [one for one in compared if one.overall > 0][:most]


def _check(facet: str | None, most: int | None) -> None:
    if facet is not None and facet not in FACET_ORDER:
        raise RequestError(f"facet {facet[:40]!a}: say one of {', '.join(FACET_ORDER)}")
    if most is not None and most < 1:
        raise RequestError(f"most {most}: say 1 or more")


def _style_meant(given: Sequence[str | Path], notice: Notice) -> Style | None:
    """The style that is given alone; None when paths are given.

    Raises:
        InputError: one of them is neither path nor style, or is a style among others.
    """
    if len(given) == 1 and (meant := style_meant(given[0], notice)) is not None:
        return meant
    missing = [one for one in given if not is_path(one)]
    if not missing:
        tell_of_styles(given, notice)
        return None
    try:
        style = load_style(str(missing[0]))
    except UnknownStyleError as error:
        raise InputError(f"no such file or folder, and {error}") from error
    if len(given) > 1:
        raise InputError(f"{style.name} is a style; ask for one style at a time, or for files and folders together")
    return style


def _recognition_of(style: Style) -> LearnedEmbedding:
    if style.recognition is None:
        raise InputError(f"{style.name} was learned without an encoder; learn it again to compare it")
    return style.recognition


def _heard(given: Sequence[str | Path], progress: Progress, notice: Notice) -> LearnedEmbedding:
    """What the encoder makes of all the pieces in files and folders, of which none is kept.

    Raises:
        InputError: there is no piece that can be used.
    """
    from stilo.models.learned_embedding import mean_embedding
    from stilo.models.recogniser import recognise_each

    unread: list[ReadError] = []
    heard = list(recognise_each(_pieces(given, unread, progress)))
    if not heard and len(unread) == 1:
        raise unread[0]
    if not heard:
        told = f"none of the {len(unread)} files can be read; the first: {unread[0]}" if unread else "no music found"
        raise InputError(told)
    for unreadable in unread:
        notice(f"left out {unreadable}")
    return mean_embedding(heard)


def _pieces(given: Sequence[str | Path], unread: list[ReadError], progress: Progress) -> Iterator[Score]:
    """Every piece once, on its grid; the files that cannot be used go to `unread`."""
    from stilo.elements.grid import on_grid
    from stilo.music.files import music_files, read_scores
    from stilo.styles.holding_out import note_content

    files = music_files([Path(one) for one in given])
    seen: set[str] = set()
    for i, path in enumerate(files):
        progress(f"hearing {path.name}", i / len(files))
        try:
            scores = [score for score in read_scores(path) if len(score)]
            notes = sum(map(len, scores))
            if 0 < notes < FEWEST_NOTES:
                raise ReadError(path, f"too little music to compare: {notes} note{'s' * (notes != 1)}")
            pieces = {note_content(score): on_grid(score).score for score in scores}
        except InputError as error:
            unread.append(error if isinstance(error, ReadError) else ReadError(path, str(error)))
            continue
        if not pieces:
            unread.append(ReadError(path, "holds no notes"))
        yield from (score for content, score in pieces.items() if content not in seen)
        seen |= pieces.keys()


def _check_library() -> None:
    """Whether there is anything to compare with is known before anything is read."""
    if not list_styles():
        raise InputError("the library is empty; teach it a style with: stilo learn NAME FILES")


def _ranked(
    recognition: LearnedEmbedding, encoder: str, asked: str, facet: str | None, notice: Notice
) -> list[Likeness]:
    """All styles but the one that is asked for, best first; those that cannot be compared are told."""
    from stilo.library.store import Library

    with Library() as library:
        names = [name for name in library.names() if name != asked]
        known = library.recognitions(encoder)
    apart = [name for name in names if name not in known]
    if not names:
        raise InputError(f"{asked} is the only style of the library; teach it another with: stilo learn NAME FILES")
    if len(apart) == len(names):
        raise InputError(f"nothing to compare with: {_named(apart)} {_LEARN_AGAIN}")
    if apart:
        notice(f"not compared: {_named(apart)} {_LEARN_AGAIN}")
    return _compared(recognition, known, asked, facet)


def _compared(
    recognition: LearnedEmbedding, known: Mapping[str, LearnedEmbedding], asked: str, facet: str | None
) -> list[Likeness]:
    found = []
    for name, other in known.items():
        if name != asked:
            both = [one for one in FACET_ORDER if recognition.facet(one).any() and other.facet(one).any()]
            facets = {one: recognition.likeness(other, [one]) if one in both else None for one in FACET_ORDER}
            found.append(Likeness(name, recognition.likeness(other, both), **facets))
    return sorted(found, key=lambda one: _order(one, facet))


def _order(one: Likeness, facet: str | None) -> tuple[bool, float]:
    """The likest first, those without the facet last."""
    value = getattr(one, facet or "overall")
    return value is None, -one.overall if value is None else -float(value)


def _named(names: Sequence[str]) -> str:
    more = len(names) - MOST_NAMED
    return ", ".join(names) if more <= 0 else f"{', '.join(names[:MOST_NAMED])} and {more:,} more"
