"""IMM: the actions of its API, and what a test may arrange in process.

The actions, their parameters and limits are those of the API reference, version 2020-09-30; errors have the
codes of the help page "Error handling" (477131).
"""

from __future__ import annotations

import logging
import re
import uuid
from collections import deque
from collections.abc import Iterator
from datetime import timedelta

from localcloud.imm import json_parameters
from localcloud.imm.notification import notification
from localcloud.imm.processing import Processing
from localcloud.imm.projects import DEFAULT_SETTINGS, LIMITS, Project
from localcloud.imm.tasks import (
    FAILED,
    RUNNING,
    SORTS,
    SUCCEEDED,
    VIDEO_LABELS,
    TaskQuery,
    TaskRecord,
    Tasks,
    Work,
    new_event_id,
)
from localcloud.imm.timestamps import in_full, nanoseconds_of
from localcloud.mns.service import MessageService
from localcloud.openapi import Answer, Api, Call, Need, OpenApi
from localcloud.oss.service import ObjectStorage
from localcloud.ram.conditions import SERVICE
from localcloud.records import Records
from localcloud.refusals import RequestRefused
from localcloud.tenant import Tenant

LONGEST_LIST = 1_000_000
_LOG = logging.getLogger("localcloud.imm")


VERSION = "2020-09-30"
# IMM's name where a role says whom it trusts, and where a policy says to whom a role may be passed.
IMM_SERVICE = "imm.aliyuncs.com"
RETENTION = timedelta(days=7)
_PROJECT_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,127}", re.ASCII)
_SOURCE_URI = re.compile(r"oss://([a-z0-9][a-z0-9-]{1,61}[a-z0-9])/(.+)", re.ASCII | re.DOTALL)
_LONGEST_KEY = 1023
_LONGEST_USER_DATA = 2048
# Their callers name no project, or one that does not exist yet.
_ABOUT_ALL_PROJECTS = frozenset({"CreateProject", "ListProjects"})


