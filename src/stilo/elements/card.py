"""A profile as a card: in words first, the figures behind them."""

from __future__ import annotations

import textwrap

import numpy as np

from stilo.elements.figures import DEGREES, Figure
from stilo.elements.grid import BEATS_TRACKED, WRITTEN
from stilo.elements.norms import PIECES
from stilo.elements.phrases import label_of
from stilo.elements.pitch import CONTOUR_LABELS, INTERVAL_LABELS
from stilo.elements.record import ELEMENTS, Profile
from stilo.elements.rhythm import BAR_PLACES, NOTE_VALUE_LABELS
from stilo.elements.standing import applies, is_too_little, standing_out
from stilo.elements.words import UNCLEAR, liner_note

WIDTH = 80
_BAR_CHARACTERS = " ▁▂▃▄▅▆▇█"
_MOST_LISTED = 8
_MOST_OUTSTANDING = 6
_STANDING = 51  # columns of a figure that stands out
_COLUMN = 3
_CELL = WIDTH // 2 - 1
_MOST_REGIONS = 8
_MOST_MOTIFS, _MOST_PLACES = 2, 6
_HARMONY_FIGURES = (
    "harmony.chord_changes_per_bar",
    "harmony.seventh_share",
    "harmony.diatonic_share",
    "harmony.authentic_share",
    "harmony.consonance",
    "harmony.tension",
    "harmony.voices",
    "harmony.key_clarity",
)
_UNITS = {
    "−1…1": "", "ratio": " to 1", "pitches": "", "index": "", "correlation": "", "probability": "",
    "notes/s": "", "onsets/s": "", "notes/bar": "", "chords/bar": " chords a bar", "levels/onset": "",
    "spiral units": "",
}  # fmt: skip


def profile_card(profile: Profile, title: str) -> str:
    """A readable card of a piece or a folder, at most 80 columns wide.

    A title of more than one line, or that does not fit the card, is cut.
    """
    name = " ".join(title.split())
    name = "".join(character if character.isprintable() else "�" for character in name)
    name = name if len(name) <= WIDTH else name[: WIDTH - 1] + "…"
    lines = [name, "═" * max(8, len(name)), ""]
    lines += textwrap.wrap(liner_note(profile), WIDTH)
    if grid := _grid(profile):
        lines += ["", *textwrap.wrap(grid, WIDTH)]
    if profile.rhythm.notes_per_bar > 0 and is_too_little(profile):
        lines += ["", "COUNTED", *_counted(profile)]
    else:
        lines += _elements(profile)
    return "".join(f"{line.rstrip()}\n" for line in lines)


def _elements(profile: Profile) -> list[str]:
    lines: list[str] = []
    if profile.rhythm.notes_per_bar > 0 and (rows := _outstanding(profile)):
        lines += ["", f"WHAT STANDS OUT among {PIECES:,} pieces of many kinds", *rows]
    if profile.pitch.pitched_share > 0:
        lines += ["", "PITCH", *_pitch(profile)]
        lines += ["", "HARMONY", *_harmony(profile)]
    if profile.rhythm.notes_per_bar > 0:
        lines += ["", "RHYTHM", *_rhythm(profile)]
        lines += ["", "EMOTION", *_emotion(profile)]
    return lines


def _grid(profile: Profile) -> str:
    """Where bars and beats come from, unless the file says it."""
    grid = WRITTEN if profile.piece is None else profile.piece.grid
    if grid == BEATS_TRACKED:
        return (
            "Played freely: beats, bars and tempo were found from the notes, and may be wrong (the beat twice or half "
            "as fast)."
        )
    metre = next(iter(profile.rhythm.metres), "")
    return f"The file names no metre; {metre} was found from the notes." if grid != WRITTEN and metre else ""


def _counted(profile: Profile) -> list[str]:
    """What can be counted of a few notes."""
    names = ["pitch.range"] if profile.pitch.pitched_share > 0 else []
    return [
        *_line("instruments", _listed(profile.pitch.instruments)),
        *_line("metre", _listed(profile.rhythm.metres)),
        "  note values, quarters",
        *_table(NOTE_VALUE_LABELS, profile.rhythm.durations),
        *_figures(profile, *names, "rhythm.tempo_qpm"),
    ]


def _outstanding(profile: Profile) -> list[str]:
    """The figures behind the first sentence, each with how many of a hundred pieces it exceeds."""
    rows = []
    for item in standing_out(profile)[:_MOST_OUTSTANDING]:
        side = f"more than {item.percent_below}" if item.score > 0 else f"less than {100 - item.percent_below}"
        rows.append(f"  {_figure(profile, item.name):<{_STANDING}}{side} of 100 pieces")
    return rows


