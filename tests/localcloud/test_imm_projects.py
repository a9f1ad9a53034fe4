"""IMM's projects, through the official SDK."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from alibabacloud_imm20200930 import models
from alibabacloud_tea_openapi.exceptions import ClientException

from tests.localcloud.imm_region import Region, region


@pytest.fixture(scope="module")
def served() -> Iterator[Region]:
    with region() as served:
        yield served


@pytest.fixture
def imm(served: Region) -> Region:
    served.reset()
    served.service.put_project("immtest")
    return served


@pytest.fixture
def empty() -> Iterator[Region]:
    """An IMM that no other test uses."""
    with region() as served:
        yield served


def create(imm: Region, name: str | None, **parameters: Any) -> models.Project:
    request = models.CreateProjectRequest(project_name=name, **parameters)
    return imm.client().create_project(request).body.project


def names(imm: Region, **parameters: Any) -> tuple[list[str], str]:
    body = imm.client().list_projects(models.ListProjectsRequest(**parameters)).body
    return [project.project_name for project in body.projects], body.next_token


def test_a_project_is_created_read_and_deleted(imm: Region) -> None:
    # when a project is created
    created = create(
        imm,
        "videos_1",
        description="家庭视频",
        service_role="MyRole",
        dataset_max_bind_count=3,
        tag=[models.CreateProjectRequestTag(key="team", value="a")],
    )

    # then it is what was asked for, with IMM's defaults for the rest
    assert (created.project_name, created.description, created.service_role) == (
        "videos_1",
        "家庭视频",
        "MyRole",
    )
    assert (created.dataset_max_bind_count, created.project_max_dataset_count) == (3, 1_000_000_000)
    assert (created.engine_concurrency, created.project_queries_per_second) == (100, 100)
    assert [(tag.tag_key, tag.tag_value) for tag in created.tags] == [("team", "a")]
    assert len(created.create_time) == len("2021-12-24T03:00:38.892462383Z")
    assert created.create_time == created.update_time

    # and it is read back
    request = models.GetProjectRequest(project_name="videos_1", with_statistics=True)
    assert imm.client().get_project(request).body.project.to_map() == created.to_map()

    # and gone once it is deleted
    imm.client().delete_project(models.DeleteProjectRequest(project_name="videos_1"))
    with pytest.raises(ClientException) as caught:
        imm.client().get_project(request)
    assert (caught.value.code, caught.value.status_code) == ("ResourceNotFound", 400)
    assert caught.value.data["Message"] == "The specified resource project is not found."


def test_a_deleted_project_takes_its_tasks_with_it(imm: Region) -> None:
    # given a project with a running and a finished task
    done = imm.create_task()
    imm.finished(done)
    imm.service.task_seconds = 3600
    running = imm.create_task()

    # when the project is deleted and created again
    imm.client().delete_project(models.DeleteProjectRequest(project_name="immtest"))
    create(imm, "immtest")

    # then it has no tasks
    for task_id in (done, running):
        with pytest.raises(ClientException, match="resource Task is not found"):
            imm.get_task(task_id)


def test_a_project_that_exists_is_not_created_again(imm: Region) -> None:
    with pytest.raises(ClientException) as caught:
        create(imm, "immtest")

    assert (caught.value.code, caught.value.status_code) == ("ResourceAlreadyExists", 400)
    assert caught.value.data["Message"] == "The specified resource project already exists."


def test_putting_a_project_that_exists_changes_nothing(imm: Region) -> None:
    create(imm, "kept", description="mine")

    imm.service.put_project("kept")

    request = models.GetProjectRequest(project_name="kept")
    assert imm.client().get_project(request).body.project.description == "mine"


@pytest.mark.parametrize("name", ["1st", "-a", "a b", "视频", "a" * 129])
def test_a_name_that_no_project_can_have_is_refused(imm: Region, name: str) -> None:
    with pytest.raises(ClientException) as caught:
        create(imm, name)

    assert (caught.value.code, caught.value.status_code) == ("InvalidProjectName", 400)


@pytest.mark.parametrize(
    ("parameters", "code"),
    [
        ({"name": None}, "MissingProjectName"),
        ({"name": "a", "description": "x" * 257}, "InvalidDescription"),
        ({"name": "a", "dataset_max_bind_count": 11}, "InvalidDatasetMaxBindCount"),
        ({"name": "a", "tag": [models.CreateProjectRequestTag(key="k")]}, "InvalidTag"),
    ],
)
def test_a_parameter_out_of_its_limits_is_refused(imm: Region, parameters: dict[str, Any], code: str) -> None:
    with pytest.raises(ClientException) as caught:
        create(imm, **parameters)

    assert (caught.value.code, caught.value.status_code) == (code, 400)


def test_projects_are_listed_in_pages_by_name(empty: Region) -> None:
    # given five projects
    for name in ("b1", "b3", "b2", "c"):
        create(empty, name, tag=[models.CreateProjectRequestTag(key="team", value=name[0])])

    # when they are listed two at a time
    first, token = names(empty, max_results=2)
    second, next_token = names(empty, max_results=2, next_token=token)
    third, last_token = names(empty, max_results=2, next_token=next_token)

    # then every one is seen once, in order
    assert (first, second, third, last_token) == (["b1", "b2"], ["b3", "c"], ["immtest"], "")


def test_projects_are_chosen_by_prefix_and_tag(empty: Region) -> None:
    create(empty, "b1", tag=[models.CreateProjectRequestTag(key="team", value="x")])
    create(empty, "b2")

    assert names(empty, prefix="b", max_results=0) == (["b1", "b2"], "")
    assert names(empty, tag=[models.ListProjectsRequestTag(key="team", value="x")]) == (["b1"], "")


def test_more_results_than_a_page_holds_are_refused(imm: Region) -> None:
    with pytest.raises(ClientException) as caught:
        names(imm, max_results=201)

    assert caught.value.code == "InvalidMaxResults"
