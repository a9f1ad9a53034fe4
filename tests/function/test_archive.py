"""RESULT_ARCHIVE: IMM's whole answer is kept as an object, before tags are written."""

from __future__ import annotations

import json
from typing import Any

import alibabacloud_oss_v2 as oss
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imm_label_tags.errors import AccessDenied, InvalidSetting, ServiceUnavailable
from imm_label_tags.results.archive import document, place, whole_answer
from imm_label_tags.results.target import MAX_KEY_BYTES, ObjectPrefix, TargetObject
from localcloud.calls import Call
from localcloud.faults import Fault, FaultKind
from tests.function.test_calls import round_trips
from tests.function.test_outcomes import an_hour_ago
from tests.stage import CHAIR, FURNITURE, Stage

RESULT, TASK = "GetVideoLabelClassificationResult", "GetTask"
HEAD, READ, WRITE, KEEP = "HeadObject", "GetObjectTagging", "PutObjectTagging", "PutObject"
CLIPS = [{"TimeRange": [0, 2000], "Bounding": None}]
LATER = "a field that the SDK does not know"


@pytest.fixture
def archiving(stage: Stage) -> Stage:
    """A stage whose function keeps results beside the videos' prefix."""
    stage.set(RESULT_ARCHIVE=f"oss://{stage.bucket}/labels/")
    return stage


def content(stage: Stage, uri: str) -> bytes:
    """The document of a URI, as OSS has it."""
    key = uri.removeprefix(f"oss://{stage.bucket}/")
    body: bytes = stage.oss().get_object(oss.GetObjectRequest(bucket=stage.bucket, key=key)).body.read()
    return body


def documents(stage: Stage) -> list[str]:
    """The keys of all that is kept."""
    listed = stage.oss().list_objects_v2(oss.ListObjectsV2Request(bucket=stage.bucket, prefix="labels/"))
    return [each.key for each in listed.contents or []]


def kept_of(stage: Stage, outcome: dict[str, Any]) -> dict[str, Any]:
    """The document that an outcome names."""
    kept: dict[str, Any] = json.loads(content(stage, outcome["archived"]))
    return kept


def test_the_whole_answer_is_kept_in_imms_names(archiving: Stage) -> None:
    # Given a task whose labels have clips, and fields that no SDK knows yet
    uri = archiving.upload()
    task_id = archiving.task(uri, {**CHAIR, "Clips": CLIPS, "Later": LATER}, FURNITURE, user_data="mine")

    # When its notification arrives
    outcome = archiving.handle(task_id)

    # Then the outcome names the document, which has everything that IMM said, and the object
    assert outcome["status"] == "tagged"
    assert (
        outcome["archived"]
        == f"oss://{archiving.bucket}/labels/{archiving.bucket}/videos/a.mp4/{task_id}.json"
    )
    kept = kept_of(archiving, outcome)
    assert kept["SourceURI"] == uri
    assert kept["Labels"] == [{**CHAIR, "Clips": CLIPS, "Later": LATER}, FURNITURE]
    assert (kept["TaskId"], kept["Status"], kept["UserData"]) == (task_id, "Succeeded", "mine")
    assert kept["StartTime"] == "2199-12-24T03:00:38.892462383Z"
    assert "RequestId" not in kept


def test_without_the_setting_nothing_is_kept(stage: Stage) -> None:
    outcome = stage.handle(stage.task(stage.upload(), CHAIR))
    assert (outcome["status"], outcome["archived"]) == ("tagged", None)
    assert documents(stage) == []


def test_the_same_task_has_the_same_bytes(archiving: Stage) -> None:
    task_id = archiving.task(archiving.upload(), CHAIR)
    first = archiving.handle(task_id)
    before = content(archiving, first["archived"])
    archiving.new_instance()
    second = archiving.handle(task_id)
    assert second == {**first, "status": "unchanged"}
    assert content(archiving, second["archived"]) == before


def test_what_stands_in_the_place_is_put_right(archiving: Stage) -> None:
    task_id = archiving.task(archiving.upload(), CHAIR)
    outcome = archiving.handle(task_id)
    key = outcome["archived"].removeprefix(f"oss://{archiving.bucket}/")
    archiving.oss().put_object(oss.PutObjectRequest(bucket=archiving.bucket, key=key, body=b"half of"))
    assert kept_of(archiving, archiving.handle(task_id))["TaskId"] == task_id


# How an object ends makes no difference: the document is of the task.


