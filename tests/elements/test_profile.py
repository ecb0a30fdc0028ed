"""Profiles as data: JSON, pooling, distance, sizes."""

import copy
import dataclasses
import json
import math
import pickle
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stilo.elements.figures import Figure
from stilo.elements.layout import MAX_BARS
from stilo.elements.pooling import ProfilePool, jensen_shannon
from stilo.elements.profile import ELEMENTS, Profile, analyse, analysis_json, pool_profiles, profile_distance
from stilo.errors import InputError
from stilo.music.score import Score, TimeSignature, Track, notes_from_columns


@pytest.fixture
def profiles(make_piece):
    return [analyse(make_piece(seed)) for seed in range(4)]


def test_json_round_trip_of_piece_and_folder(profiles):
    for profile in (profiles[0], pool_profiles(profiles)):
        text = json.dumps(profile.to_json(), allow_nan=False)
        assert Profile.from_json(json.loads(text)) == profile


def _without(data, *path):
    data = copy.deepcopy(data)
    inner = data
    for name in path[:-1]:
        inner = inner[name]
    del inner[path[-1]]
    return data


def _with(data, value, *path):
    data = copy.deepcopy(data)
    inner = data
    for name in path[:-1]:
        inner = inner[name]
    inner[path[-1]] = value
    return data


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda d: [], "profile"),
        (lambda d: _with(d, 99, "version"), "version"),
        (lambda d: _without(d, "pitch"), "pitch"),
        (lambda d: _without(d, "pitch", "range"), "pitch.range"),
        (lambda d: _with(d, "wide", "pitch", "range"), "pitch.range"),
        (lambda d: _with(d, True, "pitch", "range"), "pitch.range"),
        (lambda d: _with(d, math.nan, "rhythm", "tempo_qpm"), "rhythm.tempo_qpm"),
        (lambda d: _with(d, 2.0, "emotion", "valence"), "emotion.valence"),
        (lambda d: _with(d, [0.5, 0.5], "pitch", "classes"), "pitch.classes"),
        (lambda d: _with(d, [0] * 10_000, "pitch", "classes"), "pitch.classes"),
        (lambda d: _with(d, {str(i): 0.001 for i in range(1000)}, "harmony", "chords"), "harmony.chords"),
        (lambda d: _with(d, {"\x1b[31m": 1.0}, "harmony", "chords"), "harmony.chords"),
        (lambda d: _with(d, {"x" * 1000: 1.0}, "harmony", "chords"), "harmony.chords"),
        (lambda d: _with(d, 0, "pieces"), "pieces"),
        (lambda d: _with(d, {"pitch.range": -1}, "spread"), "pitch.range"),
        (lambda d: _with(d, {"pitch.range": math.inf}, "spread"), "pitch.range"),
        (lambda d: _with(d, {"pitch.range": 10**400}, "spread"), "pitch.range"),
        (lambda d: _with(d, 10**400, "pitch", "entropy"), "pitch.entropy"),
        (lambda d: _with(d, {"4/0": 1.0}, "rhythm", "metres"), "time signature"),
        (lambda d: _with(d, {"waltz": 1.0}, "rhythm", "metres"), "time signature"),
        (lambda d: _with(d, [[100, 50], [50]], "piece", "likeness"), "likeness"),
        (lambda d: _with(d, 7, "piece", "sections", 0, "first_bar"), "sections"),
        (lambda d: _with(d, 0, "piece", "sections", 0, "bars"), "sections"),
        (lambda d: _with(d, 10**6, "piece", "emotion_curve", -1, "bars"), "emotion_curve"),
        (lambda d: _with(d, "no list", "piece", "chords"), "chords"),
        (lambda d: _with(d, [{}], "piece", "chords"), "onset_quarters"),
        (lambda d: _with(d, [{}], "piece", "key_regions"), "onset_quarters"),
        (lambda d: _with(d, [{"onset_quarters": 0, "duration_quarters": 1, "key": "H"}], "piece", "key_regions"), "H"),
        (lambda d: _with(d, [[0] * 500] * 500, "piece", "likeness"), "likeness"),
        (lambda d: _with(d, [[1e9]], "piece", "likeness"), "likeness"),
    ],
)
def test_a_strangers_json_is_refused_in_one_line(profiles, change, named):
    data = json.loads(json.dumps(profiles[0].to_json()))
    with pytest.raises(InputError, match=named) as caught:
        Profile.from_json(change(data))
    assert "\n" not in str(caught.value)


