"""Linear layers and summed tables in NumPy, laid out so that a few rows at once cost hardly more than one.

What takes the time is reading the weights. OpenBLAS first copies a large matrix into another order, which for a few
rows costs several times the product itself, but multiplies small ones as they stand, at least on processors with
AVX-512; so matrices are cut into blocks. There a row has the same numbers, to the last bit, whatever stands beside it;
elsewhere the last bits may differ.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module

import numpy as np
from numpy.typing import NDArray

from stilo.models.notes.fields import Floats, Integers

BLOCK = 64
LARGEST_SMALL_PRODUCT = 900_000  # multiplications; OpenBLAS takes more than 10⁶ for a large product
_GELU, _CUBE = np.float32(np.sqrt(2 / np.pi)), np.float32(0.044715)


def multiplies_small_matrices() -> bool:
    """Whether this processor's OpenBLAS has products that leave small matrices where they are."""
    features: dict[str, bool] = getattr(import_module("numpy._core._multiarray_umath"), "__cpu_features__", {})
    return features.get("AVX512_SKX", False)


_ERROR_FUNCTION = (1.061405429, -1.453152027, 1.421413741, -0.284496736, 0.254829592)
_SMALL = multiplies_small_matrices()


class Weights:
    """The tensors of a model, each asked for by name and shape.

    Args:
        tensors: by name, any float.
        prefix: before the names that are asked for.
    """

    def __init__(self, tensors: Mapping[str, NDArray[np.floating]], prefix: str = "") -> None:
        self._tensors, self._prefix, self._asked = tensors, prefix, set[str]()

    def __call__(self, name: str, *shape: int) -> Floats:
        """One tensor, in float32.

        Raises:
            KeyError: there is none of that name.
            ValueError: it has another shape, or numbers that are not finite.
        """
        name = self._prefix + name
        tensor = self._tensors[name]
        if tensor.shape != shape:
            raise ValueError(f"{name} has the shape {tensor.shape}, not {shape}")
        self._asked.add(name)
        single = np.asarray(tensor, np.float32)
        if not np.isfinite(single).all():
            raise ValueError(f"{name} is not finite")
        return single

    def has(self, name: str) -> bool:
        return self._prefix + name in self._tensors

    def rows(self, name: str) -> int:
        """Length of the first axis of a tensor."""
        return len(self._tensors[self._prefix + name])

    def under(self, prefix: str) -> Weights:
        """The same tensors, with more before their names."""
        inner = Weights(self._tensors, self._prefix + prefix)
        inner._asked = self._asked
        return inner

    def must_be_used_up(self) -> None:
        """Look whether all the tensors were asked for.

        Raises:
            ValueError: there are others.
        """
        if left := sorted(set(self._tensors) - self._asked):
            raise ValueError(f"weights that no such model has: {', '.join(left[:3])}")


class Matrix:
    """x W' + b.

    Args:
        weight: [outputs, inputs], any float.
        bias: [outputs].
    """

    def __init__(self, weight: NDArray[np.floating], bias: NDArray[np.floating] | None = None) -> None:
        self.outputs, inputs = weight.shape
        padded = np.pad(weight.astype(np.float32), ((0, -self.outputs % BLOCK), (0, 0)))
        # [blocks, inputs, BLOCK]
        self._blocks = np.ascontiguousarray(padded.reshape(-1, BLOCK, inputs).transpose(0, 2, 1))
        self._plain = None if _SMALL else padded
        self._bias = None if bias is None else np.pad(bias.astype(np.float32), (0, len(padded) - self.outputs))
        self._most_rows = max(2, LARGEST_SMALL_PRODUCT // (BLOCK * inputs))

    def __call__(self, x: Floats) -> Floats:
        """[S, inputs], contiguous → [S, outputs]."""
        rows = len(x)
        if rows == 1:
            y = self._of_one(x)
        elif rows <= self._most_rows:
            y = self._of_some(x)
        else:
            parts = [x[i : i + self._most_rows] for i in range(0, rows, self._most_rows)]
            y = np.concatenate([self._of_some(p) if len(p) > 1 else self._of_one(p) for p in parts])
        if self._bias is not None:
            y += self._bias
        return y[:, : self.outputs]

    def _of_one(self, x: Floats) -> Floats:
        if self._plain is not None:
            alone: Floats = self._plain @ x[0]
            return alone[None]
        twice = np.empty((2, x.shape[1]), np.float32)  # two rows cost no more, and have the numbers of many
        twice[:] = x
        product: Floats = twice @ self._blocks
        return product[:, 0].reshape(1, -1)

    def _of_some(self, x: Floats) -> Floats:
        product: Floats = x @ self._blocks  # [blocks, S, BLOCK]
        return product.transpose(1, 0, 2).reshape(len(x), -1)


class SummedTables:
    """The sum of one row from each of several tables that stand one below the other.

    Args:
        weight: [rows of all tables, width].
        sizes: rows of each.
    """

    def __init__(self, weight: NDArray[np.floating], sizes: Sequence[int]) -> None:
        if len(weight) != sum(sizes):
            raise ValueError(f"tables of {sum(sizes)} rows, but weights of {len(weight)}")
        self._weight = np.ascontiguousarray(weight, np.float32)
        self._offsets: Integers = np.concatenate([[0], np.cumsum(sizes[:-1])]).astype(np.int64)

    def __call__(self, rows: Integers) -> Floats:
        """[S, tables] → [S, width]."""
        found: Floats = np.add.reduce(self._weight.take(rows + self._offsets, axis=0), axis=1)
        return found


def gelu(x: Floats) -> Floats:
    """With the hyperbolic tangent, as in Hendrycks & Gimpel 2016."""
    inner = x * x
    inner *= _CUBE
    inner += 1
    inner *= x
    inner *= _GELU
    np.tanh(inner, out=inner)
    inner += 1
    inner *= x
    inner *= np.float32(0.5)
    return inner


def exact_gelu(x: Floats) -> Floats:
    """X Φ(x), with the error function of Abramowitz & Stegun 1964, 7.1.26: within 2·10⁻⁷."""
    size = np.abs(x) * np.float32(np.sqrt(0.5))
    t = 1 / (1 + np.float32(0.3275911) * size)
    series = np.zeros_like(x)
    for factor in _ERROR_FUNCTION:
        series += np.float32(factor)
        series *= t
    error = np.copysign(1 - series * np.exp(-size * size), x)
    half: Floats = np.float32(0.5) * x
    half *= 1 + error
    return half


def normalised(x: Floats) -> Floats:
    """Mean 0 and variance 1 along the last axis."""
    share = np.float32(1 / x.shape[-1])
    total: Floats = np.add.reduce(x, -1, keepdims=True)  # a third quicker than `mean`
    centred: Floats = x - total * share
    squares: Floats = np.add.reduce(centred * centred, -1, keepdims=True)
    centred /= np.sqrt(squares * share + np.float32(1e-5))
    return centred


def softmax(x: Floats) -> Floats:
    """Along the last axis."""
    chances = np.exp(x - x.max(-1, keepdims=True))
    shares: Floats = chances / chances.sum(-1, keepdims=True)
    return shares
