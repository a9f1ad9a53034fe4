"""What messages have in common: the same sentence about other tasks and objects is one form."""

from __future__ import annotations

import re
from collections import Counter

LONGEST = 200
_REMEMBERED = 500

_URI = re.compile(r"oss://[^\s,;()]+")
# A word with a digit in it is an id or a time; what is short may be a status such as 503.
_ID = re.compile(r"(?<![^\s,;()])(?=[^\s,;()]*\d)[^\s,;()]{5,}?(?=[.:]?(?:[\s,;()]|$))")
_SPACE = re.compile(r"\s+")


def form_of(message: str) -> str:
    """A message without what is particular to one case, on one line."""
    text = _SPACE.sub(" ", message[: 10 * LONGEST]).strip()
    return shortened(printable(_ID.sub("…", _URI.sub("oss://…", text))), LONGEST)


def printable(text: str) -> str:
    """A text on one line, with nothing in it that a terminal obeys."""
    return "".join(_shown(char) for char in text)


def shortened(text: str, length: int) -> str:
    """The beginning of a text that is too long."""
    return text if len(text) <= length else text[: length - 1] + "…"


def _shown(char: str) -> str:
    if char.isprintable():
        return char
    return " " if char.isspace() else ascii(char)[1:-1]


class Forms:
    """How often each form occurs, in bounded memory.

    Where there are many forms the rare ones are forgotten (Misra and Gries, "Finding repeated elements",
    1982): one that makes up more than one of 500 messages stays.
    """

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self._counts)

    def add(self, message: str) -> None:
        """Count a message."""
        form = form_of(message)
        if form in self._counts or len(self._counts) < _REMEMBERED:
            self._counts[form] += 1
            return
        self._counts = Counter({form: count - 1 for form, count in self._counts.items() if count > 1})

    @property
    def most_frequent(self) -> str:
        """The form that occurs most often; of several the first."""
        return max(self._counts, key=self._counts.__getitem__, default="")
