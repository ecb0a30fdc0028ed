"""What of this installation works, what is missing, and how to get it."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import metadata
from typing import Literal

from stilo.errors import StiloError

PACKAGES = ("torch", "numpy", "symusic", "music21", "safetensors", "sqlalchemy", "av", "matplotlib")

State = Literal["ok", "missing", "note"]


@dataclass(frozen=True)
class Finding:
    """One part of the installation; `remedy` says what to do when it is missing, or could be better."""

    part: str
    state: State
    text: str
    remedy: str = ""


def examine_installation() -> Iterator[Finding]:
    """Look at every part; none of them stops the others from being looked at."""
    checks: tuple[tuple[str, Callable[[], Finding]], ...] = (
        ("machine", _machine),
        ("packages", _packages),
        ("weights", _weights),
        ("chord net", _chord_net),
        ("encoder", _encoder),
        ("originality", _originality),
        ("renderer", _renderer),
        ("audio files", _audio_files),
        ("library", _library),
    )
    for part, check in checks:
        try:
            yield check()
        except StiloError as error:
            yield Finding(part, "missing", str(error))
        except Exception as error:  # a broken installation can fail in any way, and this is where one looks for it
            yield Finding(part, "missing", f"does not work: {type(error).__name__}: {error}", "install stilo again")


def _machine() -> Finding:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    text = f"Python {platform.python_version()}, {platform.system()} {platform.machine()}, {cores} cores"
    return Finding("machine", "ok", f"stilo {metadata.version('stilo')}, {text}")


def _packages() -> Finding:
    found = {}
    for name in PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = ""
    missing = [name for name, version in found.items() if not version]
    if missing:
        return Finding("packages", "missing", f"not installed: {', '.join(missing)}", "install stilo again")
    return Finding("packages", "ok", ", ".join(f"{name} {version}" for name, version in found.items()))


def _weights() -> Finding:
    from stilo.models.notes.base import base_model_info

    info = base_model_info()
    return Finding("weights", "ok", f"{info.parameters / 1e6:.1f} million parameters, {info.identity}, {info.folder}")


def _chord_net() -> Finding:
    from stilo.models.chord_reader import chords_folder, has_chord_net, load_chord_reader

    folder = chords_folder()
    if not has_chord_net():
        return Finding("chord net", "missing", f"not in {folder}; chords are read by templates", "install stilo again")
    load_chord_reader(folder)
    return Finding("chord net", "ok", str(folder))


def _encoder() -> Finding:
    from stilo.models.encoder_files import encoder_folder, encoder_identity, has_encoder, shipped_encoder

    folder = encoder_folder()
    if not has_encoder():
        return Finding("encoder", "missing", f"not in {folder}; styles cannot be recognised", "install stilo again")
    shipped_encoder()
    return Finding("encoder", "ok", f"{encoder_identity()}, {folder}")


def _originality() -> Finding:
    from stilo.originality.base import base_index, base_index_path, has_base_index

    path = base_index_path()
    if not has_base_index():
        return Finding("originality", "missing", f"no index in {path.parent}", "install stilo again")
    return Finding("originality", "ok", f"{len(base_index().names):,} pieces of the base model, {path}")


def _renderer() -> Finding:
    from stilo.sound.soundfonts import find_renderer

    renderer = find_renderer()
    if renderer.kind == "fluidsynth":
        return Finding("renderer", "ok", f"{renderer} ({renderer.soundfont})")
    better = (
        "sounds better with FluidSynth and a large SoundFont, for example: apt install fluidsynth fluid-soundfont-gm"
    )
    return Finding("renderer", "note", str(renderer), better)


def _audio_files() -> Finding:
    import av

    from stilo.sound.waveform import AUDIO_ENDINGS, missing_encoders

    missing = missing_encoders()
    if missing:
        return Finding("audio files", "note", f"cannot write {' '.join(missing)}", "pip install --upgrade av")
    return Finding("audio files", "ok", f"{' '.join(AUDIO_ENDINGS)} (av {av.__version__})")


def _library() -> Finding:
    from stilo.library.store import Library

    with Library() as library:
        count = len(library.names())
        return Finding("library", "ok", f"{count} style{'' if count == 1 else 's'} in {library.place}")
