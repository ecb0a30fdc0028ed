"""From the notes of a part to staves, voices and chords, as a reader expects them.

Conventions. Times are twenty-fourths of a quarter from the bar line. Staff 0 is the upper one. In every bar voices are
numbered from the top, at most `MAX_VOICES` to a staff.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from stilo.music.score import Track

MAX_VOICES = 4
_KEYBOARDS = frozenset({*range(8), *range(16, 24), 46})  # pianos, organs and accordions, the harp
_MIDDLE_C = 60
_HAND_SPAN = 12  # semitones


@dataclass(slots=True)
class Head:
    """One note head to be: the part of a note that lies in one bar."""

    start: int
    end: int
    pitch: int
    velocity: int
    tied_back: bool = False
    tied_on: bool = False


@dataclass(slots=True)
class ChordOfHeads:
    """Heads that begin and end together, lowest first."""

    start: int
    end: int
    heads: list[Head] = field(default_factory=list)

    @property
    def centre(self) -> float:
        return sum(head.pitch for head in self.heads) / len(self.heads)


def needs_two_staves(track: Track, pitches: Sequence[int]) -> bool:
    """Is this a keyboard part that reaches well below and above middle C?"""
    if track.is_drum or track.program not in _KEYBOARDS or not pitches:
        return False
    ordered = sorted(pitches)
    low, high = ordered[len(ordered) // 20], ordered[-1 - len(ordered) // 20]
    return low < _MIDDLE_C - 5 and high > _MIDDLE_C + 4


def split_hands(onsets: Sequence[int], pitches: Sequence[int]) -> list[int]:
    """The staff of each note: 0 for the right hand, 1 for the left.

    Notes that begin together are cut in two by the cheapest path through the piece: a hand holds at most an octave,
    stays on its side of middle C, and leaps little.

    Args:
        onsets: in ascending order.
        pitches: of the same notes.
    """
    groups: list[list[int]] = []
    for index, onset in enumerate(onsets):
        if groups and onsets[groups[-1][0]] == onset:
            groups[-1].append(index)
        else:
            groups.append([index])
    best: list[tuple[float, float, float]] = [(0.0, 50.0, 69.0)]  # cost, places of the left and the right hand
    choices: list[list[tuple[int, int]]] = []  # for each group and cut: (cut before, cut here)
    for group in groups:
        group.sort(key=lambda index: pitches[index])
        best, chosen = _extended(best, [pitches[index] for index in group])
        choices.append(chosen)
    staves = [0] * len(onsets)
    cut = min(range(len(best)), key=lambda k: best[k][0])
    for group, chosen in zip(reversed(groups), reversed(choices), strict=True):
        before, here = chosen[cut]
        for index in group[:here]:
            staves[index] = 1
        cut = before
    return staves


def _extended(
    best: list[tuple[float, float, float]], chord: list[int]
) -> tuple[list[tuple[float, float, float]], list[tuple[int, int]]]:
    """One step of the path: for each cut of the chord (its `cut` lowest notes to the left hand) the cheapest way."""
    states: list[tuple[float, float, float]] = []
    chosen: list[tuple[int, int]] = []
    for cut in range(len(chord) + 1):
        left, right = chord[:cut], chord[cut:]
        cost = _hand_cost(left, 1) + _hand_cost(right, -1)
        ways = []
        for before, (total, left_place, right_place) in enumerate(best):
            new_left = sum(left) / len(left) if left else left_place
            new_right = sum(right) / len(right) if right else right_place
            moved = 0.25 * (abs(new_left - left_place) + abs(new_right - right_place))
            ways.append((total + cost + moved, new_left, new_right, before))
        cheapest = min(ways)
        states.append(cheapest[:3])
        chosen.append((cheapest[3], cut))
    return states, chosen


def _hand_cost(chord: list[int], above: int) -> float:
    """What it costs a hand to play the chord; `above` is 1 for the left hand, whose cost grows above middle C."""
    if not chord:
        return 0.0
    beyond = sum(max(0.0, above * (pitch - _MIDDLE_C)) for pitch in chord)
    return beyond + 4.0 * max(0, chord[-1] - chord[0] - _HAND_SPAN)


def voices_of(heads: Sequence[Head], before: Sequence[float] = (), most: int = MAX_VOICES) -> list[list[ChordOfHeads]]:
    """The voices of one staff in one bar, upper voices first; within a voice nothing overlaps.

    Heads that begin and end together are one chord. Where more voices than `most` would be needed, heads are cut short.

    Args:
        heads: in any order.
        before: where the voices lay in the bar before (mean pitch), so that they keep their numbers.
        most: voices, at most `MAX_VOICES`.
    """
    chords = _chords(heads)
    wanted = min(most, _most_at_once(chords))
    if wanted <= 1:
        return [chords] if chords else []
    voices: list[list[ChordOfHeads]] = [[] for _ in range(wanted)]
    places: list[float | None] = [before[k] if k < len(before) else None for k in range(wanted)]
    at = 0
    while at < len(chords):
        until = at
        while until < len(chords) and chords[until].start == chords[at].start:
            until += 1
        leanings = [_leaning(chord, chords[until:]) for chord in chords[at:until]]
        _place_together(chords[at:until], leanings, voices, places)
        at = until
    return [voice for voice in voices if voice]


def _chords(heads: Sequence[Head]) -> list[ChordOfHeads]:
    """Heads by beginning and end, in order of time and from the top down; of one pitch twice only one is kept."""
    chords: dict[tuple[int, int], ChordOfHeads] = {}
    for head in sorted(heads, key=lambda head: (head.start, head.end, head.pitch)):
        chord = chords.setdefault((head.start, head.end), ChordOfHeads(head.start, head.end))
        if not chord.heads or chord.heads[-1].pitch != head.pitch:
            chord.heads.append(head)
    return sorted(chords.values(), key=lambda chord: (chord.start, -chord.centre))


def _most_at_once(chords: Sequence[ChordOfHeads]) -> int:
    changes = sorted([(chord.start, 1) for chord in chords] + [(chord.end, -1) for chord in chords])
    most = now = 0
    for _, change in changes:
        now += change
        most = max(most, now)
    return most


def _leaning(chord: ChordOfHeads, later: Sequence[ChordOfHeads]) -> int:
    """1 when what enters while the chord sounds lies above it, so that it should be the lower voice; −1 if below."""
    for other in later:
        if other.start >= chord.end:
            break
        return 1 if other.centre > chord.centre else -1
    return 0


def _place_together(
    together: Sequence[ChordOfHeads],
    leanings: Sequence[int],
    voices: list[list[ChordOfHeads]],
    places: list[float | None],
) -> None:
    """Give chords that begin together, highest first, to voices in the same order."""
    start = together[0].start
    free = [k for k, voice in enumerate(voices) if not voice or voice[-1].end <= start]
    if len(free) < len(together):
        free = _cut_short(start, len(together), voices)
    chosen = _cheapest_places(together[: len(free)], leanings, free, voices, places)
    for chord, voice in zip(together, chosen, strict=False):
        voices[voice].append(chord)
        places[voice] = chord.centre
    for chord in together[len(free) :]:  # more chords than voices: they share the last one's length
        last = voices[chosen[-1]][-1]
        for head in chord.heads:
            head.end, head.tied_on = last.end, head.tied_on and head.end == last.end
            if all(head.pitch != other.pitch for other in last.heads):
                last.heads.append(head)
        last.heads.sort(key=lambda head: head.pitch)


def _cut_short(start: int, wanted: int, voices: list[list[ChordOfHeads]]) -> list[int]:
    """End the chords that have sounded longest, until `wanted` voices are free."""
    sounding = sorted(
        (k for k, voice in enumerate(voices) if voice and voice[-1].end > start), key=lambda k: voices[k][-1].start
    )
    free = [k for k, voice in enumerate(voices) if not voice or voice[-1].end <= start]
    for voice in sounding:
        if len(free) >= wanted or voices[voice][-1].start >= start:
            break
        chord = voices[voice][-1]
        chord.end = start
        for head in chord.heads:
            head.end, head.tied_on = start, False
        free.append(voice)
    return sorted(free)


def _cheapest_places(
    together: Sequence[ChordOfHeads],
    leanings: Sequence[int],
    free: Sequence[int],
    voices: list[list[ChordOfHeads]],
    places: list[float | None],
) -> list[int]:
    """Voices for the chords, in order from the top: near where each voice was, and not crossing what sounds."""
    start = together[0].start
    sounding = [(k, voice[-1].centre) for k, voice in enumerate(voices) if voice and voice[-1].end > start]

    def cost(number: int, voice: int) -> float:
        chord, place = together[number], places[voice]
        leap = 0.5 * abs(chord.centre - place) if place is not None else 0.0
        crossed = sum((k < voice) != (centre >= chord.centre) for k, centre in sounding)
        from_top = voice if leanings[number] <= 0 else len(voices) - 1 - voice
        return leap + (12.0 if leanings[number] else 4.0) * from_top + 24.0 * crossed

    # Few voices, few chords: all ways to keep the order, one voice at a time.
    best: dict[int, tuple[float, list[int]]] = {0: (0.0, [])}
    for voice in free:
        extended = dict(best)
        for count, (total, taken) in best.items():
            if count < len(together):
                candidate = (total + cost(count, voice), [*taken, voice])
                if count + 1 not in extended or candidate[0] < extended[count + 1][0]:
                    extended[count + 1] = candidate
        best = extended
    return best[len(together)][1]
