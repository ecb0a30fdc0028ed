"""What was learned, shown by composing: short pieces with it and without, measured, recognised, written to files."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from stilo.errors import InputError, WriteError
from stilo.styles.trial import Trial
from stilo.workshop.keeping import load_style
from stilo.workshop.progress import Progress, silent

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from stilo.models.learned_embedding import LearnedEmbedding
    from stilo.music.score import Score
    from stilo.styles.style import Style

SKETCHES, SKETCH_BARS, SKETCH_SEED = 8, 8, 1
WITHOUT, LEARNED = "without", "learned"


def sketches(style: Style, trial: Trial | None = None) -> dict[str, list[Score]]:
    """Short pieces in a style without what was learned and with it, side by side: those of a trial again, or new ones.

    Raises:
        InputError: the style was learned with other weights, or names no parts.
        SetupError: the weights are missing.
    """
    from stilo.compose.sketching import sketch

    plan = trial or Trial(SKETCHES, SKETCH_BARS, SKETCH_SEED)
    return {
        name: sketch(style, plan.pieces, plan.bars, plan.seed, is_learned=is_learned)
        for name, is_learned in ((WITHOUT, False), (LEARNED, True))
    }


def tried(style: Style, progress: Progress = silent) -> Style:
    """The style with what `SKETCHES` short pieces show in its proof; as it is, if it has no proof.

    Raises:
        InputError: the style was learned with other weights, or names no parts.
        SetupError: the weights are missing.
    """
    if style.proof is None:
        return style
    from stilo.elements.pooling import group_distances
    from stilo.elements.profile import pool_profiles
    from stilo.styles.measuring import analyse_piece

    progress("composing without and with what was learned", 0.0)
    pieces = {name: [one for one in some if len(one)] for name, some in sketches(style).items()}
    if not all(pieces.values()):
        return style
    distances = {
        name: group_distances(pool_profiles([analyse_piece(one) for one in some]), style.profile)
        for name, some in pieces.items()
    }
    known, styles = _known(style, pieces)
    trial = Trial(
        pieces=SKETCHES,
        bars=SKETCH_BARS,
        seed=SKETCH_SEED,
        without=distances[WITHOUT],
        learned=distances[LEARNED],
        known_without=known.get(WITHOUT),
        known_learned=known.get(LEARNED),
        styles=styles,
    )
    progress("composing without and with what was learned", 1.0)
    return replace(style, proof=replace(style.proof, trial=trial))


def _known(style: Style, pieces: Mapping[str, Sequence[Score]]) -> tuple[dict[str, int], int]:
    """How many of the pieces are more like the style than like any other of the library; among how many styles."""
    from stilo.library.store import Library

    if style.recognition is None:
        return {}, 1
    with Library() as library:
        known = library.recognitions(style.encoder)
    others = {name: one for name, one in known.items() if name.casefold() != style.name.casefold()}
    if not others:
        return {}, 1
    centroids = {**others, style.name: style.recognition}
    found = {name: sum(_nearest(one, centroids) == style.name for one in some) for name, some in pieces.items()}
    return found, len(centroids)


def _nearest(piece: Score, centroids: Mapping[str, LearnedEmbedding]) -> str:
    from stilo.models.learned_embedding import FACET_ORDER
    from stilo.models.recogniser import recognise

    heard = recognise([piece])

    def likeness(other: LearnedEmbedding) -> float:
        return heard.likeness(other, [one for one in FACET_ORDER if heard.facet(one).any() and other.facet(one).any()])

    return max(centroids, key=lambda name: likeness(centroids[name]))


def write_sketches(name: str, folder: str | Path, progress: Progress = silent) -> list[Path]:
    """Write the short pieces of a style's trial side by side: `1-without.mid`, `1-learned.mid` and so on.

    Args:
        name: of a style of the library.
        folder: where to; made when missing.
        progress: is told the share done.

    Raises:
        UnknownStyleError: the library does not hold the style.
        InputError: it was not learned, or with other weights.
        WriteError: a file cannot be written.
        SetupError: the weights are missing.
    """
    from stilo.music.files import write_score

    style = load_style(name)
    if style.proof is None:
        raise InputError(f"the style '{style.name}' was not learned from music, so that there is nothing to compare")
    target = Path(folder)
    try:
        target.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise WriteError(target, (error.strerror or str(error)).lower()) from error
    progress("composing without and with what was learned", 0.0)
    pieces = sketches(style, style.proof.trial)
    written = []
    for kind, some in pieces.items():
        for number, piece in enumerate(some, 1):
            written.append(target / f"{number}-{kind}.mid")
            write_score(replace(piece, title=f"{style.name}, {number}, {kind}"), written[-1])
    progress("composing without and with what was learned", 1.0)
    return sorted(written)
