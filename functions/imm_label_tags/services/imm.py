"""IMM through its official SDK: what a task found, the request that created it, and new tasks.

Sources: the SDK's docstrings (alibabacloud_imm20200930 5.x) and alibabacloud.com/help, API reference of IMM.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from functools import cached_property, partial
from typing import Any, TypeVar

from alibabacloud_credentials.models import CredentialModel
from alibabacloud_imm20200930 import models
from alibabacloud_imm20200930.client import Client
from alibabacloud_tea_openapi.exceptions import AlibabaCloudException, ThrottlingException
from alibabacloud_tea_openapi.utils_models import Config
from darabonba.core import DaraCore
from darabonba.runtime import RuntimeOptions
from requests import Session
from urllib3.exceptions import HTTPError

from imm_label_tags.environment import Endpoint
from imm_label_tags.errors import ServiceRejected, ServiceUnavailable, TaskNotFound
from imm_label_tags.events.imm_message import VIDEO_LABELS, TaskNotification
from imm_label_tags.results.target import TargetObject
from imm_label_tags.results.task import SUCCEEDED, VERSION_TAG, SubmittedTask, TaskResult, parse_time
from imm_label_tags.retries import Timeouts
from imm_label_tags.services.connections import Answer, Connections, Exchange
from imm_label_tags.services.credentials import RoleCredentials
from imm_label_tags.services.responses import (
    ErrorResponse,
    Operation,
    ServiceCalls,
    UnreadableAnswer,
    to_error,
)
from imm_label_tags.tags.plan import TaskKind
from imm_label_tags.text import text_of

_NOT_FOUND = frozenset({"ResourceNotFound", "ResourceNotFound.Task", "TaskNotFound"})
# IMM's own throttling code is not documented; these are the gateway's, and IMM's documented limit error.
_THROTTLING_PREFIX = "Throttling"
_LIMIT_EXCEEDED = "LimitExceededError"
# Between the words of an action's name.
_WORDS = re.compile(r"(?<=[a-z])(?=[A-Z])")
_SDK_LOGGERS = ("alibabacloud-tea", "darabonba-core", "credentials")

_Read = TypeVar("_Read")


class ImmTasks(ServiceCalls):
    """Reads and creates tasks of a region's projects; each method is one call and one attempt.

    ``whole`` makes of a result's body what is kept of it; None where nothing is. Every method raises
    AccessDenied, ServiceRejected, Throttled, ServiceUnavailable or AnswerTooLarge, and those about one task
    TaskNotFound.
    """

    def __init__(
        self,
        region: str,
        account_id: str,
        endpoint: Endpoint | None,
        credentials: RoleCredentials,
        connections: Connections,
        whole: Callable[[bytes], bytes] | None = None,
    ) -> None:
        super().__init__(credentials, connections)
        _silence_sdk_loggers()
        # It has no other place for them than a class attribute.
        DaraCore._sessions = _EveryHost(connections)
        self._whole = whole
        self._resources = f"acs:imm:{region}:{account_id or '*'}:project/"
        self._client = Client(
            Config(
                region_id=region,
                endpoint=endpoint.host if endpoint else None,
                protocol=endpoint.scheme.upper() if endpoint else "HTTPS",
                credential=_Credentials(credentials),
            )
        )

    def result(self, task: TaskNotification, kind: TaskKind, timeouts: Timeouts) -> TaskResult:
        """What a task found, by the action of its kind; the SDK's names for all of these are formed alike."""
        request = getattr(models, f"{kind.action}Request")(
            project_name=task.project_name, task_type=kind.task_type, task_id=task.task_id
        )
        method = _WORDS.sub("_", kind.action).lower()
        return self._ask(
            kind.action,
            task.project_name,
            task.described,
            timeouts,
            partial(getattr(self._client, f"{method}_with_options"), request),
            lambda body: _task_result(_about(task, body), kind),
            self._with_whole,
        )

    def request_definition(self, task: TaskNotification, timeouts: Timeouts) -> str:
        """The request that created a task, as JSON text ("" where IMM gives none): GetTask."""
        request = models.GetTaskRequest(
            project_name=task.project_name,
            task_type=task.task_type,
            task_id=task.task_id,
            request_definition=True,
        )
        return self._ask(
            "GetTask",
            task.project_name,
            task.described,
            timeouts,
            partial(self._client.get_task_with_options, request),
            lambda body: _definition(_about(task, body)),
        )

    def tasks_of(
        self, project: str, target: TargetObject, version: str, timeouts: Timeouts
    ) -> tuple[SubmittedTask, ...]:
        """The tasks that carry an object's version in their Tags, of the last seven days: ListTasks."""
        return self.list_tasks(
            project,
            f"the tasks for {target.uri}",
            timeouts,
            lambda body: tuple(submitted_task(task) for task in body.tasks),
            tag_selector=f"{VERSION_TAG}={version}",
        )

    def list_tasks(
        self, project: str, subject: str, timeouts: Timeouts, read: Callable[[Any], _Read], **selection: Any
    ) -> _Read:
        """What ``read`` makes of a page of tasks, the newest first: ListTasks."""
        request = models.ListTasksRequest(
            project_name=project,
            task_types=[VIDEO_LABELS],
            max_results=100,
            sort="StartTime",
            order="desc",
            **selection,
        )
        call = partial(self._client.list_tasks_with_options, request)
        return self._ask_project(
            "ListTasks", project, subject, timeouts, call, lambda body: read(_with_tasks(body))
        )

    def create(self, project: str, target: TargetObject, version: str, topic: str, timeouts: Timeouts) -> str:
        """Create a task that tells a topic of its end; returns its id: CreateVideoLabelClassificationTask.

        Each call makes one more task.
        """
        request = models.CreateVideoLabelClassificationTaskRequest(
            project_name=project,
            source_uri=target.uri,
            notification=models.Notification(mns=models.MNS(topic_name=topic)),
            tags={VERSION_TAG: version},
        )
        return self._ask_project(
            "CreateVideoLabelClassificationTask",
            project,
            target.uri,
            timeouts,
            partial(self._client.create_video_label_classification_task_with_options, request),
            _task_id,
        )

    def _ask_project(
        self,
        action: str,
        project: str,
        subject: str,
        timeouts: Timeouts,
        call: Callable[[RuntimeOptions], Any],
        read: Callable[[Any], _Read],
    ) -> _Read:
        """Ask about no task that IMM has told of: what it may not know then is the project."""
        try:
            return self._ask(action, project, subject, timeouts, call, read)
        except TaskNotFound:
            raise ServiceRejected(
                f"IMM {action} for {subject} was refused: IMM has no project {project} in the function's "
                "region. Check the setting IMM_PROJECT; before that a retry does not help.",
                code="ResourceNotFound",
            ) from None

    def _ask(
        self,
        action: str,
        project: str,
        subject: str,
        timeouts: Timeouts,
        call: Callable[[RuntimeOptions], Any],
        read: Callable[[Any], _Read],
        then: Callable[[_Read, bytes], _Read] = lambda read, body: read,
    ) -> _Read:
        """What ``read`` makes of the SDK's models of an answer, and ``then`` of that and its bytes.

        Where its models cannot hold an answer the SDK gives None. They take 16 times the answer's size, and
        are gone before ``then`` begins.
        """

        def make(exchange: Exchange) -> _Read:
            # Of all options only a client certificate, for which IMM does not ask, reaches the transport as
            # it is.
            body = call(RuntimeOptions(cert=exchange)).body
            answer = read(body)
            del body
            return then(answer, exchange.body or b"")

        operation = Operation("IMM", action, f"imm:{action}", self._resources + project)
        return self.attempt(operation, subject, timeouts, make)

    def _translate(
        self, error: Exception, answer: Answer, operation: Operation, subject: str
    ) -> Exception | None:
        if not isinstance(error, AlibabaCloudException):
            # The SDK's own errors do not tell the status of an answer that is not JSON, nor its headers.
            said = self._redact(str(error))
            if 200 <= answer.status_code < 300:
                return ServiceUnavailable(
                    f"{operation} for {subject} was answered with a body that is not JSON ({said}). A retry "
                    "may help."
                )
            response = ErrorResponse(
                status=answer.status_code,
                code="",
                message=f"an answer that is not JSON: {said}",
                after_seconds=answer.after_seconds,
            )
            return to_error(operation, response, subject)
        code = text_of(error.code)
        response = ErrorResponse(
            status=error.status_code or 0,
            code=code,
            message=self._redact(_said(error)),
            request_id=text_of(getattr(error, "request_id", None)),
            throttled=isinstance(error, ThrottlingException)
            or code.startswith(_THROTTLING_PREFIX)
            or code == _LIMIT_EXCEEDED,
            after_seconds=answer.after_seconds,
        )
        if code in _NOT_FOUND:
            return TaskNotFound(
                f"IMM does not know {subject}: {response.message} (code {code}, request id "
                f"{response.request_id}). Results are kept for seven days; the project must be in the "
                "function's region. A retry does not help."
            )
        return to_error(operation, response, subject)

    def _with_whole(self, result: TaskResult, body: bytes) -> TaskResult:
        if self._whole is None or result.status != SUCCEEDED:
            return result
        return result._replace(whole=self._whole(body))