def bars_of(shares: tuple[float, ...]) -> str:
    """Shares as a row of little bars, the largest full; a share that is not 0 shows at least the lowest bar."""
    highest = max(shares, default=0.0)
    if highest <= 0:
        return " " * len(shares)
    steps = [int(np.ceil(share / highest * 8 - 1e-9)) if share > 0 else 0 for share in shares]
    return "".join(_BAR_CHARACTERS[step] for step in steps)


def _table(labels: tuple[str, ...], shares: tuple[float, ...]) -> list[str]:
    """Bars over their labels, each in a column as wide as its label."""
    widths = [max(_COLUMN, len(label) + 1) for label in labels]
    bars = "".join(bar.rjust(width) for bar, width in zip(bars_of(shares), widths, strict=True))
    return [f"  {bars}", "  " + "".join(label.rjust(width) for label, width in zip(labels, widths, strict=True))]


def _figures(profile: Profile, *names: str) -> list[str]:
    """Figures with units, two to a row where they fit; with the spread between pieces where there are several."""
    rows: list[str] = []
    for cell in (_figure(profile, name) for name in names):
        if rows and len(rows[-1]) <= _CELL and len(cell) < _CELL:
            rows[-1] = f"{rows[-1]:<{_CELL + 2}}{cell}"
        else:
            rows.append(f"  {cell}")
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
    told = (f"{label} {100 * share:.0f}%" for label, share in list(shares.items())[:most])
    return "  ".join(text.replace(" ", "\u00a0") for text in told)


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
        *_motifs(profile),
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


def _motifs(profile: Profile) -> list[str]:
    """The weightiest motifs as moves in semitones from note to note, with the bars, from 1, in which they begin."""
    rows: list[str] = []
    for i, motif in enumerate(() if profile.piece is None else profile.piece.motifs[:_MOST_MOTIFS]):
        moves = "\u00a0".join(f"{move:+d}".replace("-", "−") if move else "0" for move in motif.intervals)
        bars = list(dict.fromkeys(occurrence.bar + 1 for occurrence in motif.occurrences))
        more = f" and {len(bars) - _MOST_PLACES} more" if len(bars) > _MOST_PLACES else ""
        places = f"bar{'' if len(bars) == 1 else 's'} {', '.join(map(str, bars[:_MOST_PLACES]))}{more}"
        rows += _line("" if i else "motifs, semitones", f"{moves}: {places}")
    return rows


def _keys(profile: Profile) -> str:
    """Of a folder the keys of its pieces; of a piece the keys it goes through, minor ones in small letters."""
    if profile.pieces > 1 or not profile.harmony.keys:
        return _listed(profile.harmony.keys)
    home = f"{'perhaps ' if profile.harmony.key_clarity < UNCLEAR else ''}{next(iter(profile.harmony.keys))}"
    regions = () if profile.piece is None else profile.piece.key_regions
    if not regions:
        return home
    lengths: dict[str, float] = {}
    for region in regions:
        lengths[region.key] = lengths.get(region.key, 0.0) + region.duration_quarters
    if len(lengths) == 1:
        return f"{home} throughout"
    if len(regions) <= _MOST_REGIONS:
        return f"{home}: {' – '.join(_short_key(region.key) for region in regions)}"
    total = max(sum(lengths.values()), 1e-9)
    order = sorted(lengths, key=lambda key: -lengths[key])
    named = {_short_key(key): lengths[key] / total for key in order}
    return f"{home}; time in  {_listed(named)}"


def _short_key(key: str) -> str:
    """As "B♭" for B flat major, "g" for G minor."""
    tonic, mode = key.split()
    tonic = tonic[0] + tonic[1:].replace("b", "♭").replace("#", "♯")
    return tonic.lower() if mode == "minor" else tonic


def _harmony(profile: Profile) -> list[str]:
    """Of a single line only what it has: no consonance, and no figures of the chords that are read into it."""
    harmony = profile.harmony
    return [
        *_line("key", _keys(profile)),
        *_line("chords", _listed(harmony.chords)),
        *_line("changes", _listed(harmony.transitions)),
        *_figures(profile, *(name for name in _HARMONY_FIGURES if applies(profile, name))),
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
    arousal = _scale("calm", "excited", profile.emotion.arousal, "arousal")
    figures = ("emotion.arousal", "emotion.loudness", "emotion.loudness_range")
    if profile.pitch.pitched_share == 0:  # valence is measured from pitches
        return [arousal, *_figures(profile, *figures)]
    valence = _scale("sad", "happy", profile.emotion.valence, "valence")
    return [valence, arousal, *_figures(profile, "emotion.valence", *figures)]


def _scale(low: str, high: str, value: float, label: str) -> str:
    """A value of −1…1 as a point on a line."""
    track = ["─"] * 41
    track[20] = "┼"
    track[round((value + 1) * 20)] = "●"
    return f"  {label:<18} {low:>5} {''.join(track)} {high}"
