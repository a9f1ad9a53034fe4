"""IMM through its official SDK: the result of a task, and the request that created it.

Sources: the SDK's docstrings (alibabacloud_imm20200930 5.x) and alibabacloud.com/help, API reference of IMM.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

from alibabacloud_credentials.models import CredentialModel
from alibabacloud_imm20200930.client import Client
from alibabacloud_imm20200930.models import GetTaskRequest, GetVideoLabelClassificationResultRequest
from alibabacloud_tea_openapi.exceptions import AlibabaCloudException, ThrottlingException
from alibabacloud_tea_openapi.utils_models import Config
from darabonba.runtime import RuntimeOptions

from imm_label_tags.environment import Endpoint
from imm_label_tags.errors import ServiceUnavailable, TaggingError, TaskNotFound
from imm_label_tags.events.imm_message import VIDEO_LABELS, TaskNotification
from imm_label_tags.results.labels import Label, fraction
from imm_label_tags.results.task import SUCCEEDED, TaskResult, parse_time
from imm_label_tags.retries import Timeouts
from imm_label_tags.services.answer_room import NoRoom, TooLarge
from imm_label_tags.services.connections import Connections, Exchange
from imm_label_tags.services.credentials import RoleCredentials
from imm_label_tags.services.responses import (
    ErrorResponse,
    Operation,
    UnreadableAnswer,
    malformed_response,
    text,
    to_error,
    without_room,
)

_NOT_FOUND = frozenset({"ResourceNotFound", "ResourceNotFound.Task", "TaskNotFound"})
# IMM's own throttling code is not documented; these are the gateway's, and IMM's documented limit error.
_THROTTLING_PREFIX = "Throttling"
_LIMIT_EXCEEDED = "LimitExceededError"
_SDK_LOGGERS = ("alibabacloud-tea", "darabonba-core", "credentials")

_Answer = TypeVar("_Answer")


class ImmCalls:
    """Makes calls about the projects of one region, one attempt each."""

    def __init__(
        self,
        region: str,
        account_id: str,
        endpoint: Endpoint | None,
        credentials: RoleCredentials,
        connections: Connections,
    ) -> None:
        _silence_sdk_loggers()
        connections.serve_imm()
        self._connections = connections
        self._redact = credentials.redact
        self._resources = f"acs:imm:{region}:{account_id or '*'}:project/"
        self.client = Client(
            Config(
                region_id=region,
                endpoint=endpoint.host if endpoint else None,
                protocol=endpoint.scheme.upper() if endpoint else "HTTPS",
                credential=_Credentials(credentials),
            )
        )

    def operation(self, action: str, project: str) -> Operation:
        """A call about a project, with the permission that it needs."""
        return Operation("IMM", action, f"imm:{action}", self._resources + project)

    def ask(
        self,
        operation: Operation,
        subject: str,
        timeouts: Timeouts,
        call: Callable[[RuntimeOptions], Any],
        read: Callable[[Any], _Answer],
        then: Callable[[_Answer, bytes], _Answer] = lambda read, body: read,
    ) -> _Answer:
        """What ``read`` makes of the SDK's models of an answer, and ``then`` of that and its bytes.

        Where its models cannot hold an answer the SDK gives None. They take 16 times the answer's size, and
        are gone before ``then`` begins. Raises TaskNotFound, AccessDenied, ServiceRejected, Throttled or
        ServiceUnavailable, the last also where ``read`` raises UnreadableAnswer.
        """
        failure: TaggingError
        with self._connections.exchange(timeouts) as exchange:
            try:
                # Of all options only a client certificate, for which IMM does not ask, reaches the transport
                # as it is.
                body = call(RuntimeOptions(cert=exchange)).body
                answer = read(body)
                del body
                return then(answer, exchange.body or b"")
            except Exception as error:
                failure = self._translate(error, operation, subject, exchange)
        # Not inside the handler above: the SDK's error holds the signed request with its token.
        raise failure

    def _translate(
        self, error: Exception, operation: Operation, subject: str, exchange: Exchange
    ) -> TaggingError:
        if isinstance(error, UnreadableAnswer):
            return malformed_response(operation, subject, str(error))
        if not isinstance(error, AlibabaCloudException):
            return self._translate_unusable(error, operation, subject, exchange)
        code = text(error.code)
        response = ErrorResponse(
            status=error.status_code or 0,
            code=code,
            message=self._redact(_said(error)),
            request_id=text(getattr(error, "request_id", None)),
            throttled=isinstance(error, ThrottlingException)
            or code.startswith(_THROTTLING_PREFIX)
            or code == _LIMIT_EXCEEDED,
            after_seconds=exchange.answer.after_seconds if exchange.answer else 0.0,
        )
        if code in _NOT_FOUND:
            return TaskNotFound(
                f"IMM does not know {subject}: {response.message} (code {code}, request id "
                f"{response.request_id}). Results are kept for seven days; the project must be in the "
                "function's region. A retry does not help."
            )
        return to_error(operation, response, subject)

    def _translate_unusable(
        self, error: Exception, operation: Operation, subject: str, exchange: Exchange
    ) -> TaggingError:
        # The SDK's own errors do not tell the status of an answer that is not JSON, nor its headers.
        answer = exchange.answer
        inner = getattr(error, "inner_exception", error)
        if isinstance(inner, (TooLarge, NoRoom)):
            return without_room(operation, subject, inner)
        said = self._redact(str(getattr(inner, "message", inner))) or type(inner).__name__
        if answer is None:
            self._connections.drop()
            return ServiceUnavailable(f"{operation} for {subject} got no answer: {said}. A retry may help.")
        if exchange.body is None:
            # It began well: the rest did not come, or not in time.
            return malformed_response(operation, subject, f"a body that cannot be read ({said})")
        if 200 <= answer.status_code < 300:
            return malformed_response(operation, subject, f"a body that is not JSON ({said})")
        said = f"an answer that is not JSON: {said}"
        response = ErrorResponse(
            answer.status_code, code="", message=said, after_seconds=answer.after_seconds
        )
        return to_error(operation, response, subject)


class ImmTasks(ImmCalls):
    """Reads tasks; each method is one call and one attempt.

    ``whole`` makes of an answer's body what is kept of it; None where nothing is.
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
        super().__init__(region, account_id, endpoint, credentials, connections)
        self._whole = whole

    def result(self, task: TaskNotification, timeouts: Timeouts) -> TaskResult:
        """The labels that a task found: GetVideoLabelClassificationResult. Raises as ``ask`` does."""
        request = GetVideoLabelClassificationResultRequest(
            project_name=task.project_name, task_type=VIDEO_LABELS, task_id=task.task_id
        )
        return self.ask(
            self.operation("GetVideoLabelClassificationResult", task.project_name),
            task.described,
            timeouts,
            partial(self.client.get_video_label_classification_result_with_options, request),
            lambda body: _task_result(_about(task, body)),
            self._with_whole,
        )

    def request_definition(self, task: TaskNotification, timeouts: Timeouts) -> str:
        """The request that created a task, as JSON text ("" where IMM gives none): GetTask.

        Raises as ``ask`` does.
        """
        request = GetTaskRequest(
            project_name=task.project_name,
            task_type=VIDEO_LABELS,
            task_id=task.task_id,
            request_definition=True,
        )
        return self.ask(
            self.operation("GetTask", task.project_name),
            task.described,
            timeouts,
            partial(self.client.get_task_with_options, request),
            lambda body: _definition(_about(task, body)),
        )

    def _with_whole(self, result: TaskResult, body: bytes) -> TaskResult:
        if self._whole is None or result.status != SUCCEEDED:
            return result
        return result._replace(whole=self._whole(body))


