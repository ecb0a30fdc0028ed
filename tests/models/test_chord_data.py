"""Songs with chord tracks, their split, and the crops of them that are trained on."""

import numpy as np
import pytest
import torch

from stilo.elements.chords import NO_CHORD_STATE, chord_state, state_chord
from stilo.errors import InputError, ReadError
from stilo.models.chord_augment import Variation, alter, draw_crops, leave_top_line, move_octave, turned
from stilo.models.chord_data import load_songs, read_song, read_split, song_of
from stilo.models.chord_features import BASS, FRAME_SIZE, GROUPS, HIGH_ONSETS, SOUNDING, TOP
from stilo.models.chord_readings import NO_BASS, READING_BASS, READING_STATE, UNKNOWN, readings_of
from stilo.music.chords import parse_chord
from stilo.music.files import write_score
from stilo.music.score import Score, TimeSignature, Track, notes_from_columns

LABELS = ("C", "A:min7/b3", "D:min7", "G:7", "E:min", "F:maj7")
PLAIN = Variation(triad=0, seventh=0, octave=0, top_line=0)


def written_song(path, seed=0, bars=8):
    """A song of arpeggios with its chords as blocks on a second track; the first bar has no chord."""
    rng = np.random.default_rng(seed)
    rows = [(0, 480, 72, 0)]
    for bar in range(1, bars):
        chord = parse_chord(LABELS[int(rng.integers(len(LABELS)))])
        low = chord.root if chord.bass is None else chord.bass
        tones = [36 + low] + [60 + tone for tone in sorted(chord.pitch_classes)]
        rows += [(bar * 1920 + i * 240, 240, tones[i % len(tones)], 0) for i in range(8)]
        rows += [(bar * 1920, 1920, tone, 1) for tone in tones]
    onset, duration, pitch, track = np.array(rows).T
    score = Score(
        notes_from_columns(onset, duration, pitch, 80, track),
        (Track("piano", 0), Track("chords", 0)),
        time_signatures=(TimeSignature(0, 4, 4),),
    )
    write_score(score, path)
    return path


def blocks_score(blocks):
    """One low note throughout, and blocks (onset, duration, pitches) in quarters."""
    rows = [(0, 16, 40, 0)] + [(onset, long, pitch, 1) for onset, long, some in blocks for pitch in some]
    onset, duration, pitch, track = np.array(rows).T
    notes = notes_from_columns(
        (onset * 480).astype(int), (duration * 480).astype(int), pitch.astype(int), 80, track.astype(int)
    )
    return Score(notes, (Track("piano", 0), Track("MIDI 01", 0)), time_signatures=(TimeSignature(0, 4, 4),))


@pytest.fixture
def songs(tmp_path):
    names = [f"{seed}.mid" for seed in range(3)]
    for seed, name in enumerate(names):
        written_song(tmp_path / name, seed)
    return list(load_songs(tmp_path, names))


def test_blocks_are_the_chords(tmp_path):
    blocks = [(2, 2, [48, 64, 67]), (4, 3.5, [52, 60, 67]), (8, 2, [50, 62]), (10, 4, [57, 60, 64, 67])]
    write_score(blocks_score(blocks), tmp_path / "song.mid")
    score, chords = read_song(tmp_path / "song.mid")
    assert (chords.bounds_ticks / 480).tolist() == [0, 2, 4, 7.5, 8, 10, 14]
    c, a = chord_state(parse_chord("C")), chord_state(parse_chord("A:min7"))
    assert chords.states.tolist() == [NO_CHORD_STATE, c, c, NO_CHORD_STATE, UNKNOWN, a]
    assert chords.bass.tolist() == [NO_BASS, 0, 4, NO_BASS, 2, 9]
    assert score.notes["pitch"].tolist() == [40]

    song = song_of("song", score, chords)
    held = dict(zip((song.frames.bounds_ticks[:-1] / 480).tolist(), song.states.tolist(), strict=True))
    assert [held[at] for at in (0, 2, 7, 7.5, 8, 13.5, 14, 15.5)] == [
        NO_CHORD_STATE, c, c, NO_CHORD_STATE, UNKNOWN, a, UNKNOWN, UNKNOWN
    ]  # fmt: skip
    assert (song.frames.bounds_ticks[:-1][song.changes] / 480).tolist() == [0, 2, 4, 7.5, 8, 10]


def test_a_file_of_one_track_has_no_chords(tmp_path):
    score = blocks_score([(0, 4, [60, 64, 67])])
    one = Score(score.notes[score.notes["track"] == 0], score.tracks[:1])
    write_score(one, tmp_path / "one.mid")
    assert read_song(tmp_path / "one.mid") is None
    with pytest.raises(ReadError):
        read_song(tmp_path / "none.mid")


