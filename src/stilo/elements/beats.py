"""Beats of music that was played freely, found from its onsets.

A hidden Markov model over onsets, after Raphael (2002), "A hybrid graphical model for rhythmic parsing", and Nakamura,
Yoshii & Sagayama (2017), "Rhythm transcription of polyphonic piano music based on merged-output HMM": the state is the
place in the beat, in twelfths, and the tempo. From one onset to the next the place moves on by so many twelfths as
written music of its kind usually does (`Grammar.steps`, counted in scores), the tempo drifts, and the time that passes
is that of the twelfths, give or take the player's unevenness. There are two grammars, of beats that divide in two and
in three: which of them holds is for the metre to say (`elements.grid`).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from stilo.elements.onsets import Onsets
from stilo.elements.rhythm_weights import BEAT_WEIGHTS, shipped_weights

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

TWELFTHS = 12  # to the beat
MOST_STEP = 60  # twelfths; longer steps count as if whole beats shorter
SLOWEST_SECONDS, FASTEST_SECONDS = 1.7, 0.22
TEMPO_STEP = 0.03  # of the logarithm
_DRIFTS = (-3, -2, -1, 0, 1, 2, 3)
_MISSES = (-2, -1, 0, 1, 2)
MOST_ONSETS = 20_000
_WORST = 25.0  # squared standard deviations; what is further off is an accident
_PLACES = np.arange(TWELFTHS)[:, None]


@dataclass(frozen=True, eq=False)
class Grammar:
    """What written music does, counted.

    Attributes:
        steps: float [12, 61], logarithm of how often the next onset comes so many twelfths after one in that place.
        accents: float [accents + 1], weights of the logistic of "on the beat"; the last is the bias.
        share: of the onsets that lie on a beat.
    """

    steps: Floats
    accents: Floats
    share: float


@dataclass(frozen=True, slots=True)
class Player:
    """How freely music is played.

    Attributes:
        jitter_seconds: unevenness of the time between two onsets.
        drift: standard deviation of the logarithm of the tempo after one second.
        usual_seconds, usual_spread: tempo that is usual (Parncutt 1994), and its spread as a logarithm.
        accent_weight: of the accents beside the steps.
        usual_weight: of the usual tempo, for each onset.
    """

    jitter_seconds: float = 0.025
    drift: float = 0.05
    usual_seconds: float = 0.6
    usual_spread: float = 0.4
    accent_weight: float = 2.5
    usual_weight: float = 0.1


@dataclass(frozen=True, eq=False)
class Beats:
    """Beats that were found.

    Attributes:
        seconds: float [beats], each later than the one before; the first not later than the first onset, the last
            not earlier than the last onset.
        places: float [onsets], beats from the first beat to each onset, to the twelfth.
        in_three: the beat divides in three.
        error_seconds: mean distance of the onsets from their twelfths of the beats.
        log_likelihood: of the onsets, for each of them.
    """

    seconds: Floats
    places: Floats
    in_three: bool
    error_seconds: float
    log_likelihood: float


@lru_cache(maxsize=1)
def grammars() -> tuple[Grammar, Grammar]:
    """The grammars of beats in two and in three that come with stilo."""
    held = shipped_weights(BEAT_WEIGHTS)
    two, three = (
        Grammar(held[f"steps_{kind}"], held[f"accents_{kind}"], float(held[f"share_{kind}"]))
        for kind in ("two", "three")
    )
    return two, three


def track_beats(onsets: Onsets, in_three: bool, player: Player | None = None) -> Beats:
    """Find the beats of one onset or more, divided in two or in three.

    Raises:
        ValueError: there are no onsets, or more than `MOST_ONSETS`.
    """
    if not 1 <= len(onsets) <= MOST_ONSETS:
        raise ValueError(f"{len(onsets)} onsets: 1 to {MOST_ONSETS} can be tracked")
    places, periods, likelihood = _track(onsets, grammars()[in_three], player or Player())
    return _beats(onsets.seconds, places, periods, in_three, likelihood / len(onsets))


def _track(onsets: Onsets, grammar: Grammar, player: Player) -> tuple[Ints, Floats, float]:
    """The likeliest path: places in twelfths, int64 [onsets], and periods in seconds there; and its log likelihood."""
    periods = np.exp(np.arange(np.log(FASTEST_SECONDS), np.log(SLOWEST_SECONDS), TEMPO_STEP))
    usual = -0.5 * (np.log(periods / player.usual_seconds) / player.usual_spread) ** 2
    heard = _emissions(onsets.accents, grammar, player.accent_weight)
    gaps = np.diff(onsets.seconds)
    score = heard[0][:, None] + usual
    tempos = np.zeros((len(gaps), TWELFTHS, len(periods)), np.int8)
    misses = np.zeros((len(gaps), TWELFTHS, len(periods)), np.int8)
    likelihood = 0.0
    for i, gap in enumerate(gaps.tolist()):
        moved = _drifted(score, gap, player, tempos[i])
        score = _stepped(moved, gap, periods, grammar, jitter=player.jitter_seconds, chosen=misses[i])
        score += player.usual_weight * usual + heard[i + 1][:, None]
        highest = float(score.max())
        likelihood += highest
        score -= highest
    places, at = _traced(score, gaps, periods, tempos, misses)
    return places, periods[at], likelihood


def _emissions(accents: Floats, grammar: Grammar, weight: float) -> Floats:
    """Weighted log likelihood ratios of the accents at each place, [onsets, 12]."""
    on = 1 / (1 + np.exp(-np.clip(accents @ grammar.accents[:-1] + grammar.accents[-1], -30, 30)))
    found = np.empty((len(accents), TWELFTHS))
    found[:] = weight * np.log((1 - on) / (1 - grammar.share))[:, None]
    found[:, 0] = weight * np.log(on / grammar.share)
    return found


def _drifted(score: Floats, gap: float, player: Player, chosen: NDArray[np.int8]) -> Floats:
    """The score after the tempo has drifted; `chosen` is told from how many tempos away."""
    spread = player.drift * np.sqrt(min(max(gap, 0.05), 2.0))
    best = score.copy()
    for drift in _DRIFTS:
        cost = -0.5 * (drift * TEMPO_STEP / spread) ** 2
        if drift == 0 or cost < -20:
            continue
        to = slice(max(0, -drift), score.shape[1] - max(0, drift))
        trial = score[:, max(0, drift) : score.shape[1] - max(0, -drift)] + cost
        better = trial > best[:, to]
        best[:, to] = np.where(better, trial, best[:, to])
        chosen[:, to][better] = drift
    return best


def _stepped(
    score: Floats, gap: float, periods: Floats, grammar: Grammar, *, jitter: float, chosen: NDArray[np.int8]
) -> Floats:
    """The score after `gap` seconds; `chosen` is told how far the step was from the nearest twelfth."""
    nearest = np.rint(gap * TWELFTHS / periods).astype(np.int64)
    best = np.full(score.shape, -np.inf)
    for miss in _MISSES:
        step = np.maximum(nearest + miss, 0)
        late = (gap - step * (periods / TWELFTHS)) / jitter
        timing = -0.5 * np.minimum(late * late, _WORST)
        source = (_PLACES - step) % TWELFTHS  # [12, tempos]
        trial = np.take_along_axis(score, source, axis=0) + grammar.steps[source, step_column(step)] + timing
        better = trial > best
        np.copyto(best, trial, where=better)
        chosen[better] = miss
    return best


def step_column(step: Ints) -> Ints:
    """The column of `Grammar.steps` that counts a step."""
    return np.where(step <= MOST_STEP, step, MOST_STEP - TWELFTHS + step % TWELFTHS)


def _traced(
    score: Floats, gaps: Floats, periods: Floats, tempos: NDArray[np.int8], misses: NDArray[np.int8]
) -> tuple[Ints, Ints]:
    """Places counted from the beat of the first onset, and indices of the periods, from the end back."""
    place, at = divmod(int(score.argmax()), score.shape[1])
    steps, path = np.zeros(len(gaps) + 1, np.int64), np.zeros(len(gaps) + 1, np.int64)
    path[-1] = at
    for i in range(len(gaps) - 1, -1, -1):
        step = max(0, int(np.rint(gaps[i] * TWELFTHS / periods[at])) + int(misses[i, place, at]))
        steps[i + 1] = step
        place = (place - step) % TWELFTHS
        at += int(tempos[i, place, at])
        path[i] = at
    return place + steps.cumsum(), path


def _beats(seconds: Floats, places: Ints, periods: Floats, in_three: bool, likelihood: float) -> Beats:
    """Beats by interpolation between the onsets, carried on to both ends at the tempo there."""
    first = np.concatenate([[True], np.diff(places) > 0])
    heard = np.bincount(first.cumsum() - 1, seconds) / np.bincount(first.cumsum() - 1)
    at = places[first] / TWELFTHS
    smooth = _smoothed(at, heard, periods[first])
    last = int(np.ceil(at[-1]))
    inside = np.arange(0, last + 1)
    beats = np.interp(inside, at, smooth)
    beats = np.where(inside < at[0], smooth[0] - (at[0] - inside) * periods[0], beats)
    beats = np.where(inside > at[-1], smooth[-1] + (inside - at[-1]) * periods[-1], beats)
    if len(beats) < 2:
        beats = np.append(beats, beats[-1] + periods[-1])
    found = places / TWELFTHS
    error = float(np.abs(np.interp(found, np.arange(len(beats)), beats) - seconds).mean())
    return Beats(beats, found, in_three, error, likelihood)


def _smoothed(at: Floats, seconds: Floats, periods: Floats) -> Floats:
    """Times of the places, each pulled a little to the line of its neighbours, so that one late note bends no beat."""
    if len(at) < 3:
        return seconds
    share = np.diff(at)[:-1] / (at[2:] - at[:-2])
    line = seconds[:-2] + share * (seconds[2:] - seconds[:-2])
    near = (at[2:] - at[:-2]) <= 2.0
    smooth = seconds.copy()
    smooth[1:-1] = np.where(near, 0.6 * seconds[1:-1] + 0.4 * line, seconds[1:-1])
    return np.maximum.accumulate(smooth + np.arange(len(smooth)) * 1e-6)