def _about(task: TaskNotification, body: Any) -> Any:
    if body is None or body.task_id not in (None, task.task_id):
        raise UnreadableAnswer("a body that is no description of this task")
    return body


def _with_tasks(body: Any) -> Any:
    if body is None or body.tasks is None:
        raise UnreadableAnswer("a body without what was asked for")
    return body


def _task_id(body: Any) -> str:
    task_id = text_of(getattr(body, "task_id", None))
    if not task_id:
        raise UnreadableAnswer("a body without what was asked for")
    return task_id


def _task_result(body: Any, kind: TaskKind) -> TaskResult:
    if not isinstance(body.status, str):
        raise UnreadableAnswer("a body without a status")
    return TaskResult(
        status=body.status,
        code=text_of(body.code),
        message=text_of(body.message),
        start_time=parse_time(text_of(body.start_time)),
        user_data=text_of(body.user_data),
        found=kind.read(body),
        source_uri=kind.source_uri(body),
    )


def _definition(body: Any) -> str:
    definition = body.task_request_definition
    # A task without one has a status all the same; what has neither describes no task.
    if not isinstance(definition if definition is not None else body.status, str):
        raise UnreadableAnswer("a body without a readable request")
    return text_of(definition)


def submitted_task(info: Any) -> SubmittedTask:
    """A task of a list of IMM's."""
    return SubmittedTask(text_of(info.task_id), text_of(info.status), parse_time(text_of(info.start_time)))


