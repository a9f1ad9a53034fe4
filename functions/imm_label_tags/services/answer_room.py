"""How much of an instance's memory the answers to its calls may take."""

from __future__ import annotations

from threading import Lock
from typing import Any

PIECE_BYTES = 1 << 16
MEGABYTE = 1 << 20
# The instance itself, with a batch of notifications. Measured: 34 MB, and 126 MB with 10,000 notifications.
OWN_MEGABYTES = 128
# Measured: the SDK's models of IMM's answer take 16 times its size where labels have clips, 9 times where
# not. Twice that, since memory that was given back is not always used again.
MEMORY_PER_BYTE = 32
LEAST_MEGABYTES = 1
# Where the context does not tell the function's memory: fc3's default.
ASSUMED_MEGABYTES = 512


class TooLarge(Exception):
    """An answer has no room even where there is no other."""


class NoRoom(Exception):
    """An answer has no room beside those that are being read at the same time."""


class AnswerRoom:
    """The bytes (decoded) of all answers that may be in memory at one time."""

    def __init__(self, size: int) -> None:
        self.size = size
        self._free = size
        self._lock = Lock()

    @classmethod
    def of(cls, context: Any) -> AnswerRoom:
        """What the function's memory, which the context tells in MB, has room for."""
        memory = str(getattr(getattr(context, "function", None), "memory", None))
        megabytes = int(memory) if memory.isascii() and memory.isdecimal() else ASSUMED_MEGABYTES
        size = (megabytes - OWN_MEGABYTES) * MEGABYTE // MEMORY_PER_BYTE
        return cls(max(size, LEAST_MEGABYTES * MEGABYTE))

    def take(self, number: int) -> None:
        """Take a number of bytes; a negative number gives them back. Raises NoRoom."""
        with self._lock:
            if number > self._free:
                raise NoRoom("more than there is room for beside the other answers of this moment")
            self._free -= number


class Share:
    """What the answer to one call takes of the room."""

    def __init__(self, room: AnswerRoom) -> None:
        self._room = room
        self._taken = 0

    def read(self, response: Any) -> bytes:
        """The whole body of urllib3's response, unpacked. Raises TooLarge, NoRoom and urllib3's errors."""
        announced = response.length_remaining or 0
        self._check(announced, f"{announced / MEGABYTE:.1f} MB, ")
        pieces = []
        for piece in response.stream(PIECE_BYTES, decode_content=True):
            self._check(self._taken + len(piece))
            self._room.take(len(piece))
            self._taken += len(piece)
            pieces.append(piece)
        return b"".join(pieces)

    def give_back(self) -> None:
        """Give back what was taken."""
        self._room.take(-self._taken)
        self._taken = 0

    def _check(self, expected: int, announced: str = "") -> None:
        if expected > self._room.size:
            raise TooLarge(f"{announced}more than {self._room.size / MEGABYTE:.1f} MB")