def test_splits(tmp_path):
    table = tmp_path / "split.tsv"
    table.write_text("file\tsplit\na.mid\ttrain\nb.mid\ttest\nc.mid\tleft_out\n")
    assert read_split(table) == {"a.mid": "train", "b.mid": "test", "c.mid": "left_out"}
    table.write_text("file\tsplit\na.mid\tmine\n")
    with pytest.raises(InputError, match="mine"):
        read_split(table)
    table.write_text("path\tsplit\na.mid\ttrain\n")
    with pytest.raises(InputError, match="no table"):
        read_split(table)
    with pytest.raises(InputError, match="no table"):
        read_split(tmp_path / "none.tsv")


def test_crops_are_turned_with_their_chords(songs):
    batch = draw_crops(songs, np.random.default_rng(1), 8, 20, PLAIN)
    assert batch.frames.shape == (8, 20, FRAME_SIZE)
    low = batch.frames[:, :, BASS * 12 : BASS * 12 + 12]
    known = (batch.readings >= 0) & (low[:, :, :].amax(-1) > 0)
    bass = torch.from_numpy(READING_BASS)[batch.readings]
    states = torch.from_numpy(READING_STATE)[batch.readings]
    chords = known & (states != NO_CHORD_STATE)
    assert chords.sum() > 80
    lows = low.argmax(-1)
    for state, sounding in zip(states[chords].tolist(), lows[chords].tolist(), strict=True):
        assert sounding in state_chord(state).pitch_classes
    assert (lows[chords] == bass[chords]).float().mean() > 0.15
    assert len({tuple(row.tolist()) for row in batch.readings}) > 4


def test_the_same_seed_draws_the_same(songs):
    one, two, other = (draw_crops(songs, np.random.default_rng(seed), 4, 30, Variation()) for seed in (5, 5, 6))
    assert torch.equal(one.frames, two.frames)
    assert torch.equal(one.readings, two.readings)
    assert not torch.equal(one.frames, other.frames)


def test_songs_stay_as_they_are(songs):
    before = [(song.frames.values.copy(), song.states.copy(), song.bass.copy()) for song in songs]
    rng = np.random.default_rng(0)
    for _ in range(5):
        draw_crops(songs, rng, 8, 200, Variation(1, 1, 1, 1))
    for song, (values, states, bass) in zip(songs, before, strict=True):
        assert np.array_equal(song.frames.values, values)
        assert np.array_equal(song.states, states)
        assert np.array_equal(song.bass, bass)


def test_transposing_all_readings_is_one_to_one():
    for semitones in range(12):
        moved = readings_of(*turned(READING_STATE, READING_BASS, semitones))
        assert sorted(moved.tolist()) == list(range(len(READING_STATE)))
    states, bass = turned(np.array([UNKNOWN, NO_CHORD_STATE]), np.array([UNKNOWN, NO_BASS]), 5)
    assert states.tolist() == [UNKNOWN, NO_CHORD_STATE]
    assert bass.tolist() == [UNKNOWN, NO_BASS]


@pytest.mark.parametrize("label", ["C", "D:min", "E:min7/b7", "F:maj7/3", "G:7/5", "A:sus4"])
@pytest.mark.parametrize("seed", range(8))
def test_an_altered_chord_sounds_as_its_new_label_says(label, seed):
    chord = parse_chord(label)
    low = chord.root if chord.bass is None else chord.bass
    block = np.zeros((4, GROUPS, 12), np.float32)
    block[:, :, sorted(chord.pitch_classes)] = 0.5
    states, bass = np.full(4, chord_state(chord)), np.full(4, low)
    alter(block, (states, bass), np.array([0]), np.random.default_rng(seed), Variation(1, 1, 0, 0))
    assert (states == states[0]).all()
    assert (states[0] == chord_state(chord)) == (label == "A:sus4")
    assert set(block[0, 0].nonzero()[0].tolist()) == state_chord(int(states[0])).pitch_classes
    assert bass[0] in state_chord(int(states[0])).pitch_classes
    assert readings_of(states, bass).min() >= 0


@pytest.mark.parametrize("up", [True, False])
def test_octaves_move_and_nothing_is_lost(up):
    block = np.random.default_rng(0).random((5, GROUPS, 12)).astype(np.float32)
    before = block.copy()
    move_octave(block, up)
    sounding = slice(SOUNDING, SOUNDING + 4)
    assert np.allclose(block[:, sounding].sum(1), before[:, sounding].sum(1))
    inner = SOUNDING + 2 if up else SOUNDING + 1
    assert np.allclose(block[:, inner], before[:, inner - 1 if up else inner + 1])
    assert np.array_equal(block[:, BASS:], before[:, BASS:])


def test_only_the_top_line_is_left():
    block = np.random.default_rng(0).random((5, GROUPS, 12)).astype(np.float32)
    block[:, TOP, 3:] = 0
    before = block.copy()
    leave_top_line(block)
    assert np.array_equal(block[:, SOUNDING : SOUNDING + 4].sum(1), before[:, TOP])
    assert np.array_equal(block[:, BASS], before[:, TOP])
    assert block[:, HIGH_ONSETS, 3:].sum() == 0
