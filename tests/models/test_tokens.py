"""Score → steps → score: nothing is lost but what the docstrings say."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stilo.models.tokens import (
    DRUMS,
    DURATION_SLOTS,
    END,
    MAX_GAP,
    METRES,
    OTHER_METRE,
    PARTS,
    PROGRAMS,
    RANKS,
    STEP_DTYPE,
    TEMPO_CLASSES,
    UNKNOWN_TEMPO,
    Part,
    bar_slots_of,
    decode,
    duration_class,
    encode,
    has_whole_bars,
    metre_class,
    parts_of,
    piece_tempo_class,
    tempo_class,
    transposed,
    with_end,
    with_parts,
)
from stilo.music.quantise import slots_to_ticks
from stilo.music.score import Score, Tempo, TimeSignature, Track, notes_from_columns
from stilo.music.timeline import bar_grid

BAND = (Track("Flute", 73), Track("Left hand", 0), Track("Right hand", 0), Track("Kit", 0, True))
SLOT_TICKS = (0, 60, 80, 120, 160, 180)  # all of them lie on the grid: 0 3 4 6 8 9 twenty-fourths

notes = st.tuples(
    st.integers(0, 30),  # eighths from the beginning
    st.sampled_from(SLOT_TICKS),
    st.integers(1, 5000),
    st.integers(0, 127),
    st.integers(1, 127),
    st.integers(0, 3),
)

# Without doubled notes: merging them can turn round which of two parts is the higher.
music = st.lists(notes, min_size=1, max_size=40, unique_by=lambda row: (row[0], row[1], row[3], row[5]))


def score_of(rows, metre=(4, 4), tracks=BAND):
    eighths, within, durations, pitches, velocities, on = (np.array(column) for column in zip(*rows, strict=True))
    return Score(
        notes_from_columns(eighths * 240 + within, durations, pitches, velocities, on),
        tracks,
        tempos=(Tempo(0, 90.0),),
        time_signatures=(TimeSignature(0, *metre),),
    )


def decoded(score, metre=(4, 4)):
    played = np.unique(score.notes["track"]).tolist()
    tracks = {parts_of(score)[i].token: score.tracks[i] for i in played}
    return decode(encode(score), metre, 90.0, tracks)


def test_parts_are_numbered_within_a_program_from_the_highest_down():
    score = score_of([(0, 0, 240, 72, 80, 0), (0, 0, 240, 40, 80, 1), (1, 0, 240, 64, 80, 2), (2, 0, 240, 36, 80, 3)])
    assert parts_of(score) == [Part(73), Part(0, 1), Part(0, 0), Part(DRUMS)]


def test_every_part_has_a_token_of_its_own():
    parts = [Part(program, rank) for rank in range(RANKS) for program in range(PROGRAMS)]
    assert [part.token for part in parts] == list(range(PARTS))
    assert [part for part in parts if part.is_drum] == [Part(DRUMS, rank) for rank in range(RANKS)]


@settings(deadline=None, max_examples=60)
@given(music, st.sampled_from([(4, 4), (3, 4), (6, 8), (7, 8), (2, 2)]))
def test_steps_survive_a_score(rows, metre):
    """Steps → score → steps: the same notes; lengths, too, but where the same sound begins again."""
    score = score_of(rows, metre)
    steps = encode(score)
    after = encode(decoded(score, metre))
    for name in set(STEP_DTYPE.names) - {"duration"}:
        assert np.array_equal(after[name], steps[name]), name
    ends = steps["onset"] + DURATION_SLOTS[steps["duration"]]
    for i, step in enumerate(steps):
        again = (steps["part"] == step["part"]) & (steps["pitch"] == step["pitch"]) & (steps["onset"] > step["onset"])
        free = not (again & (steps["onset"] < ends[i])).any()
        assert after["duration"][i] == step["duration"] or not free


@settings(deadline=None, max_examples=60)
@given(music)
def test_a_score_on_the_grid_keeps_its_notes(rows):
    """Score → steps → score: pitches, parts and, without long rests, places from the first bar on."""
    rows = [(eighth % 16, *row) for eighth, *row in rows]
    score = score_of([*{(row[0], row[1], row[3], row[5]): row for row in rows}.values()])
    again = decoded(score)
    first_bar = int(score.notes["onset_ticks"][0]) // 1920 * 1920
    assert np.array_equal(again.notes["pitch"], score.notes["pitch"])
    assert np.array_equal(again.notes["onset_ticks"], score.notes["onset_ticks"] - first_bar)
    assert np.abs(again.notes["velocity"].astype(int) - score.notes["velocity"]).max() <= 4
    names = [[piece.tracks[i].name for i in piece.notes["track"]] for piece in (score, again)]
    assert names[0] == names[1]
    assert again.tempos == (Tempo(0, 90.0),)


@settings(deadline=None, max_examples=40)
@given(st.lists(notes, min_size=1, max_size=30), st.booleans())
def test_steps_keep_their_order_and_their_sums(rows, odd_metre):
    steps = encode(score_of(rows, (7, 8) if odd_metre else (3, 4)))
    key = [tuple(row) for row in steps[["onset", "part", "pitch"]].tolist()]
    assert key == sorted(set(key))
    assert np.array_equal(np.cumsum(steps["gap"].astype(int)), steps["onset"])
    assert (steps["gap"] <= MAX_GAP).all()
    assert np.array_equal(steps["onset"] % steps["bar_slots"], steps["position"])
    assert np.array_equal(steps["onset"] // steps["bar_slots"], steps["bar"])
    assert ((steps["pitch"] >= 128) == (steps["part"] % PROGRAMS == DRUMS)).all()


@pytest.mark.parametrize("bars", [2, 3, 7, 50])
def test_a_long_rest_is_shortened_by_whole_bars(bars):
    pause = bars * 4 * 480
    score = Score(notes_from_columns([480, 960 + pause], [480, 480], [60, 62]), (Track(),))
    steps = encode(score)
    assert steps["gap"].tolist() == [12, 12 + 48 if bars == 1 else 12 + min(bars, 1) * 48]
    assert steps["position"].tolist() == [12, 24]
    assert steps["bar"].tolist() == [0, 1]


@pytest.mark.parametrize(("metre", "bars"), [((1, 8), 4), ((3, 8), 20), ((8, 4), 3)])
def test_a_rest_before_bars_of_another_length_keeps_the_bars_in_order(metre, bars):
    """Four bars of 4/4 are fewer than the bars of 1/8 that their silence would hold."""
    change = (1 + bars) * 1920
    score = Score(
        notes_from_columns([0, change, change + 60], [480, 60, 60], [60, 62, 64]),
        (Track(),),
        time_signatures=(TimeSignature(0, 4, 4), TimeSignature(change, *metre)),
    )
    steps = encode(score)
    bar = steps["bar"].astype(int)
    assert bar[0] == 0
    assert 0 <= bar[1] <= 1 + bars
    assert bar[2] == bar[1]
    assert steps["gap"][1] <= MAX_GAP


def test_an_onset_far_into_an_endless_bar_is_in_the_first():
    score = Score(notes_from_columns([30 * 480], [480], [60]), (Track(),), time_signatures=(TimeSignature(0, 255, 1),))
    assert encode(score)["bar"].tolist() == [0]


def test_leading_silence_is_left_out_and_an_upbeat_is_kept():
    score = Score(notes_from_columns([3 * 1920 + 1440, 4 * 1920], [480, 480], [60, 62]), (Track(),))
    steps = encode(score)
    assert steps["gap"].tolist() == [36, 12]
    assert steps["bar"].tolist() == [0, 1]


def test_doubled_notes_are_one_and_the_longer_counts():
    score = Score(notes_from_columns([0, 0, 0], [240, 960, 480], [60, 60, 64]), (Track(),))
    steps = encode(score)
    assert steps["pitch"].tolist() == [60, 64]
    assert DURATION_SLOTS[steps["duration"]].tolist() == [24, 12]


def test_a_part_of_one_program_too_many_joins_the_lowest():
    tracks = tuple(Track(f"Horn {i}", 60) for i in range(RANKS + 1))
    pitches = [70 - 4 * i for i in range(RANKS + 1)]
    score = Score(notes_from_columns([0] * len(tracks), [480] * len(tracks), pitches, 80, range(len(tracks))), tracks)
    assert [part.rank for part in parts_of(score)] == [*range(RANKS), RANKS - 1]
    assert encode(score)["pitch"].tolist() == [*pitches[:-2], pitches[-1], pitches[-2]]


def test_no_notes_no_steps():
    assert len(encode(Score(notes_from_columns([], [], []), ()))) == 0
    with pytest.raises(ValueError, match="no end to mark"):
        with_end(np.zeros(0, STEP_DTYPE))


def test_a_part_without_a_track_is_a_key_error(tune):
    with pytest.raises(KeyError):
        decode(encode(tune), (3, 4), 100.0, {Part(73).token: Track("Flute", 73)})


def test_the_end_is_one_more_step(tune):
    steps = encode(tune)
    ended = with_end(steps)
    assert np.array_equal(ended[:-1], steps)
    assert ended["gap"][-1] == END
    assert ended["onset"][-1] == steps["onset"][-1]


@given(st.lists(st.integers(1, 400), min_size=1, max_size=20))
def test_the_duration_class_is_the_nearest(slots):
    errors = np.abs(DURATION_SLOTS[duration_class(np.array(slots))] - slots)
    assert np.array_equal(errors, np.abs(DURATION_SLOTS[:, None] - slots).min(0))


@pytest.mark.parametrize("metre", [*METRES, (11, 32), (1, 32), (5, 16), (7, 16), (15, 8), (21, 4)])
def test_every_metre_has_its_class_and_its_bar(metre):
    assert (*METRES, metre)[metre_class(*metre)] == metre
    score = Score(notes_from_columns([0], [1], [60]), (Track(),), time_signatures=(TimeSignature(0, *metre),))
    assert bar_slots_of(*metre) == encode(score)["bar_slots"][0]
    assert slots_to_ticks(bar_slots_of(*metre), [bar_slots_of(*metre)]) == bar_grid(score).lengths_ticks[0]
    assert has_whole_bars(*metre)


def test_other_metres_share_a_class():
    assert metre_class(11, 16) == metre_class(255, 1) == OTHER_METRE
    assert bar_slots_of(255, 1) == 255
    assert bar_slots_of(1, 64) == 1
    assert not any(has_whole_bars(*metre) for metre in ((255, 1), (1, 64), (5, 64)))


def test_tempo_classes_rise_and_stay_in_range():
    classes = [tempo_class(tempo) for tempo in np.geomspace(1e-3, 1e6, 200)]
    assert classes == sorted(classes)
    assert set(classes) == set(range(TEMPO_CLASSES))
    assert tempo_class(120) - tempo_class(60) == 4


def test_a_score_that_names_no_tempo_has_none(tune):
    assert piece_tempo_class(tune) == tempo_class(96.0)
    assert piece_tempo_class(Score(tune.notes, tune.tracks)) == UNKNOWN_TEMPO


def test_transposing_leaves_the_drums(make_steps):
    steps = make_steps(1)
    moved = transposed(steps, -3)
    drums = steps["pitch"] >= 128
    assert drums.any()
    assert np.array_equal(moved["pitch"][drums], steps["pitch"][drums])
    assert np.array_equal(moved["pitch"][~drums] + 3, steps["pitch"][~drums])
    assert np.array_equal(transposed(moved, 3), steps)


def test_other_parts_ask_for_another_order(make_steps):
    steps = make_steps(2)
    flute, piano = Part(73).token, Part(0).token
    swapped = with_parts(steps, {flute: piano, piano: flute})
    key = [tuple(row) for row in swapped[["onset", "part", "pitch"]].tolist()]
    assert key == sorted(set(key))
    assert len(swapped) == len(steps)
    assert (swapped["part"] == flute).sum() == (steps["part"] == piano).sum()
    assert np.array_equal(np.cumsum(swapped["gap"].astype(int)), swapped["onset"])
    assert np.array_equal(with_parts(swapped, {flute: piano, piano: flute}), steps)
    merged = with_parts(steps, {flute: piano})
    assert set(np.unique(merged["part"])) == set(np.unique(steps["part"])) - {flute}


def test_notes_are_cut_where_their_like_begins_and_at_the_end_of_the_piece():
    score = Score(notes_from_columns([0, 480, 1440], [960, 2880, 1920], [60, 60, 64]), (Track(),))
    steps, tracks = encode(score), {0: Track()}
    free, bound = decode(steps, (4, 4), 90.0, tracks), decode(steps, (4, 4), 90.0, tracks, bars=1)
    assert free.notes["duration_ticks"].tolist() == [480, 2880, 1920]
    assert bound.notes["duration_ticks"].tolist() == [480, 1440, 480]


def test_a_single_part_ends_each_note_where_its_next_begins():
    voice, piano = Part(52), Part(0)
    steps = np.zeros(4, STEP_DTYPE)
    steps["onset"] = [0, 0, 12, 12]
    steps["part"] = [piano.token, voice.token, piano.token, voice.token]
    steps["pitch"] = [60, 72, 64, 74]
    steps["duration"] = duration_class(np.array([24, 24, 12, 12]))
    tracks = {voice.token: Track("Voice", 52), piano.token: Track("Piano")}
    score = decode(steps, (4, 4), 90.0, tracks, single=[voice.token])
    lengths = {(int(n["track"]), int(n["pitch"])): int(n["duration_ticks"]) // 480 for n in score.notes}
    assert lengths == {(0, 72): 1, (0, 74): 1, (1, 60): 2, (1, 64): 1}
