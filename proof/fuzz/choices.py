"""Structured values out of bytes, so that an engine that knows only bytes can shape what a target is given.

The same bytes always give the same values. Where they are used up, all that follows is zero, the first
choice or the empty text, so that every input is finite.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

_Value = TypeVar("_Value")

_LEGAL = "abcxyzABCXYZ0189 +-=._:/"
_CHINESE = "椅子家具食物事重庆长城绿色音乐会行，。（）"
_TROUBLE = (
    "\0\t\n\r\x1b\x7f\x85\xa0\xad\u0300\u0316\u061c\u200b\u200d\u2028\u2029\u202e\u2066\u3000\ud800\udfff\ufdfa"
    "\ufeff\ufffd\uffffＡ１é€ßİıſK🎉\U000e0041セッ한글مر%?#&<>\"'\\|*~{}[]"
)


class Choices:
    """Reads values from bytes."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._position = 0

    @property
    def exhausted(self) -> bool:
        """Whether all bytes are used up."""
        return self._position >= len(self._data)

    def byte(self) -> int:
        """The next byte."""
        if self.exhausted:
            return 0
        self._position += 1
        return self._data[self._position - 1]

    def number(self, size: int) -> int:
        """A number of so many bytes."""
        return int.from_bytes(bytes(self.byte() for _ in range(size)), "big")

    def below(self, limit: int) -> int:
        """A number from 0 to ``limit`` - 1; at most 256 different ones."""
        return self.byte() % limit

    def flag(self) -> bool:
        """Yes or no."""
        return bool(self.byte() & 1)

    def pick(self, values: Sequence[_Value]) -> _Value:
        """One of at most 256 values."""
        return values[self.below(len(values))]

    def rest(self) -> bytes:
        """All bytes that are left."""
        rest = self._data[self._position :]
        self._position = len(self._data)
        return rest

    def text(self) -> str:
        """A text of up to 63 characters of one kind, or of up to 2,000 that repeats a short one."""
        kind, length = divmod(self.byte(), 64)
        if kind == 3 and length >= 32:
            return (self._short(self.below(3), length - 31) * 2000)[: self.below(8) * 285]
        return self._short(kind, length)

    def _short(self, kind: int, length: int) -> str:
        if kind == 0:
            return "".join(self.pick(_LEGAL) for _ in range(length))
        if kind == 1:
            return "".join(self.pick(_CHINESE + _TROUBLE) for _ in range(length))
        if kind == 2:
            return "".join(chr(self.number(3) % 0x110000) for _ in range(length))
        return bytes(self.byte() for _ in range(length)).decode("utf-8", "replace")
