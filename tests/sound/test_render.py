import math
import shutil
import struct
import sys
from pathlib import Path

import numpy as np
import pytest
import symusic

from stilo.errors import InputError, SetupError
from stilo.music.score import Score, Tempo, TimeSignature, Track, notes_from_columns
from stilo.sound import render as rendering
from stilo.sound.render import PEAK, render
from stilo.sound.riff import samples_from_wav
from stilo.sound.soundfonts import Renderer, find_renderer, packaged_soundfont

FLUIDSYNTH = shutil.which("fluidsynth")
needs_fluidsynth = pytest.mark.skipif(FLUIDSYNTH is None, reason="FluidSynth is not installed")


@pytest.fixture(params=["midirenderer", pytest.param("fluidsynth", marks=needs_fluidsynth)])
def renderer(request, by_pip):
    if request.param == "midirenderer":
        return by_pip
    return Renderer("fluidsynth", packaged_soundfont(), Path(FLUIDSYNTH))


def one_note(pitch=69, program=0, quarters=2, tempo=120.0, velocity=90):
    notes = notes_from_columns([0], [quarters * 480], [pitch], velocity)
    return Score(notes, (Track("Solo", program),), tempos=(Tempo(0, tempo),))


def cents(samples, sample_rate, near):
    """How far, in cents, the strongest partial within a tone of `near` hertz lies from it."""
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples)), 2**20))
    hertz = np.arange(len(spectrum)) * sample_rate / 2**20
    spectrum[(hertz < near * 0.9) | (hertz > near * 1.1)] = 0
    return 1200 * math.log2(hertz[np.argmax(spectrum)] / near)


def level(waveform, start_seconds, end_seconds):
    frames = waveform.samples[int(start_seconds * waveform.sample_rate) : int(end_seconds * waveform.sample_rate)]
    return float(np.sqrt(np.mean(frames.astype(np.float64) ** 2)))


