"""Beats of music played freely, and that written music is left as it is."""

import tracemalloc

import numpy as np
import pytest

from stilo.elements.beats import MOST_ONSETS, grammars, track_beats
from stilo.elements.grid import BEATS_TRACKED, METRE_ESTIMATED, WRITTEN, has_no_grid, on_grid
from stilo.elements.metre_estimate import METRES, estimate_metre, metre_scores, metre_weights
from stilo.elements.metre_features import ACCENTS, PERIODS, events_of, fold
from stilo.elements.onsets import ACCENTS as ONSET_ACCENTS
from stilo.elements.onsets import TOGETHER_SECONDS, Onsets, gathered, onsets_of
from stilo.elements.profile import analyse
from stilo.elements.rhythm_weights import METRE_WEIGHTS, shipped_weights
from stilo.music.score import KeySignature, Marker, Score, Tempo, TimeSignature, Track, notes_from_columns
from stilo.music.timeline import bar_grid, main_time_signature, ticks_to_seconds

PIANO = (Track("Piano", 0),)


def accompanied(bar_eighths: int, grouping: int, bars: int, rng: np.random.Generator) -> np.ndarray:
    """Rows (onset in eighths, length, pitch): bass on the bar line, chords on the other beats, a melody in eighths."""
    rows = []
    roots = [0, 5, 7, 0]
    for bar in range(bars):
        start, root = bar * bar_eighths, roots[bar % 4]
        rows.append((start, bar_eighths, 36 + root))
        for beat in range(0, bar_eighths, grouping):
            if beat:
                rows += [(start + beat, 1, 60 + root + tone) for tone in (0, 4, 7)]
            rows.append((start + beat, grouping - 1, 76 + root % 5))
            rows += [(start + beat + i, 1, 74 + int(rng.integers(5))) for i in range(1, grouping) if rng.random() < 0.8]
    return np.array(rows)


def written(rows: np.ndarray, **events) -> Score:
    return Score(notes_from_columns(rows[:, 0] * 240, rows[:, 1] * 240, rows[:, 2]), PIANO, 480, **events)


def played(rows: np.ndarray, eighth_seconds: float, rng: np.random.Generator, jitter: float = 0.012):
    """The rows at a tempo that comes and goes, recorded at 120 quarters a minute; and the moments of the eighths."""
    eighths = int(rows[:, 0].max() + rows[:, 1].max()) + 1
    rate = np.exp(0.12 * np.sin(np.arange(eighths) / 11) + rng.normal(0, 0.01, eighths))
    moments = 0.7 + np.concatenate([[0], np.cumsum(eighth_seconds / rate)])
    onset = moments[rows[:, 0]] + rng.normal(0, jitter, len(rows))
    end = np.maximum(moments[rows[:, 0] + rows[:, 1]], onset + 0.05)
    ticks = np.rint(onset * 960)
    return Score(
        notes_from_columns(ticks, np.rint(end * 960) - ticks, rows[:, 2]),
        PIANO, 480, (Tempo(0, 120.0),), (TimeSignature(0, 4, 4),), (KeySignature(0, 1),),
        markers=(Marker(int(ticks[200]), "here"),),
    ), moments  # fmt: skip


def f_measure(reference: np.ndarray, estimated: np.ndarray) -> float:
    near = np.abs(reference[:, None] - estimated[None]).min(axis=1) <= 0.07
    return 2 * near.sum() / (len(reference) + len(estimated))


@pytest.mark.parametrize(("bar_eighths", "grouping", "metre"), [(8, 2, (4, 4)), (6, 2, (3, 4)), (6, 3, (6, 8))])
def test_played_music_gets_beats_bars_and_tempo(bar_eighths, grouping, metre):
    rng = np.random.default_rng(3)
    rows = accompanied(bar_eighths, grouping, 32, rng)
    score, moments = played(rows, 0.6 / grouping, rng)
    grid = on_grid(score)
    assert grid.kind == BEATS_TRACKED
    assert grid.is_played
    beats = grid.beats_seconds - grid.shift_seconds
    reference = moments[: 32 * bar_eighths : grouping]
    assert f_measure(reference, beats[beats < reference[-1] + 0.1]) > 0.95
    signature = main_time_signature(grid.score)
    assert (signature.numerator, signature.denominator) == metre
    bars = ticks_to_seconds(grid.score, bar_grid(grid.score).starts_ticks) - grid.shift_seconds
    assert f_measure(moments[: 32 * bar_eighths : bar_eighths], bars[bars > 0.5]) > 0.9
    assert 0.002 < grid.mean_error_seconds < 0.03


def test_the_found_grid_changes_no_moment():
    rng = np.random.default_rng(4)
    score, _ = played(accompanied(8, 2, 24, rng), 0.31, rng)
    found = on_grid(score)
    assert abs(found.shift_seconds) < 0.8
    for ticks_of in (
        lambda s: s.notes["onset_ticks"].astype(np.int64),
        lambda s: s.notes["onset_ticks"].astype(np.int64) + s.notes["duration_ticks"],
        lambda s: np.array([mark.onset_ticks for mark in s.markers]),
    ):
        before = ticks_to_seconds(score, ticks_of(score)) + found.shift_seconds
        after = ticks_to_seconds(found.score, ticks_of(found.score))
        assert np.sort(after) == pytest.approx(np.sort(before), abs=2e-3)
    assert found.score.key_signatures == score.key_signatures
    assert sorted(found.score.notes["pitch"]) == sorted(score.notes["pitch"])


