"""What is told of a piece is so: chords where they hold, moods of the bars around, sections and what they repeat."""

from dataclasses import replace

import numpy as np
import pytest

from stilo.elements.layout import lay_out
from stilo.elements.onsets import gathered
from stilo.errors import InputError
from stilo.models import labels as told
from stilo.models.labels import (
    AROUSAL_BOUNDS,
    NO_ROOT,
    OTHER_QUALITY,
    QUALITIES,
    VALENCE_BOUNDS,
    bar_in_section,
    bar_moods,
    chord_basses,
    labels_of,
    next_chord,
    next_chord_begins,
    transposed_labels,
    unknown_labels,
)
from stilo.models.tokens import STEP_DTYPE, encode, parts_of
from stilo.music.score import ChordSymbol, Score, TimeSignature, Track, notes_from_columns

PIANO = Track("Piano", 0)
QUARTER = 480
BAR = 4 * QUARTER
MAJOR, MINOR = QUALITIES.index("maj"), QUALITIES.index("min")


def piece(rows, tracks=(PIANO,), **changes):
    """A score of rows (onset in quarters, length in quarters, pitch, velocity, track)."""
    columns = np.array(rows, float).T * np.array([QUARTER, QUARTER, 1, 1, 1])[:, None]
    notes = notes_from_columns(*columns.astype(int))
    return Score(notes, tuple(tracks), **({"time_signatures": (TimeSignature(0, 4, 4),)} | changes))


def chorale(roots, third=4, bars_each=1):
    """Root-position chords with a bass, four to each of their bars."""
    rows = []
    for i, root in enumerate(np.repeat(roots, bars_each).tolist()):
        for beat in range(4):
            at = 4 * i + beat
            rows += [(at, 1, 60 + root + tone, 80, 0) for tone in (0, third, 7)] + [(at, 1, 36 + root, 80, 0)]
    return piece(rows)


def random_piece(seed):
    """Two tracks, doubled notes, changes of metre, a late beginning and a rest of many bars."""
    rng = np.random.default_rng(seed)
    onset = np.sort(rng.integers(0, 160, 120)) / 4 + rng.integers(0, 12)
    onset[60:] += rng.integers(0, 90)
    rows = [(at, rng.choice([0.25, 1, 6]), rng.integers(40, 80), rng.integers(1, 127), rng.integers(2)) for at in onset]
    metres = (TimeSignature(0, 4, 4), TimeSignature(9 * QUARTER, 3, 8), TimeSignature(30 * QUARTER, 5, 4))
    rows += [(*row[:2], row[2], 100, row[4]) for row in rows[:20]]
    return piece(rows, (Track("a", 0), Track("b", 0)), time_signatures=metres)


def test_chords_that_the_file_names_hold_until_the_next():
    marks = (ChordSymbol(0, "C"), ChordSymbol(BAR, "D:min7/b3"), ChordSymbol(2 * BAR, "N"), ChordSymbol(3 * BAR, "G:5"))
    score = replace(chorale([0, 0, 0, 0]), chord_symbols=marks)
    steps = encode(score)
    labels = labels_of(score, steps)
    by_bar = labels[np.searchsorted(steps["bar"], np.arange(4))]
    assert by_bar["chord_root"].tolist() == [0, 2, NO_ROOT, 7]
    assert by_bar["chord_quality"].tolist() == [MAJOR, QUALITIES.index("min7"), OTHER_QUALITY, OTHER_QUALITY]
    assert by_bar["chord_onset"].tolist() == [0, 48, 96, 144]
    assert np.array_equal(labels["chord_onset"], steps["bar"] * 48)


def test_nothing_is_known_before_the_first_chord_and_marks_that_cannot_be_read_are_none():
    score = replace(chorale([0, 0, 0]), chord_symbols=(ChordSymbol(BAR, "E:min"), ChordSymbol(2 * BAR, "what?")))
    labels = labels_of(score, encode(score))[:: 4 * 4]
    assert labels["chord_root"].tolist() == [NO_ROOT, 4, NO_ROOT]
    assert labels["chord_onset"].tolist() == [0, 48, 96]


