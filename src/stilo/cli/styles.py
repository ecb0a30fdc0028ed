"""Commands about styles: learn, show, library."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from stilo.cli.terminal import progress_bar, say, warn

StyleName = Annotated[str, typer.Argument(metavar="NAME", help="A style of your library (stilo library ls).")]


def learn(
    name: Annotated[str, typer.Argument(metavar="NAME", help="What to call the style.")],
    files: Annotated[
        list[Path],
        typer.Argument(metavar="FILE|DIR...", help="MIDI, MusicXML or ABC files; folders are searched through."),
    ],
    licence: Annotated[
        str, typer.Option(help="Under what terms you may use these files; kept with the style.", metavar="TEXT")
    ] = "",
    minutes: Annotated[
        float | None,
        typer.Option(
            min=0.05,
            max=1440.0,
            help="Tune for at most this long (if not given: two minutes); with --split each style.",
        ),
    ] = None,
    no_tune: Annotated[
        bool,
        typer.Option(
            "--no-tune", help="Only measure the style, about a second a piece; composing will follow it less."
        ),
    ] = False,
    steps: Annotated[
        int | None,
        typer.Option(min=1, max=100_000, help="Tune for at most this many steps, the same on every run."),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of everything random in learning.")] = 0,
    replace: Annotated[bool, typer.Option("--replace", help="Take the place of a style of this name.")] = False,
    add: Annotated[
        bool, typer.Option("--add", help="Go on with a style of this name: learn from its files and these together.")
    ] = False,
    without_missing: Annotated[
        bool, typer.Option("--without-missing", help="With --add: leave out old files that are gone or have changed.")
    ] = False,
    split: Annotated[
        bool, typer.Option("--split", help="A style of each kind of pieces among the files, where they are of several.")
    ] = False,
) -> None:
    """Learn a style from your files and keep it in your library.

    Ten pieces take about two minutes. Interrupted (Ctrl-C) while it tunes, it keeps the best until then;
    with --split it goes on with the next style. Where --add finds no new file, the style stays as it is (status 0).

    Three tunings each hold out a third of the pieces, and their mean is kept; of much music (over 40,000 notes) one
    tuning holds out a fifth of the pieces, of a single piece or settings of a single tune the last quarter of each. How
    well the notes held out are foreseen, before and after, shows what was learned. It is told in nats per note; less is
    better. They also choose when to stop, so the figure after it flatters a little. Of fewer than six pieces about half
    of what was learned is kept: they tell little of others. Then short pieces are composed without and with it, and
    measured.

    \b
    Examples:
      stilo learn waltzes ~/music/waltzes
      stilo learn mine a.mid b.musicxml --licence "my own"
      stilo learn quick ~/music --minutes 1
      stilo learn waltzes ~/music/waltzes --replace
      stilo learn waltzes ~/music/more-waltzes --add
      stilo learn mixed ~/music --split
    """
    from stilo.workshop import learn_split, learn_style, style_card

    if add and split:
        raise typer.BadParameter("say --add or --split, not both")
    if without_missing and not add:
        raise typer.BadParameter("--without-missing goes with --add")
    options: dict[str, Any] = {
        "licence": licence,
        "tune": not no_tune,
        "seconds": None if minutes is None else minutes * 60,
        "steps": steps,
        "seed": seed,
        "replace": replace,
        "notice": warn,
    }
    with progress_bar(f"learning {name}") as progress:
        if split:
            styles = learn_split(name, files, **options, progress=progress)
        else:
            styles = [learn_style(name, files, add=add, without_missing=without_missing, **options, progress=progress)]
    for style in styles:
        say(style_card(style))
    say(f'next: stilo compose "{styles[0].name}" -o new.mid -o new.wav')


def show(
    name: StyleName,
    plot: Annotated[
        Path | None, typer.Option(metavar="FILE.png", help="Draw the profile as a picture.", show_default=False)
    ] = None,
    dark: Annotated[bool, typer.Option("--dark", help="The picture for a dark screen, not for paper.")] = False,
    proof: Annotated[bool, typer.Option("--proof", help="Only what shows that it was learned.")] = False,
    samples: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Write short pieces without and with what was learned, side by side.",
            show_default=False,
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print everything as one JSON object.")] = False,
) -> None:
    """Show what a style is made of, what was learned, and from which files.

    The picture shows the other styles of your library around it, by how they are likely to sound. The samples are
    those of the proof: by the same seed, for the same instruments, by the model that has not heard your files and by
    the one that has.

    \b
    Examples:
      stilo show waltzes
      stilo show waltzes --plot waltzes.png --dark
      stilo show waltzes --proof --samples waltzes-samples
      stilo show waltzes --json
    """
    from stilo.workshop import check_folder, proof_card, show_style, style_card, styles_like, write_sketches

    if samples is not None:
        samples = check_folder(samples)
    style = show_style(name, plot, dark)
    if as_json:
        say(json.dumps(style.to_json(), ensure_ascii=False))
    elif proof:
        say(proof_card(style).rstrip())
    else:
        say(style_card(style, styles_like(style)).rstrip())
    if samples is not None:
        with progress_bar(f"composing in {style.name}") as progress:
            written = write_sketches(style.name, samples, progress)
        if not as_json:
            say(f"written: {len(written)} pieces in {samples}, each without and with what was learned")
    if plot is not None and not as_json:
        say(f"drawn: {plot}")


library = typer.Typer(
    no_args_is_help=True, rich_markup_mode="rich", help="Your styles: list, remove, give away, take in."
)


@library.command("ls")
def library_ls(as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object a line.")] = False) -> None:
    """List the styles of your library.

    \b
    Examples:
      stilo library ls
      stilo library ls --json
    """
    from stilo.workshop import list_styles, plain

    summaries = list_styles()
    if as_json:
        for summary in summaries:
            say(json.dumps(plain(summary), ensure_ascii=False))
        return
    if not summaries:
        say("no styles yet; stilo learn NAME FILE|DIR... makes one")
    width = max((len(summary.name) for summary in summaries), default=0)
    for summary in summaries:
        tuned = "tuned   " if summary.is_tuned else "measured"
        pieces, notes = ("piece" if summary.pieces == 1 else "pieces", "note" if summary.notes == 1 else "notes")
        counts = f"{summary.pieces:>6,} {pieces:<6} {summary.notes:>9,} {notes:<5}"
        say(f"{summary.name:<{width}}  {tuned} {counts}  {summary.created_at[:10]}")


@library.command("rm")
def library_rm(
    name: StyleName,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Remove a style from your library. The files it learned from stay where they are.

    \b
    Examples:
      stilo library rm waltzes
      stilo library rm waltzes --yes
    """
    from stilo.workshop import remove_style, show_style

    show_style(name)
    if not yes and not typer.confirm(f"remove {name}?", err=True):
        say("kept")
        return
    remove_style(name)
    say(f"removed {name}")


