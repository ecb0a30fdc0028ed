"""Fields of JSON that anyone may have written, read one by one and checked."""

from __future__ import annotations

from typing import Any

from stilo.errors import InputError


def printable(text: str, longest: int) -> str:
    """The same text on one line, cut at `longest`; what cannot be printed or is no Unicode becomes a space.

    File names need not be Unicode, and a title from a stranger's file must not send commands to the terminal.
    """
    text = text[:longest]
    if text.isprintable():
        return text
    return "".join(character if character.isprintable() else " " for character in text)


class Fields:
    """The fields of one JSON object; `where` names it in messages.

    Every reader raises `InputError` when the field is missing, of another type or out of range. Fields that nobody asks
    for are left alone, so that a newer stilo may add some.
    """

    def __init__(self, data: object, where: str) -> None:
        if not isinstance(data, dict):
            raise InputError(f"{where} must be a JSON object")
        self._data = data
        self._where = where

    def has(self, name: str) -> bool:
        return name in self._data

    def text(self, name: str, longest: int) -> str:
        value = self._value(name)
        if not isinstance(value, str) or len(value) > longest:
            raise self._error(name, f"must be text of at most {longest} characters")
        return printable(value, longest)

    def whole(self, name: str, least: int, most: int) -> int:
        value = self._value(name)
        if type(value) is not int or not least <= value <= most:
            raise self._error(name, f"must be a whole number of {least}…{most}")
        return value

    def number(self, name: str, least: float, most: float) -> float:
        value = self._value(name)
        if type(value) not in (int, float) or not least <= value <= most:
            raise self._error(name, f"must be a number of {least:g}…{most:g}")
        return float(value)

    def number_or_null(self, name: str, least: float, most: float) -> float | None:
        return None if self.is_null(name) else self.number(name, least, most)

    def interval_or_none(self, name: str, most: float) -> tuple[float, float] | None:
        """Two numbers of at most this size, the lower one first; None where there is no such field, or null."""
        if not self.has(name) or self.is_null(name):
            return None
        values = self.items(name, 2)
        if len(values) != 2 or any(type(value) not in (int, float) or not -most <= value <= most for value in values):
            raise self._error(name, "must be two numbers")
        low, high = map(float, values)
        if low > high:
            raise self._error(name, "must name the lower number first")
        return low, high

    def flag(self, name: str) -> bool:
        value = self._value(name)
        if not isinstance(value, bool):
            raise self._error(name, "must be true or false")
        return value

    def items(self, name: str, most: int) -> list[Any]:
        value = self._value(name)
        if not isinstance(value, list) or len(value) > most:
            raise self._error(name, f"must be a list of at most {most}")
        return value

    def mapping(self, name: str, most: int) -> dict[str, Any]:
        value = self._value(name)
        if not isinstance(value, dict) or len(value) > most:
            raise self._error(name, f"must be an object of at most {most} fields")
        return value

    def is_null(self, name: str) -> bool:
        return self._value(name) is None

    def _value(self, name: str) -> Any:
        if name not in self._data:
            raise self._error(name, "is missing")
        return self._data[name]

    def _error(self, name: str, reason: str) -> InputError:
        return InputError(f"{self._where}.{name[:80]} {reason}")
