"""The few weights that belong to one style, as arrays: how they are merged into those of the base model.

Low-rank additions to matrices (LoRA, Hu et al. 2021), full additions to the rest. No torch: composing needs none.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from stilo.errors import InputError

AdapterWeights = Mapping[str, NDArray[np.floating]]
DOWN, UP, ADDED = ".down", ".up", ".added"


def merged(tensors: Mapping[str, NDArray[np.floating]], adapter: AdapterWeights) -> dict[str, NDArray[np.float32]]:
    """The base model's tensors by name, float32, with the additions made.

    Raises:
        InputError: the adapter does not fit this base model.
    """
    known = set[str]()
    changed: dict[str, NDArray[np.float32]] = {}
    for name, tensor in tensors.items():
        found = {kind: adapter[name + kind] for kind in (ADDED, UP, DOWN) if name + kind in adapter}
        known.update(name + kind for kind in found)
        single = np.asarray(tensor, np.float32)
        changed[name] = single + _addition(name, found, single.shape) if found else single
    if set(adapter) - known:
        raise InputError("this style's adapter belongs to another base model; learn the style anew")
    return changed


def multiplied(adapter: AdapterWeights) -> dict[str, NDArray[np.float32]]:
    """The same adapter with its pairs of low rank as whole matrices; one that fits."""
    found = {name: np.asarray(array, np.float32) for name, array in adapter.items() if name.endswith(ADDED)}
    for name in (key.removesuffix(UP) for key in adapter if key.endswith(UP)):
        found[name + ADDED] = np.asarray(adapter[name + UP] @ adapter[name + DOWN], np.float32)
    return found


def _addition(name: str, found: AdapterWeights, shape: tuple[int, ...]) -> NDArray[np.float32]:
    """What is added to a parameter: one array, or up [rows, rank] @ down [rank, columns].

    Shapes are compared before anything is multiplied: the product of two small arrays may be larger than any memory.
    """
    rank = found[UP].shape[-1:] if UP in found else ()
    asked = {ADDED: shape} if ADDED in found else {UP: (*shape[:1], *rank), DOWN: (*rank, *shape[1:])}
    if {kind: array.shape for kind, array in found.items()} == asked:
        single = {kind: np.asarray(array, np.float32) for kind, array in found.items()}
        with np.errstate(over="ignore", invalid="ignore"):
            added = single[ADDED] if ADDED in single else np.asarray(single[UP] @ single[DOWN])
        if np.isfinite(added).all():
            return np.ascontiguousarray(added)
    raise InputError(f"this style's adapter does not fit the base model ({name}); learn the style anew")
