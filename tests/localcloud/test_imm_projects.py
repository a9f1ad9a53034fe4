"""IMM's projects, through the official SDK."""

from __future__ import annotations

from typing import Any

import pytest
from alibabacloud_imm20200930 import models

from tests.localcloud.imm_world import Imm
from tests.localcloud.services import refused
from tests.waiting import until


def create(imm: Imm, name: str | None, team: str | None = None, **parameters: Any) -> models.Project:
    tags = [models.CreateProjectRequestTag(key="team", value=team)] if team else None
    request = models.CreateProjectRequest(project_name=name, tag=tags, **parameters)
    return imm.imm().create_project(request).body.project


def names(imm: Imm, **parameters: Any) -> tuple[list[str], str]:
    body = imm.imm().list_projects(models.ListProjectsRequest(**parameters)).body
    return [project.project_name for project in body.projects], body.next_token


def test_a_project_is_created_read_and_deleted(imm: Imm) -> None:
    # when a project is created
    given = {"description": "家庭视频", "service_role": "MyRole", "dataset_max_bind_count": 3}
    created = create(imm, "videos_1", "a", **given)

    # then it is what was asked for, with IMM's defaults for the rest
    assert created.project_name == "videos_1"
    assert {name: getattr(created, name) for name in given} == given
    assert created.project_max_dataset_count == 1_000_000_000
    assert (created.engine_concurrency, created.project_queries_per_second) == (100, 100)
    assert [(tag.tag_key, tag.tag_value) for tag in created.tags] == [("team", "a")]
    assert len(created.create_time) == len("2021-12-24T03:00:38.892462383Z")
    assert created.create_time == created.update_time

    # and it is read back, also once it is put, which changes nothing of it
    imm.service.put_project("videos_1")
    request = models.GetProjectRequest(project_name="videos_1", with_statistics=True)
    assert imm.imm().get_project(request).body.project.to_map() == created.to_map()

    # and gone once it is deleted
    imm.imm().delete_project(models.DeleteProjectRequest(project_name="videos_1"))
    error = imm.error("imm", "GetProject", ProjectName="videos_1")
    assert (error.status_code, error.code) == (400, "ResourceNotFound")
    assert error.data["Message"] == "The specified resource project is not found."


def test_a_deleted_project_takes_its_tasks_with_it(imm: Imm) -> None:
    # given a project with a running and a finished task
    done = imm.create_task()
    imm.finished(done)
    imm.service.task_seconds = 3600
    running = imm.create_task()

    # when the project is deleted and created again
    imm.imm().delete_project(models.DeleteProjectRequest(project_name="immtest"))
    create(imm, "immtest")

    # then it has no tasks, and none is carried out
    until(lambda: running not in imm.in_progress())
    for task_id in (done, running):
        assert refused(imm.get_task, task_id) == (400, "ResourceNotFound")


@pytest.mark.parametrize(
    ("code", "names", "parameters"),
    [
        ("ResourceAlreadyExists", ["immtest"], {}),
        ("MissingProjectName", [None], {}),
        ("InvalidProjectName", ["1st", "-a", "a b", "视频", "a" * 129], {}),
        ("InvalidDescription", ["a"], {"description": "x" * 257}),
        ("InvalidDatasetMaxBindCount", ["a"], {"dataset_max_bind_count": 11}),
    ],
)
def test_a_project_that_cannot_be_is_refused(
    imm: Imm, code: str, names: list[str | None], parameters: dict[str, Any]
) -> None:
    for name in names:
        assert refused(create, imm, name, **parameters) == (400, code)


def test_tags_have_keys_and_values(imm: Imm) -> None:
    tags = [models.CreateProjectRequestTag(key="k")]
    request = models.CreateProjectRequest(project_name="a", tag=tags)

    assert refused(imm.imm().create_project, request) == (400, "InvalidTag")


def test_projects_are_listed_in_pages_by_name_prefix_and_tag(imm: Imm) -> None:
    # given five projects
    for name in ("b1", "b3", "b2", "c"):
        create(imm, name, team=name[0])

    # when they are listed two at a time, then every one is seen once, in order
    first, token = names(imm, max_results=2)
    second, next_token = names(imm, max_results=2, next_token=token)
    third, last_token = names(imm, max_results=2, next_token=next_token)
    assert (first, second, third, last_token) == (["b1", "b2"], ["b3", "c"], ["immtest"], "")

    # and some are chosen
    assert names(imm, prefix="b", max_results=0) == (["b1", "b2", "b3"], "")
    assert names(imm, tag=[models.ListProjectsRequestTag(key="team", value="c")]) == (["c"], "")
    assert refused(names, imm, max_results=201) == (400, "InvalidMaxResults")
