"""The model card beside the weights, made from the facts that training wrote into their config: nothing typed by hand.

python -m stilo.models.card models/base
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from stilo.errors import SetupError, StiloError
from stilo.models.shipped import CARD_NAME, CONFIG_NAME, WEIGHTS_NAME
from stilo.models.train import SETTINGS
from stilo.music.atomic import write_whole

# set → (what it is, licence, what a reader should know)
SOURCES: dict[str, tuple[str, str, str]] = {
    "lieder": ("OpenScore Lieder Corpus, voice and piano", "CC0 1.0", ""),
    "quartets": ("OpenScore String Quartets", "CC0 1.0", ""),
    "orchestra_hauptstimme": ("OpenScore orchestral movements (Hauptstimme)", "CC0 1.0", ""),
    "polish_scores": ("Polish music from the Humdrum editions of the Chopin Institute", "CC BY 4.0", "NIFC, pl-wnifc"),
    "polish_more": ("more of the same source", "CC BY 4.0", "NIFC, pl-wnifc; drawn half as often"),
    "chopin_first_ed": ("Chopin, first editions", "CC BY 4.0", "NIFC"),
    "groove": ("Groove MIDI Dataset, drums played by people", "CC BY 4.0", "Gillick et al. 2019, Magenta"),
    "folk_pd": ("Ryan's, O'Neill's and Aird's collections", "public domain", "as in the corpus of music21"),
    "openhymnal": ("Open Hymnal Project", "public domain or freely distributable", ""),
    "pop909": ("POP909, Chinese pop songs", "MIT", "arrangements under MIT; the songs themselves are in copyright"),
    "game_free": ("music of Freedoom", "BSD-3-Clause", ""),
}

NO_LEAD_SHEETS = "Lead sheets (OpenEWLD) are not among them: some of their authors' works are still in copyright."

# What only some of the sources have: the others are pitched, and scores of one loudness or a few.
WITH_DRUMS = ("groove", "game_free")
WITH_LOUDNESS = ("groove", "pop909", "game_free")

LIMITS = (
    "Time is quantised to 12 slots a quarter; rests over two bars of 4/4 are shortened; more than four tracks of one",
    "program share a part. Not trained on performance timing, pedal or controllers. It may recite what it was shown:",
    "check pieces you publish.",
    "",
    "Weights: Apache-2.0, as the project; attribution as in the table.",
)


def model_card(folder: Path) -> str:
    """The card of the weights in `folder`, as Markdown.

    Raises:
        SetupError: config or weights are missing, or were not written by `stilo.models.train`.
    """
    try:
        config = json.loads((folder / CONFIG_NAME).read_text(encoding="utf-8"))
        size = (folder / WEIGHTS_NAME).stat().st_size / 2**20
        return _card(config["facts"], config["model"], size)
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise SetupError(f"{folder}: no weights that stilo.models.train wrote ({type(error).__name__})") from error


def _card(facts: dict[str, Any], model: dict[str, Any], size: float) -> str:
    """`size` of the weights in MiB."""
    lines = [
        "# stilo base sequence model",
        "",
        f"An LSTM ({model['layers']} × {model['width']}) over notes with an autoregressive field head and in-piece "
        f"memory, {facts['parameters'] / 1e6:.2f} M parameters, {size:.1f} MiB in half precision. It predicts gap, "
        "part, pitch, duration and velocity of each next note, told a style vector, metre, tempo, instruments and bars "
        "left.",
        "",
        "## Training",
        "",
        f"{facts['notes_trained'] / 1e6:.1f} M notes (repeats counted, transposed at random), "
        f"{facts['cpu_hours']:.2f} hours of CPU, seed {facts['seed']}, torch {facts['torch']}.",
        "",
        *_command_lines(facts),
        "",
        "| set | what | pieces | notes | licence | |",
        "|---|---|---|---|---|---|",
        *_source_rows(facts["sets"]),
        "",
        "The pieces are those marked *train* in one split by piece and by composer; no music is part of this project.",
        *([] if "openewld" in facts["sets"] else [NO_LEAD_SHEETS]),
        "",
        "## Figures",
        "",
        "Nats per note (all five fields, lower is better), first 1,024 notes of each piece; `style told` = with the",
        "piece's own style vector. Composers of `dev_composer` appear nowhere in training.",
        "",
        "| held out | pieces | style told | not told |",
        "|---|---|---|---|",
        *_figure_rows("valid", facts["valid"]),
        *_figure_rows("dev_composer", facts["dev_composer"]),
        "",
        f"By field (valid, style told): {_fields(facts['valid'])}.",
        "",
    ]
    return "\n".join([*lines, "## Limits", "", *_heard_lines(facts["sets"]), *LIMITS]) + "\n"


def _heard_lines(sets: dict[str, Any]) -> list[str]:
    """What the music of these sets could not teach; nothing where a set is not known here."""
    if not sets.keys() <= SOURCES.keys():
        return []
    drums, loudness = (", ".join(name for name in have if name in sets) for have in (WITH_DRUMS, WITH_LOUDNESS))
    return [
        "The music is that of the table: what is rare there is written poorly.",
        f"Drums are only in {drums}." if drums else "No set has drums.",
        f"Loudness varies freely only in {loudness}." if loudness else "In no set does loudness vary freely.",
    ]


def _command_lines(facts: dict[str, Any]) -> list[str]:
    """The commands of all runs that led to these weights, or what is known of them."""
    runs: list[dict[str, Any]] = facts.get("runs", [])
    if not runs:
        known = [command for command in facts.get("commands", []) if "stilo.models.train " in command]
        told = "The last command, as far as it was recorded:" if known else "The commands were not recorded."
        return [told, *(["", "```", *known, "```"] if known else [])]
    lines = []
    if runs[0]["from_step"]:
        lines.append(f"# up to step {runs[0]['from_step']}: not recorded")
    for run in runs:
        settings = " ".join(f"--{name} {run[name]}" for name in ("notes", *SETTINGS))
        lines += [f"# from step {run['from_step']}, on {', '.join(run['sets'])}"] if len(runs) > 1 else []
        lines.append(f"python -m stilo.models.train PACKED RUN {settings}")
    return ["```", *lines, "```"]


def _source_rows(sets: dict[str, Any]) -> list[str]:
    rows = []
    for name, counts in sorted(sets.items(), key=lambda item: -item[1]["notes"]):
        what, licence, remark = SOURCES.get(name, ("unknown", "unknown", ""))
        rows.append(f"| {name} | {what} | {counts['pieces']:,} | {counts['notes']:,} | {licence} | {remark} |")
    return rows


def _figure_rows(split: str, report: dict[str, Any]) -> list[str]:
    return [
        f"| {split}: {name} | {row['pieces']} | {row['nats_per_note']:.3f} | {row['without_style']:.3f} |"
        for name, row in report.items()
    ]


def _fields(report: dict[str, Any]) -> str:
    return ", ".join(f"{name} {nats:.3f}" for name, nats in report["all"]["fields"].items())


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    folder: Path = parser.parse_args(argv).folder
    try:
        write_whole(folder / CARD_NAME, model_card(folder).encode())
    except StiloError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
