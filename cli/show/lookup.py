"""Finds a task's result and its object, given the object, the task's id, or an archive of the result.

An object's provenance tag names its task. Without one, the project's newest task about the object counts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import alibabacloud_oss_v2 as oss
from alibabacloud_imm20200930 import models
from alibabacloud_imm20200930.client import Client

from cli.cloud.access import Access
from cli.cloud.calls import Call, ask, found
from cli.cloud.objects import Objects
from cli.narration import utc_seconds
from cli.problems import Problem
from cli.show.answer import LARGEST_ARCHIVE, Answer, NotAnAnswer
from cli.show.page import Footage
from cli.show.view import ObjectState, View, view_of
from imm_label_tags.errors import TargetUnknown
from imm_label_tags.events.imm_message import VIDEO_LABELS
from imm_label_tags.results.archive import place
from imm_label_tags.results.target import ObjectPrefix, TargetObject
from imm_label_tags.results.task import target_of_task
from imm_label_tags.tagging.settings import Settings
from imm_label_tags.tags.provenance import Provenance

LISTED_IN = "deploy/policies/show.json"
ARCHIVE = ".json"
# Tasks are kept for seven days, and a project can have any number of them.
MOST_TASKS = 10_000
_PAGE = 100


@dataclass(frozen=True)
class Found:
    """A task's result with the object that it is about, None where nobody names one.

    ``state`` is None where the object is gone, or was not looked at because there are no keys.
    """

    answer: Answer
    object: TargetObject | None
    state: ObjectState | None
    gone: bool = False

    @classmethod
    def without_result(cls, target: TargetObject, state: ObjectState | None) -> Found:
        """An object that no task is known of."""
        return cls(Answer.of_no_task(), target, state, gone=state is None)

    def view(self, settings: Settings, beyond_ascii: bool | None) -> View:
        """What the function would do; ``view_of`` has the parameters."""
        return view_of(
            self.answer, self.object, self.state, settings, gone=self.gone, beyond_ascii=beyond_ascii
        )


class NoResult(Problem):
    """There is no task, or not its result (any more)."""


class Lookup:
    """Asks OSS and IMM of one account and region. Every method raises Problem.

    ``archive`` is where the function keeps results, if it does.
    """

    def __init__(
        self,
        access: Access,
        account_id: str,
        projects: Sequence[str],
        namespace: str,
        archive: ObjectPrefix | None,
    ) -> None:
        self._objects = Objects(access.oss(), account_id, LISTED_IN)
        self._imm = Client(access.openapi("imm"))
        self._projects = tuple(projects)
        self._namespace = namespace
        self._archive = archive
        self._tasks = f"acs:imm:{access.region}:{account_id}:project/"

    def by_object(self, target: TargetObject) -> Found:
        """The result of the task that an object's tags are of, or else of the newest about it."""
        state = self.state(target)
        if state is None:
            raise _no_object(target)
        newest = Provenance.parse(state.tags.get(self._namespace, ""))
        task_id = newest.task_id if newest is not None else self._newest_task(target)
        answer = self._answer(task_id)
        if answer is None and self._archive is not None:
            answer = self._archived(place(self._archive, target, task_id))
        if answer is None:
            raise _no_result(f"The result of {task_id}, the task that the tags of {target.uri} are of,")
        return Found(answer, target, state)

    def by_task(self, task_id: str) -> Found:
        """The result of a task, by its id."""
        answer = self._answer(task_id)
        if answer is None:
            raise _no_result(f"The result of a task {task_id}")
        return self._with_state(answer, self._target(answer))

    def by_archive(self, target: TargetObject) -> Found:
        """The result that an object in OSS keeps."""
        answer = self._archived(target)
        if answer is None:
            raise _no_object(target)
        return self.with_state(answer)

    def with_state(self, answer: Answer) -> Found:
        """A result that was archived, with its object as it is now."""
        return self._with_state(answer, archived_object(answer))

    def _with_state(self, answer: Answer, target: TargetObject | None) -> Found:
        state = self.state(target) if target is not None else None
        return Found(answer, target, state, gone=target is not None and state is None)

    def state(self, target: TargetObject) -> ObjectState | None:
        """An object's tags and its Last-Modified; None where it is gone."""
        tags = self._objects.tags(target)
        head = None if tags is None else self._objects.head(target)
        return None if tags is None or head is None else ObjectState(tags, head.written)

    def footage(self, target: TargetObject, lifetime: timedelta) -> Footage:
        """A URL with which anybody can play the object for so long."""
        request = oss.GetObjectRequest(bucket=target.bucket, key=target.key)
        until = datetime.now(timezone.utc) + lifetime
        url: str = self._objects.client.presign(request, expires=lifetime).url
        return Footage(url, utc_seconds(until))

    def _answer(self, task_id: str) -> Answer | None:
        for project in self._project_names():
            request = models.GetVideoLabelClassificationResultRequest(
                project_name=project, task_type=VIDEO_LABELS, task_id=task_id
            )
            call = self._imm_call("GetVideoLabelClassificationResult", project, f"task {task_id}")
            result = found(call, partial(self._imm.get_video_label_classification_result, request))
            if result is None or result.body is None:
                continue
            try:
                return Answer.read({**result.body.to_map(), "ProjectName": project})
            except NotAnAnswer as error:
                raise Problem(f"{call} gave something unreadable: {error}.") from None
        return None

    def _target(self, answer: Answer) -> TargetObject | None:
        request = models.GetTaskRequest(
            project_name=answer.project,
            task_type=VIDEO_LABELS,
            task_id=answer.task_id,
            request_definition=True,
        )
        call = self._imm_call("GetTask", answer.project, f"task {answer.task_id}")
        body = ask(call, lambda: self._imm.get_task(request)).body
        try:
            target = target_of_task(body.task_request_definition or "", answer.user_data)
        except TargetUnknown as error:
            raise Problem(str(error)) from None
        return target.object if target is not None else None

    def _newest_task(self, target: TargetObject) -> str:
        newest = max(
            (task for project in self._project_names() for task in self._tasks_about(project, target)),
            key=lambda task: str(task.start_time),
            default=None,
        )
        if newest is None:
            raise NoResult(
                f"{target.uri} has no tag {self._namespace} that names a task, and none of the newest "
                f"{MOST_TASKS:,} tasks of the last seven days is about it. Name the task, or an archive of "
                "its result."
            )
        return str(newest.task_id)

    def _tasks_about(self, project: str, target: TargetObject) -> Iterator[Any]:
        """The newest task of a project about an object, if there is one among its last ones."""
        request = models.ListTasksRequest(
            project_name=project,
            task_types=[VIDEO_LABELS],
            request_definition=True,
            sort="StartTime",
            order="desc",
            max_results=_PAGE,
        )
        pages = self._pages(self._imm.list_tasks, request, "ListTasks", project, f"project {project}")
        for page in islice(pages, MOST_TASKS // _PAGE):
            for task in page.tasks or []:
                if _is_about(task, target):
                    yield task
                    return

    def _project_names(self) -> tuple[str, ...]:
        if not self._projects:
            request, subject = (
                models.ListProjectsRequest(max_results=_PAGE),
                "all projects; --project names one",
            )
            pages = self._pages(self._imm.list_projects, request, "ListProjects", "*", subject)
            self._projects = tuple(one.project_name for page in pages for one in page.projects or [])
        if not self._projects:
            raise NoResult("There is no IMM project in this region.")
        return self._projects

    def _pages(
        self, send: Callable[[Any], Any], request: Any, action: str, project: str, subject: str
    ) -> Iterator[Any]:
        """The bodies of the answers, each with the token of the next one."""
        call = self._imm_call(action, project, subject)
        while True:
            page = ask(call, partial(send, request)).body
            yield page
            if not page.next_token:
                return
            request.next_token = page.next_token

    def _archived(self, kept: TargetObject) -> Answer | None:
        content = self._objects.read(kept, LARGEST_ARCHIVE)
        if content is None:
            return None
        if content.body is None:
            raise Problem(f"{kept.uri} is larger than any archive of a result.")
        return _read_archive(kept.uri, content.body)

    def _imm_call(self, action: str, project: str, subject: str) -> Call:
        return Call("IMM", action, subject, self._tasks + project, "", LISTED_IN)


def _read_archive(where: str, content: bytes) -> Answer:
    """The answer that an archive keeps; raises Problem."""
    try:
        return Answer.parse(content)
    except NotAnAnswer as error:
        raise Problem(f"{where} is no archive of a result: {error}.") from None


def read_file(path: Path) -> Answer:
    """The answer in a local file; raises Problem."""
    try:
        return _read_archive(str(path), path.read_bytes())
    except OSError as error:
        raise Problem(f"{path} cannot be read: {error.strerror}.") from None


def archived_object(answer: Answer) -> TargetObject | None:
    """The object that an archived answer names; raises Problem where it cannot be addressed."""
    return object_of(answer.source_uri) if answer.source_uri else None


def object_of(uri: str) -> TargetObject:
    """The object of a URI; raises Problem."""
    try:
        return TargetObject.from_uri(uri)
    except TargetUnknown as error:
        raise Problem(str(error)) from None


def _is_about(task: Any, target: TargetObject) -> bool:
    try:
        named = target_of_task(task.task_request_definition or "", task.user_data or "")
    except TargetUnknown:
        return False
    return named is not None and named.object == target


def _no_object(target: TargetObject) -> Problem:
    return Problem(f"There is no object {target.uri} (any more).")


def _no_result(what: str) -> NoResult:
    return NoResult(
        f"{what} is not there: IMM keeps results for seven days. Check the region and --project, or name an "
        "archive of the result."
    )