def test_written_music_is_left_as_it_is(make_piece, odd_scores):
    piece = make_piece(1)
    assert on_grid(piece).score is piece
    assert on_grid(piece).kind == WRITTEN
    assert on_grid(odd_scores["strange metre"]).is_played  # a note every 0.37 quarters
    for name, score in odd_scores.items():
        if name == "strange metre":
            continue
        found = on_grid(score)
        assert not found.is_played, name
        assert np.array_equal(found.score.notes, score.notes), name


@pytest.mark.parametrize("late_ticks", [0, 37])
def test_what_was_played_to_a_click_has_a_grid(late_ticks):
    rng = np.random.default_rng(5)
    onset = np.arange(400) * 120 + late_ticks + np.rint(rng.normal(0, 16, 400))
    score = Score(notes_from_columns(np.maximum(0, onset), np.full(400, 100), np.full(400, 60)), PIANO)
    assert not has_no_grid(score)
    slower = Score(notes_from_columns(np.rint(onset * 1.13 + 30), np.full(400, 100), np.full(400, 60)), PIANO)
    assert has_no_grid(slower)


@pytest.mark.parametrize(("bar_eighths", "grouping", "metre"), [(8, 2, (4, 4)), (6, 2, (3, 4)), (6, 3, (6, 8))])
@pytest.mark.parametrize("missing_beats", [0, 1])
def test_a_metre_nobody_wrote(bar_eighths, grouping, metre, missing_beats):
    rows = accompanied(bar_eighths, grouping, 24, np.random.default_rng(6))
    cut = missing_beats * grouping
    rows = rows[rows[:, 0] >= cut]
    rows[:, 0] -= cut
    found = on_grid(written(rows))
    assert found.kind == METRE_ESTIMATED
    assert found.metre is not None
    assert (found.metre.numerator, found.metre.denominator) == metre
    first = bar_eighths - cut if cut else 0
    assert found.metre.first_bar_steps == 2 * first
    assert bar_grid(found.score).starts_ticks[1 if cut else 0] == first * 240
    assert 0.5 < found.metre.probability <= 1
    assert on_grid(written(rows, time_signatures=(TimeSignature(0, 4, 4),))).kind == WRITTEN


def test_metre_probabilities_sum_to_one_and_turn_with_the_music():
    rows = accompanied(8, 2, 40, np.random.default_rng(7))
    scores = metre_scores(fold(events_of(written(rows))), metre_weights())
    assert np.exp(scores).sum() == pytest.approx(1)
    whole = estimate_metre(events_of(written(rows)))
    later = rows.copy()
    later[:, 0] += 2 * 288 * 4  # a long silence in front
    assert estimate_metre(events_of(written(later))) == whole
    assert (whole.numerator, whole.denominator) in METRES


def test_onsets_that_are_close_are_one_and_rolls_are_cut():
    seconds = np.array([0.0, 0.01, 0.03, 0.5, 0.52, 1.0])
    score = Score(notes_from_columns(np.rint(seconds * 960), np.full(6, 100), np.arange(60, 66)), PIANO)
    assert onsets_of(score).of_note.tolist() == [0, 0, 0, 1, 1, 2]
    roll = Score(notes_from_columns(np.arange(100) * 20, np.full(100, 20), np.full(100, 60)), PIANO)
    onsets = onsets_of(roll)
    begins = ticks_to_seconds(roll, roll.notes["onset_ticks"])
    for i in range(len(onsets)):
        mine = begins[onsets.of_note == i]
        assert mine.max() - mine.min() <= TOGETHER_SECONDS + 1e-9


def jittered(score: Score, seconds: float, seed: int = 0) -> Score:
    """Onsets and ends moved at random, the tempo being 120."""
    notes, rng = score.notes.copy(), np.random.default_rng(seed)
    ends = notes["onset_ticks"] + notes["duration_ticks"] + np.rint(rng.normal(0, seconds * 960, len(notes)))
    onset = np.maximum(0, np.rint(notes["onset_ticks"] + rng.normal(0, seconds * 960, len(notes))))
    notes["onset_ticks"], notes["duration_ticks"] = onset, np.maximum(10, ends - onset)
    return score.with_notes(notes)


