import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stilo.music.quantise import (
    SLOT_OFFSETS_24THS,
    SLOTS_PER_QUARTER,
    quantised,
    quarters_to_slots,
    slots_of,
    slots_to_24ths,
    slots_to_ticks,
)
from stilo.music.score import KeySignature, Marker, Score, Tempo, TimeSignature, Track, notes_from_columns
from stilo.music.timeline import bar_grid, duration_seconds


def score_of(onsets, durations, signatures=(), ticks_per_quarter=480, tempos=()):
    notes = notes_from_columns(onsets, durations, [60] * len(onsets))
    return Score(notes, (Track(),), ticks_per_quarter, time_signatures=tuple(signatures), tempos=tuple(tempos))


def test_the_grid_is_every_32nd_and_every_triplet_sixteenth():
    expected = sorted({3 * k for k in range(8)} | {4 * k for k in range(6)})
    assert SLOT_OFFSETS_24THS.tolist() == expected
    assert len(expected) == SLOTS_PER_QUARTER
    assert slots_to_24ths([0, 11, 12, 25]).tolist() == [0, 21, 24, 51]


def test_every_place_goes_to_its_nearest_slot():
    places = np.arange(0, 48, 0.01)
    chosen = slots_to_24ths(quarters_to_slots(places / 24))
    grid = slots_to_24ths(np.arange(25))
    nearest = np.abs(places[:, None] - grid[None, :]).min(axis=1)
    np.testing.assert_allclose(np.abs(places - chosen), nearest, atol=1e-5)


def test_slots_count_from_each_bar_line():
    signatures = [TimeSignature(0, 7, 8), TimeSignature(480 * 7, 3, 4)]
    slots = slots_of(score_of([0, 1680, 1680 + 160, 3360, 3360 + 1440], [240] * 5, signatures))
    assert slots.bar_lengths.tolist() == [42, 42, 36, 36]
    assert slots.bar.tolist() == [0, 1, 1, 2, 3]
    assert slots.onset_in_bar.tolist() == [0, 0, 4, 0, 0]
    assert slots.onset.tolist() == [0, 42, 46, 84, 120]
    assert (slots.end - slots.onset).tolist() == [6, 6, 6, 6, 6]


def test_an_onset_just_before_the_bar_line_begins_the_next_bar():
    slots = slots_of(score_of([1915], [480]))
    assert (slots.bar.tolist(), slots.onset_in_bar.tolist()) == ([1], [0])
    assert len(slots.bar_lengths) == 2


def test_a_bar_cut_short_by_a_new_metre_keeps_its_length():
    score = score_of([0, 480], [480, 480], [TimeSignature(0, 4, 4), TimeSignature(480, 3, 4)])
    assert slots_of(score).bar_lengths.tolist() == [12, 36]


def test_the_error_is_reported_in_quarters_and_seconds():
    late = 48  # of 480 ticks: a tenth of a quarter; the nearest slot is a 32nd (0.125) away
    result = quantised(score_of([0, 480 + late], [480, 480], tempos=[Tempo(0, 60.0)]))
    assert result.mean_error_quarters == pytest.approx((0.125 - 0.1) / 2)
    assert result.mean_error_seconds == pytest.approx((0.125 - 0.1) / 2)
    assert result.share_moved == 0.5
    assert result.score.notes["onset_ticks"].tolist() == [0, 540]


def test_nothing_moves_twice():
    rng = np.random.default_rng(5)
    notes = notes_from_columns(
        rng.integers(0, 40_000, 500), rng.integers(1, 900, 500), rng.integers(0, 128, 500), rng.integers(1, 128, 500)
    )
    score = Score(
        notes,
        (Track("a"),),
        384,
        tempos=(Tempo(0, 90.0), Tempo(777, 91.0)),
        time_signatures=(TimeSignature(0, 5, 8), TimeSignature(9600, 9, 16)),
        key_signatures=(KeySignature(0, 2),),
        markers=(Marker(3333, "A"), Marker(3334, "B")),
    )
    once = quantised(score)
    twice = quantised(once.score)
    assert twice.score == once.score
    assert twice.share_moved == 0
    assert [m.text for m in once.score.markers] == ["A", "B"]
    assert duration_seconds(once.score) == pytest.approx(duration_seconds(score), abs=0.2)


@given(
    onsets=st.lists(st.integers(0, 20_000), max_size=40),
    ticks_per_quarter=st.sampled_from([1, 24, 96, 100, 480, 10080]),
    numerator=st.integers(1, 20),
    denominator=st.sampled_from([1, 2, 4, 8, 16, 32, 64, 128]),
)
def test_slots_and_ticks_are_inverse(onsets, ticks_per_quarter, numerator, denominator):
    score = score_of(onsets, [7] * len(onsets), [TimeSignature(0, numerator, denominator)], ticks_per_quarter)
    result = quantised(score)
    slots = result.slots
    assert len(result.score) == len(score)
    ticks = slots_to_ticks(slots.onset, slots.bar_lengths)
    assert ticks.tolist() == result.score.notes["onset_ticks"].tolist()
    lines = np.concatenate([[0], np.cumsum(slots.bar_lengths)])
    assert (slots.onset == lines[slots.bar] + slots.onset_in_bar).all()
    assert (slots.onset_in_bar < slots.bar_lengths[slots.bar]).all()
    assert (slots.end > slots.onset).all()
    grid = bar_grid(result.score)
    assert (np.diff(grid.starts_ticks) == 20 * slots_to_24ths(slots.bar_lengths)[: len(grid) - 1]).all()


def test_a_score_without_notes_has_one_bar_and_no_error():
    result = quantised(score_of([], []))
    assert result.slots.bar_lengths.tolist() == [48]
    assert result.mean_error_seconds == 0


def test_ticks_that_cannot_hold_the_grid_are_refused():
    with pytest.raises(ValueError, match="24"):
        slots_to_ticks([0], [48], ticks_per_quarter=100)
