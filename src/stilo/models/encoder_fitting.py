"""What is fitted once the encoder's net is trained: discriminants, and the share of net and discriminants."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stilo.models.bar_views import bar_views
from stilo.models.corpus import Piece
from stilo.models.discriminants import Discriminants, learn_discriminants
from stilo.models.encoder import FACETS, MEASURED, StyleEncoder
from stilo.models.encoder_sampling import COLLECTION_SHARES, Example, maker_of
from stilo.models.learned_embedding import FACET_VALUES
from stilo.models.retrieval import Labelled, identification, mean_average_precision
from stilo.models.trained_encoder import Reading, TrainedEncoder, join_parts, measured_facets, net_facets
from stilo.models.view_statistics import view_statistics

SHRINKAGE = 0.5
NET_SHARES = (0.0, 0.3, 0.5, 0.7, 0.85, 1.0, 1.2)
READ_PIECES = 2500
RIDGE = 1.0
REPORTED = ("lieder", "polish_scores")
_SEED = 0


def fit_discriminants(examples: Sequence[Example], size: int) -> dict[str, Discriminants]:
    """For each facet, from the pieces of collections with named composers."""
    chosen = [example for example in examples if example.collection in COLLECTION_SHARES]
    statistics = [view_statistics(example.views) for example in chosen]
    makers, collections = [e.maker for e in chosen], [e.collection for e in chosen]
    return {
        facet: learn_discriminants(np.stack([s[facet] for s in statistics]), makers, collections, size, SHRINKAGE)
        for facet in FACETS
    }


def fit_encoder(
    model: StyleEncoder, examples: Sequence[Example], held_out: Sequence[Piece], works: Sequence[str]
) -> tuple[TrainedEncoder, dict[str, Any]]:
    """The encoder whole, and what was found of it on composers the training has not seen."""
    discriminants = fit_discriminants(examples, FACET_VALUES - model.config.facet_size)
    views = [bar_views(piece.steps) for piece in held_out]
    net, measured = net_facets(model, views), measured_facets(discriminants, views)

    def judged(share: float) -> float:
        rows = join_parts(net, measured, share)
        return float(np.mean([row["map"] for row in composer_figures(rows, held_out, works).values()]))

    share = max(NET_SHARES, key=judged)
    sets: dict[str, int] = {}
    for example in examples:
        sets[example.collection] = sets.get(example.collection, 0) + 1
    facts = {
        "parameters": sum(p.numel() for p in model.parameters()),
        "pieces": sets,
        "dev_composer": composer_figures(join_parts(net, measured, share), held_out, works),
    }
    return TrainedEncoder(model, discriminants, share, fit_readings(model, discriminants, share, examples)), facts


def fit_readings(
    model: StyleEncoder, discriminants: Mapping[str, Discriminants], net_share: float, examples: Sequence[Example]
) -> dict[str, Reading]:
    """Ridge regressions of the measured embedding on each facet, of `READ_PIECES` pieces drawn by lot."""
    count = min(READ_PIECES, len(examples))
    chosen = [examples[i] for i in np.random.default_rng(_SEED).choice(len(examples), count, replace=False)]
    views = [example.views for example in chosen]
    facets = join_parts(net_facets(model, views), measured_facets(discriminants, views), net_share)
    measured = np.stack([example.measured for example in chosen]).astype(np.float64)
    readings = {}
    for i, facet in enumerate(FACETS):
        rows, wanted = facets[:, i].astype(np.float64), measured[:, list(MEASURED[facet])]
        centred = rows - rows.mean(0)
        weights = np.linalg.solve(
            centred.T @ centred + RIDGE * np.eye(rows.shape[1]), centred.T @ (wanted - wanted.mean(0))
        )
        bias = wanted.mean(0) - rows.mean(0) @ weights
        readings[facet] = Reading(weights.astype(np.float32), bias.astype(np.float32))
    return readings


def composer_figures(
    rows: NDArray[np.floating], pieces: Sequence[Piece], works: Sequence[str]
) -> dict[str, dict[str, float]]:
    """Retrieval and identification within each of the `REPORTED` sets that has makers enough; rows [pieces, 4, n]."""
    flat = np.asarray(rows).reshape(len(rows), -1)
    found = {}
    for name in REPORTED:
        chosen = [i for i, piece in enumerate(pieces) if piece.name.split("/", maxsplit=1)[0] == name]
        if not chosen:
            continue
        labelled = Labelled.of(flat[chosen], [maker_of(pieces[i]) for i in chosen], [works[i] for i in chosen])
        try:
            precision = mean_average_precision(labelled, np.random.default_rng(_SEED))
            share, error = identification(labelled, np.random.default_rng(_SEED))
        except ValueError:  # too few makers
            continue
        found[name] = {"map": round(precision, 4), "identified": round(share, 4), "error": round(error, 4)}
    return found
