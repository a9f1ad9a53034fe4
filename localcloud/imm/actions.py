"""The actions of IMM's API: from a request's parameters to the content of its answer.

The actions, their parameters and limits are those of the API reference, version 2020-09-30; errors have the
codes of the help page "Error handling" (477131).
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Callable, Iterator
from datetime import timedelta

from localcloud.imm import json_parameters
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
from localcloud.openapi import Answer, Api, Call, Need
from localcloud.oss.service import ObjectStorage
from localcloud.ram.conditions import SERVICE
from localcloud.records import Records
from localcloud.refusals import RequestRefused
from localcloud.tenant import Tenant

VERSION = "2020-09-30"
# IMM's name where a role says whom it trusts, and where a policy says to whom a role may be passed.
IMM_SERVICE = "imm.aliyuncs.com"
RETENTION = timedelta(days=7)
_PROJECT_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,127}", re.ASCII)
_SOURCE_URI = re.compile(r"oss://([a-z0-9][a-z0-9-]{1,61}[a-z0-9])/(.+)", re.ASCII | re.DOTALL)
_LONGEST_KEY = 1023
_LONGEST_USER_DATA = 2048
# The task types for which GetTask and ListTasks give the request back, by the reference of GetTask.
_WITH_REQUEST = frozenset(
    {
        "ArchiveFileInspection",
        "FaceClustering",
        "FacesSearching",
        "FileCompression",
        "FileUncompression",
        "ImageSplicing",
        "ImageToPDF",
        "LocationDateClustering",
        "MediaConvert",
        "PointCloudCompress",
        "StoryCreation",
        "VideoLabelClassification",
    }
)

# Their callers name no project, or one that does not exist yet.
_ABOUT_ALL_PROJECTS = frozenset({"CreateProject", "ListProjects"})


class Actions:
    """IMM's actions over its projects and tasks. ``work`` says what is to be done for a new task."""

    def __init__(
        self,
        tenant: Tenant,
        projects: Records[Project],
        tasks: Tasks,
        processing: Processing,
        objects: ObjectStorage,
        topics: MessageService,
        work: Callable[[], Work],
    ) -> None:
        self._project_arn = tenant.arn("imm", "project/")
        self._role_arn = f"acs:ram:*:{tenant.account_id}:role/"
        self._clock = tenant.clock
        self._projects = projects
        self._tasks = tasks
        self._processing = processing
        self._objects = objects
        self._topics = topics
        self._work = work
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
        self.api = Api(VERSION, actions, self._needs)

    def _needs(self, call: Call) -> Iterator[Need]:
        """What a caller has to be allowed, by "RAM authorization" of each action in the reference.

        Whoever makes a project passes a role to IMM: AliyunIMMFullAccess has ram:PassRole for that.
        """
        all_of_them = call.action in _ABOUT_ALL_PROJECTS
        project = "*" if all_of_them else call.text("ProjectName")
        yield Need(f"imm:{call.action}", self._project_arn + project)
        if call.action == "CreateProject":
            role = call.optional("ServiceRole") or DEFAULT_SETTINGS["ServiceRole"]
            yield Need("ram:PassRole", self._role_arn + role, {SERVICE: IMM_SERVICE})

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
        self._processing.begin(record, self._work())
        return {"EventId": record.event_id, "TaskId": record.task_id}

    def _get_result(self, call: Call) -> Answer:
        record = self._task(call)
        if record.task_type != VIDEO_LABELS:
            raise _not_found("Task")
        answer = {"ProjectName": record.project, "EventId": record.event_id, **_task_fields(record)}
        if record.status == SUCCEEDED:
            answer["Labels"] = list(record.labels)
        return answer

    def _get_task(self, call: Call) -> Answer:
        with_request = call.flag("RequestDefinition")
        record = self._task(call)
        info = _task_info(record, with_request)
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
            "Tasks": [_task_info(record, with_request) for record in records],
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
        return nanoseconds_of(self._clock.now())

    def _horizon(self) -> int:
        return nanoseconds_of(self._clock.now() - RETENTION)


def _not_found(resource: str) -> RequestRefused:
    """No such project or task; IMM answers 400, not 404."""
    return RequestRefused(400, "ResourceNotFound", f"The specified resource {resource} is not found.")


def _task_fields(record: TaskRecord) -> Answer:
    return {
        "Status": record.status,
        "Code": record.code,
        "Message": record.message,
        "StartTime": record.start_time,
        "EndTime": record.end_time,
        "UserData": record.user_data,
        "TaskType": record.task_type,
        "TaskId": record.task_id,
    }


def _task_info(record: TaskRecord, with_request: bool) -> Answer:
    info = _task_fields(record)
    if record.tags:
        info["Tags"] = dict(record.tags)
    if with_request and record.task_type in _WITH_REQUEST:
        info["TaskRequestDefinition"] = json.dumps(record.request, ensure_ascii=False, separators=(",", ":"))
    return info


def _tag(call: Call) -> tuple[str, str] | None:
    selector = call.optional("TagSelector")
    if selector is None:
        return None
    key, equals, value = selector.partition("=")
    if not key or not equals:
        raise call.invalid("TagSelector", "It must be <key>=<value>.")
    return key, value