@pytest.mark.parametrize("with_net", [True, False])
def test_chords_are_estimated(monkeypatch, with_net):
    monkeypatch.setattr(told, "has_chord_net", lambda: with_net)
    roots = [0, 5, 7, 0, 9, 5, 7, 0]
    score = chorale(roots)
    steps = encode(score)
    labels = labels_of(score, steps)
    assert labels["chord_root"].tolist() == [roots[bar] for bar in steps["bar"]]
    assert (labels["chord_quality"] == MAJOR).all()
    assert np.array_equal(labels["chord_onset"], steps["bar"] * 48)


def test_the_next_chord_is_foretold():
    labels = unknown_labels(6)
    labels["chord_root"], labels["chord_quality"] = [0, 0, 5, 7, 7, 7], [0, 0, 0, 1, 1, 1]
    labels["chord_onset"] = [0, 0, 24, 30, 30, 30]
    ahead, root, quality = next_chord(labels, np.array([0, 12, 24, 36, 40, 44]))
    assert ahead.tolist() == [24, 12, 6, 0, 0, 0]
    assert root.tolist() == [5, 5, 7, NO_ROOT, NO_ROOT, NO_ROOT]
    assert quality.tolist() == [0, 0, 1, OTHER_QUALITY, OTHER_QUALITY, OTHER_QUALITY]
    assert [len(column) for column in next_chord(unknown_labels(0), np.zeros(0, int))] == [0, 0, 0]


def test_the_bass_of_a_chord_is_its_lowest_note():
    steps = np.zeros(7, STEP_DTYPE)
    steps["pitch"] = [64, 52, 60, 128 + 36, 65, 41, 67]
    labels = unknown_labels(7)
    labels["chord_root"], labels["chord_onset"] = [0, 0, 0, 7, 5, 5, NO_ROOT], [0, 0, 0, 24, 48, 48, 96]
    assert chord_basses(labels, steps).tolist() == [4, 4, 4, NO_ROOT, 5, 5, NO_ROOT], "drums and no chord have none"
    assert next_chord_begins(labels).tolist() == [3, 3, 3, 4, 6, 6, -1]
    assert len(chord_basses(labels[:0], steps[:0])) == len(next_chord_begins(labels[:0])) == 0


def test_a_chord_that_comes_again_is_another():
    labels = unknown_labels(3)
    labels["chord_root"], labels["chord_onset"] = 4, [0, 0, 96]
    assert next_chord(labels, np.array([0, 48, 96]))[0].tolist() == [96, 48, 0]


def test_what_is_cut_out_of_a_rest_is_cut_out_of_the_labels():
    marks = (ChordSymbol(0, "C"), ChordSymbol(20 * BAR, "F"), ChordSymbol(21 * BAR, "G"))
    rows = [(0, 1, 60, 80, 0), (1, 1, 62, 80, 0), (80, 4, 65, 80, 0), (84, 4, 67, 80, 0), (85, 1, 67, 80, 0)]
    score = piece(rows, chord_symbols=marks)
    steps = encode(score)
    assert steps["onset"][2] < 3 * 48
    labels = labels_of(score, steps)
    assert labels["chord_root"].tolist() == [0, 0, 5, 7, 7]
    assert labels["chord_onset"].tolist() == [0, 0, *steps["onset"][[2, 3, 3]].tolist()]


