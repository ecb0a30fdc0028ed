"""What the benchmark of rhythm counts, and that what fits the weights learns from examples."""

import numpy as np
import pytest

from stilo.elements.layout import lay_out
from stilo.elements.metre_estimate import METRES, STARTS, metre_scores
from stilo.elements.metre_features import events_of, fold
from stilo.elements.rhythm_fit import MetreExample, count_steps, fit_accents, fit_metre, steps_table
from stilo.music.score import Score, TimeSignature, Track, notes_from_columns


@pytest.fixture(scope="module")
def data(benchmark_script):
    return benchmark_script("rhythm_data")


def waltz(bars: int, numerator: int = 3) -> Score:
    onset = np.arange(bars * numerator) * 480
    first = np.arange(bars * numerator) % numerator == 0
    return Score(notes_from_columns(onset, np.where(first, 480, 200), np.where(first, 40, 64)), (Track(),), 480,
                 time_signatures=(TimeSignature(0, numerator, 4),))  # fmt: skip


def test_beats_off_by_more_than_70_ms_and_beats_twice_as_often(data):
    beats = np.arange(20) * 0.5
    assert data.f_measure(beats, beats + 0.069) == 1
    assert data.f_measure(beats, beats + 0.071) == 0
    twice = np.arange(39) * 0.25
    assert data.f_measure(beats, twice) == pytest.approx(2 * 20 / 59)
    assert data.continuity(beats, beats) == 1
    assert data.continuity(beats, twice) < 0.1
    assert data.continuity_at_any_level(beats, twice) == 1
    assert data.continuity_at_any_level(beats, beats[:-1] + 0.25) == 1


def test_playing_keeps_beats_and_their_moments_together(data):
    played = data.play(waltz(20), np.random.default_rng(0), jitter=0, rolled=0)
    begins = np.unique(played.score.notes["onset_ticks"]) / 960
    assert begins == pytest.approx(played.beats_seconds[:60], abs=1e-3)
    assert np.diff(played.beats_seconds).std() > 0.01
    assert played.bars_seconds == pytest.approx(played.beats_seconds[:60:3])


def test_a_piece_is_cut_at_a_beat_and_its_first_bar_line_is_known(data):
    found = {data.known_metre(waltz(20), np.random.default_rng(seed)).place_steps for seed in range(20)}
    assert found == {0, 4, 8}
    assert data.known_metre(waltz(3), np.random.default_rng(0)) is None


def test_the_fit_learns_metre_and_place_and_mistrusts_the_written_one(data):
    rng = np.random.default_rng(1)
    examples = []
    for numerator in (3, 4) * 10:
        known = data.known_metre(waltz(24, numerator), rng)
        wrong = 2 if rng.random() < 0.2 else 0  # one in five is written a quarter late
        place = (known.place_steps // 2 + wrong) % (2 * numerator)
        metre = METRES.index((numerator, 4))
        examples.append(MetreExample(fold(events_of(known.score)), metre, place, 0.6, 1.0, "tunes"))
    weights = fit_metre(examples)
    for numerator in (3, 4):
        known = data.known_metre(waltz(30, numerator), rng)
        best = int(metre_scores(fold(events_of(known.score)), weights).argmax())
        assert best == STARTS[METRES.index((numerator, 4))] + known.place_steps // 2


def test_steps_and_accents_are_counted():
    counts, in_three = count_steps(lay_out(waltz(20)))
    assert not in_three
    assert np.flatnonzero(counts.sum(axis=0)).tolist() == [12]
    assert np.exp(steps_table(counts)[0]).sum() == pytest.approx(1)
    assert steps_table(counts)[0].argmax() == 12
    rng = np.random.default_rng(2)
    accents = rng.normal(size=(500, 3))
    on_beat = accents[:, 1] + 0.1 * rng.normal(size=500) > 0
    values, share = fit_accents(accents, on_beat, np.ones(500))
    assert values[1] > 3 * abs(values[[0, 2]]).max()
    assert share == pytest.approx(on_beat.mean())
