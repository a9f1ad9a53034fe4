"""How a notification ended."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Any, NamedTuple


class Status(str, Enum):
    """The named ends of a notification that is no error."""

    TAGGED = "tagged"
    UNCHANGED = "unchanged"
    SUPERSEDED = "superseded"
    STALE = "stale"
    OBJECT_GONE = "object_gone"
    TASK_FAILED = "task_failed"
    TAG_LIMIT = "tag_limit"
    NOT_ALLOWED = "not_allowed"
    IGNORED = "ignored"


class DropReason(str, Enum):
    """Why a label did not become a tag."""

    CONFIDENCE = "confidence"
    LIMIT = "limit"
    COLLISION = "collision"


class Dropped(NamedTuple):
    """A label that did not become a tag."""

    label: str
    reason: DropReason


class Outcome(NamedTuple):
    """The end of one notification.

    ``object`` is an ``oss://`` URI. ``tags`` is the object's whole tag set after the call, None where it
    was not read. ``archived`` is the URI of the document that holds the whole result, None where none was
    written. ``reason`` is a sentence, None for ``tagged`` and ``unchanged``.
    """

    status: Status
    project_name: str | None = None
    task_id: str | None = None
    object: str | None = None
    tags: Mapping[str, str] | None = None
    dropped: tuple[Dropped, ...] = ()
    archived: str | None = None
    reason: str | None = None

    @classmethod
    def ignored(cls, reason: str) -> Outcome:
        """The end of what is not for this function."""
        return cls(Status.IGNORED, reason=reason)

    @property
    def sentence(self) -> str:
        """What happened."""
        return self.reason or f"The tags of {self.object} are {_IN_WORDS[self.status]}."

    @property
    def fields(self) -> dict[str, Any]:
        """What the log's line has of it."""
        return {
            "task_id": self.task_id,
            "project": self.project_name,
            "object": self.object,
            "tags": None if self.tags is None else len(self.tags),
            "dropped": len(self.dropped) if self.status in _IN_WORDS else None,
        }

    def as_dict(self) -> dict[str, Any]:
        """The outcome in the handler's JSON form."""
        return {
            **self._asdict(),
            "status": self.status.value,
            "tags": None if self.tags is None else dict(self.tags),
            "dropped": [{"label": drop.label, "reason": drop.reason.value} for drop in self.dropped],
        }


_IN_WORDS = {Status.TAGGED: "written", Status.UNCHANGED: "what they should be"}
