"""What stands above the notes in MusicXML: tempo marks, section marks, chord symbols."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from xml.etree import ElementTree as ET

from stilo.errors import InputError
from stilo.music.chords import NO_CHORD, Chord, bass_place, chord_root_place, format_chord, parse_chord, quality_places
from stilo.music.layout import WrittenBar
from stilo.music.score import Score
from stilo.music.smf import clean_text
from stilo.music.theory import line_name, line_place

# Harte quality → (kind, what chord symbols write); other qualities are written as a kind and added degrees.
HARTE_KINDS: dict[str, str] = {
    "maj": "major", "min": "minor", "dim": "diminished", "aug": "augmented", "maj7": "major-seventh",
    "min7": "minor-seventh", "7": "dominant", "dim7": "diminished-seventh", "hdim7": "half-diminished",
    "minmaj7": "major-minor", "aug(b7)": "augmented-seventh", "maj6": "major-sixth", "min6": "minor-sixth",
    "9": "dominant-ninth", "maj9": "major-ninth", "min9": "minor-ninth", "11": "dominant-11th", "min11": "minor-11th",
    "13": "dominant-13th", "maj13": "major-13th", "min13": "minor-13th", "sus2": "suspended-second",
    "sus4": "suspended-fourth", "5": "power", "1": "pedal",
}  # fmt: skip
_QUALITIES = {kind: quality for quality, kind in HARTE_KINDS.items()} | {
    "suspended-second": "sus2",
    "major-11th": "maj9(11)",
    "Tristan": "hdim7",
    "augmented-ninth": "aug(b7,9)",
    "other": "(1)",
}
_NATURALS = {0: 1, 2: 2, 4: 3, -1: 4, 1: 5, 3: 6, 5: 7}  # place above the root → degree
_VISIBLE_CHANGE = 0.1  # share by which a tempo must change to be printed
_COMPOUND = {6, 9, 12}


@dataclass(frozen=True)
class Marks:
    """The elements of every bar, with their places from the bar line."""

    bars: tuple[tuple[tuple[int, ET.Element], ...], ...]

    @staticmethod
    def none(bar_count: int) -> Marks:
        """No marks in so many bars."""
        return Marks(((),) * bar_count)

    def of_bar(self, index: int) -> list[tuple[int, ET.Element]]:
        """The marks of a bar in order of place."""
        return list(self.bars[index])


def direction_marks(score: Score, bars: Sequence[WrittenBar]) -> Marks:
    """All the marks of a quantised score."""
    units = score.ticks_per_quarter // 24
    starts = [bar.start for bar in bars]
    placed: list[list[tuple[int, ET.Element]]] = [[] for _ in bars]

    def put(onset_ticks: int, element: ET.Element) -> None:
        place = round(onset_ticks / units)
        index = bisect_right(starts, place) - 1
        if place < bars[index].start + bars[index].length:
            placed[index].append((place - bars[index].start, element))

    for marker in score.markers:
        put(marker.onset_ticks, _rehearsal(marker.text))
    shown = 0.0
    for tempo in score.tempos:
        qpm = tempo.quarters_per_minute
        is_visible = abs(qpm - shown) > _VISIBLE_CHANGE * shown
        shown = qpm if is_visible else shown
        index = bisect_right(starts, round(tempo.onset_ticks / units)) - 1
        signature = bars[index].signature
        in_threes = signature.denominator == 8 and signature.numerator in _COMPOUND
        put(tempo.onset_ticks, _tempo(qpm, is_visible, in_threes))
    for chord in score.chord_symbols:
        element = harmony(chord.label)
        if element is not None:
            put(chord.onset_ticks, element)
    return Marks(tuple(tuple(sorted(bar, key=lambda mark: mark[0])) for bar in placed))


def _rehearsal(text: str) -> ET.Element:
    direction = ET.Element("direction", placement="above")
    ET.SubElement(ET.SubElement(direction, "direction-type"), "rehearsal").text = clean_text(text) or "?"
    return direction


def _tempo(quarters_per_minute: float, is_visible: bool, in_threes: bool) -> ET.Element:
    direction = ET.Element("direction", placement="above")
    kind = ET.SubElement(direction, "direction-type")
    if is_visible:
        metronome = ET.SubElement(kind, "metronome", parentheses="no")
        ET.SubElement(metronome, "beat-unit").text = "quarter"
        if in_threes:
            ET.SubElement(metronome, "beat-unit-dot")
        per_minute = quarters_per_minute / (1.5 if in_threes else 1)
        ET.SubElement(metronome, "per-minute").text = f"{round(per_minute, 1 if per_minute < 20 else None):g}"
    else:
        ET.SubElement(kind, "words")
    ET.SubElement(direction, "sound", tempo=f"{quarters_per_minute:.6g}")
    return direction


def harmony(label: str) -> ET.Element | None:
    """The chord symbol for a Harte label; None when the label means nothing."""
    try:
        chord = parse_chord(label)
    except InputError:
        return None
    element = ET.Element("harmony")
    if chord is None:
        root = ET.SubElement(element, "root")
        ET.SubElement(root, "root-step", text="").text = "C"
        ET.SubElement(element, "kind", text="N.C.").text = "none"
        return element
    root_place = chord_root_place(label)
    _add_name(ET.SubElement(element, "root"), "root", root_place)
    base, added, removed = _nearest_kind(chord)
    ET.SubElement(element, "kind").text = HARTE_KINDS[base]
    if chord.bass is not None and chord.bass != chord.root:
        _add_name(ET.SubElement(element, "bass"), "bass", root_place + bass_place(chord))
    for kind, places in (("add", added), ("subtract", removed)):
        for place in places:
            natural = next(step for step in _NATURALS if (place - step) % 7 == 0)
            degree = ET.SubElement(element, "degree")
            ET.SubElement(degree, "degree-value").text = str(_NATURALS[natural])
            ET.SubElement(degree, "degree-alter").text = str((place - natural) // 7)
            ET.SubElement(degree, "degree-type").text = kind
    return element


def _add_name(parent: ET.Element, tag: str, place: int) -> None:
    name = line_name(place)
    ET.SubElement(parent, f"{tag}-step").text = name[0]
    alteration = name.count("#") - name.count("b")
    if alteration:
        ET.SubElement(parent, f"{tag}-alter").text = str(alteration)


def _nearest_kind(chord: Chord) -> tuple[str, list[int], list[int]]:
    """The kind that shares most with a quality, and the places to add and to take away."""
    if chord.quality in HARTE_KINDS:
        return chord.quality, [], []
    tones = set(quality_places(chord.quality))
    base = min(HARTE_KINDS, key=lambda kind: len(tones ^ set(quality_places(kind))))
    own = set(quality_places(base))
    return base, sorted(tones - own), sorted(own - tones)


def harmony_label(element: ET.Element, transposition: int = 0) -> str | None:
    """The Harte label of a chord symbol in a part that sounds `transposition` semitones away; None if unknown."""
    kind = (element.findtext("kind") or "").strip()
    if kind == "none":
        return NO_CHORD
    root = _read_name(element, "root")
    quality = _QUALITIES.get(kind)
    if root is None or quality is None:
        return None
    quality = _with_degrees(quality, element.findall("degree"))
    bass = _read_name(element, "bass")
    chord = Chord((7 * root + transposition) % 12, quality, None if bass is None else (7 * bass + transposition) % 12)
    try:
        return format_chord(chord, None if transposition % 12 else line_name(root))
    except InputError:
        return None


def _read_name(element: ET.Element, tag: str) -> int | None:
    step = (element.findtext(f"{tag}/{tag}-step") or "").strip()
    if len(step) != 1 or step not in "ABCDEFG":
        return None
    try:
        alteration = round(float(element.findtext(f"{tag}/{tag}-alter") or 0))
    except (ValueError, OverflowError):
        return None
    return line_place(step) + 7 * max(-2, min(2, alteration))


def _with_degrees(quality: str, degrees: Sequence[ET.Element]) -> str:
    """The quality with degrees added (or altered) and taken away, as Harte writes it."""
    written = []
    for degree in degrees:
        value = (degree.findtext("degree-value") or "").strip()
        alter = (degree.findtext("degree-alter") or "0").strip()
        kind = (degree.findtext("degree-type") or "add").strip()
        if value.isdigit() and 1 <= int(value) <= 13 and alter.lstrip("-").isdigit():
            accidental = ("#" if int(alter) > 0 else "b") * min(2, abs(int(alter)))
            if kind == "alter":
                written.append(f"*{value}")
            written.append(f"*{accidental}{value}" if kind == "subtract" else f"{accidental}{value}")
    if not written:
        return quality
    name, _, listed = quality.rstrip(")").partition("(")
    return f"{name}({','.join([*filter(None, [listed]), *written])})"
