"""A piece measured with all that is installed: the one way in which files, styles and composed pieces are measured.

Profiles are held against each other; those whose chords were read in different ways would differ in that alone.
"""

from __future__ import annotations

from collections.abc import Iterable

from stilo.elements.grid import GridEstimate, on_grid
from stilo.elements.profile import Profile, analyse
from stilo.models.chord_reader import chords_folder, has_chord_net, load_chord_reader, read_chords
from stilo.models.learned_embedding import LearnedEmbedding
from stilo.music.score import Score


def analyse_piece(score: Score | GridEstimate, fast: bool = False) -> Profile:
    """Measure a piece, or what `on_grid` made of it.

    Its chords are read by the net where its weights are installed, with `fast` by templates.

    A score is laid on the grid that its file gives, or else on one that is found (`elements.grid.on_grid`).

    Raises:
        InputError: the piece is too long to measure.
        SetupError: the weights are damaged.
    """
    grid = score if isinstance(score, GridEstimate) else on_grid(score)
    return analyse(grid, None if fast or not has_chord_net() else read_chords(grid.score))


def recognise_pieces(scores: Iterable[Score]) -> LearnedEmbedding:
    """What the encoder makes of pieces of one style: the mean over them, each counting once.

    Scores are taken one after another and laid on their grid as for `analyse_piece`.

    Raises:
        InputError: a piece is too long to measure.
        SetupError: the weights of the encoder are missing or damaged.
        ValueError: no score was given.
    """
    from stilo.models.recogniser import recognise

    return recognise(on_grid(score).score for score in scores)


def check_chord_net() -> None:
    """Load the net that reads chords, if it is installed.

    Raises:
        SetupError: the weights are damaged.
    """
    if has_chord_net():
        load_chord_reader(chords_folder())
