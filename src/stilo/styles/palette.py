"""What composing in a style starts from: tempo, metre, key and the instrument parts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stilo.errors import InputError
from stilo.music.instruments import is_instrument_name
from stilo.music.quantise import slots_of
from stilo.music.score import NoteArray, Score
from stilo.music.timeline import bar_grid, longest_rest, main_tempo, main_time_signature
from stilo.styles.fields import Fields, printable

MOST_PARTS = 4096
LONGEST_PART_NAME = 200
MOST_REPEATS = 512.0
MOST_REST_BARS = 1e6
USUAL_FREQUENCY = 0.5
LEAST_CALLED_SO = 1 / 3  # of the pieces that have a part, for it to be called as they call it
MOST_TOGETHER = 0.02  # share of the notes of a part that may begin together when it plays one note at a time


@dataclass(frozen=True, slots=True)
class Part:
    """One instrument part of a style.

    Attributes:
        name: what the pieces call the part, "" when they do not agree (see `_common_name`).
        program: General MIDI program 0…127 (meaningless for drums).
        rank: place in the score among the parts, 0 = top.
        frequency: share of the pieces that have this part, 0…1.
        lowest, highest: its range, MIDI pitches.
        is_single: whether it plays one note at a time.
        share: of the notes of the pieces that have it, 0…1; 0 = unknown.
        rest_bars: how many bars in a row it is silent at the longest, in nine of ten pieces at most; None = unknown.
    """

    name: str
    program: int
    is_drum: bool
    rank: int
    frequency: float = 1.0
    lowest: int = 0
    highest: int = 127
    is_single: bool = False
    share: float = 0.0
    rest_bars: float | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", printable(self.name, LONGEST_PART_NAME))

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: object) -> Part:
        fields = Fields(data, "palette.parts")
        lowest = fields.whole("lowest", 0, 127)
        return cls(
            name=fields.text("name", LONGEST_PART_NAME),
            program=fields.whole("program", 0, 127),
            is_drum=fields.flag("is_drum"),
            rank=fields.whole("rank", 0, MOST_PARTS - 1),
            frequency=fields.number("frequency", 0.0, 1.0),
            lowest=lowest,
            highest=fields.whole("highest", lowest, 127),
            is_single=fields.flag("is_single"),
            share=fields.number("share", 0.0, 1.0) if fields.has("share") else 0.0,
            rest_bars=fields.number_or_null("rest_bars", 0.0, MOST_REST_BARS) if fields.has("rest_bars") else None,
        )


@dataclass(frozen=True, slots=True)
class Palette:
    """What a piece in the style starts from when the request says nothing.

    Attributes:
        tempo_qpm: quarters per minute; None when no source names a tempo.
        time_signature: (numerator, denominator).
        key: as a person writes it, "A minor"; "" when the style has none (drums).
        parts: in order of rank.
        repeats: how many times in a row the same 1, 2, 4, 8 bars are repeated in nine of ten pieces at most; () =
            unknown.
    """

    tempo_qpm: float | None = None
    time_signature: tuple[int, int] = (4, 4)
    key: str = ""
    parts: tuple[Part, ...] = ()
    repeats: tuple[float, ...] = ()

    @property
    def usual_parts(self) -> tuple[Part, ...]:
        """What is composed for: parts of half of the pieces, or where there are none, the most frequent."""
        least = min(USUAL_FREQUENCY, max((part.frequency for part in self.parts), default=0.0))
        return tuple(part for part in self.parts if part.frequency >= least)

    def to_json(self) -> dict[str, Any]:
        return {
            "tempo_qpm": self.tempo_qpm,
            "time_signature": list(self.time_signature),
            "key": self.key,
            "parts": [part.to_json() for part in self.parts],
            "repeats": list(self.repeats),
        }

    @classmethod
    def from_json(cls, data: object) -> Palette:
        fields = Fields(data, "palette")
        signature = fields.items("time_signature", 2)
        if len(signature) != 2 or any(type(value) is not int or not 1 <= value <= 255 for value in signature):
            raise InputError("palette.time_signature must be two whole numbers of 1…255")
        return cls(
            tempo_qpm=fields.number_or_null("tempo_qpm", 1.0, 1000.0),
            time_signature=(signature[0], signature[1]),
            key=fields.text("key", 40),
            parts=tuple(Part.from_json(part) for part in fields.items("parts", MOST_PARTS)),
            repeats=_repeats_of_json(fields.items("repeats", 4)) if fields.has("repeats") else (),
        )


def _repeats_of_json(values: list[Any]) -> tuple[float, ...]:
    if len(values) not in (0, 4) or any(type(v) not in (int, float) or not 0 <= v <= MOST_REPEATS for v in values):
        raise InputError(f"palette.repeats must be four numbers of 0…{MOST_REPEATS:g}")
    return tuple(float(value) for value in values)


def palette_of(scores: Sequence[Score], keys: Sequence[str]) -> Palette:
    """What most pieces have: median tempo of those that name one, commonest metre, key ("" = none), parts, repeats."""
    tempos = [main_tempo(score) for score in scores if score.tempos]
    metres = Counter((s.numerator, s.denominator) for s in map(main_time_signature, scores))
    named_keys = Counter(key for key in keys if key)
    return Palette(
        tempo_qpm=float(np.clip(np.median(tempos), 1, 1000)) if tempos else None,
        time_signature=metres.most_common(1)[0][0],
        key=named_keys.most_common(1)[0][0] if named_keys else "",
        parts=_parts(scores),
        repeats=_repeats(scores),
    )


def _repeats(scores: Sequence[Score]) -> tuple[float, ...]:
    from stilo.models.notes.loops import longest_repeats

    found = np.array([longest_repeats(_bars(score)) for score in scores])
    return tuple(np.minimum(np.percentile(found, 90, axis=0), MOST_REPEATS).round(2).tolist())


def _bars(score: Score) -> list[frozenset[tuple[int, int, int]]]:
    """Of every bar the tick in it, track and pitch of the notes that begin there."""
    grid, notes = bar_grid(score), score.notes
    bar = grid.bar_of(notes["onset_ticks"])
    place = notes["onset_ticks"].astype(np.int64) - grid.starts_ticks[bar]
    bars: list[set[tuple[int, int, int]]] = [set() for _ in range(len(grid))]
    columns = (place, notes["track"], notes["pitch"])
    for number, *note in zip(bar.tolist(), *(column.tolist() for column in columns), strict=True):
        bars[number].add((note[0], note[1], note[2]))
    return [frozenset(notes_of_bar) for notes_of_bar in bars]


def _parts(scores: Sequence[Score]) -> tuple[Part, ...]:
    """Every part that occurs, highest first, drums last, with the range that most of its notes keep to."""
    from stilo.models.tokens import Part as Voice
    from stilo.models.tokens import parts_of

    pieces: Counter[Voice] = Counter()
    names: dict[Voice, list[str]] = {}
    notes: dict[Voice, list[NoteArray]] = {}
    shares: dict[Voice, list[float]] = {}
    rests: dict[Voice, list[int]] = {}
    onsets: dict[Voice, list[NDArray[np.int64]]] = {}
    for score in scores:
        voices, slots = parts_of(score), slots_of(score).onset
        tracks: dict[Voice, list[int]] = {}  # some parts, such as drums, may be written on several
        for i in np.unique(score.notes["track"]).tolist():
            tracks.setdefault(voices[i], []).append(i)
        pieces.update(tracks.keys())
        for voice, own_tracks in tracks.items():
            is_own = np.isin(score.notes["track"], own_tracks)
            own = score.notes[is_own]
            onsets.setdefault(voice, []).append(slots[is_own])
            names.setdefault(voice, []).append(_name_in(score, own_tracks))
            notes.setdefault(voice, []).append(own)
            shares.setdefault(voice, []).append(len(own) / len(score))
            rests.setdefault(voice, []).append(longest_rest(score, own))
    ranges = {voice: np.concatenate([some["pitch"] for some in rows]) for voice, rows in notes.items()}
    order = sorted(pieces, key=lambda voice: (voice.is_drum, -float(ranges[voice].mean()), voice.token))
    return tuple(
        Part(
            name=_common_name(names[voice]),
            program=0 if voice.is_drum else voice.program,
            is_drum=voice.is_drum,
            rank=rank,
            frequency=pieces[voice] / len(scores),
            lowest=int(ranges[voice].min()),
            highest=int(ranges[voice].max()),
            is_single=not voice.is_drum and _is_single(onsets[voice]),
            share=round(float(np.mean(shares[voice])), 4),
            rest_bars=round(float(np.percentile(rests[voice], 90)), 1),
        )
        for rank, voice in enumerate(order)
    )


def _name_in(score: Score, tracks: Sequence[int]) -> str:
    """What a piece calls a part; "" when its tracks are called differently, or by the title of the piece."""
    called = {score.tracks[i].name.strip() for i in tracks}
    name = called.pop() if len(called) == 1 else ""
    return "" if name.casefold() == score.title.strip().casefold() else name


def _common_name(names: Sequence[str]) -> str:
    """What a third of the pieces that have a part call it, two at least; one is enough if it names an instrument.

    Many files write the title of the piece where the name of a part belongs; pieces do not share that.
    """
    name, count = max(Counter(filter(None, names)).items(), key=lambda item: item[1], default=("", 0))
    is_told = count >= LEAST_CALLED_SO * len(names) and (count > 1 or is_instrument_name(name))
    return name if is_told else ""


def _is_single(onsets: Sequence[NDArray[np.int64]]) -> bool:
    """Whether hardly any note begins in the same slot as another of the same part; onsets in slots, of each piece."""
    together = sum(len(some) - len(np.unique(some)) for some in onsets)
    return together <= MOST_TOGETHER * sum(map(len, onsets))
