"""What submit_video understands of an event, and which objects it takes for videos."""

from __future__ import annotations

import base64
import json
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imm_label_tags.errors import InvalidNotification
from imm_label_tags.events.imm_message import IgnoredEvent
from imm_label_tags.results.target import ObjectHead, ObjectPatterns, TargetObject
from imm_label_tags.results.task import SubmittedTask
from imm_label_tags.submission.selection import Exclusion, Selection, object_version, task_of
from imm_label_tags.submission.upload_event import Upload, read_upload_event

UPLOADS = Path(__file__).parents[2] / "examples" / "uploads"
TARGET = TargetObject("media", "videos/a.mp4")
WRITTEN = datetime(2026, 1, 1, tzinfo=timezone.utc)


def of_trigger(name: str = "ObjectCreated:PutObject", key: str = "videos/a.mp4") -> dict[str, Any]:
    content = {"bucket": {"name": "media"}, "object": {"key": key, "eTag": "0C"}}
    return {"eventName": name, "eventSource": "acs:oss", "oss": content}


def of_event_bridge(name: str = "ObjectCreated:PutObject", key: str = "videos/a.mp4") -> dict[str, Any]:
    content = {"bucket": {"name": "media"}, "object": {"key": key, "eTag": "0C"}}
    return {"specversion": "1.0", "source": "acs.oss", "type": f"oss:{name}", "data": {"oss": content}}


def read(value: object) -> tuple[object, ...]:
    return read_upload_event(json.dumps(value).encode()).items


@pytest.mark.parametrize("path", sorted(UPLOADS.iterdir()), ids=lambda path: path.name)
def test_every_form_of_an_upload_leads_to_the_same_object(path: Path) -> None:
    (item,) = read_upload_event(path.read_bytes()).items
    assert isinstance(item, Upload)
    assert item.names == (TARGET,)


@pytest.mark.parametrize("event", [of_trigger, of_event_bridge])
def test_an_upload_counts_when_it_ends(event: Any) -> None:
    wrap = (lambda each: {"events": [each]}) if event is of_trigger else (lambda each: each)
    for name in ("PutObject", "PostObject", "CompleteMultipartUpload", "CopyObject"):
        assert read(wrap(event(f"ObjectCreated:{name}"))) == (Upload((TARGET,), "0C"),)
    for name in (
        "ObjectCreated:InitiateMultipartUpload",
        "ObjectCreated:UploadPart",
        "ObjectRemoved:DeleteObject",
    ):
        (item,) = read(wrap(event(name)))
        assert isinstance(item, IgnoredEvent)
        assert name in item.reason


@pytest.mark.parametrize("event", [of_trigger, of_event_bridge])
def test_a_name_is_tried_as_it_is_and_decoded(event: Any) -> None:
    key = "videos/50%25 a+b%E6%A4%85.mp4"
    message = event(key=key)
    (item,) = read({"events": [message]} if event is of_trigger else message)
    assert isinstance(item, Upload)
    assert [name.key for name in item.names] == [key, "videos/50% a+b椅.mp4", "videos/50% a b椅.mp4"]


def test_uris_are_taken_as_they_stand() -> None:
    uris = ["oss://media/a%20b.mp4", "oss://media/c.mp4"]
    items = read(uris)
    assert items == tuple(Upload((TargetObject.from_uri(uri),)) for uri in uris)
    assert read_upload_event(b"oss://media/c.mp4").items == items[1:]


def test_functions_record_of_a_failure_holds_the_upload() -> None:
    record = {"requestContext": {"requestId": "1"}, "requestPayload": json.dumps({"events": [of_trigger()]})}
    assert read(record) == (Upload((TARGET,), "0C"),)


def test_among_several_what_cannot_be_understood_stands_in_its_place() -> None:
    event = read_upload_event(json.dumps({"events": [of_trigger(), {"eventSource": "acs:oss"}]}).encode())
    assert event.batch
    assert [type(item) for item in event.items] == [Upload, InvalidNotification]


@pytest.mark.parametrize(
    "event",
    [b"", b"\xff", b"{}", b"7", b"null", b'["http://media/a.mp4"]', b'"oss://m"', b'"oss://media/../a.mp4"'],
)
def test_what_cannot_be_understood_is_refused(event: bytes) -> None:
    with pytest.raises(InvalidNotification):
        read_upload_event(event)


