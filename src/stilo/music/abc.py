"""ABC tunes to scores (abcnotation.com, standard 2.1).

Read: headers X T C M L Q K V P with their inline forms, keys of all modes, accidentals that hold for the bar, ties,
tuplets, broken rhythm, chords, several voices and overlays, repeats and numbered endings, chord symbols,
`%%MIDI program`. Decisions: grace notes are left out, ornaments are not played out, lyrics and annotations are passed
over.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from fractions import Fraction

from stilo.errors import ReadError
from stilo.music.abc_body import BodyReader
from stilo.music.instruments import program_of_name
from stilo.music.score import Score, Track
from stilo.music.sheet import MAX_MARKS, Sheet, SheetBar, sheet_score
from stilo.music.smf import clean_text
from stilo.music.theory import line_place

MAX_BYTES = 16 * 2**20
MAX_TUNES = 20_000
_MODE_FIFTHS = {"maj": 0, "ion": 0, "m": -3, "min": -3, "aeo": -3, "mix": -1, "dor": -2, "phr": -4, "lyd": 1, "loc": -5}
_KEY = re.compile(r"([A-G])([#b]?)\s*([A-Za-z]*)")
_ENDLESS_NUMBER = re.compile(r"\d{40}")  # no music counts so far, and Python does not read more than 4,300 digits
# A note or a rest before a repeat sign, as in "c:|", is music.
_FIELD = re.compile(r"(?![A-Ga-gxzXZ]:[|:])([A-Za-z]):(.*)")


@dataclass
class TuneHeader:
    """What stands above the notes; `unit` is the length of a note without a number, in quarters."""

    title: str = ""
    metre: tuple[int, int] | None = (4, 4)
    unit: Fraction | None = None
    quarters_per_minute: float | None = None
    fifths: int = 0
    is_minor: bool = False
    program: int = 0
    voice_names: dict[str, str] = field(default_factory=dict)


def parse_tune_book(data: bytes, path: str = "ABC data") -> list[Score]:
    """Read all the tunes of an ABC file; tunes that hold no notes are passed over.

    Raises:
        ReadError: naming `path`, when nothing in it is a tune, or a tune is damaged or too long.
    """
    if len(data) > MAX_BYTES:
        raise ReadError(path, f"is {len(data) >> 20} MiB of ABC; at most {MAX_BYTES >> 20} MiB are read")
    tunes = _tunes(_text(data), path)
    scores = []
    failure: ReadError | None = None
    for tune in tunes:
        try:
            scores.append(_tune_score(tune, path))
        except ReadError as error:
            failure = failure or error
    if not scores:
        raise failure or ReadError(path, "holds no ABC tune (a tune needs a K: line and notes)")
    return scores


def parse_abc(data: bytes, path: str = "ABC data") -> Score:
    """Read the first tune of an ABC file.

    Raises:
        ReadError: see `parse_tune_book`.
    """
    return parse_tune_book(data, path)[0]


def _text(data: bytes) -> str:
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return data.decode("utf-16", "replace")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def _tunes(text: str, path: str) -> list[list[str]]:
    """The lines of each tune; what stands before the first X: holds for all of them."""
    shared: list[str] = []
    tunes: list[list[str]] = []
    open_tune = False
    for line in text.splitlines():
        field_line = _FIELD.match(line)
        if field_line and field_line[1] == "X":
            tunes.append([*shared, line])
            open_tune = True
        elif not line.strip():
            open_tune = False
        elif open_tune:
            tunes[-1].append(line)
        elif not tunes:
            shared.append(line)
    if len(tunes) > MAX_TUNES:
        raise ReadError(path, f"holds {len(tunes):,} tunes; at most {MAX_TUNES:,} are read")
    return tunes or ([shared] if any(line.startswith("K:") for line in shared) else [])


def _tune_score(lines: list[str], path: str) -> Score:
    if any(_ENDLESS_NUMBER.search(line) for line in lines):
        raise ReadError(path, "holds a number that never ends")
    header = TuneHeader()
    body_start = len(lines)
    for index, line in enumerate(lines):
        match = _FIELD.match(line)
        if match:
            read_header_field(header, match[1], match[2].partition("%")[0].strip(), path)
        elif line.startswith("%%MIDI"):
            header.program = midi_program(line, header.program)
        if match and match[1] == "K":
            body_start = index + 1
            break
    else:
        raise ReadError(path, f'tune "{header.title or "without a title"}" has no K: line')
    reader = BodyReader(header.metre, header.unit, header.fifths, path)
    for line in lines[body_start:]:
        _read_body_line(reader, header, line, path)
    reader.finish()
    return _assembled(reader, header, path)


def _read_body_line(reader: BodyReader, header: TuneHeader, line: str, path: str) -> None:
    match = _FIELD.match(line)
    if line.startswith("%%MIDI"):
        reader.voice.program = midi_program(line, header.program)
    elif match and match[1] in "KMLQVPT":
        reader.read_field(match[1], match[2].partition("%")[0].strip(), lambda name, text: body_field(name, text, path))
    elif not match and not line.startswith("%"):
        reader.read_music(line.partition("%")[0], lambda name, text: body_field(name, text, path))


def read_header_field(header: TuneHeader, name: str, text: str, path: str) -> None:
    """Put one header line into the header."""
    if name == "T" and not header.title:
        header.title = clean_text(text)
    elif name == "M":
        header.metre = parse_metre(text, path)
    elif name == "L":
        header.unit = parse_unit(text, path)
    elif name == "Q":
        header.quarters_per_minute = parse_tempo(text, header.unit)
    elif name == "K":
        header.fifths, header.is_minor = parse_abc_key(text) or (0, False)
    elif name == "V":
        words = text.split(maxsplit=1)
        found = re.search(r'\b(?:name|nm)="([^"]*)"', text)
        if words and found:
            header.voice_names[words[0]] = clean_text(found[1])


def body_field(name: str, text: str, path: str) -> object:
    """The value of a field inside the music: a metre, a unit, a tempo, a key, or the text itself."""
    if name == "M":
        return parse_metre(text, path)
    if name == "L":
        return parse_unit(text, path)
    if name == "Q":
        return parse_tempo(text, None)
    return parse_abc_key(text) if name == "K" else text


def parse_metre(text: str, path: str) -> tuple[int, int] | None:
    """Numerator and denominator; None for free metre."""
    if text in ("", "none"):
        return None
    if text in ("C", "C|"):
        return (4, 4) if text == "C" else (2, 2)
    match = re.fullmatch(r"\(?([\d+ ]+)\)?/(\d+)", text.replace(" ", ""))
    numerator = sum(int(part) for part in match[1].split("+") if part[:4].isdigit() and len(part) < 4) if match else 0
    denominator = int(match[2]) if match and len(match[2]) < 4 else 0
    if not 1 <= numerator <= 255 or denominator not in (1, 2, 4, 8, 16, 32, 64):
        raise ReadError(path, f'has a metre "M:{text[:20]}" that is none')
    return numerator, denominator


def parse_unit(text: str, path: str) -> Fraction:
    """The unit note length in quarters."""
    match = re.fullmatch(r"(\d{1,3})(?:/(\d{1,4}))?", text.replace(" ", ""))
    if match is None or int(match[1]) == 0 or int(match[2] or 1) == 0:
        raise ReadError(path, f'has a note length "L:{text[:20]}" that is none')
    return Fraction(4 * int(match[1]), int(match[2] or 1))


def parse_tempo(text: str, unit: Fraction | None) -> float | None:
    """Quarters per minute of "1/4=120", "3/8=60", "120", with or without words in quotes."""
    bare = re.sub(r'"[^"]*"', "", text).strip()
    match = re.fullmatch(r"((?:\d+/\d+\s*)+)=\s*(\d+(?:\.\d+)?)", bare)
    if match:
        beat = sum((Fraction(part) for part in match[1].split() if not part.endswith("/0")), Fraction(0))
        tempo = float(4 * beat) * float(match[2])
    else:
        match = re.fullmatch(r"(?:C\d*\s*=\s*)?(\d+(?:\.\d+)?)", bare)
        tempo = float(match[1]) * float(unit or 1) if match and "C" in bare else float(match[1]) if match else 0.0
    return tempo if 1 <= tempo <= 10_000 else None


def parse_abc_key(text: str) -> tuple[int, bool] | None:
    """Fifths and whether it is minor; None when the text changes no key (a clef alone)."""
    if text.startswith(("HP", "Hp")):
        return 2, False
    if text in ("", "none"):
        return 0, False
    match = _KEY.match(text)
    if match is None:
        return None
    mode = match[3].lower()
    mode = "m" if mode in ("m", "minor") else mode[:3]
    shift = _MODE_FIFTHS.get(mode, 0)
    fifths = line_place(match[1] + match[2]) + shift
    return (fifths, shift == -3) if -7 <= fifths <= 7 else None


def midi_program(line: str, default: int) -> int:
    """The program of a `%%MIDI program [channel] n` line."""
    match = re.match(r"%%MIDI\s+program\s+(?:\d+\s+)?(\d{1,3})\b", line)
    return int(match[1]) if match and int(match[1]) <= 127 else default


def _assembled(reader: BodyReader, header: TuneHeader, path: str) -> Score:
    voices = [voice for voice in reader.voices.values() if voice.bars]
    bar_count = max((len(voice.bars) for voice in voices), default=0)
    bars = [SheetBar(metre=None) for _ in range(bar_count)]
    sheet = Sheet([], bars, header.title)
    for part, voice in enumerate(voices):
        name = header.voice_names.get(voice.name, voice.name)
        named = program_of_name(name)
        program = voice.program if voice.program is not None else header.program or named or 0
        sheet.tracks.append(Track(name, program))
        for bar, own in zip(bars, voice.bars, strict=False):
            _merge_bar(bar, own, part)
    metre = header.metre
    for bar in bars:
        if bar.metre is None:
            bar.metre = metre
        metre = bar.metre
        if metre == (0, 0):
            bar.metre = None
    if bars:
        bars[0].keys.insert(0, (0, (header.fifths, header.is_minor)))
        if header.quarters_per_minute and all(at for at, _ in bars[0].tempos):
            bars[0].tempos.append((0, header.quarters_per_minute))
    return sheet_score(sheet, path)


def _merge_bar(bar: SheetBar, own: SheetBar, part: int) -> None:
    bar.length = max(bar.length, own.length)
    bar.metre = bar.metre or own.metre
    for note in own.notes:
        bar.notes.append(replace(note, part=part))
    for kind in ("tempos", "keys", "chords", "markers"):
        merged = getattr(bar, kind)
        merged += [event for event in getattr(own, kind)[:MAX_MARKS] if event not in merged]
    if part == 0:
        bar.marks = own.marks
