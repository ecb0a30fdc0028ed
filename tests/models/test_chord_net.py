"""The chord net: its weights on disk, odd scores, and what the shipped one says of plain chords."""

import itertools
import json
import time

import numpy as np
import pytest
import torch

from stilo.elements.profile import analyse
from stilo.errors import SetupError
from stilo.models.chord_net import ChordNet, ChordNetConfig, load_chord_net, save_chord_net
from stilo.models.chord_reader import CONFIG_NAME, WEIGHTS_NAME, chords_folder, read_chords
from stilo.models.chord_readings import READINGS, Prices
from stilo.music.chords import parse_chord
from stilo.music.score import Score, TimeSignature, Track, notes_from_columns

PIANO, KIT = (Track("Piano", 0),), (Track("Kit", 0, True),)
TINY = ChordNetConfig(width=8, layers=1, dropout=0.0)


def tiny_net(seed=0):
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return ChordNet(TINY).eval()


def blocks(labels, quarters=4, above=0):
    """Block chords, a low note under each, and the root on top."""
    rows = []
    for i, label in enumerate(labels):
        chord = parse_chord(label)
        if chord is None:
            continue
        low = chord.root if chord.bass is None else chord.bass
        tones = [48 + (low % 12) - 12] + [60 + tone % 12 for tone in sorted(chord.pitch_classes)]
        rows += [(i * quarters * 480, quarters * 480, tone + above) for tone in tones]
    onset, duration, pitch = np.array(rows).T
    return Score(notes_from_columns(onset, duration, pitch), PIANO, time_signatures=(TimeSignature(0, 4, 4),))


def labels_of(score):
    return [span.label for span in read_chords(score)]


ODD = {
    "one tick": Score(notes_from_columns([0], [1], [0]), PIANO, 1),
    "one bar": Score(notes_from_columns([0, 480, 960], [480] * 3, [60, 64, 67]), PIANO),
    "late": Score(notes_from_columns([100_000], [480], [127]), PIANO),
    "every pitch": Score(notes_from_columns([0] * 128, [480] * 128, list(range(128))), PIANO),
    "strange metres": Score(
        notes_from_columns(np.arange(40) * 177, np.full(40, 170), np.arange(40) + 40),
        PIANO,
        time_signatures=tuple(TimeSignature(t, n, d) for t, n, d in ((0, 1, 32), (15, 11, 32), (900, 5, 1))),
    ),
}


@pytest.mark.parametrize("name", list(ODD))
def test_odd_scores_are_read_from_beginning_to_end(name):
    score = ODD[name]
    spans = read_chords(score)
    assert spans[0].onset_quarters == 0
    for span, following in itertools.pairwise(spans):
        assert following.onset_quarters == pytest.approx(span.onset_quarters + span.duration_quarters, abs=1e-4)
        assert following.label != span.label
    assert spans[-1].onset_quarters + spans[-1].duration_quarters >= score.end_ticks / score.ticks_per_quarter - 1e-4
    for span in spans:
        parse_chord(span.label)
    assert analyse(score, spans).piece.chords == spans


def test_drums_have_no_chord_and_silence_nothing_at_all():
    assert labels_of(Score(notes_from_columns([0, 480], [60, 60], [36, 38]), KIT)) == ["N"]
    assert read_chords(Score(notes_from_columns([], [], []), PIANO)) == ()


def test_a_hundred_thousand_notes_take_seconds():
    rng = np.random.default_rng(0)
    onset = np.sort(rng.integers(0, 480 * 12_000, 100_000))
    score = Score(notes_from_columns(onset, np.full(100_000, 240), rng.integers(30, 90, 100_000)), PIANO)
    began = time.process_time()
    assert len(read_chords(score)) > 100
    assert time.process_time() - began < 60


