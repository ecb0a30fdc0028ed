"""Lead sheets: what their marks mean, and what is played to them."""

import json

import numpy as np
import pytest

from stilo.elements.chords import NO_CHORD_STATE, chord_state, state_chord
from stilo.errors import ReadError
from stilo.models import chord_card, chord_train
from stilo.models.chord_accuracy import MEASURES
from stilo.models.chord_exercises import exercise
from stilo.models.chord_lead_sheets import (
    ACCOMPANIED,
    ALONE,
    accompanied,
    beat_ticks,
    lead_sheet_songs,
    marked,
    read_lead_sheet,
)
from stilo.models.chord_reader import CONFIG_NAME, WEIGHTS_NAME
from stilo.models.chord_readings import NO_BASS, UNKNOWN
from stilo.music.chords import format_chord, parse_chord
from stilo.music.files import write_score
from stilo.music.score import ChordSymbol, Score, TimeSignature, Track, notes_from_columns

MARKS = ((2, "C"), (4, "A:min7/b3"), (12, "G:9"), (14, "D:min7/4"), (16, "N"), (18, "F/5"))


def lead_sheet(marks=MARKS, quarters=24, metre=(4, 4), ticks=96, pitch=72):
    """A tune of quarters on one track, with marks at quarters."""
    onset = np.arange(quarters) * ticks
    notes = notes_from_columns(onset, np.full(quarters, ticks), np.full(quarters, pitch))
    symbols = tuple(ChordSymbol(round(at * ticks), label) for at, label in marks)
    return Score(notes, (Track("melody"),), ticks, time_signatures=(TimeSignature(0, *metre),), chord_symbols=symbols)


def read_back(tmp_path, **how):
    write_score(lead_sheet(**how), tmp_path / "sheet.mid")
    return read_lead_sheet(tmp_path / "sheet.mid")


@pytest.mark.parametrize(
    ("label", "meant"),
    [
        ("C", "C"),
        ("Bb7", "Bb:7"),
        ("C9", "C:7"),
        ("C13", "C:7"),
        ("F:maj9", "F:maj7"),
        ("G7b9", "G:7"),
        ("G:sus4(b7)", "G:sus4"),
        ("C6", "C:maj6"),
        ("F:min6", "F:min6"),
        ("Am/G", "A:min7/b7"),
        ("C/E", "C/3"),
        ("C:maj6/3", "A:min7/5"),
        ("Am7/C", "C:maj6"),  # equal in sound and bass; blocks are named so, too
        ("C:maj6(9)", "C:maj6"),
        ("Gaug7", "G:aug(b7)"),
        ("Bm7b5", "B:hdim7"),
    ],
)
def test_marks_are_told_in_the_vocabulary(label, meant):
    chord = parse_chord(meant)
    assert marked(parse_chord(label)) == (chord_state(chord), chord.root if chord.bass is None else chord.bass)


def test_marks_without_a_name_are_unknown():
    assert marked(parse_chord("Dm7/G")) == (UNKNOWN, 7)
    assert marked(parse_chord("C:5")) == (UNKNOWN, 0)
    assert marked(None) == (NO_CHORD_STATE, NO_BASS)


def test_marks_hold_from_the_first_to_the_end(tmp_path):
    score, chords = read_back(tmp_path)
    assert (chords.bounds_ticks / score.ticks_per_quarter).tolist() == [2, 4, 12, 14, 16, 18, 24]
    names = [format_chord(state_chord(s, b)) if s not in (UNKNOWN, NO_CHORD_STATE) else s
             for s, b in zip(chords.states.tolist(), chords.bass.tolist(), strict=True)]  # fmt: skip
    assert names == ["C", "C:maj6", "G:7", UNKNOWN, NO_CHORD_STATE, "F/5"]
    assert score.chord_symbols == ()
    assert len(score.notes) == 24


def test_what_has_no_marks_is_no_lead_sheet(tmp_path):
    assert read_back(tmp_path, marks=()) is None
    assert read_back(tmp_path, marks=((24, "C"),)) is None  # after the last note
    with pytest.raises(ReadError):
        read_lead_sheet(tmp_path / "none.mid")


