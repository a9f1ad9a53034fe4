"""A request that a service does not carry out, and the parameters that RPC services read from a query."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from urllib.parse import parse_qsl

FLAGS = {"True": True, "true": True, "False": False, "false": False}
NO_DETAIL: Mapping[str, str] = MappingProxyType({})


class RequestRefused(Exception):
    """A request that is not carried out, with the status and code that are answered.

    ``detail`` is the AccessDeniedDetail of the answer.
    """

    def __init__(self, status: int, code: str, message: str, detail: Mapping[str, str] = NO_DETAIL) -> None:
        super().__init__(f"{code}: {message}")
        self.status = status
        self.code = code
        self.message = message
        self.detail = detail


class MissingParameter(RequestRefused):
    """A mandatory parameter is absent or empty."""

    def __init__(self, name: str) -> None:
        super().__init__(400, f"Missing{name}", f"{name} is mandatory for this action.")


class Parameters:
    """The query of a request; each service adds what it checks. An empty value counts as an absent one."""

    def __init__(self, raw_query: bytes) -> None:
        self._values = dict(parse_qsl(raw_query.decode("latin-1"), keep_blank_values=True))

    def text(self, name: str) -> str:
        """A mandatory text; raises MissingParameter."""
        value = self.optional(name)
        if value is None:
            raise MissingParameter(name)
        return value

    def optional(self, name: str) -> str | None:
        """A text that may be absent."""
        return self._values.get(name) or None

    def whole_number(self, name: str, lowest: int, highest: int) -> int | None:
        """A whole number within limits, if there is one; raises ValueError."""
        value = self.optional(name)
        if value is None:
            return None
        if not (value.isascii() and value.isdigit() and lowest <= int(value) <= highest):
            raise ValueError(value)
        return int(value)
