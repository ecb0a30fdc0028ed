"""Files, styles and pieces are measured and recognised in one way, on one grid."""

from dataclasses import replace

import numpy as np
import pytest

import stilo
from stilo.elements.grid import on_grid
from stilo.models.encoder_files import load_encoder
from stilo.models.recogniser import recognise
from stilo.styles.measuring import analyse_piece


@pytest.fixture
def played(tune):
    """The tune three times over, off every grid, with no metre written."""
    notes = np.tile(tune.notes, 3)
    notes["onset_ticks"] += np.repeat(np.arange(3) * 16 * 1440, len(tune)).astype(np.int32)
    onset = 1.31 * notes["onset_ticks"] + 1200 * np.sin(notes["onset_ticks"] / 2300)
    notes["onset_ticks"] = np.rint(onset + np.random.default_rng(2).uniform(100, 125, len(notes)))
    return replace(tune, notes=notes, time_signatures=())


def test_what_was_played_freely_is_measured_on_the_grid_that_is_found(played):
    grid = on_grid(played)
    assert grid.is_played
    assert analyse_piece(played) == analyse_piece(grid) == stilo.analyse(played)


def test_what_was_played_freely_is_recognised_on_the_grid_that_is_found(played, tune, tiny_encoder, with_tiny_encoder):
    encoder = load_encoder(tiny_encoder)
    together = stilo.recognise(iter([tune, played]))
    np.testing.assert_array_equal(together.values, recognise([tune, on_grid(played).score], encoder).values)
    assert together.likeness(recognise([tune, played], encoder)) < 0.999
    with pytest.raises(ValueError, match="no embeddings"):
        stilo.recognise([])
