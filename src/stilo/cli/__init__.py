"""The command line: arguments to the workshop, results to text.

Exit status: 0 done, 1 something the person gave or the installation lacks, 2 the command was not understood,
70 a bug of stilo, 130 interrupted. `STILO_TRACEBACK=1` shows where a bug is.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from stilo.cli import analysing, checking, finding, house, pieces, styles
from stilo.cli.terminal import say, warn
from stilo.errors import StiloError

STATUS_ERROR = 1
STATUS_BUG = 70
STATUS_INTERRUPTED = 130

app = typer.Typer(
    name="stilo",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        say(f"stilo {version('stilo')}")
        raise typer.Exit


@app.callback()
def stilo(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and stop.")
    ] = False,
) -> None:
    """Teach a machine a musical style from your own files, see what it is made of, and compose in it.

    Everything happens on this computer; nothing is sent or fetched.

    \b
    A first walk:
      stilo demo                                    hear it on music that comes along
      stilo learn waltzes ~/music/waltzes           learn from your own files
      stilo show waltzes                            what was learned
      stilo compose waltzes -o new.mid -o new.wav   a new piece

    \b
    stilo COMMAND --help tells more, with examples.
    """


app.command("learn")(styles.learn)
app.command("show")(styles.show)
app.command("compose")(pieces.compose)
app.command("analyse")(analysing.analyse)
app.command("similar")(finding.similar)
app.command("check")(checking.check)
app.add_typer(styles.library, name="library")
app.command("demo")(house.demo)
app.command("doctor")(house.doctor)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit with its status."""
    _speak_utf8()
    try:
        app(args=None if arguments is None else list(arguments), prog_name="stilo")
    except SystemExit as stop:
        if stop.code == STATUS_INTERRUPTED:
            warn("interrupted; nothing was left half written")
        raise
    except StiloError as error:
        _fail(str(error), STATUS_ERROR)
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        _fail(f"{place}{error.strerror or error}", STATUS_ERROR)
    except MemoryError:
        _fail("not enough memory; try fewer or smaller files", STATUS_ERROR)
    except Exception as error:  # the last net: what reaches here is a bug, and a person should not meet a traceback
        if os.environ.get("STILO_TRACEBACK"):
            raise
        _fail(f"a bug: {type(error).__name__}: {error} (STILO_TRACEBACK=1 shows where; please report it)", STATUS_BUG)


def _speak_utf8() -> None:
    """Names and cards hold more than ASCII; an old locale must not stop them."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(encoding="utf-8", errors="replace")


def _fail(text: str, status: int) -> None:
    warn(text)
    raise SystemExit(status)
