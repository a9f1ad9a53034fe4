"""One record replayed: its event handed to the function, and the record removed if the event has ended."""

from __future__ import annotations

from cli.cloud.calls import LASTING, CallFailed
from cli.failed.deployed import DeployedFunction, Failed
from cli.failed.record import Unreadable
from cli.failed.store import Store
from cli.failed.work import End, Ended


class Replay:
    """Replays records of a store. An event is handed over byte for byte, in the version that was selected.

    A record is removed after every notification of its event has ended in an outcome, and only if it still is
    what was replayed: a newer failure of the same request may have taken its place. OSS has no conditional
    delete; the version is compared immediately before.
    """

    def __init__(self, store: Store, function: DeployedFunction) -> None:
        self._store = store
        self._function = function

    def __call__(self, name: str, etag: str) -> Ended:
        """Replay one; raises CallFailed for what would keep every other from being replayed, too."""
        try:
            kept = self._store.read(name)
        except CallFailed as failure:
            return _stays(name, failure)
        if kept is None:
            return Ended(name, End.GONE)
        if kept.listed.etag != etag:
            return _changed(name)
        if isinstance(kept, Unreadable):
            return Ended(name, End.STAYS, error="Unreadable", message=kept.reason)
        answer = self._function.handle(kept.failed.event)
        if isinstance(answer, Failed):
            return Ended(
                name, End.STAYS, error=answer.error, message=answer.message, retryable=answer.retryable
            )
        return Removal(self._store)(name, etag, answer.statuses)


class Removal:
    """Removes records of a store, unless they have become others."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def __call__(self, name: str, etag: str, statuses: tuple[str, ...] = ()) -> Ended:
        """Remove one; raises CallFailed for what would keep every other from being removed, too."""
        try:
            now = self._store.find(name)
            if now is not None and now.etag != etag:
                return _changed(name)
            if now is not None:
                self._store.delete(name)
        except CallFailed as failure:
            return _stays(name, failure)
        return Ended(name, End.REMOVED, statuses)


def _changed(name: str) -> Ended:
    message = "There is another failure of the same request now, which was kept meanwhile."
    return Ended(name, End.STAYS, error="Changed", message=message)


def _stays(name: str, failure: CallFailed) -> Ended:
    if failure.obstacle in LASTING:
        raise failure
    return Ended(name, End.STAYS, error=failure.code or "NoAnswer", message=failure.said)
