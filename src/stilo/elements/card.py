"""A profile as a card: in words first, the figures behind them."""

from __future__ import annotations

import textwrap

import numpy as np

from stilo.elements.figures import DEGREES, Figure
from stilo.elements.norms import PIECES
from stilo.elements.phrases import label_of
from stilo.elements.pitch import CONTOUR_LABELS, INTERVAL_LABELS
from stilo.elements.record import ELEMENTS, Profile
from stilo.elements.rhythm import BAR_PLACES, NOTE_VALUE_LABELS
from stilo.elements.standing import standing_out
from stilo.elements.words import liner_note

WIDTH = 96
_BAR_CHARACTERS = " ▁▂▃▄▅▆▇█"
_MOST_LISTED = 8
_MOST_OUTSTANDING = 6
_UNITS = {"−1…1": "", "ratio": " to 1", "pitches": "", "index": "", "correlation": "", "probability": ""}


def profile_card(profile: Profile, title: str) -> str:
    """A readable card of a piece or a folder, at most 100 columns wide.

    A title of more than one line, or that does not fit the card, is cut.
    """
    name = " ".join(title.split())
    name = "".join(character if character.isprintable() else "�" for character in name)
    name = name if len(name) <= WIDTH else name[: WIDTH - 1] + "…"
    lines = [name, "═" * max(8, len(name)), ""]
    lines += textwrap.wrap(liner_note(profile), WIDTH)
    if profile.rhythm.notes_per_bar > 0 and (rows := _outstanding(profile)):
        lines += ["", f"WHAT STANDS OUT among {PIECES:,} pieces of many kinds", *rows]
    if profile.pitch.pitched_share > 0:
        lines += ["", "PITCH", *_pitch(profile)]
        lines += ["", "HARMONY", *_harmony(profile)]
    if profile.rhythm.notes_per_bar > 0:
        lines += ["", "RHYTHM", *_rhythm(profile)]
        lines += ["", "EMOTION", *_emotion(profile)]
    return "".join(f"{line.rstrip()}\n" for line in lines)


def _outstanding(profile: Profile) -> list[str]:
    """The figures behind the first sentence, each with how many of a hundred pieces it exceeds."""
    rows = []
    for item in standing_out(profile)[:_MOST_OUTSTANDING]:
        side = f"more than {item.percent_below}" if item.score > 0 else f"less than {100 - item.percent_below}"
        rows.append(f"  {_figure(profile, item.name):<{WIDTH // 2}}{side} of 100 pieces")
    return rows


def bars_of(shares: tuple[float, ...]) -> str:
    """Shares as a row of little bars, the largest full; a share that is not 0 shows at least the lowest bar."""
    highest = max(shares, default=0.0)
    if highest <= 0:
        return " " * len(shares)
    steps = [int(np.ceil(share / highest * 8 - 1e-9)) if share > 0 else 0 for share in shares]
    return "".join(_BAR_CHARACTERS[step] for step in steps)


def _table(labels: tuple[str, ...], shares: tuple[float, ...]) -> list[str]:
    """Bars over their labels, each in a column as wide as the widest label."""
    width = max(len(label) for label in labels) + 1
    bars = "".join(bar.rjust(width) for bar in bars_of(shares))
    return [f"  {bars}", "  " + "".join(label.rjust(width) for label in labels)]