@pytest.mark.parametrize("end", ["stale", "object_gone", "superseded", "tag_limit"])
def test_a_result_is_kept_however_it_ends_for_the_object(archiving: Stage, end: str) -> None:
    tags = {f"key-{number}": "" for number in range(10)} if end == "tag_limit" else None
    uri = archiving.uri("videos/gone.mp4") if end == "object_gone" else archiving.upload(tags=tags)
    if end == "superseded":
        archiving.handle(archiving.task(uri, CHAIR, start="2200-01-01T00:00:00Z"))
    start = an_hour_ago() if end == "stale" else "2199-12-24T03:00:38Z"
    outcome = archiving.handle(archiving.task(uri, CHAIR, start=start))
    assert outcome["status"] == end
    assert kept_of(archiving, outcome)["SourceURI"] == uri


def test_a_failed_task_has_no_result_to_keep(archiving: Stage) -> None:
    outcome = archiving.handle(archiving.task(archiving.upload(), status="Failed", code="X"))
    assert (outcome["status"], outcome["archived"]) == ("task_failed", None)
    assert documents(archiving) == []


def test_of_an_object_that_is_not_allowed_nothing_is_kept(archiving: Stage) -> None:
    archiving.set(ALLOWED_OBJECTS="elsewhere/")
    outcome = archiving.handle(archiving.task(archiving.upload(), CHAIR))
    assert (outcome["status"], outcome["archived"]) == ("not_allowed", None)
    assert documents(archiving) == []


# What it costs


def test_it_adds_no_round_trip(archiving: Stage) -> None:
    # Given calls that may be made at the same time, and wait for each other
    uri = archiving.upload()
    archiving.break_call(Fault(FaultKind.MEET, action=f"{RESULT}|{TASK}", times=None))
    archiving.break_call(Fault(FaultKind.MEET, action=f"{HEAD}|{READ}|{KEEP}", parties=3, times=None))
    task_id = archiving.task(uri, CHAIR)

    # When the notification arrives twice, then three calls wait for each other, and two where nothing changes
    reading = [RESULT, TASK, HEAD, READ, KEEP]
    for status, calls, trips in (("tagged", [*reading, WRITE], 3), ("unchanged", reading, 2)):
        archiving.forget_calls()
        assert archiving.handle(task_id)["status"] == status
        assert archiving.calls() == sorted(calls)
        assert round_trips(archiving.raw_calls()) == trips


def started(stage: Stage, action: str) -> list[Call]:
    return [call for call in stage.raw_calls() if call.action == action]


def test_tags_are_written_when_the_result_is_kept(archiving: Stage) -> None:
    # Given a service that takes its time for the document
    task_id = archiving.task(archiving.upload(), CHAIR)
    archiving.break_call(Fault(FaultKind.DELAY, action=KEEP, delay_seconds=0.2))
    archiving.forget_calls()
    assert archiving.handle(task_id)["status"] == "tagged"
    (kept,), (written,) = started(archiving, KEEP), started(archiving, WRITE)
    assert kept.ended <= written.started


def test_a_reading_that_grew_old_by_waiting_is_made_anew_and_is_no_repetition(archiving: Stage) -> None:
    archiving.retry_policy = archiving.retry_policy._replace(max_snapshot_age=0.1, retries=0)
    task_id = archiving.task(archiving.upload(), CHAIR)
    archiving.break_call(Fault(FaultKind.DELAY, action=KEEP, delay_seconds=0.4))
    archiving.forget_calls()
    assert archiving.handle(task_id)["status"] == "tagged"
    assert archiving.calls() == sorted([RESULT, TASK, HEAD, READ, KEEP, HEAD, READ, WRITE])
    assert archiving.pauses == []


# When it goes wrong


def test_nothing_is_tagged_without_the_document(archiving: Stage) -> None:
    uri = archiving.upload(tags={"team": "a"})
    archiving.break_call(Fault(FaultKind.ERROR, action=KEEP, status=403, code="AccessDenied"))
    task_id = archiving.task(uri, CHAIR)
    with pytest.raises(AccessDenied) as caught:
        archiving.handle(task_id)
    assert caught.value.action == "oss:PutObject"
    assert caught.value.resource.endswith(
        f"{archiving.bucket}/labels/{archiving.bucket}/videos/a.mp4/{task_id}.json"
    )
    assert archiving.tags() == {"team": "a"}


