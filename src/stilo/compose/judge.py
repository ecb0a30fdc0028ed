"""What a listener would notice first, counted: the figures by which candidates are chosen and samples compared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stilo.elements.embedding import embed_score
from stilo.elements.figures import Figure
from stilo.elements.key import estimate_key
from stilo.elements.layout import lay_out
from stilo.elements.profile import ELEMENTS, Profile, profile_distance
from stilo.music.score import Score
from stilo.music.theory import Key
from stilo.music.timeline import bar_grid, longest_rest, silent_bars
from stilo.styles.measuring import analyse_piece

_SCALES = {"major": (0, 2, 4, 5, 7, 9, 11), "minor": (0, 2, 3, 5, 7, 8, 10, 11)}
LOOP_NOTES = 8
GOOD_LAST_QUARTERS = 2.0
TRIADS = {"major": (0, 4, 7), "minor": (0, 3, 7)}
MAJOR_THIRD = 4  # in minor the last chord may have it
_BANDS = (
    "rhythm.notes_per_bar",
    "rhythm.silence",
    "rhythm.groove",
    "rhythm.returning_bars",
    "pitch.entropy",
    "pitch.repeat_share",
    "harmony.voices",
)
Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Figures:
    """Counted on one piece.

    Attributes:
        notes: how many.
        notes_per_bar: over all bars.
        pitch_class_entropy_bits: of the pitched notes, 0…3.58.
        in_key_share: of the pitched notes, in the scale of the estimated key (minor: natural and harmonic), 0…1.
        longest_repeated_run: most times in a row that the top line strikes one pitch.
        empty_bars: bars, of all, in which nothing begins or sounds, 0…1.
        self_copy_share: of the notes, those inside a run of 8 that stood before at the same pitches and gaps, 0…1.
    """

    notes: int
    notes_per_bar: float
    pitch_class_entropy_bits: float
    in_key_share: float
    longest_repeated_run: int
    empty_bars: float
    self_copy_share: float


def measure_figures(score: Score) -> Figures:
    """Count what `Figures` names; a score without notes gives zeros and one empty bar."""
    grid = bar_grid(score)
    if len(score) == 0:
        return Figures(0, 0.0, 0.0, 0.0, 0, 1.0, 0.0)
    pitch = score.notes["pitch"][~score.is_drum_note].astype(np.int64)
    counts = np.bincount(pitch % 12, minlength=12).astype(np.float64)
    shares = counts[counts > 0] / max(1.0, counts.sum())
    in_key = 0.0
    if len(pitch):
        key = estimate_key(lay_out(score)).key
        in_key = float(np.isin((pitch - key.tonic) % 12, _SCALES[key.mode]).mean())
    return Figures(
        notes=len(score),
        notes_per_bar=len(score) / len(grid),
        pitch_class_entropy_bits=float(-(shares * np.log2(shares)).sum()),
        in_key_share=in_key,
        longest_repeated_run=_longest_run(score),
        empty_bars=float(silent_bars(score, score.notes).mean()),
        self_copy_share=_self_copy(score),
    )


def heard_key(score: Score) -> Key | None:
    """The key that the notes suggest; None without pitched notes."""
    return None if score.is_drum_note.all() else estimate_key(lay_out(score)).key


def _longest_run(score: Score) -> int:
    """The longest run of one pitch in the highest notes of each track."""
    longest = 0
    for track in np.unique(score.notes["track"]):
        if score.tracks[track].is_drum:
            continue
        notes = score.notes[score.notes["track"] == track]
        last = np.append(np.diff(notes["onset_ticks"]) > 0, True)
        top = notes["pitch"][last]
        changes = np.flatnonzero(np.diff(top)) + 1
        runs = np.diff(np.concatenate([[0], changes, [len(top)]]))
        longest = max(longest, int(runs.max()))
    return longest


def _self_copy(score: Score) -> float:
    onset = np.rint(score.notes["onset_ticks"] * 24 / score.ticks_per_quarter).astype(np.int64)
    rows = np.stack([np.diff(onset, prepend=onset[:1]), score.notes["pitch"].astype(np.int64)], axis=1)
    if len(rows) < LOOP_NOTES:
        return 0.0
    known: dict[bytes, int] = {}
    copied = np.zeros(len(rows), bool)
    for i in range(len(rows) - LOOP_NOTES + 1):
        run = rows[i : i + LOOP_NOTES].tobytes()
        if known.setdefault(run, i) + LOOP_NOTES <= i:
            copied[i : i + LOOP_NOTES] = True
    return float(copied.mean())


def style_distance(score: Score, style: Floats, scale: Floats) -> float:
    """Root mean square distance of the embeddings, in standard deviations over many pieces of many styles."""
    difference = np.clip((embed_score(score).values - style) * scale, -5, 5)
    return float(np.sqrt(np.mean(difference**2)))


def cost_of(score: Score, style: Profile) -> float:
    """What speaks against a candidate: far from the style's profile, out of its bands, or what no listener forgives.

    The profile distance ×4; figures more than one spread from the mean of the style's pieces, each at most 1; then,
    each at most 1 as well: more than 60 % of the notes in runs that stood before, a stuck note, empty bars.
    """
    figures, profile = measure_figures(score), analyse_piece(score)
    return (
        4 * profile_distance(profile, style)
        + sum(_beyond_band(profile, style, name) for name in _BANDS)
        + min(1.0, 2.5 * max(0.0, figures.self_copy_share - 0.6))
        + min(1.0, 0.1 * max(0, figures.longest_repeated_run - 8))
        + min(1.0, 2 * figures.empty_bars)
    )


def silence_cost(score: Score, most_bars: Sequence[float]) -> float:
    """What speaks against parts that rest for too long: the mean over the tracks of the bars beyond `most_bars` of
    their longest rest, in quarters of the piece, each at most 1, of a part that never sounds 1.
    """
    bars, costs = len(bar_grid(score)), []
    for number, most in enumerate(most_bars):
        notes = score.notes[score.notes["track"] == number]
        beyond = longest_rest(score, notes) - most
        costs.append(min(1.0, max(0.0, beyond / max(1, bars / 4))) if len(notes) else 1.0)
    return float(np.mean(costs)) if costs else 0.0


def ending_cost(score: Score, key: Key | None) -> float:
    """What speaks against the end of a piece, 0…4.5: no tonic in the bass, strange notes above it, cut short, too
    early, parts that have left; 0 for what has no key.
    """
    if key is None or len(score) == 0 or score.is_drum_note.all():
        return 0.0
    notes = score.notes[~score.is_drum_note]
    ends = notes["onset_ticks"].astype(np.int64) + notes["duration_ticks"]
    grid = bar_grid(score)
    last_onset = int(notes["onset_ticks"].max())
    final = notes[ends > last_onset]
    degrees = (final["pitch"] - key.tonic) % 12
    held_quarters = (int(ends.max()) - last_onset) / score.ticks_per_quarter
    playing = {int(track) for track in np.unique(notes["track"])}
    return (
        float(degrees[final["pitch"].argmin()] != 0)
        + float((~np.isin(degrees, (*TRIADS[key.mode], MAJOR_THIRD))).mean())
        + max(0.0, 1 - held_quarters / GOOD_LAST_QUARTERS)
        + float(last_onset < grid.starts_ticks[-1])
        + 0.5 * (1 - len(np.unique(final["track"])) / len(playing))
    )


def _beyond_band(profile: Profile, style: Profile, name: str) -> float:
    """A quarter of the spreads by which a figure lies more than one spread from the style's mean, at most 1."""
    element = ELEMENTS[name]
    usual = element.spread if isinstance(element, Figure) else 1.0
    spread = max(style.spread.get(name, usual), usual / 4)
    away = abs(float(np.asarray(profile.value(name))) - float(np.asarray(style.value(name)))) / spread
    return min(1.0, max(0.0, away - 1) / 4)


def choose(costs: Sequence[float]) -> int:
    """Index of the least cost; the first of equals."""
    return int(np.argmin(costs))
