"""Time signature and bar lines from the notes alone.

For every metre of `METRES` and every place its first bar line may have, the accents folded at the length of its bar
(`metre_features`) are weighed with what was learned for that metre: a softmax over all (metre, place) together, in the
spirit of the metrical profiles of Palmer & Krumhansl (1990) and Temperley (2007), "Music and Probability", but fitted
to tell metres apart. Conventions: steps are four to the quarter; a *place* is the step of the first bar line, in
eighths (two steps).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from stilo.elements.metre_features import Events, Folded, fold
from stilo.elements.rhythm_weights import METRE_WEIGHTS, shipped_weights

Floats = NDArray[np.float64]

METRES = ((2, 4), (3, 4), (4, 4), (2, 2), (3, 8), (6, 8), (9, 8), (12, 8), (6, 4), (3, 2))
BAR_STEPS = tuple(16 * numerator // denominator for numerator, denominator in METRES)
PLACE_STEPS = 2
STARTS = np.concatenate([[0], np.cumsum([steps // PLACE_STEPS for steps in BAR_STEPS])])
PLACES = int(STARTS[-1])


@dataclass(frozen=True, eq=False)
class MetreWeights:
    """What was learned.

    Attributes:
        templates: for each metre float [accents, steps of its bar].
        summary: float [values, metres], of the summary, standardised by `mean` and `scale`.
        bias: float [metres].
    """

    templates: tuple[Floats, ...]
    summary: Floats
    bias: Floats
    mean: Floats
    scale: Floats


@dataclass(frozen=True, slots=True)
class MetreEstimate:
    """The likeliest metre.

    Attributes:
        numerator, denominator: the time signature.
        first_bar_steps: where the first bar line lies, in steps from step 0, less than a bar.
        probability: of this metre, among those that were asked about.
        place_probability: of this place, the metre given.
    """

    numerator: int
    denominator: int
    first_bar_steps: int
    probability: float
    place_probability: float


@lru_cache(maxsize=1)
def metre_weights() -> MetreWeights:
    """The weights that come with stilo."""
    held = shipped_weights(METRE_WEIGHTS)
    templates = tuple(held[f"template_{n}_{d}"] for n, d in METRES)
    return MetreWeights(templates, held["summary"], held["bias"], held["mean"], held["scale"])


def metre_scores(folded: Folded, weights: MetreWeights) -> Floats:
    """Log probability of every (metre, place), [PLACES], the places of a metre one after the other."""
    common = (folded.summary - weights.mean) / weights.scale @ weights.summary + weights.bias
    found = np.empty(PLACES)
    for m, steps in enumerate(BAR_STEPS):
        rows = folded.by_period[steps]
        twice = np.concatenate([rows, rows], axis=1)
        turned = np.stack([twice[:, place : place + steps] for place in range(0, steps, PLACE_STEPS)])
        fits = np.einsum("hap,ap->h", turned, weights.templates[m])
        found[STARTS[m] : STARTS[m + 1]] = fits + common[m] - np.log(steps // PLACE_STEPS)
    return np.asarray(found - np.logaddexp.reduce(found))


def estimate_metre(
    events: Events, among: tuple[tuple[int, int], ...] = METRES, place_steps: int = PLACE_STEPS
) -> MetreEstimate:
    """The likeliest of some metres, its bar lines on multiples of `place_steps`; at least one note is needed."""
    scores = metre_scores(fold(events), metre_weights())
    best: MetreEstimate | None = None
    total = np.logaddexp.reduce([metre_log_probability(scores, metre, place_steps) for metre in among])
    for metre in among:
        share = float(np.exp(metre_log_probability(scores, metre, place_steps) - total))
        if best is None or share > best.probability:
            mine = _places(scores, metre, place_steps)
            place = int(mine.argmax())
            of_places = float(np.exp(mine[place] - np.logaddexp.reduce(mine)))
            best = MetreEstimate(*metre, place * place_steps, share, of_places)
    assert best is not None
    return best


def metre_log_probability(scores: Floats, metre: tuple[int, int], place_steps: int = PLACE_STEPS) -> float:
    """Log probability of a metre, its bar line on any multiple of `place_steps`."""
    return float(np.logaddexp.reduce(_places(scores, metre, place_steps)))


def _places(scores: Floats, metre: tuple[int, int], place_steps: int) -> Floats:
    m = METRES.index(metre)
    return scores[STARTS[m] : STARTS[m + 1] : place_steps // PLACE_STEPS]