def _said(error: Any) -> str:
    data = error.data if isinstance(error.data, dict) else {}
    return text_of(data.get("Message")) or text_of(error.message)


class _Credentials:
    """The keys as the IMM SDK asks for them."""

    def __init__(self, credentials: RoleCredentials) -> None:
        self._credentials = credentials

    def get_credential(self) -> CredentialModel:
        keys = self._credentials.keys()
        return CredentialModel(
            access_key_id=keys.access_key_id,
            access_key_secret=keys.access_key_secret,
            security_token=keys.security_token or None,
            type="sts" if keys.security_token else "access_key",
        )


class _EveryHost(dict[str, Any]):
    """What the IMM SDK takes for its sessions by host: the same connections whatever host is asked for.

    Other clients of Alibaba Cloud in this process, which a command has and a function has not, find their
    sessions here too, and send as they would without us: through their proxy, as they verify hosts.
    """

    def __init__(self, connections: Connections) -> None:
        super().__init__()
        self._connections = connections

    @cached_property
    def _of_others(self) -> Session:
        return Session()

    def __contains__(self, key: object) -> bool:
        return True

    def __getitem__(self, key: str) -> _EveryHost:
        return self

    def send(self, request: Any, *, cert: Any = None, **options: Any) -> Any:
        if not isinstance(cert, Exchange):
            return self._of_others.send(request, cert=cert, **options)
        try:
            return self._connections.send(cert, request, request.body)
        except HTTPError as error:
            # As the SDK expects it.
            raise OSError(str(error)) from error


def _silence_sdk_loggers() -> None:
    """Importing the SDK adds handlers at level DEBUG, whose lines appear twice and are no JSON."""
    for name in _SDK_LOGGERS:
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.addHandler(logging.NullHandler())
        logger.propagate = False
        logger.setLevel(logging.CRITICAL)
