"""What was learned, shown by composing: short pieces with it and without, measured, recognised, written to files."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from stilo.errors import InputError, WriteError
from stilo.styles.trial import Trial
from stilo.workshop.keeping import load_style
from stilo.workshop.progress import Progress, silent

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from stilo.elements.profile import Profile
    from stilo.models.learned_embedding import LearnedEmbedding
    from stilo.music.score import Score
    from stilo.styles.style import Style

SKETCHES, SKETCH_BARS, SKETCH_SEED = 8, 8, 1
FEWEST_PAIRS = 4  # fewer that sound tell nothing
DRAWS = 500
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
    """The style with what `SKETCHES` short pieces show in its proof; as it is, if it has no proof or they hardly sound.

    Raises:
        InputError: the style was learned with other weights, or names no parts.
        SetupError: the weights are missing.
    """
    if style.proof is None:
        return style
    from stilo.elements.pooling import group_distances, pool_profiles
    from stilo.styles.measuring import analyse_piece

    progress("composing without and with what was learned", 0.0)
    pieces = _with_notes(sketches(style))
    if min(map(len, pieces.values())) < FEWEST_PAIRS:
        return style
    profiles = {name: [analyse_piece(one) for one in some] for name, some in pieces.items()}
    distances = {name: group_distances(pool_profiles(some), style.profile) for name, some in profiles.items()}
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
        nearer_by=_nearer_by(profiles[WITHOUT], profiles[LEARNED], style.profile),
    )
    progress("composing without and with what was learned", 1.0)
    return replace(style, proof=replace(style.proof, trial=trial))


def _with_notes(pieces: Mapping[str, Sequence[Score]]) -> dict[str, list[Score]]:
    """Without the pairs of which one is silent."""
    pairs = [pair for pair in zip(*pieces.values(), strict=True) if all(map(len, pair))]
    return {name: [pair[i] for pair in pairs] for i, name in enumerate(pieces)}


def _nearer_by(without: Sequence[Profile], learned: Sequence[Profile], goal: Profile) -> tuple[float, float]:
    """95 % of how much nearer the second pool lies than the first, by bootstrap over the pairs of pieces."""
    from stilo.elements.pooling import pool_profiles, profile_distance

    def distance(profiles: Sequence[Profile], drawn: Sequence[int]) -> float:
        return profile_distance(pool_profiles([profiles[i] for i in drawn]), goal)

    draws = np.random.default_rng(SKETCH_SEED).integers(len(learned), size=(DRAWS, len(learned))).tolist()
    low, high = np.percentile([distance(without, drawn) - distance(learned, drawn) for drawn in draws], [2.5, 97.5])
    return float(low), float(high)


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
