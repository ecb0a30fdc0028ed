"""The page of a quantised score before it is put into any file format: bars, staves, voices, written values.

Conventions. Times are twenty-fourths of a quarter. `place` counts from the bar line, in a pickup from where the bar
line of a whole bar would be.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from stilo.music.instruments import DRUM_PLACES, OTHER_DRUM_PLACE
from stilo.music.legible import Played, legible, looks_played
from stilo.music.metre import Metre, Piece, beam_group, metre_of, tuplet_regions, written_pieces
from stilo.music.score import Score, TimeSignature, Track
from stilo.music.timeline import bar_grid
from stilo.music.voices import MAX_VOICES, ChordOfHeads, Head, needs_two_staves, split_hands, voices_of

_CELL = 12  # an eighth note, the span inside which 32nds and triplets exclude each other
_BINARY, _TRIPLET = (0, 3, 6, 9, 12), (0, 4, 8, 12)


@dataclass(frozen=True, slots=True)
class WrittenBar:
    """A bar: `start` in the piece, `length`, the signature shown, how far it begins after its bar line's place."""

    start: int
    length: int
    signature: TimeSignature
    metre: Metre
    shift: int = 0
    is_pickup: bool = False


@dataclass(slots=True)
class Symbol:
    """One chord or rest on the page; no heads: a rest. `beams` holds the state of each beam, the eighths' one first."""

    piece: Piece
    heads: list[Head] = field(default_factory=list)
    beams: list[str] = field(default_factory=list)
    begins_tuplet: bool = False
    ends_tuplet: bool = False
    tied_back: frozenset[int] = frozenset()
    tied_on: frozenset[int] = frozenset()


Voice = list[Symbol]


