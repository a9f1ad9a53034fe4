"""A request that a service does not carry out, and the parameters that RPC services read from a request."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType

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


class InvalidParameter(RequestRefused):
    """A parameter's value is not one that the action takes."""

    def __init__(self, name: str, rule: str) -> None:
        super().__init__(400, f"Invalid{name}", f"Specified parameter {name} is not valid. {rule}")


class NotServedHere(RequestRefused):
    """The real service can do it and the local cloud cannot."""

    def __init__(self, what: str) -> None:
        super().__init__(501, "NotImplemented", f"The local cloud does not implement {what}.")


class Parameters:
    """The parameters of a request by their names; every reading checks. An empty value counts as absent.

    ``invalid`` is what is answered to a value of a parameter that breaks a rule.
    """

    def __init__(
        self, values: Mapping[str, str], invalid: Callable[[str, str], RequestRefused] = InvalidParameter
    ) -> None:
        self.values = values
        self.invalid = invalid

    def text(self, name: str) -> str:
        """A mandatory text; raises MissingParameter."""
        value = self.optional(name)
        if value is None:
            raise MissingParameter(name)
        return value

    def optional(self, name: str) -> str | None:
        """A text that may be absent."""
        return self.values.get(name) or None

    def flag(self, name: str) -> bool:
        """A boolean, false by default. The official SDK for Python sends ``True``, others ``true``."""
        value = self.optional(name) or "false"
        if value not in FLAGS:
            raise self.invalid(name, "It must be true or false.")
        return FLAGS[value]

    def integer(self, name: str, lowest: int, highest: int) -> int | None:
        """A whole number within limits, if there is one."""
        value = self.optional(name)
        if value is None:
            return None
        if not (value.isascii() and value.isdigit() and lowest <= int(value) <= highest):
            raise self.invalid(name, f"It must be a whole number from {lowest} to {highest}.")
        return int(value)

    def choice(self, name: str, *allowed: str) -> str | None:
        """One of several words, if there is one."""
        value = self.optional(name)
        if value is not None and value not in allowed:
            raise self.invalid(name, f"It must be one of {', '.join(allowed)}.")
        return value

    def refuse(self, names: Iterable[str], action: str) -> None:
        """Refuse parameters that the action has and the local cloud would silently not obey."""
        for name in names:
            if self.optional(name) is not None:
                raise NotServedHere(f"the parameter {name} of {action}")
