"""IMM over HTTP: who calls, what is asked, and the answer; and what a test may arrange."""

from __future__ import annotations

import json
import logging
from collections import deque
from collections.abc import Mapping
from typing import Any, Protocol
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from localcloud.accounts import Accounts
from localcloud.acs3 import SignatureRefused, verify
from localcloud.clock import Clock
from localcloud.database import Database
from localcloud.gateway import Operation
from localcloud.imm.actions import Actions
from localcloud.imm.identifiers import new_request_id
from localcloud.imm.notification import notification
from localcloud.imm.objects import ObjectReader
from localcloud.imm.parameters import ImmParameters
from localcloud.imm.permissions import Permissions
from localcloud.imm.processing import Processing
from localcloud.imm.projects import Project, Projects
from localcloud.imm.refusals import InvalidParameter, UnknownAction, UnsupportedMethod
from localcloud.imm.tasks import RUNNING, TaskQuery, TaskRecord, Tasks, Work
from localcloud.imm.timestamps import in_full, nanoseconds_of
from localcloud.ram.authorization import Authorization, request_context
from localcloud.refusals import MissingParameter, RequestRefused

__all__ = ["MediaManagement", "TaskRecord", "TopicPublisher"]

VERSION = "2020-09-30"
LONGEST_LIST = 1_000_000
_LOG = logging.getLogger("localcloud.imm")


class TopicPublisher(Protocol):
    """Publishes messages to the topics of the cloud's MNS."""

    def has(self, topic: str) -> bool:
        """Whether there is such a topic."""

    async def publish(self, topic: str, body: bytes) -> str:
        """Publish a message and give its id; it need not be delivered yet."""


