"""The original event is found in whatever form a failure was kept."""

from __future__ import annotations

import json

from proof.load.bucket import Owner
from proof.load.kept import FailedTopics, kept_events, read_record
from proof.load.region import Region

EVENT = json.dumps({"Message": json.dumps({"content": json.dumps({"TaskId": "task-1"})}), "名": "x"})


def record(payload: str, response: str = '{"errorType": "Throttled"}') -> bytes:
    return json.dumps(
        {
            "timestamp": 1,
            "requestContext": {"requestId": "1-a", "condition": "UnhandledInvocationError"},
            "requestPayload": payload,
            "responseContext": {},
            "responsePayload": response,
        }
    ).encode()


def test_a_record_of_function_compute_holds_the_event() -> None:
    kept = read_record(record(EVENT), "topic")
    assert (kept.place, kept.request_id, kept.task_id, kept.error) == ("topic", "1-a", "task-1", "Throttled")
    assert kept.event == EVENT.encode()


def test_the_record_of_a_keeper_that_failed_itself_holds_it_too() -> None:
    kept = read_record(record(record(EVENT).decode(), '{"errorType": "AccessDenied"}'), "topic")
    assert (kept.event, kept.error) == (EVENT.encode(), "Throttled")


def test_where_no_class_is_told_the_condition_is_the_error() -> None:
    for response in ("", "Process exited", '{"errorMessage": "Process exited"}', "[]"):
        assert read_record(record(EVENT, response), "bucket").error == "UnhandledInvocationError"


def test_events_are_found_in_the_bucket_and_at_the_topics_each_once() -> None:
    with Region(instances=1) as region, Owner(region.cloud) as owner:
        topics = FailedTopics(region)
        (topic,) = region.failed_topics
        for _ in range(2):
            region.cloud.run(region.cloud.messages.publish(topic, record(EVENT)))
        region.cloud.run(region.cloud.messages.settled())
        assert [(kept.place, kept.request_id) for kept in kept_events(owner, topics)] == [("topic", "1-a")]
        region.cloud.call(
            region.cloud.objects.put_object, "kept", "failed/2026-01-02/1-a.json", record(EVENT), {}
        )
        assert [(kept.place, kept.request_id) for kept in kept_events(owner, topics)] == [("bucket", "1-a")]


def test_an_event_about_no_task_has_none() -> None:
    assert read_record(record("hello"), "bucket").task_id == ""
    assert read_record(record('{"Message": 1}'), "bucket").task_id == ""
