"""Fitting what `metre_estimate` and `beats` know of music: two small tables of weights.

Both fits are convex but for one thing: many files do not tell where a pickup ends, and then every bar line written in
them is off. The place of the first bar line is therefore believed only as far as a prior says, and what is likelier
under the fit so far counts instead (expectation maximisation, a few rounds).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stilo.elements.beats import MOST_STEP, TWELFTHS, step_column
from stilo.elements.layout import Layout
from stilo.elements.metre_estimate import BAR_STEPS, METRES, PLACE_STEPS, PLACES, STARTS, MetreWeights
from stilo.elements.metre_features import ACCENTS, PERIODS, Folded

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

ROUNDS = 4
_VALUES = 2 * len(PERIODS) + len(ACCENTS)


@dataclass(frozen=True, eq=False)
class MetreExample:
    """A piece of known metre.

    Attributes:
        folded: its accents.
        metre: index into `METRES`.
        place: index of the place of its first bar line, in `PLACE_STEPS`, as it is written.
        trust: 0…1, how surely the bar lines stand where they are written.
        weight: of this piece in the fit.
        source: pieces of one source share the habit of leaving pickups out.
    """

    folded: Folded
    metre: int
    place: int
    trust: float
    weight: float
    source: str


def fit_metre(examples: Sequence[MetreExample], penalty: float = 3e-5) -> MetreWeights:
    """The weights that make the metres and places of the examples likeliest, with an L2 penalty."""
    summaries = np.stack([example.folded.summary for example in examples])
    mean, scale = summaries.mean(axis=0), summaries.std(axis=0) + 1e-6
    turned = [_turned([example.folded.by_period[steps] for example in examples], steps) for steps in BAR_STEPS]
    fit = _MetreFit(turned, (summaries - mean) / scale, np.array([e.weight for e in examples]), penalty)
    prior = _first_prior(examples)
    wanted = prior
    for iterations in (40, *[20] * ROUNDS):
        fit.improve(wanted, iterations)
        wanted, prior = _likelier(fit.log_probabilities(), prior, examples)
    return MetreWeights(*fit.parts(fit.values), mean, scale)


def _turned(rows: Sequence[Floats], steps: int) -> Floats:
    """The folded accents as seen from each place, [pieces, places, accents × steps]."""
    stacked = np.stack(rows)
    seen = [np.roll(stacked, -place, axis=2) for place in range(0, steps, PLACE_STEPS)]
    return np.stack(seen, axis=1).reshape(len(rows), steps // PLACE_STEPS, -1)


def _first_prior(examples: Sequence[MetreExample]) -> Floats:
    """Probability of each (metre, place), [pieces, PLACES]: as written, so far as that is to be trusted."""
    prior = np.zeros((len(examples), PLACES))
    for row, example in zip(prior, examples, strict=True):
        first, end = STARTS[example.metre], STARTS[example.metre + 1]
        row[first:end] = (1 - example.trust) / (end - first)
        row[first + example.place] += example.trust
    return prior


def _likelier(found: Floats, prior: Floats, examples: Sequence[MetreExample]) -> tuple[Floats, Floats]:
    """What each piece is now taken for, and the prior anew, shared by the doubtful pieces of a source and a metre."""
    posterior = np.exp(found) * prior
    posterior /= np.maximum(posterior.sum(axis=1, keepdims=True), 1e-300)
    renewed = prior.copy()
    groups: dict[tuple[str, int], list[int]] = {}
    for i, example in enumerate(examples):
        if example.trust < 0.9:
            groups.setdefault((example.source, example.metre), []).append(i)
    for (_, metre), members in groups.items():
        # places are counted from where the bar line is written, so that pieces cut anywhere share one habit
        size = int(STARTS[metre + 1] - STARTS[metre])
        own = slice(int(STARTS[metre]), int(STARTS[metre + 1]))
        total = sum(np.roll(posterior[i, own], -examples[i].place) for i in members) + np.ones(size)
        for i in members:
            renewed[i, own] = np.roll(total / total.sum(), examples[i].place)
    return posterior, renewed


class _MetreFit:
    """The softmax over all (metre, place), its values in one flat array."""

    def __init__(self, turned: list[Floats], summaries: Floats, weights: Floats, penalty: float) -> None:
        self.turned, self.summaries, self.penalty = turned, summaries, penalty
        self.weights = weights / weights.sum()
        self.sizes = [each.shape[2] for each in turned]
        self.values = np.zeros(sum(self.sizes) + (_VALUES + 1) * len(METRES))

    def parts(self, values: Floats) -> tuple[tuple[Floats, ...], Floats, Floats]:
        """Templates, summary and bias."""
        ends = np.cumsum(self.sizes)
        templates = tuple(
            values[end - size : end].reshape(len(ACCENTS), -1) for end, size in zip(ends, self.sizes, strict=True)
        )
        rest = values[ends[-1] :]
        return templates, rest[: -len(METRES)].reshape(_VALUES, len(METRES)), rest[-len(METRES) :]

    def log_probabilities(self) -> Floats:
        return self._log_probabilities(self.values)

    def _log_probabilities(self, values: Floats) -> Floats:
        templates, summary, bias = self.parts(values)
        common = self.summaries @ summary + bias
        found = [
            turned @ template.ravel() + common[:, m : m + 1] - np.log(turned.shape[1])
            for m, (turned, template) in enumerate(zip(self.turned, templates, strict=True))
        ]
        joined = np.concatenate(found, axis=1)
        return np.asarray(joined - np.logaddexp.reduce(joined, axis=1, keepdims=True))

    def improve(self, wanted: Floats, iterations: int) -> None:
        """Come closer to the wanted probabilities."""
        from scipy.optimize import minimize

        bias = np.zeros(len(self.values), bool)
        bias[-len(METRES) :] = True

        def loss(values: Floats) -> tuple[float, Floats]:
            found = self._log_probabilities(values)
            wrong = (np.exp(found) - wanted) * self.weights[:, None]
            gradients = []
            by_metre = np.zeros((len(wrong), len(METRES)))
            for m, turned in enumerate(self.turned):
                mine = wrong[:, STARTS[m] : STARTS[m + 1]]
                gradients.append(np.tensordot(mine, turned, axes=([0, 1], [0, 1])))
                by_metre[:, m] = mine.sum(axis=1)
            gradient = np.concatenate([*gradients, (self.summaries.T @ by_metre).ravel(), by_metre.sum(axis=0)])
            shrunk = np.where(bias, 0.0, values)
            cost = -float((wanted * found).sum(axis=1) @ self.weights) + self.penalty * float(shrunk @ shrunk)
            return cost, gradient + 2 * self.penalty * shrunk

        options = {"maxiter": iterations, "maxcor": 12}
        self.values = minimize(loss, self.values, jac=True, method="L-BFGS-B", options=options).x


def count_steps(layout: Layout) -> tuple[Floats, bool] | None:
    """How often an onset in each twelfth of the beat is followed after so many twelfths, and whether beats divide in
    three; None when they do so only now and then.
    """
    in_three = (layout.grid.numerators % 3 == 0) & (layout.grid.denominators >= 8)
    share = float(in_three.mean())
    if 0.1 < share < 0.9 or len(layout.onset_ticks) == 0:
        return None
    places = written_twelfths(layout)
    counts = np.zeros((TWELFTHS, MOST_STEP + 1))
    np.add.at(counts, (places[:-1] % TWELFTHS, step_column(np.diff(places))), 1 / np.sqrt(len(places)))
    return counts, share > 0.5


def written_twelfths(layout: Layout) -> Ints:
    """The different onsets of a score in twelfths of its beats, from the first beat."""
    beats = layout.beats_ticks
    beat = np.clip(np.searchsorted(beats, layout.onset_ticks, side="right") - 1, 0, len(beats) - 2)
    inside = (layout.onset_ticks - beats[beat]) / (beats[beat + 1] - beats[beat])
    return np.unique(np.rint((beat + inside) * TWELFTHS).astype(np.int64))


def steps_table(counts: Floats) -> Floats:
    """Counts as log probabilities, smoothed: by what all places do, and by a little of everything."""
    counts = counts.copy()
    counts[:, 0] += 0.01 * counts.sum(axis=1)  # ornaments are shorter than a twelfth
    totals = counts.sum(axis=1, keepdims=True) + 1e-9
    shares = counts + totals * (0.02 * counts.sum(axis=0) / counts.sum() + 0.005 / counts.shape[1])
    return np.asarray(np.log(shares / shares.sum(axis=1, keepdims=True)))


def fit_accents(accents: Floats, on_beat: NDArray[np.bool_], weights: Floats) -> tuple[Floats, float]:
    """Logistic weights [accents + 1] of "on the beat", the bias last; and the share of the onsets on a beat."""
    from scipy.optimize import minimize

    weights = weights / weights.sum()
    rows = np.concatenate([accents, np.ones((len(accents), 1))], axis=1)

    def loss(values: Floats) -> tuple[float, Floats]:
        logits = rows @ values
        shrunk = np.append(values[:-1], 0.0)
        cost = float(weights @ (np.logaddexp(0, logits) - on_beat * logits)) + 1e-4 * float(shrunk @ shrunk)
        return cost, rows.T @ (weights * (1 / (1 + np.exp(-logits)) - on_beat)) + 2e-4 * shrunk

    found = minimize(loss, np.zeros(rows.shape[1]), jac=True, method="L-BFGS-B")
    return np.asarray(found.x), float(weights @ on_beat)