@pytest.mark.parametrize("seed", range(6))
def test_labels_stand_on_the_timeline_of_the_steps(seed):
    score = random_piece(seed)
    steps = encode(score)
    labels = labels_of(score, steps)
    assert len(labels) == len(steps) < len(score)
    assert (np.diff(labels["chord_onset"]) >= 0).all()
    assert (labels["chord_onset"] <= steps["onset"]).all()
    assert (np.diff(labels["section"].astype(int)) >= 0).all()
    bar = steps["bar"].astype(int)
    into = bar_in_section(labels, steps)
    assert np.array_equal(labels["section_first_bar"] + into, bar)
    assert (into < labels["section_bars"]).all()
    assert (labels["counterpart"] <= bar).all()
    assert max(labels["valence"].max(), labels["arousal"].max()) < told.UNKNOWN_MOOD
    changes = np.flatnonzero(np.diff(labels["chord_onset"])) + 1
    # a chord begins after the last note of the one before
    assert (labels["chord_onset"][changes] > steps["onset"][changes - 1]).all()


def test_an_excerpt_keeps_the_parts_of_its_whole():
    score = random_piece(1)
    voices = parts_of(score)
    own = score.with_notes(score.notes[score.notes["track"] == int(np.argmax([voice.rank for voice in voices]))])
    steps = encode(own, voices)
    assert len(labels_of(own, steps, voices)) == len(steps)


def strain(seed, bars):
    """A melody with chords of its own, [bars · 4] rows from bar 0 on."""
    rng = np.random.default_rng(seed)
    rows = []
    for bar in range(bars):
        root = int(rng.integers(0, 12))
        rows += [(4 * bar, 4, 48 + root + tone, 80, 0) for tone in (0, 4, 7)]
        places = np.sort(rng.choice(16, int(rng.integers(3, 8)), replace=False)) / 4
        rows += [(4 * bar + place, 0.5, int(rng.integers(66, 84)), 80, 0) for place in places]
    return np.array(rows, float)


def test_sections_and_their_counterparts():
    first, other = strain(3, 8), strain(4, 8)
    shifted = [strained + np.array([4 * 8 * i, 0, 0, 0, 0]) for i, strained in enumerate((first, first, other, first))]
    score = piece(np.concatenate(shifted))
    steps = encode(score)
    labels = labels_of(score, steps)
    by_bar = labels[np.searchsorted(steps["bar"], np.arange(32))]
    assert by_bar["section_label"].tolist() == [0] * 16 + [1] * 8 + [0] * 8
    assert by_bar["section"].tolist() == np.repeat(np.arange(4), 8).tolist()
    assert by_bar["counterpart"].tolist() == [0] * 8 + [8] * 8 + [0] * 8 + [16] * 8
    assert (by_bar["section_bars"] == 8).all()


def test_a_longer_section_has_no_counterpart_where_its_model_ended():
    score = chorale([0] * 12)
    steps = encode(score)
    labels = unknown_labels(len(steps))
    sections = [told.Section(0, 4, "A"), told.Section(4, 2, "B"), told.Section(6, 6, "A′")]
    told._tell_sections(labels, told._Timeline(score, steps, None), sections)
    by_bar = labels[np.searchsorted(steps["bar"], np.arange(12))]
    assert by_bar["counterpart"].tolist() == [0] * 6 + [6, 6, 6, 6, 0, 0]
    assert by_bar["section_label"].tolist() == [0] * 4 + [1] * 2 + [0] * 6


def test_counterparts_count_the_bars_that_are_left_of_rests():
    rows = [(4 * bar, 1, 60, 80, 0) for bar in (0, 1, 2, 3, 40, 41, 42, 43)]
    score = piece(rows)
    steps = encode(score)
    labels = unknown_labels(len(steps))
    sections = [told.Section(0, 40, "A"), told.Section(40, 4, "A")]
    told._tell_sections(labels, told._Timeline(score, steps, None), sections)
    back = steps["bar"][4:].astype(int) - steps["bar"][:4]
    assert back.max() < 10
    assert labels["counterpart"].tolist() == [0] * 4 + back.tolist()


