"""From cues to valence and arousal: two logistic regressions, learned from pieces that listeners have judged.

Both are pulled towards what the literature says (`Cue.valence`, `Cue.arousal`): no coefficient may point against a
known direction, and without evidence all known cues weigh alike. The answer is the log-odds that a listener says
pleasant, or excited, if half of all pieces were; squeezed into −1…1 so that nine to one is one half. The shipped
coefficients stand in `emotion_probe.json`; what they were learned from and how well they do, in
models/emotion/README.md.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Any

import numpy as np

from stilo.elements.emotion_cues import CUE_NAMES, CUES
from stilo.elements.figures import figure
from stilo.elements.layout import Floats

PROBE_FILE = "emotion_probe.json"
_LIMIT = 2.0  # standard deviations that no cue reaches: music unlike what was judged stays within what was learned
_SQUEEZE = 0.25  # odds of nine to one come out as one half
_SMALLEST_DEVIATION = 1e-6
KNOWN_DIRECTIONS = np.array([[cue.valence for cue in CUES], [cue.arousal for cue in CUES]], np.float64)  # [2, cues]


@dataclass(frozen=True, eq=False)
class Probe:
    """Coefficients on standardised cues.

    Attributes:
        mean, deviation: of the cues in the pieces it was learned from, [cues].
        weights: of valence and arousal, [2, cues].
        intercept: [2].
    """

    mean: Floats
    deviation: Floats
    weights: Floats
    intercept: Floats

    def standardised(self, cues: Floats) -> Floats:
        """Cues [..., cues] in standard deviations, bent towards a limit; 0 says nothing, for those not known (NaN)."""
        deviations = np.nan_to_num((cues - self.mean) / self.deviation)
        return np.asarray(_LIMIT * np.tanh(deviations / _LIMIT))

    def scores(self, cues: Floats) -> Floats:
        """Log-odds of pleasant and of excited, [pieces, 2], of cues [pieces, cues]."""
        return np.asarray(self.standardised(cues) @ self.weights.T + self.intercept)

    def valence_arousal(self, cues: Floats) -> Floats:
        """Valence and arousal, −1…1, [pieces, 2], of cues [pieces, cues]."""
        return np.tanh(self.scores(cues) * _SQUEEZE)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON of six digits, from which `from_json` makes an equal probe."""
        rows = {"mean": self.mean, "deviation": self.deviation, "valence": self.weights[0], "arousal": self.weights[1]}
        by_cue = {name: {row: figure(values[i]) for row, values in rows.items()} for i, name in enumerate(CUE_NAMES)}
        valence, arousal = self.intercept
        return {"intercept": {"valence": figure(valence), "arousal": figure(arousal)}, "cues": by_cue}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Probe:
        """Read what `to_json` gave.

        Raises:
            KeyError: a cue that is measured has no coefficients.
        """
        rows = {
            row: np.array([data["cues"][name][row] for name in CUE_NAMES], np.float64)
            for row in ("mean", "deviation", "valence", "arousal")
        }
        return cls(
            rows["mean"],
            rows["deviation"],
            np.stack([rows["valence"], rows["arousal"]]),
            np.array([data["intercept"]["valence"], data["intercept"]["arousal"]], np.float64),
        )


@lru_cache(maxsize=1)
def shipped_probe() -> Probe:
    """The probe that comes with stilo."""
    return Probe.from_json(json.loads(files("stilo.elements").joinpath(PROBE_FILE).read_text(encoding="utf-8")))


def learn_probe(cues: Floats, votes: Floats, weight: Floats, *, strength: float, pull: float) -> Probe:
    """Fit both regressions.

    Args:
        cues: of the pieces, NaN where not known, [pieces, cues].
        votes: 1 or −1 for valence and arousal, [pieces, 2].
        weight: how much each piece counts, [pieces].
        strength: of the pull: half of it times the squared distance from the prior coefficients is the price.
        pull: the prior coefficient of a cue of known direction; 0 for the others. Cues that are not `learned` keep it.
    """
    mean = np.nan_to_num(np.array([_weighted_mean(column, weight) for column in cues.T]))
    squares = np.array([_weighted_mean(column, weight) for column in ((cues - mean) ** 2).T])
    deviation = np.maximum(np.sqrt(np.nan_to_num(squares, nan=1.0)), _SMALLEST_DEVIATION)
    empty = Probe(mean, deviation, np.zeros((2, len(CUES))), np.zeros(2))
    rows = empty.standardised(cues)
    fitted = [_regress(rows, votes[:, i], weight, KNOWN_DIRECTIONS[i], (strength, pull)) for i in range(2)]
    return Probe(mean, deviation, np.stack([w for w, _ in fitted]), np.array([b for _, b in fitted]))


def _weighted_mean(values: Floats, weight: Floats) -> float:
    known = ~np.isnan(values)
    return float(np.average(values[known], weights=weight[known])) if known.any() else float("nan")


def _regress(
    rows: Floats, votes: Floats, weight: Floats, directions: Floats, prior_of: tuple[float, float]
) -> tuple[Floats, float]:
    """Coefficients [cues] and an intercept from which the share of the votes is taken out."""
    from scipy.optimize import minimize

    strength, pull = prior_of
    prior = pull * directions
    bounds: list[tuple[float | None, float | None]] = [
        (0.0 if d > 0 else None, 0.0 if d < 0 else None) if cue.learned else (p, p)
        for cue, d, p in zip(CUES, directions.tolist(), prior.tolist(), strict=True)
    ]

    def price(at: Floats) -> tuple[float, Floats]:
        away = at[:-1] - prior
        margin = votes * (rows @ at[:-1] + at[-1])
        slope = -weight * votes * np.exp(-np.logaddexp(0, margin))
        gradient = np.append(rows.T @ slope + strength * away, slope.sum())
        return float((weight * np.logaddexp(0, -margin)).sum() + 0.5 * strength * (away**2).sum()), gradient

    found = minimize(
        price, np.append(prior, 0.0), jac=True, method="L-BFGS-B", bounds=[*bounds, (None, None)],
        options={"ftol": 1e-12, "gtol": 1e-8, "maxiter": 1000},
    ).x  # fmt: skip
    share = float(np.clip(np.average(votes, weights=weight), -0.98, 0.98))
    return np.asarray(found[:-1]), float(found[-1] - np.log((1 + share) / (1 - share)))
