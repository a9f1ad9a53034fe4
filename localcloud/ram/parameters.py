"""The parameters of a request, all of them in the query."""

from __future__ import annotations

from urllib.parse import parse_qsl

from localcloud.ram.refusals import Incorrect, InvalidParameter, MissingParameter, NotServedHere

_FLAGS = {"True": True, "true": True, "False": False, "false": False}


class Parameters:
    """The query of a request; every reading checks. An empty value counts as an absent one."""

    def __init__(self, raw_query: bytes) -> None:
        self._values = dict(parse_qsl(raw_query.decode("latin-1"), keep_blank_values=True))

    def text(self, name: str) -> str:
        """A mandatory text."""
        value = self.optional(name)
        if value is None:
            raise MissingParameter(name)
        return value

    def optional(self, name: str) -> str | None:
        """A text that may be absent."""
        return self._values.get(name) or None

    def flag(self, name: str) -> bool:
        """A boolean, false by default. The official SDK for Python sends ``True``, others ``true``."""
        value = self.optional(name) or "false"
        if value not in _FLAGS:
            raise Incorrect(name)
        return _FLAGS[value]

    def integer(self, name: str, lowest: int, highest: int) -> int | None:
        """A whole number within limits, if there is one."""
        value = self.optional(name)
        if value is None:
            return None
        if not (value.isascii() and value.isdigit() and lowest <= int(value) <= highest):
            problem = f'The parameter - "{name}" MUST be in the range of {lowest} and {highest}.'
            raise InvalidParameter(name, "", problem)
        return int(value)

    def choice(self, name: str, *allowed: str) -> str | None:
        """One of several words, if there is one."""
        value = self.optional(name)
        if value is not None and value not in allowed:
            raise Incorrect(name)
        return value

    def refuse(self, action: str, *names: str) -> None:
        """Refuse parameters that the action has and the local cloud would silently not obey."""
        for name in names:
            if self.optional(name) is not None:
                raise NotServedHere(f"the parameter {name} of {action}")
