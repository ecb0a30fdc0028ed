"""Training from files to weights, the exercises it adds, and the card."""

import json

import numpy as np
import pytest

from stilo.elements.chords import NO_CHORD_STATE, state_chord
from stilo.elements.layout import lay_out
from stilo.errors import SetupError
from stilo.models import chord_card, chord_train
from stilo.models.chord_accuracy import MEASURES
from stilo.models.chord_augment import Variation, draw_crops
from stilo.models.chord_data import song_of
from stilo.models.chord_exercises import BARS, exercise
from stilo.models.chord_features import frames_of
from stilo.models.chord_net import ChordNetConfig
from stilo.models.chord_reader import CONFIG_NAME, WEIGHTS_NAME, load_chord_reader
from stilo.models.chord_readings import NO_BASS, UNKNOWN
from stilo.music.files import write_score
from stilo.music.score import Score, Track, notes_from_columns

TINY = ["--steps", "4", "--rows", "8", "--length", "48", "--width", "24", "--layers", "1", "--dropout", "0"]


def write_as_song(path, seed):
    """An exercise as a file of two tracks, the second with its chords as blocks."""
    score, chords = exercise(np.random.default_rng(seed))
    rows = [(int(n["onset_ticks"]), int(n["duration_ticks"]), int(n["pitch"]), 0) for n in score.notes]
    spans = zip(chords.bounds_ticks[:-1], chords.bounds_ticks[1:], chords.states, chords.bass, strict=True)
    for start, end, state, bass in spans:
        if state != NO_CHORD_STATE:
            tones = [48 + int(bass)] + [60 + tone for tone in state_chord(int(state)).pitch_classes]
            rows += [(int(start), int(end - start), tone, 1) for tone in tones]
    onset, duration, pitch, track = np.array(rows).T
    notes = notes_from_columns(onset, duration, pitch, 80, track)
    tracks = (Track("piano", 0), Track("chords", 0))
    write_score(Score(notes, tracks, time_signatures=score.time_signatures), path)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A folder of songs with their split, and a folder of weights trained on them for a moment."""
    home = tmp_path_factory.mktemp("chords")
    rows = [f"{seed}.mid\t{split}" for seed, split in enumerate(["train"] * 4 + ["valid"] * 2)]
    for seed in range(6):
        write_as_song(home / f"{seed}.mid", seed)
    # never opened: a file of test that is not there
    (home / "split.tsv").write_text("\n".join(["file\tsplit", *rows, "missing.mid\ttest"]) + "\n")
    chord_train.main([str(home), str(home / "split.tsv"), str(home / "one"), *TINY, "--exercises", "6"])
    return home


def test_training_writes_weights_that_read_and_says_how_well(trained):
    config = json.loads((trained / "one" / CONFIG_NAME).read_text())
    assert config["facts"]["songs"] == {"train": 4, "valid": 2}
    assert config["facts"]["settings"]["steps"] == 4
    assert set(MEASURES) < config["facts"]["valid"].keys()
    score, chords = exercise(np.random.default_rng(77))
    read = load_chord_reader(trained / "one").estimate(frames_of(lay_out(score)))
    assert read.bounds_ticks[0] == 0
    assert read.bounds_ticks[-1] >= chords.bounds_ticks[-1]


def test_training_learns(trained):
    rng = np.random.default_rng(3)
    songs = [song_of("exercise", *exercise(rng)) for _ in range(3)]
    batch = draw_crops(songs, rng, 4, 60, Variation(0, 0, 0, 0))
    losses = []
    for steps in ("1", "90"):
        args = chord_train.parsed([*map(str, [trained] * 3), *TINY, "--rate", "0.02", "--exercises", "0"])
        args.steps = int(steps)
        net = chord_train.train(songs, ChordNetConfig(24, 1, 0.0), args)
        losses.append(float(chord_train.loss_of(net, batch).detach()))
    assert losses[0] > 6  # ln 649 and a change
    assert losses[1] < 4


def test_the_same_seed_gives_the_same_weights(trained):
    settings = [*TINY, "--exercises", "2"]
    for name, seed in (("two", "5"), ("three", "5"), ("four", "6")):
        chord_train.main([str(trained), str(trained / "split.tsv"), str(trained / name), *settings, "--seed", seed])
    two, three, four = ((trained / name / WEIGHTS_NAME).read_bytes() for name in ("two", "three", "four"))
    assert two == three
    assert two != four


def test_a_missing_split_is_told_in_one_line(tmp_path):
    with pytest.raises(SystemExit) as told:
        chord_train.main([str(tmp_path), str(tmp_path / "none.tsv"), str(tmp_path / "out")])
    assert "no table" in str(told.value)


@pytest.mark.parametrize("seed", range(12))
def test_exercises_sound_as_their_chords_say(seed):
    score, chords = exercise(np.random.default_rng(seed))
    song = song_of("exercise", score, chords)
    assert len(score.time_signatures) == 1
    assert chords.bounds_ticks[0] == 0
    assert (np.diff(chords.bounds_ticks) > 0).all()
    assert len(lay_out(score).grid) in (BARS, BARS + 1)  # the tune may ring on
    assert (song.states == UNKNOWN).mean() < 0.05
    real = chords.states != NO_CHORD_STATE
    assert ((chords.bass == NO_BASS) == ~real).all()
    for state, bass in zip(chords.states[real].tolist(), chords.bass[real].tolist(), strict=True):
        assert bass in state_chord(state).pitch_classes
    # below the tune nothing sounds but tones of the chord, and its bass is the lowest note
    notes = score.notes[score.notes["pitch"] < 70]
    held = np.searchsorted(chords.bounds_ticks, notes["onset_ticks"], side="right") - 1
    for at, note in zip(held.tolist(), notes, strict=True):
        assert int(note["pitch"]) % 12 in state_chord(int(chords.states[at])).pitch_classes
        assert note["onset_ticks"] + note["duration_ticks"] <= chords.bounds_ticks[at + 1]
    for at in set(held.tolist()):
        assert notes["pitch"][held == at].min() % 12 == chords.bass[at]


def test_exercises_hold_every_quality_and_differ():
    rng = np.random.default_rng(0)
    made = [exercise(rng)[1] for _ in range(30)]
    states = np.concatenate([chords.states for chords in made])
    assert set((states[states != NO_CHORD_STATE] // 12).tolist()) == set(range(15))
    assert (states == NO_CHORD_STATE).any()
    assert len({tuple(chords.states.tolist()) for chords in made}) == 30


def test_the_card_says_what_was_recorded(trained, tmp_path):
    row = dict.fromkeys([*MEASURES, *(f"{name} by song" for name in MEASURES)], 12.3)
    told = {"split": "test", "songs": 7, "figures": {"net": row}, "intervals": {"net": {"full": [1, 2]}}}
    (tmp_path / "bench.json").write_text(json.dumps({**told, "published": {"BACHI": {"full": 82.4}}}))
    chord_card.main([str(trained / "one"), str(tmp_path / "bench.json")])
    card = (trained / "one" / "README.md").read_text(encoding="utf-8")
    facts = json.loads((trained / "one" / CONFIG_NAME).read_text())["facts"]
    assert f"| {facts['valid']['full']:.1f} |" in card
    assert "| test: BACHI |  |  |  |  |  | 82.4 |  |" in card
    assert "--steps 4 " in card
    assert "7 of test" in card
    with pytest.raises(SetupError, match="no figures"):
        chord_card.chord_card(trained / "one", tmp_path / "none.json")
