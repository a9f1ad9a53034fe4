"""The calls from upload to task: what OSS knows of the object, IMM's tasks for it, and a new one.

Sources: the SDKs' docstrings (alibabacloud_imm20200930 5.x), help.aliyun.com, HeadObject.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timezone
from functools import partial
from typing import Any, TypeVar

from alibabacloud_imm20200930.models import (
    MNS,
    CreateVideoLabelClassificationTaskRequest,
    ListTasksRequest,
    Notification,
)
from darabonba.runtime import RuntimeOptions

from imm_label_tags.errors import ServiceRejected, TaskNotFound
from imm_label_tags.events.imm_message import VIDEO_LABELS
from imm_label_tags.results.target import TargetObject
from imm_label_tags.results.task import parse_time
from imm_label_tags.retries import Timeouts
from imm_label_tags.services.imm import ImmCalls
from imm_label_tags.services.oss import OssCalls
from imm_label_tags.services.responses import UnreadableAnswer, text
from imm_label_tags.submission.object_version import TAG, SubmittedTask, tag_selector
from imm_label_tags.submission.selection import ObjectHead

_Answer = TypeVar("_Answer")


class UploadedObjects(OssCalls):
    """Looks at objects; one call and one attempt."""

    def head(self, target: TargetObject, timeouts: Timeouts) -> ObjectHead:
        """What an object is: HeadObject.

        Raises ObjectGone, AccessDenied, ServiceRejected, Throttled or ServiceUnavailable.
        """
        return self.head_of(target, timeouts, _head)


class ImmSubmissions(ImmCalls):
    """Creates tasks and finds those that were created; each method is one call and one attempt."""

    def tasks_of(
        self, project: str, target: TargetObject, version: str, timeouts: Timeouts
    ) -> tuple[SubmittedTask, ...]:
        """The tasks that carry an object's version in their Tags, of the last seven days: ListTasks.

        Raises AccessDenied, ServiceRejected, Throttled or ServiceUnavailable.
        """
        return self._list(
            project,
            f"the tasks for {target.uri}",
            timeouts,
            lambda body: None if body.tasks is None else tuple(submitted_task(task) for task in body.tasks),
            tag_selector=tag_selector(version),
            sort="StartTime",
            order="desc",
        )

    def _list(
        self,
        project: str,
        subject: str,
        timeouts: Timeouts,
        read: Callable[[Any], _Answer | None],
        **selection: Any,
    ) -> _Answer:
        request = ListTasksRequest(
            project_name=project, task_types=[VIDEO_LABELS], max_results=100, **selection
        )
        call = partial(self.client.list_tasks_with_options, request)
        return self._ask_about("ListTasks", project, subject, timeouts, call, read)

    def create(self, project: str, target: TargetObject, version: str, topic: str, timeouts: Timeouts) -> str:
        """Create a task that tells a topic of its end; returns its id: CreateVideoLabelClassificationTask.

        Each call makes one more task. Raises as ``tasks_of`` does.
        """
        request = CreateVideoLabelClassificationTaskRequest(
            project_name=project,
            source_uri=target.uri,
            notification=Notification(mns=MNS(topic_name=topic)),
            tags={TAG: version},
        )
        return self._ask_about(
            "CreateVideoLabelClassificationTask",
            project,
            target.uri,
            timeouts,
            partial(self.client.create_video_label_classification_task_with_options, request),
            lambda body: text(body.task_id) or None,
        )

    def _ask_about(
        self,
        action: str,
        project: str,
        subject: str,
        timeouts: Timeouts,
        call: Callable[[RuntimeOptions], Any],
        read: Callable[[Any], _Answer | None],
    ) -> _Answer:
        def present(body: Any) -> _Answer:
            answer = None if body is None else read(body)
            if answer is None:
                raise UnreadableAnswer("a body without what was asked for")
            return answer

        try:
            return self.ask(self.operation(action, project), subject, timeouts, call, present)
        except TaskNotFound:
            raise ServiceRejected(
                f"IMM {action} for {subject} was refused: IMM has no project {project} in the function's "
                "region. Check the setting IMM_PROJECT; before that a retry does not help.",
                code="ResourceNotFound",
            ) from None


def _head(result: Any) -> ObjectHead:
    written = result.last_modified
    if not isinstance(written, datetime) or not result.etag or not isinstance(result.content_length, int):
        raise UnreadableAnswer("no Last-Modified, ETag or Content-Length")
    return ObjectHead(
        etag=result.etag,
        size=result.content_length,
        written=written.replace(tzinfo=written.tzinfo or timezone.utc),
        storage_class=result.storage_class or "Standard",
        restore=result.restore or "",
    )


def submitted_task(info: Any) -> SubmittedTask:
    """A task of a list of IMM's."""
    return SubmittedTask(text(info.task_id), text(info.status), parse_time(text(info.start_time)))
