"""Two styles learned from real pieces that come with music21 and that the base model never saw."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from stilo.errors import SetupError, WriteError
from stilo.music.atomic import write_whole
from stilo.workshop.analysing import draw_profile
from stilo.workshop.cards import style_card
from stilo.workshop.learning import gather_pieces
from stilo.workshop.outputs import check_outputs, write_composition
from stilo.workshop.progress import Progress, part_of, silent

if TYPE_CHECKING:
    from stilo.compose.composer import Composition
    from stilo.styles.style import Style

SECONDS_OF_TUNING = 90.0
BARS = 32
SEED = 1
COMPOSED_ENDINGS = (".musicxml", ".mid", ".wav", ".json", ".png")


@dataclass(frozen=True)
class DemoStyle:
    """A style of the demo and its pieces, as paths inside the corpus of music21."""

    name: str
    slug: str
    pieces: tuple[str, ...]
    licence: str


CHORALES = "127.5 14.5 151.5 245.17 248.46-5 259 275 283 291 315 331 358 381 411 428 436"
MADRIGALS = "3.8 3.9 3.10 3.11 3.14 3.15 3.16 3.17 3.18 4.10 4.11 4.12"
LICENCE = "music in the public domain, encoding of the music21 corpus"

DEMO_STYLES = (
    DemoStyle("Bach chorales", "bach-chorales", tuple(f"bach/bwv{number}.mxl" for number in CHORALES.split()), LICENCE),
    DemoStyle(
        "Monteverdi madrigals",
        "monteverdi-madrigals",
        tuple(f"monteverdi/madrigal.{number}.mxl" for number in MADRIGALS.split()),
        LICENCE,
    ),
)


@dataclass(frozen=True)
class DemoResult:
    """What the demo left behind for one style."""

    style: Style
    composition: Composition
    card: str
    files: tuple[Path, ...]


def run_demo(
    out: str | Path, *, seconds: float = SECONDS_OF_TUNING, progress: Progress = silent
) -> Iterator[DemoResult]:
    """Learn each style of the demo, compose in it and leave everything in `out`; one result after another.

    The person's library stays as it is: the styles are left as `.stilo` bundles, which `stilo library import` takes in.

    Args:
        out: a folder, made when missing.
        seconds: of tuning for each style.
        progress: is told what is being done and the share done.

    Raises:
        SetupError: the corpus, the weights or the renderer is missing.
        WriteError: the folder cannot be written.
    """
    folder = Path(out)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise WriteError(folder, (error.strerror or str(error)).lower()) from error
    for demo in DEMO_STYLES:
        check_outputs(_composed_files(folder / demo.slug))
    for i, demo in enumerate(DEMO_STYLES):
        stage = part_of(progress, i / len(DEMO_STYLES), (i + 1) / len(DEMO_STYLES))
        style = _learned(demo, seconds, part_of(stage, 0.0, 0.8))
        yield _composed(style, folder / demo.slug, part_of(stage, 0.8, 1.0))


def corpus_files(demo: DemoStyle) -> list[Path]:
    """Where the pieces of a demo style lie on this machine.

    Raises:
        SetupError: music21 is not installed, or its corpus is another one.
    """
    spec = find_spec("music21")
    if spec is None or not spec.submodule_search_locations:
        raise SetupError("the demo learns from the corpus of music21, which is not installed: pip install music21")
    corpus = Path(spec.submodule_search_locations[0]) / "corpus"
    files = [corpus / piece for piece in demo.pieces]
    missing = [path for path in files if not path.is_file()]
    if missing:
        raise SetupError(f"the corpus of music21 lacks {missing[0]}: pip install --force-reinstall music21")
    return files


def _learned(demo: DemoStyle, seconds: float, progress: Progress) -> Style:
    from stilo.styles.learn import learn

    pieces = gather_pieces(corpus_files(demo), demo.licence, part_of(progress, 0.0, 0.1))
    return learn(demo.name, pieces, seconds=seconds, seed=SEED, progress=part_of(progress, 0.1, 1.0))


def _composed_files(stem: Path) -> list[Path]:
    return [Path(f"{stem}{ending}") for ending in COMPOSED_ENDINGS]


def _composed(style: Style, stem: Path, progress: Progress) -> DemoResult:
    """Compose, and leave everything in files that begin with `stem`."""
    from stilo.compose.composer import compose
    from stilo.compose.request import Request
    from stilo.styles.bundle import write_bundle

    composition = compose(style, Request(bars=BARS, seed=SEED), progress=part_of(progress, 0.0, 0.5))
    files = _composed_files(stem)
    write_composition(composition, files, part_of(progress, 0.5, 1.0))
    card_file, profile_file, bundle_file = (Path(f"{stem}{end}") for end in (".card.txt", ".profile.png", ".stilo"))
    card = style_card(style)
    write_whole(card_file, card.encode())
    draw_profile(style.profile, profile_file, style.name)
    write_bundle(style, bundle_file, replace=True)
    return DemoResult(style, composition, card, (card_file, profile_file, bundle_file, *files))
