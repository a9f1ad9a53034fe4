"""One lock for each object that an instance is handling: what is about one object waits for each other."""

from __future__ import annotations

from collections.abc import Hashable
from threading import Lock
from weakref import WeakValueDictionary


class ObjectLocks:
    """The locks; one that nobody holds or waits for is forgotten."""

    def __init__(self) -> None:
        self._guard = Lock()
        self._locks: WeakValueDictionary[Hashable, Lock] = WeakValueDictionary()

    def of(self, target: Hashable) -> Lock:
        """The lock of an object, a context."""
        with self._guard:
            lock = self._locks.get(target)
            if lock is None:
                lock = self._locks[target] = Lock()
            return lock
