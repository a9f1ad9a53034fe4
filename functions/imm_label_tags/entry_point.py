"""What Function Compute calls of each function: ``initialize`` and ``handler``, over one started instance."""

from __future__ import annotations

import gc
import os
from collections.abc import Callable, Iterator, MutableMapping
from contextlib import contextmanager
from time import monotonic
from typing import Any, Protocol


class Instance(Protocol):
    """A started instance of a function."""

    def handle(self, event: bytes, context: Any, *, spent_seconds: float = 0.0) -> dict[str, Any]:
        """Handle one invocation, of whose time some may be spent already."""


class EntryPoint:
    """Starts the instance where the initializer, or else the first invocation, asks for it."""

    def __init__(
        self,
        start: Callable[[MutableMapping[str, str], Any], Instance],
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self.instance: Instance | None = None
        self.clock = clock
        self._start = start

    def initialize(self, context: Any) -> None:
        """Start the instance. Raises InvalidSetting."""
        self.instance = self._started(context)

    def handle(self, event: bytes, context: Any) -> dict[str, Any]:
        """Handle one invocation; a start that happens in it is a part of its time."""
        if self.instance is not None:
            return self.instance.handle(event, context)
        began = self.clock()
        self.instance = self._started(context)
        return self.instance.handle(event, context, spent_seconds=self.clock() - began)

    def _started(self, context: Any) -> Instance:
        with collector_at_rest():
            instance = self._start(os.environ, context)
            gc.freeze()
            return instance


@contextmanager
def collector_at_rest() -> Iterator[None]:
    """No collecting of garbage while what is created lives as long as the instance: it would find nothing."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
