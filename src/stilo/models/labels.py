"""What the note model may be told of the music beside the notes: chord, mood and section, note by note.

Conventions. Labels are rows of `LABEL_DTYPE`, one for each step of `tokens.encode`, in the same slots and bars: what is
cut out of a long rest there is cut out here. They change seldom, so that they pack well.

A chord is a root (pitch class) and a quality, an index into `elements.chords.QUALITIES`; it is the one that holds where
the note begins. Valence and arousal are those of the bars around (`MOOD_BARS`), in eight classes that are about equally
frequent in the training music. Sections are those of `elements.form`; the *counterpart* of a bar is the same bar of the
last earlier section of the same letter.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from stilo.elements.chords import NO_CHORD_STATE, QUALITIES, chord_state, estimate_chords
from stilo.elements.emotion_cues import Hearing
from stilo.elements.emotion_probe import shipped_probe
from stilo.elements.form import Section, measure_form
from stilo.elements.key import estimate_key
from stilo.elements.layout import Layout, lay_out
from stilo.elements.onsets import gathered
from stilo.errors import InputError
from stilo.models.chord_reader import has_chord_net, read_chords
from stilo.models.tokens import Part, StepArray, parts_of
from stilo.music.chords import Chord, parse_chord
from stilo.music.quantise import slots_of
from stilo.music.score import Score, notes_from_columns

Integers = NDArray[np.int64]
LabelArray = NDArray[np.void]

LABEL_DTYPE = np.dtype(
    [
        ("chord_root", "u1"),  # pitch class, NO_ROOT where no chord is known
        ("chord_quality", "u1"),  # index into QUALITIES, OTHER_QUALITY where there is none or another
        ("chord_onset", "<i4"),  # slot where the chord began
        ("valence", "u1"),  # 0 unpleasant … 7 pleasant, UNKNOWN_MOOD
        ("arousal", "u1"),  # 0 calm … 7 excited, UNKNOWN_MOOD
        ("section", "u1"),  # counted from 0; the 256th and later ones are 255
        ("section_label", "u1"),  # A = 0, B = 1, …; 25 for Z and later ones, UNKNOWN_SECTION
        ("section_first_bar", "<u2"),
        ("section_bars", "<u2"),  # 0 where nothing is known of sections
        ("counterpart", "<u2"),  # how many bars ago it stood; 0 for none
    ]
)
NO_ROOT, OTHER_QUALITY = 12, len(QUALITIES)
ROOTS, CHORD_QUALITIES = NO_ROOT + 1, OTHER_QUALITY + 1
MOOD_CLASSES = UNKNOWN_MOOD = 8
UNKNOWN_SECTION = 26
SECTION_LABELS = UNKNOWN_SECTION + 1
MOOD_BARS = 8
DRUM_PITCHES = 128  # of steps, from here on
# octiles over the bars of the training music, rounded: benchmarks/condition_bounds.py
VALENCE_BOUNDS = np.array([-0.1, 0.2, 0.4, 0.55, 0.68, 0.78, 0.85])
AROUSAL_BOUNDS = np.array([-0.65, -0.4, -0.22, -0.06, 0.12, 0.29, 0.47])


def unknown_labels(count: int) -> LabelArray:
    """Labels of `count` notes of which nothing is told."""
    labels = np.zeros(count, LABEL_DTYPE)
    labels["chord_root"], labels["chord_quality"] = NO_ROOT, OTHER_QUALITY
    labels["valence"] = labels["arousal"] = UNKNOWN_MOOD
    labels["section_label"] = UNKNOWN_SECTION
    return labels


def labels_of(score: Score, steps: StepArray, parts: Sequence[Part] | None = None) -> LabelArray:
    """The labels of the steps `encode(score, parts)`, [notes].

    Chords are those that the score names, if it names any, else what the chord net reads, else what templates find.

    Raises:
        InputError: the piece is too long to measure.
        SetupError: the weights of the chord net are damaged.
        ValueError: the steps are not those of the score.
    """
    labels = unknown_labels(len(steps))
    if len(steps) == 0:
        return labels
    timeline = _Timeline(score, steps, parts)
    layout = lay_out(gathered(score))
    _tell_chords(labels, score, timeline, layout)
    _tell_moods(labels, timeline, layout)
    _tell_sections(labels, timeline, measure_form(layout).sections)
    return labels


class _Timeline:
    """From the ticks and bars of a score to the slots and bars of its steps, which lack what long rests lost.

    Attributes:
        bar: int64 [notes], the bar of the score in which each step begins.
        step_onset, step_bar: int64 [notes], of the steps.
    """

    def __init__(self, score: Score, steps: StepArray, parts: Sequence[Part] | None) -> None:
        slots = slots_of(score)
        tokens = np.array([part.token for part in parts or parts_of(score)], np.int64)
        place = (slots.onset << 16) + tokens[score.notes["track"]]  # parts are uint16
        _, kept = np.unique((place << 7) + score.notes["pitch"], return_index=True)  # as `encode` orders and merges
        if len(kept) != len(steps):
            raise ValueError(f"{len(steps)} steps are not those of a score of {len(kept)} different notes")
        self._score = score
        self._onset = slots.onset[kept]
        self.bar = slots.bar[kept]
        self.step_onset, self.step_bar = steps["onset"].astype(np.int64), steps["bar"].astype(np.int64)

    def slots_at(self, ticks: Integers) -> Integers:
        """The slot of each tick in the steps, ascending as `ticks` are; none lies after the last onset."""
        ticks = np.minimum(ticks, int(self._score.notes["onset_ticks"][-1]))
        marks = self._score.with_notes(notes_from_columns(ticks, np.ones_like(ticks), np.full_like(ticks, 60)))
        return _without_rests(slots_of(marks).onset, self._onset, self.step_onset)

    def bars_at(self, bars: Integers) -> Integers:
        """The bar of the steps for each bar of the score; those before the first note are 0."""
        return _without_rests(np.minimum(bars, self.bar[-1]), self.bar, self.step_bar)


def _without_rests(at: Integers, whole: Integers, cut: Integers) -> Integers:
    """Where places in a whole piece are once its rests are cut; `whole` and `cut` are the places of its notes.

    Each comes after the last note that it came after, and not later than the next.
    """
    following = np.minimum(np.searchsorted(whole, at), len(whole) - 1)
    after = np.where(following > 0, cut[following - 1] + 1, 0)
    return np.asarray(np.minimum(np.maximum(at - whole[following] + cut[following], after), cut[following]))


def _tell_chords(labels: LabelArray, score: Score, timeline: _Timeline, layout: Layout) -> None:
    ticks, roots, qualities = _named_chords(score) if score.chord_symbols else _estimated_chords(score, layout)
    onset = timeline.slots_at(ticks)
    last = np.append(np.diff(onset) > 0, True)  # of several that begin at once
    onset, roots, qualities = onset[last], roots[last], qualities[last]
    new = np.append(True, (np.diff(roots) != 0) | (np.diff(qualities) != 0))
    onset, roots, qualities = onset[new], roots[new], qualities[new]
    chord = np.searchsorted(onset, timeline.step_onset, side="right") - 1
    told = chord >= 0
    for name, values in (("chord_root", roots), ("chord_quality", qualities), ("chord_onset", onset)):
        labels[name][told] = values[chord[told]]


def _named_chords(score: Score) -> tuple[Integers, Integers, Integers]:
    """Onset in ticks, root and quality of each chord that the score names."""
    chords = [_chord(symbol.label) for symbol in score.chord_symbols]
    return _columns([symbol.onset_ticks for symbol in score.chord_symbols], chords)


def _estimated_chords(score: Score, layout: Layout) -> tuple[Integers, Integers, Integers]:
    if not has_chord_net():
        states = estimate_chords(layout, estimate_key(layout).key).states
        silent = states == NO_CHORD_STATE
        quality = np.where(silent, OTHER_QUALITY, states // 12)
        return layout.beats_ticks[:-1], np.where(silent, NO_ROOT, states % 12), quality
    spans = read_chords(score)
    ticks = [round(span.onset_quarters * score.ticks_per_quarter) for span in spans]
    return _columns(ticks, [_chord(span.label) for span in spans])


def _chord(label: str) -> Chord | None:
    try:
        return parse_chord(label)
    except InputError:
        return None


def _columns(ticks: list[int], chords: list[Chord | None]) -> tuple[Integers, Integers, Integers]:
    """The root stays where the quality is none of `QUALITIES` (bare fifths)."""
    states = [chord_state(chord) for chord in chords]
    roots = [NO_ROOT if chord is None else chord.root for chord in chords]
    qualities = [OTHER_QUALITY if state == NO_CHORD_STATE else state // 12 for state in states]
    return np.array(ticks, np.int64), np.array(roots, np.int64), np.array(qualities, np.int64)


def _tell_moods(labels: LabelArray, timeline: _Timeline, layout: Layout) -> None:
    moods = bar_moods(layout)
    bar = np.minimum(timeline.bar, len(moods) - 1)  # an onset just before the end may have been moved to its bar line
    labels["valence"] = np.searchsorted(VALENCE_BOUNDS, moods[bar, 0], side="right")
    labels["arousal"] = np.searchsorted(AROUSAL_BOUNDS, moods[bar, 1], side="right")


def bar_moods(layout: Layout) -> NDArray[np.float64]:
    """Valence and arousal, −1…1, of the `MOOD_BARS` bars around each bar line, [bars, 2]; the piece has notes."""
    bars = np.arange(len(layout.grid))
    end = int(max(layout.score.end_ticks, layout.grid.starts_ticks[-1])) + 1
    lines = np.append(layout.grid.starts_ticks, end)
    first = np.maximum(0, bars - MOOD_BARS // 2)
    after = np.minimum(len(bars), bars + MOOD_BARS // 2)
    return shipped_probe().valence_arousal(Hearing(layout).cues(lines[first], lines[after]))


def _tell_sections(labels: LabelArray, timeline: _Timeline, sections: Sequence[Section]) -> None:
    bounds = np.array([*(one.first_bar for one in sections), sections[-1].first_bar + sections[-1].bars], np.int64)
    letters: dict[str, int] = {}
    of_section = np.array([letters.setdefault(one.letter, len(letters)) for one in sections], np.int64)
    section = np.clip(np.searchsorted(bounds, timeline.bar, side="right") - 1, 0, len(sections) - 1)
    starts = timeline.bars_at(bounds[:-1])
    ends = np.append(starts[1:], timeline.step_bar[-1] + 1)
    labels["section"] = np.minimum(section, 255)
    labels["section_label"] = np.minimum(of_section, UNKNOWN_SECTION - 1)[section]
    labels["section_first_bar"] = np.minimum(starts, timeline.step_bar[-1])[section]
    labels["section_bars"] = np.maximum(ends - starts, 1)[section]
    model = _models(of_section)
    there = bounds[model[section]] + timeline.bar - bounds[section]
    inside = (model[section] >= 0) & (there < bounds[model[section] + 1])
    labels["counterpart"][inside] = (timeline.step_bar - timeline.bars_at(there))[inside]


def _models(letters: Integers) -> Integers:
    """The last earlier section of the same letter, −1 for none."""
    last: dict[int, int] = {}
    models = np.full(len(letters), -1, np.int64)
    for i, letter in enumerate(letters.tolist()):
        models[i] = last.get(letter, -1)
        last[letter] = i
    return models


def next_chord(labels: LabelArray, onsets: Integers) -> tuple[Integers, Integers, Integers]:
    """Per note: in how many slots the next chord begins, its root and its quality, each int64 [notes].

    After the last change 0 slots, `NO_ROOT` and `OTHER_QUALITY`. A chord in which no note begins is not seen. Give the
    labels of a whole piece and cut afterwards.
    """
    at = next_chord_begins(labels)
    ahead = np.maximum(1, labels["chord_onset"][at].astype(np.int64) - onsets)
    return (
        np.where(at >= 0, ahead, 0),
        np.where(at >= 0, labels["chord_root"][at], NO_ROOT).astype(np.int64),
        np.where(at >= 0, labels["chord_quality"][at], OTHER_QUALITY).astype(np.int64),
    )


def next_chord_begins(labels: LabelArray) -> Integers:
    """Per note: the index of the first note of the next chord, −1 after the last change."""
    firsts = np.append(_chord_begins(labels), -1)
    return firsts[np.searchsorted(firsts[:-1], np.arange(len(labels)), side="right")]


def chord_basses(labels: LabelArray, steps: StepArray) -> Integers:
    """Per note: pitch class of the lowest note that begins while its chord holds; `NO_ROOT` where there is no chord."""
    if len(labels) == 0:
        return np.zeros(0, np.int64)
    firsts = np.append(0, _chord_begins(labels))
    pitch = np.where(steps["pitch"] < DRUM_PITCHES, steps["pitch"], DRUM_PITCHES).astype(np.int64)
    lowest = np.repeat(np.minimum.reduceat(pitch, firsts), np.diff(firsts, append=len(labels)))
    known = (lowest < DRUM_PITCHES) & (labels["chord_root"] < NO_ROOT)
    return np.where(known, lowest % 12, NO_ROOT)


def _chord_begins(labels: LabelArray) -> Integers:
    """The first notes of all chords but the first one."""
    new = np.zeros(len(labels), bool)
    for name in ("chord_onset", "chord_root", "chord_quality"):
        new[1:] |= labels[name][1:] != labels[name][:-1]
    return np.flatnonzero(new)


def transposed_labels(labels: LabelArray, semitones: int) -> LabelArray:
    """The labels of the same steps moved by `semitones`."""
    moved = labels.copy()
    rooted = labels["chord_root"] != NO_ROOT
    moved["chord_root"][rooted] = (labels["chord_root"][rooted].astype(np.int64) + semitones) % 12
    return moved


def bar_in_section(labels: LabelArray, steps: StepArray) -> Integers:
    """Which bar of its section each note stands in, from 0, int64 [notes]; 0 where nothing is known of sections."""
    bar = steps["bar"].astype(np.int64) - labels["section_first_bar"]
    return np.where(labels["section_bars"] > 0, np.maximum(bar, 0), 0)
