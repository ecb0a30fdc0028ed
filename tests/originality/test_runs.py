"""Lines and runs: what of a piece is compared, and what does not matter to it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stilo.models.tokens import encode
from stilo.music.score import Score, Track, notes_from_columns
from stilo.originality.lines import bass_of, chords_of, melody_of, notes_of_score, notes_of_steps
from stilo.originality.runs import BAR, BASS, MELODY, TEXTURE, runs_of, trace_of


def hashes(score):
    return sorted(runs_of(notes_of_score(score))["hash"].tolist())


def score_of(rows, tracks=1):
    onset, duration, pitch, track = np.array(rows).T
    return Score(notes_from_columns(onset, duration, pitch, 80, track), tuple(Track("", 0) for _ in range(tracks)))


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000), st.integers(-24, 24))
def test_the_key_does_not_matter(make, seed, semitones):
    score = make.piece(seed, bars=6)
    assert hashes(score.transposed(semitones)) == hashes(score)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000))
def test_the_tempo_does_not_matter(make, seed):
    score = make.piece(seed, bars=6)
    fast = runs_of(notes_of_score(make.double_speed(score)))
    slow = runs_of(notes_of_score(score))
    for kind in (MELODY, TEXTURE, BASS):
        assert fast["hash"][fast["kind"] == kind].tolist() == slow["hash"][slow["kind"] == kind].tolist()
    assert (slow["unit"][slow["kind"] == MELODY] == 2 * fast["unit"][fast["kind"] == MELODY]).all()


def test_packed_pieces_and_scores_have_the_same_runs(make):
    for seed in range(3):
        score = make.piece(seed)
        assert sorted(runs_of(notes_of_steps(encode(score)))["hash"].tolist()) == hashes(score)


def test_odd_bars_and_triplets_are_as_long_packed_as_written(make):
    onset = np.cumsum(np.tile([60, 60, 80, 40, 120, 160, 160, 160], 12))
    pitch = 60 + np.random.default_rng(0).integers(0, 12, len(onset))
    notes = notes_from_columns(onset, np.full(len(onset), 40), pitch, 80, np.zeros(len(onset), int))
    from stilo.music.score import TimeSignature

    for metre in ((4, 4), (7, 8), (3, 4)):
        score = Score(notes, (Track("", 0),), time_signatures=(TimeSignature(0, *metre),))
        packed, written = notes_of_steps(encode(score)), notes_of_score(score)
        assert (np.diff(packed.onset) == np.diff(written.onset)).all()
        assert (packed.pitch == written.pitch).all()


def test_melody_and_bass_are_what_sounds_outside():
    rows = [(0, 1920, 72, 0), (480, 480, 60, 0), (960, 480, 79, 0), (960, 960, 40, 0), (1440, 240, 50, 0)]
    notes = notes_of_score(score_of(rows))
    assert melody_of(notes).pitch.tolist() == [72, 79]
    assert bass_of(notes).pitch.tolist() == [72, 60, 40]
    assert chords_of(notes).size.tolist() == [1, 1, 2, 1]


def test_a_single_line_has_no_bass():
    line = notes_of_score(score_of([(i * 480, 480, 60 + i % 5, 0) for i in range(20)]))
    assert len(bass_of(line)) == 0
    assert set(runs_of(line)["kind"].tolist()) == {MELODY, BAR}


def test_drums_count_only_where_little_else_sounds():
    rows = [(i * 240, 240, 36 + i % 3, 1) for i in range(40)] + [(i * 480, 480, 60 + i % 7, 0) for i in range(20)]
    tracks = (Track("", 0), Track("", 0, True))
    onset, duration, pitch, track = np.array(sorted(rows)).T
    both = Score(notes_from_columns(onset, duration, pitch, 80, track), tracks)
    assert notes_of_score(both).pitch.min() == 60
    drums = both.with_notes(both.notes[both.notes["track"] == 1])
    assert len(notes_of_score(drums)) == 40


def test_doubled_notes_are_one():
    rows = [(i * 480, 480, 60 + i % 7, 0) for i in range(20)]
    once = score_of(rows)
    twice = score_of(sorted(rows + [(a, b, c, 1) for a, b, c, _ in rows]), tracks=2)
    assert hashes(once) == hashes(twice)


@pytest.mark.parametrize("notes", [0, 1, 2, 3, 5])
def test_too_few_notes_make_no_run_and_no_trouble(notes):
    score = score_of([(i * 480, 480, 60 + i, 0) for i in range(notes)] or [(0, 480, 60, 0)])
    runs = runs_of(notes_of_score(score))
    assert set(runs["kind"].tolist()) <= {BAR}
    empty = notes_of_score(score).some(np.zeros(len(score), bool))
    assert len(runs_of(empty)) == 0


def test_no_run_goes_over_a_long_rest():
    rows = [(i * 240, 240, 60 + i % 5, 0) for i in range(4)] + [(19200 + i * 240, 240, 60 + i % 3, 0) for i in range(4)]
    runs = runs_of(notes_of_score(score_of(rows)))
    assert (runs["kind"] == BAR).all()


def bar_hashes(runs):
    return set(runs["hash"][runs["kind"] == BAR].tolist())


@pytest.mark.parametrize("speed", ["double_speed", "half_speed"])
@pytest.mark.parametrize("upbeat", [0, 1])
def test_bars_are_read_in_other_note_values(make, speed, upbeat):
    tune = make.piece(1, bars=13)
    notes = trace_of(notes_of_score(getattr(make, speed)(make.bars(tune, upbeat, 12))))
    known = bar_hashes(runs_of(notes_of_score(make.bars(tune, upbeat, 12))))
    assert known <= bar_hashes(notes.runs)
    bars = notes.runs[notes.runs["kind"] == BAR]
    assert len(np.unique(bars[["onset", "end"]])) == len(bars)


def test_runs_say_where_they_stand(make):
    runs = runs_of(notes_of_score(make.piece(0, bars=8)))
    bars = runs[runs["kind"] == BAR]
    assert (bars["bar"] == bars["last_bar"]).all()
    assert set(bars["bar"].tolist()) <= set(range(8))
    assert (runs["last_bar"] >= runs["bar"]).all()
    assert (runs["end"] > runs["onset"]).all()
