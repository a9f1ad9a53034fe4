"""One record replayed or removed: its event handed to the deployed function, and the record removed after."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timezone
from enum import Enum

from cli.cloud.calls import LASTING, CallFailed
from cli.cloud.invoking import Answer, DeployedFunction
from cli.failed.groups import Groups
from cli.failed.store import Store, Unreadable
from imm_label_tags.failures.failed_event import RETRYABLE
from imm_label_tags.results.outcome import Status


class End(Enum):
    """What has become of a record."""

    REMOVED = "removed"
    GONE = "gone"
    STAYS = "stays"


@dataclass(frozen=True)
class Ended:
    """A record that was worked on.

    ``statuses`` are the outcomes of its event. ``error``, ``message`` and ``retryable`` say why it stays.
    """

    name: str
    end: End
    statuses: tuple[str, ...] = ()
    error: str = ""
    message: str = ""
    retryable: bool | None = None


class Tally:
    """Counts ends. ``stayed`` groups what stays by why; ``examples`` has a name for each of these groups."""

    def __init__(self) -> None:
        self.ends: Counter[End] = Counter()
        self.statuses: Counter[str] = Counter()
        self.stayed = Groups()
        self.examples: dict[str, str] = {}

    def add(self, ended: Ended) -> None:
        """Count one."""
        self.ends[ended.end] += 1
        self.statuses.update(ended.statuses)
        if ended.end is End.STAYS:
            self.stayed.add(ended.error, datetime.now(timezone.utc), ended.retryable, ended.message)
            self.examples.setdefault(ended.error, ended.name)


class Stays(Exception):
    """Why a record is not removed; ``error`` is a class or a service's code."""

    def __init__(self, error: str, message: str, retryable: bool | None = None) -> None:
        super().__init__(message)
        self.error = error
        self.message = message
        self.retryable = retryable


class Removal:
    """Removes records of a store, in the version that was selected.

    A newer failure of the same request may have taken a record's place, and that one stays. OSS has no
    conditional delete; the version is compared immediately before.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def __call__(self, name: str, etag: str) -> Ended:
        """Remove one; raises CallFailed for what would keep every other from being removed, too."""
        try:
            statuses = self.before(name, etag)
            if statuses is None:
                return Ended(name, End.GONE)
            now = self._store.find(name)
            if now is not None:
                _check_version(now.head.etag, etag)
                self._store.delete(name)
            return Ended(name, End.REMOVED, statuses)
        except Stays as why:
            return Ended(name, End.STAYS, (), why.error, why.message, why.retryable)
        except CallFailed as failure:
            if failure.obstacle in LASTING:
                raise
            return Ended(name, End.STAYS, (), failure.code or "NoAnswer", failure.message)

    def before(self, name: str, etag: str) -> tuple[str, ...] | None:
        """What has to be done before; gives the outcomes of it, None where the record is gone.

        Raises Stays and CallFailed.
        """
        return ()


class Replay(Removal):
    """Hands a record's event to the function, byte for byte, before the record is removed."""

    def __init__(self, store: Store, function: DeployedFunction) -> None:
        super().__init__(store)
        self._function = function

    def before(self, name: str, etag: str) -> tuple[str, ...] | None:
        """Replay one. It stays unless every notification of its event has ended in an outcome."""
        kept = self._store.read(name)
        if kept is None:
            return None
        _check_version(kept.listed.head.etag, etag)
        if isinstance(kept, Unreadable):
            raise Stays("Unreadable", kept.reason)
        return outcomes_in(self._function.invoke(kept.failed.event))


def outcomes_in(answer: Answer) -> tuple[str, ...]:
    """The outcomes that an answer of ``tag_object`` tells.

    Raises Stays for an error, and for anything that is not a list of known outcomes. Neither is an event
    handled of which everything was ignored: it is for another function, which alone can bring it to its end.
    """
    try:
        content = json.loads(answer.body)
    except (ValueError, RecursionError):
        content = None
    match content:
        case {"errorType": str(error), "errorMessage": str(message)} if answer.error and error:
            raise Stays(error, message, RETRYABLE.get(error))
        case _ if answer.error:
            raise Stays(answer.error, answer.body.decode("utf-8", "replace"))
        case {"outcomes": [*outcomes]} if outcomes:
            statuses = [one.get("status") if isinstance(one, dict) else None for one in outcomes]
        case _:
            statuses = [None]
    known = {status.value for status in Status}
    if not all(isinstance(status, str) and status in known for status in statuses):
        raise Stays(
            "UnknownAnswer",
            "The answer is not that of tag_object: the outcome is not known. Check the name of the function.",
        )
    if set(statuses) == {Status.IGNORED.value}:
        raise Stays(
            "NotOfThisFunction",
            "The function ignores the event, which is for another: an upload for submit_video, for example. "
            "`imm-label-tags backfill` submits what was uploaded; `failed drop` removes the record.",
            retryable=False,
        )
    return tuple(map(str, statuses))


def _check_version(found: str, selected: str) -> None:
    if found != selected:
        raise Stays("Changed", "There is another failure of the same request now, which was kept meanwhile.")
