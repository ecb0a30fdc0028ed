"""Values of a stranger's JSON: each is what it should be and within bounds, or refused in one line that names it."""

from __future__ import annotations

from typing import Any

from stilo.errors import InputError

LONGEST_TEXT = 60


def checked_table(value: Any, name: str) -> dict[str, Any]:
    """A table.

    Raises:
        InputError: it is none.
    """
    if not isinstance(value, dict):
        raise InputError(f"profile: {name} is missing or no table")
    return value


def checked_list(value: Any, name: str, most: int) -> list[Any]:
    """A list of at most `most`.

    Raises:
        InputError: it is none, or longer.
    """
    if not isinstance(value, (list, tuple)) or len(value) > most:
        raise InputError(f"profile: {name} is missing, no list, or longer than {most}")
    return list(value)


def checked_tables(value: Any, name: str, most: int) -> list[dict[str, Any]]:
    """A list of at most `most` tables.

    Raises:
        InputError: it is none, or longer.
    """
    return [checked_table(one, name) for one in checked_list(value, name, most)]


def checked_number(value: Any, name: str, low: float, high: float) -> float:
    """A number from `low` to `high`, both finite; no NaN.

    Raises:
        InputError: it is none.
    """
    # bounds as Python's own: NumPy's cannot be compared with an int of hundreds of digits
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not float(low) <= value <= float(high):
        raise InputError(f"profile: {name} must be a number from {low:g} to {high:g}")
    return float(value)


def checked_index(value: Any, name: str) -> int:
    """A whole number from 0 on.

    Raises:
        InputError: it is none.
    """
    return int(checked_number(value, name, 0, 1e9))


def checked_text(value: Any, name: str) -> str:
    """Printable text of at most `LONGEST_TEXT` characters.

    Raises:
        InputError: it is none.
    """
    if not isinstance(value, str) or len(value) > LONGEST_TEXT or not value.isprintable():
        raise InputError(f"profile: a name in {name} is missing, too long or not printable")
    return value