@pytest.mark.parametrize("seconds", [0.0025, 0.003, 0.008])
@pytest.mark.parametrize("resolution", [96, 480])
def test_unsteady_fingers_change_no_melody(seconds, resolution):
    steady = written(accompanied(8, 2, 32, np.random.default_rng(8)))
    unsteady = jittered(steady, seconds).with_resolution(resolution)
    exact, found = analyse(steady), analyse(unsteady)
    assert found.pitch.melody_range == exact.pitch.melody_range
    assert found.pitch.leap_share == pytest.approx(exact.pitch.leap_share, abs=0.03)
    assert found.pitch.step_share == pytest.approx(exact.pitch.step_share, abs=0.03)
    assert found.rhythm.unevenness == pytest.approx(exact.rhythm.unevenness, abs=8)
    assert found.rhythm.articulation == pytest.approx(exact.rhythm.articulation, abs=0.06)
    assert found.rhythm.onsets_per_second == pytest.approx(exact.rhythm.onsets_per_second, rel=0.03)
    assert [part.role for part in found.piece.roles] == [part.role for part in exact.piece.roles]


def test_what_is_exact_is_not_gathered(make_piece, odd_scores):
    """Nor 64ths, nor quintuplets against them, nor graces among them, at any resolution."""
    piece = make_piece(2)
    assert gathered(piece) is piece
    for name in ("no notes", "one note", "drums only", "thousands in a tick"):
        assert gathered(odd_scores[name]) is odd_scores[name]
    for ticks_per_quarter in (96, 480, 1024):
        quarters = np.concatenate([np.arange(64) / 16, np.arange(40) / 10, np.arange(8) / 2 + 0.02])
        ticks = np.rint(quarters * ticks_per_quarter)
        fast = Score(notes_from_columns(ticks, np.full(112, 9), np.arange(112)), PIANO, ticks_per_quarter)
        assert gathered(fast) is fast


def test_gathered_notes_keep_their_ends_and_fast_runs_their_notes():
    rng = np.random.default_rng(9)
    run = np.arange(200) * 0.07 + rng.normal(0, 0.003, 200).clip(-0.01, 0.01) + 0.1
    alone = Score(notes_from_columns(np.rint(run * 960), np.full(200, 40), np.full(200, 60)), PIANO)
    assert np.array_equal(gathered(alone).notes, alone.notes)
    chord = np.sort((np.arange(40) + 0.1).repeat(4) + rng.uniform(0, 0.03, 160))
    score = Score(notes_from_columns(np.rint(chord * 960), np.full(160, 300), np.tile([60, 64, 67, 72], 40)), PIANO)
    found = gathered(score).notes
    assert len(np.unique(found["onset_ticks"])) == 40
    assert np.abs(np.sort(found["onset_ticks"]) - score.notes["onset_ticks"]).max() <= TOGETHER_SECONDS * 960
    ends = [np.sort(n["onset_ticks"] + n["duration_ticks"]) for n in (found, score.notes)]
    assert np.array_equal(*ends)
    roll = Score(notes_from_columns(np.arange(300) * 11 + 3, np.full(300, 200), np.full(300, 60)), PIANO)
    assert len(np.unique(gathered(roll).notes["onset_ticks"])) >= 300 * 11 // 48  # no chain is longer than is heard


def test_too_much_is_not_tracked():
    onsets = Onsets(np.arange(MOST_ONSETS + 1) / 4, np.zeros((MOST_ONSETS + 1, 9)), np.arange(MOST_ONSETS + 1))
    with pytest.raises(ValueError, match="can be tracked"):
        track_beats(onsets, False)
    rng = np.random.default_rng(1)
    many = np.sort(rng.integers(0, 2**27, 100_000))
    score = Score(notes_from_columns(many, np.full(100_000, 100), np.full(100_000, 60)), PIANO)
    assert not on_grid(score).is_played


@pytest.mark.parametrize("late_ticks", [10**8, 2 * 10**9])
def test_a_note_after_hours_of_silence_costs_no_memory(late_ticks):
    onset = np.append(np.sort(np.random.default_rng(0).integers(0, 40_000, 60)), late_ticks)
    score = Score(notes_from_columns(onset, np.full(61, 100), np.full(61, 60)), PIANO, 480, (Tempo(0, 10.0),))
    assert has_no_grid(score)
    tracemalloc.start()
    grid = on_grid(score)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert grid.kind == METRE_ESTIMATED
    assert most < 20e6


def test_one_onset_is_a_beat():
    beats = track_beats(Onsets(np.array([2.0]), np.zeros((1, 9)), np.zeros(1, np.int64)), False)
    assert beats.seconds[0] <= 2.0 <= beats.seconds[-1]
    assert np.all(np.diff(beats.seconds) > 0)


def test_the_shipped_weights_are_whole_and_plain_safetensors():
    places = {name: values.shape for name, values in shipped_weights(METRE_WEIGHTS).items()}
    summary = (2 * len(PERIODS) + len(ACCENTS), len(METRES))
    templates = {f"template_{n}_{d}": (len(ACCENTS), 16 * n // d) for n, d in METRES}
    assert places == templates | {"summary": summary, "bias": summary[1:], "mean": summary[:1], "scale": summary[:1]}
    for grammar in grammars():
        assert np.exp(grammar.steps).sum(axis=1) == pytest.approx(np.ones(12), abs=1e-5)
        assert len(grammar.accents) == len(ONSET_ACCENTS) + 1
        assert 0 < grammar.share < 1