@pytest.mark.parametrize("sample_rate", [44_100, 48_000])
@pytest.mark.parametrize(("pitch", "hertz"), [(69, 440.0), (57, 220.0), (84, 1046.502)])
def test_pitch(renderer, pitch, hertz, sample_rate):
    sound = render(one_note(pitch, program=0, quarters=4), sample_rate, renderer)
    assert sound.sample_rate == sample_rate
    middle = sound.samples[sample_rate // 2 : 3 * sample_rate // 2].mean(axis=1)
    assert abs(cents(middle, sample_rate, hertz)) < 6  # the piano of TimGM6mb is itself 4.6 cents sharp at C6


def test_stereo_peak_duration_and_tail(renderer):
    sound = render(one_note(program=0, quarters=2), renderer=renderer)
    assert sound.samples.shape[1] == 2
    assert not np.array_equal(sound.samples[:, 0], sound.samples[:, 1])
    assert sound.peak == pytest.approx(PEAK, rel=0.01)
    assert 1.1 < sound.duration_seconds < 9.5
    assert level(sound, 1.0, 1.15) > 0.001  # the note ends at 1 s and dies away after that
    assert level(sound, sound.duration_seconds - 0.02, sound.duration_seconds) < 1e-4


def test_a_long_release_is_kept(by_pip):
    """Tubular bells ring on for seconds."""
    sound = render(one_note(program=14, quarters=1), renderer=by_pip)
    assert sound.duration_seconds > 2.0
    assert np.abs(np.diff(sound.samples[-200:], axis=0)).max() < 1e-3


def test_notes_sound_when_the_tempo_map_says(renderer):
    notes = notes_from_columns([0, 960], [480, 480], [60, 72], 100)
    score = Score(notes, (Track("Organ", 19),), tempos=(Tempo(0, 60.0), Tempo(480, 240.0)))
    sound = render(score, renderer=renderer)
    second = slice(int(1.3 * 44_100), int(1.5 * 44_100))  # sounds from 1.25 s to 1.5 s
    assert abs(cents(sound.samples[second].mean(axis=1), 44_100, 523.25)) < 20
    assert level(sound, 1.1, 1.2) < level(sound, 1.3, 1.45)


def test_drums_and_unusual_metres_are_played(renderer):
    notes = notes_from_columns([0, 480], [240, 240], [36, 38], 110)
    score = Score(notes, (Track("Kit", 0, is_drum=True),), time_signatures=(TimeSignature(0, 7, 12),))
    sound = render(score, renderer=renderer)
    assert level(sound, 0.0, 0.1) > 0.01
    assert level(sound, 0.5, 0.6) > 0.01


def test_the_same_score_gives_the_same_sound(by_pip):
    assert np.array_equal(render(one_note(), renderer=by_pip).samples, render(one_note(), renderer=by_pip).samples)


def test_loud_and_dense_music_does_not_clip(renderer):
    pitches = list(range(36, 96, 2))
    notes = np.concatenate([notes_from_columns([0] * 30, [1920] * 30, pitches, 127, track=track) for track in range(6)])
    score = Score(notes, tuple(Track("", program) for program in (19, 48, 56, 61, 30, 0)))
    sound = render(score, renderer=renderer)
    assert sound.peak <= PEAK + 1e-6
    assert (np.abs(sound.samples) > PEAK * 0.9999).sum() < 5  # a clipped wave lies flat at its peak


def test_what_clips_in_16_bits_is_played_again_more_softly(by_pip, monkeypatch):
    heard = []

    def clip_above_velocity_60(_soundfont, midi):
        velocity = max(note.velocity for note in symusic.Score.from_midi(midi).tracks[0].notes)
        heard.append(velocity)
        wave = np.clip(np.sin(np.arange(44_100) / 16) * velocity / 60, -1, 1)
        return wav(1, 16, np.rint(wave * 32767).astype("<i2").repeat(2).tobytes())

    monkeypatch.setattr("midirenderer.render_wave_from", clip_above_velocity_60)
    sound = render(one_note(velocity=120), renderer=by_pip)
    assert heard == [120, 84, 59]
    assert (np.abs(sound.samples) > PEAK * 0.9999).mean() < 0.02


def test_mono_and_silence_come_back_in_stereo(by_pip, monkeypatch):
    for data in (np.full(44_100, 1000, "<i2"), np.zeros(44_100, "<i2")):
        said = wav(1, 16, data.tobytes(), channels=1)
        monkeypatch.setattr("midirenderer.render_wave_from", lambda _soundfont, _midi, said=said: said)
        sound = render(one_note(quarters=2), renderer=by_pip)
        assert sound.samples.shape[1] == 2
        assert sound.peak == pytest.approx(PEAK if data[0] else 0.0)
        assert 0.9 < sound.duration_seconds <= 1.0


def test_more_programs_than_channels_all_sound(by_pip):
    """Twenty programs in turn, each heard at its own time and pitch; drums too."""
    programs = [0, 6, 11, 16, 19, 21, 24, 40, 41, 42, 43, 52, 56, 57, 60, 64, 68, 71, 73, 79]
    notes = notes_from_columns(np.arange(21) * 960, [720] * 21, [*range(55, 75), 38], 100, range(21))
    tracks = (*(Track("", program) for program in programs), Track("Kit", 0, is_drum=True))
    sound = render(Score(notes, tracks), renderer=by_pip)
    for index in range(20):
        start = index * 1.0 + 0.1
        heard = sound.samples[int(start * 44_100) : int((start + 0.55) * 44_100)].mean(axis=1)
        hertz = 440 * 2 ** ((55 + index - 69) / 12)
        assert abs(cents(heard, 44_100, hertz)) < 25, programs[index]
    assert level(sound, 20.0, 20.1) > 0.001


def test_scores_that_cannot_be_rendered(by_pip):
    empty = Score(notes_from_columns([], [], []), ())
    with pytest.raises(InputError, match="no notes"):
        render(empty, renderer=by_pip)
    with pytest.raises(InputError, match="lasts 60 minutes"):
        render(one_note(quarters=7200), renderer=by_pip)


def test_broken_soundfonts_are_told_in_one_line(tmp_path, renderer):
    for content in (b"", b"RIFF" + bytes(100), Path(packaged_soundfont()).read_bytes()[:5000]):
        path = tmp_path / "broken.sf2"
        path.write_bytes(content)
        with pytest.raises(
            SetupError, match=r"with broken\.sf2 cannot play the score: .*; set STILO_SOUNDFONT"
        ) as caught:
            render(one_note(), renderer=Renderer(renderer.kind, path, renderer.program))
        assert str(caught.value).isprintable()
    path.unlink()
    with pytest.raises(SetupError, match="cannot play the score"):
        render(one_note(), renderer=Renderer(renderer.kind, path, renderer.program))


FAKE = """#!{python}
import json, pathlib, sys
folder = pathlib.Path({folder!r})
arguments = sys.argv[1:]
(folder / "arguments.json").write_text(json.dumps(arguments))
(folder / "score.mid").write_bytes(pathlib.Path(arguments[-1]).read_bytes())
{body}
"""


@pytest.fixture
def fake(tmp_path, monkeypatch):
    """fake(body): a `fluidsynth` on PATH that runs `body`; its arguments and its MIDI are kept in tmp_path."""
    if sys.platform == "win32":
        pytest.skip("the fake is a script")

    def make(body):
        folder = tmp_path / "bin"
        folder.mkdir(exist_ok=True)
        program = folder / "fluidsynth"
        program.write_text(FAKE.format(python=sys.executable, folder=str(tmp_path), body=body))
        program.chmod(0o755)
        monkeypatch.setenv("PATH", str(folder))
        found = find_renderer()
        assert found.program == program
        return found

    return make


def test_a_fluidsynth_that_is_gone(tmp_path):
    gone = Renderer("fluidsynth", packaged_soundfont(), tmp_path / "fluidsynth")
    with pytest.raises(SetupError, match="cannot play the score: No such file"):
        render(one_note(), renderer=gone)


BARE_SOUND = "pathlib.Path(arguments[arguments.index('-F') + 1]).write_bytes(b'\\x00\\x10' * 2 * 22050)"


def test_fluidsynth_is_asked_rightly(fake, tmp_path):
    renderer = fake(BARE_SOUND)
    sound = render(one_note(quarters=1), 22_050, renderer)  # bare 16 bits, as without libsndfile
    assert sound.sample_rate == 22_050
    assert sound.duration_seconds == pytest.approx(1.0)
    text = (tmp_path / "arguments.json").read_text()
    assert '"-r", "22050"' in text
    assert '"-n", "-i"' in text
    assert str(renderer.soundfont) in text
    assert (tmp_path / "score.mid").read_bytes()[:4] == b"MThd"


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("sys.exit('fluidsynth: error: Out of memory')", "Out of memory"),
        ("sys.exit(3)", "exit status 3"),
        ("print('fluidsynth: error: Failed to load SoundFont', file=sys.stderr)", "Failed to load SoundFont"),
        ("pass", "it wrote no sound"),
        ("pathlib.Path(arguments[arguments.index('-F') + 1]).write_bytes(b'RIFF')", "cannot be read"),
        ("import time; time.sleep(60)", "did not end"),
    ],
)
def test_a_fluidsynth_that_fails_is_told_in_one_line(fake, monkeypatch, body, says):
    monkeypatch.setattr(rendering, "_SLOWEST_SECONDS", 1.5)
    with pytest.raises(SetupError, match=says) as caught:
        render(one_note(), renderer=fake(body))
    assert str(caught.value).isprintable()


