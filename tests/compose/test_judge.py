"""Hand-made pieces of which every figure is known."""

import numpy as np
import pytest

from stilo.compose.judge import (
    LOOP_NOTES,
    Figures,
    choose,
    cost_of,
    ending_cost,
    heard_key,
    measure_figures,
    silence_cost,
    style_distance,
)
from stilo.elements.embedding import EMBEDDING_SIZE, embed_score
from stilo.elements.profile import analyse, pool_profiles
from stilo.music.score import Score, TimeSignature, Track, notes_from_columns
from stilo.music.theory import Key

SCALE = [60, 62, 64, 65, 67, 69, 71, 72]
PIANO, KIT = Track("Piano"), Track("Kit", 0, True)


def line(pitches, quarters=1.0, tracks=(PIANO,), metre=(4, 4)) -> Score:
    onsets = np.arange(len(pitches)) * round(480 * quarters)
    notes = notes_from_columns(onsets, [round(480 * quarters)] * len(pitches), pitches)
    return Score(notes, tracks, time_signatures=(TimeSignature(0, *metre),))


def wander(seed: int, notes: int = 64) -> list[int]:
    rng = np.random.default_rng(seed)
    return [SCALE[i] for i in rng.integers(0, 8, notes)]


def test_a_scale():
    figures = measure_figures(line(SCALE))
    assert figures == Figures(
        notes=8,
        notes_per_bar=4.0,
        pitch_class_entropy_bits=pytest.approx(2.75),  # C twice, six others once
        in_key_share=1.0,
        longest_repeated_run=1,
        empty_bars=0.0,
        self_copy_share=0.0,
    )


def test_no_notes():
    assert measure_figures(Score(notes_from_columns([], [], []), ())) == Figures(0, 0.0, 0.0, 0.0, 0, 1.0, 0.0)


def test_drums_have_no_pitch():
    figures = measure_figures(line([36, 38] * 8, tracks=(KIT,)))
    assert figures.pitch_class_entropy_bits == figures.in_key_share == figures.longest_repeated_run == 0
    assert figures.notes == 16
    assert heard_key(line([36, 38] * 8, tracks=(KIT,))) is None


def test_a_stuck_note_is_counted_in_the_top_line():
    assert measure_figures(line([60, 62, *[67] * 9, 64])).longest_repeated_run == 9
    below = line([60, 62, *[67] * 9, 64])
    lower = notes_from_columns(below.notes["onset_ticks"], below.notes["duration_ticks"], np.arange(40, 52))
    both = Score(np.concatenate([below.notes, lower]), (PIANO,))
    assert measure_figures(both).longest_repeated_run == 9
    held = notes_from_columns(below.notes["onset_ticks"], below.notes["duration_ticks"], [48] * 12, 80, 1)
    assert measure_figures(Score(np.concatenate([below.notes, held]), (PIANO, PIANO))).longest_repeated_run == 12


def test_bars_in_which_nothing_sounds_are_counted():
    score = Score(notes_from_columns([0, 1920 * 3], [480, 480], [60, 62]), (PIANO,))
    assert measure_figures(score).empty_bars == 0.5
    held = Score(notes_from_columns([0, 1920 * 3], [1920 * 3, 480], [60, 62]), (PIANO,))
    assert measure_figures(held).empty_bars == 0.0


def test_notes_outside_the_key_are_counted():
    figures = measure_figures(line([*SCALE * 4, 61, 66, 60, 67]))
    assert figures.in_key_share == pytest.approx(34 / 36)
    assert measure_figures(line([69, 71, 72, 74, 76, 77, 80, 81] * 3)).in_key_share == 1.0  # harmonic A minor


def test_a_loop_is_found_and_free_music_is_not():
    loop = measure_figures(line([60, 64] * 32)).self_copy_share
    assert loop > 0.8
    assert measure_figures(line(wander(1))).self_copy_share < 0.1


def test_the_second_time_is_the_copy():
    first = wander(2, 32)
    assert measure_figures(line([*first, *first])).self_copy_share == pytest.approx(31.5 / 64, abs=1 / 64)
    assert measure_figures(line(first[: LOOP_NOTES - 1])).self_copy_share == 0.0


@pytest.mark.parametrize("semitones", [-5, 0, 7])
def test_the_key_that_is_heard_moves_with_the_notes(semitones):
    score = line([*SCALE, 72, 67, 64, 60])
    assert heard_key(score.transposed(semitones)) == Key(semitones % 12, "major")
    assert measure_figures(score.transposed(semitones)) == measure_figures(score)