@pytest.mark.parametrize(
    "labels",
    [
        ["C", "F", "G", "C", "A:min", "D:min", "G:7", "C"],
        ["A:min", "D:min", "E:7", "A:min", "F", "B:dim", "E", "A:min"],
        ["C", "A:min7", "D:min7", "G:7", "C", "F:maj7", "G:7", "C"],
        ["D", "G/3", "A/3", "D", "G", "D/3", "A", "D"],
    ],
)
@pytest.mark.parametrize("above", [0, 5])
def test_plain_chords_are_read_as_they_are(labels, above):
    read = labels_of(blocks(labels, above=above))
    expected = [parse_chord(label) for label in labels]
    found = [parse_chord(label) for label in read]
    assert [(c.root - above) % 12 for c in found] == [c.root for c in expected]
    assert [c.quality for c in found] == [c.quality for c in expected]
    assert [None if c.bass is None else (c.bass - above) % 12 for c in found] == [c.bass for c in expected]


@pytest.mark.parametrize("label", ["B:dim7", "B:hdim7", "C:aug", "G:sus4", "G:sus2", "F:min6"])
def test_rarer_chords_are_told_too(label):
    assert labels_of(blocks(["C", "A:min", label, "C"]))[2] == label


def test_chords_begin_where_they_begin():
    spans = read_chords(blocks(["C", "F", "G:7", "C"], quarters=2))
    assert [span.onset_quarters for span in spans] == [0, 2, 4, 6]
    assert [span.duration_quarters for span in spans] == [2, 2, 2, 2]


def test_roots_are_spelled_as_the_key_asks():
    assert labels_of(blocks(["Eb", "Ab", "Bb:7", "Eb"])) == ["Eb", "Ab", "Bb:7", "Eb"]
    assert labels_of(blocks(["E", "A", "B:7", "C#:min", "F#:min", "B:7", "E"]))[3:5] == ["C#:min", "F#:min"]


def test_the_shipped_net_is_small_and_has_its_card():
    folder = chords_folder()
    assert (folder / WEIGHTS_NAME).stat().st_size <= 1.5 * 2**20
    card = (folder / "README.md").read_text(encoding="utf-8")
    facts = json.loads((folder / CONFIG_NAME).read_text(encoding="utf-8"))["facts"]
    assert f"{facts['valid']['full']:.1f}" in card


def test_saved_and_loaded_it_says_the_same(tmp_path):
    net = tiny_net()
    save_chord_net(net, Prices(1.5, 0.25), tmp_path, {"seed": 1})
    loaded, prices = load_chord_net(tmp_path)
    frames = torch.rand(1, 20, net.near.in_channels)
    assert prices == Prices(1.5, 0.25)
    assert loaded.config == TINY
    assert not loaded.training
    scores, changes = net(frames)
    again, changes_again = loaded(frames)
    assert scores.shape == (1, 20, READINGS)
    assert torch.allclose(scores, again, atol=0.02)
    assert torch.allclose(changes, changes_again, atol=0.02)


def test_no_weights_are_told_in_one_line(tmp_path):
    with pytest.raises(SetupError, match="no chord net here"):
        load_chord_net(tmp_path)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        (WEIGHTS_NAME, b"no weights"),
        (CONFIG_NAME, b"{"),
        (CONFIG_NAME, b"[]"),
        (CONFIG_NAME, b'{"format": 99}'),
        (CONFIG_NAME, b'{"format": 1, "model": {"width": 1000000}, "prices": {}}'),
        (CONFIG_NAME, b'{"format": 1, "model": {"width": 16, "layers": 1, "dropout": 0}, "prices": {}}'),
        (CONFIG_NAME, b" " * (2**20 + 1)),
    ],
)
def test_damaged_weights_are_told_in_one_line(tmp_path, name, content):
    save_chord_net(tiny_net(), Prices(), tmp_path, {})
    (tmp_path / name).write_bytes(content)
    with pytest.raises(SetupError) as told:
        load_chord_net(tmp_path)
    assert "\n" not in str(told.value)
