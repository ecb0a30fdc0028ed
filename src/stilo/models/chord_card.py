"""The model card of the chord net, made from what training and `benchmarks/chords.py` recorded: nothing typed by hand.

python -m stilo.models.chord_card models/chords benchmarks/results/chords-….json
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from stilo.elements.chords import QUALITIES
from stilo.models.benchmark_card import card_of, write_card
from stilo.models.chord_accuracy import MEASURES

WHAT = (
    "It says root, quality and bass of every half beat and where chords begin; the best path through what it says is",
    "found by dynamic programming.",
)

DATA = (
    "POP909-CL (Yao et al. 2025, after POP909, Wang et al. 2020): piano arrangements of pop songs with blocks of",
    "chords, corrected by hand. MIT licence; the songs themselves are in copyright and no part of this project. Every",
    "crop is transposed; some chords are made rarer ones, some crops moved by an octave or reduced to their top line",
    "(`chord_augment.py`); a ninth of the frames are exercises (`chord_exercises.py`). The split is by song, copies",
    "left out, and published in that table; the test songs are those of the test list of Yao et al. that were here,",
    "so that figures can be compared.",
)

LEAD_SHEETS = (
    "",
    "OpenEWLD (Simonetta et al. 2018): lead sheets with chord marks, of the repository 00sapo/OpenEWLD, itself MIT;",
    "the songs are in the public domain by its README. It holds later songs too: only those were taken all named",
    "authors of which died in 1955 or before, or that are traditional, and none in doubt; the table names them with",
    "the years (benchmarks/splits/README.md). Each is learned from twice, as a melody alone and with its chords",
    "played in a texture of the exercises (`chord_lead_sheets.py`): a sixth of the frames.",
    "In as many steps this costs the pop songs some tenths of a percent (docs/experiments.md).",
)

MEASURED = (
    "Percent of the time that agrees. `chord`: root and quality; `full`: the bass too, as Yao et al. define it;",
    "`majmin`: root and third; `boundary`: F-measure of changes found within a sixteenth. Published figures are means",
    "by song; blocks that are no chord of the vocabulary are errors of every row but the published ones.",
)

LIMITS = (
    "Learned from Chinese pop songs for piano, nearly all in 4/4, from lead sheets of popular songs and hymns up to",
    "the middle of the twentieth century, and from exercises that were made by chance. Other music had no reference",
    "here: it is read well as far as it is built of the same triads and sevenths. Whoever marked the songs left many",
    "sevenths and suspensions out, some annotators more than others: the net, too, now and then tells a major seventh",
    "or a sixth as the triad. Ninths and more are told as sevenths or triads. The songs of the accompanied lead",
    "sheets were new to the net, the textures were not. A melody alone gets chords that such a song might have, often",
    "others than those that are marked.",
    "",
    "Weights: Apache-2.0, as the project.",
)


def chord_card(folder: Path, benchmark: Path) -> str:
    """The card of the weights in `folder`, as Markdown, with the figures of a benchmark of these weights.

    Raises:
        SetupError: config, weights or figures are missing or not what the commands write.
    """
    return card_of(folder, benchmark, _card, "no chord net, or no figures of benchmarks/chords.py")


def _card(config: dict[str, Any], size: float, tested: dict[str, Any]) -> str:
    """`size` of the weights in MiB."""
    facts, model, split = config["facts"], config["model"], tested["split"]
    rows = [("valid, of all time", facts["valid"], ""), ("valid, by song", facts["valid"], " by song")]
    for name, row in tested["figures"].items():
        rows += [(f"{split}: {name}, of all time", row, ""), (f"{split}: {name}, by song", row, " by song")]
    rows += [(f"{split}: {name}", row, "") for name, row in tested["published"].items()]
    bounds = "; ".join(f"{name} {low} … {high}" for name, (low, high) in tested["intervals"]["net"].items())
    settings = [f"--{name} {value}" for name, value in facts["settings"].items()]
    sheets = facts.get("lead_sheets")
    songs = f"{facts['songs']['train']} songs" + (f" and {sheets['train']} lead sheets" if sheets else "")
    lines = [
        "# stilo chord net",
        "",
        f"A convolution and a bidirectional LSTM ({model['layers']} × {model['width']}) over half beats, "
        f"{facts['parameters'] / 1e6:.2f} M parameters, {size:.2f} MiB in half precision.",
        *WHAT,
        f"Qualities: {', '.join(QUALITIES)}; each over any of its tones; and no chord.",
        "",
        "## Training",
        "",
        f"{songs}, {facts['cpu_minutes']} CPU minutes, torch {facts['torch']}:",
        "",
        "```",
        "python -m stilo.models.chord_train POP909_CL benchmarks/splits/pop909_cl_chords.tsv models/chords \\",
        *(["    --lead-sheets OPENEWLD benchmarks/splits/openewld_chords.tsv \\"] if sheets else []),
        f"    {' '.join(settings)}",
        "```",
        "",
        *DATA,
        *(LEAD_SHEETS if sheets else []),
        "",
        "Chosen on valid of POP909-CL: "
        + ", ".join(f"{name} {value:g}" for name, value in config["prices"].items())
        + ".",
        "",
        "## Figures",
        "",
        *MEASURED,
        "",
        f"| | {' | '.join(MEASURES)} |",
        f"|---|{'---|' * len(MEASURES)}",
        *(_row(name, row, suffix) for name, row, suffix in rows),
        "",
        f"{facts['songs']['valid']} songs of valid, {tested['songs']} of {split}; the net's 95 % intervals over these "
        f"songs drawn again: {bounds}.",
        *_lead_sheet_figures(facts, tested),
    ]
    return "\n".join([*lines, "", "## Limits", "", *LIMITS]) + "\n"


def _lead_sheet_figures(facts: dict[str, Any], tested: dict[str, Any]) -> list[str]:
    """A table of OpenEWLD, of what training and the benchmark measured on it; nothing where neither did."""
    rows = [(f"valid: net, {how}", row) for how, row in facts.get("valid_lead_sheets", {}).items()]
    measured = tested.get("lead_sheets", {"figures": {}, "songs": 0, "intervals": {}})
    rows += [(f"{tested['split']}: {name}", row) for name, row in measured["figures"].items()]
    if not rows:
        return []
    table = [f"| | {' | '.join(MEASURES)} |", f"|---|{'---|' * len(MEASURES)}", *(_row(*row, "") for row in rows)]
    counted = f"{facts.get('lead_sheets', {}).get('valid', 0)} of valid, {measured['songs']} of {tested['split']}"
    bounds = [f"{name} {low} … {high}" for name, held in measured["intervals"].items() for low, high in [held["full"]]]
    told = f"95 % intervals of full: {'; '.join(bounds)}."
    return ["", f"Lead sheets, of all time, {counted}:", "", *table, "", told]


def _row(name: str, figures: dict[str, float], suffix: str) -> str:
    cells = [f"{figures[m + suffix]:.1f}" if m + suffix in figures else "" for m in MEASURES]
    return f"| {name} | {' | '.join(cells)} |"


def main(argv: Sequence[str] | None = None) -> None:
    write_card(__doc__, chord_card, argv)


if __name__ == "__main__":
    main()