@library.command("export")
def library_export(
    name: StyleName,
    path: Annotated[
        Path | None, typer.Argument(metavar="FILE.stilo", help="Where to (if not given: NAME.stilo here).")
    ] = None,
    replace: Annotated[bool, typer.Option("--replace", help="Write over a file of this name.")] = False,
    fingerprints: Annotated[
        bool,
        typer.Option(
            "--fingerprints",
            help="Give away what copies of its pieces are told by. The melodies can be worked out from it.",
        ),
    ] = False,
) -> None:
    """Write a style into one file that others can import.

    The file holds the profile, the few weights, the provenance, and a short piece composed in the style; nothing of the
    music it was learned from, unless --fingerprints says so. Without them nobody who imports it is told what comes too
    near to that music.

    \b
    Examples:
      stilo library export waltzes
      stilo library export waltzes /tmp/waltzes.stilo
      stilo library export waltzes --fingerprints
    """
    from stilo.workshop import export_style

    with progress_bar(f"exporting {name}") as progress:
        written = export_style(name, path or f"{name}.stilo", replace, progress, warn, fingerprints=fingerprints)
    say(f"written: {written}")


@library.command("import")
def library_import(
    path: Annotated[Path, typer.Argument(metavar="FILE.stilo")],
    name: Annotated[str | None, typer.Option("--as", metavar="NAME", help="Under another name.")] = None,
    replace: Annotated[bool, typer.Option("--replace", help="Give up your style of this name for it.")] = False,
    demo: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.mid", help="Write the piece that it brings, too (or .musicxml, .mxl), to a new file."
        ),
    ] = None,
) -> None:
    """Take a style that someone exported into your library. Opening it can run no code.

    Most bring a short piece composed in the style. It becomes a file only where --demo names one.

    \b
    Examples:
      stilo library import waltzes.stilo
      stilo library import waltzes.stilo --as "her waltzes"
      stilo library import waltzes.stilo --demo waltz.mid
    """
    from stilo.workshop import import_style

    bundle = import_style(path, name, replace, demo)
    style = bundle.style
    say(f'imported {style.name}; stilo show "{style.name}" tells what it is')
    if demo is not None:
        say(f"written: {demo}")
    elif bundle.demo is not None:
        called = "" if name is None else f' --as "{name}"'
        say(f'it brings a short piece; to have that as a file: stilo library import "{path}"{called} --demo FILE.mid')