def wav(tag, bits, data, channels=2, extra=b""):
    described = struct.pack("<HHIIHH", tag, channels, 44_100, 0, 0, bits) + extra
    chunks = b"fmt " + struct.pack("<I", len(described)) + described
    chunks += b"LIST" + struct.pack("<I", 3) + b"abc\0" + b"data" + struct.pack("<I", len(data)) + data
    return b"RIFF" + struct.pack("<I", len(chunks) + 4) + b"WAVE" + chunks


def test_kinds_of_wav():
    values = np.array([[0.5, -0.5], [0.25, 1.0]], "<f4")
    sixteen = (np.array([[0.5, -0.5], [0.25, 0.75]]) * 32768).astype("<i2")
    assert np.array_equal(samples_from_wav(wav(3, 32, values.tobytes()), 1).samples, values)
    assert np.array_equal(samples_from_wav(wav(1, 16, sixteen.tobytes()), 1).samples, sixteen / np.float32(32768))
    subformat = struct.pack("<HHIH", 22, 32, 3, 3) + bytes(14)
    assert np.array_equal(samples_from_wav(wav(0xFFFE, 32, values.tobytes(), extra=subformat), 1).samples, values)
    assert samples_from_wav(wav(3, 32, values.tobytes()[:-3]), 1).samples.shape == (1, 2)
    for broken in (b"RIFF", wav(1, 24, b"abc"), wav(1, 16, b"ab", channels=7), b"RIFF" + bytes(60)):
        with pytest.raises(ValueError, match="WAV"):
            samples_from_wav(broken, 1)
