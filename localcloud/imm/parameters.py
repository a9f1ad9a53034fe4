"""The parameters of a request to IMM, of which objects and arrays are JSON."""

from __future__ import annotations

import json
from typing import Any

from localcloud.refusals import Parameters


class ImmParameters(Parameters):
    """The parameters of a request; every reading refuses what IMM would not take."""

    def json_object(self, name: str) -> dict[str, Any]:
        """A JSON object, empty by default."""
        value = self._json(name, {})
        if not isinstance(value, dict):
            raise self.invalid(name, "It must be a JSON object.")
        return value

    def json_texts(self, name: str) -> list[str]:
        """A JSON array of strings, empty by default."""
        value = self._json(name, [])
        if not (isinstance(value, list) and all(isinstance(item, str) for item in value)):
            raise self.invalid(name, "It must be a JSON array of strings.")
        return value

    def json_tags(self, name: str) -> list[dict[str, str]]:
        """A JSON array of ``{"Key": …, "Value": …}``, empty by default."""
        value = self._json(name, [])
        if not (isinstance(value, list) and all(_is_tag(item) for item in value)):
            raise self.invalid(name, 'It must be a JSON array of {"Key": "…", "Value": "…"}.')
        return value

    def _json(self, name: str, default: Any) -> Any:
        value = self.optional(name)
        if value is None:
            return default
        try:
            content = json.loads(value)
            json.dumps(content, ensure_ascii=False).encode()  # fails for half a surrogate pair
        except ValueError:
            raise self.invalid(name, "It is not JSON.") from None
        return content


def _is_tag(item: object) -> bool:
    return (
        isinstance(item, dict)
        and set(item) == {"Key", "Value"}
        and all(isinstance(value, str) for value in item.values())
    )
