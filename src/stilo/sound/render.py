"""Scores to sound: stereo, with the tails of the last notes, as loud as it gets without clipping.

The score goes as MIDI to the renderer, with an empty mark some seconds after its end, since renderers stop at the last
event. What comes back is cut where the tail has died away, and scaled so that its peak lies at −1 dBFS.
"""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from stilo.errors import InputError, SetupError
from stilo.music.midi_write import midi_bytes
from stilo.music.score import LAST_TICK, Marker, Score
from stilo.music.timeline import DEFAULT_QUARTERS_PER_MINUTE, duration_seconds
from stilo.sound.riff import samples_from_wav
from stilo.sound.soundfonts import Renderer, find_renderer
from stilo.sound.waveform import Samples, Waveform

LONGEST_SECONDS = 45 * 60
PEAK = 10 ** (-1 / 20)  # −1 dBFS

_TAIL_SECONDS = 8.0
_FADE_SECONDS = 0.4
_INAUDIBLE = 10 ** (-66 / 20)  # of the peak
_PROGRAMS_AT_ONCE = 15
_FLUIDSYNTH_GAIN = "0.4"
_VOICES = 4096
_SLOWEST_SECONDS = 20 * 60
_QUIETER = 0.7
_MOST_ATTEMPTS = 5


def render(score: Score, sample_rate: int = 44_100, renderer: Renderer | None = None) -> Waveform:
    """Play `score` into a stereo waveform that begins at tick 0 and ends when the last note has died away.

    Raises:
        InputError: the score has no notes, or lasts longer than 45 minutes.
        SetupError: there is no renderer, or it fails.
    """
    if len(score) == 0:
        raise InputError("this score has no notes, so there is nothing to hear")
    seconds = duration_seconds(score)
    if seconds > LONGEST_SECONDS:
        raise InputError(
            f"this score lasts {seconds / 60:.0f} minutes; up to {LONGEST_SECONDS // 60} can be rendered, so cut it"
        )
    renderer = renderer or find_renderer()
    play = _play_by_fluidsynth if renderer.kind == "fluidsynth" else _play_by_midirenderer
    parts = [play(group, renderer, sample_rate).resampled(sample_rate) for group in _playable_at_once(score)]
    return _finished(_mixed(parts), seconds)


def _playable_at_once(score: Score) -> Iterator[Score]:
    """The score, or, when MIDI's channels are too few for its programs, groups of its parts."""
    pitched = [index for index, track in enumerate(score.tracks) if not track.is_drum]
    if len({score.tracks[index].program for index in pitched}) <= _PROGRAMS_AT_ONCE:
        yield _with_late_mark(score)
        return
    drums = [index for index, track in enumerate(score.tracks) if track.is_drum]
    groups = [pitched[start : start + _PROGRAMS_AT_ONCE] for start in range(0, len(pitched), _PROGRAMS_AT_ONCE)]
    for group in (*groups, drums):
        notes = score.notes[np.isin(score.notes["track"], group)]
        if len(notes) > 0:
            place = np.zeros(len(score.tracks), np.int16)
            place[group] = np.arange(len(group))
            notes["track"] = place[notes["track"]]
            tracks = tuple(score.tracks[index] for index in group)
            yield _with_late_mark(replace(score, notes=notes, tracks=tracks))


def _with_late_mark(score: Score) -> Score:
    """Notes and tempos alone, with an event after the end so that the tail is rendered."""
    last_tempo = score.tempos[-1].quarters_per_minute if score.tempos else DEFAULT_QUARTERS_PER_MINUTE
    tail_ticks = round(_TAIL_SECONDS * last_tempo / 60 * score.ticks_per_quarter)
    late = Marker(min(score.end_ticks + tail_ticks, LAST_TICK), "end")
    return replace(score, markers=(late,), time_signatures=(), key_signatures=(), chord_symbols=())


def _play_by_fluidsynth(score: Score, renderer: Renderer, sample_rate: int) -> Waveform:
    with tempfile.TemporaryDirectory(prefix="stilo-") as name:
        folder = Path(name)
        (folder / "score.mid").write_bytes(midi_bytes(score))
        (folder / "empty.cfg").touch()
        _run(_fluidsynth_command(renderer, folder, sample_rate), renderer)
        try:
            data = (folder / "sound.wav").read_bytes()
        except OSError as error:
            raise _failed(renderer, "it wrote no sound") from error
    return _heard(data, renderer, sample_rate)


