"""JSON that somebody else wrote: read without trusting its size, its depth or its numbers."""

from __future__ import annotations

import json


def parse_json(text: str) -> object:
    """The value of a JSON text, or None where it is none (or ``null``).

    No number is ever used here, so not even one of a million digits is worked out: all read as False.
    """
    try:
        return json.loads(text, parse_int=_nothing, parse_float=_nothing, parse_constant=_nothing)
    except (ValueError, RecursionError):
        return None


def _nothing(number: str) -> bool:
    return False
