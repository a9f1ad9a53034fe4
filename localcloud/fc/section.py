"""Typed reading of a mapping that came from a file: every error names the path of the value."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

_ROLE = r"acs:ram::\d+:role/[A-Za-z0-9._-]+"


class DeclarationError(Exception):
    """Something in an ``s.yaml`` that cannot be deployed as it is written."""

    def __init__(self, where: str, problem: str) -> None:
        super().__init__(f"{where}: {problem}")
        self.where = where
        self.problem = problem


class ValueMissing(DeclarationError):
    """A value that is needed is not there."""


class ValueOfWrongType(DeclarationError):
    """A value is there, but of another type."""


class ValueRefused(DeclarationError):
    """A value has the right type but is outside of what Function Compute accepts."""


class ChoiceUnknown(ValueRefused):
    """A text that is none of the few that may stand there."""

    def __init__(self, where: str, value: str, allowed: list[str]) -> None:
        super().__init__(where, f"must be one of {', '.join(allowed)}; is {value!r}.")
        self.value = value
        self.allowed = allowed


class KeyUnknown(DeclarationError):
    """A key that means nothing where it stands."""

    def __init__(self, where: str, key: str, known: list[str]) -> None:
        super().__init__(where, f"unknown key; known here: {', '.join(known)}.")
        self.key = key
        self.known = known


class Section:
    """One mapping of a file and the path that leads to it."""

    def __init__(self, value: Any, where: str) -> None:
        if not isinstance(value, dict):
            raise ValueOfWrongType(where, f"must be a mapping, is {_shown(value)}.")
        self._value: dict[str, Any] = value
        self.where = where

    def __contains__(self, key: str) -> bool:
        return self._value.get(key) is not None

    def path(self, key: str) -> str:
        """The path of one of the mapping's values."""
        return f"{self.where}.{key}"

    def only(self, known: Iterable[str]) -> None:
        """Refuse every key that is not known."""
        names = sorted(known)
        for key in self._value:
            if key not in names:
                raise KeyUnknown(self.path(key), key, names)

    def items(self) -> Iterator[tuple[str, Any]]:
        """Keys and values as they are."""
        return iter(self._value.items())

    def text(self, key: str, pattern: str | None = None, meaning: str = "") -> str:
        """A text; ``pattern`` is what all of it must match, ``meaning`` says so in words."""
        value = self._needed(key)
        if not isinstance(value, str):
            raise ValueOfWrongType(self.path(key), f"must be text, is {_shown(value)}.")
        if pattern is not None and re.fullmatch(pattern, value) is None:
            raise ValueRefused(self.path(key), f"must be {meaning}, is {value!r}.")
        return value

    def role(self, key: str) -> str | None:
        """A RAM role's ARN in lower case, as the component sends it; None if absent or empty."""
        if key not in self or not self.text(key):
            return None
        return self.text(key, _ROLE, "a role like acs:ram::123:role/name").lower()

    def one_of(self, key: str, allowed: Iterable[str]) -> str:
        """A text out of a few."""
        choice = sorted(allowed)
        value = self.text(key)
        if value not in choice:
            raise ChoiceUnknown(self.path(key), value, choice)
        return value

    def whole(self, key: str, lowest: int, highest: int) -> int:
        """A whole number within limits."""
        value = self._needed(key)
        if not isinstance(value, int) or isinstance(value, bool):
            hint = "; ${env(…)} always gives text" if isinstance(value, str) else ""
            raise ValueOfWrongType(self.path(key), f"must be a whole number, is {_shown(value)}{hint}.")
        if not lowest <= value <= highest:
            raise ValueRefused(self.path(key), f"must be {lowest} to {highest}, is {value}.")
        return value

    def number(self, key: str, lowest: float, highest: float) -> float:
        """A number within limits."""
        value = self._needed(key)
        if not isinstance(value, (int, float)) or isinstance(value, bool):
            raise ValueOfWrongType(self.path(key), f"must be a number, is {_shown(value)}.")
        if not lowest <= value <= highest:
            raise ValueRefused(self.path(key), f"must be {lowest} to {highest}, is {value}.")
        return float(value)

    def flag(self, key: str, default: bool) -> bool:
        """Yes or no."""
        value = self._value.get(key)
        if value is None:
            return default
        if not isinstance(value, bool):
            raise ValueOfWrongType(self.path(key), f"must be true or false, is {_shown(value)}.")
        return value

    def section(self, key: str) -> Section | None:
        """A mapping inside this one, if there."""
        value = self._value.get(key)
        return None if value is None else Section(value, self.path(key))

    def sections(self, key: str) -> list[Section]:
        """A list of mappings; empty if not there."""
        return [Section(item, f"{self.path(key)}[{index}]") for index, item in enumerate(self._list(key))]

    def texts(self, key: str, pattern: str, meaning: str) -> tuple[str, ...]:
        """A list of texts that match a pattern; empty if not there."""
        found = []
        for index, item in enumerate(self._list(key)):
            if not isinstance(item, str) or re.fullmatch(pattern, item) is None:
                raise ValueRefused(f"{self.path(key)}[{index}]", f"must be {meaning}, is {item!r}.")
            found.append(item)
        return tuple(found)

    def _list(self, key: str) -> list[Any]:
        value = self._value.get(key)
        if value is None:
            return []
        if not isinstance(value, list):
            raise ValueOfWrongType(self.path(key), f"must be a list, is {_shown(value)}.")
        return value

    def _needed(self, key: str) -> Any:
        value = self._value.get(key)
        if value is None:
            raise ValueMissing(self.path(key), "is missing.")
        return value


def _shown(value: Any) -> str:
    kinds = {bool: "true/false", int: "a number", float: "a number", str: "the text", list: "a list"}
    kind = kinds.get(type(value), "a mapping" if isinstance(value, dict) else "nothing")
    return f"{kind} {value!r}" if isinstance(value, (bool, int, float, str)) else kind
