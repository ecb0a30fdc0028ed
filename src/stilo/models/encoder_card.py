"""The model card of the style encoder, from what training and `benchmarks/encoder.py` recorded: nothing typed by hand.

python -m stilo.models.encoder_card models/encoder benchmarks/results/encoder-….json
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from stilo.models.benchmark_card import card_of, write_card
from stilo.models.encoder import FACETS
from stilo.models.encoder_fitting import REPORTED
from stilo.models.sources import SOURCES

WHAT = (
    "Each facet is a vector of length 1; beside the net's part stand linear discriminants of statistics of the same",
    "view. No facet can hear tempo, loudness, instruments, or anything written beside the notes; pitch, rhythm and",
    "harmony hear no key.",
)

LIMITS = (
    "Trained to tell composers apart within a collection, mostly European vocal, piano and chamber music of 1550 to",
    "1950; pop, folk tunes and drums were a small part. Two pieces are like here when composers who write such pieces",
    "are often the same: no listener was asked. Twelve-tone equal pitches on a grid of 12 slots a quarter.",
    "",
    "Weights: Apache-2.0, as the project; attribution as in the table.",
)


def encoder_card(folder: Path, benchmark: Path) -> str:
    """The card of the weights in `folder`, as Markdown, with the figures of a benchmark of these weights.

    Raises:
        SetupError: config, weights or figures are missing or not what the commands write.
    """
    return card_of(folder, benchmark, _card, "no encoder, or no figures of benchmarks/encoder.py")


def _card(config: dict[str, Any], size: float, tested: dict[str, Any]) -> str:
    """`size` of the weights in MiB."""
    facts, model = config["facts"], config["model"]
    switches = ("convolution", "recurrence")
    settings = " ".join(f"--{name} {value}" for name, value in facts["settings"].items() if name not in switches)
    lines = [
        "# stilo style encoder",
        "",
        f"Four towers, one for each facet: a CNN over each bar, a bidirectional LSTM ({model['hidden']}) across the "
        f"bars, {facts['parameters'] / 1e6:.2f} M parameters, {size:.2f} MiB.",
        *WHAT,
        "",
        "## Training",
        "",
        f"{facts['cpu_hours']:.2f} hours of CPU, torch {facts['torch']}:",
        "",
        "```",
        "python -m stilo.models.corpus DATA SPLITS.tsv PACKED --without openewld",
        f"python -m stilo.models.encoder_train PACKED DATA RUN {settings}",
        "```",
        "",
        "Supervised contrastive learning; batches of one collection, composers named by its manifest. The split is by",
        "composer: those of dev_composer and test_composer are in no training set. The share of the net beside the",
        f"discriminants ({config['net_share']:g} to 1) was chosen on dev_composer.",
        "",
        "| collection | pieces | what | licence |",
        "|---|---|---|---|",
        *_source_rows(facts["pieces"]),
        "",
        *_figures(tested),
    ]
    return "\n".join([*lines, "", "## Limits", "", *LIMITS]) + "\n"


def _figures(tested: dict[str, Any]) -> list[str]:
    """What `benchmarks/encoder.py` found, as a section."""
    return [
        "## Figures",
        "",
        "Composers of test_composer, never seen. MAP: mean average precision of finding the 19 other pieces of the",
        "composer by cosine, pieces of the same work left out; identified: named rightly by the nearest mean of three",
        "pieces, ± standard error between composers. `plain` = histograms of intervals, gaps, durations and octaves.",
        "",
        "| | " + " | ".join(f"{name}: MAP | × plain | identified" for name in REPORTED) + " |",
        "|---|" + "---|---|---|" * len(REPORTED),
        *_retrieval_rows(tested["retrieval"]),
        "",
        "Mean cosine of a facet of a piece and of the same piece in disguise; last, of another piece:",
        "",
        f"| | {' | '.join(FACETS)} |",
        f"|---|{'---|' * len(FACETS)}",
        *(f"| {name} | {' | '.join(f'{row[f]:.3f}' for f in FACETS)} |" for name, row in tested["blindness"].items()),
        "",
        "Share of the variance of the measured embedding that is read from the facets, composers never seen: "
        + ", ".join(f"{facet} {share:.2f}" for facet, share in tested["readings"].items())
        + ".",
        "",
        f"Speed where this was measured, one process: {tested['speed']['from files']} pieces a second from files, "
        f"{tested['speed']['from steps']} from steps.",
    ]


def _source_rows(pieces: Mapping[str, int]) -> list[str]:
    rows = []
    for name, count in sorted(pieces.items(), key=lambda item: -item[1]):
        what, licence, _ = SOURCES.get(name, ("unknown", "unknown", ""))
        rows.append(f"| {name} | {count:,} | {what} | {licence} |")
    return rows


def _retrieval_rows(figures: Mapping[str, Mapping[str, Mapping[str, float]]]) -> list[str]:
    plain = figures["plain note histograms"]
    rows = []
    for name, sets in figures.items():
        cells = []
        for key in REPORTED:
            row = sets[key]
            cells.append(f"{row['map']:.3f} | {row['map'] / plain[key]['map']:.2f}")
            cells.append(f"{row['identified']:.2f} ± {row['error']:.2f}")
        rows.append(f"| {name} | {' | '.join(cells)} |")
    return rows


def main(argv: Sequence[str] | None = None) -> None:
    write_card(__doc__, encoder_card, argv)


if __name__ == "__main__":
    main()
