"""The parameters of a request: all of them are in the query, objects and arrays as JSON."""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Any

from localcloud.imm.refusals import InvalidParameter
from localcloud.refusals import FLAGS, Parameters


class ImmParameters(Parameters):
    """The query of a request; every reading checks, and refuses what IMM would not take."""

    def flag(self, name: str) -> bool:
        """A boolean, false by default. The official SDK for Python sends ``True``, others ``true``."""
        value = self.optional(name)
        if value is None:
            return False
        if value not in FLAGS:
            raise InvalidParameter(name, "It must be true or false.")
        return FLAGS[value]

    def integer(self, name: str, lowest: int, highest: int, default: int) -> int:
        """A whole number within limits."""
        try:
            value = self.whole_number(name, lowest, highest)
        except ValueError:
            raise InvalidParameter(name, f"It must be a whole number from {lowest} to {highest}.") from None
        return default if value is None else value

    def choice(self, name: str, allowed: Collection[str], default: str) -> str:
        """One of several words."""
        value = self.optional(name)
        if value is None:
            return default
        if value not in allowed:
            raise InvalidParameter(name, f"It must be one of {', '.join(allowed)}.")
        return value

    def json_object(self, name: str) -> dict[str, Any]:
        """A JSON object, empty by default."""
        value = self._json(name, {})
        if not isinstance(value, dict):
            raise InvalidParameter(name, "It must be a JSON object.")
        return value

    def json_texts(self, name: str) -> list[str]:
        """A JSON array of strings, empty by default."""
        value = self._json(name, [])
        if not (isinstance(value, list) and all(isinstance(item, str) for item in value)):
            raise InvalidParameter(name, "It must be a JSON array of strings.")
        return value

    def json_tags(self, name: str) -> list[dict[str, str]]:
        """A JSON array of ``{"Key": …, "Value": …}``, empty by default."""
        value = self._json(name, [])
        if not (isinstance(value, list) and all(_is_tag(item) for item in value)):
            raise InvalidParameter(name, 'It must be a JSON array of {"Key": "…", "Value": "…"}.')
        return value

    def _json(self, name: str, default: Any) -> Any:
        value = self.optional(name)
        if value is None:
            return default
        try:
            content = json.loads(value)
            json.dumps(content, ensure_ascii=False).encode()  # fails for half a surrogate pair
        except ValueError:
            raise InvalidParameter(name, "It is not JSON.") from None
        return content


def _is_tag(item: object) -> bool:
    return (
        isinstance(item, dict)
        and set(item) == {"Key", "Value"}
        and all(isinstance(value, str) for value in item.values())
    )
