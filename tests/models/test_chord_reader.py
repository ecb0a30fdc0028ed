"""Chords read without torch: the same as the net says with it, and torch stays away."""

import subprocess
import sys

import numpy as np
import pytest
import torch

from stilo.elements.layout import lay_out
from stilo.errors import SetupError
from stilo.models.chord_features import FRAME_SIZE, frames_of
from stilo.models.chord_net import ChordNet, ChordNetConfig, estimate, load_chord_net, save_chord_net
from stilo.models.chord_reader import load_chord_reader, read_chords
from stilo.models.chord_readings import Prices
from stilo.music.score import Score, Track, notes_from_columns


@pytest.fixture
def folder(tmp_path):
    """A net of random weights, so large that its readings differ."""
    with torch.random.fork_rng():
        torch.manual_seed(3)
        net = ChordNet(ChordNetConfig(width=20, layers=2))
        with torch.no_grad():
            for tensor in net.parameters():
                tensor.mul_(3)
    save_chord_net(net, Prices(0.7, 0.9), tmp_path / "chords", {})
    return tmp_path / "chords"


@pytest.mark.parametrize("frames", [1, 2, 700, 2048, 2049, 5000])
def test_it_hears_what_the_net_hears(folder, frames):
    values = np.random.default_rng(frames).random((frames, FRAME_SIZE), np.float32)
    net, _ = load_chord_net(folder)
    with torch.inference_mode():
        scores, changes = net(torch.from_numpy(values)[None])
    reader = load_chord_reader(folder)
    heard = reader.heard(values)
    assert np.abs(heard @ reader.readings + reader.readings_bias - scores[0].numpy()).max() < 1e-3
    assert np.abs(heard @ reader.change + reader.change_bias - changes[0].numpy()).max() < 1e-3


def test_it_reads_the_chords_that_the_net_reads(folder, tune):
    rng = np.random.default_rng(1)
    busy = Score(
        notes_from_columns(
            np.sort(rng.integers(0, 60_000, 900)), rng.integers(60, 900, 900), rng.integers(36, 84, 900)
        ),
        (Track(),),
    )
    drums = Score(notes_from_columns(np.arange(9) * 480, [480] * 9, [36] * 9), (Track("", 0, True),))
    for score in (tune, busy, drums):
        frames = frames_of(lay_out(score))
        net, prices = load_chord_net(folder)
        with_torch, without = estimate(net, frames, prices), load_chord_reader(folder).estimate(frames)
        for name in ("bounds_ticks", "states", "bass"):
            assert np.array_equal(getattr(with_torch, name), getattr(without, name)), name
    assert len(without.states) == 1
    assert len(load_chord_reader(folder).estimate(frames_of(lay_out(busy))).states) > 3


def test_weights_that_are_missing_or_damaged_are_told(folder, tmp_path):
    with pytest.raises(SetupError, match="no chord net here"):
        load_chord_reader(tmp_path)
    config = (folder / "config.json").read_text()
    for broken in (
        "",
        "[]",
        config.replace('"width": 20', '"width": 21'),
        config.replace('"width": 20', '"width": 1e9'),
    ):
        (folder / "config.json").write_text(broken)
        with pytest.raises(SetupError, match="damaged"):
            load_chord_reader(folder)
    (folder / "config.json").write_text(config.replace('"format": 1', '"format": 9'))
    with pytest.raises(SetupError, match="another version"):
        load_chord_reader(folder)
    (folder / "config.json").write_text(config)
    (folder / "weights.safetensors").write_bytes(b"\xff" * 100)
    with pytest.raises(SetupError, match="damaged"):
        load_chord_reader(folder)


def test_reading_needs_no_torch():
    code = "import sys, stilo.models.chord_reader; print('torch' in sys.modules, 'scipy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False False\n"


def test_no_notes_no_chords(folder, monkeypatch):
    monkeypatch.setattr("stilo.models.chord_reader.chords_folder", lambda: folder)
    assert read_chords(Score(notes_from_columns([], [], []), (Track(),))) == ()
    spans = read_chords(Score(notes_from_columns([0, 480], [480, 480], [60, 64]), (Track(),)))
    assert spans[0].onset_quarters == 0
    assert sum(span.duration_quarters for span in spans) == pytest.approx(2.0)