class MediaManagement:
    """The IMM of a region. ``task_seconds`` is how long a task takes, and may be changed at any time.

    Without an ``authorization`` everybody with keys may do everything.
    """

    name = "imm"

    def __init__(
        self,
        *,
        region: str,
        account_id: str,
        database: Database,
        accounts: Accounts,
        clock: Clock,
        objects: ObjectReader,
        topics: TopicPublisher,
        task_seconds: float = 1.0,
        authorization: Authorization | None = None,
    ) -> None:
        self.app: ASGIApp = self._serve
        self.task_seconds = task_seconds
        self._region = region
        self._account_id = account_id
        self._accounts = accounts
        self._clock = clock
        self._topics = topics
        self._permissions = Permissions(region, account_id, authorization)
        self._failures: deque[tuple[str, str]] = deque()
        self._projects = Projects(database)
        self._tasks = Tasks(database)
        self._processing = Processing(self._tasks, objects, clock, self._announce)
        self._actions = Actions(
            self._projects,
            self._tasks,
            clock,
            objects,
            topics,
            self._begin,
            self._processing.abandon,
        )

    async def start(self) -> None:
        """Go on with the tasks that a kept database says are running."""
        self._processing.resume()

    async def stop(self) -> None:
        """Leave running tasks to the next start."""
        await self._processing.stop()

    def operation(self, scope: Scope) -> Operation:
        """The action, and ``project/<ProjectName>`` with ``/task/<TaskId>`` where a task is named."""
        headers = dict(scope["headers"])
        query = parse_qs(scope["query_string"].decode("latin-1"))
        parts = []
        for kind, parameter in (("project", "ProjectName"), ("task", "TaskId")):
            if parameter in query:
                parts.append(f"{kind}/{query[parameter][0]}")
        return Operation(headers.get(b"x-acs-action", b"").decode("latin-1"), "/".join(parts))

    def error(self, status: int, code: str, message: str) -> Response:
        """An error in the form of IMM's help page "Error handling"."""
        return self._error(status, code, message, {})

    def put_project(self, name: str) -> None:
        """Have a project of this name; one that exists stays as it is."""
        self._projects.add(Project(name, in_full(nanoseconds_of(self._clock.now()))))

    def newest_tasks(self, most: int) -> tuple[list[TaskRecord], int]:
        """At most so many tasks of all projects, the last to start first, and how many there are."""
        return self._tasks.newest(most)

    async def put_task(self, task: TaskRecord, *, notify: bool) -> None:
        """Have a task exactly as given, in place of one with its id; raises LookupError without its project.

        Nothing is carried out for it: a task that is given as running stays so. With ``notify`` its topic is
        told, as it would be at the task's end.
        """
        if self._projects.find(task.project) is None:
            raise LookupError(f"There is no project {task.project}; create it before its tasks.")
        self._processing.abandon(task.project, task.task_id)
        self._tasks.put(task)
        if notify:
            await self.notify(task.project, task.task_id)

    def list_tasks(self, project: str) -> list[TaskRecord]:
        """Every task that a project ever had, by its id."""
        tasks, _ = self._tasks.page(TaskQuery(project), 0, LONGEST_LIST, None)
        return tasks

    async def notify(self, project: str, task_id: str) -> None:
        """Publish the notification of a finished task (again), however old the task is.

        Raises LookupError if there is no such task, and ValueError if it runs or has no topic.
        """
        record = self._tasks.find(project, task_id)
        if record is None:
            raise LookupError(f"There is no task {task_id} in project {project}.")
        if record.status == RUNNING:
            raise ValueError(f"Task {task_id} still runs; IMM notifies only of a task's end.")
        if record.topic is None:
            raise ValueError(f"Task {task_id} was created without a Notification, so no topic is told.")
        await self._announce(record)

    def fail_next_task(self, code: str, message: str) -> None:
        """Let the next task that is created end as Failed; several orders are met one after the other."""
        self._failures.append((code, message))

    def _begin(self, record: TaskRecord) -> None:
        code, message = self._failures.popleft() if self._failures else ("", "")
        self._processing.begin(record, Work(self.task_seconds, code, message))

    async def _announce(self, record: TaskRecord) -> None:
        if record.topic is None:
            return
        if not self._topics.has(record.topic):
            _LOG.warning("Topic %s is gone: nobody is told of task %s", record.topic, record.task_id)
            return
        message = notification(record, self._region, self._account_id, self._clock.now())
        await self._topics.publish(record.topic, message)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        body = await request.body()
        request_id = new_request_id()
        try:
            answer = self._answer(request, body, request_id)
            response = self._response(200, request_id, {"RequestId": request_id, **answer})
        except SignatureRefused as refusal:
            response = self.error(refusal.status, refusal.code, refusal.message)
        except RequestRefused as refusal:
            response = self._error(refusal.status, refusal.code, refusal.message, refusal.detail)
        await response(scope, receive, send)

    def _answer(self, request: Request, body: bytes, request_id: str) -> dict[str, Any]:
        scope, headers = request.scope, request.headers
        query: bytes = scope["query_string"]
        path = scope["raw_path"].decode("latin-1")
        identity = verify(request.method, path, query, headers, body, self._accounts)
        if request.method not in ("POST", "GET"):
            raise UnsupportedMethod(request.method)
        if path != "/":
            raise UnknownAction
        for name in ("Action", "Version"):
            if not headers.get(f"x-acs-{name.lower()}"):
                raise MissingParameter(name)
        if headers["x-acs-version"] != VERSION:
            raise InvalidParameter("Version", f"IMM's API version is {VERSION}.")
        action, parameters = headers["x-acs-action"], ImmParameters(query)
        self._actions.check(action)
        self._permissions.check(identity, action, parameters, request_context(scope))
        return self._actions.carry_out(action, parameters, request_id)

    def _error(self, status: int, code: str, message: str, detail: Mapping[str, str]) -> Response:
        request_id = new_request_id()
        content: dict[str, Any] = {
            "RequestId": request_id,
            "HostId": f"imm.{self._region}.aliyuncs.com",
            "Code": code,
            "Message": message,
            "Recommend": f"https://next.api.aliyun.com/troubleshoot?q={code}&product=imm",
        }
        if detail:
            content["AccessDeniedDetail"] = dict(detail)
        return self._response(status, request_id, content)

    def _response(self, status: int, request_id: str, content: dict[str, Any]) -> Response:
        return Response(
            json.dumps(content, ensure_ascii=False, separators=(",", ":")),
            status,
            {"x-acs-request-id": request_id},
            media_type="application/json",
        )
