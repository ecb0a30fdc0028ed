"""The model card beside the weights, made from the facts that training wrote into their config: nothing typed by hand.

python -m stilo.models.notes.card models/base
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from stilo.errors import SetupError, StiloError
from stilo.models.notes.config import NoteModelConfig
from stilo.models.notes.settings import SETTINGS
from stilo.models.shipped import CARD_NAME, CONFIG_NAME, WEIGHTS_NAME
from stilo.models.sources import NO_LEAD_SHEETS, SOURCES, WITH_DRUMS, WITH_LOUDNESS
from stilo.music.atomic import write_whole

LIMITS = (
    "Time is quantised to 12 slots a quarter; rests over two bars of 4/4 are shortened; tracks of one program from the",
    "eighth on share a part. Not trained on performance timing, pedal or controllers. Chords, moods and sections that",
    "it was told in training were estimated from the notes, but for the chords of POP909. It may recite what it was",
    "shown: check pieces you publish.",
    "",
    "Weights: Apache-2.0, as the project; attribution as in the table.",
)
TRUNK_NAMES = {
    "lstm": "An LSTM",
    "lstm_residual": "A residual LSTM",
    "transformer": "A causal transformer",
    "gated": "Gated linear attention",
    "scan": "A gated scan",
    "hybrid": "Gated linear attention under one layer of attention",
}


def model_card(folder: Path) -> str:
    """The card of the weights in `folder`, as Markdown.

    Raises:
        SetupError: config or weights are missing, or were not written by `stilo.models.notes.train`.
    """
    try:
        config = json.loads((folder / CONFIG_NAME).read_text(encoding="utf-8"))
        size = (folder / WEIGHTS_NAME).stat().st_size / 2**20
        return _card(config["facts"], config["model"], size)
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise SetupError(
            f"{folder}: no weights that stilo.models.notes.train wrote ({type(error).__name__})"
        ) from error


def _card(facts: dict[str, Any], model: dict[str, Any], size: float) -> str:
    """`size` of the weights in MiB."""
    sizes = NoteModelConfig(**model)
    lines = [
        "# stilo base model",
        "",
        f"{TRUNK_NAMES.get(sizes.trunk, sizes.trunk)} ({sizes.layers} × {sizes.width}) over notes with an "
        f"autoregressive field head and in-piece memory, {facts['parameters'] / 1e6:.2f} M parameters, {size:.1f} MiB "
        "in half precision. It predicts gap, part, pitch, duration and velocity of each next note. It can be told a "
        "style by facet, tempo, metre, length, instruments, key, chords, form, and density, polyphony, register, "
        "loudness, valence and arousal bar by bar; and be given notes before, after and beside those it writes.",
        "",
        "## Training",
        "",
        f"{facts['notes_trained'] / 1e6:.1f} M notes (repeats counted, transposed at random), "
        f"{facts['hours']:.2f} hours, seed {facts['seed']}, torch {facts['torch']}.",
        "",
        *_command_lines(facts),
        "",
        "| set | what | pieces | notes | licence | |",
        "|---|---|---|---|---|---|",
        *_source_rows(facts["sets"]),
        "",
        "The pieces are those marked *train* in one split by piece and by composer, less those that are near copies of",
        "others or of held-out ones; no music is part of this project.",
        *([] if "openewld" in facts["sets"] else [NO_LEAD_SHEETS]),
        "",
        "## Figures",
        "",
        "Nats per note (all five fields, lower is better), first 2,048 notes of each piece, nothing told, the trunk",
        "begun anew every 512 notes. Composers of `dev_composer` appear nowhere in training.",
        "",
        "| held out | pieces | nats/note | notes 0–256 |",
        "|---|---|---|---|",
        *_figure_rows("valid", facts["valid"]),
        *_figure_rows("dev_composer", facts["dev_composer"]),
        "",
        f"By field (valid): {_fields(facts['valid'])}.",
        "",
        *_told_lines(facts.get("told", {}), facts["valid"]["all"]["nats_per_note"]),
    ]
    return "\n".join([*lines, "## Limits", "", *_heard_lines(facts["sets"]), *LIMITS]) + "\n"


def _told_lines(told: dict[str, float], untold: float) -> list[str]:
    """What being told of a piece is worth."""
    if not told:
        return []
    gains = ", ".join(f"{what} {untold - nats:+.3f}" for what, nats in told.items())
    return [f"Nats/note gained on valid when it is told: {gains}.", ""]


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
        return ["The commands were not recorded."]
    lines = []
    if runs[0]["from_step"]:
        lines.append(f"# up to step {runs[0]['from_step']}: not recorded")
    for run in runs:
        settings = " ".join(f"--{name} {run[name]}" for name in ("notes", *SETTINGS) if name in run)
        lines += [f"# from step {run['from_step']}, on {', '.join(run['sets'])}"] if len(runs) > 1 else []
        lines.append(f"python -m stilo.models.notes.train PACKED RUN {settings}")
    return ["```", *lines, "```"]


def _source_rows(sets: dict[str, Any]) -> list[str]:
    rows = []
    for name, counts in sorted(sets.items(), key=lambda item: -item[1]["notes"]):
        what, licence, remark = SOURCES.get(name, ("unknown", "unknown", ""))
        rows.append(f"| {name} | {what} | {counts['pieces']:,} | {counts['notes']:,} | {licence} | {remark} |")
    return rows


def _figure_rows(split: str, report: dict[str, Any]) -> list[str]:
    """Older runs recorded the first notes of all sets together alone."""
    rows = []
    for name, row in report.items():
        first = f"{row['first_notes']:.3f}" if "first_notes" in row else ""
        rows.append(f"| {split}: {name} | {row['pieces']} | {row['nats_per_note']:.3f} | {first} |")
    return rows


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
