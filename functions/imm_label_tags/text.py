"""Text that somebody else wrote: JSON read without trusting it, and what is shown short and visible."""

from __future__ import annotations

import json


def parse_json(text: str) -> object:
    """The value of a JSON text, or None where it is not JSON (or ``null``).

    Size, depth and numbers are not trusted. No number is ever used here, so not even one of a million digits
    is computed: all read as False.
    """
    try:
        return _DECODER.decode(text)
    except (ValueError, RecursionError):
        return None


def text_of(value: object) -> str:
    """A text of an answer, "" where there is none: the SDKs write absent fields of errors as 'None'."""
    return value if isinstance(value, str) and value != "None" else ""


def truncate_middle(text: str, limit: int) -> str:
    """The text if it has at most ``limit`` characters, else so many of them and a note between them.

    What happened stands at the beginning of a message, and what to do at its end; so in a traceback.
    """
    if len(text) <= limit:
        return text
    end = limit // 4
    left_out = len(text) - limit
    return f"{text[: limit - end]} [{left_out} characters left out] {text[len(text) - end :]}"


def escape_unprintable(text: str) -> str:
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


def _nothing(number: str) -> bool:
    return False


_DECODER = json.JSONDecoder(parse_int=_nothing, parse_float=_nothing, parse_constant=_nothing)
