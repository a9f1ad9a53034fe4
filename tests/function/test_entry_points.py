"""What the three entry points have in common: an instance that starts, and the time that its start takes."""

from __future__ import annotations

import json
from types import ModuleType, SimpleNamespace

import pytest

import keep_failed
import submit_video
import tag_object
from imm_label_tags.errors import ServiceUnavailable
from tests.failed.records import RECORD
from tests.stage import CHAIR, Stage

TIMEOUT = 60.0
TOPIC = "imm-label-tags"


@pytest.fixture(params=[tag_object, keep_failed, submit_video], ids=lambda entry: entry.__name__)
def entry(request: pytest.FixtureRequest, stage: Stage, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """An entry point whose instance has not started."""
    module: ModuleType = request.param
    monkeypatch.setattr(module._function, "instance", None)
    stage.set(
        FAILED_EVENTS=f"oss://{stage.bucket}/failed",
        IMM_PROJECT=stage.project,
        NOTIFICATION_TOPIC=TOPIC,
    )
    stage.cloud.call(stage.cloud.messages.create_topic, TOPIC)
    stage.context.function = SimpleNamespace(timeout=TIMEOUT)
    return module


@pytest.fixture
def event(entry: ModuleType, stage: Stage) -> bytes:
    """An event for which the function makes calls."""
    uri = stage.upload()
    events = {
        "tag_object": json.dumps(stage.notification(stage.task(uri, CHAIR))).encode(),
        "submit_video": json.dumps([uri]).encode(),
        "keep_failed": RECORD,
    }
    return events[entry.__name__]


def test_a_start_within_an_invocation_is_a_part_of_its_time(
    entry: ModuleType, event: bytes, stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given an instance whose start takes all of the function's timeout
    monkeypatch.setattr(entry._function, "clock", iter([0.0, TIMEOUT]).__next__)
    stage.forget_calls()

    # When it has to start within an invocation
    with pytest.raises(ServiceUnavailable, match="not started: the function's timeout is too near"):
        entry.handler(event, stage.context)

    # Then no call is begun, and the next invocation has the whole time
    assert stage.calls() == []
    entry.handler(event, stage.context)
    assert stage.calls()


def test_a_start_in_the_initializer_is_not(
    entry: ModuleType, event: bytes, stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(entry._function, "clock", iter([0.0, TIMEOUT]).__next__)
    entry.initialize(stage.context)
    entry.handler(event, stage.context)
