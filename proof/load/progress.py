"""Says what is going on, with the seconds since the beginning."""

from __future__ import annotations

import time
from collections.abc import Callable

Tell = Callable[[str], None]


class Progress:
    """Hands each line on with the time that it was said."""

    def __init__(self, write: Tell) -> None:
        self._write = write
        self._began = time.monotonic()

    def tell(self, text: str) -> None:
        """Say something."""
        self._write(f"{time.monotonic() - self._began:6.1f} s  {text}")
