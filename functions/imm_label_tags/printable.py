"""A text in which everything can be seen, on one line."""

from __future__ import annotations

import json


def printable(text: str) -> str:
    """The text with JSON's escapes for all that breaks a line, hides in it or turns its direction round.

    JSON text stays the same JSON.
    """
    return text if text.isprintable() else text.translate(_Escapes())


class _Escapes(dict[int, str]):
    """By code point: the character, or its escape where it is not printable."""

    def __missing__(self, code: int) -> str:
        character = chr(code)
        self[code] = character if character.isprintable() else json.dumps(character)[1:-1]
        return self[code]
