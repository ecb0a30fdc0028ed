"""MusicXML to scores.

Read: notes at sounding pitch (transposing instruments are undone), ties joined, repeats, endings and jumps played out,
pickups, tempo, metre, key, chord symbols, rehearsal marks, instruments, dynamics. Decisions: grace and cue notes are
left out, quarter tones are rounded to semitones, tremolos and ornaments are not played out, one part is one track
however many instruments it changes to.
"""

from __future__ import annotations

from xml.etree import ElementTree as ET

from stilo.errors import ReadError
from stilo.music.midi import MAX_BARS, MAX_NOTES
from stilo.music.musicxml_reader import PartReader
from stilo.music.musicxml_tree import musicxml_root
from stilo.music.score import Score
from stilo.music.sheet import SHEET_TICKS, Sheet, SheetBar, sheet_score
from stilo.music.smf import clean_text

_NEARLY_FULL = SHEET_TICKS // 100  # what rounded tuplets may be off in a bar


def parse_musicxml(data: bytes, path: str = "MusicXML data") -> Score:
    """Read the bytes of a `.musicxml`, `.xml` or `.mxl` file.

    Raises:
        ReadError: naming `path`, when the bytes are no MusicXML, damaged, hostile, without notes, or too long.
    """
    root = musicxml_root(data, path)
    sheet = Sheet([], [], _title(root))
    entries = {entry.get("id", ""): entry for entry in root.findall("part-list/score-part")}
    parts = root.findall("part")
    if len(parts) > 1000 or sum(len(part) for part in parts) > 20 * MAX_BARS:
        raise ReadError(path, f"has {len(parts):,} parts; that is no score")
    bar_count = max((len(part.findall("measure")) for part in parts), default=0)
    if bar_count > MAX_BARS:
        raise ReadError(path, f"has {bar_count:,} bars; at most {MAX_BARS:,} are read")
    sheet.bars = [SheetBar(metre=None) for _ in range(bar_count)]
    note_count = 0
    try:
        for index, part in enumerate(parts):
            reader = PartReader(sheet, index, entries.get(part.get("id", "")))
            reader.read(part)
            sheet.tracks.append(reader.track())
            note_count += reader.note_count
            if note_count > MAX_NOTES:
                raise ReadError(path, f"holds more than {MAX_NOTES:,} notes")
    except (ValueError, OverflowError, ZeroDivisionError) as reason:
        raise ReadError(path, f"holds a damaged MusicXML value ({reason}); export it again") from None
    _settle_lengths(sheet)
    return sheet_score(sheet, path)


def _title(root: ET.Element) -> str:
    found = [root.findtext("work/work-title"), root.findtext("movement-title")]
    credits = [credit for credit in root.findall("credit") if credit.findtext("credit-type") == "title"]
    found += [credit.findtext("credit-words") for credit in credits]
    return next((title for title in map(clean_text, filter(None, found)) if title), "")


def _settle_lengths(sheet: Sheet) -> None:
    """Carry the metre through all bars, and give empty or nearly full bars the length it asks for.

    Parts that only rest do not count where another plays: many programs write a whole rest into a pickup.
    """
    metre: tuple[int, int] | None = (4, 4)
    for bar in sheet.bars:
        metre = bar.metre = bar.metre or metre
        if metre == (0, 0):
            bar.metre = None
        nominal = bar.nominal_length
        bar.length = bar.length or bar.rest_length
        if nominal is None:
            continue
        end_of_notes = max((note.onset + note.duration for note in bar.notes), default=0)
        only_rests_overflow = bar.length > nominal >= end_of_notes
        if bar.length == 0 or only_rests_overflow or abs(bar.length - nominal) <= _NEARLY_FULL:
            bar.length = nominal
