"""The same races with the official SDKs over HTTP: the calls of the exhaustive runs are the real ones."""

from __future__ import annotations

import pytest

from proof.races.figures import courses
from proof.races.race import Course, play
from proof.races.scenario import (
    ONE_TASK,
    ONE_TASK_TWICE,
    TWO_TASKS,
    Handlers,
    Look,
    Other,
    Scenario,
)
from proof.races.schedules import Choose, explore
from tests.races.cloud_storage import CloudStorage
from tests.stage import Stage

# What the cloud sees of each step. The end of a wait is no call.
CALLS = {
    "asks for the result": ["GetVideoLabelClassificationResult"],
    "asks for the object": ["GetTask"],
    "looks for an upload": ["HeadObject"],
    "reads": ["GetObjectTagging"],
    "writes": ["PutObjectTagging"],
    "adds its tag": ["GetObjectTagging", "PutObjectTagging"],
    "replaces all tags": ["PutObjectTagging"],
    "uploads": ["PutObject"],
    "waits": [],
}


@pytest.mark.parametrize(
    ("handlers", "other", "look"),
    [
        *((ONE_TASK, other, Look.OFF) for other in Other),
        (ONE_TASK_TWICE, None, Look.OFF),
        *((TWO_TASKS, other, Look.OFF) for other in (None, Other.ADDING)),
        (TWO_TASKS, None, Look.LATER),
    ],
    ids=str,
)
def test_each_schedule_takes_the_same_course_with_the_real_calls(
    stage: Stage,
    storage: CloudStorage,
    handlers: Handlers,
    other: Other | None,
    look: Look,
) -> None:
    scenario = Scenario(handlers, other, look=look)

    def play_it(choose: Choose) -> Course:
        # Given the object as it was
        storage.begin()

        # When a schedule is run
        course = play(scenario, storage, choose)

        # Then the cloud has seen these calls in this order
        calls = [call for step in course.steps for call in CALLS[step.what]]
        assert [call.action for call in stage.raw_calls()] == [*calls, "GetObjectTagging"]
        return course

    # And everything happened as it does in memory, down to the order of the tags
    real, modelled = list(explore(play_it)), list(courses(scenario))
    assert real == modelled
    assert [list(course.tags.items()) for course in real] == [
        list(course.tags.items()) for course in modelled
    ]