def test_style_distance_counts_standard_deviations():
    score = line(wander(3))
    vector, ones = embed_score(score).values, np.ones(EMBEDDING_SIZE, np.float32)
    assert style_distance(score, vector, ones) == 0
    assert style_distance(score, vector + 1, ones) == pytest.approx(1, abs=1e-5)
    assert style_distance(score, vector + 1, 2 * ones) == pytest.approx(2, abs=1e-5)
    assert style_distance(score, vector + 1000, ones) == pytest.approx(5)  # one odd value does not outweigh the rest


def test_every_trap_costs_more_than_the_real_piece():
    """A piece of the style against a loop, a stuck note, silence and chaos."""
    pieces = [line(wander(seed), 0.5) for seed in range(6)]
    style = pool_profiles([analyse(piece) for piece in pieces])
    real = cost_of(line(wander(7), 0.5), style)
    sparse = line(wander(7), 0.5)
    rng = np.random.default_rng(0)
    traps = {
        "loop": line([60, 64] * 32, 0.5),
        "stuck": line([60] * 64, 0.5),
        "silence": sparse.with_notes(sparse.notes[[0, -1]]),
        "chaos": line(rng.integers(20, 110, 64), 0.5),
    }
    for name, trap in traps.items():
        assert cost_of(trap, style) > real + 0.1, name


def test_the_least_cost_is_chosen():
    assert choose([3.0, 1.0, 2.0, 1.0]) == 1


def ended(final, quarters, onset_quarters=12):
    """Four bars of a scale in C, and a last chord."""
    onsets = [*range(12), *[onset_quarters] * len(final)]
    pitches = [SCALE[i % 8] for i in range(12)] + final
    lengths = [1] * 12 + [quarters] * len(final)
    notes = notes_from_columns(np.array(onsets) * 480, [round(480 * q) for q in lengths], pitches)
    return Score(notes, (PIANO,), time_signatures=(TimeSignature(0, 4, 4),))


def test_a_held_tonic_chord_is_the_best_ending():
    key = Key(0, "major")
    assert ending_cost(ended([48, 60, 64, 67], 4), key) == 0.0
    worse = {
        "cut short": ended([48, 60, 64, 67], 0.5),
        "dominant": ended([43, 59, 62, 67], 4),
        "cluster": ended([48, 61, 66, 70], 4),
    }
    assert all(ending_cost(score, key) > 0.5 for score in worse.values())
    assert ending_cost(ended([48, 60, 63, 67], 4), Key(0, "minor")) == 0.0
    assert ending_cost(ended([48, 60, 64, 67], 4), Key(0, "minor")) == 0.0, "a piece in minor may end in major"
    assert ending_cost(worse["cluster"], None) == 0.0


def test_a_part_that_has_left_before_the_end_costs():
    whole = ended([48, 60, 64, 67], 4)
    notes = whole.notes.copy()
    notes["track"][:12] = 1
    left = Score(notes, (PIANO, Track("Flute", 73)), time_signatures=whole.time_signatures)
    assert ending_cost(left, Key(0, "major")) == pytest.approx(0.25)


def two_parts(first, second):
    """16 bars of 4/4; in the given bars each part has four quarters."""
    rows = [
        (1920 * bar + 480 * beat, track)
        for track, bars in enumerate((first, second))
        for bar in bars
        for beat in range(4)
    ]
    onsets, tracks = np.array(rows).T
    notes = notes_from_columns(onsets, 480, 60 + 12 * tracks, 80, tracks)
    return Score(notes, (PIANO, Track("Flute", 73)), time_signatures=(TimeSignature(0, 4, 4),))


@pytest.mark.parametrize(
    ("bars", "most", "cost"),
    [
        (range(16), 0, 0.0),
        (range(3, 16), 3, 0.0),
        (range(5, 16), 3, 0.25),  # two bars of four, one of two parts
        ([*range(6), *range(11, 16)], 3, 0.25),
        (range(2), 3, 0.5),
        ([], 16, 0.5),
    ],
)
def test_parts_that_rest_for_longer_than_they_may_cost(bars, most, cost):
    assert silence_cost(two_parts(range(16), bars), [0, most]) == pytest.approx(cost)