def _fluidsynth_command(renderer: Renderer, folder: Path, sample_rate: int) -> list[str]:
    """Reads score.mid of `folder`, writes sound.wav beside it; the person's own configuration is left aside."""
    options = ["-n", "-i", "-q", "-g", _FLUIDSYNTH_GAIN, "-r", str(sample_rate), "-R", "1", "-C", "0"]
    options += ["-o", f"synth.polyphony={_VOICES}"]
    output = ["-T", "wav", "-O", "float", "-F", str(folder / "sound.wav")]
    inputs = ["-f", str(folder / "empty.cfg"), str(renderer.soundfont), str(folder / "score.mid")]
    return [str(renderer.program), *options, *output, *inputs]


def _run(command: list[str], renderer: Renderer) -> None:
    try:
        ended = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, timeout=_SLOWEST_SECONDS, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise _failed(renderer, "it did not end") from error
    except OSError as error:
        raise _failed(renderer, error.strerror or "it cannot be started") from error
    said = [line for line in ended.stderr.decode("utf-8", "replace").splitlines() if line.strip()]
    failures = [line for line in said if "error" in line.lower()]  # told even where the exit status is 0
    if ended.returncode != 0 or failures:
        reason = (failures or said or [f"exit status {ended.returncode}"])[0]
        raise _failed(renderer, " ".join(reason.split())[:160])


def _play_by_midirenderer(score: Score, renderer: Renderer, sample_rate: int) -> Waveform:
    """Render inside this process; 16 bits come back, so what clips is played again more softly."""
    from midirenderer import render_wave_from

    try:
        soundfont = renderer.soundfont.read_bytes()
    except OSError as error:
        raise _failed(renderer, error.strerror or "the SoundFont cannot be read") from error
    for _ in range(_MOST_ATTEMPTS):
        try:
            data = render_wave_from(soundfont, midi_bytes(score))
        except (RuntimeError, ValueError) as error:
            raise _failed(renderer, " ".join(str(error).split())[:160]) from error
        waveform = _heard(data, renderer, sample_rate)
        if waveform.peak < 1.0 - 2**-14:
            break
        notes = score.notes.copy()
        notes["velocity"] = np.maximum(1, np.rint(notes["velocity"] * _QUIETER))
        score = score.with_notes(notes)
    return waveform


def _heard(data: bytes, renderer: Renderer, sample_rate: int) -> Waveform:
    """The stereo waveform in a renderer's WAV; FluidSynth built without libsndfile writes bare 16 bits instead."""
    try:
        waveform = samples_from_wav(data, bare_sample_rate=sample_rate)
    except ValueError as error:
        raise _failed(renderer, f"its sound cannot be read: {error}") from error
    if waveform.samples.shape[1] == 1:
        return Waveform(np.repeat(waveform.samples, 2, axis=1), waveform.sample_rate)
    return waveform


def _failed(renderer: Renderer, reason: str) -> SetupError:
    return SetupError(f"{renderer} cannot play the score: {reason}; set STILO_SOUNDFONT to another SoundFont")


def _mixed(parts: list[Waveform]) -> Waveform:
    if len(parts) == 1:
        return parts[0]
    total = np.zeros((max(len(part.samples) for part in parts), 2), np.float32)
    for part in parts:
        total[: len(part.samples)] += part.samples
    return Waveform(total, parts[0].sample_rate)


def _finished(waveform: Waveform, music_seconds: float) -> Waveform:
    """Cut where the tail has died away (never within the music), faded out, its peak at −1 dBFS."""
    peak = waveform.peak
    if peak == 0.0:
        return Waveform(waveform.samples[: round(music_seconds * waveform.sample_rate)], waveform.sample_rate)
    rate = waveform.sample_rate
    audible = np.flatnonzero(np.abs(waveform.samples).max(axis=1) > peak * _INAUDIBLE)
    fade_frames = round(_FADE_SECONDS * rate)
    end = max(int(audible[-1]) + 1, round(music_seconds * rate)) + fade_frames
    samples: Samples = waveform.samples[:end] * np.float32(PEAK / peak)
    # Raised cosine: what is still sounding leaves without a click.
    fade = 0.5 + 0.5 * np.cos(np.linspace(0.0, np.pi, min(fade_frames, len(samples)), dtype=np.float32))
    samples[len(samples) - len(fade) :] *= fade[:, np.newaxis]
    return Waveform(samples, rate)