class MediaManagement(OpenApi):
    """The IMM of a region. ``task_seconds`` is how long a task takes, and may be changed at any time."""

    name = "imm"

    def __init__(
        self,
        tenant: Tenant,
        *,
        objects: ObjectStorage,
        topics: MessageService,
        task_seconds: float,
    ) -> None:
        self.task_seconds = task_seconds
        self._topics = topics
        self._objects = objects
        self._failures: deque[tuple[str, str]] = deque()
        self._projects = Records(tenant.database, "IMM project", Project)
        self._tasks = Tasks(tenant.database)
        self._processing = Processing(self._tasks, objects, tenant.clock, self._announce)
        actions = {
            "CreateProject": self._create_project,
            "GetProject": self._get_project,
            "ListProjects": self._list_projects,
            "DeleteProject": self._delete_project,
            "CreateVideoLabelClassificationTask": self._create_task,
            "GetVideoLabelClassificationResult": self._get_result,
            "GetTask": self._get_task,
            "ListTasks": self._list_tasks,
        }
        super().__init__(
            product="imm",
            host=f"imm.{tenant.region}.aliyuncs.com",
            kinds={"project": "ProjectName", "task": "TaskId"},
            tenant=tenant,
            apis=[Api(VERSION, actions, self._needs)],
        )

    async def start(self) -> None:
        """Go on with the tasks that a kept database says are running."""
        self._processing.resume()

    async def stop(self) -> None:
        """Leave running tasks to the next start."""
        await self._processing.stop()

    def put_project(self, name: str) -> None:
        """Have a project of this name; one that exists stays as it is."""
        self._projects.add(name, Project(name, in_full(self._now())))

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

    def _needs(self, call: Call) -> Iterator[Need]:
        """What a caller has to be allowed, by "RAM authorization" of each action in the reference.

        Whoever makes a project passes a role to IMM: AliyunIMMFullAccess has ram:PassRole for that.
        """
        all_of_them = call.action in _ABOUT_ALL_PROJECTS
        project = "*" if all_of_them else call.text("ProjectName")
        yield Need(f"imm:{call.action}", self._tenant.arn("imm", f"project/{project}"))
        if call.action == "CreateProject":
            role = call.optional("ServiceRole") or DEFAULT_SETTINGS["ServiceRole"]
            yield Need(
                "ram:PassRole", f"acs:ram:*:{self._tenant.account_id}:role/{role}", {SERVICE: IMM_SERVICE}
            )

    def _create_project(self, call: Call) -> Answer:
        name = call.text("ProjectName")
        if not _PROJECT_NAME.fullmatch(name):
            raise call.invalid(
                "ProjectName",
                "It must have 1 to 128 letters, digits, '-' and '_' and start with a letter or '_'.",
            )
        description = call.optional("Description") or ""
        if len(description) > 256:
            raise call.invalid("Description", "It must have 1 to 256 characters.")
        settings = {
            "Description": description,
            "ServiceRole": call.optional("ServiceRole") or DEFAULT_SETTINGS["ServiceRole"],
            "TemplateId": call.optional("TemplateId") or "",
            **{
                key: call.integer(key, lowest, highest) or default
                for key, (lowest, highest, default) in LIMITS.items()
            },
        }
        tags = json_parameters.pairs(call, "Tag")
        project = Project(name, in_full(self._now()), settings, tags)
        if not self._projects.add(name, project):
            message = "The specified resource project already exists."
            raise RequestRefused(400, "ResourceAlreadyExists", message)
        return {"Project": project.as_response()}

    def _get_project(self, call: Call) -> Answer:
        call.flag("WithStatistics")
        return {"Project": self._project(call).as_response()}

    def _list_projects(self, call: Call) -> Answer:
        size = call.integer("MaxResults", 0, 200) or 100
        tags = json_parameters.pairs(call, "Tag")
        projects = [
            project
            for project in self._projects.all(call.optional("Prefix") or "")
            if project.name > (call.optional("NextToken") or "") and tags.items() <= project.tags.items()
        ]
        page = projects[:size]
        return {
            "Projects": [project.as_response() for project in page],
            "NextToken": page[-1].name if len(projects) > size else "",
        }

    def _delete_project(self, call: Call) -> Answer:
        name = self._project(call).name
        self._processing.abandon(name)
        self._tasks.remove(name)
        self._projects.remove(name)
        return {}

    def _create_task(self, call: Call) -> Answer:
        project = self._project(call)
        uri = call.text("SourceURI")
        source = _SOURCE_URI.fullmatch(uri)
        if source is None or len(source[2].encode()) > _LONGEST_KEY:
            raise call.invalid("SourceURI", "It must be oss://<bucket>/<object>.")
        user_data = call.optional("UserData") or ""
        if len(user_data.encode()) > _LONGEST_USER_DATA:
            raise call.invalid("UserData", f"It must have at most {_LONGEST_USER_DATA} bytes.")
        tags = json_parameters.json_object(call, "Tags")
        if not all(isinstance(value, str) for value in tags.values()):
            raise call.invalid("Tags", "It must be a JSON object whose values are strings.")
        topic = json_parameters.topic(call, "Notification")
        if topic is not None and not self._topics.has(topic):
            message = f"The topic {topic} in Notification does not exist. Create it in MNS first."
            raise RequestRefused(400, "InvalidArgument", message)
        if self._objects.stat(source[1], source[2]) is None:
            raise RequestRefused(400, "InvalidArgument", f"File does not exist. {uri}")
        request = {
            "ProjectName": project.name,
            "SourceURI": uri,
            "UserData": user_data,
            "Tags": tags,
            "Notification": json_parameters.json_object(call, "Notification"),
            "CredentialConfig": json_parameters.json_object(call, "CredentialConfig"),
        }
        record = TaskRecord(
            project=project.name,
            task_id=f"{VIDEO_LABELS}-{uuid.uuid4()}",
            start_time=in_full(self._now()),
            user_data=user_data,
            tags=tags,
            request={name: value for name, value in request.items() if value},
            event_id=new_event_id(),
            request_id=call.request_id,
        )
        self._processing.begin(record, self._next_work())
        return {"EventId": record.event_id, "TaskId": record.task_id}

    def _get_result(self, call: Call) -> Answer:
        record = self._task(call)
        if record.task_type != VIDEO_LABELS:
            raise _not_found("Task")
        answer = {"ProjectName": record.project, "EventId": record.event_id, **record.as_response()}
        if record.status == SUCCEEDED:
            answer["Labels"] = list(record.labels)
        return answer

    def _get_task(self, call: Call) -> Answer:
        with_request = call.flag("RequestDefinition")
        record = self._task(call)
        info = record.as_information(with_request)
        return {"ProjectName": record.project, "EventId": record.event_id, **info}

    def _list_tasks(self, call: Call) -> Answer:
        with_request = call.flag("RequestDefinition")
        query = TaskQuery(
            project=self._project(call).name,
            task_types=json_parameters.texts(call, "TaskTypes"),
            status=call.choice("Status", RUNNING, SUCCEEDED, FAILED),
            tag=_tag(call),
            started=json_parameters.time_range(call, "StartTimeRange"),
            ended=json_parameters.time_range(call, "EndTimeRange"),
            sort=call.choice("Sort", *SORTS) or "TaskId",
            descending=call.choice("Order", "asc", "desc") == "desc",
        )
        size = call.integer("MaxResults", 1, 100) or 100
        token = call.optional("NextToken")
        records, next_token = self._tasks.page(query, self._horizon(), size, token)
        return {
            "ProjectName": query.project,
            "Tasks": [record.as_information(with_request) for record in records],
            "MaxResults": str(size),
            "NextToken": next_token,
        }

    def _project(self, call: Call) -> Project:
        project = self._projects.find(call.text("ProjectName"))
        if project is None:
            raise _not_found("project")
        return project

    def _task(self, call: Call) -> TaskRecord:
        task_type, task_id = call.text("TaskType"), call.text("TaskId")
        record = self._tasks.find(self._project(call).name, task_id, self._horizon())
        if record is None or record.task_type != task_type:
            raise _not_found("Task")
        return record

    def _now(self) -> int:
        return nanoseconds_of(self._tenant.clock.now())

    def _horizon(self) -> int:
        return nanoseconds_of(self._tenant.clock.now() - RETENTION)


def _not_found(resource: str) -> RequestRefused:
    """No such project or task; IMM answers 400, not 404."""
    return RequestRefused(400, "ResourceNotFound", f"The specified resource {resource} is not found.")


def _tag(call: Call) -> tuple[str, str] | None:
    selector = call.optional("TagSelector")
    if selector is None:
        return None
    key, equals, value = selector.partition("=")
    if not key or not equals:
        raise call.invalid("TagSelector", "It must be <key>=<value>.")
    return key, value
