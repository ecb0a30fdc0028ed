"""Rhythms whose figures are known."""

import numpy as np
import pytest

from stilo.elements.metre import beats_of, metrical_weights
from stilo.elements.profile import analyse
from stilo.music.score import Score, Tempo, TimeSignature, Track, notes_from_columns


def test_weights_of_common_metres():
    assert metrical_weights(4, 4)[::6].tolist() == [0, -3, -2, -3, -1, -3, -2, -3]
    assert metrical_weights(3, 4)[::12].tolist() == [0, -1, -1]
    assert metrical_weights(6, 8)[::6].tolist() == [0, -2, -2, -1, -2, -2]
    assert metrical_weights(12, 8)[::18].tolist() == [0, -2, -1, -2]


def test_felt_beats_of_a_metre():
    metres = {"4/4": 4, "2/2": 2, "3/4": 3, "6/4": 6, "3/8": 1, "6/8": 2, "12/8": 4, "5/8": 5, "16/4": 16, "17/4": 0}
    assert {metre: beats_of(metre) for metre in metres} == metres


@pytest.mark.parametrize(
    ("lengths", "expected"),
    [
        ([1, 1, 1, 1] * 4, 0.0),
        ([2, 2] * 4, 0.0),
        ([1, 0.5, 0.5, 1, 1] * 4, 0.0),
        # a note on 1 1/2 (weight −3) held over 2 (weight −2), one of five onsets of the bar
        ([0.5, 1, 0.5, 1, 1] * 4, 1 / 5),
        # a note on 2 1/2 held over 3 (weight −1)
        ([1, 0.5, 1, 0.5, 1] * 4, 2 / 5),
    ],
)
def test_syncopation_of_known_bars(make_line, lengths, expected):
    rhythm = analyse(make_line([60] * len(lengths), lengths)).rhythm
    assert rhythm.syncopation == pytest.approx(expected, abs=1e-5)


def test_tied_over_the_bar_line_is_the_strongest_syncopation(make_line):
    lengths = [1, 1, 1, 0.5, 1.5, 1, 1, 1]  # the note on 4 1/2 (weight −3) passes the bar line (0)
    assert analyse(make_line([60] * 8, lengths)).rhythm.syncopation == pytest.approx(3 / 8, abs=1e-5)


def test_triplets_are_no_syncopation(make_line):
    rhythm = analyse(make_line([60] * 24, [1 / 3] * 24)).rhythm
    assert rhythm.syncopation == 0
    assert rhythm.triplet_share == pytest.approx(2 / 3, abs=1e-5)


@pytest.mark.parametrize(("long", "ratio"), [(0.5, 1.0), (2 / 3, 2.0), (0.6, 1.5)])
def test_swing_ratio(make_line, long, ratio):
    rhythm = analyse(make_line([60] * 32, [long, 1 - long] * 16)).rhythm
    assert rhythm.swing == pytest.approx(ratio, abs=0.01)


def test_swing_of_a_ride_cymbal_and_of_sixteenths():
    ride = np.concatenate(
        [[bar * 4, bar * 4 + 1, bar * 4 + 1.66, bar * 4 + 2, bar * 4 + 3, bar * 4 + 3.66] for bar in range(8)]
    )
    sixteenths = np.arange(128) / 4
    for onsets, ratio, share in ((ride, 0.66 / 0.34, 1.0), (sixteenths, 1.0, 0.0)):
        score = Score(notes_from_columns(np.rint(onsets * 480), np.full(len(onsets), 60), np.full(len(onsets), 51)),
                      (Track(is_drum=True),))  # fmt: skip
        rhythm = analyse(score).rhythm
        assert rhythm.swing == pytest.approx(ratio, abs=0.02)
        assert rhythm.swung_share == share


def test_hardly_longer_is_not_swung_and_three_pairs_show_no_swing(make_line):
    barely = analyse(make_line([60] * 32, [0.54, 0.46] * 16)).rhythm
    assert barely.swing == pytest.approx(54 / 46, abs=0.01)
    assert barely.swung_share == 0
    few = analyse(make_line([60] * 10, [2 / 3, 1 / 3] * 3 + [1, 1, 1, 1])).rhythm
    assert (few.swing, few.swung_share) == (1, 0)


