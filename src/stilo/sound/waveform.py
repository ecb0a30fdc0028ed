"""Sound as numbers, and the audio files it goes to.

A waveform is float32 [frames, channels], 1.0 = full scale. Kinds of file by their ending: .wav and .flac hold 24 bits,
.mp3 is LAME at 256 kbit/s, .ogg and .opus are Opus at 160 kbit/s (always 48 kHz, as Opus is). FFmpeg encodes, from
inside the PyAV wheel.
"""

from __future__ import annotations

import errno
import os
import wave
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from stilo.errors import WriteError
from stilo.music.atomic import replacing

Samples = NDArray[np.float32]

_LARGEST_WAV_BYTES = 2**32 - 2**12
_FULL_SCALE_24 = 2**23 - 1
_CHUNK_FRAMES = 2**16
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT)


@dataclass(frozen=True, eq=False)
class Waveform:
    """Sound.

    Attributes:
        samples: float32 [frames, channels], 1 or 2 channels, finite; beyond ±1 a file would clip.
        sample_rate: frames a second, 8000…192000.

    Raises:
        ValueError: samples of another kind, or a rate out of range.
    """

    samples: Samples
    sample_rate: int

    def __post_init__(self) -> None:
        if self.samples.dtype != np.float32 or self.samples.ndim != 2 or self.samples.shape[1] not in (1, 2):
            raise ValueError("samples must be float32 [frames, 1 or 2 channels]")
        if not 8000 <= self.sample_rate <= 192_000:
            raise ValueError(f"sample_rate {self.sample_rate} is not in 8000…192000")
        if not np.isfinite(self.samples).all():
            raise ValueError("samples must be finite")

    @property
    def duration_seconds(self) -> float:
        return len(self.samples) / self.sample_rate

    @property
    def peak(self) -> float:
        """The largest absolute sample; 0 for no sound at all."""
        return float(np.abs(self.samples).max(initial=0.0))

    def resampled(self, sample_rate: int) -> Waveform:
        """The same sound at another rate."""
        if sample_rate == self.sample_rate:
            return self
        import soxr

        samples = soxr.resample(self.samples, self.sample_rate, sample_rate, quality="VHQ")
        return Waveform(np.ascontiguousarray(samples, np.float32), sample_rate)


@dataclass(frozen=True, slots=True)
class _Encoding:
    """How FFmpeg is asked for one kind of file; `rates` are those the codec knows, () for any."""

    container: str
    codec: str
    sample_format: str
    bit_rate: int | None = None
    rates: tuple[int, ...] = ()


_ENCODINGS = {
    ".flac": _Encoding("flac", "flac", "s32"),
    ".mp3": _Encoding("mp3", "libmp3lame", "fltp", 256_000, (32_000, 44_100, 48_000)),
    ".ogg": _Encoding("ogg", "libopus", "flt", 160_000, (48_000,)),
    ".opus": _Encoding("ogg", "libopus", "flt", 160_000, (48_000,)),
}
AUDIO_ENDINGS = (".wav", *_ENCODINGS)


def missing_encoders() -> list[str]:
    """The endings that the FFmpeg inside this PyAV cannot write."""
    import av

    return [ending for ending, encoding in _ENCODINGS.items() if encoding.codec not in av.codecs_available]


def write_audio(waveform: Waveform, path: str | Path) -> None:
    """Write `waveform` to `path`, whole or not at all; the kind of file follows the ending.

    Samples beyond ±1 are clipped.

    Raises:
        WriteError: an ending that is no kind of audio, or a place that cannot be written.
    """
    ending = Path(path).suffix.lower()
    if ending not in AUDIO_ENDINGS:
        raise WriteError(path, f"no kind of audio file ends so; use one of {' '.join(AUDIO_ENDINGS)}")
    if len(waveform.samples) == 0:
        raise WriteError(path, "there is no sound to write")
    with replacing(path) as fresh:
        if ending == ".wav":
            _write_wav(waveform, fresh, path)
        else:
            _encode(waveform, fresh, path, _ENCODINGS[ending])


def _write_wav(waveform: Waveform, fresh: Path, path: str | Path) -> None:
    if waveform.samples.size * 3 > _LARGEST_WAV_BYTES:
        raise WriteError(path, "too long for a WAV file; write .flac instead")
    with wave.open(str(fresh), "wb") as file:
        file.setnchannels(waveform.samples.shape[1])
        file.setsampwidth(3)
        file.setframerate(waveform.sample_rate)
        for chunk in _chunks(waveform.samples):
            low_to_high = _to_24_bits(chunk).astype("<i4").view(np.uint8).reshape(-1, 4)
            file.writeframes(low_to_high[:, :3].tobytes())


def _encode(waveform: Waveform, fresh: Path, path: str | Path, encoding: _Encoding) -> None:
    import av

    waveform = waveform.resampled(_nearest_rate(waveform.sample_rate, encoding.rates))
    layout = "stereo" if waveform.samples.shape[1] == 2 else "mono"
    try:
        with av.open(str(fresh), "w", format=encoding.container) as container:
            stream = cast(av.AudioStream, container.add_stream(encoding.codec, rate=waveform.sample_rate))
            stream.codec_context.layout = layout
            stream.codec_context.format = encoding.sample_format
            if encoding.bit_rate is not None:
                stream.codec_context.bit_rate = encoding.bit_rate
            for frame in _frames(waveform, layout, encoding.sample_format):
                container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
    except av.FFmpegError as error:
        if error.errno in _NO_ROOM:
            raise OSError(error.errno, os.strerror(error.errno)) from error
        raise WriteError(path, f"cannot be encoded ({error.strerror or error}); write .wav instead") from error


def _nearest_rate(sample_rate: int, rates: tuple[int, ...]) -> int:
    """The lowest rate that keeps all of the sound, or the highest there is."""
    enough = [rate for rate in rates if rate >= sample_rate]
    return min(enough) if enough else max(rates, default=sample_rate)


def _frames(waveform: Waveform, layout: str, sample_format: str) -> Iterator[Any]:
    """The sound as FFmpeg's frames, stamped with their place in it."""
    import av

    place = 0
    for chunk in _chunks(waveform.samples):
        data: NDArray[Any]
        if sample_format == "s32":
            data = (_to_24_bits(chunk) << 8).reshape(1, -1)  # [1, frames × channels]
        elif sample_format == "fltp":
            data = np.ascontiguousarray(np.clip(chunk, -1.0, 1.0).T)  # [channels, frames]
        else:
            data = np.clip(chunk, -1.0, 1.0).reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(data, format=sample_format, layout=layout)
        frame.sample_rate = waveform.sample_rate
        frame.pts = place
        place += len(chunk)
        yield frame


def _chunks(samples: Samples) -> Iterator[Samples]:
    for start in range(0, len(samples), _CHUNK_FRAMES):
        yield samples[start : start + _CHUNK_FRAMES]


def _to_24_bits(samples: Samples) -> NDArray[np.int32]:
    return np.rint(np.clip(samples.astype(np.float64), -1.0, 1.0) * _FULL_SCALE_24).astype(np.int32)