def _figures(profile: Profile, *names: str) -> list[str]:
    """Figures with units, two to a row; with the spread between pieces where there are several."""
    cells = [_figure(profile, name) for name in names]
    rows = []
    for i in range(0, len(cells), 2):
        rows.append("  " + "".join(cell.ljust(WIDTH // 2) for cell in cells[i : i + 2]).rstrip())
    return rows


def _figure(profile: Profile, name: str) -> str:
    element, value = ELEMENTS[name], profile.value(name)
    if not isinstance(element, Figure) or not isinstance(value, float):
        raise TypeError(f"{name} is no figure")
    is_share = element.unit == "share"
    scale, unit = (100.0, "%") if is_share else (1.0, f" {element.unit}")
    digits = 0 if is_share or abs(value) >= 100 or (value == int(value) and not profile.spread) else 2
    text = f"{scale * value:.{digits}f}"
    if name in profile.spread:
        text += f" ± {scale * profile.spread[name]:.{digits}f}"
    label = label_of(name)
    return f"{label:<18} {text}{_UNITS.get(unit.strip(), unit)}"


def _listed(shares: dict[str, float], most: int = _MOST_LISTED) -> str:
    return "  ".join(f"{label}\u00a0{100 * share:.0f}%" for label, share in list(shares.items())[:most])


def _line(label: str, text: str) -> list[str]:
    wrapped = textwrap.wrap(f"{label:<18} {text}", WIDTH - 2, initial_indent="  ", subsequent_indent=" " * 21)
    return [line.replace("\u00a0", " ") for line in wrapped]


def _pitch(profile: Profile) -> list[str]:
    pitch = profile.pitch
    return [
        "  degrees of the scale",
        *_table(DEGREES, pitch.classes),
        "  melodic intervals, semitones",
        *_table(INTERVAL_LABELS[3:-3], pitch.intervals[3:-3]),
        "  two steps of the melody",
        *_table(CONTOUR_LABELS, pitch.contour),
        *_line("instruments", _listed(pitch.instruments)),
        *_figures(
            profile,
            "pitch.range",
            "pitch.melody_range",
            "pitch.step_share",
            "pitch.leap_share",
            "pitch.chromaticism",
            "pitch.entropy",
        ),
    ]


def _harmony(profile: Profile) -> list[str]:
    harmony = profile.harmony
    return [
        *_line("key", _listed(harmony.keys)),
        *_line("chords", _listed(harmony.chords)),
        *_line("changes", _listed(harmony.transitions)),
        *_figures(
            profile,
            "harmony.chord_changes_per_bar",
            "harmony.seventh_share",
            "harmony.diatonic_share",
            "harmony.authentic_share",
            "harmony.consonance",
            "harmony.tension",
            "harmony.voices",
            "harmony.key_clarity",
        ),
    ]


def _rhythm(profile: Profile) -> list[str]:
    rhythm = profile.rhythm
    return [
        *_line("metre", _listed(rhythm.metres)),
        f"  the bar            │{bars_of(rhythm.bar_places)}│",
        " " * 22 + _bar_scale(),
        "  note values, quarters",
        *_table(NOTE_VALUE_LABELS, rhythm.durations),
        *_figures(
            profile,
            "rhythm.tempo_qpm",
            "rhythm.notes_per_second",
            "rhythm.notes_per_bar",
            "rhythm.syncopation",
            "rhythm.swing",
            "rhythm.unevenness",
            "rhythm.articulation",
            "rhythm.groove",
            "rhythm.returning_bars",
            "rhythm.section_bars",
        ),
        *_sections(profile),
    ]


def _bar_scale() -> str:
    marks = [" "] * (BAR_PLACES + 1)
    for place, mark in ((0, "0"), (BAR_PLACES // 4, "¼"), (BAR_PLACES // 2, "½"), (3 * BAR_PLACES // 4, "¾")):
        marks[place] = mark
    return "".join(marks).rstrip()


def _sections(profile: Profile) -> list[str]:
    if profile.piece is None or not profile.piece.sections:
        return []
    return _line("form", " ".join(f"{section.label}{section.bars}" for section in profile.piece.sections))


def _emotion(profile: Profile) -> list[str]:
    return [
        _scale("sad", "happy", profile.emotion.valence, "valence"),
        _scale("calm", "excited", profile.emotion.arousal, "arousal"),
        *_figures(profile, "emotion.valence", "emotion.arousal", "emotion.loudness", "emotion.loudness_range"),
    ]


def _scale(low: str, high: str, value: float, label: str) -> str:
    """A value of −1…1 as a point on a line."""
    track = ["─"] * 41
    track[20] = "┼"
    track[round((value + 1) * 20)] = "●"
    return f"  {label:<18} {low:>5} {''.join(track)} {high}"