def test_fast_loud_major_music_excites_and_pleases_more():
    calm = [(4 * bar + 2 * half, 2, pitch, 40, 0) for bar in range(16) for half in (0, 1) for pitch in (45, 52, 60)]
    wild = [
        (64 + 4 * bar + i / 4, 0.25, 60 + (0, 4, 7, 12)[i % 4] + 12 * voice, 120, 0)
        for bar in range(16)
        for i in range(16)
        for voice in (0, 1)
    ]
    score = piece(calm + wild)
    steps = encode(score)
    labels = labels_of(score, steps)
    early, late = labels[steps["bar"] < 12], labels[steps["bar"] >= 20]
    assert early["arousal"].max() < late["arousal"].min()
    assert early["valence"].max() < late["valence"].min()


def test_moods_are_of_the_bars_around_alone():
    score = chorale([0, 5, 7, 0] * 8)
    changed = score.notes.copy()
    changed["velocity"][changed["onset_ticks"] // BAR == 16] = 120
    moods = [bar_moods(lay_out(gathered(one))) for one in (score, score.with_notes(changed))]
    assert np.flatnonzero((moods[0] != moods[1]).any(axis=1)).tolist() == [*range(13, 21)]


def test_moods_of_notes_are_those_of_their_bars():
    score = chorale([0, 5, 7, 0] * 8)
    louder = score.notes.copy()
    louder["velocity"] = 20 + 3 * (louder["onset_ticks"] // BAR)
    score = score.with_notes(louder)
    steps, moods = encode(score), bar_moods(lay_out(gathered(score)))
    labels = labels_of(score, steps)
    for column, (name, bounds) in enumerate((("valence", VALENCE_BOUNDS), ("arousal", AROUSAL_BOUNDS))):
        assert labels[name].tolist() == [sum(moods[bar, column] >= bounds) for bar in steps["bar"].tolist()]
    assert len(np.unique(labels["arousal"])) > 1


def test_labels_move_with_the_key():
    labels = unknown_labels(3)
    labels["chord_root"] = [0, 11, NO_ROOT]
    assert transposed_labels(labels, 3)["chord_root"].tolist() == [3, 2, NO_ROOT]
    assert transposed_labels(labels, -13)["chord_root"].tolist() == [11, 10, NO_ROOT]
    assert labels["chord_root"].tolist() == [0, 11, NO_ROOT]


@pytest.mark.parametrize(
    "score",
    [
        piece([(0, 1, 60, 80, 0)]),
        piece([(7, 1, 60, 80, 0)], time_signatures=()),
        piece([(i / 2, 0.5, 36 + 2 * (i % 2), 80, 0) for i in range(64)], (Track("Drums", 0, True),)),
        piece([(i, 1, 60 + i, 80, 0) for i in range(4)]),
    ],
    ids=["one note", "late, no metre", "drums", "one bar"],
)
def test_little_music_has_labels_too(score):
    steps = encode(score)
    labels = labels_of(score, steps)
    assert len(labels) == len(steps)
    if score.tracks[0].is_drum:
        assert (labels["chord_root"] == NO_ROOT).all()
    assert (labels["section_bars"] >= 1).all()


def test_no_notes_have_no_labels():
    score = piece([(0, 1, 60, 80, 0)])
    assert len(labels_of(score.with_notes(score.notes[:0]), encode(score)[:0])) == 0


def test_steps_of_other_music_are_refused(tune):
    with pytest.raises(ValueError, match="79 steps"):
        labels_of(tune, encode(tune)[:-1])


def test_endless_music_is_told():
    with pytest.raises(InputError, match="too long"):
        score = piece([(0, 1, 60, 80, 0), (200_000, 1, 60, 80, 0)])
        labels_of(score, encode(score))


def test_nothing_is_known_of_unknown_labels():
    labels = unknown_labels(2)
    assert labels["chord_root"].tolist() == [NO_ROOT] * 2
    assert labels["section_bars"].tolist() == [0, 0]
    assert bar_in_section(labels, encode(chorale([0]))[:2]).tolist() == [0, 0]
    assert next_chord(labels, np.arange(2))[0].tolist() == [0, 0]