def _about(task: TaskNotification, body: Any) -> Any:
    if body is None or body.task_id not in (None, task.task_id):
        raise UnreadableAnswer("a body that is no description of this task")
    return body


def _task_result(body: Any) -> TaskResult:
    if not isinstance(body.status, str):
        raise UnreadableAnswer("a body without a status")
    return TaskResult(
        status=body.status,
        code=text(body.code),
        message=text(body.message),
        start_time=parse_time(text(body.start_time)),
        user_data=text(body.user_data),
        labels=read_labels(body),
    )


def read_labels(body: Any) -> tuple[Label, ...]:
    """The labels in the SDK's model of a result, without those that have no name."""
    return tuple(_label(label) for label in body.labels if text(label.label_name).strip())


def _label(label: Any) -> Label:
    level = label.label_level
    return Label(
        name=label.label_name,
        confidence=fraction(label.label_confidence),
        level=level if isinstance(level, int) and 0 < level < 100 else 0,
        centric_score=fraction(label.centric_score),
        parent=text(label.parent_label_name),
        alias=text(label.label_alias),
        language=text(label.language),
    )


def _definition(body: Any) -> str:
    definition = body.task_request_definition
    # A task without one has a status all the same; what has neither describes no task.
    if not isinstance(definition if definition is not None else body.status, str):
        raise UnreadableAnswer("a body without a readable request")
    return text(definition)


def _said(error: Any) -> str:
    data = error.data if isinstance(error.data, dict) else {}
    return text(data.get("Message")) or text(error.message)


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


def _silence_sdk_loggers() -> None:
    """Importing the SDK adds handlers at level DEBUG, whose lines appear twice and are no JSON."""
    for name in _SDK_LOGGERS:
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.addHandler(logging.NullHandler())
        logger.propagate = False
        logger.setLevel(logging.CRITICAL)