@pytest.mark.parametrize("metre", [(4, 4), (3, 4), (6, 8), (2, 2), (5, 8), (12, 8)])
@pytest.mark.parametrize("seed", range(6))
def test_the_accompaniment_sounds_what_is_marked(tmp_path, seed, metre):
    score, chords = read_back(tmp_path, metre=metre)
    played = accompanied(score, chords, np.random.default_rng(seed))
    added = played.notes[played.notes["track"] == 1]
    assert len(played.notes) == len(score.notes) + len(added)
    onset, end = added["onset_ticks"], added["onset_ticks"] + added["duration_ticks"]
    held = np.searchsorted(chords.bounds_ticks, onset, side="right") - 1
    assert set(held.tolist()) == {0, 1, 2, 5}  # nothing where no chord or none known
    assert (end <= chords.bounds_ticks[held + 1]).all()
    for at in (0, 1, 2, 5):
        tones = state_chord(int(chords.states[at])).pitch_classes
        sounding = added[held == at]
        assert {int(p) % 12 for p in sounding["pitch"]} <= tones
        assert sounding["pitch"].min() % 12 == chords.bass[at]
    # the long chord is struck in each of its bars
    bar = score.ticks_per_quarter * 4 * metre[0] // metre[1]
    first, last = (int(t) for t in chords.bounds_ticks[1:3])
    assert set(range(-(-first // bar) * bar, last, bar)) <= set(onset.tolist())


def test_the_same_seed_plays_the_same_and_others_differ(tmp_path):
    score, chords = read_back(tmp_path)
    made = [accompanied(score, chords, np.random.default_rng(seed)).notes.tobytes() for seed in (1, 1, *range(2, 8))]
    assert made[0] == made[1]
    assert len(set(made)) > 3


@pytest.mark.parametrize("ticks", [1, 5, 96, 960])
def test_odd_lead_sheets_are_played(tmp_path, ticks):
    for marks in (((0, "C"),), ((0, "N"),), ((0.01, "C"), (0.5, "C"), (0.51, "G7"))):
        read = read_back(tmp_path, marks=marks, quarters=1, ticks=ticks)
        if read is not None:
            score, chords = read
            played = accompanied(score, chords, np.random.default_rng(0))
            assert played.end_ticks == score.end_ticks
            assert (played.notes["duration_ticks"] > 0).all()


def test_beats_are_those_of_the_metre_that_holds():
    score = Score(
        lead_sheet().notes,
        (Track(""),),
        96,
        time_signatures=(TimeSignature(0, 4, 4), TimeSignature(384, 6, 8), TimeSignature(960, 3, 4)),
    )
    assert [beat_ticks(score, at) for at in (0, 383, 384, 959, 960)] == [96, 96, 144, 144, 96]
    assert beat_ticks(Score(lead_sheet().notes, (Track(""),), 96), 0) == 96


def test_a_song_is_seen_twice_with_the_same_chords(tmp_path):
    write_score(lead_sheet(), tmp_path / "one.mid")
    write_score(lead_sheet(marks=()), tmp_path / "two.mid")
    ((alone, played),) = lead_sheet_songs(tmp_path, ["one.mid", "two.mid"], np.random.default_rng(0))
    assert np.array_equal(alone.states, played.states)
    assert np.array_equal(alone.frames.bounds_ticks, played.frames.bounds_ticks)
    assert (alone.states[:4] == UNKNOWN).all()  # before the first mark
    assert (played.frames.values > 0).sum() > (alone.frames.values > 0).sum()


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Weights trained for a moment on two songs of blocks and three lead sheets."""
    home = tmp_path_factory.mktemp("sheets")
    for seed in range(3):
        score, chords = exercise(np.random.default_rng(seed))
        rows = [(int(n["onset_ticks"]), int(n["duration_ticks"]), int(n["pitch"]), 0) for n in score.notes]
        rows += [(int(at), 480, 48, 1) for at in chords.bounds_ticks[:-1]]
        onset, duration, pitch, track = np.array(rows).T
        notes = notes_from_columns(onset, duration, pitch, 80, track)
        write_score(Score(notes, (Track(""), Track("chords"))), home / f"{seed}.mid")
        write_score(lead_sheet(pitch=70 + seed), home / f"sheet{seed}.mid")
    (home / "songs.tsv").write_text("file\tsplit\n0.mid\ttrain\n1.mid\ttrain\n2.mid\tvalid\n")
    sheets = "file\tsplit\tauthors\n" + "".join(f"sheet{i}.mid\t{s}\tA. B. 1900\n" for i, s in enumerate(
        ("train", "train", "valid")))  # fmt: skip
    (home / "sheets.tsv").write_text(sheets + "missing.mid\ttest\tA. B. 1900\n")
    return home


def train(home, name, *more):
    tiny = [
        "--steps",
        "3",
        "--rows",
        "4",
        "--length",
        "24",
        "--width",
        "16",
        "--layers",
        "1",
        "--dropout",
        "0",
        "--exercises",
        "1",
    ]
    chord_train.main([str(home), str(home / "songs.tsv"), str(home / name), *tiny, *more])
    return (home / name / WEIGHTS_NAME).read_bytes(), json.loads((home / name / CONFIG_NAME).read_text())["facts"]


def test_training_learns_from_lead_sheets_and_says_so_in_the_card(trained, tmp_path):
    added = ("--lead-sheets", str(trained), str(trained / "sheets.tsv"))
    plain, facts = train(trained, "plain")
    assert "lead_sheets" not in facts
    weights, facts = train(trained, "one", *added)
    assert train(trained, "two", *added)[0] == weights != plain
    assert facts["lead_sheets"] == {"train": 2, "valid": 1}
    assert set(facts["valid_lead_sheets"]) == {ALONE, ACCOMPANIED}

    row = dict.fromkeys([*MEASURES, *(f"{name} by song" for name in MEASURES)], 12.3)
    told = {"split": "test", "songs": 7, "figures": {"net": row}, "intervals": {"net": {"full": [1, 2]}}}
    told |= {"published": {}, "lead_sheets": {"songs": 5, "figures": {f"net, {ALONE}": row}}}
    told["lead_sheets"] |= {"intervals": {f"net, {ALONE}": {"full": [1, 2]}}}
    (tmp_path / "bench.json").write_text(json.dumps(told))
    card = chord_card.chord_card(trained / "one", tmp_path / "bench.json")
    assert "2 songs and 2 lead sheets" in card
    assert "--lead-sheets OPENEWLD benchmarks/splits/openewld_chords.tsv \\" in card
    assert "OpenEWLD (Simonetta et al. 2018)" in card
    assert f"| valid: net, {ACCOMPANIED} | {facts['valid_lead_sheets'][ACCOMPANIED]['root']:.1f} |" in card
    assert f"| test: net, {ALONE} | 12.3 |" in card
    assert "1 of valid, 5 of test" in card
    assert f"net, {ALONE} 1 … 2" in card
    assert "OpenEWLD" not in chord_card.chord_card(trained / "plain", tmp_path / "bench.json").split("## Figures")[0]