def test_groove_is_the_share_of_places_in_which_neighbouring_bars_agree(make_line):
    assert analyse(make_line([60] * 16, [1] * 16)).rhythm.groove == 1
    # quarters, then halves: of 16 places 2 differ, between each bar and the next
    assert analyse(make_line([60] * 12, [1, 1, 1, 1, 2, 2] * 2)).rhythm.groove == pytest.approx(14 / 16)


@pytest.mark.parametrize(
    ("lengths", "strength"),
    [
        # Longuet-Higgins & Lee 1984: the strength is the weight of the rest or tie less that of the note before it
        ([0.5, 1, 1, 1, 0.5], 1 + 2 + 1),  # quarters an eighth late: 1½ over 2, 2½ over 3, 3½ over 4
        ([1, 2, 1], 1),  # a half note on the second quarter (−2) over the third (−1)
        ([1.5, 1.5, 1], 2),  # the second dotted quarter stands on 2½ (−3) and passes 3 (−1)
    ],
)
def test_syncopation_sums_to_what_the_paper_counts(make_line, lengths, strength):
    rhythm = analyse(make_line([60] * (4 * len(lengths)), lengths * 4)).rhythm
    assert rhythm.syncopation * len(lengths) == pytest.approx(strength, abs=1e-4)


def test_unevenness_of_even_and_dotted_notes(make_line):
    assert analyse(make_line([60] * 16, [1] * 16)).rhythm.unevenness == 0
    # |1.5 − 0.5| over the mean 1, each pair
    assert analyse(make_line([60] * 17, [1.5, 0.5] * 8 + [1])).rhythm.unevenness == pytest.approx(100, abs=1e-3)


def test_onset_histograms_and_density(make_line):
    rhythm = analyse(make_line([60] * 12, [1] * 12, (3, 4))).rhythm
    assert [place for place, share in enumerate(rhythm.bar_places) if share] == [0, 16, 32]
    assert rhythm.quarter_places[0] == 1
    assert rhythm.notes_per_bar == 3
    assert rhythm.notes_per_second == pytest.approx(2)  # 120 quarters a minute
    assert rhythm.metres == {"3/4": 1.0}
    assert rhythm.bars == 4


def test_rests_and_staccato():
    onsets = np.arange(16) * 480
    score = Score(notes_from_columns(onsets, np.full(16, 120), np.full(16, 60)), (Track(),))
    rhythm = analyse(score).rhythm
    assert rhythm.articulation == pytest.approx(0.25)
    assert rhythm.silence == pytest.approx(15 * 360 / (15 * 480 + 120), abs=1e-4)


def test_bars_that_return(make_line):
    repeated = make_line([60, 62, 64, 65] * 8, [1] * 32)
    changing = make_line(list(range(40, 72)), [1] * 32)
    assert analyse(repeated).rhythm.returning_bars == pytest.approx(7 / 8)
    assert analyse(changing).rhythm.returning_bars == 0


def test_tempo_changes_are_measured(make_line):
    line = make_line([60] * 16, [1] * 16)
    steady = Score(line.notes, line.tracks, tempos=(Tempo(0, 100.0),))
    changing = Score(line.notes, line.tracks, tempos=(Tempo(0, 100.0), Tempo(10 * 480, 50.0)))
    assert analyse(steady).rhythm.tempo_change == pytest.approx(0, abs=1e-9)
    assert analyse(changing).rhythm.tempo_change > 0.2
    assert analyse(changing).rhythm.tempo_qpm == 100


def test_sections_of_two_unlike_halves_that_return():
    rng = np.random.default_rng(5)

    def half(root: int, step: int) -> list[tuple[int, int]]:
        return [(step * i, root + int(rng.choice([0, 4, 7]))) for i in range(8 * 1920 // step)]

    first, second = half(60, 480), half(66, 240)
    rows, start = [], 0
    for part in (first, second, first):
        rows += [(start + onset, pitch) for onset, pitch in part]
        start += 8 * 1920
    onset, pitch = np.array(rows).T
    score = Score(notes_from_columns(onset, np.full(len(onset), 200), pitch), (Track(),),
                  time_signatures=(TimeSignature(0, 4, 4),))  # fmt: skip
    piece = analyse(score).piece
    assert [(section.first_bar, section.bars, section.label) for section in piece.sections] == [
        (0, 8, "A"), (8, 8, "B"), (16, 8, "A"),
    ]  # fmt: skip
    assert piece.likeness[0][16] == 100
    assert piece.likeness[0][8] < 60
