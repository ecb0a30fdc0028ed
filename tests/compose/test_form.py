"""Sections for a piece, as long as those of the style and returning as often."""

from dataclasses import replace

import numpy as np
import pytest

from stilo.compose.form import draw_form
from stilo.elements.profile import analyse


@pytest.fixture
def rhythm(tune):
    return replace(analyse(tune).rhythm, sections=4.0, section_bars=8.2, distinct_sections=0.5)


def drawn(rhythm, bars=32, seed=0):
    return draw_form(rhythm, bars, np.random.default_rng(seed))


@pytest.mark.parametrize("seed", range(6))
def test_sections_count_their_bars_and_return_to_earlier_ones(rhythm, seed):
    form = drawn(rhythm, bars=36, seed=seed)
    assert form.elapsed.tolist() == [bar % 8 for bar in range(36)]
    assert form.left.tolist() == [7 - bar % 8 for bar in range(32)] + [3, 2, 1, 0]
    assert not form.lag[:8].any()
    assert not form.lag[32:].any()
    assert set(form.lag[8:].tolist()) <= {0, 8, 16, 24}
    assert (form.lag <= np.arange(36)).all()
    for begin in range(8, 32, 8):
        assert len(set(form.lag[begin : begin + 8].tolist())) == 1


def test_as_much_is_new_as_in_the_style(rhythm):
    for distinct in (0.25, 0.5, 1.0):
        changed = replace(rhythm, distinct_sections=distinct)
        new = [sum(not drawn(changed, 64, seed).lag[begin] for begin in range(0, 64, 8)) / 8 for seed in range(60)]
        assert np.mean(new) == pytest.approx(distinct, abs=0.06)


def test_what_returns_is_any_of_the_new_sections(rhythm):
    lags = [drawn(rhythm, 64, seed).lag[::8] for seed in range(20)]
    places = {int(begin - lag) for row in lags for begin, lag in zip(range(0, 64, 8), row, strict=True) if lag}
    assert {0, 8, 16, 24} <= places
    for row in lags:
        assert all(row[(begin - lag) // 8] == 0 for begin, lag in zip(range(0, 64, 8), row, strict=True))


@pytest.mark.parametrize(("usual", "expected"), [(1.0, 4), (4.4, 4), (7.0, 8), (11.0, 12), (200.0, 16)])
def test_sections_are_whole_phrases(rhythm, usual, expected):
    form = drawn(replace(rhythm, section_bars=usual), bars=64)
    assert form.left[0] == expected - 1


def test_short_pieces_and_styles_without_sections_have_no_form(rhythm):
    assert drawn(rhythm, bars=15) is None
    assert drawn(replace(rhythm, sections=0.0)) is None
    assert drawn(rhythm, bars=16) is not None