def test_where_nothing_changes_a_failed_document_is_an_error_too(archiving: Stage) -> None:
    task_id = archiving.task(archiving.upload(), CHAIR)
    archiving.handle(task_id)
    archiving.break_call(Fault(FaultKind.ERROR, action=KEEP, status=503, code="ServiceUnavailable", times=3))
    with pytest.raises(ServiceUnavailable, match="PutObject"):
        archiving.handle(task_id)
    assert archiving.handle(task_id)["status"] == "unchanged"


def test_an_object_that_is_gone_is_not_a_document_that_is(archiving: Stage) -> None:
    task_id = archiving.task(archiving.upload(), CHAIR)
    archiving.set(RESULT_ARCHIVE="oss://no-such-bucket-here/labels")
    with pytest.raises(Exception, match="NoSuchBucket"):
        archiving.handle(task_id)


@pytest.mark.parametrize("value", ["labels", "oss://labels", "oss://labels/", "s3://a/b", "oss://labels/a b"])
def test_what_is_no_place_is_refused(stage: Stage, value: str) -> None:
    stage.set(RESULT_ARCHIVE=value)
    with pytest.raises(InvalidSetting, match=r"RESULT_ARCHIVE.*must be oss://bucket/prefix"):
        stage.handle(stage.task(stage.upload(), CHAIR))


# The bytes and the key

SOURCE = TargetObject("media", "videos/a.mp4")
ARCHIVE = ObjectPrefix("archive", "labels")
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@given(st.dictionaries(st.text(), JSON, max_size=4), st.randoms())
def test_the_order_of_names_and_the_call_make_no_difference(answer: dict[str, Any], random: Any) -> None:
    names = list(answer)
    random.shuffle(names)
    other = {"RequestId": "another", **{name: answer[name] for name in names}}
    fields = {
        name: value for name, value in answer.items() if name not in ("RequestId", "HostId", "SourceURI")
    }
    first, second = (
        document(whole_answer(json.dumps(each).encode()), SOURCE)
        for each in (answer, {**other, "RequestId": "x"})
    )
    assert first == second
    assert json.loads(first) == {"SourceURI": "oss://media/videos/a.mp4", **fields}


@pytest.mark.parametrize(
    ("body", "kept"),
    [
        (b'{"a": 1e999, "b": NaN, "c": -Infinity}', '{"a":"1e999","b":"NaN","c":"-Infinity"}'),
        (b'{"a": "\\ud83d"}', '{"a":"\\ud83d"}'),
        ('{"a": "椅子"}'.encode(), '{"a":"椅子"}'),
        (b"{}", "{}"),
    ],
)
def test_what_json_or_utf8_cannot_hold(body: bytes, kept: str) -> None:
    assert whole_answer(body).decode() == kept


@pytest.mark.parametrize("body", [b"", b"[]", b"null", b'"a"', b"{"])
def test_a_body_that_is_no_answer(body: bytes) -> None:
    with pytest.raises(ValueError):
        whole_answer(body)


@pytest.mark.parametrize(
    ("key", "task_id", "kept"),
    [
        ("videos/a.mp4", "VideoLabelClassification-1", "videos/a.mp4/VideoLabelClassification-1.json"),
        ("视频/a b.mp4", "T", "视频/a b.mp4/T.json"),
        ("a//b", "T", "a//b/T.json"),
        ("x" * 998, "T", f"{'x' * 998}/T.json"),
        ("x" * 1023, "T", "sha256-97c9d367e67d0cff2f99f4c97ddff45250552d880b0d2c57caf78b1483da8c56/T.json"),
        ("a", "../b", "a/sha256-95cd90691029e024c503c2e3ab5ff7a0942db2acc0d158eefb2ffdc75fd45604.json"),
    ],
)
def test_the_key_of_a_document(key: str, task_id: str, kept: str) -> None:
    where = place(ARCHIVE, TargetObject("media", key), task_id)
    assert where.bucket == "archive"
    assert where.key == f"labels/media/{kept}"


@given(
    st.text(st.characters(min_codepoint=32, exclude_categories=["Cs"]), min_size=1, max_size=400),
    st.text(min_size=1),
)
def test_every_document_can_be_addressed(key: str, task_id: str) -> None:
    segments = key.split("/")
    if "." in segments or ".." in segments or len(key.encode()) > MAX_KEY_BYTES:
        return
    for prefix in ("labels", "x" * 512):
        where = place(ObjectPrefix("archive", prefix), TargetObject("media", key), task_id)
        assert TargetObject.from_uri(where.uri) == where
        assert where.key.startswith(f"{prefix}/media/")