def test_analysis_json_is_what_the_command_promises(make_piece):
    data = analysis_json(analyse(make_piece(2, (3, 4))), "songs/one.mid")
    measured = ["tempo_qpm", "time_signature", "grid", "grid_error_seconds", "valence", "arousal", "emotion_curve"]
    assert list(data) == ["file", "key", "keys", "chords", *measured, "sections", "roles", "motifs", "elements"]
    assert [role["role"] for role in data["roles"]] == ["accompaniment", "melody", "drums"]
    assert data["sections"][0]["first_bar"] == 0
    assert data["file"] == "songs/one.mid"
    assert data["time_signature"] == "3/4"
    assert (data["grid"], data["grid_error_seconds"]) == ("written", 0)
    assert data["tempo_qpm"] == 90
    assert set(data["chords"][0]) == {"onset_quarters", "duration_quarters", "label"}
    assert data["chords"][-1]["onset_quarters"] + data["chords"][-1]["duration_quarters"] == pytest.approx(36, abs=0.5)
    assert set(data["keys"][0]) == {"onset_quarters", "duration_quarters", "key"}
    assert set(data["elements"]) == {"pitch", "rhythm", "harmony", "emotion"}
    json.dumps(data, allow_nan=False)


def test_chords_cover_the_piece_without_gaps(piece):
    chords = analyse(piece).piece.chords
    assert chords[0].onset_quarters == 0
    for chord, following in pairwise(chords):
        assert chord.onset_quarters + chord.duration_quarters == pytest.approx(following.onset_quarters)


def test_pool_is_the_mean_and_the_spread(profiles):
    pooled = pool_profiles(profiles)
    ranges = [profile.pitch.range for profile in profiles]
    assert pooled.pitch.range == pytest.approx(np.mean(ranges), rel=1e-5)
    assert pooled.spread["pitch.range"] == pytest.approx(np.std(ranges), rel=1e-4, abs=1e-6)
    classes = np.mean([profile.pitch.classes for profile in profiles], axis=0)
    assert pooled.pitch.classes == pytest.approx(tuple(classes), abs=1e-4)
    assert pooled.pieces == 4
    assert pooled.piece is None


def test_pooling_in_two_steps_is_pooling_at_once(profiles):
    at_once = pool_profiles(profiles)
    in_steps = pool_profiles([pool_profiles(profiles[:3]), profiles[3]])
    assert in_steps.pieces == 4
    assert profile_distance(at_once, in_steps) < 1e-3
    for name, spread in at_once.spread.items():
        assert in_steps.spread[name] == pytest.approx(spread, rel=1e-3, abs=1e-3)


def test_drums_do_not_pull_the_harmony_of_a_folder(profiles):
    beats = np.arange(16) * 240
    drums = analyse(Score(notes_from_columns(beats, np.full(16, 60), np.full(16, 36)), (Track("", 0, True),)))
    pooled = pool_profiles([*profiles, drums])
    assert pooled.harmony == pool_profiles(profiles).harmony
    assert pooled.rhythm != pool_profiles(profiles).rhythm


@pytest.fixture
def line():
    """A piece in which nothing sounds together."""
    notes = notes_from_columns(np.arange(32) * 240, np.full(32, 240), 60 + np.arange(32) % 8)
    return analyse(Score(notes, (Track("", 0, False),)))


def test_single_lines_do_not_make_a_folder_dissonant(profiles, line):
    assert line.harmony.consonance == 0
    pooled, alone = pool_profiles([*profiles, line, line]), pool_profiles(profiles)
    assert pooled.harmony.consonance == alone.harmony.consonance
    assert pooled.harmony.voices < alone.harmony.voices
    assert pool_profiles([line, line]).harmony.consonance == 0


def test_what_few_pieces_tell_is_not_sure(profiles, line):
    usual = ELEMENTS["harmony.consonance"].spread
    one_of_ten = pool_profiles([profiles[0], *[line] * 9])
    assert one_of_ten.harmony.consonance == profiles[0].harmony.consonance
    assert one_of_ten.spread["harmony.consonance"] == pytest.approx(math.sqrt(0.9) * usual, rel=1e-4)
    assert pool_profiles([line, line]).spread["harmony.consonance"] == 0


def test_a_line_is_not_apart_by_a_consonance_that_it_does_not_have(profiles, line):
    consonant, dissonant = (
        dataclasses.replace(profiles[0], harmony=dataclasses.replace(profiles[0].harmony, consonance=value))
        for value in (1.0, -1.0)
    )
    assert profile_distance(line, consonant) == profile_distance(line, dissonant)
    assert profile_distance(profiles[1], consonant) != profile_distance(profiles[1], dissonant)


DYNAMICS = {
    "loudness": 20.0,
    "loudness_range": 30.0,
    "accents": 9.0,
    "section_contrast": 9.0,
    "crescendo_share": 1.0,
    "diminuendo_share": 1.0,
    "loudness_levels": (1.0,) + (0.0,) * 7,
}


