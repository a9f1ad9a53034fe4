"""Objects' tags as the function reads and writes them, each call repeated as the function repeats it."""

from __future__ import annotations

from imm_label_tags.results.target import TargetObject
from imm_label_tags.retries import Deadline, RetryBudget, RetryPolicy
from imm_label_tags.services.calls import Calls
from imm_label_tags.services.oss import OssObjects
from imm_label_tags.services.responses import CallTimes
from imm_label_tags.tags.plan import TagSet

# Nobody waits for longer before a command; a function's timeout is no limit here.
PATIENCE_SECONDS = 60.0


class PatientObjects:
    """Tags of objects. Raises as OssObjects does, after the last attempt."""

    def __init__(self, objects: OssObjects) -> None:
        self._objects = objects
        self._retry_policy = RetryPolicy()

    def tags(self, target: TargetObject) -> TagSet:
        """An object's tags."""
        return self._attempts(target).call_with_retry(
            "GetObjectTagging", lambda timeouts: self._objects.tags(target, timeouts)
        )

    def replace_tags(self, target: TargetObject, tags: TagSet) -> None:
        """Write an object's whole tag set."""
        self._attempts(target).call_with_retry(
            "PutObjectTagging", lambda timeouts: self._objects.replace_tags(target, tags, timeouts)
        )

    def _attempts(self, target: TargetObject) -> Calls:
        deadline = Deadline(PATIENCE_SECONDS, self._retry_policy.clock)
        return Calls(RetryBudget(self._retry_policy, deadline), CallTimes(), target.uri)
