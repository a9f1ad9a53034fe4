"""The calls from upload to task: what OSS knows of the object, IMM's tasks for it, and a new one.

Sources: the SDKs' docstrings (alibabacloud_imm20200930 5.x), help.aliyun.com, HeadObject.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any, TypeVar

import alibabacloud_oss_v2 as oss
from alibabacloud_imm20200930.models import (
    MNS,
    CreateVideoLabelClassificationTaskRequest,
    ListTasksRequest,
    Notification,
)

from imm_label_tags.errors import ServiceRejected, TaggingError, TaskNotFound
from imm_label_tags.events.imm_message import VIDEO_LABELS
from imm_label_tags.results.target import TargetObject
from imm_label_tags.results.task import RUNNING, parse_time
from imm_label_tags.retries import Timeouts
from imm_label_tags.services.imm import ImmTasks, runtime_options
from imm_label_tags.services.oss import OssCalls, call_options
from imm_label_tags.services.responses import Operation, malformed_response, text
from imm_label_tags.services.tag_xml import UnreadableTagSet
from imm_label_tags.submission.object_version import TAG, SubmittedTask, tag_selector
from imm_label_tags.submission.selection import ObjectHead

_Answer = TypeVar("_Answer")


class UploadedObjects(OssCalls):
    """Looks at objects; one call and one attempt."""

    def head(self, target: TargetObject, timeouts: Timeouts) -> ObjectHead:
        """What an object is: HeadObject.

        Raises ObjectGone, AccessDenied, ServiceRejected, Throttled or ServiceUnavailable.
        """
        request = oss.HeadObjectRequest(bucket=target.bucket, key=target.key)
        return self.ask(
            self.operation("HeadObject", "oss:GetObject", target),
            target,
            lambda: self.client.head_object(request, **call_options(timeouts)),
            _head,
        )


class ImmSubmissions(ImmTasks):
    """Creates tasks and finds those that were created; each method is one call and one attempt."""

    def tasks_of(self, project: str, version: str, timeouts: Timeouts) -> tuple[SubmittedTask, ...]:
        """The tasks that carry a version in their Tags, of the last seven days: ListTasks.

        Raises AccessDenied, ServiceRejected, Throttled or ServiceUnavailable.
        """
        request = ListTasksRequest(
            project_name=project,
            tag_selector=tag_selector(version),
            task_types=[VIDEO_LABELS],
            max_results=100,
            sort="StartTime",
            order="desc",
        )
        return self._ask_about(
            Operation("IMM", "ListTasks", "imm:ListTasks", self._resources + project),
            project,
            f"the tasks of project {project}",
            lambda: self._client.list_tasks_with_options(request, runtime_options(timeouts)),
            lambda body: None if body.tasks is None else tuple(_task(task) for task in body.tasks),
        )

    def running(self, project: str, enough: int, timeouts: Timeouts) -> int:
        """How many tasks of a project run, counted up to ``enough``: ListTasks.

        Raises as ``tasks_of`` does.
        """
        number, token = 0, ""
        while number < enough:
            request = ListTasksRequest(
                project_name=project,
                task_types=[VIDEO_LABELS],
                status=RUNNING,
                max_results=100,
                next_token=token or None,
            )
            listed, token = self._page(project, request, timeouts)
            number += listed
            if not token:
                break
        return number

    def _page(self, project: str, request: ListTasksRequest, timeouts: Timeouts) -> tuple[int, str]:
        return self._ask_about(
            Operation("IMM", "ListTasks", "imm:ListTasks", self._resources + project),
            project,
            f"the tasks of project {project}",
            lambda: self._client.list_tasks_with_options(request, runtime_options(timeouts)),
            lambda body: None if body.tasks is None else (len(body.tasks), text(body.next_token)),
        )

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
        action = "CreateVideoLabelClassificationTask"
        return self._ask_about(
            Operation("IMM", action, f"imm:{action}", self._resources + project),
            project,
            target.uri,
            lambda: self._client.create_video_label_classification_task_with_options(
                request, runtime_options(timeouts)
            ),
            lambda body: text(body.task_id) or None,
        )

    def _ask_about(
        self,
        operation: Operation,
        project: str,
        subject: str,
        call: Callable[[], Any],
        read: Callable[[Any], _Answer | None],
    ) -> _Answer:
        failure: TaggingError
        with self._connections.call():
            try:
                body = call().body
                answer = None if body is None else read(body)
                if answer is not None:
                    return answer
                failure = malformed_response(operation, subject, "a body without what was asked for")
            except Exception as error:
                failure = self._translate(error, operation, subject)
        if isinstance(failure, TaskNotFound):
            failure = ServiceRejected(
                f"{operation} for {subject} was refused: IMM has no project {project} in the function's "
                "region. Check the setting IMM_PROJECT; before that a retry does not help.",
                code="ResourceNotFound",
            )
        # Not inside the handler above: the SDK's error holds the signed request with its token.
        raise failure


def _head(result: Any) -> ObjectHead:
    written = result.last_modified
    if not isinstance(written, datetime) or not result.etag or not isinstance(result.content_length, int):
        raise UnreadableTagSet("no Last-Modified, ETag or Content-Length")
    return ObjectHead(
        etag=result.etag,
        size=result.content_length,
        written=written.replace(tzinfo=written.tzinfo or timezone.utc),
        storage_class=result.storage_class or "Standard",
        restore=result.restore or "",
    )


def _task(info: Any) -> SubmittedTask:
    return SubmittedTask(text(info.task_id), text(info.status), parse_time(text(info.start_time)))
