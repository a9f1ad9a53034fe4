"""What RAM and STS answer to bad parameters.

Sources: alibabacloud.com/help, RAM "Error messages" (28754) and the API pages of each action.
"""

from __future__ import annotations

import re

from localcloud.refusals import RequestRefused

MAX_DESCRIPTION = 1024


class InvalidParameter(RequestRefused):
    """A parameter's value is not one that the action takes; ``kind`` says in which way."""

    def __init__(self, name: str, problem: str, kind: str = "") -> None:
        super().__init__(400, ".".join(filter(None, ("InvalidParameter", name, kind))), problem)


def incorrect(name: str, rule: str) -> RequestRefused:
    """A value that breaks a rule, in RAM's own code and words."""
    return InvalidParameter(name, f'The parameter - "{name}" is incorrect. {rule}')


def check_length(parameter: str, length: int, longest: int) -> None:
    """Raise InvalidParameter for a text that is longer than it may be."""
    if length > longest:
        raise InvalidParameter(parameter, f'The parameter - "{parameter}" beyond the length limit.', "Length")


def check_name(parameter: str, name: str, longest: int, characters: str) -> None:
    """Raise InvalidParameter for a name that is too long, or has others than these characters."""
    check_length(parameter, len(name), longest)
    if not re.fullmatch(f"[{characters}]+", name, re.ASCII):
        problem = f'The parameter - "{parameter}" contains invalid chars.'
        raise InvalidParameter(parameter, problem, "InvalidChars")
