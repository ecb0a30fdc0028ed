"""A progression of chords for a piece to be written, drawn from how the chords of a style follow each other.

A chain of first order over the degrees of the key (de Clercq & Temperley 2011 count the same moves), drawn so that it
begins on the tonic and comes home in the last bar (Pachet & Roy 2011: a Markov chain under constraints).
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from stilo.elements.chords import QUALITIES
from stilo.elements.harmony import Harmony, degree_name
from stilo.music.theory import Key

if TYPE_CHECKING:
    from stilo.models.notes.told import ChordPlan, FormPlan

FEWEST_MOVES = 6  # of different kinds; with fewer there is nothing to draw from
MOST_CHORDS_PER_BAR = 4.0
_TONIC = {"major": "I", "minor": "i"}
Floats = NDArray[np.float64]


@lru_cache(maxsize=1)
def _chord_of() -> dict[str, tuple[int, int]]:
    """Root above the tonic and quality of every degree."""
    return {
        degree_name(12 * quality + root, 0): (root, quality) for quality in range(len(QUALITIES)) for root in range(12)
    }


def draw_progression(
    harmony: Harmony,
    key: Key,
    metre: tuple[int, int],
    bars: int,
    rng: np.random.Generator,
    *,
    form: FormPlan | None = None,
) -> ChordPlan | None:
    """Chords for every bar of a piece; bars that return, but for the last, have those that they had.

    Args:
        harmony: of the style.
        key: in which the piece stands.
        metre: (numerator, denominator).
        bars: its length.
        rng: what is drawn with.
        form: of the piece.

    Returns:
        None where the style has too few chords, or none that lead home.
    """
    from stilo.models.notes.told import ChordPlan
    from stilo.models.tokens import bar_slots_of

    onsets = _onsets(harmony.chord_changes_per_bar, metre, bars, rng)
    degrees = _degrees(harmony, key, len(onsets), rng)
    if degrees is None:
        return None
    chords = np.array([_chord_of()[degree] for degree in degrees])
    plan = ChordPlan(onsets, (chords[:, 0] + key.tonic) % 12, chords[:, 1])
    return plan if form is None else _returning(plan, form, bar_slots_of(*metre))


def _returning(plan: ChordPlan, form: FormPlan, bar: int) -> ChordPlan:
    """The chords of bars that return are those of the bars that they return to."""
    from stilo.models.notes.told import ChordPlan

    rows: list[list[tuple[int, int, int]]] = [[] for _ in form.lag]
    for onset, root, quality in zip(plan.onset.tolist(), plan.root.tolist(), plan.quality.tolist(), strict=True):
        rows[onset // bar].append((onset % bar, root, quality))
    for number, lag in enumerate(form.lag[:-1].tolist()):
        if lag:
            rows[number] = rows[number - lag]
    found = [(number * bar + slot, *chord) for number, row in enumerate(rows) for slot, *chord in row]
    return ChordPlan(*np.array(found, np.int64).T)


def _onsets(per_bar: float, metre: tuple[int, int], bars: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Slots at which chords change: on beats, as many to the bar as in the style; one in the last bar."""
    from stilo.models.tokens import bar_slots_of

    bar, beats = bar_slots_of(*metre), _beats(metre)
    usual = min(per_bar, MOST_CHORDS_PER_BAR, beats)
    found: list[int] = []
    for number in range(bars):
        count = int(usual + rng.random())
        if number in (0, bars - 1):
            count = 1 if number else max(1, count)
        inside = sorted(rng.permutation(np.arange(1, beats))[: max(0, count - 1)].tolist()) if count else []
        if count == 2 and beats % 2 == 0:
            inside = [beats // 2]
        found += [number * bar + beat * bar // beats for beat in ([0, *inside] if count else [])]
    return np.unique(np.array(found, np.int64))  # beats shorter than a slot share it


def _beats(metre: tuple[int, int]) -> int:
    """How many beats a bar has; three eighths are one in compound time."""
    numerator, denominator = metre
    is_compound = denominator >= 8 and numerator % 3 == 0 and numerator > 3
    return numerator // 3 if is_compound else numerator


def _degrees(harmony: Harmony, key: Key, count: int, rng: np.random.Generator) -> list[str] | None:
    """So many degrees, the first and the last of them the tonic."""
    home, moves = _TONIC[key.mode], _moves(harmony, key)
    names = sorted({degree for move in moves for degree in move})
    if len(moves) < FEWEST_MOVES or home not in names:
        return None
    chances = np.zeros((len(names), len(names)))
    for (before, after), share in moves.items():
        chances[names.index(before), names.index(after)] = share
    chances /= np.maximum(chances.sum(1, keepdims=True), 1e-12)
    first = last = names.index(home)
    homeward = [np.eye(len(names))[last]]  # chance to be home in so many moves, from each degree, the largest = 1
    for _ in range(count - 1):
        reached = chances @ homeward[-1]
        homeward.append(reached / (reached.max() or 1.0))
    if homeward[-1][first] <= 0:
        return None
    drawn = [first]
    for left in range(count - 2, -1, -1):
        weights: Floats = chances[drawn[-1]] * homeward[left]
        drawn.append(int(rng.choice(len(names), p=weights / weights.sum())))
    return [names[i] for i in drawn]


def _moves(harmony: Harmony, key: Key) -> dict[tuple[str, str], float]:
    """Shares of the moves between chords, but for those to and from the tonic of the other mode."""
    known = _chord_of().keys() - {_TONIC["minor" if key.mode == "major" else "major"]}
    pairs = {tuple(move.split("→")): share for move, share in harmony.transitions.items()}
    return {(pair[0], pair[1]): share for pair, share in pairs.items() if len(pair) == 2 and known >= set(pair)}
