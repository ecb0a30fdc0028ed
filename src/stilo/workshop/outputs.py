"""A composition into files, each of them whole."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from stilo.errors import InputError, WriteError
from stilo.music.atomic import already_there, fresh_neighbour, sweep, take_name, write_whole
from stilo.music.files import WRITTEN_ENDINGS
from stilo.sound.soundfonts import find_renderer
from stilo.sound.waveform import AUDIO_ENDINGS
from stilo.workshop.meaning import path_meant
from stilo.workshop.progress import Progress, silent

if TYPE_CHECKING:
    from stilo.compose.composer import Composition
    from stilo.music.score import Score
    from stilo.sound.waveform import Waveform

DATA_ENDING = ".json"
PICTURE_ENDING = ".png"
ENDINGS = (*WRITTEN_ENDINGS, *AUDIO_ENDINGS, DATA_ENDING, PICTURE_ENDING)


def check_outputs(paths: Iterable[str | Path], endings: Sequence[str] = ENDINGS) -> list[Path]:
    """Return the paths when each can be written, so that nobody composes for minutes in vain.

    Raises:
        WriteError: an ending that stilo does not write, a folder that is missing or closed to writing, or a folder
            instead of a file.
        InputError: no path, or one path twice.
        SetupError: audio is asked for and nothing here can play a score.
    """
    checked = [path_meant(path) for path in paths]
    if not checked:
        raise InputError(f"name at least one output file, for example piece.mid (endings: {' '.join(endings)})")
    for path in checked:
        if path.suffix.lower() not in endings:
            raise WriteError(path, f"the ending says what to write; use one of {' '.join(endings)}")
        _check_place(path)
    if len({os.path.realpath(path) for path in checked}) < len(checked):
        raise InputError("the same output file is named twice")
    if any(path.suffix.lower() in AUDIO_ENDINGS for path in checked):
        find_renderer()
    return checked


def check_folder(path: str | Path) -> Path:
    """Return the folder to write into, which need not be there yet.

    Raises:
        WriteError: it is a file.
    """
    folder = path_meant(path)
    if folder.exists() and not folder.is_dir():
        raise WriteError(folder, "is a file; give a folder")
    return folder


def _check_place(path: Path) -> None:
    """Make a file beside the path, to see whether one can be made, and take it away."""
    target = _target_of(path)
    if target.is_dir():
        raise WriteError(path, "is a folder; name a file")
    if not target.parent.is_dir():
        raise WriteError(path, f"there is no folder {target.parent}; make it first")
    try:
        tempfile.TemporaryFile(dir=target.parent, prefix=".stilo-").close()
    except OSError as error:
        raise WriteError(path, f"cannot be written ({error.strerror}); choose another folder") from error


def _target_of(path: Path) -> Path:
    """The file that is meant: what a link points to, so that the link stays."""
    return Path(os.path.realpath(path))


@contextmanager
def whole_files(paths: Sequence[Path], *, replace: bool = True) -> Iterator[dict[Path, Path]]:
    """Lend each path a temporary neighbour with the same ending; once all are written, they take their names.

    No name is taken before all files are whole. Taking the names is not one step: where the system refuses one of
    them, the names before it stand for the new files and the others for what was there.

    Raises:
        WriteError: the folder cannot be written, or without `replace` one of the files is there.
    """
    targets = {path: _target_of(path) for path in paths}
    lent = {path: fresh_neighbour(target, path.suffix) for path, target in targets.items()}
    for folder in {target.parent for target in targets.values()}:
        sweep(folder)
    try:
        yield lent
        for path, temporary in lent.items():
            take_name(temporary, targets[path], replace=replace)
    except FileExistsError as error:
        raise already_there(_asked(error.filename2 or error.filename, lent)) from error
    except WriteError as error:
        raise WriteError(_asked(error.path, lent), error.reason) from error
    except OSError as error:
        raise WriteError(_asked(error.filename, lent), (error.strerror or str(error)).lower()) from error
    finally:
        for temporary in lent.values():
            with suppress(OSError):
                temporary.unlink()


def _asked(named: str | Path | None, lent: Mapping[Path, Path]) -> Path:
    """The path that was asked for, where an error names the neighbour that was lent for it, or no file."""
    if named is None:
        return next(iter(lent))
    return next((path for path, temporary in lent.items() if temporary == Path(named)), Path(named))


def write_composition(composition: Composition, paths: Sequence[Path], progress: Progress = silent) -> None:
    """Write one composition in every kind the endings ask for; the audio is rendered once.

    Raises:
        WriteError: a file cannot be written; then none takes its name (see `whole_files`).
        SetupError: audio was asked for and no renderer is installed.
    """
    score = composition.score
    waveform: Waveform | None = None
    with whole_files(paths) as lent:
        for i, (path, temporary) in enumerate(lent.items()):
            progress(f"writing {path.name}", i / len(lent))
            if path.suffix.lower() in AUDIO_ENDINGS and waveform is None:
                waveform = _rendered(score)
            _write_one(composition, waveform, temporary)


def _write_one(composition: Composition, waveform: Waveform | None, path: Path) -> None:
    ending = path.suffix.lower()
    if ending in AUDIO_ENDINGS and waveform is not None:
        _write_sound(waveform, path)
    elif ending == PICTURE_ENDING:
        _draw_score(composition.score, path)
    elif ending == DATA_ENDING:
        text = json.dumps(composition_json(composition), ensure_ascii=False, indent=1, allow_nan=False)
        write_whole(path, f"{text}\n".encode())
    else:
        _write_music(composition.score, path)


def _rendered(score: Score) -> Waveform:
    from stilo.sound.render import render

    return render(score)


def _write_sound(waveform: Waveform, path: Path) -> None:
    from stilo.sound.waveform import write_audio

    write_audio(waveform, path)


def _draw_score(score: Score, path: Path) -> None:
    from stilo.elements.plot import plot_piano_roll

    plot_piano_roll(score, path, score.title)


def _write_music(score: Score, path: Path) -> None:
    from stilo.music.files import write_score

    write_score(score, path)


def composition_json(composition: Composition) -> dict[str, Any]:
    """The composition as plain JSON: `request`, `report`, and `score` with its notes as columns in ticks."""
    return {
        "request": plain(composition.request),
        "report": plain(composition.report),
        "score": _score_json(composition.score),
    }


def _score_json(score: Score) -> dict[str, Any]:
    told = {field.name: plain(getattr(score, field.name)) for field in fields(score) if field.name != "notes"}
    columns = score.notes.dtype.names or ()
    return told | {"notes": {name: score.notes[name].tolist() for name in columns}}


def plain(value: Any) -> Any:
    """Dataclasses, arrays and tuples as what JSON knows; what has a `to_json` decides for itself."""
    if hasattr(value, "to_json"):
        return value.to_json()
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value
