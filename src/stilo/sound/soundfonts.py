"""Which renderer and which SoundFont there are on this machine.

FluidSynth with a large SoundFont sounds best and is used when the system has it. Otherwise everything needed came with
pip: midirenderer plays the TimGM6mb.sf2 that lies in the pretty_midi package.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from stilo.errors import SetupError

# Best first: what the file's name begins with, lower case.
_PREFERRED = (
    "musescore_general",
    "musescore-general",
    "ms basic",
    "fluidr3",
    "fluid",
    "generaluser",
    "default-gm",
    "sgm",
    "timgm6mb",
)
_FOLDERS = (
    "~/.local/share/soundfonts",
    "~/.local/share/sounds/sf2",
    "~/Documents/MuseScore4/SoundFonts",
    "~/Library/Audio/Sounds/Banks",
    "/usr/local/share/soundfonts",
    "/usr/local/share/sounds/sf2",
    "/usr/share/soundfonts",
    "/usr/share/sounds/sf2",
    "/usr/share/sounds/sf3",
    "/opt/homebrew/share/soundfonts",
    "/opt/homebrew/share/fluid-synth/sf2",
    "/Library/Audio/Sounds/Banks",
    "C:/soundfonts",
)
_ENDINGS = (".sf2", ".sf3")


@dataclass(frozen=True, slots=True)
class Renderer:
    """What turns a score into sound: `program` is FluidSynth's executable, None for midirenderer."""

    kind: Literal["fluidsynth", "midirenderer"]
    soundfont: Path
    program: Path | None = None

    def __str__(self) -> str:
        return f"{self.kind} with {self.soundfont.name}"


def find_renderer() -> Renderer:
    """The best renderer of this machine; STILO_SOUNDFONT may name the SoundFont.

    Raises:
        SetupError: there is none, or STILO_SOUNDFONT names no SoundFont; the message says how to get one.
    """
    program = shutil.which("fluidsynth")
    given = _given_soundfont()
    if program is not None:
        soundfont = given or best_soundfont(installed_soundfonts()) or packaged_soundfont()
        if soundfont is not None:
            return Renderer("fluidsynth", soundfont, Path(program))
    soundfont = given or packaged_soundfont()
    if soundfont is None or importlib.util.find_spec("midirenderer") is None:
        raise SetupError(
            "nothing here can play a score: pip install midirenderer pretty_midi, or install FluidSynth and a SoundFont"
        )
    if soundfont.suffix.lower() == ".sf3":
        raise SetupError(f"{soundfont}: only FluidSynth plays .sf3; install it or set STILO_SOUNDFONT to an .sf2 file")
    return Renderer("midirenderer", soundfont)


def installed_soundfonts() -> list[Path]:
    """Every SoundFont in the folders where systems keep them; a file under several names counts once."""
    found: dict[Path, Path] = {}
    for folder in map(Path, _FOLDERS):
        try:
            inside = sorted(folder.expanduser().iterdir())
        except (OSError, RuntimeError):
            continue
        for path in inside:
            if path.suffix.lower() in _ENDINGS and path.is_file():
                found.setdefault(path.resolve(), path)
    return sorted(found)


def best_soundfont(paths: list[Path]) -> Path | None:
    """The one known to sound best; of unknown ones the largest; None of none."""
    return min(paths, key=lambda path: (_rank(path), -path.stat().st_size, str(path)), default=None)


def packaged_soundfont() -> Path | None:
    """The SoundFont inside the pretty_midi package, found without importing it."""
    package = importlib.util.find_spec("pretty_midi")
    if package is None or package.origin is None:
        return None
    path = Path(package.origin).with_name("TimGM6mb.sf2")
    return path if path.is_file() else None


def _rank(path: Path) -> int:
    name = path.name.lower()
    return next((i for i, beginning in enumerate(_PREFERRED) if name.startswith(beginning)), len(_PREFERRED))


def _given_soundfont() -> Path | None:
    given = os.environ.get("STILO_SOUNDFONT")
    if not given:
        return None
    path = Path(given).expanduser().absolute()
    if not path.is_file() or path.suffix.lower() not in _ENDINGS:
        raise SetupError(f"{given}: STILO_SOUNDFONT does not name an .sf2 or .sf3 file; mend or unset it")
    return path
