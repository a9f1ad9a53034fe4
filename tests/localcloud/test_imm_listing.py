"""ListTasks: which tasks, in which order, in which pages; through the official SDK."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from alibabacloud_imm20200930 import models

from localcloud.imm.tasks import TaskRecord
from tests.localcloud.imm_world import VIDEO, VIDEO_LABELS, Imm, imm_started
from tests.localcloud.services import refused

TODAY = datetime.now(timezone.utc).replace(hour=0, minute=0, second=0, microsecond=0)


def at(hours: float) -> str:
    """A moment of yesterday, in IMM's form."""
    return f"{TODAY - timedelta(days=1) + timedelta(hours=hours):%Y-%m-%dT%H:%M:%S}.000000000Z"


def in_beijing(hours: float) -> str:
    moment = TODAY - timedelta(days=1) + timedelta(hours=hours + 8)
    return f"{moment:%Y-%m-%dT%H:%M:%S}+08:00"


@pytest.fixture(scope="module")
def imm() -> Iterator[Imm]:
    """Five tasks: a to d of one project and one of another; d still runs."""
    tasks = [
        TaskRecord("immtest", "a", at(3), at(4), status="Succeeded", tags={"team": "x"}),
        TaskRecord("immtest", "b", at(1), at(6), status="Failed", code="InternalError", tags={"team": "y"}),
        TaskRecord("immtest", "c", at(2), at(3), status="Succeeded", task_type="ImageModeration"),
        TaskRecord("immtest", "d", at(4), request={"SourceURI": VIDEO}, tags={"team": "x", "k": "a=b"}),
        TaskRecord("other", "e", at(5), at(6), status="Succeeded"),
    ]
    with imm_started() as imm:
        imm.service.put_project("other")
        for task in tasks:
            imm.put(task)
        yield imm


def page(imm: Imm, **parameters: Any) -> models.ListTasksResponseBody:
    request = models.ListTasksRequest(**{"project_name": "immtest", **parameters})
    return imm.imm().list_tasks(request).body


def ids(imm: Imm, **parameters: Any) -> str:
    return "".join(task.task_id for task in page(imm, **parameters).tasks)


def between(start: str | None = None, end: str | None = None) -> models.TimeRange:
    return models.TimeRange(start=start, end=end)


def test_a_projects_tasks_are_listed_by_id(imm: Imm) -> None:
    body = page(imm)

    assert [task.task_id for task in body.tasks] == ["a", "b", "c", "d"]
    assert (body.project_name, body.max_results, body.next_token) == ("immtest", "100", "")


def test_a_listed_task_says_what_get_task_says(imm: Imm) -> None:
    listed = page(imm).tasks[1].to_map()

    assert listed == {
        "TaskId": "b",
        "TaskType": VIDEO_LABELS,
        "Status": "Failed",
        "Code": "InternalError",
        "Message": "",
        "StartTime": at(1),
        "EndTime": at(6),
        "UserData": "",
        "Tags": {"team": "y"},
    }


def test_requests_are_given_back_when_asked(imm: Imm) -> None:
    task = page(imm, request_definition=True).tasks[3]

    assert json.loads(task.task_request_definition) == {"SourceURI": VIDEO}
    assert page(imm).tasks[3].task_request_definition is None


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({"task_types": [VIDEO_LABELS]}, "abd"),
        ({"task_types": [VIDEO_LABELS, "ImageModeration"]}, "abcd"),
        ({"task_types": ["FaceClustering"]}, ""),
        ({"status": "Succeeded"}, "ac"),
        ({"status": "Running"}, "d"),
        ({"tag_selector": "team=x"}, "ad"),
        ({"tag_selector": "k=a=b"}, "d"),
        ({"tag_selector": "team=z"}, ""),
        ({"start_time_range": between(at(2), at(3))}, "ac"),
        ({"start_time_range": between(start=at(3.5))}, "d"),
        ({"start_time_range": between(in_beijing(2), in_beijing(3))}, "ac"),
        ({"end_time_range": between(end=at(4))}, "ac"),
        ({"end_time_range": between(at(4.5))}, "b"),
        ({"status": "Succeeded", "tag_selector": "team=x", "task_types": [VIDEO_LABELS]}, "a"),
        ({"project_name": "other"}, "e"),
    ],
)
def test_tasks_are_chosen(imm: Imm, parameters: dict[str, Any], expected: str) -> None:
    assert ids(imm, **parameters) == expected


@pytest.mark.parametrize(
    ("sort", "order", "expected"),
    [
        (None, "asc", "abcd"),
        ("TaskId", "desc", "dcba"),
        ("StartTime", None, "bcad"),
        ("StartTime", "desc", "dacb"),
        ("EndTime", None, "dcab"),
        ("EndTime", "desc", "bacd"),
    ],
)
def test_pages_in_any_order_show_every_task_once(
    imm: Imm, sort: str | None, order: str | None, expected: str
) -> None:
    for size in (1, 3, 100):
        # when the pages are followed to the end
        seen, token = "", None
        while token != "":
            body = page(imm, sort=sort, order=order, max_results=size, next_token=token)
            assert len(body.tasks) <= size
            seen += "".join(task.task_id for task in body.tasks)
            token = body.next_token

        assert seen == expected


@pytest.mark.parametrize(
    ("parameters", "code"),
    [
        ({"project_name": None}, "MissingProjectName"),
        ({"project_name": "unknown"}, "ResourceNotFound"),
        ({"status": "Suspended"}, "InvalidStatus"),
        ({"sort": "UserData"}, "InvalidSort"),
        ({"order": "up"}, "InvalidOrder"),
        ({"max_results": 0}, "InvalidMaxResults"),
        ({"max_results": 101}, "InvalidMaxResults"),
        ({"tag_selector": "team"}, "InvalidTagSelector"),
        ({"tag_selector": "=x"}, "InvalidTagSelector"),
        ({"task_types": [1]}, "InvalidTaskTypes"),
        ({"start_time_range": between("yesterday")}, "InvalidStartTimeRange"),
        ({"start_time_range": between("2026-11-22T00:00:00")}, "InvalidStartTimeRange"),
        ({"end_time_range": between("2026-13-22T00:00:00Z")}, "InvalidEndTimeRange"),
        ({"next_token": "nonsense"}, "InvalidNextToken"),
        ({"next_token": "NQ=="}, "InvalidNextToken"),
        ({"request_definition": "yes"}, "InvalidRequestDefinition"),
    ],
)
def test_a_question_that_cannot_be_answered_is_refused(
    imm: Imm, parameters: dict[str, Any], code: str
) -> None:
    assert refused(page, imm, **parameters) == (400, code)


def test_a_token_serves_only_the_order_that_it_came_from(imm: Imm) -> None:
    token = page(imm, max_results=1).next_token

    refusal = refused(page, imm, max_results=1, next_token=token, sort="StartTime")
    assert refusal == (400, "InvalidNextToken")
