"""The command as a person gives it, and a file to give it."""

import pytest

from stilo.cli import main
from stilo.music.files import write_score


@pytest.fixture
def stilo(capsys, monkeypatch):
    """stilo(*arguments) → (status, stdout, stderr) of the command, which nobody finds slow."""
    monkeypatch.setattr("stilo.cli.terminal.QUIET_SECONDS", float("inf"))

    def run(*arguments):
        with pytest.raises(SystemExit) as stop:
            main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return stop.value.code or 0, captured.out, captured.err

    return run


@pytest.fixture
def song(tmp_path, tune):
    path = tmp_path / "song.mid"
    write_score(tune, path)
    return path