@pytest.mark.parametrize(
    "message",
    [
        {"specversion": "1.0", "source": "acs.imm", "type": "imm:Task:VideoLabelClassification", "data": {}},
        {"TaskType": "VideoLabelClassification", "TaskId": "a", "ProjectName": "b"},
        {"events": [{"eventSource": "acs:cdn", "eventName": "x"}]},
    ],
)
def test_what_is_about_something_else_is_ignored(message: object) -> None:
    (item,) = read(message)
    assert isinstance(item, IgnoredEvent)


@given(st.text(min_size=1, max_size=40))
def test_an_encoded_name_is_among_those_that_are_tried(text: str) -> None:
    key = f"v/{text}.mp4"
    try:
        target = TargetObject.from_uri(f"oss://media/{key}")
    except Exception:
        return
    for spelling in (key, quote(key), quote(key, safe="")):
        (item,) = read({"events": [of_trigger(key=spelling)]})
        assert isinstance(item, Upload)
        assert target in item.names


def test_deep_nesting_ends_in_a_refusal() -> None:
    event = b"[" * 100_000 + b"]" * 100_000
    with pytest.raises(InvalidNotification):
        read_upload_event(event)
    text = json.dumps({"events": [of_trigger()]})
    for _ in range(40):
        text = base64.b64encode(text.encode()).decode() if len(text) < 20_000 else json.dumps([text])
    with pytest.raises(InvalidNotification):
        read_upload_event(text.encode())


@pytest.mark.parametrize(
    ("key", "exclusion"),
    [
        ("videos/a.mp4", None),
        ("videos/A.MP4", None),
        ("videos/a.mov", None),
        ("videos/", Exclusion.NOT_VIDEO),
        ("videos/folder.mp4/", Exclusion.NOT_VIDEO),
        ("videos/a.jpg", Exclusion.NOT_VIDEO),
        ("videos/mp4", Exclusion.NOT_VIDEO),
        ("other/a.mp4", Exclusion.NOT_ALLOWED),
    ],
)
def test_a_name_tells_whether_an_object_counts(key: str, exclusion: Exclusion | None) -> None:
    excluded = Selection(allowed=ObjectPatterns(("media/videos/",))).by_name(TargetObject("media", key))
    assert (excluded.exclusion if excluded else None) is exclusion


@pytest.mark.parametrize(
    ("size", "storage_class", "restore", "exclusion"),
    [
        (1, "Standard", "", None),
        (1, "IA", "", None),
        (0, "Standard", "", Exclusion.NOT_VIDEO),
        (1, "Archive", "", Exclusion.ARCHIVED),
        (1, "ColdArchive", 'ongoing-request="true"', Exclusion.ARCHIVED),
        (1, "DeepColdArchive", 'ongoing-request="false", expiry-date="Sun, 16 Apr 2027 08:12:33 GMT"', None),
    ],
)
def test_empty_and_archived_objects_do_not_count(
    size: int, storage_class: str, restore: str, exclusion: Exclusion | None
) -> None:
    excluded = Selection().by_head(TARGET, ObjectHead("0C", size, WRITTEN, storage_class, restore))
    assert (excluded.exclusion if excluded else None) is exclusion


def test_a_version_is_an_object_and_its_bytes() -> None:
    version = object_version(TARGET, '"0c"')
    assert version == object_version(TARGET, "0C")
    assert (
        len({version, object_version(TARGET, "0D"), object_version(TargetObject("media", "b.mp4"), "0C")})
        == 3
    )


def task(task_id: str, status: str, seconds: float | None) -> SubmittedTask:
    start = None if seconds is None else WRITTEN + timedelta(seconds=seconds)
    return SubmittedTask(task_id, status, start)


def test_a_task_counts_that_started_after_the_object_was_written() -> None:
    running, failed, earlier = task("b", "Running", 1), task("a", "Failed", 2), task("c", "Succeeded", -1)
    assert task_of([failed, earlier, running], WRITTEN) == running
    assert task_of([failed, earlier], WRITTEN) == failed
    assert task_of([failed, earlier], WRITTEN, failed_counts=False) is None
    assert task_of([earlier], WRITTEN) is None
    assert task_of([task("d", "Running", None)], WRITTEN) is not None
