"""One lock for each object that an instance is handling: what is about one object waits for each other."""

from __future__ import annotations

from threading import Lock
from weakref import WeakValueDictionary

from imm_label_tags.results.target import TargetObject


class ObjectLocks:
    """The locks; one that nobody holds or waits for is forgotten."""

    def __init__(self) -> None:
        self._guard = Lock()
        self._locks: WeakValueDictionary[TargetObject, _ObjectLock] = WeakValueDictionary()

    def of(self, target: TargetObject) -> _ObjectLock:
        """The lock of an object, a context."""
        with self._guard:
            lock = self._locks.get(target)
            if lock is None:
                lock = self._locks[target] = _ObjectLock()
            return lock


class _ObjectLock:
    def __init__(self) -> None:
        self._lock = Lock()

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(self, *_: object) -> None:
        self._lock.release()
