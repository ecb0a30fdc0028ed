import io
from collections.abc import Callable

import av
import numpy as np
import pytest

from stilo.sound.soundfonts import Renderer, packaged_soundfont


@pytest.fixture
def by_pip() -> Renderer:
    """What every installation has: midirenderer and the SoundFont inside pretty_midi."""
    return Renderer("midirenderer", packaged_soundfont())


@pytest.fixture
def decode() -> Callable[..., tuple[np.ndarray, int, str]]:
    """decode(path) -> (samples float32 [frames, channels], sample_rate, codec), by FFmpeg."""

    def read(path):
        with av.open(io.BytesIO(path.read_bytes())) as container:
            stream = container.streams.audio[0]
            codec, rate, channels = stream.codec_context.name, stream.rate, stream.channels
            resampler = av.AudioResampler(format="fltp", rate=rate)
            frames = [part for frame in container.decode(audio=0) for part in resampler.resample(frame)]
            samples = np.concatenate([frame.to_ndarray() for frame in frames], axis=1).T
        assert samples.shape[1] == channels
        return samples, rate, codec

    return read
