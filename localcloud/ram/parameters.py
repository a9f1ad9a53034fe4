"""The parameters of a request, all of them in the query."""

from __future__ import annotations

from localcloud.ram.refusals import Incorrect, InvalidParameter, NotServedHere
from localcloud.refusals import FLAGS, Parameters


class RamParameters(Parameters):
    """The query of a request; every reading checks."""

    def flag(self, name: str) -> bool:
        """A boolean, false by default. The official SDK for Python sends ``True``, others ``true``."""
        value = self.optional(name) or "false"
        if value not in FLAGS:
            raise Incorrect(name)
        return FLAGS[value]

    def integer(self, name: str, lowest: int, highest: int) -> int | None:
        """A whole number within limits, if there is one."""
        try:
            return self.whole_number(name, lowest, highest)
        except ValueError:
            problem = f'The parameter - "{name}" MUST be in the range of {lowest} and {highest}.'
            raise InvalidParameter(name, "", problem) from None

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
