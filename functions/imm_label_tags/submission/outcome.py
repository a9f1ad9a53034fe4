"""How the submission of an object ended."""

from __future__ import annotations

from enum import Enum
from typing import Any, NamedTuple

from imm_label_tags.submission.selection import Exclusion


class SubmissionStatus(str, Enum):
    """The named ends of an upload that is no error."""

    SUBMITTED = "submitted"
    ALREADY_SUBMITTED = "already_submitted"
    NOT_VIDEO = "not_video"
    NOT_ALLOWED = "not_allowed"
    OBJECT_GONE = "object_gone"
    IGNORED = "ignored"


STATUS_OF_EXCLUSION = {
    Exclusion.NOT_VIDEO: SubmissionStatus.NOT_VIDEO,
    Exclusion.NOT_ALLOWED: SubmissionStatus.NOT_ALLOWED,
    Exclusion.ARCHIVED: SubmissionStatus.IGNORED,
}


class SubmissionOutcome(NamedTuple):
    """``object`` is an ``oss://`` URI; ``reason`` a sentence, None for ``submitted``."""

    status: SubmissionStatus
    object: str | None = None
    project_name: str | None = None
    task_id: str | None = None
    reason: str | None = None

    @classmethod
    def ignored(cls, reason: str) -> SubmissionOutcome:
        """The end of what is not for this function."""
        return cls(SubmissionStatus.IGNORED, reason=reason)

    @property
    def sentence(self) -> str:
        """What happened."""
        return self.reason or f"Task {self.task_id} was created for {self.object}."

    @property
    def fields(self) -> dict[str, Any]:
        """What the log's line has of it."""
        return {"task_id": self.task_id, "project": self.project_name, "object": self.object}

    def as_dict(self) -> dict[str, Any]:
        """The outcome in the handler's JSON form."""
        return {**self._asdict(), "status": self.status.value}
