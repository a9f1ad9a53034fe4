"""IMM over HTTP: who calls, what is asked, and the answer; and what a test may arrange."""

from __future__ import annotations

import logging
from collections import deque

from localcloud.imm.actions import Actions
from localcloud.imm.notification import notification
from localcloud.imm.processing import Processing
from localcloud.imm.projects import Project
from localcloud.imm.tasks import RUNNING, TaskQuery, TaskRecord, Tasks, Work
from localcloud.imm.timestamps import in_full, nanoseconds_of
from localcloud.mns.service import MessageService
from localcloud.openapi import OpenApi
from localcloud.oss.service import ObjectStorage
from localcloud.records import Records
from localcloud.tenant import Tenant

LONGEST_LIST = 1_000_000
_LOG = logging.getLogger("localcloud.imm")


class MediaManagement(OpenApi):
    """The IMM of a region. ``task_seconds`` is how long a task takes, and may be changed at any time."""

    name = "imm"

    def __init__(
        self,
        tenant: Tenant,
        *,
        objects: ObjectStorage,
        topics: MessageService,
        task_seconds: float = 1.0,
    ) -> None:
        self.task_seconds = task_seconds
        self._topics = topics
        self._failures: deque[tuple[str, str]] = deque()
        self._projects = Records(tenant.database, "IMM project", Project)
        self._tasks = Tasks(tenant.database)
        self._processing = Processing(self._tasks, objects, tenant.clock, self._announce)
        actions = Actions(
            tenant, self._projects, self._tasks, self._processing, objects, topics, self._next_work
        )
        super().__init__(
            product="imm",
            host=f"imm.{tenant.region}.aliyuncs.com",
            kinds={"project": "ProjectName", "task": "TaskId"},
            tenant=tenant,
            apis=[actions.api],
        )

    async def start(self) -> None:
        """Go on with the tasks that a kept database says are running."""
        self._processing.resume()

    async def stop(self) -> None:
        """Leave running tasks to the next start."""
        await self._processing.stop()

    def put_project(self, name: str) -> None:
        """Have a project of this name; one that exists stays as it is."""
        self._projects.add(name, Project(name, in_full(nanoseconds_of(self._tenant.clock.now()))))

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

    def _next_work(self) -> Work:
        code, message = self._failures.popleft() if self._failures else ("", "")
        return Work(self.task_seconds, code, message)

    async def _announce(self, record: TaskRecord) -> None:
        if record.topic is None:
            return
        if not self._topics.has(record.topic):
            _LOG.warning("Topic %s is gone: nobody is told of task %s", record.topic, record.task_id)
            return
        message = notification(record, self._tenant.region, self._tenant.account_id, self._tenant.clock.now())
        await self._topics.publish(record.topic, message)
