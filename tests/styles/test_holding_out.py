"""No music stands on both sides: not as a copy, not as a repeat that is played out."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from stilo.models.tokens import encode
from stilo.music.files import read_score, write_score
from stilo.music.quantise import slots_of
from stilo.music.score import Score, TimeSignature, Track, notes_from_columns
from stilo.styles.holding_out import (
    FEWEST_HELD_OUT_NOTES,
    MOST_NOTES_IN_TURN,
    last_quarters,
    note_content,
    whole_pieces,
)

BAR = 1920
COMMON = (TimeSignature(0, 4, 4),)


def bars_of(numbers, metres=COMMON):
    """A score whose bar i is the bar number `numbers[i]`: four quarters that no other number of 0…89 has."""
    onsets = np.arange(4 * len(numbers)) * 480
    pitch = [30 + (number + 7 * k * number) % 90 for number in numbers for k in range(4)]
    return Score(notes_from_columns(onsets, [480] * len(onsets), pitch), (Track("Flute", 73),), time_signatures=metres)


@pytest.mark.parametrize("ending", [".mid", ".musicxml"])
def test_one_tune_is_one_in_every_kind_of_file(tune, tmp_path, ending):
    write_score(tune, tmp_path / f"tune{ending}")
    assert note_content(read_score(tmp_path / f"tune{ending}")) == note_content(tune)


def test_a_tune_stays_itself_in_other_keys_parts_and_articulations(tune):
    staccato, late, one_part = tune.notes.copy(), tune.notes.copy(), tune.notes.copy()
    staccato["duration_ticks"] = 60
    late["onset_ticks"] += 3 * 1440
    one_part["track"] = 0
    same = [tune.transposed(5), *(tune.with_notes(notes) for notes in (staccato, late, one_part))]
    assert {note_content(score) for score in same} == {note_content(tune)}


def test_another_note_is_another_tune(tune):
    higher, later = tune.notes.copy(), tune.notes.copy()
    higher["pitch"][40] += 1
    later["onset_ticks"][40] += 240
    contents = {note_content(score) for score in (tune, *map(tune.with_notes, (higher, later, tune.notes[:-1])))}
    assert len(contents) == 4
    drums = [replace(tune, tracks=(tune.tracks[0], Track("Kit", 0, True))).transposed(i) for i in (0, 1)]
    assert note_content(drums[0]) == note_content(drums[1])  # the drums stay where they are
    moved = tune.notes.copy()
    moved["pitch"][moved["track"] == 1] += 1
    assert note_content(drums[0].with_notes(moved)) != note_content(drums[0])


def test_bars_that_were_played_before_are_not_held_out():
    score = bars_of([*range(30), 2, 30, 31, 5, *range(32, 38)])
    [(first, last)], is_repeating = last_quarters([score])
    assert not is_repeating
    assert np.array_equal(first.notes, score.notes[: 30 * 4])
    new = bars_of([30, 31, *range(32, 38)])
    assert np.array_equal(encode(last)["pitch"], encode(new)["pitch"])
    assert np.array_equal(encode(last)["gap"], encode(new)["gap"])
    assert np.array_equal(encode(last)["bar"], encode(new)["bar"])


def test_a_bar_of_one_piece_is_not_held_out_of_another():
    one, other = bars_of(range(40)), bars_of([*range(40, 70), *range(10)])
    cuts, is_repeating = last_quarters([one, other])
    assert is_repeating is False
    assert [len(last) for _, last in cuts] == [40, 0]


def test_metres_move_with_their_bars():
    metres = (TimeSignature(0, 4, 4), TimeSignature(31 * BAR, 2, 4))
    score = bars_of([*range(30), 2, *range(30, 39)], metres)
    [(_, last)], _ = last_quarters([score])
    assert last.time_signatures == (TimeSignature(0, 4, 4), TimeSignature(30 * BAR, 2, 4))
    steps = encode(last)
    assert set(steps["bar_slots"].tolist()) == {24}
    assert (steps["position"] < 24).all()
    assert np.array_equal(steps["bar"], np.arange(len(steps)) // 2)


def test_where_everything_repeats_that_is_said():
    score = bars_of([*range(10)] * 4)
    [(first, last)], is_repeating = last_quarters([score])
    assert is_repeating
    assert (len(first), len(last)) == (120, 40)
    new = FEWEST_HELD_OUT_NOTES // 4
    assert last_quarters([bars_of([*range(30), *range(40, 40 + new), *range(10 - new)])])[1] is False
    assert last_quarters([bars_of([*range(30), *range(40, 39 + new), *range(11 - new)])])[1] is True


@settings(deadline=None, max_examples=40)
@given(st.lists(st.integers(0, 12), min_size=12, max_size=60), st.integers(0, 200))
@example(numbers=[*[1] * 9, 0, 0, 1], late=30)  # late enough to be another place
def test_nothing_of_the_last_quarter_was_heard_before(numbers, late):
    score = bars_of(numbers)
    notes = score.notes.copy()
    notes["onset_ticks"][-1] += late  # not on the grid
    score = score.with_notes(notes)
    [(first, last)], is_repeating = last_quarters([score])
    assert len(first) + len(last) <= len(score)
    if is_repeating or len(last) == 0:
        return
    assert last.notes["onset_ticks"].min() >= 0
    assert not _bars(first) & _bars(last)
    assert len(last) % 4 == 0


def _bars(score):
    """The bars of a score, each as its places and pitches."""
    slots = slots_of(score)
    rows = np.stack([slots.onset_in_bar, score.notes["pitch"]], axis=1)
    return {rows[slots.bar == bar].tobytes() for bar in np.unique(slots.bar)}


@pytest.mark.parametrize(("count", "sizes"), [(0, []), (1, []), (2, [1, 1]), (3, [1, 1, 1]), (10, [3, 3, 4])])
def test_every_piece_is_held_out_once(count, sizes):
    folds = whole_pieces([100] * count, np.random.default_rng(0))
    assert sorted(map(len, folds)) == sizes
    assert sorted(number for fold in folds for number in fold) == (list(range(count)) if folds else [])


def test_twins_are_held_out_together():
    twins = [(5, 0), (7, 0), (3, 2)]
    drawn = set()
    for seed in range(30):
        folds = whole_pieces([100] * 10, np.random.default_rng(seed), twins)
        for family in ({0, 5, 7}, {2, 3}):
            assert sum(family <= fold for fold in folds) == 1
        assert max(map(len, folds)) <= 5
        drawn.add(tuple(map(frozenset, folds)))
    assert len(drawn) > 10
    assert whole_pieces([100] * 4, np.random.default_rng(0), [(1, 0), (2, 1), (3, 0)]) == [], "all are one tune"
    assert len(whole_pieces([100] * 4, np.random.default_rng(0), [(1, 0), (2, 1)])) == 2


def test_of_much_music_a_fifth_is_held_out_pieces_without_twins_first():
    much = [MOST_NOTES_IN_TURN // 10 + 1] * 10
    for seed in range(30):
        [held] = whole_pieces(much, np.random.default_rng(seed), [(5, 0), (7, 0)])
        assert len(held) == 3
        assert not held & {0, 5, 7}
    [held] = whole_pieces(much, np.random.default_rng(0), [(2 * i, 2 * i + 1) for i in range(5)])
    assert len(held) == 2
    assert all((2 * i in held) == (2 * i + 1 in held) for i in range(5))
    [held] = whole_pieces([MOST_NOTES_IN_TURN] * 4, np.random.default_rng(0))
    assert len(held) == 2
    assert whole_pieces(much, np.random.default_rng(0), [(i, 0) for i in range(1, 10)]) == [], "all are one tune"


def test_thirds_are_of_the_notes():
    notes = [6000, *[1000] * 4, *[500] * 8]
    for seed in range(10):
        folds = whole_pieces(notes, np.random.default_rng(seed))
        assert {0} in folds
        assert [sum(notes[i] for i in fold) for fold in folds if 0 not in fold] == [4000, 4000]


@pytest.mark.parametrize("notes", [[3000, *[60] * 9], [10 * MOST_NOTES_IN_TURN, *[60] * 9]])
def test_nothing_is_held_out_whole_where_one_piece_is_nearly_all(notes):
    assert whole_pieces(notes, np.random.default_rng(0)) == []
