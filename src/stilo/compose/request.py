"""What to compose; whatever is None is left to the style."""

from __future__ import annotations

from dataclasses import dataclass

from stilo.errors import InputError, RequestError
from stilo.music.theory import parse_key

FEWEST_BARS, MOST_BARS = 2, 512
SLOWEST, FASTEST = 20.0, 400.0
MOST_CANDIDATES = 16
DENOMINATORS = (1, 2, 4, 8, 16)
LONGEST_BAR_QUARTERS = 8.0


@dataclass(frozen=True, slots=True)
class Request:
    """One piece to compose.

    Attributes:
        bars: length, 2…512.
        seed: the same seed, style and request give the same notes.
        key: "A minor"; None = whichever of the style's keys suits the piece.
        tempo_qpm: quarters per minute, 20…400; None = the style's.
        time_signature: (numerator, denominator), at most 8 quarters long; None = the style's.
        temperature: 0.1…2; lower is plainer, higher is wilder.
        top_p: share of the likelier choices that are drawn from, above 0, at most 1.
        candidates: how many pieces are written; the best of them is given back, 1…16.

    Raises:
        RequestError: a value is out of range; the message names it.
    """

    bars: int = 32
    seed: int = 0
    key: str | None = None
    tempo_qpm: float | None = None
    time_signature: tuple[int, int] | None = None
    temperature: float = 1.0
    top_p: float = 0.95
    candidates: int = 4

    def __post_init__(self) -> None:
        _check("bars", self.bars, FEWEST_BARS, MOST_BARS)
        _check("seed", self.seed, 0, 2**63 - 1)
        _check("temperature", self.temperature, 0.1, 2.0)
        _check("top_p", self.top_p, 0.01, 1.0)
        _check("candidates", self.candidates, 1, MOST_CANDIDATES)
        if self.tempo_qpm is not None:
            _check("tempo", self.tempo_qpm, SLOWEST, FASTEST)
        if self.time_signature is not None:
            _check_metre(*self.time_signature)
        if self.key is not None:
            try:
                parse_key(self.key)
            except InputError as error:
                raise RequestError(str(error)) from error


def _check(name: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        raise RequestError(f"{name} {value} is not in {low:g}…{high:g}")


def _check_metre(numerator: int, denominator: int) -> None:
    quarters = 4 * numerator / denominator if denominator in DENOMINATORS else 0.0
    if not 0.5 <= quarters <= LONGEST_BAR_QUARTERS:
        raise RequestError(f"a bar of {numerator}/{denominator} cannot be composed; choose one of 1/8 up to 8/4")
