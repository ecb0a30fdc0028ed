"""Windows of few pieces: filled, in all keys, the memory of each reaching back to the beginning of its piece."""

import numpy as np
import pytest

from stilo.errors import InputError
from stilo.models.learned_embedding import LEARNED_SIZE
from stilo.models.notes import windows as windows_module
from stilo.models.notes.features import Features, features_of
from stilo.models.notes.told import StyleTold
from stilo.models.notes.windows import Windows
from stilo.models.tokens import END, transposed, with_end

STYLE = StyleTold(np.zeros(179, np.float32), np.zeros(LEARNED_SIZE, np.float32), np.ones(4, bool))


def test_windows_fill_short_pieces_and_move_keys(make_piece):
    windows = Windows([make_piece(1, notes=12)], STYLE, 40, np.random.default_rng(0))
    batch = windows.batch(6)
    assert batch.fields.shape == (6, 40, 5)
    assert (batch.fields[..., 0] == END).sum(1).min() > 1  # begun again
    assert len({tuple(row[:4, 2].tolist()) for row in batch.fields}) > 1  # other keys


def test_windows_hear_all_that_came_before_them(make_piece):
    piece = make_piece(1, notes=150)
    windows = Windows([piece], STYLE, 40, np.random.default_rng(0))
    begun = set()
    for _ in range(4):
        window, told = windows._window()
        in_keys = [transposed(with_end(piece.steps), semitones) for semitones in range(-6, 7)]
        (whole,) = (f for f in (features_of(steps, told) for steps in in_keys) if place_in(f, window) is not None)
        at = place_in(whole, window)
        begun.add(at)
        for name in Features.__dataclass_fields__:
            assert np.array_equal(getattr(window, name), getattr(whole, name)[at : at + 40]), name
    assert max(begun) > 40


def test_of_what_goes_on_no_end_is_heard(make_piece):
    windows = Windows([make_piece(1, notes=60)], STYLE, 40, np.random.default_rng(0), ends=False)
    assert (windows.batch(16).fields[..., 0] != END).all()


def test_of_a_long_piece_as_much_is_heard_as_need_be(make_piece, monkeypatch):
    heard = []
    monkeypatch.setattr(windows_module, "FARTHEST_NOTES", 60)
    monkeypatch.setattr(
        windows_module, "features_of", lambda steps, told: (heard.append(len(steps)), features_of(steps, told))[1]
    )
    windows = Windows([make_piece(1, notes=300)], STYLE, 40, np.random.default_rng(0))
    assert windows.batch(16).fields.shape == (16, 40, 5)
    assert max(heard) == 60


def place_in(whole, window):
    """Where the fields of a window stand in those of a piece."""
    places = (at for at in range(len(whole.fields) - 39) if np.array_equal(whole.fields[at : at + 40], window.fields))
    return next(places, None)


def test_no_pieces_to_learn_from():
    with pytest.raises(InputError, match="no pieces"):
        Windows([], STYLE, 40, np.random.default_rng(0))
