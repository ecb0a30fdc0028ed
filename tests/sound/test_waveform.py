import wave

import numpy as np
import pytest

from stilo.errors import WriteError
from stilo.sound.waveform import AUDIO_ENDINGS, Waveform, write_audio

LOSSLESS = {".wav", ".flac"}
CODECS = {".wav": "pcm_s24le", ".flac": "flac", ".mp3": "mp3float", ".ogg": "opus", ".opus": "opus"}


def tones(sample_rate=44_100, seconds=2.0, channels=2):
    """440 Hz on the left, 660 Hz on the right."""
    t = np.arange(round(sample_rate * seconds)) / sample_rate
    columns = [0.5 * np.sin(2 * np.pi * f * t) for f in (440, 660)[:channels]]
    return Waveform(np.stack(columns, axis=1).astype(np.float32), sample_rate)


def pitch_hertz(samples, sample_rate):
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples)), 2**20))
    return np.argmax(spectrum) * sample_rate / 2**20


@pytest.mark.parametrize("ending", AUDIO_ENDINGS)
@pytest.mark.parametrize(("sample_rate", "channels"), [(44_100, 2), (48_000, 2), (22_050, 1), (96_000, 2)])
def test_written_sound_is_read_back(tmp_path, decode, ending, sample_rate, channels):
    sound = tones(sample_rate, channels=channels)
    path = tmp_path / f"tone{ending}"
    write_audio(sound, path)
    samples, rate, codec = decode(path)
    assert codec == CODECS[ending]
    assert samples.shape[1] == channels
    assert len(samples) / rate == pytest.approx(2.0, abs=0.06)
    if ending in LOSSLESS:
        assert rate == sample_rate
        assert samples.shape == sound.samples.shape
        assert np.abs(samples - sound.samples).max() < 2**-22
    middle = slice(rate // 2, 3 * rate // 2)
    for channel, hertz in enumerate((440, 660)[:channels]):
        assert pitch_hertz(samples[middle, channel], rate) == pytest.approx(hertz, abs=0.2)
        level = np.sqrt(np.mean(samples[middle, channel] ** 2))
        assert level == pytest.approx(0.5 / np.sqrt(2), rel=0.05)
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


def test_too_loud_is_clipped_not_wrapped(tmp_path, decode):
    loud = Waveform(tones().samples * np.float32(4), 44_100)
    for ending in sorted(LOSSLESS):
        write_audio(loud, tmp_path / f"a{ending}")
        samples, _, _ = decode(tmp_path / f"a{ending}")
        assert np.abs(samples - np.clip(loud.samples, -1, 1)).max() < 2**-21


def test_wav_is_plain_24_bit_pcm(tmp_path):
    write_audio(Waveform(np.array([[1.0, -1.0], [0.0, 0.5]], np.float32), 44_100), tmp_path / "a.WAV")
    with wave.open(str(tmp_path / "a.WAV")) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (2, 3, 44_100)
        assert file.readframes(2) == b"\xff\xff\x7f\x01\x00\x80\x00\x00\x00\x00\x00\x40"


@pytest.mark.parametrize("name", ["a.txt", "a", "a.wav.", "wav"])
def test_endings_that_are_no_audio(tmp_path, name):
    with pytest.raises(WriteError, match=r"use one of \.wav \.flac \.mp3 \.ogg \.opus"):
        write_audio(tones(), tmp_path / name)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("ending", AUDIO_ENDINGS)
def test_places_that_cannot_be_written_keep_what_was_there(tmp_path, ending):
    with pytest.raises(WriteError, match="does not exist"):
        write_audio(tones(), tmp_path / "nowhere" / f"a{ending}")
    with pytest.raises(WriteError, match="no sound"):
        write_audio(Waveform(np.zeros((0, 2), np.float32), 44_100), tmp_path / f"a{ending}")
    assert list(tmp_path.iterdir()) == []


def test_an_interrupted_write_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "a.flac"
    path.write_bytes(b"old")
    monkeypatch.setattr("stilo.sound.waveform._to_24_bits", lambda _samples: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        write_audio(tones(), path)
    assert path.read_bytes() == b"old"
    assert len(list(tmp_path.iterdir())) == 1


def test_resampling_keeps_pitch_and_length():
    sound = tones(44_100).resampled(48_000)
    assert sound.samples.dtype == np.float32
    assert sound.duration_seconds == pytest.approx(2.0, abs=0.001)
    assert pitch_hertz(sound.samples[:, 0], 48_000) == pytest.approx(440, abs=0.2)
    assert tones().resampled(44_100).samples is not None


@pytest.mark.parametrize(
    ("samples", "sample_rate"),
    [
        (np.zeros((4, 2)), 44_100),
        (np.zeros(4, np.float32), 44_100),
        (np.zeros((4, 3), np.float32), 44_100),
        (np.full((4, 2), np.nan, np.float32), 44_100),
        (np.zeros((4, 2), np.float32), 0),
    ],
)
def test_waveforms_that_are_none(samples, sample_rate):
    with pytest.raises(ValueError, match="sample"):
        Waveform(samples, sample_rate)
