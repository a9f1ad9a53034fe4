"""IMM's state outlives the process when it is kept in a directory."""

from __future__ import annotations

import json
from pathlib import Path

from alibabacloud_imm20200930 import models

from tests.localcloud.imm_region import VIDEO_LABELS, region

LABELS_TOPIC = models.Notification(mns=models.MNS(topic_name="labels"))


def test_projects_tasks_and_results_are_kept(tmp_path: Path) -> None:
    # given a project and a finished task
    with region(tmp_path) as imm:
        imm.client().create_project(models.CreateProjectRequest(project_name="mine", description="kept"))
        task_id = imm.create_task(user_data="kept", tags={"k": "v"})
        imm.finished(task_id)
        task = imm.get_task(task_id, request_definition=True).to_map()
        labels = imm.get_result(task_id).to_map()["Labels"]

    # when IMM runs again
    with region(tmp_path) as imm:
        # then they are what they were
        again = imm.get_task(task_id, request_definition=True).to_map()
        assert {**again, "RequestId": ""} == {**task, "RequestId": ""}
        assert imm.get_result(task_id).to_map()["Labels"] == labels
        request = models.GetProjectRequest(project_name="mine")
        assert imm.client().get_project(request).body.project.description == "kept"


def test_a_running_task_goes_on_and_tells_its_topic(tmp_path: Path) -> None:
    # given a task that runs when the process ends
    with region(tmp_path, task_seconds=3600) as imm:
        running = imm.create_task(notification=LABELS_TOPIC)
        imm.service.fail_next_task("InternalError", "Ordered before the end.")
        failing = imm.create_task()
        assert imm.topics.messages == []

    # when IMM runs again after the hour that they take
    with region(tmp_path, seconds_later=3600) as imm:
        # then the task ends as it was to end
        assert imm.finished(running).status == "Succeeded"
        (envelope,) = imm.notifications(1)
        assert json.loads(envelope["content"])["TaskId"] == running
        assert imm.finished(failing).code == "InternalError"

        # and starting once more does not carry it out once more
        imm.serving.run(imm.service.start())
        other = imm.create_task(notification=LABELS_TOPIC)
        imm.finished(other)
        assert len(imm.notifications(2)) == 2


def test_a_task_with_time_left_still_runs_after_a_restart(tmp_path: Path) -> None:
    with region(tmp_path, task_seconds=3600) as imm:
        task_id = imm.create_task()

    with region(tmp_path) as imm:
        # starting twice, as here, is one start
        imm.serving.run(imm.service.start())
        assert imm.get_task(task_id).status == "Running"
        assert imm.get_task(task_id).task_type == VIDEO_LABELS