def written_bars(score: Score) -> list[WrittenBar]:
    """The bars of a quantised score; a short first bar before a longer metre is a pickup."""
    units = score.ticks_per_quarter // 24
    grid = bar_grid(score)
    starts = (grid.starts_ticks // units).tolist()
    ends = [*starts[1:], starts[-1] + int(grid.lengths_ticks[-1]) // units]
    signatures = list(zip(grid.numerators.tolist(), grid.denominators.tolist(), strict=True))
    bars = []
    for start, end, (numerator, denominator) in zip(starts, ends, signatures, strict=True):
        signature = TimeSignature(start, numerator, denominator)
        bars.append(WrittenBar(start, end - start, signature, metre_of(numerator, denominator)))
    if len(bars) > 1 and bars[0].length < bars[1].metre.length and bars[0].metre != bars[1].metre:
        whole = bars[1]
        shift = whole.metre.length - bars[0].length
        bars[0] = replace(bars[0], signature=whole.signature, metre=whole.metre, shift=shift, is_pickup=True)
    return bars


@dataclass
class PartPage:
    """The heads of one part, times from the bar line: `staves` is [staves][bars][heads].

    `is_played` says that the part was made legible: its voices are kept to two a staff.
    """

    staves: list[list[list[Head]]]
    is_played: bool


def part_page(score: Score, track: int, bars: Sequence[WrittenBar]) -> PartPage:
    """One part of a quantised score put to staves and bars; played music is made legible first."""
    units = score.ticks_per_quarter // 24
    rows = score.notes[score.notes["track"] == track]
    notes = [
        Played(onset // units, (onset + duration) // units, pitch, velocity)
        for onset, duration, pitch, velocity, _ in rows.tolist()
    ]
    pitches = [note.pitch for note in notes]
    two = needs_two_staves(score.tracks[track], pitches)
    hands = split_hands([note.start for note in notes], pitches) if two else [0] * len(notes)
    is_played = not score.tracks[track].is_drum and looks_played(notes)
    page = PartPage([[[] for _ in bars] for _ in range(2 if two else 1)], is_played)
    for staff, staff_bars in enumerate(page.staves):
        mine = [note for note, hand in zip(notes, hands, strict=True) if hand == staff]
        if is_played:
            mine = legible(mine, [bar.start - bar.shift for bar in bars])
        _cut_at_repeated_pitches(mine)
        for note in mine:
            _add_heads(note, bars, staff_bars)
    return page


def _add_heads(note: Played, bars: Sequence[WrittenBar], staff_bars: list[list[Head]]) -> None:
    """Cut a note at the bar lines."""
    index = bisect_right(bars, note.start, key=lambda bar: bar.start) - 1
    at = note.start
    while at < note.end and index < len(bars):
        bar = bars[index]
        until = min(note.end, bar.start + bar.length)
        tied_on = until < note.end and index + 1 < len(bars)
        head = Head(at - bar.start, until - bar.start, note.pitch, note.velocity, at > note.start, tied_on)
        staff_bars[index].append(head)
        at, index = until, index + 1


def _cut_at_repeated_pitches(notes: Sequence[Played]) -> None:
    """A pitch struck again ends the note that it sounds in; `notes` in order of start."""
    following: dict[int, tuple[int, int]] = {}  # pitch → start of its next note, start of the one after that
    for note in reversed(notes):
        next_start = 2**31
        if note.pitch in following:
            later, after = following[note.pitch]
            next_start = after if later == note.start else later
        following[note.pitch] = (note.start, next_start)
        note.end = min(note.end, next_start)


def bar_voices(heads: list[Head], bar: WrittenBar, before: Sequence[float] = (), most: int = MAX_VOICES) -> list[Voice]:
    """The voices of one staff in one bar, every one of them filled with rests; none for an empty bar."""
    settle_cells(heads, bar)
    return [_symbols(chords, bar) for chords in voices_of(heads, before, most)]


def drum_voices(heads: list[Head], bar: WrittenBar) -> list[Voice]:
    """Hands and feet of a drum part; every stroke lasts until the next one of its voice, a quarter at most."""
    voices = []
    for is_foot in (False, True):
        mine = [head for head in heads if DRUM_PLACES.get(head.pitch, OTHER_DRUM_PLACE)[3] == is_foot]
        settle_cells(mine, bar)
        onsets = sorted({head.start for head in mine})
        for head in mine:
            following = onsets[onsets.index(head.start) + 1 :][:1]
            quarter = (head.start + bar.shift) // 24 * 24 + 24 - bar.shift
            head.end = min([*following, quarter, bar.length])
            head.tied_back = head.tied_on = False
        voices += [_symbols(chords, bar) for chords in voices_of(mine)]
    return voices


def settle_cells(heads: list[Head], bar: WrittenBar) -> None:
    """Inside each eighth, move heads to 32nds or to triplets, whichever moves less: nobody can read both at once."""
    cells: dict[int, set[int]] = {}
    for head in heads:
        for time in (head.start, head.end):
            cells.setdefault((time + bar.shift) // _CELL, set()).add((time + bar.shift) % _CELL)
    moved: dict[int, tuple[int, ...]] = {}
    for cell, places in cells.items():
        costs = [(sum(min(abs(place - to) for to in grid) for place in places), grid) for grid in (_BINARY, _TRIPLET)]
        cost, grid = min(costs, key=lambda way: way[0])
        if cost:
            moved[cell] = grid
    if not moved:
        return
    for head in heads:
        start, end = _moved(head.start + bar.shift, moved), _moved(head.end + bar.shift, moved)
        if end <= start:
            end = min(start + 3, bar.length + bar.shift) if start % _CELL % 3 == 0 else start + 4
        head.start, head.end = max(0, start - bar.shift), min(bar.length, end - bar.shift)
    heads[:] = [head for head in heads if head.end > head.start]


def _moved(place: int, moved: dict[int, tuple[int, ...]]) -> int:
    cell, inside = divmod(place, _CELL)
    grid = moved.get(cell)
    return place if grid is None else cell * _CELL + min(grid, key=lambda to: (abs(to - inside), to))


def _symbols(chords: Sequence[ChordOfHeads], bar: WrittenBar) -> Voice:
    """A voice as chords and rests that fill the bar, with ties, triplets and beams."""
    shift, end_of_bar = bar.shift, bar.shift + bar.length
    places = {shift, end_of_bar}
    for chord in chords:
        places |= {chord.start + shift, chord.end + shift}
    tuplets = tuplet_regions(bar.metre, places)
    voice: Voice = []
    at = shift
    for chord in chords:
        start, end = chord.start + shift, chord.end + shift
        voice += [Symbol(piece) for piece in written_pieces(bar.metre, at, start, tuplets, True)]
        voice += _tied_symbols(chord, list(written_pieces(bar.metre, start, end, tuplets, False)))
        at = end
    voice += [Symbol(piece) for piece in written_pieces(bar.metre, at, end_of_bar, tuplets, True)]
    _mark_tuplets(voice)
    _set_beams(voice, bar.metre)
    return voice


def _tied_symbols(chord: ChordOfHeads, pieces: list[Piece]) -> Voice:
    everything = frozenset(head.pitch for head in chord.heads)
    back = frozenset(head.pitch for head in chord.heads if head.tied_back)
    on = frozenset(head.pitch for head in chord.heads if head.tied_on)
    last = len(pieces) - 1
    return [
        Symbol(
            piece,
            chord.heads,
            tied_back=everything if number > 0 else back,
            tied_on=everything if number < last else on,
        )
        for number, piece in enumerate(pieces)
    ]


def _mark_tuplets(voice: Voice) -> None:
    for index, symbol in enumerate(voice):
        group = symbol.piece.tuplet
        if group is not None:
            symbol.begins_tuplet = index == 0 or voice[index - 1].piece.tuplet != group
            symbol.ends_tuplet = index == len(voice) - 1 or voice[index + 1].piece.tuplet != group


def _set_beams(voice: Voice, metre: Metre) -> None:
    by_halves = {
        half
        for half in (0, 1)
        if all(s.heads and s.piece.value == 12 and not s.piece.dots and s.piece.tuplet is None
               for s in voice if s.piece.start // 48 == half)
    }  # fmt: skip
    joined: list[Symbol] = []
    group: tuple[bool, int] | None = None
    for symbol in voice:
        place = symbol.piece.start
        in_halves = place // 48 in by_halves
        mine = (in_halves, beam_group(metre, place, in_halves))
        if not symbol.heads or symbol.piece.value >= 24 or mine != group:
            _join(joined)
            joined = []
        if symbol.heads and symbol.piece.value < 24:
            joined.append(symbol)
            group = mine
        else:
            group = None
    _join(joined)


def _join(symbols: list[Symbol]) -> None:
    if len(symbols) < 2:
        return
    counts = [{12: 1, 6: 2, 3: 3}[symbol.piece.value] for symbol in symbols]
    for index, symbol in enumerate(symbols):
        for level in range(1, counts[index] + 1):
            left = index > 0 and counts[index - 1] >= level
            right = index < len(counts) - 1 and counts[index + 1] >= level
            if left or right:
                state = "continue" if left and right else "end" if left else "begin"
            else:
                at_start = index == 0 or (index < len(counts) - 1 and symbol.piece.start % 12 == 0)
                state = "forward hook" if at_start else "backward hook"
            symbol.beams.append(state)


def clef_of(track: Track, pitches: Sequence[int]) -> tuple[str, int, int]:
    """Sign, line and octave change of the clef that needs the fewest ledger lines."""
    if track.is_drum:
        return "percussion", 2, 0
    choices = {("G", 2, 0): (62, 79), ("F", 4, 0): (41, 60)}
    if track.program == 41:
        choices[("C", 3, 0)] = (50, 72)
    if 52 <= track.program <= 54 and sum(pitches) < 60 * len(pitches):  # tenors
        choices[("G", 2, -1)] = (50, 67)
    if 24 <= track.program < 32:
        choices = {("G", 2, -1): (50, 67)}
    if 32 <= track.program < 40 or track.program == 43:
        choices = {("F", 4, -1): (29, 48)}
    cost = {clef: sum(max(0, low - pitch, pitch - high) for pitch in pitches) for clef, (low, high) in choices.items()}
    return min(cost, key=lambda clef: cost[clef])
