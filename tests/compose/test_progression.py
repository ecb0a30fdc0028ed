"""Chords for a piece, as those of the style follow each other."""

import itertools
from dataclasses import replace

import numpy as np
import pytest

from stilo.compose.progression import _chord_of, draw_progression
from stilo.elements.chords import QUALITIES
from stilo.elements.profile import analyse
from stilo.models.notes.told import FormPlan
from stilo.music.theory import parse_key

MOVES = {"I→V": 3, "I→IV": 3, "IV→V7": 2, "V→I": 2, "V7→I": 3, "I→vi": 1, "vi→ii": 1, "ii→V": 1, "V→i": 1, "i→V": 1}
MAJOR, MINOR, SEVENTH = (QUALITIES.index(name) for name in ("maj", "min", "7"))


@pytest.fixture
def harmony(tune):
    return replace(
        analyse(tune).harmony,
        transitions={move: share / sum(MOVES.values()) for move, share in MOVES.items()},
        chord_changes_per_bar=1.0,
    )


def drawn(harmony, key="C major", metre=(4, 4), bars=16, seed=0):
    return draw_progression(harmony, parse_key(key), metre, bars, np.random.default_rng(seed))


def chords_of(plan):
    return list(zip(plan.root.tolist(), plan.quality.tolist(), strict=True))


def test_every_degree_is_one_chord():
    chords = _chord_of()
    assert (chords["I"], chords["V7"], chords["♭VI"], chords["ii"]) == ((0, 0), (7, SEVENTH), (8, 0), (2, MINOR))
    assert len(set(chords.values())) == len(chords) == 12 * len(QUALITIES)


@pytest.mark.parametrize("seed", range(8))
def test_it_begins_and_ends_at_home_and_moves_as_the_style_does(harmony, seed):
    plan = drawn(harmony, "D major", seed=seed)
    chords = chords_of(plan)
    assert chords[0] == chords[-1] == (2, MAJOR)
    assert plan.onset[0] == 0
    assert plan.onset[-1] == 15 * 48
    names = {chord: name for name, chord in _chord_of().items()}
    degrees = [names[(root - 2) % 12, quality] for root, quality in chords]
    assert {f"{one}→{two}" for one, two in itertools.pairwise(degrees)} <= set(MOVES)
    assert "i" not in degrees, "a piece in major does not go home to minor"


def test_another_seed_is_another_progression_and_the_same_the_same(harmony):
    plans = [chords_of(drawn(harmony, seed=seed)) for seed in (0, 0, 1, 2)]
    assert plans[0] == plans[1]
    assert len({tuple(plan) for plan in plans}) == 3


def test_frequent_moves_are_drawn_more_often(harmony):
    counts = {"V": 0, "vi": 0}
    for seed in range(60):
        chords = chords_of(drawn(harmony, seed=seed))
        for one, two in itertools.pairwise(chords):
            if one == (0, MAJOR):
                counts["V"] += two == (7, MAJOR)
                counts["vi"] += two == (9, MINOR)
    assert counts["V"] > 1.5 * counts["vi"] > 0


@pytest.mark.parametrize("per_bar", [0.5, 1.0, 2.0, 3.0])
@pytest.mark.parametrize("metre", [(4, 4), (3, 4), (6, 8), (2, 2)])
def test_chords_change_on_beats_as_often_as_in_the_style(harmony, metre, per_bar):
    harmony = replace(harmony, chord_changes_per_bar=per_bar)
    plan = drawn(harmony, metre=metre, bars=100)
    beats = {(4, 4): 4, (3, 4): 3, (6, 8): 2, (2, 2): 2}[metre]
    bar = {(4, 4): 48, (3, 4): 36, (6, 8): 36, (2, 2): 48}[metre]
    assert (plan.onset % (bar // beats) == 0).all()
    assert len(plan.onset) / 100 == pytest.approx(min(per_bar, beats), abs=0.12)


def test_two_chords_halve_the_bar_and_more_than_four_are_too_many(harmony):
    two = drawn(replace(harmony, chord_changes_per_bar=2.0))
    assert set((two.onset % 48).tolist()) == {0, 24}
    many = drawn(replace(harmony, chord_changes_per_bar=7.0), metre=(8, 4))
    assert np.bincount(many.onset // 96)[:-1].tolist() == [4] * 15


def test_beats_shorter_than_a_slot_share_it(harmony):
    for seed in range(10):
        plan = drawn(replace(harmony, chord_changes_per_bar=4.0), metre=(64, 64), seed=seed)
        assert len(np.unique(plan.onset)) == len(plan.onset)


def test_the_longest_piece_gets_past_chords_that_lead_nowhere(harmony):
    ways_out = {f"I→{name}": 0.2 for name in ("ii", "iii", "IV", "vi", "♭VII", "V7")}
    harmony = replace(harmony, transitions={"I→V": 0.01, "V→I": 0.5, **ways_out}, chord_changes_per_bar=4.0)
    assert chords_of(drawn(harmony, bars=512)) == [*((0, MAJOR), (7, MAJOR)) * (4 * 511 // 2), (0, MAJOR)]


def test_without_chords_that_lead_home_nothing_is_told(harmony):
    assert drawn(replace(harmony, transitions={})) is None
    few = {"I→V": 0.2, "V→I": 0.3, "I→IV": 0.1, "IV→I": 0.1, "IV→V": 0.1}
    assert drawn(replace(harmony, transitions=few)) is None, "too little to draw from"
    assert drawn(replace(harmony, transitions=few | {"V→IV": 0.1})) is not None
    away = {f"I→{name}": 0.1 for name in ("ii", "iii", "IV", "V", "vi", "♭VII", "V7")}
    assert drawn(replace(harmony, transitions=away)) is None, "none leads home"
    assert drawn(harmony, "A minor") is None, "i→V and V→i alone"
    strange = {"?→!": 0.2, "I→V→I": 0.2, "I": 0.2, "": 0.2}
    assert chords_of(drawn(replace(harmony, transitions=strange | harmony.transitions))) == chords_of(drawn(harmony))


def test_what_returns_has_the_chords_that_it_had(harmony):
    bars = 16
    lag = np.where(np.arange(bars) >= 8, 8, 0)
    form = FormPlan(np.arange(bars) % 8, 7 - np.arange(bars) % 8, lag)
    for seed in range(4):
        rng = np.random.default_rng(seed)
        plan = draw_progression(harmony, parse_key("C major"), (4, 4), bars, rng, form=form)
        rows = list(zip(plan.onset.tolist(), *zip(*chords_of(plan), strict=True), strict=True))
        first = [row for row in rows if row[0] < 7 * 48]
        again = [(onset - 8 * 48, *chord) for onset, *chord in rows if 8 * 48 <= onset < 15 * 48]
        assert first == again
        assert rows[-1] == (15 * 48, 0, MAJOR), "but it comes home"


def test_short_pieces_have_a_progression_too(harmony):
    for bars in (1, 2, 3):
        plan = drawn(harmony, bars=bars, seed=bars)
        assert plan is None or plan.onset[-1] <= 48 * bars