@pytest.mark.parametrize(("name", "other"), DYNAMICS.items())
def test_what_was_engraved_is_not_apart_by_dynamics_that_it_does_not_have(profiles, name, other):
    """A file without dynamics has the loudness of the program that wrote it."""

    def sounding(profile, **changes):
        return dataclasses.replace(profile, emotion=dataclasses.replace(profile.emotion, **changes))

    played, engraved = sounding(profiles[0], loudness_range=10.0), sounding(profiles[1], loudness_range=0.0)
    otherwise = sounding(played, **{name: other})
    assert profile_distance(engraved, played) == profile_distance(engraved, otherwise)
    assert profile_distance(played, otherwise) > 0


def test_pool_of_nothing():
    with pytest.raises(ValueError, match="no profiles"):
        pool_profiles([])


def test_distance_is_zero_for_the_same_and_symmetric(profiles, odd_score):
    odd = analyse(odd_score)
    for profile in (profiles[0], odd):
        assert profile_distance(profile, profile) == 0
    there, back = profile_distance(profiles[0], odd), profile_distance(odd, profiles[0])
    assert there == pytest.approx(back)
    assert 0 < there <= 1


def test_distance_knows_pieces_of_a_kind(make_piece, make_line):
    """Two pieces made alike are nearer than a piece and a tune of another making."""
    one, two = analyse(make_piece(1)), analyse(make_piece(2))
    tune = analyse(make_line([60, 61, 66, 60] * 12, [0.25, 1.25, 0.5, 1] * 12, (3, 4)))
    assert profile_distance(one, two) < 0.6 * profile_distance(one, tune)


@given(st.lists(st.tuples(*[st.floats(0, 1)] * 2), min_size=1, max_size=12))
@settings(max_examples=60, deadline=None)
def test_jensen_shannon_is_a_distance(rows):
    p, q = np.array(rows).T
    assert 0 <= jensen_shannon(p, q) <= 1
    assert jensen_shannon(p, q) == pytest.approx(jensen_shannon(q, p))
    assert jensen_shannon(p, p) == pytest.approx(0, abs=1e-7)


def test_jensen_shannon_of_shares_without_common_ground():
    assert jensen_shannon(np.array([1.0, 0.0]), np.array([0.0, 1.0])) == pytest.approx(1)


def test_a_piece_too_long_is_refused_before_it_is_laid_out():
    notes = notes_from_columns([2**30], [1], [60])
    score = Score(notes, (Track(),), ticks_per_quarter=1, time_signatures=(TimeSignature(0, 1, 64),))
    with pytest.raises(InputError, match=f"{MAX_BARS} bars"):
        analyse(score)


def test_rows_of_likeness_cover_the_bars_of_a_long_piece():
    notes = notes_from_columns(np.arange(2000) * 480, np.full(2000, 480), 60 + np.arange(2000) % 7)
    piece = analyse(Score(notes, (Track(),), time_signatures=(TimeSignature(0, 1, 4),))).piece
    assert 2000 <= len(piece.likeness) * piece.bars_per_row < 2000 + piece.bars_per_row


def test_every_element_can_be_asked_for_by_name(profiles):
    assert all(profiles[0].value(name) is not None for name in ELEMENTS)
    with pytest.raises(KeyError):
        profiles[0].value("pitch.colour")


def _pooled_at_once(profiles):
    """The means and deviations of all figures, from all values at once."""
    weights = np.array([profile.pieces for profile in profiles], float)
    found = {}
    for name in (name for name, element in ELEMENTS.items() if isinstance(element, Figure)):
        values = np.array([profile.value(name) for profile in profiles])
        within = np.array([profile.spread.get(name, 0.0) for profile in profiles])
        mean = np.average(values, weights=weights)
        found[name] = mean, np.sqrt(np.average((values - mean) ** 2 + within**2, weights=weights))
    return found


def test_a_running_pool_is_the_pool_of_all_at_once(profiles, make_piece):
    folder = [*profiles, pool_profiles([analyse(make_piece(seed)) for seed in (7, 8, 9)])]
    pool = ProfilePool()
    for count, profile in enumerate(folder, start=1):
        pool.add(profile)
        running = pool.profile()
        for name, (mean, deviation) in _pooled_at_once(folder[:count]).items():
            assert running.value(name) == pytest.approx(mean, rel=1e-5, abs=1e-6), name
            assert running.spread[name] == pytest.approx(deviation, rel=1e-5, abs=1e-6), name
    assert pool.pieces == 7
    assert pool.profile() == pool_profiles(folder)


def test_a_pool_does_not_grow_with_what_is_put_in(profiles):
    """Neither the profiles nor more than a bounded number of names are kept."""
    pool = ProfilePool()
    for i in range(300):
        shares = {f"{i}-{j}": 1 / 100 for j in range(100)}
        pool.add(dataclasses.replace(profiles[0], harmony=dataclasses.replace(profiles[0].harmony, chords=shares)))
    small = len(pickle.dumps(pool))
    for _ in range(300):
        pool.add(profiles[1])
    assert len(pickle.dumps(pool)) < small + 2000
    assert small < 1_000_000
    assert 0 < len(pool.profile().harmony.chords) <= 128
