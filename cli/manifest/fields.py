"""Reads single fields of a rendered mapping, each when it is asked for, so that no other field matters."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, TypeVar

from cli.manifest.expressions import Unrendered

T = TypeVar("T")


class FieldUnreadable(Exception):
    """A field that is needed is missing, or has another type than it must have."""

    def __init__(self, where: str, problem: str) -> None:
        super().__init__(f"{where} {problem}")
        self.where = where
        self.problem = problem


class FieldUnknown(FieldUnreadable):
    """A field whose value is not known here, because of an expression in it."""

    def __init__(self, where: str, unrendered: Unrendered) -> None:
        super().__init__(where, f"is {unrendered.text}, and {unrendered.why}.")
        self.unrendered = unrendered


def known(owner: object, name: str, otherwise: T) -> T:
    """A property, or something else where it cannot be read."""
    try:
        found: T = getattr(owner, name)
    except FieldUnreadable:
        return otherwise
    return found


class Fields:
    """One mapping and the path that leads to it. Every method that reads raises FieldUnreadable."""

    def __init__(self, value: Any, where: str) -> None:
        self.where = where
        if isinstance(value, Unrendered):
            raise FieldUnknown(where, value)
        if not isinstance(value, dict):
            raise FieldUnreadable(where, "must be a mapping.")
        self._value: Mapping[str, Any] = value

    def __contains__(self, key: str) -> bool:
        return self._value.get(key) is not None

    def __iter__(self) -> Iterator[str]:
        return iter(self._value)

    def raw(self, key: str) -> Any:
        """What stands there, an Unrendered perhaps; None if nothing does."""
        return self._value.get(key)

    def path(self, key: str) -> str:
        """The path of one of the mapping's values."""
        return f"{self.where}.{key}"

    def text(self, key: str, default: str | None = None) -> str:
        """A text."""
        value = self._known(key)
        if value is None and default is not None:
            return default
        if not isinstance(value, str):
            raise FieldUnreadable(self.path(key), "is missing." if value is None else "must be text.")
        return value

    def number(self, key: str, default: float | None = None) -> float:
        """A number."""
        value = self._known(key)
        if value is None and default is not None:
            return default
        if not isinstance(value, (int, float)) or isinstance(value, bool):
            raise FieldUnreadable(self.path(key), "is missing." if value is None else "must be a number.")
        return value

    def flag(self, key: str, default: bool) -> bool:
        """Yes or no."""
        value = self._known(key)
        if value is None:
            return default
        if not isinstance(value, bool):
            raise FieldUnreadable(self.path(key), "must be true or false.")
        return value

    def fields(self, key: str, *deeper: str) -> Fields | None:
        """A mapping inside this one, or one further inside of that, if there."""
        value = self._value.get(key)
        inner = None if value is None else Fields(value, self.path(key))
        return inner.fields(*deeper) if inner is not None and deeper else inner

    def items(self, key: str) -> list[tuple[str, Any]]:
        """The path and the value of each item of a list; none if there is no list."""
        value = self._known(key)
        if value is None:
            return []
        if not isinstance(value, list):
            raise FieldUnreadable(self.path(key), "must be a list.")
        return [(f"{self.path(key)}[{index}]", item) for index, item in enumerate(value)]

    def _known(self, key: str) -> Any:
        value = self._value.get(key)
        if isinstance(value, Unrendered):
            raise FieldUnknown(self.path(key), value)
        return value
