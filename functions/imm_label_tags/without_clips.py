"""IMM's answer without the clips of its labels, taken out while it arrives.

A label may have thousands of clips (when it is seen), of which the tags need none. The SDK would hold all of
them in memory, at about fifteen times the size of the answer.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

CHUNK_BYTES = 1 << 16
# In JSON only a key is followed by a colon, and a quotation mark inside of a text has a backslash before it.
_KEY = re.compile(rb'(?<!\\)"Clips"\s*:\s*\[')
_LONGEST_KEY = 64
# What an array of clips holds: no text with an escape, no array inside of another one.
_PLAIN = re.compile(rb'(?:[^\[\]"]+|"[^"\\]*"|\[[^\[\]"]*\])+')
_TOKEN = re.compile(rb'[^\[\]"]+|"(?:[^"\\]|\\.)*"|[\[\]]', re.DOTALL)


class ClipFilter:
    """Takes JSON piece by piece and gives it back with every array under a key ``Clips`` empty."""

    def __init__(self) -> None:
        self._buffer = b""
        self._depth = 0

    def feed(self, piece: bytes) -> bytes:
        """What can be given back of all that has come so far."""
        self._buffer += piece
        kept: list[bytes] = []
        while self._skip() if self._depth else self._keep(kept):
            pass
        return b"".join(kept)

    def finish(self) -> bytes:
        """What is left at the end: nothing of an array that broke off."""
        left = b"" if self._depth else self._buffer
        self._buffer = b""
        return left

    def _keep(self, kept: list[bytes]) -> bool:
        """Give back up to the next array of clips; whether one begins."""
        match = _KEY.search(self._buffer)
        if match is None:
            # A key may be cut in two, and what stands before it decides whether it is one.
            end = max(0, len(self._buffer) - _LONGEST_KEY)
            while self._buffer[max(0, end - 1) : end] == b"\\":
                end -= 1
            kept.append(self._buffer[:end])
            self._buffer = self._buffer[end:]
            return False
        kept.append(self._buffer[: match.end()])
        self._buffer = self._buffer[match.end() :]
        self._depth = 1
        return True

    def _skip(self) -> bool:
        """Drop up to the end of the array; whether that has come."""
        at = 0
        while at < len(self._buffer):
            if self._depth == 1 and (plain := _PLAIN.match(self._buffer, at)) is not None:
                at = plain.end()
                continue
            token = _TOKEN.match(self._buffer, at)
            if token is None:
                break
            self._depth += (token[0] == b"[") - (token[0] == b"]")
            if self._depth == 0:
                self._buffer = self._buffer[at:]
                return True
            at = token.end()
        self._buffer = self._buffer[at:]
        return False


class WithoutClips:
    """The body of an answer (urllib3's) as ``requests`` reads it, without clips."""

    def __init__(self, raw: Any) -> None:
        self._raw = raw

    def stream(self, amount: int, decode_content: bool | None = None) -> Iterator[bytes]:
        """The pieces of the body."""
        clips = ClipFilter()
        for piece in self._raw.stream(max(amount, CHUNK_BYTES), decode_content=decode_content):
            yield clips.feed(piece)
        yield clips.finish()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._raw, name)
